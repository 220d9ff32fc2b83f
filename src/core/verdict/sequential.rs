//! The change-point mixture e-process on counts: evidence that an error rate rose above a bound; it knows nothing of baselines or time.
//!
//! Null hypothesis: the error probability is at most θ in every bucket.
//!
//! ```text
//! ln LR_t^j = λ_j(t) · ( x_t ln(p_j/θ) + (n_t − x_t) ln((1−p_j)/(1−θ)) ),  cut off at `bucket_cap`
//! A_t^j     = (A_{t−1}^j + π_t) · LR_t^j            π_1 = 0.6, π_t = 0.4/(K−1)
//! M_t       = (1/24) Σ_j A_t^j + Σ_{s>t} π_s        M_0 = 1
//! ```
//!
//! M is a non-negative supermartingale under the null (E[LR] ≤ 1 for every p ≤ θ, and cutting off or
//! raising to a power λ ≤ 1 only lowers it), so P(M ever reaches 1/a) ≤ a however often one looks
//! (Ville 1939; Lindon et al., KDD 2022; Howard, Ramdas et al.). A fail needs that, **and** that the
//! fault has lasted: see [`ChangePoint::push`]. A further condition only lowers the share of false
//! alarms.
//!
//! Products are kept as they are, not as logarithms: each of the 24 is a sum of non-negative terms, so
//! nothing cancels; one that underflows is negligible beside the prior mass that is still to come, and
//! one that would overflow stops at 10²⁵⁰, which is below its true value and hence safe.

use super::grid::{GRID, Ratios};

/// Prior weight of a fault that is there from the first minute on.
const FROM_THE_START: f64 = 0.6;

/// Where a component stops growing.
const SATURATED: f64 = 1e250;

/// Smallest M whose logarithm is taken.
const FLOOR: f64 = 1e-290;

/// Rounding that is forgiven when m shares are added up, in nats.
const SLACK: f64 = 1e-9;

/// What the last of the m minutes of a fault must show, as a part of what each of those before it may.
const LAST_MINUTE: f64 = 0.25;

/// State of one test. Fed with one bucket after the other; cheap to start again from the counts.
#[derive(Debug, Clone)]
pub struct ChangePoint {
    alternatives: [f64; GRID],
    /// ln(1/a), the evidence that a fail needs, in nats.
    need: f64,
    prior_first: f64,
    prior_next: f64,
    prior_left: f64,
    seen: u32,
    /// Longest evidence of one bucket and component in nats; infinite without blip protection.
    bucket_cap: f64,
    /// What one minute may add to `lasting`, in nats; infinite without blip protection.
    minute_cap: f64,
    ln_m: f64,
    lasting: f64,
    silent_minutes: u32,
    /// Most minutes without requests that do not interrupt a fault.
    longest_bridge: u32,
}

impl ChangePoint {
    /// A test at level `level` (a probability) planned over `planned` buckets (K), for which a fault
    /// must last `blip` minutes; 0 or 1 switches that protection off.
    #[must_use]
    pub fn new(level: f64, planned: u32, blip: u32) -> Self {
        Self::with_last_minute(level, planned, blip, 1.0)
    }

    /// The same for a service that is known: the last of the m minutes need not show as much as the others, only
    /// that the fault goes on. m − 1 minutes can still not fill `lasting`.
    #[must_use]
    pub fn of_known_service(level: f64, planned: u32, blip: u32) -> Self {
        Self::with_last_minute(level, planned, blip, LAST_MINUTE)
    }

    fn with_last_minute(level: f64, planned: u32, blip: u32, last: f64) -> Self {
        let need = -level.clamp(1e-15, 0.999).ln();
        let planned = planned.max(1);
        let prior_first = if planned == 1 { 1.0 } else { FROM_THE_START };
        let prior_next = if planned == 1 {
            0.0
        } else {
            (1.0 - FROM_THE_START) / f64::from(planned - 1)
        };
        let smallest_prior = if planned == 1 { 1.0 } else { prior_next };
        let (bucket_cap, minute_cap) = if blip <= 1 {
            (f64::INFINITY, f64::INFINITY)
        } else {
            // Enough for a single alternative and the latest onset to prove a fault in one bucket: how
            // long it must last is the business of `lasting`.
            (
                need + (GRID as f64).ln() - smallest_prior.ln(),
                need / (f64::from(blip - 1) + last),
            )
        };
        Self {
            alternatives: [0.0; GRID],
            need,
            prior_first,
            prior_next,
            prior_left: 1.0,
            seen: 0,
            bucket_cap,
            minute_cap,
            ln_m: 0.0,
            lasting: 0.0,
            silent_minutes: 0,
            longest_bridge: blip.saturating_sub(2),
        }
    }

    /// Takes a minute for which nobody answered: a fault may have begun in it, and that is all.
    pub fn skip(&mut self) {
        let prior = self.next_prior();
        self.alternatives.iter_mut().for_each(|a| *a += prior);
    }

    fn next_prior(&mut self) -> f64 {
        let prior = if self.seen == 0 {
            self.prior_first
        } else {
            self.prior_next.min(self.prior_left)
        };
        self.seen = self.seen.saturating_add(1);
        self.prior_left = (self.prior_left - prior).max(0.0);
        prior
    }

    /// Takes the next bucket: `requests` and `errors` of it (0 and 0 for a minute without traffic), the likelihood
    /// ratios and the exponent λ of each alternative.
    ///
    /// Besides M it keeps `lasting`, the part of the rise of ln M that has lasted:
    /// `G_t = max(0, G_{t−1} + min(Δ ln M, ln(1/a)/m'))` with m' = m, or m − 3/4 for a service that is known. A blip
    /// of fewer than m minutes cannot fill it, and healthy minutes empty it. m − 2 minutes that were answered with "no
    /// requests" between two bad ones count as part of the fault, at most as many as bad ones came before them. After a
    /// longer silence, or one of the provider, nobody knows that it lasted.
    pub fn push(&mut self, requests: f64, errors: f64, ratios: &Ratios, exponents: &[f64; GRID]) {
        if requests <= 0.0 {
            self.skip();
            self.silent_minutes = self.silent_minutes.saturating_add(1);
            return;
        }
        let prior = self.next_prior();
        let successes = requests - errors;
        let mut sum = 0.0;
        for (j, alternative) in self.alternatives.iter_mut().enumerate() {
            let ratio =
                exponents[j] * (errors * ratios.per_error[j] + successes * ratios.per_success[j]);
            let grown = (*alternative + prior) * ratio.min(self.bucket_cap).exp();
            *alternative = if grown < SATURATED { grown } else { SATURATED };
            sum += *alternative;
        }
        let ln_m = (sum / GRID as f64 + self.prior_left).max(FLOOR).ln();
        let full_minutes = ((self.lasting + SLACK) / self.minute_cap).floor();
        let bridged = if self.silent_minutes <= self.longest_bridge {
            f64::from(self.silent_minutes).min(full_minutes)
        } else {
            0.0
        };
        let allowed = if self.minute_cap.is_finite() {
            self.minute_cap * (1.0 + bridged)
        } else {
            f64::INFINITY
        };
        self.lasting = (self.lasting + (ln_m - self.ln_m).min(allowed)).max(0.0);
        self.ln_m = ln_m;
        self.silent_minutes = 0;
    }

    /// ln M, in nats: evidence for a rate above the bound.
    #[must_use]
    pub const fn ln_evidence(&self) -> f64 {
        self.ln_m
    }

    /// Whether the evidence suffices and has lasted.
    #[must_use]
    pub fn failed(&self) -> bool {
        self.ln_m >= self.need && self.lasting >= self.need - SLACK
    }

    /// Share of the evidence that a fail needs, 0 to 1.
    #[must_use]
    pub fn share(&self) -> f64 {
        if self.failed() {
            1.0
        } else {
            (self.ln_m.min(self.lasting) / self.need).clamp(0.0, 1.0 - 1e-9)
        }
    }

    /// Odds, against 1, that a fault is under way that has not been refuted: `(1/24) Σ A^j`.
    #[must_use]
    pub fn suspicion(&self) -> f64 {
        self.alternatives.iter().sum::<f64>() / GRID as f64
    }
}
