//! How a deployment shows on GitHub: the state of GitHub's own deployment, and which of those is this job's. Knows
//! no request.

use crate::core::id::DeploymentId;
use crate::core::journal::RunRef;
use crate::core::outcome::{Exit, Outcome};
use crate::core::record::{Status, words};

words! {
    /// States of a deployment status. Source: GitHub REST API, "Create a deployment status".
    ShownState {
        /// Under way.
        InProgress = "in_progress",
        /// Serves, and nothing speaks against it.
        Success = "success",
        /// Ended badly.
        Failure = "failure",
        /// Ended without an answer: not proven, or stopped.
        Error = "error",
        /// Does not serve any more, and somebody else's version does.
        Inactive = "inactive",
    }
}

/// The state in which an end shows.
#[must_use]
pub fn shown(outcome: &Outcome) -> ShownState {
    let Some(status) = outcome.status else {
        return ShownState::Error;
    };
    match (status, outcome.exit) {
        (Status::InProgress, Exit::Fine) => ShownState::InProgress,
        (Status::InProgress, Exit::Act) => ShownState::Failure,
        // Not closed, or stopped.
        (Status::InProgress, _) => ShownState::Error,
        // Held, for it was not proven.
        (Status::Success, Exit::Unproven) => ShownState::Error,
        (Status::Success, _) => ShownState::Success,
        (Status::Failure | Status::RollbackFailed, _) => ShownState::Failure,
        (Status::RolledBack | Status::Superseded, _) => ShownState::Inactive,
        (Status::Cancelled, _) => ShownState::Error,
    }
}

/// A deployment as GitHub lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// GitHub's number.
    pub id: u64,
    /// GitHub's environment.
    pub environment: String,
    /// The deployment of ours that it was made for, where we made it.
    pub made_for: Option<String>,
}

impl Listed {
    /// True where it was made for this deployment.
    #[must_use]
    pub fn is_made_for(&self, id: &DeploymentId) -> bool {
        self.made_for.as_deref() == Some(id.as_str())
    }

    /// True where it is of one of these environments; GitHub's names ignore case.
    #[must_use]
    pub fn is_in(&self, environments: &[String]) -> bool {
        let same = |name: &String| name.eq_ignore_ascii_case(&self.environment);
        environments.iter().any(same)
    }
}

/// True where a deployment with statuses of these pages was made by this job. GitHub's own statuses lead to the job;
/// those that lead to the run alone are ours.
#[must_use]
pub fn is_of_job(pages: &[String], run: &RunRef) -> bool {
    let Some(id) = run.run else { return false };
    let of_run = |page: &&str| -> bool {
        let rest = page.split_once(&format!("/actions/runs/{id}"));
        rest.is_some_and(|(_, rest)| rest.is_empty() || rest.starts_with('/'))
    };
    let mut ours = false;
    for page in pages.iter().map(String::as_str).filter(of_run) {
        match (page.rsplit_once("/job/"), run.job_id) {
            (Some((_, job)), Some(mine)) if job == mine.to_string() => return true,
            (Some(_), Some(_)) => return false,
            (_, _) => ours = true,
        }
    }
    ours
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(job_id: Option<u64>) -> RunRef {
        RunRef {
            run: Some(42),
            job_id,
            ..RunRef::default()
        }
    }

    #[test]
    fn a_deployment_is_known_by_the_job_that_its_statuses_lead_to() {
        let at = |pages: &[&str], job| {
            let pages: Vec<String> = pages
                .iter()
                .map(|p| format!("https://github.com/o/r{p}"))
                .collect();
            is_of_job(&pages, &run(job))
        };
        assert!(at(&["/actions/runs/42/job/7"], Some(7)));
        assert!(at(
            &["/actions/runs/42/attempts/1", "/actions/runs/42/job/7"],
            Some(7)
        ));
        assert!(at(&["/actions/runs/42"], Some(7)));
        assert!(at(&["/actions/runs/42/job/7"], None));
        assert!(
            !at(&["/actions/runs/42/job/8"], Some(7)),
            "another job of this run"
        );
        assert!(!at(&["/actions/runs/421/job/7"], Some(7)), "another run");
        assert!(!at(&["", "/actions/runs/4"], Some(7)));
        assert!(!at(&[], Some(7)));
    }
}
