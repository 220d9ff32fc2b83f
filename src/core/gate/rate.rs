//! One share of bad requests against its bound: from minutes of counts to a finding; knows no function and no API.

use crate::core::gate::series::Series;
use crate::core::gate::{Counted, Finding, GateKind, GateSettings, Mode, OnTrafficVanished, Seen};
use crate::core::observation::Why;
use crate::core::reason::ReasonCode;
use crate::core::record::Verdict;
use crate::core::verdict::budget::{planned_buckets, share};
use crate::core::verdict::interval::wilson;
use crate::core::verdict::{self, Bucket, PreparedTest, RateFinding, RateTest, Threshold, Totals};

/// Share of requests that may be slower than a p95 bound, and a p99 bound.
pub const SLOWER_THAN_P95: f64 = 0.05;
/// See [`SLOWER_THAN_P95`].
pub const SLOWER_THAN_P99: f64 = 0.01;

/// What the bad requests are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    /// Failed ones.
    Errors,
    /// Refused ones.
    Throttles,
    /// Slow ones.
    Latency,
}

impl About {
    fn seen(self) -> Seen {
        match self {
            Self::Errors => Seen::Counts,
            Self::Throttles => Seen::Throttled,
            Self::Latency => Seen::Slow,
        }
    }
}

/// One test: which share, of what, against which bound.
#[derive(Debug, Clone, PartialEq)]
pub struct RateGate {
    /// Shown name, unique in its environment.
    pub name: String,
    /// Kind of the gate that it belongs to.
    pub kind: GateKind,
    /// What the bad requests are.
    pub about: About,
    /// These together are the requests.
    pub requests: Vec<Series>,
    /// The bad ones.
    pub errors: Series,
    /// Absolute bound, as a fraction.
    pub bound: f64,
}

impl RateGate {
    /// The series that it needs.
    pub fn wanted(&self) -> impl Iterator<Item = &Series> {
        self.requests.iter().chain(std::iter::once(&self.errors))
    }
}

/// What is the same for all tests of a deployment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Terms {
    /// How shares are judged.
    pub mode: Mode,
    /// One test's share of the deployment's budget of false alarms.
    pub alpha: f64,
    /// Minutes of window and bake.
    pub planned: u32,
    /// Whole minutes that are final when the window ends.
    pub watched: u32,
    /// The simple mode fails at so many,
    pub failing: u32,
    /// of so many newest minutes with requests.
    pub of: u32,
    /// What vanished requests mean.
    pub traffic_vanished: OnTrafficVanished,
}

impl Terms {
    /// Divides the budget over `tests` tests: those of metrics and the HTTP gates together. Alarms, expressions and
    /// logs have bounds without chance in them and take no share.
    #[must_use]
    pub fn of(gates: &GateSettings, tests: usize) -> Self {
        Self {
            mode: gates.mode,
            alpha: share(gates.false_rollback, tests),
            planned: planned_buckets(gates.window.as_secs(), gates.bake.as_secs()),
            watched: watched(gates),
            failing: gates.failing_minutes,
            of: gates.of_minutes,
            traffic_vanished: gates.traffic_vanished,
        }
    }
}

/// The first minute begins after the watch, and the last one ends before the data is complete.
fn watched(gates: &GateSettings) -> u32 {
    let span = gates.window.saturating_sub(gates.data_lag).as_secs() / 60;
    u32::try_from(span.saturating_sub(1))
        .unwrap_or(u32::MAX)
        .max(1)
}

/// A test with its baseline.
#[derive(Debug, Clone)]
pub struct RateJudge {
    test: Test,
    /// Chance of a wrong failing verdict, where one is tested for.
    alpha: Option<f64>,
    /// Too little traffic for a pass within the window.
    pub thin: bool,
}

#[derive(Debug, Clone)]
enum Test {
    Sequential {
        test: Box<PreparedTest>,
        traffic_vanished: OnTrafficVanished,
    },
    Threshold {
        rule: Threshold,
        bad_before: bool,
    },
    /// Settings that no test takes.
    None(Why),
}

impl RateJudge {
    /// Fixes what the minutes `before` the deployment, and the same hour of the day before, say.
    #[must_use]
    pub fn new(
        gate: &RateGate,
        terms: Terms,
        before: &[Bucket],
        day_before: Option<&[Bucket]>,
    ) -> Self {
        match terms.mode {
            Mode::Sequential => {
                let bound = gate.bound.clamp(1e-9, 1.0 - 1e-9);
                // The same level tests the errors and the traffic: where both may fail, each has half.
                let alpha = match terms.traffic_vanished {
                    OnTrafficVanished::Inconclusive => terms.alpha,
                    OnTrafficVanished::Degraded => terms.alpha / 2.0,
                };
                match RateTest::new(bound, alpha, terms.planned.max(1)) {
                    Ok(test) => {
                        let prepared = PreparedTest::new(test, before, day_before);
                        Self {
                            alpha: Some(terms.alpha),
                            thin: !prepared.promises(terms.watched),
                            test: Test::Sequential {
                                test: Box::new(prepared),
                                traffic_vanished: terms.traffic_vanished,
                            },
                        }
                    }
                    Err(error) => Self {
                        alpha: None,
                        thin: false,
                        test: Test::None(Why::new(
                            crate::core::observation::Kind::Malformed,
                            error.to_string(),
                        )),
                    },
                }
            }
            Mode::Threshold => Self::threshold(gate, terms, before),
        }
    }

    fn threshold(gate: &RateGate, terms: Terms, before: &[Bucket]) -> Self {
        let rule = Threshold {
            bound: gate.bound,
            failing: terms.failing,
            of: terms.of,
            fewest_requests: 1,
        };
        let newest = before.len().saturating_sub(terms.of as usize);
        let tail = before.get(newest..).unwrap_or_default();
        let seen = Totals::of(before);
        let busy = seen.busy_minutes as f64 / (seen.known_minutes.max(1)) as f64;
        Self {
            alpha: None,
            thin: seen.known_minutes > 0
                && busy * f64::from(terms.watched) < f64::from(terms.failing),
            test: Test::Threshold {
                bad_before: rule.judge(tail).0 == verdict::Verdict::Degraded,
                rule,
            },
        }
    }

    /// What the final minutes since the watch began say. `why`: the reason why the newest ones are not known.
    #[must_use]
    pub fn finding(&self, gate: &RateGate, after: &[Bucket], why: Option<&Why>) -> Finding {
        let finding = match &self.test {
            Test::Sequential {
                test,
                traffic_vanished,
            } => Finding {
                alpha: self.alpha,
                ..sequential(gate, &test.judge(after), self.thin, *traffic_vanished)
            },
            Test::Threshold { rule, bad_before } => {
                simple(gate, rule, *bad_before, self.thin, after)
            }
            Test::None(why) => Finding {
                seen: Seen::Unknown { why: why.clone() },
                ..blank(gate)
            },
        };
        match why {
            Some(why) if finding.counted.is_none() && finding.verdict != Verdict::Degraded => {
                Finding {
                    // What could not be looked at is not excused by little traffic.
                    thin: finding.thin && finding.reason != ReasonCode::NoData,
                    seen: Seen::Unknown { why: why.clone() },
                    ..finding
                }
            }
            _ => finding,
        }
    }
}

/// A finding of a test that has seen nothing.
#[must_use]
pub fn blank(gate: &RateGate) -> Finding {
    Finding {
        bound: Some(gate.bound),
        ..Finding::blank(&gate.name, gate.kind)
    }
}

fn counted(seen: Totals) -> Option<Counted> {
    (seen.requests > 0).then(|| Counted {
        requests: seen.requests,
        errors: seen.errors,
        interval: wilson(seen.errors as f64, seen.requests as f64, 0.025),
    })
}

fn sequential(
    gate: &RateGate,
    found: &RateFinding,
    thin: bool,
    traffic_vanished: OnTrafficVanished,
) -> Finding {
    let reason = reason(gate.about, found.reason);
    let gone =
        reason == ReasonCode::TrafficVanished && traffic_vanished == OnTrafficVanished::Degraded;
    Finding {
        verdict: match found.verdict {
            verdict::Verdict::Healthy => Verdict::Healthy,
            verdict::Verdict::Degraded => Verdict::Degraded,
            verdict::Verdict::Inconclusive if gone => Verdict::Degraded,
            verdict::Verdict::Inconclusive => Verdict::Inconclusive,
        },
        reason,
        thin: match reason {
            // Traffic that is gone was there before: not thin, but a finding of its own.
            ReasonCode::TrafficVanished => false,
            // Who saw nothing cannot tell that there was too little of it.
            ReasonCode::NoData => found.thin,
            ReasonCode::TooLittleData => false,
            _ => thin && !found.suspect,
        },
        certified: found.verdict == verdict::Verdict::Healthy,
        counted: counted(found.seen),
        bound: Some(found.theta_abs),
        baseline_bound: found.theta_rel,
        before: counted(found.baseline),
        unseen_minutes: found.unanswered_at_end,
        evidence: if gone { 1.0 } else { found.evidence },
        // Without a request there is nothing but a rounding.
        pass_evidence: if found.seen.requests > 0 {
            found.pass_evidence
        } else {
            0.0
        },
        seen: if found.seen.known_minutes > 0 {
            gate.about.seen()
        } else {
            Seen::Nothing
        },
        ..blank(gate)
    }
}

fn reason(about: About, reason: verdict::ReasonCode) -> ReasonCode {
    use verdict::ReasonCode as From;
    match (reason, about) {
        (From::ErrorRateAboveBound | From::ErrorRateAboveBaseline, About::Latency) => {
            ReasonCode::LatencyAboveBound
        }
        (From::ErrorRateAboveBound, About::Errors | About::Throttles) => {
            ReasonCode::ErrorRateAboveBound
        }
        (From::ErrorRateAboveBaseline, About::Errors | About::Throttles) => {
            ReasonCode::ErrorRateAboveBaseline
        }
        (From::Certified, _) => ReasonCode::Healthy,
        (From::TooFewRequests, _) => ReasonCode::TooFewRequests,
        (From::NotProven, _) => ReasonCode::NotProven,
        (From::BadBefore, _) => ReasonCode::FailingBefore,
        (From::NoData, _) => ReasonCode::NoData,
        (From::TooLittleData, _) => ReasonCode::TooLittleData,
        (From::NoTraffic, _) => ReasonCode::NoTraffic,
        (From::TrafficVanished, _) => ReasonCode::TrafficVanished,
    }
}

fn simple(
    gate: &RateGate,
    rule: &Threshold,
    bad_before: bool,
    thin: bool,
    after: &[Bucket],
) -> Finding {
    let above = |bucket: &Bucket| {
        Totals::of(std::slice::from_ref(bucket))
            .rate()
            .map(|rate| rate > rule.bound)
    };
    // What failed already before is no evidence until it has been good once.
    let muted = if bad_before {
        after
            .iter()
            .position(|bucket| above(bucket) == Some(false))
            .unwrap_or(after.len())
    } else {
        0
    };
    let judged = after.get(muted..).unwrap_or_default();
    let (verdict, _) = rule.judge(judged);
    let seen = Totals::of(after);
    let newest: Vec<bool> = judged
        .iter()
        .rev()
        .filter_map(above)
        .take(rule.of as usize)
        .collect();
    let minutes = f64::from(rule.failing.max(1));
    let bad = newest.iter().filter(|above| **above).count() as f64;
    let busy = Totals::of(judged).busy_minutes as f64;
    let (verdict, reason) = match verdict {
        verdict::Verdict::Degraded => (
            Verdict::Degraded,
            reason(gate.about, verdict::ReasonCode::ErrorRateAboveBound),
        ),
        verdict::Verdict::Healthy => (Verdict::Healthy, ReasonCode::Healthy),
        verdict::Verdict::Inconclusive => (
            Verdict::Inconclusive,
            if seen.known_minutes == 0 {
                ReasonCode::NoData
            } else if seen.requests == 0 {
                ReasonCode::NoTraffic
            } else if muted > 0 && judged.is_empty() {
                ReasonCode::FailingBefore
            } else {
                ReasonCode::TooFewRequests
            },
        ),
    };
    Finding {
        verdict,
        reason,
        thin,
        certified: verdict == Verdict::Healthy,
        counted: counted(seen),
        evidence: if verdict == Verdict::Degraded {
            1.0
        } else {
            (bad / minutes).min(1.0)
        },
        pass_evidence: (busy / minutes).min(1.0),
        seen: if seen.known_minutes > 0 {
            gate.about.seen()
        } else {
            Seen::Nothing
        },
        ..blank(gate)
    }
}

#[cfg(test)]
mod tests;
