//! What CloudWatch answered about one query, over all pages; knows no request.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_cloudwatch::types::{MetricDataResult, StatusCode};

use crate::core::gate::series::{Buckets, Series};
use crate::core::observation::{Kind, Reading, Why};
use crate::core::time::Timestamp;

/// What was answered of one query, over all pages.
#[derive(Default)]
pub(super) struct Answer {
    seen: bool,
    /// One line, or several of a SEARCH, by label: instant in milliseconds → value.
    lines: BTreeMap<String, BTreeMap<i64, f64>>,
    partial: BTreeSet<String>,
    failed: Option<Why>,
    /// Instants or values without their partner.
    odd: bool,
}

impl Answer {
    /// Takes one page's part.
    pub(super) fn take(&mut self, result: &MetricDataResult) {
        self.seen = true;
        let label = result.label().unwrap_or_default().to_owned();
        let said = || {
            let messages: Vec<_> = result
                .messages()
                .iter()
                .filter_map(|m| m.value().or(m.code()))
                .collect();
            messages.join("; ")
        };
        match result.status_code() {
            None | Some(StatusCode::Complete) => {
                self.partial.remove(&label);
            }
            Some(StatusCode::PartialData) => {
                self.partial.insert(label.clone());
            }
            Some(StatusCode::Forbidden) => {
                self.failed = Some(Why::new(Kind::Denied, format!("Forbidden {}", said())));
            }
            Some(other) => {
                self.failed = Some(Why::new(Kind::Provider, format!("{other} {}", said())));
            }
        }
        let (times, values) = (result.timestamps(), result.values());
        self.odd |= times.len() != values.len();
        let line = self.lines.entry(label).or_default();
        for (at, value) in times.iter().zip(values) {
            match at.to_millis() {
                Ok(ms) => {
                    line.insert(ms, *value);
                }
                Err(_) => self.odd = true,
            }
        }
    }

    /// What that is, put together.
    pub(super) fn reading(
        self,
        series: &Series,
        from: Timestamp,
        to: Timestamp,
    ) -> Reading<Buckets> {
        if let Some(why) = self.failed {
            return Reading::Unknown(Why::new(why.kind, why.detail.trim().to_owned()));
        }
        if self.odd {
            return Reading::Unknown(Why::new(
                Kind::Malformed,
                "as many instants as values were expected",
            ));
        }
        // A SEARCH that finds nothing is not answered at all; a metric is.
        if !self.seen && !matches!(series, Series::Expression { .. }) {
            return Reading::Unknown(Why::new(Kind::Malformed, "a query was not answered"));
        }
        let mut buckets = Buckets {
            partial: !self.partial.is_empty(),
            ..Buckets::default()
        };
        for line in self.lines.into_values() {
            let values = line
                .into_iter()
                .map(|(ms, value)| (Timestamp::from_millis(ms), value));
            buckets.add(series, from, to, values);
        }
        Reading::Known(buckets)
    }
}
