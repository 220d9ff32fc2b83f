//! Verdicts and the closed list of reasons for them; the words for people are elsewhere.

/// Outcome of one gate or of all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Proven to be within its bound.
    Healthy,
    /// Proven to be above its bound.
    Degraded,
    /// Neither.
    Inconclusive,
}

impl Verdict {
    /// Stable name: `healthy`, `degraded` or `inconclusive`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Degraded => "degraded",
            Self::Inconclusive => "inconclusive",
        }
    }
}

/// Why a rate gate's verdict is what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReasonCode {
    /// Degraded: certainly above the absolute bound.
    ErrorRateAboveBound,
    /// Degraded: certainly above what the service's own baseline allows.
    ErrorRateAboveBaseline,
    /// Healthy: certainly below the stricter of the two bounds.
    Certified,
    /// Inconclusive: not even an error-free run of so few requests would prove anything.
    TooFewRequests,
    /// Inconclusive: enough requests, but the rate is too near the bound, or errors were rising.
    NotProven,
    /// Inconclusive: above the absolute bound before the deployment, and not worse now.
    BadBefore,
    /// Inconclusive: the provider answered for no minute.
    NoData,
    /// Inconclusive: the provider answered for no more than half of the minutes, or for none of the newest third.
    TooLittleData,
    /// Inconclusive: no request came, and too few were expected to make anything of it.
    NoTraffic,
    /// Inconclusive: less than a tenth of the baseline's requests came.
    TrafficVanished,
}

impl ReasonCode {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::ErrorRateAboveBound,
        Self::ErrorRateAboveBaseline,
        Self::Certified,
        Self::TooFewRequests,
        Self::NotProven,
        Self::BadBefore,
        Self::NoData,
        Self::TooLittleData,
        Self::NoTraffic,
        Self::TrafficVanished,
    ];

    /// Stable snake_case name, the same in every language.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ErrorRateAboveBound => "error_rate_above_bound",
            Self::ErrorRateAboveBaseline => "error_rate_above_baseline",
            Self::Certified => "certified",
            Self::TooFewRequests => "too_few_requests",
            Self::NotProven => "not_proven",
            Self::BadBefore => "bad_before",
            Self::NoData => "no_data",
            Self::TooLittleData => "too_little_data",
            Self::NoTraffic => "no_traffic",
            Self::TrafficVanished => "traffic_vanished",
        }
    }
}
