//! What moto gets wrong in DynamoDB, mended: writes one after the other, remembered ClientRequestTokens, the 4 MB limit of a transaction; it does not know what the items mean.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::sync::RwLock;

use super::aws_proxy::Shared;
use super::aws_words::error;
use super::calls::Seen;
use super::http::{Reply, Req, lock};

/// A token is remembered this long, as DynamoDB says.
const TOKEN_LIFE: Duration = Duration::from_secs(600);
const TRANSACTION_LIMIT: usize = 4 * 1024 * 1024;

struct Answered {
    at: Instant,
    body: Value,
    reply: Reply,
}

/// The state of the mending.
#[derive(Default)]
pub struct Dynamo {
    writes: RwLock<()>,
    tokens: Mutex<HashMap<String, Answered>>,
}

impl Dynamo {
    /// As if ten minutes had passed: every ClientRequestToken is forgotten.
    pub fn forget_tokens(&self) {
        lock(&self.tokens).clear();
    }
}

/// Answers one DynamoDB call.
pub async fn answer(shared: &Shared, req: &Req, seen: &Seen) -> Reply {
    const READS: [&str; 5] = [
        "GetItem",
        "Query",
        "Scan",
        "BatchGetItem",
        "TransactGetItems",
    ];
    let reads = READS.contains(&seen.operation.as_str())
        || seen.operation.starts_with("Describe")
        || seen.operation.starts_with("List");
    if reads {
        let _shared_with_readers = shared.dynamo.writes.read().await;
        return shared.forward(req).await;
    }
    let _alone = shared.dynamo.writes.write().await;
    if seen.operation == "TransactWriteItems" {
        transact(shared, req, seen).await
    } else {
        shared.forward(req).await
    }
}

async fn transact(shared: &Shared, req: &Req, seen: &Seen) -> Reply {
    let body = req.json();
    let token = body["ClientRequestToken"].as_str().map(str::to_owned);
    if let Some(token) = &token {
        if token.is_empty() || token.len() > 36 {
            let said = format!(
                "1 validation error detected: Value '{token}' at 'clientRequestToken' failed to satisfy constraint: Member must have length less than or equal to 36"
            );
            return error(seen, 400, "ValidationException", &said);
        }
        let mut tokens = lock(&shared.dynamo.tokens);
        tokens.retain(|_, a| a.at.elapsed() < TOKEN_LIFE);
        if let Some(first) = tokens.get(token) {
            if first.body == body {
                return first.reply.clone();
            }
            return error(
                seen,
                400,
                "IdempotentParameterMismatchException",
                "Request rejected because it was retried with the same client token but with changed parameters",
            );
        }
    }
    if body["TransactItems"]
        .as_array()
        .is_some_and(|items| items.iter().map(action_size).sum::<usize>() > TRANSACTION_LIMIT)
    {
        return error(
            seen,
            400,
            "ValidationException",
            "Transaction request exceeds the limit of 4 MB in aggregate size of its items",
        );
    }
    let reply = shared.forward(req).await;
    // Only a transaction that worked is idempotent by its token; a cancelled one is judged anew.
    if let (Some(token), 200) = (token, reply.status) {
        lock(&shared.dynamo.tokens).insert(
            token,
            Answered {
                at: Instant::now(),
                body,
                reply: reply.clone(),
            },
        );
    }
    reply
}

/// The size of what one action brings along: the item of a Put, else key and values.
fn action_size(action: &Value) -> usize {
    let Some(action) = action.as_object().and_then(|o| o.values().next()) else {
        return 0;
    };
    ["Item", "Key", "ExpressionAttributeValues"]
        .iter()
        .map(|part| attributes_size(&action[*part]))
        .sum()
}

fn attributes_size(attributes: &Value) -> usize {
    attributes.as_object().map_or(0, |map| {
        map.iter()
            .map(|(name, value)| name.len() + value_size(value))
            .sum()
    })
}

fn value_size(value: &Value) -> usize {
    let Some((kind, inner)) = value.as_object().and_then(|o| o.iter().next()) else {
        return 0;
    };
    let text = || inner.as_str().map_or(0, str::len);
    match kind.as_str() {
        "S" => text(),
        "N" => text() / 2 + 1,
        "B" => text() / 4 * 3,
        "M" => {
            3 + inner.as_object().map_or(0, |m| {
                m.iter().map(|(k, v)| 1 + k.len() + value_size(v)).sum()
            })
        }
        "L" => {
            3 + inner
                .as_array()
                .map_or(0, |l| l.iter().map(|v| 1 + value_size(v)).sum())
        }
        "SS" | "NS" | "BS" => inner.as_array().map_or(0, |l| {
            l.iter().map(|v| v.as_str().map_or(0, str::len)).sum()
        }),
        _ => 1,
    }
}
