//! What stands before a deployment: checks that refuse, checks that cannot be made, and what overrides them.

use super::scene::*;
use crate::world::World;
use crate::world::app::Behaviour;
use crate::world::aws_client::small_stack;
use crate::world::faults::{Fault, On};
use crate::world::runner_result::StepResult;

stories![
    frozen,
    a_dry_run_tells_what_would_be_refused,
    a_freeze_elsewhere_in_time,
    approval_missing,
    approval_given_and_given_for_a_rerun,
    approval_bypassed,
    approval_unreadable,
    required_checks_red_missing_pending_green,
    a_branch_that_is_not_allowed,
    behind_the_live_one,
    the_stack_is_changing,
    a_stack_that_cannot_be_read,
    github_is_down_for_a_deploy,
    github_is_down_for_a_hotfix,
    forced,
    force_never_overrides_these,
    a_hotfix_skips,
    all_results_stand_in_the_summary,
];

const CI: &str = "required_checks: [ci]";

async fn with(lines: &[&str]) -> World {
    let world = World::new().await;
    let config = lines.iter().fold(Config::new(&world), |c, l| c.env(l));
    config.put(&world);
    world
}

async fn a_dry_run_tells_what_would_be_refused() {
    let world =
        with(&["freeze: [ { from: 2020-01-01T00:00, to: 2099-01-01T00:00, reason: year end } ]"])
            .await;
    let mut job = job(&world);
    let guard = guard(&mut job, &[("dry_run", "true")]).await;
    refused(&guard, 0, "frozen");
    assert_eq!(guard.output("decision"), "stop");
    summed(&guard, "It would be refused");
    summed(&guard, "year end");
    assert!(
        guard.annotations.iter().any(|a| a.level == "warning"),
        "{}",
        guard.story()
    );
    let verify = verify(&mut job, &[]).await;
    refused(&verify, 0, "dry_run");
    assert_eq!(job.finish().await, "success");
    assert!(world.items().await.is_empty(), "a dry run keeps no refusal");
}

/// One guard step and its post; nothing must be left behind but a refusal.
async fn refusal(world: &World, more: &[(&str, &str)], code: i32, reason: &str) -> StepResult {
    let before = records(world).await.len();
    let mut job = job(world);
    let guard = guard(&mut job, more).await;
    refused(&guard, code, reason);
    job.finish().await;
    job.post("guard").assert_code(0);
    assert_eq!(records(world).await.len(), before);
    assert_free(world).await;
    let kept = items(world, "dg#refused#prod#todo").await;
    assert!(
        kept.iter().any(|r| r.to_string().contains(reason)),
        "{kept:#?}"
    );
    guard
}

async fn allowed(world: &World, more: &[(&str, &str)]) -> StepResult {
    let mut job = job(world);
    let guard = guard(&mut job, more).await;
    guard.assert_code(0);
    assert_eq!(guard.output("deploy_needed"), "true", "{}", guard.story());
    deploy(&mut job, Behaviour::healthy("next")).await;
    assert_eq!(job.finish().await, "success");
    guard
}

/// A window from an hour ago to an hour ahead by Seoul's clocks, called the local time of this zone.
fn freeze(zone: &str) -> String {
    let seoul = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::get("Asia/Seoul").unwrap());
    let word = |hours: i64| {
        let at = &seoul + jiff::SignedDuration::from_hours(hours);
        at.strftime("%Y-%m-%dT%H:%M").to_string()
    };
    format!(
        "freeze: [ {{ from: {}, to: {}, time_zone: {zone}, reason: 연말 }} ]",
        word(-1),
        word(1)
    )
}

async fn frozen() {
    let world = with(&[&freeze("Asia/Seoul")]).await;
    let guard = refusal(&world, &[], 3, "frozen").await;
    summed(&guard, "연말");
    assert_told(&world, &[]);
}

async fn a_freeze_elsewhere_in_time() {
    let world = with(&[&freeze("UTC")]).await;
    allowed(&world, &[]).await;
}

async fn approval_missing() {
    let world = with(&["aliases: [production]", "approval: required"]).await;
    let guard = refusal(&world, &[], 3, "approval_missing").await;
    summed(&guard, "production");
    world.github.with(|hub| hub.commit("next"));
    refusal(&world, &[("force_deploy", "true")], 3, "approval_missing").await;
}

async fn approval_given_and_given_for_a_rerun() {
    let world = with(&["github_environment: production", "approval: required"]).await;
    let mut first = job(&world);
    let run = first.run_id;
    world.github.with(|hub| {
        hub.environment("production", &["lead"]);
        hub.approve(run, "production", "lead");
    });
    let begun = guard(&mut first, &[]).await;
    begun.assert_code(0);
    summed(&begun, "@lead");
    first.lose_machine();
    first.finish().await;
    let (attempt, id) = world.github.with(|hub| hub.rerun(run, "dev"));
    let mut again = job_with(&world, |spec| spec.existing = Some((run, attempt, id)));
    let begun = guard(&mut again, &[]).await;
    begun.assert_code(0);
    summed(&begun, "attempt 2");
    again.finish().await;
}

async fn approval_bypassed() {
    let world = with(&["github_environment: production", "approval: required"]).await;
    let mut job = job(&world);
    let run = job.run_id;
    world.github.with(|hub| {
        hub.environment("production", &["lead"]);
        hub.approve(run, "production", "root");
    });
    let guard = guard(&mut job, &[]).await;
    guard.assert_code(0);
    summed(&guard, "administrator bypass");
    job.finish().await;
}

async fn approval_unreadable() {
    let world = with(&["approval: required"]).await;
    world.fault(
        On::service("GitHub").containing("/approvals").always(),
        Fault::Status(500),
    );
    refusal(&world, &[], 6, "check_unavailable").await;
    refusal(
        &world,
        &[("deployment_type", "hotfix")],
        6,
        "check_unavailable",
    )
    .await;
    refusal(&world, &[("force_deploy", "true")], 6, "check_unavailable").await;
}

async fn required_checks_red_missing_pending_green() {
    let world = with(&[CI]).await;
    let sha = world.github.with(|hub| hub.head());
    refusal(&world, &[], 3, "checks_not_green").await;
    for conclusion in [Some("failure"), None, Some("cancelled")] {
        world
            .github
            .with(|hub| hub.check_run(&sha, "ci", conclusion));
        let guard = refusal(&world, &[], 3, "checks_not_green").await;
        summed(&guard, "ci");
    }
    world
        .github
        .with(|hub| hub.check_run(&sha, "ci", Some("success")));
    allowed(&world, &[]).await;
}

async fn a_branch_that_is_not_allowed() {
    let world = with(&["branches: [main, \"release/*\"]"]).await;
    world.github.with(|hub| {
        hub.commit_on("feature", "not yet");
        hub.commit_on("release/1", "almost");
    });
    let mut feature = job_with(&world, |spec| spec.branch = "feature".into());
    let first = guard(&mut feature, &[]).await;
    refused(&first, 3, "branch_not_allowed");
    summed(&first, "feature");
    let mut release = job_with(&world, |spec| spec.branch = "release/1".into());
    guard(&mut release, &[]).await.assert_code(0);
    release.finish().await;
}

async fn behind_the_live_one() {
    let world = plain_world().await;
    let old = world.github.with(|hub| hub.head());
    world.github.with(|hub| hub.commit("newer"));
    good(&world).await;
    let mut late = job_with(&world, |spec| spec.sha = Some(old.clone()));
    let first = guard(&mut late, &[]).await;
    refused(&first, 3, "behind_live");
    let mut forced = job_with(&world, |spec| spec.sha = Some(old));
    guard(&mut forced, &[("force_deploy", "1")])
        .await
        .assert_code(0);
    forced.finish().await;
}

async fn the_stack_is_changing() {
    let world = with(&["stack: App"]).await;
    world
        .scene
        .create_stack("App", &small_stack(&[]), &[])
        .await;
    world
        .aws
        .stacks()
        .show_status("App", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS");
    for more in [
        &[][..],
        &[("deployment_type", "hotfix")],
        &[("force_deploy", "true")],
    ] {
        let guard = refusal(&world, more, 3, "stack_unsettled").await;
        summed(&guard, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS");
    }
}

async fn a_stack_that_cannot_be_read() {
    let world = with(&["stack: App"]).await;
    world.fault(On::service("CloudFormation").always(), Fault::Denied);
    let guard = refusal(
        &world,
        &[("deployment_type", "hotfix")],
        6,
        "check_unavailable",
    )
    .await;
    summed(&guard, "cloudformation:DescribeStacks");
}

async fn github_is_down_for_a_deploy() {
    let world = with(&[CI]).await;
    world.fault(
        On::service("GitHub").containing("/commits").always(),
        Fault::Status(502),
    );
    refusal(&world, &[], 6, "check_unavailable").await;
}

async fn github_is_down_for_a_hotfix() {
    let world = with(&[CI]).await;
    world.fault(
        On::service("GitHub").containing("/commits").always(),
        Fault::Status(502),
    );
    allowed(&world, &[("deployment_type", "hotfix")]).await;
}

async fn forced() {
    let world = with(&[&freeze("Asia/Seoul"), CI]).await;
    let guard = allowed(
        &world,
        &[("force_deploy", "TRUE"), ("reason", "payments are down")],
    )
    .await;
    summed(&guard, "payments are down");
    summed(&guard, "overridden");
    let id = guard.output("deployment_id");
    let journal = world.items().await;
    let first = journal
        .iter()
        .find(|i| i["deploymentId"] == id && i["timestamp"] == "~e#0001")
        .unwrap();
    assert!(
        first.to_string().matches("\\\"overridden\\\":true").count() >= 2,
        "{first:#?}"
    );
    assert!(first.to_string().contains("\\\"actor\\\":\\\"dev\\\""));
    let texts = world.slack.texts();
    assert_eq!(
        texts.iter().filter(|t| t.contains("Forced")).count(),
        1,
        "{texts:?}"
    );
}

async fn force_never_overrides_these() {
    let world = plain_world().await;
    let mut first = job(&world);
    guard(&mut first, &[]).await.assert_code(0);
    let mut second = job(&world);
    let more = [("force_deploy", "true")];
    let forced = guard(&mut second, &more).await;
    refused(&forced, 3, "locked");
    first.finish().await;
}

async fn a_hotfix_skips() {
    let world = with(&[&freeze("Asia/Seoul"), "branches: [main]"]).await;
    world.github.with(|hub| hub.commit_on("fix", "the fix"));
    let mut job = job_with(&world, |spec| spec.branch = "fix".into());
    let guard = guard(&mut job, &[("deployment_type", "hotfix")]).await;
    guard.assert_code(0);
    deploy(&mut job, Behaviour::healthy("fix")).await;
    job.finish().await;
    let record = record(&world).await;
    assert_eq!(record["deploymentType"], "hotfix");
    says(&record, "success", "healthy", "healthy");
    assert_eq!(items(&world, "dg#totals#prod#todo").await[0]["t_hotfix"], 1);
    assert_told(&world, &["Hotfix started", "Hotfix succeeded"]);
}

async fn all_results_stand_in_the_summary() {
    let world = with(&[&freeze("Asia/Seoul"), CI, "approval: required"]).await;
    let guard = refusal(&world, &[], 3, "frozen").await;
    for check in [
        "Freeze window | ⛔",
        "Approval | ⛔",
        "Required checks | ⛔",
        "Lock | ✅",
    ] {
        summed(&guard, check);
    }
}
