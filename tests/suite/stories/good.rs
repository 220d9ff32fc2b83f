//! Good ends: watched by the verify step, by post, not watched at all, and nothing to do.

use super::scene::*;
use crate::world::World;
use crate::world::app::Behaviour;

stories![
    verified_by_its_own_step,
    watched_by_post,
    already_live,
    a_dry_run_changes_nothing,
    a_dry_run_of_verify_alone_changes_nothing,
    a_dry_run_begins_no_history_in_a_file,
    without_gates_nobody_knows,
    a_health_url_is_a_gate,
    an_input_stands_for_a_variable_that_the_configuration_names,
    in_korean,
];

async fn verified_by_its_own_step() {
    let world = plain_world().await;
    let mut job = job(&world);
    let guard = guard(&mut job, &[]).await;
    guard.assert_code(0);
    assert_eq!(guard.output("deploy_needed"), "true");
    assert_eq!(guard.output("status"), "in_progress");
    let id = guard.output("deployment_id").to_owned();
    assert_held(&world, &id).await;
    deploy(&mut job, Behaviour::healthy("v2")).await;
    let verify = verify(&mut job, &[]).await;
    verify.assert_code(0);
    assert_eq!(
        (verify.output("status"), verify.output("verdict")),
        ("success", "healthy")
    );
    assert_eq!(verify.output("deployment_id"), id);
    assert_eq!(job.finish().await, "success");
    for step in ["verify", "guard"] {
        job.post(step).assert_code(0);
        assert_eq!(
            job.post(step).summary,
            None,
            "a post with nothing to do says nothing"
        );
    }
    says(&record(&world).await, "success", "healthy", "healthy");
    assert_free(&world).await;
    assert!(head(&world).await["live"].to_string().contains(&id));
    assert_eq!(
        items(&world, "dg#totals#prod#todo").await[0]["s_success"],
        1
    );
    assert_told(&world, &["started", "succeeded"]);
    job.assert_no_leak();
}

async fn watched_by_post() {
    let world = plain_world().await;
    let mut job = job(&world);
    let guard = guard(&mut job, &[]).await;
    deploy(&mut job, Behaviour::healthy("v2")).await;
    assert_eq!(job.finish().await, "success");
    let post = job.post("guard");
    post.assert_code(0);
    logged(
        post,
        "if the job is cancelled now, the verdict and its outputs are lost",
    );
    summed(post, "Deployed to prod, and healthy");
    assert!(post.outputs.is_empty());
    says(
        &record_of(&world, guard.output("deployment_id")).await,
        "success",
        "healthy",
        "healthy",
    );
    assert_free(&world).await;
    assert_told(&world, &["started", "succeeded"]);
    job.assert_no_leak();
}

async fn already_live() {
    let world = plain_world().await;
    good(&world).await;
    let mut job = job(&world);
    let guard = guard(&mut job, &[]).await;
    refused(&guard, 0, "already_live");
    assert_eq!(guard.output("decision"), "continue");
    let verify = verify(&mut job, &[]).await;
    verify.assert_code(0);
    assert_eq!(
        verify.output("reason_code"),
        "already_live",
        "{}",
        verify.story()
    );
    assert_eq!(job.finish().await, "success");
    job.post("guard").assert_code(0);
    assert_eq!(
        records(&world).await.len(),
        1,
        "what is live already is no second deployment"
    );
    assert_told(&world, &["started", "succeeded"]);
}

async fn a_dry_run_of_verify_alone_changes_nothing() {
    let world = plain_world().await;
    let mut job = job(&world);
    deploy(&mut job, Behaviour::healthy("v2")).await;
    let verify = verify(&mut job, &[("dry_run", "true")]).await;
    refused(&verify, 0, "dry_run");
    assert_eq!(job.finish().await, "success");
    assert!(world.items().await.is_empty());
}

async fn a_dry_run_begins_no_history_in_a_file() {
    let world = World::new().await;
    let text = Config::new(&world)
        .top("history: { store: sqlite }")
        .text()
        .replace("production: true", "production: false");
    let file = ".github/deploy-guard.yml";
    world.github.with(|hub| hub.put_file(file, &text));
    let mut job = job(&world);
    let guard = guard(&mut job, &[("dry_run", "true")]).await;
    refused(&guard, 0, "dry_run");
    job.finish().await;
    assert!(!job.workspace().join(".deploy-guard").exists());
}

async fn a_dry_run_changes_nothing() {
    let world = plain_world().await;
    let before = world.items().await;
    let mut job = job(&world);
    let guard = guard(&mut job, &[("dry_run", "yes")]).await;
    refused(&guard, 0, "dry_run");
    let verify = verify(&mut job, &[]).await;
    verify.assert_code(0);
    assert_eq!(
        verify.output("reason_code"),
        "dry_run",
        "{}",
        verify.story()
    );
    assert_eq!(job.finish().await, "success");
    assert_eq!(world.items().await, before);
    assert_told(&world, &[]);
    let writes = world
        .calls()
        .only(|c| c.service == "DynamoDB" && c.operation != "Query");
    assert!(
        writes.0.is_empty(),
        "a dry run only reads: {:?}",
        writes.names()
    );
}

async fn without_gates_nobody_knows() {
    let world = World::new().await;
    Config::new(&world).without_gates().put(&world);
    let mut job = job(&world);
    guard(&mut job, &[]).await.assert_code(0);
    deploy(&mut job, Behaviour::healthy("v2")).await;
    let verify = verify(&mut job, &[]).await;
    verify.assert_code(0);
    assert_eq!(
        (verify.output("status"), verify.output("verdict")),
        ("success", "skipped")
    );
    assert!(
        verify.annotations.iter().any(|a| a.level == "warning"),
        "{}",
        verify.story()
    );
    job.finish().await;
    says(&record(&world).await, "success", "skipped", "no_gates");
    let good = head(&world).await["good"].clone();
    assert!(
        good.as_array().is_none_or(Vec::is_empty),
        "not watched, so no rollback target: {good}"
    );
    assert_free(&world).await;
}

async fn a_health_url_is_a_gate() {
    let world = World::new().await;
    Config::new(&world).http(&[]).put(&world);
    let mut job = job(&world);
    let url = world.app.health_url();
    let with = [("health_url", url.as_str())];
    guard(&mut job, &with).await.assert_code(0);
    deploy(&mut job, Behaviour::healthy("v2")).await;
    let verify = verify(&mut job, &with).await;
    verify.assert_code(0);
    assert_eq!(verify.output("verdict"), "healthy");
    assert_eq!(job.finish().await, "success");
    says(&record(&world).await, "success", "healthy", "healthy");
}

async fn an_input_stands_for_a_variable_that_the_configuration_names() {
    let world = World::new().await;
    let alerts = r#"alerts: { slack: { webhook_url: "${env.SLACK_WEBHOOK_URL}" } }"#;
    Config::new(&world).env(alerts).put(&world);
    let mut job = job(&world);
    guard(&mut job, &[]).await.assert_code(0);
    deploy(&mut job, Behaviour::healthy("v2")).await;
    verify(&mut job, &[]).await.assert_code(0);
    assert_eq!(job.finish().await, "success");
    assert_told(&world, &["started", "succeeded"]);
    // Without the input nobody could be told.
    let refused = guard(
        &mut crate::stories::scene::job(&world),
        &[("slack_webhook_url", "")],
    )
    .await;
    refused.assert_code(2);
    assert!(refused.story().contains("SLACK_WEBHOOK_URL"));
}

async fn in_korean() {
    let world = World::new().await;
    Config::new(&world).top("locale: ko").put(&world);
    let mut job = job(&world);
    let guard = guard(&mut job, &[]).await;
    guard.assert_code(0);
    deploy(&mut job, Behaviour::broken("v2")).await;
    let verify = verify(&mut job, &[]).await;
    verify.assert_code(4);
    assert_eq!(job.finish().await, "failure");
    for step in [&guard, &verify] {
        let summary = step.summary.clone().unwrap_or_default();
        assert!(summary.contains("배포"), "{}", step.story());
        for english in ["Next steps", "Deployment", "Verdict", "healthy"] {
            assert!(!summary.contains(english), "`{english}` in\n{summary}");
        }
    }
    assert_told(&world, &["배포 시작", "헬스체크 실패"]);
    let fields = world.slack.messages()[1].payload["attachments"][0]["fields"].to_string();
    for field in ["배포 ID", "환경", "커밋", "배포자"] {
        assert!(fields.contains(field), "{fields}");
    }
}
