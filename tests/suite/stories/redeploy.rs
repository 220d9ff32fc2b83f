//! The last good commit deployed again by the job's own steps, between two verify steps of one job.

use super::scene::*;
use crate::world::World;
use crate::world::app::Behaviour;
use crate::world::runner::Job;
use crate::world::runner_result::StepResult;
use crate::world::runner_spec::If;

stories![
    the_job_deploys_the_last_good_commit_again,
    the_second_deploy_fails,
    nobody_verifies_again,
    the_machine_dies_between,
    cancelled_between,
    what_is_deployed_again_is_bad_too,
    a_workflow_says_that_it_can,
    post_has_nobody_to_hand_it_to,
    by_button_the_job_deploys_anyway,
];

async fn world_of(strategies: &str) -> World {
    let world = World::new().await;
    let rollback = format!("rollback: {{ {strategies}verify: 5s }}");
    Config::new(&world).env(&rollback).put(&world);
    world
}

const HERE: &str = "strategies: [redeploy], ";

/// A good deployment, then a bad one up to its verdict: the job, what verify said, and the good commit.
async fn bad_verdict<'w>(world: &'w World, env: &[(&str, &str)]) -> (Job<'w>, StepResult, String) {
    good(world).await;
    let wanted = world.github.with(|hub| {
        let wanted = hub.head();
        hub.commit("a bad one");
        wanted
    });
    let mut job = job_with(world, |spec| {
        spec.env
            .extend(env.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())));
    });
    let guard = guard(&mut job, &[]).await;
    guard.assert_code(0);
    deploy(&mut job, Behaviour::broken("bad")).await;
    let verify = verify(&mut job, &[]).await;
    (job, verify, wanted)
}

#[track_caller]
fn handed_over(verify: &StepResult, wanted: &str) {
    verify.assert_code(0);
    for (name, value) in [
        ("decision", "restore"),
        ("status", "in_progress"),
        ("verdict", "degraded"),
        ("deploy_needed", "true"),
        ("rolled_back", "false"),
        ("ref", wanted),
        ("rollback_ref", wanted),
    ] {
        assert_eq!(verify.output(name), value, "{name}: {}", verify.story());
    }
}

async fn again(job: &mut Job<'_>) -> StepResult {
    let uses = step(job.world, "verify-again", &[("phase", "verify")]).when(If::Always);
    job.step(uses).await
}

async fn the_job_deploys_the_last_good_commit_again() {
    let world = world_of(HERE).await;
    let (mut job, verify, wanted) = bad_verdict(&world, &[]).await;
    handed_over(&verify, &wanted);
    summed(&verify, "the last good version is deployed again now");
    let id = verify.output("deployment_id").to_owned();
    assert_held(&world, &id).await;
    assert_eq!(record_of(&world, &id).await["phase"], "restoring");
    deploy(&mut job, Behaviour::healthy(&wanted)).await;
    let again = again(&mut job).await;
    again.assert_code(1);
    assert_eq!(again.output("rolled_back"), "true", "{}", again.story());
    assert_eq!(job.finish().await, "failure");
    says(
        &record_of(&world, &id).await,
        "rolled_back",
        "degraded",
        "restored",
    );
    assert_free(&world).await;
    assert_told(
        &world,
        &[
            "started",
            "succeeded",
            "started",
            "health check failed",
            "rollback started",
            "rollback succeeded",
        ],
    );
    job.assert_no_leak();
}

async fn ends_badly(world: &World, id: &str) {
    says(
        &record_of(world, id).await,
        "rollback_failed",
        "degraded",
        "restore_failed",
    );
    assert_free(world).await;
}

#[track_caller]
fn told_to_act(world: &World) {
    let texts = world.slack.texts();
    let last = texts.last().is_some_and(|t| t.contains("rollback failed"));
    assert!(last, "{texts:?}");
}

async fn the_second_deploy_fails() {
    let world = world_of(HERE).await;
    let (mut job, verify, wanted) = bad_verdict(&world, &[]).await;
    handed_over(&verify, &wanted);
    deploy_fails(&mut job, async {}).await;
    again(&mut job).await.assert_code(4);
    assert_eq!(job.finish().await, "failure");
    ends_badly(&world, verify.output("deployment_id")).await;
    told_to_act(&world);
}

async fn nobody_verifies_again() {
    let world = world_of(HERE).await;
    let (mut job, verify, wanted) = bad_verdict(&world, &[]).await;
    handed_over(&verify, &wanted);
    job.finish().await;
    ends_badly(&world, verify.output("deployment_id")).await;
    told_to_act(&world);
}

async fn the_machine_dies_between() {
    let world = world_of(HERE).await;
    let (mut job, verify, wanted) = bad_verdict(&world, &[]).await;
    handed_over(&verify, &wanted);
    job.lose_machine();
    job.finish().await;
    keep(&world).await;
    ends_badly(&world, verify.output("deployment_id")).await;
}

async fn cancelled_between() {
    let world = world_of(HERE).await;
    let (mut job, verify, wanted) = bad_verdict(&world, &[]).await;
    handed_over(&verify, &wanted);
    job.cancel();
    job.finish().await;
    ends_badly(&world, verify.output("deployment_id")).await;
    told_to_act(&world);
}

async fn what_is_deployed_again_is_bad_too() {
    let world = world_of(HERE).await;
    let (mut job, verify, wanted) = bad_verdict(&world, &[]).await;
    handed_over(&verify, &wanted);
    deploy(&mut job, Behaviour::broken(&wanted)).await;
    again(&mut job).await.assert_code(4);
    job.finish().await;
    ends_badly(&world, verify.output("deployment_id")).await;
    told_to_act(&world);
}

/// The configured strategies do not apply here, so the job is asked last.
async fn a_workflow_says_that_it_can() {
    let world = world_of("").await;
    let said = [("DEPLOY_GUARD_JOB_REDEPLOYS", "true")];
    let (mut job, verify, wanted) = bad_verdict(&world, &said).await;
    handed_over(&verify, &wanted);
    deploy(&mut job, Behaviour::healthy(&wanted)).await;
    again(&mut job).await.assert_code(1);
    job.finish().await;
    let id = verify.output("deployment_id");
    says(
        &record_of(&world, id).await,
        "rolled_back",
        "degraded",
        "restored",
    );
}

async fn post_has_nobody_to_hand_it_to() {
    let world = world_of(HERE).await;
    good(&world).await;
    world.github.with(|hub| hub.commit("a bad one"));
    let mut job = job(&world);
    let guard = guard(&mut job, &[]).await;
    deploy(&mut job, Behaviour::broken("bad")).await;
    assert_eq!(job.finish().await, "failure");
    job.post("guard").assert_code(4);
    summed(&guard, "unless a later step of this job has");
    summed(job.post("guard"), "the job's own steps would have to do it");
    let record = record_of(&world, guard.output("deployment_id")).await;
    assert_eq!(
        (&record["status"], &record["reasonCode"]),
        (&"failure".into(), &"no_strategy".into())
    );
}

async fn by_button_the_job_deploys_anyway() {
    let world = world_of(HERE).await;
    good(&world).await;
    let wanted = world.github.with(|hub| hub.head());
    world.github.with(|hub| hub.commit("two"));
    good(&world).await;
    let mut job = job(&world);
    let with = [("deployment_type", "rollback")];
    let guard = guard(&mut job, &with).await;
    guard.assert_code(0);
    assert_eq!(
        (guard.output("deploy_needed"), guard.output("ref")),
        ("true", wanted.as_str())
    );
    deploy(&mut job, Behaviour::healthy(&wanted)).await;
    verify(&mut job, &with).await.assert_code(0);
    assert_eq!(job.finish().await, "success");
}
