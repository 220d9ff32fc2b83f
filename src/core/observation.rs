//! What was seen, or why nothing was; knows no bound and no verdict.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::core::record::words;
use crate::core::time::Timestamp;

/// A value that was observed, or the reason why it was not. There is no default.
#[derive(Debug, Clone, PartialEq)]
pub enum Reading<T> {
    /// Seen.
    Known(T),
    /// Not seen.
    Unknown(Why),
}

impl<T> Reading<T> {
    /// The value, if it was seen.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Unknown(_) => None,
        }
    }

    /// Changes the value, keeps the reason.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Reading<U> {
        match self {
            Self::Known(value) => Reading::Known(change(value)),
            Self::Unknown(why) => Reading::Unknown(why),
        }
    }
}

words! {
    /// The kind of reason why something could not be observed.
    Kind {
        /// No answer in time.
        Timeout = "timeout",
        /// No connection.
        Unreachable = "unreachable",
        /// Not allowed.
        Denied = "denied",
        /// Told to slow down.
        Throttled = "throttled",
        /// There is no such thing.
        NotFound = "not_found",
        /// An answer that cannot be read.
        Malformed = "malformed",
        /// The provider's own error.
        Provider = "provider",
        /// An answer without data.
        NoData = "no_data",
    }
}

/// Why something could not be observed: what kind, and the outside's own words (not to be printed raw).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Why {
    /// What kind of reason.
    pub kind: Kind,
    /// Detail for people, from outside.
    pub detail: String,
}

impl Why {
    /// Puts the two together.
    pub fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            detail: detail.into(),
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind, self.detail)
    }
}

words! {
    /// How an HTTP probe failed below HTTP.
    NetFault {
        /// The name does not resolve.
        Dns = "dns",
        /// Nobody listens.
        Refused = "refused",
        /// No trust, or no handshake.
        Tls = "tls",
        /// No whole answer in time.
        Timeout = "timeout",
        /// The connection broke.
        Reset = "reset",
        /// Not HTTP.
        Protocol = "protocol",
        /// Redirected more often than is followed, or to nowhere.
        Redirect = "redirect",
    }
}

/// What an HTTP gate asks of the prober; all it needs to know to fetch and to pick.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeRequest {
    /// Absolute URL.
    pub url: String,
    /// Request headers.
    pub headers: BTreeMap<String, String>,
    /// Bound for the whole exchange.
    pub timeout: Duration,
    /// Follow redirects (at most 5), else a 3xx is the answer.
    pub follow_redirects: bool,
    /// JSON pointers (RFC 6901) to read from the body.
    pub json_pointers: Vec<String>,
    /// Response headers to read.
    pub header_names: Vec<String>,
    /// Texts to look for in the body's first 64 KiB.
    pub body_texts: Vec<String>,
}

/// An HTTP answer, with what was asked for picked out of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// Pointer → the value as text (strings bare, others as JSON); absent where the body has none.
    pub json: BTreeMap<String, String>,
    /// Lower-case name → value.
    pub headers: BTreeMap<String, String>,
    /// The looked-for texts that were found.
    pub texts_found: Vec<String>,
    /// The body went on past 64 KiB and was not read further.
    pub body_cut: bool,
}

/// One probe's whole result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// When it was sent.
    pub at: Timestamp,
    /// From sending to the end of the answer that was read.
    pub took: Duration,
    /// What came.
    pub outcome: Result<Answer, (NetFault, String)>,
}
