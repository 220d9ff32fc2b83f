//! The record as an item: the predecessor's attributes in all its shapes, and ours; knows no call.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::civil;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::attr::{self, Item, from_json, malformed, n, natural, s, text, to_json, whole};
use super::key;
use crate::core::id::{CommitSha, DeploymentId, EnvironmentName, ServiceName};
use crate::core::reason::ReasonCode;
use crate::core::record::{DeploymentType, GuardFields, Record, Status, StoredWord, Verdict};
use crate::core::time::Timestamp;
use crate::ports::StoreError;

/// Attributes that a record may lack; an update removes those that it has not.
const OPTIONAL: [&str; 17] = [
    "version",
    "commitSha",
    "deployedBy",
    "duration",
    "changes",
    "errorMessage",
    "rollbackTarget",
    "verdict",
    "reasonCode",
    "ref",
    "previousRef",
    "previousDeploymentId",
    "stateId",
    "irreversible",
    "runUrl",
    "durationMs",
    "ttl",
];

/// Names to remove where `item` lacks them.
pub(super) fn absent(item: &Item) -> impl Iterator<Item = &'static str> {
    OPTIONAL
        .into_iter()
        .filter(|name| !item.contains_key(*name))
}

/// The whole item.
pub(super) fn write(record: &Record) -> Result<Item, StoreError> {
    let details = match serde_json::from_str(&record.details) {
        Ok(Value::Object(map)) => from_json(Value::Object(map)),
        Ok(_) | Err(_) => {
            return Err(malformed(format!(
                "the details of `{}` are no JSON object",
                record.id
            )));
        }
    };
    let mut item = key::of(&record.id, record.at);
    let mut put = |name: &str, value: Option<AttributeValue>| {
        if let Some(value) = value {
            item.insert(name.to_owned(), value);
        }
    };
    put("environment", Some(s(&record.environment)));
    put("status", Some(s(record.status.as_str())));
    put("deploymentType", Some(s(record.kind.as_str())));
    put("version", record.version.as_ref().map(s));
    put("commitSha", record.commit.as_ref().map(s));
    put("deployedBy", record.deployed_by.as_ref().map(s));
    put("duration", record.duration_s.map(n));
    let changes = record.changes.iter().map(s).collect::<Vec<_>>();
    put(
        "changes",
        Some(AttributeValue::L(changes)).filter(|_| !record.changes.is_empty()),
    );
    put("errorMessage", record.error.as_ref().map(s));
    put("rollbackTarget", record.rollback_target.as_ref().map(s));
    put("details", Some(details));
    put("ttl", record.expires_s.map(n));
    if let Some(guard) = &record.guard {
        put("service", Some(s(&guard.service)));
        put("phase", Some(s(&guard.phase)));
        put("rev", Some(n(guard.rev)));
        put("verdict", guard.verdict.map(s));
        put("reasonCode", guard.reason_code.map(s));
        put("ref", guard.git_ref.as_ref().map(s));
        put("previousRef", guard.previous_ref.as_ref().map(s));
        put(
            "previousDeploymentId",
            guard.previous_deployment.as_ref().map(s),
        );
        put("stateId", guard.state_id.as_ref().map(s));
        put(
            "irreversible",
            guard.irreversible.then_some(AttributeValue::Bool(true)),
        );
        put("runUrl", guard.run_url.as_ref().map(s));
        put("durationMs", guard.duration_ms.map(n));
    }
    Ok(item)
}

/// Reads any maker's record: what is absent or of another type is left out; only keys and environment must be there.
pub(super) fn read(item: &Item) -> Result<Record, StoreError> {
    let id = attr::must(item, key::ID, "a record")?;
    let bad = |e: crate::core::id::InvalidId| malformed(format!("a record: {e}"));
    let at = attr::must(item, key::AT, "a record")?;
    let word = |name: &str| text(item, name).unwrap_or("unknown");
    let owned = |name: &str| text(item, name).map(str::to_owned);
    Ok(Record {
        id: DeploymentId::new(id).map_err(bad)?,
        at: read_time(at)
            .ok_or_else(|| malformed(format!("the record `{id}` has the time `{at}`")))?,
        environment: EnvironmentName::new(attr::must(item, "environment", "a record")?)
            .map_err(bad)?,
        status: StoredWord::<Status>::read(word("status")),
        kind: StoredWord::<DeploymentType>::read(word("deploymentType")),
        version: plain(item, "version"),
        commit: plain(item, "commitSha"),
        deployed_by: owned("deployedBy"),
        duration_s: natural(item, "duration"),
        changes: read_changes(item),
        error: owned("errorMessage"),
        rollback_target: owned("rollbackTarget"),
        details: read_details(item),
        expires_s: whole(item, "ttl"),
        guard: read_guard(item),
    })
}

/// Text, or a number as text: a version may be `12`.
fn plain(item: &Item, name: &str) -> Option<String> {
    match item.get(name)? {
        AttributeValue::S(text) | AttributeValue::N(text) => Some(text.clone()),
        _ => None,
    }
}

/// Without service, phase and revision it is not ours to change, and counts as another maker's.
fn read_guard(item: &Item) -> Option<GuardFields> {
    let commit = |name: &str| text(item, name).and_then(|t| CommitSha::new(t).ok());
    Some(GuardFields {
        service: ServiceName::new(text(item, "service")?).ok()?,
        phase: text(item, "phase")?.to_owned(),
        rev: natural(item, "rev")?,
        verdict: text(item, "verdict").and_then(Verdict::parse),
        reason_code: text(item, "reasonCode").and_then(ReasonCode::parse),
        git_ref: commit("ref"),
        previous_ref: commit("previousRef"),
        previous_deployment: text(item, "previousDeploymentId")
            .and_then(|t| DeploymentId::new(t).ok()),
        state_id: text(item, "stateId").map(str::to_owned),
        irreversible: matches!(item.get("irreversible"), Some(AttributeValue::Bool(true))),
        run_url: text(item, "runUrl").map(str::to_owned),
        duration_ms: natural(item, "durationMs"),
    })
}

fn read_changes(item: &Item) -> Vec<String> {
    let line = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    match item.get("changes").map(to_json) {
        Some(Value::Array(list)) => list.iter().map(line).collect(),
        Some(Value::String(text)) if !text.is_empty() => match serde_json::from_str(&text) {
            Ok(Value::Array(list)) => list.iter().map(line).collect(),
            Ok(_) | Err(_) => vec![text],
        },
        Some(_) | None => Vec::new(),
    }
}

/// The predecessor's three shapes: a map, a string holding JSON, a string holding JSON with escaped quotes.
/// Anything else is kept as `{"text": …}`.
fn read_details(item: &Item) -> String {
    let value = match item.get("details") {
        None | Some(AttributeValue::Null(_)) => return "{}".to_owned(),
        Some(AttributeValue::S(text)) => read_details_text(text),
        Some(other) => to_json(other),
    };
    match value {
        Value::Object(_) => value.to_string(),
        other => json!({ "text": other }).to_string(),
    }
}

fn read_details_text(text: &str) -> Value {
    let object = |text: &str| {
        serde_json::from_str::<Value>(text)
            .ok()
            .filter(Value::is_object)
    };
    let as_string = |text: &str| serde_json::from_str::<String>(text).ok();
    object(text)
        .or_else(|| as_string(text).and_then(|inner| object(&inner)))
        .or_else(|| as_string(&format!("\"{text}\"")).and_then(|inner| object(&inner)))
        .or_else(|| object(&text.replace("\\\"", "\"")))
        .unwrap_or_else(|| text.into())
}

/// RFC 3339, or without an offset, which then is UTC.
pub(super) fn read_time(text: &str) -> Option<Timestamp> {
    Timestamp::parse(text).ok().or_else(|| {
        let local: civil::DateTime = text.trim().parse().ok()?;
        let zoned = local.to_zoned(TimeZone::UTC).ok()?;
        Some(Timestamp::from_millis(zoned.timestamp().as_millisecond()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn details(value: AttributeValue) -> Value {
        let item = Item::from([("details".to_owned(), value)]);
        serde_json::from_str(&read_details(&item)).expect("always JSON")
    }

    #[test]
    fn details_are_read_in_all_three_shapes() {
        let want = json!({"a": 1, "b": "말 \"q\""});
        assert_eq!(details(from_json(want.clone())), want);
        assert_eq!(details(s(&want)), want);
        let escaped = want.to_string().replace('\\', "\\\\").replace('"', "\\\"");
        assert_eq!(details(s(escaped)), want);
        assert_eq!(details(s("{\\\"a\\\":1}")), json!({"a": 1}));
        assert_eq!(details(s("not json")), json!({"text": "not json"}));
        assert_eq!(details(n(7)), json!({"text": 7}));
        assert_eq!(read_details(&Item::new()), "{}");
    }

    #[test]
    fn an_odd_record_is_read_as_far_as_it_goes() {
        let mut item = key::of("deploy-1702339200000", "2024-12-12T14:30:52");
        for (name, value) in [
            ("environment", s("prod")),
            ("status", s("backup")),
            ("deploymentType", n(4)),
            ("duration", s("45")),
            ("version", n(12)),
            ("ttl", s("1734000000")),
            ("changes", s("[\"하나\", 2]")),
            ("deployedBy", AttributeValue::Bool(true)),
        ] {
            item.insert(name.to_owned(), value);
        }
        let record = read(&item).expect("readable");
        assert_eq!(record.at.to_string(), "2024-12-12T14:30:52.000Z");
        assert_eq!(record.status.as_str(), "backup");
        assert_eq!(record.kind.as_str(), "unknown");
        assert_eq!(record.duration_s, Some(45));
        assert_eq!(record.version.as_deref(), Some("12"));
        assert_eq!(record.expires_s, Some(1_734_000_000));
        assert_eq!(record.changes, ["하나", "2"]);
        assert_eq!((record.deployed_by, record.guard), (None, None));
    }
}
