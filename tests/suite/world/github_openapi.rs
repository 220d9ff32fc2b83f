//! Holds what the fake GitHub is asked, and its good answers, to GitHub's own OpenAPI description; knows no state and no token.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};

use jsonschema::Validator;
use serde_json::{Value, json};

use super::http::{Reply, Req, lock};

/// The operations that are used here, made from the official package and held to it by `.ci/openapi`.
static DESCRIPTION: LazyLock<Description> = LazyLock::new(|| {
    let mut whole: Value = serde_json::from_str(include_str!("github-openapi.json"))
        .expect("the extract of GitHub's description is JSON");
    let Value::Object(operations) = whole["operations"].take() else {
        panic!("the extract of GitHub's description has operations");
    };
    Description {
        operations: operations
            .into_iter()
            .map(|(name, operation)| (nameless(&name), operation))
            .collect(),
        defs: whole["$defs"].take(),
        validators: Mutex::default(),
    }
});

struct Description {
    /// By method and path, its variables without their names.
    operations: HashMap<String, Value>,
    defs: Value,
    validators: Mutex<HashMap<String, Arc<Validator>>>,
}

/// What was asked.
pub struct Ask {
    /// As the log has it: `GET /repos/{o}/{r}/contents/{path}`.
    pub operation: String,
    /// What the variables of the path matched, in order; `None` where the fake knows no such path.
    pub variables: Option<Vec<String>>,
    pub req: Req,
}

/// What was answered.
pub struct Answer {
    pub operation: String,
    pub reply: Reply,
}

/// Where a request differs from the description, one line each.
pub fn misfits_of_ask(ask: &Ask) -> Vec<String> {
    let name = &ask.operation;
    let (Some(operation), Some(variables)) = (described(name), &ask.variables) else {
        return vec![format!("{name}: no such operation ({})", ask.req.target)];
    };
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    let (paths, queries): (Vec<_>, Vec<_>) = parameters
        .filter(|p| !["owner", "repo"].contains(&text(&p["name"])))
        .partition(|p| p["in"] == "path");
    let mut found = Vec::new();
    for (parameter, value) in paths.iter().zip(variables) {
        found.extend(misfit_of_text(name, parameter, value));
    }
    if paths.len() != variables.len() {
        found.push(format!("{} variables in the path", variables.len()));
    }
    for (key, value) in &ask.req.query {
        match queries.iter().find(|p| p["name"] == key.as_str()) {
            Some(parameter) => found.extend(misfit_of_text(name, parameter, value)),
            None => found.push(format!("no parameter `{key}`")),
        }
    }
    for parameter in queries.iter().filter(|p| p["required"] == true) {
        let key = text(&parameter["name"]);
        if ask.req.param(key).is_none() {
            found.push(format!("the parameter `{key}` is missing"));
        }
    }
    found.extend(misfits_of_body(name, operation, &ask.req));
    found.iter().map(|f| format!("{name}: {f}")).collect()
}

fn misfits_of_body(name: &str, operation: &Value, req: &Req) -> Vec<String> {
    let body = &operation["body"];
    match (body.is_null(), req.body.is_empty()) {
        (true, true) => vec![],
        (true, false) => vec![format!("takes no body: {}", req.text())],
        (false, true) if body["required"] == true => vec!["the body is missing".into()],
        (false, true) => vec![],
        (false, false) => match serde_json::from_slice(&req.body) {
            Ok(value) => misfits(&format!("{name} body"), &body["schema"], &value),
            Err(e) => vec![format!("the body is no JSON: {e}")],
        },
    }
}

/// Where an answer differs from the description; refusals are not looked at.
pub fn misfits_of_answer(answer: &Answer) -> Vec<String> {
    let (name, reply) = (&answer.operation, &answer.reply);
    if !(200..300).contains(&reply.status) {
        return vec![];
    }
    let say = |fault: String| format!("{name} answered {}: {fault}", reply.status);
    let answers = described(name).map(|operation| &operation["answers"]);
    let Some(schema) = answers.and_then(|a| a.get(reply.status.to_string())) else {
        return vec![say("no such answer".into())];
    };
    let json = reply
        .header("content-type")
        .is_some_and(|kind| kind.starts_with("application/json"));
    let found = match (schema.is_null(), reply.body.is_empty()) {
        (true, true) => vec![],
        (true, false) => vec!["has no body".into()],
        // Files and commits are also had as plain text, which has no schema.
        (false, _) if !json => vec![],
        (false, _) => match serde_json::from_slice(&reply.body) {
            Ok(value) => misfits(&format!("{name} {}", reply.status), schema, &value),
            Err(e) => vec![format!("the body is no JSON: {e}")],
        },
    };
    found.into_iter().map(say).collect()
}

/// A variable of the path or the query is text; what it stands for is tried.
fn misfit_of_text(operation: &str, parameter: &Value, value: &str) -> Option<String> {
    let key = text(&parameter["name"]);
    let validator = validator(&format!("{operation} {key}"), &parameter["schema"]);
    let plain = Value::from(value);
    // A number or a truth value is written as JSON writes it.
    let meant = serde_json::from_str::<Value>(value).unwrap_or_else(|_| plain.clone());
    let fits = [&plain, &meant].iter().any(|v| validator.is_valid(v));
    (!fits).then(|| format!("`{key}` is {value:?}, not {}", parameter["schema"]))
}

fn misfits(key: &str, schema: &Value, value: &Value) -> Vec<String> {
    let validator = validator(key, schema);
    let errors = validator.iter_errors(value);
    errors
        .map(|e| {
            let at = e.instance_path().to_string();
            format!("`{at}`: {}", e.masked_with("the value"))
        })
        .collect()
}

/// Made once for each schema.
fn validator(key: &str, schema: &Value) -> Arc<Validator> {
    let mut made = lock(&DESCRIPTION.validators);
    let made = made.entry(key.to_owned()).or_insert_with(|| {
        let whole = json!({ "$defs": DESCRIPTION.defs, "allOf": [schema] });
        let validator = jsonschema::options()
            .should_validate_formats(true)
            .build(&whole)
            .unwrap_or_else(|e| panic!("the schema of {key} is none: {e}"));
        Arc::new(validator)
    });
    Arc::clone(made)
}

fn described(name: &str) -> Option<&'static Value> {
    DESCRIPTION.operations.get(&nameless(name))
}

/// `GET /runs/{run_id}` without the names of its variables.
fn nameless(name: &str) -> String {
    let mut parts = name.split('{');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |made, part| {
        let rest = part.split_once('}').map_or("", |(_, rest)| rest);
        made + "{}" + rest
    })
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[test]
fn the_description_has_the_operations_of_the_fake_and_no_other() {
    let routes = super::github_routes::names().map(|name| nameless(&name));
    let mut routes: Vec<_> = routes.collect();
    let mut described: Vec<_> = DESCRIPTION.operations.keys().cloned().collect();
    routes.sort();
    described.sort();
    assert_eq!(routes, described);
}
