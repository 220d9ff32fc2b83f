//! Bad days: the store throttles, answers too late, is down or not there; Slack and SNS do not answer.

use std::time::Duration;

use super::scene::*;
use crate::world::World;
use crate::world::app::Behaviour;
use crate::world::faults::{Fault, On};
use crate::world::slack::Mood;

stories![
    the_store_throttles_and_conflicts,
    it_worked_but_nobody_said_so,
    the_table_is_not_there,
    the_store_denies,
    the_store_is_down_for_a_moment_at_the_end,
    a_bad_verdict_that_cannot_be_recorded,
    a_good_verdict_that_cannot_be_recorded,
    slack_is_broken_and_the_keeper_tells_later,
    slack_is_broken_and_the_same_job_tells_at_its_end,
    slack_is_broken_and_the_next_run_tells_later,
    slack_limits_the_rate,
    a_revoked_webhook_is_not_tried_again,
    slack_hangs,
    sns_is_denied,
    sns_is_told,
];

const WRITE: &str = "TransactWriteItems";

async fn the_store_throttles_and_conflicts() {
    let world = plain_world().await;
    world.fault(On::op("Query").times(2), Fault::Throttle);
    world.fault(On::op(WRITE), Fault::TransactionConflict);
    world.fault(On::op(WRITE).nth(2), Fault::ProvisionedThroughput);
    world.fault(On::op(WRITE).nth(4), Fault::TransactionInProgress);
    world.fault(On::op(WRITE).nth(6), Fault::Status(503));
    good(&world).await;
    says(&record(&world).await, "success", "healthy", "healthy");
    assert_told(&world, &["started", "succeeded"]);
}

async fn it_worked_but_nobody_said_so() {
    let world = plain_world().await;
    for n in [1, 3, 5, 7] {
        world.fault(On::op(WRITE).nth(n), Fault::WorkedThenClosed);
    }
    good(&world).await;
    says(&record(&world).await, "success", "healthy", "healthy");
    assert_free(&world).await;
    assert_eq!(
        items(&world, "dg#totals#prod#todo").await[0]["n"],
        1,
        "counted once"
    );
    assert_told(&world, &["started", "succeeded"]);
}

async fn the_table_is_not_there() {
    let world = World::without_table();
    Config::new(&world).put(&world);
    let mut job = job(&world);
    let guard = guard(&mut job, &[]).await;
    refused(&guard, 6, "store_unreachable");
    summed(&guard, "deployment-history-prod");
    summed(&guard, "Set up");
    job.finish().await;
    job.post("guard").assert_code(0);
}

async fn the_store_denies() {
    let world = plain_world().await;
    world.fault(On::op("Query").always(), Fault::Denied);
    let mut job = job(&world);
    let guard = guard(&mut job, &[]).await;
    refused(&guard, 6, "store_unreachable");
    summed(&guard, "dynamodb:Query");
    job.finish().await;
}

async fn the_store_is_down_for_a_moment_at_the_end() {
    let world = plain_world().await;
    let mut job = job(&world);
    guard(&mut job, &[]).await.assert_code(0);
    deploy(&mut job, Behaviour::broken("v2")).await;
    let outage = async {
        while head(&world).await["mode"] != "watching" {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        world.fault(On::service("DynamoDB").always(), Fault::Status(500));
        tokio::time::sleep(Duration::from_secs(6)).await;
        world.faults.clear();
    };
    let (verify, ()) = tokio::join!(verify(&mut job, &[]), outage);
    verify.assert_code(4);
    job.finish().await;
    says(
        &record(&world).await,
        "failure",
        "degraded",
        "no_good_state",
    );
    assert_free(&world).await;
    assert_told(&world, &["started", "health check failed"]);
}

/// Both stages of the end meet a store that takes no write; refused for good, so that nobody waits two minutes.
async fn unrecorded(world: &World, behaviour: Behaviour, code: i32) -> String {
    let mut job = job(world);
    let guard = guard(&mut job, &[]).await;
    guard.assert_code(0);
    deploy(&mut job, behaviour).await;
    // The third write of a step that verifies is the one that closes.
    world.fault(On::op(WRITE).nth(3).always(), Fault::Denied);
    let verify = verify(&mut job, &[]).await;
    verify.assert_code(code);
    assert_eq!(verify.output("reason_code"), "store_unreachable");
    summed(&verify, "could not be closed");
    assert_eq!(
        verify.output("status"),
        "in_progress",
        "what is not on record is not said"
    );
    job.finish().await;
    world.faults.clear();
    guard.output("deployment_id").to_owned()
}

async fn a_bad_verdict_that_cannot_be_recorded() {
    let world = plain_world().await;
    let id = unrecorded(&world, Behaviour::broken("v2"), 4).await;
    let texts = world.slack.texts();
    assert!(
        texts.iter().any(|t| t.contains("health check failed")),
        "{texts:?}"
    );
    let kept = keep(&world).await;
    assert_eq!(kept.code, Some(0), "{kept:#?}");
    says(
        &record_of(&world, &id).await,
        "failure",
        "degraded",
        "no_good_state",
    );
    assert_free(&world).await;
}

async fn a_good_verdict_that_cannot_be_recorded() {
    let world = plain_world().await;
    let id = unrecorded(&world, Behaviour::healthy("v2"), 6).await;
    let kept = keep(&world).await;
    assert_eq!(kept.code, Some(0), "{kept:#?}");
    says(
        &record_of(&world, &id).await,
        "success",
        "healthy",
        "healthy",
    );
    assert_free(&world).await;
}

async fn slack_is_broken_and_the_keeper_tells_later() {
    let world = plain_world().await;
    let mut job = job(&world);
    guard(&mut job, &[]).await.assert_code(0);
    world.slack.set_mood(Mood::Broken);
    deploy(&mut job, Behaviour::broken("v2")).await;
    let verify = verify(&mut job, &[]).await;
    verify.assert_code(4);
    job.finish().await;
    says(
        &record(&world).await,
        "failure",
        "degraded",
        "no_good_state",
    );
    summed(&verify, "rollup_error");
    assert_told(&world, &["started"]);
    world.slack.set_mood(Mood::Ok);
    Config::new(&world)
        .env("alerts: { slack: { webhook_url: \"${env.SLACK_WEBHOOK_URL}\" } }")
        .put(&world);
    let kept = keep(&world).await;
    assert_eq!(kept.code, Some(0), "{kept:#?}");
    assert_told(&world, &["started", "health check failed"]);
    let again = keep(&world).await;
    assert_eq!(again.code, Some(0), "{again:#?}");
    assert_told(&world, &["started", "health check failed"]);
}

async fn slack_is_broken_and_the_same_job_tells_at_its_end() {
    let world = plain_world().await;
    let mut job = job(&world);
    guard(&mut job, &[]).await.assert_code(0);
    deploy(&mut job, Behaviour::broken("v2")).await;
    world.slack.set_mood(Mood::Broken);
    verify(&mut job, &[]).await.assert_code(4);
    assert_told(&world, &["started"]);
    world.slack.set_mood(Mood::Ok);
    job.finish().await;
    assert_told(&world, &["started", "health check failed"]);
    logged(job.post("verify"), "1 alert of earlier runs delivered");
    assert_eq!(keep(&world).await.code, Some(0));
    assert_told(&world, &["started", "health check failed"]);
}

async fn slack_is_broken_and_the_next_run_tells_later() {
    let world = plain_world().await;
    let mut first = job(&world);
    guard(&mut first, &[]).await.assert_code(0);
    deploy(&mut first, Behaviour::broken("v2")).await;
    world.slack.set_mood(Mood::Broken);
    verify(&mut first, &[]).await.assert_code(4);
    first.finish().await;
    assert_told(&world, &["started"]);
    world.slack.set_mood(Mood::Ok);
    world.github.with(|hub| hub.commit("the fix"));
    let mut second = job(&world);
    let mark = world.calls.mark();
    let guard = guard(&mut second, &[]).await;
    guard.assert_code(0);
    logged(&guard, "1 alert of earlier runs delivered");
    let mut told = world.slack.texts();
    told.sort();
    assert!(
        told.len() == 3 && told.iter().any(|t| t.contains("health check failed")),
        "{told:#?}"
    );
    // Nobody who may deploy waits for it: what is owed is asked for after the lock was taken.
    let calls = world.calls.since(mark).0;
    let at = |what: &dyn Fn(&crate::world::calls::Call) -> bool| calls.iter().position(what);
    let taken = at(&|c| c.operation == WRITE).expect("the lock was taken");
    let owed = at(&|c| c.operation == "Query" && c.body.contains("dg#notice#"))
        .expect("what is owed was asked for");
    assert!(taken < owed, "{taken} {owed}");
    deploy(&mut second, Behaviour::healthy("v3")).await;
    assert_eq!(second.finish().await, "success");
    assert_eq!(world.slack.texts().len(), 4, "{:#?}", world.slack.texts());
}

async fn slack_limits_the_rate() {
    let world = plain_world().await;
    world.fault(On::service("Slack").times(2), Fault::Throttle);
    good(&world).await;
    assert_told(&world, &["started", "succeeded"]);
}

async fn a_revoked_webhook_is_not_tried_again() {
    let world = plain_world().await;
    world.slack.set_mood(Mood::NoService);
    let mut job = job(&world);
    let guard = guard(&mut job, &[]).await;
    guard.assert_code(0);
    summed(&guard, "no_service");
    deploy(&mut job, Behaviour::broken("v2")).await;
    verify(&mut job, &[]).await.assert_code(4);
    job.finish().await;
    assert_eq!(
        world.calls().count("Slack", "webhook"),
        2,
        "once for each message"
    );
    let kept = keep(&world).await;
    assert_eq!(kept.code, Some(0), "{kept:#?}");
    assert_eq!(world.calls().count("Slack", "webhook"), 2);
    job.assert_no_leak();
}

async fn slack_hangs() {
    let world = plain_world().await;
    let mut job = job(&world);
    guard(&mut job, &[]).await.assert_code(0);
    world.slack.set_mood(Mood::Hang);
    deploy(&mut job, Behaviour::broken("v2")).await;
    let verify = verify(&mut job, &[]).await;
    verify.assert_code(4);
    assert!(verify.took < Duration::from_secs(36), "{:?}", verify.took);
    says(
        &record(&world).await,
        "failure",
        "degraded",
        "no_good_state",
    );
    assert_free(&world).await;
    let states: Vec<_> = items(&world, "dg#notice#prod")
        .await
        .iter()
        .map(|n| n["state"].clone())
        .collect();
    assert!(states.iter().any(|s| s == "owed"), "{states:?}");
}

async fn sns_is_denied() {
    let world = plain_world().await;
    let topic = world.scene.create_topic("deployment-alerts-prod").await;
    world.fault(On::service("SNS").always(), Fault::Denied);
    let mut job = job(&world);
    let with = [("sns_topic_arn", topic.as_str())];
    let guard = guard(&mut job, &with).await;
    guard.assert_code(0);
    summed(&guard, "sns:Publish");
    deploy(&mut job, Behaviour::healthy("v2")).await;
    assert_eq!(job.finish().await, "success");
    says(&record(&world).await, "success", "healthy", "healthy");
}

async fn sns_is_told() {
    let world = plain_world().await;
    let topic = world.scene.create_topic("deployment-alerts-prod").await;
    let mut job = job(&world);
    let with = [("sns_topic_arn", topic.as_str())];
    guard(&mut job, &with).await.assert_code(0);
    deploy(&mut job, Behaviour::broken("v2")).await;
    verify(&mut job, &with).await.assert_code(4);
    job.finish().await;
    let mails = world.aws.published();
    assert_eq!(mails.len(), 2, "{mails:#?}");
    assert!(
        mails[1]
            .subject
            .clone()
            .unwrap_or_default()
            .contains("health check failed"),
        "{mails:#?}"
    );
    assert_eq!(mails[1].message_structure.as_deref(), Some("json"));
}
