//! The job summary in GitHub's Markdown; knows the limit of 1 MiB, not where the text is written.

use std::time::Duration;

use crate::core::alert::NoticeState;
use crate::core::gate::Finding;
use crate::core::outcome::{KeeperSeen, Report, Told};
use crate::core::policy::{CheckLine, CheckResult};
use crate::core::record::Verdict;
use crate::i18n::reason::meaning;
use crate::i18n::wording::{clock, duration, one_line, percent, piece, time};
use crate::i18n::{Ending, Label, Locale, Message, Word, sight};
use crate::render::escape::{code, cut_bytes, link, markdown};
use crate::render::next;
use crate::render::story::Story;
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
        markdown(&Ending::Invalid.headline("", locale)),
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
    let mut out = vec![
        part(0, lead(story, locale)),
        part(2, next_steps(story, locale)),
        part(3, undelivered(&report.told, locale)),
        part(1, facts(story, locale)),
        part(8, candidates(story, rows, locale)),
        part(4, gates(Label::Gates, cause, rows, locale)),
    ];
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
    out
}

fn heading(title: &str) -> String {
    format!("### {}\n\n", markdown(title))
}

fn more(n: usize, locale: Locale) -> String {
    format!("\n{}\n", markdown(&Message::AndMore(n as u64).text(locale)))
}

/// A table with at most so many rows; cells are escaped already.
fn table(heads: &[Label], rows: &[Vec<String>], most: usize, locale: Locale) -> String {
    let heads: Vec<&str> = heads.iter().map(|h| h.text(locale)).collect();
    let mut out = format!(
        "| {} |\n|{}\n",
        heads.join(" | "),
        "---|".repeat(heads.len())
    );
    for row in rows.iter().take(most) {
        out.push_str(&format!("| {} |\n", row.join(" | ")));
    }
    if rows.len() > most {
        out.push_str(&more(rows.len() - most, locale));
    }
    out
}

fn lead(story: &Story<'_>, locale: Locale) -> String {
    let headline = story.ending.headline(&story.environment, locale);
    let mut out = format!(
        "## {} {}\n\n{}\n",
        story.ending.sign(),
        markdown(&headline),
        markdown(&story.lead(locale))
    );
    let asked = &story.report.asked;
    if story.ending == Ending::DryRun {
        let commit = story.git_ref().map(|c| one_line(&c, 12));
        let would = Message::WouldDeploy {
            kind: asked.kind,
            commit: commit.as_deref(),
            environment: &story.environment,
        };
        let all_fine = story.checks().iter().all(|l| {
            l.overridden
                || !matches!(
                    l.result,
                    CheckResult::Failed { .. } | CheckResult::Unavailable { .. }
                )
        });
        if all_fine {
            out.push_str(&format!("\n{}\n", markdown(&would.text(locale))));
        }
    }
    out
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

fn version(
    id: &crate::core::id::DeploymentId,
    commit: Option<&crate::core::id::CommitSha>,
) -> String {
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
        if !start.locked {
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

fn checks(story: &Story<'_>, rows: usize, locale: Locale) -> String {
    let lines = story.checks();
    if lines.is_empty() {
        return String::new();
    }
    let kind = story.report.asked.kind;
    let cells: Vec<Vec<String>> = lines
        .iter()
        .map(|line| {
            let (sign, text) = check_text(line, kind, locale);
            vec![
                line.check.word(locale).to_owned(),
                sign.to_owned(),
                markdown(&text),
            ]
        })
        .collect();
    heading(Label::Checks.text(locale))
        + &table(
            &[Label::Check, Label::Result, Label::Particulars],
            &cells,
            rows,
            locale,
        )
}

/// A check's sign and what it found, as plain text.
#[must_use]
pub fn check_text(
    line: &CheckLine,
    kind: crate::core::record::DeploymentType,
    locale: Locale,
) -> (&'static str, String) {
    let over = |text: String| {
        if line.overridden {
            format!("{text} ({})", Message::CheckOverridden.text(locale))
        } else {
            text
        }
    };
    match &line.result {
        CheckResult::Passed { note } => (
            "✅",
            note.as_deref()
                .map(piece)
                .filter(|n| !n.is_empty())
                .unwrap_or_else(|| Message::CheckPassed.text(locale)),
        ),
        CheckResult::Failed { reason, detail } => {
            let text = crate::i18n::reason::because(*reason, Some(&piece(detail)), locale);
            (if line.overridden { "⚠️" } else { "⛔" }, over(text))
        }
        CheckResult::Unavailable { why } => {
            let why = crate::core::observation::Why {
                kind: why.kind,
                detail: piece(&why.detail),
            };
            (
                if line.overridden { "⚠️" } else { "❔" },
                over(Message::CheckUnavailable(&why).text(locale)),
            )
        }
        CheckResult::NotApplicable => ("➖", Message::CheckNotApplicable.text(locale)),
        CheckResult::Skipped => ("➖", Message::CheckSkipped(kind).text(locale)),
    }
}

fn gates(title: Label, findings: &[Finding], rows: usize, locale: Locale) -> String {
    gate_table(title.text(locale), findings, rows, locale)
}

fn gate_table(title: &str, findings: &[Finding], rows: usize, locale: Locale) -> String {
    if findings.is_empty() {
        return String::new();
    }
    let cells: Vec<Vec<String>> = sight::worst_first(findings)
        .into_iter()
        .take(rows)
        .map(|f| gate_row(f, locale))
        .collect();
    let mut out = heading(title)
        + &table(
            &[
                Label::Gate,
                Label::Verdict,
                Label::Seen,
                Label::Bound,
                Label::Evidence,
                Label::Why,
            ],
            &cells,
            rows,
            locale,
        );
    if findings.len() > rows {
        out.push_str(&more(findings.len() - rows, locale));
    }
    out
}

fn gate_row(finding: &Finding, locale: Locale) -> Vec<String> {
    let bounds = sight::join(&sight::bounds(finding), locale);
    vec![
        markdown(&sight::gate_name(finding, locale)),
        format!("{} {}", verdict_sign(finding), finding.verdict.word(locale)),
        markdown(&sight::join(&sight::seen(finding), locale)),
        if bounds.is_empty() {
            "–".to_owned()
        } else {
            markdown(&bounds)
        },
        markdown(&evidence(finding, locale)),
        markdown(meaning(finding.reason, locale)),
    ]
}

fn evidence(finding: &Finding, locale: Locale) -> String {
    let sure = sight::sureness(finding);
    match (finding.verdict, sure.is_empty()) {
        (_, false) => sight::join(&sure, locale),
        (Verdict::Healthy | Verdict::Inconclusive, true) => format!(
            "{} {}",
            Verdict::Healthy.word(locale),
            percent(finding.pass_evidence, locale)
        ),
        (Verdict::Degraded | Verdict::Skipped, true) => "–".to_owned(),
    }
}

/// The sign of a gate's verdict.
#[must_use]
pub fn verdict_sign(finding: &Finding) -> &'static str {
    match finding.verdict {
        Verdict::Healthy => "✅",
        Verdict::Degraded => "❌",
        Verdict::Inconclusive | Verdict::Skipped => "❔",
    }
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

fn events(story: &Story<'_>, rows: usize, locale: Locale) -> String {
    let events = timeline::rows(&story.report.entries, locale);
    if events.is_empty() {
        return String::new();
    }
    let cells: Vec<Vec<String>> = events
        .iter()
        .map(|(at, text)| vec![clock(*at), markdown(text)])
        .collect();
    format!(
        "<details><summary>{}</summary>\n\n{}\n</details>\n",
        Label::EveryEvent.text(locale),
        table(&[Label::Time, Label::Event], &cells, rows, locale)
    )
}

fn changes(story: &Story<'_>, rows: usize, locale: Locale) -> String {
    let changes = story.start.map_or(&[][..], |s| &s.changes);
    if changes.is_empty() {
        return String::new();
    }
    let mut list: String = changes
        .iter()
        .take(rows)
        .map(|c| format!("- {}\n", markdown(&one_line(c, 200))))
        .collect();
    if changes.len() > rows {
        list.push_str(&more(changes.len() - rows, locale));
    }
    format!(
        "<details><summary>{} ({})</summary>\n\n{list}\n</details>\n",
        Label::Changes.text(locale),
        changes.len()
    )
}

fn candidates(story: &Story<'_>, rows: usize, locale: Locale) -> String {
    let found = &story.report.candidates;
    if found.is_empty() {
        return String::new();
    }
    let cells: Vec<Vec<String>> = found
        .iter()
        .map(|c| {
            vec![
                code(c.deployment.as_str()),
                c.git_ref
                    .as_ref()
                    .map_or("–".to_owned(), |g| code(g.short())),
                time(c.at, None),
            ]
        })
        .collect();
    heading(Label::Candidates.text(locale))
        + &table(
            &[Label::DeploymentId, Label::Commit, Label::Started],
            &cells,
            rows,
            locale,
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

fn notices(told: &[Told], rows: usize, locale: Locale) -> String {
    if told.is_empty() {
        return String::new();
    }
    let cells: Vec<Vec<String>> = told
        .iter()
        .map(|t| {
            let sign = match t.state {
                NoticeState::Sent => "✅",
                NoticeState::Sending | NoticeState::Owed => "⏳",
                NoticeState::Undelivered => "⚠️",
            };
            vec![
                t.event.word(locale).to_owned(),
                t.channel.word(locale).to_owned(),
                format!("{sign} {}", t.state.word(locale)),
            ]
        })
        .collect();
    heading(Label::Notices.text(locale))
        + &table(
            &[Label::Event, Label::Channel, Label::Result],
            &cells,
            rows,
            locale,
        )
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
