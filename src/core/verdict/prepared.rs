//! One gate with everything that is known before the deployment: bounds, level, dispersion; it does not know what came after.

use super::baseline::{Baseline, relative_bound};
use super::certify::{ln_evidence_below, requests_needed};
use super::counts::Bucket;
use super::dispersion::Dispersion;
use super::exponent::{exponents, relief};
use super::grid::{GRID, Ratios};
use super::sequential::ChangePoint;
use super::settings::RateTest;
use super::traffic::Pace;

/// Nearest that a bound may come to 1; whoever is allowed that much cannot fail.
pub(super) const HIGHEST_BOUND: f64 = 1.0 - 1e-9;
/// Share of baselines within the bound that are doubted all the same, at most.
const DOUBT: f64 = 0.25;
/// Standard deviations between the middle and the tenth part of a normal distribution: as unlucky as one in ten.
const UNLUCKY: f64 = 1.2816;
/// Factor by which the dispersion is raised while the test would fail the baseline itself.
const RAISE: f64 = 1.5;

/// One gate with everything that is known before the deployment; made once, judges any number of looks.
#[derive(Debug, Clone)]
pub struct PreparedTest {
    pub(super) test: RateTest,
    pub(super) baseline: Baseline,
    pub(super) pace: Option<Pace>,
    pub(super) upper: Option<f64>,
    pub(super) theta_rel: Option<f64>,
    pub(super) theta: f64,
    pub(super) level: f64,
    pub(super) bad_before: bool,
    pub(super) doubtful_before: bool,
    pub(super) dispersion: Dispersion,
    pub(super) above: Ratios,
    pub(super) below: Ratios,
    pub(super) relief: [f64; GRID],
    pub(super) usual: [f64; GRID],
    pub(super) needed: u64,
    pub(super) thin: bool,
}

impl PreparedTest {
    /// Fixes bounds, level and dispersion from the baseline: the hour `before` the deployment and the
    /// same hour of the day before, oldest bucket first.
    #[must_use]
    pub fn new(test: RateTest, before: &[Bucket], day_before: Option<&[Bucket]>) -> Self {
        let baseline = Baseline::of(before, day_before);
        let tail = test.baseline_tail();
        let upper = baseline.upper_rate(tail);
        let theta_rel = upper.map(|u| relative_bound(u).min(HIGHEST_BOUND));
        let stricter = theta_rel.map_or(test.bound(), |rel| rel.min(test.bound()));
        let improbable = baseline.p_value(test.bound());
        let bad_before = improbable < tail;
        let doubtful_before = !bad_before && improbable < DOUBT;
        let theta = if bad_before {
            theta_rel.unwrap_or(HIGHEST_BOUND)
        } else {
            stricter
        };
        let level = if upper.is_some() {
            test.alpha() - tail
        } else {
            test.alpha()
        };
        let above = Ratios::above(theta);
        let below = Ratios::below(stricter);
        let needed = requests_needed(&below, test.beta());
        let pace = Pace::of(before);
        let promised = baseline
            .requests_per_minute()
            .map(|r| r * f64::from(test.planned_buckets()));
        let thin = promised.unwrap_or(0.0) < needed as f64 && !baseline.unanswered;
        // Without dispersion every exponent is 1 whatever the relief.
        let relief = if baseline.dispersion.running.is_some() {
            relief(&above, upper.unwrap_or(1.0))
        } else {
            [1.0; GRID]
        };
        let mut prepared = Self {
            dispersion: baseline.dispersion.clone(),
            usual: [1.0; GRID],
            test,
            baseline,
            pace,
            upper,
            theta_rel,
            theta,
            level,
            bad_before,
            doubtful_before,
            above,
            below,
            relief,
            needed,
            thin,
        };
        prepared.set_factor(prepared.dispersion.factor);
        prepared.calm(before);
        prepared
    }

    fn set_factor(&mut self, factor: f64) {
        if factor > 1.0 && self.dispersion.running.is_none() && self.usual == [1.0; GRID] {
            self.relief = relief(&self.above, self.upper.unwrap_or(1.0));
        }
        self.dispersion.factor = factor;
        self.usual = exponents(&self.relief, factor);
    }

    /// A test that would have failed the baseline itself mistakes a habit of the service for a fault:
    /// raises the dispersion until it would not.
    fn calm(&mut self, before: &[Bucket]) {
        if self.dispersion.running.is_some() || self.bad_before {
            return;
        }
        let cap = self.dispersion.cap();
        let minutes = u32::try_from(before.len())
            .unwrap_or(u32::MAX)
            .max(self.test.planned_buckets());
        while self.dispersion.factor < cap {
            let half = self.level.sqrt();
            let mut process =
                ChangePoint::of_known_service(half, minutes, self.test.blip_buckets());
            let fails = before.iter().any(|bucket| {
                self.push(&mut process, *bucket);
                process.failed()
            });
            if !fails {
                return;
            }
            self.set_factor((self.dispersion.factor * RAISE).min(cap));
        }
    }

    pub(super) fn push(&self, process: &mut ChangePoint, bucket: Bucket) {
        let Some(counts) = bucket.counts() else {
            process.skip();
            return;
        };
        let (n, x) = (counts.n(), counts.x());
        if n <= self.dispersion.typical_requests || self.dispersion.factor <= 1.0 {
            process.push(n, x, &self.above, &self.usual);
        } else {
            process.push(
                n,
                x,
                &self.above,
                &exponents(&self.relief, self.dispersion.at(n)),
            );
        }
    }

    pub(super) fn process(&self) -> ChangePoint {
        let new = if self.dispersion.running.is_none() {
            ChangePoint::of_known_service
        } else {
            ChangePoint::new
        };
        new(
            self.level,
            self.test.planned_buckets(),
            self.test.blip_buckets(),
        )
    }

    /// Whether the baseline promises too few requests for a certified pass: requests a minute × planned
    /// minutes is less than the error-free requests that a pass needs. A baseline that the provider did
    /// not answer promises nothing and excuses nothing.
    #[must_use]
    pub const fn thin(&self) -> bool {
        self.thin
    }

    /// Whether a service that goes on as it was is certified within `minutes`, with requests as few and errors as
    /// many as one stretch in ten has them (normal approximation). A baseline without a request promises nothing;
    /// one that the provider did not answer excuses nothing.
    #[must_use]
    pub fn promises(&self, minutes: u32) -> bool {
        let (Some(pace), Some(before)) =
            (self.baseline.requests_per_minute(), self.baseline.usual())
        else {
            return self.baseline.unanswered;
        };
        let expected = pace * f64::from(minutes);
        let requests = (expected - UNLUCKY * expected.sqrt()).max(0.0);
        // Half an error more than was seen: none in an hour does not mean never.
        let rate = (before.errors as f64 + 0.5) / (before.requests as f64 + 1.0);
        let spread = self.dispersion.likely;
        let deviation = (requests * rate * (1.0 - rate) * spread).sqrt();
        let errors = (requests * rate + UNLUCKY * deviation).floor();
        let nats = ln_evidence_below(requests, errors.min(requests), &self.below, 1.0 / spread);
        nats >= -self.test.beta().ln()
    }
}
