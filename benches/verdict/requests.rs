//! How many requests the bare test needs, as a multiple of Wald's bound.

use deploy_guard::core::verdict::exponent::exponents;
use deploy_guard::core::verdict::grid::{GRID, Ratios};
use deploy_guard::core::verdict::sequential::ChangePoint;

use crate::random::Random;
use crate::scenario::{ALPHA, BOUND};

/// `KL(p‖q)` of two error rates, nats per request.
pub fn divergence(p: f64, q: f64) -> f64 {
    let term = |a: f64, b: f64| if a > 0.0 { a * (a / b).ln() } else { 0.0 };
    term(p, q) + term(1.0 - p, 1.0 - q)
}

/// Requests that any test needs on average: `ln(1/a)/KL(p‖θ)` (Wald 1945).
pub fn wald(p: f64, bound: f64) -> f64 {
    (1.0 / ALPHA).ln() / divergence(p, bound)
}

/// Mean requests until the evidence sufficed, over Wald's bound: no blip protection, independent errors,
/// the fault is there from the first minute, a minute has an eighth of the bound's requests, K = 30.
pub fn multiple(factor: f64, runs: u32, seed: u64) -> f64 {
    let rate = factor * BOUND;
    let bound = wald(rate, BOUND);
    let ratios = Ratios::above(BOUND);
    let weights = exponents(&[1.0; GRID], 1.0);
    let mut random = Random::new(seed);
    let mut total = 0.0;
    for _ in 0..runs {
        let mut process = ChangePoint::new(ALPHA, 30, 0);
        for _ in 0..400 {
            let n = random.poisson(bound / 8.0);
            let x = random.binomial(n, rate);
            total += n;
            process.push(n, x, &ratios, &weights);
            if process.failed() {
                break;
            }
        }
    }
    total / f64::from(runs) / bound
}
