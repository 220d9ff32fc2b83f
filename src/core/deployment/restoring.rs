//! How far a restore has got, and its next step.

use crate::core::journal::{Closing, Judgement};
use crate::core::reason::ReasonCode;
use crate::core::restore::{RestorePlan, StepKey, Strategy};

use super::Effect;

/// How far a restore has got.
#[derive(Debug, Clone, PartialEq)]
pub struct Restoring {
    /// The judgement that asked for it.
    pub why: Judgement,
    /// The plan.
    pub plan: RestorePlan,
    /// Index of the step that is next or under way.
    pub at: usize,
    /// That step was ordered.
    pub ordered: bool,
    /// The run that was dispatched and is followed by that step.
    pub child: Option<u64>,
    /// The steps of this strategy are done; its gates are to be judged.
    pub verify: Option<Strategy>,
    /// How the last judged strategy ended.
    pub ended: Option<Judgement>,
    /// That judgement says that what was brought back is well.
    pub restored: bool,
    /// Why the last failed step failed, where that is a reason of its own.
    pub failed: Option<ReasonCode>,
    /// A step would have lost stored data.
    pub loses: bool,
}

impl Restoring {
    pub(super) fn begin(why: Judgement, plan: RestorePlan) -> Self {
        Self {
            why,
            plan,
            at: 0,
            ordered: false,
            child: None,
            verify: None,
            ended: None,
            restored: false,
            failed: None,
            loses: false,
        }
    }

    pub(super) fn current(&self) -> Option<&crate::core::restore::PlannedStep> {
        self.plan.steps.get(self.at)
    }

    pub(super) fn may_order(&self, key: &StepKey) -> bool {
        self.verify.is_none() && !self.ordered && self.current().is_some_and(|s| s.key == *key)
    }

    pub(super) fn is_ordered(&self, key: &StepKey) -> bool {
        self.ordered && self.current().is_some_and(|s| s.key == *key)
    }

    pub(super) fn done(&self) -> Self {
        let strategy = self.current().map(|s| s.strategy);
        let next = self.plan.steps.get(self.at + 1).map(|s| s.strategy);
        Self {
            at: self.at + 1,
            ordered: false,
            child: None,
            verify: strategy.filter(|s| next != Some(*s)),
            ..self.clone()
        }
    }

    /// Where stored data would have been lost, a strategy that deploys the same version again is passed over.
    pub(super) fn next_strategy(&self, reason: Option<ReasonCode>) -> Self {
        let failed = self.verify.or_else(|| self.current().map(|s| s.strategy));
        let loses = self.loses || reason == Some(ReasonCode::WouldDestroyData);
        let follows = |s: Strategy| Some(s) != failed && !(loses && s.deploys());
        let mut left = self.plan.steps.iter().enumerate().skip(self.at);
        let next = left.find(|(_, step)| follows(step.strategy));
        let at = next.map_or(self.plan.steps.len(), |(i, _)| i);
        Self {
            at,
            ordered: false,
            child: None,
            verify: None,
            failed: reason,
            loses,
            ..self.clone()
        }
    }

    pub(super) fn owed(&self, closing: impl Fn(Option<&Judgement>) -> Closing) -> Effect {
        match (self.verify, self.restored, self.current()) {
            (Some(strategy), _, _) => Effect::VerifyRestore(strategy),
            (None, true, _) => Effect::Close(closing(self.ended.as_ref())),
            (None, false, Some(step)) if self.ordered => Effect::Act(step.key.clone()),
            (None, false, Some(step)) => Effect::Order(step.key.clone()),
            (None, false, None) => Effect::Close(closing(None)),
        }
    }
}
