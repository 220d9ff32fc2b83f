//! Attribute values: making and reading them, JSON both ways; knows no item.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Number, Value};

use crate::core::time::Timestamp;
use crate::ports::StoreError;

pub(super) type Item = HashMap<String, AttributeValue>;

pub(super) fn malformed(detail: impl Into<String>) -> StoreError {
    StoreError::Malformed {
        detail: detail.into(),
    }
}

pub(super) fn s(text: impl ToString) -> AttributeValue {
    AttributeValue::S(text.to_string())
}

pub(super) fn n(number: impl ToString) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

/// A string attribute, where there is one of that type.
pub(super) fn text<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name)
        .and_then(|v| v.as_s().ok())
        .map(String::as_str)
}

/// A whole number, where there is one, be it stored as number or as string.
pub(super) fn whole(item: &Item, name: &str) -> Option<i64> {
    let text = match item.get(name)? {
        AttributeValue::N(text) | AttributeValue::S(text) => text.trim(),
        _ => return None,
    };
    text.parse::<i64>().ok().or_else(|| {
        let number: f64 = text.parse().ok()?;
        // Within the numbers that a double holds exactly.
        (number.abs() < 9e15).then(|| {
            #[expect(clippy::cast_possible_truncation, reason = "the range was checked")]
            let whole = number.round() as i64;
            whole
        })
    })
}

/// A number that is not negative.
pub(super) fn natural(item: &Item, name: &str) -> Option<u64> {
    whole(item, name).and_then(|v| u64::try_from(v).ok())
}

/// An attribute that must be there, as text.
pub(super) fn must<'a>(item: &'a Item, name: &str, what: &str) -> Result<&'a str, StoreError> {
    text(item, name).ok_or_else(|| malformed(format!("{what} has no readable `{name}`")))
}

/// A counter that must be there.
pub(super) fn must_natural(item: &Item, name: &str, what: &str) -> Result<u64, StoreError> {
    natural(item, name).ok_or_else(|| malformed(format!("{what} has no readable `{name}`")))
}

/// A time that must be there.
pub(super) fn must_time(item: &Item, name: &str, what: &str) -> Result<Timestamp, StoreError> {
    Timestamp::parse(must(item, name, what)?)
        .map_err(|e| malformed(format!("`{name}` of {what}: {e}")))
}

/// JSON as attributes; objects become maps.
pub(super) fn from_json(value: Value) -> AttributeValue {
    match value {
        Value::Null => AttributeValue::Null(true),
        Value::Bool(flag) => AttributeValue::Bool(flag),
        Value::Number(number) => AttributeValue::N(number.to_string()),
        Value::String(text) => AttributeValue::S(text),
        Value::Array(list) => AttributeValue::L(list.into_iter().map(from_json).collect()),
        Value::Object(map) => {
            AttributeValue::M(map.into_iter().map(|(k, v)| (k, from_json(v))).collect())
        }
    }
}

/// Attributes as JSON; bytes as base64, sets as lists.
pub(super) fn to_json(value: &AttributeValue) -> Value {
    let number = |text: &String| {
        serde_json::from_str::<Number>(text).map_or_else(|_| text.clone().into(), Value::Number)
    };
    match value {
        AttributeValue::Bool(flag) => (*flag).into(),
        AttributeValue::N(text) => number(text),
        AttributeValue::S(text) => text.clone().into(),
        AttributeValue::B(bytes) => STANDARD.encode(bytes).into(),
        AttributeValue::L(list) => list.iter().map(to_json).collect(),
        AttributeValue::Ss(list) => list.clone().into(),
        AttributeValue::Ns(list) => list.iter().map(number).collect(),
        AttributeValue::Bs(list) => list.iter().map(|b| STANDARD.encode(b)).collect(),
        AttributeValue::M(map) => Value::Object(
            map.iter()
                .map(|(k, v)| (k.clone(), to_json(v)))
                .collect::<Map<_, _>>(),
        ),
        _ => Value::Null,
    }
}

/// One of our own structures as attributes, absent fields left out.
pub(super) fn write(value: &impl Serialize) -> Result<AttributeValue, StoreError> {
    let json = serde_json::to_value(value)
        .map_err(|e| malformed(format!("an attribute cannot be written: {e}")))?;
    Ok(from_json(without_nulls(json)))
}

fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(map) => map
            .into_iter()
            .filter(|(_, v)| !v.is_null())
            .map(|(k, v)| (k, without_nulls(v)))
            .collect::<Map<_, _>>()
            .into(),
        Value::Array(list) => list.into_iter().map(without_nulls).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
    }
}

/// One of our own structures, `None` where the attribute is absent.
pub(super) fn read<T: DeserializeOwned>(
    item: &Item,
    name: &str,
    what: &str,
) -> Result<Option<T>, StoreError> {
    item.get(name)
        .map(|value| {
            serde_json::from_value(to_json(value))
                .map_err(|e| malformed(format!("`{name}` of {what} cannot be read: {e}")))
        })
        .transpose()
}
