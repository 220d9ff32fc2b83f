//! `deploy-guard rollback`: from a terminal, with the same lock, record and gates.

use super::prod::{Like, Prod, record};
use crate::world::app::Behaviour;

#[tokio::test]
async fn production_wants_yes_and_the_targets_are_listed() {
    let prod = Prod::new(Like::default()).await;
    prod.deploy("v2", Behaviour::healthy("v2"), 0).await;
    let (code, said) = prod.cli(&["rollback", "prod"]).await;
    assert_eq!(code, 2, "{said}");
    let target = said
        .split_whitespace()
        .find(|w| w.starts_with("deploy-2"))
        .unwrap()
        .to_owned();
    let (code, said) = prod.cli(&["rollback", "prod", &target]).await;
    assert_eq!(code, 3, "{said}");
    assert!(said.contains("--yes"), "{said}");
    assert_eq!(prod.aliases().await, ["2", "2", "2"]);
    let (code, said) = prod.cli(&["rollback", "prod", &target, "--yes"]).await;
    assert_eq!(code, 0, "{said}");
    assert_eq!(prod.aliases().await, ["1", "1", "1"]);
    let records = prod.records().await;
    assert_eq!(
        records[1..],
        [
            record("deploy", "rolled_back", "healthy", "healthy"),
            record("rollback", "success", "healthy", "healthy"),
        ]
    );
    // The lock is free, and what was undone is no target.
    let (code, said) = prod
        .cli(&["rollback", "prod", "last-success", "--yes"])
        .await;
    assert_eq!(code, 3, "{said}");
}

#[tokio::test]
async fn two_that_race_roll_back_once() {
    let prod = Prod::new(Like::default()).await;
    prod.deploy("v2", Behaviour::healthy("v2"), 0).await;
    let mark = prod.world.calls.mark();
    let command = ["rollback", "prod", "last-success", "--yes"];
    let both = futures_util::future::join(prod.cli_alone(&command), prod.cli_alone(&command));
    let (one, two) = prod.following(both).await;
    let mut codes = [one.0, two.0];
    codes.sort_unstable();
    assert_eq!(codes, [0, 3], "{}\n---\n{}", one.1, two.1);
    assert_eq!(prod.aliases().await, ["1", "1", "1"]);
    let calls = prod.world.calls.since(mark);
    assert_eq!(calls.count("Lambda", "UpdateAlias"), 3);
    let rollbacks = prod.records().await;
    let done = rollbacks.iter().filter(|r| r[0] == "rollback").count();
    assert_eq!(done, 1, "{rollbacks:?}");
}

#[tokio::test]
async fn a_version_that_failed_or_is_unknown_is_no_target() {
    let prod = Prod::new(Like::default()).await;
    let verify = prod.deploy("v2", Behaviour::broken("v2"), 1).await;
    let bad = verify.output("deployment_id").to_owned();
    for target in [bad.as_str(), "deploy-20200101-000000-abcdef12", "-7"] {
        let (code, said) = prod.cli(&["rollback", "prod", target, "--yes"]).await;
        assert_eq!(code, 3, "{target}: {said}");
    }
    assert_eq!(prod.aliases().await, ["1", "1", "1"]);
}
