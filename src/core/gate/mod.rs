//! Gates: what each wants to see, and what it finds; one file a kind. Knows no provider.

pub mod alarms;
pub mod api_gateway;
pub mod http;
pub mod lambda;
pub mod logs;
pub mod metric;
pub mod rate;
pub mod series;
pub mod table;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::core::observation::Why;
use crate::core::reason::ReasonCode;
use crate::core::record::{DeploymentType, Verdict, words};

words! {
    /// The kinds of gate, as tables and JSON name them.
    GateKind {
        /// Probes of URLs.
        Http = "http",
        /// Lambda metrics.
        Lambda = "lambda",
        /// API Gateway metrics.
        ApiGateway = "api_gateway",
        /// CloudWatch alarms.
        Alarms = "alarms",
        /// Any CloudWatch expression.
        Metric = "metric",
        /// A Logs Insights query.
        Logs = "logs",
        /// CloudFormation status.
        Stack = "stack",
    }
}

words! {
    /// How error rates are judged.
    Mode {
        /// Anytime-valid sequential test.
        Sequential = "sequential",
        /// Fixed bound, M of N minutes.
        Threshold = "threshold",
    }
}

words! {
    /// What follows when neither side is proven at the deadline.
    OnInconclusive {
        /// Alert, leave it, exit 5.
        Hold = "hold",
        /// Treat it as degraded.
        Rollback = "rollback",
        /// Let it pass with a warning.
        Pass = "pass",
    }
}

words! {
    /// What it means that the requests themselves are gone.
    OnTrafficVanished {
        /// Nothing is proven: it is unknown whether the service is well.
        Inconclusive = "inconclusive",
        /// The deployment broke the way to the service.
        Degraded = "degraded",
    }
}

/// The `gates` part of an environment's configuration, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct GateSettings {
    /// How long the job watches.
    pub window: Duration,
    /// How long the keeper goes on after that.
    pub bake: Duration,
    /// Pause between looks.
    pub interval: Duration,
    /// Share of healthy deployments that may be rolled back wrongly, as a fraction.
    pub false_rollback: f64,
    /// End the watch as soon as every gate is certified.
    pub early_pass: bool,
    /// How error rates are judged.
    pub mode: Mode,
    /// Minutes above its bound, of the newest [`Self::of_minutes`] with requests, that fail a gate in threshold mode.
    pub failing_minutes: u32,
    /// See [`Self::failing_minutes`].
    pub of_minutes: u32,
    /// What an unproven end means.
    pub on_inconclusive: OnInconclusive,
    /// What vanished requests mean in sequential mode.
    pub traffic_vanished: OnTrafficVanished,
    /// Age at which a metric bucket counts as complete.
    pub data_lag: Duration,
    /// HTTP gates.
    pub http: Vec<http::HttpGate>,
    /// Lambda gate.
    pub lambda: Option<LambdaGate>,
    /// API Gateway gates.
    pub api_gateway: Vec<ApiGatewayGate>,
    /// Alarms gate.
    pub alarms: Option<AlarmsGate>,
    /// Metric gates.
    pub metric: Vec<MetricGate>,
    /// Logs gates.
    pub logs: Vec<LogsGate>,
    /// CloudFormation status of the environment's stacks.
    pub stack: bool,
}

/// Names of functions, or patterns with `*`; empty means every function of the stacks.
#[derive(Debug, Clone, PartialEq)]
pub struct LambdaGate {
    /// Names or patterns.
    pub functions: Vec<String>,
    /// Bound of Errors/Invocations, as a fraction.
    pub max_error_rate: f64,
    /// Bound that 95 % of the invocations must stay under.
    pub p95: Option<Duration>,
    /// Bound that 99 % of the invocations must stay under.
    pub p99: Option<Duration>,
    /// Bound of Throttles/(Invocations + Throttles), as a fraction.
    pub max_throttle_rate: Option<f64>,
}

/// One API, REST (`name`) or HTTP (`id`).
#[derive(Debug, Clone, PartialEq)]
pub struct ApiGatewayGate {
    /// Name of a REST API, or id of an HTTP API.
    pub api: ApiName,
    /// Stage, where one is named.
    pub stage: Option<String>,
    /// Bound of 5XX/Count, as a fraction.
    pub max_5xx_rate: f64,
    /// Bound that 95 % of the requests must stay under.
    pub p95: Option<Duration>,
    /// Bound that 99 % of the requests must stay under.
    pub p99: Option<Duration>,
}

/// How CloudWatch names an API.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApiName {
    /// REST API: dimension `ApiName`.
    Rest(String),
    /// HTTP API: dimension `ApiId`.
    Http(String),
}

/// Alarms that must not be in ALARM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlarmsGate {
    /// By name.
    pub names: Vec<String>,
    /// By prefix.
    pub prefix: Option<String>,
}

/// A CloudWatch expression against a bound.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricGate {
    /// Shown name.
    pub name: String,
    /// Metric Math or a SEARCH.
    pub expression: String,
    /// Highest allowed sum over the watch.
    pub max: Option<f64>,
    /// Lowest allowed value.
    pub min: Option<f64>,
}

/// A Logs Insights query and how many matches it may have.
#[derive(Debug, Clone, PartialEq)]
pub struct LogsGate {
    /// Shown name.
    pub name: String,
    /// Names or patterns of log groups.
    pub groups: Vec<String>,
    /// The query's filter part.
    pub query: String,
    /// Highest allowed number of matches.
    pub max: u64,
}

impl GateSettings {
    /// How long the job watches a deployment of this type: a hotfix is in a hurry, so what comes after the longest
    /// warm-up is halved. The keeper watches on as long as ever.
    #[must_use]
    pub fn window_of(&self, kind: DeploymentType) -> Duration {
        match kind {
            DeploymentType::Deploy | DeploymentType::Rollback => self.window,
            DeploymentType::Hotfix => {
                let warmup = self.http.iter().map(|g| g.warmup).max().unwrap_or_default();
                let warmup = warmup.min(self.window);
                warmup + (self.window - warmup) / 2
            }
        }
    }

    /// True where no gate is configured.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.http.is_empty()
            && self.lambda.is_none()
            && self.api_gateway.is_empty()
            && self.alarms.is_none()
            && self.metric.is_empty()
            && self.logs.is_empty()
            && !self.stack
    }
}

/// Counts that a finding rests on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Counted {
    /// Requests, probes or invocations seen.
    pub requests: u64,
    /// Of these, failed.
    pub errors: u64,
    /// Interval of the rate, 95 % Wilson, as fractions.
    pub interval: (f64, f64),
}

/// What one gate found: what was seen, against what, how sure, and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// The gate's shown name.
    pub gate: String,
    /// Its kind.
    pub kind: GateKind,
    /// What it says so far.
    pub verdict: Verdict,
    /// Why.
    pub reason: ReasonCode,
    /// Too little traffic for a pass: can fail the deployment, not hold it.
    pub thin: bool,
    /// Shown to be well, not only not shown to be bad.
    pub certified: bool,
    /// What was counted, where something is.
    pub counted: Option<Counted>,
    /// The absolute bound that applied, as a fraction, where there is one.
    pub bound: Option<f64>,
    /// The bound from the service's own baseline, as a fraction, where there is one.
    pub baseline_bound: Option<f64>,
    /// What was counted in the baseline, where something was.
    #[serde(default)]
    pub before: Option<Counted>,
    /// Newest minutes, one after another, that could not be observed.
    #[serde(default)]
    pub unseen_minutes: u64,
    /// Chance of a wrong failing verdict that this gate may take, as a fraction, where it is tested for one.
    #[serde(default)]
    pub alpha: Option<f64>,
    /// Share of the evidence that a failing verdict needs, 0 to 1.
    pub evidence: f64,
    /// Share of the evidence that a passing verdict needs, 0 to 1.
    pub pass_evidence: f64,
    /// What the gate saw last, in fields; the sentence is made by `i18n`.
    pub seen: Seen,
}

impl Finding {
    /// Of a gate that has seen nothing.
    #[must_use]
    pub fn blank(gate: &str, kind: GateKind) -> Self {
        Self {
            gate: gate.to_owned(),
            kind,
            verdict: Verdict::Inconclusive,
            reason: ReasonCode::NoData,
            thin: false,
            certified: false,
            counted: None,
            bound: None,
            baseline_bound: None,
            before: None,
            unseen_minutes: 0,
            alpha: None,
            evidence: 0.0,
            pass_evidence: 0.0,
            seen: Seen::Nothing,
        }
    }
}

/// What a gate saw last.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Seen {
    /// Nothing yet.
    Nothing,
    /// An HTTP probe's last answer and the failures among all of them.
    Http {
        /// The last status code, if there was an answer.
        status: Option<u16>,
        /// What was wrong with the last failing probe, if any failed.
        problem: Option<http::Problem>,
        /// Milliseconds of the last answer.
        took_ms: u64,
        /// Failures in a row at the end.
        failures_in_a_row: u32,
        /// How long probing again confirmed the failure, milliseconds; `None` = not confirmed.
        #[serde(default)]
        confirmed_ms: Option<u64>,
    },
    /// A metric's value.
    Value {
        /// The value.
        value: f64,
    },
    /// A count of items by name, such as alarms that fire.
    Names {
        /// The names.
        names: Vec<String>,
    },
    /// A text such as a stack's status.
    Text {
        /// The text, from outside.
        text: String,
    },
    /// It could not be observed.
    Unknown {
        /// Why.
        why: Why,
    },
    /// Counts of requests and failed ones, in [`Finding::counted`].
    Counts,
    /// Counts of requests and slow ones, in [`Finding::counted`].
    Slow,
    /// Counts of requests and refused ones, in [`Finding::counted`].
    Throttled,
}
