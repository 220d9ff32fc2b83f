//! Brings a version back: plans by all strategies at once, then step by step, each recorded before and after, and
//! the gates again after each strategy. Knows steps and keys, not what a stack or an alias is.

use std::time::Duration;

use crate::config::needs_ref;
use crate::core::deployment::State;
use crate::core::gate::GateSettings;
use crate::core::id::CommitSha;
use crate::core::journal::{Closing, Event, JobStatus, Judgement, StoppedBy};
use crate::core::lease::{LEASE, Lease, Live};
use crate::core::observation::{Kind, Why};
use crate::core::reason::ReasonCode;
use crate::core::record::{Decision, Status, Verdict};
use crate::core::restore::{PlannedStep, RestorePlan, StepKey, Strategy};
use crate::core::state::{self};
use crate::engine::heir;
use crate::engine::notify::deliver;
use crate::engine::observe::of_version;
use crate::engine::resume::{Drove, How, drive};
use crate::engine::saving::{self, Kept};
use crate::engine::session::Session;
use crate::engine::watch::{Watched, watch_restored};
pub use crate::engine::ways::{Foreseen, could_restore, foresee};
use crate::engine::ways::{JobSteps, load, mover, plans, saved_for};
use crate::engine::{EngineError, Ports, Say, Sayer, Stop, stopped};
use crate::i18n::obstacle::{partly_saved, would_lose};
use crate::ports::{Acted, MoveError, Mover, Restore, StepState};

/// So long a restore waits for messages once its step is done.
const TELL: Duration = Duration::from_secs(3);

/// Pause between looks at a step that is under way or cannot be seen.
const LOOK: Duration = Duration::from_secs(2);

/// A step may be under way this long, the wait for its turn included.
const LONGEST: Duration = Duration::from_secs(90 * 60);

/// So many looks in a row may fail before the step counts as failed.
const LOOKS: u32 = 3;

/// Plans, or why there is none: a reason and what stands in each strategy's way.
type Planned = Result<RestorePlan, (ReasonCode, Option<String>)>;

/// A judgement that asks for a restore, and in the same write its plan and first step, or the end that follows from
/// there being none: so that people are told once what happened and what is done about it, and nothing waits for
/// one more round trip.
pub async fn judged_bad(session: &mut Session, judgement: Judgement) -> Result<(), EngineError> {
    match plan_for(session, &judgement).await? {
        Ok(plan) => begin(session, vec![Event::Judged(judgement)], plan).await,
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
pub async fn plan(session: &mut Session) -> Result<(), EngineError> {
    let State::Judged(judgement) = session.deployment.state.clone() else {
        return Err(EngineError::Stale {
            detail: "there is no judgement to restore for".to_owned(),
        });
    };
    match plan_for(session, &judgement).await? {
        Ok(plan) => begin(session, Vec::new(), plan).await,
        Err((reason, error)) => {
            let closing = session
                .deployment
                .closing_without_restore(&judgement, reason);
            session
                .close(Vec::new(), Closing { error, ..closing })
                .await
        }
    }
}

async fn plan_for(session: &mut Session, judgement: &Judgement) -> Result<Planned, EngineError> {
    let start = &session.deployment.start;
    let Some(target) = start.good.clone() else {
        return Ok(Err((ReasonCode::NoGoodState, None)));
    };
    let same = judgement
        .findings
        .iter()
        .find(|f| f.verdict == Verdict::Degraded && start.failing_before.contains(&f.gate));
    if let Some(gate) = same {
        let gate = Some(gate.gate.clone());
        return Ok(Err((ReasonCode::TargetFailedSameGate, gate)));
    }
    let steps_of = if session.hands_over {
        JobSteps::HandedOver
    } else {
        JobSteps::Absent
    };
    make_plan(session, &target, steps_of).await
}

/// How a rollback that a person asked for goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RollsBack {
    /// Here: the first step is ordered.
    Here,
    /// By the job's own steps: no strategy of ours applies, and why.
    ByTheJob(Option<String>),
    /// Not at all: closed.
    Closed,
}

/// Plans the rollback that this deployment is, in a job whose own steps deploy the version where nothing else does.
pub async fn plan_rollback(session: &mut Session) -> Result<RollsBack, EngineError> {
    plan_asked(session, JobSteps::Deploy).await
}

async fn plan_asked(session: &mut Session, steps_of: JobSteps) -> Result<RollsBack, EngineError> {
    let Some(target) = session.deployment.start.target.clone() else {
        return Ok(RollsBack::ByTheJob(None));
    };
    // What runs now must have been looked at before anything of it moves.
    session.saved_before().await;
    if session.deployment.is_heir() {
        return Ok(RollsBack::ByTheJob(None));
    }
    match make_plan(session, &target, steps_of).await? {
        Ok(plan) => {
            begin(session, Vec::new(), plan).await?;
            Ok(RollsBack::Here)
        }
        Err((reason @ ReasonCode::WouldDestroyData, error)) => {
            // The job's own steps would destroy the same.
            let closing = Closing {
                status: Status::Failure,
                verdict: None,
                reason,
                decision: Decision::Stop,
                error,
                live: false,
            };
            session.close(Vec::new(), closing).await?;
            Ok(RollsBack::Closed)
        }
        Err((_, why)) => Ok(RollsBack::ByTheJob(why)),
    }
}

/// Plans a rollback where there is no job whose steps could deploy the version, or ends it.
pub async fn plan_alone(session: &mut Session) -> Result<(), EngineError> {
    match plan_asked(session, JobSteps::Absent).await? {
        RollsBack::Here | RollsBack::Closed => {}
        RollsBack::ByTheJob(why) => {
            let closing = Closing {
                status: Status::Failure,
                verdict: None,
                reason: ReasonCode::NoStrategy,
                decision: Decision::Stop,
                error: why,
                live: false,
            };
            session.close(Vec::new(), closing).await?;
        }
    }
    Ok(())
}

/// Brings the version back that this deployment asks for, from a terminal or by the keeper.
pub async fn roll_back(
    session: &mut Session,
    say: &Sayer,
    stop: &mut Stop,
) -> Result<Drove, EngineError> {
    let how = How {
        job: JobStatus::Success,
        quick: false,
        leaves_to_post: true,
    };
    drive(session, how, say, stop).await
}

/// The plan is durable together with the order of its first step.
async fn begin(
    session: &mut Session,
    mut events: Vec<Event>,
    plan: RestorePlan,
) -> Result<(), EngineError> {
    let first = plan.steps.first().map(|s| s.key.clone());
    events.push(Event::RestorePlanned { plan });
    events.extend(first.clone().map(|key| Event::StepStarted { key }));
    session.append(events).await?;
    session.ordered = first;
    Ok(())
}

/// Orders a step: durable before it is begun.
pub async fn order(session: &mut Session, key: StepKey) -> Result<(), EngineError> {
    session
        .append(vec![Event::StepStarted { key: key.clone() }])
        .await?;
    session.ordered = Some(key);
    Ok(())
}

async fn make_plan(
    session: &mut Session,
    target: &Live,
    steps_of: JobSteps,
) -> Result<Planned, EngineError> {
    let found = saved_for(session.ports(), &session.deployment, target).await?;
    let (ports, setup) = (session.ports().clone(), session.setup().clone());
    let (deployment, lease) = (session.deployment.clone(), session.lease());
    let restore = Restore {
        deployment: &deployment,
        target,
        state: found.as_ref().map(|(_, state)| state),
        ordered: None,
    };
    let planning = plans(&ports, &setup, &restore, lease.as_ref(), steps_of);
    let (steps, mut skipped, destroys) = tokio::select! {
        biased;
        plans = planning => plans,
        lost = keep_lease(&ports, session, None) => return Err(lost),
    };
    let missing = found.iter().flat_map(|(_, state)| &state.missing);
    let missing: Vec<&str> = missing.map(String::as_str).collect();
    if !missing.is_empty() {
        skipped.push(partly_saved(&missing, setup.locale));
    }
    if steps.is_empty() {
        let reason = if destroys {
            ReasonCode::WouldDestroyData
        } else {
            ReasonCode::NoStrategy
        };
        let said = (!skipped.is_empty()).then(|| skipped.join("; "));
        return Ok(Err((reason, said)));
    }
    let state = found.as_ref().map(|(name, _)| name.clone());
    session.restores = found;
    Ok(Ok(RestorePlan {
        target: target.deployment.clone(),
        steps,
        state,
        skipped,
    }))
}

/// Does an ordered step; one that another process may have begun only after a look shows that it is not done. The
/// lease is kept alive meanwhile, and people are told what has happened so far. Answers who stopped it, where
/// somebody did.
pub async fn act(
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
    if now.child.is_some() {
        let movers = session.ports().movers.clone();
        say(Say::Restoring {
            what: step.what.clone(),
        });
        return match mover(&movers, step.strategy) {
            Some(mover) => heir::follow(session, mover.as_ref(), &step, say, stop).await,
            None => Err(EngineError::Stale {
                detail: format!("{} is not available here", step.strategy),
            }),
        };
    }
    let next = now
        .plan
        .steps
        .iter()
        .skip_while(|s| s.key != step.key)
        .nth(1);
    let next = next.map(|s| s.key.clone());
    let named: Vec<String> = now.plan.state.iter().cloned().collect();
    if session.restores.as_ref().map(|(name, _)| name) != named.first() {
        session.restores = load(session.ports(), &named).await?;
    }
    say(Say::Restoring {
        what: step.what.clone(),
    });
    // Reads the lock again before it touches anything: a container may have outlived its job.
    session.renew().await?;
    let key = key.clone();
    let event = match perform_and_tell(session, &step, stop).await? {
        Performed::Stopped(by) => return Ok(Some(by)),
        Performed::Done(Acted::Dispatched(dispatch)) => {
            // Following it is ordered in the same write: from then on the run may take the lock.
            let dispatched = Event::Dispatched {
                key,
                run: dispatch.run,
                url: dispatch.url,
            };
            let follow = next.map(|key| Event::StepStarted { key });
            let events = std::iter::once(dispatched).chain(follow).collect();
            session.append(events).await?;
            return Ok(None);
        }
        Performed::Done(Acted::Done) => Event::StepDone { key },
        Performed::Failed(MoveError::Failed(why)) => Event::StepFailed {
            key,
            why,
            reason: None,
        },
        Performed::Failed(MoveError::WouldDestroyData(losses)) => Event::StepFailed {
            key,
            why: Why::new(
                Kind::Provider,
                would_lose(losses.iter(), session.setup().locale),
            ),
            reason: Some(ReasonCode::WouldDestroyData),
        },
    };
    session.append(vec![event]).await?;
    Ok(None)
}

/// How a step went.
enum Performed {
    Done(Acted),
    Failed(MoveError),
    Stopped(StoppedBy),
}

fn not_found(what: impl Into<String>) -> MoveError {
    MoveError::Failed(Why::new(Kind::NotFound, what))
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
    performed.unwrap_or(Ok(Performed::Failed(not_found("not performed"))))
}

async fn perform(
    session: &mut Session,
    step: &PlannedStep,
    stop: &mut Stop,
) -> Result<Performed, EngineError> {
    let ports = session.ports().clone();
    let Some(mover) = mover(&ports.movers, step.strategy) else {
        let what = format!("{} is not available here", step.strategy);
        return Ok(Performed::Failed(not_found(what)));
    };
    let Some(lease) = session.lease() else {
        return Err(EngineError::Lost {
            head: Some(Box::new(session.head.clone())),
        });
    };
    let deployment = session.deployment.clone();
    let Some(target) = deployment.target() else {
        return Ok(Performed::Failed(not_found("no version to bring back")));
    };
    let state = session.restores.as_ref().map(|(_, state)| state.clone());
    let restore = Restore {
        deployment: &deployment,
        target,
        state: state.as_ref(),
        ordered: heir::ordered(session, step),
    };
    let untouched = session.ordered.take().as_ref() == Some(&step.key);
    let work = look_and_act(&ports, mover.as_ref(), &lease, &restore, step, untouched);
    let keep = keep_lease(&ports, session, Some(&lease));
    tokio::select! {
        biased;
        by = stopped(stop) => Ok(Performed::Stopped(by)),
        lost = keep => Err(lost),
        done = work => Ok(done.map_or_else(Performed::Failed, Performed::Done)),
    }
}

/// An answer that was lost says nothing of what was done: whoever acted looks again before it counts as failed.
/// `untouched`: nobody can have begun it, so there is nothing to look at yet.
async fn look_and_act(
    ports: &Ports,
    mover: &dyn Mover,
    lease: &Lease,
    restore: &Restore<'_>,
    step: &PlannedStep,
    untouched: bool,
) -> Result<Acted, MoveError> {
    let began = ports.clock.monotonic();
    let (mut failed, mut blind) = (None, 0);
    if untouched {
        match mover.act(lease, restore, step).await {
            Err(MoveError::Failed(why)) => failed = Some(MoveError::Failed(why)),
            done => return done,
        }
    }
    loop {
        match (mover.look(restore, step).await, failed.take()) {
            (Ok(StepState::Done), _) => return Ok(Acted::Done),
            (Ok(StepState::Dispatched(dispatch)), _) => return Ok(Acted::Dispatched(dispatch)),
            (Ok(StepState::Failed(why)), _) => return Err(MoveError::Failed(why)),
            (Ok(StepState::NotDone), Some(why)) => return Err(why),
            (Ok(StepState::NotDone), None) => {
                blind = 0;
                match mover.act(lease, restore, step).await {
                    Err(MoveError::Failed(why)) => {
                        failed = Some(MoveError::Failed(why));
                        continue;
                    }
                    done => return done,
                }
            }
            (Ok(StepState::Running | StepState::Pending), why) => {
                if ports.clock.monotonic() > began + LONGEST {
                    let late = || MoveError::Failed(Why::new(Kind::Timeout, "it has not ended"));
                    return Err(why.unwrap_or_else(late));
                }
                failed = why;
            }
            (Err(error), why) => {
                blind += 1;
                if blind >= LOOKS {
                    return Err(why.unwrap_or(error));
                }
                failed = why;
            }
        }
        ports.clock.sleep(LOOK).await;
    }
}

/// Renews the lease for as long as it is polled, and tells whoever works under it; answers why it cannot be held any
/// more.
async fn keep_lease(ports: &Ports, session: &mut Session, lease: Option<&Lease>) -> EngineError {
    let mut until = ports.clock.monotonic() + LEASE;
    loop {
        ports.clock.sleep(LEASE / 4).await;
        match session.renew().await {
            Ok(()) => {
                until = ports.clock.monotonic() + LEASE;
                if let Some(lease) = lease {
                    lease.renewed(&session.head);
                }
            }
            Err(EngineError::Store(error)) if ports.clock.monotonic() < until => {
                tracing::warn!(code = "DG222", %error, "the lease could not be renewed yet");
            }
            Err(error) => return error,
        }
    }
}

/// The gates again, for the version that was brought back. Where it is this deployment's own, it is saved anew.
pub async fn verify(
    session: &mut Session,
    strategy: Strategy,
    say: &Sayer,
    stop: &mut Stop,
) -> Result<Option<StoppedBy>, EngineError> {
    let version = session.deployment.target().and_then(|g| g.git_ref.clone());
    let gates = for_target(&session.setup().gates, version.as_ref());
    let own = session.deployment.is_rollback() && session.deployment.job.is_none();
    let saving = own.then(|| save_after(session)).flatten();
    let watching = watch_restored(session, gates, say, stop);
    let (saving, watched) = match saving {
        Some(saving) => {
            let (saving, watched) = saving.beside(watching).await;
            (Some(saving), watched)
        }
        None => (None, watching.await),
    };
    let judgement = match watched? {
        Watched::Judged(judgement) | Watched::Yielded(judgement) => judgement,
        Watched::Superseded => Judgement {
            verdict: Verdict::Inconclusive,
            reason: ReasonCode::Superseded,
            decision: Decision::Hold,
            findings: Vec::new(),
        },
        Watched::Stopped(by) => return Ok(Some(by)),
    };
    let mut events = Vec::new();
    if judgement.verdict == Verdict::Healthy {
        events.extend(saved(session, saving).await);
    }
    events.push(Event::RestoreJudged {
        strategy,
        judgement,
    });
    session.append(events).await?;
    Ok(None)
}

/// Saves what runs now under this deployment's name; `None` where nothing is named that could be saved.
pub fn save_after(session: &Session) -> Option<saving::Beside<Kept>> {
    let (ports, setup) = (session.ports(), session.setup());
    let start = &session.deployment.start;
    let captured = saving::capture(ports, setup)?;
    let name = state::after(&start.id);
    Some(saving::store(ports, setup, name, start.at, captured))
}

/// The event that it was saved; what was not is kept for the report.
pub async fn saved(session: &mut Session, saving: Option<saving::Beside<Kept>>) -> Option<Event> {
    let kept = saving?.finish().await;
    if let Some(unsaved) = &kept.unsaved {
        tracing::warn!(code = "DG241", why = %unsaved.why, "what runs was not saved, or not all of it");
    }
    session.unsaved_state = kept.unsaved;
    let state = state::after(&session.deployment.start.id);
    kept.state.map(|_| Event::Saved { state })
}

/// The gates with the restored version as the one that must answer. A version that is named in the configuration
/// itself is that of what is being replaced.
fn for_target(gates: &GateSettings, version: Option<&CommitSha>) -> GateSettings {
    let mut gates = gates.clone();
    for gate in &mut gates.http {
        gate.version = gate.version.take().filter(needs_ref);
    }
    of_version(&gates, version)
}
