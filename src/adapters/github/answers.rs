//! GitHub's answers, as far as they are read, and what they mean in our words; asks nothing itself.

use serde::Deserialize;

use super::call::Call;
use crate::core::changes::Pull;
use crate::core::id::CommitSha;
use crate::core::lease::JobState;
use crate::core::showing::Listed;
use crate::ports::{
    Approval, CheckState, CommitLine, Comparison, EnvironmentRules, ForgeError, Relation,
};

/// In the payload of the deployments that we make: the deployment of ours.
pub(super) const PAYLOAD_KEY: &str = "deploy_guard";

#[derive(Deserialize)]
pub(super) struct JobAnswer {
    pub run_id: Option<u64>,
    pub status: String,
    pub conclusion: Option<String>,
    #[serde(default)]
    name: String,
}

#[derive(Deserialize)]
pub(super) struct JobsAnswer {
    pub jobs: Vec<JobAnswer>,
}

#[derive(Deserialize)]
pub(super) struct AttemptAnswer {
    status: Option<String>,
    conclusion: Option<String>,
}

pub(super) fn job_state(status: &str, conclusion: Option<String>) -> JobState {
    if status == "completed" {
        JobState::Ended { conclusion }
    } else {
        JobState::Running
    }
}

/// What an attempt says of the job with this key. The API knows only names; a job without a `name:` of its own
/// is called as its key, its matrix legs `key (…)`. Where none fits, only the attempt's end counts.
pub(super) fn attempt_state(
    attempt: AttemptAnswer,
    jobs: &[JobAnswer],
    key: Option<&str>,
) -> JobState {
    let ours: Vec<&JobAnswer> = match key {
        Some(key) => jobs
            .iter()
            .filter(|job| {
                job.name
                    .strip_prefix(key)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with(" ("))
            })
            .collect(),
        None => Vec::new(),
    };
    let conclusion = match ours.as_slice() {
        [job] => job.conclusion.clone(),
        _ => None,
    };
    let Some(status) = attempt.status else {
        return JobState::Unknown;
    };
    if status == "completed" {
        return JobState::Ended {
            conclusion: conclusion.or(attempt.conclusion),
        };
    }
    if !ours.is_empty() && ours.iter().all(|job| job.status == "completed") {
        return JobState::Ended { conclusion };
    }
    JobState::Running
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

#[derive(Deserialize)]
struct User {
    login: String,
}

#[derive(Deserialize)]
pub(super) struct ApprovalAnswer {
    #[serde(default)]
    environments: Vec<Named>,
    state: String,
    user: Option<User>,
    comment: Option<String>,
}

impl From<ApprovalAnswer> for Approval {
    fn from(answer: ApprovalAnswer) -> Self {
        Self {
            environments: answer.environments.into_iter().map(|e| e.name).collect(),
            state: answer.state,
            user: answer.user.map(|user| user.login),
            comment: answer.comment.unwrap_or_default(),
        }
    }
}

#[derive(Deserialize)]
pub(super) struct EnvironmentAnswer {
    #[serde(default)]
    protection_rules: Vec<Rule>,
}

#[derive(Deserialize)]
struct Rule {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    reviewers: Vec<Reviewer>,
    prevent_self_review: Option<bool>,
}

#[derive(Deserialize)]
struct Reviewer {
    reviewer: Option<Who>,
}

#[derive(Deserialize)]
struct Who {
    login: Option<String>,
    slug: Option<String>,
}

impl From<EnvironmentAnswer> for EnvironmentRules {
    fn from(answer: EnvironmentAnswer) -> Self {
        let rules = answer
            .protection_rules
            .into_iter()
            .filter(|rule| rule.kind == "required_reviewers");
        let mut read = Self {
            reviewers: Vec::new(),
            prevent_self_review: false,
        };
        for rule in rules {
            read.prevent_self_review |= rule.prevent_self_review == Some(true);
            // One that cannot be named still means that approval is configured.
            read.reviewers.extend(rule.reviewers.into_iter().map(|r| {
                r.reviewer
                    .and_then(|who| who.login.or(who.slug))
                    .unwrap_or_else(|| "?".to_owned())
            }));
        }
        read
    }
}

#[derive(Deserialize)]
pub(super) struct CheckRunsAnswer {
    pub check_runs: Vec<CheckRunAnswer>,
}

#[derive(Deserialize)]
pub(super) struct CheckRunAnswer {
    name: String,
    status: String,
    conclusion: Option<String>,
}

impl From<CheckRunAnswer> for CheckState {
    fn from(run: CheckRunAnswer) -> Self {
        let ended = run.status == "completed";
        let word = run.conclusion.filter(|_| ended).unwrap_or(run.status);
        Self {
            green: ended && matches!(word.as_str(), "success" | "neutral" | "skipped"),
            name: run.name,
            ended,
            word,
        }
    }
}

#[derive(Deserialize)]
pub(super) struct StatusesAnswer {
    pub statuses: Vec<StatusAnswer>,
}

#[derive(Deserialize)]
pub(super) struct StatusAnswer {
    context: String,
    state: String,
}

impl From<StatusAnswer> for CheckState {
    fn from(status: StatusAnswer) -> Self {
        Self {
            name: status.context,
            green: status.state == "success",
            ended: status.state != "pending",
            word: status.state,
        }
    }
}

#[derive(Deserialize)]
struct Parent {
    sha: String,
}

#[derive(Deserialize)]
struct Message {
    #[serde(default)]
    message: String,
}

#[derive(Deserialize)]
pub(super) struct CommitAnswer {
    sha: String,
    commit: Message,
    #[serde(default)]
    parents: Vec<Parent>,
}

impl CommitAnswer {
    /// `None` where the SHA is none of ours (a repository with SHA-256).
    pub(super) fn line(self) -> Option<CommitLine> {
        Some(CommitLine {
            sha: CommitSha::parse(&self.sha).ok()?,
            title: self.commit.message.lines().next().unwrap_or("").to_owned(),
            parents: self
                .parents
                .iter()
                .filter_map(|parent| CommitSha::parse(&parent.sha).ok())
                .collect(),
        })
    }
}

#[derive(Deserialize)]
pub(super) struct CompareAnswer {
    status: String,
    total_commits: usize,
    #[serde(default)]
    commits: Vec<CommitAnswer>,
}

impl CompareAnswer {
    pub(super) fn comparison(self, call: &Call) -> Result<Comparison, ForgeError> {
        let relation = match self.status.as_str() {
            "ahead" => Relation::Ahead,
            "behind" => Relation::Behind,
            "identical" => Relation::Identical,
            "diverged" => Relation::Diverged,
            other => return Err(call.unreadable(format!("status `{other}`"))),
        };
        Ok(Comparison {
            relation,
            total: self.total_commits,
            commits: self
                .commits
                .into_iter()
                .filter_map(CommitAnswer::line)
                .collect(),
        })
    }
}

#[derive(Deserialize)]
pub(super) struct PullAnswer {
    number: u64,
    html_url: String,
}

impl From<PullAnswer> for Pull {
    fn from(answer: PullAnswer) -> Self {
        Self {
            number: answer.number,
            url: answer.html_url,
        }
    }
}

#[derive(Deserialize)]
pub(super) struct DeploymentAnswer {
    id: u64,
    environment: String,
    /// An object, or a text that any other program may have put there.
    #[serde(default)]
    payload: serde_json::Value,
}

impl From<DeploymentAnswer> for Listed {
    fn from(answer: DeploymentAnswer) -> Self {
        let made_for = answer.payload.get(PAYLOAD_KEY);
        Self {
            id: answer.id,
            environment: answer.environment,
            made_for: made_for.and_then(|v| v.as_str()).map(str::to_owned),
        }
    }
}

#[derive(Deserialize)]
pub(super) struct MadeAnswer {
    pub id: u64,
}

#[derive(Deserialize)]
pub(super) struct DeploymentStatusAnswer {
    #[serde(default)]
    log_url: String,
    #[serde(default)]
    target_url: String,
}

impl DeploymentStatusAnswer {
    pub(super) fn page(self) -> Option<String> {
        [self.log_url, self.target_url]
            .into_iter()
            .find(|url| !url.is_empty())
    }
}
