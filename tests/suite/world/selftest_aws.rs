//! The world's own tests: AWS behind the proxy behaves as AWS does where moto does not.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::World;
use super::faults::{Fault, On};
use super::http::Reply;

const TABLE: &str = "deployment-history-prod";

fn key(id: &str) -> Value {
    json!({ "deploymentId": { "S": id }, "timestamp": { "S": "T" } })
}

fn add(id: &str, token: &str, by: u32) -> Value {
    let update = json!({
        "TableName": TABLE, "Key": key(id), "UpdateExpression": "ADD n :one",
        "ExpressionAttributeValues": { ":one": { "N": by.to_string() } },
    });
    json!({ "ClientRequestToken": token, "TransactItems": [{ "Update": update }] })
}

async fn transact(world: &World, body: &Value) -> std::io::Result<Reply> {
    world
        .through
        .json("dynamodb", "DynamoDB_20120810.TransactWriteItems", body)
        .await
}

#[tokio::test]
async fn the_table_is_the_predecessors_and_worlds_do_not_see_each_other() {
    let (one, two) = (World::new().await, World::new().await);
    one.scene.put_item(TABLE, &json!({ "deploymentId": { "S": "deploy-1" }, "timestamp": { "S": "T" }, "duration": { "N": "12" } })).await;
    assert_eq!(
        one.items().await,
        [json!({ "deploymentId": "deploy-1", "timestamp": "T", "duration": 12 })]
    );
    assert!(two.items().await.is_empty());
    let table = one
        .scene
        .dynamo("DescribeTable", &json!({ "TableName": TABLE }))
        .await;
    let indexes: Vec<&str> = table["Table"]["GlobalSecondaryIndexes"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|i| i["IndexName"].as_str())
        .collect();
    assert_eq!(indexes, ["EnvironmentIndex", "StatusIndex"]);
    let ttl = one
        .scene
        .dynamo("DescribeTimeToLive", &json!({ "TableName": TABLE }))
        .await;
    assert_eq!(ttl["TimeToLiveDescription"]["AttributeName"], "ttl");
    assert!(
        one.calls().0.is_empty(),
        "setting the scene is not in the log"
    );
}

#[tokio::test]
async fn a_replayed_token_changes_nothing_and_a_changed_body_is_refused() {
    let world = World::new().await;
    let first = transact(&world, &add("a", "token-1", 1))
        .await
        .expect("an answer");
    let again = transact(&world, &add("a", "token-1", 1))
        .await
        .expect("an answer");
    assert_eq!(
        (first.status, again.status, first.body == again.body),
        (200, 200, true)
    );
    let changed = transact(&world, &add("a", "token-1", 2))
        .await
        .expect("an answer");
    assert_eq!(
        changed.header("x-amzn-errortype"),
        Some("IdempotentParameterMismatchException")
    );
    assert_eq!(world.items().await[0]["n"], 1);
    world.aws.dynamo().forget_tokens();
    transact(&world, &add("a", "token-1", 1))
        .await
        .expect("an answer");
    assert_eq!(
        world.items().await[0]["n"],
        2,
        "after ten minutes a token is new again"
    );
}

#[tokio::test]
async fn of_eight_racing_transactions_one_wins_and_the_losers_write_nothing() {
    let world = World::new().await;
    for round in 0..20 {
        let lock = format!("lock-{round}");
        let race = (0..8).map(|n| {
            let (me, world) = (format!("writer-{round}-{n}"), &world);
            let take = json!({ "Put": {
                "TableName": TABLE, "Item": { "deploymentId": { "S": lock }, "timestamp": { "S": "T" }, "holder": { "S": me } },
                "ConditionExpression": "attribute_not_exists(deploymentId)", "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            } });
            let record = json!({ "Put": { "TableName": TABLE, "Item": { "deploymentId": { "S": me }, "timestamp": { "S": "T" } } } });
            async move { transact(world, &json!({ "TransactItems": [take, record] })).await.expect("an answer") }
        });
        let answers = join_all(race).await;
        let won = answers.iter().filter(|a| a.status == 200).count();
        assert_eq!(
            won,
            1,
            "round {round}: {:?}",
            answers.iter().map(Reply::body_text).collect::<Vec<_>>()
        );
        let lost = answers
            .iter()
            .find(|a| a.status != 200)
            .expect("seven lost")
            .body_json();
        assert_eq!(
            lost["CancellationReasons"][0]["Code"],
            "ConditionalCheckFailed"
        );
        assert!(
            lost["CancellationReasons"][0]["Item"]["holder"]["S"].is_string(),
            "ALL_OLD tells the holder: {lost}"
        );
        assert_eq!(lost["CancellationReasons"][1]["Code"], "None");
        let written = world
            .items()
            .await
            .iter()
            .filter(|i| {
                i["deploymentId"]
                    .as_str()
                    .is_some_and(|d| d.starts_with(&format!("writer-{round}-")))
            })
            .count();
        assert_eq!(written, 1, "round {round}: a loser wrote its record");
    }
}

#[tokio::test]
async fn faults_strike_the_call_they_name_and_no_other() {
    let world = World::new().await;
    let closed = world.fault(On::op("TransactWriteItems").nth(2), Fault::WorkedThenClosed);
    assert_eq!(
        transact(&world, &add("a", "t1", 1))
            .await
            .expect("the first is answered")
            .status,
        200
    );
    transact(&world, &add("a", "t2", 1))
        .await
        .expect_err("the second is not answered");
    assert_eq!(
        (closed.count(), &world.items().await[0]["n"]),
        (1, &json!(2)),
        "but it worked"
    );
    assert_eq!(
        transact(&world, &add("a", "t2", 1))
            .await
            .expect("the same again is answered")
            .status,
        200
    );
    assert_eq!(world.items().await[0]["n"], 2, "without being done twice");

    for (fault, status, code) in [
        (Fault::Throttle, 400, "ThrottlingException"),
        (
            Fault::ProvisionedThroughput,
            400,
            "ProvisionedThroughputExceededException",
        ),
        (
            Fault::TransactionConflict,
            400,
            "TransactionCanceledException",
        ),
        (
            Fault::TransactionInProgress,
            400,
            "TransactionInProgressException",
        ),
        (Fault::Denied, 400, "AccessDeniedException"),
        (Fault::Status(500), 500, "InternalServerError"),
    ] {
        world.fault(On::service("DynamoDB"), fault);
        let reply = transact(&world, &add("b", "t3", 1))
            .await
            .expect("an answer");
        assert_eq!(
            (reply.status, reply.header("x-amzn-errortype")),
            (status, Some(code))
        );
        assert!(
            reply.body_json()["__type"]
                .as_str()
                .is_some_and(|t| t.ends_with(code))
        );
    }
    world.fault(On::op("TransactWriteItems"), Fault::Close);
    transact(&world, &add("b", "t3", 1))
        .await
        .expect_err("closed");
    world.fault(On::op("TransactWriteItems"), Fault::Hang);
    let hung = tokio::time::timeout(
        Duration::from_millis(200),
        transact(&world, &add("b", "t3", 1)),
    )
    .await;
    assert!(hung.is_err(), "it hangs");
    assert!(
        !world.items().await.iter().any(|i| i["deploymentId"] == "b"),
        "nothing was done by any of these"
    );
    world.aws.server().down();
    let refused = transact(&world, &add("b", "t3", 1))
        .await
        .expect_err("down");
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    world.aws.server().up();
    assert_eq!(
        transact(&world, &add("b", "t3", 1))
            .await
            .expect("an answer")
            .status,
        200
    );
}

#[tokio::test]
async fn depth_counts_round_trips_and_not_calls() {
    let world = World::new().await;
    world.delay(60);
    join_all((0..5).map(|n| {
        let world = &world;
        async move { transact(world, &add("a", &format!("t{n}"), 1)).await }
    }))
    .await;
    transact(&world, &add("a", "last", 1))
        .await
        .expect("an answer");
    assert_eq!(
        (world.depth(), world.calls().0.len()),
        (2, 6),
        "{:?}",
        world.calls().chain()
    );
    assert_eq!(world.calls().count("DynamoDB", "TransactWriteItems"), 6);
    assert_eq!(world.calls().0[0].access_key.as_deref(), Some("AKIAWORLD"));
}

#[tokio::test]
async fn a_transaction_above_four_megabytes_is_refused() {
    let world = World::new().await;
    let items: Vec<Value> = (0..11)
        .map(|n| {
            let item = json!({ "deploymentId": { "S": format!("d{n}") }, "timestamp": { "S": "T" }, "x": { "S": "x".repeat(390_000) } });
            json!({ "Put": { "TableName": TABLE, "Item": item } })
        })
        .collect();
    let reply = transact(&world, &json!({ "TransactItems": items }))
        .await
        .expect("an answer");
    assert_eq!(
        reply.header("x-amzn-errortype"),
        Some("ValidationException"),
        "{}",
        reply.body_text()
    );
    assert!(world.items().await.is_empty());
}
