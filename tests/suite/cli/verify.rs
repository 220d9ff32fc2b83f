//! `verify`: judges what is there now, and changes nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use super::Desk;
use crate::world::World;
use crate::world::app::{App, Behaviour};
use crate::world::calls::Calls;

fn without_latency(text: &str) -> String {
    text.lines()
        .filter(|l| !l.starts_with("gates:") && !l.starts_with("게이트:"))
        .map(|l| match l.split_once("status 200 in ") {
            Some((before, _)) => format!("{before}status 200 in [time]\n"),
            None => format!("{l}\n"),
        })
        .collect()
}

#[tokio::test]
async fn a_healthy_and_a_broken_application_are_told_apart() {
    let app = App::start(&Calls::default(), "v1");
    let desk = Desk::new();
    desk.configure(&format!(
        "version: 1\nservice: todo\nenvironments:\n  prod:\n    gates:\n      interval: 1s\n      http:\n        - {{ name: api, url: \"{}\", confirm: 1s, warmup: 0s }}\n",
        app.health_url()
    ));
    let well = desk.run_beside("verify prod").await;
    assert_eq!(well.code, 0, "{}{}", well.out, well.err);
    let mut told = well.transcript("verify prod");
    app.deploy(Behaviour::broken("v2"));
    let bad = desk.run_beside("verify prod").await;
    assert_eq!(bad.code, 4, "{}{}", bad.out, bad.err);
    told.push_str(&bad.transcript("verify prod"));
    let json = desk.run_beside("verify prod --json").await;
    assert_eq!(json.json()["verdict"], "degraded");
    assert_eq!(json.json()["gates"].as_array().map(Vec::len), Some(1));
    insta::assert_snapshot!(without_latency(&told));
    assert_eq!(desk.left_behind(), Vec::<String>::new());
}

const EVERY_GATE: &str = r#"version: 1
service: todo
environments:
  prod:
    stacks: [todo]
    gates:
      window: 10m
      interval: 1s
      http:
        - { name: api, url: "[url]", confirm: 1s, warmup: 0s }
      lambda: { functions: ["todo-*"], p95: 3s, max_throttle_rate: 1% }
      api_gateway: [ { name: todo-api, stage: prod, p95: 2s }, { id: abc123 } ]
      alarms: { prefix: todo- }
      metric: [ { name: dead-letters, expression: "SUM(SEARCH('{AWS/SQS,QueueName} dlq NumberOfMessagesSent', 'Sum', 60))", max: 0 } ]
      logs: [ { name: panics, groups: ["/aws/lambda/todo-create"], query: "filter @message like /panic/", max: 0 } ]
      stack: true
"#;

async fn alarm(world: &World, state: &str) {
    let scene = &world.scene;
    let params = [
        ("AlarmName", "todo-errors"),
        ("MetricName", "Errors"),
        ("Namespace", "AWS/Lambda"),
        ("Statistic", "Sum"),
        ("Period", "60"),
        ("EvaluationPeriods", "1"),
        ("Threshold", "1"),
        ("ComparisonOperator", "GreaterThanThreshold"),
    ];
    scene
        .must_query("monitoring", "PutMetricAlarm", &params)
        .await;
    let state = [
        ("AlarmName", "todo-errors"),
        ("StateValue", state),
        ("StateReason", "test"),
    ];
    scene
        .must_query("monitoring", "SetAlarmState", &state)
        .await;
}

#[tokio::test]
async fn every_kind_of_gate_is_judged_against_servers() {
    let world = World::new().await;
    let role = json!({ "Type": "AWS::IAM::Role", "Properties": { "AssumeRolePolicyDocument": { "Version": "2012-10-17", "Statement": [] } } });
    let function = json!({ "Type": "AWS::Lambda::Function", "Properties": { "FunctionName": "todo-create", "Runtime": "nodejs22.x", "Handler": "index.handler", "Role": { "Fn::GetAtt": ["Role", "Arn"] }, "Code": { "ZipFile": "exports.handler = async () => ({});" } } });
    let template = json!({ "Resources": { "Role": role, "Create": function } });
    world
        .scene
        .create_stack("todo", &template.to_string(), &[])
        .await;
    let now = jiff::Timestamp::now().as_second();
    let is_bad = Arc::new(AtomicBool::new(false));
    let bad = Arc::clone(&is_bad);
    let cloudwatch = world.aws.cloudwatch();
    cloudwatch.exists(
        "AWS/SQS",
        "NumberOfMessagesSent",
        &[("QueueName", "todo-dlq")],
    );
    cloudwatch.traffic(move |asked, minute| {
        let failing = bad.load(Ordering::Relaxed) && minute * 60 >= now - 600;
        let of = |share: f64| Some(if failing { 200.0 * share } else { 0.0 });
        match (asked.metric.as_str(), asked.stat.as_str()) {
            ("Invocations" | "Count", "Sum") | ("Duration" | "Latency", "SampleCount") => {
                Some(200.0)
            }
            ("Errors" | "5XXError" | "5xx" | "Throttles", "Sum") => of(0.3),
            (_, stat) if stat.starts_with("TC(") => of(0.3),
            ("NumberOfMessagesSent", _) => of(0.01).filter(|sent| *sent > 0.0).or(Some(0.0)),
            _ => None,
        }
    });
    alarm(&world, "OK").await;
    let desk = Desk::with_env(world.env());
    desk.configure(&EVERY_GATE.replace("[url]", &world.app.health_url()));
    let judged = async || {
        let said = desk.run_beside("verify prod --json").await;
        let told = said.json();
        let gates = told["gates"].as_array().expect("gates").clone();
        let of = |verdict: &str| -> Vec<String> {
            let these = gates.iter().filter(|gate| gate["verdict"] == verdict);
            these
                .map(|gate| gate["gate"].as_str().unwrap_or_default().to_owned())
                .collect()
        };
        (said.code, of("healthy"), of("degraded"), told)
    };
    let tests = [
        "api",
        "todo-create",
        "todo-create p95",
        "todo-create throttles",
        "todo-api/prod",
        "todo-api/prod p95",
        "abc123",
        "alarms",
        "dead-letters",
        "panics",
    ];
    let mut well: Vec<&str> = tests.to_vec();
    well.push("todo");
    let sorted = |names: &[&str]| -> Vec<String> {
        let mut names: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
        names.sort();
        names
    };
    let (code, mut healthy, degraded, told) = judged().await;
    healthy.sort();
    assert_eq!((code, degraded), (0, Vec::<String>::new()), "{told:#}");
    assert_eq!(healthy, sorted(&well), "{told:#}");

    is_bad.store(true, Ordering::Relaxed);
    alarm(&world, "ALARM").await;
    world
        .aws
        .insights()
        .line("/aws/lambda/todo-create", now - 60, "thread panicked");
    let (code, _, mut degraded, told) = judged().await;
    degraded.sort();
    assert_eq!(code, 4, "{told:#}");
    // The address still answers.
    assert_eq!(degraded, sorted(&tests[1..]), "{told:#}");
}
