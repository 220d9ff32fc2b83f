//! CloudWatch's metrics and alarms; knows no gate and no bound.

mod answer;
mod query;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use async_trait::async_trait;
use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::types::{AlarmType, DimensionFilter, ScanBy, StateValue};
use aws_smithy_types::DateTime;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use futures_util::future::join_all;

use self::answer::Answer;
use super::aws::{Aws, Service, why};
use crate::core::gate::alarms::{AlarmSeen, AlarmState};
use crate::core::gate::series::{Buckets, Series};
use crate::core::observation::{Kind, Reading, Why};
use crate::core::time::Timestamp;
use crate::ports::{CloudError, Metrics};

const DATA: &str = "cloudwatch:GetMetricData";
const ALARMS: &str = "cloudwatch:DescribeAlarms";
const LIST: &str = "cloudwatch:ListMetrics";

/// Queries of one request, names of one DescribeAlarms. Source: CloudWatch API reference.
const QUERIES: usize = 500;
const NAMES: usize = 100;
/// Pages that are followed: 500 metrics each, or as many values as an answer holds.
const PAGES: usize = 20;

/// CloudWatch of one account and region.
#[derive(Debug)]
pub struct CloudWatch {
    aws: Arc<Aws>,
    client: OnceLock<Client>,
    /// Expressions that CloudWatch does not take. One of them spoils a whole request, so none is asked twice.
    refused: Mutex<BTreeMap<String, Why>>,
}

impl CloudWatch {
    /// Through these credentials.
    #[must_use]
    pub fn new(aws: Arc<Aws>) -> Self {
        Self {
            aws,
            client: OnceLock::new(),
            refused: Mutex::default(),
        }
    }

    fn client(&self) -> &Client {
        self.client
            .get_or_init(|| Client::new(&self.aws.within_a_tick(Service::CloudWatch)))
    }

    fn refusal(&self, series: &Series) -> Option<Why> {
        let Series::Expression { expression } = series else {
            return None;
        };
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        refused.get(expression).cloned()
    }

    /// One request and its further pages.
    async fn ask(
        &self,
        wanted: &[&Series],
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<Reading<Buckets>>, Refused> {
        let queries: Vec<_> = wanted
            .iter()
            .enumerate()
            .map(|(n, series)| query::query(n, series))
            .collect();
        let mut answers: Vec<Answer> = wanted.iter().map(|_| Answer::default()).collect();
        let mut token = None;
        for _ in 0..PAGES {
            let page = self
                .client()
                .get_metric_data()
                .set_metric_data_queries(Some(queries.clone()))
                .start_time(DateTime::from_secs(from.seconds()))
                .end_time(DateTime::from_secs(to.seconds()))
                .scan_by(ScanBy::TimestampAscending)
                .set_next_token(token)
                .send()
                .await
                .map_err(|error| Refused {
                    invalid: matches!(
                        error.as_service_error().and_then(|e| e.code()),
                        Some("ValidationError" | "InvalidParameterValue")
                    ),
                    why: why(&error),
                })?;
            for result in page.metric_data_results() {
                let place = result.id().and_then(query::number);
                let Some(answer) = place.and_then(|n| answers.get_mut(n)) else {
                    continue;
                };
                answer.take(result);
            }
            token = page.next_token().map(str::to_owned);
            if token.is_none() {
                return Ok(wanted
                    .iter()
                    .zip(answers)
                    .map(|(series, answer)| answer.reading(series, from, to))
                    .collect());
            }
        }
        Err(Refused {
            invalid: false,
            why: Why::new(Kind::Malformed, "the answer has no end"),
        })
    }

    /// One request, or, where CloudWatch says that something in it is invalid, the metrics together and each
    /// expression alone, so that one gate's mistake does not blind the others.
    async fn ask_apart(
        &self,
        wanted: &[&Series],
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<Reading<Buckets>>, Why> {
        let refused = match self.ask(wanted, from, to).await {
            Ok(readings) => return Ok(readings),
            Err(refused) => refused,
        };
        let is_expression = |series: &Series| matches!(series, Series::Expression { .. });
        if !refused.invalid || !wanted.iter().any(|series| is_expression(series)) {
            return Err(refused.why);
        }
        let (expressions, metrics): (Vec<usize>, Vec<usize>) =
            (0..wanted.len()).partition(|n| wanted.get(*n).is_some_and(|s| is_expression(s)));
        let mut groups: Vec<Vec<usize>> = expressions.into_iter().map(|n| vec![n]).collect();
        if !metrics.is_empty() {
            groups.push(metrics);
        }
        let answers = join_all(groups.into_iter().map(|group| async move {
            let part: Vec<&Series> = group
                .iter()
                .filter_map(|n| wanted.get(*n).copied())
                .collect();
            let answer = self.ask(&part, from, to).await;
            if let (Err(refused), [Series::Expression { expression }]) = (&answer, part.as_slice())
                && refused.invalid
            {
                let mut all = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
                all.insert(expression.clone(), refused.why.clone());
            }
            (group, answer)
        }))
        .await;
        let mut readings: BTreeMap<usize, Reading<Buckets>> = BTreeMap::new();
        for (group, answer) in answers {
            match answer {
                Ok(list) => readings.extend(group.into_iter().zip(list)),
                Err(refused) => readings.extend(
                    group
                        .into_iter()
                        .map(|n| (n, Reading::Unknown(refused.why.clone()))),
                ),
            }
        }
        Ok(readings.into_values().collect())
    }
}

struct Refused {
    /// Something in the request is not valid.
    invalid: bool,
    why: Why,
}

fn failed(call: &str, why: Why) -> CloudError {
    CloudError {
        call: call.to_owned(),
        why,
    }
}

fn alarm(
    name: Option<&str>,
    state: Option<&StateValue>,
    transitioned: Option<&DateTime>,
    updated: Option<&DateTime>,
) -> Option<AlarmSeen> {
    let state = match state? {
        StateValue::Ok => AlarmState::Ok,
        StateValue::Alarm => AlarmState::Alarm,
        _ => AlarmState::Insufficient,
    };
    let since = transitioned.or(updated);
    Some(AlarmSeen {
        name: name?.to_owned(),
        state,
        since: since
            .and_then(|at| at.to_millis().ok())
            .map(Timestamp::from_millis),
    })
}

#[async_trait]
impl Metrics for CloudWatch {
    async fn series(
        &self,
        wanted: &[Series],
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<Reading<Buckets>>, CloudError> {
        let open: Vec<&Series> = wanted
            .iter()
            .filter(|series| self.refusal(series).is_none())
            .collect();
        let chunks = join_all(
            open.chunks(QUERIES)
                .map(|chunk| self.ask_apart(chunk, from, to)),
        )
        .await;
        let first_failure = chunks
            .iter()
            .find_map(|chunk| chunk.as_ref().err())
            .cloned();
        if let Some(why) = first_failure.filter(|_| chunks.iter().all(Result::is_err)) {
            return Err(failed(DATA, why));
        }
        let mut answers =
            open.chunks(QUERIES)
                .zip(chunks)
                .flat_map(|(chunk, answer)| match answer {
                    Ok(readings) => readings,
                    Err(why) => chunk
                        .iter()
                        .map(|_| Reading::Unknown(why.clone()))
                        .collect(),
                });
        let asked: BTreeSet<&Series> = open.iter().copied().collect();
        Ok(wanted
            .iter()
            .map(|series| {
                let answer = if asked.contains(series) {
                    answers.next()
                } else {
                    self.refusal(series).map(Reading::Unknown)
                };
                answer.unwrap_or_else(|| {
                    Reading::Unknown(Why::new(Kind::Malformed, "a query was not answered"))
                })
            })
            .collect())
    }

    async fn alarms(
        &self,
        names: &[String],
        prefix: Option<&str>,
    ) -> Result<Vec<AlarmSeen>, CloudError> {
        // Names and a prefix exclude each other in one request.
        let mut asks: Vec<(Option<&[String]>, Option<&str>)> = names
            .chunks(NAMES)
            .map(|chunk| (Some(chunk), None))
            .collect();
        asks.extend(prefix.map(|prefix| (None, Some(prefix))));
        let answers = join_all(asks.into_iter().map(|(names, prefix)| async move {
            let mut found = Vec::new();
            let mut token = None;
            for _ in 0..PAGES {
                let page = self
                    .client()
                    .describe_alarms()
                    .set_alarm_names(names.map(<[String]>::to_vec))
                    .set_alarm_name_prefix(prefix.map(str::to_owned))
                    .alarm_types(AlarmType::MetricAlarm)
                    .alarm_types(AlarmType::CompositeAlarm)
                    .max_records(100)
                    .set_next_token(token)
                    .send()
                    .await
                    .map_err(|error| failed(ALARMS, why(&error)))?;
                found.extend(page.metric_alarms().iter().filter_map(|a| {
                    alarm(
                        a.alarm_name(),
                        a.state_value(),
                        a.state_transitioned_timestamp(),
                        a.state_updated_timestamp(),
                    )
                }));
                found.extend(page.composite_alarms().iter().filter_map(|a| {
                    alarm(
                        a.alarm_name(),
                        a.state_value(),
                        a.state_transitioned_timestamp(),
                        a.state_updated_timestamp(),
                    )
                }));
                token = page.next_token().map(str::to_owned);
                if token.is_none() {
                    return Ok(found);
                }
            }
            Err(failed(
                ALARMS,
                Why::new(Kind::Malformed, "the answer has no end"),
            ))
        }))
        .await;
        let mut all: Vec<AlarmSeen> = Vec::new();
        for answer in answers {
            all.extend(answer?);
        }
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all.dedup_by(|a, b| a.name == b.name);
        Ok(all)
    }

    async fn existing(
        &self,
        namespace: &str,
        dimension: Option<&str>,
    ) -> Result<Vec<String>, CloudError> {
        let filter = dimension.map(|name| DimensionFilter::builder().name(name).build());
        let mut found = BTreeSet::new();
        let mut token = None;
        // A namespace may hold millions; the first ten thousand are enough to tell a neighbour.
        for _ in 0..PAGES {
            let page = self
                .client()
                .list_metrics()
                .namespace(namespace)
                .set_dimensions(filter.clone().map(|filter| vec![filter]))
                .set_next_token(token)
                .send()
                .await
                .map_err(|error| failed(LIST, why(&error)))?;
            for metric in page.metrics() {
                match dimension {
                    None => found.extend(metric.metric_name().map(str::to_owned)),
                    Some(name) => found.extend(
                        metric
                            .dimensions()
                            .iter()
                            .filter(|d| d.name() == Some(name))
                            .filter_map(|d| d.value().map(str::to_owned)),
                    ),
                }
            }
            token = page.next_token().map(str::to_owned);
            if token.is_none() {
                break;
            }
        }
        Ok(found.into_iter().collect())
    }
}
