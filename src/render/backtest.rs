//! A backtest for people and for programs; knows no terminal.

use std::time::Duration;

use serde_json::{Value, json};

use crate::core::backtest::{Judged, RuleOutcome, Share, Unjudged};
use crate::core::record::Verdict;
use crate::core::time::Timestamp;
use crate::core::verdict::interval::wilson;
use crate::core::verdict::peers::SHOWN;
use crate::i18n::past::Past;
use crate::i18n::wording::{count, duration, one_line, percent};
use crate::i18n::{Label, Locale, Word, sight};
use crate::render::columns::{Colours, Paint, columns};
use crate::render::terminal::{status_paint, status_word};

/// What is told, by whoever judged.
#[derive(Debug, Clone, Copy)]
pub struct Told<'a> {
    /// Environment.
    pub environment: &'a str,
    /// Minutes of metrics from then on.
    pub from: Timestamp,
    /// Up to then.
    pub until: Timestamp,
    /// The tests.
    pub tests: &'a [String],
    /// Kinds of gates without a history.
    pub without_history: &'a [&'static str],
    /// Records with how they would have been judged, newest first.
    pub deployments: &'a [(
        &'a crate::core::record::Record,
        &'a Result<Judged, Unjudged>,
    )],
    /// Every rule, ours first.
    pub rules: &'a [RuleOutcome],
}

fn minutes(minutes: usize, locale: Locale) -> String {
    duration(Duration::from_secs(minutes as u64 * 60), locale)
}

/// For a terminal.
#[must_use]
pub fn text(told: &Told<'_>, locale: Locale, colours: Colours) -> String {
    let mut out = Past::Read {
        environment: told.environment,
        from: told.from,
        until: told.until,
        tests: told.tests,
    }
    .text(locale);
    out.push('\n');
    if !told.without_history.is_empty() {
        out.push_str(&Past::WithoutHistory(told.without_history).text(locale));
        out.push('\n');
    }
    let old = |(_, judged): &&(&_, &Result<Judged, Unjudged>)| **judged == Err(Unjudged::TooOld);
    let too_old = told.deployments.iter().filter(old).count() as u64;
    if too_old > 0 {
        out.push_str(&Past::TooOld(too_old).text(locale));
        out.push('\n');
    }
    out.push('\n');
    out.push_str(&deployments(told, locale, colours));
    out.push('\n');
    out.push_str(&rules(told.rules, locale, colours));
    if let Some(ours) = told.rules.first() {
        let conclusion = Past::Conclusion {
            bad: ours.bad,
            good: ours.good,
            quiet: ours.quiet,
        };
        out.push_str(&format!(
            "\n{}\n{}\n",
            conclusion.text(locale),
            Past::Caveat.text(locale)
        ));
    }
    out
}

fn heads(labels: &[Label], locale: Locale) -> Vec<String> {
    labels.iter().map(|l| l.text(locale).to_owned()).collect()
}

fn deployments(told: &Told<'_>, locale: Locale, colours: Colours) -> String {
    if told.deployments.is_empty() {
        return Past::NoDeployments.text(locale) + "\n";
    }
    let labels = [
        Label::DeploymentId,
        Label::EndedAs,
        Label::WouldBe,
        Label::Within,
        Label::Why,
    ];
    let rows: Vec<Vec<(String, Paint)>> = told
        .deployments
        .iter()
        .map(|(record, judged)| {
            let plain = |text: String| (text, Paint::None);
            let verdict = record.guard.as_ref().and_then(|g| g.verdict);
            let ended = (
                status_word(&record.status, locale),
                status_paint(record.status.known(), verdict),
            );
            let (would, within, why) = match judged {
                Ok(judged) => (
                    (
                        judged.verdict.word(locale).to_owned(),
                        paint(judged.verdict),
                    ),
                    judged.minute.map_or("-".to_owned(), |m| minutes(m, locale)),
                    match &judged.failed {
                        Some(finding) => one_line(&sight::line(finding, locale), 200),
                        None => crate::i18n::reason::meaning(judged.reason, locale)
                            .trim_end_matches('.')
                            .to_owned(),
                    },
                ),
                Err(why) => (
                    plain("-".to_owned()),
                    "-".to_owned(),
                    Past::Unjudged(*why).text(locale),
                ),
            };
            vec![
                plain(record.id.to_string()),
                ended,
                would,
                plain(within),
                plain(why),
            ]
        })
        .collect();
    columns(&heads(&labels, locale), &rows, colours)
}

fn paint(verdict: Verdict) -> Paint {
    match verdict {
        Verdict::Healthy => Paint::Good,
        Verdict::Degraded => Paint::Bad,
        Verdict::Inconclusive => Paint::Warn,
        Verdict::Skipped => Paint::Faint,
    }
}

fn share(share: Share) -> String {
    format!("{} / {}", count(share.rolled_back), count(share.of))
}

/// With its 95 % limits, where there is anything.
fn share_with_limits(of: Share, locale: Locale) -> String {
    if of.of == 0 {
        return share(of);
    }
    let (low, high) = limits(of);
    format!(
        "{} ({}–{})",
        share(of),
        percent(low, locale),
        percent(high, locale)
    )
}

fn limits(of: Share) -> (f64, f64) {
    wilson(of.rolled_back as f64, of.of as f64, 0.025)
}

fn rules(all: &[RuleOutcome], locale: Locale, colours: Colours) -> String {
    let labels = [
        Label::Rule,
        Label::BadFound,
        Label::GoodRolledBack,
        Label::QuietRolledBack,
        Label::Median,
    ];
    let shown = all.iter().enumerate().filter(|(place, _)| {
        // Ours stands before the peers.
        place
            .checked_sub(1)
            .is_none_or(|peer| SHOWN.contains(&peer))
    });
    let rows: Vec<Vec<(String, Paint)>> = shown
        .map(|(_, rule)| {
            let name = rule.rule.clone();
            vec![
                name.unwrap_or_else(|| Past::OurGates.text(locale)),
                share(rule.bad),
                share(rule.good),
                share_with_limits(rule.quiet, locale),
                rule.median.map_or("-".to_owned(), |m| minutes(m, locale)),
            ]
            .into_iter()
            .map(|text| (text, Paint::None))
            .collect()
        })
        .collect();
    columns(&heads(&labels, locale), &rows, colours)
}

/// For programs.
#[must_use]
pub fn json(told: &Told<'_>, days: u32, generated: Timestamp, locale: Locale) -> Value {
    let deployments: Vec<Value> = told
        .deployments
        .iter()
        .map(|(record, judged)| {
            let judged = match judged {
                Ok(judged) => json!({
                    "verdict": judged.verdict,
                    "reasonCode": judged.reason,
                    "minute": judged.minute,
                    "gate": judged.failed.as_ref().map(|f| crate::render::json::finding(f, locale)),
                }),
                Err(why) => json!({ "unjudged": match why {
                    Unjudged::TooOld => "too_old",
                    Unjudged::TooNew => "too_new",
                    Unjudged::NoData => "no_data",
                } }),
            };
            json!({
                "deploymentId": record.id,
                "timestamp": record.at.to_string(),
                "status": record.status.as_str(),
                "judged": judged,
            })
        })
        .collect();
    let share = |of: Share| {
        let limits = (of.of > 0).then(|| limits(of));
        json!({ "rolledBack": of.rolled_back, "of": of.of, "limits": limits })
    };
    let rules: Vec<Value> = told
        .rules
        .iter()
        .map(|rule| {
            json!({
                "rule": rule.rule.as_deref().unwrap_or("deploy-guard"),
                "bad": share(rule.bad),
                "good": share(rule.good),
                "quiet": share(rule.quiet),
                "medianMinutes": rule.median,
            })
        })
        .collect();
    json!({
        "environment": told.environment,
        "days": days,
        "from": told.from.to_string(),
        "until": told.until.to_string(),
        "tests": told.tests,
        "withoutHistory": told.without_history,
        "deployments": deployments,
        "rules": rules,
        "generatedAt": generated.to_string(),
    })
}
