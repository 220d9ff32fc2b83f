//! One deployment at a time: refused, waited for, handed over, taken over, fenced off.

use std::time::Duration;

use super::scene::*;
use crate::world::World;
use crate::world::app::Behaviour;
use crate::world::faults::{Fault, On};
use crate::world::runner::Job;

stories![
    the_second_run_is_refused,
    two_in_the_same_second,
    waited_for_until_it_is_free,
    superseded_while_it_waited,
    a_hotfix_gets_the_lock_of_a_watcher,
    a_doomed_hotfix_disturbs_nobody,
    a_deploying_holder_is_not_disturbed,
    matrix_legs_of_one_run,
    a_rerun_of_a_run_that_died,
    a_process_that_outlived_its_job,
    github_unreadable_means_alive,
    other_services_do_not_wait,
    a_record_that_is_gone_holds_nobody_up,
    the_keeper_frees_a_lock_without_a_record,
    a_job_whose_own_record_is_gone,
    a_record_that_cannot_be_read_is_left_to_a_person,
];

async fn holding(world: &World) -> (Job<'_>, String) {
    let mut job = job(world);
    let guard = guard(&mut job, &[]).await;
    guard.assert_code(0);
    let id = guard.output("deployment_id").to_owned();
    (job, id)
}

async fn the_second_run_is_refused() {
    let world = plain_world().await;
    let (mut first, id) = holding(&world).await;
    let mut second = job(&world);
    let guard = guard(&mut second, &[]).await;
    refused(&guard, 3, "locked");
    let url = format!(
        "https://github.com/hanbit/todo/actions/runs/{}",
        first.run_id
    );
    for part in [
        url.as_str(),
        &id,
        &format!("gh run cancel {}", first.run_id),
    ] {
        summed(&guard, part);
    }
    let mark = world.calls.mark();
    assert_eq!(second.finish().await, "failure");
    second.post("guard").assert_code(0);
    assert!(
        world.calls.since(mark).0.is_empty(),
        "a refused run touches nothing afterwards"
    );
    assert_held(&world, &id).await;
    let refusals = items(&world, "dg#refused#prod#todo").await;
    assert_eq!(refusals.len(), 1);
    assert!(refusals[0].get("environment").is_none() && refusals[0].get("status").is_none());
    assert_eq!(records(&world).await.len(), 1, "a refusal is no deployment");
    deploy(&mut first, Behaviour::healthy("v2")).await;
    assert_eq!(first.finish().await, "success");
}

async fn two_in_the_same_second() {
    let world = plain_world().await;
    world.delay(50);
    let (mut a, mut b) = (job(&world), job(&world));
    let (first, second) = tokio::join!(guard(&mut a, &[]), guard(&mut b, &[]));
    let mut codes = [first.code, second.code];
    codes.sort();
    assert_eq!(
        codes,
        [Some(0), Some(3)],
        "{}\n{}",
        first.story(),
        second.story()
    );
    let loser = if first.code == Some(0) {
        &second
    } else {
        &first
    };
    refused(loser, 3, "locked");
    assert_eq!(records(&world).await.len(), 1);
}

async fn waited_for_until_it_is_free() {
    let world = World::new().await;
    Config::new(&world).env("lock: { wait: 60s }").put(&world);
    let (mut first, _) = holding(&world).await;
    let next = world.github.with(|hub| hub.commit("the next one"));
    let mut second = job(&world);
    let end_first = async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        deploy(&mut first, Behaviour::healthy("v2")).await;
        first.finish().await
    };
    let (guard, ended) = tokio::join!(guard(&mut second, &[]), end_first);
    assert_eq!(ended, "success");
    guard.assert_code(0);
    assert_eq!(
        (guard.output("deploy_needed"), guard.output("ref")),
        ("true", next.as_str())
    );
    logged(&guard, "waiting");
    second.finish().await;
}

async fn superseded_while_it_waited() {
    let world = World::new().await;
    Config::new(&world).env("lock: { wait: 60s }").put(&world);
    let old = world.github.with(|hub| hub.head());
    world.github.with(|hub| hub.commit("a newer one"));
    let (mut first, _) = holding(&world).await;
    let mut second = job_with(&world, |spec| spec.sha = Some(old));
    let end_first = async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        deploy(&mut first, Behaviour::healthy("v2")).await;
        first.finish().await
    };
    let (guard, _) = tokio::join!(guard(&mut second, &[]), end_first);
    guard.assert_code(0);
    let output = |name| guard.output(name);
    assert_eq!(
        (
            output("deploy_needed"),
            output("status"),
            output("reason_code")
        ),
        ("false", "superseded", "superseded"),
        "{}",
        guard.story()
    );
    let verify = verify(&mut second, &[]).await;
    verify.assert_code(0);
    assert_eq!(verify.output("status"), "superseded");
    assert_eq!(second.finish().await, "success");
    assert_eq!(records(&world).await.len(), 2);
    says(
        &record_of(&world, output("deployment_id")).await,
        "superseded",
        "-",
        "superseded",
    );
    assert_told(&world, &["started", "succeeded", "superseded"]);
    assert_free(&world).await;
}

async fn a_hotfix_gets_the_lock_of_a_watcher() {
    let world = World::new().await;
    Config::new(&world)
        .gates("early_pass: false")
        .gates("window: 60s")
        .put(&world);
    let (mut first, id) = holding(&world).await;
    deploy(&mut first, Behaviour::healthy("v2")).await;
    world.github.with(|hub| hub.commit("the fix"));
    let mut second = job(&world);
    let hotfix = async {
        while head(&world).await["mode"] != "watching" {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let before = std::time::Instant::now();
        let guard = guard(&mut second, &[("deployment_type", "hotfix")]).await;
        (guard, before.elapsed())
    };
    let (watcher, (guard, took)) = tokio::join!(verify(&mut first, &[]), hotfix);
    guard.assert_code(0);
    assert!(took < Duration::from_secs(12), "{took:?}");
    assert!(guard.output("deployment_id").starts_with("hotfix-"));
    watcher.assert_code(5);
    assert_eq!(
        (watcher.output("verdict"), watcher.output("reason_code")),
        ("inconclusive", "yielded")
    );
    first.finish().await;
    first.post("guard").assert_code(0);
    says(
        &record_of(&world, &id).await,
        "success",
        "inconclusive",
        "yielded",
    );
    assert_held(&world, guard.output("deployment_id")).await;
}

async fn a_doomed_hotfix_disturbs_nobody() {
    let world = World::new().await;
    Config::new(&world)
        .gates("early_pass: false")
        .env("approval: { deploy: none, rollback: required }")
        .put(&world);
    let (mut first, _) = holding(&world).await;
    deploy(&mut first, Behaviour::healthy("v2")).await;
    let mut second = job(&world);
    let rollback = async {
        while head(&world).await["mode"] != "watching" {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        guard(&mut second, &[("deployment_type", "rollback")]).await
    };
    let (watcher, guard) = tokio::join!(verify(&mut first, &[]), rollback);
    assert_eq!(guard.code, Some(3), "{}", guard.story());
    watcher.assert_code(0);
    assert_eq!(watcher.output("verdict"), "healthy");
}

async fn a_deploying_holder_is_not_disturbed() {
    let world = plain_world().await;
    let (mut first, id) = holding(&world).await;
    world.github.with(|hub| hub.commit("the fix"));
    let mut second = job(&world);
    let guard = guard(&mut second, &[("deployment_type", "hotfix")]).await;
    refused(&guard, 3, "locked");
    assert_eq!(head(&world).await.get("yieldTo"), None);
    assert_held(&world, &id).await;
    deploy(&mut first, Behaviour::healthy("v2")).await;
    assert_eq!(first.finish().await, "success");
}

async fn matrix_legs_of_one_run() {
    let world = plain_world().await;
    let (first, id) = holding(&world).await;
    let leg = world
        .github
        .with(|hub| hub.add_job(first.run_id, "deploy (b)"));
    let (run, attempt) = (first.run_id, first.attempt);
    let mut second = job_with(&world, |spec| spec.existing = Some((run, attempt, leg)));
    let guard = guard(&mut second, &[]).await;
    refused(&guard, 3, "locked");
    second.finish().await;
    second.post("guard").assert_code(0);
    assert_held(&world, &id).await;
    assert_eq!(record(&world).await["status"], "in_progress");
}

async fn a_rerun_of_a_run_that_died() {
    let world = plain_world().await;
    let (mut first, id) = holding(&world).await;
    first.lose_machine();
    first.finish().await;
    let run = first.run_id;
    let (attempt, job_id) = world.github.with(|hub| hub.rerun(run, "dev"));
    let mut again = job_with(&world, |spec| spec.existing = Some((run, attempt, job_id)));
    let guard = guard(&mut again, &[]).await;
    guard.assert_code(0);
    assert_ne!(guard.output("deployment_id"), id);
    assert_eq!(record_of(&world, &id).await["status"], "failure");
    deploy(&mut again, Behaviour::healthy("v2")).await;
    assert_eq!(again.finish().await, "success");
    says(
        &record_of(&world, guard.output("deployment_id")).await,
        "success",
        "healthy",
        "healthy",
    );
}

async fn a_process_that_outlived_its_job() {
    let world = World::new().await;
    Config::new(&world)
        .gates("early_pass: false")
        .gates("window: 20s")
        .put(&world);
    let (mut first, id) = holding(&world).await;
    deploy(&mut first, Behaviour::healthy("v2")).await;
    let first_job = first.job_id;
    world.github.with(|hub| hub.commit("the next one"));
    let mut second = job(&world);
    let next = async {
        while head(&world).await["mode"] != "watching" {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        world.github.with(|hub| hub.end_job(first_job, "failure"));
        Config::new(&world).put(&world);
        guard(&mut second, &[]).await
    };
    let (outlived, guard) = tokio::join!(verify(&mut first, &[]), next);
    guard.assert_code(0);
    // Its code says how the deployment was closed, which was not its own doing; refused while it is still open.
    assert!(matches!(outlived.code, Some(0 | 3)), "{}", outlived.story());
    summed(&outlived, "in other hands");
    says(
        &record_of(&world, &id).await,
        "success",
        "healthy",
        "healthy",
    );
    let head = head(&world).await;
    assert!(
        head["holder"]
            .to_string()
            .contains(guard.output("deployment_id")),
        "{head:#?}"
    );
}

async fn github_unreadable_means_alive() {
    let world = plain_world().await;
    let (mut first, id) = holding(&world).await;
    first.lose_machine();
    first.finish().await;
    world.fault(
        On::op("GET /repos/{o}/{r}/actions/jobs/{job}").always(),
        Fault::Status(500),
    );
    let mut second = job(&world);
    let guard = guard(&mut second, &[]).await;
    refused(&guard, 3, "locked");
    assert_held(&world, &id).await;
}

async fn other_services_do_not_wait() {
    let world = plain_world().await;
    let (_first, id) = holding(&world).await;
    let mut other = job(&world);
    let guard = guard(&mut other, &[("service", "billing")]).await;
    guard.assert_code(0);
    assert_held(&world, &id).await;
}

/// A job that died holding the lock, and what somebody does to its record.
async fn left_behind(world: &World, change: impl AsyncFnOnce(&World, &str)) -> String {
    let (mut first, id) = holding(world).await;
    first.lose_machine();
    first.finish().await;
    change(world, &id).await;
    world.github.with(|hub| hub.commit("the next one"));
    id
}

/// Record, journal and evidence, deleted by hand.
async fn delete_record(world: &World, id: &str) {
    for item in items(world, id).await {
        let key = serde_json::json!({
            "deploymentId": { "S": item["deploymentId"] }, "timestamp": { "S": item["timestamp"] },
        });
        let ask = serde_json::json!({ "TableName": TABLE, "Key": key });
        world.scene.dynamo("DeleteItem", &ask).await;
    }
}

/// The first entry's body is no journal's any more.
async fn break_journal(world: &World, id: &str) {
    let all = world.scene.items(TABLE).await;
    let first = |i: &serde_json::Value| {
        i["deploymentId"]["S"] == id && i["timestamp"]["S"].as_str().unwrap_or("").starts_with("~e")
    };
    let mut item = all.into_iter().find(first).expect("a first entry");
    item["body"] = serde_json::json!({ "S": "[{\"is\": \"something else\"}]" });
    world.scene.put_item(TABLE, &item).await;
}

async fn a_record_that_is_gone_holds_nobody_up() {
    let world = plain_world().await;
    let lost = left_behind(&world, delete_record).await;
    let mut second = job(&world);
    let guard = guard(&mut second, &[]).await;
    guard.assert_code(0);
    assert_eq!(guard.output("deploy_needed"), "true", "{}", guard.story());
    logged(&guard, &format!("freed the lock that named {lost}"));
    deploy(&mut second, Behaviour::healthy("v2")).await;
    assert_eq!(second.finish().await, "success");
    assert_free(&world).await;
    assert!(
        world.slack.texts().iter().any(|t| t.contains("taken over")),
        "{:#?}",
        world.slack.texts()
    );
}

async fn the_keeper_frees_a_lock_without_a_record() {
    let world = plain_world().await;
    let lost = left_behind(&world, delete_record).await;
    let kept = keep(&world).await;
    assert_eq!(kept.code, Some(0), "{kept:#?}");
    assert!(said(&kept).contains(&lost), "{kept:#?}");
    assert_free(&world).await;
    let again = keep(&world).await;
    assert_eq!(again.code, Some(0), "{again:#?}");
    assert!(!said(&again).contains(&lost), "{again:#?}");
}

async fn a_job_whose_own_record_is_gone() {
    let world = plain_world().await;
    let (mut first, id) = holding(&world).await;
    delete_record(&world, &id).await;
    deploy(&mut first, Behaviour::healthy("v2")).await;
    assert_eq!(first.finish().await, "failure");
    let post = first.post("guard");
    post.assert_code(6);
    summed(post, &id);
    assert_free(&world).await;
}

async fn a_record_that_cannot_be_read_is_left_to_a_person() {
    let world = plain_world().await;
    let lost = left_behind(&world, break_journal).await;
    let kept = keep(&world).await;
    assert_eq!(kept.code, Some(6), "{kept:#?}");
    assert!(said(&kept).contains("lock prod --release"), "{kept:#?}");
    let mut second = job(&world);
    let refusal = guard(&mut second, &[]).await;
    refused(&refusal, 6, "store_unreachable");
    summed(&refusal, &lost);
    summed(&refusal, "lock prod --release");
    second.finish().await;
    assert_held(&world, &lost).await;
    let released = command(&world, &["lock", "prod", "--release", "--table", TABLE]).await;
    assert_eq!(released.code, Some(0), "{released:#?}");
    assert!(said(&released).contains("cannot be read"), "{released:#?}");
    assert_free(&world).await;
    assert_eq!(record_of(&world, &lost).await["status"], "in_progress");
    let mut third = job(&world);
    guard(&mut third, &[]).await.assert_code(0);
}
