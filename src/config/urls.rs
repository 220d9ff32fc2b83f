//! Which URLs may be probed and written to; never opens one.

use url::{Host, Url};

use crate::config::problem::Problem;
use crate::core::gate::GateSettings;
use crate::i18n::config::{Form, ProblemKind};

/// Checks an absolute `https` URL, or an `http` URL of this machine (127.0.0.0/8, `::1`, `localhost`).
///
/// # Errors
/// What is wrong, without the URL, which may hold a secret.
pub fn check_url(text: &str) -> Result<(), ProblemKind> {
    let bad = ProblemKind::BadForm {
        form: Form::Url,
        found: None,
    };
    // The parser would silently drop these.
    if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(bad);
    }
    let Ok(url) = Url::parse(text) else {
        return Err(bad);
    };
    let local = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => return Err(bad),
    };
    match url.scheme() {
        "https" => Ok(()),
        "http" if local => Ok(()),
        "http" => Err(ProblemKind::PlainHttp),
        _ => Err(bad),
    }
}

/// Checks the URLs of the HTTP gates after the stacks' outputs were filled in.
#[must_use]
pub fn check_urls(file: &str, gates: &GateSettings) -> Vec<Problem> {
    let wrong = gates.http.iter().enumerate().filter_map(|(n, gate)| {
        check_url(&gate.url).err().map(|kind| Problem {
            file: file.to_owned(),
            line: None,
            column: None,
            path: format!("gates.http[{n}].url"),
            kind,
        })
    });
    wrong.collect()
}
