//! Brings a version back: plans by all strategies at once, then step by step, each recorded before and after, and
//! the gates again after each strategy. Knows steps and keys, not what a stack or an alias is.

use futures_util::future::join_all;

use crate::core::deployment::State;
use crate::core::gate::GateSettings;
use crate::core::id::CommitSha;
use crate::core::journal::{Closing, Event, Judgement};
use crate::core::lease::{LEASE, Live};
use crate::core::observation::{Kind, Why};
use crate::core::reason::ReasonCode;
use crate::core::record::{Decision, Status, Verdict};
use crate::core::restore::{
    NoPlan, Obstacle, PlannedStep, RestorePlan, StepKey, Strategy, states_of,
};
use crate::core::state::{self, SavedState};
use crate::engine::saving::{self, Kept};
use crate::engine::session::Session;
use crate::engine::watch::{Watched, watch_restored};
use crate::engine::{EngineError, Say, Sayer, Stop};
use crate::i18n::obstacle::{no_plan, would_lose};
use crate::i18n::reason::meaning;
use crate::ports::{MoveError, Mover, Restore, StepState, StoreError};

/// Pause between two looks at a step that is under way.
const LOOK_AGAIN: std::time::Duration = std::time::Duration::from_secs(2);

/// Plans, or why there is none: a reason and what stands in each strategy's way.
type Planned = Result<RestorePlan, (ReasonCode, Option<String>)>;

/// The plan and its first step, or the end that follows from there being none; said before anything is touched.
pub async fn plan(session: &mut Session) -> Result<(), EngineError> {
    let State::Judged(judgement) = session.deployment.state.clone() else {
        return Err(EngineError::Stale {
            detail: "there is no judgement to restore for".to_owned(),
        });
    };
    let start = &session.deployment.start;
    let same = judgement
        .findings
        .iter()
        .find(|f| f.verdict == Verdict::Degraded && start.failing_before.contains(&f.gate));
    let made = match (same, start.good.clone()) {
        (_, None) => Err((ReasonCode::NoGoodState, None)),
        (Some(gate), Some(_)) => Err((ReasonCode::TargetFailedSameGate, Some(gate.gate.clone()))),
        (None, Some(target)) => make_plan(session, &target).await?,
    };
    match made {
        Ok(plan) => order_first(session, plan).await,
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

/// How a rollback that a person asked for goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RollsBack {
    /// Here: the first step is ordered.
    Here,
    /// By the job's own steps: no strategy of ours applies.
    ByTheJob,
    /// Not at all: closed.
    Closed,
}

/// Plans the rollback that this deployment is.
pub async fn plan_rollback(session: &mut Session) -> Result<RollsBack, EngineError> {
    let Some(target) = session.deployment.start.target.clone() else {
        return Ok(RollsBack::ByTheJob);
    };
    match make_plan(session, &target).await? {
        Ok(plan) => {
            order_first(session, plan).await?;
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
        Err(_) => Ok(RollsBack::ByTheJob),
    }
}

/// The plan is durable together with the order of its first step: one round trip less before anything moves.
async fn order_first(session: &mut Session, plan: RestorePlan) -> Result<(), EngineError> {
    let first = plan.steps.first().map(|s| s.key.clone());
    let mut events = vec![Event::RestorePlanned { plan }];
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

async fn make_plan(session: &mut Session, target: &Live) -> Result<Planned, EngineError> {
    let names = states_of(&session.deployment, target);
    let found = load(session, &names).await?;
    let locale = session.setup().locale;
    let (mut steps, mut skipped, mut destroys) = (Vec::new(), Vec::new(), false);
    let strategies = session.setup().rollback.strategies.clone();
    let restore = Restore {
        deployment: &session.deployment,
        target,
        state: found.as_ref().map(|(_, state)| state),
    };
    let ports = session.ports();
    let made = join_all(strategies.iter().map(|strategy| async {
        match mover(&ports.movers, *strategy) {
            Some(mover) => mover.plan(&restore).await,
            None => Err(NoPlan::NotApplicable(absent(*strategy))),
        }
    }))
    .await;
    for (strategy, made) in strategies.iter().zip(made) {
        // The strategy that goes first says what it will change, and may find that it must not.
        let made = match (made, mover(&ports.movers, *strategy), session.lease()) {
            (Ok(planned), Some(mover), Some(lease)) if steps.is_empty() => {
                mover.preview(&lease, &restore, planned).await
            }
            (made, _, _) => made,
        };
        match made {
            Ok(planned) => steps.extend(planned),
            Err(why) => {
                destroys |= matches!(why, NoPlan::WouldDestroyData(_));
                skipped.push(no_plan(*strategy, &why, locale));
            }
        }
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

/// Why a strategy has nobody to do it.
fn absent(strategy: Strategy) -> Obstacle {
    match strategy {
        Strategy::LambdaAlias | Strategy::Cloudformation => Obstacle::NoSavedState,
        Strategy::Workflow => Obstacle::NoForge,
        Strategy::Redeploy => Obstacle::InTheJob,
    }
}

fn mover(
    movers: &[std::sync::Arc<dyn Mover>],
    strategy: Strategy,
) -> Option<&std::sync::Arc<dyn Mover>> {
    movers.iter().find(|m| m.strategy() == strategy)
}

/// The first of these states that is there and whole.
async fn load(
    session: &Session,
    names: &[String],
) -> Result<Option<(String, SavedState)>, EngineError> {
    let ports = session.ports();
    for name in names {
        match ports.history.state(name, ports.clock.now()).await {
            Ok(Some(state)) => return Ok(Some((name.clone(), state))),
            Ok(None) => {}
            Err(StoreError::Malformed { detail }) => {
                tracing::warn!(code = "DG240", %detail, "a saved state cannot be read");
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(None)
}

/// Does an ordered step; one that another process may have begun only after a look shows that it is not done. The
/// lease is kept alive meanwhile.
pub async fn act(session: &mut Session, key: &StepKey, say: &Sayer) -> Result<(), EngineError> {
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
    let named: Vec<String> = now.plan.state.iter().cloned().collect();
    if session.restores.as_ref().map(|(name, _)| name) != named.first() {
        session.restores = load(session, &named).await?;
    }
    say(Say::Restoring {
        what: step.what.clone(),
    });
    // Reads the lock again before it touches anything: a container may have outlived its job.
    session.renew().await?;
    let event = match perform(session, &step).await? {
        Ok(()) => Event::StepDone { key: key.clone() },
        Err(MoveError::Failed(why)) => Event::StepFailed {
            key: key.clone(),
            why,
            reason: None,
        },
        Err(MoveError::WouldDestroyData(losses)) => Event::StepFailed {
            key: key.clone(),
            why: Why::new(
                Kind::Provider,
                would_lose(losses.iter(), session.setup().locale),
            ),
            reason: Some(ReasonCode::WouldDestroyData),
        },
    };
    session.append(vec![event]).await
}

async fn perform(
    session: &mut Session,
    step: &PlannedStep,
) -> Result<Result<(), MoveError>, EngineError> {
    let ports = session.ports().clone();
    let Some(mover) = mover(&ports.movers, step.strategy) else {
        return Ok(Err(MoveError::Failed(Why::new(
            Kind::NotFound,
            format!("{} is not available here", step.strategy),
        ))));
    };
    let Some(lease) = session.lease() else {
        return Err(EngineError::Lost {
            head: Some(Box::new(session.head.clone())),
        });
    };
    let deployment = session.deployment.clone();
    let Some(target) = deployment.target().cloned() else {
        return Err(EngineError::Stale {
            detail: "there is no version to bring back".to_owned(),
        });
    };
    let state = session.restores.as_ref().map(|(_, state)| state.clone());
    let restore = Restore {
        deployment: &deployment,
        target: &target,
        state: state.as_ref(),
    };
    let untouched = session.ordered.take().as_ref() == Some(&step.key);
    let work = async {
        if untouched {
            return mover.act(&lease, &restore, step).await;
        }
        loop {
            match mover.look(&restore, step).await? {
                StepState::Done => return Ok(()),
                StepState::NotDone => return mover.act(&lease, &restore, step).await,
                StepState::Running => ports.clock.sleep(LOOK_AGAIN).await,
            }
        }
    };
    tokio::pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return Ok(done),
            () = ports.clock.sleep(LEASE / 4) => session.renew().await?,
        }
    }
}

/// The gates again, for the version that was brought back. Where it is this deployment's own, it is saved anew.
pub async fn verify_restore(
    session: &mut Session,
    strategy: Strategy,
    say: &Sayer,
    stop: &mut Stop,
) -> Result<(), EngineError> {
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
        // A restore is finished, not abandoned: the journal stands, whoever comes next verifies.
        Watched::Stopped(by) => return Err(EngineError::Stopped(by)),
    };
    let mut events = Vec::new();
    if judgement.verdict == Verdict::Healthy {
        events.extend(saved(session, saving).await);
    }
    events.push(Event::RestoreJudged {
        strategy,
        judgement,
    });
    session.append(events).await
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

/// Why a bad verdict could not be answered by a restore, a sentence each; empty where it could, or shall not be.
pub async fn foresee(session: &mut Session) -> Vec<String> {
    let kept = session.saved_before().await;
    let start = &session.deployment.start;
    let setup = session.setup();
    let watches = !setup.gates.is_empty() && setup.rollback.automatic && !start.irreversible;
    if !watches {
        return Vec::new();
    }
    if start.good.is_none() {
        return vec![meaning(ReasonCode::NoGoodState, setup.locale).to_owned()];
    }
    let state = kept.as_ref().and_then(|k| k.state.as_ref());
    let ports = session.ports();
    let mut why = Vec::new();
    for strategy in &setup.rollback.strategies {
        let foreseen = match mover(&ports.movers, *strategy) {
            Some(mover) => mover.foresee(state).await,
            None => Err(NoPlan::NotApplicable(absent(*strategy))),
        };
        match foreseen {
            Ok(()) => return Vec::new(),
            Err(no) => why.push(no_plan(*strategy, &no, setup.locale)),
        }
    }
    why
}

/// The gates with the restored version as the one that must answer.
pub fn for_target(gates: &GateSettings, version: Option<&CommitSha>) -> GateSettings {
    let mut gates = gates.clone();
    for gate in &mut gates.http {
        gate.version = match (gate.version.take(), version) {
            (Some(check), Some(sha)) => Some(crate::core::gate::http::VersionCheck {
                equals: sha.as_str().to_owned(),
                ..check
            }),
            // The version that answered before is not known: what answers must only be well.
            (_, _) => None,
        };
    }
    gates
}
