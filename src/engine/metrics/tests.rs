//! Watches of CloudWatch gates in scripted minutes.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;

use super::*;
use crate::core::gate::alarms::AlarmState;
use crate::core::gate::series::{Buckets, LambdaCount};
use crate::core::gate::{AlarmsGate, LambdaGate, LogsGate, MetricGate, Mode, OnInconclusive};
use crate::core::reason::ReasonCode;
use crate::ports::{CloudError, Functions, Logs, Metrics};

type Traffic = Box<dyn Fn(&Series, i64) -> Option<f64> + Send + Sync>;

/// Provider of everything; minutes are counted from the deployment.
struct Fake {
    traffic: Mutex<Traffic>,
    down: Mutex<Option<Why>>,
    alarms: Mutex<Vec<AlarmSeen>>,
    functions: Vec<String>,
    matches: Mutex<(u64, u64)>,
    spans: Mutex<Vec<(i64, i64)>>,
    listed: AtomicUsize,
}

fn at(minute: i64) -> Timestamp {
    Timestamp::from_millis((28_899_360 + minute) * 60_000)
}

fn minute(at: Timestamp) -> i64 {
    at.seconds() / 60 - 28_899_360
}

fn error(why: Why) -> CloudError {
    CloudError {
        call: "test:Call".to_owned(),
        why,
    }
}

#[async_trait]
impl Metrics for Fake {
    async fn series(
        &self,
        wanted: &[Series],
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<Reading<Buckets>>, CloudError> {
        self.spans
            .lock()
            .expect("whole")
            .push((minute(from), minute(to)));
        if let Some(why) = self.down.lock().expect("whole").clone() {
            return Err(error(why));
        }
        let traffic = self.traffic.lock().expect("whole");
        let read = |series: &Series| {
            let mut buckets = Buckets::default();
            let values =
                (minute(from)..minute(to)).filter_map(|m| Some((at(m), traffic(series, m)?)));
            buckets.add(series, from, to, values);
            Reading::Known(buckets)
        };
        Ok(wanted.iter().map(read).collect())
    }

    async fn alarms(&self, _: &[String], _: Option<&str>) -> Result<Vec<AlarmSeen>, CloudError> {
        Ok(self.alarms.lock().expect("whole").clone())
    }

    async fn existing(&self, _: &str, _: Option<&str>) -> Result<Vec<String>, CloudError> {
        Ok(vec!["NumberOfMessagesSent".to_owned()])
    }
}

#[async_trait]
impl Functions for Fake {
    async fn all(&self) -> Result<Vec<String>, CloudError> {
        self.listed.fetch_add(1, Ordering::SeqCst);
        Ok(self.functions.clone())
    }

    async fn of_stack(&self, stack: &str) -> Result<Vec<String>, CloudError> {
        let own = |name: &&String| name.starts_with(stack);
        Ok(self.functions.iter().filter(own).cloned().collect())
    }
}

#[async_trait]
impl Logs for Fake {
    async fn matches(
        &self,
        _: &[String],
        _: &str,
        _: Timestamp,
        to: Timestamp,
    ) -> Result<u64, CloudError> {
        let (before, since) = *self.matches.lock().expect("whole");
        Ok(if to <= at(0) { before } else { since })
    }
}

fn world(
    traffic: impl Fn(&Series, i64) -> Option<f64> + Send + Sync + 'static,
) -> (Arc<Fake>, Cloud) {
    let fake = Arc::new(Fake {
        traffic: Mutex::new(Box::new(traffic)),
        down: Mutex::default(),
        alarms: Mutex::default(),
        functions: ["todo-create", "todo-get", "mail"]
            .map(str::to_owned)
            .to_vec(),
        matches: Mutex::default(),
        spans: Mutex::default(),
        listed: AtomicUsize::new(0),
    });
    let cloud = Cloud {
        metrics: fake.clone(),
        functions: fake.clone(),
        logs: fake.clone(),
    };
    (fake, cloud)
}

fn gates(functions: &[&str]) -> GateSettings {
    GateSettings {
        window: Duration::from_secs(600),
        bake: Duration::from_secs(1800),
        interval: Duration::from_secs(10),
        false_rollback: 0.01,
        early_pass: false,
        failing_minutes: 2,
        of_minutes: 3,
        traffic_vanished: crate::core::gate::OnTrafficVanished::Inconclusive,
        mode: Mode::Sequential,
        on_inconclusive: OnInconclusive::Hold,
        data_lag: Duration::from_secs(120),
        http: Vec::new(),
        lambda: Some(LambdaGate {
            functions: functions.iter().map(|f| (*f).to_owned()).collect(),
            max_error_rate: 0.05,
            p95: None,
            p99: None,
            max_throttle_rate: None,
        }),
        api_gateway: Vec::new(),
        alarms: None,
        metric: Vec::new(),
        logs: Vec::new(),
        stack: false,
    }
}

/// 100 invocations a minute of which, from the deployment on, so many fail.
fn failing(errors: f64) -> impl Fn(&Series, i64) -> Option<f64> + Send + Sync + 'static {
    move |series, minute| match series {
        Series::Lambda {
            count: LambdaCount::Invocations,
            ..
        } => Some(100.0),
        Series::Lambda {
            count: LambdaCount::Errors,
            ..
        } if minute >= 0 && errors > 0.0 => Some(errors),
        _ => None,
    }
}

async fn watched(gates: &GateSettings, cloud: &Cloud, minutes: i64) -> MetricWatch {
    let stacks = ["todo".to_owned()];
    let mut watch = MetricWatch::new(gates, &stacks, at(0), at(1), at(1));
    watch.prepare(cloud).await;
    for now in 2..=minutes {
        watch.look(cloud, at(now)).await;
    }
    watch
}

#[tokio::test]
async fn a_bad_function_is_seen_and_a_good_one_certified() {
    let (_, cloud) = world(failing(30.0));
    let watch = watched(&gates(&["todo-create"]), &cloud, 8).await;
    let found = watch.findings();
    assert_eq!(found[0].verdict, Verdict::Degraded);
    assert_eq!(found[0].counted.map(|c| c.requests), Some(500));

    let (_, cloud) = world(failing(0.0));
    let watch = watched(&gates(&["todo-*"]), &cloud, 11).await;
    let found = watch.findings();
    let names: Vec<&str> = found.iter().map(|f| f.gate.as_str()).collect();
    assert_eq!(names, ["todo-create", "todo-get"]);
    assert!(found.iter().all(|f| f.certified), "{found:?}");
    assert!(watch.decided() && watch.thin().is_empty());
    assert!((watch.alpha() - 0.005).abs() < 1e-12);
}

#[tokio::test]
async fn each_tick_is_one_request_for_the_last_ten_minutes() {
    let (fake, cloud) = world(failing(0.0));
    let watch = watched(&gates(&[]), &cloud, 20).await;
    assert_eq!(watch.tests.len(), 2, "the functions of the stack");
    let spans = fake.spans.lock().expect("whole").clone();
    // Only whole minutes make a baseline: the last two before the watch are not final yet.
    assert_eq!(spans[..2], [(-61, -1), (-1501, -1441)]);
    // Minute 1 is final at minute 4.
    assert_eq!(spans[2..5], [(1, 2), (1, 3), (1, 4)]);
    assert_eq!(spans.last(), Some(&(8, 18)));
    assert_eq!(spans.len(), 2 + 17);
    let mut watch = watch;
    watch
        .look(&cloud, at(20).plus(Duration::from_secs(5)))
        .await;
    assert_eq!(fake.spans.lock().expect("whole").len(), 19);
}

#[tokio::test]
async fn an_outage_is_no_evidence_and_is_made_up_for() {
    let (fake, cloud) = world(failing(0.0));
    *fake.down.lock().expect("whole") = Some(Why::new(Kind::Provider, "down"));
    let mut watch = watched(&gates(&["mail"]), &cloud, 12).await;
    let found = watch.findings();
    assert_eq!(
        (found[0].verdict, found[0].reason, found[0].thin),
        (Verdict::Inconclusive, ReasonCode::NoData, false)
    );
    assert!(matches!(&found[0].seen, Seen::Unknown { why } if why.detail == "down"));
    *fake.down.lock().expect("whole") = None;
    watch.look(&cloud, at(13)).await;
    assert!(watch.findings()[0].certified);
}

#[tokio::test]
async fn the_keeper_goes_on_from_the_counts() {
    let (_, cloud) = world(failing(20.0));
    let gates = gates(&["todo-create"]);
    let watch = watched(&gates, &cloud, 5).await;
    assert_ne!(watch.findings()[0].verdict, Verdict::Degraded);
    let text = serde_json::to_string(watch.memory()).expect("JSON");
    assert!(text.len() < 4000, "{} bytes", text.len());
    let memory: MetricMemory = serde_json::from_str(&text).expect("the same");
    assert_eq!(&memory, watch.memory());
    let mut later = MetricWatch::resume(&gates, &["todo".to_owned()], memory);
    later.look(&cloud, at(10)).await;
    assert_eq!(later.findings()[0].verdict, Verdict::Degraded);
}

#[tokio::test]
async fn what_does_not_exist_is_told_from_what_has_no_traffic() {
    let (fake, cloud) = world(|_, _| None);
    let watch = watched(&gates(&["todo-creat", "mail", "nothing-*"]), &cloud, 6).await;
    let found = watch.findings();
    let by_name = |name: &str| found.iter().find(|f| f.gate == name).expect(name);
    let mail = by_name("mail");
    assert!(
        mail.thin && mail.reason == ReasonCode::NoTraffic,
        "{mail:?}"
    );
    let absent = by_name("todo-creat");
    assert!(!absent.thin, "never a silent pass");
    assert!(
        matches!(&absent.seen, Seen::Unknown { why } if why.kind == Kind::NotFound && why.detail.contains("nearest: todo-create"))
    );
    assert!(!by_name("nothing-*").thin);
    assert_eq!(watch.thin(), ["mail", "todo-creat"]);
    assert_eq!(watch.missing().len(), 2);
    assert_eq!(fake.listed.load(Ordering::SeqCst), 2, "not at every look");
}

#[tokio::test]
async fn alarms_logs_and_expressions_are_looked_at_too() {
    let (fake, cloud) = world(|series, minute| {
        matches!(series, Series::Expression { .. }).then_some(if minute > 3 { 1.0 } else { 0.0 })
    });
    let mut gates = gates(&["todo-create"]);
    gates.lambda = None;
    gates.alarms = Some(AlarmsGate {
        names: Vec::new(),
        prefix: Some("todo".to_owned()),
    });
    gates.metric = vec![MetricGate {
        name: "dead-letters".to_owned(),
        expression: "SUM(SEARCH('{AWS/SQS,QueueName} dlq NumberOfMessagesSent', 'Sum', 60))"
            .to_owned(),
        max: Some(2.0),
        min: None,
    }];
    gates.logs = vec![LogsGate {
        name: "panics".to_owned(),
        groups: vec!["g".to_owned()],
        query: "filter @message like /panic/".to_owned(),
        max: 0,
    }];
    let alarm = |state, since| AlarmSeen {
        name: "todo-5xx".to_owned(),
        state,
        since: Some(at(since)),
    };
    *fake.alarms.lock().expect("whole") = vec![alarm(AlarmState::Alarm, -30)];
    let mut watch = watched(&gates, &cloud, 5).await;
    let verdicts = |watch: &MetricWatch| -> Vec<Verdict> {
        watch.findings().iter().map(|f| f.verdict).collect()
    };
    assert_eq!(
        verdicts(&watch),
        [Verdict::Inconclusive, Verdict::Healthy, Verdict::Healthy]
    );
    assert_eq!(watch.findings()[0].reason, ReasonCode::FailingBefore);
    *fake.alarms.lock().expect("whole") = vec![alarm(AlarmState::Alarm, 5)];
    *fake.matches.lock().expect("whole") = (0, 3);
    watch.look(&cloud, at(9)).await;
    assert_eq!(verdicts(&watch), [Verdict::Degraded; 3]);

    // After a restore the alarm still fires, and what was counted is over.
    let mut again = watch.restarted(at(10));
    *fake.matches.lock().expect("whole") = (0, 0);
    again.look(&cloud, at(11)).await;
    let found = again.findings();
    assert!(
        found.iter().all(|f| f.verdict != Verdict::Degraded),
        "{found:?}"
    );
    assert!(again.decided());
}

#[test]
fn fifty_gates_are_judged_in_no_time() {
    let functions: Vec<String> = (0..50).map(|n| format!("f{n:02}")).collect();
    let names: Vec<&str> = functions.iter().map(String::as_str).collect();
    let gates = gates(&names);
    let mut watch = MetricWatch::new(&gates, &[], at(0), at(0), at(10));
    watch.memory.functions = functions.into_iter().collect();
    watch.rebuild();
    watch.until = at(30);
    for series in watch.wanted() {
        let mut buckets = Buckets::default();
        buckets.add(&series, at(0), at(30), (0..30).map(|m| (at(m), 3.0)));
        let reading = Reading::Known(buckets);
        watch.memory.after.take(&series, at(0), at(30), &reading);
    }
    let began = Instant::now();
    assert_eq!(watch.findings().len(), 50);
    // Far above what an optimised build needs (under 1 ms): this is the unoptimised one.
    assert!(began.elapsed() < Duration::from_millis(400));
}
