//! The tables of the job summary: checks, gates, events, rollback targets, notices. Know their rows' limit only.

use crate::core::alert::NoticeState;
use crate::core::changes::{compare_page, repository_page, split};
use crate::core::gate::Finding;
use crate::core::observation::Why;
use crate::core::outcome::Told;
use crate::core::policy::{CheckLine, CheckName, CheckResult};
use crate::core::reason::ReasonCode;
use crate::core::record::{DeploymentType, Verdict};
use crate::i18n::reason::{because, meaning};
use crate::i18n::wording::{clock, one_line, piece, time};
use crate::i18n::{Label, Locale, Message, Word, sight};
use crate::render::escape::{code, link, markdown};
use crate::render::story::Story;
use crate::render::timeline;

/// A heading.
pub(super) fn heading(title: &str) -> String {
    format!("### {}\n\n", markdown(title))
}

/// How many rows are not shown.
pub(super) fn more(n: usize, locale: Locale) -> String {
    format!("\n{}\n", markdown(&Message::AndMore(n as u64).text(locale)))
}

/// A table with at most so many rows; cells are escaped already.
pub(super) fn table(heads: &[Label], rows: &[Vec<String>], most: usize, locale: Locale) -> String {
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

/// The checks, a line each.
pub(super) fn checks(story: &Story<'_>, rows: usize, locale: Locale) -> String {
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
    kind: DeploymentType,
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
        CheckResult::Passed { note, remarks } => {
            let note = note.as_deref().map(piece).filter(|n| !n.is_empty());
            let note = note.unwrap_or_else(|| Message::CheckPassed.text(locale));
            let remarks = remarks.iter().map(|r| Message::Remark(*r).text(locale));
            let parts: Vec<_> = std::iter::once(note).chain(remarks).collect();
            ("✅", parts.join(" · "))
        }
        CheckResult::Failed { reason, detail } => {
            let text = because(*reason, Some(&piece(detail)), locale);
            (if line.overridden { "⚠️" } else { "⛔" }, over(text))
        }
        CheckResult::Unavailable { why } => {
            let why = Why {
                kind: why.kind,
                detail: piece(&why.detail),
            };
            (
                if line.overridden { "⚠️" } else { "❔" },
                over(Message::CheckUnavailable(&why).text(locale)),
            )
        }
        CheckResult::NotApplicable => ("➖", Message::CheckNotApplicable.text(locale)),
        CheckResult::Skipped
            if line.check == CheckName::Target && kind != DeploymentType::Rollback =>
        {
            ("➖", Message::CheckNotApplicable.text(locale))
        }
        CheckResult::Skipped => ("➖", Message::CheckSkipped(kind).text(locale)),
    }
}

/// What the gates said, worst first.
pub(super) fn gate_table(title: &str, findings: &[Finding], rows: usize, locale: Locale) -> String {
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
    let cell = |sights: &[sight::Sight]| {
        let text = sight::join(sights, locale);
        if text.is_empty() {
            "–".to_owned()
        } else {
            markdown(&text)
        }
    };
    let why = match finding.verdict {
        Verdict::Healthy => "–".to_owned(),
        Verdict::Degraded | Verdict::Inconclusive | Verdict::Skipped => {
            markdown(meaning(finding.reason, locale))
        }
    };
    vec![
        markdown(&sight::gate_name(finding, locale)),
        format!(
            "{} {}",
            verdict_sign(finding),
            verdict_word(finding, locale)
        ),
        cell(&sight::measured(finding)),
        cell(&sight::bounds(finding)),
        cell(&sight::sureness(finding)),
        why,
    ]
}

/// What a gate says, in a word or two.
fn verdict_word(finding: &Finding, locale: Locale) -> &'static str {
    // Errors near the bound excuse a gate as well, and are no lack of traffic.
    let near = matches!(
        finding.reason,
        ReasonCode::FailingBefore | ReasonCode::NotProven
    );
    if is_thin(finding) && !near {
        Label::Thin.text(locale)
    } else {
        finding.verdict.word(locale)
    }
}

fn is_thin(finding: &Finding) -> bool {
    finding.thin && finding.verdict == Verdict::Inconclusive
}

/// The sign of a gate's verdict.
#[must_use]
pub fn verdict_sign(finding: &Finding) -> &'static str {
    match finding.verdict {
        Verdict::Healthy => "✅",
        Verdict::Degraded => "❌",
        Verdict::Inconclusive if is_thin(finding) => "➖",
        Verdict::Inconclusive | Verdict::Skipped => "❔",
    }
}

/// What could be rolled back to.
pub(super) fn candidates(story: &Story<'_>, rows: usize, locale: Locale) -> String {
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

/// How the notices went.
pub(super) fn notices(told: &[Told], rows: usize, locale: Locale) -> String {
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

/// Every event, folded up.
pub(super) fn events(story: &Story<'_>, rows: usize, locale: Locale) -> String {
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

/// The commits since the last good version, with their pull requests, folded up.
pub(super) fn changes(story: &Story<'_>, rows: usize, locale: Locale) -> String {
    let Some(start) = story.start.filter(|s| !s.changes.is_empty()) else {
        return String::new();
    };
    let lines = start.changes.iter().take(rows);
    let mut list: String = lines
        .map(|line| format!("- {}\n", change(story, line)))
        .collect();
    let left_out = start.changes.len().saturating_sub(rows) + start.changes_left_out;
    if left_out > 0 {
        list.push_str(&more(left_out, locale));
    }
    if let Some(page) = compare_page(start) {
        let label = Label::ComparePage.text(locale);
        list.push_str(&format!("\n{}\n", link(label, &page)));
    }
    format!(
        "<details><summary>{} ({})</summary>\n\n{list}\n</details>\n",
        Label::Changes.text(locale),
        start.changes.len() + start.changes_left_out
    )
}

/// One commit: a link to it, its title, and links to the pull requests that brought it.
fn change(story: &Story<'_>, line: &str) -> String {
    let (sha, title) = split(line);
    let page = story.start.and_then(repository_page);
    let commit = sha.as_ref().map(|sha| match page {
        Some(page) => link(sha.short(), &format!("{page}/commit/{sha}")),
        None => code(sha.short()),
    });
    let known = story
        .report
        .pulls
        .iter()
        .find(|(c, _)| Some(c) == sha.as_ref());
    let pulls = known.map_or(&[][..], |(_, pulls)| pulls);
    // GitHub writes the number into the title itself; it stands there once.
    let mut title = title.trim_end();
    for pull in pulls {
        let written = format!("(#{})", pull.number);
        title = title.strip_suffix(&written).unwrap_or(title).trim_end();
    }
    let pulls = pulls
        .iter()
        .map(|p| link(&format!("#{}", p.number), &p.url));
    let parts = commit.into_iter().chain([markdown(&one_line(title, 200))]);
    parts.chain(pulls).collect::<Vec<_>>().join(" ")
}
