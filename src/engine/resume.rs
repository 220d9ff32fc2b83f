//! The one driver: does what is owed, event by event, until nothing is. Start, then resume; a killed process's
//! successor calls the same. Knows what an effect is, not where it is seen.

use std::time::Duration;

use crate::config::needs_ref;
use crate::core::deployment::{Deployment, Effect, State, after_job};
use crate::core::gate::{GateSettings, OnInconclusive};
use crate::core::journal::{
    Adopter, Closing, Event, JobStatus, Judgement, LiveChange, StoppedBy, last_adopter,
};
use crate::core::judge::Policy;
use crate::core::lease::{LEASE, Lease};
use crate::core::observation::{Kind, Why};
use crate::core::reason::ReasonCode;
use crate::core::record::{Decision, Status, Verdict};
use crate::core::restore::{PlannedStep, RestorePlan, StepKey, Strategy};
use crate::engine::notify::deliver;
use crate::engine::observe::{live_change, of_version};
use crate::engine::session::Session;
use crate::engine::watch::{Watched, one_look_until, watch, watch_restored, watch_unrecorded};
use crate::engine::{EngineError, Ports, Say, Sayer, Setup, Stop, stopped};
use crate::ports::{Mover, NoPlan, StepState};

/// So long a restore waits for messages once its step is done.
const TELL: Duration = Duration::from_secs(3);

/// Pause between looks at a step that is under way or cannot be seen.
const LOOK: Duration = Duration::from_secs(2);

/// So many looks in a row may fail before the step counts as failed.
const LOOKS: u32 = 3;

/// How a driver goes about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct How {
    /// What GitHub says of the job's own steps.
    pub job: JobStatus,
    /// One look instead of a watch: the keeper's way.
    pub quick: bool,
    /// Somebody finishes when this one is stopped: a later stage of the same job, or the next keeper.
    pub leaves_to_post: bool,
}

/// How far the driver came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drove {
    /// The deployment is closed.
    Closed,
    /// The stack is still changing: the lock is kept and the keeper closes.
    KeptOpen,
    /// Stopped; a later stage finishes.
    LeftToPost(StoppedBy),
}

/// Does what is owed until nothing is.
pub async fn drive(
    session: &mut Session,
    how: How,
    say: &Sayer,
    stop: &mut Stop,
) -> Result<Drove, EngineError> {
    // Somebody stopped a stage before this one: whatever the job is called, nobody finished its work.
    let stopped_before = session.deployment.stop.is_some();
    let job = if stopped_before {
        JobStatus::Cancelled
    } else {
        how.job
    };
    let how = How { job, ..how };
    loop {
        if how.job == JobStatus::Cancelled && stops_now(&session.deployment) {
            let closing = session.deployment.closing_of_stop();
            session
                .close(
                    vec![Event::CancelAsked {
                        by: StoppedBy::JobCancelled,
                    }],
                    closing,
                )
                .await?;
            return Ok(Drove::Closed);
        }
        let owed = session.deployment.owed();
        if session.is_full() && owed != Effect::Nothing {
            let closing = match owed {
                Effect::Close(closing) => closing,
                _ => session.deployment.closing_of_release(),
            };
            session.close(Vec::new(), closing).await?;
            return Ok(Drove::Closed);
        }
        let restores = matches!(
            owed,
            Effect::PlanRestore | Effect::Order(_) | Effect::Act(_) | Effect::VerifyRestore(_)
        );
        let asked = *stop.borrow();
        if let (true, Some(by)) = (restores, asked) {
            return leave(session, by).await;
        }
        match owed {
            Effect::AwaitJob => job_ended(session, how).await?,
            Effect::Settle => {
                let (job, _) = session
                    .deployment
                    .job
                    .unwrap_or((how.job, LiveChange::Unknown));
                let before = session.deployment.state.clone();
                job_ended(session, How { job, ..how }).await?;
                if session.deployment.state == before {
                    say(Say::Settling);
                    return Ok(Drove::KeptOpen);
                }
            }
            Effect::Watch { one_look } => {
                start_watch(session, Vec::new(), one_look || how.quick).await?
            }
            Effect::Observe => {
                if how.quick
                    && !matches!(
                        session.deployment.state,
                        State::Watching { one_look: true, .. }
                    )
                {
                    start_watch(session, Vec::new(), true).await?;
                }
                let watched = watch(session, say, stop).await?;
                if let Some(by) = watched_end(session, watched, how).await? {
                    return Ok(Drove::LeftToPost(by));
                }
            }
            Effect::PlanRestore => plan(session).await?,
            Effect::Order(key) => {
                session.renew().await?;
                session.append(vec![Event::StepStarted { key }]).await?;
            }
            Effect::Act(key) => {
                if let Some(by) = act(session, &key, say, stop).await? {
                    return leave(session, by).await;
                }
            }
            Effect::VerifyRestore(strategy) => {
                if let Some(by) = verify_restore(session, strategy, say, stop).await? {
                    return leave(session, by).await;
                }
            }
            Effect::Close(closing) => session.close(Vec::new(), closing).await?,
            Effect::Nothing => return Ok(Drove::Closed),
        }
    }
}

/// A restore is finished, not abandoned: the journal stands, and whoever comes next goes on.
async fn leave(session: &mut Session, by: StoppedBy) -> Result<Drove, EngineError> {
    note_stop(session, by).await?;
    Ok(Drove::LeftToPost(by))
}

/// A stage of the job was stopped, and with it the deployment. A successor of a dead job was only stopped itself.
async fn note_stop(session: &mut Session, by: StoppedBy) -> Result<(), EngineError> {
    if last_adopter(&session.entries).is_some_and(Adopter::is_successor) {
        return Ok(());
    }
    session.append(vec![Event::CancelAsked { by }]).await
}

/// A cancelled job's deployment ends here, but for what is being restored or has been judged.
fn stops_now(deployment: &Deployment) -> bool {
    match &deployment.state {
        State::Watching { .. } => true,
        State::JobEnded { job, .. } => *job == JobStatus::Success,
        State::Deploying | State::Judged(_) | State::Restoring(_) | State::Closed(_) => false,
    }
}

/// What became of the job's own steps, and at once what follows from it: one write.
async fn job_ended(session: &mut Session, how: How) -> Result<(), EngineError> {
    let setup = session.setup().clone();
    let ports = session.ports().clone();
    let (live, stacks) = live_change(
        &ports,
        &setup.gates,
        &setup.stacks,
        &session.deployment.start,
    )
    .await;
    let before = session.deployment.state.clone();
    let job = how.job;
    if before == (State::JobEnded { job, live }) {
        return Ok(());
    }
    let ended = Event::JobEnded { job, live, stacks };
    match after_job(job, live) {
        Effect::Watch { one_look } => {
            start_watch(session, vec![ended], one_look || how.quick).await
        }
        Effect::Close(closing) => session.close(vec![ended], closing).await,
        Effect::Settle
        | Effect::AwaitJob
        | Effect::Observe
        | Effect::PlanRestore
        | Effect::Order(_)
        | Effect::Act(_)
        | Effect::VerifyRestore(_)
        | Effect::Nothing => session.append(vec![ended]).await,
    }
}

async fn start_watch(
    session: &mut Session,
    mut events: Vec<Event>,
    one_look: bool,
) -> Result<(), EngineError> {
    let since = session.ports().clock.now();
    let until = if one_look {
        one_look_until(since)
    } else {
        since.plus(session.setup().gates.window)
    };
    events.push(Event::WatchStarted {
        since,
        until,
        one_look,
    });
    session.append(events).await
}

async fn watched_end(
    session: &mut Session,
    watched: Watched,
    how: How,
) -> Result<Option<StoppedBy>, EngineError> {
    match watched {
        Watched::Judged(judgement) if judgement.decision == Decision::Restore => {
            session.unsaved = Some(judgement.clone());
            judged_bad(session, judgement).await?;
            session.unsaved = None;
        }
        Watched::Judged(judgement) | Watched::Yielded(judgement) => {
            let closing = session.deployment.closing_of(&judgement);
            session.unsaved = Some(judgement.clone());
            session
                .close(vec![Event::Judged(judgement)], closing)
                .await?;
            session.unsaved = None;
        }
        Watched::Superseded => {
            let closing = Closing {
                status: Status::Superseded,
                verdict: None,
                reason: ReasonCode::Superseded,
                decision: Decision::Stop,
                error: None,
                live: false,
            };
            session.close(Vec::new(), closing).await?;
        }
        Watched::Stopped(by) if how.leaves_to_post => {
            note_stop(session, by).await?;
            return Ok(Some(by));
        }
        Watched::Stopped(by) => {
            let closing = session.deployment.closing_of_stop();
            session
                .close(vec![Event::CancelAsked { by }], closing)
                .await?;
        }
    }
    Ok(None)
}

/// A judgement that asks for a restore, and in the same write its plan, or the end that follows from there being
/// none: so that people are told once what happened and what is done about it.
async fn judged_bad(session: &mut Session, judgement: Judgement) -> Result<(), EngineError> {
    match make_plan(session, &judgement).await {
        Ok(plan) => {
            let events = vec![Event::Judged(judgement), Event::RestorePlanned { plan }];
            session.append(events).await
        }
        Err((reason, error)) => {
            let closing = session
                .deployment
                .closing_without_restore(&judgement, reason);
            let judgement = Judgement {
                decision: closing.decision,
                ..judgement
            };
            let closing = Closing { error, ..closing };
            session.close(vec![Event::Judged(judgement)], closing).await
        }
    }
}

/// The plan for a judgement that stands without one, or the end that follows from there being none.
async fn plan(session: &mut Session) -> Result<(), EngineError> {
    let State::Judged(judgement) = session.deployment.state.clone() else {
        return Err(EngineError::Stale {
            detail: "there is no judgement to restore for".to_owned(),
        });
    };
    match make_plan(session, &judgement).await {
        Ok(plan) => session.append(vec![Event::RestorePlanned { plan }]).await,
        Err((reason, detail)) => {
            let closing = session
                .deployment
                .closing_without_restore(&judgement, reason);
            session
                .close(
                    Vec::new(),
                    Closing {
                        error: detail,
                        ..closing
                    },
                )
                .await
        }
    }
}

async fn make_plan(
    session: &Session,
    judgement: &Judgement,
) -> Result<RestorePlan, (ReasonCode, Option<String>)> {
    let start = &session.deployment.start;
    let target = start.good.clone().ok_or((ReasonCode::NoGoodState, None))?;
    let same = judgement
        .findings
        .iter()
        .find(|f| f.verdict == Verdict::Degraded && start.failing_before.contains(&f.gate));
    if let Some(gate) = same {
        return Err((ReasonCode::TargetFailedSameGate, Some(gate.gate.clone())));
    }
    let mut steps = Vec::new();
    let mut refusals = Vec::new();
    let mut destroys = false;
    for strategy in &session.setup().rollback.strategies {
        let Some(mover) = session
            .ports()
            .movers
            .iter()
            .find(|m| m.strategy() == *strategy)
        else {
            continue;
        };
        match mover.plan(&session.deployment, &target).await {
            Ok(planned) => steps.extend(planned),
            Err(NoPlan::NotApplicable(why)) => refusals.push(format!("{strategy}: {why}")),
            Err(NoPlan::WouldDestroyData(why)) => {
                destroys = true;
                refusals.push(format!("{strategy}: {why}"));
            }
            Err(NoPlan::Unknown(why)) => refusals.push(format!("{strategy}: {why}")),
        }
    }
    if steps.is_empty() {
        let reason = if destroys {
            ReasonCode::WouldDestroyData
        } else {
            ReasonCode::NoStrategy
        };
        return Err((reason, (!refusals.is_empty()).then(|| refusals.join("; "))));
    }
    Ok(RestorePlan {
        target: target.deployment,
        steps,
    })
}

/// Looks whether an ordered step was done, and does it if not. The lease is kept alive meanwhile, and people are
/// told what has happened so far. Answers who stopped it, where somebody did.
async fn act(
    session: &mut Session,
    key: &StepKey,
    say: &Sayer,
    stop: &mut Stop,
) -> Result<Option<StoppedBy>, EngineError> {
    let State::Restoring(now) = &session.deployment.state else {
        return Err(EngineError::Stale {
            detail: "nothing is being restored".to_owned(),
        });
    };
    let Some(step) = now.plan.steps.iter().find(|s| s.key == *key).cloned() else {
        return Err(EngineError::Stale {
            detail: format!("no step {key} in the plan"),
        });
    };
    say(Say::Restoring {
        what: step.what.clone(),
    });
    // Reads the lock again before it touches anything: a container may have outlived its job.
    session.renew().await?;
    let event = match perform_and_tell(session, &step, stop).await? {
        Performed::Stopped(by) => return Ok(Some(by)),
        Performed::Done => Event::StepDone { key: key.clone() },
        Performed::Failed(why) => Event::StepFailed {
            key: key.clone(),
            why,
        },
    };
    session.append(vec![event]).await?;
    Ok(None)
}

/// How a step went.
enum Performed {
    Done,
    Failed(Why),
    Stopped(StoppedBy),
}

/// Performs a step and tells people meanwhile; a channel that hangs holds the restore up for a moment only.
async fn perform_and_tell(
    session: &mut Session,
    step: &PlannedStep,
    stop: &mut Stop,
) -> Result<Performed, EngineError> {
    let ports = session.ports().clone();
    let (setup, me) = (session.setup().clone(), session.id().clone());
    let notices = std::mem::take(&mut session.notices);
    let mut untold = notices.clone();
    let (mut told, mut performed) = (None, None);
    {
        let telling = deliver(&ports, &setup.environment, &me, setup.locale, notices);
        let working = perform(session, step, stop);
        tokio::pin!(telling, working);
        while told.is_none() || performed.is_none() {
            tokio::select! {
                biased;
                done = &mut working, if performed.is_none() => performed = Some(done),
                all = &mut telling, if told.is_none() => told = Some(all),
                () = ports.clock.sleep(TELL), if performed.is_some() => break,
            }
        }
    }
    match told {
        Some(told) => session.told.extend(told),
        None => {
            for notice in &mut untold {
                notice.repeated = true;
            }
            session.notices.splice(0..0, untold);
        }
    }
    performed.unwrap_or(Ok(Performed::Failed(Why::new(
        Kind::NoData,
        "not performed",
    ))))
}

async fn perform(
    session: &mut Session,
    step: &PlannedStep,
    stop: &mut Stop,
) -> Result<Performed, EngineError> {
    let ports = session.ports().clone();
    let Some(mover) = ports.movers.iter().find(|m| m.strategy() == step.strategy) else {
        return Ok(Performed::Failed(Why::new(
            Kind::NotFound,
            format!("{} is not available here", step.strategy),
        )));
    };
    let Some(lease) = session.lease() else {
        return Err(EngineError::Lost {
            head: Some(Box::new(session.head.clone())),
        });
    };
    let work = look_and_act(&ports, mover.as_ref(), &lease, step);
    let keep = keep_lease(&ports, session);
    tokio::select! {
        biased;
        by = stopped(stop) => Ok(Performed::Stopped(by)),
        done = work => Ok(done.map_or_else(Performed::Failed, |()| Performed::Done)),
        lost = keep => Err(lost),
    }
}

/// An answer that was lost says nothing of what was done: whoever acted looks again before it counts as failed.
async fn look_and_act(
    ports: &Ports,
    mover: &dyn Mover,
    lease: &Lease,
    step: &PlannedStep,
) -> Result<(), Why> {
    let (mut failed, mut blind) = (None, 0);
    loop {
        match (mover.look(step).await, failed.take()) {
            (Ok(StepState::Done), _) => return Ok(()),
            (Ok(StepState::NotDone), Some(why)) => return Err(why),
            (Ok(StepState::NotDone), None) => {
                blind = 0;
                match mover.act(lease, step).await {
                    Ok(()) => return Ok(()),
                    Err(error) => {
                        failed = Some(error.why);
                        continue;
                    }
                }
            }
            (Ok(StepState::Running), why) => failed = why,
            (Err(error), why) => {
                blind += 1;
                if blind >= LOOKS {
                    return Err(why.unwrap_or(error.why));
                }
                failed = why;
            }
        }
        ports.clock.sleep(LOOK).await;
    }
}

/// Renews the lease for as long as it is polled; answers why it cannot be held any more.
async fn keep_lease(ports: &Ports, session: &mut Session) -> EngineError {
    let mut until = ports.clock.monotonic() + LEASE;
    loop {
        ports.clock.sleep(LEASE / 4).await;
        match session.renew().await {
            Ok(()) => until = ports.clock.monotonic() + LEASE,
            Err(EngineError::Store(error)) if ports.clock.monotonic() < until => {
                tracing::warn!(code = "DG222", %error, "the lease could not be renewed yet");
            }
            Err(error) => return error,
        }
    }
}

/// The gates again, for the version that was brought back.
async fn verify_restore(
    session: &mut Session,
    strategy: Strategy,
    say: &Sayer,
    stop: &mut Stop,
) -> Result<Option<StoppedBy>, EngineError> {
    let version = session
        .deployment
        .start
        .good
        .as_ref()
        .and_then(|g| g.git_ref.clone());
    let gates = for_target(&session.setup().gates, version.as_ref());
    let judgement = match watch_restored(session, gates, say, stop).await? {
        Watched::Judged(judgement) | Watched::Yielded(judgement) => judgement,
        Watched::Superseded => Judgement {
            verdict: Verdict::Inconclusive,
            reason: ReasonCode::Superseded,
            decision: Decision::Hold,
            findings: Vec::new(),
        },
        Watched::Stopped(by) => return Ok(Some(by)),
    };
    session
        .append(vec![Event::RestoreJudged {
            strategy,
            judgement,
        }])
        .await?;
    Ok(None)
}

/// The gates with the restored version as the one that must answer. A version that is named in the configuration
/// itself is that of what is being replaced.
fn for_target(gates: &GateSettings, version: Option<&crate::core::id::CommitSha>) -> GateSettings {
    let mut gates = gates.clone();
    for gate in &mut gates.http {
        gate.version = gate.version.take().filter(needs_ref);
    }
    of_version(&gates, version)
}

/// Judges the gates of an environment as it is, without lock and record: one look, or a watch of `window`.
pub async fn judge_now(
    ports: &Ports,
    setup: &Setup,
    window: Option<Duration>,
    say: &Sayer,
    stop: &mut Stop,
) -> Result<Judgement, EngineError> {
    let heads = ports.history.heads(&setup.environment).await?;
    let head = heads.heads.into_iter().find(|h| h.service == setup.service);
    let live = head.and_then(|h| h.live).and_then(|l| l.git_ref);
    let setup = Setup {
        gates: of_version(&setup.gates, live.as_ref()),
        ..setup.clone()
    };
    let policy = Policy {
        on_inconclusive: OnInconclusive::Hold,
        automatic: false,
        irreversible: false,
    };
    match watch_unrecorded(ports, &setup, policy, window, say, stop).await? {
        Watched::Judged(judgement) | Watched::Yielded(judgement) => Ok(judgement),
        Watched::Superseded => Err(EngineError::Stale {
            detail: "another version answers".to_owned(),
        }),
        Watched::Stopped(by) => Err(EngineError::Stopped(by)),
    }
}
