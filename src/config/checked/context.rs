//! What every check needs: the problems so far, the environment, its variables, and the forms of values.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::config::forms;
use crate::config::problem::Problems;
use crate::config::raw::{RawDuration, RawRate};
use crate::config::scalar::shown;
use crate::config::template::{Filled, Lookup, Spot, fill};
use crate::core::id::EnvironmentName;
use crate::i18n::config::{Form, ProblemKind};

/// Smallest value of what must not be zero.
pub(super) const MILLI: Duration = Duration::from_millis(1);

/// A duration in seconds.
pub(super) const fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// The name of a gate that has none, by its position from 0.
pub(super) fn numbered(kind: &str, n: usize) -> String {
    if n == 0 {
        kind.to_owned()
    } else {
        format!("{kind}-{}", n + 1)
    }
}

/// Bounds of a rate: above the first, below (or at) the second.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) most: f64,
    pub(super) inclusive: bool,
}

/// The state of checking one environment.
pub(super) struct Context<'a> {
    pub(super) problems: &'a mut Problems,
    environment: Option<&'a EnvironmentName>,
    lookup: Option<Lookup<'a>>,
    /// A value uses a stack's output.
    pub(super) uses_outputs: Option<String>,
}

impl<'a> Context<'a> {
    pub(super) fn new(
        problems: &'a mut Problems,
        environment: Option<&'a EnvironmentName>,
        lookup: Option<Lookup<'a>>,
    ) -> Self {
        Self {
            problems,
            environment,
            lookup,
            uses_outputs: None,
        }
    }

    /// True where a text has the form; a problem where not.
    pub(super) fn fits(&mut self, path: &str, form: Form, text: &str) -> bool {
        let fits = forms::fits(form, text);
        if !fits {
            self.problems.push(
                path,
                ProblemKind::BadForm {
                    form,
                    found: Some(shown(text)),
                },
            );
        }
        fits
    }

    /// The text with the environment's values in it; every problem of its templates is noted.
    pub(super) fn fill(&mut self, path: &str, raw: &str, spot: Spot) -> Filled {
        let mut filled = fill(
            raw,
            spot,
            self.environment.map(EnvironmentName::as_str),
            self.lookup,
        );
        for kind in std::mem::take(&mut filled.problems) {
            self.problems.push(path, kind);
        }
        if filled.stack && self.uses_outputs.is_none() {
            self.uses_outputs = Some(path.to_owned());
        }
        filled
    }

    /// A text of a form, filled in; `None` where it is absent or wrong.
    pub(super) fn formed(
        &mut self,
        path: &str,
        raw: Option<&String>,
        form: Form,
        spot: Spot,
    ) -> Option<String> {
        let raw = raw?;
        let filled = self.fill(path, raw, spot);
        if filled.open || forms::fits(form, &filled.text) {
            return Some(filled.text);
        }
        // The text as it is written: a variable's value may be a secret.
        let found = shown(if filled.private { raw } else { &filled.text });
        let form = if raw.trim().is_empty() {
            Form::NotEmpty
        } else {
            form
        };
        self.problems.push(
            path,
            ProblemKind::BadForm {
                form,
                found: Some(found),
            },
        );
        None
    }

    /// A secret; messages never quote it. `None` also where its variable is not there.
    pub(super) fn secret(
        &mut self,
        path: &str,
        raw: Option<&String>,
        check: impl Fn(&str) -> Result<(), ProblemKind>,
    ) -> Option<String> {
        let filled = self.fill(path, raw?, Spot::Plain);
        if filled.open {
            return None;
        }
        match check(&filled.text) {
            Ok(()) => Some(filled.text),
            Err(kind) => {
                self.problems.push(path, kind);
                None
            }
        }
    }

    /// A list of texts of a form, each once.
    pub(super) fn list(
        &mut self,
        path: &str,
        raw: Option<&[String]>,
        form: Form,
        spot: Spot,
    ) -> Vec<String> {
        let mut kept = Vec::new();
        let mut first: BTreeMap<&String, usize> = BTreeMap::new();
        for (n, text) in raw.unwrap_or_default().iter().enumerate() {
            let at = format!("{path}[{n}]");
            kept.extend(self.formed(&at, Some(text), form, spot));
            match first.get(text) {
                None => drop(first.insert(text, n)),
                Some(earlier) => {
                    let first_line = self.problems.line(&format!("{path}[{earlier}]"));
                    self.problems.push(
                        &at,
                        ProblemKind::Repeated {
                            value: shown(text),
                            first_line,
                        },
                    );
                }
            }
        }
        kept
    }

    /// Words of a closed list, each once.
    pub(super) fn words<T: Copy + PartialEq + std::fmt::Display>(
        &mut self,
        path: &str,
        raw: &[T],
    ) -> Vec<T> {
        let mut kept = Vec::new();
        for (n, word) in raw.iter().enumerate() {
            if kept.contains(word) {
                let kind = ProblemKind::Repeated {
                    value: word.to_string(),
                    first_line: None,
                };
                self.problems.push(&format!("{path}[{n}]"), kind);
            } else {
                kept.push(*word);
            }
        }
        kept
    }

    /// Notes that one of several settings is needed, and none is there.
    pub(super) fn one_of(&mut self, path: &str, keys: &[&str]) {
        let keys = keys.iter().map(|&key| key.to_owned()).collect();
        self.problems
            .push_missing(path, ProblemKind::NeedsOneOf { keys });
    }

    /// A duration, its default, and its smallest value.
    pub(super) fn duration(
        &mut self,
        path: &str,
        raw: Option<RawDuration>,
        default: Duration,
        least: Duration,
    ) -> Duration {
        self.optional_duration(path, raw, least).unwrap_or(default)
    }

    /// A duration without default.
    pub(super) fn optional_duration(
        &mut self,
        path: &str,
        raw: Option<RawDuration>,
        least: Duration,
    ) -> Option<Duration> {
        let RawDuration(found) = raw?;
        if found < least {
            self.problems
                .push(path, ProblemKind::TooShort { found, least });
        }
        Some(found)
    }

    /// A rate without default, above 0.
    pub(super) fn rate(&mut self, path: &str, raw: Option<RawRate>, bounds: Bounds) -> Option<f64> {
        let RawRate(found) = raw?;
        let Bounds { most, inclusive } = bounds;
        if found <= 0.0 || found > most || (found == most && !inclusive) {
            self.problems.push(
                path,
                ProblemKind::RateOutOfRange {
                    found,
                    above: 0.0,
                    most,
                    inclusive,
                },
            );
        }
        Some(found)
    }
}
