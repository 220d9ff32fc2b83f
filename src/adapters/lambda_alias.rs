//! Aliases back to their saved versions, all at once; knows no journal and no gate.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_lambda::types::AliasRoutingConfiguration;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use futures_util::future::join_all;

use super::aws::{Aws, why};
use super::retry::{Again, Patience, retry};
use crate::core::lease::Lease;
use crate::core::observation::{Kind, Why};
use crate::core::restore::{
    NoPlan, Obstacle, PlannedStep, StepKey, Strategy, alias_moves, foresee_aliases, moves_line,
};
use crate::core::state::{LATEST, SavedAlias, SavedFunction, SavedState};
use crate::ports::{Acted, Clock, MoveError, Mover, Restore, StepState, until_held};

/// How long one alias is tried.
const PATIENCE: Duration = Duration::from_secs(30);

/// Lambda of one account and region.
#[derive(Clone)]
pub struct LambdaAliases {
    aws: Arc<Aws>,
    clock: Arc<dyn Clock>,
}

/// An alias as it is to be.
#[derive(Debug, Clone, Copy)]
struct Wanted<'a> {
    function: &'a str,
    alias: &'a SavedAlias,
}

/// Why one alias was not moved.
#[derive(Debug, Clone)]
struct Unmoved {
    why: Why,
    again: bool,
}

impl LambdaAliases {
    /// Through these credentials.
    #[must_use]
    pub fn new(aws: Arc<Aws>, clock: Arc<dyn Clock>) -> Self {
        Self { aws, clock }
    }

    async fn get(&self, wanted: Wanted<'_>) -> Result<Option<SavedAlias>, Unmoved> {
        let call = self
            .aws
            .lambda()
            .get_alias()
            .function_name(wanted.function)
            .name(&wanted.alias.name);
        match call.send().await {
            Ok(answer) => Ok(Some(SavedAlias {
                name: wanted.alias.name.clone(),
                version: answer.function_version().unwrap_or_default().to_owned(),
                weights: answer
                    .routing_config()
                    .and_then(|r| r.additional_version_weights())
                    .into_iter()
                    .flatten()
                    .map(|(version, weight)| (version.clone(), *weight))
                    .collect(),
                revision: answer.revision_id().map(str::to_owned),
            })),
            Err(error) if error.code() == Some("ResourceNotFoundException") => Ok(None),
            Err(error) => Err(unmoved("lambda:GetAlias", wanted, why(&error))),
        }
    }

    /// Looks, and moves it where it is not there. A write whose answer was lost is found done by the next look; a
    /// write over somebody else's is refused by its revision.
    async fn bring_back(&self, lease: &Lease, wanted: Wanted<'_>) -> Result<(), Unmoved> {
        let Some(now) = self.get(wanted).await? else {
            let why = Why::new(Kind::NotFound, "the alias does not exist any more");
            return Err(unmoved("lambda:GetAlias", wanted, why));
        };
        if is_there(&now, wanted.alias) {
            return Ok(());
        }
        // Left out, the weights of a second version would stay.
        let no_weights = AliasRoutingConfiguration::builder()
            .set_additional_version_weights(Some(HashMap::new()))
            .build();
        until_held(&*self.clock, lease).await;
        let moved = self
            .aws
            .lambda()
            .update_alias()
            .function_name(wanted.function)
            .name(&wanted.alias.name)
            .function_version(&wanted.alias.version)
            .routing_config(no_weights)
            .set_revision_id(now.revision)
            .send()
            .await;
        let Err(error) = moved else { return Ok(()) };
        let failed = unmoved("lambda:UpdateAlias", wanted, why(&error));
        match error.code() {
            // Overtaken: by our own first try, whose answer was lost, or by somebody whom the lock did not keep out. The
            // next look tells, and reads the new revision.
            Some("PreconditionFailedException" | "ResourceConflictException") => Err(Unmoved {
                again: true,
                ..failed
            }),
            Some(_) | None => Err(failed),
        }
    }

    async fn bring_back_surely(&self, lease: &Lease, wanted: Wanted<'_>) -> Result<(), Why> {
        let patience = Patience {
            first: Duration::from_millis(200),
            ..Patience::of(PATIENCE)
        };
        let tried = retry(
            &*self.clock,
            &patience,
            || self.bring_back(lease, wanted),
            |error| if error.again { Again::Yes } else { Again::No },
        );
        tried.await.map_err(|failed| failed.error.why)
    }

    async fn now(&self, saved: &SavedState) -> Result<SavedState, Unmoved> {
        let all = join_all(wanted(saved).map(|w| self.get(w))).await;
        let mut functions: Vec<SavedFunction> = Vec::new();
        for (w, found) in wanted(saved).zip(all) {
            let Some(found) = found? else { continue };
            match functions.iter_mut().find(|f| f.name == w.function) {
                Some(function) => function.aliases.push(found),
                None => functions.push(SavedFunction {
                    name: w.function.to_owned(),
                    aliases: vec![found],
                }),
            }
        }
        Ok(SavedState {
            at: self.clock.now(),
            stacks: Vec::new(),
            functions,
            missing: Vec::new(),
        })
    }
}

fn wanted(saved: &SavedState) -> impl Iterator<Item = Wanted<'_>> {
    saved.functions.iter().flat_map(|function| {
        function.aliases.iter().map(|alias| Wanted {
            function: &function.name,
            alias,
        })
    })
}

/// Weights of a second version that stood when it was saved are not brought back: that was half a deployment.
fn is_there(now: &SavedAlias, then: &SavedAlias) -> bool {
    now.version == then.version && now.weights.is_empty() && then.version != LATEST
}

fn unmoved(call: &str, wanted: Wanted<'_>, why: Why) -> Unmoved {
    let again = match why.kind {
        Kind::Timeout | Kind::Unreachable | Kind::Throttled => true,
        Kind::Provider => why.detail.contains("ServiceException") || why.detail.contains("HTTP 5"),
        Kind::Denied | Kind::NotFound | Kind::Malformed | Kind::NoData => false,
    };
    let (function, alias) = (wanted.function, &wanted.alias.name);
    Unmoved {
        why: Why::new(
            why.kind,
            format!("{call} {function}:{alias}: {}", why.detail),
        ),
        again,
    }
}

fn state<'a>(restore: &Restore<'a>) -> Result<&'a SavedState, MoveError> {
    restore.state.ok_or_else(|| {
        MoveError::Failed(Why::new(
            Kind::NotFound,
            "the saved state is not there any more",
        ))
    })
}

#[async_trait]
impl Mover for LambdaAliases {
    fn strategy(&self) -> Strategy {
        Strategy::LambdaAlias
    }

    async fn foresee(&self, state: Option<&SavedState>) -> Result<(), NoPlan> {
        let saved = state.ok_or(Obstacle::NoSavedState);
        saved
            .and_then(foresee_aliases)
            .map_err(NoPlan::NotApplicable)
    }

    async fn plan(&self, restore: &Restore<'_>) -> Result<Vec<PlannedStep>, NoPlan> {
        let Some(saved) = restore.state else {
            return Err(NoPlan::NotApplicable(Obstacle::NoSavedState));
        };
        let now = self.now(saved).await.map_err(|e| NoPlan::Unknown(e.why))?;
        let moves = alias_moves(saved, &now).map_err(NoPlan::NotApplicable)?;
        Ok(vec![PlannedStep {
            key: StepKey::new(&restore.deployment.start.id, "lambda-alias"),
            strategy: Strategy::LambdaAlias,
            what: moves_line(&moves),
        }])
    }

    async fn preview(
        &self,
        _: &Lease,
        _: &Restore<'_>,
        steps: Vec<PlannedStep>,
    ) -> Result<Vec<PlannedStep>, NoPlan> {
        Ok(steps)
    }

    async fn look(&self, restore: &Restore<'_>, _: &PlannedStep) -> Result<StepState, MoveError> {
        let saved = state(restore)?;
        let all = join_all(wanted(saved).map(|w| async move {
            let now = self.get(w).await?;
            Ok::<_, Unmoved>(now.is_some_and(|now| is_there(&now, w.alias)))
        }))
        .await;
        // What could not be read is looked at again by the move itself.
        let done = all.into_iter().all(|there| there.unwrap_or(false));
        Ok(if done {
            StepState::Done
        } else {
            StepState::NotDone
        })
    }

    async fn act(
        &self,
        lease: &Lease,
        restore: &Restore<'_>,
        _: &PlannedStep,
    ) -> Result<Acted, MoveError> {
        let saved = state(restore)?;
        let all = join_all(wanted(saved).map(|w| self.bring_back_surely(lease, w))).await;
        let (mut failed, mut moved) = (Vec::new(), 0_usize);
        for one in all {
            match one {
                Ok(()) => moved += 1,
                Err(why) => failed.push(why),
            }
        }
        let Some(first) = failed.first() else {
            return Ok(Acted::Done);
        };
        let (n, all) = (failed.len(), failed.len() + moved);
        let detail = format!("{} ({n} of {all} aliases)", first.detail);
        Err(MoveError::Failed(Why::new(first.kind, detail)))
    }
    async fn halt(&self, _: &Restore<'_>, _: &PlannedStep) -> Result<(), MoveError> {
        Ok(())
    }
}
