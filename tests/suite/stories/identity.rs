//! Credentials: a role by the job's own token, what it says when that does not work, and the usual chain.

use std::time::Duration;

use super::scene::*;
use crate::world::World;
use crate::world::app::Behaviour;
use crate::world::aws_identity::Trust;
use crate::world::faults::{Fault, On};
use crate::world::http::Reply;
use crate::world::runner_result::StepResult;
use crate::world::runner_spec::JobSpec;

stories![
    a_role_by_the_jobs_token,
    a_role_wins_over_what_earlier_steps_left,
    without_the_permission,
    the_role_does_not_trust_the_job,
    no_provider_for_the_token,
    a_short_lifetime_is_renewed_while_watching,
    no_credentials_at_all,
    credentials_that_aws_does_not_take,
];

const ROLE: &str = "arn:aws:iam::123456789012:role/deploy-guard";

async fn with_role(world: &World, change: impl FnOnce(&mut JobSpec)) -> StepResult {
    let mut job = job_with(world, change);
    let guard = guard(&mut job, &[("role_to_assume", ROLE)]).await;
    if guard.code == Some(0) {
        deploy(&mut job, Behaviour::healthy("v2")).await;
    }
    let code = job.finish().await;
    assert_eq!(code == "success", guard.code == Some(0));
    job.post("guard").assert_code(0);
    job.assert_no_leak();
    guard
}

async fn a_role_by_the_jobs_token() {
    let world = plain_world().await;
    let env = world.env_without_credentials();
    let mut job = job_with(&world, |spec| spec.env = env);
    let with = [("role_to_assume", ROLE)];
    guard(&mut job, &with).await.assert_code(0);
    deploy(&mut job, Behaviour::healthy("v2")).await;
    verify(&mut job, &with).await.assert_code(0);
    assert_eq!(job.finish().await, "success");
    job.assert_no_leak();
    let taken = world.aws.identity().assumed();
    assert!(
        taken.iter().all(|t| t.role_arn == ROLE) && !taken.is_empty(),
        "{taken:?}"
    );
    assert!(taken[0].session_name.contains("deploy-guard"), "{taken:?}");
    says(&record(&world).await, "success", "healthy", "healthy");
    let tokens = world.oidc.tokens().all();
    assert!(!tokens.is_empty());
    for issued in tokens {
        let mask = format!("::add-mask::{}", issued.token);
        let stages = job.stages.iter().flat_map(|s| &s.lines);
        assert!(
            stages.clone().any(|l| l.text == mask),
            "every token of the job is masked"
        );
    }
}

async fn a_role_wins_over_what_earlier_steps_left() {
    let world = plain_world().await;
    with_role(&world, |_| {}).await.assert_code(0);
    let ours: Vec<String> = world
        .aws
        .identity()
        .assumed()
        .iter()
        .map(|t| t.access_key.clone())
        .collect();
    for call in world.calls().service("DynamoDB").0 {
        assert!(
            ours.contains(&call.access_key.clone().unwrap_or_default()),
            "{call:?}"
        );
    }
}

async fn without_the_permission() {
    let world = plain_world().await;
    let env = world.env_without_credentials();
    let guard = with_role(&world, |spec| (spec.env, spec.id_token) = (env, false)).await;
    refused(&guard, 6, "aws_unreachable");
    summed(&guard, "id-token: write");
}

async fn the_role_does_not_trust_the_job() {
    let world = plain_world().await;
    world.aws.identity().set_trust(Trust::AccessDenied);
    let guard = with_role(&world, |_| {}).await;
    refused(&guard, 6, "aws_unreachable");
    summed(&guard, "repo:hanbit/todo:environment:production");
    summed(&guard, ROLE);
    assert!(
        guard.took < Duration::from_secs(10),
        "a trust that is missing is not waited for: {:?}",
        guard.took
    );
}

async fn no_provider_for_the_token() {
    let world = plain_world().await;
    world.aws.identity().set_trust(Trust::InvalidIdentityToken);
    let guard = with_role(&world, |_| {}).await;
    refused(&guard, 6, "aws_unreachable");
    summed(&guard, "token.actions.githubusercontent.com");
}

async fn a_short_lifetime_is_renewed_while_watching() {
    let world = World::new().await;
    Config::new(&world)
        .gates("early_pass: false")
        .gates("window: 8s")
        .put(&world);
    world.aws.identity().set_lifetime(Duration::from_secs(3));
    let env = world.env_without_credentials();
    with_role(&world, |spec| spec.env = env)
        .await
        .assert_code(0);
    assert!(world.aws.identity().assumed().len() > 2);
    says(&record(&world).await, "success", "healthy", "healthy");
}

async fn no_credentials_at_all() {
    let world = plain_world().await;
    let env = world.env_without_credentials();
    let mut job = job_with(&world, |spec| spec.env = env);
    let guard = guard(&mut job, &[]).await;
    refused(&guard, 6, "aws_unreachable");
    summed(&guard, "role_to_assume");
    summed(&guard, "id-token: write");
    job.finish().await;
    job.post("guard").assert_code(0);
}

async fn credentials_that_aws_does_not_take() {
    let world = plain_world().await;
    let error = serde_json::json!({
        "__type": "com.amazon.coral.service#UnrecognizedClientException",
        "message": "The security token included in the request is invalid.",
    });
    let answer = Fault::Answer(Reply::json(400, &error));
    world.fault(On::service("DynamoDB").always(), answer);
    let mut job = job(&world);
    let guard = guard(&mut job, &[]).await;
    refused(&guard, 6, "aws_unreachable");
    summed(&guard, "UnrecognizedClientException");
    summed(&guard, "role_to_assume");
    job.finish().await;
    job.post("guard").assert_code(0);
}
