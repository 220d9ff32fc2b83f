//! Whether the requests themselves vanished after a deployment; it knows their number, not their outcome.
//!
//! Poisson change-point e-process on the requests of each known minute. Null hypothesis: the service
//! still gets at least a tenth of its baseline's requests, r = 0.1 r₀ a minute.
//! `ln LR_t^q = (n_t ln(q/0.1) + (0.1 − q) r₀) / τ` for q in {0.001, 0.01, 0.04}; the rest is as in
//! [`super::sequential`]. τ is the dispersion of the baseline's requests per minute.

use super::counts::Bucket;

/// Share of the baseline's traffic below which it counts as vanished.
const SHARE: f64 = 0.1;
/// Shares of the baseline's traffic that are looked for.
const SHARES: [f64; 3] = [0.001, 0.01, 0.04];
/// Requests that must have been expected before absence means anything.
const FEWEST_EXPECTED: f64 = 20.0;

/// What became of the traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Traffic {
    /// Requests came.
    Seen,
    /// The baseline had requests, now there are certainly less than a tenth of them.
    Vanished,
    /// No request in any known minute, and no proof that there should have been.
    None,
}

impl Traffic {
    /// Stable name: `seen`, `vanished` or `none`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Seen => "seen",
            Self::Vanished => "vanished",
            Self::None => "none",
        }
    }
}

/// How a service's requests fall on minutes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pace {
    /// Requests per known minute.
    pub per_minute: f64,
    /// Variance of the requests per minute over their mean, at least 1, also over longer stretches.
    pub dispersion: f64,
}

impl Pace {
    /// Measures a baseline; `None` without a known minute.
    #[must_use]
    pub fn of(baseline: &[Bucket]) -> Option<Self> {
        let minutes: Vec<f64> = baseline
            .iter()
            .filter_map(|b| b.counts())
            .map(|c| c.n())
            .collect();
        if minutes.is_empty() {
            return None;
        }
        let per_minute = minutes.iter().sum::<f64>() / minutes.len() as f64;
        let dispersion = [1, 5, 15]
            .into_iter()
            .filter_map(|scale| index_of_dispersion(&minutes, scale))
            .fold(1.0, f64::max);
        Some(Self {
            per_minute,
            dispersion,
        })
    }
}

/// Variance over mean of sums over `scale` whole minutes; `None` with fewer than four of them.
fn index_of_dispersion(minutes: &[f64], scale: usize) -> Option<f64> {
    let sums: Vec<f64> = minutes
        .chunks_exact(scale)
        .map(|block| block.iter().sum())
        .collect();
    if sums.len() < 4 {
        return None;
    }
    let mean = sums.iter().sum::<f64>() / sums.len() as f64;
    let variance = sums.iter().map(|s| (s - mean).powi(2)).sum::<f64>() / (sums.len() - 1) as f64;
    (mean > 0.0).then(|| variance / mean)
}

/// Judges the traffic of `after` against `pace`, with at most `alpha` false claims that it vanished;
/// `planned` is the number of buckets over which it is watched.
#[must_use]
pub fn judge_traffic(pace: Option<Pace>, after: &[Bucket], alpha: f64, planned: u32) -> Traffic {
    let known = || after.iter().filter_map(|bucket| bucket.counts());
    let quiet = if known().any(|counts| counts.requests > 0) {
        Traffic::Seen
    } else {
        Traffic::None
    };
    let Some(pace) = pace else { return quiet };
    if pace.per_minute * known().count() as f64 <= FEWEST_EXPECTED - 1e-9 {
        return quiet;
    }
    let planned = planned.max(1);
    let later = if planned == 1 {
        0.0
    } else {
        0.5 / f64::from(planned - 1)
    };
    let first = 1.0 - later * f64::from(planned - 1);
    let mut components = [0.0_f64; SHARES.len()];
    let mut left = 1.0 - first;
    for (t, counts) in known().enumerate() {
        let prior = if t == 0 { first } else { later.min(left) };
        left -= if t == 0 { 0.0 } else { prior };
        for (component, q) in components.iter_mut().zip(SHARES) {
            let nats = counts.n() * (q / SHARE).ln() + (SHARE - q) * pace.per_minute;
            let grown = (*component + prior) * (nats / pace.dispersion).exp();
            *component = if grown < 1e250 { grown } else { 1e250 };
        }
    }
    let evidence = components.iter().sum::<f64>() / SHARES.len() as f64 + left.max(0.0);
    if evidence >= 1.0 / alpha {
        Traffic::Vanished
    } else {
        quiet
    }
}
