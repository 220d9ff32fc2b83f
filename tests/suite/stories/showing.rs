//! GitHub's own pages: the deployment that the job's environment makes, or one of ours, and its statuses.

use serde_json::Value;

use super::scene::*;
use crate::world::World;
use crate::world::app::Behaviour;
use crate::world::faults::{Fault, On};
use crate::world::github_state::HubDeployment;
use crate::world::runner_result::StepResult;

stories![
    the_deployment_of_the_environment_is_used,
    without_one_it_is_made,
    anothers_is_left_alone,
    how_bad_ends_show,
    a_rollback_retires_what_it_undoes,
    without_the_permission_it_is_a_note,
    a_github_that_hangs_holds_nobody_up,
    the_keeper_shows_the_end,
    a_dry_run_shows_nothing,
];

const LIST: &str = "GET /repos/{o}/{r}/deployments";
const MAKE: &str = "POST /repos/{o}/{r}/deployments";

fn deployments(world: &World) -> Vec<HubDeployment> {
    world.github.with(|hub| hub.deployments.clone())
}

/// The states of a deployment in order, GitHub's own left out.
fn shown(deployment: &HubDeployment) -> Vec<String> {
    let ours = |s: &&Value| s["description"].is_string();
    let states = deployment.statuses.iter().filter(ours);
    states
        .map(|s| s["state"].as_str().unwrap_or_default().to_owned())
        .collect()
}

fn in_production(job: &mut crate::world::runner_spec::JobSpec) {
    job.environment = Some("production".to_owned());
}

async fn world_of(lines: &[&str]) -> World {
    let world = World::new().await;
    let named = Config::new(&world).env("github_environment: production");
    lines.iter().fold(named, |c, l| c.gates(l)).put(&world);
    world
}

async fn the_deployment_of_the_environment_is_used() {
    let world = world_of(&[]).await;
    let mut job = job_with(&world, in_production);
    let guard = guard(&mut job, &[]).await;
    guard.assert_code(0);
    assert_eq!(shown(&deployments(&world)[0]), ["in_progress"]);
    deploy(&mut job, Behaviour::healthy("v2")).await;
    verify(&mut job, &[]).await.assert_code(0);
    let seen = deployments(&world);
    assert_eq!(seen.len(), 1, "none was made beside it: {seen:#?}");
    assert_eq!(shown(&seen[0]), ["in_progress", "success"]);
    for status in seen[0]
        .statuses
        .iter()
        .filter(|s| s["description"].is_string())
    {
        let text = status["description"].as_str().unwrap_or_default();
        assert!(text.ends_with(guard.output("deployment_id")), "{text}");
        assert!(text.chars().count() <= 140, "{text}");
        let page = status["log_url"].as_str().unwrap_or_default();
        assert!(
            page.contains(&format!("/actions/runs/{}", job.run_id)),
            "{page}"
        );
    }
    assert_eq!(job.finish().await, "success");
    assert_eq!(
        shown(&deployments(&world)[0]).len(),
        2,
        "post says nothing again"
    );
}

async fn without_one_it_is_made() {
    let world = plain_world().await;
    let id = good(&world).await;
    let seen = deployments(&world);
    assert_eq!(seen.len(), 1, "{seen:#?}");
    let made = &seen[0];
    assert_eq!(
        (made.environment.as_str(), &made.sha),
        ("prod", &world.github.with(|h| h.head()))
    );
    assert_eq!(made.body["auto_merge"], false);
    assert_eq!(made.body["required_contexts"], serde_json::json!([]));
    assert_eq!(made.body["production_environment"], true);
    assert_eq!(made.body["payload"]["deploy_guard"], id.as_str());
    assert_eq!(shown(made), ["in_progress", "success"]);
}

/// Of another environment, another run, another job of this run.
async fn anothers_is_left_alone() {
    let world = world_of(&[]).await;
    let mut job = job_with(&world, in_production);
    let (run, sha) = (job.run_id, job.sha.clone());
    let others = world.github.with(|hub| {
        [
            ("staging", (run, 1)),
            ("production", (run + 1000, 2)),
            ("production", (run, 3)),
        ]
        .map(|(environment, made_by)| {
            hub.environment_deployment(environment, made_by, "main", &sha)
        })
    });
    guard(&mut job, &[]).await.assert_code(0);
    for seen in deployments(&world) {
        let ours = !others.contains(&seen.id);
        assert_eq!(shown(&seen).len(), usize::from(ours), "{seen:#?}");
    }
    job.finish().await;
}

async fn how_bad_ends_show() {
    let world = world_of(&["on_inconclusive: hold"]).await;
    let mut broken = job_with(&world, in_production);
    guard(&mut broken, &[]).await.assert_code(0);
    deploy(&mut broken, Behaviour::broken("v2")).await;
    verify(&mut broken, &[]).await.assert_code(4);
    broken.finish().await;
    let last = |world: &World| {
        shown(deployments(world).last().expect("one"))
            .last()
            .cloned()
    };
    assert_eq!(last(&world).as_deref(), Some("failure"));
    world.app.deploy(Behaviour::healthy("mended"));
    world.github.with(|hub| hub.commit("another"));
    let mut stopped = job_with(&world, in_production);
    guard(&mut stopped, &[]).await.assert_code(0);
    stopped.cancel();
    stopped.finish().await;
    assert_eq!(last(&world).as_deref(), Some("error"));
}

async fn a_rollback_retires_what_it_undoes() {
    let world = world_of(&[]).await;
    let mut ids = Vec::new();
    for text in ["one", "two"] {
        world.github.with(|hub| hub.commit(text));
        let mut job = job_with(&world, in_production);
        let sha = job.sha.clone();
        ids.push(
            guard(&mut job, &[])
                .await
                .output("deployment_id")
                .to_owned(),
        );
        deploy(&mut job, Behaviour::healthy(&sha)).await;
        assert_eq!(job.finish().await, "success");
    }
    let mut back = job_with(&world, in_production);
    let with = [("deployment_type", "rollback")];
    let guard = guard(&mut back, &with).await;
    guard.assert_code(0);
    assert_eq!(guard.output("rollback_target"), ids[0]);
    let wanted = guard.output("ref").to_owned();
    deploy(&mut back, Behaviour::healthy(&wanted)).await;
    verify(&mut back, &with).await.assert_code(0);
    back.finish().await;
    let seen: Vec<Vec<String>> = deployments(&world).iter().map(shown).collect();
    assert_eq!(
        seen,
        [
            vec!["in_progress", "success"],
            vec!["in_progress", "success", "inactive"],
            vec!["in_progress", "success"]
        ]
    );
}

fn noted(step: &StepResult, part: &str) {
    step.assert_code(0);
    summed(step, part);
}

async fn without_the_permission_it_is_a_note() {
    let world = plain_world().await;
    world.fault(On::op(MAKE).always(), Fault::Denied);
    let mut job = job(&world);
    let guard = guard(&mut job, &[]).await;
    noted(&guard, "the job needs `deployments: write`");
    assert_eq!(guard.output("deploy_needed"), "true");
    deploy(&mut job, Behaviour::healthy("v2")).await;
    let verify = verify(&mut job, &[]).await;
    noted(&verify, "the job needs `deployments: write`");
    assert_eq!(job.finish().await, "success");
    says(&record(&world).await, "success", "healthy", "healthy");
}

async fn a_github_that_hangs_holds_nobody_up() {
    let world = plain_world().await;
    world.fault(On::op(LIST).always(), Fault::Hang);
    let mut job = job(&world);
    let began = std::time::Instant::now();
    let guard = guard(&mut job, &[]).await;
    noted(&guard, "no answer in 10 s");
    assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
    // Lock, record and message did not wait for it, and so the outputs between them did not.
    for (service, operation) in [("DynamoDB", "TransactWriteItems"), ("Slack", "webhook")] {
        let calls = world
            .calls()
            .only(|c| c.service == service && c.operation == operation);
        let after = calls.0[0].started.duration_since(began);
        assert!(after.as_secs() < 8, "{operation} after {after:?}");
    }
    deploy(&mut job, Behaviour::healthy("v2")).await;
    assert_eq!(job.finish().await, "success");
    says(&record(&world).await, "success", "healthy", "healthy");
}

async fn the_keeper_shows_the_end() {
    let world = world_of(&[]).await;
    let mut job = job_with(&world, in_production);
    guard(&mut job, &[]).await.assert_code(0);
    job.lose_machine();
    job.finish().await;
    keep(&world).await;
    let seen = deployments(&world);
    assert_eq!(shown(&seen[0]), ["in_progress", "failure"]);
    assert_free(&world).await;
}

async fn a_dry_run_shows_nothing() {
    let world = plain_world().await;
    let mut job = job(&world);
    guard(&mut job, &[("dry_run", "true")]).await.assert_code(0);
    job.finish().await;
    assert_eq!(deployments(&world).len(), 0);
}
