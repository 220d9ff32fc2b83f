//! The saved state of what runs: what a restore needs in order to bring it back. Knows no provider and no store.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::core::id::DeploymentId;
use crate::core::time::Timestamp;

/// The version of a function that changes under its feet: an alias to it cannot be brought back.
pub const LATEST: &str = "$LATEST";

/// What is saved, and what a restore may touch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    /// Stacks, in the order in which they are deployed.
    pub stacks: Vec<String>,
    /// Functions beside those of the stacks: names, or patterns with `*`.
    pub functions: Vec<String>,
}

impl Scope {
    /// Nothing is named, so there is nothing to save.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.stacks.is_empty() && self.functions.is_empty()
    }
}

/// What ran at one moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SavedState {
    /// When it was looked at.
    pub at: Timestamp,
    /// Stacks that existed, in the order of [`Scope::stacks`].
    pub stacks: Vec<SavedStack>,
    /// Functions, by name.
    pub functions: Vec<SavedFunction>,
    /// What could not be looked at: a call and why, from outside.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
}

/// A stack as it stood.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedStack {
    /// Name.
    pub name: String,
    /// CloudFormation's status word.
    pub status: String,
    /// Template as it was handed in (`Original`), JSON or YAML.
    pub template: String,
    /// Parameter → value; `None` where CloudFormation hides it (`NoEcho`).
    pub parameters: BTreeMap<String, Option<String>>,
    /// Tags.
    pub tags: BTreeMap<String, String>,
    /// Outputs.
    pub outputs: BTreeMap<String, String>,
    /// Acknowledged capabilities.
    pub capabilities: Vec<String>,
}

/// A function with its aliases.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SavedFunction {
    /// Name.
    pub name: String,
    /// Aliases, by name.
    pub aliases: Vec<SavedAlias>,
}

/// Where an alias pointed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SavedAlias {
    /// Name.
    pub name: String,
    /// Version, or [`LATEST`].
    pub version: String,
    /// Version → weight of a second version, 0 to 1; empty = none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub weights: BTreeMap<String, f64>,
    /// Lambda's revision of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
}

impl SavedState {
    /// The alias of that function.
    #[must_use]
    pub fn alias(&self, function: &str, alias: &str) -> Option<&SavedAlias> {
        let function = self.functions.iter().find(|f| f.name == function)?;
        function.aliases.iter().find(|a| a.name == alias)
    }
}

/// The name under which the state before a deployment is kept.
#[must_use]
pub fn before(deployment: &DeploymentId) -> String {
    format!("{deployment}.before")
}

/// The name under which the state after its healthy end is kept.
#[must_use]
pub fn after(deployment: &DeploymentId) -> String {
    format!("{deployment}.after")
}
