//! Bringing the last good version back: strategies and their steps; knows no provider.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::core::id::DeploymentId;
use crate::core::record::words;

words! {
    /// Ways to bring a version back, tried in the configured order.
    Strategy {
        /// Aliases back to the saved versions.
        LambdaAlias = "lambda_alias",
        /// The saved template and parameters applied again.
        Cloudformation = "cloudformation",
        /// The deploy workflow dispatched with `deployment_type: rollback`.
        Workflow = "workflow",
        /// The same job deploys the last good commit again.
        Redeploy = "redeploy",
    }
}

/// The `rollback` part of an environment's configuration, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RollbackSettings {
    /// Without a person.
    pub automatic: bool,
    /// In this order.
    pub strategies: Vec<Strategy>,
    /// For the `workflow` strategy.
    pub workflow: Option<WorkflowTarget>,
    /// Watch window after a restore.
    pub verify: std::time::Duration,
}

/// The workflow that a rollback dispatches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkflowTarget {
    /// File name in `.github/workflows`.
    pub file: String,
    /// Branch or tag.
    pub git_ref: String,
    /// How long its run may take.
    pub timeout: std::time::Duration,
}

/// Idempotency key of one step: `{deployment}-{step}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StepKey(String);

impl StepKey {
    /// Made from the deployment and the step's name.
    #[must_use]
    pub fn new(deployment: &DeploymentId, step: &str) -> Self {
        Self(format!("{deployment}-{step}"))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StepKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One step of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedStep {
    /// Its key.
    pub key: StepKey,
    /// By which strategy.
    pub strategy: Strategy,
    /// What it does, for people: alias `live` of function X to version 7.
    pub what: String,
}

/// An ordered plan that leaves nothing to choose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestorePlan {
    /// The deployment whose version is brought back.
    pub target: DeploymentId,
    /// In order; strategy after strategy.
    pub steps: Vec<PlannedStep>,
}
