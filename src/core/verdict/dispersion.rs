//! How unevenly errors fall on minutes: the factor by which their variance exceeds that of independent errors.
//!
//! Pearson's dispersion `X²/df`, `X² = Σ (x_t − n_t p̂)² / (n_t p̂ (1 − p̂))` (McCullagh & Nelder 1989,
//! §4.5), at three scales (1, 5 and 10 minutes, so that episodes longer than a minute count), and without
//! the strongest twentieth of the minutes, so that one old burst is not taken for the habit of the service.

use statrs::function::gamma::checked_gamma_ur;

use super::counts::Bucket;

/// Busy minutes below which a dispersion is bounded rather than estimated.
pub const FEWEST_MINUTES: usize = 20;
/// Assumed at least where little was measured.
pub const UNMEASURED: f64 = 2.0;
/// Largest factor that single bursts may lead to.
const BURST_CAP: f64 = 5.0;
/// A bucket of a measured service is never taken for fewer independent requests than this.
const FEWEST_EFFECTIVE: f64 = 20.0;
/// A bucket of an unmeasured service is taken for that many independent requests until it shows more.
const UNMEASURED_EFFECTIVE: f64 = 50.0;
/// What is left of X² on average when the strongest twentieth of 60 minutes is left out.
const TRIMMED_SHARE: f64 = 0.78;
/// Errors below which X² does not follow its χ² law.
const FEWEST_ERRORS: f64 = 10.0;
/// How improbable an excess must be before it widens limits.
const SIGNIFICANT: f64 = 0.01;
/// How improbable an excess must be before it makes a pass harder.
const LIKELY: f64 = 0.1;

/// Dispersion of a service's errors.
#[derive(Debug, Clone, PartialEq)]
pub struct Dispersion {
    /// Variance factor τ, at least 1.
    pub factor: f64,
    /// Requests of a typical busy minute, weighted by requests; the factor holds for such a minute.
    pub typical_requests: f64,
    /// τ where it is certain that it exceeds 1, else 1; an upper bound where little was measured.
    pub certain: f64,
    /// τ where it probably exceeds 1, else 1.
    pub likely: f64,
    /// Whether it was measured, or else what little is known.
    pub running: Option<Running>,
}

impl Dispersion {
    /// Measures the known, busy minutes of a baseline.
    #[must_use]
    pub fn of(buckets: &[Bucket]) -> Self {
        let minutes = busy(buckets);
        let requests: f64 = minutes.iter().map(|m| m.0).sum();
        let errors: f64 = minutes.iter().map(|m| m.1).sum();
        let typical_requests = if requests > 0.0 {
            minutes.iter().map(|m| m.0 * m.0).sum::<f64>() / requests
        } else {
            1.0
        };
        let by_minute = pearson(&minutes, 0);
        if minutes.len() < FEWEST_MINUTES {
            return Self::little(&minutes, typical_requests, &by_minute);
        }
        let cap = BURST_CAP.max(typical_requests / FEWEST_EFFECTIVE);
        let usual = (pearson(&minutes, minutes.len() / 20).ratio() / TRIMMED_SHARE).min(cap);
        let mut factor = by_minute.ratio().min(BURST_CAP).max(usual).max(1.0);
        let likely = if by_minute.is_excess(LIKELY) {
            factor
        } else {
            1.0
        };
        let mut certain = if errors >= FEWEST_ERRORS && by_minute.is_excess(SIGNIFICANT) {
            factor
        } else {
            1.0
        };
        for scale in [5, 10] {
            let by_block = pearson(&blocks(&minutes, scale), 0);
            if by_block.freedom >= 3.0 && errors >= FEWEST_ERRORS && by_block.is_excess(SIGNIFICANT)
            {
                factor = factor.max(by_block.ratio().min(cap));
                certain = certain.max(factor);
            }
        }
        Self {
            factor,
            typical_requests,
            certain,
            likely: likely.max(certain),
            running: None,
        }
    }

    /// [`Dispersion::likely`] of these buckets, at little cost where it is 1, as it nearly always is.
    #[must_use]
    pub fn likely_of(buckets: &[Bucket]) -> f64 {
        let minutes = busy(buckets);
        let suspicious = pearson(&minutes, 0).is_excess(LIKELY)
            || [5, 10]
                .into_iter()
                .any(|scale| pearson(&blocks(&minutes, scale), 0).is_excess(SIGNIFICANT));
        if suspicious {
            Self::of(buckets).likely
        } else {
            1.0
        }
    }

    /// A baseline too short for an estimate.
    fn little(minutes: &[(f64, f64)], typical_requests: f64, by_minute: &Pearson) -> Self {
        let mut running = Running::default();
        minutes.iter().for_each(|&(n, x)| running.push(n, x));
        let cap = Running::cap(typical_requests);
        let certain = if minutes.is_empty() {
            1.0
        } else {
            upper_factor(by_minute.chi_square, by_minute.freedom, cap)
        };
        let likely = if by_minute.is_excess(LIKELY) {
            by_minute.ratio().min(BURST_CAP)
        } else {
            1.0
        };
        Self {
            factor: running.factor(typical_requests),
            typical_requests,
            certain,
            likely,
            running: Some(running),
        }
    }

    /// τ for a bucket of `requests`: errors that go together because the rate itself moves weigh more
    /// in a larger bucket, `1 + (τ − 1) max(1, n/n̄)`.
    #[must_use]
    pub fn at(&self, requests: f64) -> f64 {
        1.0 + (self.factor - 1.0) * (requests / self.typical_requests).max(1.0)
    }

    /// Largest factor that is believed: a bucket is never taken for fewer than 20 independent requests.
    #[must_use]
    pub fn cap(&self) -> f64 {
        BURST_CAP.max(self.typical_requests / FEWEST_EFFECTIVE)
    }

    /// The larger of two, part by part; a measured one wins over an unmeasured one.
    #[must_use]
    pub fn larger(self, other: Self) -> Self {
        match (self.running.is_none(), other.running.is_none()) {
            (true, false) => self,
            (false, true) => other,
            (true, true) | (false, false) => Self {
                factor: self.factor.max(other.factor),
                typical_requests: self.typical_requests.min(other.typical_requests),
                certain: self.certain.max(other.certain),
                likely: self.likely.max(other.likely),
                running: self.running,
            },
        }
    }
}

/// Requests and errors of the known minutes that have requests.
fn busy(buckets: &[Bucket]) -> Vec<(f64, f64)> {
    let known = buckets.iter().filter_map(|bucket| bucket.counts());
    known
        .filter(|counts| counts.requests > 0)
        .map(|counts| (counts.n(), counts.x()))
        .collect()
}

/// Sums over `scale` busy minutes each.
fn blocks(minutes: &[(f64, f64)], scale: usize) -> Vec<(f64, f64)> {
    minutes
        .chunks(scale)
        .map(|block| {
            block
                .iter()
                .fold((0.0, 0.0), |sum, m| (sum.0 + m.0, sum.1 + m.1))
        })
        .collect()
}

/// Upper limit of a variance factor from a sum of `freedom` squares, wrong in a tenth of the cases
/// (χ² quantile by Wilson & Hilferty 1931), between 1 and `cap`.
fn upper_factor(squares: f64, freedom: f64, cap: f64) -> f64 {
    if freedom < 1.0 {
        return cap;
    }
    let ninth = 2.0 / (9.0 * freedom);
    let quantile = freedom * (1.0 - ninth - 1.281_6 * ninth.sqrt()).max(0.0).powi(3);
    (squares / quantile).min(cap).max(1.0)
}

/// X² and its degrees of freedom.
struct Pearson {
    chi_square: f64,
    freedom: f64,
}

impl Pearson {
    fn ratio(&self) -> f64 {
        if self.freedom > 0.0 {
            self.chi_square / self.freedom
        } else {
            0.0
        }
    }

    /// Whether independent errors would hardly ever look like this.
    fn is_excess(&self, improbable: f64) -> bool {
        self.freedom > 0.0
            && self.chi_square > self.freedom
            && checked_gamma_ur(self.freedom / 2.0, self.chi_square / 2.0)
                .is_ok_and(|p| p < improbable)
    }
}

/// X² of (requests, errors), without the `left_out` minutes of the highest rates' residuals.
fn pearson(minutes: &[(f64, f64)], left_out: usize) -> Pearson {
    let sums = |kept: &[(f64, f64)]| {
        kept.iter()
            .fold((0.0, 0.0), |sum, m| (sum.0 + m.0, sum.1 + m.1))
    };
    let residual = |m: &(f64, f64), p: f64| (m.1 - m.0 * p) / (m.0 * p * (1.0 - p)).sqrt();
    let rate = |(n, x): (f64, f64)| if n > 0.0 { x / n } else { 0.0 };
    let mut p = rate(sums(minutes));
    let mut kept = std::borrow::Cow::Borrowed(minutes);
    if left_out > 0 && p > 0.0 && p < 1.0 {
        let all = kept.to_mut();
        let end = minutes.len() - left_out;
        all.select_nth_unstable_by(end, |a, b| residual(a, p).total_cmp(&residual(b, p)));
        all.truncate(end);
        p = rate(sums(&kept));
    }
    let freedom = minutes.len().saturating_sub(1) as f64;
    if !(p > 0.0 && p < 1.0) {
        return Pearson {
            chi_square: 0.0,
            freedom,
        };
    }
    Pearson {
        chi_square: kept.iter().map(|m| residual(m, p).powi(2)).sum(),
        freedom,
    }
}

/// Dispersion of what is being watched, for services without a sufficient baseline.
///
/// From differences of neighbouring minutes, `d² = (x/n − x'/n')² / (p(1−p)(1/n + 1/n'))`, which a single
/// step of the rate hardly disturbs (von Neumann 1941), without the largest of them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Running {
    last: Option<(f64, f64)>,
    sum: f64,
    largest: f64,
    pairs: f64,
}

impl Running {
    /// Largest factor for a service of which nothing is known.
    ///
    /// 2, less where a minute has hardly any requests that could fail together, up to 4 from 60 requests
    /// a minute on, and more where that leaves 50 independent requests of `typical_requests`.
    #[must_use]
    pub fn cap(typical_requests: f64) -> f64 {
        let few = UNMEASURED.min(f64::midpoint(1.0, typical_requests.max(1.0)));
        let many = (2.0 * UNMEASURED).min(typical_requests / 15.0);
        few.max(many).max(typical_requests / UNMEASURED_EFFECTIVE)
    }

    /// Upper limit of τ, wrong in a tenth of the cases; 1 to [`Running::cap`].
    #[must_use]
    pub fn factor(&self, typical_requests: f64) -> f64 {
        let cap = Self::cap(typical_requests);
        if self.pairs < 3.0 {
            return upper_factor(self.sum, self.pairs, cap);
        }
        upper_factor(self.sum - self.largest, self.pairs - 1.0, cap)
    }

    /// Takes a busy minute.
    pub fn push(&mut self, requests: f64, errors: f64) {
        if let Some((n, x)) = self.last.replace((requests, errors)) {
            let p = (x + errors) / (n + requests);
            let variance = p * (1.0 - p) * (1.0 / n + 1.0 / requests);
            if variance > 0.0 {
                let difference = x / n - errors / requests;
                let square = difference * difference / variance;
                self.sum += square;
                self.largest = self.largest.max(square);
                self.pairs += 1.0;
            }
        }
    }
}
