//! Confidence limits for one error rate: Clopper–Pearson for deciding, Wilson for showing; it knows counts, not where they came from.

use statrs::function::beta::checked_beta_reg;
use statrs::function::erf::{erfc, erfc_inv};

/// Beyond this many errors (or successes) the score limit is used: the exact one differs from it by
/// less than one part in 10⁵ and the continued fraction of the incomplete beta function is no longer
/// certain to converge.
const EXACT_UP_TO: f64 = 1e5;

/// Steps of the root search; the bracket halves at least every second one.
const STEPS: u32 = 80;

/// Quantile of the standard normal distribution with `tail` of the probability above it.
///
/// `tail` is clamped to `[1e-300, 0.5]`, so that the answer is finite and not negative.
#[must_use]
pub fn normal_upper_quantile(tail: f64) -> f64 {
    let tail = if tail.is_nan() {
        0.5
    } else {
        tail.clamp(1e-300, 0.5)
    };
    std::f64::consts::SQRT_2 * erfc_inv(2.0 * tail)
}

/// Wilson score limits `(low, high)` of a proportion, both within `[0, 1]`; `(0, 1)` without data.
///
/// `errors` and `requests` may be fractional (effective counts); `tail` is the probability left
/// outside on **each** side. Source: Wilson, JASA 22 (1927).
#[must_use]
pub fn wilson(errors: f64, requests: f64, tail: f64) -> (f64, f64) {
    let Some((x, n)) = sane(errors, requests) else {
        return (0.0, 1.0);
    };
    let z = normal_upper_quantile(tail);
    let rate = x / n;
    let z2n = z * z / n;
    let centre = (rate + z2n / 2.0) / (1.0 + z2n);
    let half = z * ((rate * (1.0 - rate) + z2n / 4.0) / n).sqrt() / (1.0 + z2n);
    // Exact where the square root leaves a rounding.
    (
        if x > 0.0 {
            (centre - half).clamp(0.0, 1.0)
        } else {
            0.0
        },
        if x < n {
            (centre + half).clamp(0.0, 1.0)
        } else {
            1.0
        },
    )
}

/// Clopper–Pearson upper limit: the true rate lies above it with probability at most `tail`.
///
/// `BetaInv(1 − tail; x + 1, n − x)`; 1 without data. Counts may be fractional.
/// Source: Clopper & Pearson, Biometrika 26 (1934).
#[must_use]
pub fn upper_limit(errors: f64, requests: f64, tail: f64) -> f64 {
    let Some((x, n)) = sane(errors, requests) else {
        return 1.0;
    };
    if x >= n {
        return 1.0;
    }
    let guess = wilson(x, n, tail).1;
    if x.min(n - x) > EXACT_UP_TO {
        return guess;
    }
    // P(Beta(x + 1, n − x) > p) falls with p; the limit is where it equals `tail`.
    root(guess, |p| {
        checked_beta_reg(n - x, x + 1.0, 1.0 - p).map_or(f64::NAN, |above| tail - above)
    })
    .unwrap_or(guess)
    .max(x / n)
}

/// Clopper–Pearson lower limit: the true rate lies below it with probability at most `tail`.
///
/// `BetaInv(tail; x, n − x + 1)`; 0 without data or without an error.
#[must_use]
pub fn lower_limit(errors: f64, requests: f64, tail: f64) -> f64 {
    let Some((x, n)) = sane(errors, requests) else {
        return 0.0;
    };
    if x <= 0.0 {
        return 0.0;
    }
    let guess = wilson(x, n, tail).0;
    if x.min(n - x) > EXACT_UP_TO {
        return guess;
    }
    root(guess, |p| {
        checked_beta_reg(x, n - x + 1.0, p).map_or(f64::NAN, |below| below - tail)
    })
    .unwrap_or(guess)
    .min(x / n)
}

/// How small `tail` may become before [`lower_limit`] exceeds `rate`: the probability of so many errors
/// or more at exactly that rate, 1 without data.
///
/// `P(X ≥ x | n, rate) = I_rate(x, n − x + 1)`; by the normal approximation with continuity correction
/// where counts are very large. `lower_limit(x, n, tail) > rate` is the same as `p_value(..) < tail`.
#[must_use]
pub fn p_value(errors: f64, requests: f64, rate: f64) -> f64 {
    let Some((x, n)) = sane(errors, requests) else {
        return 1.0;
    };
    if x <= 0.0 || rate >= 1.0 {
        return 1.0;
    }
    if x.min(n - x) > EXACT_UP_TO {
        let spread = (n * rate * (1.0 - rate)).sqrt().max(f64::MIN_POSITIVE);
        return 0.5 * erfc((x - 0.5 - n * rate) / spread / std::f64::consts::SQRT_2);
    }
    checked_beta_reg(x, n - x + 1.0, rate.max(0.0)).unwrap_or(1.0)
}

/// Counts that mean something: at least some requests, errors within them.
fn sane(errors: f64, requests: f64) -> Option<(f64, f64)> {
    (requests.is_finite() && requests > 0.0 && errors.is_finite())
        .then(|| (errors.clamp(0.0, requests), requests))
}

/// Root of a function that rises through zero somewhere in (0, 1): a bracket grown from `guess`,
/// then the Illinois variant of false position. `None` when the function is not a number.
fn root(guess: f64, f: impl Fn(f64) -> f64) -> Option<f64> {
    let (mut low, mut high) = (guess * 0.8, guess + (1.0 - guess) * 0.2 * guess.max(1e-12));
    let (mut f_low, mut f_high) = (f(low), f(high));
    for _ in 0..STEPS {
        if f_low.is_nan() || f_high.is_nan() {
            return None;
        }
        if f_low > 0.0 {
            (high, f_high) = (low, f_low);
            low *= 0.5;
            f_low = f(low);
        } else if f_high < 0.0 {
            (low, f_low) = (high, f_high);
            high = (high * 2.0).min(0.5 + 0.5 * high);
            f_high = f(high);
        } else {
            break;
        }
    }
    let mut kept = 0;
    for _ in 0..STEPS {
        if high - low <= 1e-10 * high || f_high == f_low {
            break;
        }
        let mid = (high - f_high * (high - low) / (f_high - f_low)).clamp(low, high);
        let f_mid = f(mid);
        if f_mid.is_nan() {
            return None;
        }
        if f_mid.abs() < 1e-12 {
            return Some(mid);
        }
        if f_mid > 0.0 {
            (high, f_high) = (mid, f_mid);
            f_low *= if kept == 1 { 0.5 } else { 1.0 };
            kept = 1;
        } else {
            (low, f_low) = (mid, f_mid);
            f_high *= if kept == -1 { 0.5 } else { 1.0 };
            kept = -1;
        }
    }
    Some(f64::midpoint(low, high))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_agree_with_published_values() {
        // Zero errors: 1 − tail^(1/n), the "rule of three" in its exact form.
        for n in [1.0, 10.0, 60.0, 3600.0] {
            let exact = 1.0 - 0.005_f64.powf(1.0 / n);
            assert!((upper_limit(0.0, n, 0.005) - exact).abs() < 1e-9, "{n}");
        }
        // 10 of 100: the textbook 95 % interval.
        assert!((lower_limit(10.0, 100.0, 0.025) - 0.049_005).abs() < 1e-5);
        assert!((upper_limit(10.0, 100.0, 0.025) - 0.176_223).abs() < 1e-5);
        assert!((normal_upper_quantile(0.025) - 1.959_964).abs() < 1e-5);
    }

    #[test]
    fn a_limit_is_exact_where_nothing_or_everything_failed() {
        for n in [1.0, 49.0, 1e7] {
            assert_eq!(wilson(0.0, n, 0.025).0, 0.0, "{n}");
            assert_eq!(wilson(n, n, 0.025).1, 1.0, "{n}");
        }
    }

    #[test]
    fn the_p_value_and_the_limit_agree() {
        for (x, n) in [(1.0, 30.0), (12.0, 200.0), (80.0, 3600.0), (2e5, 4e7)] {
            let limit = lower_limit(x, n, 0.01);
            assert!(
                p_value(x, n, limit * 0.999) < 0.01 && p_value(x, n, limit * 1.001) > 0.01,
                "{x} {n}"
            );
        }
    }

    #[test]
    fn the_exact_and_the_score_limit_meet_where_one_takes_over() {
        let exact = upper_limit(1e5, 1e7, 0.005);
        let score = wilson(1e5, 1e7, 0.005).1;
        assert!((exact / score - 1.0).abs() < 1e-4, "{exact} {score}");
    }

    #[test]
    fn any_input_has_an_answer() {
        for bad in [f64::NAN, f64::INFINITY, -1.0, 0.0, 1e300, 1e-300] {
            for other in [f64::NAN, -5.0, 0.0, 3.0, 1e308] {
                for tail in [f64::NAN, 0.0, 1e-9, 0.5, 1.0, 7.0] {
                    let (up, low) = (upper_limit(bad, other, tail), lower_limit(bad, other, tail));
                    assert!(
                        (0.0..=1.0).contains(&up) && (0.0..=1.0).contains(&low),
                        "{bad} {other} {tail}"
                    );
                }
            }
        }
    }
}
