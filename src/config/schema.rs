//! The JSON Schema (draft 2020-12) of the configuration file, made from the raw types; knows no file.

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};

use crate::config::raw::RawFile;

/// The schema that editors use and that the file is checked against.
#[must_use]
pub fn schema() -> Value {
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
