//! Reports and facts that the tests render: one for each way a deployment can end. Not part of the product.

use crate::core::alert::{AlertEvent, Channel, Facts, NoticeState};
use crate::core::changes::short;
use crate::core::gate::http::Problem;
use crate::core::gate::{Counted, Finding, GateKind, Seen};
use crate::core::id::{
    CommitKey, CommitSha, DeploymentId, EnvironmentName, ServiceName, SessionId, Token,
};
use crate::core::journal::*;
use crate::core::lease::{Holder, Live};
use crate::core::observation::{Kind, Why};
use crate::core::outcome::*;
use crate::core::policy::{self, CheckLine, CheckName, CheckOutcome, CheckResult};
use crate::core::reason::ReasonCode;
use crate::core::record::*;
use crate::core::restore::{PlannedStep, RestorePlan, StepKey, Strategy};
use crate::core::time::Timestamp;

const RUN: &str = "https://github.com/hanbit/todo/actions/runs/4711";

pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(1_734_013_852_000 + seconds * 1000)
}

pub fn id(text: &str) -> DeploymentId {
    DeploymentId::new(text).expect("valid")
}

pub fn env() -> EnvironmentName {
    EnvironmentName::new("prod").expect("valid")
}

fn sha(text: &str) -> CommitSha {
    CommitSha::new(text).expect("valid")
}

fn live(deployment: &str, commit: &str, seconds: i64) -> Live {
    Live {
        deployment: id(deployment),
        at: at(seconds),
        git_ref: Some(sha(commit)),
        state_id: None,
        bake_until: None,
        irreversible: false,
        unwell: false,
    }
}

pub fn good() -> Live {
    live(
        "deploy-20241211-090000-0f1e2d3c",
        "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c",
        -106_000,
    )
}

pub fn start(kind: DeploymentType) -> Start {
    let this = format!("{kind}-20241212-143052-a1b2c3d4");
    Start {
        id: id(&this),
        at: at(0),
        environment: env(),
        service: ServiceName::new("hanbit-todo").expect("valid"),
        kind,
        git_ref: Some(sha("a1b2c3d4e5f60718293a4b5c6d7e8f9012345678")),
        previous: Some(good()),
        good: Some(good()),
        actor: Some("kim".to_owned()),
        note: None,
        run: RunRef {
            repo: Some("hanbit/todo".to_owned()),
            run: Some(4711),
            attempt: Some(1),
            job: Some("deploy".to_owned()),
            job_id: Some(99),
            url: Some(RUN.to_owned()),
            sha: None,
        },
        force: false,
        irreversible: false,
        target: (kind == DeploymentType::Rollback).then(good),
        undoes: None,
        stacks: Vec::new(),
        failing_before: Vec::new(),
        versions_before: Vec::new(),
        alarms_before: Vec::new(),
        locked: true,
        unguarded: false,
        heir_of: None,
        automatic: false,
        changes: vec![
            "a1b2c3d4e5f60718293a4b5c6d7e8f9012345678 Add due dates (#12)".to_owned(),
            "9f8e7d6c5b4a39281706f5e4d3c2b1a098765432 Fix <b>|bold|</b>".to_owned(),
        ],
        changes_left_out: 3,
    }
}

pub fn finding(
    gate: &str,
    kind: GateKind,
    verdict: Verdict,
    reason: ReasonCode,
    seen: Seen,
) -> Finding {
    Finding {
        gate: gate.to_owned(),
        kind,
        verdict,
        reason,
        thin: false,
        certified: verdict == Verdict::Healthy,
        counted: None,
        bound: None,
        baseline_bound: None,
        before: None,
        unseen_minutes: 0,
        alpha: None,
        evidence: 0.0,
        pass_evidence: if verdict == Verdict::Healthy {
            1.0
        } else {
            0.0
        },
        seen,
    }
}

fn http(verdict: Verdict) -> Finding {
    let bad = verdict == Verdict::Degraded;
    let reason = match verdict {
        Verdict::Degraded => ReasonCode::HttpFailed,
        Verdict::Healthy => ReasonCode::Healthy,
        Verdict::Inconclusive | Verdict::Skipped => ReasonCode::NotProven,
    };
    finding(
        "api",
        GateKind::Http,
        verdict,
        reason,
        Seen::Http {
            status: Some(if bad { 500 } else { 200 }),
            problem: bad.then_some(Problem::Status {
                got: 500,
                want: 200,
            }),
            took_ms: 84,
            failures_in_a_row: if bad { 3 } else { 0 },
            confirmed_ms: bad.then_some(10_000),
        },
    )
}

pub fn lambda(errors: u64, requests: u64, verdict: Verdict, reason: ReasonCode) -> Finding {
    Finding {
        counted: Some(Counted {
            requests,
            errors,
            interval: crate::core::verdict::interval::wilson(errors as f64, requests as f64, 0.025),
        }),
        bound: Some(0.05),
        baseline_bound: Some(0.019),
        before: Some(Counted {
            requests: 3600,
            errors: 18,
            interval: (0.0032, 0.0079),
        }),
        alpha: Some(0.01),
        evidence: if verdict == Verdict::Degraded {
            1.0
        } else {
            0.4
        },
        pass_evidence: if verdict == Verdict::Healthy {
            1.0
        } else {
            0.62
        },
        ..finding(
            "CreateTodo",
            GateKind::Lambda,
            verdict,
            reason,
            Seen::Counts,
        )
    }
}

pub fn well() -> Vec<Finding> {
    let mut thin = lambda(0, 4, Verdict::Inconclusive, ReasonCode::TooFewRequests);
    thin.gate = "DeleteTodo".to_owned();
    thin.thin = true;
    thin.evidence = 0.0;
    vec![
        http(Verdict::Healthy),
        lambda(1, 812, Verdict::Healthy, ReasonCode::Healthy),
        thin,
        finding(
            "alarms",
            GateKind::Alarms,
            Verdict::Healthy,
            ReasonCode::Healthy,
            Seen::Names { names: vec![] },
        ),
        finding(
            "HanbitTodoStack-prod",
            GateKind::Stack,
            Verdict::Healthy,
            ReasonCode::Healthy,
            Seen::Text {
                text: "UPDATE_COMPLETE".to_owned(),
            },
        ),
    ]
}

pub fn bad() -> Vec<Finding> {
    let firing = Seen::Names {
        names: vec!["HanbitTodoStack-prod-5xx".to_owned()],
    };
    let unknown = Seen::Unknown {
        why: Why::new(Kind::Throttled, "Rate exceeded <b>|"),
    };
    vec![
        finding(
            "alarms",
            GateKind::Alarms,
            Verdict::Healthy,
            ReasonCode::Healthy,
            Seen::Names { names: vec![] },
        ),
        http(Verdict::Degraded),
        lambda(14, 160, Verdict::Degraded, ReasonCode::ErrorRateAboveBound),
        finding(
            "alarms-eu",
            GateKind::Alarms,
            Verdict::Degraded,
            ReasonCode::AlarmFiring,
            firing,
        ),
        finding(
            "dead-letters",
            GateKind::Metric,
            Verdict::Inconclusive,
            ReasonCode::NoData,
            unknown,
        ),
    ]
}

pub fn unproven() -> Vec<Finding> {
    vec![
        http(Verdict::Healthy),
        lambda(2, 40, Verdict::Inconclusive, ReasonCode::NotProven),
    ]
}

fn judgement(
    verdict: Verdict,
    reason: ReasonCode,
    decision: Decision,
    findings: Vec<Finding>,
) -> Judgement {
    Judgement {
        verdict,
        reason,
        decision,
        findings,
    }
}

fn closing(
    status: Status,
    verdict: Option<Verdict>,
    reason: ReasonCode,
    decision: Decision,
    live: bool,
) -> Closing {
    Closing {
        status,
        verdict,
        reason,
        decision,
        error: None,
        live,
    }
}

fn passed(check: CheckName) -> CheckLine {
    CheckLine {
        check,
        result: CheckResult::Passed {
            note: None,
            remarks: Vec::new(),
        },
        overridden: false,
    }
}

pub fn checks(kind: DeploymentType) -> Vec<CheckLine> {
    let mut lines: Vec<CheckLine> = CheckName::ALL.iter().map(|c| passed(*c)).collect();
    for line in &mut lines {
        if policy::skips(kind, line.check) {
            line.result = CheckResult::Skipped;
        }
        if line.check == CheckName::Approval {
            line.result = CheckResult::Passed {
                note: Some("@lee".to_owned()),
                remarks: Vec::new(),
            };
        }
        if line.check == CheckName::Branch && line.result != CheckResult::Skipped {
            line.result = CheckResult::NotApplicable;
        }
    }
    lines
}

fn entry(n: u32, seconds: i64, events: Vec<Event>) -> Entry {
    Entry {
        n,
        at: at(seconds),
        session: SessionId::new("0".repeat(32)).expect("valid"),
        commit: CommitKey::new("1".repeat(32)).expect("valid"),
        events,
    }
}

fn told(event: AlertEvent, state: NoticeState) -> Told {
    let why = (state != NoticeState::Sent).then(|| "404 no_service".to_owned());
    Told {
        event,
        channel: Channel::Slack,
        state,
        why,
    }
}

/// A report with a journal; the outcome follows from its end.
fn report(start: Start, mut rest: Vec<(i64, Vec<Event>)>) -> Report {
    let kind = start.kind;
    let mut first = vec![Event::Started(Box::new(start.clone()))];
    if let Some((0, events)) = rest.first() {
        first.extend(events.clone());
        rest.remove(0);
    }
    let mut entries = vec![entry(1, 0, first)];
    for (i, (seconds, events)) in rest.into_iter().enumerate() {
        entries.push(entry(u32::try_from(i).expect("few") + 2, seconds, events));
    }
    let deployment = replay(&entries).expect("a story that can happen");
    let closing = match &deployment.state {
        crate::core::deployment::State::Closed(closing) => Some(closing.clone()),
        _ => None,
    };
    let outcome = match &closing {
        Some(c) => Outcome {
            status: Some(c.status),
            verdict: c.verdict,
            decision: c.decision,
            reason: c.reason,
            deploy_needed: false,
            rolled_back: c.status == Status::RolledBack,
            exit: Exit::of(c, false, deployment.stop),
        },
        None => Outcome {
            status: Some(Status::InProgress),
            verdict: None,
            decision: Decision::Continue,
            reason: ReasonCode::Allowed,
            deploy_needed: deployment.job.is_none(),
            rolled_back: false,
            exit: Exit::Fine,
        },
    };
    let end = entries.last().map_or(at(0), |e| e.at);
    Report {
        asked: Asked {
            environment: "prod".to_owned(),
            service: "hanbit-todo".to_owned(),
            kind,
            git_ref: start.git_ref.as_ref().map(ToString::to_string),
            actor: start.actor.clone(),
            force: start.force,
            dry_run: false,
            note: start.note.clone(),
            run_url: Some(RUN.to_owned()),
        },
        outcome,
        checks: Vec::new(),
        deployment: Some(deployment),
        entries,
        holder: None,
        candidates: Vec::new(),
        target: None,
        told: Vec::new(),
        keeper: KeeperSeen::Fresh,
        notes: Vec::new(),
        pulls: Vec::new(),
        at: end,
    }
}

/// A report without a deployment.
fn refused(kind: DeploymentType, lines: Vec<CheckLine>) -> Report {
    let mut report = report(start(kind), vec![]);
    let judged = policy::judge(kind, false, lines);
    let (reason, exit, decision) = match judged.outcome {
        CheckOutcome::Allowed => (ReasonCode::Allowed, Exit::Fine, Decision::Continue),
        CheckOutcome::AlreadyLive => (ReasonCode::AlreadyLive, Exit::Fine, Decision::Continue),
        CheckOutcome::Refused(reason) => (reason, Exit::Refused, Decision::Stop),
        CheckOutcome::Unavailable(reason) => (reason, Exit::Unreachable, Decision::Stop),
    };
    report.outcome = Outcome {
        status: None,
        verdict: None,
        decision,
        reason,
        deploy_needed: false,
        rolled_back: false,
        exit,
    };
    report.checks = judged.lines;
    report.deployment = None;
    report.entries = Vec::new();
    report
}

fn failing(
    kind: DeploymentType,
    check: CheckName,
    reason: ReasonCode,
    detail: &str,
) -> Vec<CheckLine> {
    let mut lines = checks(kind);
    for line in &mut lines {
        if line.check == check {
            line.result = CheckResult::Failed {
                reason,
                detail: detail.to_owned(),
            };
        }
    }
    lines
}

fn begun(kind: DeploymentType) -> (i64, Vec<Event>) {
    (
        0,
        vec![
            Event::Checked {
                lines: checks(kind),
            },
            Event::Allowed,
        ],
    )
}

fn job(job: JobStatus, live: LiveChange, stacks: &[(&str, &str)]) -> Event {
    Event::JobEnded {
        job,
        live,
        stacks: stacks
            .iter()
            .map(|(name, status)| StackSeen {
                name: (*name).to_owned(),
                status: Some((*status).to_owned()),
                updated: None,
            })
            .collect(),
    }
}

fn watched(seconds: i64) -> Vec<Event> {
    vec![
        Event::Adopted {
            by: Adopter::Verify,
        },
        job(JobStatus::Success, LiveChange::Changed, &[]),
        Event::WatchStarted {
            since: at(seconds),
            until: at(seconds + 600),
            one_look: false,
        },
    ]
}

fn plan() -> RestorePlan {
    let deployment = start(DeploymentType::Deploy).id;
    let step = |name: &str, strategy, what: &str| PlannedStep {
        key: StepKey::new(&deployment, name),
        strategy,
        what: what.to_owned(),
    };
    RestorePlan {
        target: good().deployment,
        steps: vec![
            step(
                "alias",
                Strategy::LambdaAlias,
                "alias live of CreateTodo: version 7 -> 6; 1 function",
            ),
            step(
                "stack",
                Strategy::Cloudformation,
                "stack HanbitTodoStack-prod",
            ),
        ],
        state: None,
        skipped: Vec::new(),
    }
}

/// Every way to end, with the name of its snapshot.
pub fn all() -> Vec<(&'static str, Report)> {
    use DeploymentType::{Deploy, Hotfix, Rollback};
    let bad_judgement =
        |decision| judgement(Verdict::Degraded, ReasonCode::HttpFailed, decision, bad());
    let good_judgement = || {
        judgement(
            Verdict::Healthy,
            ReasonCode::Healthy,
            Decision::Continue,
            well(),
        )
    };
    let mut out = Vec::new();

    let mut cleared = report(start(Deploy), vec![begun(Deploy)]);
    cleared.told = vec![told(AlertEvent::Started, NoticeState::Sent)];
    out.push(("cleared", cleared));

    let healthy_end = |kind| {
        vec![
            begun(kind),
            (95, watched(95)),
            (
                700,
                vec![
                    Event::Judged(good_judgement()),
                    Event::Closed(closing(
                        Status::Success,
                        Some(Verdict::Healthy),
                        ReasonCode::Healthy,
                        Decision::Continue,
                        true,
                    )),
                ],
            ),
        ]
    };
    let mut healthy = report(start(Deploy), healthy_end(Deploy));
    healthy.told = vec![
        told(AlertEvent::Started, NoticeState::Sent),
        told(AlertEvent::Succeeded, NoticeState::Sent),
    ];
    out.push(("healthy", healthy));

    let mut rollback = report(start(Rollback), healthy_end(Rollback));
    rollback.outcome.rolled_back = true;
    out.push(("rollback_healthy", rollback));

    let mut hotfix = start(Hotfix);
    hotfix.note = Some("Login is down, @team | see <https://x>".to_owned());
    out.push(("hotfix", report(hotfix, healthy_end(Hotfix))));

    let degraded = |reason| {
        vec![
            begun(Deploy),
            (95, watched(95)),
            (
                135,
                vec![
                    Event::Judged(bad_judgement(Decision::Restore)),
                    Event::Closed(closing(
                        Status::Failure,
                        Some(Verdict::Degraded),
                        reason,
                        Decision::Stop,
                        true,
                    )),
                ],
            ),
        ]
    };
    let mut first = start(Deploy);
    (first.good, first.previous) = (None, None);
    let mut nothing = report(first, degraded(ReasonCode::NoGoodState));
    nothing.told = vec![
        told(AlertEvent::HealthCheckFailed, NoticeState::Undelivered),
        told(AlertEvent::Failed, NoticeState::Owed),
    ];
    nothing.keeper = KeeperSeen::Absent;
    out.push(("degraded_nothing_to_restore", nothing));
    out.push((
        "degraded_automatic_off",
        report(start(Deploy), degraded(ReasonCode::AutomaticOff)),
    ));

    let restored = |ok: bool| {
        let keys: Vec<StepKey> = plan().steps.iter().map(|s| s.key.clone()).collect();
        let after = |strategy, ok: bool| Event::RestoreJudged {
            strategy,
            judgement: if ok {
                good_judgement()
            } else {
                bad_judgement(Decision::Stop)
            },
        };
        let mut rest = vec![
            begun(Deploy),
            (95, watched(95)),
            (
                135,
                vec![
                    Event::Judged(bad_judgement(Decision::Restore)),
                    Event::RestorePlanned { plan: plan() },
                ],
            ),
            (
                136,
                vec![Event::StepStarted {
                    key: keys[0].clone(),
                }],
            ),
            (
                139,
                vec![Event::StepDone {
                    key: keys[0].clone(),
                }],
            ),
            (170, vec![after(Strategy::LambdaAlias, ok)]),
        ];
        if ok {
            rest.push((
                171,
                vec![Event::Closed(closing(
                    Status::RolledBack,
                    Some(Verdict::Degraded),
                    ReasonCode::Restored,
                    Decision::Restore,
                    false,
                ))],
            ));
        } else {
            rest.push((
                172,
                vec![Event::StepStarted {
                    key: keys[1].clone(),
                }],
            ));
            rest.push((
                190,
                vec![Event::StepFailed {
                    key: keys[1].clone(),
                    why: Why::new(Kind::Denied, "cloudformation:UpdateStack"),
                    reason: None,
                }],
            ));
            rest.push((
                191,
                vec![Event::Closed(closing(
                    Status::RollbackFailed,
                    Some(Verdict::Degraded),
                    ReasonCode::RestoreFailed,
                    Decision::Stop,
                    true,
                ))],
            ));
        }
        rest
    };
    out.push(("rolled_back", report(start(Deploy), restored(true))));
    out.push(("restore_failed", report(start(Deploy), restored(false))));

    out.push((
        "deploy_step_failed",
        report(
            start(Deploy),
            vec![
                begun(Deploy),
                (
                    40,
                    vec![
                        job(
                            JobStatus::Failure,
                            LiveChange::RolledBack,
                            &[("HanbitTodoStack-prod", "UPDATE_ROLLBACK_COMPLETE")],
                        ),
                        Event::WatchStarted {
                            since: at(40),
                            until: at(40),
                            one_look: true,
                        },
                    ],
                ),
                (
                    42,
                    vec![
                        Event::Judged(good_judgement()),
                        Event::Closed(closing(
                            Status::Failure,
                            Some(Verdict::Healthy),
                            ReasonCode::DeployFailed,
                            Decision::Stop,
                            false,
                        )),
                    ],
                ),
            ],
        ),
    ));

    let mut stuck = report(
        start(Deploy),
        vec![
            begun(Deploy),
            (
                40,
                vec![job(
                    JobStatus::Failure,
                    LiveChange::RollbackFailed,
                    &[("HanbitTodoStack-prod", "UPDATE_ROLLBACK_FAILED")],
                )],
            ),
            (
                41,
                vec![Event::Closed(closing(
                    Status::RollbackFailed,
                    None,
                    ReasonCode::StackRollbackFailed,
                    Decision::Stop,
                    true,
                ))],
            ),
        ],
    );
    stuck.told = vec![told(AlertEvent::RollbackFailed, NoticeState::Sent)];
    out.push(("stack_rollback_failed", stuck));

    out.push((
        "cancelled_live",
        report(
            start(Deploy),
            vec![
                begun(Deploy),
                (
                    40,
                    vec![
                        Event::CancelAsked {
                            by: StoppedBy::JobCancelled,
                        },
                        job(JobStatus::Cancelled, LiveChange::Changed, &[]),
                    ],
                ),
                (
                    41,
                    vec![Event::Closed(closing(
                        Status::Cancelled,
                        None,
                        ReasonCode::CancelledLive,
                        Decision::Hold,
                        true,
                    ))],
                ),
            ],
        ),
    ));

    out.push((
        "inconclusive",
        report(
            start(Deploy),
            vec![
                begun(Deploy),
                (95, watched(95)),
                (
                    695,
                    vec![
                        Event::Judged(judgement(
                            Verdict::Inconclusive,
                            ReasonCode::NotProven,
                            Decision::Hold,
                            unproven(),
                        )),
                        Event::Closed(closing(
                            Status::Success,
                            Some(Verdict::Inconclusive),
                            ReasonCode::NotProven,
                            Decision::Hold,
                            true,
                        )),
                    ],
                ),
            ],
        ),
    ));

    out.push((
        "superseded",
        report(
            start(Deploy),
            vec![
                begun(Deploy),
                (95, watched(95)),
                (
                    300,
                    vec![Event::Closed(closing(
                        Status::Superseded,
                        None,
                        ReasonCode::Superseded,
                        Decision::Stop,
                        false,
                    ))],
                ),
            ],
        ),
    ));

    let mut forced_start = start(Deploy);
    forced_start.force = true;
    let forced_lines = policy::judge(
        Deploy,
        true,
        failing(Deploy, CheckName::Freeze, ReasonCode::Frozen, "주말"),
    )
    .lines;
    let mut forced = report(
        forced_start,
        vec![(
            0,
            vec![
                Event::TookOver {
                    from: id("deploy-1702339200000"),
                },
                Event::Checked {
                    lines: forced_lines,
                },
                Event::Allowed,
            ],
        )],
    );
    forced.told = vec![told(AlertEvent::Forced, NoticeState::Sent)];
    out.push(("forced", forced));

    let mut locked = refused(
        Deploy,
        failing(
            Deploy,
            CheckName::Lock,
            ReasonCode::Locked,
            "hotfix-20241212-142000-9f8e7d6c",
        ),
    );
    locked.holder = Some(Holder {
        token: Token::new("a".repeat(32)).expect("valid"),
        deployment: id("hotfix-20241212-142000-9f8e7d6c"),
        at: at(-652),
        repo: Some("hanbit/todo".to_owned()),
        run: Some(4700),
        attempt: Some(1),
        job_id: Some(98),
        job: Some("deploy".to_owned()),
        hosted: true,
        actor: Some("lee".to_owned()),
        run_url: Some("https://github.com/hanbit/todo/actions/runs/4700".to_owned()),
    });
    out.push(("refused_locked", locked));
    out.push((
        "refused_frozen",
        refused(
            Deploy,
            failing(
                Deploy,
                CheckName::Freeze,
                ReasonCode::Frozen,
                "주말 (Fri 18:00 to Mon 08:00, Asia/Seoul)",
            ),
        ),
    ));

    let mut target = refused(
        Rollback,
        failing(
            Rollback,
            CheckName::Target,
            ReasonCode::TargetNotFound,
            "-9",
        ),
    );
    target.candidates = vec![good(), live("deploy-1702339200000", "1234567", -400_000)];
    out.push(("refused_rollback_target", target));

    let mut lines = checks(Deploy);
    lines[4].result = CheckResult::Unavailable {
        why: Why::new(Kind::Denied, "the job needs `checks: read`"),
    };
    out.push(("refused_check_unavailable", refused(Deploy, lines)));

    out.push((
        "already_live",
        refused(
            Deploy,
            failing(
                Deploy,
                CheckName::NotLive,
                ReasonCode::AlreadyLive,
                "deploy-20241211-090000-0f1e2d3c",
            ),
        ),
    ));

    let mut dry = refused(Deploy, checks(Deploy));
    dry.asked.dry_run = true;
    dry.outcome.reason = ReasonCode::DryRun;
    dry.notes = vec!["12 gates would be watched for 10 min".to_owned()];
    out.push(("dry_run", dry));

    let mut store = refused(Deploy, vec![]);
    store.outcome.reason = ReasonCode::StoreUnreachable;
    (store.outcome.exit, store.outcome.decision) = (Exit::Unreachable, Decision::Stop);
    store.notes = vec!["there is no history table `deployment-history-prod`".to_owned()];
    out.push(("store_unreachable", store));
    out
}

/// Facts of an event as it happens in a story.
pub fn facts(event: AlertEvent) -> Facts {
    use AlertEvent as A;
    let (verdict, reason, decision, findings) = match event {
        A::Started | A::Forced | A::LockTakenOver | A::Stuck => {
            (None, ReasonCode::Allowed, None, vec![])
        }
        A::Succeeded => (
            Some(Verdict::Healthy),
            ReasonCode::Healthy,
            Some(Decision::Continue),
            well(),
        ),
        A::Failed => (
            Some(Verdict::Healthy),
            ReasonCode::DeployFailed,
            Some(Decision::Stop),
            vec![],
        ),
        A::HealthCheckFailed => (
            Some(Verdict::Degraded),
            ReasonCode::HttpFailed,
            Some(Decision::Stop),
            bad(),
        ),
        A::RollbackStarted => (
            Some(Verdict::Degraded),
            ReasonCode::HttpFailed,
            Some(Decision::Restore),
            bad(),
        ),
        A::RollbackCompleted => (
            Some(Verdict::Degraded),
            ReasonCode::Restored,
            Some(Decision::Restore),
            vec![],
        ),
        A::RollbackFailed => (
            None,
            ReasonCode::StackRollbackFailed,
            Some(Decision::Stop),
            vec![],
        ),
        A::Inconclusive => (
            Some(Verdict::Inconclusive),
            ReasonCode::NotProven,
            Some(Decision::Hold),
            unproven(),
        ),
        A::Cancelled => (
            None,
            ReasonCode::CancelledLive,
            Some(Decision::Hold),
            vec![],
        ),
        A::Superseded => (None, ReasonCode::Superseded, Some(Decision::Stop), vec![]),
    };
    let start = start(DeploymentType::Deploy);
    Facts {
        event,
        deployment: start.id,
        kind: start.kind,
        environment: start.environment,
        service: start.service,
        git_ref: start.git_ref,
        actor: start.actor,
        run_url: start.run.url,
        at: at(171),
        started: at(0),
        verdict,
        reason,
        decision,
        note: (event == A::Forced).then(|| "hurry & <!channel>".to_owned()),
        findings,
        previous: Some(good()),
        detail: match event {
            A::LockTakenOver => Some("deploy-1702339200000 (cancelled)".to_owned()),
            _ => None,
        },
        took_ms: 171_000,
        overridden: match event {
            A::Forced => vec![CheckName::Freeze, CheckName::RequiredChecks],
            _ => Vec::new(),
        },
        skipped: Vec::new(),
        changes: start.changes.iter().map(|c| short(c)).collect(),
        changes_left_out: 3,
        compare_url: Some("https://github.com/hanbit/todo/compare/0a1b2c3...a1b2c3d".to_owned()),
        stacks: if event == A::RollbackFailed {
            vec!["HanbitTodoStack-prod".to_owned()]
        } else {
            vec![]
        },
    }
}
