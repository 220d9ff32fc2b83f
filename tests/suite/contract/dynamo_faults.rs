//! Faults of the table and the way to it: what is sent again, what is not, and how it is told.

use std::sync::Arc;
use std::time::Duration;

use deploy_guard::adapters::dynamodb::DynamoHistory;
use deploy_guard::core::id::Fence;
use deploy_guard::core::lease::HeadMode;
use deploy_guard::ports::{CommitError, History, StoreError};

use super::bench::{Bench, TABLE, VirtualClock, client, dynamo};
use super::samples::{Guard, at, day, env, head, query, todo};
use crate::world::World;
use crate::world::faults::{Fault, On};

const WRITE: &str = "TransactWriteItems";

async fn counted(history: &dyn History) -> Option<i64> {
    let totals = history
        .totals(&env(), &todo(), day(), day())
        .await
        .expect("readable");
    totals.get(&day()).map(|d| d.n)
}

#[tokio::test]
async fn a_write_whose_answer_is_lost_happens_once() {
    let bench = Bench::dynamodb().await;
    let world = bench.world.as_ref().expect("a world");
    let mut guard = Guard::new("deploy-a", at(0));
    let lost = world.fault(On::op(WRITE).nth(1), Fault::WorkedThenClosed);
    bench
        .history
        .commit(&guard.start(None))
        .await
        .expect("starts");
    assert_eq!(lost.count(), 1);
    let lost = world.fault(On::op(WRITE).nth(1), Fault::WorkedThenClosed);
    bench.history.commit(&guard.close()).await.expect("closes");
    assert_eq!((lost.count(), counted(&*bench.history).await), (1, Some(1)));
}

#[tokio::test]
async fn the_journal_says_that_a_write_had_worked_when_its_token_is_forgotten() {
    let bench = Bench::dynamodb().await;
    let world = bench.world.as_ref().expect("a world");
    let mut guard = Guard::new("deploy-a", at(0));
    let start = guard.start(None);
    bench.history.commit(&start).await.expect("starts");
    let close = guard.close();
    bench.history.commit(&close).await.expect("closes");
    world.aws.dynamo().forget_tokens();
    bench.history.commit(&close).await.expect("had worked");
    bench.history.commit(&start).await.expect("had worked");
    assert_eq!(counted(&*bench.history).await, Some(1));
    // Of another write's failure the journal says nothing.
    let keep = guard.keep(HeadMode::Watching);
    let late = bench
        .history
        .commit(&guard.commit(Some(keep), vec![]))
        .await;
    assert!(
        matches!(late, Err(CommitError::Lost { head: Some(_) })),
        "{late:?}"
    );
}

#[tokio::test]
async fn an_answer_that_never_comes_is_asked_for_again() {
    let world = World::new().await;
    let history = dynamo(&world, TABLE, Duration::from_secs(2));
    let mut guard = Guard::new("deploy-a", at(0));
    world.fault(On::op(WRITE), Fault::WorkedThenHung);
    history.commit(&guard.start(None)).await.expect("starts");
    world.fault(On::op("UpdateItem"), Fault::Hang);
    history
        .renew(&env(), &todo(), guard.fence, &guard.session, at(9))
        .await
        .expect("renews");
    assert_eq!(
        head(&history, &todo()).await.map(|h| h.fence),
        Some(Fence(1))
    );
}

#[tokio::test]
async fn what_passes_by_itself_is_waited_for() {
    let bench = Bench::dynamodb().await;
    let world = bench.world.as_ref().expect("a world");
    let mut guard = Guard::new("deploy-a", at(0));
    let faults = [
        Fault::TransactionConflict,
        Fault::TransactionInProgress,
        Fault::Throttle,
        Fault::ProvisionedThroughput,
        Fault::Status(500),
        Fault::Status(503),
        Fault::Close,
    ];
    for (nth, fault) in (1..).zip(faults) {
        world.fault(On::op(WRITE).nth(nth), fault);
    }
    let mark = world.calls.mark();
    bench
        .history
        .commit(&guard.start(None))
        .await
        .expect("starts in the end");
    let calls = world.calls.since(mark);
    let bodies: Vec<_> = calls.0.iter().map(|c| c.body.clone()).collect();
    assert_eq!(bodies.len(), 8, "each of seven faults struck once");
    assert!(
        bodies.windows(2).all(|w| w[0] == w[1]),
        "the same request, byte for byte"
    );
    world.faults.clear();
    for fault in [Fault::Throttle, Fault::Status(500), Fault::Close] {
        world.fault(On::op("Query"), fault);
    }
    bench
        .history
        .list(&query())
        .await
        .expect("lists in the end");
    bench.history.heads(&env()).await.expect("reads in the end");
}

#[tokio::test]
async fn patience_ends_and_says_how_often_it_tried() {
    let bench = Bench::dynamodb().await;
    let world = bench.world.as_ref().expect("a world");
    world.fault(On::op(WRITE).always(), Fault::Status(503));
    match bench
        .history
        .commit(&Guard::new("deploy-a", at(0)).start(None))
        .await
    {
        Err(CommitError::Store(StoreError::Unreachable { detail })) => {
            assert!(detail.contains("attempts in"), "{detail}");
        }
        other => panic!("{other:?}"),
    }
    world.aws.server().down();
    let read = bench.history.heads(&env()).await;
    assert!(
        matches!(read, Err(StoreError::Unreachable { .. })),
        "{read:?}"
    );
}

#[tokio::test]
async fn what_is_refused_names_the_permission_or_the_table() {
    let bench = Bench::dynamodb().await;
    let world = bench.world.as_ref().expect("a world");
    let denied = world.fault(On::op(WRITE).always(), Fault::Denied);
    match bench
        .history
        .commit(&Guard::new("deploy-a", at(0)).start(None))
        .await
    {
        Err(CommitError::Store(StoreError::Denied { action, .. })) => {
            assert!(action.starts_with("dynamodb:"), "{action}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(denied.count(), 1, "a refusal is not asked again");
    let elsewhere = dynamo(world, "no-such-table", Duration::from_secs(10));
    match elsewhere.heads(&env()).await {
        Err(StoreError::NoTable { table }) => assert_eq!(table, "no-such-table"),
        other => panic!("{other:?}"),
    }
    let without = client(world, Duration::from_secs(10), None);
    let without = DynamoHistory::new(
        without,
        TABLE,
        Arc::new(VirtualClock::default()),
        Duration::from_secs(120),
    );
    match without.heads(&env()).await {
        Err(StoreError::Credentials { detail }) => {
            assert!(detail.contains("role_to_assume"), "{detail}")
        }
        other => panic!("{other:?}"),
    }
}
