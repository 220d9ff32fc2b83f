//! GitHub's REST API as the engine's forge; knows nothing of approvals or locks but what GitHub answers.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use octocrab::service::middleware::base_uri::BaseUriLayer;
use octocrab::service::middleware::extra_headers::ExtraHeadersLayer;
use octocrab::service::middleware::reqwest_connector::ReqwestConnector;
use octocrab::{AuthState, Octocrab, OctocrabBuilder};
use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue, USER_AGENT};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use super::http::{self, Http, HttpError};
use crate::core::changes::Pull;
use crate::core::id::CommitSha;
use crate::core::lease::{Holder, JobState};
use crate::core::showing::Listed;
use crate::ports::{
    Approval, CheckState, Clock, CommitLine, Comparison, ConfigFile, EnvironmentRules, Forge,
    ForgeError, NewShown, ShownStatus,
};

mod answers;
mod call;
mod workflows;

use answers::{
    ApprovalAnswer, AttemptAnswer, CheckRunsAnswer, CommitAnswer, CompareAnswer, DeploymentAnswer,
    DeploymentStatusAnswer, EnvironmentAnswer, JobAnswer, JobsAnswer, MadeAnswer, PAYLOAD_KEY,
    PullAnswer, StatusesAnswer, job_state,
};
use call::{Answer, Call, encode};

/// The configuration file is not larger than this.
const CONFIG_LIMIT: usize = 256 * 1024;
/// Pages of 100 that are read at most.
const PAGES: u32 = 20;

/// Why there is no client for GitHub.
#[derive(Debug, Clone, thiserror::Error)]
pub enum GithubSetupError {
    /// No token.
    #[error("no GitHub token: give the input `github_token`, or GITHUB_TOKEN")]
    NoToken,
    /// Letters that cannot stand in a header.
    #[error("the GitHub token contains characters that no token has (a line break?)")]
    BadToken,
    /// Not `owner/name`.
    #[error("`{0}` is not a repository: it looks like `owner/name` (GITHUB_REPOSITORY)")]
    BadRepository(String),
    /// Not a usable address.
    #[error("GITHUB_API_URL cannot be used: {0}")]
    BadUrl(#[from] HttpError),
}

/// How often and how long to try.
#[derive(Debug, Clone, Copy)]
pub struct GithubBounds {
    /// Tries of one call.
    pub tries: u32,
    /// Base of the pause between them.
    pub pause: Duration,
    /// One try with its answer.
    pub timeout: Duration,
    /// Waiting for the rate limit, all told, for one call.
    pub rate_wait: Duration,
}

impl Default for GithubBounds {
    fn default() -> Self {
        Self {
            tries: 3,
            pause: Duration::from_millis(300),
            timeout: Duration::from_secs(10),
            rate_wait: Duration::from_secs(60),
        }
    }
}

/// GitHub, for one repository.
pub struct Github {
    api: Octocrab,
    origin: String,
    repository: String,
    clock: Arc<dyn Clock>,
    bounds: GithubBounds,
}

impl Github {
    /// A client for a repository; must be called within the runtime. `api_url` is `GITHUB_API_URL`; an
    /// enterprise server's has a path, such as `https://host/api/v3`.
    pub fn new(
        http: &Http,
        clock: Arc<dyn Clock>,
        api_url: &str,
        repository: &str,
        token: &SecretString,
        bounds: GithubBounds,
    ) -> Result<Self, GithubSetupError> {
        let url = http::check_url(api_url)?;
        let client = http.client(&url)?;
        if !is_repository(repository) {
            return Err(GithubSetupError::BadRepository(
                repository.chars().take(200).collect(),
            ));
        }
        if token.expose_secret().is_empty() {
            return Err(GithubSetupError::NoToken);
        }
        let mut bearer = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret()))
            .map_err(|_| GithubSetupError::BadToken)?;
        bearer.set_sensitive(true);
        let base = url
            .as_str()
            .trim_end_matches('/')
            .parse()
            .map_err(|_| HttpError::BadUrl)?;
        // The builder's own headers name octocrab as the user agent beside ours; so the layers are put
        // together here. Every route is relative, so the token goes nowhere else.
        let headers = vec![
            (USER_AGENT, HeaderValue::from_static(http::USER_AGENT)),
            (
                HeaderName::from_static("x-github-api-version"),
                HeaderValue::from_static("2022-11-28"),
            ),
            (AUTHORIZATION, bearer),
        ];
        let api = OctocrabBuilder::new_empty()
            .with_service(ReqwestConnector::new(client))
            .with_layer(&ExtraHeadersLayer::new(Arc::new(headers)))
            .with_layer(&BaseUriLayer::new(base))
            .with_auth(AuthState::None)
            .build();
        let api = match api {
            Ok(api) => api,
            Err(never) => match never {},
        };
        Ok(Self {
            api,
            origin: url.origin().ascii_serialization(),
            repository: repository.to_owned(),
            clock,
            bounds,
        })
    }

    fn call(&self, name: &'static str, path: &str, permission: &'static str) -> Call {
        Call::new(
            name,
            format!("/repos/{}{path}", self.repository),
            permission,
        )
    }

    /// Pages until one is not full.
    async fn pages<T, R>(
        &self,
        call: Call,
        rows: impl Fn(T) -> Vec<R>,
    ) -> Result<Vec<R>, ForgeError>
    where
        T: serde::de::DeserializeOwned,
    {
        let mut all = Vec::new();
        for page in 1..=PAGES {
            let answer = self.send(&call.page(page)).await?;
            let found = rows(answer.json(&call)?);
            let full = found.len() >= 100;
            all.extend(found);
            if !full {
                break;
            }
        }
        Ok(all)
    }

    async fn job_by_id(
        &self,
        repo: &str,
        holder: &Holder,
        id: u64,
    ) -> Result<JobState, ForgeError> {
        let call = Call::new(
            "GET actions/jobs/{id}",
            format!("/repos/{repo}/actions/jobs/{id}"),
            "actions: read",
        );
        match self.send(&call).await {
            Ok(answer) => {
                let job: JobAnswer = answer.json(&call)?;
                Ok(if job.run_id.is_some_and(|run| Some(run) != holder.run) {
                    JobState::Unknown
                } else {
                    job_state(&job.status, job.conclusion)
                })
            }
            Err(ForgeError::NotFound { .. }) => Ok(JobState::Unknown),
            Err(error) => Err(error),
        }
    }

    async fn job_by_attempt(
        &self,
        repo: &str,
        holder: &Holder,
        run: u64,
    ) -> Result<JobState, ForgeError> {
        // The run's own endpoint would show a re-run and so keep an old attempt alive.
        let path = match holder.attempt {
            Some(attempt) => format!("/repos/{repo}/actions/runs/{run}/attempts/{attempt}"),
            None => format!("/repos/{repo}/actions/runs/{run}"),
        };
        let call = Call::new("GET actions/runs/{id}/attempts/{n}", path, "actions: read");
        let attempt: AttemptAnswer = match self.send(&call).await {
            Ok(answer) => answer.json(&call)?,
            Err(ForgeError::NotFound { .. }) => return Ok(JobState::Unknown),
            Err(error) => return Err(error),
        };
        let jobs: Vec<JobAnswer> = match self
            .pages(call.below("/jobs"), |jobs: JobsAnswer| jobs.jobs)
            .await
        {
            Ok(jobs) => jobs,
            // The attempt's own word is enough where it has ended.
            Err(error) => {
                tracing::debug!(%error, run, "the attempt's jobs cannot be listed");
                Vec::new()
            }
        };
        Ok(answers::attempt_state(
            attempt,
            &jobs,
            holder.job.as_deref(),
        ))
    }
}

fn is_repository(name: &str) -> bool {
    let plain = |part: &str| {
        !part.is_empty()
            && part != "."
            && part != ".."
            && part
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
    };
    name.split_once('/')
        .is_some_and(|(owner, name)| plain(owner) && plain(name))
}

#[async_trait]
impl Forge for Github {
    async fn config_file(&self, path: &str) -> Result<Option<ConfigFile>, ForgeError> {
        let path: Vec<String> = path
            .split('/')
            .filter(|part| !part.is_empty() && *part != ".")
            .map(encode)
            .collect();
        // No `ref`: the default branch's head.
        let call = self
            .call(
                "GET contents/{path}",
                &format!("/contents/{}", path.join("/")),
                "contents: read",
            )
            .accept("application/vnd.github.raw+json")
            .limit(CONFIG_LIMIT);
        match self.send(&call).await {
            Ok(answer) => Ok(Some(ConfigFile {
                text: answer.text(&call)?,
            })),
            Err(ForgeError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn job(&self, holder: &Holder) -> Result<JobState, ForgeError> {
        let repo = holder.repo.as_deref().unwrap_or(&self.repository);
        let (true, Some(run)) = (is_repository(repo), holder.run) else {
            return Ok(JobState::Unknown);
        };
        if let Some(id) = holder.job_id {
            let state = self.job_by_id(repo, holder, id).await?;
            if state != JobState::Unknown {
                return Ok(state);
            }
        }
        self.job_by_attempt(repo, holder, run).await
    }

    async fn approvals(&self, run: u64) -> Result<Vec<Approval>, ForgeError> {
        let call = self.call(
            "GET actions/runs/{id}/approvals",
            &format!("/actions/runs/{run}/approvals"),
            "actions: read",
        );
        let answer: Vec<ApprovalAnswer> = self.send(&call).await?.json(&call)?;
        Ok(answer.into_iter().map(Approval::from).collect())
    }

    async fn environment(&self, name: &str) -> Result<Option<EnvironmentRules>, ForgeError> {
        let call = self.call(
            "GET environments/{name}",
            &format!("/environments/{}", encode(name)),
            "actions: read",
        );
        match self.send(&call).await {
            Ok(answer) => Ok(Some(answer.json::<EnvironmentAnswer>(&call)?.into())),
            Err(ForgeError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn checks(&self, commit: &CommitSha) -> Result<Vec<CheckState>, ForgeError> {
        let runs = self.call(
            "GET commits/{sha}/check-runs",
            &format!("/commits/{commit}/check-runs?filter=latest"),
            "checks: read",
        );
        let statuses = self.call(
            "GET commits/{sha}/status",
            &format!("/commits/{commit}/status"),
            "statuses: read",
        );
        let (runs, statuses) = futures_util::future::try_join(
            self.pages(runs, |answer: CheckRunsAnswer| answer.check_runs),
            self.pages(statuses, |answer: StatusesAnswer| answer.statuses),
        )
        .await?;
        let runs = runs.into_iter().map(CheckState::from);
        let statuses = statuses.into_iter().map(CheckState::from);
        Ok(runs.chain(statuses).collect())
    }

    async fn recent_commits(&self) -> Result<Vec<CommitLine>, ForgeError> {
        let call = self.call("GET commits", "/commits?per_page=100", "contents: read");
        let answer: Vec<CommitAnswer> = self.send(&call).await?.json(&call)?;
        Ok(answer.into_iter().filter_map(CommitAnswer::line).collect())
    }

    async fn compare(&self, base: &str, head: &str) -> Result<Comparison, ForgeError> {
        let call = self.call(
            "GET compare/{base}...{head}",
            &format!("/compare/{}...{}", encode(base), encode(head)),
            "contents: read",
        );
        let answer = self.send(&call).await?;
        answer.json::<CompareAnswer>(&call)?.comparison(&call)
    }

    async fn pulls(&self, commit: &CommitSha) -> Result<Vec<Pull>, ForgeError> {
        let call = self.call(
            "GET commits/{sha}/pulls",
            &format!("/commits/{commit}/pulls"),
            "pull-requests: read",
        );
        let answer: Vec<PullAnswer> = self.send(&call).await?.json(&call)?;
        Ok(answer.into_iter().map(Pull::from).collect())
    }

    async fn deployments_of(&self, commit: &CommitSha) -> Result<Vec<Listed>, ForgeError> {
        let call = self.call(
            "GET deployments",
            &format!("/deployments?sha={commit}&per_page=30"),
            "deployments: read",
        );
        let answer: Vec<DeploymentAnswer> = self.send(&call).await?.json(&call)?;
        Ok(answer.into_iter().map(Listed::from).collect())
    }

    async fn pages_of(&self, deployment: u64) -> Result<Vec<String>, ForgeError> {
        let call = self.call(
            "GET deployments/{id}/statuses",
            &format!("/deployments/{deployment}/statuses?per_page=30"),
            "deployments: read",
        );
        let answer: Vec<DeploymentStatusAnswer> = self.send(&call).await?.json(&call)?;
        Ok(answer
            .into_iter()
            .filter_map(DeploymentStatusAnswer::page)
            .collect())
    }

    async fn make_deployment(&self, new: &NewShown) -> Result<u64, ForgeError> {
        // Left to their defaults, GitHub would merge the default branch into the ref, and refuse a commit whose
        // checks are not all green: that is decided before this.
        let body = json!({
            "ref": new.git_ref.as_str(),
            "auto_merge": false,
            "required_contexts": [],
            "environment": new.environment,
            "production_environment": new.production,
            "description": new.description,
            "payload": { PAYLOAD_KEY: new.deployment.as_str() },
        });
        let call = self
            .call("POST deployments", "/deployments", "deployments: write")
            .post(&body)
            .once();
        let made: MadeAnswer = self.send(&call).await?.json(&call)?;
        Ok(made.id)
    }

    async fn show(&self, deployment: u64, status: &ShownStatus) -> Result<(), ForgeError> {
        let mut body = json!({ "state": status.state, "description": status.description });
        if let Some(page) = &status.page {
            body["log_url"] = json!(page);
        }
        let call = self
            .call(
                "POST deployments/{id}/statuses",
                &format!("/deployments/{deployment}/statuses"),
                "deployments: write",
            )
            .post(&body);
        self.send(&call).await.map(|_| ())
    }

    async fn ping(&self) -> Result<(), ForgeError> {
        // Costs nothing of the limit; where it is switched off, its 404 is an answer too.
        let call = Call::new("GET rate_limit", "/rate_limit".to_owned(), "metadata: read");
        let Answer { status, .. } =
            self.try_once(&call, &call.route)
                .await
                .map_err(|detail| ForgeError::Unreachable {
                    detail: format!("{}: {detail}", call.name),
                })?;
        if status.is_server_error() {
            return Err(ForgeError::Unreachable {
                detail: format!("{}: HTTP {}", call.name, status.as_u16()),
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
