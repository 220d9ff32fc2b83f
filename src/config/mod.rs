//! The configuration file: from text to checked settings, every problem at once with its line; knows no file system,
//! process environment, clock or network.
//!
//! The text becomes a located tree ([`tree`]); the tree is compared with the JSON Schema that the raw types ([`raw`])
//! make, so that their keys are written down once; serde reads what is in order into those types; [`checked`] turns them
//! into settings of `core` and finds what does not fit together.

mod checked;
mod forms;
mod problem;
mod raw;
mod scalar;
mod scenario;
mod schema;
mod settings;
mod template;
#[cfg(test)]
mod tests;
mod tree;
mod urls;
mod walk;

pub use checked::http_gate;
pub use problem::Problem;
pub use scalar::{nearest, parse_duration, parse_rate, shown};
pub use scenario::{Moment, Scenario, scenario};
pub use schema::SCHEMA;
pub use settings::{AlertSettings, EnvironmentSettings, HistorySettings, Settings, Store};
pub use template::{Lookup, MissingOutput, fill_outputs, fill_ref, needed_outputs, needs_ref};
pub use urls::{check_url, check_urls};

use serde_json::Value;

use crate::i18n::config::ProblemKind;
use problem::Problems;
use raw::RawFile;
use tree::Data;

/// A file's contents as far as they follow the schema, and what does not.
fn walked(
    file_name: &str,
    text: &str,
    schema: Result<Value, ProblemKind>,
) -> Result<(serde_yaml::Value, Problems), Vec<Problem>> {
    let mut problems = Problems::new(file_name);
    let wrong = |mut problems: Problems, mark, kind| {
        problems.push_at(mark, "", kind);
        problems.finish()
    };
    let root = match tree::read(text) {
        Ok(Some(root)) if !root.is_nothing() => root,
        Ok(_) => return Err(wrong(problems, None, ProblemKind::Empty)),
        Err(broken) => return Err(wrong(problems, broken.mark, broken.kind)),
    };
    if !matches!(root.data, Data::Map(_)) {
        return Err(wrong(problems, Some(root.mark), ProblemKind::NotAMapping));
    }
    let schema = match schema {
        Ok(schema) => schema,
        Err(kind) => return Err(wrong(problems, None, kind)),
    };
    let kept = walk::walk(&root, &schema, &mut problems);
    Ok((kept, problems))
}

/// Reads a configuration file; `file_name` is what messages call it.
///
/// # Errors
/// Everything that is wrong, in the order of the file.
pub fn parse(file_name: &str, text: &str) -> Result<Settings, Vec<Problem>> {
    let (kept, mut problems) = walked(file_name, text, schema::schema())?;
    if problems.has_unknown_version() {
        // Whatever else looks wrong may be right in that version.
        problems.keep(|problem| matches!(problem.kind, ProblemKind::UnknownVersion { .. }));
        return Err(problems.finish());
    }
    let raw: RawFile = match serde_yaml::from_value(kept) {
        Ok(raw) => raw,
        Err(error) => {
            problems.push(
                "",
                ProblemKind::Syntax {
                    detail: shown(&error.to_string()),
                },
            );
            return Err(problems.finish());
        }
    };
    checked::file(&raw, &mut problems);
    let places = problems.fresh();
    let problems = problems.finish();
    if problems.is_empty() {
        Ok(Settings { raw, places })
    } else {
        Err(problems)
    }
}
