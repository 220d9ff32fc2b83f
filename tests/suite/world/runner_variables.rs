//! The variables and the event that GitHub gives to a job's stages.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::runner::Job;

impl Job<'_> {
    /// The event that started the run.
    pub fn event(&self) -> Value {
        self.world.github.with(|hub| {
            json!({
                "inputs": self.spec.dispatch, "ref": format!("refs/heads/{}", self.spec.branch), "repository": hub.repo_json(),
                "sender": hub.user_json(&self.spec.actor), "workflow": format!(".github/workflows/{}", self.spec.workflow),
            })
        })
    }

    /// `GITHUB_…` and `RUNNER_…` of one stage.
    pub fn github(
        &self,
        files: &BTreeMap<&'static str, PathBuf>,
        step: &str,
    ) -> BTreeMap<String, String> {
        let (owner, repo, api) = self
            .world
            .github
            .with(|hub| (hub.owner.clone(), hub.repo.clone(), hub.base.clone()));
        let reference = format!("refs/heads/{}", self.spec.branch);
        let workflow = format!(
            "{owner}/{repo}/.github/workflows/{}@{reference}",
            self.spec.workflow
        );
        let show = |part: &str| self.path(part).display().to_string();
        let mut all: BTreeMap<String, String> = [
            ("ACTION", step.to_owned()),
            ("ACTION_REPOSITORY", "hanbit/deploy-guard".into()),
            ("ACTION_REF", "v1".into()),
            ("ACTOR", self.spec.actor.clone()),
            ("ACTOR_ID", "1001".into()),
            ("API_URL", api.clone()),
            ("GRAPHQL_URL", format!("{api}/graphql")),
            ("SERVER_URL", "https://github.com".into()),
            ("BASE_REF", String::new()),
            ("HEAD_REF", String::new()),
            ("EVENT_NAME", "workflow_dispatch".into()),
            ("EVENT_PATH", show("workflow/event.json")),
            ("JOB", self.spec.job.clone()),
            ("REF", reference),
            ("REF_NAME", self.spec.branch.clone()),
            ("REF_PROTECTED", "false".into()),
            ("REF_TYPE", "branch".into()),
            ("REPOSITORY", format!("{owner}/{repo}")),
            ("REPOSITORY_ID", "4242".into()),
            ("REPOSITORY_OWNER", owner),
            ("REPOSITORY_OWNER_ID", "77".into()),
            ("RETENTION_DAYS", "90".into()),
            ("RUN_ATTEMPT", self.attempt.to_string()),
            ("RUN_ID", self.run_id.to_string()),
            ("RUN_NUMBER", "1".into()),
            ("SHA", self.sha.clone()),
            ("TRIGGERING_ACTOR", self.spec.actor.clone()),
            ("WORKFLOW", self.spec.workflow.clone()),
            ("WORKFLOW_REF", workflow),
            ("WORKFLOW_SHA", self.sha.clone()),
            ("WORKSPACE", show("workspace")),
        ]
        .into_iter()
        .map(|(k, v)| (format!("GITHUB_{k}"), v))
        .collect();
        all.extend(
            files
                .iter()
                .map(|(k, v)| (format!("GITHUB_{k}"), v.display().to_string())),
        );
        for (key, value) in [
            ("OS", "Linux"),
            ("ARCH", "X64"),
            ("NAME", "GitHub Actions 1"),
            ("ENVIRONMENT", "github-hosted"),
            ("TOOL_CACHE", "/opt/hostedtoolcache"),
        ] {
            all.insert(format!("RUNNER_{key}"), value.to_owned());
        }
        all.insert("RUNNER_TEMP".into(), show("temp"));
        all.insert("RUNNER_WORKSPACE".into(), "/home/runner/work/repo".into());
        if self.spec.debug {
            all.insert("RUNNER_DEBUG".into(), "1".into());
        }
        all
    }

    /// `ACTIONS_…` of one stage.
    pub fn actions(&self) -> BTreeMap<String, String> {
        let mut all = BTreeMap::from([(
            "ACTIONS_RUNTIME_URL".to_owned(),
            "http://127.0.0.1:9/".to_owned(),
        )]);
        if self.spec.id_token {
            all.insert(
                "ACTIONS_ID_TOKEN_REQUEST_URL".into(),
                self.world.oidc.request_url(),
            );
            all.insert(
                "ACTIONS_ID_TOKEN_REQUEST_TOKEN".into(),
                self.world.oidc.request_token().to_owned(),
            );
        }
        all
    }
}
