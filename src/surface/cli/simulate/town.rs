//! The service and CloudWatch of a scenario, as the engine asks for them. Knows no verdict.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::config::{Moment, Scenario};
use crate::core::gate::alarms::{AlarmSeen, AlarmState};
use crate::core::gate::series::{ApiCount, Buckets, LambdaCount, MINUTE, Series};
use crate::core::observation::{Answer, Kind, NetFault, Probe, ProbeRequest, Reading, Why};
use crate::core::time::Timestamp;
use crate::ports::{Clock, CloudError, Functions, Logs, Metrics, Prober, Stack, Stacks};
use crate::surface::cli::simulate::time::{BEGIN_MS, Time};

/// Stands for every function of the stacks, where none is named.
const FUNCTION: &str = "function";

/// Everything outside.
pub struct Town {
    /// Time.
    pub time: Arc<Time>,
    /// What happens in it.
    pub scenario: Scenario,
}

impl Town {
    /// How the service is at an instant, and since when.
    fn at(&self, at: Timestamp) -> &Moment {
        let begin = Timestamp::from_millis(BEGIN_MS);
        let now = self.scenario.after.iter().rev();
        let mut now = now.filter(|moment| at >= begin.plus(moment.at));
        let deployed = at >= begin;
        now.next()
            .filter(|_| deployed)
            .unwrap_or(&self.scenario.before)
    }

    fn now(&self) -> &Moment {
        self.at(self.time.now())
    }

    fn answered(&self, call: &str) -> Result<(), CloudError> {
        if self.now().cloudwatch {
            return Ok(());
        }
        Err(CloudError {
            call: call.to_owned(),
            why: Why::new(Kind::Provider, "simulated outage"),
        })
    }

    /// What a series counts in a minute; fractions add up from minute to minute, so that none is lost.
    fn count(&self, series: &Series, minute: Timestamp) -> Option<f64> {
        let moment = self.at(minute);
        let since = Timestamp::from_millis(BEGIN_MS).plus(moment.at);
        let minutes = minute.since(since).as_secs_f64() / 60.0;
        let errors = (moment.errors + moment.leak * minutes).clamp(0.0, 1.0);
        let per_minute = match series {
            Series::Lambda { count, .. } => match count {
                LambdaCount::Invocations | LambdaCount::Timed => moment.requests,
                LambdaCount::Errors => moment.requests * errors,
                LambdaCount::SlowerThan(_) => moment.requests * moment.slow,
                LambdaCount::Throttles => 0.0,
            },
            Series::Api { count, .. } => match count {
                ApiCount::Requests | ApiCount::Timed => moment.requests,
                ApiCount::Errors5xx => moment.requests * errors,
                ApiCount::SlowerThan(_) => moment.requests * moment.slow,
            },
            Series::Expression { .. } => moment.requests * errors,
        };
        let number = (minute.millis() / 60_000) as f64;
        let count = ((number + 1.0) * per_minute).floor() - (number * per_minute).floor();
        (count > 0.0).then_some(count)
    }
}

#[async_trait]
impl Metrics for Town {
    async fn series(
        &self,
        wanted: &[Series],
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<Reading<Buckets>>, CloudError> {
        self.answered("cloudwatch:GetMetricData")?;
        let read = |series: &Series| {
            let mut values = Vec::new();
            let mut minute = from;
            while minute < to {
                values.extend(self.count(series, minute).map(|value| (minute, value)));
                minute = minute.plus(MINUTE);
            }
            let mut buckets = Buckets::default();
            buckets.add(series, from, to, values);
            Reading::Known(buckets)
        };
        Ok(wanted.iter().map(read).collect())
    }

    async fn alarms(
        &self,
        names: &[String],
        _: Option<&str>,
    ) -> Result<Vec<AlarmSeen>, CloudError> {
        self.answered("cloudwatch:DescribeAlarms")?;
        let moment = self.now();
        let seen = |name: &String, state| AlarmSeen {
            name: name.clone(),
            state,
            since: Some(Timestamp::from_millis(BEGIN_MS).plus(moment.at)),
        };
        let firing = moment
            .alarms
            .iter()
            .map(|name| seen(name, AlarmState::Alarm));
        let quiet = names.iter().filter(|name| !moment.alarms.contains(name));
        Ok(firing
            .chain(quiet.map(|name| seen(name, AlarmState::Ok)))
            .collect())
    }

    async fn existing(&self, _: &str, _: Option<&str>) -> Result<Vec<String>, CloudError> {
        self.answered("cloudwatch:ListMetrics")?;
        Ok(Vec::new())
    }
}

#[async_trait]
impl Functions for Town {
    async fn all(&self) -> Result<Vec<String>, CloudError> {
        let named = self.scenario.gates.lambda.iter();
        let mut all: Vec<String> = named
            .flat_map(|gate| gate.functions.iter())
            .map(|name| name.replace('*', ""))
            .collect();
        if all.is_empty() {
            all.push(FUNCTION.to_owned());
        }
        Ok(all)
    }

    async fn of_stack(&self, _: &str) -> Result<Vec<String>, CloudError> {
        self.all().await
    }
}

#[async_trait]
impl Logs for Town {
    async fn matches(
        &self,
        _: &[String],
        _: &str,
        _: Timestamp,
        _: Timestamp,
    ) -> Result<u64, CloudError> {
        self.answered("logs:StartQuery")?;
        Ok(0)
    }
}

#[async_trait]
impl Stacks for Town {
    async fn describe(&self, name: &str) -> Result<Stack, CloudError> {
        Ok(Stack {
            seen: crate::core::journal::StackSeen {
                name: name.to_owned(),
                status: Some("UPDATE_COMPLETE".to_owned()),
                updated: Some(Timestamp::from_millis(BEGIN_MS)),
            },
            outputs: BTreeMap::new(),
        })
    }
}

#[async_trait]
impl Prober for Town {
    async fn probe(&self, request: &ProbeRequest) -> Probe {
        let (at, moment) = (self.time.now(), self.now());
        let took = if moment.http == 0 {
            Duration::from_secs(5)
        } else {
            moment.latency
        };
        self.time.sleep(took).await;
        let outcome = if moment.http == 0 {
            Err((NetFault::Timeout, "no answer".to_owned()))
        } else {
            Ok(Answer {
                status: moment.http,
                json: request
                    .json_pointers
                    .iter()
                    .map(|pointer| (pointer.clone(), String::new()))
                    .collect(),
                headers: BTreeMap::new(),
                texts_found: Vec::new(),
                body_cut: false,
            })
        };
        Probe { at, took, outcome }
    }
}

#[async_trait]
impl crate::ports::Saver for Town {
    async fn capture(
        &self,
        _scope: &crate::core::state::Scope,
    ) -> Result<crate::core::state::SavedState, CloudError> {
        // A scenario is judged, not restored: nothing of it can be saved.
        Err(CloudError {
            call: "simulate".to_owned(),
            why: Why::new(Kind::NotFound, "a scenario has nothing to save"),
        })
    }
}
