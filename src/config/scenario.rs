//! A scenario for `simulate`: gates as in the configuration, and what traffic, errors, latency and outages do over
//! time. Knows no engine.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::problem::Problem;
use crate::config::raw::{RawDuration, RawGates, RawRate, Word};
use crate::config::scalar::shown;
use crate::config::{checked, schema, walked};
use crate::core::gate::GateSettings;
use crate::core::record::Verdict;
use crate::i18n::config::ProblemKind;

/// The file as it is written.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawScenario {
    /// What it shows, for people.
    about: Option<String>,
    /// As in `deploy-guard.yml`.
    #[schemars(required)]
    gates: Option<RawGates>,
    /// The service before the deployment.
    before: Option<RawMoment>,
    /// The service since the deployment; each entry holds until the next, and takes over what it does not say.
    #[serde(default)]
    after: Vec<RawMoment>,
    /// The verdict that it must come to.
    #[schemars(with = "Option<Word<Verdict>>")]
    expect: Option<Verdict>,
}

/// How the service is from one moment on.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawMoment {
    /// Time since the deployment. Default: `0s`.
    at: Option<RawDuration>,
    /// Requests a minute, of each function and API. Default: 300.
    #[schemars(range(min = 0))]
    requests: Option<f64>,
    /// Share of them that fails. Default: `0%`.
    errors: Option<RawRate>,
    /// By how much that share grows every minute. Default: `0%`.
    leak: Option<RawRate>,
    /// Share of them that is slower than the bound. Default: `0%`.
    slow: Option<RawRate>,
    /// Status that URLs answer with; 0 = no answer. Default: 200.
    #[schemars(range(min = 0, max = 599))]
    http: Option<u16>,
    /// How long that answer takes. Default: `20ms`.
    latency: Option<RawDuration>,
    /// CloudWatch answers. Default: `true`.
    cloudwatch: Option<bool>,
    /// Names of the alarms that fire.
    alarms: Option<Vec<String>>,
}

/// A scenario, checked and filled in.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    /// What it shows, for people; from outside.
    pub about: Option<String>,
    /// Gates.
    pub gates: GateSettings,
    /// The service before the deployment.
    pub before: Moment,
    /// The service since then, in order.
    pub after: Vec<Moment>,
    /// The verdict that it must come to.
    pub expect: Option<Verdict>,
}

/// How the service is from one moment on.
#[derive(Debug, Clone, PartialEq)]
pub struct Moment {
    /// Time since the deployment.
    pub at: Duration,
    /// Requests a minute.
    pub requests: f64,
    /// Share that fails.
    pub errors: f64,
    /// Growth of that share a minute.
    pub leak: f64,
    /// Share that is slow.
    pub slow: f64,
    /// Status of URLs; 0 = no answer.
    pub http: u16,
    /// How long an answer takes.
    pub latency: Duration,
    /// CloudWatch answers.
    pub cloudwatch: bool,
    /// Alarms that fire.
    pub alarms: Vec<String>,
}

impl Moment {
    fn usual() -> Self {
        Self {
            at: Duration::ZERO,
            requests: 300.0,
            errors: 0.0,
            leak: 0.0,
            slow: 0.0,
            http: 200,
            latency: Duration::from_millis(20),
            cloudwatch: true,
            alarms: Vec::new(),
        }
    }

    fn then(&self, raw: &RawMoment) -> Self {
        let rate = |raw: Option<RawRate>, now: f64| raw.map_or(now, |rate| rate.0);
        Self {
            at: raw.at.map_or(self.at, |at| at.0),
            requests: raw.requests.unwrap_or(self.requests),
            errors: rate(raw.errors, self.errors),
            leak: rate(raw.leak, self.leak),
            slow: rate(raw.slow, self.slow),
            http: raw.http.unwrap_or(self.http),
            latency: raw.latency.map_or(self.latency, |latency| latency.0),
            cloudwatch: raw.cloudwatch.unwrap_or(self.cloudwatch),
            alarms: raw.alarms.clone().unwrap_or_else(|| self.alarms.clone()),
        }
    }
}

/// Reads a scenario; `file_name` is what messages call it.
///
/// # Errors
/// Everything that is wrong, in the order of the file.
pub fn scenario(file_name: &str, text: &str) -> Result<Scenario, Vec<Problem>> {
    let (kept, mut problems) = walked(file_name, text, schema::scenario_schema())?;
    let raw: RawScenario = match serde_yaml::from_value(kept) {
        Ok(raw) => raw,
        Err(error) => {
            let detail = shown(&error.to_string());
            problems.push("", ProblemKind::Syntax { detail });
            return Err(problems.finish());
        }
    };
    let gates = checked::scenario_gates(raw.gates.as_ref(), &mut problems);
    if gates.is_empty() {
        problems.push_missing("gates", ProblemKind::Missing);
    }
    let problems = problems.finish();
    if !problems.is_empty() {
        return Err(problems);
    }
    let before = Moment::usual().then(&raw.before.unwrap_or_default());
    let mut after = Vec::new();
    let mut last = before.clone();
    for one in &raw.after {
        last = last.then(one);
        after.push(last.clone());
    }
    after.sort_by_key(|moment| moment.at);
    Ok(Scenario {
        about: raw.about,
        gates,
        before,
        after,
        expect: raw.expect,
    })
}
