//! The configuration file as it is written, key by key: the one source of its keys, types and JSON Schema.
//! Does not know which values make sense together.
//!
//! The doc comments of this module and its children are the descriptions that editors show.

mod environment;
mod gates;
mod scalars;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

pub use environment::{
    RawAlerts, RawApproval, RawEnvironment, RawFreeze, RawRollback, RawRoute, RawWorkflow,
};
pub use gates::{RawAlarms, RawApi, RawGates, RawHttp, RawLambda, RawLogs, RawMetric, RawVersion};
pub use scalars::{RawDuration, RawRate, RawScalar, Word};

use crate::config::settings::Store;
use crate::i18n::Locale;

/// Configuration of deploy-guard, `.github/deploy-guard.yml`. Durations are written `30s`, `5m`, `2h`, rates `5%`;
/// text values may use `${env.NAME}` and `{environment}`, values of gates also `${stack.OutputKey}`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Configuration")]
pub struct RawFile {
    /// Version of this format: 1.
    #[schemars(required, range(min = 1, max = 1))]
    pub version: Option<u64>,
    /// Name of the service; several may share a history table. Default: the repository's name.
    pub service: Option<String>,
    /// Language of alerts, summary, annotations and command line. Default: `en`.
    #[schemars(with = "Option<Word<Locale>>")]
    pub locale: Option<Locale>,
    /// AWS region. Default: the usual AWS chain.
    pub region: Option<String>,
    /// Where deployments are recorded.
    pub history: Option<RawHistory>,
    /// CloudWatch custom metrics.
    pub metrics: Option<RawMetrics>,
    /// The environments by name. Without any, every name of letters, digits, `_` and `-` is accepted.
    #[serde(default)]
    #[schemars(extend("propertyNames" = json!({ "pattern": "^[A-Za-z0-9_-]{1,64}$" })))]
    pub environments: BTreeMap<String, RawEnvironment>,
}

/// Where deployments are recorded.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "History")]
pub struct RawHistory {
    /// The store. Default: `dynamodb`. Inside GitHub Actions `sqlite` must be named here and is refused in production.
    #[schemars(with = "Option<Word<Store>>")]
    pub store: Option<Store>,
    /// DynamoDB table. Default: `deployment-history-{environment}`.
    pub table: Option<String>,
    /// SQLite file. Default: `.deploy-guard/history.db`.
    pub path: Option<String>,
    /// How long records are kept. Default: `90d`; at least `1d`.
    pub retention: Option<RawDuration>,
}

/// CloudWatch custom metrics.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Metrics")]
pub struct RawMetrics {
    /// Namespace. Default: `DeployGuard`.
    pub namespace: Option<String>,
}
