//! What a service was like before the deployment: its rate with limits, its bound, its dispersion; it does not know what came after.

use super::counts::{Bucket, Totals};
use super::dispersion::Dispersion;
use super::interval::{p_value, upper_limit};

/// Factor by which the rate may rise over the baseline's upper limit.
const FACTOR: f64 = 2.0;
/// Rise that is always allowed, errors per request.
const ALLOWANCE: f64 = 0.005;

/// The hour before the deployment and, where there is one, the same hour of the day before.
#[derive(Debug, Clone, PartialEq)]
pub struct Baseline {
    /// Sums of the hour before the deployment.
    pub before: Totals,
    /// Sums of the same hour of the day before.
    pub day_before: Option<Totals>,
    /// How unevenly errors fall on minutes, the larger of the two.
    pub dispersion: Dispersion,
    /// Whether buckets were asked for and not one was answered.
    pub unanswered: bool,
}

impl Baseline {
    /// Summarises buckets, oldest first.
    #[must_use]
    pub fn of(before: &[Bucket], day_before: Option<&[Bucket]>) -> Self {
        let own = Dispersion::of(before);
        let totals = Totals::of(before);
        Self {
            before: totals,
            day_before: day_before.map(Totals::of),
            dispersion: match day_before {
                Some(day) => own.larger(Dispersion::of(day)),
                None => own,
            },
            unanswered: !before.is_empty() && totals.known_minutes == 0,
        }
    }

    /// Upper limit u of the rate, wrong with probability at most `tail`: the larger of the two hours'.
    ///
    /// Clopper–Pearson on counts divided by the dispersion where that is certain. `None` without a
    /// request.
    #[must_use]
    pub fn upper_rate(&self, tail: f64) -> Option<f64> {
        let own = self.limit(self.before, tail);
        let day = self.day_before.and_then(|totals| self.limit(totals, tail));
        match (own, day) {
            (Some(own), Some(day)) => Some(own.max(day)),
            (one, other) => one.or(other),
        }
    }

    fn limit(&self, totals: Totals, tail: f64) -> Option<f64> {
        let certain = self.dispersion.certain;
        (totals.requests > 0).then(|| {
            upper_limit(
                totals.errors as f64 / certain,
                totals.requests as f64 / certain,
                tail,
            )
        })
    }

    /// Probability of as many errors in the hour before, or more, if the true rate was `bound`.
    #[must_use]
    pub fn p_value(&self, bound: f64) -> f64 {
        p_value(
            self.before.errors as f64,
            self.before.requests as f64,
            bound,
        )
    }

    /// What the service does usually: the hour before; where that was not answered, the same hour of the day before.
    /// `None` where nothing is known.
    #[must_use]
    pub fn usual(&self) -> Option<Totals> {
        [Some(self.before), self.day_before]
            .into_iter()
            .flatten()
            .find(|totals| totals.known_minutes > 0)
    }

    /// Requests per minute, usually.
    #[must_use]
    pub fn requests_per_minute(&self) -> Option<f64> {
        self.usual()
            .map(|totals| totals.requests as f64 / totals.known_minutes as f64)
    }
}

/// Bound that follows from a baseline whose rate is at most `upper`: `max(2u, u + 0.5 points)`.
#[must_use]
pub fn relative_bound(upper: f64) -> f64 {
    (FACTOR * upper).max(upper + ALLOWANCE)
}
