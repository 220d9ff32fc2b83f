//! CloudWatch gates in full windows of virtual time: what is proven, what is not, and how it is told.

use deploy_guard::core::alert::{AlertEvent, Channel};
use deploy_guard::core::gate::alarms::{AlarmSeen, AlarmState};
use deploy_guard::core::gate::{AlarmsGate, Finding, LambdaGate, MetricGate, OnInconclusive, Seen};
use deploy_guard::core::journal::Judgement;
use deploy_guard::core::outcome::{Asked, Exit, KeeperSeen, Outcome, Report};
use deploy_guard::core::reason::ReasonCode;
use deploy_guard::core::record::{Decision, DeploymentType, Status, Verdict};
use deploy_guard::engine::Setup;
use deploy_guard::engine::facts::facts;
use deploy_guard::i18n::Locale;
use deploy_guard::i18n::sight::line;
use deploy_guard::ports::Clock;
use deploy_guard::render::terminal::{Colours, show};
use deploy_guard::render::{mail, summary};
use insta::assert_snapshot;

use super::sky::function;
use super::story::{End, Job, MINUTE, Story};
use super::time::lock;

/// A Lambda gate on these functions beside the HTTP gate.
fn lambda(setup: &mut Setup, functions: &[&str]) {
    setup.gates.lambda = Some(LambdaGate {
        functions: functions.iter().map(|f| (*f).to_owned()).collect(),
        max_error_rate: 0.05,
        p95: None,
        p99: None,
        max_throttle_rate: None,
    });
}

/// A story of one function, `CreateTodo`, of which a share fails by version.
fn create_todo(requests: f64, failing: impl Fn(u32) -> f64 + Send + Sync + 'static) -> Story {
    let story = Story::with(|setup| lambda(setup, &["CreateTodo"]));
    story.town.sky.traffic(move |series, version, _| {
        function(series, "CreateTodo", requests, failing(version))
    });
    story
}

fn judged(story: &Story) -> Judgement {
    story.last().1.judged.expect("a judgement")
}

fn finding(story: &Story, gate: &str) -> Finding {
    let found = judged(story).findings.into_iter().find(|f| f.gate == gate);
    found.unwrap_or_else(|| panic!("no finding of {gate}"))
}

/// How long the newest deployment was watched, minutes.
fn minutes(story: &Story) -> u64 {
    story.last().0.duration_s.expect("closed") / 60
}

fn english(finding: &Finding) -> String {
    line(finding, Locale::En)
}

/// Everything that a person reads of a story: the summary, the alert and `show`, in both languages.
fn read(story: &Story, exit: Exit) -> String {
    let (record, deployment) = story.last();
    let stored = story.stored(&record.id);
    let closing = match &deployment.state {
        deploy_guard::core::deployment::State::Closed(closing) => closing.clone(),
        other => panic!("{other:?}"),
    };
    let asked = Asked {
        environment: "prod".to_owned(),
        service: "todo".to_owned(),
        kind: deployment.start.kind,
        git_ref: deployment.start.git_ref.as_ref().map(ToString::to_string),
        actor: deployment.start.actor.clone(),
        force: false,
        dry_run: false,
        note: None,
        run_url: deployment.start.run.url.clone(),
    };
    let outcome = Outcome {
        status: Some(closing.status),
        verdict: closing.verdict,
        decision: closing.decision,
        reason: closing.reason,
        deploy_needed: false,
        rolled_back: closing.status == Status::RolledBack,
        exit,
    };
    let event = match closing.verdict {
        Some(Verdict::Degraded) => AlertEvent::HealthCheckFailed,
        Some(Verdict::Inconclusive) => AlertEvent::Inconclusive,
        Some(Verdict::Healthy | Verdict::Skipped) | None => AlertEvent::Succeeded,
    };
    let at = stored.entries.last().expect("entries").at;
    // What is told of a bad gate is told before the restore is judged.
    let bad = stored
        .entries
        .iter()
        .flat_map(|e| &e.events)
        .find_map(|e| match e {
            deploy_guard::core::journal::Event::Judged(judgement) => Some(judgement.clone()),
            _ => None,
        });
    let mut told = deployment.clone();
    if let Some(judgement) = bad.filter(|j| j.verdict == Verdict::Degraded) {
        told.state = deploy_guard::core::deployment::State::Judged(judgement.clone());
        told.judged = Some(judgement);
    }
    let report = Report {
        asked,
        outcome,
        checks: deployment.checks.clone(),
        holder: None,
        candidates: Vec::new(),
        target: None,
        told: Vec::new(),
        keeper: KeeperSeen::Fresh,
        notes: Vec::new(),
        pulls: Vec::new(),
        at,
        entries: stored.entries.clone(),
        deployment: Some(deployment),
    };
    let mut out = String::new();
    for locale in [Locale::En, Locale::Ko] {
        out += &summary::summary(&report, locale);
        out += "\n--- alert ---\n";
        out += &mail::text(&facts(&told, event, at), false, locale);
        out += "\n--- show ---\n";
        out += &show(&record, &stored.entries, locale, Colours(false));
        out += "\n=============\n";
    }
    out
}

#[test]
fn a_function_that_fails_is_seen_within_minutes_and_the_old_version_comes_back() {
    let story = create_todo(40.0, |version| if version == 2 { 0.2 } else { 0.005 });
    let end = story.end_of(&Job::new(1, 2));
    assert_eq!(end.closing().status, Status::RolledBack);
    assert_eq!(end.exit(), Exit::Failed);
    assert!(minutes(&story) <= 8, "{} minutes", minutes(&story));
    assert_eq!(
        story.heard(AlertEvent::RollbackCompleted, Channel::Slack),
        1
    );
    assert_snapshot!("metrics_rolled_back", read(&story, end.exit()));
    story.check("rolled back");
    story.check_live("rolled back");
}

#[test]
fn without_automatic_restore_a_failing_function_stops_the_job_and_a_person_must_act() {
    let mut story = create_todo(60.0, |version| if version == 2 { 0.2 } else { 0.0 });
    story.setup.rollback.automatic = false;
    let end = story.end_of(&Job::new(1, 2));
    assert_eq!(end.closing().status, Status::Failure);
    assert_eq!(end.closing().reason, ReasonCode::AutomaticOff);
    assert_eq!(end.exit(), Exit::Act);
    let found = finding(&story, "CreateTodo");
    assert_eq!(found.reason, ReasonCode::ErrorRateAboveBaseline);
    assert_eq!(found.alpha, Some(0.005), "two tests share one percent");
    let said = english(&found);
    assert!(
        said.starts_with("Lambda CreateTodo: ")
            && said.contains(" requests failed (20 %); bound 5 %, bound from its own past ")
            && said.ends_with("; certain to 1 in 200"),
        "{said}"
    );
    story.check("stopped");
    story.check_live("stopped");
}

#[test]
fn healthy_traffic_is_certified_over_the_whole_window() {
    let story = create_todo(300.0, |_| 0.01);
    let end = story.end_of(&Job::new(1, 2));
    assert_eq!(end.exit(), Exit::Fine);
    let found = finding(&story, "CreateTodo");
    assert!(
        found.certified && found.verdict == Verdict::Healthy,
        "{found:?}"
    );
    assert!(minutes(&story) >= 11);
    assert_snapshot!("metrics_healthy", read(&story, end.exit()));
    story.check("healthy");
    story.check_live("healthy");
}

#[test]
fn thin_gates_do_not_hold_what_the_http_gate_has_shown_to_be_well() {
    // 0.8 requests a minute over six functions.
    let names = ["a", "b", "c", "d", "e", "f"];
    let story = Story::with(|setup| lambda(setup, &names));
    story.town.sky.traffic(move |series, _, minute| {
        names.iter().enumerate().find_map(|(n, name)| {
            let turn = (minute * 5 + 2).rem_euclid(7) == i64::try_from(n).unwrap_or(0);
            let one = function(series, name, 1.0, 0.0);
            one.filter(|_| turn)
        })
    });
    let end = story.end_of(&Job::new(1, 2));
    assert_eq!(end.exit(), Exit::Fine, "no red job");
    assert_eq!(end.closing().verdict, Some(Verdict::Healthy));
    let judged = judged(&story);
    let thin: Vec<&str> = judged
        .findings
        .iter()
        .filter(|f| f.thin)
        .map(|f| f.gate.as_str())
        .collect();
    assert_eq!(thin, names, "the thin gates are named");
    let told = read(&story, end.exit());
    assert_snapshot!("metrics_thin", told);
    story.check("thin");
}

#[test]
fn what_is_denied_is_unknown_and_the_other_gates_go_on() {
    let story = Story::with(|setup| lambda(setup, &["CreateTodo", "GetTodo"]));
    story.town.sky.traffic(|series, _, _| {
        function(series, "CreateTodo", 300.0, 0.0).or(function(series, "GetTodo", 300.0, 0.0))
    });
    *lock(&story.town.sky.refused) = Some("GetTodo");
    let end = story.end_of(&Job::new(1, 2));
    assert_eq!(end.closing().status, Status::Success);
    assert_eq!(end.closing().verdict, Some(Verdict::Inconclusive));
    assert_eq!(end.closing().decision, Decision::Hold);
    assert_eq!(end.exit(), Exit::Unproven);
    assert!(finding(&story, "CreateTodo").certified);
    let denied = finding(&story, "GetTodo");
    assert!(matches!(&denied.seen, Seen::Unknown { why } if why.detail.contains("GetMetricData")));
    assert!(!denied.thin, "never a silent pass");
    assert_snapshot!("metrics_denied", read(&story, end.exit()));
    story.check("denied");
}

#[test]
fn an_outage_of_the_provider_is_no_evidence_and_is_made_up_for() {
    let story = create_todo(300.0, |_| 0.0);
    let now = story.time.monotonic();
    lock(&story.town.sky.outages).push((now + 2 * MINUTE, now + 7 * MINUTE));
    let end = story.end_of(&Job::new(1, 2));
    assert_eq!(end.closing().verdict, Some(Verdict::Healthy));
    story.check("short outage");

    let story = create_todo(60.0, |version| if version == 2 { 0.5 } else { 0.0 });
    let now = story.time.monotonic();
    lock(&story.town.sky.outages).push((now, now + 60 * MINUTE));
    let end = story.end_of(&Job::new(1, 2));
    assert_eq!(end.closing().verdict, Some(Verdict::Inconclusive));
    assert_eq!(end.closing().reason, ReasonCode::TooLittleData);
    assert_eq!(end.exit(), Exit::Unproven);
    let said = english(&finding(&story, "CreateTodo"));
    assert!(said.contains("InternalFailure"), "{said}");
    story.check("long outage");
}

#[test]
fn traffic_that_vanishes_is_not_called_healthy() {
    let story = create_todo(60.0, |_| 0.0);
    story.town.sky.traffic(|series, version, _| {
        function(series, "CreateTodo", 60.0, 0.0).filter(|_| version == 1)
    });
    let end = story.end_of(&Job::new(1, 2));
    assert_eq!(end.closing().verdict, Some(Verdict::Inconclusive));
    assert_eq!(end.closing().reason, ReasonCode::TrafficVanished);
    assert_eq!(end.exit(), Exit::Unproven);
    assert_eq!(story.heard(AlertEvent::Inconclusive, Channel::Sns), 1);
    assert_snapshot!("metrics_vanished", read(&story, end.exit()));
    story.check("vanished");
}

#[test]
fn what_is_not_proven_restores_where_that_is_configured() {
    let mut story = create_todo(60.0, |_| 0.0);
    story.setup.gates.on_inconclusive = OnInconclusive::Rollback;
    story.town.sky.traffic(|series, version, _| {
        function(series, "CreateTodo", 60.0, 0.0).filter(|_| version == 1)
    });
    let end = story.end_of(&Job::new(1, 2));
    assert_eq!(end.closing().status, Status::RolledBack);
    story.check("restored");
    story.check_live("restored");
}

fn alarm(story: &Story, name: &str, state: AlarmState) {
    let since = Some(story.time.now());
    *lock(&story.town.sky.alarms) = vec![AlarmSeen {
        name: name.to_owned(),
        state,
        since,
    }];
}

#[test]
fn an_alarm_that_fires_before_refuses_a_deployment_but_not_the_one_that_mends() {
    let story = Story::with(|setup| {
        setup.gates.alarms = Some(AlarmsGate {
            names: vec!["todo-5xx".to_owned()],
            prefix: None,
        });
    });
    alarm(&story, "todo-5xx", AlarmState::Alarm);
    story.pass(MINUTE);
    let ends = story.job(&Job::new(1, 2));
    assert_eq!(ends[0].exit(), Exit::Refused, "{ends:?}");

    let mut fix = Job::new(2, 3).kind(DeploymentType::Hotfix);
    fix.request.note = Some("mends the alarm".to_owned());
    let end = story.end_of(&fix);
    assert_eq!(end.exit(), Exit::Fine);
    let found = finding(&story, "alarms");
    assert_eq!(found.reason, ReasonCode::FailingBefore);
    assert!(found.thin);
    story.check("mended");
}

#[test]
fn an_alarm_that_fired_before_and_fires_anew_without_having_been_well_is_no_evidence() {
    let story = Story::with(|setup| {
        setup.gates.alarms = Some(AlarmsGate {
            names: vec!["todo-5xx".to_owned()],
            prefix: None,
        });
    });
    alarm(&story, "todo-5xx", AlarmState::Alarm);
    // Through INSUFFICIENT_DATA and back while it is deployed: CloudWatch tells a time after the deployment's start.
    lock(&story.town.sky.alarms)[0].since = Some(story.time.now().plus(MINUTE * 60));
    let fix = Job::new(1, 2).kind(DeploymentType::Hotfix);
    let end = story.end_of(&fix);
    assert_eq!(end.exit(), Exit::Fine);
    assert_eq!(finding(&story, "alarms").reason, ReasonCode::FailingBefore);
    story.check("fired anew");
}

#[test]
fn a_metric_that_does_not_exist_names_the_nearest() {
    let story = Story::with(|setup| {
        setup.gates.metric = vec![MetricGate {
            name: "dead-letters".to_owned(),
            expression: "SUM(SEARCH('{AWS/SQS,QueueName} NumberOfMesagesSent', 'Sum', 60))"
                .to_owned(),
            max: Some(2.0),
            min: None,
        }];
    });
    *lock(&story.town.sky.metrics) = vec![
        "ApproximateNumberOfMessagesVisible".to_owned(),
        "NumberOfMessagesSent".to_owned(),
    ];
    let end = story.end_of(&Job::new(1, 2));
    assert_eq!(end.exit(), Exit::Unproven);
    let said = english(&finding(&story, "dead-letters"));
    assert!(said.contains("nearest: NumberOfMessagesSent"), "{said}");
    story.check("misspelt");
}

#[test]
fn below_the_bound_but_far_above_its_own_past_is_seen_too() {
    let story = create_todo(600.0, |version| if version == 2 { 0.04 } else { 0.001 });
    let end = story.end_of(&Job::new(1, 2));
    assert_eq!(end.closing().status, Status::RolledBack);
    let told = story.stored(&story.last().0.id);
    let first = told
        .entries
        .iter()
        .flat_map(|e| &e.events)
        .find_map(|e| match e {
            deploy_guard::core::journal::Event::Judged(j) => Some(j.reason),
            _ => None,
        });
    assert_eq!(first, Some(ReasonCode::ErrorRateAboveBaseline));
    story.check("relative");
    story.check_live("relative");
}

#[test]
fn a_quiet_but_healthy_service_ends_no_job_red() {
    // Enough requests for window and bake together, too few for the window alone.
    for requests in [1.0, 5.0, 20.0, 60.0, 100.0, 150.0, 200.0, 1000.0] {
        for failing in [0.0, 0.001, 0.01, 0.02] {
            let story = create_todo(requests, move |_| failing);
            let end = story.end_of(&Job::new(1, 2));
            let said = english(&finding(&story, "CreateTodo"));
            assert_eq!(
                end.exit(),
                Exit::Fine,
                "{requests} a minute, {failing}: {said}"
            );
        }
    }
}

#[test]
fn every_end_of_a_job_is_one_that_the_stages_agree_on() {
    let story = create_todo(60.0, |_| 0.0);
    let ends = story.job(&Job::new(1, 2));
    assert!(matches!(ends.last(), Some(End::Nothing)), "{ends:?}");
}
