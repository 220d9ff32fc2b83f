//! `lambda_alias`: a broken version is undone by moving aliases back, whatever gets in the way.

use serde_json::json;

use super::prod::{BINARY, Like, Prod, VERIFY, record};
use crate::world::app::Behaviour;
use crate::world::faults::{Fault, On};
use crate::world::http::Reply;
use crate::world::runner_process::{Interrupt, What};
use crate::world::runner_spec::Uses;

fn good() -> [String; 4] {
    record("deploy", "success", "healthy", "healthy")
}

fn undone() -> [String; 4] {
    record("deploy", "rolled_back", "degraded", "restored")
}

#[tokio::test]
async fn a_broken_version_is_undone_within_its_own_job() {
    let prod = Prod::new(Like::default()).await;
    let verify = prod.deploy("v2", Behaviour::broken("v2"), 1).await;
    assert_eq!(verify.output("status"), "rolled_back");
    assert_eq!(verify.output("rolled_back"), "true");
    assert_eq!(verify.output("reason_code"), "restored");
    assert_eq!(prod.aliases().await, ["1", "1", "1"]);
    assert_eq!(prod.records().await, [good(), undone()]);
    assert_eq!(prod.world.calls().count("Lambda", "UpdateAlias"), 3);
    // The next version may be deployed, and a good one stays.
    prod.deploy("v3", Behaviour::healthy("v3"), 0).await;
    assert_eq!(prod.aliases().await, ["3", "3", "3"]);
}

#[tokio::test]
async fn weights_of_a_second_version_are_cleared() {
    let prod = Prod::new(Like::default()).await;
    prod.world.github.with(|hub| hub.commit("Make v2"));
    let mut job = prod.world.start(prod.world.job(BINARY));
    let guard = job.uses("guard", &[("environment", "prod")]).await;
    guard.assert_code(0);
    // A canary: the alias stays, a part of the traffic goes to the new version.
    for function in &prod.functions {
        let version = prod.publish(function, "v2").await;
        let to = json!({ "FunctionVersion": "1", "RoutingConfig": { "AdditionalVersionWeights": { version: 0.5 } } });
        prod.lambda("PUT", &format!("/{function}/aliases/live"), &to)
            .await;
    }
    prod.world.app.deploy(Behaviour::broken("v2"));
    let heal = async {
        loop {
            if prod.aliases().await == ["1", "1", "1"] {
                prod.world.app.deploy(Behaviour::healthy("v1"));
                return std::future::pending::<()>().await;
            }
        }
    };
    let verify = tokio::select! {
        verify = job.uses("verify", &VERIFY) => verify,
        () = heal => unreachable!("it has no end"),
    };
    verify.assert_code(1);
    assert_eq!(verify.output("status"), "rolled_back");
    assert_eq!(prod.aliases().await, ["1", "1", "1"]);
}

#[tokio::test]
async fn functions_without_aliases_are_said_before_and_left_as_they_are() {
    let like = Like {
        aliases: false,
        ..Like::default()
    };
    let prod = Prod::bare(&like).await;
    prod.world.app.deploy(Behaviour::healthy("v1"));
    prod.deploy("v1", Behaviour::healthy("v1"), 0).await;
    prod.world.github.with(|hub| hub.commit("Make v2"));
    let mut job = prod.world.start(prod.world.job(BINARY));
    let guard = job.uses("guard", &[("environment", "prod")]).await;
    guard.assert_code(0);
    let summary = guard.summary.clone().unwrap_or_default();
    assert!(summary.contains("no alias"), "{summary}");
    prod.world.app.deploy(Behaviour::broken("v2"));
    let verify = job.uses("verify", &VERIFY).await;
    verify.assert_code(4);
    assert_eq!(verify.output("reason_code"), "no_strategy");
    assert_eq!(verify.output("status"), "failure");
}

#[tokio::test]
async fn a_first_deployment_has_nothing_to_go_back_to() {
    let prod = Prod::bare(&Like::default()).await;
    prod.world.app.deploy(Behaviour::healthy("v0"));
    let mut job = prod.world.start(prod.world.job(BINARY));
    let guard = job.uses("guard", &[("environment", "prod")]).await;
    guard.assert_code(0);
    let summary = guard.summary.clone().unwrap_or_default();
    assert!(summary.contains("rolled back automatically"), "{summary}");
    prod.world.app.deploy(Behaviour::broken("v1"));
    let verify = job.uses("verify", &VERIFY).await;
    verify.assert_code(4);
    assert_eq!(verify.output("reason_code"), "no_good_state");
}

/// Somebody else has changed the alias in between.
fn overtaken() -> Fault {
    let said = json!({ "Type": "User", "message": "The RevisionId provided does not match the latest RevisionId." });
    Fault::Answer(Reply::json(412, &said).with("x-amzn-errortype", "PreconditionFailedException"))
}

/// What is met on the way and passes.
#[tokio::test]
async fn what_passes_does_not_stop_a_restore() {
    let faults = [
        ("GetAlias", Fault::Throttle),
        ("GetAlias", Fault::Close),
        ("UpdateAlias", overtaken()),
        ("UpdateAlias", Fault::Throttle),
        ("UpdateAlias", Fault::Status(500)),
        ("UpdateAlias", Fault::Close),
        ("UpdateAlias", Fault::WorkedThenClosed),
    ];
    let prod = Prod::new(Like::default()).await;
    for (n, (operation, fault)) in faults.into_iter().enumerate() {
        let name = format!("{operation} {fault:?}");
        let hits = prod.world.fault(On::op(operation).nth(2), fault);
        let code = format!("w{n}");
        let verify = prod.deploy(&code, Behaviour::broken(&code), -1).await;
        assert_eq!(
            verify.output("status"),
            "rolled_back",
            "{name}\n{}",
            verify.story()
        );
        assert_eq!(hits.count(), 1, "{name}");
        assert_eq!(prod.aliases().await, ["1", "1", "1"], "{name}");
        prod.world.faults.clear();
    }
}

#[tokio::test]
async fn what_does_not_pass_ends_as_rollback_failed_with_the_command() {
    let prod = Prod::new(Like::default()).await;
    prod.world
        .fault(On::op("UpdateAlias").always(), Fault::Denied);
    let verify = prod.deploy("v2", Behaviour::broken("v2"), 4).await;
    assert_eq!(verify.output("status"), "rollback_failed");
    let summary = verify.summary.clone().unwrap_or_default();
    assert!(
        summary.contains("deploy-guard rollback prod deploy-"),
        "{summary}"
    );
    assert!(summary.contains("lambda:UpdateAlias"), "{summary}");
}

/// The machine dies in the middle; the keeper goes on where it was, and nothing is moved twice.
#[tokio::test]
async fn a_restore_whose_machine_died_is_finished_by_the_keeper() {
    for nth in [1, 3] {
        let prod = Prod::new(Like::default()).await;
        let calls = prod.world.calls.clone();
        let seen = move || calls.all().count("Lambda", "UpdateAlias") >= nth;
        let verify =
            Uses::new("verify", &VERIFY).interrupt(Interrupt::once(seen, What::MachineLost));
        prod.deploy_by("v2", Behaviour::broken("v2"), -1, verify)
            .await;
        let open = prod.records().await;
        assert_eq!(open[1][1], "in_progress", "{open:?}");
        let (code, said) = prod.cli(&["keep", "prod"]).await;
        assert_eq!(code, 0, "{said}");
        assert_eq!(prod.aliases().await, ["1", "1", "1"]);
        assert_eq!(prod.records().await, [good(), undone()], "{said}");
    }
}

#[tokio::test]
async fn fifty_functions_take_three_round_trips() {
    let like = Like {
        functions: 50,
        ..Like::default()
    };
    let prod = Prod::new(like).await;
    let mark = prod.world.calls.mark();
    prod.world.delay(25);
    prod.deploy("v2", Behaviour::broken("v2"), 1).await;
    let all = prod.world.calls.since(mark);
    let aliases = all.only(|c| c.service == "Lambda" && c.operation != "ListAliases");
    assert_eq!(all.count("Lambda", "UpdateAlias"), 50);
    // A look to plan, a look that gives the revision, and the move.
    assert!(aliases.depth() <= 3, "{:?}", aliases.chain());
}

#[tokio::test]
async fn a_button_goes_back_in_main_without_the_jobs_steps() {
    let prod = Prod::new(Like::default()).await;
    prod.deploy("v2", Behaviour::healthy("v2"), 0).await;
    let (guard, mut job) = prod.button("last-success").await;
    guard.assert_code(0);
    assert_eq!(guard.output("deploy_needed"), "false");
    assert_eq!(guard.output("status"), "success");
    assert_eq!(prod.aliases().await, ["1", "1", "1"]);
    assert_eq!(job.finish().await, "success");
    let rolled = record("rollback", "success", "healthy", "healthy");
    let undone = record("deploy", "rolled_back", "healthy", "healthy");
    assert_eq!(prod.records().await, [good(), undone, rolled]);
}

/// The deploy step fails after it has moved the aliases: something else serves, though the stack stands as before.
#[tokio::test]
async fn a_deploy_step_that_fails_after_it_moved_aliases_is_undone() {
    let prod = Prod::new(Like::default()).await;
    prod.world.github.with(|hub| hub.commit("Make v2"));
    let mut job = prod.world.start(prod.world.job(BINARY));
    let status = prod
        .following(async {
            let guard = job.uses("guard", &[("environment", "prod")]).await;
            guard.assert_code(0);
            job.run("deploy", async {
                prod.ship("v2", Behaviour::broken("v2")).await;
                tokio::time::sleep(std::time::Duration::from_millis(120)).await;
                Err("npx cdk deploy: exit code 1".to_owned())
            })
            .await;
            job.finish().await
        })
        .await;
    assert_eq!(status, "failure");
    assert_eq!(
        prod.aliases().await,
        ["1", "1", "1"],
        "{}",
        job.post("guard").story()
    );
    assert_eq!(prod.records().await, [good(), undone()]);
}
