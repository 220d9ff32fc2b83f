//! What is asked of CloudWatch and what comes back, minute by minute; knows no request and no bound.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::core::gate::ApiName;
use crate::core::time::Timestamp;

/// One bucket.
pub const MINUTE: Duration = Duration::from_secs(60);

/// Hours that each part of the baseline is long.
pub const BASELINE_MINUTES: u32 = 60;

/// Minutes before the newest final one that are read again at every look: a Lambda invocation is counted in the
/// minute in which it began, when it ends.
pub const READ_AGAIN_MINUTES: u32 = 10;

/// The start of the minute in which an instant lies.
#[must_use]
pub fn minute_of(at: Timestamp) -> Timestamp {
    Timestamp::from_millis(at.millis().div_euclid(60_000).saturating_mul(60_000))
}

/// The start of the first whole minute that does not begin before an instant.
#[must_use]
pub fn next_minute(at: Timestamp) -> Timestamp {
    let start = minute_of(at);
    if start == at { at } else { start.plus(MINUTE) }
}

/// The end of the newest minute that is complete at `now`: its end lies `lag` or longer back.
#[must_use]
pub fn final_until(now: Timestamp, lag: Duration) -> Timestamp {
    minute_of(now.minus(lag))
}

/// What a Lambda function counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LambdaCount {
    /// Invocations, without those that were throttled.
    Invocations,
    /// Invocations that failed.
    Errors,
    /// Requests that were refused for want of concurrency.
    Throttles,
    /// Invocations whose duration is known.
    Timed,
    /// Of these, slower than so many milliseconds.
    SlowerThan(u64),
}

/// What an API counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApiCount {
    /// Requests.
    Requests,
    /// Requests that were answered with 5XX.
    Errors5xx,
    /// Requests whose latency is known.
    Timed,
    /// Of these, slower than so many milliseconds.
    SlowerThan(u64),
}

/// One line of numbers, a number a minute.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "of", rename_all = "snake_case")]
pub enum Series {
    /// A count of one Lambda function.
    Lambda {
        /// The function's name.
        function: String,
        /// Which count.
        count: LambdaCount,
    },
    /// A count of one API.
    Api {
        /// Which API.
        api: ApiName,
        /// Only this stage.
        stage: Option<String>,
        /// Which count.
        count: ApiCount,
    },
    /// Metric Math or a SEARCH; several lines that it yields are added up.
    Expression {
        /// As configured.
        expression: String,
    },
}

impl Series {
    /// True where a value below zero is a fault of the provider.
    #[must_use]
    pub fn is_count(&self) -> bool {
        match self {
            Self::Lambda { .. } | Self::Api { .. } => true,
            Self::Expression { .. } => false,
        }
    }
}

/// One answer: sums by the start of their minute. A minute that is in none of the three was without data.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Buckets {
    /// Minute → sum.
    pub sums: BTreeMap<Timestamp, f64>,
    /// Minutes whose value was no number or, for a count, below zero: they are unknown, not zero.
    pub unusable: BTreeSet<Timestamp>,
    /// Values outside the span that was asked for, such as those stamped in the future; left out.
    pub stray: u32,
    /// The provider says that values are missing: a minute without one is unknown, not empty.
    pub partial: bool,
}

impl Buckets {
    /// Adds the values of one line of `series`, asked for from `from` up to, not including, `to`; values of the
    /// same minute add up.
    pub fn add(
        &mut self,
        series: &Series,
        from: Timestamp,
        to: Timestamp,
        values: impl IntoIterator<Item = (Timestamp, f64)>,
    ) {
        for (at, value) in values {
            if at < from || at >= to {
                self.stray = self.stray.saturating_add(1);
                continue;
            }
            let minute = minute_of(at);
            if !value.is_finite() || (series.is_count() && value < 0.0) {
                self.unusable.insert(minute);
                continue;
            }
            let sum = self.sums.entry(minute).or_insert(0.0);
            *sum += value;
            if !sum.is_finite() {
                self.unusable.insert(minute);
            }
        }
        for minute in &self.unusable {
            self.sums.remove(minute);
        }
    }
}

/// What one minute of a series is known to be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cell {
    /// Not asked for, or not answered.
    Unknown,
    /// Answered: there is no value.
    Absent,
    /// A value.
    Value(f64),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_millis(second * 1000)
    }

    #[test]
    fn a_minute_is_final_when_its_end_is_older_than_the_lag() {
        let lag = Duration::from_secs(120);
        assert_eq!(final_until(at(600), lag), at(480));
        assert_eq!(final_until(at(599), lag), at(420));
        assert_eq!(next_minute(at(61)), at(120));
        assert_eq!(next_minute(at(120)), at(120));
    }

    #[test]
    fn what_is_no_count_is_unknown_and_the_future_is_left_out() {
        let series = Series::Lambda {
            function: "f".to_owned(),
            count: LambdaCount::Errors,
        };
        let mut buckets = Buckets::default();
        let values = [
            (at(0), 3.0),
            (at(60), f64::NAN),
            (at(120), -1.0),
            (at(180), f64::INFINITY),
            (at(6000), 9.0),
        ];
        buckets.add(&series, at(0), at(300), values);
        assert_eq!(buckets.sums, BTreeMap::from([(at(0), 3.0)]));
        assert_eq!(buckets.unusable, BTreeSet::from([at(60), at(120), at(180)]));
        assert_eq!(buckets.stray, 1);
    }
}
