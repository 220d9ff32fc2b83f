//! Minutes of many series as they have been read so far, in a form that can be kept; knows no provider and no bound.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::core::gate::series::{Buckets, Cell, MINUTE, Series};
use crate::core::observation::{Reading, Why};
use crate::core::time::Timestamp;
use crate::core::verdict::{Bucket, Counts};

/// One series: a value a minute, `None` = without data.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
struct Column {
    values: Vec<Option<f64>>,
    /// Minutes, by number, that were asked for and not answered.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    unknown: BTreeSet<usize>,
    /// Why the last answer was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    why: Option<Why>,
}

/// Whole minutes from one on, for any number of series.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Table {
    from: Timestamp,
    columns: Columns,
}

/// In JSON a list, for a series is no key there.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(from = "Vec<(Series, Column)>", into = "Vec<(Series, Column)>")]
struct Columns(BTreeMap<Series, Column>);

impl From<Vec<(Series, Column)>> for Columns {
    fn from(list: Vec<(Series, Column)>) -> Self {
        Self(list.into_iter().collect())
    }
}

impl From<Columns> for Vec<(Series, Column)> {
    fn from(columns: Columns) -> Self {
        columns.0.into_iter().collect()
    }
}

impl Table {
    /// An empty table whose first minute begins at `from`, a whole minute.
    #[must_use]
    pub fn new(from: Timestamp) -> Self {
        Self {
            from,
            columns: Columns::default(),
        }
    }

    /// The first minute's start.
    #[must_use]
    pub fn from(&self) -> Timestamp {
        self.from
    }

    /// Whole minutes from the first one to `until`.
    #[must_use]
    pub fn minutes_to(&self, until: Timestamp) -> usize {
        usize::try_from(until.since(self.from).as_millis() / 60_000).unwrap_or(usize::MAX)
    }

    /// Takes what was read of a series from `from` up to `to`. Minutes that were known stay so when the provider
    /// does not answer; else the newer answer counts, for late values still come in.
    pub fn take(
        &mut self,
        series: &Series,
        from: Timestamp,
        to: Timestamp,
        reading: &Reading<Buckets>,
    ) {
        let (first, end) = (self.minutes_to(from), self.minutes_to(to));
        let start = self.from;
        let column = self.columns.0.entry(series.clone()).or_default();
        while column.values.len() < end {
            column.unknown.insert(column.values.len());
            column.values.push(None);
        }
        column.why = match reading {
            Reading::Known(_) => None,
            Reading::Unknown(why) => Some(why.clone()),
        };
        let Reading::Known(buckets) = reading else {
            return;
        };
        let mut minute =
            start.plus(MINUTE.saturating_mul(u32::try_from(first).unwrap_or(u32::MAX)));
        for index in first..end {
            let slot = column.values.get_mut(index);
            match (buckets.sums.get(&minute), slot) {
                (Some(sum), Some(slot)) => {
                    *slot = Some(*sum);
                    column.unknown.remove(&index);
                }
                (None, Some(_)) if buckets.partial || buckets.unusable.contains(&minute) => {}
                (None, Some(slot)) => {
                    *slot = None;
                    column.unknown.remove(&index);
                }
                (_, None) => {}
            }
            minute = minute.plus(MINUTE);
        }
    }

    /// What a minute, by number, is known to be.
    #[must_use]
    pub fn cell(&self, series: &Series, minute: usize) -> Cell {
        let Some(column) = self.columns.0.get(series) else {
            return Cell::Unknown;
        };
        match column.values.get(minute) {
            None => Cell::Unknown,
            Some(None) if column.unknown.contains(&minute) => Cell::Unknown,
            Some(None) => Cell::Absent,
            Some(Some(value)) => Cell::Value(*value),
        }
    }

    /// Why the last answer about a series was none.
    #[must_use]
    pub fn why(&self, series: &Series) -> Option<&Why> {
        self.columns.0.get(series)?.why.as_ref()
    }

    /// The earliest minute from which on something of these series is still to be read, at most `until`.
    #[must_use]
    pub fn unread_from(&self, wanted: &[Series], until: Timestamp) -> Timestamp {
        let end = self.minutes_to(until);
        let first = wanted
            .iter()
            .map(|series| match self.columns.0.get(series) {
                None => 0,
                Some(column) => column
                    .unknown
                    .first()
                    .copied()
                    .unwrap_or(column.values.len()),
            })
            .min()
            .unwrap_or(end)
            .min(end);
        self.from
            .plus(MINUTE.saturating_mul(u32::try_from(first).unwrap_or(u32::MAX)))
    }

    /// True where the provider has answered at least once about a series.
    #[must_use]
    pub fn answered(&self, series: &Series) -> bool {
        self.columns
            .0
            .get(series)
            .is_some_and(|column| column.unknown.len() < column.values.len())
    }

    /// True where a series has a value anywhere.
    #[must_use]
    pub fn has_data(&self, series: &Series) -> bool {
        self.columns
            .0
            .get(series)
            .is_some_and(|column| column.values.iter().any(Option::is_some))
    }

    /// The minutes up to `until` as counts: `requests` is the sum of those series, `errors` one of them or another.
    ///
    /// No datapoint of requests is no request; no datapoint of errors where there are requests is no error; what
    /// was not answered is unknown.
    #[must_use]
    pub fn counts(&self, requests: &[Series], errors: &Series, until: Timestamp) -> Vec<Bucket> {
        (0..self.minutes_to(until))
            .map(|minute| {
                let mut sum = 0.0;
                for series in requests {
                    match self.cell(series, minute) {
                        Cell::Unknown => return Bucket::Unknown,
                        Cell::Absent => {}
                        Cell::Value(value) => sum += value,
                    }
                }
                let failed = match self.cell(errors, minute) {
                    Cell::Unknown => return Bucket::Unknown,
                    Cell::Absent => 0.0,
                    Cell::Value(value) => value,
                };
                Bucket::Known(Counts {
                    requests: whole(sum),
                    errors: whole(failed),
                })
            })
            .collect()
    }
}

/// A count; CloudWatch keeps counts as fractions, and sums of them may be off by a rounding.
fn whole(value: f64) -> u64 {
    value.round().max(0.0) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::gate::series::LambdaCount;
    use crate::core::observation::Kind;

    fn series(count: LambdaCount) -> Series {
        Series::Lambda {
            function: "f".to_owned(),
            count,
        }
    }

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_millis(minute * 60_000)
    }

    fn known(series: &Series, from: i64, to: i64, values: &[(i64, f64)]) -> Reading<Buckets> {
        let mut buckets = Buckets::default();
        buckets.add(
            series,
            at(from),
            at(to),
            values.iter().map(|(m, v)| (at(*m), *v)),
        );
        Reading::Known(buckets)
    }

    #[test]
    fn missing_is_zero_only_where_the_provider_answered() {
        let (invocations, errors) = (
            series(LambdaCount::Invocations),
            series(LambdaCount::Errors),
        );
        let mut table = Table::new(at(10));
        let read = known(&invocations, 10, 14, &[(10, 5.0), (11, 7.0), (13, 2.0)]);
        table.take(&invocations, at(10), at(14), &read);
        let mut read = known(&errors, 10, 14, &[(11, 1.0), (13, f64::NAN)]);
        table.take(&errors, at(10), at(14), &read);
        let counts = table.counts(std::slice::from_ref(&invocations), &errors, at(15));
        assert_eq!(
            counts,
            [
                Bucket::known(5, 0),
                Bucket::known(7, 1),
                Bucket::known(0, 0),
                Bucket::Unknown,
                Bucket::Unknown
            ]
        );
        // The provider fails: what was known stays, what is new is unknown.
        let down = Reading::Unknown(Why::new(Kind::Provider, "down"));
        table.take(&invocations, at(10), at(15), &down);
        assert_eq!(table.cell(&invocations, 1), Cell::Value(7.0));
        assert_eq!(table.cell(&invocations, 4), Cell::Unknown);
        assert_eq!(
            table.unread_from(std::slice::from_ref(&invocations), at(15)),
            at(14)
        );
        // A partial answer leaves unknown what it does not hold; a late value counts.
        if let Reading::Known(buckets) = &mut read {
            *buckets = Buckets {
                partial: true,
                sums: BTreeMap::from([(at(10), 2.0)]),
                ..Buckets::default()
            };
        }
        table.take(&errors, at(10), at(15), &read);
        assert_eq!(table.cell(&errors, 0), Cell::Value(2.0));
        assert_eq!(table.cell(&errors, 4), Cell::Unknown);
    }

    #[test]
    fn a_table_is_kept_and_read_back() {
        let errors = series(LambdaCount::SlowerThan(3000));
        let mut table = Table::new(at(0));
        let read = known(&errors, 0, 3, &[(1, 4.0)]);
        table.take(&errors, at(0), at(3), &read);
        let text = serde_json::to_string(&table).expect("JSON");
        let back: Table = serde_json::from_str(&text).expect("the same");
        assert_eq!(back, table);
    }
}
