//! Steps that stand alone: verify without a guard, a post without state, and how deep the round trips go.

use super::scene::*;
use crate::world::World;
use crate::world::app::Behaviour;
use crate::world::runner_context::Inputs;

stories![
    verify_alone,
    verify_alone_while_somebody_deploys,
    verify_alone_rolls_nothing_back,
    verify_after_a_refusal_that_was_passed_over,
    an_output_that_no_stack_has,
    an_output_that_no_stack_has_for_verify_alone,
    an_output_that_is_missing_while_watching,
    a_post_without_state_finds_its_record,
    a_post_without_a_token_closes_all_the_same,
    without_a_token_nothing_starts,
    the_way_to_deploying_is_four_deep,
    closing_is_three_deep,
];

async fn verify_alone() {
    let world = plain_world().await;
    let mut job = job(&world);
    deploy(&mut job, Behaviour::healthy("v2")).await;
    let verify = verify(&mut job, &[]).await;
    verify.assert_code(0);
    assert_eq!(
        (verify.output("status"), verify.output("verdict")),
        ("success", "healthy")
    );
    summed(&verify, "took no lock before it deployed");
    assert_eq!(job.finish().await, "success");
    job.post("verify").assert_code(0);
    says(&record(&world).await, "success", "healthy", "healthy");
    assert_free(&world).await;
}

async fn verify_alone_while_somebody_deploys() {
    let world = plain_world().await;
    let mut holder = job(&world);
    let held = guard(&mut holder, &[]).await;
    held.assert_code(0);
    let mut other = job(&world);
    deploy(&mut other, Behaviour::broken("v2")).await;
    let verify = verify(&mut other, &[]).await;
    assert_ne!(verify.code, Some(0), "{}", verify.story());
    other.finish().await;
    assert_held(&world, held.output("deployment_id")).await;
    let record = record_of(&world, verify.output("deployment_id")).await;
    assert_eq!(
        (&record["status"], &record["verdict"]),
        (&"failure".into(), &"degraded".into())
    );
}

async fn verify_alone_rolls_nothing_back() {
    let world = plain_world().await;
    let mut job = job(&world);
    let with = [("deployment_type", "rollback"), ("rollback_target", "-1")];
    let verify = verify(&mut job, &with).await;
    refused(&verify, 2, "invalid_input");
    summed(&verify, "needs a step with `phase: guard` before it");
    job.finish().await;
    job.post("verify").assert_code(0);
    assert!(world.items().await.is_empty());
}

async fn verify_after_a_refusal_that_was_passed_over() {
    let world = World::new().await;
    Config::new(&world).env("branches: [release]").put(&world);
    let mut job = job(&world);
    let uses = step(&world, "guard", &[]).continue_on_error();
    let guard = job.step(uses).await;
    refused(&guard, 3, "branch_not_allowed");
    let verify = verify(&mut job, &[]).await;
    refused(&verify, 3, "branch_not_allowed");
    job.finish().await;
    assert!(records(&world).await.is_empty());
}

const URL: &str = "${stack.Nowhere}/health";

/// A gate whose address no stack has; a stack that has another output.
async fn without_output(exists: bool) -> World {
    let world = World::new().await;
    Config::new(&world)
        .env("stack: App")
        .http(&[http_gate("api", URL, "")])
        .put(&world);
    if exists {
        create_app(&world).await;
    }
    world
}

async fn create_app(world: &World) {
    let template = crate::world::aws_client::small_stack(&[("ApiUrl", "https://api.example.com")]);
    world.scene.create_stack("App", &template, &[]).await;
}

async fn an_output_that_no_stack_has() {
    let world = without_output(true).await;
    let mut job = job(&world);
    let guard = guard(&mut job, &[]).await;
    refused(&guard, 2, "invalid_config");
    summed(&guard, "Nowhere");
    summed(&guard, "ApiUrl");
    job.finish().await;
    assert!(world.items().await.is_empty());
}

async fn an_output_that_no_stack_has_for_verify_alone() {
    let world = without_output(true).await;
    let mut job = job(&world);
    let verify = verify(&mut job, &[]).await;
    refused(&verify, 2, "invalid_config");
    summed(&verify, "Nowhere");
    summed(&verify, "ApiUrl");
    job.finish().await;
    job.post("verify").assert_code(0);
    assert!(world.items().await.is_empty());
}

/// Before the first deployment there is no stack to ask; what it then lacks is unknown, never healthy.
async fn an_output_that_is_missing_while_watching() {
    let world = without_output(false).await;
    let mut job = job(&world);
    guard(&mut job, &[]).await.assert_code(0);
    create_app(&world).await;
    let verify = verify(&mut job, &[]).await;
    verify.assert_code(5);
    assert_eq!(
        verify.output("verdict"),
        "inconclusive",
        "{}",
        verify.story()
    );
    summed(&verify, "Nowhere");
    job.finish().await;
}

async fn a_post_without_state_finds_its_record() {
    let world = plain_world().await;
    let inputs = Inputs::new(&[
        ("environment", "prod"),
        ("job_status", "${{ job.status }}"),
        ("github_token", "${{ github.token }}"),
    ]);
    let mut job = job_with(&world, |spec| spec.inputs = inputs);
    let guard = job.uses("guard", &[]).await;
    guard.assert_code(0);
    deploy(&mut job, Behaviour::healthy("v2")).await;
    job.forget_states();
    assert_eq!(job.finish().await, "success");
    says(&record(&world).await, "success", "healthy", "healthy");
    assert_free(&world).await;
}

async fn a_post_without_a_token_closes_all_the_same() {
    let world = plain_world().await;
    let mut job = job(&world);
    guard(&mut job, &[]).await.assert_code(0);
    deploy(&mut job, Behaviour::healthy("v2")).await;
    job.forget_token();
    assert_eq!(
        job.finish().await,
        "success",
        "{}",
        job.post("guard").story()
    );
    says(&record(&world).await, "success", "healthy", "healthy");
    assert_free(&world).await;
}

async fn without_a_token_nothing_starts() {
    let world = plain_world().await;
    let mut job = job(&world);
    job.forget_token();
    let guard = guard(&mut job, &[]).await;
    refused(&guard, 2, "invalid_input");
    summed(&guard, "github_token");
    job.finish().await;
    job.post("guard").assert_code(0);
    assert!(world.items().await.is_empty());
}

async fn the_way_to_deploying_is_four_deep() {
    let world = World::new().await;
    Config::new(&world)
        .env("role_to_assume: arn:aws:iam::123456789012:role/deploy-guard-prod")
        .env("required_checks: [ci]")
        .env("branches: [main]")
        .env("approval: required")
        .env("stack: App")
        .put(&world);
    world
        .scene
        .create_stack("App", &crate::world::aws_client::small_stack(&[]), &[])
        .await;
    let sha = world.github.with(|hub| hub.head());
    let env = world.env_without_credentials();
    let mut job = job_with(&world, |spec| spec.env = env);
    let run = job.run_id;
    world.github.with(|hub| {
        hub.check_run(&sha, "ci", Some("success"));
        hub.approve(run, "prod", "lead");
    });
    world.delay(100);
    let guard = guard(&mut job, &[]).await;
    world.delay(0);
    guard.assert_code(0);
    let calls = world.calls();
    let written = calls
        .0
        .iter()
        .position(|c| c.operation == "TransactWriteItems")
        .unwrap();
    let until = calls.0[written].ended;
    let way = calls.only(|c| c.service != "App" && c.ended <= until);
    assert!(way.depth() <= 4, "{:#?}", way.chain());
    job.finish().await;
}

async fn closing_is_three_deep() {
    let world = plain_world().await;
    let mut job = job(&world);
    guard(&mut job, &[]).await.assert_code(0);
    deploy(&mut job, Behaviour::broken("v2")).await;
    world.delay(100);
    verify(&mut job, &[]).await.assert_code(4);
    world.delay(0);
    let calls = world.calls();
    let probed = calls.0.iter().rposition(|c| c.service == "App").unwrap();
    let from = calls.0[probed].ended.unwrap();
    let closing = calls.only(|c| c.started >= from);
    assert!(closing.depth() <= 3, "{:#?}", closing.chain());
    job.finish().await;
}
