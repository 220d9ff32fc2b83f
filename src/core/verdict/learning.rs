//! Dispersion that is learned while watching, where there is no sufficient baseline; it knows counts only.

use super::counts::Bucket;
use super::dispersion::Running;
use super::exponent::exponents;
use super::grid::{GRID, Ratios};
use super::sequential::ChangePoint;

/// Every bucket is weighed again, at ever longer intervals, with what has been learned since.
pub(super) struct Learning<'a> {
    above: &'a Ratios,
    relief: &'a [f64; GRID],
    running: Running,
    busy: f64,
    next: f64,
    requests: f64,
    squares: f64,
    typical: f64,
    factor: f64,
    exponents: [f64; GRID],
}

impl<'a> Learning<'a> {
    /// Starts from what little the baseline showed.
    pub(super) fn new(above: &'a Ratios, relief: &'a [f64; GRID], running: Running) -> Self {
        Self {
            above,
            relief,
            running,
            busy: 0.0,
            next: 1.0,
            requests: 0.0,
            squares: 0.0,
            typical: 1.0,
            factor: 1.0,
            exponents: [1.0; GRID],
        }
    }

    /// Variance factor as known now.
    pub(super) const fn factor(&self) -> f64 {
        self.factor
    }

    /// Hands a minute to the test, weighed with what is known now.
    pub(super) fn push(&self, process: &mut ChangePoint, bucket: Bucket) {
        let Some(counts) = bucket.counts() else {
            process.skip();
            return;
        };
        let (n, x) = (counts.n(), counts.x());
        if n <= self.typical {
            process.push(n, x, self.above, &self.exponents);
        } else {
            let tau = 1.0 + (self.factor - 1.0) * n / self.typical;
            process.push(n, x, self.above, &exponents(self.relief, tau));
        }
    }

    /// Takes a minute; true when the minutes before must be weighed again.
    pub(super) fn take(&mut self, bucket: Bucket) -> bool {
        let Some(counts) = bucket.counts().filter(|counts| counts.requests > 0) else {
            return false;
        };
        let (n, x) = (counts.n(), counts.x());
        self.running.push(n, x);
        self.busy += 1.0;
        self.requests += n;
        self.squares += n * n;
        if self.busy < self.next {
            return false;
        }
        self.next = (self.busy + 1.0).max((self.busy * 1.15).floor());
        self.typical = self.squares / self.requests;
        self.factor = self.running.factor(self.typical);
        self.exponents = exponents(self.relief, self.factor);
        true
    }
}
