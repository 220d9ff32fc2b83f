//! Judging single probes: a run of failures with its confirmation, and a sequential test; it does not probe.
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
        Self {
            needed: if needed == 0 { 1 } else { needed },
            confirming,
            failures: 0,
        }
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

/// Sequential test of single probes: p₀ = 0.05 of them fail by chance, p₁ = 0.9 when the service is down.
///
/// The same change-point process as for error rates: `A_t = (A_{t−1} + π_t) · LR_t` with LR = p₁/p₀ for a
/// failure and (1−p₁)/(1−p₀) for a success, π_1 = 1/2 and the rest even over the planned probes; down
/// when `A_t + Σ_{s>t} π_s ≥ 1/α`, which at most a share α of watches of a healthy service ever reaches.
/// A service that is dead from the start is down with the second probe at α = 1 %, one that dies later
/// with the fourth. Sources: Wald 1945; Shiryaev 1963; Ville 1939.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sequential {
    evidence: f64,
    prior_left: f64,
    prior_next: f64,
    started: bool,
    need: f64,
}

impl Sequential {
    /// Share of probes that fail by chance.
    pub const BY_CHANCE: f64 = 0.05;
    /// Share of probes that fail when the service is down.
    pub const WHEN_DOWN: f64 = 0.9;

    /// A test with a share `alpha` of false alarms over a watch of `planned` probes.
    #[must_use]
    pub fn new(alpha: f64, planned: u32) -> Self {
        Self {
            evidence: 0.0,
            prior_left: 1.0,
            prior_next: 0.5 / f64::from(planned.max(2) - 1),
            started: false,
            need: 1.0 / alpha.clamp(1e-12, 0.5),
        }
    }

    /// Takes the next probe; an unknown one (`None`) is no evidence. True: certainly down.
    pub fn push(&mut self, succeeded: Option<bool>) -> bool {
        let prior = if self.started {
            self.prior_next.min(self.prior_left)
        } else {
            0.5
        };
        self.started = true;
        self.prior_left = (self.prior_left - prior).max(0.0);
        let ratio = match succeeded {
            Some(false) => Self::WHEN_DOWN / Self::BY_CHANCE,
            Some(true) => (1.0 - Self::WHEN_DOWN) / (1.0 - Self::BY_CHANCE),
            None => 1.0,
        };
        self.evidence = ((self.evidence + prior) * ratio).min(1e250);
        self.total() >= self.need
    }

    fn total(&self) -> f64 {
        self.evidence + self.prior_left
    }

    /// Share (0 to 1) of the evidence that a verdict needs, on a logarithmic scale.
    #[must_use]
    pub fn evidence(&self) -> f64 {
        (self.total().max(1e-290).ln() / self.need.ln()).clamp(0.0, 1.0)
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
        let mut test = Sequential::new(0.01, 60);
        assert!(!test.push(Some(false)));
        assert!(test.push(Some(false)));
        assert_eq!(test.evidence(), 1.0);
    }
}
