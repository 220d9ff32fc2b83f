//! Slack's payload in the shape of the team's webhook; knows mrkdwn and its sizes, not Slack's answers.

use std::time::Duration;

use serde_json::{Value, json};

use crate::core::alert::{AlertEvent, Facts, Severity};
use crate::core::record::Verdict;
use crate::i18n::alert::{done, happened, next, passed_by, tells_changes, tells_duration, title};
use crate::i18n::wording::duration;
use crate::i18n::{Label, Locale, Message, Word, sight};
use crate::render::escape::{slack, web_address};
use crate::render::next as commands;

/// Longest value of a field, in characters before escaping: attachments collapse when they grow long.
const VALUE: usize = 600;

/// Field of an attachment.
struct Field {
    label: Label,
    value: String,
    short: bool,
}

/// The message: title, colour, fields. `mention` is put before the title where it is one that Slack knows.
#[must_use]
pub fn payload(facts: &Facts, repeated: bool, mention: Option<&str>, locale: Locale) -> Value {
    let mut text = title(facts, locale);
    if let Some(mention) = mention.map(str::trim).filter(|m| !m.is_empty()) {
        text = format!("{} {text}", mention_text(mention));
    }
    if repeated {
        text.push_str(&format!(" ({})", Message::Repeated.text(locale)));
    }
    let fields: Vec<Value> = fields(facts, locale)
        .into_iter()
        .map(|f| {
            json!({
                "title": f.label.text(locale),
                "value": f.value,
                "short": f.short,
            })
        })
        .collect();
    json!({
        "text": text,
        "attachments": [{
            "color": colour(facts),
            "fields": fields,
        }],
    })
}

fn colour(facts: &Facts) -> &'static str {
    // A deployment that ended without having been watched is no good news.
    if facts.event == AlertEvent::Succeeded && facts.verdict == Some(Verdict::Skipped) {
        return Severity::Warning.as_str();
    }
    facts.event.severity().as_str()
}

/// A mention as Slack writes it, else escaped text.
fn mention_text(mention: &str) -> String {
    let inner = mention.strip_prefix('<').and_then(|m| m.strip_suffix('>'));
    let known = inner.is_some_and(|m| {
        let id = |t: &str| {
            !t.is_empty() && t.len() <= 40 && t.chars().all(|c| c.is_ascii_alphanumeric())
        };
        matches!(m, "!channel" | "!here" | "!everyone")
            || m.strip_prefix('@').is_some_and(id)
            || m.strip_prefix("!subteam^").is_some_and(id)
    });
    if known {
        mention.to_owned()
    } else {
        slack(mention, 80)
    }
}

fn fields(facts: &Facts, locale: Locale) -> Vec<Field> {
    let mut out = Vec::new();
    let mut add = |label, value: String, short| {
        if !value.is_empty() {
            out.push(Field {
                label,
                value,
                short,
            });
        }
    };
    add(
        Label::DeploymentId,
        slack(facts.deployment.as_str(), 128),
        true,
    );
    add(
        Label::Environment,
        slack(facts.environment.as_str(), 64),
        true,
    );
    let commit = facts.git_ref.as_ref().map_or("-", |c| c.short());
    add(Label::Commit, slack(commit, 40), true);
    let actor = facts.actor.as_deref().unwrap_or("-");
    add(Label::Deployer, slack(actor, 80), true);
    if tells_target(facts) {
        let target = facts.previous.as_ref().map(|p| match &p.git_ref {
            Some(commit) => format!("{} ({})", p.deployment, commit.short()),
            None => p.deployment.to_string(),
        });
        add(
            Label::RollbackTarget,
            slack(&target.unwrap_or_default(), 200),
            true,
        );
    }
    if tells_duration(facts) {
        add(
            Label::Duration,
            duration(Duration::from_secs(facts.took_ms / 1000), locale),
            true,
        );
    }
    if let Some(verdict) = shown_verdict(facts) {
        let text = match (verdict, tells_target(facts)) {
            (Verdict::Healthy, true) => Label::Passed.text(locale),
            (Verdict::Degraded, true) => Label::NotPassed.text(locale),
            (verdict, _) => verdict.word(locale),
        };
        add(Label::HealthCheck, text.to_owned(), true);
    }
    if let Some(note) = &facts.note {
        add(Label::Note, slack(note, 200), false);
    }
    for (label, names) in passed_by(facts, locale) {
        add(label, slack(&names, 300), false);
    }
    add(Label::Why, why(facts, locale), false);
    if tells_changes(facts) {
        add(Label::Changes, changes(facts, locale), false);
    }
    add(Label::Done, slack(&done(facts, locale), VALUE), false);
    add(Label::Next, todo(facts, locale), false);
    if let Some(url) = facts.run_url.as_deref().and_then(web_address) {
        let url = slack(url, 2000);
        add(
            Label::Run,
            format!("<{url}|{}>", Label::ShowRun.text(locale)),
            false,
        );
    }
    out
}

/// The first commits, and the page that shows them all.
fn changes(facts: &Facts, locale: Locale) -> String {
    let line = |c: &String| format!("• {}", slack(c, 100));
    let mut lines: Vec<String> = facts.changes.iter().map(line).collect();
    if facts.changes_left_out > 0 {
        let more = Message::AndMore(facts.changes_left_out as u64).text(locale);
        lines.push(slack(&more, 100));
    }
    if let Some(url) = facts.compare_url.as_deref().and_then(web_address) {
        let label = Label::ComparePage.text(locale);
        lines.push(format!("<{}|{label}>", slack(url, 2000)));
    }
    lines.join("\n")
}

fn tells_target(facts: &Facts) -> bool {
    matches!(
        facts.event,
        AlertEvent::RollbackStarted | AlertEvent::RollbackCompleted | AlertEvent::RollbackFailed
    )
}

/// The verdict that belongs to the event: a restore is told by how *it* ended, not by why it began.
fn shown_verdict(facts: &Facts) -> Option<Verdict> {
    match facts.event {
        AlertEvent::RollbackCompleted => Some(Verdict::Healthy),
        AlertEvent::RollbackFailed | AlertEvent::HealthCheckFailed => Some(Verdict::Degraded),
        AlertEvent::RollbackStarted
        | AlertEvent::Started
        | AlertEvent::Forced
        | AlertEvent::Stuck
        | AlertEvent::LockTakenOver => None,
        AlertEvent::Succeeded
        | AlertEvent::Failed
        | AlertEvent::Inconclusive
        | AlertEvent::Cancelled
        | AlertEvent::Superseded => facts.verdict,
    }
}

fn why(facts: &Facts, locale: Locale) -> String {
    let mut lines = Vec::new();
    // Good news needs no reason.
    if facts.event != AlertEvent::Succeeded || facts.verdict != Some(Verdict::Healthy) {
        lines.extend(happened(facts, locale).map(|text| slack(text, VALUE)));
        lines.extend(
            sight::worst_first(&facts.findings)
                .into_iter()
                .filter(|f| f.verdict != Verdict::Healthy)
                .take(3)
                .map(|f| format!("• {}", slack(&sight::line(f, locale), 200))),
        );
    }
    lines.extend(
        facts
            .detail
            .as_deref()
            .map(|d| slack(d, 300))
            .filter(|d| !d.is_empty()),
    );
    lines.join("\n")
}

fn todo(facts: &Facts, locale: Locale) -> String {
    let mut lines: Vec<String> = next(facts, locale)
        .map(|n| slack(&n, VALUE))
        .into_iter()
        .collect();
    lines.extend(
        commands::for_alert(facts)
            .iter()
            .take(5)
            .map(|c| format!("`{}`", slack(&c.line, 300))),
    );
    lines.join("\n")
}
