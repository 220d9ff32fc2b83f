//! Workflow runs of GitHub, as far as a restore dispatches and follows one; knows no HTTP.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::ForgeError;
use crate::core::time::Timestamp;

/// A run that was dispatched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dispatch {
    /// Its id.
    pub run: u64,
    /// Its page.
    pub url: Option<String>,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunEnd {
    /// Every job ended well.
    Success,
    /// GitHub's word for every other end, from outside.
    Other(String),
}

/// A run as GitHub shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunSeen {
    /// Its id.
    pub id: u64,
    /// Its page.
    pub url: Option<String>,
    /// What its list shows, from outside: `run-name`, where the workflow gives one.
    pub title: String,
    /// It waits for another run of its `concurrency` group.
    pub pending: bool,
    /// Started by a program, as with the token of a job, and not by a person.
    pub by_bot: bool,
    /// `None` = it has not ended.
    pub end: Option<RunEnd>,
}

/// Workflows of one repository.
#[async_trait]
pub trait Workflows: Send + Sync {
    /// A workflow's text on a branch or tag; `None` = there is no such file.
    async fn workflow(&self, file: &str, git_ref: &str) -> Result<Option<String>, ForgeError>;
    /// Starts a run; `None` = it was started, and GitHub does not say which run it is. Done once whatever the answer: whoever hears none looks with [`Workflows::dispatched_since`].
    async fn dispatch(
        &self,
        file: &str,
        git_ref: &str,
        inputs: &BTreeMap<String, String>,
    ) -> Result<Option<Dispatch>, ForgeError>;
    /// Runs of a workflow that were dispatched on a branch or tag since then.
    async fn dispatched_since(
        &self,
        file: &str,
        git_ref: &str,
        since: Timestamp,
    ) -> Result<Vec<RunSeen>, ForgeError>;
    /// One run.
    async fn run(&self, id: u64) -> Result<RunSeen, ForgeError>;
    /// Job and step at which a run failed, from outside.
    async fn failed_step(&self, run: u64) -> Result<Option<String>, ForgeError>;
    /// Asks GitHub to cancel a run.
    async fn cancel_run(&self, run: u64) -> Result<(), ForgeError>;
}
