//! What is asked of GitHub: configuration, facts for the checks, and its pages about deployments.

use crate::core::changes::Pull;
use crate::core::id::{CommitSha, DeploymentId};
use crate::core::lease::{Holder, JobState};
use crate::core::showing::{Listed, ShownState};
use async_trait::async_trait;

use super::Workflows;

/// GitHub did not do what it was asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ForgeError {
    /// No answer, or only errors.
    #[error("GitHub could not be reached: {detail}")]
    Unreachable {
        /// What was tried and answered.
        detail: String,
    },
    /// Not allowed; names the permission of the `permissions:` block.
    #[error("GitHub refuses `{call}`: the job needs `{permission}`: {detail}")]
    Denied {
        /// The call.
        call: String,
        /// Such as `checks: read`.
        permission: String,
        /// What GitHub said.
        detail: String,
    },
    /// No such thing.
    #[error("GitHub knows no {what}")]
    NotFound {
        /// What was looked for.
        what: String,
    },
    /// It was asked for something, and does not do it.
    #[error("GitHub does not do `{call}`: {detail}")]
    Refused {
        /// The call.
        call: String,
        /// What GitHub said.
        detail: String,
    },
    /// Too many requests.
    #[error("GitHub's rate limit is used up: {detail}")]
    RateLimited {
        /// Until when.
        detail: String,
    },
}

/// A file of the repository's default branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigFile {
    /// Content.
    pub text: String,
}

/// One answer of the approvals API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// Environments it is for.
    pub environments: Vec<String>,
    /// `approved`, `rejected`, `pending`.
    pub state: String,
    /// Who.
    pub user: Option<String>,
    /// Comment, from outside.
    pub comment: String,
}

/// An environment's protection rules, as far as they matter here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvironmentRules {
    /// Logins and team slugs that may approve; empty = no approval is configured.
    pub reviewers: Vec<String>,
    /// Nobody may approve their own run.
    pub prevent_self_review: bool,
}

/// State of one check run or status context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckState {
    /// Name or context.
    pub name: String,
    /// Ended, with success, neutral or skipped.
    pub green: bool,
    /// Ended at all.
    pub ended: bool,
    /// GitHub's word, from outside.
    pub word: String,
}

/// A commit with its first line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitLine {
    /// SHA.
    pub sha: CommitSha,
    /// First line of the message, from outside.
    pub title: String,
    /// Parents, as far as known.
    pub parents: Vec<CommitSha>,
}

/// How two commits lie: of `head` as seen from `base`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Relation {
    /// `head` has more.
    Ahead,
    /// `head` lacks some.
    Behind,
    /// The same.
    Identical,
    /// Each has what the other lacks.
    Diverged,
}

/// Two commits compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// How they lie.
    pub relation: Relation,
    /// Commits that `head` has and `base` has not, oldest first, at most 250.
    pub commits: Vec<CommitLine>,
    /// How many of them there are in all.
    pub total: usize,
}

/// A deployment to be made on GitHub, so that its pages show ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewShown {
    /// Commit.
    pub git_ref: CommitSha,
    /// GitHub's environment.
    pub environment: String,
    /// Marked as production.
    pub production: bool,
    /// The deployment of ours that it is made for.
    pub deployment: DeploymentId,
    /// For people.
    pub description: String,
}

/// One status of a deployment on GitHub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownStatus {
    /// State.
    pub state: ShownState,
    /// For people, at most 140 characters.
    pub description: String,
    /// The run's page.
    pub page: Option<String>,
}

/// GitHub.
#[async_trait]
pub trait Forge: Workflows {
    /// A file at the default branch's head; `None` = there is none.
    async fn config_file(&self, path: &str) -> Result<Option<ConfigFile>, ForgeError>;
    /// Whether a holder's job has ended.
    async fn job(&self, holder: &Holder) -> Result<JobState, ForgeError>;
    /// Approvals of a run.
    async fn approvals(&self, run: u64) -> Result<Vec<Approval>, ForgeError>;
    /// An environment's rules; `None` = no such environment.
    async fn environment(&self, name: &str) -> Result<Option<EnvironmentRules>, ForgeError>;
    /// All check runs and statuses of a commit.
    async fn checks(&self, commit: &CommitSha) -> Result<Vec<CheckState>, ForgeError>;
    /// The default branch's last 100 commits, newest first.
    async fn recent_commits(&self) -> Result<Vec<CommitLine>, ForgeError>;
    /// Two commits or branches compared.
    async fn compare(&self, base: &str, head: &str) -> Result<Comparison, ForgeError>;
    /// The pull requests that brought a commit.
    async fn pulls(&self, commit: &CommitSha) -> Result<Vec<Pull>, ForgeError>;
    /// GitHub's own deployments of a commit, newest first, at most 30.
    async fn deployments_of(&self, commit: &CommitSha) -> Result<Vec<Listed>, ForgeError>;
    /// The pages that a deployment's statuses lead to, newest first, at most 30.
    async fn pages_of(&self, deployment: u64) -> Result<Vec<String>, ForgeError>;
    /// Makes a deployment; nothing is merged, and no check is asked for.
    async fn make_deployment(&self, new: &NewShown) -> Result<u64, ForgeError>;
    /// Adds a status to a deployment.
    async fn show(&self, deployment: u64, status: &ShownStatus) -> Result<(), ForgeError>;
    /// Whether GitHub answers at all: tells one's own network from the others'.
    async fn ping(&self) -> Result<(), ForgeError>;
}
