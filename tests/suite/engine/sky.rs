//! CloudWatch of the stories: what each version's traffic looks like minute by minute, who refuses and when nothing
//! answers. Knows no engine.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use deploy_guard::core::gate::alarms::AlarmSeen;
use deploy_guard::core::gate::series::{Buckets, LambdaCount, MINUTE, Series};
use deploy_guard::core::observation::{Kind, Reading, Why};
use deploy_guard::core::time::Timestamp;
use deploy_guard::engine::Cloud;
use deploy_guard::ports::{Clock, CloudError, Functions, Logs, Metrics};

use super::calls::Calls;
use super::time::{Time, lock};

/// The value of a series in a minute, by its number since the epoch, while a version serves.
pub type Traffic = Box<dyn Fn(&Series, u32, i64) -> Option<f64> + Send + Sync>;

/// What CloudWatch would say.
pub struct Sky {
    time: Arc<Time>,
    /// Which version has served since when.
    pub served: Mutex<BTreeMap<Timestamp, u32>>,
    pub traffic: Mutex<Traffic>,
    /// Part of a series' words → it alone is refused.
    pub refused: Mutex<Option<&'static str>>,
    /// Nothing is answered between these times of the story.
    pub outages: Mutex<Vec<(Duration, Duration)>>,
    pub alarms: Mutex<Vec<AlarmSeen>>,
    pub functions: Mutex<Vec<String>>,
    pub metrics: Mutex<Vec<String>>,
}

impl Sky {
    pub fn new(time: Arc<Time>) -> Self {
        Self {
            served: Mutex::new(BTreeMap::from([(Timestamp::from_millis(0), 1)])),
            time,
            traffic: Mutex::new(Box::new(|_, _, _| None)),
            refused: Mutex::default(),
            outages: Mutex::default(),
            alarms: Mutex::default(),
            functions: Mutex::default(),
            metrics: Mutex::default(),
        }
    }

    /// From now on this version serves.
    pub fn serves(&self, version: u32) {
        lock(&self.served).insert(self.time.now(), version);
    }

    pub fn traffic(&self, of: impl Fn(&Series, u32, i64) -> Option<f64> + Send + Sync + 'static) {
        *lock(&self.traffic) = Box::new(of);
    }

    fn dark(&self) -> bool {
        let now = self.time.monotonic();
        lock(&self.outages)
            .iter()
            .any(|(from, to)| *from <= now && now < *to)
    }

    fn series(&self, series: &Series, from: Timestamp, to: Timestamp) -> Reading<Buckets> {
        let words = format!("{series:?}");
        if lock(&self.refused).is_some_and(|part| words.contains(part)) {
            return Reading::Unknown(Why::new(Kind::Denied, "cloudwatch:GetMetricData"));
        }
        let (served, traffic) = (lock(&self.served), lock(&self.traffic));
        let mut values = Vec::new();
        let (mut minute, now) = (from, self.time.now());
        while minute < to && minute < now {
            let version = served.range(..=minute).next_back().map_or(1, |(_, v)| *v);
            let value = traffic(series, version, minute.seconds() / 60);
            // A minute that is not over yet has only part of its requests.
            let over = (now.since(minute).as_secs_f64() / 60.0).min(1.0);
            values.extend(value.map(|v| (minute, (v * over).round())));
            minute = minute.plus(MINUTE);
        }
        let mut buckets = Buckets::default();
        buckets.add(series, from, to, values);
        Reading::Known(buckets)
    }
}

/// A function with so many requests a minute of which a share fails, by version.
pub fn function(series: &Series, name: &str, requests: f64, failing: f64) -> Option<f64> {
    match series {
        Series::Lambda { function, count } if function == name => match count {
            LambdaCount::Invocations | LambdaCount::Timed => Some(requests),
            LambdaCount::Errors if failing > 0.0 => Some((requests * failing).round()),
            LambdaCount::Errors | LambdaCount::Throttles | LambdaCount::SlowerThan(_) => None,
        },
        Series::Lambda { .. } | Series::Api { .. } | Series::Expression { .. } => None,
    }
}

/// One process's way to it.
#[derive(Clone)]
pub struct View {
    pub sky: Arc<Sky>,
    pub calls: Arc<Calls>,
}

impl View {
    pub fn cloud(&self) -> Cloud {
        Cloud {
            metrics: Arc::new(self.clone()),
            functions: Arc::new(self.clone()),
            logs: Arc::new(self.clone()),
        }
    }

    async fn ask<T: Send>(
        &self,
        name: &'static str,
        work: impl FnOnce(&Sky) -> T + Send,
    ) -> Result<T, CloudError> {
        let dark = |_| {
            Err(CloudError {
                call: name.to_owned(),
                why: Why::new(Kind::Provider, "InternalFailure"),
            })
        };
        let work = || {
            if self.sky.dark() {
                dark(false)
            } else {
                Ok(work(&self.sky))
            }
        };
        self.calls.pass(name, work, dark).await
    }
}

#[async_trait]
impl Metrics for View {
    async fn series(
        &self,
        wanted: &[Series],
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<Reading<Buckets>>, CloudError> {
        self.ask("series", |sky| {
            wanted.iter().map(|s| sky.series(s, from, to)).collect()
        })
        .await
    }

    async fn alarms(&self, _: &[String], _: Option<&str>) -> Result<Vec<AlarmSeen>, CloudError> {
        self.ask("alarms", |sky| lock(&sky.alarms).clone()).await
    }

    async fn existing(&self, _: &str, _: Option<&str>) -> Result<Vec<String>, CloudError> {
        self.ask("existing", |sky| lock(&sky.metrics).clone()).await
    }
}

#[async_trait]
impl Functions for View {
    async fn all(&self) -> Result<Vec<String>, CloudError> {
        self.ask("functions", |sky| lock(&sky.functions).clone())
            .await
    }

    async fn of_stack(&self, _: &str) -> Result<Vec<String>, CloudError> {
        self.all().await
    }
}

#[async_trait]
impl Logs for View {
    async fn matches(
        &self,
        _: &[String],
        _: &str,
        _: Timestamp,
        _: Timestamp,
    ) -> Result<u64, CloudError> {
        self.ask("matches", |_| 0).await
    }
}
