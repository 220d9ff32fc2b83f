//! Judging single probes: a run of failures with its confirmation, and Wald's test; it does not probe.
//!
//! Two failures in a row alone are a false alarm in 13.5 % of deployments (60 probes, 5 % of them
//! failing by chance). Therefore the run is confirmed by probes every second, of which none may succeed.

/// What to do after a probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProbeStep {
    /// Go on at the usual pace.
    GoOn,
    /// Probe every second now: the failures must be confirmed.
    Confirm,
    /// Certainly down.
    Down,
}

/// A run of failures, then a confirmation in which nothing succeeds.
///
/// With `f` the share of probes that fail by chance, `k` failures in a row and `c` confirming probes,
/// each run is a false alarm with probability f^c at most: 5 % and 10 probes make 10⁻¹³.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Consecutive {
    needed: u32,
    confirming: u32,
    failures: u32,
}

impl Consecutive {
    /// `needed` failures in a row (at least 1), then `confirming` more.
    #[must_use]
    pub const fn new(needed: u32, confirming: u32) -> Self {
        Self { needed: if needed == 0 { 1 } else { needed }, confirming, failures: 0 }
    }

    /// Takes the next probe; an unknown one (`None`) neither adds nor forgives.
    pub fn push(&mut self, succeeded: Option<bool>) -> ProbeStep {
        match succeeded {
            Some(true) => self.failures = 0,
            Some(false) => self.failures = self.failures.saturating_add(1),
            None => {}
        }
        if self.failures >= self.needed.saturating_add(self.confirming) {
            ProbeStep::Down
        } else if self.failures >= self.needed {
            ProbeStep::Confirm
        } else {
            ProbeStep::GoOn
        }
    }

    /// Share (0 to 1) of the failures that a verdict needs.
    #[must_use]
    pub fn evidence(&self) -> f64 {
        let all = f64::from(self.needed) + f64::from(self.confirming);
        (f64::from(self.failures) / all).min(1.0)
    }
}

/// Wald's sequential probability ratio test with restarts: p₀ = 0.05 of probes fail by chance, p₁ = 0.9
/// fail when the service is down.
///
/// `S ← max(0, S + ln(p₁/p₀))` for a failure, `max(0, S + ln((1−p₁)/(1−p₀)))` for a success; down when
/// S ≥ ln((1−β)/α). A dead service is down with the second probe at α = 1 %. Source: Wald 1945; Page 1954.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sequential {
    sum: f64,
    need: f64,
}

impl Sequential {
    /// Share of probes that fail by chance.
    pub const BY_CHANCE: f64 = 0.05;
    /// Share of probes that fail when the service is down.
    pub const WHEN_DOWN: f64 = 0.9;

    /// A test with share `alpha` of false alarms and `beta` of misses per run.
    #[must_use]
    pub fn new(alpha: f64, beta: f64) -> Self {
        let (alpha, beta) = (alpha.clamp(1e-12, 0.5), beta.clamp(1e-12, 0.5));
        Self { sum: 0.0, need: ((1.0 - beta) / alpha).ln() }
    }

    /// Takes the next probe; an unknown one (`None`) is no evidence. True: certainly down.
    pub fn push(&mut self, succeeded: Option<bool>) -> bool {
        let step = match succeeded {
            Some(false) => (Self::WHEN_DOWN / Self::BY_CHANCE).ln(),
            Some(true) => ((1.0 - Self::WHEN_DOWN) / (1.0 - Self::BY_CHANCE)).ln(),
            None => 0.0,
        };
        self.sum = (self.sum + step).max(0.0);
        self.sum >= self.need
    }

    /// Share (0 to 1) of the evidence that a verdict needs.
    #[must_use]
    pub fn evidence(&self) -> f64 {
        (self.sum / self.need).clamp(0.0, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_failures_are_confirmed_before_they_count() {
        let mut run = Consecutive::new(2, 10);
        assert_eq!(run.push(Some(false)), ProbeStep::GoOn);
        assert_eq!(run.push(Some(false)), ProbeStep::Confirm);
        for _ in 0..9 {
            assert_eq!(run.push(Some(false)), ProbeStep::Confirm);
        }
        assert_eq!(run.push(None), ProbeStep::Confirm);
        assert_eq!(run.push(Some(false)), ProbeStep::Down);
    }

    #[test]
    fn one_success_forgives_the_run() {
        let mut run = Consecutive::new(2, 10);
        for _ in 0..11 {
            run.push(Some(false));
        }
        assert_eq!(run.push(Some(true)), ProbeStep::GoOn);
        assert_eq!(run.evidence(), 0.0);
    }

    #[test]
    fn a_dead_service_is_down_with_the_second_probe() {
        let mut test = Sequential::new(0.01, 0.05);
        assert!(!test.push(Some(false)));
        assert!(test.push(Some(false)));
    }
}
