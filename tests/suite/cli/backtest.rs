//! `backtest`: the configured gates on the past of a history in DynamoDB and of the fake CloudWatch.

use serde_json::{Value, json};

use super::Desk;
use crate::world::World;
use crate::world::faults::{Fault, On};

const TABLE: &str = "deployment-history-prod";
const DAY: i64 = 24 * 60;

fn now() -> i64 {
    jiff::Timestamp::now().as_second().div_euclid(60)
}

fn at(minute: i64) -> String {
    let at = jiff::Timestamp::from_second(minute * 60).expect("a time");
    at.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string()
}

/// A closed deployment as the predecessor wrote it, a minute long.
async fn deployed(world: &World, id: &str, status: &str, minute: i64) {
    let item: Value = json!({
        "deploymentId": { "S": id }, "timestamp": { "S": at(minute) }, "environment": { "S": "prod" },
        "status": { "S": status }, "deploymentType": { "S": "deploy" }, "duration": { "N": "60" },
    });
    world.scene.put_item(TABLE, &item).await;
}

fn desk(world: &World, gates: &str) -> Desk {
    let desk = Desk::with_env(world.env());
    desk.configure(&format!(
        "version: 1\nservice: todo\nhistory: {{ store: dynamodb, table: {TABLE} }}\nenvironments:\n  prod:\n    gates:\n      window: 10m\n      bake: 10m\n{gates}"
    ));
    desk
}

const LAMBDA: &str = "      alarms: { prefix: todo }\n      lambda: { functions: [CreateTodo] }\n";

/// A fortnight with a deployment that broke something, two that did not, and one that is too old.
async fn fortnight() -> (World, Desk) {
    let world = World::new().await;
    let bad = now() - 2 * DAY;
    deployed(
        &world,
        "deploy-20241201-000000-aaaaaaaa",
        "success",
        now() - 20 * DAY,
    )
    .await;
    deployed(
        &world,
        "deploy-20241210-000000-bbbbbbbb",
        "success",
        now() - 5 * DAY,
    )
    .await;
    deployed(
        &world,
        "deploy-20241212-000000-cccccccc",
        "rolled_back",
        bad,
    )
    .await;
    deployed(
        &world,
        "deploy-20241213-000000-dddddddd",
        "success",
        now() - DAY,
    )
    .await;
    world.aws.cloudwatch().traffic(move |asked, minute| {
        // What is older than a fortnight and a day is not kept.
        if asked.dimension("FunctionName") != "CreateTodo" || minute < now() - 15 * DAY {
            return None;
        }
        let is_broken = (bad + 1..bad + 9).contains(&minute);
        match (asked.metric.as_str(), asked.stat.as_str()) {
            ("Invocations", "Sum") => Some(100.0),
            ("Errors", "Sum") if is_broken => Some(30.0),
            // Nine in ten minutes one error, in the tenth seven: above the bound, and no fault.
            ("Errors", "Sum") => Some(if minute % 10 == 0 { 7.0 } else { 1.0 }),
            _ => None,
        }
    });
    let desk = desk(&world, LAMBDA);
    (world, desk)
}

fn without_dates(text: &str) -> String {
    let mut out = String::new();
    for word in text.split_inclusive([' ', '\n']) {
        let is_date = word.starts_with("20") && word.get(4..5) == Some("-");
        let is_time = word.get(2..3) == Some(":") && word.starts_with(|c: char| c.is_ascii_digit());
        if is_date || is_time {
            let end = &word[word.trim_end().len()..];
            out.push_str(if is_date { "[date]" } else { "[time]" });
            out.push_str(end);
        } else {
            out.push_str(word);
        }
    }
    out
}

#[tokio::test]
async fn the_past_is_judged_as_it_would_have_been_beside_other_rules() {
    let (world, desk) = fortnight().await;
    let said = desk.run_beside("backtest prod --moments 40 --json").await;
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    let told = said.json();
    let deployments = told["deployments"].as_array().expect("deployments");
    let judged = |id: &str| {
        let found = deployments
            .iter()
            .find(|d| d["deploymentId"].as_str().is_some_and(|d| d.ends_with(id)));
        found.unwrap_or_else(|| panic!("{told}"))["judged"].clone()
    };
    assert_eq!(judged("aaaaaaaa")["unjudged"], "too_old");
    assert_eq!(judged("bbbbbbbb")["verdict"], "healthy");
    assert_eq!(judged("dddddddd")["verdict"], "healthy");
    let bad = judged("cccccccc");
    assert_eq!(bad["verdict"], "degraded", "{bad}");
    assert_eq!(bad["minute"], 5, "three minutes and the delay of the data");
    assert_eq!(bad["gate"]["gate"], "CreateTodo");
    assert_eq!(
        (&bad["gate"]["counted"]["requests"], &bad["gate"]["rate"]),
        (&json!(300), &json!(0.3))
    );
    let sentence = bad["gate"]["sentence"].as_str().unwrap_or_default();
    assert!(
        sentence.contains("90 of 300 requests failed (30 %)"),
        "{sentence}"
    );
    let rule = |name: &str| {
        let rules = told["rules"].as_array().expect("rules");
        rules
            .iter()
            .find(|r| r["rule"] == name)
            .expect("a rule")
            .clone()
    };
    let counts = |rule: &Value, of: &str| (rule[of]["rolledBack"].clone(), rule[of]["of"].clone());
    let ours = rule("deploy-guard");
    assert_eq!(counts(&ours, "bad"), (json!(1), json!(1)));
    assert_eq!(counts(&ours, "good"), (json!(0), json!(2)));
    assert_eq!(counts(&ours, "quiet"), (json!(0), json!(40)));
    // One minute in ten above the bound is one too many for a rule without memory.
    let hasty = rule("Argo, failureLimit 0");
    assert_eq!(counts(&hasty, "good"), (json!(2), json!(2)));
    assert_eq!(counts(&hasty, "quiet"), (json!(40), json!(40)));
    assert_eq!(told["withoutHistory"], json!(["alarms"]));
    // A day a request, whatever the number of moments.
    let calls = world.calls.all();
    let asked = calls
        .0
        .iter()
        .filter(|call| call.operation == "GetMetricData")
        .count();
    assert!((15..=16).contains(&asked), "{asked}");
}

#[tokio::test]
async fn a_backtest_reads_well_in_both_languages() {
    let (_world, desk) = fortnight().await;
    let mut told = String::new();
    for locale in ["en", "ko"] {
        let command = format!("backtest prod --moments 20 --locale {locale}");
        let said = desk.run_beside(&command).await;
        assert_eq!(said.code, 0, "{}{}", said.out, said.err);
        told.push_str(&said.transcript(&command));
    }
    insta::assert_snapshot!(without_dates(&told));
}

#[tokio::test]
async fn a_past_that_cannot_be_read_or_judged_is_no_verdict() {
    let (world, desk) = fortnight().await;
    world
        .faults
        .add(On::op("GetMetricData").always(), Fault::Denied);
    let denied = desk.run_beside("backtest prod").await;
    assert_eq!(denied.code, 6, "{}{}", denied.out, denied.err);
    assert!(denied.err.contains("doctor prod"), "{}", denied.err);
    let without = self::desk(&world, "      alarms: { prefix: todo }\n");
    let nothing = without.run_beside("backtest prod").await;
    assert_eq!(nothing.code, 2, "{}{}", nothing.out, nothing.err);
    assert!(
        nothing.err.contains("`lambda`, `api_gateway` and `metric`"),
        "{}",
        nothing.err
    );
}
