//! What surfaces ask of the one place that knows adapters: ports for what the settings name. Knows no adapter.

use std::sync::Arc;

use async_trait::async_trait;
use secrecy::SecretString;

use crate::core::restore::WorkflowTarget;
use crate::engine::Ports;
use crate::ports::{Clock, Forge, History};

/// Which store, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreName {
    /// A DynamoDB table.
    Dynamodb {
        /// Its name, filled in.
        table: String,
    },
    /// A SQLite file.
    Sqlite {
        /// Its path.
        path: String,
    },
    /// No history yet: reads as empty, and keeps nothing.
    Empty,
}

/// What to connect to.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Store.
    pub store: StoreName,
    /// AWS Region.
    pub region: Option<String>,
    /// Role for GitHub's OIDC.
    pub role: Option<String>,
    /// For the role's session name.
    pub session_name: String,
    /// Slack incoming webhook.
    pub slack_webhook_url: Option<SecretString>,
    /// Slack bot, with its channel.
    pub slack_bot: Option<(SecretString, String)>,
    /// SNS topic.
    pub sns_topic_arn: Option<String>,
    /// What the `workflow` strategy dispatches; `None` = it is not configured.
    pub workflow: Option<WorkflowWanted>,
}

/// What the `workflow` strategy dispatches, and for which environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkflowWanted {
    /// The environment's name, then its aliases.
    pub environments: Vec<String>,
    /// Service.
    pub service: String,
    /// GitHub's names of it.
    pub github_environments: Vec<String>,
    /// The run that this process belongs to: it is never the one that it has dispatched.
    pub own_run: Option<u64>,
    /// The workflow, where one is named.
    pub target: Option<WorkflowTarget>,
}

/// A connection that cannot be made as asked.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Wrong as it is configured: no Region, plain http to a far host, no token.
    #[error("{0}")]
    Settings(String),
    /// The other side does not answer, or gives no credentials.
    #[error("{0}")]
    Unreachable(String),
    /// The history is there, but cannot be opened.
    #[error("{0}")]
    Store(String),
}

/// Makes ports.
#[async_trait]
pub trait Connect: Send + Sync {
    /// Time and chance.
    fn clock(&self) -> Arc<dyn Clock>;
    /// GitHub, for one repository.
    fn forge(
        &self,
        repository: &str,
        token: Option<&SecretString>,
    ) -> Result<Arc<dyn Forge>, ConnectError>;
    /// Asks GitHub for the job's token early, so that it is there when a role is to be assumed.
    async fn prepare(&self);
    /// A history that nobody else sees and that is gone afterwards.
    async fn scratch(&self) -> Result<Arc<dyn History>, ConnectError>;
    /// Everything else.
    async fn ports(
        &self,
        wanted: &Wanted,
        forge: Option<Arc<dyn Forge>>,
    ) -> Result<Ports, ConnectError>;
}
