//! The runner's file commands: outputs, state, summary. Knows their formats, not what is written.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::surface::action::inputs::Env;

/// A file of the runner that could not be written.
#[derive(Debug, thiserror::Error)]
#[error("{variable} could not be written")]
pub struct FileError {
    /// The variable that names it.
    variable: &'static str,
    /// Why.
    #[source]
    source: std::io::Error,
}

/// A summary of more bytes is dropped whole by the runner.
pub const SUMMARY_LIMIT: usize = 1024 * 1024;

/// The runner's files.
#[derive(Debug, Clone)]
pub struct Files {
    output: Option<PathBuf>,
    state: Option<PathBuf>,
    env: Option<PathBuf>,
    summary: Option<PathBuf>,
}

impl Files {
    /// Takes their paths from the environment; a runner without one of them gets nothing written there.
    #[must_use]
    pub fn of(env: &Env) -> Self {
        let path = |name: &str| env.get(name).filter(|v| !v.is_empty()).map(PathBuf::from);
        Self {
            output: path("GITHUB_OUTPUT"),
            state: path("GITHUB_STATE"),
            env: path("GITHUB_ENV"),
            summary: path("GITHUB_STEP_SUMMARY"),
        }
    }

    /// Writes step outputs.
    pub fn outputs(
        &self,
        pairs: &[(&str, String)],
        random: &dyn Fn() -> [u8; 16],
    ) -> Result<(), FileError> {
        pairs_to("GITHUB_OUTPUT", self.output.as_deref(), pairs, random)
    }

    /// Writes state for later stages of the same step.
    pub fn state(
        &self,
        pairs: &[(&str, String)],
        random: &dyn Fn() -> [u8; 16],
    ) -> Result<(), FileError> {
        pairs_to("GITHUB_STATE", self.state.as_deref(), pairs, random)
    }

    /// Sets variables for later steps of the job.
    pub fn env(
        &self,
        pairs: &[(&str, String)],
        random: &dyn Fn() -> [u8; 16],
    ) -> Result<(), FileError> {
        pairs_to("GITHUB_ENV", self.env.as_deref(), pairs, random)
    }

    /// Appends to the job summary.
    pub fn summary(&self, markdown: &str) -> Result<(), FileError> {
        append(
            "GITHUB_STEP_SUMMARY",
            self.summary.as_deref(),
            markdown.as_bytes(),
        )
    }
}

fn append(variable: &'static str, path: Option<&Path>, bytes: &[u8]) -> Result<(), FileError> {
    let Some(path) = path else { return Ok(()) };
    let write = || -> std::io::Result<()> {
        let mut file = OpenOptions::new().append(true).create(true).open(path)?;
        file.write_all(bytes)?;
        file.flush()
    };
    write().map_err(|source| FileError { variable, source })
}

/// One heredoc a value, with a random delimiter that the value does not hold.
fn pairs_to(
    variable: &'static str,
    path: Option<&Path>,
    pairs: &[(&str, String)],
    random: &dyn Fn() -> [u8; 16],
) -> Result<(), FileError> {
    let mut text = String::new();
    for (name, value) in pairs {
        let delimiter = loop {
            let delimiter = format!("ghadelimiter_{}", crate::core::id::hex(random()));
            if !value.contains(&delimiter) {
                break delimiter;
            }
        };
        text.push_str(&format!("{name}<<{delimiter}\n{value}\n{delimiter}\n"));
    }
    append(variable, path, text.as_bytes())
}
