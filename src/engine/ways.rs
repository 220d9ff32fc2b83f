//! Which of the configured strategies lead back to a version, before a step of any is taken. Knows strategies, not
//! what a stack or an alias is.

use std::sync::Arc;

use futures_util::future::join_all;

use crate::core::deployment::Deployment;
use crate::core::journal::replay;
use crate::core::lease::{Lease, Live};
use crate::core::reason::ReasonCode;
use crate::core::restore::{NoPlan, Obstacle, PlannedStep, Strategy, states_of};
use crate::core::state::SavedState;
use crate::engine::redeploy;
use crate::engine::session::Session;
use crate::engine::{EngineError, Ports, Setup};
use crate::i18n::obstacle::no_plan;
use crate::i18n::reason::meaning;
use crate::ports::{Mover, Restore, StoreError};

/// The steps of all strategies, what stands in the way of the others, and whether that was stored data.
pub async fn plans(
    ports: &Ports,
    setup: &Setup,
    restore: &Restore<'_>,
    lease: Option<&Lease>,
    steps_of: JobSteps,
) -> (Vec<PlannedStep>, Vec<String>, bool) {
    let strategies = &setup.rollback.strategies;
    let made = join_all(strategies.iter().map(|strategy| async {
        if strategy.deploys() {
            if steps_of == JobSteps::Deploy {
                return Err(NoPlan::NotApplicable(Obstacle::InTheJob));
            }
            if has_just_deployed(restore) {
                return Err(NoPlan::NotApplicable(Obstacle::SameCommit));
            }
        }
        match mover(&ports.movers, *strategy) {
            Some(mover) => mover.plan(restore).await,
            None if *strategy == Strategy::Redeploy => {
                redeploy::plan(restore, steps_of == JobSteps::HandedOver)
            }
            None => Err(NoPlan::NotApplicable(absent(*strategy))),
        }
    }))
    .await;
    let (mut steps, mut skipped, mut destroys) = (Vec::<PlannedStep>::new(), Vec::new(), false);
    for (strategy, made) in strategies.iter().zip(made) {
        // The strategy that goes first says what it will change, and may find that it must not.
        let made = match (made, mover(&ports.movers, *strategy), lease) {
            (Ok(planned), Some(mover), Some(lease)) if steps.is_empty() => {
                mover.preview(lease, restore, planned).await
            }
            (made, _, _) => made,
        };
        match made {
            Ok(planned) => steps.extend(planned),
            Err(why) => {
                destroys |= matches!(why, NoPlan::WouldDestroyData(_));
                skipped.push(no_plan(*strategy, &why, setup.locale));
            }
        }
    }
    if destroys {
        for strategy in strategies.iter().filter(|s| s.deploys()) {
            if steps.iter().any(|step| step.strategy == *strategy) {
                let why = NoPlan::NotApplicable(Obstacle::LosesTheSame);
                skipped.push(no_plan(*strategy, &why, setup.locale));
            }
        }
        steps.retain(|step| !step.strategy.deploys());
    }
    (steps, skipped, destroys)
}

/// What the steps of the job at hand can do for a restore.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobSteps {
    /// Nothing: there is no job, or none of its steps is left.
    Absent,
    /// They deploy the version, for the job was started as a rollback to it.
    Deploy,
    /// They deploy what a verify step hands to them.
    HandedOver,
}

/// True where the job has deployed the very commit that is to come back.
fn has_just_deployed(restore: &Restore<'_>) -> bool {
    let deployed = &restore.deployment.start.git_ref;
    restore.deployment.job.is_some() && deployed.is_some() && *deployed == restore.target.git_ref
}

/// Why a strategy has nobody to do it.
fn absent(strategy: Strategy) -> Obstacle {
    match strategy {
        Strategy::LambdaAlias | Strategy::Cloudformation => Obstacle::NoSavedState,
        Strategy::Workflow => Obstacle::NoToken,
        Strategy::Redeploy => Obstacle::InTheJob,
    }
}

/// Who does a strategy.
pub fn mover(movers: &[Arc<dyn Mover>], strategy: Strategy) -> Option<&Arc<dyn Mover>> {
    movers.iter().find(|m| m.strategy() == strategy)
}

/// The first of these states of which everything was saved; one that is not whole where there is no other.
pub async fn load(
    ports: &Ports,
    names: &[String],
) -> Result<Option<(String, SavedState)>, EngineError> {
    let mut partial = None;
    for name in names {
        match ports.history.state(name, ports.clock.now()).await {
            Ok(Some(state)) if state.missing.is_empty() => return Ok(Some((name.clone(), state))),
            Ok(Some(state)) => partial = partial.or(Some((name.clone(), state))),
            Ok(None) => {}
            Err(StoreError::Malformed { detail }) => {
                tracing::warn!(code = "DG240", %detail, "a saved state cannot be read");
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(partial)
}

/// The saved state that brings `target` back in place of `deployment`. For a rollback, what was saved before the version
/// that it leaves counts too.
pub async fn saved_for(
    ports: &Ports,
    deployment: &Deployment,
    target: &Live,
) -> Result<Option<(String, SavedState)>, EngineError> {
    let mut names = Vec::new();
    if let Some(left) = deployment
        .start
        .previous
        .as_ref()
        .filter(|_| deployment.is_rollback())
    {
        let now = ports.clock.now();
        let unread = match ports.history.deployment(&left.deployment, now).await {
            // A record of the predecessor has no journal, and nothing was saved before it.
            Ok(stored) => match stored.filter(|s| !s.entries.is_empty()) {
                Some(stored) => replay(&stored.entries)
                    .map(|left| names = states_of(&left, target))
                    .err()
                    .map(|error| error.to_string()),
                None => None,
            },
            Err(StoreError::Malformed { detail }) => Some(detail),
            Err(error) => return Err(error.into()),
        };
        if let Some(detail) = unread {
            // There may be other saved states.
            tracing::warn!(code = "DG252", %detail, "the deployment that is left cannot be read");
        }
    }
    for name in states_of(deployment, target) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    load(ports, &names).await
}

/// Whether any strategy has a plan that brings this version back in place of `deployment`, without changing anything.
pub async fn could_restore(
    ports: &Ports,
    setup: &Setup,
    deployment: &Deployment,
    target: &Live,
) -> Result<bool, EngineError> {
    let found = saved_for(ports, deployment, target).await?;
    let restore = Restore {
        deployment,
        target,
        state: found.as_ref().map(|(_, state)| state),
        ordered: None,
    };
    let (steps, _, _) = plans(ports, setup, &restore, None, JobSteps::Absent).await;
    Ok(!steps.is_empty())
}

/// What stands in the way of a restore, as far as it shows before anything has changed; a sentence each.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Foreseen {
    /// A bad verdict could not be answered at all, for these reasons.
    pub none: Vec<String>,
    /// Configured strategies that would be skipped, where another one applies.
    pub skipped: Vec<String>,
}

/// What a bad verdict could not be answered with. `promised`: the workflow says that the job's steps deploy again what
/// a verify step hands to them; else only its later steps can tell.
pub async fn foresee(session: &mut Session, promised: bool) -> Foreseen {
    let kept = session.saved_before().await;
    let start = &session.deployment.start;
    let setup = session.setup();
    let watches = !setup.gates.is_empty() && setup.rollback.automatic && !start.irreversible;
    if !watches {
        return Foreseen::default();
    }
    if start.good.is_none() {
        return Foreseen {
            none: vec![meaning(ReasonCode::NoGoodState, setup.locale).to_owned()],
            ..Foreseen::default()
        };
    }
    let state = kept.as_ref().and_then(|k| k.state.as_ref());
    let ports = session.ports();
    let strategies = &setup.rollback.strategies;
    let foreseen = join_all(strategies.iter().map(|strategy| async {
        match mover(&ports.movers, *strategy) {
            Some(mover) => mover.foresee(state).await,
            None if *strategy == Strategy::Redeploy && session.hands_over => Ok(()),
            None => Err(NoPlan::NotApplicable(absent(*strategy))),
        }
    }))
    .await;
    let works = foreseen.iter().any(Result::is_ok);
    let why = strategies
        .iter()
        .zip(foreseen)
        .filter_map(|(strategy, seen)| Some(no_plan(*strategy, &seen.err()?, setup.locale)))
        .collect();
    if works {
        let mut skipped: Vec<String> = why;
        if strategies.contains(&Strategy::Redeploy) && session.hands_over && !promised {
            let why = NoPlan::NotApplicable(Obstacle::NeedsVerify);
            skipped.push(no_plan(Strategy::Redeploy, &why, setup.locale));
        }
        Foreseen {
            skipped,
            ..Foreseen::default()
        }
    } else {
        Foreseen {
            none: why,
            ..Foreseen::default()
        }
    }
}
