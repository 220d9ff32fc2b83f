//! What one minute of traffic says: counts, or nothing; it does not know who counted.

/// Requests and errors of one finalised one-minute bucket (raw sums, never averages).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Requests that ended in this minute.
    pub requests: u64,
    /// Those of them that failed (or were slower than the latency bound).
    pub errors: u64,
}

impl Counts {
    /// Requests as a number for arithmetic.
    #[must_use]
    pub fn n(self) -> f64 {
        self.requests as f64
    }

    /// Errors as a number for arithmetic, never more than the requests: a provider that reports the
    /// two metrics at different moments may count an error before its request.
    #[must_use]
    pub fn x(self) -> f64 {
        self.errors.min(self.requests) as f64
    }
}

/// One minute as it was observed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bucket {
    /// The provider answered. Zero requests is an answer.
    Known(Counts),
    /// The provider did not answer: no evidence for anything.
    Unknown,
}

impl Bucket {
    /// A known bucket of so many requests and errors.
    #[must_use]
    pub const fn known(requests: u64, errors: u64) -> Self {
        Self::Known(Counts { requests, errors })
    }

    /// The counts, where there are any.
    #[must_use]
    pub const fn counts(self) -> Option<Counts> {
        match self {
            Self::Known(counts) => Some(counts),
            Self::Unknown => None,
        }
    }
}

/// Sums over a stretch of buckets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Minutes for which the provider answered.
    pub known_minutes: u64,
    /// Minutes with at least one request.
    pub busy_minutes: u64,
    /// All requests; saturates.
    pub requests: u64,
    /// All errors, at most the requests of their minute; saturates.
    pub errors: u64,
}

impl Totals {
    /// Adds up the known buckets.
    #[must_use]
    pub fn of(buckets: &[Bucket]) -> Self {
        buckets
            .iter()
            .filter_map(|bucket| bucket.counts())
            .fold(Self::default(), |sum, counts| Self {
                known_minutes: sum.known_minutes + 1,
                busy_minutes: sum.busy_minutes + u64::from(counts.requests > 0),
                requests: sum.requests.saturating_add(counts.requests),
                errors: sum
                    .errors
                    .saturating_add(counts.errors.min(counts.requests)),
            })
    }

    /// Errors per request, `None` without a request.
    #[must_use]
    pub fn rate(&self) -> Option<f64> {
        (self.requests > 0).then(|| self.errors as f64 / self.requests as f64)
    }
}
