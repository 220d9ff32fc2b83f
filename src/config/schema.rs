//! The JSON Schema (draft 2020-12) of the configuration file. A test makes it from the raw types and writes it down;
//! the program carries what was written, so that the generator is no part of it.

#[cfg(test)]
use schemars::generate::SchemaSettings;
#[cfg(test)]
use serde_json::Map;
use serde_json::Value;

#[cfg(test)]
use crate::config::{raw::RawFile, scenario::RawScenario};
use crate::i18n::config::ProblemKind;

/// The schema of `deploy-guard.yml` that editors use, as JSON text.
pub const SCHEMA: &str = include_str!("../../docs/deploy-guard.schema.json");

#[cfg(not(test))]
const SCENARIO: &str = include_str!("../../docs/scenario.schema.json");

/// The schema that `deploy-guard.yml` is checked against.
///
/// # Errors
/// None, as long as the test that writes the text down has passed.
#[cfg(not(test))]
pub fn schema() -> Result<Value, ProblemKind> {
    carried(SCHEMA)
}

/// The schema that a scenario is checked against.
///
/// # Errors
/// As for [`schema`].
#[cfg(not(test))]
pub fn scenario_schema() -> Result<Value, ProblemKind> {
    carried(SCENARIO)
}

#[cfg(not(test))]
fn carried(text: &str) -> Result<Value, ProblemKind> {
    serde_json::from_str(text).map_err(|error| ProblemKind::Syntax {
        detail: format!("this deploy-guard carries no schema that can be read: {error}"),
    })
}

/// As the raw types have it now, so that a new setting can be tested before it is written down.
#[cfg(test)]
pub fn schema() -> Result<Value, ProblemKind> {
    Ok(generated::<RawFile>())
}

/// As the raw types have it now.
#[cfg(test)]
pub fn scenario_schema() -> Result<Value, ProblemKind> {
    Ok(generated::<RawScenario>())
}

/// The schema as the raw types have it.
#[cfg(test)]
pub fn generated<T: schemars::JsonSchema>() -> Value {
    let generator = SchemaSettings::draft2020_12().into_generator();
    let mut schema = generator.into_root_schema_for::<T>().to_value();
    tidy(&mut schema);
    schema
}

/// A key that is there has a value: `null` from optional fields is taken out, and so is noise of number formats.
#[cfg(test)]
fn tidy(value: &mut Value) {
    match value {
        Value::Object(map) => {
            if let Some(Value::Array(types)) = map.get_mut("type") {
                types.retain(|t| t != "null");
                if let [only] = types.as_slice() {
                    let only = only.clone();
                    map.insert("type".to_owned(), only);
                }
            }
            if let Some(Value::Array(words)) = map.get_mut("enum") {
                words.retain(|word| !word.is_null());
            }
            if let Some(Value::Array(any)) = map.get_mut("anyOf") {
                any.retain(|one| one.get("type").is_none_or(|t| t != "null"));
                if let [Value::Object(only)] = any.as_slice() {
                    let only: Map<String, Value> = only.clone();
                    map.remove("anyOf");
                    map.extend(only.into_iter().filter(|(key, _)| key != "description"));
                }
            }
            if map.get("format").is_some_and(|f| f != "date-time") && map.contains_key("type") {
                map.remove("format");
            }
            map.values_mut().for_each(tidy);
        }
        Value::Array(items) => items.iter_mut().for_each(tidy),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
