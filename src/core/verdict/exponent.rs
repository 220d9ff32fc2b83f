//! How much a single error may weigh when errors come in groups; it knows a dispersion and a gap, not a service.

use super::grid::{GRID, Ratios};

/// The service's usual rate is taken to be at least this part of the bound: no more help than that is
/// drawn from a clean past.
const SMALLEST_GAP: f64 = 1.5;

/// For each alternative the largest y for which groups of τ errors keep `E[LR^(y/τ)] ≤ 1` while the
/// service's rate stays at `usual` (errors per request).
///
/// Root of `p (e^(y ln(p_j/θ)) − 1) = y (p_j − θ)` with p = max(usual, θ/1.5), at most θ; it is 1 at
/// p = θ whatever the alternative, and larger below. Derived from the cumulant of a compound Poisson
/// number of errors in groups of τ; the exponent of the likelihood ratio is then min(1, y/τ).
#[must_use]
pub fn relief(ratios: &Ratios, usual: f64) -> [f64; GRID] {
    let bound = ratios.bound;
    let usual = usual.max(bound / SMALLEST_GAP);
    if usual >= bound {
        return [1.0; GRID];
    }
    std::array::from_fn(|j| {
        let (rise, steep) = (ratios.rates[j] - bound, ratios.per_error[j]);
        let excess = |y: f64| usual * (y * steep).exp_m1() - y * rise;
        let (mut low, mut high) = (1.0, 1.0 + 1.0 / steep.max(1e-9));
        let mut steps = 0;
        while excess(high) < 0.0 && steps < 30 {
            (low, high) = (high, high * 1.5);
            steps += 1;
        }
        // The lower end is kept, so that fewer steps only mean a little less relief.
        for _ in 0..12 {
            let mid = f64::midpoint(low, high);
            if excess(mid) < 0.0 {
                low = mid
            } else {
                high = mid
            }
        }
        low
    })
}

/// Exponents λ_j for a bucket whose errors have dispersion `tau`: `min(1, relief_j / tau)`.
#[must_use]
pub fn exponents(relief: &[f64; GRID], tau: f64) -> [f64; GRID] {
    std::array::from_fn(|j| (relief[j] / tau).min(1.0))
}
