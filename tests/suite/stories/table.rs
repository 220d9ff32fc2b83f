//! What post finds after the job's own steps, with a CloudFormation stack, and what follows (the whole table).

use super::scene::*;
use crate::world::World;
use crate::world::app::Behaviour;
use crate::world::aws_client::small_stack;
use crate::world::runner_context::Inputs;

const STACK: &str = "HanbitTodoStack-prod";

stories![
    failed_and_unchanged,
    failed_and_unchanged_while_the_gates_fail,
    failed_and_rolled_back_by_the_stack,
    failed_changed_and_healthy,
    failed_changed_and_degraded,
    failed_and_the_stack_is_stuck,
    cancelled_while_the_stack_changes_then_the_next_run,
    cancelled_while_the_stack_changes_then_the_keeper,
    cancelled_after_it_changed,
    cancelled_and_unchanged,
    an_unknown_job_status_is_no_success,
    the_first_deployment_creates_its_stack,
];

async fn staged() -> World {
    let world = World::new().await;
    world
        .scene
        .create_stack(STACK, &small_stack(&[]), &[("Release", "v1")])
        .await;
    Config::new(&world)
        .env(&format!("stack: {STACK}"))
        .put(&world);
    world
}

async fn update(world: &World) {
    let scene = &world.scene;
    scene
        .update_stack(STACK, &small_stack(&[]), &[("Release", "v2")])
        .await;
    // Moto does not tell when it was.
    world
        .aws
        .stacks()
        .show_last_updated(STACK, jiff::Timestamp::now());
}

async fn failed_and_unchanged() {
    let world = staged().await;
    let mut job = job(&world);
    guard(&mut job, &[]).await.assert_code(0);
    deploy_fails(&mut job, async {}).await;
    assert_eq!(
        verify(&mut job, &[]).await.code,
        None,
        "skipped after a failed step"
    );
    assert_eq!(job.finish().await, "failure");
    job.post("guard").assert_code(1);
    says(&record(&world).await, "failure", "healthy", "deploy_failed");
    assert_free(&world).await;
    assert_eq!(head(&world).await.get("live"), None, "nothing new serves");
    assert_told(&world, &["started", "failed"]);
}

async fn failed_and_unchanged_while_the_gates_fail() {
    let world = staged().await;
    let mut job = job(&world);
    guard(&mut job, &[]).await.assert_code(0);
    deploy_fails(&mut job, async {
        world.app.deploy(Behaviour::broken("v1"))
    })
    .await;
    job.finish().await;
    job.post("guard").assert_code(1);
    says(
        &record(&world).await,
        "failure",
        "degraded",
        "deploy_failed",
    );
    assert_told(&world, &["started", "failed"]);
}

async fn failed_and_rolled_back_by_the_stack() {
    let world = staged().await;
    let mut job = job(&world);
    guard(&mut job, &[]).await.assert_code(0);
    deploy_fails(&mut job, async {
        update(&world).await;
        world
            .aws
            .stacks()
            .show_status(STACK, "UPDATE_ROLLBACK_COMPLETE");
    })
    .await;
    job.finish().await;
    job.post("guard").assert_code(1);
    says(&record(&world).await, "failure", "healthy", "deploy_failed");
    assert_free(&world).await;
}

async fn failed_changed_and_healthy() {
    let world = staged().await;
    let mut job = job(&world);
    guard(&mut job, &[]).await.assert_code(0);
    deploy_fails(&mut job, async {
        update(&world).await;
        world.app.deploy(Behaviour::healthy("v2"));
    })
    .await;
    job.finish().await;
    job.post("guard").assert_code(5);
    says(
        &record(&world).await,
        "failure",
        "healthy",
        "deploy_failed_changed",
    );
    assert_free(&world).await;
    let head = head(&world).await;
    assert!(
        head["live"].to_string().contains("deploy-"),
        "it serves: {head:#?}"
    );
    assert!(
        head["good"].as_array().is_none_or(Vec::is_empty),
        "and is no rollback target: {head:#?}"
    );
    assert_told(&world, &["started", "failed"]);
}

async fn failed_changed_and_degraded() {
    let world = staged().await;
    let mut job = job(&world);
    guard(&mut job, &[]).await.assert_code(0);
    deploy_fails(&mut job, async {
        update(&world).await;
        world.app.deploy(Behaviour::broken("v2"));
    })
    .await;
    job.finish().await;
    job.post("guard").assert_code(4);
    says(
        &record(&world).await,
        "failure",
        "degraded",
        "no_good_state",
    );
    assert_free(&world).await;
    assert_told(&world, &["started", "health check failed"]);
}

async fn failed_and_the_stack_is_stuck() {
    let world = staged().await;
    let mut job = job(&world);
    guard(&mut job, &[]).await.assert_code(0);
    deploy_fails(&mut job, async {
        world
            .aws
            .stacks()
            .show_status(STACK, "UPDATE_ROLLBACK_FAILED");
    })
    .await;
    job.finish().await;
    let post = job.post("guard");
    post.assert_code(4);
    summed(post, "continue-update-rollback");
    says(
        &record(&world).await,
        "rollback_failed",
        "-",
        "stack_rollback_failed",
    );
    assert_free(&world).await;
    assert_told(&world, &["started", "rollback failed"]);
    let told = world.slack.messages()[1].payload.to_string();
    assert!(
        told.contains("continue-update-rollback") && told.contains(STACK),
        "{told}"
    );
}

/// A job that was cancelled in the middle of its stack's update; answers the deployment.
async fn cancelled_midway(world: &World) -> String {
    let mut job = job(world);
    let guard = guard(&mut job, &[]).await;
    guard.assert_code(0);
    world.aws.stacks().show_status(STACK, "UPDATE_IN_PROGRESS");
    job.cancel();
    assert_eq!(job.finish().await, "cancelled");
    let post = job.post("guard");
    post.assert_code(130);
    summed(post, "the lock is kept");
    let id = guard.output("deployment_id").to_owned();
    assert_held(world, &id).await;
    assert_eq!(record_of(world, &id).await["status"], "in_progress");
    id
}

async fn cancelled_while_the_stack_changes_then_the_next_run() {
    let world = staged().await;
    let id = cancelled_midway(&world).await;
    let mut early = job(&world);
    let refused_run = guard(&mut early, &[]).await;
    refused(&refused_run, 3, "locked");
    early.finish().await;
    world.aws.stacks().show_truth(STACK);
    update(&world).await;
    let mut next = job(&world);
    let guard = guard(&mut next, &[]).await;
    guard.assert_code(0);
    assert_eq!(guard.output("deploy_needed"), "true");
    says(
        &record_of(&world, &id).await,
        "cancelled",
        "-",
        "cancelled_live",
    );
    assert_held(&world, guard.output("deployment_id")).await;
    assert_told(&world, &["started", "cancelled", "taken over", "started"]);
    next.finish().await;
}

async fn cancelled_while_the_stack_changes_then_the_keeper() {
    let world = staged().await;
    let id = cancelled_midway(&world).await;
    let kept = keep(&world).await;
    assert_eq!(kept.code, Some(0), "{kept:#?}");
    assert_held(&world, &id).await;
    world.aws.stacks().show_truth(STACK);
    let kept = keep(&world).await;
    assert_eq!(kept.code, Some(0), "{kept:#?}");
    says(&record_of(&world, &id).await, "cancelled", "-", "cancelled");
    assert_free(&world).await;
}

async fn cancelled_after_it_changed() {
    let world = staged().await;
    let mut job = job(&world);
    guard(&mut job, &[]).await.assert_code(0);
    deploy(&mut job, Behaviour::healthy("v2")).await;
    update(&world).await;
    job.cancel();
    job.finish().await;
    job.post("guard").assert_code(130);
    says(&record(&world).await, "cancelled", "-", "cancelled_live");
    assert_free(&world).await;
    assert_told(&world, &["started", "cancelled"]);
    let told = world.slack.messages()[1].payload.to_string();
    assert!(told.contains("unverified"), "{told}");
}

async fn cancelled_and_unchanged() {
    let world = staged().await;
    let mut job = job(&world);
    guard(&mut job, &[]).await.assert_code(0);
    job.cancel();
    job.finish().await;
    job.post("guard").assert_code(130);
    says(&record(&world).await, "cancelled", "-", "cancelled");
    assert_free(&world).await;
    assert_eq!(head(&world).await.get("live"), None);
}

async fn an_unknown_job_status_is_no_success() {
    let world = staged().await;
    let mut job = job_with(&world, |spec| {
        spec.inputs = Inputs::of_contract().without("job_status")
    });
    guard(&mut job, &[]).await.assert_code(0);
    deploy(&mut job, Behaviour::healthy("v2")).await;
    update(&world).await;
    job.finish().await;
    job.post("guard").assert_code(5);
    says(
        &record(&world).await,
        "failure",
        "healthy",
        "job_status_unknown",
    );
    assert_free(&world).await;
}

async fn the_first_deployment_creates_its_stack() {
    let world = World::new().await;
    Config::new(&world)
        .env(&format!("stack: {STACK}"))
        .gates("stack: true")
        .put(&world);
    let mut job = job(&world);
    guard(&mut job, &[]).await.assert_code(0);
    deploy(&mut job, Behaviour::healthy("v1")).await;
    world
        .scene
        .create_stack(STACK, &small_stack(&[]), &[("Release", "v1")])
        .await;
    let verify = verify(&mut job, &[]).await;
    verify.assert_code(0);
    job.finish().await;
    says(&record(&world).await, "success", "healthy", "healthy");
}
