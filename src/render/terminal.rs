//! Text for a terminal: tables, one deployment's story, locks. Knows no terminal.

use std::time::Duration;

use crate::core::id::EnvironmentName;
use crate::core::journal::Entry;
use crate::core::lease::{Head, KEEPER_FRESH, KeeperBeat, Live};
use crate::core::record::{Record, Status, StoredWord, Verdict};
use crate::core::time::Timestamp;
use crate::i18n::reason::{help, meaning};
use crate::i18n::wording::{duration, one_line, piece, time};
use crate::i18n::{Label, Locale, Message, Word};
pub use crate::render::columns::{Colours, width};
use crate::render::columns::{Paint, columns, pad};
use crate::render::timeline;

pub(super) fn status_paint(status: Option<Status>, verdict: Option<Verdict>) -> Paint {
    match status {
        Some(Status::Success) if verdict == Some(Verdict::Inconclusive) => Paint::Warn,
        Some(Status::Success) => Paint::Good,
        Some(Status::Failure | Status::RollbackFailed) => Paint::Bad,
        Some(Status::RolledBack | Status::InProgress) => Paint::Warn,
        Some(Status::Cancelled | Status::Superseded) => Paint::Faint,
        None => Paint::None,
    }
}

pub(super) fn status_word(status: &StoredWord<Status>, locale: Locale) -> String {
    match status {
        StoredWord::Known(status) => status.word(locale).to_owned(),
        StoredWord::Other(text) => one_line(text, 20),
    }
}

/// The table of `history`.
#[must_use]
pub fn history(
    records: &[Record],
    cursor: Option<&str>,
    environment: &EnvironmentName,
    locale: Locale,
    colours: Colours,
) -> String {
    if records.is_empty() {
        return Message::HistoryEmpty(environment).text(locale) + "\n";
    }
    let heads: Vec<String> = [
        Label::Started,
        Label::DeploymentId,
        Label::Status,
        Label::Verdict,
        Label::Commit,
        Label::Duration,
        Label::Deployer,
        Label::Why,
    ]
    .iter()
    .map(|l| l.text(locale).to_owned())
    .collect();
    let rows: Vec<Vec<(String, Paint)>> = records
        .iter()
        .map(|r| {
            let guard = r.guard.as_ref();
            let verdict = guard.and_then(|g| g.verdict);
            let none = || "-".to_owned();
            let commit = r.commit_sha().map(|c| c.short().to_owned());
            let commit = commit.or_else(|| r.commit.as_deref().map(|c| one_line(c, 12)));
            let why = match guard.and_then(|g| g.reason_code) {
                Some(reason) => meaning(reason, locale).trim_end_matches('.').to_owned(),
                None => r
                    .error
                    .as_deref()
                    .map_or_else(String::new, |e| one_line(e, 80)),
            };
            let plain = |text: String| (text, Paint::None);
            vec![
                plain(time(r.at, None)),
                plain(r.id.to_string()),
                (
                    status_word(&r.status, locale),
                    status_paint(r.status.known(), verdict),
                ),
                plain(verdict.map_or_else(none, |v| v.word(locale).to_owned())),
                plain(commit.unwrap_or_else(none)),
                plain(
                    r.duration_s
                        .map_or_else(none, |s| duration(Duration::from_secs(s), locale)),
                ),
                plain(
                    r.deployed_by
                        .as_deref()
                        .map_or_else(none, |d| one_line(d, 24)),
                ),
                plain(why),
            ]
        })
        .collect();
    let mut out = columns(&heads, &rows, colours);
    if let Some(cursor) = cursor {
        out.push_str(&Message::MoreWith(&one_line(cursor, 2000)).text(locale));
        out.push('\n');
    }
    out
}

/// `show`: the story of one deployment.
#[must_use]
pub fn show(record: &Record, journal: &[Entry], locale: Locale, colours: Colours) -> String {
    let guard = record.guard.as_ref();
    let verdict = guard.and_then(|g| g.verdict);
    let mut rows: Vec<(Label, String)> = vec![
        (Label::DeploymentId, record.id.to_string()),
        (Label::Environment, record.environment.to_string()),
    ];
    let mut add = |label, value: Option<String>| {
        if let Some(value) = value.filter(|v| !v.is_empty()) {
            rows.push((label, value));
        }
    };
    add(Label::Service, guard.map(|g| g.service.to_string()));
    add(
        Label::Type,
        Some(match record.kind.known() {
            Some(kind) => kind.word(locale).to_owned(),
            None => one_line(record.kind.as_str(), 20),
        }),
    );
    let status = colours.paint(
        &status_word(&record.status, locale),
        status_paint(record.status.known(), verdict),
    );
    add(Label::Status, Some(status));
    add(Label::Verdict, verdict.map(|v| v.word(locale).to_owned()));
    let commit = record.commit_sha().map(|c| c.to_string());
    add(
        Label::Commit,
        commit.or_else(|| record.commit.as_deref().map(piece)),
    );
    add(
        Label::Deployer,
        record.deployed_by.as_deref().map(|d| one_line(d, 80)),
    );
    add(Label::Started, Some(time(record.at, None)));
    let seconds = record.duration_s.map(Duration::from_secs);
    add(Label::Duration, seconds.map(|d| duration(d, locale)));
    add(
        Label::PreviousVersion,
        guard
            .and_then(|g| g.previous_deployment.as_ref())
            .map(ToString::to_string),
    );
    add(
        Label::RollbackTarget,
        record.rollback_target.as_deref().map(piece),
    );
    add(
        Label::Run,
        guard
            .and_then(|g| g.run_url.as_deref())
            .map(|u| one_line(u, 500)),
    );
    let reason = guard.and_then(|g| g.reason_code);
    add(Label::Why, reason.map(|r| meaning(r, locale).to_owned()));
    add(
        Label::Error,
        (record.error.as_deref())
            .filter(|e| reason.is_none_or(|r| r.as_str() != *e))
            .map(|e| one_line(e, 1000)),
    );
    if record.status.known() != Some(Status::Success) || verdict != Some(Verdict::Healthy) {
        add(Label::Next, reason.map(|r| help(r, locale).to_owned()));
    }
    let most = rows
        .iter()
        .map(|(l, _)| width(l.text(locale)))
        .max()
        .unwrap_or(0);
    let mut out = String::new();
    for (label, value) in rows {
        let label = pad(label.text(locale), most);
        out.push_str(&format!(
            "{}  {value}\n",
            colours.paint(&label, Paint::Faint)
        ));
    }
    out.push_str(&list(
        Label::Changes,
        record.changes.iter().map(|c| one_line(c, 200)).collect(),
        locale,
    ));
    let events = timeline::rows(journal, locale)
        .into_iter()
        .map(|(at, text)| format!("{}  {text}", colours.paint(&time(at, None), Paint::Faint)))
        .collect();
    out + &list(Label::Timeline, events, locale)
}

fn list(title: Label, lines: Vec<String>, locale: Locale) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let mut out = format!("\n{}\n", title.text(locale));
    for line in lines {
        out.push_str(&format!("  {line}\n"));
    }
    out
}

/// `lock`: who holds the environment, what is live, whether a keeper is there.
#[must_use]
pub fn lock(
    head: &Head,
    keeper: Option<&KeeperBeat>,
    now: Timestamp,
    locale: Locale,
    colours: Colours,
) -> String {
    let mut rows: Vec<(Label, String)> = vec![
        (Label::Environment, head.environment.to_string()),
        (Label::Service, head.service.to_string()),
    ];
    match &head.holder {
        None => rows.push((
            Label::Lock,
            colours.paint(Label::Free.text(locale), Paint::Good),
        )),
        Some(holder) => {
            let age = duration(now.since(holder.at), locale);
            let actor = holder.actor.as_deref().map(|a| one_line(a, 80));
            let held = Message::HeldBy {
                deployment: &holder.deployment,
                actor: actor.as_deref(),
                age: &age,
            };
            rows.push((
                Label::Holder,
                colours.paint(&held.text(locale), Paint::Warn),
            ));
            let mode = head.mode.map(|m| m.word(locale).to_owned());
            rows.extend(mode.map(|m| (Label::Status, m)));
            rows.push((Label::LockedSince, time(holder.at, None)));
            let url = holder.run_url.as_deref().map(|u| one_line(u, 500));
            rows.extend(url.map(|u| (Label::Run, u)));
            rows.extend(head.lease_until.map(|t| (Label::LeaseUntil, time(t, None))));
        }
    }
    if let Some(waiting) = &head.yield_to {
        let url = waiting
            .run_url
            .as_deref()
            .map_or_else(String::new, |u| format!(" {}", one_line(u, 500)));
        rows.push((
            Label::Waiting,
            format!("{}{url}", waiting.kind.word(locale)),
        ));
    }
    rows.extend(head.heir.as_ref().map(|h| (Label::Heir, h.run.to_string())));
    let version = |live: &Live| match &live.git_ref {
        Some(commit) => format!("{} ({})", live.deployment, commit.short()),
        None => live.deployment.to_string(),
    };
    rows.extend(head.live.as_ref().map(|l| (Label::Live, version(l))));
    rows.extend(
        head.good_state
            .as_ref()
            .map(|l| (Label::GoodVersion, version(l))),
    );
    let fresh = keeper.is_some_and(|k| now.since(k.at) <= KEEPER_FRESH);
    rows.push((
        Label::Keeper,
        if fresh {
            Message::KeeperFresh.text(locale)
        } else {
            colours.paint(&Message::KeeperAbsent.text(locale), Paint::Warn)
        },
    ));
    let most = rows
        .iter()
        .map(|(l, _)| width(l.text(locale)))
        .max()
        .unwrap_or(0);
    rows.iter()
        .map(|(label, value)| {
            let label = pad(label.text(locale), most);
            format!("{}  {value}\n", colours.paint(&label, Paint::Faint))
        })
        .collect()
}
