//! What a gate saw, against what, and how sure it is; knows no surface.

use std::time::Duration;

use crate::core::gate::http::Problem;
use crate::core::gate::{Finding, GateKind, Seen};
use crate::core::observation::{NetFault, Why};
use crate::core::reason::ReasonCode;
use crate::core::record::Verdict;
use crate::i18n::wording::{one_line, piece};
use crate::i18n::{Locale, Word, en, ko};

/// One thing to say about a gate; outside text inside it is already on one line and short.
#[derive(Debug, Clone, PartialEq)]
pub enum Sight {
    /// Nothing yet.
    Nothing,
    /// A good answer.
    Good {
        /// Status code.
        status: Option<u16>,
        /// Milliseconds taken.
        took_ms: u64,
    },
    /// Another status; `want` 0 = any of 200 to 299.
    Status {
        /// Seen.
        got: u16,
        /// Wanted.
        want: u16,
    },
    /// No answer.
    Network(NetFault),
    /// A JSON value that is another, or is missing.
    Json {
        /// Where.
        pointer: String,
        /// Seen.
        got: Option<String>,
        /// Wanted.
        want: String,
    },
    /// A header that is another, or is missing.
    Header {
        /// Which.
        name: String,
        /// Seen.
        got: Option<String>,
        /// Wanted.
        want: String,
    },
    /// A text that the body does not hold.
    Body(String),
    /// An answer that took too long.
    Slow {
        /// Milliseconds taken.
        took_ms: u64,
        /// Milliseconds allowed.
        max_ms: u64,
    },
    /// Another version, or none.
    Version {
        /// Seen.
        got: Option<String>,
        /// Wanted.
        want: String,
    },
    /// Failures in a row.
    InARow(u32),
    /// A failure that repeated probes confirmed for so many milliseconds.
    Confirmed(u64),
    /// Failed probes among all.
    Probes {
        /// Failed.
        errors: u64,
        /// All.
        requests: u64,
    },
    /// Failed requests among all.
    Counts {
        /// Failed.
        errors: u64,
        /// All.
        requests: u64,
    },
    /// Slow requests among all.
    SlowCounts {
        /// Slow.
        errors: u64,
        /// All.
        requests: u64,
    },
    /// Refused requests among all.
    ThrottledCounts {
        /// Refused.
        errors: u64,
        /// All.
        requests: u64,
    },
    /// It was looked, and no request had come.
    NoRequests,
    /// A metric's value, and its bound where there is one.
    Value {
        /// Value.
        value: f64,
    },
    /// Log lines that match.
    Matches(f64),
    /// Alarms that fire.
    Firing(Vec<String>),
    /// No alarm fires.
    NoneFiring,
    /// A text such as a stack's status.
    Text(String),
    /// Not observed.
    Unknown(Why),
    /// The absolute bound, as a fraction.
    Bound(f64),
    /// The bound of a metric or a count, as a plain number.
    PlainBound(f64),
    /// The bound from the service's own past, as a fraction.
    Baseline(f64),
    /// Failed requests among all before the deployment.
    Before {
        /// Failed.
        errors: u64,
        /// All.
        requests: u64,
    },
    /// Where the true share lies with 95 %, as fractions.
    Interval(f64, f64),
    /// So many of the newest minutes were not observed.
    Unseen(u64),
    /// The chance of a wrong verdict.
    Certain(f64),
    /// Share of the evidence that a failing verdict needs.
    Evidence(f64),
    /// Share of the evidence that a passing verdict needs.
    PassEvidence(f64),
    /// Shown to be well.
    Certified,
    /// Too little traffic for a certified pass.
    Thin,
}

impl Sight {
    /// As a fragment: no capital letter, no full stop.
    #[must_use]
    pub fn text(&self, locale: Locale) -> String {
        match locale {
            Locale::En => en::sight::text(self),
            Locale::Ko => ko::sight::text(self),
        }
    }
}

/// Kind and name, as tables and sentences call the gate: `HTTP api`.
#[must_use]
pub fn gate_name(finding: &Finding, locale: Locale) -> String {
    let kind = finding.kind.word(locale);
    let name = one_line(&finding.gate, 120);
    // A gate that is the only one of its kind is often named as its kind is.
    if name.eq_ignore_ascii_case(kind) || name == finding.kind.as_str() {
        kind.to_owned()
    } else {
        format!("{kind} {name}")
    }
}

/// What was seen.
#[must_use]
pub fn seen(finding: &Finding) -> Vec<Sight> {
    let mut out = Vec::new();
    let counts = finding.counted.map(|c| (c.errors, c.requests));
    match &finding.seen {
        Seen::Nothing => out.push(Sight::Nothing),
        Seen::Http {
            status,
            problem,
            took_ms,
            failures_in_a_row,
            confirmed_ms,
        } => match problem {
            Some(problem) if *failures_in_a_row > 0 => {
                out.push(of_problem(problem));
                if *failures_in_a_row > 1 {
                    out.push(Sight::InARow(*failures_in_a_row));
                }
                out.extend(confirmed_ms.filter(|ms| *ms > 0).map(Sight::Confirmed));
            }
            Some(_) | None => {
                out.push(Sight::Good {
                    status: *status,
                    took_ms: *took_ms,
                });
                if let Some((errors @ 1.., requests)) = counts {
                    out.push(Sight::Probes { errors, requests });
                }
            }
        },
        Seen::Value { value } if finding.kind == GateKind::Logs => out.push(Sight::Matches(*value)),
        Seen::Value { value } => out.push(Sight::Value { value: *value }),
        Seen::Names { names } if names.is_empty() => out.push(Sight::NoneFiring),
        Seen::Names { names } => out.push(Sight::Firing(
            names.iter().take(50).map(|n| one_line(n, 120)).collect(),
        )),
        Seen::Text { text } => out.push(Sight::Text(piece(text))),
        Seen::Unknown { why } => out.push(Sight::Unknown(Why {
            kind: why.kind,
            detail: piece(&why.detail),
        })),
        Seen::Counts | Seen::Slow | Seen::Throttled => out.push(match counts {
            None => Sight::NoRequests,
            Some((errors, requests)) => match finding.seen {
                Seen::Slow => Sight::SlowCounts { errors, requests },
                Seen::Throttled => Sight::ThrottledCounts { errors, requests },
                _ if finding.reason == ReasonCode::LatencyAboveBound => {
                    Sight::SlowCounts { errors, requests }
                }
                _ => Sight::Counts { errors, requests },
            },
        }),
    }
    if finding.counted.is_some() && finding.unseen_minutes > 0 {
        out.push(Sight::Unseen(finding.unseen_minutes));
    }
    out
}

/// Against what.
#[must_use]
pub fn bounds(finding: &Finding) -> Vec<Sight> {
    let plain = matches!(finding.kind, GateKind::Metric | GateKind::Logs);
    let absolute = finding.bound.map(|b| {
        if plain {
            Sight::PlainBound(b)
        } else {
            Sight::Bound(b)
        }
    });
    // A bound from the past that is the wider one says nothing, but where the past was bad.
    let counts = |own: &f64| {
        finding.bound.is_none_or(|bound| *own < bound)
            || finding.verdict == Verdict::Degraded
            || finding.reason == ReasonCode::FailingBefore
    };
    let own = finding.baseline_bound.filter(counts).map(Sight::Baseline);
    let before = finding.before.map(|c| Sight::Before {
        errors: c.errors,
        requests: c.requests,
    });
    absolute.into_iter().chain(own).chain(before).collect()
}

/// What was seen, and how exactly that is known.
#[must_use]
pub fn measured(finding: &Finding) -> Vec<Sight> {
    let mut out = seen(finding);
    if matches!(finding.seen, Seen::Counts | Seen::Slow | Seen::Throttled) {
        let interval = finding.counted.map(|c| c.interval);
        out.extend(interval.map(|(low, high)| Sight::Interval(low, high)));
    }
    out
}

/// How sure.
#[must_use]
pub fn sureness(finding: &Finding) -> Vec<Sight> {
    let mut out = Vec::new();
    match (finding.verdict, finding.alpha) {
        (Verdict::Degraded, Some(alpha)) => out.push(Sight::Certain(alpha)),
        (Verdict::Inconclusive, _) => {
            let shares = [
                (finding.evidence, Sight::Evidence(finding.evidence.min(1.0))),
                (
                    finding.pass_evidence,
                    Sight::PassEvidence(finding.pass_evidence.min(1.0)),
                ),
            ];
            out.extend(
                shares
                    .into_iter()
                    .filter(|(share, _)| *share > 0.0 && !finding.thin)
                    .map(|(_, sight)| sight),
            );
        }
        (Verdict::Healthy, _) if finding.certified => out.push(Sight::Certified),
        (Verdict::Degraded | Verdict::Healthy | Verdict::Skipped, _) => {}
    }
    if finding.thin && finding.verdict != Verdict::Degraded {
        out.push(Sight::Thin);
    }
    out
}

/// Fragments one after another.
#[must_use]
pub fn join(sights: &[Sight], locale: Locale) -> String {
    let texts: Vec<String> = sights.iter().map(|s| s.text(locale)).collect();
    texts.join(", ")
}

/// The whole story of a gate in one line: `Lambda CreateTodo: 14 of 160 requests failed (8.8 %); bound 5 %`.
#[must_use]
pub fn line(finding: &Finding, locale: Locale) -> String {
    let parts: Vec<String> = [seen(finding), bounds(finding), sureness(finding)]
        .iter()
        .map(|sights| join(sights, locale))
        .filter(|text| !text.is_empty())
        .collect();
    format!("{}: {}", gate_name(finding, locale), parts.join("; "))
}

/// What was wrong with a probe.
#[must_use]
pub fn of_problem(problem: &Problem) -> Sight {
    let short = |text: &String| one_line(text, 80);
    match problem {
        Problem::Network { fault } => Sight::Network(*fault),
        Problem::Status { got, want } => Sight::Status {
            got: *got,
            want: *want,
        },
        Problem::Json { pointer, got, want } => Sight::Json {
            pointer: short(pointer),
            got: got.as_ref().map(short),
            want: short(want),
        },
        Problem::Header { name, got, want } => Sight::Header {
            name: short(name),
            got: got.as_ref().map(short),
            want: short(want),
        },
        Problem::Body { want } => Sight::Body(short(want)),
        Problem::Slow { took_ms, max_ms } => Sight::Slow {
            took_ms: *took_ms,
            max_ms: *max_ms,
        },
        Problem::Version { got, want } => Sight::Version {
            got: got.as_ref().map(short),
            want: short(want),
        },
    }
}

/// Findings worst first: degraded, inconclusive, not watched, thin, healthy.
#[must_use]
pub fn worst_first(findings: &[Finding]) -> Vec<&Finding> {
    let mut sorted: Vec<&Finding> = findings.iter().collect();
    sorted.sort_by_key(|f| match f.verdict {
        Verdict::Degraded => 0,
        Verdict::Inconclusive if !f.thin => 1,
        Verdict::Skipped => 2,
        Verdict::Inconclusive => 3,
        Verdict::Healthy => 4,
    });
    sorted
}

/// `10 s` for a span of milliseconds.
#[must_use]
pub fn span(ms: u64, locale: Locale) -> String {
    crate::i18n::wording::duration(Duration::from_millis(ms), locale)
}
