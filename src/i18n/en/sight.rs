//! What gates saw, in English; knows no surface.

use crate::i18n::sight::{Sight as S, span};
use crate::i18n::wording::{count, latency, list, number, odds, percent, plural};
use crate::i18n::{Locale, Word};

const L: Locale = Locale::En;

/// The fragment.
pub fn text(sight: &S) -> String {
    match sight {
        S::Nothing => "nothing seen yet".to_owned(),
        S::Good {
            status: Some(status),
            took_ms,
        } => {
            format!("status {status} in {}", latency(*took_ms, L))
        }
        S::Good {
            status: None,
            took_ms,
        } => format!("answered in {}", latency(*took_ms, L)),
        S::Status { got, want: 0 } => format!("status {got} instead of 2xx"),
        S::Status { got, want } => format!("status {got} instead of {want}"),
        S::Network(fault) => fault.word(L).to_owned(),
        S::Json {
            pointer,
            got: Some(got),
            want,
        } => {
            format!("JSON {pointer} is \"{got}\" instead of \"{want}\"")
        }
        S::Json {
            pointer,
            got: None,
            want,
        } => {
            format!("JSON {pointer} is missing, wanted \"{want}\"")
        }
        S::Header {
            name,
            got: Some(got),
            want,
        } => {
            format!("header {name} is \"{got}\" instead of \"{want}\"")
        }
        S::Header {
            name,
            got: None,
            want,
        } => {
            format!("header {name} is missing, wanted \"{want}\"")
        }
        S::Body(want) => format!("the body does not contain \"{want}\""),
        S::Slow { took_ms, max_ms } => format!(
            "answered in {}, allowed are {}",
            latency(*took_ms, L),
            latency(*max_ms, L)
        ),
        S::Version {
            got: Some(got),
            want,
        } => {
            format!("version \"{got}\" answers instead of \"{want}\"")
        }
        S::Version { got: None, want } => format!("the answer names no version, wanted \"{want}\""),
        S::InARow(n) => format!("{} in a row", plural(u64::from(*n), "failure", "failures")),
        S::Confirmed(ms) => format!("confirmed for {}", span(*ms, L)),
        S::Probes { errors, requests } => {
            format!(
                "{} of {} failed",
                count(*errors),
                plural(*requests, "probe", "probes")
            )
        }
        S::Counts { errors, requests } => {
            format!(
                "{} failed{}",
                of(*errors, *requests),
                share(*errors, *requests)
            )
        }
        S::SlowCounts { errors, requests } => {
            format!(
                "{} too slow{}",
                of(*errors, *requests),
                share(*errors, *requests)
            )
        }
        S::ThrottledCounts { errors, requests } => {
            format!(
                "{} throttled{}",
                of(*errors, *requests),
                share(*errors, *requests)
            )
        }
        S::NoRequests => "no requests".to_owned(),
        S::Value { value } => format!("value {}", number(*value)),
        S::Matches(n) => format!("{} matching log lines", number(*n)),
        S::Firing(names) => format!("in ALARM: {}", list(names, 5, L)),
        S::NoneFiring => "no alarm is firing".to_owned(),
        S::Text(text) => text.clone(),
        S::Unknown(why) if why.detail.is_empty() => {
            format!("could not be observed: {}", why.kind.word(L))
        }
        S::Unknown(why) => format!(
            "could not be observed: {} ({})",
            why.kind.word(L),
            why.detail
        ),
        S::Bound(bound) => format!("bound {}", percent(*bound, L)),
        S::PlainBound(bound) => format!("bound {}", number(*bound)),
        S::Baseline(bound) => format!("bound from its own past {}", percent(*bound, L)),
        S::Before { errors, requests } => {
            format!("{} of {} before", count(*errors), count(*requests))
        }
        S::Interval(low, high) => format!(
            "between {} and {} with 95 % certainty",
            percent(*low, L),
            percent(*high, L)
        ),
        S::Unseen(1) => "the newest minute was not observed".to_owned(),
        S::Unseen(minutes) => format!("the newest {} minutes were not observed", count(*minutes)),
        S::Certain(chance) => format!("certain to 1 in {}", odds(*chance)),
        S::Evidence(share) => format!("{} of the evidence to fail", percent(*share, L)),
        S::PassEvidence(share) => format!("{} of the evidence to pass", percent(*share, L)),
        S::Certified => "certified".to_owned(),
        S::Thin => "can fail the deployment, not hold it".to_owned(),
    }
}

fn of(errors: u64, requests: u64) -> String {
    format!(
        "{} of {}",
        count(errors),
        plural(requests, "request", "requests")
    )
}

fn share(errors: u64, requests: u64) -> String {
    if requests == 0 {
        return String::new();
    }
    format!(" ({})", percent(errors as f64 / requests as f64, L))
}
