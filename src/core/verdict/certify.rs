//! The reverse test: evidence that an error rate lies below its bound; without it nothing is called healthy.
//!
//! Null hypothesis: the error probability is at least θ. `M = Σ_j w_j exp(λ (X ln(p_j/θ) +
//! (N − X) ln((1−p_j)/(1−θ))))` with p_j and w_j of [`Ratios::below`]. E[M] ≤ 1 under the null, so P(M ≥ 1/β) ≤ β (Markov; Ville when looked at repeatedly). 65 requests without an error
//! certify a bound of 5 %, 32 one of 10 % (β = 5 %).

use super::grid::{GRID, Ratios};

/// ln M, in nats: evidence that the rate is below the bound of `ratios` (made by [`Ratios::below`]),
/// from `requests` and `errors` in all, with exponent `exponent` (1 over the dispersion of the errors).
#[must_use]
pub fn ln_evidence_below(requests: f64, errors: f64, ratios: &Ratios, exponent: f64) -> f64 {
    let successes = (requests - errors).max(0.0);
    let nats: [f64; GRID] = std::array::from_fn(|j| {
        exponent * (errors * ratios.per_error[j] + successes * ratios.per_success[j])
    });
    let most = nats.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if !most.is_finite() {
        return most;
    }
    most + nats
        .iter()
        .enumerate()
        .map(|(j, nat)| Ratios::weight_below(j) * (nat - most).exp())
        .sum::<f64>()
        .ln()
}

/// Requests without a single error that certify `ratios.bound` with a share `beta` of false passes.
#[must_use]
pub fn requests_needed(ratios: &Ratios, beta: f64) -> u64 {
    let need = -beta.clamp(1e-15, 0.999).ln();
    let (mut low, mut high) = (0_u64, 1_u64);
    while ln_evidence_below(high as f64, 0.0, ratios, 1.0) < need {
        low = high;
        high = high.saturating_mul(2);
        if high == u64::MAX {
            return high;
        }
    }
    while high - low > 1 {
        let mid = low + (high - low) / 2;
        if ln_evidence_below(mid as f64, 0.0, ratios, 1.0) < need {
            low = mid
        } else {
            high = mid
        }
    }
    high
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clean_run_of_65_or_32_certifies() {
        assert_eq!(requests_needed(&Ratios::below(0.05), 0.05), 65);
        assert_eq!(requests_needed(&Ratios::below(0.10), 0.05), 32);
    }

    #[test]
    fn no_request_is_no_evidence() {
        assert!(ln_evidence_below(0.0, 0.0, &Ratios::below(0.05), 1.0).abs() < 1e-12);
    }
}
