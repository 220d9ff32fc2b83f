//! A problem of the configuration file with its place, and the list in which all are gathered; knows no setting.

use std::collections::HashMap;
use std::fmt;

use crate::config::scalar::shown;
use crate::config::tree::Mark;
use crate::i18n::Locale;
use crate::i18n::config::{ProblemKind, problem};

/// Most problems that are listed; the rest are counted.
const MOST: usize = 100;

/// One thing that is wrong, and where.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    /// File as people know it.
    pub file: String,
    /// Line from 1, if it stands somewhere.
    pub line: Option<usize>,
    /// Column from 1, if it stands somewhere.
    pub column: Option<usize>,
    /// Path such as `environments.prod.gates.window`; empty = the file as a whole.
    pub path: String,
    /// What is wrong.
    pub kind: ProblemKind,
}

impl Problem {
    /// `deploy-guard.yml:12: …` in a language.
    #[must_use]
    pub fn text(&self, locale: Locale) -> String {
        let file = &self.file;
        match self.line {
            Some(line) => format!(
                "{file}:{line}: {}",
                problem(self.short_path(), &self.kind, locale)
            ),
            None => format!("{file}: {}", problem(&self.path, &self.kind, locale)),
        }
    }

    /// With a line, the environment's name says nothing new.
    fn short_path(&self) -> &str {
        self.path
            .strip_prefix("environments.")
            .and_then(|rest| rest.split_once('.'))
            .map_or(self.path.as_str(), |(_, rest)| rest)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(Locale::En))
    }
}

/// Path of a key in a mapping; keys come from outside.
#[must_use]
pub(super) fn join(path: &str, key: &str) -> String {
    let key = shown(key);
    if path.is_empty() {
        key
    } else {
        format!("{path}.{key}")
    }
}

/// Everything that is wrong with one file.
#[derive(Debug, Clone, Default)]
pub(super) struct Problems {
    file: String,
    positions: HashMap<String, Mark>,
    list: Vec<Problem>,
}

impl Problems {
    pub(super) fn new(file: &str) -> Self {
        Self {
            file: shown(file),
            ..Self::default()
        }
    }

    /// The same file and places, nothing wrong yet.
    pub(super) fn fresh(&self) -> Self {
        Self {
            list: Vec::new(),
            ..self.clone()
        }
    }

    pub(super) fn place(&mut self, path: String, mark: Mark) {
        self.positions.entry(path).or_insert(mark);
    }

    /// Where a path stands, else where the nearest thing around it stands.
    pub(super) fn mark(&self, path: &str) -> Option<Mark> {
        let mut path = path;
        loop {
            if let Some(mark) = self.positions.get(path) {
                return Some(*mark);
            }
            path = &path[..path.rfind(['.', '['])?];
        }
    }

    pub(super) fn line(&self, path: &str) -> Option<usize> {
        self.mark(path).map(|mark| mark.line)
    }

    pub(super) fn push(&mut self, path: &str, kind: ProblemKind) {
        self.push_at(self.mark(path), path, kind);
    }

    pub(super) fn push_at(&mut self, mark: Option<Mark>, path: &str, kind: ProblemKind) {
        self.list.push(Problem {
            file: self.file.clone(),
            line: mark.map(|m| m.line),
            column: mark.map(|m| m.column),
            path: path.to_owned(),
            kind,
        });
    }

    /// For what is missing: silent where something at or below the path is wrong already, for that is why.
    pub(super) fn push_missing(&mut self, path: &str, kind: ProblemKind) {
        let explained = self.list.iter().any(|known| {
            let below = known.path.starts_with(path);
            let above = matches!(known.kind, ProblemKind::WrongType { .. } | ProblemKind::Tag)
                && path
                    .strip_prefix(known.path.as_str())
                    .is_some_and(|rest| rest.starts_with(['.', '[']));
            below || above
        });
        if !explained {
            self.push(path, kind);
        }
    }

    /// More is wrong than is listed: suggestions would be work for nobody.
    pub(super) fn is_full(&self) -> bool {
        self.list.len() > MOST
    }

    pub(super) fn has_unknown_version(&self) -> bool {
        self.list
            .iter()
            .any(|p| matches!(p.kind, ProblemKind::UnknownVersion { .. }))
    }

    pub(super) fn keep(&mut self, wanted: impl Fn(&Problem) -> bool) {
        self.list.retain(|problem| wanted(problem));
    }

    /// In the file's order, each once, no more than people read.
    pub(super) fn finish(mut self) -> Vec<Problem> {
        self.list
            .sort_by_key(|p| (p.line.unwrap_or(0), p.column.unwrap_or(0)));
        let mut kept: Vec<Problem> = Vec::new();
        let mut left = 0;
        for problem in self.list {
            // Shared by an anchor, or by all environments.
            let again = kept.iter().any(|k| {
                (k.line, k.column, k.short_path(), &k.kind)
                    == (
                        problem.line,
                        problem.column,
                        problem.short_path(),
                        &problem.kind,
                    )
            });
            if again {
                continue;
            }
            if kept.len() < MOST {
                kept.push(problem);
            } else {
                left += 1;
            }
        }
        if left > 0 {
            kept.push(Problem {
                file: self.file,
                line: None,
                column: None,
                path: String::new(),
                kind: ProblemKind::More { count: left },
            });
        }
        kept
    }
}
