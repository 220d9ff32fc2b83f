//! Signals and sudden ends at every stage: the record says so in the end, and nothing is deployed unguarded.

use std::time::Duration;

use super::scene::*;
use crate::world::World;
use crate::world::app::Behaviour;
use crate::world::faults::{Fault, On};
use crate::world::runner_process::{Interrupt, What};

stories![
    interrupted_before_the_lock,
    terminated_before_the_lock,
    cancelled_after_the_lock,
    terminated_after_the_lock_alone,
    cancelled_in_verify,
    verify_timed_out,
    terminated_in_post,
    stopped_while_the_store_hangs,
    killed_before_the_transaction,
    killed_after_the_transaction,
    machine_lost_in_main,
    machine_lost_in_verify,
    machine_lost_while_deploying,
];

fn writes_started(world: &World) -> impl FnMut() -> bool + Send + 'static {
    seen(world, "DynamoDB", "TransactWriteItems")
}

/// True once such a call was answered.
fn seen(
    world: &World,
    service: &'static str,
    op: &'static str,
) -> impl FnMut() -> bool + Send + 'static {
    let calls = world.calls.clone();
    move || {
        calls
            .all()
            .0
            .iter()
            .any(|c| c.service == service && c.operation == op && c.ended.is_some())
    }
}

/// True once such a call has begun.
fn begun(
    world: &World,
    service: &'static str,
    op: &'static str,
) -> impl FnMut() -> bool + Send + 'static {
    let calls = world.calls.clone();
    move || calls.all().count(service, op) > 0
}

async fn before_the_lock(signal: &'static str, code: i32) {
    let world = plain_world().await;
    world.fault(
        On::op("Query").always(),
        Fault::Slow(Duration::from_secs(8)),
    );
    let mut job = job(&world);
    let uses = step(&world, "guard", &[]).interrupt(Interrupt::once(
        begun(&world, "DynamoDB", "Query"),
        What::Signal(signal),
    ));
    let guard = job.step(uses).await;
    world.faults.clear();
    refused(&guard, code, "interrupted");
    assert!(
        guard.took_after_signal() < Duration::from_secs(5),
        "{}",
        guard.story()
    );
    let mark = world.calls.mark();
    job.finish().await;
    job.post("guard").assert_code(0);
    assert!(
        world.calls.since(mark).0.is_empty(),
        "there was nothing to finish"
    );
    assert!(world.items().await.is_empty());
}

async fn interrupted_before_the_lock() {
    before_the_lock("INT", 130).await;
}

async fn terminated_before_the_lock() {
    before_the_lock("TERM", 143).await;
}

async fn cancelled_after_the_lock() {
    let world = plain_world().await;
    world.fault(
        On::service("Slack").always(),
        Fault::Slow(Duration::from_secs(6)),
    );
    let mut job = job(&world);
    let uses = step(&world, "guard", &[]).interrupt(Interrupt::once(
        begun(&world, "Slack", "webhook"),
        What::Cancel,
    ));
    let guard = job.step(uses).await;
    world.faults.clear();
    guard.assert_code(130);
    assert_eq!(guard.output("deploy_needed"), "false", "{}", guard.story());
    assert!(
        guard.took_after_signal() < Duration::from_secs(6),
        "{}",
        guard.story()
    );
    assert_eq!(job.finish().await, "cancelled");
    job.post("guard").assert_code(130);
    says(&record(&world).await, "cancelled", "-", "cancelled");
    assert_free(&world).await;
}

/// A signal without a cancel: the job is called failed, the record says what happened.
async fn terminated_after_the_lock_alone() {
    let world = plain_world().await;
    world.fault(
        On::service("Slack").always(),
        Fault::Slow(Duration::from_secs(6)),
    );
    let mut job = job(&world);
    let uses = step(&world, "guard", &[]).interrupt(Interrupt::once(
        begun(&world, "Slack", "webhook"),
        What::Signal("TERM"),
    ));
    let guard = job.step(uses).await;
    world.faults.clear();
    guard.assert_code(143);
    assert_eq!(guard.output("deploy_needed"), "false", "{}", guard.story());
    assert_eq!(job.finish().await, "failure");
    job.post("guard").assert_code(143);
    says(&record(&world).await, "cancelled", "-", "cancelled");
    assert_free(&world).await;
}

async fn watching(world: &World, what: What) -> (String, Duration) {
    Config::new(world)
        .versioned(world)
        .gates("early_pass: false")
        .gates("window: 60s")
        .put(world);
    let mut job = job(world);
    let guard = guard(&mut job, &[]).await;
    guard.assert_code(0);
    let sha = job.sha.clone();
    deploy(&mut job, Behaviour::healthy(&sha)).await;
    let uses = verify_step(world, &[]).interrupt(Interrupt::at_line("gates:", what));
    let verify = job.step(uses).await;
    if what != What::MachineLost {
        verify.assert_code(130);
    }
    job.finish().await;
    if what != What::MachineLost {
        job.post("verify").assert_code(130);
        job.post("guard").assert_code(0);
    }
    (
        guard.output("deployment_id").to_owned(),
        verify.took_after_signal(),
    )
}

async fn cancelled_in_verify() {
    let world = World::new().await;
    let (id, took) = watching(&world, What::Cancel).await;
    assert!(took < Duration::from_secs(6), "{took:?}");
    says(
        &record_of(&world, &id).await,
        "cancelled",
        "-",
        "cancelled_live",
    );
    assert_free(&world).await;
    assert_told(&world, &["started", "cancelled"]);
}

async fn verify_timed_out() {
    let world = World::new().await;
    let (id, _) = watching(&world, What::StepTimeout).await;
    says(
        &record_of(&world, &id).await,
        "cancelled",
        "-",
        "cancelled_live",
    );
    assert_free(&world).await;
}

async fn terminated_in_post() {
    let world = World::new().await;
    Config::new(&world)
        .gates("early_pass: false")
        .gates("window: 60s")
        .put(&world);
    let mut job = job(&world);
    let uses = step(&world, "guard", &[])
        .interrupt_post(Interrupt::at_line("gates:", What::Signal("TERM")));
    job.step(uses).await.assert_code(0);
    deploy(&mut job, Behaviour::healthy("v2")).await;
    job.finish().await;
    job.post("guard").assert_code(143);
    says(&record(&world).await, "cancelled", "-", "cancelled_live");
    assert_free(&world).await;
}

async fn stopped_while_the_store_hangs() {
    let world = plain_world().await;
    world.fault(On::op("TransactWriteItems").always(), Fault::Hang);
    let mut job = job(&world);
    let uses = step(&world, "guard", &[]).interrupt(Interrupt::once(
        begun(&world, "DynamoDB", "TransactWriteItems"),
        What::Cancel,
    ));
    let guard = job.step(uses).await;
    world.faults.clear();
    guard.assert_code(130);
    assert_ne!(guard.output("deploy_needed"), "true");
    assert!(
        guard.took_after_signal() < Duration::from_secs(7),
        "{}",
        guard.story()
    );
    job.finish().await;
    job.post("guard").assert_code(0);
    assert_free(&world).await;
}

async fn killed_before_the_transaction() {
    let world = plain_world().await;
    world.fault(On::op("TransactWriteItems").always(), Fault::Hang);
    let mut job = job(&world);
    let uses = step(&world, "guard", &[]).interrupt(Interrupt::once(
        begun(&world, "DynamoDB", "TransactWriteItems"),
        What::Signal("KILL"),
    ));
    let guard = job.step(uses).await;
    world.faults.clear();
    assert_eq!((guard.signal, guard.output("deploy_needed")), (Some(9), ""));
    assert_eq!(job.finish().await, "failure");
    job.post("guard").assert_code(0);
    assert!(world.items().await.is_empty());
}

async fn killed_after_the_transaction() {
    let world = plain_world().await;
    world.fault(On::op("TransactWriteItems"), Fault::WorkedThenHung);
    let mut job = job(&world);
    // The work is done when it has begun and a little time has passed; the answer never comes.
    let (mut asked, mut since) = (begun(&world, "DynamoDB", "TransactWriteItems"), None);
    let done = move || {
        let now = std::time::Instant::now();
        asked() && now.duration_since(*since.get_or_insert(now)) > Duration::from_millis(500)
    };
    let uses = step(&world, "guard", &[]).interrupt(Interrupt::once(done, What::Signal("KILL")));
    let guard = job.step(uses).await;
    assert_eq!(guard.signal, Some(9));
    assert_eq!(guard.output("deploy_needed"), "");
    job.finish().await;
    job.post("guard").assert_code(1);
    assert_free(&world).await;
    let unseen = "deploy_failed_unseen";
    says(&record(&world).await, "failure", "healthy", unseen);
}

async fn machine_lost_in_main() {
    let world = plain_world().await;
    world.fault(On::service("Slack"), Fault::Slow(Duration::from_secs(5)));
    let mut job = job(&world);
    let uses = step(&world, "guard", &[])
        .interrupt(Interrupt::once(writes_started(&world), What::MachineLost));
    let lost = job.step(uses).await;
    assert_eq!(lost.signal, Some(9), "{}", lost.story());
    job.finish().await;
    let abandoned = record(&world).await;
    assert_eq!(abandoned["status"], "in_progress");
    next_run_takes_over(
        &world,
        abandoned["deploymentId"].as_str().unwrap_or_default(),
        "failure",
    )
    .await;
}

async fn machine_lost_while_deploying() {
    let world = plain_world().await;
    let mut job = job(&world);
    let guard = guard(&mut job, &[]).await;
    guard.assert_code(0);
    job.lose_machine();
    job.finish().await;
    next_run_takes_over(&world, guard.output("deployment_id"), "failure").await;
}

async fn machine_lost_in_verify() {
    let world = World::new().await;
    let (id, _) = watching(&world, What::MachineLost).await;
    assert_held(&world, &id).await;
    // The next run wants another version; the abandoned one is judged by its own.
    Config::new(&world).versioned(&world).put(&world);
    next_run_takes_over(&world, &id, "success").await;
}

async fn next_run_takes_over(world: &World, id: &str, status: &str) {
    let sha = world.github.with(|hub| hub.commit("the next one"));
    let mut job = job(world);
    let guard = guard(&mut job, &[]).await;
    guard.assert_code(0);
    assert_eq!(guard.output("deploy_needed"), "true");
    let closed = record_of(world, id).await;
    assert_eq!(closed["status"], status, "{closed:#?}");
    assert_held(world, guard.output("deployment_id")).await;
    assert!(
        world.slack.texts().iter().any(|t| t.contains("taken over")),
        "{:?}",
        world.slack.texts()
    );
    deploy(&mut job, Behaviour::healthy(&sha)).await;
    assert_eq!(job.finish().await, "success");
    assert_free(world).await;
}
