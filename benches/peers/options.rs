//! The command line of the comparison.

use std::path::PathBuf;

/// The steps of the chain, in their order.
pub const STEPS: [&str; 5] = ["lock", "start", "health", "finish", "slack"];

/// What was asked for.
pub struct Options {
    pub pairs: usize,
    /// `None`: our side alone.
    pub chain: Option<Actions>,
}

/// The five actions.
pub struct Actions {
    pub node: PathBuf,
    /// One script for each of [`STEPS`].
    pub scripts: Vec<PathBuf>,
    /// Inputs beside the usual ones: step, input, value.
    pub inputs: Vec<(String, String, String)>,
}

impl Options {
    /// Reads arguments; a wrong one ends the program.
    pub fn from_arguments(mut arguments: impl Iterator<Item = String>) -> Self {
        let mut pairs = 20;
        let mut node = PathBuf::from("node");
        let mut scripts = vec![None; STEPS.len()];
        let mut inputs = Vec::new();
        while let Some(argument) = arguments.next() {
            // Cargo adds this one to every benchmark.
            if argument == "--bench" {
                continue;
            }
            let name = argument.trim_start_matches("--").to_owned();
            let value = arguments.next();
            let value = value.unwrap_or_else(|| panic!("{argument} wants a value"));
            if let Some(step) = STEPS.iter().position(|s| *s == name) {
                scripts[step] = Some(PathBuf::from(value));
            } else if name == "pairs" {
                pairs = value.parse().expect("--pairs wants a number");
            } else if name == "node" {
                node = value.into();
            } else if name == "set" {
                let parts = value.split_once(':').and_then(|(step, rest)| {
                    let (input, value) = rest.split_once('=')?;
                    Some((step.to_owned(), input.to_owned(), value.to_owned()))
                });
                inputs.push(parts.expect("--set wants STEP:INPUT=VALUE"));
            } else {
                panic!(
                    "{argument} is not known: --pairs, --node, --set, --{}",
                    STEPS.join(", --")
                );
            }
        }
        let given: Vec<PathBuf> = scripts.into_iter().flatten().collect();
        assert!(
            given.is_empty() || given.len() == STEPS.len(),
            "the chain wants all of --{}",
            STEPS.join(", --")
        );
        let chain = (!given.is_empty()).then_some(Actions {
            node,
            scripts: given,
            inputs,
        });
        Self { pairs, chain }
    }
}
