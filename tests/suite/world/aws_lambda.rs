//! What moto gets wrong in Lambda's aliases, mended: every update gives a new RevisionId, a stale one is refused with 412, and reads answer 200; it knows no function.

use std::collections::HashMap;

use tokio::sync::Mutex;

use super::aws_proxy::Shared;
use super::aws_words::error;
use super::calls::Seen;
use super::http::{Reply, Req, random_hex};

/// The RevisionIds of aliases that were updated, by path.
#[derive(Default)]
pub struct Aliases(Mutex<HashMap<String, String>>);

/// Answers one Lambda call.
pub async fn answer(shared: &Shared, req: &Req, seen: &Seen) -> Reply {
    match seen.operation.as_str() {
        "GetAlias" => {
            let revisions = shared.aliases.0.lock().await;
            with_revision(shared.forward(req).await, revisions.get(&req.path))
        }
        "UpdateAlias" => update(shared, req, seen).await,
        "ListAliases" => {
            let revisions = shared.aliases.0.lock().await;
            let mut reply = shared.forward(req).await;
            let mut body = reply.body_json();
            for alias in body["Aliases"].as_array_mut().into_iter().flatten() {
                let path = format!(
                    "{}/{}",
                    req.path.trim_end_matches('/'),
                    alias["Name"].as_str().unwrap_or_default()
                );
                if let Some(revision) = revisions.get(&path) {
                    alias["RevisionId"] = revision.clone().into();
                }
            }
            if body.is_object() {
                reply.body = body.to_string().into();
            }
            reply
        }
        _ => shared.forward(req).await,
    }
}

async fn update(shared: &Shared, req: &Req, seen: &Seen) -> Reply {
    let mut revisions = shared.aliases.0.lock().await;
    let read = Req {
        method: "GET".into(),
        body: Vec::new().into(),
        ..req.clone()
    };
    let now = with_revision(shared.forward(&read).await, revisions.get(&req.path));
    let asked = req.json()["RevisionId"]
        .as_str()
        .filter(|r| !r.is_empty())
        .map(str::to_owned);
    if now.status == 200
        && asked.is_some_and(|asked| now.body_json()["RevisionId"].as_str() != Some(asked.as_str()))
    {
        let said = "The RevisionId provided does not match the latest RevisionId. Call the GetFunction/GetAlias API to retrieve the latest RevisionId for your resource.";
        return error(seen, 412, "PreconditionFailedException", said);
    }
    let reply = shared.forward(req).await;
    if !(200..300).contains(&reply.status) {
        return reply;
    }
    let digits = random_hex(16);
    let parts = [
        &digits[..8],
        &digits[8..12],
        &digits[12..16],
        &digits[16..20],
        &digits[20..],
    ];
    let revision = parts.join("-");
    revisions.insert(req.path.clone(), revision.clone());
    with_revision(reply, Some(&revision))
}

/// The answer as Lambda gives it: 200, and the RevisionId that is valid now.
fn with_revision(mut reply: Reply, revision: Option<&String>) -> Reply {
    if reply.status == 201 {
        reply.status = 200;
    }
    let mut body = reply.body_json();
    if let (Some(revision), true) = (revision, body.is_object() && reply.status == 200) {
        body["RevisionId"] = revision.clone().into();
        reply.body = body.to_string().into();
    }
    reply
}
