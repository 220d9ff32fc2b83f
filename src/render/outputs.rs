//! The action's outputs from a report; knows their names and shapes, not GitHub's file.

use serde_json::{Value, json};

use crate::core::changes::{Pull, compare_page};
use crate::core::outcome::Report;
use crate::i18n::Locale;
use crate::i18n::wording::one_line;
use crate::render::json::{checks, entries, findings, live};
use crate::render::story::Story;

/// Version of the output `result`; raised when a field changes its meaning or goes away.
pub const SCHEMA_VERSION: u64 = 1;

/// Every output of the action, in the order of its documentation; an empty text where there is no value.
#[must_use]
pub fn outputs(report: &Report, locale: Locale) -> Vec<(&'static str, String)> {
    let mut out: Vec<(&'static str, String)> = scalars(&Story::of(report), locale)
        .into_iter()
        .map(|(name, value)| (name, as_text(&value)))
        .collect();
    out.push(("result", result(report, locale).to_string()));
    out
}

/// `result` stays below this, for all outputs of a job together may have 1 MB.
/// Source: GitHub, "Workflow syntax", outputs.
const MOST_RESULT: usize = 300 * 1024;

/// Output `result`: all outputs and more as versioned JSON. What makes it too large is left out, the least
/// telling first, and named in `left_out`.
#[must_use]
pub fn result(report: &Report, locale: Locale) -> Value {
    let mut out = whole(report, locale);
    let mut left_out = Vec::new();
    for name in [
        "journal",
        "restores",
        "notes",
        "checks",
        "gates",
        "candidates",
    ] {
        if out.to_string().len() <= MOST_RESULT {
            break;
        }
        if let Value::Object(map) = &mut out {
            map.insert(name.to_owned(), Value::Null);
            left_out.push(name);
            map.insert("left_out".to_owned(), json!(left_out));
        }
    }
    out
}

fn whole(report: &Report, locale: Locale) -> Value {
    let story = Story::of(report);
    let mut out = serde_json::Map::new();
    out.insert("schema_version".to_owned(), json!(SCHEMA_VERSION));
    for (name, value) in scalars(&story, locale) {
        out.insert(name.to_owned(), value);
    }
    let asked = &report.asked;
    let start = story.start;
    let more = [
        ("exit_code", json!(report.outcome.exit.code())),
        ("ending", json!(story.ending.as_str())),
        ("left_out", json!([])),
        ("environment", json!(one_line(&asked.environment, 64))),
        ("service", json!(one_line(&asked.service, 100))),
        ("actor", json!(asked.actor.as_deref().map(|a| one_line(a, 200)))),
        ("note", json!(asked.note.as_deref().map(|n| one_line(n, 2000)))),
        ("run_url", json!(asked.run_url.as_deref().map(|u| one_line(u, 2000)))),
        ("force_deploy", json!(asked.force)),
        ("dry_run", json!(asked.dry_run)),
        ("irreversible", json!(start.is_some_and(|s| s.irreversible))),
        ("locked", json!(start.is_some_and(|s| s.locked))),
        ("started_at", json!(start.map(|s| s.at.to_string()))),
        ("ended_at", json!(story.closing.map(|(_, at)| at.to_string()))),
        ("live", json!(story.closing.map(|(c, _)| c.live))),
        ("error", json!(story
                    .closing
                    .and_then(|(c, _)| c.error.as_deref())
                    .map(|e| one_line(e, 2000)))),
        ("checks", checks(story.checks())),
        ("gates", findings(story.cause.map_or(&[][..], |c| &c.findings), locale)),
        (
            "restores",
            story
                .after
                .iter()
                .map(|(strategy, j)| {
                    json!({
                        "strategy": strategy,
                        "verdict": j.verdict,
                        "reason_code": j.reason,
                        "gates": findings(&j.findings, locale),
                    })
                })
                .collect(),
        ),
        ("candidates", report.candidates.iter().map(live).collect()),
        (
            "holder",
            report.holder.as_ref().map_or(Value::Null, crate::render::json::holder),
        ),
        (
            "notices",
            report
                .told
                .iter()
                .map(|t| json!({"event": t.event, "channel": t.channel, "state": t.state, "why": t.why.as_deref().map(|w| one_line(w, 500))}))
                .collect(),
        ),
        ("changes", start
                .map_or(&[][..], |s| &s.changes)
                .iter()
                .map(|c| one_line(c, 200))
                .collect()),
        (
            "changes_left_out",
            json!(start.map_or(0, |s| s.changes_left_out)),
        ),
        ("compare_url", json!(start.and_then(compare_page))),
        (
            "pull_requests",
            report
                .pulls
                .iter()
                .flat_map(|(commit, pulls)| {
                    let of = |p: &Pull| json!({"number": p.number, "url": one_line(&p.url, 500), "commit": commit.as_str()});
                    pulls.iter().map(of).collect::<Vec<_>>()
                })
                .collect(),
        ),
        ("notes", report
                .notes
                .iter()
                .map(|n| one_line(n, 1000))
                .collect()),
        ("journal", entries(&report.entries)),
        ("generated_at", json!(report.at.to_string())),
    ];
    for (name, value) in more {
        out.insert(name.to_owned(), value);
    }
    Value::Object(out)
}

fn scalars(story: &Story<'_>, locale: Locale) -> Vec<(&'static str, Value)> {
    let outcome = &story.report.outcome;
    let start = story.start;
    let previous = start.and_then(|s| s.previous.as_ref());
    let goal = story.goal();
    vec![
        ("deployment_id", json!(start.map(|s| s.id.as_str()))),
        ("deployment_type", json!(story.report.asked.kind)),
        ("status", json!(outcome.status)),
        ("verdict", json!(outcome.verdict)),
        ("deploy_needed", json!(outcome.deploy_needed)),
        ("ref", json!(story.git_ref())),
        (
            "previous_ref",
            json!(
                previous
                    .and_then(|p| p.git_ref.as_ref())
                    .map(|c| c.as_str())
            ),
        ),
        (
            "previous_deployment_id",
            json!(previous.map(|p| p.deployment.as_str())),
        ),
        (
            "rollback_target",
            json!(goal.as_ref().map(|g| g.deployment.as_str())),
        ),
        ("rolled_back", json!(outcome.rolled_back)),
        (
            "rollback_ref",
            json!(
                goal.as_ref()
                    .and_then(|g| g.git_ref.as_ref())
                    .map(|c| c.as_str())
            ),
        ),
        ("decision", json!(outcome.decision)),
        ("reason_code", json!(outcome.reason)),
        ("reason", json!(story.reason(locale))),
        ("duration_seconds", json!(story.seconds())),
    ]
}

fn as_text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}
