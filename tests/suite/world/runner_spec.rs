//! What a job and a use of the action are before they run: inputs, conditions, interruptions.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use super::runner_container::Image;
use super::runner_context::Inputs;
use super::runner_process::{Graces, Interrupt};

/// When a step runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum If {
    /// `success()`, also what no `if:` means.
    #[default]
    Success,
    /// `always()`.
    Always,
    /// `failure()`.
    Failure,
    /// `cancelled()`.
    Cancelled,
}

/// One use of the action.
#[derive(Default)]
pub struct Uses {
    pub id: String,
    pub with: Vec<(String, String)>,
    /// `uses: docker://…` with these `args:`, not the action.
    pub args: Option<String>,
    /// Step `env:`.
    pub env: Vec<(String, String)>,
    pub condition: If,
    pub continue_on_error: bool,
    pub interrupts: Vec<Interrupt>,
    /// Interruptions of the post stage.
    pub post_interrupts: Vec<Interrupt>,
}

impl Uses {
    /// A step with an id and its `with:`; values may hold `${{ … }}`.
    pub fn new(id: &str, with: &[(&str, &str)]) -> Self {
        Self {
            id: id.to_owned(),
            with: owned(with),
            ..Self::default()
        }
    }

    /// The image as a step of its own, with `args:` for the command line.
    pub fn image(id: &str, args: &str) -> Self {
        Self {
            args: Some(args.to_owned()),
            ..Self::new(id, &[])
        }
    }

    /// Step `env:`.
    pub fn env(mut self, env: &[(&str, &str)]) -> Self {
        self.env = owned(env);
        self
    }

    /// `if:`.
    pub fn when(mut self, condition: If) -> Self {
        self.condition = condition;
        self
    }

    /// `continue-on-error: true`, for main and post.
    pub fn continue_on_error(mut self) -> Self {
        self.continue_on_error = true;
        self
    }

    /// Interrupts main.
    pub fn interrupt(mut self, interrupt: Interrupt) -> Self {
        self.interrupts.push(interrupt);
        self
    }

    /// Interrupts post.
    pub fn interrupt_post(mut self, interrupt: Interrupt) -> Self {
        self.post_interrupts.push(interrupt);
        self
    }
}

/// Pairs of texts, owned.
pub fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs
        .iter()
        .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
        .collect()
}

/// What a job is before it starts.
#[derive(Clone, Debug)]
pub struct JobSpec {
    pub binary: PathBuf,
    /// Containers of this in place of processes of `binary`.
    pub image: Option<Image>,
    pub inputs: Inputs,
    pub workflow: String,
    /// `GITHUB_JOB`: the key in the workflow; matrix legs share it.
    pub job: String,
    /// `environment:` of the job, for which GitHub makes a deployment.
    pub environment: Option<String>,
    pub branch: String,
    /// `None`: the branch's head.
    pub sha: Option<String>,
    pub actor: String,
    /// The inputs of the *Run workflow* button.
    pub dispatch: Value,
    /// `permissions: id-token: write`.
    pub id_token: bool,
    /// Job `env:`; starts as [`World::env`].
    pub env: BTreeMap<String, String>,
    /// Run and attempt to join instead of starting a new run: (run id, attempt, job id).
    pub existing: Option<(u64, usize, u64)>,
    pub debug: bool,
    pub graces: Graces,
    /// A stage that takes longer is killed, and the step's result says `overdue`.
    pub limit: Duration,
}
