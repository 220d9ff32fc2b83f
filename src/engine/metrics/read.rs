//! What the CloudWatch gates read at a look and keep of it. Knows when a thing was read last, not what it means.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::{join, join_all};

use crate::core::gate::alarms::AlarmSeen;
use crate::core::gate::series::{BASELINE_MINUTES, Buckets, MINUTE, Series};
use crate::core::gate::table::Table;
use crate::core::observation::{Kind, Reading};
use crate::core::time::Timestamp;
use crate::engine::Cloud;
use crate::engine::metrics::MetricWatch;
use crate::engine::metrics::alarms::alarms;
use crate::ports::CloudError;

/// A log query is paid by the bytes that it reads: it is asked at most this often.
const LOGS_TICK: Duration = Duration::from_secs(30);

/// Kinds of failure that were told.
pub(super) type Told = Mutex<BTreeSet<Kind>>;

/// Series with what was answered about each.
pub(super) type Read = Vec<(Series, Reading<Buckets>)>;

impl MetricWatch {
    /// The series of which the baseline has not been answered yet, asked for both hours at once.
    pub(super) async fn read_baseline(&self, cloud: &Cloud) -> [Read; 2] {
        let span = MINUTE.saturating_mul(BASELINE_MINUTES);
        let memory = &self.memory;
        let open = |table: &Table| -> Vec<Series> {
            let all = self.wanted().into_iter();
            all.filter(|series| !table.answered(series)).collect()
        };
        let (own, day) = (open(&memory.before), open(&memory.day_before));
        let (start, day_start) = (memory.before.from(), memory.day_before.from());
        let (own, day) = join(
            read(cloud, &self.told, &own, start, start.plus(span)),
            read(cloud, &self.told, &day, day_start, day_start.plus(span)),
        )
        .await;
        [own, day]
    }

    pub(super) fn take_baseline(&mut self, [own, day]: [Read; 2]) {
        let span = MINUTE.saturating_mul(BASELINE_MINUTES);
        let changed = !own.is_empty() || !day.is_empty();
        let memory = &mut self.memory;
        for (table, read) in [(&mut memory.before, own), (&mut memory.day_before, day)] {
            let start = table.from();
            for (series, reading) in read {
                table.take(&series, start, start.plus(span), &reading);
            }
        }
        if changed {
            self.rebuild();
        }
    }

    pub(super) async fn read_alarms(
        &self,
        cloud: &Cloud,
    ) -> Option<Result<Vec<AlarmSeen>, CloudError>> {
        alarms(cloud, &self.gates).await
    }

    pub(super) fn take_alarms(&mut self, seen: Option<Result<Vec<AlarmSeen>, CloudError>>) {
        match seen {
            None => {}
            Some(Ok(alarms)) => {
                self.memory.alarms.note(&alarms);
                self.alarms = Reading::Known(alarms);
            }
            Some(Err(error)) => self.alarms = Reading::Unknown(error.why),
        }
    }

    /// Matches in a stretch before the deployment as long as the watch, of the gates where that is not known.
    pub(super) async fn read_logs_before(
        &self,
        cloud: &Cloud,
    ) -> Vec<(String, Result<u64, CloudError>)> {
        let to = self.memory.deployed;
        let from = to.minus(self.gates.window.max(MINUTE));
        let open = self.gates.logs.iter().filter(|gate| {
            let memory = self.memory.logs.get(&gate.name);
            memory.is_none_or(|memory| memory.before.is_none())
        });
        join_all(open.map(|gate| async move {
            let count = cloud
                .logs
                .matches(&gate.groups, &gate.query, from, to)
                .await;
            (gate.name.clone(), count)
        }))
        .await
    }

    pub(super) fn take_logs_before(&mut self, counts: Vec<(String, Result<u64, CloudError>)>) {
        for (gate, count) in counts {
            let memory = self.memory.logs.entry(gate).or_default();
            match count {
                Ok(count) => memory.before = Some(count),
                Err(error) => memory.why = Some(error.why),
            }
        }
    }

    pub(super) async fn read_logs(
        &self,
        cloud: &Cloud,
        now: Timestamp,
    ) -> Vec<(String, Reading<u64>)> {
        let since = self.memory.since;
        let due = self.gates.logs.iter().filter(|gate| {
            let at = self.memory.logs.get(&gate.name).and_then(|m| m.at);
            at.is_none_or(|at| now.since(at) >= LOGS_TICK)
        });
        join_all(due.map(|gate| async move {
            let count = cloud.logs.matches(&gate.groups, &gate.query, since, now);
            let count = match count.await {
                Ok(count) => Reading::Known(count),
                Err(error) => Reading::Unknown(error.why),
            };
            (gate.name.clone(), count)
        }))
        .await
    }
}

/// Reads series; what nothing was answered about is unknown, each of it. Nothing is asked where nothing is wanted.
/// The same kind of failure is told once in a watch, `told` says which were.
pub(super) async fn read(
    cloud: &Cloud,
    told: &Told,
    wanted: &[Series],
    from: Timestamp,
    to: Timestamp,
) -> Read {
    if wanted.is_empty() || from >= to {
        return Vec::new();
    }
    match cloud.metrics.series(wanted, from, to).await {
        Ok(readings) => {
            let stray = readings.iter().filter_map(Reading::known).map(|b| b.stray);
            let stray: u32 = stray.sum();
            if stray > 0 {
                tracing::warn!(
                    code = "DG240",
                    stray,
                    "values outside the minutes that were asked for are left out"
                );
            }
            wanted.iter().cloned().zip(readings).collect()
        }
        Err(error) => {
            let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
            if told.insert(error.why.kind) {
                tracing::warn!(code = "DG241", %error, "the metrics could not be read");
            } else {
                tracing::debug!(code = "DG241", %error, "the metrics could not be read");
            }
            let unknown = |series: &Series| (series.clone(), Reading::Unknown(error.why.clone()));
            wanted.iter().map(unknown).collect()
        }
    }
}
