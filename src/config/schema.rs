//! The JSON Schema (draft 2020-12) of the configuration file. A test makes it from the raw types and writes it down;
//! the program carries what was written, so that the generator is no part of it.

#[cfg(test)]
use schemars::generate::SchemaSettings;
#[cfg(test)]
use serde_json::Map;
use serde_json::Value;

#[cfg(test)]
use crate::config::raw::RawFile;

/// The schema that editors use, as JSON text.
pub const SCHEMA: &str = include_str!("../../docs/deploy-guard.schema.json");

/// The schema that the file is checked against.
///
/// # Errors
/// None, as long as the test that writes the text down has passed.
#[cfg(not(test))]
pub fn schema() -> Result<Value, serde_json::Error> {
    serde_json::from_str(SCHEMA)
}

/// As the raw types have it now, so that a new setting can be tested before it is written down.
#[cfg(test)]
pub fn schema() -> Result<Value, serde_json::Error> {
    Ok(generated())
}

/// The schema as the raw types have it.
#[cfg(test)]
pub fn generated() -> Value {
    let generator = SchemaSettings::draft2020_12().into_generator();
    let mut schema = generator.into_root_schema_for::<RawFile>().to_value();
    tidy(&mut schema);
    schema
}

/// Another schema in the form that files are checked against.
#[must_use]
pub(super) fn tidied(mut schema: Value) -> Value {
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
