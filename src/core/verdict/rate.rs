//! The whole error-rate gate, from counts to a finding; it knows no provider, no clock and no language.

use super::certify::ln_evidence_below;
use super::counts::{Bucket, Totals};
use super::dispersion::Dispersion;
use super::finding::RateFinding;
use super::interval::wilson;
use super::learning::Learning;
use super::prepared::PreparedTest;
use super::reason::{ReasonCode, Verdict};
use super::sequential::ChangePoint;
use super::settings::RateTest;
use super::traffic::{Traffic, judge_traffic};

/// Most evidence that is shown while a fail is not certain.
const ALMOST: f64 = 0.999_999;

impl PreparedTest {
    /// First bucket with which a fail is certain, and the state of the test then or at the end.
    fn run(&self, after: &[Bucket]) -> (Option<usize>, ChangePoint, f64) {
        let mut process = self.process();
        let mut learning = self
            .dispersion
            .running
            .clone()
            .map(|running| Learning::new(&self.above, &self.relief, running));
        let (mut requests, mut errors) = (0.0, 0.0);
        for (index, bucket) in after.iter().enumerate() {
            let counts = bucket.counts().unwrap_or_default();
            let (n, x) = (counts.n(), counts.x());
            requests += n;
            errors += x;
            match &mut learning {
                None => self.push(&mut process, n, x),
                Some(learning) => {
                    if learning.take(n, x) {
                        process = self.process();
                        for earlier in &after[..index] {
                            let counts = earlier.counts().unwrap_or_default();
                            learning.push(&mut process, counts.n(), counts.x());
                        }
                    }
                    learning.push(&mut process, n, x);
                }
            }
            if n > 0.0
                && process.failed()
                && (!self.doubtful_before || self.worse_than_before(requests, errors))
            {
                return (
                    Some(index),
                    process,
                    learning.map_or(self.dispersion.factor, |learning| learning.factor()),
                );
            }
        }
        (
            None,
            process,
            learning.map_or(self.dispersion.factor, |learning| learning.factor()),
        )
    }

    /// Judges the one-minute buckets after the deployment, oldest first, all that are final so far.
    pub fn judge(&self, after: &[Bucket]) -> RateFinding {
        let (decided_at, process, dispersion) = self.run(after);
        let seen = Totals::of(after);
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
        let certified = pass_evidence >= 1.0 && process.suspicion() < 1.0 && self.ends_well(after);
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
        } else if seen.requests == 0 {
            (Verdict::Inconclusive, ReasonCode::NoTraffic)
        } else if 2 * seen.known_minutes < after.len() as u64 {
            (Verdict::Inconclusive, ReasonCode::TooLittleData)
        } else if certified {
            (Verdict::Healthy, ReasonCode::Certified)
        } else if self.bad_before {
            (Verdict::Inconclusive, ReasonCode::BadBefore)
        } else if seen.requests < self.needed {
            (Verdict::Inconclusive, ReasonCode::TooFewRequests)
        } else {
            (Verdict::Inconclusive, ReasonCode::NotProven)
        };
        RateFinding {
            verdict,
            reason,
            seen,
            rate: seen.rate(),
            interval: wilson(seen.errors as f64, seen.requests as f64, 0.025),
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
            requests_needed: self.needed,
            traffic,
        }
    }

    /// Whether the newest third of the minutes is not above the bound: a pass must not rest on how the
    /// service was before a late fault.
    fn ends_well(&self, after: &[Bucket]) -> bool {
        let newest = Totals::of(&after[after.len() - after.len().div_ceil(3)..]);
        newest.rate().is_none_or(|rate| rate < self.below.bound)
    }

    /// For a baseline that probably lies above the bound, without proof: are the requests since the deployment
    /// worse than those before? One-sided log-likelihood ratio of two rates against one, as much as a
    /// fail needs.
    fn worse_than_before(&self, requests: f64, errors: f64) -> bool {
        let certain = self.dispersion.certain;
        let (n0, x0) = (
            self.baseline.before.requests as f64 / certain,
            self.baseline.before.errors as f64 / certain,
        );
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

/// Prepares and judges in one go.
pub fn judge_rate(
    test: RateTest,
    before: &[Bucket],
    day_before: Option<&[Bucket]>,
    after: &[Bucket],
) -> RateFinding {
    PreparedTest::new(test, before, day_before).judge(after)
}
