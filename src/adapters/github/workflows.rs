//! Workflow runs: dispatched, found, followed and cancelled through GitHub's API; knows no restore.

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::json;

use super::call::{Answer, encode};
use super::{CONFIG_LIMIT, Github};
use crate::core::time::Timestamp;
use crate::ports::{Dispatch, ForgeError, RunEnd, RunSeen, Workflows};

#[derive(Deserialize)]
struct Dispatched {
    workflow_run_id: Option<u64>,
    html_url: Option<String>,
}

#[derive(Deserialize)]
struct RunAnswer {
    id: u64,
    #[serde(default)]
    html_url: Option<String>,
    #[serde(default)]
    display_title: Option<String>,
    status: Option<String>,
    conclusion: Option<String>,
    /// Seconds since the epoch are compared, for GitHub's clock shows no smaller ones.
    created_at: Option<String>,
    #[serde(default)]
    triggering_actor: Option<Actor>,
}

#[derive(Deserialize)]
struct Actor {
    #[serde(default)]
    r#type: String,
}

#[derive(Deserialize)]
struct RunsAnswer {
    workflow_runs: Vec<RunAnswer>,
}

#[derive(Deserialize)]
struct StepAnswer {
    name: String,
    conclusion: Option<String>,
}

#[derive(Deserialize)]
struct JobSteps {
    name: String,
    conclusion: Option<String>,
    #[serde(default)]
    steps: Vec<StepAnswer>,
}

#[derive(Deserialize)]
struct JobsOfRun {
    jobs: Vec<JobSteps>,
}

impl RunAnswer {
    fn since(&self, since: Timestamp) -> bool {
        self.created_at
            .as_deref()
            .and_then(|at| Timestamp::parse(at).ok())
            .is_none_or(|at| at.seconds() >= since.seconds())
    }

    fn seen(self) -> RunSeen {
        let ended = self.status.as_deref() == Some("completed");
        let end = ended.then(|| match self.conclusion {
            Some(word) if word == "success" => RunEnd::Success,
            Some(word) => RunEnd::Other(word),
            None => RunEnd::Other("completed".to_owned()),
        });
        RunSeen {
            id: self.id,
            url: self.html_url,
            title: self.display_title.unwrap_or_default(),
            pending: self.status.as_deref() == Some("pending"),
            by_bot: self.triggering_actor.is_some_and(|a| a.r#type == "Bot"),
            end,
        }
    }
}

fn bad(conclusion: Option<&str>) -> bool {
    matches!(conclusion, Some("failure" | "timed_out" | "cancelled"))
}

fn dispatched(answer: &Answer) -> Option<Dispatch> {
    let told: Dispatched = answer.read()?;
    Some(Dispatch {
        run: told.workflow_run_id?,
        url: told.html_url,
    })
}

#[async_trait]
impl Workflows for Github {
    async fn workflow(&self, file: &str, git_ref: &str) -> Result<Option<String>, ForgeError> {
        let path = format!(
            "/contents/.github/workflows/{}?ref={}",
            encode(file),
            encode(git_ref)
        );
        let call = self
            .call("GET contents/{path}", &path, "contents: read")
            .accept("application/vnd.github.raw+json")
            .limit(CONFIG_LIMIT);
        match self.send(&call).await {
            Ok(answer) => Ok(Some(answer.text(&call)?)),
            Err(ForgeError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn dispatch(
        &self,
        file: &str,
        git_ref: &str,
        inputs: &BTreeMap<String, String>,
    ) -> Result<Option<Dispatch>, ForgeError> {
        let path = format!("/actions/workflows/{}/dispatches", encode(file));
        let plain = json!({ "ref": git_ref, "inputs": inputs });
        let mut asks = plain.clone();
        asks["return_run_details"] = json!(true);
        let call = |body| {
            self.call(
                "POST actions/workflows/{file}/dispatches",
                &path,
                "actions: write",
            )
            .post(body)
            .once()
        };
        match self.send(&call(&asks)).await {
            Ok(answer) => Ok(dispatched(&answer)),
            // An older server knows no such field, refuses the whole call, and names no run.
            Err(ForgeError::Unreachable { detail }) if detail.contains("HTTP 400") => {
                let answer = self.send(&call(&plain)).await?;
                Ok(dispatched(&answer))
            }
            Err(error) => Err(error),
        }
    }

    async fn dispatched_since(
        &self,
        file: &str,
        git_ref: &str,
        since: Timestamp,
    ) -> Result<Vec<RunSeen>, ForgeError> {
        let path = format!(
            "/actions/workflows/{}/runs?event=workflow_dispatch&branch={}&per_page=50",
            encode(file),
            encode(git_ref)
        );
        let call = self.call("GET actions/workflows/{file}/runs", &path, "actions: read");
        let answer: RunsAnswer = self.send(&call).await?.json(&call)?;
        let runs = answer.workflow_runs.into_iter();
        Ok(runs
            .filter(|run| run.since(since))
            .map(RunAnswer::seen)
            .collect())
    }

    async fn run(&self, id: u64) -> Result<RunSeen, ForgeError> {
        let path = format!("/actions/runs/{id}");
        let call = self.call("GET actions/runs/{id}", &path, "actions: read");
        let answer: RunAnswer = self.send(&call).await?.json(&call)?;
        Ok(answer.seen())
    }

    async fn failed_step(&self, run: u64) -> Result<Option<String>, ForgeError> {
        let path = format!("/actions/runs/{run}/jobs?per_page=100");
        let call = self.call("GET actions/runs/{id}/jobs", &path, "actions: read");
        let answer: JobsOfRun = self.send(&call).await?.json(&call)?;
        let job = answer
            .jobs
            .into_iter()
            .find(|job| bad(job.conclusion.as_deref()));
        Ok(job.map(|job| {
            let step = job
                .steps
                .into_iter()
                .find(|step| bad(step.conclusion.as_deref()));
            match step {
                Some(step) => format!("{} / {}", job.name, step.name),
                None => job.name,
            }
        }))
    }

    async fn cancel_run(&self, run: u64) -> Result<(), ForgeError> {
        let path = format!("/actions/runs/{run}/cancel");
        let call = self
            .call("POST actions/runs/{id}/cancel", &path, "actions: write")
            .post(&json!({}));
        match self.send(&call).await {
            // 409: it has ended already.
            Ok(_) | Err(ForgeError::Refused { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
