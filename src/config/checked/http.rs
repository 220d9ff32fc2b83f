//! The HTTP gate, from raw to settings: defaults, URL, wanted values; knows no socket.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::config::checked::context::{Context, MILLI, numbered, seconds};
use crate::config::forms;
use crate::config::problem::join;
use crate::config::raw::{RawHttp, RawScalar, RawVersion};
use crate::config::scalar::shown;
use crate::config::template::Spot;
use crate::config::urls::check_url;
use crate::core::gate::http::{HttpGate, HttpMode, VersionCheck};
use crate::i18n::config::{Form, ProblemKind};

/// An HTTP gate with every default, as `health_url` makes it.
///
/// # Errors
/// What is wrong with the URL.
pub fn http_gate(url: &str, window: Duration) -> Result<HttpGate, ProblemKind> {
    check_url(url)?;
    Ok(bare_http("http".to_owned(), url.to_owned(), window))
}

fn bare_http(name: String, url: String, window: Duration) -> HttpGate {
    HttpGate {
        name,
        url,
        headers: BTreeMap::new(),
        status: None,
        json: BTreeMap::new(),
        header: BTreeMap::new(),
        body: None,
        version: None,
        timeout: seconds(5),
        max_latency: None,
        consecutive_failures: 2,
        confirm: seconds(10),
        warmup: seconds(20).min(window / 2),
        consecutive_successes: 2,
        follow_redirects: false,
        mode: HttpMode::Consecutive,
    }
}

/// One HTTP gate; `None` where its URL is missing or wrong.
pub(super) fn gate(
    c: &mut Context<'_>,
    path: &str,
    n: usize,
    raw: &RawHttp,
    window: Duration,
) -> Option<HttpGate> {
    let at = |key: &str| join(path, key);
    let name = c.formed(&at("name"), raw.name.as_ref(), Form::NotEmpty, Spot::Plain);
    let url = url(c, &at("url"), raw.url.as_ref());
    let default = bare_http(
        name.unwrap_or_else(|| numbered("http", n)),
        String::new(),
        window,
    );
    let warmup = c.duration(&at("warmup"), raw.warmup, default.warmup, Duration::ZERO);
    if warmup >= window {
        let kind = ProblemKind::MustBeBelow {
            found: warmup,
            other: "gates.window".to_owned(),
            limit: window,
        };
        c.problems.push(&at("warmup"), kind);
    }
    let gate = HttpGate {
        headers: texts(
            c,
            &at("headers"),
            &raw.headers,
            Form::HeaderName,
            Form::HeaderValue,
        ),
        status: raw.status,
        json: texts(
            c,
            &at("json"),
            &raw.json,
            Form::JsonPointer,
            Form::HeaderValue,
        ),
        header: texts(
            c,
            &at("header"),
            &raw.header,
            Form::HeaderName,
            Form::HeaderValue,
        ),
        body: c.formed(&at("body"), raw.body.as_ref(), Form::NotEmpty, Spot::Gate),
        version: raw
            .version
            .as_ref()
            .and_then(|one| version(c, &at("version"), one)),
        timeout: c.duration(&at("timeout"), raw.timeout, default.timeout, MILLI),
        max_latency: c.optional_duration(&at("max_latency"), raw.max_latency, MILLI),
        consecutive_failures: raw
            .consecutive_failures
            .unwrap_or(default.consecutive_failures),
        confirm: c.duration(&at("confirm"), raw.confirm, default.confirm, Duration::ZERO),
        warmup,
        consecutive_successes: raw
            .consecutive_successes
            .unwrap_or(default.consecutive_successes),
        follow_redirects: raw.follow_redirects.unwrap_or(default.follow_redirects),
        mode: raw.mode.unwrap_or(default.mode),
        ..default
    };
    Some(HttpGate { url: url?, ..gate })
}

fn url(c: &mut Context<'_>, path: &str, raw: Option<&String>) -> Option<String> {
    let Some(raw) = raw else {
        c.problems.push_missing(path, ProblemKind::Missing);
        return None;
    };
    let filled = c.fill(path, raw, Spot::Gate);
    if !filled.open
        && let Err(kind) = check_url(&filled.text)
    {
        let kind = match kind {
            // The text as it is written: a variable's value may be a secret.
            ProblemKind::BadForm { form, .. } => ProblemKind::BadForm {
                form,
                found: Some(shown(raw)),
            },
            other => other,
        };
        c.problems.push(path, kind);
        return None;
    }
    Some(filled.text)
}

/// A mapping of text to wanted text; no value is quoted, for headers carry tokens.
fn texts(
    c: &mut Context<'_>,
    path: &str,
    raw: &BTreeMap<String, RawScalar>,
    key_form: Form,
    form: Form,
) -> BTreeMap<String, String> {
    let mut kept = BTreeMap::new();
    for (key, RawScalar(value)) in raw {
        let at = join(path, key);
        c.fits(&at, key_form, key);
        let filled = c.fill(&at, value, Spot::Gate);
        if !filled.open && !forms::fits(form, &filled.text) {
            c.problems
                .push(&at, ProblemKind::BadForm { form, found: None });
        }
        kept.insert(key.clone(), filled.text);
    }
    kept
}

fn version(c: &mut Context<'_>, path: &str, raw: &RawVersion) -> Option<VersionCheck> {
    let at = |key: &str| join(path, key);
    if raw.json.is_none() && raw.header.is_none() {
        c.one_of(path, &["json", "header"]);
    }
    let equals = raw.equals.as_ref().map(|RawScalar(text)| text);
    Some(VersionCheck {
        json: c.formed(
            &at("json"),
            raw.json.as_ref(),
            Form::JsonPointer,
            Spot::Plain,
        ),
        header: c.formed(
            &at("header"),
            raw.header.as_ref(),
            Form::HeaderName,
            Spot::Plain,
        ),
        equals: match equals {
            None => "{ref}".to_owned(),
            equals => c.formed(&at("equals"), equals, Form::NotEmpty, Spot::Version)?,
        },
    })
}
