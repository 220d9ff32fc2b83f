//! The adapters of CloudWatch, Lambda and Logs Insights against servers that speak what the SDKs speak.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use deploy_guard::adapters::aws::{Aws, CallBounds, Login, Site};
use deploy_guard::adapters::clock::SystemClock;
use deploy_guard::adapters::cloudwatch::CloudWatch;
use deploy_guard::adapters::functions::LambdaFunctions;
use deploy_guard::adapters::http::{Http, HttpSetup};
use deploy_guard::adapters::logs::LogsInsights;
use deploy_guard::core::gate::ApiName;
use deploy_guard::core::gate::alarms::AlarmState;
use deploy_guard::core::gate::series::{ApiCount, Buckets, LambdaCount, Series};
use deploy_guard::core::observation::{Kind, Reading};
use deploy_guard::core::time::Timestamp;
use deploy_guard::ports::{Functions, Logs, Metrics};
use serde_json::json;

use crate::world::World;
use crate::world::cloudwatch::Trouble;
use crate::world::faults::{Fault, On};

async fn aws(world: &World) -> Arc<Aws> {
    let http = Http::new(HttpSetup {
        extra_roots: Vec::new(),
        connect_timeout: Duration::from_secs(2),
        proxies: false,
    });
    let env = world.env();
    let site = Site::new(
        &http,
        &move |name: &str| env.get(name).cloned(),
        None,
        CallBounds::default(),
    );
    Arc::new(site.unwrap().connect(Login::Usual).await)
}

fn at(minute: i64) -> Timestamp {
    Timestamp::from_millis((NOW + minute) * 60_000)
}

/// 2024-12-12T00:00:00Z in minutes.
const NOW: i64 = 28_899_360;

fn lambda(function: &str, count: LambdaCount) -> Series {
    Series::Lambda {
        function: function.to_owned(),
        count,
    }
}

fn expression(text: &str) -> Series {
    Series::Expression {
        expression: text.to_owned(),
    }
}

fn sums(reading: &Reading<Buckets>) -> Vec<(i64, f64)> {
    let buckets = reading.known().unwrap_or_else(|| panic!("{reading:?}"));
    let minute = |at: &Timestamp| at.seconds() / 60 - NOW;
    buckets
        .sums
        .iter()
        .map(|(at, v)| (minute(at), *v))
        .collect()
}

fn why(reading: &Reading<Buckets>) -> Kind {
    match reading {
        Reading::Unknown(why) => why.kind,
        Reading::Known(buckets) => panic!("known: {buckets:?}"),
    }
}

#[tokio::test]
async fn every_series_is_asked_for_by_its_own_names_in_one_request() {
    let world = World::without_table();
    world.aws.cloudwatch().traffic(|asked, minute| {
        let of_lambda = asked.dimension("FunctionName") == "f";
        let value = match (asked.metric.as_str(), asked.stat.as_str()) {
            ("Invocations", "Sum") if of_lambda => 100.0,
            ("Errors", "Sum") if of_lambda && minute % 2 == 0 => 3.0,
            ("Duration", "SampleCount") if of_lambda => 90.0,
            ("Duration", "TC(3000:)") if of_lambda => 5.0,
            ("5XXError", "Sum") if asked.dimension("ApiName") == "todo" => 7.0,
            ("5xx", "Sum") if asked.dimension("ApiId") == "abc" => {
                assert_eq!(asked.dimension("Stage"), "prod");
                8.0
            }
            ("NumberOfMessagesSent", "Sum") => 2.0,
            _ => return None,
        };
        Some(value)
    });
    let cloudwatch = world.aws.cloudwatch();
    let queues = [("QueueName", "todo-dlq"), ("QueueName", "mail-dlq")];
    for queue in queues {
        cloudwatch.exists("AWS/SQS", "NumberOfMessagesSent", &[queue]);
    }
    let api = |api, stage: Option<&str>, count| Series::Api {
        api,
        stage: stage.map(str::to_owned),
        count,
    };
    let wanted = [
        lambda("f", LambdaCount::Invocations),
        lambda("f", LambdaCount::Errors),
        lambda("f", LambdaCount::Timed),
        lambda("f", LambdaCount::SlowerThan(3000)),
        lambda("other", LambdaCount::Errors),
        api(ApiName::Rest("todo할일".into()), None, ApiCount::Errors5xx),
        api(
            ApiName::Http("abc".into()),
            Some("prod"),
            ApiCount::Errors5xx,
        ),
        expression("SUM(SEARCH('{AWS/SQS,QueueName} dlq NumberOfMessagesSent', 'Sum', 60))"),
        expression("SEARCH('{AWS/SQS,QueueName} dlq NumberOfMessagesSent', 'Sum', 60)"),
        expression("SEARCH('{AWS/SQS,QueueName} nothing', 'Sum', 60)"),
    ];
    let metrics = CloudWatch::new(aws(&world).await);
    let answer = metrics.series(&wanted, at(0), at(3)).await.unwrap();
    let all: Vec<_> = answer.iter().map(sums).collect();
    let thrice = |v| vec![(0, v), (1, v), (2, v)];
    assert_eq!(
        all,
        [
            thrice(100.0),
            vec![(0, 3.0), (2, 3.0)],
            thrice(90.0),
            thrice(5.0),
            Vec::new(),
            thrice(7.0),
            thrice(8.0),
            thrice(4.0),
            thrice(4.0),
            Vec::new(),
        ]
    );
    assert_eq!(world.calls().0.len(), 1);
}

#[tokio::test]
async fn pages_are_followed_and_more_than_500_queries_are_split() {
    let world = World::without_table();
    let cloudwatch = world.aws.cloudwatch();
    cloudwatch.traffic(|_, minute| Some((minute - NOW) as f64));
    cloudwatch.pages_of(4);
    let wanted: Vec<Series> = (0..501)
        .map(|n| lambda(&format!("f{n}"), LambdaCount::Errors))
        .collect();
    let metrics = CloudWatch::new(aws(&world).await);
    let answer = metrics.series(&wanted, at(0), at(10)).await.unwrap();
    assert_eq!(answer.len(), 501);
    let ten: Vec<(i64, f64)> = (0..10).map(|m| (m, m as f64)).collect();
    for reading in &answer {
        assert_eq!(sums(reading), ten);
        assert!(reading.known().is_some_and(|b| !b.partial));
    }
    assert_eq!(world.calls().0.len(), 6, "two requests of three pages");
}

#[tokio::test]
async fn trouble_with_one_query_is_its_own() {
    let world = World::without_table();
    let cloudwatch = world.aws.cloudwatch();
    cloudwatch.traffic(|_, _| Some(1.0));
    let troubles = [
        ("partial", Trouble::Partial),
        ("internal", Trouble::Internal),
        ("forbidden", Trouble::Forbidden),
        ("nan", Trouble::NotANumber),
        ("negative", Trouble::Negative),
        ("future", Trouble::Future),
    ];
    let mut wanted: Vec<Series> = Vec::new();
    for (name, trouble) in troubles {
        cloudwatch.trouble(name, trouble);
        wanted.push(lambda(name, LambdaCount::Errors));
    }
    wanted.push(lambda("well", LambdaCount::Errors));
    let metrics = CloudWatch::new(aws(&world).await);
    let answer = metrics.series(&wanted, at(0), at(4)).await.unwrap();
    let by_name: BTreeMap<&str, &Reading<Buckets>> = troubles
        .iter()
        .map(|(name, _)| *name)
        .chain(["well"])
        .zip(&answer)
        .collect();
    let known = |name: &str| by_name[name].known().unwrap();
    assert!(known("partial").partial && known("partial").sums.len() == 2);
    assert_eq!(why(by_name["internal"]), Kind::Provider);
    assert_eq!(why(by_name["forbidden"]), Kind::Denied);
    assert_eq!(known("nan").unusable.len(), 4);
    assert_eq!(known("negative").unusable.len(), 4);
    assert_eq!((known("future").stray, known("future").sums.len()), (1, 4));
    assert_eq!(known("well").sums.len(), 4);
    cloudwatch.heal();
    cloudwatch.hide_newest(1);
    let answer = metrics.series(&wanted, at(0), at(4)).await.unwrap();
    assert!(answer.iter().all(|reading| sums(reading).len() == 3));
}

#[tokio::test]
async fn an_invalid_expression_blinds_no_other_gate_and_is_not_asked_again() {
    let world = World::without_table();
    world.aws.cloudwatch().traffic(|_, _| Some(1.0));
    let wanted = [
        lambda("f", LambdaCount::Errors),
        expression("SUM(("),
        expression("SUM(SEARCH('{AWS/SQS,QueueName} dlq', 'Sum', 60))"),
    ];
    let metrics = CloudWatch::new(aws(&world).await);
    for calls in [4, 5] {
        let answer = metrics.series(&wanted, at(0), at(2)).await.unwrap();
        assert_eq!(sums(&answer[0]).len(), 2);
        assert_eq!(why(&answer[1]), Kind::Provider);
        assert!(answer[2].known().is_some());
        assert_eq!(world.calls().0.len(), calls);
    }
}

#[tokio::test]
async fn throttling_and_server_errors_are_tried_again_and_a_refusal_names_the_permission() {
    let world = World::without_table();
    world.aws.cloudwatch().traffic(|_, _| Some(1.0));
    let metrics = CloudWatch::new(aws(&world).await);
    let wanted = [lambda("f", LambdaCount::Errors)];
    world.fault(On::op("GetMetricData").times(2), Fault::Throttle);
    assert!(metrics.series(&wanted, at(0), at(2)).await.is_ok());
    world.fault(On::op("GetMetricData"), Fault::Status(503));
    assert!(metrics.series(&wanted, at(0), at(2)).await.is_ok());
    world.fault(On::op("GetMetricData").always(), Fault::Denied);
    let error = metrics.series(&wanted, at(0), at(2)).await.unwrap_err();
    assert_eq!(
        (error.call.as_str(), error.why.kind),
        ("cloudwatch:GetMetricData", Kind::Denied)
    );
}

#[tokio::test]
async fn existing_names_are_listed() {
    let world = World::without_table();
    let cloudwatch = world.aws.cloudwatch();
    cloudwatch.exists("AWS/SQS", "NumberOfMessagesSent", &[("QueueName", "a")]);
    cloudwatch.exists("AWS/ApiGateway", "Count", &[("ApiName", "todo")]);
    let metrics = CloudWatch::new(aws(&world).await);
    let names = metrics.existing("AWS/SQS", None).await.unwrap();
    assert_eq!(names, ["NumberOfMessagesSent"]);
    let apis = metrics.existing("AWS/ApiGateway", Some("ApiName")).await;
    assert_eq!(apis.unwrap(), ["todo"]);
}

#[tokio::test]
async fn alarms_are_read_by_name_and_by_prefix() {
    let world = World::without_table();
    for name in ["todo-errors", "todo-5xx", "other"] {
        let params = [
            ("AlarmName", name),
            ("MetricName", "Errors"),
            ("Namespace", "AWS/Lambda"),
            ("Statistic", "Sum"),
            ("Period", "60"),
            ("EvaluationPeriods", "1"),
            ("Threshold", "1"),
            ("ComparisonOperator", "GreaterThanThreshold"),
        ];
        let scene = &world.scene;
        scene
            .must_query("monitoring", "PutMetricAlarm", &params)
            .await;
    }
    let alarm = [
        ("AlarmName", "todo-5xx"),
        ("StateValue", "ALARM"),
        ("StateReason", "test"),
    ];
    let scene = &world.scene;
    scene
        .must_query("monitoring", "SetAlarmState", &alarm)
        .await;
    let metrics = CloudWatch::new(aws(&world).await);
    let seen = metrics
        .alarms(&["other".to_owned(), "absent".to_owned()], Some("todo-"))
        .await
        .unwrap();
    let states: Vec<_> = seen.iter().map(|a| (a.name.as_str(), a.state)).collect();
    assert_eq!(states.len(), 3, "{states:?}");
    assert!(states.contains(&("todo-5xx", AlarmState::Alarm)));
    let firing = seen.iter().find(|a| a.state == AlarmState::Alarm).unwrap();
    assert!(firing.since.is_some());
}

#[tokio::test]
async fn functions_are_found_in_the_account_and_in_a_stack() {
    let world = World::without_table();
    let functions = LambdaFunctions::new(aws(&world).await);
    assert!(functions.all().await.unwrap().is_empty());
    let role = json!({ "Type": "AWS::IAM::Role", "Properties": { "AssumeRolePolicyDocument": { "Version": "2012-10-17", "Statement": [] } } });
    let function = |name: &str| json!({ "Type": "AWS::Lambda::Function", "Properties": { "FunctionName": name, "Runtime": "nodejs22.x", "Handler": "index.handler", "Role": { "Fn::GetAtt": ["Role", "Arn"] }, "Code": { "ZipFile": "exports.handler = async () => ({});" } } });
    let template = json!({ "Resources": { "Role": role, "One": function("todo-create"), "Two": function("todo-get") } });
    let scene = &world.scene;
    scene.create_stack("todo", &template.to_string(), &[]).await;
    assert_eq!(
        functions.of_stack("todo").await.unwrap(),
        ["todo-create", "todo-get"]
    );
    assert_eq!(functions.all().await.unwrap(), ["todo-create", "todo-get"]);
    world.fault(On::op("ListFunctions").always(), Fault::Denied);
    let error = functions.all().await.unwrap_err();
    assert_eq!(
        (error.call.as_str(), error.why.kind),
        ("lambda:ListFunctions", Kind::Denied)
    );
}

async fn logs(world: &World, patience: Duration) -> LogsInsights {
    LogsInsights::new(aws(world).await, Arc::new(SystemClock::new()), patience)
}

#[tokio::test]
async fn matching_lines_are_counted_in_groups_by_name_and_pattern() {
    let world = World::without_table();
    for group in ["/aws/lambda/todo-create", "/aws/lambda/other"] {
        let body = json!({ "logGroupName": group });
        let target = "Logs_20140328.CreateLogGroup";
        let made = world.scene.json("logs", target, &body).await.unwrap();
        assert_eq!(made.status, 200, "{}", made.body_text());
    }
    let insights = world.aws.insights();
    let second = at(0).seconds();
    insights.line("/aws/lambda/todo-create", second + 5, "thread panicked");
    insights.line("/aws/lambda/todo-create", second + 500, "panicked, later");
    insights.line("/aws/lambda/other", second + 6, "panicked elsewhere");
    insights.line("named", second + 7, "panicked");
    insights.runs_for(1);
    let logs = logs(&world, Duration::from_secs(5)).await;
    let groups = ["/aws/lambda/todo-*".to_owned(), "named".to_owned()];
    let query = "filter @message like /panicked/";
    let count = logs.matches(&groups, query, at(0), at(1)).await;
    assert_eq!(count.unwrap(), 2);
    let counts_itself = "filter @message like /panicked/ | limit 1";
    let count = logs.matches(&groups, counts_itself, at(0), at(1)).await;
    assert_eq!(count.unwrap(), 2, "by the statistics of the query");
    let none = logs
        .matches(&groups, "filter @message like /absent/", at(0), at(1))
        .await;
    assert_eq!(none.unwrap(), 0);
    let nowhere = ["/nowhere/*".to_owned()];
    let error = logs.matches(&nowhere, query, at(0), at(1)).await;
    assert_eq!(error.unwrap_err().why.kind, Kind::NotFound);
    insights.absent("named");
    let error = logs.matches(&groups, query, at(0), at(1)).await;
    assert_eq!(error.unwrap_err().why.kind, Kind::NotFound);
    assert!(insights.stopped().is_empty());
}

#[tokio::test]
async fn a_query_that_is_given_up_is_stopped() {
    let world = World::without_table();
    let insights = world.aws.insights();
    insights.runs_for(usize::MAX);
    let groups = ["named".to_owned()];
    let query = "filter @message like /panicked/";
    let hasty = logs(&world, Duration::from_millis(300)).await;
    let error = hasty.matches(&groups, query, at(0), at(1)).await;
    assert_eq!(error.unwrap_err().why.kind, Kind::Timeout);
    assert_eq!(insights.stopped().len(), 1);

    let patient = logs(&world, Duration::from_secs(60)).await;
    let asked = patient.matches(&groups, query, at(0), at(1));
    assert!(
        tokio::time::timeout(Duration::from_millis(800), asked)
            .await
            .is_err()
    );
    for _ in 0..100 {
        if insights.stopped().len() == 2 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(
        insights.stopped().len(),
        2,
        "stopped when its caller went away"
    );

    insights.runs_for(0);
    insights.end_as("Failed");
    let error = patient.matches(&groups, query, at(0), at(1)).await;
    assert_eq!(error.unwrap_err().why.kind, Kind::Provider);
    world.fault(On::op("StartQuery").always(), Fault::Denied);
    let error = patient.matches(&groups, query, at(0), at(1)).await;
    let error = error.unwrap_err();
    assert_eq!(
        (error.call.as_str(), error.why.kind),
        ("logs:StartQuery", Kind::Denied)
    );
}
