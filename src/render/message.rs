//! An alert made ready for every channel at once; knows no channel's protocol.

use crate::core::alert::Facts;
use crate::i18n::Locale;
use crate::render::{mail, slack};

/// What a channel sends.
#[derive(Debug, Clone, PartialEq)]
pub struct RenderedAlert {
    /// One line, below 100 characters.
    pub subject: String,
    /// Plain text, as mailed.
    pub text: String,
    /// Slack's payload.
    pub slack: serde_json::Value,
    /// The same for the same alert, whoever sends it; at most 128 characters.
    pub key: String,
}

/// Makes an alert's message. `repeated`: somebody may have sent it already.
#[must_use]
pub fn message(
    facts: &Facts,
    repeated: bool,
    mention: Option<&str>,
    locale: Locale,
) -> RenderedAlert {
    RenderedAlert {
        subject: mail::subject(facts, locale),
        text: mail::text(facts, repeated, locale),
        slack: slack::payload(facts, repeated, mention, locale),
        key: key(facts),
    }
}

/// Time and event come first, so that a long id may be cut without two alerts becoming one.
fn key(facts: &Facts) -> String {
    let key = format!("{}-{}-{}", facts.at.millis(), facts.event, facts.deployment);
    key.chars().take(128).collect()
}
