//! Workflow commands and log lines for GitHub's runner; knows its parser, not its streams.

use crate::core::outcome::{Exit, KeeperSeen, Report};
use crate::core::policy::CheckResult;
use crate::core::record::{Decision, DeploymentType};
use crate::i18n::reason::meaning;
use crate::i18n::wording::{is_invisible, one_line, time};
use crate::i18n::{Ending, Label, Locale, Message, sight};
use crate::render::next;
use crate::render::story::Story;
use crate::render::summary::undelivered_lines;
use crate::render::tables::{check_text, verdict_sign};

/// The runner cuts longer messages. Source: actions/runner, `ExecutionContext.cs`.
pub const MOST_CHARS: usize = 4096;

/// The runner keeps so many of each type for one step. Source: as above.
pub const MOST_OF_A_TYPE: usize = 10;

/// What kind of annotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Red.
    Error,
    /// Yellow.
    Warning,
    /// Blue.
    Notice,
}

impl Level {
    /// The workflow command's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Notice => "notice",
        }
    }
}

/// One annotation of the run's page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Annotation {
    /// Colour.
    pub level: Level,
    /// Bold first line.
    pub title: String,
    /// Text.
    pub message: String,
}

impl Annotation {
    /// The line that makes the runner show it.
    #[must_use]
    pub fn line(&self) -> String {
        format!(
            "::{} title={}::{}",
            self.level.name(),
            escape_property(&defused(&one_line(&self.title, 200))),
            escape_data(&cut(&defused(&self.message), MOST_CHARS))
        )
    }
}

/// Escapes a workflow command's data. Source: actions/runner, `ActionCommand.cs`.
#[must_use]
pub fn escape_data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// Escapes a property of a workflow command.
#[must_use]
pub fn escape_property(text: &str) -> String {
    escape_data(text).replace(':', "%3A").replace(',', "%2C")
}

/// One log line that the runner reads as nothing but text: no new line, no `::`, no `##[`.
#[must_use]
pub fn safe_line(text: &str) -> String {
    let flat: String = text
        .chars()
        .map(|c| match c {
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') => ' ',
            c if is_invisible(c) => '\u{fffd}',
            c => c,
        })
        .collect();
    defused(flat.trim_end())
}

/// Breaks what the runner would read as a command, wherever it stands.
fn defused(text: &str) -> String {
    let mut out = text.replace("##[", "## [");
    while out.contains("::") {
        out = out.replace("::", ": :");
    }
    out
}

fn cut(text: &str, most: usize) -> String {
    let mut chars = text.chars();
    let head: String = chars.by_ref().take(most).collect();
    if chars.next().is_none() {
        return head;
    }
    let mut head: String = head.chars().take(most - 1).collect();
    head.push('…');
    head
}

/// The lines that make the runner mask a secret: the whole value, and each of its lines.
#[must_use]
pub fn add_mask(value: &str) -> Vec<String> {
    if value.trim().is_empty() {
        return Vec::new();
    }
    let mut out = vec![format!("::add-mask::{}", escape_data(value))];
    if value.contains(['\n', '\r']) {
        out.extend(
            value
                .split(['\n', '\r'])
                .map(str::trim)
                .filter(|l| !l.is_empty())
                .map(|l| format!("::add-mask::{}", escape_data(l))),
        );
    }
    out
}

/// What the run's page shows: how it ended, overridden checks, alerts that did not go out, no keeper.
#[must_use]
pub fn annotations(report: &Report, locale: Locale) -> Vec<Annotation> {
    let story = Story::of(report);
    let headline = story.headline(locale);
    let outcome = &report.outcome;
    let level = match outcome.exit {
        Exit::Fine if story.ending == Ending::LetPass || story.ending == Ending::Unwatched => {
            Level::Warning
        }
        // A dry run that would be refused.
        Exit::Fine if story.ending == Ending::DryRun && outcome.decision == Decision::Stop => {
            Level::Warning
        }
        Exit::Fine => Level::Notice,
        Exit::Unproven | Exit::Interrupted | Exit::Terminated => Level::Warning,
        Exit::Failed | Exit::Usage | Exit::Refused | Exit::Act | Exit::Unreachable => Level::Error,
    };
    let mut out = vec![Annotation {
        level,
        title: format!("{} {headline}", story.ending.sign()),
        message: story.lead(locale),
    }];
    let kind = report.asked.kind;
    for line in story.checks().iter().filter(|l| l.overridden) {
        let (_, text) = check_text(line, kind, locale);
        out.push(warning(&headline, text));
    }
    for text in undelivered_lines(&report.told, locale) {
        out.push(warning(&headline, text));
    }
    if report.keeper == KeeperSeen::Absent {
        out.push(warning(&headline, Message::KeeperAbsent.text(locale)));
    }
    if story.start.is_some_and(|s| s.unguarded) {
        out.push(warning(&headline, Message::NoLock.text(locale)));
    }
    limited(out)
}

fn warning(title: &str, message: String) -> Annotation {
    Annotation {
        level: Level::Warning,
        title: title.to_owned(),
        message,
    }
}

/// An error annotation for each problem of inputs or configuration; the last one counts the rest.
#[must_use]
pub fn annotations_of_problems(problems: &[String], locale: Locale) -> Vec<Annotation> {
    let title = Ending::Invalid.headline("", DeploymentType::Deploy, locale);
    let error = |message: String| Annotation {
        level: Level::Error,
        title: title.clone(),
        message,
    };
    if problems.len() <= MOST_OF_A_TYPE {
        return problems.iter().map(|p| error(p.clone())).collect();
    }
    let shown = MOST_OF_A_TYPE - 1;
    let mut out: Vec<Annotation> = problems
        .iter()
        .take(shown)
        .map(|p| error(p.clone()))
        .collect();
    out.push(error(
        Message::AndMore((problems.len() - shown) as u64).text(locale),
    ));
    out
}

/// The first ten of each level, which is all that the runner keeps.
fn limited(all: Vec<Annotation>) -> Vec<Annotation> {
    let mut seen = [0_usize; 3];
    all.into_iter()
        .filter(|a| {
            let n = match a.level {
                Level::Error => &mut seen[0],
                Level::Warning => &mut seen[1],
                Level::Notice => &mut seen[2],
            };
            *n += 1;
            *n <= MOST_OF_A_TYPE
        })
        .collect()
}

/// What the step's log says at the end; every line is safe to print as it is.
#[must_use]
pub fn log_lines(report: &Report, locale: Locale) -> Vec<String> {
    let story = Story::of(report);
    let mut out = vec![
        format!("{} {}", story.ending.sign(), story.headline(locale)),
        story.lead(locale),
    ];
    let (not_asked, asked): (Vec<_>, Vec<_>) = story
        .checks()
        .iter()
        .partition(|l| l.result == CheckResult::NotApplicable);
    for line in asked {
        let (sign, text) = check_text(line, report.asked.kind, locale);
        let name = crate::i18n::Word::word(line.check, locale);
        out.push(format!("  {sign} {name}: {text}"));
    }
    if !not_asked.is_empty() {
        let names: Vec<_> = (not_asked.iter())
            .map(|l| crate::i18n::Word::word(l.check, locale))
            .collect();
        let text = Message::CheckNotApplicable.text(locale);
        out.push(format!("  ➖ {text}: {}", names.join(" · ")));
    }
    let findings = story.cause.map_or(&[][..], |c| &c.findings);
    for finding in sight::worst_first(findings).into_iter().take(100) {
        let mut text = format!(
            "  {} {}",
            verdict_sign(finding),
            sight::line(finding, locale)
        );
        if finding.verdict != crate::core::record::Verdict::Healthy {
            text.push_str(&format!(" ({})", meaning(finding.reason, locale)));
        }
        out.push(text);
    }
    if findings.len() > 100 {
        out.push(Message::AndMore(findings.len() as u64 - 100).text(locale));
    }
    if !report.candidates.is_empty() {
        out.push(format!("{}:", Label::Candidates.text(locale)));
    }
    for candidate in &report.candidates {
        let commit = candidate.git_ref.as_ref().map_or("-", |c| c.short());
        out.push(format!(
            "  {}  {commit}  {}",
            time(candidate.at, None),
            candidate.deployment
        ));
    }
    out.extend(undelivered_lines(&report.told, locale));
    if report.keeper == KeeperSeen::Absent {
        out.push(Message::KeeperAbsent.text(locale));
    }
    out.extend(report.notes.iter().map(|n| one_line(n, 1000)));
    for command in next::after(&story) {
        out.push(format!("  {}: {}", command.step.text(locale), command.line));
    }
    out.iter().map(|l| safe_line(l)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_escaped_as_the_runner_reads_them() {
        let a = Annotation {
            level: Level::Error,
            title: "a:b,c%".to_owned(),
            message: "50%\nnext ::set-output name=x::y ##[error]z".to_owned(),
        };
        assert_eq!(
            a.line(),
            "::error title=a%3Ab%2Cc%25::50%25%0Anext : :set-output name=x: :y ## [error]z"
        );
        assert_eq!(safe_line("::set-env\r\n::::x"), ": :set-env  : : : :x");
    }

    #[test]
    fn long_messages_are_cut_between_characters() {
        let a = Annotation {
            level: Level::Notice,
            title: String::new(),
            message: "가".repeat(5000),
        };
        let data = a.line();
        let message = data.rsplit("::").next().expect("data");
        assert_eq!(message.chars().count(), MOST_CHARS);
        assert!(message.ends_with('…'));
    }

    #[test]
    fn every_line_of_a_secret_is_masked() {
        assert_eq!(
            add_mask("a\nb%"),
            ["::add-mask::a%0Ab%25", "::add-mask::a", "::add-mask::b%25"]
        );
        assert!(add_mask(" \n").is_empty());
    }
}
