//! The timeline of a deployment: a Mermaid chart of its phases, and rows of its events. Knows no headings.

use crate::core::journal::{Entry, Event, JobStatus};
use crate::core::record::Verdict;
use crate::core::restore::RestorePlan;
use crate::core::time::Timestamp;
use crate::i18n::tale::Tale;
use crate::i18n::{Label, Locale, Word};
use crate::render::escape::mermaid;

/// Bars beyond this are not drawn: charts of more are unreadable, and Mermaid has a limit on text.
const MOST_BARS: usize = 40;

/// One bar of the chart.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Bar {
    section: Label,
    name: String,
    tag: &'static str,
    from: Timestamp,
    to: Timestamp,
}

/// The chart's text without its fence; `None` before the job's own steps are over.
#[must_use]
pub fn chart(entries: &[Entry], now: Timestamp, locale: Locale) -> Option<String> {
    let bars = bars(entries, now, locale);
    if bars.is_empty() {
        return None;
    }
    // The names of the sections stand left of the bars, and the longest needs more room than Mermaid leaves by itself.
    let mut out = String::from(
        "%%{init: {\"gantt\": {\"leftPadding\": 170}}}%%\ngantt\n    dateFormat x\n    axisFormat %H:%M:%S\n",
    );
    let mut section = None;
    // A bar without length would not be seen, so it is drawn longer; what followed it is then drawn after it.
    let mut drawn_to = i64::MIN;
    for bar in bars.iter().take(MOST_BARS) {
        if section != Some(bar.section) {
            section = Some(bar.section);
            out.push_str(&format!(
                "    section {}\n",
                mermaid(bar.section.text(locale), 40)
            ));
        }
        let from = bar.from.millis().max(drawn_to);
        let to = bar.to.millis().max(from.saturating_add(1000));
        drawn_to = to;
        out.push_str(&format!(
            "    {} :{}{from}, {to}\n",
            mermaid(&bar.name, 60),
            bar.tag,
        ));
    }
    Some(out)
}

fn bars(entries: &[Entry], now: Timestamp, locale: Locale) -> Vec<Bar> {
    let mut bars: Vec<Bar> = Vec::new();
    let mut plan: Option<&RestorePlan> = None;
    let (mut begun, mut watch, mut last, mut closed) = (None, None, None, None);
    let mut step: Option<(String, Timestamp)> = None;
    let bar = |section, name: &str, bad: bool, from, to| Bar {
        section,
        name: name.to_owned(),
        tag: if bad { "crit, " } else { "done, " },
        from,
        to,
    };
    for entry in entries {
        for event in &entry.events {
            match event {
                Event::Started(start) => begun = Some(start.at),
                Event::JobEnded { job, .. } => {
                    let name = job.word(locale);
                    let bad = *job != JobStatus::Success;
                    bars.extend(
                        begun
                            .take()
                            .map(|from| bar(Label::DeploySteps, name, bad, from, entry.at)),
                    );
                }
                Event::WatchStarted { since, .. } => watch = Some(*since),
                Event::Judged(judgement) => {
                    let bad = judgement.verdict == Verdict::Degraded;
                    let name = judgement.verdict.word(locale);
                    bars.extend(
                        watch
                            .take()
                            .map(|from| bar(Label::Watch, name, bad, from, entry.at)),
                    );
                }
                Event::RestorePlanned { plan: made } => {
                    plan = Some(made);
                    last = Some(entry.at);
                }
                Event::StepStarted { key } => {
                    let what = plan
                        .and_then(|p| p.steps.iter().find(|s| s.key == *key))
                        .map_or(key.as_str(), |s| s.what.as_str());
                    step = Some((what.to_owned(), entry.at));
                }
                Event::Dispatched { .. } | Event::StepDone { .. } | Event::StepFailed { .. } => {
                    let bad = matches!(event, Event::StepFailed { .. });
                    bars.extend(
                        step.take()
                            .map(|(what, from)| bar(Label::Restore, &what, bad, from, entry.at)),
                    );
                    last = Some(entry.at);
                }
                Event::RestoreJudged { judgement, .. } => {
                    let bad = judgement.verdict != Verdict::Healthy;
                    let name = judgement.verdict.word(locale);
                    bars.extend(
                        last.map(|from| bar(Label::GatesAfterRestore, name, bad, from, entry.at)),
                    );
                }
                Event::Closed(_) => closed = Some(entry.at),
                Event::Checked { .. }
                | Event::Allowed
                | Event::Saving { .. }
                | Event::Saved { .. }
                | Event::TookOver { .. }
                | Event::Adopted { .. }
                | Event::YieldAsked { .. }
                | Event::CancelAsked { .. }
                | Event::UndoneBy { .. } => {}
            }
        }
    }
    // What a close has cut short is not running any more.
    let running = |section, name: &str, from| Bar {
        section,
        name: name.to_owned(),
        tag: if closed.is_some() { "" } else { "active, " },
        from,
        to: closed.unwrap_or(now),
    };
    if let Some((what, from)) = step {
        bars.push(running(Label::Restore, &what, from));
    }
    if let Some(from) = watch {
        bars.push(running(Label::Watch, Label::Watch.text(locale), from));
    }
    bars
}

/// Every event as time and sentence, in order.
#[must_use]
pub fn rows(entries: &[Entry], locale: Locale) -> Vec<(Timestamp, String)> {
    let mut plan = None;
    let mut out = Vec::new();
    for entry in entries {
        for event in &entry.events {
            if let Event::RestorePlanned { plan: made } = event {
                plan = Some(made);
            }
            out.push((entry.at, Tale::of(event, plan).text(locale)));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::fixtures;

    /// Whoever reads the chart must not see a watch that begins before the deploy has ended.
    #[test]
    fn no_bar_begins_before_the_one_above_it_has_ended() {
        for (name, report) in fixtures::all() {
            let mut entries = report.entries;
            let begun = fixtures::at(0);
            for (n, entry) in (0..).zip(&mut entries) {
                // Everything within a second, as where the application is small.
                entry.at = begun.plus(std::time::Duration::from_millis(20 * n));
                for event in &mut entry.events {
                    match event {
                        Event::Started(start) => start.at = entry.at,
                        Event::WatchStarted { since, .. } => *since = entry.at,
                        _ => {}
                    }
                }
            }
            let Some(chart) = chart(&entries, begun, Locale::En) else {
                continue;
            };
            let bars: Vec<(i64, i64)> = chart
                .lines()
                .filter_map(|l| l.rsplit_once(" :"))
                .map(|(_, bar)| {
                    let mut times = bar.rsplit(", ").map(|t| t.parse::<i64>().expect("a time"));
                    let to = times.next().expect("an end");
                    (times.next().expect("a beginning"), to)
                })
                .collect();
            assert!(!bars.is_empty(), "{name}: {chart}");
            for two in bars.windows(2) {
                assert!(two[0].1 <= two[1].0, "{name}: {chart}");
            }
        }
    }
}
