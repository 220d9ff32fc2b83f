//! What an update of a stack means: parameters left out, and updates that change nothing, as CloudFormation sees them and moto does not.

use std::collections::HashSet;

use super::aws_proxy::Shared;
use super::aws_words::{encode, error, members, xml_text};
use super::calls::Seen;
use super::http::{Reply, Req, form};

/// A parameter left out goes back to the template's default; one without a default is an error.
pub async fn with_defaults(
    shared: &Shared,
    req: &Req,
    seen: &Seen,
    params: &[(String, String)],
) -> Result<String, Reply> {
    let pick = |name: &str| {
        params
            .iter()
            .find(|(k, _)| k == name)
            .map(|(_, v)| v.as_str())
    };
    let mut ask = vec![("Action", "GetTemplateSummary"), ("Version", "2010-05-15")];
    match (
        pick("TemplateBody"),
        pick("UsePreviousTemplate"),
        pick("StackName"),
    ) {
        (Some(template), _, _) => ask.push(("TemplateBody", template)),
        (None, Some("true"), Some(stack)) => ask.push(("StackName", stack)),
        _ => return Ok(req.text()),
    }
    let summary = shared
        .forward_with(req, "/", encode(ask.into_iter()).as_bytes())
        .await
        .body_text();
    let given: HashSet<&str> = params
        .iter()
        .filter(|(k, _)| k.starts_with("Parameters.member.") && k.ends_with(".ParameterKey"))
        .map(|(_, v)| v.as_str())
        .collect();
    let mut body = req.text();
    let mut missing = Vec::new();
    // Members must be numbered without a gap.
    let mut next = given.len() + 1;
    for member in members(&summary, "Parameters") {
        let Some(key) = xml_text(member, "ParameterKey").filter(|k| !given.contains(k.as_str()))
        else {
            continue;
        };
        if let Some(default) = xml_text(member, "DefaultValue")
            .or_else(|| member.contains("<DefaultValue/>").then(String::new))
        {
            let (name, value) = (
                format!("Parameters.member.{next}.ParameterKey"),
                format!("Parameters.member.{next}.ParameterValue"),
            );
            body.push_str(&format!(
                "&{}",
                encode(
                    [
                        (name.as_str(), key.as_str()),
                        (value.as_str(), default.as_str())
                    ]
                    .into_iter()
                )
            ));
            next += 1;
        } else {
            missing.push(key);
        }
    }
    if missing.is_empty() {
        Ok(body)
    } else {
        Err(error(
            seen,
            400,
            "ValidationError",
            &format!("Parameters: [{}] must have values", missing.join(", ")),
        ))
    }
}

/// Whether an update without parameters brings the very template that the stack has: moto would run it.
pub async fn unchanged(shared: &Shared, req: &Req, stack: &str, body: &str) -> bool {
    let params = form(body);
    let has = |prefix: &str| params.iter().any(|(k, _)| k.starts_with(prefix));
    let Some((_, template)) = params.iter().find(|(k, _)| k == "TemplateBody") else {
        return false;
    };
    if has("Parameters.member.") || has("Tags.member.") {
        return false;
    }
    let ask = [
        ("Action", "GetTemplate"),
        ("Version", "2010-05-15"),
        ("StackName", stack),
    ];
    let now = shared
        .forward_with(req, "/", encode(ask.into_iter()).as_bytes())
        .await;
    xml_text(&now.body_text(), "TemplateBody").as_ref() == Some(template)
}
