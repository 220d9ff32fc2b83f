//! What the stories share: a configuration, the steps of the documented job, and looks at what is left behind.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::time::Duration;

use futures_util::{FutureExt, StreamExt};
use serde_json::Value;

use crate::world::World;
use crate::world::app::Behaviour;
use crate::world::runner::Job;
use crate::world::runner_process::{Ended, Graces, Process};
use crate::world::runner_result::StepResult;
use crate::world::runner_spec::{JobSpec, Uses};

/// The real binary.
pub const BINARY: &str = env!("CARGO_BIN_EXE_deploy-guard");

/// The history table of `prod`.
pub const TABLE: &str = "deployment-history-prod";

/// A story by its name.
pub type Story = (&'static str, Pin<Box<dyn Future<Output = ()>>>);

/// Tells stories side by side, for they mostly wait, and names every one that went wrong.
/// `STORY=part-of-a-name` tells only those.
pub async fn tell(stories: Vec<Story>) {
    let only = std::env::var("STORY").unwrap_or_default();
    let told = futures_util::stream::iter(stories.into_iter().filter(|(n, _)| n.contains(&only)))
        .map(|(name, story)| async move {
            let ended = AssertUnwindSafe(story).catch_unwind().await;
            (name, ended.is_err())
        })
        .buffer_unordered(6)
        .collect::<Vec<_>>()
        .await;
    let wrong: Vec<_> = told
        .iter()
        .filter(|(_, bad)| *bad)
        .map(|(n, _)| *n)
        .collect();
    assert!(
        wrong.is_empty(),
        "these stories went wrong, see above: {wrong:?}"
    );
}

/// Stories of one file, each an `async fn` without arguments.
macro_rules! stories {
    ($($name:ident),+ $(,)?) => {
        #[tokio::test]
        async fn stories() {
            let list: Vec<crate::stories::scene::Story> =
                vec![$((concat!(module_path!(), "::", stringify!($name)), Box::pin($name()))),+];
            crate::stories::scene::tell(list).await;
        }
    };
}
pub(crate) use stories;

/// A configuration that a story changes in single lines.
pub struct Config {
    top: Vec<String>,
    env: Vec<String>,
    gates: Vec<String>,
    http: Vec<String>,
}

impl Config {
    /// Environment `prod` with one HTTP gate that passes and fails fast.
    pub fn new(world: &World) -> Self {
        Self {
            top: vec!["service: todo".into()],
            env: vec!["production: true".into()],
            gates: ["window: 5s", "interval: 1s", "early_pass: true"]
                .map(String::from)
                .into(),
            http: vec![http_gate("api", &world.app.health_url(), "")],
        }
    }

    /// One more key at the top level.
    pub fn top(mut self, line: &str) -> Self {
        self.top.push(line.to_owned());
        self
    }

    /// One more key of the environment.
    pub fn env(mut self, line: &str) -> Self {
        self.env.push(line.to_owned());
        self
    }

    /// One more key of the gates; replaces the same key.
    pub fn gates(mut self, line: &str) -> Self {
        let key = line.split(':').next().unwrap_or_default().to_owned();
        self.gates.retain(|l| !l.starts_with(&format!("{key}:")));
        self.gates.push(line.to_owned());
        self
    }

    /// These HTTP gates instead.
    pub fn http(mut self, gates: &[String]) -> Self {
        self.http = gates.to_vec();
        self
    }

    /// The gate watches the version that answers, too.
    pub fn versioned(self, world: &World) -> Self {
        let gate = http_gate(
            "api",
            &world.app.health_url(),
            ", version: { json: \"/version\", equals: \"{ref}\" }",
        );
        self.http(&[gate])
    }

    /// No gate at all.
    pub fn without_gates(mut self) -> Self {
        (self.gates, self.http) = (Vec::new(), Vec::new());
        self
    }

    /// The text.
    pub fn text(&self) -> String {
        let mut text = "version: 1\n".to_owned();
        let mut add = |indent: usize, line: &str| {
            text.push_str(&format!("{}{line}\n", " ".repeat(indent)));
        };
        self.top.iter().for_each(|l| add(0, l));
        add(0, "environments:");
        add(2, "prod:");
        self.env.iter().for_each(|l| add(4, l));
        if !self.gates.is_empty() || !self.http.is_empty() {
            add(4, "gates:");
            self.gates.iter().for_each(|l| add(6, l));
            if !self.http.is_empty() {
                add(6, "http:");
                self.http.iter().for_each(|l| add(8, l));
            }
        }
        text
    }

    /// Puts it on the default branch.
    pub fn put(&self, world: &World) {
        let text = self.text();
        world
            .github
            .with(|hub| hub.put_file(".github/deploy-guard.yml", &text));
    }
}

/// One HTTP gate as a line of YAML.
pub fn http_gate(name: &str, url: &str, more: &str) -> String {
    format!("- {{ name: {name}, url: \"{url}\", warmup: 0s, confirm: 0s, timeout: 2s{more} }}")
}

/// A world with the plain configuration.
pub async fn plain_world() -> World {
    let world = World::new().await;
    Config::new(&world).put(&world);
    world
}

/// A job of this world.
pub fn job(world: &World) -> Job<'_> {
    world.start(world.job(BINARY))
}

/// A job that was changed before it started.
pub fn job_with(world: &World, change: impl FnOnce(&mut JobSpec)) -> Job<'_> {
    let mut spec = world.job(BINARY);
    change(&mut spec);
    world.start(spec)
}

/// A step of the action with environment and Slack.
pub fn step(world: &World, id: &str, more: &[(&str, &str)]) -> Uses {
    let hook = world.slack.webhook_url();
    let mut with = vec![
        ("environment", "prod"),
        ("slack_webhook_url", hook.as_str()),
    ];
    with.extend_from_slice(more);
    Uses::new(id, &with)
}

/// The first step of the documented job.
pub async fn guard(job: &mut Job<'_>, more: &[(&str, &str)]) -> StepResult {
    let uses = step(job.world, "guard", more);
    job.step(uses).await
}

/// The last step of the documented job.
pub async fn verify(job: &mut Job<'_>, more: &[(&str, &str)]) -> StepResult {
    let uses = verify_step(job.world, more);
    job.step(uses).await
}

/// The same, to be interrupted.
pub fn verify_step(world: &World, more: &[(&str, &str)]) -> Uses {
    let mut with = vec![("phase", "verify")];
    with.extend_from_slice(more);
    step(world, "verify", &with)
}

/// The team's own step.
pub async fn deploy(job: &mut Job<'_>, behaviour: Behaviour) {
    let world = job.world;
    job.run("deploy", async {
        world.app.deploy(behaviour);
        Ok(())
    })
    .await;
}

/// The team's own step, failing after it did this.
pub async fn deploy_fails(job: &mut Job<'_>, work: impl Future<Output = ()>) {
    job.run("deploy", async {
        work.await;
        Err("npx cdk deploy: exit code 1".to_owned())
    })
    .await;
}

/// A whole good deployment of the branch's head; answers its id.
pub async fn good(world: &World) -> String {
    let mut job = job(world);
    let first = guard(&mut job, &[]).await;
    first.assert_code(0);
    assert_eq!(first.output("deploy_needed"), "true", "{}", first.story());
    let sha = job.sha.clone();
    deploy(&mut job, Behaviour::healthy(&sha)).await;
    assert_eq!(
        job.finish().await,
        "success",
        "{}",
        job.post("guard").story()
    );
    first.output("deployment_id").to_owned()
}

/// Every record, oldest first.
pub async fn records(world: &World) -> Vec<Value> {
    let mut records: Vec<Value> = world
        .items()
        .await
        .into_iter()
        .filter(|i| i.get("environment").is_some())
        .collect();
    records.sort_by_key(|r| r["timestamp"].as_str().unwrap_or_default().to_owned());
    records
}

/// The only record.
pub async fn record(world: &World) -> Value {
    let records = records(world).await;
    assert_eq!(records.len(), 1, "one record was expected: {records:#?}");
    records.into_iter().next().unwrap()
}

/// The record of that id.
pub async fn record_of(world: &World, id: &str) -> Value {
    let found = records(world)
        .await
        .into_iter()
        .find(|r| r["deploymentId"] == id);
    found.unwrap_or_else(|| panic!("no record of {id}"))
}

/// Items of a kind, by the beginning of their key.
pub async fn items(world: &World, key: &str) -> Vec<Value> {
    let all = world.items().await.into_iter();
    all.filter(|i| {
        i["deploymentId"]
            .as_str()
            .unwrap_or_default()
            .starts_with(key)
    })
    .collect()
}

/// The lock item of `todo` in `prod`.
pub async fn head(world: &World) -> Value {
    let heads = items(world, "dg#head#prod").await;
    heads
        .into_iter()
        .find(|h| h["timestamp"] == "todo")
        .unwrap_or(Value::Null)
}

/// Fails unless the record says this; `-` for an attribute that is not there.
#[track_caller]
pub fn says(record: &Value, status: &str, verdict: &str, reason: &str) {
    let get = |name: &str| record[name].as_str().unwrap_or("-").to_owned();
    let seen = (get("status"), get("verdict"), get("reasonCode"));
    assert_eq!(
        seen,
        (status.into(), verdict.into(), reason.into()),
        "{record:#?}"
    );
}

/// Fails unless nobody holds the lock.
pub async fn assert_free(world: &World) {
    let head = head(world).await;
    assert!(
        head.get("holder").is_none(),
        "the lock should be free: {head:#?}"
    );
}

/// Fails unless this deployment holds the lock.
pub async fn assert_held(world: &World, id: &str) {
    let head = head(world).await;
    assert!(
        head["holder"].to_string().contains(id),
        "{id} should hold the lock: {head:#?}"
    );
}

/// Fails unless Slack was told exactly this, in this order, by parts of the texts.
#[track_caller]
pub fn assert_told(world: &World, parts: &[&str]) {
    let texts = world.slack.texts();
    let fits = texts.len() == parts.len() && texts.iter().zip(parts).all(|(t, p)| t.contains(p));
    assert!(
        fits,
        "Slack should have been told {parts:?}, not {texts:#?}"
    );
}

/// Fails unless the deployment of this step's outputs did not start.
#[track_caller]
pub fn refused(step: &StepResult, code: i32, reason: &str) {
    step.assert_code(code);
    assert_eq!(step.output("reason_code"), reason, "{}", step.story());
    assert_eq!(step.output("deploy_needed"), "false", "{}", step.story());
    assert_eq!(step.output("deployment_id"), "", "{}", step.story());
}

/// Fails unless the log as people see it holds this.
#[track_caller]
pub fn logged(step: &StepResult, part: &str) {
    assert!(
        step.log.iter().any(|l| l.contains(part)),
        "`{part}` should be in the log:\n{}",
        step.story()
    );
}

/// Fails unless the summary holds this.
#[track_caller]
pub fn summed(step: &StepResult, part: &str) {
    let summary = step.summary.clone().unwrap_or_default();
    // As people read it: what Markdown needs escaped is not shown so.
    let read = summary
        .replace('\\', "")
        .replace("&#58;", ":")
        .replace("&#8203;", "");
    assert!(
        read.contains(part),
        "`{part}` should be in the summary:\n{}",
        step.story()
    );
}

/// Runs a command of the command line in an empty folder with the world's configuration in it.
pub async fn command(world: &World, args: &[&str]) -> Ended {
    let folder = tempfile::tempdir().unwrap();
    let text = world.github.with(|hub| {
        hub.files
            .get(&("main".to_owned(), ".github/deploy-guard.yml".to_owned()))
            .cloned()
    });
    if let Some(text) = text {
        std::fs::create_dir(folder.path().join(".github")).unwrap();
        std::fs::write(folder.path().join(".github/deploy-guard.yml"), text).unwrap();
    }
    let mut env = world.cli_env();
    env.insert("SLACK_WEBHOOK_URL".into(), world.slack.webhook_url());
    let process = Process {
        program: BINARY.into(),
        args: args.iter().map(|a| (*a).to_owned()).collect(),
        env,
        dir: folder.path().to_owned(),
        interrupts: Vec::new(),
        graces: Graces::default(),
        limit: Duration::from_secs(60),
        container: None,
    };
    process.run().await
}

/// One sweep of the keeper.
pub async fn keep(world: &World) -> Ended {
    command(world, &["keep", "prod", "--table", TABLE]).await
}

/// What a command printed for people.
pub fn said(ended: &Ended) -> String {
    let lines = ended.lines.iter().filter(|l| !l.stderr);
    lines.map(|l| format!("{}\n", l.text)).collect()
}
