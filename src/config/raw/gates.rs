//! The gates as they are written; does not know which values make sense together.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::config::raw::{RawDuration, RawRate, RawScalar, Word};
use crate::core::gate::http::HttpMode;
use crate::core::gate::{Mode, OnInconclusive, OnTrafficVanished};

/// What is watched after a deployment, and how. Only gates that stand here run.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Gates")]
pub struct RawGates {
    /// How long the job watches. Default: `10m`; at least `5s`.
    pub window: Option<RawDuration>,
    /// How long the keeper goes on. Default: `30m`; at least `5s`.
    pub bake: Option<RawDuration>,
    /// Pause between looks; no longer than `window`. Default: `10s`, less for a watch under 50 s; at least `1s`.
    pub interval: Option<RawDuration>,
    /// Share of healthy deployments that may be rolled back wrongly, all gates together. Default: `1%`; at most `50%`.
    pub false_rollback: Option<RawRate>,
    /// End the watch as soon as every gate is certified. Default: `false`.
    pub early_pass: Option<bool>,
    /// How error rates are judged: by a sequential test or by a fixed threshold. Default: `sequential`.
    #[schemars(with = "Option<Word<Mode>>")]
    pub mode: Option<Mode>,
    /// With `mode: threshold`: minutes above the bound that fail a gate. Default: `2`; at most `of_minutes`.
    #[schemars(range(min = 1, max = 60))]
    pub failing_minutes: Option<u32>,
    /// With `mode: threshold`: the newest minutes with requests that `failing_minutes` is counted among. Default: `3`, or
    /// `failing_minutes` where that is more.
    #[schemars(range(min = 1, max = 60))]
    pub of_minutes: Option<u32>,
    /// What it means when requests stop coming, where enough were expected. Default: `inconclusive`.
    #[schemars(with = "Option<Word<OnTrafficVanished>>")]
    pub traffic_vanished: Option<OnTrafficVanished>,
    /// What follows when neither side is proven. Default: `hold` (alert, leave it, exit 5).
    #[schemars(with = "Option<Word<OnInconclusive>>")]
    pub on_inconclusive: Option<OnInconclusive>,
    /// Age at which a metric's bucket counts as complete. Default: `120s`.
    pub data_lag: Option<RawDuration>,
    /// Probes of URLs.
    #[serde(default)]
    pub http: Vec<RawHttp>,
    /// Lambda metrics; `{}` watches every function of the stacks.
    pub lambda: Option<RawLambda>,
    /// API Gateway metrics.
    #[serde(default)]
    pub api_gateway: Vec<RawApi>,
    /// CloudWatch alarms that must not be in ALARM.
    pub alarms: Option<RawAlarms>,
    /// CloudWatch expressions against a bound.
    #[serde(default)]
    pub metric: Vec<RawMetric>,
    /// Logs Insights queries and how many matches they may have.
    #[serde(default)]
    pub logs: Vec<RawLogs>,
    /// CloudFormation status of the stacks. Default: `false`.
    pub stack: Option<bool>,
}

/// One HTTP gate.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "HttpGate")]
pub struct RawHttp {
    /// Shown name. Default: `http`, `http-2`, … by position.
    pub name: Option<String>,
    /// Absolute URL; plain `http` only to this machine.
    #[schemars(required)]
    pub url: Option<String>,
    /// Request headers.
    #[serde(default)]
    pub headers: BTreeMap<String, RawScalar>,
    /// Wanted status. Default: any of 200 to 299.
    #[schemars(range(min = 100, max = 599))]
    pub status: Option<u16>,
    /// JSON pointer into the answer → wanted value.
    #[serde(default)]
    #[schemars(extend("propertyNames" = json!({ "pattern": "^/" })))]
    pub json: BTreeMap<String, RawScalar>,
    /// Response header → wanted value.
    #[serde(default)]
    pub header: BTreeMap<String, RawScalar>,
    /// Text that the answer's first 64 KiB must hold.
    pub body: Option<String>,
    /// Where the deployed version can be read.
    pub version: Option<RawVersion>,
    /// Bound for one probe. Default: `5s`; at least `1ms`.
    pub timeout: Option<RawDuration>,
    /// Slower answers fail.
    pub max_latency: Option<RawDuration>,
    /// Failures in a row that start the confirmation. Default: 2.
    #[schemars(range(min = 1, max = 100))]
    pub consecutive_failures: Option<u32>,
    /// How long the confirmation probes, once a second; `0s` = none. Default: `10s`.
    pub confirm: Option<RawDuration>,
    /// Failures this soon after the deployment do not count; shorter than `window`.
    /// Default: `20s`, but at most half of `window`.
    pub warmup: Option<RawDuration>,
    /// Successes in a row that count as up. Default: 2.
    #[schemars(range(min = 1, max = 100))]
    pub consecutive_successes: Option<u32>,
    /// Follow redirects. Default: `false`.
    pub follow_redirects: Option<bool>,
    /// How failures become a verdict. Default: `consecutive`.
    #[schemars(with = "Option<Word<HttpMode>>")]
    pub mode: Option<HttpMode>,
}

/// Where the deployed version can be read: in the body (`json`) or in a header.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Version")]
pub struct RawVersion {
    /// JSON pointer such as `/version`.
    pub json: Option<String>,
    /// Response header such as `x-version`.
    pub header: Option<String>,
    /// What it must be; `{ref}` is the deployed commit. Default: `{ref}`.
    pub equals: Option<RawScalar>,
}

/// The Lambda gate.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "LambdaGate")]
pub struct RawLambda {
    /// Names of functions, or patterns with `*`. Default: every function of the stacks.
    pub functions: Option<Vec<String>>,
    /// Bound of Errors/Invocations. Default: `5%`.
    pub max_error_rate: Option<RawRate>,
    /// Bound that 95 % of the invocations must stay under.
    pub p95: Option<RawDuration>,
    /// Bound that 99 % of the invocations must stay under.
    pub p99: Option<RawDuration>,
    /// Bound of Throttles/(Invocations + Throttles).
    pub max_throttle_rate: Option<RawRate>,
}

/// One API: a REST API by `name`, or an HTTP API by `id`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ApiGatewayGate")]
pub struct RawApi {
    /// Name of a REST API.
    pub name: Option<String>,
    /// Id of an HTTP API.
    pub id: Option<String>,
    /// Stage. Default: all stages together.
    pub stage: Option<String>,
    /// Bound of 5XX/Count. Default: `10%`.
    pub max_5xx_rate: Option<RawRate>,
    /// Bound that 95 % of the requests must stay under.
    pub p95: Option<RawDuration>,
    /// Bound that 99 % of the requests must stay under.
    pub p99: Option<RawDuration>,
}

/// Alarms that must not be in ALARM: by `names`, by `prefix`, or both.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "AlarmsGate")]
pub struct RawAlarms {
    /// By name.
    pub names: Option<Vec<String>>,
    /// By prefix.
    pub prefix: Option<String>,
}

/// A CloudWatch expression against a bound.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "MetricGate")]
pub struct RawMetric {
    /// Shown name. Default: `metric`, `metric-2`, … by position.
    pub name: Option<String>,
    /// Metric math or a SEARCH.
    #[schemars(required)]
    pub expression: Option<String>,
    /// Highest allowed sum over the watch.
    pub max: Option<f64>,
    /// Lowest allowed value.
    pub min: Option<f64>,
}

/// A Logs Insights query and how many matches it may have.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "LogsGate")]
pub struct RawLogs {
    /// Shown name. Default: `logs`, `logs-2`, … by position.
    pub name: Option<String>,
    /// Names of log groups, or patterns with `*`.
    #[schemars(required, length(min = 1))]
    pub groups: Option<Vec<String>>,
    /// The query's filter part.
    #[schemars(required)]
    pub query: Option<String>,
    /// Highest allowed number of matches. Default: 0.
    pub max: Option<u64>,
}
