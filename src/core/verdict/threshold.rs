//! The simple mode: M of N minutes above a fixed bound; it knows no statistics and says so.

use super::counts::{Bucket, Totals};
use super::reason::Verdict;

/// Fails when at least `failing` of the newest `of` minutes with requests lie above `bound`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Threshold {
    /// Bound, errors per request.
    pub bound: f64,
    /// M: minutes that must be above it.
    pub failing: u32,
    /// N: minutes that are looked at.
    pub of: u32,
    /// Requests below which a minute says nothing.
    pub fewest_requests: u64,
}

impl Threshold {
    /// Judges all final minutes, oldest first. Minutes that are unknown or have too few requests are
    /// left out; without a single other one the verdict is inconclusive, as it is while M minutes have
    /// not been seen. Returns the verdict and the bucket (from 0) that decided a fail.
    #[must_use]
    pub fn judge(&self, after: &[Bucket]) -> (Verdict, Option<usize>) {
        let window = self.of.max(1) as usize;
        let needed = self.failing.clamp(1, self.of.max(1)) as usize;
        let mut recent = std::collections::VecDeque::with_capacity(window.min(1024));
        let mut seen = 0_usize;
        for (index, bucket) in after.iter().enumerate() {
            let Some(rate) = Totals::of(std::slice::from_ref(bucket)).rate() else {
                continue;
            };
            if bucket
                .counts()
                .is_none_or(|counts| counts.requests < self.fewest_requests)
            {
                continue;
            }
            seen += 1;
            if recent.len() == window {
                recent.pop_front();
            }
            recent.push_back(rate > self.bound);
            if recent.iter().filter(|above| **above).count() >= needed {
                return (Verdict::Degraded, Some(index));
            }
        }
        (
            if seen >= needed {
                Verdict::Healthy
            } else {
                Verdict::Inconclusive
            },
            None,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_of_three_minutes_fail_and_silence_says_nothing() {
        let rule = Threshold {
            bound: 0.05,
            failing: 2,
            of: 3,
            fewest_requests: 1,
        };
        let bad = Bucket::known(100, 10);
        let good = Bucket::known(100, 0);
        assert_eq!(
            rule.judge(&[bad, Bucket::Unknown, good, bad]),
            (Verdict::Degraded, Some(3))
        );
        assert_eq!(
            rule.judge(&[bad, good, good, bad]),
            (Verdict::Healthy, None)
        );
        assert_eq!(
            rule.judge(&[Bucket::Unknown, Bucket::known(0, 0)]),
            (Verdict::Inconclusive, None)
        );
    }
}
