//! The settings of one error-rate gate, checked once; it knows no defaults of the configuration file.

use std::fmt;

/// Errors per request that a mixture grid can still tell from 0 or from 1.
const SMALLEST_BOUND: f64 = 1e-9;

/// Why settings were refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadSetting {
    /// The bound must be a number in (0, 1).
    Bound,
    /// The share of false alarms must be a number in (0, 0.5].
    Alpha,
    /// The share of false passes must be a number in (0, 0.5].
    Beta,
    /// At least one bucket must be planned.
    PlannedBuckets,
}

impl fmt::Display for BadSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bound => "the bound must lie between 0 and 1 (0.05 is 5 %)",
            Self::Alpha => "alpha must lie above 0 and be at most 0.5",
            Self::Beta => "beta must lie above 0 and be at most 0.5",
            Self::PlannedBuckets => "at least one minute must be watched",
        })
    }
}

impl std::error::Error for BadSetting {}

/// One error-rate (or latency) gate. Every value is valid: the constructor checks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RateTest {
    bound: f64,
    alpha: f64,
    beta: f64,
    planned_buckets: u32,
    blip_buckets: u32,
}

impl RateTest {
    /// A gate against `bound` (errors per request, in (0, 1)) whose whole budget of false alarms is
    /// `alpha`, planned over `planned_buckets` one-minute buckets (window and bake together).
    ///
    /// False passes at most 5 %, blips shorter than 3 minutes forgiven.
    ///
    /// # Errors
    /// The first setting that is out of its range.
    pub fn new(bound: f64, alpha: f64, planned_buckets: u32) -> Result<Self, BadSetting> {
        if !(bound > 0.0 && bound < 1.0) {
            return Err(BadSetting::Bound);
        }
        if !(alpha > 0.0 && alpha <= 0.5) {
            return Err(BadSetting::Alpha);
        }
        if planned_buckets == 0 {
            return Err(BadSetting::PlannedBuckets);
        }
        let bound = bound.clamp(SMALLEST_BOUND, 1.0 - SMALLEST_BOUND);
        Ok(Self {
            bound,
            alpha: alpha.max(1e-12),
            beta: 0.05,
            planned_buckets,
            blip_buckets: 3,
        })
    }

    /// The same with another share of false passes, in (0, 0.5].
    ///
    /// # Errors
    /// [`BadSetting::Beta`] outside that range.
    pub fn with_beta(self, beta: f64) -> Result<Self, BadSetting> {
        if beta > 0.0 && beta <= 0.5 {
            Ok(Self { beta, ..self })
        } else {
            Err(BadSetting::Beta)
        }
    }

    /// The same with another forgiven blip: a fault counts once it has lasted `minutes`; 0 or 1
    /// forgives nothing.
    #[must_use]
    pub const fn with_blip(self, minutes: u32) -> Self {
        Self {
            blip_buckets: minutes,
            ..self
        }
    }

    /// Absolute bound, errors per request.
    #[must_use]
    pub const fn bound(&self) -> f64 {
        self.bound
    }

    /// The gate's whole budget of false alarms, a probability.
    #[must_use]
    pub const fn alpha(&self) -> f64 {
        self.alpha
    }

    /// Share of faulty services that may be certified, a probability.
    #[must_use]
    pub const fn beta(&self) -> f64 {
        self.beta
    }

    /// One-minute buckets over which the test was planned.
    #[must_use]
    pub const fn planned_buckets(&self) -> u32 {
        self.planned_buckets
    }

    /// Minutes that a fault must last; never more than are planned.
    #[must_use]
    pub fn blip_buckets(&self) -> u32 {
        self.blip_buckets.min(self.planned_buckets)
    }

    /// Share of the budget that the limit of the baseline's own rate may use up: an eighth.
    ///
    /// The test has the rest, so that `P(limit wrong) + P(false alarm | limit right) ≤ alpha`.
    #[must_use]
    pub fn baseline_tail(&self) -> f64 {
        self.alpha / 8.0
    }
}
