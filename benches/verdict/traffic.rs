//! Made-up services: how requests arrive and how errors fall on them.

use deploy_guard::core::verdict::Bucket;

use crate::random::Random;

/// How requests arrive; the mean is the same for all three.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Arrivals {
    /// Poisson.
    Steady,
    /// Poisson whose mean varies from minute to minute (gamma, shape 1/2: a fifth of the minutes has half of the requests).
    Bursty,
    /// Every second minute, at random, has none; the others have twice as many.
    HalfIdle,
}

/// How errors fall on requests; the mean rate is the same for all three.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Errors {
    /// Each request by itself.
    Independent,
    /// In groups of five requests that fail together.
    Clustered,
    /// The rate itself varies from minute to minute (beta, intra-class correlation 0.02).
    OverDispersed,
}

pub const ARRIVALS: [Arrivals; 3] = [Arrivals::Steady, Arrivals::Bursty, Arrivals::HalfIdle];
pub const ERRORS: [Errors; 3] = [
    Errors::Independent,
    Errors::Clustered,
    Errors::OverDispersed,
];

impl Arrivals {
    pub fn name(self) -> &'static str {
        match self {
            Self::Steady => "Poisson",
            Self::Bursty => "bursty",
            Self::HalfIdle => "half idle",
        }
    }

    /// Requests of one minute.
    pub fn minute(self, random: &mut Random, per_minute: f64) -> f64 {
        match self {
            Self::Steady => random.poisson(per_minute),
            Self::Bursty => {
                let mean = per_minute * random.gamma(0.5) / 0.5;
                random.poisson(mean)
            }
            Self::HalfIdle => {
                if random.chance(0.5) {
                    0.0
                } else {
                    random.poisson(2.0 * per_minute)
                }
            }
        }
    }
}

impl Errors {
    pub fn name(self) -> &'static str {
        match self {
            Self::Independent => "independent",
            Self::Clustered => "clustered",
            Self::OverDispersed => "over-dispersed",
        }
    }

    /// Errors among `requests`.
    pub fn among(self, random: &mut Random, requests: f64, rate: f64) -> f64 {
        match self {
            Self::Independent => random.binomial(requests, rate),
            Self::Clustered => {
                let whole = (requests / 5.0).floor();
                let rest = requests - 5.0 * whole;
                5.0 * random.binomial(whole, rate) + if random.chance(rate) { rest } else { 0.0 }
            }
            Self::OverDispersed => {
                if rate <= 0.0 || rate >= 1.0 {
                    return random.binomial(requests, rate);
                }
                let now = random.beta(rate, 0.02);
                random.binomial(requests, now)
            }
        }
    }
}

/// One minute of a service as a bucket.
pub fn bucket(requests: f64, errors: f64) -> Bucket {
    Bucket::known(requests as u64, errors as u64)
}
