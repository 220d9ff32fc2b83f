//! Going back by the button: which version, refused or not, and what becomes of the one that is left.

use super::scene::*;
use crate::world::World;
use crate::world::app::Behaviour;
use crate::world::runner_result::StepResult;

stories![
    to_the_last_success,
    a_dry_run_names_the_target,
    to_what_served_before,
    two_back,
    by_deployment_and_by_commit,
    targets_that_cannot_be,
    before_an_irreversible_one,
    a_rollback_that_is_bad_too,
    the_version_gate_wants_the_targets_version,
];

/// That many good deployments: (id, commit) of each.
async fn past(world: &World, n: usize) -> Vec<(String, String)> {
    let mut past = Vec::new();
    for i in 0..n {
        if i > 0 {
            world.github.with(|hub| hub.commit(&format!("version {i}")));
        }
        let id = good(world).await;
        past.push((id, world.github.with(|hub| hub.head())));
    }
    past
}

async fn back(world: &World, target: &str) -> StepResult {
    let mut job = job(world);
    let with = [("deployment_type", "rollback"), ("rollback_target", target)];
    let guard = guard(&mut job, &with).await;
    guard.assert_code(0);
    assert_eq!(guard.output("deploy_needed"), "true", "{}", guard.story());
    let wanted = guard.output("ref").to_owned();
    deploy(&mut job, Behaviour::healthy(&wanted)).await;
    let verify = verify(&mut job, &with).await;
    verify.assert_code(0);
    assert_eq!(job.finish().await, "success");
    guard
}

async fn to_the_last_success() {
    let world = plain_world().await;
    let past = past(&world, 2).await;
    let guard = back(&world, "").await;
    assert_eq!(guard.output("ref"), past[0].1);
    assert_eq!(guard.output("rollback_target"), past[0].0);
    assert!(guard.output("deployment_id").starts_with("rollback-"));
    assert_eq!(record_of(&world, &past[1].0).await["status"], "rolled_back");
    let rollback = record_of(&world, guard.output("deployment_id")).await;
    says(&rollback, "success", "healthy", "healthy");
    assert_eq!(
        (&rollback["rollbackTarget"], &rollback["deploymentType"]),
        (&past[0].0.clone().into(), &"rollback".into())
    );
    let totals = &items(&world, "dg#totals#prod#todo").await[0];
    assert_eq!(
        (&totals["s_success"], &totals["s_rolled_back"], &totals["n"]),
        (&2.into(), &1.into(), &3.into()),
        "{totals:#?}"
    );
    let head = head(&world).await;
    assert!(
        head["live"]
            .to_string()
            .contains(guard.output("deployment_id")),
        "{head:#?}"
    );
    assert!(
        !head["good"].to_string().contains(&past[1].0),
        "what was undone is no target: {head:#?}"
    );
}

async fn a_dry_run_names_the_target() {
    let world = plain_world().await;
    let past = past(&world, 2).await;
    let mut job = job(&world);
    let with = [("deployment_type", "rollback"), ("dry_run", "true")];
    let guard = guard(&mut job, &with).await;
    refused(&guard, 0, "dry_run");
    assert_eq!(guard.output("ref"), past[0].1, "{}", guard.story());
    assert_eq!(guard.output("rollback_target"), past[0].0);
    summed(
        &guard,
        &format!("Would roll prod back to {}", &past[0].1[..8]),
    );
    job.finish().await;
}

async fn to_what_served_before() {
    let world = plain_world().await;
    let past = past(&world, 2).await;
    assert_eq!(back(&world, "previous").await.output("ref"), past[0].1);
}

async fn two_back() {
    let world = plain_world().await;
    let past = past(&world, 3).await;
    assert_eq!(back(&world, "-2").await.output("ref"), past[0].1);
}

async fn by_deployment_and_by_commit() {
    let world = plain_world().await;
    let past = past(&world, 3).await;
    let by_commit = back(&world, &past[1].1[..8]).await;
    assert_eq!(by_commit.output("rollback_target"), past[1].0);
    let by_id = back(&world, &past[0].0).await;
    assert_eq!(by_id.output("ref"), past[0].1);
}

async fn wrong(world: &World, target: &str, reason: &str) -> StepResult {
    let mut job = job(world);
    let guard = guard(
        &mut job,
        &[("deployment_type", "rollback"), ("rollback_target", target)],
    )
    .await;
    refused(&guard, 3, reason);
    job.finish().await;
    guard
}

async fn targets_that_cannot_be() {
    let world = plain_world().await;
    let past = past(&world, 2).await;
    for unknown in [
        "deploy-20241212-120000-x1y2z3w4",
        "deploy-1702339200000",
        "abcdef0123",
        "-7",
    ] {
        let guard = wrong(&world, unknown, "target_not_found").await;
        summed(&guard, &past[0].0);
        summed(&guard, &past[0].1[..8]);
        let listed = guard
            .log
            .iter()
            .any(|l| l.contains(&past[0].1[..8]) && l.contains(&past[0].0));
        assert!(listed, "the log lists what could be: {}", guard.story());
    }
    wrong(&world, &past[1].0, "target_live").await;
    world.github.with(|hub| hub.commit("a bad one"));
    let mut bad = job(&world);
    let begun = guard(&mut bad, &[("auto_rollback", "false")]).await;
    deploy(&mut bad, Behaviour::broken("bad")).await;
    bad.finish().await;
    world.app.deploy(Behaviour::healthy("mended"));
    wrong(&world, begun.output("deployment_id"), "target_live").await;
    back(&world, &past[0].0).await;
    wrong(&world, begun.output("deployment_id"), "target_not_good").await;
    let elsewhere = serde_json::json!({
        "deploymentId": {"S": "deploy-20241212-120000-00000001"}, "timestamp": {"S": "2024-12-12T12:00:00.000Z"},
        "environment": {"S": "staging"}, "status": {"S": "success"}, "deploymentType": {"S": "deploy"},
        "commitSha": {"S": "0000000100000001000000010000000100000001"}, "details": {"M": {}},
    });
    world.scene.put_item(TABLE, &elsewhere).await;
    let mut expired = elsewhere.clone();
    expired["deploymentId"] = serde_json::json!({"S": "deploy-20230101-000000-00000002"});
    expired["environment"] = serde_json::json!({"S": "prod"});
    expired["ttl"] = serde_json::json!({"N": "1700000000"});
    world.scene.put_item(TABLE, &expired).await;
    wrong(
        &world,
        "deploy-20230101-000000-00000002",
        "target_not_found",
    )
    .await;
    wrong(
        &world,
        "deploy-20241212-120000-00000001",
        "target_elsewhere",
    )
    .await;
}

async fn before_an_irreversible_one() {
    let world = plain_world().await;
    let first = past(&world, 1).await;
    world.github.with(|hub| hub.commit("migrates data"));
    let mut migration = job(&world);
    guard(&mut migration, &[("irreversible", "true")])
        .await
        .assert_code(0);
    let sha = migration.sha.clone();
    deploy(&mut migration, Behaviour::healthy(&sha)).await;
    assert_eq!(migration.finish().await, "success");
    wrong(&world, &first[0].0, "target_before_irreversible").await;
    let mut job = job(&world);
    let with = [("deployment_type", "rollback"), ("force_deploy", "true")];
    let forced = guard(&mut job, &with).await;
    forced.assert_code(0);
    assert_eq!(forced.output("ref"), first[0].1);
    job.finish().await;
}

async fn a_rollback_that_is_bad_too() {
    let world = plain_world().await;
    let past = past(&world, 2).await;
    let mut job = job(&world);
    let with = [("deployment_type", "rollback")];
    let guard = guard(&mut job, &with).await;
    guard.assert_code(0);
    deploy(&mut job, Behaviour::broken("v1")).await;
    let verify = verify(&mut job, &with).await;
    verify.assert_code(4);
    job.finish().await;
    assert_eq!(
        record_of(&world, guard.output("deployment_id")).await["status"],
        "failure"
    );
    assert_eq!(
        record_of(&world, &past[1].0).await["status"],
        "success",
        "nothing good undid it"
    );
    assert_free(&world).await;
}

async fn the_version_gate_wants_the_targets_version() {
    let world = World::new().await;
    Config::new(&world).versioned(&world).put(&world);
    let past = past(&world, 2).await;
    assert_eq!(back(&world, "").await.output("ref"), past[0].1);
}
