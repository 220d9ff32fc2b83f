//! From the raw file to settings of `core`: fills in defaults and texts, finds what does not fit together. Knows no YAML.

mod context;
mod gates;
mod http;
mod people;
mod policy;

use std::collections::BTreeMap;
use std::time::Duration;

pub use http::http_gate;

use crate::config::problem::{Problems, join};
use crate::config::raw::{RawEnvironment, RawFile, RawGates};
use crate::config::scalar::shown;
use crate::config::settings::{EnvironmentSettings, HistorySettings, Store};
use crate::config::template::{Lookup, Spot};
use crate::core::gate::GateSettings;
use crate::core::id::{EnvironmentName, ServiceName};
use crate::i18n::config::{Form, ProblemKind};
use context::Context;

/// Default history table (PRODUCT section 3).
const TABLE: &str = "deployment-history-{environment}";
/// Default SQLite file.
const PATH: &str = ".deploy-guard/history.db";
/// Default CloudWatch namespace.
const NAMESPACE: &str = "DeployGuard";
const DAY: Duration = Duration::from_secs(86_400);

/// Finds everything that does not fit together, in every environment, variables left open.
pub(super) fn file(raw: &RawFile, problems: &mut Problems) {
    if raw.version.is_none() {
        problems.push_missing("version", ProblemKind::Missing);
    }
    names(raw, problems);
    let placeholder = EnvironmentName::new("default").ok();
    match (raw.environments.is_empty(), placeholder) {
        // The settings outside environments are looked at in any case.
        (true, Some(name)) => drop(environment(
            raw,
            &name,
            &RawEnvironment::default(),
            None,
            problems,
        )),
        (_, _) => {
            for (name, one) in &raw.environments {
                if let Ok(name) = EnvironmentName::new(name.as_str()) {
                    drop(environment(raw, &name, one, None, problems));
                }
            }
        }
    }
}

/// Gates that stand alone, as if there were stacks whose outputs and functions they might name.
pub(super) fn scenario_gates(raw: Option<&RawGates>, problems: &mut Problems) -> GateSettings {
    gates::gates(&mut Context::new(problems, None, None), "gates", raw, false)
}

/// Names and aliases: their form, and that each names one environment.
fn names(raw: &RawFile, problems: &mut Problems) {
    let mut taken: BTreeMap<&str, &str> = raw
        .environments
        .keys()
        .map(|n| (n.as_str(), n.as_str()))
        .collect();
    for (name, environment) in &raw.environments {
        let path = join("environments", name);
        let mut context = Context::new(problems, None, None);
        context.fits(&path, Form::EnvironmentName, name);
        for (n, alias) in environment.aliases.iter().enumerate() {
            let path = format!("{path}.aliases[{n}]");
            if !Context::new(problems, None, None).fits(&path, Form::EnvironmentName, alias) {
                continue;
            }
            match taken.get(alias.as_str()) {
                None => drop(taken.insert(alias, name)),
                Some(by) => {
                    let kind = ProblemKind::NameTaken {
                        name: shown(alias),
                        by: (*by).to_owned(),
                    };
                    problems.push(&path, kind);
                }
            }
        }
    }
}

/// Settings of one environment; `None` where something that has no default is wrong.
pub(super) fn environment(
    file: &RawFile,
    name: &EnvironmentName,
    raw: &RawEnvironment,
    lookup: Option<Lookup<'_>>,
    problems: &mut Problems,
) -> Option<EnvironmentSettings> {
    let path = join("environments", name.as_str());
    let at = |key: &str| join(&path, key);
    let mut context = Context::new(problems, Some(name), lookup);
    let c = &mut context;
    let stacks = stacks(c, &path, raw);
    let own_region = c.formed(
        &at("region"),
        raw.region.as_ref(),
        Form::Region,
        Spot::Plain,
    );
    let file_region = c.formed("region", file.region.as_ref(), Form::Region, Spot::Plain);
    let github = c.formed(
        &at("github_environment"),
        raw.github_environment.as_ref(),
        Form::NotEmpty,
        Spot::Plain,
    );
    let role_to_assume = c.formed(
        &at("role_to_assume"),
        raw.role_to_assume.as_ref(),
        Form::RoleArn,
        Spot::Plain,
    );
    let service = c.formed(
        "service",
        file.service.as_ref(),
        Form::ServiceName,
        Spot::Plain,
    );
    let policy = policy::policy(c, &path, raw);
    let gates = gates::gates(c, &at("gates"), raw.gates.as_ref(), stacks.is_empty());
    let rollback = people::rollback(c, &at("rollback"), raw.rollback.as_ref(), stacks.is_empty());
    let alerts = people::alerts(c, &at("alerts"), raw.alerts.as_ref());
    let history = history(c, file);
    let metrics = file.metrics.as_ref();
    let namespace = c.formed(
        "metrics.namespace",
        metrics.and_then(|m| m.namespace.as_ref()),
        Form::Namespace,
        Spot::Plain,
    );
    Some(EnvironmentSettings {
        name: name.clone(),
        aliases: raw
            .aliases
            .iter()
            .filter_map(|alias| EnvironmentName::new(alias.as_str()).ok())
            .collect(),
        production: raw.production.unwrap_or(false),
        github_environment_named: github.is_some(),
        github_environment: github.unwrap_or_else(|| name.to_string()),
        stacks,
        role_to_assume,
        region: own_region.or(file_region),
        policy,
        gates,
        rollback: rollback?,
        alerts,
        service: service.and_then(|text| ServiceName::new(text).ok()),
        locale: file.locale,
        history,
        metrics_namespace: namespace.unwrap_or_else(|| NAMESPACE.to_owned()),
    })
}

fn stacks(c: &mut Context<'_>, path: &str, raw: &RawEnvironment) -> Vec<String> {
    let one = c.formed(
        &join(path, "stack"),
        raw.stack.as_ref(),
        Form::StackName,
        Spot::Plain,
    );
    let many = c.list(
        &join(path, "stacks"),
        raw.stacks.as_deref(),
        Form::StackName,
        Spot::Plain,
    );
    if raw.stack.is_some() && raw.stacks.is_some() {
        c.problems.push(
            &join(path, "stack"),
            ProblemKind::Exclusive {
                other: "stacks".to_owned(),
            },
        );
    }
    many.into_iter().chain(one).collect()
}

fn history(c: &mut Context<'_>, file: &RawFile) -> HistorySettings {
    let raw = file.history.clone().unwrap_or_default();
    let default = TABLE.to_owned();
    let table = c.formed(
        "history.table",
        Some(raw.table.as_ref().unwrap_or(&default)),
        Form::TableName,
        Spot::Plain,
    );
    let path = c.formed(
        "history.path",
        raw.path.as_ref(),
        Form::NotEmpty,
        Spot::Plain,
    );
    HistorySettings {
        store: raw.store.unwrap_or(Store::Dynamodb),
        explicitly_named: raw.store.is_some(),
        table: table.unwrap_or_default(),
        path: path.unwrap_or_else(|| PATH.to_owned()),
        retention: c.duration("history.retention", raw.retention, DAY * 90, DAY),
    }
}
