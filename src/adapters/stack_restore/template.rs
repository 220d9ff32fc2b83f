//! What a template says of itself: its resources and its size. Knows no call.

use serde_json::Value;

/// Largest template that CloudFormation takes in a request, bytes.
/// Source: CloudFormation API reference, CreateChangeSet, `TemplateBody`.
pub const LARGEST: usize = 51_200;

/// Logical id and type of every resource, in order of id.
///
/// # Errors
/// What is wrong with the text.
pub fn resources(template: &str) -> Result<Vec<(String, String)>, String> {
    let value = read(template)?;
    let mut resources: Vec<(String, String)> = value
        .get("Resources")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .filter_map(|(id, resource)| {
            let kind = resource.get("Type").and_then(Value::as_str)?;
            Some((id.clone(), kind.to_owned()))
        })
        .collect();
    resources.sort();
    Ok(resources)
}

/// The template as short as it may be handed in.
#[must_use]
pub fn compact(template: &str) -> String {
    if template.len() <= LARGEST {
        return template.to_owned();
    }
    match serde_json::from_str::<Value>(template) {
        Ok(value) => value.to_string(),
        Err(_) => template.to_owned(),
    }
}

fn read(template: &str) -> Result<Value, String> {
    if template.trim_start().starts_with('{') {
        return serde_json::from_str(template).map_err(|e| e.to_string());
    }
    let value: serde_yaml::Value = serde_yaml::from_str(template).map_err(|e| e.to_string())?;
    Ok(plain(value))
}

/// CloudFormation's short forms (`!Ref x`) as JSON; their long form does not matter here.
fn plain(value: serde_yaml::Value) -> Value {
    use serde_yaml::Value as Yaml;
    match value {
        Yaml::Null => Value::Null,
        Yaml::Bool(b) => Value::Bool(b),
        Yaml::Number(n) => Value::String(n.to_string()),
        Yaml::String(s) => Value::String(s),
        Yaml::Sequence(list) => list.into_iter().map(plain).collect(),
        Yaml::Mapping(map) => map
            .into_iter()
            .map(|(k, v)| {
                let key = match plain(k) {
                    Value::String(text) => text,
                    other => other.to_string(),
                };
                (key, plain(v))
            })
            .collect::<serde_json::Map<_, _>>()
            .into(),
        Yaml::Tagged(tagged) => {
            serde_json::json!({ (tagged.tag.to_string()): plain(tagged.value) })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resources_are_read_from_json_and_from_yaml_with_short_forms() {
        let json =
            r#"{"Resources":{"T":{"Type":"AWS::DynamoDB::Table"},"A":{"Type":"AWS::SNS::Topic"}}}"#;
        let yaml = "Resources:\n  T:\n    Type: AWS::DynamoDB::Table\n    Properties:\n      TableName: !Sub '${AWS::StackName}-t'\n      Keys: [!Ref A, 1]\n  A:\n    Type: AWS::SNS::Topic\n";
        let want = vec![
            ("A".to_owned(), "AWS::SNS::Topic".to_owned()),
            ("T".to_owned(), "AWS::DynamoDB::Table".to_owned()),
        ];
        assert_eq!(resources(json), Ok(want.clone()));
        assert_eq!(resources(yaml), Ok(want));
        assert!(resources("{").is_err());
    }

    #[test]
    fn a_large_template_loses_its_white_space() {
        let padded = format!("{{\"a\":{}1}}", " ".repeat(LARGEST));
        assert_eq!(compact(&padded), "{\"a\":1}");
        assert_eq!(compact("{ }"), "{ }");
    }
}
