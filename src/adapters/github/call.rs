//! One call of GitHub's API with retries, rate limits and errors in our words; knows no answer's shape.

use std::time::Duration;

use octocrab::Octocrab;
use reqwest::StatusCode;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap};
use serde::de::DeserializeOwned;

use super::{Github, http};
use crate::adapters::retry::Patience;
use crate::core::time::Timestamp;
use crate::ports::ForgeError;

/// A comparison carries its files along, so this is generous.
const ANSWER_LIMIT: usize = 8 * 1024 * 1024;
/// GitHub asks for at least a minute where it gives no time. Source: "Rate limits for the REST API".
const UNSAID_WAIT: Duration = Duration::from_secs(60);

/// A call that is about to be made.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub name: &'static str,
    pub route: String,
    permission: &'static str,
    accept: &'static str,
    limit: usize,
    body: Option<String>,
    once: bool,
}

impl Call {
    pub(super) fn new(name: &'static str, route: String, permission: &'static str) -> Self {
        Self {
            name,
            route,
            permission,
            accept: "application/vnd.github+json",
            limit: ANSWER_LIMIT,
            body: None,
            once: false,
        }
    }

    /// A POST, which may come twice without harm.
    pub(super) fn post(mut self, body: &serde_json::Value) -> Self {
        self.body = Some(body.to_string());
        self
    }

    /// Not sent again where it is not known whether it arrived.
    pub(super) fn once(mut self) -> Self {
        self.once = true;
        self
    }

    pub(super) fn accept(mut self, accept: &'static str) -> Self {
        self.accept = accept;
        self
    }

    pub(super) fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    pub(super) fn below(&self, path: &str) -> Self {
        Self {
            route: format!("{}{path}", self.route),
            ..self.clone()
        }
    }

    pub(super) fn page(&self, page: u32) -> Self {
        let sign = if self.route.contains('?') { '&' } else { '?' };
        self.below(&format!("{sign}per_page=100&page={page}"))
    }

    pub(super) fn unreadable(&self, detail: impl std::fmt::Display) -> ForgeError {
        ForgeError::Unreachable {
            detail: format!("{}: the answer cannot be read: {detail}", self.name),
        }
    }
}

/// What GitHub answered.
pub(super) struct Answer {
    pub status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    pub(super) fn json<T: DeserializeOwned>(&self, call: &Call) -> Result<T, ForgeError> {
        serde_json::from_slice(&self.body).map_err(|error| call.unreadable(error))
    }

    /// As JSON, where it is some.
    pub(super) fn read<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_slice(&self.body).ok()
    }

    pub(super) fn text(self, call: &Call) -> Result<String, ForgeError> {
        String::from_utf8(self.body).map_err(|error| call.unreadable(error))
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// GitHub's own sentence, or the status alone.
    fn says(&self) -> String {
        #[derive(serde::Deserialize)]
        struct Said {
            message: String,
        }
        let status = self.status.as_u16();
        match serde_json::from_slice::<Said>(&self.body) {
            Ok(said) => format!("HTTP {status}: {}", said.message),
            Err(_) => format!("HTTP {status}"),
        }
    }

    /// How long to wait, where the answer means that too much was asked.
    fn limited(&self, now: Timestamp) -> Option<Duration> {
        if !matches!(self.status.as_u16(), 403 | 429) {
            return None;
        }
        let number = |name: &str| self.header(name)?.trim().parse::<i64>().ok();
        if let Some(seconds) = number("retry-after") {
            return Some(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)));
        }
        if number("x-ratelimit-remaining") == Some(0) {
            let reset = number("x-ratelimit-reset").map(|s| s.saturating_mul(1000));
            return Some(reset.map_or(UNSAID_WAIT, |reset| {
                Timestamp::from_millis(reset).since(now) + Duration::from_secs(1)
            }));
        }
        let secondary = self.says().to_ascii_lowercase().contains("rate limit");
        (self.status == StatusCode::TOO_MANY_REQUESTS || secondary).then_some(UNSAID_WAIT)
    }
}

/// A part of a path.
pub(super) fn encode(part: &str) -> String {
    let mut encoded = String::new();
    for byte in part.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

impl Github {
    /// A call, made again where that may help: errors of the network and the server, and rate limits that end soon.
    /// What was refused for its rate has not been done, so that also what may be sent only once is sent again then.
    pub(super) async fn send(&self, call: &Call) -> Result<Answer, ForgeError> {
        let mut route = call.route.clone();
        let (mut attempt, mut moved, mut waited) = (0, 0, Duration::ZERO);
        loop {
            let answer = self.try_once(call, &route).await;
            let detail = match answer {
                Ok(answer) => {
                    let now = self.clock.now();
                    if let Some(wait) = answer.limited(now) {
                        if waited + wait > self.bounds.rate_wait {
                            return Err(ForgeError::RateLimited {
                                detail: format!(
                                    "{}: {}; free again at {}",
                                    call.name,
                                    answer.says(),
                                    now.plus(wait)
                                ),
                            });
                        }
                        waited += wait;
                        // Never without a pause, whatever the header says.
                        self.clock.sleep(wait.max(self.bounds.pause)).await;
                        waited += self.bounds.pause;
                        continue;
                    }
                    if let Some(to) = self.moved(&answer).filter(|_| moved < 3) {
                        moved += 1;
                        route = to;
                        continue;
                    }
                    if !answer.status.is_server_error() {
                        return checked(call, answer);
                    }
                    answer.says()
                }
                Err(detail) => detail,
            };
            attempt += 1;
            if attempt >= self.bounds.tries || call.once {
                return Err(ForgeError::Unreachable {
                    detail: format!("{}: {detail} (tried {attempt} times)", call.name),
                });
            }
            let pace = Patience::pace(self.bounds.pause);
            let pause = pace.pause(attempt + 1, self.clock.random());
            self.clock.sleep(pause).await;
        }
    }

    /// One try; the error is the reason in words.
    pub(super) async fn try_once(&self, call: &Call, route: &str) -> Result<Answer, String> {
        tokio::time::timeout(self.bounds.timeout, exchange(&self.api, call, route))
            .await
            .map_err(|_| "no answer in time".to_owned())?
    }

    /// Where a renamed repository went, if that is the same server: the token goes to no other.
    fn moved(&self, answer: &Answer) -> Option<String> {
        if !matches!(answer.status.as_u16(), 301 | 302 | 307 | 308) {
            return None;
        }
        let to = answer.header("location")?.strip_prefix(&self.origin)?;
        to.starts_with('/').then(|| to.to_owned())
    }
}

async fn exchange(api: &Octocrab, call: &Call, route: &str) -> Result<Answer, String> {
    // octocrab's own `get` would add the API version that it was built with beside the one that we pin.
    let response = match &call.body {
        None => {
            let request = ::http::Request::get(route).header(ACCEPT, call.accept);
            let request = request.body(()).map_err(|error| error.to_string())?;
            api.execute(request).await
        }
        Some(body) => {
            let request = ::http::Request::post(route)
                .header(ACCEPT, call.accept)
                .header(CONTENT_TYPE, "application/json");
            let request = request
                .body(body.clone())
                .map_err(|error| error.to_string())?;
            api.execute(request).await
        }
    }
    .map_err(|error| words(&error))?;
    let response = reqwest::Response::from(response.map(reqwest::Body::wrap));
    let (status, headers) = (response.status(), response.headers().clone());
    let body = http::read_body(response, call.limit)
        .await
        .map_err(|error| words(error.as_ref()))?;
    Ok(Answer {
        status,
        headers,
        body,
    })
}

/// octocrab repeats each cause in its own sentence; the network's part says it all.
fn words(error: &(dyn std::error::Error + 'static)) -> String {
    std::iter::successors(Some(error), |error| (*error).source())
        .find(|error| error.is::<reqwest::Error>())
        .map_or_else(|| http::text(error), http::text)
}

fn checked(call: &Call, answer: Answer) -> Result<Answer, ForgeError> {
    match answer.status.as_u16() {
        200..=299 => Ok(answer),
        401 | 403 => Err(ForgeError::Denied {
            call: call.name.to_owned(),
            permission: call.permission.to_owned(),
            detail: answer.says(),
        }),
        404 => Err(ForgeError::NotFound {
            what: format!("{} ({})", call.name, call.route),
        }),
        409 | 422 if call.body.is_some() => Err(ForgeError::Refused {
            call: call.name.to_owned(),
            detail: answer.says(),
        }),
        // How GitHub says that there is no such commit, or that a repository is empty.
        409 | 422 => Err(ForgeError::NotFound {
            what: format!("{} ({}): {}", call.name, call.route, answer.says()),
        }),
        _ => Err(ForgeError::Unreachable {
            detail: format!("{}: {}", call.name, answer.says()),
        }),
    }
}
