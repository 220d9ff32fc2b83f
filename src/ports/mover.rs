//! Strategies of restoring, in our own words; knows no provider.

use std::time::Duration;

use async_trait::async_trait;

use super::{Clock, CloudError, Dispatch, NoPlan};
use crate::core::deployment::Deployment;
use crate::core::lease::{Lease, Live};
use crate::core::observation::Why;
use crate::core::restore::{Loss, PlannedStep, Strategy};
use crate::core::state::SavedState;
use crate::core::time::Timestamp;

/// What became of an ordered step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepState {
    /// Not done: do it.
    NotDone,
    /// Done already.
    Done,
    /// Under way: look again.
    Running,
    /// Begun, and held up by something that may be waiting for us.
    Pending,
    /// Done: this run was dispatched.
    Dispatched(Dispatch),
    /// It has ended, and badly.
    Failed(Why),
}

/// What came of doing a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Acted {
    /// It is done.
    Done,
    /// It is done: this run was dispatched, and is the heir of the lock.
    Dispatched(Dispatch),
}

/// What a restore works on.
#[derive(Debug, Clone, Copy)]
pub struct Restore<'a> {
    /// The deployment that it belongs to.
    pub deployment: &'a Deployment,
    /// The version that shall serve again.
    pub target: &'a Live,
    /// Its saved state, where there is one.
    pub state: Option<&'a SavedState>,
    /// When the step at hand was ordered.
    pub ordered: Option<Timestamp>,
}

/// A step that was not done.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum MoveError {
    /// It failed.
    #[error("{0}")]
    Failed(Why),
    /// It would have removed or replaced stored data, so nothing was done.
    #[error("stored data would be lost")]
    WouldDestroyData(Vec<Loss>),
}

impl From<CloudError> for MoveError {
    fn from(error: CloudError) -> Self {
        Self::Failed(Why::new(
            error.why.kind,
            format!("{}: {}", error.call, error.why.detail),
        ))
    }
}

/// Waits until the lock is held for sure: right before each change of the outside, for a container may have been frozen
/// while somebody else took over. Whoever renews the lock ends the wait, or the whole step.
pub async fn until_held(clock: &dyn Clock, lease: &Lease) {
    while clock.now() >= lease.deadline() {
        clock.sleep(Duration::from_millis(200)).await;
    }
}

/// One strategy of bringing a version back.
#[async_trait]
pub trait Mover: Send + Sync {
    /// Which.
    fn strategy(&self) -> Strategy;
    /// Whether it could bring this state back, as far as that shows before anything has changed.
    async fn foresee(&self, state: Option<&SavedState>) -> Result<(), NoPlan>;
    /// The steps that bring the target back; changes nothing.
    async fn plan(&self, restore: &Restore<'_>) -> Result<Vec<PlannedStep>, NoPlan>;
    /// The same steps with what they will change, said before the first of them is taken; may prepare them, but
    /// touches nothing that runs. Asked only of the strategy that goes first.
    async fn preview(
        &self,
        lease: &Lease,
        restore: &Restore<'_>,
        steps: Vec<PlannedStep>,
    ) -> Result<Vec<PlannedStep>, NoPlan>;
    /// Whether a step was done already.
    async fn look(&self, restore: &Restore<'_>, step: &PlannedStep)
    -> Result<StepState, MoveError>;
    /// Does it. Its key makes a second call harmless where the provider allows that.
    async fn act(
        &self,
        lease: &Lease,
        restore: &Restore<'_>,
        step: &PlannedStep,
    ) -> Result<Acted, MoveError>;
    /// Asks what a step has begun elsewhere, and what takes too long, to end.
    async fn halt(&self, restore: &Restore<'_>, step: &PlannedStep) -> Result<(), MoveError>;
}
