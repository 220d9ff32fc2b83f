//! Saved templates and parameters applied again, by change sets that are looked at first: the redeploy of the
//! earlier commit without its tool. Knows no journal and no gate.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_cloudformation::types::TemplateStage;
use futures_util::future::{join, join_all};

use super::aws::{Aws, why};
use super::stored;
use crate::core::lease::Lease;
use crate::core::observation::{Kind, Why};
use crate::core::restore::{Loss, NoPlan, Obstacle, PlannedStep, StepKey, Strategy, losses};
use crate::core::state::{SavedStack, SavedState};
use crate::ports::{Acted, Clock, CloudError, MoveError, Mover, Restore, StepState, until_held};

mod sets;
mod template;
mod upload;

use sets::{Progress, Set, Sets};

/// One stack's update may take this long.
const UPDATE: Duration = Duration::from_secs(3600);

/// A stack that somebody else is changing is waited for this long.
const SETTLES: Duration = Duration::from_secs(1800);

/// Pause between two looks at a stack that somebody else is changing.
const PACE: Duration = Duration::from_secs(3);

/// CloudFormation of one account and region.
#[derive(Clone)]
pub struct StackRestore {
    sets: Sets,
}

impl StackRestore {
    /// Through these credentials.
    #[must_use]
    pub fn new(aws: Arc<Aws>, clock: Arc<dyn Clock>) -> Self {
        Self {
            sets: Sets { aws, clock },
        }
    }

    async fn template_now(&self, stack: &str) -> Result<String, CloudError> {
        let answer = self
            .sets
            .aws
            .cloudformation()
            .get_template()
            .stack_name(stack)
            .template_stage(TemplateStage::Original)
            .send()
            .await
            .map_err(|e| CloudError {
                call: "cloudformation:GetTemplate".to_owned(),
                why: why(&e),
            })?;
        Ok(answer.template_body().unwrap_or_default().to_owned())
    }

    /// Larger than a request takes, it has to go through the bucket that CDK has made for templates.
    async fn fits(&self, saved: &SavedStack) -> Result<(), NoPlan> {
        let bytes = template::compact(&saved.template).len();
        if bytes <= template::LARGEST {
            return Ok(());
        }
        let bucket = self.sets.bucket().await;
        match bucket.map_err(|e| NoPlan::Unknown(e.why))? {
            Some(_) if bytes <= upload::LARGEST => Ok(()),
            Some(_) | None => Err(NoPlan::NotApplicable(Obstacle::TemplateTooLarge {
                stack: saved.name.clone(),
                bytes,
            })),
        }
    }

    /// What stands against bringing this stack back, as far as reading shows.
    async fn check(&self, saved: &SavedStack) -> Result<(), NoPlan> {
        self.fits(saved).await?;
        let (status, now) = join(
            self.sets.status(&saved.name),
            self.template_now(&saved.name),
        )
        .await;
        let unknown = |e: CloudError| NoPlan::Unknown(e.why);
        let stack = saved.name.clone();
        let Some(status) = status.map_err(unknown)? else {
            return Err(NoPlan::NotApplicable(Obstacle::StackGone { stack }));
        };
        if is_blocked(&status) {
            return Err(NoPlan::NotApplicable(Obstacle::StackBlocked {
                stack,
                status,
            }));
        }
        let unread = |e: String| NoPlan::Unknown(Why::new(Kind::Malformed, e));
        let now = template::resources(&now.map_err(unknown)?).map_err(unread)?;
        let then = template::resources(&saved.template).map_err(unread)?;
        let lost = losses(&saved.name, &now, &then);
        if lost.is_empty() {
            Ok(())
        } else {
            Err(NoPlan::WouldDestroyData(lost))
        }
    }

    /// A change set that is ready, empty or executed already.
    async fn set(&self, saved: &SavedStack, token: &str) -> Result<Set, CloudError> {
        let found = self.sets.made(&saved.name, token).await?;
        match found {
            Set::Ready(_) | Set::Empty | Set::Executed => return Ok(found),
            Set::Stale | Set::Failed(_) => self.sets.delete(&saved.name, token).await?,
            Set::Absent | Set::Making => {}
        }
        self.sets.create(saved, token).await?;
        self.sets.made(&saved.name, token).await
    }

    /// Waits until nobody changes the stack.
    async fn settled(&self, stack: &str) -> Result<(), MoveError> {
        let began = self.sets.clock.monotonic();
        loop {
            let Some(status) = self.sets.status(stack).await? else {
                let why = Why::new(Kind::NotFound, format!("no stack {stack}"));
                return Err(MoveError::Failed(why));
            };
            if is_blocked(&status) {
                let why = Why::new(Kind::Provider, format!("{stack} is {status}"));
                return Err(MoveError::Failed(why));
            }
            if !is_busy(&status) {
                return Ok(());
            }
            if self.sets.clock.monotonic().saturating_sub(began) > SETTLES {
                let why = Why::new(Kind::Timeout, format!("{stack} is still {status}"));
                return Err(MoveError::Failed(why));
            }
            self.sets.clock.sleep(PACE).await;
        }
    }

    async fn follow(&self, stack: &str, token: &str) -> Result<(), MoveError> {
        match self.sets.follow(stack, token, UPDATE).await? {
            Progress::Complete => Ok(()),
            Progress::Failed(said) => Err(MoveError::Failed(Why::new(
                Kind::Provider,
                format!("{stack}: {said}"),
            ))),
            Progress::Unseen | Progress::Running => Err(MoveError::Failed(Why::new(
                Kind::Timeout,
                format!("{stack} has not ended its update"),
            ))),
        }
    }
}

/// True where CloudFormation takes neither an update nor a change set for now. `…_CLEANUP_IN_PROGRESS` looks final and
/// is not.
fn is_busy(status: &str) -> bool {
    status.ends_with("_IN_PROGRESS") && status != "REVIEW_IN_PROGRESS"
}

/// True where CloudFormation takes no update before a person has acted.
/// Source: CloudFormation user guide, "Stack status codes".
fn is_blocked(status: &str) -> bool {
    matches!(
        status,
        "UPDATE_ROLLBACK_FAILED"
            | "ROLLBACK_COMPLETE"
            | "ROLLBACK_FAILED"
            | "ROLLBACK_IN_PROGRESS"
            | "CREATE_FAILED"
            | "DELETE_FAILED"
            | "DELETE_COMPLETE"
            | "DELETE_IN_PROGRESS"
    )
}

/// Stacks in the order in which they are brought back: the last deployed first.
fn in_order(state: &SavedState) -> impl Iterator<Item = &SavedStack> {
    state.stacks.iter().rev()
}

fn key(restore: &Restore<'_>, n: usize) -> StepKey {
    StepKey::new(&restore.deployment.start.id, &format!("stack-{}", n + 1))
}

/// The step's stack, by the number in its key.
fn of_step<'a>(restore: &Restore<'a>, step: &PlannedStep) -> Result<&'a SavedStack, MoveError> {
    restore
        .state
        .and_then(|state| {
            in_order(state)
                .enumerate()
                .find(|(n, _)| key(restore, *n) == step.key)
                .map(|(_, stack)| stack)
        })
        .ok_or_else(|| {
            let why = Why::new(Kind::NotFound, "the saved state is not there any more");
            MoveError::Failed(why)
        })
}

/// The key as CloudFormation takes it for names and tokens.
fn token(step: &PlannedStep) -> String {
    let key = step.key.as_str();
    let plain = key.len() <= 128
        && key.starts_with(|c: char| c.is_ascii_alphabetic())
        && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    if plain {
        key.to_owned()
    } else {
        format!("dg-{}", stored::sha256(key.as_bytes()))
    }
}

fn sum(found: Vec<Result<(), NoPlan>>) -> Result<(), NoPlan> {
    let mut lost: Vec<Loss> = Vec::new();
    let mut other = None;
    for one in found {
        match one {
            Ok(()) => {}
            Err(NoPlan::WouldDestroyData(more)) => lost.extend(more),
            Err(why) => other = other.or(Some(why)),
        }
    }
    match (lost.is_empty(), other) {
        (false, _) => Err(NoPlan::WouldDestroyData(lost)),
        (true, Some(why)) => Err(why),
        (true, None) => Ok(()),
    }
}

fn saved(state: Option<&SavedState>) -> Result<&SavedState, NoPlan> {
    let state = state.ok_or(NoPlan::NotApplicable(Obstacle::NoSavedState))?;
    if state.stacks.is_empty() {
        return Err(NoPlan::NotApplicable(Obstacle::NoStacks));
    }
    Ok(state)
}

#[async_trait]
impl Mover for StackRestore {
    fn strategy(&self) -> Strategy {
        Strategy::Cloudformation
    }

    async fn foresee(&self, state: Option<&SavedState>) -> Result<(), NoPlan> {
        sum(join_all(saved(state)?.stacks.iter().map(|stack| self.fits(stack))).await)
    }

    async fn plan(&self, restore: &Restore<'_>) -> Result<Vec<PlannedStep>, NoPlan> {
        let state = saved(restore.state)?;
        sum(join_all(in_order(state).map(|stack| self.check(stack))).await)?;
        Ok(in_order(state)
            .enumerate()
            .map(|(n, stack)| PlannedStep {
                key: key(restore, n),
                strategy: Strategy::Cloudformation,
                what: stack.name.clone(),
            })
            .collect())
    }

    async fn preview(
        &self,
        _: &Lease,
        restore: &Restore<'_>,
        steps: Vec<PlannedStep>,
    ) -> Result<Vec<PlannedStep>, NoPlan> {
        let state = saved(restore.state)?;
        let sets = join_all(in_order(state).zip(&steps).map(|(stack, step)| async move {
            let status = self.sets.status(&stack.name).await?;
            if status.is_some_and(|s| is_busy(&s)) {
                // No change set is taken now: it is waited for, and looked at, when the step is done.
                return Ok(Set::Making);
            }
            self.set(stack, &token(step)).await
        }))
        .await;
        let (mut shown, mut lost) = (Vec::new(), Vec::new());
        for ((set, step), stack) in sets.into_iter().zip(steps).zip(in_order(state)) {
            match set.map_err(|e| NoPlan::Unknown(e.why))? {
                Set::Empty => {}
                Set::Ready(held) => {
                    let what = match held.line() {
                        line if line.is_empty() => stack.name.clone(),
                        line => format!("{}: {line}", stack.name),
                    };
                    shown.push(PlannedStep { what, ..step });
                    lost.extend(held.losses);
                }
                Set::Executed | Set::Making | Set::Absent => shown.push(step),
                Set::Stale => {}
                Set::Failed(said) => {
                    let why = Why::new(Kind::Provider, format!("{}: {said}", stack.name));
                    return Err(NoPlan::Unknown(why));
                }
            }
        }
        match (lost.is_empty(), shown.is_empty()) {
            (false, _) => Err(NoPlan::WouldDestroyData(lost)),
            (true, true) => Err(NoPlan::NotApplicable(Obstacle::StacksAsSaved)),
            (true, false) => Ok(shown),
        }
    }

    async fn look(
        &self,
        restore: &Restore<'_>,
        step: &PlannedStep,
    ) -> Result<StepState, MoveError> {
        let stack = of_step(restore, step)?;
        Ok(match self.sets.progress(&stack.name, &token(step)).await? {
            Progress::Complete => StepState::Done,
            Progress::Running => StepState::Running,
            Progress::Unseen | Progress::Failed(_) => StepState::NotDone,
        })
    }

    async fn act(
        &self,
        lease: &Lease,
        restore: &Restore<'_>,
        step: &PlannedStep,
    ) -> Result<Acted, MoveError> {
        let stack = of_step(restore, step)?;
        let (name, token) = (stack.name.as_str(), token(step));
        self.settled(name).await?;
        match self.set(stack, &token).await? {
            Set::Empty => return Ok(Acted::Done),
            Set::Executed => {}
            Set::Ready(held) if held.losses.is_empty() => {
                until_held(&*self.sets.clock, lease).await;
                self.sets.execute(name, &token).await?;
            }
            Set::Ready(held) => return Err(MoveError::WouldDestroyData(held.losses)),
            Set::Failed(said) => {
                let why = Why::new(Kind::Provider, format!("{name}: {said}"));
                return Err(MoveError::Failed(why));
            }
            Set::Absent | Set::Making | Set::Stale => {
                let why = Why::new(Kind::Provider, format!("{name}: no change set"));
                return Err(MoveError::Failed(why));
            }
        }
        self.follow(name, &token).await.map(|()| Acted::Done)
    }
    async fn halt(&self, _: &Restore<'_>, _: &PlannedStep) -> Result<(), MoveError> {
        Ok(())
    }
}
