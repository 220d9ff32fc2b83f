//! The event bodies of every released version must be read for ever: the golden file holds each kind of event and whole journals.

use std::collections::BTreeSet;

use deploy_guard::adapters::stored::{EVENTS_VERSION, read_events, write_events};
use deploy_guard::core::gate::http::Problem;
use deploy_guard::core::gate::{Counted, Finding, GateKind, Seen};
use deploy_guard::core::journal::{
    Adopter, Closing, Entry, Event, JobStatus, Judgement, LiveChange, RunRef, StackSeen, Start,
    StoppedBy, replay,
};
use deploy_guard::core::observation::{Kind, NetFault, Why};
use deploy_guard::core::policy::{CheckLine, CheckName, CheckResult};
use deploy_guard::core::reason::ReasonCode;
use deploy_guard::core::record::{Decision, Status, Verdict};
use deploy_guard::core::restore::{PlannedStep, RestorePlan, StepKey, Strategy};
use serde_json::Value;

use super::samples::{Guard, at, id, session};

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/journal-v1.json");

fn finding(seen: Seen) -> Finding {
    Finding {
        gate: "api 상태".into(),
        kind: GateKind::Http,
        verdict: Verdict::Degraded,
        reason: ReasonCode::HttpFailed,
        thin: false,
        certified: true,
        counted: Some(Counted {
            requests: 1000,
            errors: 97,
            interval: (0.080_1, 0.117_3),
        }),
        bound: Some(0.05),
        baseline_bound: None,
        before: None,
        unseen_minutes: 0,
        alpha: Some(0.01),
        evidence: 1.0,
        pass_evidence: 0.1,
        seen,
    }
}

fn judgement(verdict: Verdict, decision: Decision, findings: Vec<Finding>) -> Judgement {
    let reason = if verdict == Verdict::Healthy {
        ReasonCode::Healthy
    } else {
        ReasonCode::HttpFailed
    };
    Judgement {
        verdict,
        reason,
        decision,
        findings,
    }
}

fn degraded() -> Judgement {
    let problems = [
        Problem::Network {
            fault: NetFault::Refused,
        },
        Problem::Status { got: 503, want: 0 },
        Problem::Json {
            pointer: "/status".into(),
            got: Some("down".into()),
            want: "ok".into(),
        },
        Problem::Header {
            name: "x-version".into(),
            got: None,
            want: "a1b2c3d".into(),
        },
        Problem::Body {
            want: "ready".into(),
        },
        Problem::Slow {
            took_ms: 2100,
            max_ms: 2000,
        },
        Problem::Version {
            got: Some("0000000".into()),
            want: "a1b2c3d".into(),
        },
    ];
    let mut seen: Vec<Seen> = problems
        .into_iter()
        .map(|p| Seen::Http {
            status: Some(503),
            problem: Some(p),
            took_ms: 12,
            failures_in_a_row: 3,
            confirmed_ms: Some(10_000),
        })
        .collect();
    seen.extend([
        Seen::Nothing,
        Seen::Value { value: 0.1 + 0.2 },
        Seen::Names {
            names: vec!["HanbitTodoStack-prod-5xx".into()],
        },
        Seen::Text {
            text: "UPDATE_COMPLETE".into(),
        },
        Seen::Unknown {
            why: Why::new(Kind::Throttled, "Rate exceeded"),
        },
        Seen::Counts,
    ]);
    judgement(
        Verdict::Degraded,
        Decision::Restore,
        seen.into_iter().map(finding).collect(),
    )
}

fn closing(status: Status, verdict: Verdict, decision: Decision) -> Closing {
    Closing {
        status,
        verdict: Some(verdict),
        reason: ReasonCode::Restored,
        decision,
        error: Some("오류 <b>".into()),
        live: false,
    }
}

fn start() -> Start {
    let guard = Guard::new("deploy-20241212-143052-a1b2c3d4", at(0));
    let stacks = vec![StackSeen {
        name: "HanbitTodoStack-prod".into(),
        status: Some("UPDATE_COMPLETE".into()),
        updated: Some(at(-900)),
    }];
    let before = Guard::new("deploy-1702339200000", at(-86_400)).live();
    Start {
        previous: Some(before.clone()),
        good: Some(before.clone()),
        target: Some(before.clone()),
        undoes: Some(before),
        note: Some("이유".into()),
        run: RunRef {
            repo: Some("hanbit/todo".into()),
            run: Some(12_345_678_901),
            attempt: Some(2),
            job: Some("deploy".into()),
            job_id: Some(34_567_890_123),
            url: Some("https://github.com/hanbit/todo/actions/runs/12345678901".into()),
            sha: None,
        },
        stacks,
        failing_before: vec!["old".into()],
        versions_before: vec![("api".into(), "0000000".into())],
        alarms_before: Vec::new(),
        ..guard.start_event()
    }
}

fn checks() -> Vec<CheckLine> {
    let results = [
        CheckResult::Passed {
            note: Some("dev".into()),
            remarks: Vec::new(),
        },
        CheckResult::Failed {
            reason: ReasonCode::Frozen,
            detail: "금요일 동결".into(),
        },
        CheckResult::Unavailable {
            why: Why::new(Kind::Denied, "checks: read"),
        },
        CheckResult::NotApplicable,
        CheckResult::Skipped,
    ];
    let checks = CheckName::ALL.iter().zip(results);
    checks
        .map(|(check, result)| CheckLine {
            check: *check,
            result,
            overridden: *check == CheckName::Stack,
        })
        .collect()
}

fn plan() -> RestorePlan {
    let deployment = id("deploy-20241212-143052-a1b2c3d4");
    let steps = Strategy::ALL.iter().map(|strategy| PlannedStep {
        key: StepKey::new(&deployment, strategy.as_str()),
        strategy: *strategy,
        what: "alias live → 7".into(),
    });
    RestorePlan {
        target: id("deploy-1702339200000"),
        steps: steps.collect(),
        state: None,
        skipped: vec![],
    }
}

/// One event of every kind; the match below fails to compile when there is a new one.
fn every_event() -> Vec<Event> {
    let key = plan().steps[0].key.clone();
    vec![
        Event::Started(Box::new(start())),
        Event::Checked { lines: checks() },
        Event::Allowed,
        Event::TookOver {
            from: id("deploy-0"),
        },
        Event::Adopted {
            by: Adopter::Verify,
        },
        Event::JobEnded {
            job: JobStatus::Success,
            live: LiveChange::Changed,
            stacks: start().stacks,
        },
        Event::WatchStarted {
            since: at(60),
            until: at(360),
            one_look: false,
        },
        Event::YieldAsked {
            run_url: Some("https://github.com/hanbit/todo/actions/runs/2".into()),
        },
        Event::CancelAsked {
            by: StoppedBy::Terminate,
        },
        Event::Judged(degraded()),
        Event::RestorePlanned { plan: plan() },
        Event::StepStarted { key: key.clone() },
        Event::StepDone { key: key.clone() },
        Event::Dispatched {
            key: key.clone(),
            run: 99,
            url: Some("https://github.com/hanbit/todo/actions/runs/99".into()),
        },
        Event::StepFailed {
            key,
            why: Why::new(Kind::Provider, "ResourceConflictException"),
            reason: None,
        },
        Event::RestoreJudged {
            strategy: Strategy::LambdaAlias,
            judgement: judgement(Verdict::Healthy, Decision::Continue, vec![]),
        },
        Event::Closed(closing(
            Status::RolledBack,
            Verdict::Degraded,
            Decision::Restore,
        )),
        Event::UndoneBy {
            by: id("rollback-20241213-090000-a1b2c3d4"),
        },
        Event::Saving {
            state: "deploy-20241212-143052-a1b2c3d4.before".into(),
        },
        Event::Saved {
            state: "deploy-20241212-143052-a1b2c3d4.after".into(),
        },
    ]
}

fn is_listed(event: &Event) -> bool {
    match event {
        Event::Started(_)
        | Event::Checked { .. }
        | Event::Allowed
        | Event::TookOver { .. }
        | Event::Adopted { .. }
        | Event::JobEnded { .. }
        | Event::WatchStarted { .. }
        | Event::YieldAsked { .. }
        | Event::CancelAsked { .. }
        | Event::Judged(_)
        | Event::RestorePlanned { .. }
        | Event::StepStarted { .. }
        | Event::StepDone { .. }
        | Event::Dispatched { .. }
        | Event::StepFailed { .. }
        | Event::RestoreJudged { .. }
        | Event::Closed(_)
        | Event::UndoneBy { .. }
        | Event::Saving { .. }
        | Event::Saved { .. } => true,
    }
}

/// Journals as stages write them, a list of events an entry.
fn journals() -> Vec<(&'static str, Vec<Vec<Event>>)> {
    let begun = || {
        vec![
            Event::Started(Box::new(start())),
            Event::Checked { lines: checks() },
            Event::Allowed,
        ]
    };
    let key = plan().steps[0].key.clone();
    let short = RestorePlan {
        steps: plan().steps.into_iter().take(1).collect(),
        ..plan()
    };
    let mut healthy = vec![begun(), vec![Event::Adopted { by: Adopter::Post }]];
    healthy.extend(Guard::healthy_end().into_iter().map(|e| vec![e]));
    healthy.push(vec![Event::UndoneBy {
        by: id("rollback-b"),
    }]);
    let restored = vec![
        begun(),
        vec![
            Event::Adopted {
                by: Adopter::Verify,
            },
            Event::JobEnded {
                job: JobStatus::Success,
                live: LiveChange::Changed,
                stacks: vec![],
            },
            Event::WatchStarted {
                since: at(60),
                until: at(360),
                one_look: false,
            },
        ],
        vec![Event::Judged(judgement(
            Verdict::Degraded,
            Decision::Restore,
            vec![finding(Seen::Counts)],
        ))],
        vec![
            Event::RestorePlanned { plan: short },
            Event::StepStarted { key: key.clone() },
        ],
        vec![Event::StepDone { key }],
        vec![Event::RestoreJudged {
            strategy: Strategy::LambdaAlias,
            judgement: judgement(Verdict::Healthy, Decision::Continue, vec![]),
        }],
        vec![Event::Closed(closing(
            Status::RolledBack,
            Verdict::Degraded,
            Decision::Restore,
        ))],
    ];
    vec![
        ("healthy, undone later", healthy),
        ("degraded, restored", restored),
    ]
}

fn entries(bodies: &[String]) -> Vec<Entry> {
    let entry = |(n, body): (u32, &String)| Entry {
        n,
        at: at(0),
        session: session(),
        commit: super::samples::key(),
        events: read_events(1, body).expect("a body of version 1 is read"),
    };
    (1..).zip(bodies).map(entry).collect()
}

#[test]
fn bodies_of_version_1_are_read_and_replay() {
    let kept = std::fs::read_to_string(GOLDEN).expect("the golden file");
    let kept: Value = serde_json::from_str(&kept).expect("JSON");
    assert_eq!(kept["version"], 1);
    let mut names = BTreeSet::new();
    for (wanted, event) in every_event()
        .iter()
        .zip(kept["events"].as_array().expect("events"))
    {
        let read =
            read_events(1, &Value::Array(vec![event.clone()]).to_string()).expect("readable");
        assert_eq!(&read[..], std::slice::from_ref(wanted));
        assert!(is_listed(wanted) && names.insert(wanted.name()));
    }
    assert_eq!(names.len(), 20, "one event of every kind");
    for (name, written) in journals() {
        let bodies = kept["journals"][name].as_array().expect("a journal");
        let bodies: Vec<String> = bodies.iter().map(ToString::to_string).collect();
        let read = entries(&bodies);
        let written: Vec<String> = written
            .iter()
            .map(|e| write_events(e).expect("writes"))
            .collect();
        let (old, new) = (
            replay(&read).expect("replays"),
            replay(&entries(&written)).expect("replays"),
        );
        assert_eq!(old, new, "{name}");
        assert_eq!(old.state.name(), "closed");
    }
    assert_eq!(
        EVENTS_VERSION, 1,
        "a new version gets a golden file of its own"
    );
    assert!(read_events(2, "[]").is_err());
    assert!(read_events(1, r#"[{"event":"moved"}]"#).is_err());
}

/// Writes the file anew: only before its version is released.
#[test]
#[ignore = "rewrites the golden file"]
fn rewrite_the_golden_file() {
    let parse = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
    let events: Vec<Value> = every_event()
        .iter()
        .map(|e| serde_json::to_value(e).expect("an event is JSON"))
        .collect();
    let journals: serde_json::Map<String, Value> = journals()
        .into_iter()
        .map(|(name, entries)| {
            let bodies = entries
                .iter()
                .map(|e| parse(&write_events(e).expect("writes")));
            (name.to_owned(), bodies.collect())
        })
        .collect();
    let text = serde_json::json!({ "version": 1, "events": events, "journals": journals });
    let text = serde_json::to_string_pretty(&text).expect("JSON") + "\n";
    std::fs::write(GOLDEN, text).expect("the golden file can be written");
}
