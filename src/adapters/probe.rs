//! Fetches a URL once and picks out what a gate asked for; knows no bound and no verdict.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use reqwest::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CACHE_CONTROL, COOKIE, HeaderMap, HeaderName, HeaderValue,
    LOCATION,
};
use url::Url;

use super::http::{self, Http};
use crate::core::observation::{Answer, NetFault, Probe, ProbeRequest};
use crate::ports::{Clock, Prober};

/// So much of a body is read.
const BODY: usize = 64 * 1024;
/// So many redirects are followed.
const REDIRECTS: usize = 5;

type Fault = (NetFault, String);

/// The prober. Every probe has a connection of its own, as a new visitor's would be.
#[derive(Clone)]
pub struct HttpProber {
    http: Http,
    clock: Arc<dyn Clock>,
}

impl HttpProber {
    /// A prober on the process's client.
    #[must_use]
    pub fn new(http: &Http, clock: Arc<dyn Clock>) -> Self {
        Self {
            http: http.clone(),
            clock,
        }
    }

    async fn exchange(&self, request: &ProbeRequest) -> Result<Answer, Fault> {
        let mut url = Url::parse(&request.url)
            .map_err(|_| (NetFault::Protocol, "not an absolute URL".to_owned()))?;
        let mut headers = headers(&request.headers)?;
        let mut followed = 0;
        loop {
            let response = self.ask(&url, &headers).await?;
            let to = match redirect(&response).filter(|_| request.follow_redirects) {
                None => return read(response, request).await,
                Some(to) => to,
            };
            if followed == REDIRECTS {
                return Err((
                    NetFault::Redirect,
                    format!("redirected more than {REDIRECTS} times"),
                ));
            }
            followed += 1;
            let next = to
                .to_str()
                .ok()
                .and_then(|to| url.join(to).ok())
                .ok_or((NetFault::Redirect, "redirected to nowhere".to_owned()))?;
            http::check(&next).map_err(|error| (NetFault::Redirect, error.to_string()))?;
            if next.origin() != url.origin() {
                // What was meant for one host is not shown to another.
                headers.remove(AUTHORIZATION);
                headers.remove(COOKIE);
            }
            url = next;
        }
    }

    async fn ask(&self, url: &Url, headers: &HeaderMap) -> Result<reqwest::Response, Fault> {
        let client = self
            .http
            .fresh(url)
            .map_err(|error| (NetFault::Protocol, error.to_string()))?;
        client
            .get(url.clone())
            .headers(headers.clone())
            .send()
            .await
            .map_err(|error| (http::fault(&error), http::text(&error)))
    }
}

fn headers(given: &BTreeMap<String, String>) -> Result<HeaderMap, Fault> {
    let mut headers = HeaderMap::new();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    for (name, value) in given {
        let unusable = || {
            (
                NetFault::Protocol,
                format!("the request header `{name}` cannot be sent"),
            )
        };
        let parsed = HeaderName::from_bytes(name.as_bytes()).map_err(|_| unusable())?;
        let mut value = HeaderValue::from_str(value).map_err(|_| unusable())?;
        value.set_sensitive(true);
        headers.insert(parsed, value);
    }
    Ok(headers)
}

fn redirect(response: &reqwest::Response) -> Option<HeaderValue> {
    let code = response.status().as_u16();
    let found = || response.headers().get(LOCATION).cloned();
    // One without a place to go counts as redirected to nowhere.
    matches!(code, 301 | 302 | 303 | 307 | 308)
        .then(|| found().unwrap_or_else(|| HeaderValue::from_static("http://")))
}

async fn read(mut response: reqwest::Response, request: &ProbeRequest) -> Result<Answer, Fault> {
    let status = response.status().as_u16();
    let headers = request
        .header_names
        .iter()
        .map(|name| name.to_ascii_lowercase())
        .filter_map(|name| {
            let value = response.headers().get(&name)?;
            let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
            Some((name, text))
        })
        .collect();
    let mut body = Vec::new();
    let mut body_cut = false;
    while let Some(chunk) = response
        .chunk()
        .await
        .map_err(|error| (http::fault(&error), http::text(&error)))?
    {
        let room = BODY - body.len();
        body.extend_from_slice(chunk.get(..room).unwrap_or(&chunk));
        if chunk.len() > room {
            body_cut = true;
            break;
        }
    }
    Ok(Answer {
        status,
        json: pick(&body, &request.json_pointers, body_cut),
        headers,
        texts_found: find(&body, &request.body_texts),
        body_cut,
    })
}

/// A body that was cut is no JSON, so nothing is picked out of it.
fn pick(body: &[u8], pointers: &[String], cut: bool) -> BTreeMap<String, String> {
    if pointers.is_empty() || cut {
        return BTreeMap::new();
    }
    let Ok(value) = serde_json::from_slice::<serde_json::Value>(body) else {
        return BTreeMap::new();
    };
    pointers
        .iter()
        .filter_map(|pointer| {
            let text = match value.pointer(pointer)? {
                serde_json::Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            Some((pointer.clone(), text))
        })
        .collect()
}

fn find(body: &[u8], texts: &[String]) -> Vec<String> {
    if texts.is_empty() {
        return Vec::new();
    }
    let body = String::from_utf8_lossy(body);
    texts
        .iter()
        .filter(|text| body.contains(text.as_str()))
        .cloned()
        .collect()
}

#[async_trait]
impl Prober for HttpProber {
    async fn probe(&self, request: &ProbeRequest) -> Probe {
        let (at, began) = (self.clock.now(), self.clock.monotonic());
        let outcome = tokio::time::timeout(request.timeout, self.exchange(request))
            .await
            .unwrap_or_else(|_| {
                Err((
                    NetFault::Timeout,
                    format!("no whole answer in {} ms", request.timeout.as_millis()),
                ))
            });
        Probe {
            at,
            took: self.clock.monotonic().saturating_sub(began),
            outcome,
        }
    }
}

#[cfg(test)]
mod tests;
