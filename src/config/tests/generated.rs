//! What is made from the raw types stays in step with them: the schema file, serde's own reading, the messages' places.

use serde_json::Value;

use super::{FULL, good};
use crate::config::raw::RawFile;
use crate::config::scenario::RawScenario;
use crate::config::schema::generated;

/// `DEPLOY_GUARD_REGENERATE=1 cargo test` writes the files anew.
#[test]
fn the_schema_files_are_the_schemas() {
    for (name, schema) in [
        ("deploy-guard", generated::<RawFile>()),
        ("scenario", generated::<RawScenario>()),
    ] {
        let path = format!("{}/docs/{name}.schema.json", env!("CARGO_MANIFEST_DIR"));
        let mut text = serde_json::to_string_pretty(&schema).expect("a value is JSON");
        text.push('\n');
        if std::env::var_os("DEPLOY_GUARD_REGENERATE").is_some() {
            std::fs::write(&path, &text).expect("the file can be written");
        }
        let there = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            there == text,
            "docs/{name}.schema.json has drifted: DEPLOY_GUARD_REGENERATE=1 cargo test --lib config"
        );
    }
}

#[test]
fn every_setting_has_a_description_and_every_section_is_closed() {
    fn look(at: &str, value: &Value, wrong: &mut Vec<String>) {
        if let Some(properties) = value.get("properties").and_then(Value::as_object) {
            if value.get("additionalProperties") != Some(&Value::Bool(false)) {
                wrong.push(format!("{at} is open"));
            }
            for (key, of) in properties {
                if of.get("description").is_none() {
                    wrong.push(format!("{at}.{key} has no description"));
                }
            }
        }
        match value {
            Value::Object(map) => map
                .iter()
                .for_each(|(key, value)| look(&format!("{at}/{key}"), value, wrong)),
            Value::Array(items) => items.iter().for_each(|value| look(at, value, wrong)),
            Value::Null => wrong.push(format!("{at} allows null")),
            Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    let mut wrong = Vec::new();
    look("", &generated::<RawFile>(), &mut wrong);
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(
        generated::<RawFile>()["$schema"],
        "https://json-schema.org/draft/2020-12/schema"
    );
    assert_eq!(
        generated::<RawFile>()["required"],
        serde_json::json!(["version"])
    );
}

#[test]
fn serde_alone_reads_a_good_file_the_same() {
    let alone: RawFile = serde_yaml::from_str(FULL).expect("the example is good");
    assert_eq!(format!("{alone:?}"), format!("{:?}", good(FULL).raw));
}

/// Every key that the walk lets through is one that serde knows, and the other way round.
#[test]
fn a_file_with_every_setting_passes_both_readers() {
    let text = include_str!("every.yml");
    let alone: RawFile = serde_yaml::from_str(text).expect("serde reads every setting");
    assert_eq!(format!("{alone:?}"), format!("{:?}", good(text).raw));
    let mut unused = Vec::new();
    fn look(value: &Value, text: &str, unused: &mut Vec<String>) {
        if let Some(properties) = value.get("properties").and_then(Value::as_object) {
            unused.extend(
                properties
                    .keys()
                    .filter(|key| !text.contains(&format!("{key}:")))
                    .cloned(),
            );
        }
        match value {
            Value::Object(map) => map.values().for_each(|value| look(value, text, unused)),
            Value::Array(items) => items.iter().for_each(|value| look(value, text, unused)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    look(&generated::<RawFile>(), text, &mut unused);
    // `stack` of an environment excludes `stacks`; the gate of that name is there.
    assert!(
        unused.is_empty(),
        "settings that tests/every.yml does not use: {unused:?}"
    );
}
