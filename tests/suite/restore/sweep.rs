//! A fault at every call of every strategy, in the world: refused, throttled, timed out after having worked, killed. Then
//! whoever resumes: the end is a verified restore, or `rollback_failed` with an alert; nothing is done twice.

use futures_util::StreamExt;
use serde_json::json;

use super::prod::{Like, Prod, VERIFY};
use crate::world::app::Behaviour;
use crate::world::faults::{Fault, On};
use crate::world::runner_process::{Interrupt, What};
use crate::world::runner_spec::Uses;

/// What befalls a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// Every time.
    Refused,
    /// Once.
    Throttled,
    /// Once: it worked, and nobody hears of it.
    Unheard,
    /// The machine dies before it has worked.
    KilledBefore,
    /// The machine dies after it has worked.
    KilledAfter,
}

const FATES: [Fate; 5] = [
    Fate::Refused,
    Fate::Throttled,
    Fate::Unheard,
    Fate::KilledBefore,
    Fate::KilledAfter,
];

/// Calls that nothing but a restore makes.
const CALLS: [(&str, &str); 6] = [
    ("lambda_alias", "GetAlias"),
    ("lambda_alias", "UpdateAlias"),
    ("cloudformation", "CreateChangeSet"),
    ("cloudformation", "DescribeChangeSet"),
    ("cloudformation", "ExecuteChangeSet"),
    ("cloudformation", "DescribeStackEvents"),
];

fn verify(prod: &Prod, operation: &'static str, fate: Fate) -> Uses {
    let verify = Uses::new("verify", &VERIFY);
    let killed = matches!(fate, Fate::KilledBefore | Fate::KilledAfter);
    let on = On::op(operation);
    match fate {
        Fate::Refused => prod.world.fault(on.always(), Fault::Denied),
        Fate::Throttled => prod.world.fault(on, Fault::Throttle),
        Fate::Unheard => prod.world.fault(on, Fault::WorkedThenClosed),
        Fate::KilledBefore => prod.world.fault(on.always(), Fault::Hang),
        Fate::KilledAfter => prod.world.fault(on.always(), Fault::WorkedThenHung),
    };
    if !killed {
        return verify;
    }
    let calls = prod.world.calls.clone();
    let seen = move || {
        let of = calls.all().only(|c| c.operation == operation);
        // What hangs after it has worked is given the time to work.
        let old = |c: &crate::world::calls::Call| c.started.elapsed().as_millis() > 300;
        of.0.iter().any(old)
    };
    verify.interrupt(Interrupt::once(seen, What::MachineLost))
}

async fn befalls(strategy: &'static str, operation: &'static str, fate: Fate) {
    let name = format!("{operation} {fate:?}");
    let prod = Prod::new(Like {
        functions: 1,
        strategies: strategy,
        told: Some("en"),
        ..Like::default()
    })
    .await;
    let verify = verify(&prod, operation, fate);
    if strategy == "cloudformation" {
        prod.update(&json!({}), verify).await;
    } else {
        prod.deploy_by("v2", Behaviour::broken("v2"), -1, verify)
            .await;
    }
    let mut said = String::new();
    if prod.records().await[1][1] == "in_progress" {
        if matches!(fate, Fate::KilledBefore | Fate::KilledAfter) {
            prod.world.faults.clear();
        }
        let resume = prod.cli_alone(&["resume", "prod"]);
        let (_, lines) = if strategy == "cloudformation" {
            prod.with_stack("v2", resume).await
        } else {
            prod.following(resume).await
        };
        said = lines;
    }
    let status = prod.records().await[1][1].clone();
    let healed = match strategy {
        "cloudformation" => prod.release().await == "v1",
        _ => prod.aliases().await == ["1"],
    };
    match (status.as_str(), fate) {
        ("rolled_back", _) => assert!(healed, "{name}: a record that says what is not\n{said}"),
        ("rollback_failed", Fate::Refused) => {
            assert!(
                !healed || operation == "DescribeStackEvents",
                "{name}: undone all the same\n{said}"
            );
            let texts = prod.world.slack.texts();
            let told = texts.iter().filter(|t| t.contains("rollback failed"));
            assert_eq!(told.count(), 1, "{name}: {texts:?}");
        }
        // A reading that was refused while planning: nothing was touched.
        ("failure", Fate::Refused) => assert!(!healed, "{name}"),
        other => panic!("{name}: {other:?}\n{said}"),
    }
    let effect = match strategy {
        "cloudformation" => "ExecuteChangeSet",
        _ => "UpdateAlias",
    };
    let worked = prod.world.calls().only(|c| {
        let unheard = c.fault.as_deref().is_some_and(|f| f.starts_with("Worked"));
        c.operation == effect && (unheard || (c.fault.is_none() && c.status == Some(200)))
    });
    // CloudFormation begins one update for one token, however often it is asked.
    let mut keys: Vec<&str> = worked.0.iter().map(|c| c.body.as_str()).collect();
    keys.dedup();
    let times = if strategy == "cloudformation" {
        keys.len()
    } else {
        worked.0.len()
    };
    assert!(times <= 1, "{name}: done {times} times");
}

#[tokio::test]
async fn whatever_befalls_a_call_it_ends_restored_or_told() {
    let only = std::env::var("STORY").unwrap_or_default();
    let cases = CALLS
        .into_iter()
        .flat_map(|(strategy, operation)| FATES.map(|fate| (strategy, operation, fate)));
    let cases = cases.filter(|(_, operation, fate)| format!("{operation}{fate:?}").contains(&only));
    let mut all = futures_util::stream::iter(cases)
        .map(|(strategy, operation, fate)| befalls(strategy, operation, fate))
        .buffer_unordered(5);
    while all.next().await.is_some() {}
}
