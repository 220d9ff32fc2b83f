//! Slack for one world: an incoming webhook and the two Web API methods that are used, with switchable moods.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use serde_json::{Value, json};

use super::calls::{Calls, Seen};
use super::faults::{Fault, Faults, Wire};
use super::http::{Reply, Req, Server, close_without_answer, form, lock, random_hex};

/// How the webhook treats a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Mood {
    /// 200 `ok`.
    #[default]
    Ok,
    /// 500 `rollup_error`.
    Broken,
    /// 429 with this `Retry-After`, in seconds.
    RateLimited(u64),
    /// 403 `invalid_token`.
    InvalidToken,
    /// 404 `no_service`: the webhook was revoked.
    NoService,
    /// 410 `channel_is_archived`.
    ChannelIsArchived,
    /// 400 `invalid_payload`.
    InvalidPayload,
    /// No answer, ever.
    Hang,
    /// The message is shown, but the answer never comes.
    ShownThenHang,
}

/// One message that Slack took.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// `webhook`, `chat.postMessage` or `chat.update`.
    pub via: &'static str,
    pub payload: Value,
    /// The time stamp that the Web API gave it.
    pub ts: Option<String>,
}

struct Shared {
    wire: Wire,
    mood: Mutex<Mood>,
    api_error: Mutex<Option<String>>,
    taken: Mutex<Vec<Message>>,
    hook: String,
    bot_token: String,
}

/// Slack.
pub struct Slack {
    server: Server,
    shared: Arc<Shared>,
}

impl Slack {
    /// Starts Slack with a webhook and a bot token of its own.
    pub fn start(calls: &Calls, faults: &Faults) -> Self {
        let shared = Arc::new(Shared {
            wire: Wire::new(calls, faults, dialect),
            mood: Mutex::default(),
            api_error: Mutex::default(),
            taken: Mutex::default(),
            hook: format!("/services/T0000WORLD/B0000WORLD/{}", random_hex(12)),
            bot_token: format!("xoxb-world-{}", random_hex(12)),
        });
        let router = Router::new()
            .fallback(handle)
            .with_state(Arc::clone(&shared));
        Self {
            server: Server::start("slack", router),
            shared,
        }
    }

    /// The server, to take it down and up.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// The webhook's URL: a secret.
    pub fn webhook_url(&self) -> String {
        format!("{}{}", self.server.url(), self.shared.hook)
    }

    /// The bot's token: a secret.
    pub fn bot_token(&self) -> &str {
        &self.shared.bot_token
    }

    /// Value of `DEPLOY_GUARD_SLACK_API_URL`.
    pub fn api_url(&self) -> String {
        format!("{}/api", self.server.url())
    }

    /// Switches the webhook.
    pub fn set_mood(&self, mood: Mood) {
        *lock(&self.shared.mood) = mood;
    }

    /// Every Web API call answers `{"ok": false, "error": …}`; `None` mends it.
    pub fn set_api_error(&self, error: Option<&str>) {
        *lock(&self.shared.api_error) = error.map(str::to_owned);
    }

    /// All messages that were taken, oldest first.
    pub fn messages(&self) -> Vec<Message> {
        lock(&self.shared.taken).clone()
    }

    /// The `text` of all messages, oldest first.
    pub fn texts(&self) -> Vec<String> {
        self.messages()
            .iter()
            .map(|m| m.payload["text"].as_str().unwrap_or_default().to_owned())
            .collect()
    }
}

fn dialect(fault: &Fault, seen: &Seen) -> Reply {
    let api = seen.operation != "webhook";
    match fault {
        Fault::Throttle if api => {
            Reply::json(429, &json!({ "ok": false, "error": "ratelimited" })).with("retry-after", 1)
        }
        Fault::Throttle => Reply::text(429, "rate_limited").with("retry-after", 1),
        Fault::Denied if api => Reply::json(200, &json!({ "ok": false, "error": "missing_scope" })),
        Fault::Denied => Reply::text(403, "action_prohibited"),
        Fault::Status(status) if api => {
            Reply::json(*status, &json!({ "ok": false, "error": "fatal_error" }))
        }
        Fault::Status(status) => Reply::text(*status, "rollup_error"),
        other => Reply::text(500, &format!("the Slack fake has no words for {other:?}")),
    }
}

async fn handle(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let Some(req) = Req::read(request).await else {
        return close_without_answer();
    };
    let operation = match req.path.as_str() {
        path if path.starts_with("/services/") => "webhook".to_owned(),
        path => path
            .strip_prefix("/api/")
            .map_or_else(|| format!("{} {path}", req.method), str::to_owned),
    };
    // The webhook's path is a secret, but this log is the world's own.
    let seen = Seen {
        service: "Slack".into(),
        operation,
        target: req.target.clone(),
        body: req.text(),
        access_key: None,
    };
    let wire = shared.wire.clone();
    let known = seen.clone();
    wire.answer(seen, async move {
        if known.operation == "webhook" {
            webhook(&shared, &req).await
        } else {
            api(&shared, &req, &known)
        }
    })
    .await
}

async fn webhook(shared: &Shared, req: &Req) -> Reply {
    if req.path != shared.hook {
        return Reply::text(404, "no_service");
    }
    let mood = lock(&shared.mood).clone();
    match mood {
        Mood::Ok | Mood::ShownThenHang => {}
        Mood::Broken => return Reply::text(500, "rollup_error"),
        Mood::RateLimited(seconds) => {
            return Reply::text(429, "rate_limited").with("retry-after", seconds);
        }
        Mood::InvalidToken => return Reply::text(403, "invalid_token"),
        Mood::NoService => return Reply::text(404, "no_service"),
        Mood::ChannelIsArchived => return Reply::text(410, "channel_is_archived"),
        Mood::InvalidPayload => return Reply::text(400, "invalid_payload"),
        Mood::Hang => std::future::pending().await,
    }
    let payload = req.json();
    if !payload.is_object() {
        return Reply::text(400, "invalid_payload");
    }
    if payload["text"].as_str().is_none_or(str::is_empty)
        && payload["blocks"].is_null()
        && payload["attachments"].is_null()
    {
        return Reply::text(400, "no_text");
    }
    lock(&shared.taken).push(Message {
        via: "webhook",
        payload,
        ts: None,
    });
    if mood == Mood::ShownThenHang {
        std::future::pending::<()>().await;
    }
    Reply::text(200, "ok")
}

fn api(shared: &Shared, req: &Req, seen: &Seen) -> Reply {
    let refused = |error: &str| Reply::json(200, &json!({ "ok": false, "error": error }));
    if req.header("authorization") != format!("Bearer {}", shared.bot_token) {
        return refused(if req.header("authorization").is_empty() {
            "not_authed"
        } else {
            "invalid_auth"
        });
    }
    if let Some(error) = lock(&shared.api_error).as_deref() {
        return refused(error);
    }
    let payload = match req.json() {
        Value::Null => form(&req.text())
            .into_iter()
            .map(|(k, v)| (k, Value::String(v)))
            .collect(),
        json => json,
    };
    let Some(channel) = payload["channel"]
        .as_str()
        .filter(|c| !c.is_empty())
        .map(str::to_owned)
    else {
        return refused("channel_not_found");
    };
    let said = payload["text"].as_str().unwrap_or_default();
    let shows =
        !said.is_empty() || !payload["blocks"].is_null() || !payload["attachments"].is_null();
    let mut taken = lock(&shared.taken);
    match seen.operation.as_str() {
        "chat.postMessage" | "chat.update" if !shows => refused("no_text"),
        "chat.postMessage" => {
            let ts = format!("1700000000.{:06}", taken.len() + 1);
            let id = if channel.starts_with('C') {
                channel
            } else {
                "C0000WORLD".to_owned()
            };
            let answer = json!({ "ok": true, "channel": id, "ts": ts, "message": { "type": "message", "text": said, "ts": ts } });
            taken.push(Message {
                via: "chat.postMessage",
                payload,
                ts: Some(ts),
            });
            Reply::json(200, &answer)
        }
        "chat.update" => {
            let ts = payload["ts"].as_str().unwrap_or_default().to_owned();
            if !channel.starts_with('C') {
                return refused("channel_not_found");
            }
            if said.chars().count() > 4000 {
                return refused("msg_too_long");
            }
            if !taken
                .iter()
                .any(|m| m.via == "chat.postMessage" && m.ts.as_deref() == Some(ts.as_str()))
            {
                return refused("message_not_found");
            }
            let answer = json!({ "ok": true, "channel": channel, "ts": ts, "text": said });
            taken.push(Message {
                via: "chat.update",
                payload,
                ts: Some(ts),
            });
            Reply::json(200, &answer)
        }
        _ => refused("unknown_method"),
    }
}
