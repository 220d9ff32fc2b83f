//! The whole error-rate gate, from counts to a finding; it knows no provider, no clock and no language.

use super::certify::ln_evidence_below;
use super::counts::{Bucket, Totals};
use super::dispersion::Dispersion;
use super::finding::RateFinding;
use super::interval::wilson;
use super::learning::Learning;
use super::prepared::{HIGHEST_BOUND, PreparedTest};
use super::reason::{ReasonCode, Verdict};
use super::sequential::ChangePoint;
use super::settings::RateTest;
use super::traffic::{Traffic, judge_traffic};

/// Most evidence that is shown while a fail is not certain.
const ALMOST: f64 = 0.999_999;

/// The test after the last bucket that it was given.
struct Run {
    /// First bucket with which a fail is certain; the test ended there.
    decided_at: Option<usize>,
    process: ChangePoint,
    /// Variance factor of the errors.
    dispersion: f64,
}

impl PreparedTest {
    fn run(&self, after: &[Bucket]) -> Run {
        let mut process = self.process();
        let mut learning = self
            .dispersion
            .running
            .clone()
            .map(|running| Learning::new(&self.above, &self.relief, running));
        let (mut requests, mut errors) = (0.0, 0.0);
        let mut decided_at = None;
        // Nothing is worse than a service whose requests all failed before.
        let after = if self.theta >= HIGHEST_BOUND {
            &[]
        } else {
            after
        };
        for (index, bucket) in after.iter().enumerate() {
            match &mut learning {
                None => self.push(&mut process, *bucket),
                Some(learning) => {
                    if learning.take(*bucket) {
                        process = self.process();
                        for earlier in &after[..index] {
                            learning.push(&mut process, *earlier);
                        }
                    }
                    learning.push(&mut process, *bucket);
                }
            }
            let Some(counts) = bucket.counts().filter(|counts| counts.requests > 0) else {
                continue;
            };
            requests += counts.n();
            errors += counts.x();
            if process.failed()
                && (!self.doubtful_before || self.worse_than_before(requests, errors))
            {
                decided_at = Some(index);
                break;
            }
        }
        Run {
            decided_at,
            process,
            dispersion: learning.map_or(self.dispersion.factor, |learning| learning.factor()),
        }
    }

    /// Judges the one-minute buckets after the deployment, oldest first, all that are final so far.
    pub fn judge(&self, after: &[Bucket]) -> RateFinding {
        let Run {
            decided_at,
            process,
            dispersion,
        } = self.run(after);
        let seen = Totals::of(after);
        let newest = Totals::of(newest_third(after));
        let blind = 2 * seen.known_minutes <= after.len() as u64 || newest.known_minutes == 0;
        let traffic = judge_traffic(
            self.pace,
            after,
            self.test.alpha(),
            self.test.planned_buckets(),
        );
        let spread = Dispersion::likely_of(after).max(self.dispersion.likely);
        let nats = ln_evidence_below(
            seen.requests as f64,
            seen.errors as f64,
            &self.below,
            1.0 / spread,
        );
        let pass_evidence = (nats / -self.test.beta().ln()).clamp(0.0, 1.0);
        // A pass must not rest on how the service was before a late fault.
        let ends_well = newest.rate().is_none_or(|rate| rate < self.below.bound);
        let certified = pass_evidence >= 1.0 && process.suspicion() < 1.0 && ends_well;
        let (verdict, reason) = if decided_at.is_some() {
            (
                Verdict::Degraded,
                if self.theta < self.test.bound() || self.bad_before {
                    ReasonCode::ErrorRateAboveBaseline
                } else {
                    ReasonCode::ErrorRateAboveBound
                },
            )
        } else if seen.known_minutes == 0 {
            (Verdict::Inconclusive, ReasonCode::NoData)
        } else if traffic == Traffic::Vanished {
            (Verdict::Inconclusive, ReasonCode::TrafficVanished)
        } else if blind {
            (Verdict::Inconclusive, ReasonCode::TooLittleData)
        } else if seen.requests == 0 {
            (Verdict::Inconclusive, ReasonCode::NoTraffic)
        } else if certified {
            (Verdict::Healthy, ReasonCode::Certified)
        } else if self.bad_before {
            (Verdict::Inconclusive, ReasonCode::BadBefore)
        } else if seen.requests < self.needed {
            (Verdict::Inconclusive, ReasonCode::TooFewRequests)
        } else {
            (Verdict::Inconclusive, ReasonCode::NotProven)
        };
        let interval = wilson(seen.errors as f64, seen.requests as f64, 0.025);
        RateFinding {
            verdict,
            reason,
            seen,
            rate: seen.rate(),
            interval,
            bound_used: self.theta,
            theta_abs: self.test.bound(),
            theta_rel: self.theta_rel,
            baseline: self.baseline.before,
            baseline_upper: self.upper,
            bad_before: self.bad_before,
            dispersion,
            evidence: if decided_at.is_some() {
                1.0
            } else {
                process.share().min(ALMOST)
            },
            pass_evidence,
            decided_at,
            thin: self.thin,
            suspect: process.failed() || interval.0 > self.theta,
            unanswered_at_end: after
                .iter()
                .rev()
                .take_while(|bucket| bucket.counts().is_none())
                .count() as u64,
            requests_needed: self.needed,
            traffic,
        }
    }

    /// For a baseline that probably lies above the bound, without proof: are the requests since the deployment
    /// worse than those before? One-sided log-likelihood ratio of two rates against one, as much as a
    /// fail needs. A handful of failed requests proves nothing of the past: fewer than a pass needs are filled up
    /// to that number with requests that fail exactly at the bound.
    fn worse_than_before(&self, requests: f64, errors: f64) -> bool {
        let certain = self.dispersion.certain;
        let (n0, x0) = (
            self.baseline.before.requests as f64 / certain,
            self.baseline.before.errors as f64 / certain,
        );
        let assumed = (self.needed as f64 - n0).max(0.0);
        let (n0, x0) = (n0 + assumed, x0 + assumed * self.test.bound());
        let (n1, x1) = (requests / certain, errors / certain);
        let common = (x0 + x1) / (n0 + n1);
        let part = |x: f64, n: f64, p: f64| {
            let term = |count: f64, seen: f64, all: f64| {
                if count > 0.0 {
                    count * (seen / all).ln()
                } else {
                    0.0
                }
            };
            term(x, x / n, p) + term(n - x, 1.0 - x / n, 1.0 - p)
        };
        x1 / n1 > x0 / n0 && part(x0, n0, common) + part(x1, n1, common) >= -self.level.ln()
    }
}

fn newest_third(minutes: &[Bucket]) -> &[Bucket] {
    &minutes[minutes.len() - minutes.len().div_ceil(3)..]
}

/// Prepares and judges in one go.
pub fn judge_rate(
    test: RateTest,
    before: &[Bucket],
    day_before: Option<&[Bucket]>,
    after: &[Bucket],
) -> RateFinding {
    PreparedTest::new(test, before, day_before).judge(after)
}
