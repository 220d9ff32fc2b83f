//! What a stage left behind, read by the runner's rules: outputs, state, summary, annotations, the shown log, and secrets that leaked.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::runner_commands::{Annotation, Heard, Masks, forms, split_lines};
use super::runner_context::files_below;
use super::runner_files::{parse_pairs, summary};
use super::runner_process::{Ended, Line, What};

/// How a stage ended for the job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Success,
    Failure,
    Cancelled,
    Skipped,
}

impl Outcome {
    /// As `${{ steps.x.outcome }}` says it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Cancelled => "cancelled",
            Self::Skipped => "skipped",
        }
    }
}

/// One stage of one step.
#[derive(Clone, Debug)]
pub struct StepResult {
    pub id: String,
    /// `main`, `post`, or `run` for the team's own steps.
    pub stage: &'static str,
    pub outcome: Outcome,
    pub code: Option<i32>,
    pub signal: Option<i32>,
    /// What the process printed, before masking.
    pub lines: Vec<Line>,
    /// The log as people see it.
    pub log: Vec<String>,
    pub outputs: BTreeMap<String, String>,
    pub state: BTreeMap<String, String>,
    pub env: BTreeMap<String, String>,
    /// As people see it; `None` also when the runner dropped it.
    pub summary: Option<String>,
    pub annotations: Vec<Annotation>,
    /// What the runner itself complains about.
    pub problems: Vec<String>,
    pub took: Duration,
    pub sent: Vec<(&'static str, Duration)>,
    /// The stage ran longer than the test allows and was killed.
    pub overdue: bool,
    /// The file-command files as they were written.
    pub raw: BTreeMap<&'static str, String>,
}

impl StepResult {
    /// A stage that did not run.
    pub fn skipped(id: &str, stage: &'static str) -> Self {
        Self {
            id: id.to_owned(),
            stage,
            outcome: Outcome::Skipped,
            code: None,
            signal: None,
            lines: Vec::new(),
            log: Vec::new(),
            outputs: BTreeMap::new(),
            state: BTreeMap::new(),
            env: BTreeMap::new(),
            summary: None,
            annotations: Vec::new(),
            problems: Vec::new(),
            took: Duration::ZERO,
            sent: Vec::new(),
            overdue: false,
            raw: BTreeMap::new(),
        }
    }

    /// An output; empty when it was not set, as in an expression.
    pub fn output(&self, name: &str) -> &str {
        self.outputs
            .get(name)
            .map(String::as_str)
            .unwrap_or_default()
    }

    /// Fails unless the process ended with this code, and shows everything it said.
    pub fn assert_code(&self, code: i32) -> &Self {
        assert!(
            self.code == Some(code),
            "step `{}` ({}) should have ended with {code}:\n{}",
            self.id,
            self.stage,
            self.story()
        );
        self
    }

    /// From the first signal to the end.
    pub fn took_after_signal(&self) -> Duration {
        let (_, sent) = self.sent.first().expect("a signal was sent");
        self.took.saturating_sub(*sent)
    }

    /// Everything about the stage, for a failure message.
    pub fn story(&self) -> String {
        let lines: Vec<String> = self
            .lines
            .iter()
            .map(|l| {
                format!(
                    "  {:>6} {} {}",
                    l.at.as_millis(),
                    if l.stderr { "err" } else { "out" },
                    l.text
                )
            })
            .collect();
        format!(
            "code {:?}, signal {:?}, {:?}, took {:?}{}\nproblems: {:?}\noutputs: {:#?}\nstate: {:#?}\nlines (ms):\n{}\nsummary:\n{}",
            self.code,
            self.signal,
            self.outcome,
            self.took,
            if self.overdue {
                ", OVERDUE and killed"
            } else {
                ""
            },
            self.problems,
            self.outputs,
            self.state,
            lines.join("\n"),
            self.summary.as_deref().unwrap_or("-")
        )
    }
}

/// Reads what an ended stage left behind.
pub fn take(
    id: &str,
    stage: &'static str,
    ended: Ended,
    files: &BTreeMap<&'static str, PathBuf>,
    warnings: Vec<String>,
    masks: &mut Masks,
) -> StepResult {
    let mut result = StepResult {
        problems: warnings,
        ..StepResult::skipped(id, stage)
    };
    for (name, path) in files {
        let bytes = std::fs::read(path).unwrap_or_default();
        result
            .raw
            .insert(name, String::from_utf8_lossy(&bytes).into_owned());
    }
    let mut heard = Heard::default();
    ended.lines.iter().for_each(|l| heard.line(&l.text, masks));
    let mut failed = !heard.errors.is_empty();
    result.problems.append(&mut heard.errors);
    result.outputs.extend(heard.outputs);
    result.state.extend(heard.state);
    for (name, into) in [
        ("OUTPUT", &mut result.outputs),
        ("STATE", &mut result.state),
        ("ENV", &mut result.env),
    ] {
        let found = parse_pairs(result.raw.get(name).map(String::as_str).unwrap_or_default());
        into.extend(found.pairs);
        if let Some(error) = found.error {
            failed = true;
            result.problems.push(format!(
                "Unable to process file command '{}' successfully. {error}",
                name.to_lowercase()
            ));
        }
    }
    if result.env.remove("NODE_OPTIONS").is_some() {
        result
            .problems
            .push("Can't store NODE_OPTIONS output parameter using '$GITHUB_ENV' command.".into());
    }
    match summary(
        result
            .raw
            .get("STEP_SUMMARY")
            .map(String::as_str)
            .unwrap_or_default(),
    ) {
        Ok(text) => {
            result.summary = text.map(|t| {
                split_lines(&t)
                    .iter()
                    .map(|l| masks.apply(l))
                    .collect::<Vec<_>>()
                    .join("\n")
            });
        }
        Err(said) => result.problems.push(said),
    }
    result.outcome = match ended.interrupted {
        Some(What::Cancel) => Outcome::Cancelled,
        Some(What::StepTimeout | What::MachineLost | What::RunnerShutdown) => Outcome::Failure,
        Some(What::Signal(_)) | None if failed || ended.code != Some(0) => Outcome::Failure,
        Some(What::Signal(_)) | None => Outcome::Success,
    };
    if stage == "post" {
        // A post stage has no context name: what it puts out is lost.
        result.outputs.clear();
    }
    result.annotations = heard.annotations;
    result.log = heard.shown;
    result.code = ended.code;
    result.signal = ended.signal;
    result.took = ended.took;
    result.sent = ended.sent;
    result.overdue = ended.overdue;
    result.lines = ended.lines;
    result
}

/// Where secrets stand that nobody may see: printed before they were masked, in an encoding or plain,
/// or in a file. Masks hold over the stages of a job; what the user's own workflow masked does not count.
/// The runner does not keep the order of the two streams, so within a stage a mask counts on its own stream only.
pub fn leaks(stages: &[StepResult], folder: &Path, secrets: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    let mut masks = Masks::default();
    let inside = |text: &str| {
        secrets
            .iter()
            .position(|s| forms(s).iter().any(|f| text.contains(f.as_str())))
    };
    for stage in stages {
        let mut after = masks.clone();
        for stderr in [false, true] {
            let (mut heard, mut masks) = (Heard::default(), masks.clone());
            for line in stage.lines.iter().filter(|l| l.stderr == stderr) {
                let (shown, said) = (heard.shown.len(), heard.annotations.len());
                heard.line(&line.text, &mut masks);
                let shown = heard.shown.iter().skip(shown).map(String::as_str);
                let said = heard
                    .annotations
                    .iter()
                    .skip(said)
                    .map(|a| a.message.as_str());
                for n in shown.chain(said).filter_map(inside) {
                    found.push(format!(
                        "secret {n} in the output of `{}` ({}) at {:?}, not masked then",
                        stage.id, stage.stage, line.at
                    ));
                }
            }
            after.join(masks);
        }
        masks = after;
        for (name, text) in &stage.raw {
            found.extend(inside(text).map(|n| {
                format!(
                    "secret {n} in GITHUB_{name} of `{}` ({})",
                    stage.id, stage.stage
                )
            }));
        }
    }
    for (path, text) in files_below(folder) {
        found.extend(inside(&text).map(|n| format!("secret {n} in the file {path}")));
    }
    found.dedup();
    found
}
