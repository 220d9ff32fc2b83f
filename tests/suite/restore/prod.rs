//! Production in the world: a stack with functions behind aliases, an application that answers as the alias says, and a last good version. Knows no story.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use base64::Engine;
use serde_json::{Value, json};

use crate::world::World;
use crate::world::app::Behaviour;
use crate::world::runner::Job;
use crate::world::runner_process::{Graces, Process};
use crate::world::runner_result::StepResult;
use crate::world::runner_spec::Uses;

pub const BINARY: &str = env!("CARGO_BIN_EXE_deploy-guard");
pub const STACK: &str = "todo-prod";
const FUNCTIONS: &str = "/2015-03-31/functions";

/// Production.
pub struct Prod {
    pub world: World,
    pub functions: Vec<String>,
    /// How the application answers by the first function's version; others are healthy.
    pub behaviours: Mutex<BTreeMap<String, Behaviour>>,
    config: String,
}

/// What a production is like.
pub struct Like {
    pub functions: usize,
    pub aliases: bool,
    pub strategies: &'static str,
    /// Further resources of the stack.
    pub resources: Value,
    /// Stacks that are deployed before it.
    pub before: &'static [&'static str],
    /// Told by Slack and mail, in this language.
    pub told: Option<&'static str>,
    /// The workflow that `workflow` dispatches.
    pub workflow: Option<&'static str>,
    pub more: String,
}

impl Default for Like {
    fn default() -> Self {
        Self {
            functions: 3,
            aliases: true,
            strategies: "lambda_alias",
            resources: json!({}),
            before: &[],
            told: None,
            workflow: None,
            more: String::new(),
        }
    }
}

/// An empty ZIP archive with a comment, so that each is another code.
fn zip(comment: &str) -> String {
    let mut bytes = b"PK\x05\x06".to_vec();
    bytes.extend([0; 16]);
    bytes.extend(u16::try_from(comment.len()).unwrap().to_le_bytes());
    bytes.extend(comment.as_bytes());
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// A stack with so many functions.
pub fn template(functions: usize, more: &Value) -> String {
    let role = json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Principal": { "Service": "lambda.amazonaws.com" }, "Action": "sts:AssumeRole" }] });
    let mut resources = json!({
        "Role": { "Type": "AWS::IAM::Role", "Properties": { "AssumeRolePolicyDocument": role } },
        "Current": { "Type": "AWS::SSM::Parameter", "Properties": { "Name": { "Fn::Sub": "/${AWS::StackName}/release" }, "Type": "String", "Value": { "Ref": "Release" } } },
    });
    for n in 0..functions {
        resources[format!("Fn{n}")] = json!({ "Type": "AWS::Lambda::Function", "Properties": {
            "FunctionName": format!("todo-prod-{n}"), "Runtime": "python3.12", "Handler": "index.handler",
            "Role": { "Fn::GetAtt": ["Role", "Arn"] }, "Code": { "ZipFile": "def handler(e, c): return 1" },
        } });
    }
    for (name, resource) in more.as_object().into_iter().flatten() {
        resources[name] = resource.clone();
    }
    json!({
        "AWSTemplateFormatVersion": "2010-09-09",
        "Parameters": { "Release": { "Type": "String", "Default": "none" } },
        "Resources": resources,
    })
    .to_string()
}

async fn config(world: &World, like: &Like) -> String {
    let url = world.app.health_url();
    let (mut locale, mut alerts) = ("en", String::new());
    if let Some(told) = like.told {
        locale = told;
        let (hook, topic) = (
            world.slack.webhook_url(),
            world.scene.create_topic("deployment-alerts-prod").await,
        );
        alerts = format!(
            "    alerts: {{ slack: {{ webhook_url: \"{hook}\" }}, sns: {{ topic_arn: \"{topic}\" }} }}\n"
        );
    }
    let (strategies, more) = (like.strategies, &like.more);
    let stacks = [like.before, &[STACK]].concat().join(", ");
    let workflow = like.workflow.map_or_else(String::new, |file| {
        format!(", workflow: {{ file: {file}, ref: main, timeout: 5m }}")
    });
    format!(
        "version: 1
service: todo
locale: {locale}
environments:
  prod:
    production: true
    stacks: [{stacks}]
    gates:
      window: 6s
      interval: 1s
      early_pass: true
      http:
        - {{ name: api, url: \"{url}\", warmup: 0s, confirm: 0s }}
    rollback: {{ strategies: [{strategies}], verify: 6s{workflow} }}
{alerts}{more}"
    )
}

impl Prod {
    /// With version 1 deployed, verified and saved.
    pub async fn new(like: Like) -> Self {
        let prod = Self::bare(&like).await;
        prod.deploy("v1", Behaviour::healthy("v1"), 0).await;
        prod
    }

    /// Nothing was ever deployed under guard.
    pub async fn bare(like: &Like) -> Self {
        let world = World::new().await;
        for name in like.before {
            let stack = template(0, &json!({}));
            world
                .scene
                .create_stack(name, &stack, &[("Release", "v1")])
                .await;
        }
        let stack = template(like.functions, &like.resources);
        world
            .scene
            .create_stack(STACK, &stack, &[("Release", "v1")])
            .await;
        let prod = Self {
            functions: (0..like.functions)
                .map(|n| format!("todo-prod-{n}"))
                .collect(),
            behaviours: Mutex::default(),
            config: config(&world, like).await,
            world,
        };
        prod.world
            .github
            .with(|hub| hub.put_file(".github/deploy-guard.yml", &prod.config));
        if like.aliases {
            for function in &prod.functions {
                prod.publish(function, "v1").await;
                let alias = json!({ "Name": "live", "FunctionVersion": "1" });
                prod.lambda("POST", &format!("/{function}/aliases"), &alias)
                    .await;
            }
        }
        prod
    }

    /// The file as the command line reads it says something else from now on.
    pub fn change_config(&mut self, from: &str, to: &str) {
        assert!(self.config.contains(from));
        self.config = self.config.replace(from, to);
    }

    pub async fn lambda(&self, method: &str, path: &str, body: &Value) -> Value {
        let path = format!("{FUNCTIONS}{path}");
        let reply = self.world.scene.lambda(method, &path, body).await.unwrap();
        assert!(
            (200..300).contains(&reply.status),
            "{method} {path}: {} {}",
            reply.status,
            reply.body_text()
        );
        reply.body_json()
    }

    /// Gives a function new code and publishes it; the version.
    pub async fn publish(&self, function: &str, code: &str) -> String {
        let code = json!({ "ZipFile": zip(code) });
        self.lambda("PUT", &format!("/{function}/code"), &code)
            .await;
        let made = self
            .lambda("POST", &format!("/{function}/versions"), &json!({}))
            .await;
        made["Version"].as_str().unwrap().to_owned()
    }

    /// Publishes the code everywhere and moves all aliases, as the team's deploy step does.
    pub async fn ship(&self, code: &str, behaviour: Behaviour) {
        for function in &self.functions {
            let version = self.publish(function, code).await;
            self.behaviours
                .lock()
                .unwrap()
                .insert(version.clone(), behaviour.clone());
            let to = json!({ "FunctionVersion": version });
            self.lambda("PUT", &format!("/{function}/aliases/live"), &to)
                .await;
        }
    }

    /// Alias `live` of every function: its version, with weights where there are any.
    pub async fn aliases(&self) -> Vec<String> {
        let mut all = Vec::new();
        for function in &self.functions {
            let alias = self
                .lambda("GET", &format!("/{function}/aliases/live"), &json!({}))
                .await;
            let weights = &alias["RoutingConfig"]["AdditionalVersionWeights"];
            let version = alias["FunctionVersion"].as_str().unwrap();
            all.push(match weights.as_object().filter(|w| !w.is_empty()) {
                Some(weights) => format!("{version} {}", json!(weights)),
                None => version.to_owned(),
            });
        }
        all
    }

    /// While `work` goes on, the application answers as the first function's alias says.
    pub async fn following<T>(&self, work: impl Future<Output = T>) -> T {
        let follow = async {
            let mut last = String::new();
            let path = format!("{FUNCTIONS}/{}/aliases/live", self.functions[0]);
            loop {
                let reply = self.world.scene.lambda("GET", &path, &json!({})).await;
                let body = reply.map(|r| r.body_json()).unwrap_or_default();
                let version = body["FunctionVersion"].as_str().unwrap_or_default();
                if !version.is_empty() && version != last {
                    version.clone_into(&mut last);
                    let all = self.behaviours.lock().unwrap();
                    let healthy = Behaviour::healthy(&format!("v{version}"));
                    self.world
                        .app
                        .deploy(all.get(version).cloned().unwrap_or(healthy));
                }
                tokio::time::sleep(Duration::from_millis(40)).await;
            }
        };
        tokio::select! {
            done = work => done,
            () = follow => unreachable!("it has no end"),
        }
    }

    /// One whole job that ships a version; what verify said.
    pub async fn deploy(&self, code: &str, behaviour: Behaviour, exit: i32) -> StepResult {
        self.deploy_by(code, behaviour, exit, Uses::new("verify", &VERIFY))
            .await
            .1
    }

    /// The same, with its own way to verify; what guard and verify said.
    pub async fn deploy_by(
        &self,
        code: &str,
        behaviour: Behaviour,
        exit: i32,
        verify: Uses,
    ) -> (StepResult, StepResult) {
        self.world
            .github
            .with(|hub| hub.commit(&format!("Make {code}")));
        let mut job = self.world.start(self.world.job(BINARY));
        let (guard, verify) = self
            .following(async {
                let guard = job.uses("guard", &[("environment", "prod")]).await;
                guard.assert_code(0);
                assert_eq!(guard.output("deploy_needed"), "true");
                job.run("deploy", async {
                    if self.functions.is_empty() || code == "v1" {
                        self.world.app.deploy(behaviour);
                    } else {
                        self.ship(code, behaviour).await;
                        tokio::time::sleep(Duration::from_millis(120)).await;
                    }
                    Ok(())
                })
                .await;
                let verify = job.step(verify).await;
                job.finish().await;
                (guard, verify)
            })
            .await;
        if exit >= 0 {
            verify.assert_code(exit);
        }
        (guard, verify)
    }

    /// The *Run workflow* button with `rollback`; what main said.
    pub async fn button<'w>(&'w self, target: &str) -> (StepResult, Job<'w>) {
        let mut job = self.world.start(self.world.job(BINARY));
        let with = [
            ("environment", "prod"),
            ("deployment_type", "rollback"),
            ("rollback_target", target),
        ];
        let guard = self.following(job.uses("guard", &with)).await;
        (guard, job)
    }

    /// Records of the history, oldest first: id, type, status, verdict, reason.
    pub async fn records(&self) -> Vec<[String; 4]> {
        let mut records: Vec<Value> = self
            .world
            .items()
            .await
            .into_iter()
            .filter(|i| i["environment"].is_string() && i["deploymentType"].is_string())
            .collect();
        records.sort_by_key(|r| r["timestamp"].to_string());
        let text = |r: &Value, name: &str| r[name].as_str().unwrap_or_default().to_owned();
        records
            .iter()
            .map(|r| ["deploymentType", "status", "verdict", "reasonCode"].map(|n| text(r, n)))
            .collect()
    }

    /// Runs a command of the command line in this world.
    pub async fn cli(&self, args: &[&str]) -> (i32, String) {
        self.following(self.cli_alone(args)).await
    }

    /// The same, with the application left as it is.
    pub async fn cli_alone(&self, args: &[&str]) -> (i32, String) {
        let file = tempfile::tempdir().unwrap();
        let path = file.path().join("deploy-guard.yml");
        std::fs::write(&path, &self.config).unwrap();
        let config = path.display().to_string();
        let more = ["--config", &config, "--table", "deployment-history-prod"];
        let process = Process {
            program: BINARY.into(),
            args: args.iter().chain(&more).map(|a| (*a).to_owned()).collect(),
            env: self.world.cli_env(),
            dir: file.path().to_owned(),
            interrupts: Vec::new(),
            graces: Graces::default(),
            limit: Duration::from_secs(60),
            container: None,
        };
        let ended = process.run().await;
        // Whoever runs a command finds the folder as it was.
        let left: Vec<_> = std::fs::read_dir(file.path())
            .unwrap()
            .map(|f| f.unwrap().file_name())
            .collect();
        assert_eq!(left, ["deploy-guard.yml"], "{args:?} leaves nothing behind");
        let lines: Vec<_> = ended.lines.iter().map(|l| l.text.as_str()).collect();
        (ended.code.unwrap_or(-1), lines.join("\n"))
    }
}

pub const VERIFY: [(&str, &str); 2] = [("environment", "prod"), ("phase", "verify")];

/// A record as [`Prod::records`] shows it.
pub fn record(kind: &str, status: &str, verdict: &str, reason: &str) -> [String; 4] {
    [kind, status, verdict, reason].map(str::to_owned)
}
