//! The HTTP gate: from probes to a finding; knows no socket and no clock.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::core::gate::{Counted, Finding, GateKind, Seen};
use crate::core::observation::{Answer, NetFault, Probe, ProbeRequest};
use crate::core::reason::ReasonCode;
use crate::core::record::{Verdict, words};
use crate::core::time::Timestamp;

words! {
    /// How failing probes become a verdict.
    HttpMode {
        /// Failures in a row, then confirmed by a probe a second.
        Consecutive = "consecutive",
        /// Sequential probability ratio test, failure rate 5 % against 90 %.
        Sequential = "sequential",
    }
}

/// Where the deployed version can be read, and what it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionCheck {
    /// JSON pointer (RFC 6901), if it stands in the body.
    pub json: Option<String>,
    /// Response header, if it stands there.
    pub header: Option<String>,
    /// The wanted text; a SHA matches by its prefix of 7 digits or more.
    pub equals: String,
}

/// One HTTP gate, checked and with its templates filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpGate {
    /// Shown name.
    pub name: String,
    /// Absolute URL; may hold `${stack.X}` until it is resolved.
    pub url: String,
    /// Request headers.
    pub headers: BTreeMap<String, String>,
    /// Wanted status; `None` = any of 200 to 299.
    pub status: Option<u16>,
    /// JSON pointer → wanted text.
    pub json: BTreeMap<String, String>,
    /// Response header → wanted text.
    pub header: BTreeMap<String, String>,
    /// Text that the body must hold within its first 64 KiB.
    pub body: Option<String>,
    /// The version that must answer.
    pub version: Option<VersionCheck>,
    /// Bound for one probe.
    pub timeout: Duration,
    /// Slower answers fail.
    pub max_latency: Option<Duration>,
    /// Failures in a row that start the confirmation.
    pub consecutive_failures: u32,
    /// How long the confirmation probes, one a second; zero = no confirmation.
    pub confirm: Duration,
    /// Failures this soon after the deployment do not count.
    pub warmup: Duration,
    /// Successes in a row that count as up.
    pub consecutive_successes: u32,
    /// Follow redirects.
    pub follow_redirects: bool,
    /// How failures become a verdict.
    pub mode: HttpMode,
}

/// What was wrong with a probe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "problem", rename_all = "snake_case")]
pub enum Problem {
    /// Failed below HTTP.
    Network {
        /// How.
        fault: NetFault,
    },
    /// Another status.
    Status {
        /// Seen.
        got: u16,
        /// Wanted; 0 = any of 200 to 299.
        want: u16,
    },
    /// Another or no value in the body.
    Json {
        /// Where.
        pointer: String,
        /// Seen, from outside; `None` = not there.
        got: Option<String>,
        /// Wanted.
        want: String,
    },
    /// Another or no value in a header.
    Header {
        /// Which.
        name: String,
        /// Seen, from outside.
        got: Option<String>,
        /// Wanted.
        want: String,
    },
    /// The text is not in the body's first 64 KiB.
    Body {
        /// Wanted.
        want: String,
    },
    /// Too slow.
    Slow {
        /// Milliseconds taken.
        took_ms: u64,
        /// Milliseconds allowed.
        max_ms: u64,
    },
    /// Another version answers.
    Version {
        /// Seen, from outside.
        got: Option<String>,
        /// Wanted.
        want: String,
    },
}

impl HttpGate {
    /// What the prober is to fetch and pick.
    #[must_use]
    pub fn request(&self) -> ProbeRequest {
        let version = self.version.as_ref();
        ProbeRequest {
            url: self.url.clone(),
            headers: self.headers.clone(),
            timeout: self.timeout,
            follow_redirects: self.follow_redirects,
            json_pointers: self
                .json
                .keys()
                .cloned()
                .chain(version.and_then(|v| v.json.clone()))
                .collect(),
            header_names: self
                .header
                .keys()
                .cloned()
                .chain(version.and_then(|v| v.header.clone()))
                .collect(),
            body_texts: self.body.iter().cloned().collect(),
        }
    }

    /// The first thing wrong with a probe, `None` if nothing is.
    #[must_use]
    pub fn problem(&self, probe: &Probe) -> Option<Problem> {
        match &probe.outcome {
            Err((fault, _)) => Some(Problem::Network { fault: *fault }),
            Ok(answer) => self
                .wrong_answer(answer)
                .or_else(|| self.too_slow(probe.took))
                .or_else(|| self.wrong_version(answer)),
        }
    }

    fn wrong_answer(&self, answer: &Answer) -> Option<Problem> {
        let status_ok = match self.status {
            Some(want) => answer.status == want,
            None => (200..300).contains(&answer.status),
        };
        if !status_ok {
            return Some(Problem::Status {
                got: answer.status,
                want: self.status.unwrap_or(0),
            });
        }
        for (pointer, want) in &self.json {
            let got = answer.json.get(pointer);
            if got != Some(want) {
                return Some(Problem::Json {
                    pointer: pointer.clone(),
                    got: got.cloned(),
                    want: want.clone(),
                });
            }
        }
        for (name, want) in &self.header {
            let got = answer.headers.get(&name.to_ascii_lowercase());
            if got != Some(want) {
                return Some(Problem::Header {
                    name: name.clone(),
                    got: got.cloned(),
                    want: want.clone(),
                });
            }
        }
        self.body
            .as_ref()
            .filter(|want| !answer.texts_found.contains(want))
            .map(|want| Problem::Body { want: want.clone() })
    }

    fn too_slow(&self, took: Duration) -> Option<Problem> {
        let max = self.max_latency?;
        (took > max).then(|| Problem::Slow {
            took_ms: millis(took),
            max_ms: millis(max),
        })
    }

    fn wrong_version(&self, answer: &Answer) -> Option<Problem> {
        let want = self.version.as_ref()?;
        let got = want.seen(answer);
        (!got
            .as_deref()
            .is_some_and(|got| same_version(got, &want.equals)))
        .then(|| Problem::Version {
            got,
            want: want.equals.clone(),
        })
    }
}

impl VersionCheck {
    /// The version that an answer names.
    #[must_use]
    pub fn seen(&self, answer: &Answer) -> Option<String> {
        let from_json = self.json.as_ref().and_then(|p| answer.json.get(p));
        let from_header = self
            .header
            .as_ref()
            .and_then(|h| answer.headers.get(&h.to_ascii_lowercase()));
        from_json.or(from_header).cloned()
    }
}

/// Versions are the same when equal, or when both are commit SHAs of which one begins with the other.
#[must_use]
pub fn same_version(got: &str, want: &str) -> bool {
    use crate::core::id::CommitSha;
    got == want
        || matches!((CommitSha::parse(got), CommitSha::parse(want)), (Ok(got), Ok(want)) if got.names(&want))
}

/// Whole milliseconds.
pub(crate) fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

/// What is kept of a probe: enough to judge and to show, nothing of the body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeLine {
    /// When.
    pub at: Timestamp,
    /// Milliseconds taken.
    pub took_ms: u64,
    /// Status, if there was an answer.
    pub status: Option<u16>,
    /// What was wrong, `None` = good.
    pub problem: Option<Problem>,
    /// Part of a confirmation.
    pub confirming: bool,
}

impl ProbeLine {
    /// Judges one probe alone.
    #[must_use]
    pub fn of(gate: &HttpGate, probe: &Probe, confirming: bool) -> Self {
        Self {
            at: probe.at,
            took_ms: millis(probe.took),
            status: probe.outcome.as_ref().ok().map(|a| a.status),
            problem: gate.problem(probe),
            confirming,
        }
    }
}

/// The probes of one gate since the deployment, and how it was before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HttpHistory {
    /// Failed already before the deployment.
    pub failing_before: bool,
    /// Start of the watch.
    pub since: Timestamp,
    /// In order of time.
    pub probes: Vec<ProbeLine>,
    /// The confirmation ran to its end without a success.
    pub confirmed: bool,
}

/// Natural logarithms of Wald's bounds for the sequential mode.
/// Source: Wald 1945, "Sequential Tests of Statistical Hypotheses".
const SPRT_P0: f64 = 0.05;
const SPRT_P1: f64 = 0.9;

/// What the engine must do next for a gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Probe again at the ordinary pace.
    Pace,
    /// Probe once a second until a success or the confirmation's end.
    Confirm,
}

impl HttpHistory {
    /// An empty history.
    #[must_use]
    pub fn new(since: Timestamp, failing_before: bool) -> Self {
        Self {
            failing_before,
            since,
            probes: Vec::new(),
            confirmed: false,
        }
    }

    fn counted<'a>(&'a self, gate: &'a HttpGate) -> impl DoubleEndedIterator<Item = &'a ProbeLine> {
        let from = self.since.plus(gate.warmup);
        self.probes
            .iter()
            .filter(move |p| p.problem.is_none() || p.at >= from)
    }

    fn failures_in_a_row(&self, gate: &HttpGate) -> u32 {
        let run = self
            .counted(gate)
            .rev()
            .take_while(|p| p.problem.is_some())
            .count();
        u32::try_from(run).unwrap_or(u32::MAX)
    }

    fn successes_in_a_row(&self) -> u32 {
        let run = self
            .probes
            .iter()
            .rev()
            .take_while(|p| p.problem.is_none())
            .count();
        u32::try_from(run).unwrap_or(u32::MAX)
    }

    fn been_good(&self) -> bool {
        self.probes.iter().any(|p| p.problem.is_none())
    }

    /// Whether failures so far ask for a confirmation.
    #[must_use]
    pub fn next(&self, gate: &HttpGate) -> Next {
        let muted = self.failing_before && !self.been_good();
        let asks = match gate.mode {
            HttpMode::Consecutive => self.failures_in_a_row(gate) >= gate.consecutive_failures,
            HttpMode::Sequential => false,
        };
        if asks && !muted && !self.confirmed && !gate.confirm.is_zero() {
            Next::Confirm
        } else {
            Next::Pace
        }
    }

    /// Evidence of the sequential mode, as a share of Wald's bound, restarted at zero (CUSUM).
    fn sprt_share(&self, gate: &HttpGate, alpha: f64) -> f64 {
        let up = (SPRT_P1 / SPRT_P0).ln();
        let down = ((1.0 - SPRT_P1) / (1.0 - SPRT_P0)).ln();
        let bound = (1.0 / alpha.clamp(1e-9, 0.5)).ln();
        let mut sum = 0.0_f64;
        for probe in self.counted(gate) {
            sum = (sum + if probe.problem.is_some() { up } else { down }).max(0.0);
            if sum >= bound {
                return 1.0;
            }
        }
        sum / bound
    }

    /// The finding so far. `alpha`: this gate's share of the false-rollback budget.
    #[must_use]
    pub fn finding(&self, gate: &HttpGate, alpha: f64) -> Finding {
        let failures = self.failures_in_a_row(gate);
        let muted = self.failing_before && !self.been_good();
        let share = match gate.mode {
            HttpMode::Consecutive if self.confirmed => 1.0,
            HttpMode::Consecutive => {
                let share = f64::from(failures) / f64::from(gate.consecutive_failures.max(1));
                // Unconfirmed, a row of failures stays short of a verdict.
                if gate.confirm.is_zero() {
                    share.min(1.0)
                } else {
                    share.min(0.9)
                }
            }
            HttpMode::Sequential => self.sprt_share(gate, alpha),
        };
        let failed = share >= 1.0 && !muted;
        let up = self.successes_in_a_row();
        let certified = !failed && up >= gate.consecutive_successes && failures == 0;
        let problem = self.counted(gate).rev().find_map(|p| p.problem.clone());
        let (verdict, reason) = if failed {
            let version_only = matches!(problem, Some(Problem::Version { .. }));
            (
                Verdict::Degraded,
                if version_only {
                    ReasonCode::VersionMismatch
                } else {
                    ReasonCode::HttpFailed
                },
            )
        } else if certified {
            (Verdict::Healthy, ReasonCode::Healthy)
        } else if muted && self.failing_before {
            (Verdict::Inconclusive, ReasonCode::FailingBefore)
        } else if self.probes.is_empty() {
            (Verdict::Inconclusive, ReasonCode::NoData)
        } else {
            (Verdict::Inconclusive, ReasonCode::NotProven)
        };
        let errors = self.probes.iter().filter(|p| p.problem.is_some()).count() as u64;
        let requests = self.probes.len() as u64;
        let last = self.probes.last();
        Finding {
            gate: gate.name.clone(),
            kind: GateKind::Http,
            verdict,
            reason,
            thin: false,
            certified,
            counted: (requests > 0).then(|| Counted {
                requests,
                errors,
                interval: wilson(requests, errors),
            }),
            bound: None,
            baseline_bound: None,
            before: None,
            unseen_minutes: 0,
            alpha: match gate.mode {
                HttpMode::Consecutive => None,
                HttpMode::Sequential => Some(alpha),
            },
            evidence: if muted { 0.0 } else { share },
            pass_evidence: (f64::from(up) / f64::from(gate.consecutive_successes.max(1))).min(1.0),
            seen: last.map_or(Seen::Nothing, |last| Seen::Http {
                status: last.status,
                problem,
                took_ms: last.took_ms,
                failures_in_a_row: failures,
                confirmed_ms: self.confirmed.then(|| millis(gate.confirm)),
            }),
        }
    }
}

/// Wilson score interval at 95 % for `errors` of `requests`.
/// Source: Wilson 1927; Brown, Cai, DasGupta 2001.
#[must_use]
pub fn wilson(requests: u64, errors: u64) -> (f64, f64) {
    if requests == 0 {
        return (0.0, 1.0);
    }
    let z = 1.959_963_984_540_054_f64;
    let n = requests as f64;
    let p = (errors.min(requests)) as f64 / n;
    let centre = p + z * z / (2.0 * n);
    let half = z * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
    let scale = 1.0 + z * z / n;
    (
        ((centre - half) / scale).max(0.0),
        ((centre + half) / scale).min(1.0),
    )
}
