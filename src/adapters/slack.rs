//! Slack's incoming webhook and its bot as channels; knows no event and writes no sentence of a message.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use url::Url;

use super::http::{self, Http, HttpError};
use super::retry::Patience;
use crate::core::alert::Channel;
use crate::ports::{Clock, Message, Notifier, SendError};

/// Where Slack's Web API is, unless told otherwise.
pub const API: &str = "https://slack.com/api";
const ANSWER_LIMIT: usize = 64 * 1024;

/// How long to try.
#[derive(Debug, Clone, Copy)]
pub struct SlackBounds {
    /// One try with its answer.
    pub attempt: Duration,
    /// All tries and pauses together.
    pub whole: Duration,
    /// Base of the pause between tries.
    pub pause: Duration,
}

impl Default for SlackBounds {
    fn default() -> Self {
        Self {
            attempt: Duration::from_secs(10),
            whole: Duration::from_secs(30),
            pause: Duration::from_millis(500),
        }
    }
}

/// What both ways share: one POST, and again only where nothing can have been delivered.
struct Poster {
    http: Http,
    clock: Arc<dyn Clock>,
    bounds: SlackBounds,
}

struct Answer {
    status: StatusCode,
    after: Option<Duration>,
    body: String,
}

impl Poster {
    async fn post(
        &self,
        url: &Url,
        bearer: Option<&SecretString>,
        payload: &Value,
        judge: impl Fn(Answer) -> Result<(), SendError>,
    ) -> Result<(), SendError> {
        let began = self.clock.monotonic();
        let mut attempt = 0;
        loop {
            attempt += 1;
            let spent = self.clock.monotonic().saturating_sub(began);
            let left = self.bounds.whole.saturating_sub(spent);
            let result = match self.once(url, bearer, payload, left).await {
                Ok(answer) => judge(answer),
                Err(error) => Err(error),
            };
            let Err(SendError::Later { detail, after }) = result else {
                return result;
            };
            let spent = self.clock.monotonic().saturating_sub(began);
            let pace = Patience::pace(self.bounds.pause);
            let wait = after.unwrap_or_else(|| pace.pause(attempt + 1, self.clock.random()));
            if attempt >= 3 || spent + wait >= self.bounds.whole {
                return Err(SendError::Later { detail, after });
            }
            self.clock.sleep(wait).await;
        }
    }

    async fn once(
        &self,
        url: &Url,
        bearer: Option<&SecretString>,
        payload: &Value,
        left: Duration,
    ) -> Result<Answer, SendError> {
        let client = self.http.client(url).map_err(|error| SendError::Dead {
            detail: error.to_string(),
        })?;
        let mut request = client.post(url.clone()).json(payload);
        if let Some(token) = bearer {
            request = request.bearer_auth(token.expose_secret());
        }
        let exchange = async {
            let response = request.send().await.map_err(|error| failed(&error))?;
            let (status, after) = (response.status(), retry_after(response.headers()));
            let body = http::read_body(response, ANSWER_LIMIT)
                .await
                .map_err(|error| SendError::Perhaps {
                    detail: http::text(error.as_ref()),
                })?;
            Ok(Answer {
                status,
                after,
                body: String::from_utf8_lossy(&body).trim().to_owned(),
            })
        };
        tokio::time::timeout(self.bounds.attempt.min(left), exchange)
            .await
            .unwrap_or_else(|_| {
                Err(SendError::Perhaps {
                    detail: "no answer in time".to_owned(),
                })
            })
    }
}

fn failed(error: &reqwest::Error) -> SendError {
    let detail = http::text(error);
    if http::never_sent(error) {
        SendError::Later {
            detail,
            after: None,
        }
    } else {
        SendError::Perhaps { detail }
    }
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers
        .get(RETRY_AFTER)?
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()?;
    Some(Duration::from_secs(seconds))
}

/// What an answer of a stranger is shown as: its beginning.
fn said(answer: &Answer) -> String {
    let body: String = answer.body.chars().take(120).collect();
    format!("HTTP {}: {body}", answer.status.as_u16())
}

/// An incoming webhook. Its URL is a secret and stands in no error.
pub struct SlackWebhook {
    poster: Poster,
    url: SecretString,
}

impl fmt::Debug for SlackWebhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SlackWebhook(***)")
    }
}

/// A webhook or token that cannot be used; says nothing of its text.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SlackSetupError {
    /// Not a URL that may be used.
    #[error("the Slack webhook URL cannot be used: {0}")]
    BadWebhook(HttpError),
    /// Not a URL that may be used.
    #[error("DEPLOY_GUARD_SLACK_API_URL cannot be used: {0}")]
    BadApi(HttpError),
}

impl SlackWebhook {
    /// A webhook by its URL.
    pub fn new(
        http: &Http,
        clock: Arc<dyn Clock>,
        url: SecretString,
        bounds: SlackBounds,
    ) -> Result<Self, SlackSetupError> {
        http::check_url(url.expose_secret().trim()).map_err(SlackSetupError::BadWebhook)?;
        Ok(Self {
            poster: Poster {
                http: http.clone(),
                clock,
                bounds,
            },
            url,
        })
    }
}

#[async_trait]
impl Notifier for SlackWebhook {
    fn channel(&self) -> Channel {
        Channel::Slack
    }

    async fn send(&self, message: &Message) -> Result<(), SendError> {
        let url =
            http::check_url(self.url.expose_secret().trim()).map_err(|error| SendError::Dead {
                detail: error.to_string(),
            })?;
        self.poster
            .post(&url, None, &message.slack, judge_webhook)
            .await
    }
}

/// Bodies that say that this webhook, or this payload, will never work.
/// Source: docs.slack.dev, "Sending messages using incoming webhooks"; Slack's changelog of 2016-05-17.
const DEAD: [&str; 15] = [
    "invalid_payload",
    "user_not_found",
    "invalid_blocks",
    "no_text",
    "invalid_token",
    "action_prohibited",
    "channel_not_found",
    "no_service",
    "channel_is_archived",
    "no_active_hooks",
    "no_service_id",
    "no_team",
    "team_disabled",
    "posting_to_general_channel_denied",
    "too_many_attachments",
];

/// By the body, for the same words come with different statuses.
fn judge_webhook(answer: Answer) -> Result<(), SendError> {
    let status = answer.status;
    if status.is_success() && answer.body == "ok" {
        return Ok(());
    }
    let dead = DEAD
        .iter()
        .any(|word| answer.body.split(|c: char| !is_word(c)).any(|w| w == *word));
    if dead {
        return Err(SendError::Dead {
            detail: said(&answer),
        });
    }
    if status == StatusCode::TOO_MANY_REQUESTS {
        return Err(SendError::Later {
            detail: said(&answer),
            after: answer.after.or(Some(Duration::from_secs(1))),
        });
    }
    if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT {
        return Err(SendError::Later {
            detail: said(&answer),
            after: answer.after,
        });
    }
    if status.is_success() {
        return Err(SendError::Perhaps {
            detail: format!("an answer that is not Slack's: {}", said(&answer)),
        });
    }
    Err(SendError::Dead {
        detail: said(&answer),
    })
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// The bot: posts to one channel.
pub struct SlackBot {
    poster: Poster,
    url: Url,
    token: SecretString,
    channel: String,
}

impl fmt::Debug for SlackBot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SlackBot")
            .field("channel", &self.channel)
            .field("token", &"***")
            .finish_non_exhaustive()
    }
}

impl SlackBot {
    /// A bot for one channel, by name or id; `api` is [`API`] or what stands for it.
    pub fn new(
        http: &Http,
        clock: Arc<dyn Clock>,
        api: &str,
        token: SecretString,
        channel: String,
        bounds: SlackBounds,
    ) -> Result<Self, SlackSetupError> {
        let url = format!("{}/chat.postMessage", api.trim_end_matches('/'));
        Ok(Self {
            poster: Poster {
                http: http.clone(),
                clock,
                bounds,
            },
            url: http::check_url(&url).map_err(SlackSetupError::BadApi)?,
            token,
            channel,
        })
    }
}

#[async_trait]
impl Notifier for SlackBot {
    fn channel(&self) -> Channel {
        Channel::SlackBot
    }

    async fn send(&self, message: &Message) -> Result<(), SendError> {
        let mut payload = match &message.slack {
            Value::Object(fields) => fields.clone(),
            _ => serde_json::Map::new(),
        };
        payload.insert("channel".to_owned(), Value::from(self.channel.as_str()));
        payload
            .entry("text")
            .or_insert_with(|| Value::from(message.subject.as_str()));
        self.poster
            .post(
                &self.url,
                Some(&self.token),
                &Value::Object(payload),
                judge_bot,
            )
            .await
    }
}

/// Source: docs.slack.dev, `chat.postMessage`, "Errors": of `fatal_error` and `internal_error` it says that a
/// part may have been done.
fn judge_bot(answer: Answer) -> Result<(), SendError> {
    #[derive(serde::Deserialize)]
    struct Said {
        ok: bool,
        error: Option<String>,
        needed: Option<String>,
    }
    let later = |detail: String, after| Err(SendError::Later { detail, after });
    if answer.status == StatusCode::TOO_MANY_REQUESTS {
        return later(said(&answer), answer.after.or(Some(Duration::from_secs(1))));
    }
    let Ok(read) = serde_json::from_str::<Said>(&answer.body) else {
        return if answer.status.is_server_error() {
            later(said(&answer), answer.after)
        } else if answer.status.is_success() {
            Err(SendError::Perhaps {
                detail: format!("an answer that is not Slack's: {}", said(&answer)),
            })
        } else {
            Err(SendError::Dead {
                detail: said(&answer),
            })
        };
    };
    if read.ok {
        return Ok(());
    }
    let word = read.error.unwrap_or_else(|| "no error named".to_owned());
    match word.as_str() {
        "ratelimited" | "rate_limited" => {
            later(word, answer.after.or(Some(Duration::from_secs(1))))
        }
        "service_unavailable" | "request_timeout" => later(word, answer.after),
        "fatal_error" | "internal_error" => Err(SendError::Perhaps { detail: word }),
        _ => Err(SendError::Dead {
            detail: match read.needed {
                Some(scope) => format!("{word}: the bot needs the scope {scope}"),
                None => word,
            },
        }),
    }
}

#[cfg(test)]
mod tests;
