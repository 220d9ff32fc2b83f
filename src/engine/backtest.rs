//! Judges an environment's own past with its gates: reads deployments from the history and minutes from CloudWatch.
//! Knows how they are read, not how they are judged.

use futures_util::stream::{StreamExt, TryStreamExt, iter};

use crate::core::backtest::{Ended, Judged, KEPT, Moment, Past, RuleOutcome, Unjudged, rules};
use crate::core::gate::Mode;
use crate::core::gate::series::{BASELINE_MINUTES, MINUTE, Series, final_until, next_minute};
use crate::core::gate::table::Table;
use crate::core::journal::Event;
use crate::core::observation::{Kind, Reading, Why};
use crate::core::record::Record;
use crate::core::time::Timestamp;
use crate::engine::metrics::MetricWatch;
use crate::engine::observe::{Resolved, resolve};
use crate::engine::{Ports, Say, Sayer, Setup};
use crate::ports::{ListQuery, StoreError};

/// Read at once; so much fits into a few pages.
const CHUNK_MINUTES: u32 = 24 * 60;
/// Records of one page of the history.
const PAGE: usize = 100;
/// Journals that are read at once.
const AT_ONCE: usize = 8;
/// Moments after which a sign of life is given.
const SIGN_OF_LIFE: usize = 100;
const DAY_S: u64 = 86_400;

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// Deployments of so many days.
    pub days: u32,
    /// Quiet moments, at most.
    pub moments: usize,
}

/// One recorded deployment.
#[derive(Debug, Clone)]
pub struct PastDeployment {
    /// Its record.
    pub record: Record,
    /// Whether its end says that it was good.
    pub ended: Ended,
    /// How it would have been judged, or why it cannot be.
    pub judged: Result<Judged, Unjudged>,
}

/// Everything that is told.
#[derive(Debug, Clone)]
pub struct Backtest {
    /// Deployments from then on.
    pub since: Timestamp,
    /// Minutes of metrics from then on.
    pub from: Timestamp,
    /// Up to then.
    pub until: Timestamp,
    /// How shares are judged.
    pub mode: Mode,
    /// Tests that were judged.
    pub tests: Vec<String>,
    /// What is configured and could not be found, and why.
    pub missing: Vec<(String, Why)>,
    /// Kinds of gates that are configured and have no history.
    pub without_history: Vec<&'static str>,
    /// Newest first.
    pub deployments: Vec<PastDeployment>,
    /// Quiet moments that were judged.
    pub quiet: Vec<(Moment, Judged)>,
    /// Every rule, ours first.
    pub rules: Vec<RuleOutcome>,
}

/// Why there is nothing to tell.
#[derive(Debug, thiserror::Error)]
pub enum BacktestError {
    /// The history.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Nothing of the metrics was answered.
    #[error("the metrics cannot be read")]
    Metrics(Why),
    /// No gate has a history.
    #[error("no gate has a history")]
    NoGates,
}

/// Judges the past.
///
/// # Errors
/// Where the history or all of the metrics cannot be read, or no configured gate has a history.
pub async fn backtest(
    ports: &Ports,
    setup: &Setup,
    asked: Asked,
    say: &Sayer,
) -> Result<Backtest, BacktestError> {
    let now = ports.clock.now();
    let days = std::time::Duration::from_secs(u64::from(asked.days) * DAY_S);
    let since = now.minus(days);
    let Resolved { gates, .. } = resolve(ports, &setup.gates, &setup.stacks).await;
    let (tests, missing) = MetricWatch::tests_of(&gates, &setup.stacks, &ports.cloud, now).await;
    if tests.is_empty() && gates.metric.is_empty() {
        return match missing
            .into_iter()
            .find(|(_, why)| why.kind != Kind::NotFound)
        {
            Some((_, why)) => Err(BacktestError::Metrics(why)),
            None => Err(BacktestError::NoGates),
        };
    }
    let until = final_until(now, gates.data_lag);
    // The same hour of the day before the oldest one is wanted too.
    let oldest = since.minus(MINUTE.saturating_mul(CHUNK_MINUTES + BASELINE_MINUTES));
    let from = next_minute(now.minus(KEPT)).max(next_minute(oldest));
    let records = records(ports, setup, since, now).await?;
    let watched = watched(ports, &records, now).await?;

    let mut wanted: Vec<Series> = tests.iter().flat_map(|t| t.wanted().cloned()).collect();
    wanted.extend(gates.metric.iter().map(|gate| gate.wanted()));
    wanted.sort();
    wanted.dedup();
    let table = read(ports, &wanted, from, until, say).await?;
    let minutes = table.minutes_to(until);
    let past = Past {
        from,
        minutes,
        rates: tests
            .into_iter()
            .map(|test| {
                let counts = table.counts(&test.requests, &test.errors, until);
                (test, counts)
            })
            .collect(),
        expressions: gates
            .metric
            .iter()
            .map(|gate| {
                let series = gate.wanted();
                let cells = (0..minutes).map(|m| table.cell(&series, m)).collect();
                (gate.clone(), cells)
            })
            .collect(),
        gates,
    };
    Ok(judge_all(&past, since, until, records, &watched, missing, asked, say).await)
}

#[expect(clippy::too_many_arguments, reason = "everything that was read, once")]
async fn judge_all(
    past: &Past,
    since: Timestamp,
    until: Timestamp,
    records: Vec<Record>,
    watched: &[Timestamp],
    missing: Vec<(String, Why)>,
    asked: Asked,
    say: &Sayer,
) -> Backtest {
    let watch = past.gates.window.saturating_add(past.gates.bake);
    let busy: Vec<(Timestamp, Timestamp)> = records
        .iter()
        .zip(watched)
        .map(|(record, watched)| (record.at, watched.plus(watch).max(ended(record))))
        .collect();
    let moments = past.quiet(&busy, asked.moments);
    let of = records.len() + moments.len();
    let mut deployments = Vec::with_capacity(records.len());
    for (record, watched) in records.into_iter().zip(watched) {
        let moment = Moment {
            deployed: record.at,
            watched: *watched,
        };
        deployments.push(PastDeployment {
            ended: Ended::of(&record),
            judged: past.judge(moment),
            record,
        });
        sign_of_life(deployments.len(), of, say).await;
    }
    let mut quiet = Vec::with_capacity(moments.len());
    for (place, moment) in moments.into_iter().enumerate() {
        if let Ok(judged) = past.judge(moment) {
            quiet.push((moment, judged));
        }
        sign_of_life(deployments.len() + place + 1, of, say).await;
    }
    let judged: Vec<(Ended, Judged)> = deployments
        .iter()
        .filter_map(|d| Some((d.ended, d.judged.as_ref().ok()?.clone())))
        .collect();
    let of_quiet: Vec<Judged> = quiet.iter().map(|(_, judged)| judged.clone()).collect();
    let names = past.rates.iter().map(|(gate, _)| gate.name.clone());
    let expressions = past.expressions.iter().map(|(gate, _)| gate.name.clone());
    let gates = &past.gates;
    Backtest {
        since,
        from: past.from,
        until,
        mode: gates.mode,
        tests: names.chain(expressions).collect(),
        missing,
        without_history: [
            (!gates.http.is_empty(), "http"),
            (gates.alarms.is_some(), "alarms"),
            (!gates.logs.is_empty(), "logs"),
            (gates.stack, "stack"),
        ]
        .into_iter()
        .filter_map(|(configured, kind)| configured.then_some(kind))
        .collect(),
        rules: rules(&judged, &of_quiet),
        deployments,
        quiet,
    }
}

/// Judging is work for the processor: others get their turn, and who waits hears of it.
async fn sign_of_life(done: usize, of: usize, say: &Sayer) {
    if done.is_multiple_of(SIGN_OF_LIFE) || done == of {
        say(Say::JudgingPast { moments: done, of });
        tokio::task::yield_now().await;
    }
}

/// When a deployment was over.
fn ended(record: &Record) -> Timestamp {
    let took = record.duration_s.map(std::time::Duration::from_secs);
    took.map_or(record.at, |took| record.at.plus(took))
}

/// Every closed deployment of these days, newest first.
async fn records(
    ports: &Ports,
    setup: &Setup,
    since: Timestamp,
    now: Timestamp,
) -> Result<Vec<Record>, StoreError> {
    let mut all = Vec::new();
    let mut cursor = None;
    loop {
        let page = ports
            .history
            .list(&ListQuery {
                environment: setup.environment.clone(),
                status: None,
                kind: None,
                service: Some(setup.service.clone()),
                from: Some(since),
                to: None,
                limit: PAGE,
                cursor,
                now,
            })
            .await?;
        let closed = |record: &Record| record.status.known().is_none_or(|s| s.is_final());
        all.extend(page.records.into_iter().filter(closed));
        cursor = page.cursor;
        if cursor.is_none() {
            return Ok(all);
        }
    }
}

/// When each was watched first; one without a recorded watch from its own end on, or its start.
async fn watched(
    ports: &Ports,
    records: &[Record],
    now: Timestamp,
) -> Result<Vec<Timestamp>, StoreError> {
    iter(records)
        .map(|record| async move {
            let stored = ports.history.deployment(&record.id, now).await?;
            let entries = stored.map(|stored| stored.entries).unwrap_or_default();
            let mut events = entries.iter().flat_map(|entry| &entry.events);
            let since = events.find_map(|event| match event {
                Event::WatchStarted { since, .. } => Some(*since),
                _ => None,
            });
            Ok(since.unwrap_or_else(|| {
                // Ours were never watched; the predecessor's duration ends with its deploy step.
                if record.guard.is_some() {
                    record.at
                } else {
                    ended(record)
                }
            }))
        })
        .buffered(AT_ONCE)
        .try_collect()
        .await
}

/// Reads everything, a day at a time.
async fn read(
    ports: &Ports,
    wanted: &[Series],
    from: Timestamp,
    until: Timestamp,
    say: &Sayer,
) -> Result<Table, BacktestError> {
    let mut table = Table::new(from);
    let chunk = MINUTE.saturating_mul(CHUNK_MINUTES);
    let of = u32::try_from(until.since(from).as_secs().div_ceil(chunk.as_secs())).unwrap_or(1);
    let (mut start, mut failure, mut answered) = (from, None, false);
    for days in 1..=of {
        let end = start.plus(chunk).min(until);
        match ports.cloud.metrics.series(wanted, start, end).await {
            Ok(readings) => {
                for (series, reading) in wanted.iter().zip(&readings) {
                    answered |= reading.known().is_some();
                    if let Reading::Unknown(why) = reading {
                        failure.get_or_insert_with(|| why.clone());
                    }
                    table.take(series, start, end, reading);
                }
            }
            Err(error) => {
                failure.get_or_insert_with(|| error.why.clone());
                let unknown = Reading::Unknown(error.why);
                for series in wanted {
                    table.take(series, start, end, &unknown);
                }
            }
        }
        say(Say::ReadingPast { days, of });
        start = end;
    }
    match failure {
        Some(why) if !answered => Err(BacktestError::Metrics(why)),
        Some(_) | None => Ok(table),
    }
}
