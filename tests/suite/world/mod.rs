//! The world of the tests: AWS, GitHub, its OIDC provider, Slack and an application on loopback, with faults as switches and one log of all calls.

#![expect(dead_code, reason = "switches stand ready for tests to come")]

pub mod app;
pub mod aws_changesets;
pub mod aws_client;
pub mod aws_cloudformation;
pub mod aws_dynamodb;
pub mod aws_identity;
pub mod aws_lambda;
pub mod aws_proxy;
pub mod aws_updates;
pub mod aws_words;
pub mod calls;
pub mod cloudwatch;
pub mod faults;
pub mod github;
pub mod github_answers;
pub mod github_deployments;
pub mod github_openapi;
pub mod github_routes;
pub mod github_runs;
pub mod github_shapes;
pub mod github_state;
pub mod http;
pub mod logs;
pub mod moto;
pub mod oidc;
pub mod runner;
pub mod runner_commands;
pub mod runner_container;
pub mod runner_context;
pub mod runner_files;
pub mod runner_process;
pub mod runner_result;
pub mod runner_spec;
pub mod runner_variables;
mod selftest_aws;
mod selftest_fakes;
mod selftest_github;
mod selftest_runner;
mod selftest_services;
pub mod slack;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use app::App;
use aws_client::AwsClient;
use aws_proxy::AwsProxy;
use calls::{CallList, Calls};
use faults::{Fault, Faults, Hits, On};
use github::GitHub;
use oidc::Oidc;
use runner::Job;
use runner_container::Image;
use runner_context::Inputs;
use runner_process::Graces;
use runner_spec::JobSpec;
use slack::Slack;

/// The predecessor's default region.
pub const REGION: &str = "ap-northeast-2";

/// One world: nothing in it is shared with another test but the moto process, where it has an account of its own.
pub struct World {
    pub calls: Calls,
    pub faults: Faults,
    pub aws: AwsProxy,
    pub github: GitHub,
    pub oidc: Oidc,
    pub slack: Slack,
    pub app: App,
    /// Moto itself, for setting the scene: neither logged nor met by faults.
    pub scene: AwsClient,
    /// Through the proxy, as the program under test goes.
    pub through: AwsClient,
}

impl World {
    /// Starts everything, with the history table `deployment-history-prod`, repository `hanbit/todo` and application version `v1`.
    pub async fn new() -> Self {
        let world = Self::without_table();
        world
            .scene
            .create_history_table("deployment-history-prod")
            .await;
        world
    }

    /// Starts everything but has no history table.
    pub fn without_table() -> Self {
        let (calls, faults) = (Calls::default(), Faults::default());
        let oidc = Oidc::start(&calls, &faults, "repo:hanbit/todo:environment:production");
        let aws = AwsProxy::start(&calls, &faults, oidc.tokens());
        let client = |addr| AwsClient {
            addr,
            account: aws.account().to_owned(),
            region: REGION.to_owned(),
        };
        Self {
            scene: client(aws.moto()),
            through: client(aws.server().addr()),
            github: GitHub::start(&calls, &faults, "hanbit", "todo"),
            slack: Slack::start(&calls, &faults),
            app: App::start(&calls, "v1"),
            calls,
            faults,
            aws,
            oidc,
        }
    }

    /// One more application beside [`World::app`].
    pub fn another_app(&self, version: &str) -> App {
        App::start(&self.calls, version)
    }

    /// All calls so far.
    pub fn calls(&self) -> CallList {
        self.calls.all()
    }

    /// How many round trips deep all calls so far went, the application's probes left out.
    pub fn depth(&self) -> usize {
        self.calls.all().only(|c| c.service != "App").depth()
    }

    /// Every call to any fake takes so much longer from now on.
    pub fn delay(&self, ms: u64) {
        self.calls.set_delay(Duration::from_millis(ms));
    }

    /// Adds a fault.
    pub fn fault(&self, on: On, fault: Fault) -> Hits {
        self.faults.add(on, fault)
    }

    /// What a process needs to reach this world without credentials: with the job's token it takes a role.
    pub fn env_without_credentials(&self) -> BTreeMap<String, String> {
        [
            ("AWS_ENDPOINT_URL", self.aws.server().url()),
            ("AWS_REGION", REGION.to_owned()),
            ("AWS_DEFAULT_REGION", REGION.to_owned()),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
            ("DEPLOY_GUARD_SLACK_API_URL", self.slack.api_url()),
        ]
        .into_iter()
        .map(|(k, v)| (k.to_owned(), v))
        .collect()
    }

    /// What a process needs to reach this world, with static AWS credentials.
    pub fn env(&self) -> BTreeMap<String, String> {
        let mut env = self.env_without_credentials();
        env.insert("AWS_ACCESS_KEY_ID".into(), "AKIAWORLD".into());
        env.insert(
            "AWS_SECRET_ACCESS_KEY".into(),
            "world-secret-access-key".into(),
        );
        env
    }

    /// What the command line needs beside [`World::env`] outside Actions.
    pub fn cli_env(&self) -> BTreeMap<String, String> {
        let mut env = self.env();
        let name = self
            .github
            .with(|hub| format!("{}/{}", hub.owner, hub.repo));
        env.insert("GITHUB_API_URL".into(), self.github.api_url());
        env.insert("GITHUB_REPOSITORY".into(), name);
        env.insert("GITHUB_TOKEN".into(), self.github.token());
        env
    }

    /// A job by the contract's inputs, started with *Run workflow* on `main` by `dev`; change fields before [`World::start`].
    /// With [`runner_container::SWITCH`] set the stages of the real binary run in containers, by the inputs of `action.yml`.
    pub fn job(&self, binary: impl AsRef<Path>) -> JobSpec {
        let binary = binary.as_ref().to_owned();
        let real = binary == Path::new(env!("CARGO_BIN_EXE_deploy-guard"));
        let image = if real { Image::chosen() } else { None };
        let inputs = image
            .as_ref()
            .map_or_else(Inputs::of_contract, |i| i.inputs().clone());
        JobSpec {
            binary,
            image,
            inputs,
            workflow: "deploy-production.yml".into(),
            job: "deploy".into(),
            environment: None,
            branch: "main".into(),
            sha: None,
            actor: "dev".into(),
            dispatch: json!({ "deployment_type": "deploy", "rollback_target": "", "force_deploy": false }),
            id_token: true,
            env: self.env(),
            existing: None,
            debug: false,
            graces: Graces::default(),
            limit: Duration::from_secs(60),
        }
    }

    /// Starts a job.
    pub fn start(&self, spec: JobSpec) -> Job<'_> {
        Job::start(self, spec)
    }

    /// Every item of the production history table as plain JSON.
    pub async fn items(&self) -> Vec<Value> {
        self.scene.plain_items("deployment-history-prod").await
    }

    /// Every secret of this world: none of them may ever be seen.
    pub fn secrets(&self) -> Vec<String> {
        let hook = self.slack.webhook_url();
        let mut secrets = vec![
            self.github.token(),
            hook,
            self.slack.bot_token().to_owned(),
            self.oidc.request_token().to_owned(),
        ];
        secrets.push("world-secret-access-key".to_owned());
        for taken in self.aws.identity().assumed() {
            secrets.extend([taken.secret_key, taken.session_token]);
        }
        secrets.extend(self.oidc.tokens().all().into_iter().map(|t| t.token));
        secrets
    }
}
