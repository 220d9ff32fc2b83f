//! The alternatives that a mixture test spreads its weight over; it knows rates, not services.

/// Alternatives in a mixture.
pub const GRID: usize = 24;

/// Highest failing rate that the mixture looks for.
const HIGHEST: f64 = 0.98;

/// Log-odds of a rate in (0, 1).
fn log_odds(rate: f64) -> f64 {
    (rate / (1.0 - rate)).ln()
}

/// Alternatives of the reverse test that are evenly spaced; the others lie close to the bound.
const FAR_BELOW: usize = 20;
/// Alternatives close below the bound, as parts of it: they certify a rate just below it once there are
/// very many requests.
const CLOSE_BELOW: [f64; GRID - FAR_BELOW] = [0.9, 0.95, 0.98, 0.99];
/// Weight of all that are close below.
const CLOSE_WEIGHT: f64 = 0.02;

/// Log-likelihood ratios of each alternative against one bound, in nats.
#[derive(Debug, Clone)]
pub struct Ratios {
    /// The bound that they are measured against, errors per request.
    pub bound: f64,
    /// The alternatives, errors per request.
    pub rates: [f64; GRID],
    /// `ln(p_j / bound)`: what one error adds.
    pub per_error: [f64; GRID],
    /// `ln((1 − p_j) / (1 − bound))`: what one success adds.
    pub per_success: [f64; GRID],
}

impl Ratios {
    /// Alternatives above `bound`: from 1.25 × the bound to 0.98, evenly in the logarithm of their
    /// distance from the bound.
    ///
    /// When a test ends, a rate p is known to about a third of p − θ, whatever p (Wald's bound makes it
    /// so); with even steps in ln(p − θ) the mixture therefore costs the same for each of them, 1.7 nats.
    /// Where 1.25 × the bound leaves no range (a bound near 1), from a fifth to 95 % of what is left
    /// above it. `bound` must lie in (0, 1).
    #[must_use]
    pub fn above(bound: f64) -> Self {
        let room = 1.0 - bound;
        let (nearest, farthest) = if 1.25 * bound < 0.95 * HIGHEST {
            (0.25 * bound, HIGHEST - bound)
        } else {
            (0.2 * room, 0.95 * room)
        };
        let step = (farthest / nearest).ln() / (GRID - 1) as f64;
        Self::against(
            bound,
            std::array::from_fn(|j| bound + nearest * (step * j as f64).exp()),
        )
    }

    /// Alternatives below `bound`: 20 from `bound / 600` to `bound / 1.25`, evenly in log-odds, and four
    /// between that and the bound. Weights: [`Ratios::weight_below`].
    #[must_use]
    pub fn below(bound: f64) -> Self {
        let (low, high) = (log_odds(bound / 600.0), log_odds(bound / 1.25));
        let step = (high - low) / (FAR_BELOW - 1) as f64;
        Self::against(
            bound,
            std::array::from_fn(|j| match j.checked_sub(FAR_BELOW) {
                Some(close) => bound * CLOSE_BELOW[close],
                None => 1.0 / (1.0 + (-(low + step * j as f64)).exp()),
            }),
        )
    }

    /// Weight of alternative `j` of the reverse test; they add up to 1.
    #[must_use]
    pub const fn weight_below(j: usize) -> f64 {
        if j < FAR_BELOW {
            (1.0 - CLOSE_WEIGHT) / FAR_BELOW as f64
        } else {
            CLOSE_WEIGHT / (GRID - FAR_BELOW) as f64
        }
    }

    fn against(bound: f64, rates: [f64; GRID]) -> Self {
        Self {
            bound,
            rates,
            per_error: rates.map(|p| (p / bound).ln()),
            per_success: rates.map(|p| (-p).ln_1p() - (-bound).ln_1p()),
        }
    }
}
