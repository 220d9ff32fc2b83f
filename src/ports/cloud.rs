//! What is asked of the cloud about a version that serves: stacks, states to save, metrics, functions and logs.

use crate::core::gate::alarms::AlarmSeen;
use crate::core::gate::series::{Buckets, Series};
use crate::core::journal::StackSeen;
use crate::core::observation::{Reading, Why};
use crate::core::state::{SavedState, Scope};
use crate::core::time::Timestamp;
use async_trait::async_trait;
use std::collections::BTreeMap;

/// A cloud call that did not work, as a reason why something is unknown.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{call}: {why}")]
pub struct CloudError {
    /// The call, such as `cloudformation:DescribeStacks`.
    pub call: String,
    /// Why.
    pub why: Why,
}

/// A stack with its outputs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stack {
    /// As it stands.
    pub seen: StackSeen,
    /// Output key → value.
    pub outputs: BTreeMap<String, String>,
}

/// CloudFormation.
#[async_trait]
pub trait Stacks: Send + Sync {
    /// One stack; one that does not exist has no status.
    async fn describe(&self, name: &str) -> Result<Stack, CloudError>;
}

/// Looks at what runs, so that it can be brought back.
#[async_trait]
pub trait Saver: Send + Sync {
    /// Everything of the scope, at one moment; stacks that do not exist are left out.
    async fn capture(&self, scope: &Scope) -> Result<SavedState, CloudError>;
}

/// Metrics and alarms.
#[async_trait]
pub trait Metrics: Send + Sync {
    /// One-minute sums of all series from `from` up to, not including, `to` (whole minutes), in the order of
    /// `wanted`, in as few requests as the provider allows. A series that alone was refused or not answered is
    /// unknown and the others go on; an error means that nothing at all was answered.
    async fn series(
        &self,
        wanted: &[Series],
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<Reading<Buckets>>, CloudError>;
    /// The alarms of these names and those whose names begin with the prefix, composite ones too. Names that there
    /// are not are missing in the answer.
    async fn alarms(
        &self,
        names: &[String],
        prefix: Option<&str>,
    ) -> Result<Vec<AlarmSeen>, CloudError>;
    /// Names of the metrics that exist in a namespace, or, where a dimension is given, that dimension's values.
    async fn existing(
        &self,
        namespace: &str,
        dimension: Option<&str>,
    ) -> Result<Vec<String>, CloudError>;
}

/// Which functions there are.
#[async_trait]
pub trait Functions: Send + Sync {
    /// Names of all functions of the account and region.
    async fn all(&self) -> Result<Vec<String>, CloudError>;
    /// Names of a stack's functions, those of its nested stacks too.
    async fn of_stack(&self, stack: &str) -> Result<Vec<String>, CloudError>;
}

/// Log lines.
#[async_trait]
pub trait Logs: Send + Sync {
    /// How many lines match a query, from `from` to `to`, in the log groups of these names or patterns with `*`.
    /// A search that is given up, by its deadline or because its caller went away, is stopped at the provider.
    async fn matches(
        &self,
        groups: &[String],
        query: &str,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<u64, CloudError>;
}
