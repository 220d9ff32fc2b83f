//! A workflow job as GitHub's runner runs it, with the action's stages as plain processes or in containers: steps, conditions, state, cancels, posts last in first out; it does not know what the action does.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::World;
use super::runner_commands::Masks;
use super::runner_context::{Contexts, Surroundings, variable};
use super::runner_process::{Ended, Interrupt, Process, What};
use super::runner_result::{Outcome, StepResult, take};
use super::runner_spec::{If, JobSpec, Uses};

/// A post stage that waits for the job's end.
struct Post {
    uses: Uses,
    state: BTreeMap<String, String>,
}

/// A running job.
pub struct Job<'w> {
    pub world: &'w World,
    pub spec: JobSpec,
    folder: TempDir,
    pub run_id: u64,
    pub attempt: usize,
    /// The API's job id, `${{ job.check_run_id }}`.
    pub job_id: u64,
    /// `success`, `failure` or `cancelled`: `${{ job.status }}`.
    pub status: &'static str,
    /// Every stage so far, in order.
    pub stages: Vec<StepResult>,
    /// The commit of the run.
    pub sha: String,
    env: BTreeMap<String, String>,
    contexts: Contexts,
    masks: Masks,
    posts: Vec<Post>,
    dead: bool,
    tokenless: bool,
}

impl<'w> Job<'w> {
    /// Starts a job: GitHub knows its run from now on.
    pub fn start(world: &'w World, spec: JobSpec) -> Self {
        let sha = spec.sha.clone().unwrap_or_else(|| {
            let found = world
                .github
                .with(|hub| hub.resolve(&spec.branch).map(|c| c.sha.clone()));
            found.unwrap_or_else(|| panic!("this world's GitHub has no branch {}", spec.branch))
        });
        let (run_id, attempt, job_id) = spec.existing.unwrap_or_else(|| {
            let (run, job) = world.github.with(|hub| {
                hub.start_run(&spec.workflow, &spec.job, &spec.branch, &sha, &spec.actor)
            });
            (run, 1, job)
        });
        if let Some(environment) = &spec.environment {
            world.github.with(|hub| {
                hub.environment_deployment(environment, (run_id, job_id), &spec.branch, &sha)
            });
        }
        let folder = tempfile::tempdir().expect("a temporary folder for a job");
        for part in ["workspace", "home", "temp", "workflow", "file_commands"] {
            std::fs::create_dir(folder.path().join(part)).expect("a job's folders can be made");
        }
        let mut job = Self {
            world,
            env: spec.env.clone(),
            spec,
            folder,
            run_id,
            attempt,
            job_id,
            status: "success",
            stages: Vec::new(),
            sha,
            contexts: Contexts::default(),
            masks: Masks::default(),
            posts: Vec::new(),
            dead: false,
            tokenless: false,
        };
        job.masks.add(&world.github.token());
        let event = job.event();
        std::fs::write(job.path("workflow/event.json"), event.to_string())
            .expect("event.json can be written");
        job
    }

    /// A folder or file of the job.
    pub fn path(&self, part: &str) -> PathBuf {
        self.folder.path().join(part)
    }

    /// The job's workspace, as after `actions/checkout` if a test puts files there.
    pub fn workspace(&self) -> PathBuf {
        self.path("workspace")
    }

    /// The folder that holds everything of the job, for looking for secrets.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Sets a value behind `${{ secrets.NAME }}`; the runner masks it from the start.
    pub fn secret(&mut self, name: &str, value: &str) {
        self.contexts.set(&format!("secrets.{name}"), value);
        self.masks.add(value);
    }

    /// Uses the action with these inputs, if the job is still good.
    pub async fn uses(&mut self, id: &str, with: &[(&str, &str)]) -> StepResult {
        self.step(Uses::new(id, with)).await
    }

    /// Uses the action.
    pub async fn step(&mut self, mut uses: Uses) -> StepResult {
        if !self.allows(uses.condition) {
            return self.note(StepResult::skipped(&uses.id, "main"), &uses);
        }
        let interrupts = std::mem::take(&mut uses.interrupts);
        let result = self.stage(&uses, "main", BTreeMap::new(), interrupts).await;
        let state = result.state.clone();
        let result = self.note(result, &uses);
        // An image alone has no post stage.
        if uses.args.is_none() {
            self.posts.push(Post { uses, state });
        }
        result
    }

    /// A step of the team's own (`run:`), if the job is still good; an `Err` fails the job.
    pub async fn run(
        &mut self,
        id: &str,
        work: impl Future<Output = Result<(), String>>,
    ) -> Outcome {
        self.run_when(id, If::Success, work).await
    }

    /// A step of the team's own with an `if:`.
    pub async fn run_when(
        &mut self,
        id: &str,
        condition: If,
        work: impl Future<Output = Result<(), String>>,
    ) -> Outcome {
        let mut result = StepResult::skipped(id, "run");
        if self.allows(condition) {
            result.outcome = match work.await {
                Ok(()) => Outcome::Success,
                Err(said) => {
                    result.problems.push(said);
                    Outcome::Failure
                }
            };
        }
        self.note(result, &Uses::new(id, &[])).outcome
    }

    /// Cancels between two steps: later steps are skipped, posts see `cancelled`.
    pub fn cancel(&mut self) {
        self.status = "cancelled";
    }

    /// The machine dies between two steps: nothing more runs here; GitHub notes a failure.
    pub fn lose_machine(&mut self) {
        self.status = "failure";
        self.dead = true;
    }

    /// The posts get no state, as with act.
    pub fn forget_states(&mut self) {
        self.posts.iter_mut().for_each(|p| p.state.clear());
    }

    /// From now on `github.token` is empty, as in the posts of some runners.
    pub fn forget_token(&mut self) {
        self.tokenless = true;
    }

    /// Runs the posts, last in first out, and ends the job on GitHub with its final status.
    pub async fn finish(&mut self) -> &'static str {
        while let Some(mut post) = self.posts.pop() {
            if self.dead {
                break;
            }
            let interrupts = std::mem::take(&mut post.uses.post_interrupts);
            let result = self.stage(&post.uses, "post", post.state, interrupts).await;
            self.note(result, &post.uses);
        }
        self.world
            .github
            .with(|hub| hub.end_job(self.job_id, self.status));
        self.status
    }

    /// The post stage of a step, after [`Job::finish`].
    pub fn post(&self, id: &str) -> &StepResult {
        let found = self.stages.iter().find(|s| s.id == id && s.stage == "post");
        found.unwrap_or_else(|| {
            panic!(
                "no post stage of step `{id}` ran; stages: {:?}",
                self.stage_names()
            )
        })
    }

    fn stage_names(&self) -> Vec<String> {
        self.stages
            .iter()
            .map(|s| format!("{} {}", s.id, s.stage))
            .collect()
    }

    fn allows(&self, condition: If) -> bool {
        !self.dead
            && match condition {
                If::Success => self.status == "success",
                If::Always => true,
                If::Failure => self.status == "failure",
                If::Cancelled => self.status == "cancelled",
            }
    }

    /// Writes a stage's result into job status, `steps` context and environment.
    fn note(&mut self, result: StepResult, uses: &Uses) -> StepResult {
        let failed = result.outcome == Outcome::Failure;
        let conclusion = if failed && uses.continue_on_error {
            Outcome::Success
        } else {
            result.outcome
        };
        if conclusion == Outcome::Failure && self.status == "success" {
            self.status = "failure";
        }
        if result.stage != "post" {
            for (key, value) in &result.outputs {
                self.contexts
                    .set(&format!("steps.{}.outputs.{key}", result.id), value);
            }
            self.contexts.set(
                &format!("steps.{}.outcome", result.id),
                result.outcome.word(),
            );
            self.contexts.set(
                &format!("steps.{}.conclusion", result.id),
                conclusion.word(),
            );
        }
        self.env.extend(result.env.clone());
        self.stages.push(result.clone());
        result
    }

    async fn stage(
        &mut self,
        uses: &Uses,
        stage: &'static str,
        state: BTreeMap<String, String>,
        interrupts: Vec<Interrupt>,
    ) -> StepResult {
        let id = format!("{}-{}-{}", uses.id, stage, self.stages.len());
        let files: BTreeMap<&'static str, PathBuf> =
            ["OUTPUT", "STATE", "ENV", "STEP_SUMMARY", "PATH"]
                .into_iter()
                .map(|name| {
                    (
                        name,
                        self.path("file_commands")
                            .join(format!("{}_{id}", name.to_lowercase())),
                    )
                })
                .collect();
        for file in files.values() {
            std::fs::write(file, "").expect("file-command files can be made");
        }
        self.refresh_contexts(uses);
        let (inputs, unexpected) = match &uses.args {
            Some(args) => (BTreeMap::from([(variable("args"), args.clone())]), vec![]),
            None => self.spec.inputs.variables(&uses.with, &self.contexts),
        };
        let mut env = self.env.clone();
        env.extend(
            uses.env
                .iter()
                .map(|(k, v)| (k.clone(), self.contexts.fill(v))),
        );
        let around = Surroundings {
            env,
            state,
            inputs,
            runs_env: BTreeMap::new(),
            home: self.path("home").display().to_string(),
            github: self.github(&files, &uses.id),
            actions: self.actions(),
        };
        let variables = around.variables();
        let (program, args, env, container) = match &self.spec.image {
            Some(image) => {
                let start = match &uses.args {
                    Some(args) => image.command(args, self.folder.path(), variables),
                    None => image.stage(stage, self.folder.path(), variables),
                };
                (start.program, start.args, start.env, Some(start.pid_file))
            }
            None => {
                let args = uses.args.as_deref().map_or_else(
                    || vec!["action".into(), stage.into()],
                    |args| args.split_whitespace().map(str::to_owned).collect(),
                );
                (self.spec.binary.clone(), args, variables, None)
            }
        };
        let process = Process {
            program,
            args,
            env,
            dir: self.workspace(),
            interrupts,
            graces: self.spec.graces,
            limit: self.spec.limit,
            container,
        };
        let ended = process.run().await;
        self.struck(&ended);
        take(&uses.id, stage, ended, &files, unexpected, &mut self.masks)
    }

    fn struck(&mut self, ended: &Ended) {
        match ended.interrupted {
            Some(What::Cancel) => self.status = "cancelled",
            Some(What::MachineLost | What::RunnerShutdown) => self.lose_machine(),
            Some(What::StepTimeout | What::Signal(_)) | None => {}
        }
    }

    fn refresh_contexts(&mut self, uses: &Uses) {
        let token = match self.tokenless {
            true => String::new(),
            false => self.world.github.token(),
        };
        for (name, value) in self.github(&BTreeMap::new(), &uses.id) {
            if let Some(name) = name.strip_prefix("GITHUB_") {
                self.contexts.set(&format!("github.{name}"), value);
            }
        }
        self.contexts.set("github.token", token.clone());
        self.contexts.set("secrets.github_token", token);
        self.contexts.set("job.status", self.status);
        self.contexts
            .set("job.check_run_id", self.job_id.to_string());
        for (name, value) in self.env.clone() {
            self.contexts.set(&format!("env.{name}"), value);
        }
        for (name, value) in self.spec.dispatch.as_object().cloned().unwrap_or_default() {
            let text = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            self.contexts.set(&format!("inputs.{name}"), text);
        }
    }

    /// [`Job::assert_no_secret_leak`] with every secret of the world.
    pub fn assert_no_leak(&self) {
        let secrets = self.world.secrets();
        self.assert_no_secret_leak(&secrets.iter().map(String::as_str).collect::<Vec<_>>());
    }

    /// Fails if a secret was printed before it was masked, in any stage so far, or stands in a file that the job left behind.
    pub fn assert_no_secret_leak(&self, secrets: &[&str]) {
        let leaks = super::runner_result::leaks(&self.stages, self.folder.path(), secrets);
        assert!(leaks.is_empty(), "secrets leaked:\n{}", leaks.join("\n"));
    }
}
