//! The state machine under any events in any order: errors, never panics, and what must always hold.

use deploy_guard::core::deployment::{Deployment, Effect, State};
use deploy_guard::core::id::{CommitKey, DeploymentId, EnvironmentName, ServiceName, SessionId};
use deploy_guard::core::journal::{
    Adopter, Closing, Entry, Event, JobStatus, Judgement, LiveChange, RunRef, Start, StoppedBy,
    replay,
};
use deploy_guard::core::lease::{Head, Live};
use deploy_guard::core::ledger;
use deploy_guard::core::observation::{Kind, Why};
use deploy_guard::core::reason::ReasonCode;
use deploy_guard::core::record::{Decision, DeploymentType, Status, StoredWord, Verdict};
use deploy_guard::core::restore::{PlannedStep, RestorePlan, StepKey, Strategy as Means};
use deploy_guard::core::time::Timestamp;
use proptest::prelude::*;

fn id(text: &str) -> DeploymentId {
    DeploymentId::new(text).expect("valid")
}

fn at(n: u32) -> Timestamp {
    Timestamp::from_millis(1_734_013_852_000 + i64::from(n) * 1000)
}

fn live(name: &str, n: u32) -> Live {
    Live {
        deployment: id(name),
        at: at(n),
        git_ref: None,
        state_id: None,
        bake_until: None,
        irreversible: false,
        unwell: false,
    }
}

fn start() -> Start {
    Start {
        id: id("d"),
        at: at(100),
        environment: EnvironmentName::new("prod").expect("valid"),
        service: ServiceName::new("todo").expect("valid"),
        kind: DeploymentType::Deploy,
        git_ref: None,
        previous: Some(live("held", 50)),
        good: Some(live("good", 1)),
        actor: None,
        note: None,
        run: RunRef::default(),
        force: false,
        irreversible: false,
        target: None,
        undoes: None,
        stacks: Vec::new(),
        failing_before: Vec::new(),
        versions_before: Vec::new(),
        alarms_before: Vec::new(),
        locked: true,
        unguarded: false,
        heir_of: None,
        automatic: false,
        changes: Vec::new(),
        changes_left_out: 0,
    }
}

fn pick<T: Copy + std::fmt::Debug + 'static>(all: &'static [T]) -> impl Strategy<Value = T> {
    prop::sample::select(all)
}

fn judgement() -> impl Strategy<Value = Judgement> {
    (pick(Verdict::ALL), pick(Decision::ALL)).prop_map(|(verdict, decision)| Judgement {
        verdict,
        reason: ReasonCode::HttpFailed,
        decision,
        findings: Vec::new(),
    })
}

fn closing() -> impl Strategy<Value = Closing> {
    let verdict = prop::option::of(pick(Verdict::ALL));
    (
        pick(Status::ALL),
        verdict,
        pick(Decision::ALL),
        any::<bool>(),
    )
        .prop_map(|(status, verdict, decision, live)| Closing {
            status,
            verdict,
            reason: ReasonCode::Cancelled,
            decision,
            error: None,
            live,
        })
}

const STEPS: [(&str, Means); 3] = [
    ("a", Means::LambdaAlias),
    ("b", Means::LambdaAlias),
    ("c", Means::Cloudformation),
];

fn key(i: usize) -> StepKey {
    StepKey::new(&id("d"), STEPS[i].0)
}

fn plan(n: usize) -> RestorePlan {
    let step = |i: usize| PlannedStep {
        key: key(i),
        strategy: STEPS[i].1,
        what: String::new(),
    };
    RestorePlan {
        target: id("good"),
        steps: (0..n).map(step).collect(),
        state: None,
        skipped: Vec::new(),
    }
}

fn any_event() -> impl Strategy<Value = Event> {
    prop_oneof![
        Just(Event::Started(Box::new(start()))),
        Just(Event::Checked { lines: Vec::new() }),
        Just(Event::Allowed),
        Just(Event::TookOver { from: id("x") }),
        pick(Adopter::ALL).prop_map(|by| Event::Adopted { by }),
        (pick(JobStatus::ALL), pick(LiveChange::ALL)).prop_map(|(job, live)| Event::JobEnded {
            job,
            live,
            stacks: Vec::new()
        }),
        any::<bool>().prop_map(|one_look| Event::WatchStarted {
            since: at(1),
            until: at(2),
            one_look
        }),
        Just(Event::YieldAsked { run_url: None }),
        pick(StoppedBy::ALL).prop_map(|by| Event::CancelAsked { by }),
        judgement().prop_map(Event::Judged),
        (0..=3_usize).prop_map(|n| Event::RestorePlanned { plan: plan(n) }),
        (0..3_usize).prop_map(|i| Event::StepStarted { key: key(i) }),
        (0..3_usize).prop_map(|i| Event::StepDone { key: key(i) }),
        (0..3_usize).prop_map(|i| Event::StepFailed {
            key: key(i),
            why: Why::new(Kind::Denied, "no"),
            reason: (i == 1).then_some(ReasonCode::WouldDestroyData),
        }),
        Just(Event::Saving {
            state: "d.before".into()
        }),
        Just(Event::Saved {
            state: "d.after".into()
        }),
        (0..3_usize, judgement()).prop_map(|(i, judgement)| Event::RestoreJudged {
            strategy: STEPS[i].1,
            judgement
        }),
        closing().prop_map(Event::Closed),
        Just(Event::UndoneBy { by: id("y") }),
    ]
}

/// Something that could happen: what the owed effect leads to, more often than anything else.
fn likely(deployment: &Deployment, dice: u8, other: Event) -> Event {
    if dice.is_multiple_of(4) {
        return other;
    }
    let judged = |verdict, decision| Judgement {
        verdict,
        reason: ReasonCode::HttpFailed,
        decision,
        findings: Vec::new(),
    };
    match deployment.owed() {
        Effect::AwaitJob | Effect::Settle => Event::JobEnded {
            job: JobStatus::ALL[usize::from(dice) % JobStatus::ALL.len()],
            live: LiveChange::ALL[usize::from(dice / 4) % LiveChange::ALL.len()],
            stacks: Vec::new(),
        },
        Effect::Watch { one_look } => Event::WatchStarted {
            since: at(1),
            until: at(2),
            one_look,
        },
        Effect::Observe => Event::Judged(if dice.is_multiple_of(3) {
            judged(Verdict::Healthy, Decision::Continue)
        } else {
            judged(Verdict::Degraded, Decision::Restore)
        }),
        Effect::PlanRestore | Effect::PlanRollback => Event::RestorePlanned { plan: plan(3) },
        Effect::Order(key) => Event::StepStarted { key },
        Effect::Act(key) if dice.is_multiple_of(3) => Event::StepFailed {
            key,
            why: Why::new(Kind::Denied, "no"),
            reason: None,
        },
        Effect::Act(key) => Event::StepDone { key },
        Effect::VerifyRestore(strategy) => Event::RestoreJudged {
            strategy,
            judgement: if dice.is_multiple_of(2) {
                judged(Verdict::Healthy, Decision::Continue)
            } else {
                judged(Verdict::Degraded, Decision::Stop)
            },
        },
        Effect::Close(closing) => Event::Closed(closing),
        Effect::Nothing => other,
    }
}

fn holds(before: &Deployment, event: &Event, after: &Deployment) {
    if let State::Closed(was) = &before.state {
        let State::Closed(is) = &after.state else {
            panic!("{event:?} leaves a final status")
        };
        assert!(was == is || (was.status == Status::Success && is.status == Status::RolledBack));
    }
    match &after.state {
        State::Closed(closing) => {
            assert_eq!(after.owed(), Effect::Nothing);
            assert!(closing.status.is_final());
            if closing.status == Status::Success {
                let judged = after.judged.as_ref().expect("a success was judged");
                assert_ne!(judged.verdict, Verdict::Degraded);
                assert!(after.job.is_some_and(|(job, _)| job == JobStatus::Success));
            }
            if matches!(before.state, State::Restoring(_)) && closing.status == Status::RolledBack {
                assert_eq!(
                    after.judged.as_ref().map(|j| j.verdict),
                    Some(Verdict::Healthy)
                );
            }
        }
        State::Deploying
        | State::JobEnded { .. }
        | State::Watching { .. }
        | State::Judged(_)
        | State::Restoring(_) => assert_ne!(after.owed(), Effect::Nothing, "{:?}", after.state),
    }
    // What is owed can be done, and the record says where it stands.
    if let Effect::Close(closing) = after.owed() {
        after
            .step(&Event::Closed(closing))
            .expect("an owed close is possible");
    }
    for closing in [after.closing_of_release(), after.closing_of_stop()] {
        let restoring = matches!(after.state, State::Restoring(_));
        let closed = matches!(after.state, State::Closed(_));
        if !closed && (!restoring || closing.status != Status::Cancelled) {
            after
                .step(&Event::Closed(closing))
                .expect("a lock can always be released");
        }
    }
    let record = ledger::record(after, at(200), std::time::Duration::from_secs(1));
    let State::Closed(closing) = &after.state else {
        assert_eq!(record.status, StoredWord::Known(Status::InProgress));
        assert_eq!(record.duration_s, None);
        return;
    };
    assert_eq!(record.status, StoredWord::Known(closing.status));
    assert_eq!(record.duration_s, Some(100));
    assert_eq!(
        record.guard.expect("ours").reason_code,
        Some(closing.reason)
    );
    let head = Head {
        live: Some(live("held", 50)),
        good: vec![live("good", 1)],
        ..Head::absent(after.start.environment.clone(), after.start.service.clone())
    };
    let pointers = ledger::pointers(&head, after, closing);
    let serves = pointers.live.expect("something serves").deployment;
    let expected = match (closing.live, closing.status) {
        (true, _) => id("d"),
        (false, Status::RolledBack) => id("good"),
        (false, _) => id("held"),
    };
    let undone = matches!(event, Event::UndoneBy { .. });
    if !undone && (!closing.live || closing.status != Status::RolledBack) {
        assert_eq!(serves, expected);
    }
    let good = pointers.good.iter().any(|g| g.deployment == id("d"));
    assert!(!good || closing.verdict == Some(Verdict::Healthy));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_events_in_any_order_keep_the_invariants(
        events in prop::collection::vec((any_event(), any::<u8>()), 1..40)
    ) {
        let mut deployment = Deployment::new(start());
        let entry = |n: u32, event: Event| Entry {
            n,
            at: at(n),
            session: SessionId::new("0".repeat(32)).expect("hex"),
            commit: CommitKey::new("0".repeat(32)).expect("hex"),
            events: vec![event],
        };
        let mut entries = vec![entry(1, Event::Started(Box::new(start())))];
        deployment.n = 1;
        for (other, dice) in events {
            let event = likely(&deployment, dice, other);
            // What cannot happen is refused, and changes nothing.
            let Ok(step) = deployment.step(&event) else { continue };
            let mut next = step.next;
            next.n = deployment.n + 1;
            entries.push(entry(next.n, event.clone()));
            holds(&deployment, &event, &next);
            deployment = next;
            prop_assert_eq!(&replay(&entries).expect("replays"), &deployment);
        }
    }
}
