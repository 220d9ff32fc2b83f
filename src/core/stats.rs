//! Daily totals that the closing transaction adds to; knows no store.

use std::collections::BTreeMap;

use crate::core::reason::ReasonCode;
use crate::core::record::{DeploymentType, Status};

/// What one closing adds to one day of one service; every value may be negative in a correction.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Delta {
    /// Counted deployments.
    pub n: i64,
    /// By status.
    pub by_status: BTreeMap<Status, i64>,
    /// By type.
    pub by_type: BTreeMap<DeploymentType, i64>,
    /// By reason, of those that did not end well.
    pub by_reason: BTreeMap<ReasonCode, i64>,
    /// By duration in whole seconds: an exact histogram.
    pub by_seconds: BTreeMap<u64, i64>,
    /// Sum of durations, seconds.
    pub seconds: i64,
}

impl Delta {
    /// What a deployment adds that ends now; nothing for uncounted statuses.
    #[must_use]
    pub fn of(status: Status, kind: DeploymentType, reason: ReasonCode, seconds: u64) -> Self {
        if !status.is_counted() {
            return Self::default();
        }
        let mut delta = Self {
            n: 1,
            ..Self::default()
        };
        delta.by_status.insert(status, 1);
        delta.by_type.insert(kind, 1);
        if status != Status::Success {
            delta.by_reason.insert(reason, 1);
        }
        if seconds > 0 {
            delta.by_seconds.insert(seconds, 1);
            delta.seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
        }
        delta
    }

    /// What a success turns into when a later rollback undoes it.
    #[must_use]
    pub fn undone() -> Self {
        let mut delta = Self::default();
        delta.by_status.insert(Status::Success, -1);
        delta.by_status.insert(Status::RolledBack, 1);
        delta
    }

    /// True where it adds nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Both together, as one item must be written once.
    pub fn merge(&mut self, other: &Self) {
        fn add<K: Ord + Clone>(into: &mut BTreeMap<K, i64>, from: &BTreeMap<K, i64>) {
            for (key, value) in from {
                *into.entry(key.clone()).or_insert(0) += value;
            }
        }
        self.n += other.n;
        add(&mut self.by_status, &other.by_status);
        add(&mut self.by_type, &other.by_type);
        add(&mut self.by_reason, &other.by_reason);
        add(&mut self.by_seconds, &other.by_seconds);
        self.seconds += other.seconds;
    }
}
