//! Hotfix and force, line by line: what each skips or overrides, what none does, and that it is on record.

use super::scene::*;
use crate::world::World;
use crate::world::app::Behaviour;
use crate::world::runner_result::StepResult;

stories![
    a_hotfix_skips_and_says_so,
    a_hotfix_does_not_skip_these,
    a_hotfix_is_watched_for_half_the_time,
    force_overrides_and_says_so,
    what_is_live_already_by_force,
    a_target_that_cannot_be_is_not_forced,
    a_rollback_asks_only_for_what_it_must,
];

const CI: &str = "required_checks: [ci]";
const BRANCH: &str = "branches: [release]";
const HOTFIX: (&str, &str) = ("deployment_type", "hotfix");
const FORCE: (&str, &str) = ("force_deploy", "true");

fn frozen() -> String {
    "freeze: [{ from: 2020-01-01T00:00, to: 2099-01-01T00:00, time_zone: UTC, reason: holidays }]"
        .to_owned()
}

async fn with(lines: &[&str]) -> World {
    let world = World::new().await;
    let frozen = frozen();
    let config = Config::new(&world).env(&frozen);
    lines.iter().fold(config, |c, l| c.env(l)).put(&world);
    world
}

async fn guard_of(world: &World, with: &[(&str, &str)]) -> StepResult {
    let mut job = job(world);
    let guard = guard(&mut job, with).await;
    job.finish().await;
    guard
}

/// What Slack's fields of the only message with this title say, by their titles.
fn field(world: &World, title: &str, name: &str) -> String {
    let all = world.slack.messages();
    let found = all
        .iter()
        .find(|m| m.payload["text"].to_string().contains(title));
    let message = found.unwrap_or_else(|| panic!("no `{title}` in {:?}", world.slack.texts()));
    let fields = message.payload["attachments"][0]["fields"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let field = fields.iter().find(|f| f["title"] == name);
    field.map_or_else(String::new, |f| {
        f["value"].as_str().unwrap_or_default().to_owned()
    })
}

async fn a_hotfix_skips_and_says_so() {
    let world = with(&[BRANCH]).await;
    let mut job = job(&world);
    let guard = guard(&mut job, &[HOTFIX, ("reason", "payments are down")]).await;
    guard.assert_code(0);
    assert!(guard.output("deployment_id").starts_with("hotfix-"));
    summed(&guard, "Skipped checks: Freeze window, Branch");
    summed(&guard, "payments are down");
    assert_eq!(
        field(&world, "Hotfix started", "Skipped checks"),
        "Freeze window, Branch"
    );
    assert_eq!(
        field(&world, "Hotfix started", "Reason given"),
        "payments are down"
    );
    assert_eq!(field(&world, "Hotfix started", "Deployer"), "dev");
    deploy(&mut job, Behaviour::healthy("fix")).await;
    assert_eq!(job.finish().await, "success");
    let record = record(&world).await;
    assert_eq!(
        (&record["deploymentType"], &record["deployedBy"]),
        (&"hotfix".into(), &"dev".into())
    );
    assert_eq!(
        field(&world, "Hotfix succeeded", "Skipped checks"),
        "Freeze window, Branch"
    );
    assert_eq!(items(&world, "dg#totals#prod#todo").await[0]["t_hotfix"], 1);
}

async fn a_hotfix_does_not_skip_these() {
    let world = with(&[CI, "approval: required"]).await;
    let guard = guard_of(&world, &[HOTFIX]).await;
    refused(&guard, 3, "approval_missing");
    summed(&guard, "Required checks | ⛔");
    summed(&guard, "Freeze window | ➖");
}

async fn a_hotfix_is_watched_for_half_the_time() {
    let world = World::new().await;
    let config = Config::new(&world)
        .gates("window: 12s")
        .gates("early_pass: false");
    config.put(&world);
    let mut times = Vec::new();
    for kind in ["deploy", "hotfix"] {
        world.github.with(|hub| hub.commit(kind));
        let mut job = job(&world);
        guard(&mut job, &[("deployment_type", kind)])
            .await
            .assert_code(0);
        deploy(&mut job, Behaviour::healthy(kind)).await;
        let began = std::time::Instant::now();
        verify(&mut job, &[]).await.assert_code(0);
        times.push(began.elapsed().as_secs_f64());
        job.finish().await;
    }
    assert!(
        times[0] >= 12.0 && (6.0..11.0).contains(&times[1]),
        "{times:?}"
    );
}

async fn force_overrides_and_says_so() {
    let world = with(&[CI, BRANCH]).await;
    let guard = guard_of(&world, &[FORCE, ("reason", "payments are down")]).await;
    guard.assert_code(0);
    assert_eq!(guard.output("deploy_needed"), "true");
    for said in [
        "forced: checks were overridden: Freeze window, Required checks, Branch",
        "payments are down",
        "holidays",
    ] {
        summed(&guard, said);
    }
    let overridden = field(&world, "Forced deployment", "Overridden checks");
    assert_eq!(overridden, "Freeze window, Required checks, Branch");
    assert_eq!(field(&world, "Forced deployment", "Deployer"), "dev");
    assert_eq!(
        field(&world, "Forced deployment", "Reason given"),
        "payments are down"
    );
    let result: serde_json::Value = serde_json::from_str(guard.output("result")).unwrap();
    assert_eq!(
        (&result["force_deploy"], &result["actor"]),
        (&true.into(), &"dev".into())
    );
    let journal = items(&world, guard.output("deployment_id")).await;
    let kept = serde_json::to_string(&journal).unwrap();
    assert!(kept.contains("payments are down"), "{kept}");
    assert!(kept.matches("overridden").count() >= 3, "{kept}");
}

async fn what_is_live_already_by_force() {
    let world = plain_world().await;
    good(&world).await;
    refused(&guard_of(&world, &[]).await, 0, "already_live");
    let mut job = job(&world);
    let forced = guard(&mut job, &[FORCE]).await;
    forced.assert_code(0);
    assert_eq!(forced.output("deploy_needed"), "true", "{}", forced.story());
    let sha = job.sha.clone();
    deploy(&mut job, Behaviour::healthy(&sha)).await;
    assert_eq!(job.finish().await, "success");
    assert_eq!(records(&world).await.len(), 2);
}

async fn a_target_that_cannot_be_is_not_forced() {
    let world = plain_world().await;
    good(&world).await;
    let back = [
        ("deployment_type", "rollback"),
        ("rollback_target", "abcdef0123"),
        FORCE,
    ];
    refused(&guard_of(&world, &back).await, 3, "target_not_found");
}

/// Frozen, with red checks, from another branch, and GitHub's commits cannot be read: a rollback goes on.
async fn a_rollback_asks_only_for_what_it_must() {
    let world = plain_world().await;
    good(&world).await;
    let wanted = world.github.with(|hub| hub.head());
    world.github.with(|hub| hub.commit("two"));
    good(&world).await;
    let frozen = frozen();
    [CI, BRANCH]
        .iter()
        .fold(Config::new(&world).env(&frozen), |c, l| c.env(l))
        .put(&world);
    let mut job = job(&world);
    let guard = guard(&mut job, &[("deployment_type", "rollback")]).await;
    guard.assert_code(0);
    assert_eq!(guard.output("ref"), wanted);
    summed(&guard, "Freeze window | ➖");
    deploy(&mut job, Behaviour::healthy(&wanted)).await;
    // Closed by post: no step verifies.
    assert_eq!(job.finish().await, "success");
    says(
        &record_of(&world, guard.output("deployment_id")).await,
        "success",
        "healthy",
        "healthy",
    );
    assert_free(&world).await;
}
