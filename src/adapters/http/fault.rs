//! Reads an error's chain of causes: which fault, which words, sent or not; knows no adapter.

use std::error::Error;
use std::io;

use super::{DnsFailure, HttpError};
use crate::core::observation::NetFault;

/// The errors from the outermost to the first cause; looks into `io::Error` too, whose source skips a step.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| inner(*error))
}

fn inner<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    match error
        .downcast_ref::<io::Error>()
        .and_then(io::Error::get_ref)
    {
        Some(inner) => Some(inner),
        None => error.source(),
    }
}

/// An error with its causes, without any URL (which may be secret).
#[must_use]
pub fn text(error: &(dyn Error + 'static)) -> String {
    let mut parts: Vec<String> = Vec::new();
    for error in chain(error) {
        // reqwest's own sentence names the URL and says less than its cause.
        if error.is::<reqwest::Error>() && error.source().is_some() {
            continue;
        }
        let part = match error.downcast_ref::<reqwest::Error>() {
            Some(error) if error.is_timeout() => "timed out".to_owned(),
            Some(error) if error.is_builder() => "the request could not be built".to_owned(),
            Some(_) => "the exchange failed".to_owned(),
            None => error.to_string(),
        };
        if !parts.iter().any(|seen| seen.contains(&part)) {
            parts.push(part);
        }
    }
    parts.join(": ")
}

/// True where the request certainly never left: no connection, or not even a request.
#[must_use]
pub fn never_sent(error: &(dyn Error + 'static)) -> bool {
    chain(error).any(|error| {
        error.is::<HttpError>()
            || error
                .downcast_ref::<reqwest::Error>()
                .is_some_and(|e| e.is_connect() || e.is_builder())
    })
}

/// Which kind of fault an error below HTTP is, by the types in its chain.
#[must_use]
pub fn fault(error: &(dyn Error + 'static)) -> NetFault {
    let mut found = None;
    let mut connecting = false;
    for error in chain(error) {
        if error.is::<DnsFailure>() {
            return NetFault::Dns;
        }
        if error.is::<rustls::Error>() {
            return NetFault::Tls;
        }
        if let Some(error) = error.downcast_ref::<reqwest::Error>() {
            connecting |= error.is_connect();
            if error.is_timeout() {
                return NetFault::Timeout;
            }
            if error.is_redirect() {
                found.get_or_insert(NetFault::Redirect);
            }
        }
        if let Some(error) = error.downcast_ref::<hyper::Error>() {
            if error.is_incomplete_message() || error.is_canceled() || error.is_closed() {
                found = Some(NetFault::Reset);
            } else if error.is_parse() || error.source().is_none() {
                // Not HTTP, or an answer before the request (a banner), for which there is no own predicate.
                found = Some(NetFault::Protocol);
            }
        }
        if let Some(error) = error.downcast_ref::<io::Error>() {
            found = io_fault(error.kind(), connecting).or(found);
        }
    }
    found.unwrap_or(NetFault::Protocol)
}

fn io_fault(kind: io::ErrorKind, connecting: bool) -> Option<NetFault> {
    match kind {
        io::ErrorKind::ConnectionRefused
        | io::ErrorKind::HostUnreachable
        | io::ErrorKind::NetworkUnreachable
        | io::ErrorKind::AddrNotAvailable => Some(NetFault::Refused),
        io::ErrorKind::TimedOut => Some(NetFault::Timeout),
        // The connection stood, the handshake did not.
        io::ErrorKind::UnexpectedEof if connecting => Some(NetFault::Tls),
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::UnexpectedEof
        | io::ErrorKind::NotConnected => Some(NetFault::Reset),
        _ => None,
    }
}
