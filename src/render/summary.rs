//! The job summary in GitHub's Markdown; knows the limit of 1 MiB, not where the text is written.

use std::time::Duration;

use crate::core::alert::NoticeState;
use crate::core::id::{CommitSha, DeploymentId};
use crate::core::outcome::{KeeperSeen, Report, Told};
use crate::core::policy::{CheckName, CheckResult};
use crate::core::record::DeploymentType;
use crate::i18n::wording::{duration, one_line, piece, time};
use crate::i18n::{Ending, Label, Locale, Message, Word};
use crate::render::escape::{code, cut_bytes, link, markdown};
use crate::render::next;
use crate::render::story::Story;
use crate::render::tables::{
    candidates, changes, checks, events, gate_table, heading, more, notices,
};
pub use crate::render::tables::{check_text, verdict_sign};
use crate::render::timeline;

/// GitHub drops a whole summary that is larger. Source: actions/runner, `FileCommandManager.cs`.
pub const LIMIT: usize = 1024 * 1024;

/// Rows of one table, from plenty to few, until everything fits.
const ROWS: [usize; 4] = [200, 50, 15, 5];

/// A part of the summary; the highest `rank` is left out first, 0 never.
struct Section {
    rank: u8,
    text: String,
}

/// The summary of a stage.
#[must_use]
pub fn summary(report: &Report, locale: Locale) -> String {
    let story = Story::of(report);
    for rows in ROWS {
        let text = join(&sections(&story, rows, locale), u8::MAX);
        if text.len() <= LIMIT {
            return text;
        }
    }
    let parts = sections(&story, ROWS[ROWS.len() - 1], locale);
    let note = format!("\n\n{}\n", markdown(&Message::LeftOut.text(locale)));
    for keep in (0..=9).rev() {
        let text = join(&parts, keep);
        if text.len() + note.len() <= LIMIT {
            return text + &note;
        }
    }
    let text = join(&parts, 0);
    format!("{}{note}", cut_bytes(&text, LIMIT - note.len()))
}

/// The summary where inputs or configuration are wrong: every problem in a line.
#[must_use]
pub fn summary_of_problems(problems: &[String], locale: Locale) -> String {
    let mut out = format!(
        "## {} {}\n\n{}\n\n",
        Ending::Invalid.sign(),
        markdown(&Ending::Invalid.headline("", DeploymentType::Deploy, locale)),
        markdown(&Message::Problems(problems.len() as u64).text(locale)),
    );
    for problem in problems.iter().take(500) {
        out.push_str(&format!("- {}\n", markdown(&one_line(problem, 1000))));
    }
    if problems.len() > 500 {
        out.push_str(&more(problems.len() - 500, locale));
    }
    if out.len() > LIMIT {
        out = cut_bytes(&out, LIMIT).to_owned();
    }
    out
}

fn join(sections: &[Section], keep: u8) -> String {
    let texts: Vec<&str> = sections
        .iter()
        .filter(|s| s.rank <= keep && !s.text.is_empty())
        .map(|s| s.text.trim_end())
        .collect();
    texts.join("\n\n") + "\n"
}

fn sections(story: &Story<'_>, rows: usize, locale: Locale) -> Vec<Section> {
    let report = story.report;
    let part = |rank, text: String| Section { rank, text };
    let cause = story.cause.map_or(&[][..], |c| &c.findings);
    let steps = part(2, next_steps(story, locale));
    // Where there is something to do, it stands on top.
    let (top, end) = if next::after(story).len() > 1 {
        (Some(steps), None)
    } else {
        (None, Some(steps))
    };
    let mut out = vec![part(0, lead(story, locale))];
    out.extend(top);
    out.extend([
        part(3, undelivered(&report.told, locale)),
        part(1, facts(story, locale)),
        part(8, candidates(story, rows, locale)),
        part(
            4,
            gate_table(Label::Gates.text(locale), cause, rows, locale),
        ),
    ]);
    for (strategy, judgement) in story.after.iter().rev().take(4).rev() {
        let title = format!(
            "{} ({})",
            Label::GatesAfterRestore.text(locale),
            strategy.word(locale)
        );
        out.push(part(
            6,
            gate_table(&title, &judgement.findings, rows, locale),
        ));
    }
    out.extend([
        part(5, checks(story, rows, locale)),
        part(7, chart(story, locale)),
        part(9, events(story, rows, locale)),
        part(9, changes(story, rows, locale)),
        part(8, notices(&report.told, rows, locale)),
        part(6, notes(story, rows, locale)),
    ]);
    out.extend(end);
    out
}

fn lead(story: &Story<'_>, locale: Locale) -> String {
    let headline = story.headline(locale);
    format!(
        "## {} {}\n\n{}\n",
        story.ending.sign(),
        markdown(&headline),
        markdown(&story.lead(locale))
    )
}

fn facts(story: &Story<'_>, locale: Locale) -> String {
    let report = story.report;
    let asked = &report.asked;
    let mut rows: Vec<(Label, String)> = Vec::new();
    let cell = |text: &str| markdown(&one_line(text, 200));
    if let Some(start) = story.start {
        rows.push((Label::DeploymentId, code(start.id.as_str())));
    }
    rows.push((Label::Environment, cell(&asked.environment)));
    rows.push((Label::Service, cell(&asked.service)));
    rows.push((Label::Type, cell(asked.kind.word(locale))));
    if let Some(commit) = story.git_ref() {
        rows.push((Label::Commit, code(&commit)));
    }
    if let Some(actor) = &asked.actor {
        rows.push((Label::Deployer, cell(actor)));
    }
    if let Some(note) = &asked.note {
        rows.push((Label::Note, markdown(&piece(note))));
    }
    if let Some(url) = &asked.run_url {
        rows.push((Label::Run, link(Label::ShowRun.text(locale), url)));
    }
    if let Some(start) = story.start {
        rows.push((Label::Started, time(start.at, None)));
        if let Some(seconds) = story.seconds() {
            rows.push((
                Label::Duration,
                duration(Duration::from_secs(seconds), locale),
            ));
        }
        if let Some(live) = &start.previous {
            rows.push((
                Label::PreviousVersion,
                version(&live.deployment, live.git_ref.as_ref()),
            ));
        }
    }
    if let Some(goal) = story.goal() {
        rows.push((
            Label::RollbackTarget,
            version(&goal.deployment, goal.git_ref.as_ref()),
        ));
    }
    if let Some(holder) = &report.holder {
        let age = duration(report.at.since(holder.at), locale);
        let actor = holder.actor.as_deref().map(|a| one_line(a, 80));
        let text = Message::HeldBy {
            deployment: &holder.deployment,
            actor: actor.as_deref(),
            age: &age,
        }
        .text(locale);
        let text = match &holder.run_url {
            Some(url) => format!(
                "{} ({})",
                markdown(&text),
                link(Label::ShowRun.text(locale), url)
            ),
            None => markdown(&text),
        };
        rows.push((Label::Holder, text));
    }
    let flags = flags(story, locale);
    if !flags.is_empty() {
        rows.push((Label::Flags, flags.join("<br>")));
    }
    let mut out = String::from("| | |\n|---|---|\n");
    for (label, value) in rows {
        out.push_str(&format!("| **{}** | {value} |\n", label.text(locale)));
    }
    out
}

fn version(id: &DeploymentId, commit: Option<&CommitSha>) -> String {
    match commit {
        Some(commit) => format!("{} ({})", code(id.as_str()), code(commit.short())),
        None => code(id.as_str()),
    }
}

fn flags(story: &Story<'_>, locale: Locale) -> Vec<String> {
    let mut out = Vec::new();
    let overridden: Vec<&str> = story
        .checks()
        .iter()
        .filter(|l| l.overridden)
        .map(|l| l.check.word(locale))
        .collect();
    if !overridden.is_empty() {
        out.push(format!(
            "⚠️ {}: {}",
            Label::Forced.text(locale),
            markdown(&overridden.join(", "))
        ));
    } else if story.report.asked.force {
        out.push(markdown(Label::ForceGiven.text(locale)));
    }
    let skipped: Vec<&str> = story
        .checks()
        .iter()
        .filter(|l| l.result == CheckResult::Skipped && l.check != CheckName::Target)
        .map(|l| l.check.word(locale))
        .collect();
    if story.report.asked.kind == DeploymentType::Hotfix && !skipped.is_empty() {
        let label = Label::SkippedChecks.text(locale);
        out.push(markdown(&format!("{label}: {}", skipped.join(", "))));
    }
    if story.report.asked.dry_run {
        out.push(markdown(Label::DryRun.text(locale)));
    }
    if let Some(start) = story.start {
        if start.irreversible {
            out.push(format!(
                "⚠️ {}",
                markdown(Label::IsIrreversible.text(locale))
            ));
        }
        if start.unguarded {
            out.push(format!("⚠️ {}", markdown(Label::NoLock.text(locale))));
        }
    }
    let took = story
        .report
        .deployment
        .as_ref()
        .and_then(|d| d.took_over.as_ref());
    if let Some(from) = took {
        out.push(format!(
            "{} {}",
            markdown(Label::TookOver.text(locale)),
            code(from.as_str())
        ));
    }
    out
}

fn next_steps(story: &Story<'_>, locale: Locale) -> String {
    let commands = next::after(story);
    if commands.is_empty() {
        return String::new();
    }
    let mut out = heading(Label::NextSteps.text(locale));
    for command in commands {
        out.push_str(&format!(
            "- {}: {}\n",
            markdown(command.step.text(locale)),
            code(&command.line)
        ));
    }
    out
}

fn chart(story: &Story<'_>, locale: Locale) -> String {
    timeline::chart(&story.report.entries, story.report.at, locale).map_or_else(
        String::new,
        |chart| {
            format!(
                "{}```mermaid\n{chart}```\n",
                heading(Label::Timeline.text(locale))
            )
        },
    )
}

/// Alerts that did not go out, in full sentences.
#[must_use]
pub fn undelivered_lines(told: &[Told], locale: Locale) -> Vec<String> {
    told.iter()
        .filter_map(|t| {
            let why = t.why.as_deref().map(piece);
            let (event, channel) = (t.event.word(locale), t.channel.word(locale));
            let why = why.as_deref();
            match t.state {
                NoticeState::Sent => None,
                NoticeState::Sending | NoticeState::Owed => Some(
                    Message::ToldLater {
                        event,
                        channel,
                        why,
                    }
                    .text(locale),
                ),
                NoticeState::Undelivered => Some(
                    Message::NotTold {
                        event,
                        channel,
                        why,
                    }
                    .text(locale),
                ),
            }
        })
        .collect()
}

fn undelivered(told: &[Told], locale: Locale) -> String {
    undelivered_lines(told, locale)
        .iter()
        .take(20)
        .map(|line| format!("> ⚠️ {}\n>\n", markdown(line)))
        .collect::<String>()
        .trim_end_matches(">\n")
        .to_owned()
}

fn notes(story: &Story<'_>, rows: usize, locale: Locale) -> String {
    let mut lines: Vec<String> = Vec::new();
    if story.report.keeper == KeeperSeen::Absent {
        lines.push(Message::KeeperAbsent.text(locale));
    }
    lines.extend(story.report.notes.iter().map(|n| one_line(n, 1000)));
    if lines.is_empty() {
        return String::new();
    }
    let mut out = heading(Label::Notes.text(locale));
    for line in lines.iter().take(rows) {
        out.push_str(&format!("- {}\n", markdown(line)));
    }
    if lines.len() > rows {
        out.push_str(&more(lines.len() - rows, locale));
    }
    out
}
