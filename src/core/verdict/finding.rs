//! What one look at an error-rate gate found, in numbers; the words are elsewhere.

use super::counts::Totals;
use super::reason::{ReasonCode, Verdict};
use super::traffic::Traffic;

/// What a look at one gate found.
#[must_use = "an unread finding helps nobody"]
#[derive(Debug, Clone, PartialEq)]
pub struct RateFinding {
    /// `degraded` as soon as it is certain; `healthy` means: would pass if the watch ended now.
    pub verdict: Verdict,
    /// Why, from a closed list.
    pub reason: ReasonCode,
    /// Sums over the known minutes after the deployment.
    pub seen: Totals,
    /// Errors per request, `None` without a request.
    pub rate: Option<f64>,
    /// Wilson limits of the rate, 2.5 % outside on each side; `(0, 1)` without a request.
    pub interval: (f64, f64),
    /// Bound that a fail was tested against, errors per request.
    pub bound_used: f64,
    /// Absolute bound, errors per request.
    pub theta_abs: f64,
    /// Bound from the service's own baseline, `None` without one.
    pub theta_rel: Option<f64>,
    /// Sums of the baseline.
    pub baseline: Totals,
    /// Upper limit of the baseline's rate, `None` without a request in it.
    pub baseline_upper: Option<f64>,
    /// The baseline was already above the absolute bound, which therefore cannot fail the deployment.
    pub bad_before: bool,
    /// Variance factor of the errors that was reckoned with.
    pub dispersion: f64,
    /// Share (0 to 1) of the evidence that a fail needs.
    pub evidence: f64,
    /// Share (0 to 1) of the evidence that a pass needs.
    pub pass_evidence: f64,
    /// Bucket (from 0) with which a fail became certain.
    pub decided_at: Option<usize>,
    /// The baseline promises too few requests for a certified pass.
    pub thin: bool,
    /// What came is above the bound, even where too little is known of the past to fail it: no excuse covers that.
    pub suspect: bool,
    /// Newest minutes, one after another, for which the provider did not answer.
    pub unanswered_at_end: u64,
    /// Requests without an error that a pass needs.
    pub requests_needed: u64,
    /// What became of the traffic.
    pub traffic: Traffic,
}
