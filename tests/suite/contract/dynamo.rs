//! What only the table can show: the predecessor's records, the items as its readers see them, racing through one proxy.

use deploy_guard::core::record::{Status, StoredWord};
use deploy_guard::ports::{History, ListQuery, StoreError};
use serde_json::{Value, json};

use super::bench::{Bench, TABLE};
use super::samples::{DAY_S, Guard, at, env, id, query, todo};

fn s(text: &str) -> Value {
    json!({ "S": text })
}

async fn put(bench: &Bench, item: &Value) {
    let world = bench.world.as_ref().expect("a world");
    world.scene.put_item(TABLE, item).await;
}

fn predecessors(name: &str, seconds: i64, more: &Value) -> Value {
    let mut item = json!({
        "deploymentId": s(name),
        "timestamp": s(&at(seconds).to_string()),
        "environment": s("prod"),
        "status": s("success"),
        "deploymentType": s("deploy"),
        "ttl": { "N": (at(seconds).seconds() + 90 * DAY_S).to_string() },
    });
    for (name, value) in more.as_object().into_iter().flatten() {
        item[name] = value.clone();
    }
    item
}

#[tokio::test]
async fn the_predecessors_records_are_read_in_all_their_shapes() {
    let bench = Bench::dynamodb().await;
    let details = json!({ "M": { "buildId": s("b-1"), "tests": { "N": "12" }, "flags": { "L": [{ "BOOL": true }] } } });
    let items = [
        predecessors(
            "deploy-20241212-120000-x1y2z3w4",
            1,
            &json!({
                "details": details, "version": s("v1.0"), "commitSha": s("abcdef1"), "deployedBy": s("dev"),
                "duration": { "N": "123" }, "changes": { "L": [s("하나"), s("둘")] },
            }),
        ),
        predecessors(
            "deploy-1702339200000",
            2,
            &json!({ "details": s(r#"{"a":1,"b":"말"}"#), "duration": s("45") }),
        ),
        predecessors(
            "rollback-20241212_143052",
            3,
            &json!({
                "details": s(r#"{\"a\":1,\"b\":\"말\"}"#), "deploymentType": s("rollback"), "rollbackTarget": s("deploy-1702339200000"),
            }),
        ),
        predecessors(
            "rollback-backup-20241212_143052",
            4,
            &json!({
                "status": s("backup"), "deploymentType": s("backup"), "details": s("free text"),
            }),
        ),
        predecessors(
            "odd",
            5,
            &json!({
                "status": s("unknown"), "duration": { "BOOL": true }, "changes": s("one line"), "version": { "L": [] },
                "deployedBy": { "NULL": true }, "ttl": s("not a number"), "service": { "N": "1" },
            }),
        ),
    ];
    for item in &items {
        put(&bench, item).await;
    }
    // Without a time, and with an id that is none: neither hides the others.
    put(&bench, &json!({ "deploymentId": s("bad id!"), "timestamp": s(&at(6).to_string()), "environment": s("prod") })).await;
    put(&bench, &json!({ "deploymentId": s("no-time"), "timestamp": s("yesterday"), "environment": s("prod") })).await;

    let page = bench.history.list(&query()).await.expect("lists");
    let by_id = |name: &str| {
        let found = page.records.iter().find(|r| r.id.as_str() == name);
        found
            .unwrap_or_else(|| panic!("{name} is not listed"))
            .clone()
    };
    assert_eq!(page.records.len(), 5);
    let detail =
        |name: &str| serde_json::from_str::<Value>(&by_id(name).details).expect("an object");
    let map = by_id("deploy-20241212-120000-x1y2z3w4");
    assert_eq!(
        detail("deploy-20241212-120000-x1y2z3w4"),
        json!({ "buildId": "b-1", "tests": 12, "flags": [true] })
    );
    assert_eq!(
        (map.duration_s, map.changes.len(), map.guard.is_none()),
        (Some(123), 2, true)
    );
    assert!(map.was_good());
    assert_eq!(detail("deploy-1702339200000"), json!({ "a": 1, "b": "말" }));
    assert_eq!(by_id("deploy-1702339200000").duration_s, Some(45));
    assert_eq!(
        detail("rollback-20241212_143052"),
        json!({ "a": 1, "b": "말" })
    );
    assert_eq!(
        by_id("rollback-backup-20241212_143052").status,
        StoredWord::Other("backup".into())
    );
    assert_eq!(
        detail("rollback-backup-20241212_143052"),
        json!({ "text": "free text" })
    );
    let odd = by_id("odd");
    assert_eq!(
        (odd.duration_s, odd.deployed_by, odd.expires_s),
        (None, None, None)
    );
    assert_eq!(odd.changes, ["one line"]);

    let of_service = ListQuery {
        service: Some(todo()),
        ..query()
    };
    assert_eq!(
        bench
            .history
            .list(&of_service)
            .await
            .expect("lists")
            .records
            .len(),
        4,
        "records without a service match every one"
    );
    let backups = ListQuery {
        status: Some("backup".into()),
        ..query()
    };
    assert_eq!(
        bench
            .history
            .list(&backups)
            .await
            .expect("lists")
            .records
            .len(),
        1
    );
    let stored = bench
        .history
        .deployment(&id("deploy-1702339200000"), at(0))
        .await
        .expect("readable")
        .expect("there");
    assert!(stored.entries.is_empty() && stored.evidence.is_none());
}

#[tokio::test]
async fn a_rollback_undoes_one_of_the_predecessors_successes() {
    let bench = Bench::dynamodb().await;
    put(
        &bench,
        &predecessors("deploy-1702339200000", -60, &json!({ "note": s("kept") })),
    )
    .await;
    let mut rollback = Guard::new("rollback-b", at(0));
    bench
        .history
        .commit(&rollback.start(None))
        .await
        .expect("starts");
    let mut close = rollback.close();
    close.undo = Some(deploy_guard::ports::Undo {
        id: id("deploy-1702339200000"),
        at: at(-60),
        by: rollback.id.clone(),
    });
    bench
        .history
        .commit(&close)
        .await
        .expect("closes and undoes");
    let stored = bench
        .history
        .deployment(&id("deploy-1702339200000"), at(0))
        .await
        .expect("readable")
        .expect("there");
    assert_eq!(stored.record.status, StoredWord::Known(Status::RolledBack));
    assert!(stored.entries.is_empty(), "it has no journal of its own");
}

#[tokio::test]
async fn only_records_appear_to_the_predecessors_readers() {
    let bench = Bench::dynamodb().await;
    let mut guard = Guard::new("deploy-a", at(0));
    let mut start = guard.start(None);
    start.notices = vec![guard.notice(0, deploy_guard::core::alert::NoticeState::Sending)];
    start.evidence = Some("{}".into());
    bench.history.commit(&start).await.expect("starts");
    bench.history.commit(&guard.close()).await.expect("closes");
    let beat = deploy_guard::core::lease::KeeperBeat {
        at: at(0),
        version: "1".into(),
    };
    bench.history.beat(&env(), &beat).await.expect("beats");
    let items = bench.world.as_ref().expect("a world").items().await;
    let (records, others): (Vec<_>, Vec<_>) = items
        .iter()
        .partition(|i| i.get("environment").is_some() || i.get("status").is_some());
    assert_eq!(records.len(), 1);
    assert_eq!(
        others.len(),
        7,
        "two entries, evidence, head, keeper, totals, notice: {others:?}"
    );
    let record = records[0];
    let names: Vec<_> = record
        .as_object()
        .expect("an object")
        .keys()
        .cloned()
        .collect();
    for name in [
        "deploymentId",
        "timestamp",
        "environment",
        "status",
        "deploymentType",
        "version",
        "commitSha",
        "deployedBy",
        "duration",
        "changes",
        "details",
        "ttl",
        "service",
        "phase",
        "rev",
        "verdict",
        "reasonCode",
        "ref",
        "runUrl",
        "durationMs",
    ] {
        assert!(
            names.iter().any(|n| n == name),
            "{name} is missing in {names:?}"
        );
    }
    assert!(record["details"].is_object() && record["duration"].is_number());
    assert!(record.to_string().len() < 2048);
    // The predecessor's get-by-id returns the first item of the partition.
    let first = items
        .iter()
        .find(|i| i["deploymentId"] == "deploy-a")
        .expect("there");
    assert_eq!(first["status"], "success");
    // A conversion by an update keeps what others have added to the record.
    assert_eq!(record["ttl"].as_i64(), Some(guard.expires_s()));
}

#[tokio::test]
async fn what_others_add_to_a_record_survives_our_updates() {
    let bench = Bench::dynamodb().await;
    let mut guard = Guard::new("deploy-a", at(0));
    bench
        .history
        .commit(&guard.start(None))
        .await
        .expect("starts");
    let world = bench.world.as_ref().expect("a world");
    let key = json!({ "deploymentId": s("deploy-a"), "timestamp": s(&at(0).to_string()) });
    let add = json!({ "TableName": TABLE, "Key": key, "UpdateExpression": "SET ticket = :t",
        "ExpressionAttributeValues": { ":t": s("OPS-1") } });
    world.scene.dynamo("UpdateItem", &add).await;
    bench.history.commit(&guard.close()).await.expect("closes");
    let items = world.items().await;
    assert!(
        items
            .iter()
            .any(|i| i["ticket"] == "OPS-1" && i["status"] == "success")
    );
}

#[tokio::test]
async fn a_list_goes_on_over_pages_without_a_match() {
    let bench = Bench::dynamodb().await;
    for i in 0..600_i64 {
        let status = if i == 3 { "failure" } else { "success" };
        let kind = if i < 5 { "rollback" } else { "deploy" };
        put(
            &bench,
            &predecessors(
                &format!("d-{i}"),
                i,
                &json!({ "status": s(status), "deploymentType": s(kind) }),
            ),
        )
        .await;
    }
    let ask = ListQuery {
        kind: Some("rollback".into()),
        limit: 2,
        ..query()
    };
    let page = bench.history.list(&ask).await.expect("lists");
    let ids: Vec<_> = page.records.iter().map(|r| r.id.as_str()).collect();
    assert_eq!(ids, ["d-4", "d-3"]);
    let next = bench
        .history
        .list(&ListQuery {
            cursor: page.cursor,
            ..ask
        })
        .await
        .expect("lists");
    let ids: Vec<_> = next.records.iter().map(|r| r.id.as_str()).collect();
    assert_eq!(ids, ["d-2", "d-1"]);
}

#[tokio::test]
async fn an_unreadable_head_is_an_error_and_not_a_free_lock() {
    let bench = Bench::dynamodb().await;
    let head = json!({ "deploymentId": s("dg#head#prod"), "timestamp": s("todo"), "fence": s("many"), "beat": { "N": "1" } });
    put(&bench, &head).await;
    let read = bench.history.heads(&env()).await;
    assert!(
        matches!(&read, Err(StoreError::Malformed { detail }) if detail.contains("fence")),
        "{read:?}"
    );
}

#[tokio::test]
async fn reads_that_decide_are_one_consistent_query_each() {
    let bench = Bench::dynamodb().await;
    let mut guard = Guard::new("deploy-a", at(0));
    bench
        .history
        .commit(&guard.start(None))
        .await
        .expect("starts");
    let world = bench.world.as_ref().expect("a world");
    let mark = world.calls.mark();
    bench.history.heads(&env()).await.expect("readable");
    bench
        .history
        .deployment(&guard.id, at(0))
        .await
        .expect("readable");
    bench.history.owed(&env(), at(0)).await.expect("readable");
    bench.history.commit(&guard.close()).await.expect("closes");
    let calls = world.calls.since(mark);
    assert_eq!(
        calls.names(),
        [
            "DynamoDB.Query",
            "DynamoDB.Query",
            "DynamoDB.Query",
            "DynamoDB.TransactWriteItems"
        ]
    );
    assert!(
        calls
            .0
            .iter()
            .take(3)
            .all(|c| c.body.contains("\"ConsistentRead\":true"))
    );
    let _: &dyn History = &*bench.history;
}
