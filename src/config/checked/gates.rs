//! Gates, from raw to settings: defaults, smallest values, and what each kind needs.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::config::checked::context::{Bounds, Context, MILLI, numbered, seconds};
use crate::config::checked::http;
use crate::config::problem::join;
use crate::config::raw::{RawAlarms, RawApi, RawGates, RawLambda, RawLogs, RawMetric, RawRate};
use crate::config::scalar::shown;
use crate::config::template::Spot;
use crate::core::gate::{
    AlarmsGate, ApiGatewayGate, ApiName, GateSettings, LambdaGate, LogsGate, MetricGate, Mode,
    OnInconclusive, OnTrafficVanished,
};
use crate::i18n::config::{Form, ProblemKind};

/// A bound of 100 % could never be passed.
const SHARE: Bounds = Bounds {
    most: 1.0,
    inclusive: false,
};
const FALSE_ROLLBACK: Bounds = Bounds {
    most: 0.5,
    inclusive: true,
};

pub(super) fn gates(
    c: &mut Context<'_>,
    path: &str,
    raw: Option<&RawGates>,
    no_stacks: bool,
) -> GateSettings {
    let raw = raw.cloned().unwrap_or_default();
    let at = |key: &str| join(path, key);
    c.uses_outputs = None;
    let window = c.duration(&at("window"), raw.window, seconds(600), seconds(5));
    // A short watch still looks several times.
    let often = (window / 5).clamp(seconds(1), seconds(10));
    let interval = c.duration(&at("interval"), raw.interval, often, seconds(1));
    if window < interval {
        let place = if raw.window.is_some() {
            at("window")
        } else {
            at("interval")
        };
        c.problems.push(
            &place,
            ProblemKind::WindowBelowInterval { window, interval },
        );
    }
    let failing_minutes = raw.failing_minutes.unwrap_or(2);
    let of_minutes = raw.of_minutes.unwrap_or(failing_minutes.max(3));
    if failing_minutes > of_minutes {
        c.problems.push(
            &at("failing_minutes"),
            ProblemKind::OutOfRange {
                found: failing_minutes.to_string(),
                least: "1".to_owned(),
                most: Some(of_minutes.to_string()),
            },
        );
    }
    let http = raw.http.iter().enumerate();
    let apis = raw.api_gateway.iter().enumerate();
    let metrics = raw.metric.iter().enumerate();
    let logs = raw.logs.iter().enumerate();
    let gates = GateSettings {
        window,
        bake: c.duration(&at("bake"), raw.bake, seconds(1800), seconds(5)),
        interval,
        false_rollback: c
            .rate(&at("false_rollback"), raw.false_rollback, FALSE_ROLLBACK)
            .unwrap_or(0.01),
        early_pass: raw.early_pass.unwrap_or(false),
        mode: raw.mode.unwrap_or(Mode::Sequential),
        failing_minutes,
        of_minutes,
        traffic_vanished: raw
            .traffic_vanished
            .unwrap_or(OnTrafficVanished::Inconclusive),
        on_inconclusive: raw.on_inconclusive.unwrap_or(OnInconclusive::Hold),
        data_lag: c.duration(&at("data_lag"), raw.data_lag, seconds(120), Duration::ZERO),
        http: http
            .filter_map(|(n, one)| http::gate(c, &format!("{path}.http[{n}]"), n, one, window))
            .collect(),
        lambda: raw
            .lambda
            .as_ref()
            .map(|one| lambda(c, &at("lambda"), one, no_stacks)),
        api_gateway: apis
            .filter_map(|(n, one)| api(c, &format!("{path}.api_gateway[{n}]"), one))
            .collect(),
        alarms: raw.alarms.as_ref().map(|one| alarms(c, &at("alarms"), one)),
        metric: metrics
            .filter_map(|(n, one)| metric(c, &format!("{path}.metric[{n}]"), n, one))
            .collect(),
        logs: logs
            .filter_map(|(n, one)| log(c, &format!("{path}.logs[{n}]"), n, one))
            .collect(),
        stack: raw.stack.unwrap_or(false),
    };
    if gates.stack && no_stacks {
        c.problems.push(&at("stack"), ProblemKind::NeedsStacks);
    }
    if let Some(user) = c.uses_outputs.take().filter(|_| no_stacks) {
        c.problems.push(&user, ProblemKind::NeedsStacks);
    }
    unique(c, path, &raw);
    gates
}

/// Shown names and APIs: each once, for a finding is found by its name.
fn unique(c: &mut Context<'_>, path: &str, raw: &RawGates) {
    let mut seen: BTreeMap<String, String> = BTreeMap::new();
    let mut note = |c: &mut Context<'_>, value: String, said: String, path: String| {
        if let Some(first) = seen.get(&value) {
            let first_line = c.problems.line(first);
            c.problems.push(
                &path,
                ProblemKind::Repeated {
                    value: said,
                    first_line,
                },
            );
        } else {
            seen.insert(value, path);
        }
    };
    let named = [
        (
            "http",
            raw.http.iter().map(|g| g.name.as_ref()).collect::<Vec<_>>(),
        ),
        (
            "metric",
            raw.metric.iter().map(|g| g.name.as_ref()).collect(),
        ),
        ("logs", raw.logs.iter().map(|g| g.name.as_ref()).collect()),
    ];
    for (kind, names) in named {
        for (n, name) in names.into_iter().enumerate() {
            let name = name.cloned().unwrap_or_else(|| numbered(kind, n));
            let said = shown(&name);
            note(
                c,
                format!("name {name}"),
                said,
                format!("{path}.{kind}[{n}].name"),
            );
        }
    }
    for (n, api) in raw.api_gateway.iter().enumerate() {
        let Some(name) = api.name.as_ref().or(api.id.as_ref()) else {
            continue;
        };
        let key = format!("api {name} {}", api.stage.as_deref().unwrap_or_default());
        note(c, key, shown(name), format!("{path}.api_gateway[{n}]"));
    }
}

fn share(c: &mut Context<'_>, path: &str, raw: Option<RawRate>, default: f64) -> f64 {
    c.rate(path, raw, SHARE).unwrap_or(default)
}

fn lambda(c: &mut Context<'_>, path: &str, raw: &RawLambda, no_stacks: bool) -> LambdaGate {
    let at = |key: &str| join(path, key);
    let functions = c.list(
        &at("functions"),
        raw.functions.as_deref(),
        Form::NotEmpty,
        Spot::Gate,
    );
    if functions.is_empty() && no_stacks {
        c.problems.push_missing(
            path,
            ProblemKind::NeedsOneOf {
                keys: vec!["functions".to_owned(), "stacks".to_owned()],
            },
        );
    }
    LambdaGate {
        functions,
        max_error_rate: share(c, &at("max_error_rate"), raw.max_error_rate, 0.05),
        p95: c.optional_duration(&at("p95"), raw.p95, MILLI),
        p99: c.optional_duration(&at("p99"), raw.p99, MILLI),
        max_throttle_rate: c.rate(&at("max_throttle_rate"), raw.max_throttle_rate, SHARE),
    }
}

fn api(c: &mut Context<'_>, path: &str, raw: &RawApi) -> Option<ApiGatewayGate> {
    let at = |key: &str| join(path, key);
    let name = c.formed(&at("name"), raw.name.as_ref(), Form::NotEmpty, Spot::Gate);
    let id = c.formed(&at("id"), raw.id.as_ref(), Form::NotEmpty, Spot::Gate);
    match (&raw.name, &raw.id) {
        (None, None) => c.one_of(path, &["name", "id"]),
        (Some(_), Some(_)) => c.problems.push(
            &at("id"),
            ProblemKind::Exclusive {
                other: "name".to_owned(),
            },
        ),
        (Some(_), None) | (None, Some(_)) => {}
    }
    let stage = c.formed(&at("stage"), raw.stage.as_ref(), Form::NotEmpty, Spot::Gate);
    let max_5xx_rate = share(c, &at("max_5xx_rate"), raw.max_5xx_rate, 0.1);
    let p95 = c.optional_duration(&at("p95"), raw.p95, MILLI);
    let p99 = c.optional_duration(&at("p99"), raw.p99, MILLI);
    let api = name.map(ApiName::Rest).or(id.map(ApiName::Http))?;
    Some(ApiGatewayGate {
        api,
        stage,
        max_5xx_rate,
        p95,
        p99,
    })
}

fn alarms(c: &mut Context<'_>, path: &str, raw: &RawAlarms) -> AlarmsGate {
    let names = c.list(
        &join(path, "names"),
        raw.names.as_deref(),
        Form::NotEmpty,
        Spot::Gate,
    );
    let prefix = c.formed(
        &join(path, "prefix"),
        raw.prefix.as_ref(),
        Form::NotEmpty,
        Spot::Gate,
    );
    if names.is_empty() && prefix.is_none() {
        c.one_of(path, &["names", "prefix"]);
    }
    AlarmsGate { names, prefix }
}

fn metric(c: &mut Context<'_>, path: &str, n: usize, raw: &RawMetric) -> Option<MetricGate> {
    let at = |key: &str| join(path, key);
    match (raw.min, raw.max) {
        (None, None) => c.one_of(path, &["max", "min"]),
        (Some(min), Some(max)) if min > max => c.problems.push(path, ProblemKind::MinAboveMax),
        (Some(_), _) | (_, Some(_)) => {}
    }
    if raw.expression.is_none() {
        c.problems
            .push_missing(&at("expression"), ProblemKind::Missing);
    }
    let name = c.formed(&at("name"), raw.name.as_ref(), Form::NotEmpty, Spot::Plain);
    Some(MetricGate {
        name: name.unwrap_or_else(|| numbered("metric", n)),
        expression: c.formed(
            &at("expression"),
            raw.expression.as_ref(),
            Form::NotEmpty,
            Spot::Gate,
        )?,
        max: raw.max,
        min: raw.min,
    })
}

fn log(c: &mut Context<'_>, path: &str, n: usize, raw: &RawLogs) -> Option<LogsGate> {
    let at = |key: &str| join(path, key);
    for (key, missing) in [
        ("groups", raw.groups.is_none()),
        ("query", raw.query.is_none()),
    ] {
        if missing {
            c.problems.push_missing(&at(key), ProblemKind::Missing);
        }
    }
    let name = c.formed(&at("name"), raw.name.as_ref(), Form::NotEmpty, Spot::Plain);
    Some(LogsGate {
        name: name.unwrap_or_else(|| numbered("logs", n)),
        groups: c.list(
            &at("groups"),
            raw.groups.as_deref(),
            Form::NotEmpty,
            Spot::Gate,
        ),
        query: c.formed(&at("query"), raw.query.as_ref(), Form::NotEmpty, Spot::Gate)?,
        max: raw.max.unwrap_or(0),
    })
}
