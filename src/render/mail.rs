//! The mail of an alert: subject and plain text; knows SNS's sizes, not SNS.

use std::time::Duration;

use crate::core::alert::Facts;
use crate::core::record::Verdict;
use crate::i18n::alert;
use crate::i18n::wording::{duration, one_line, piece, time};
use crate::i18n::{Label, Locale, Message, Word, sight};
use crate::render::escape::{cut_bytes, plain};
use crate::render::next;

/// SNS refuses longer messages; other formats of the same message count too.
/// Source: Amazon SNS API reference, `Publish`.
const LIMIT: usize = 100 * 1024;

/// One line, below 100 characters.
#[must_use]
pub fn subject(facts: &Facts, locale: Locale) -> String {
    one_line(&alert::subject(facts, locale), 99)
}

/// Plain text: what happened, what was done, what to do next, facts, link.
#[must_use]
pub fn text(facts: &Facts, repeated: bool, locale: Locale) -> String {
    let mut out = format!("{}\n", alert::title(facts, locale));
    if repeated {
        out.push_str(&format!("({})\n", Message::Repeated.text(locale)));
    }
    section(
        &mut out,
        Label::Happened.text(locale),
        &happened(facts, locale),
    );
    section(
        &mut out,
        Label::Done.text(locale),
        &[alert::done(facts, locale)],
    );
    let mut todo: Vec<String> = alert::next(facts, locale).into_iter().collect();
    for command in next::for_alert(facts) {
        todo.push(format!("- {}:", command.step.text(locale)));
        todo.push(format!("    {}", command.line));
    }
    section(&mut out, Label::Next.text(locale), &todo);
    if alert::tells_changes(facts) {
        section(
            &mut out,
            Label::Changes.text(locale),
            &changes(facts, locale),
        );
    }
    section(
        &mut out,
        Label::Facts.text(locale),
        &facts_lines(facts, locale),
    );
    cut_bytes(&plain(&out), LIMIT).to_owned()
}

fn section(out: &mut String, title: &str, lines: &[String]) {
    if lines.is_empty() {
        return;
    }
    out.push_str(&format!("\n[{title}]\n"));
    for line in lines {
        out.push_str(line);
        out.push('\n');
    }
}

fn happened(facts: &Facts, locale: Locale) -> Vec<String> {
    let mut lines = Vec::new();
    lines.extend(alert::happened(facts, locale).map(str::to_owned));
    lines.extend(
        sight::worst_first(&facts.findings)
            .into_iter()
            .filter(|f| f.verdict != Verdict::Healthy)
            .take(20)
            .map(|f| format!("- {}", sight::line(f, locale))),
    );
    lines.extend(facts.detail.as_deref().map(piece).filter(|d| !d.is_empty()));
    lines
}

fn changes(facts: &Facts, locale: Locale) -> Vec<String> {
    let line = |c: &String| format!("- {}", one_line(c, 200));
    let mut lines: Vec<String> = facts.changes.iter().map(line).collect();
    if facts.changes_left_out > 0 {
        lines.push(Message::AndMore(facts.changes_left_out as u64).text(locale));
    }
    if let Some(url) = &facts.compare_url {
        let label = Label::ComparePage.text(locale);
        lines.push(format!("{label}: {}", one_line(url, 2000)));
    }
    lines
}

fn facts_lines(facts: &Facts, locale: Locale) -> Vec<String> {
    let mut rows: Vec<(Label, String)> = vec![
        (Label::DeploymentId, facts.deployment.to_string()),
        (Label::Environment, facts.environment.to_string()),
        (Label::Service, facts.service.to_string()),
        (Label::Type, facts.kind.word(locale).to_owned()),
    ];
    if let Some(commit) = &facts.git_ref {
        rows.push((Label::Commit, commit.to_string()));
    }
    if let Some(actor) = &facts.actor {
        rows.push((Label::Deployer, one_line(actor, 80)));
    }
    if let Some(note) = &facts.note {
        rows.push((Label::Note, piece(note)));
    }
    rows.extend(alert::passed_by(facts, locale));
    if let Some(previous) = &facts.previous {
        let commit = previous
            .git_ref
            .as_ref()
            .map_or(String::new(), |c| format!(" ({})", c.short()));
        rows.push((
            Label::GoodVersion,
            format!("{}{commit}", previous.deployment),
        ));
    }
    rows.push((Label::Started, time(facts.started, None)));
    if alert::tells_duration(facts) {
        rows.push((
            Label::Duration,
            duration(Duration::from_secs(facts.took_ms / 1000), locale),
        ));
    }
    if let Some(url) = &facts.run_url {
        rows.push((Label::Run, one_line(url, 2000)));
    }
    rows.iter()
        .map(|(label, value)| format!("{}: {value}", label.text(locale)))
        .collect()
}
