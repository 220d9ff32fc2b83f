//! Progress of the engine as one line; knows no printer.

use crate::engine::Say;
use crate::i18n::saying::Saying;
use crate::i18n::{Locale, Message};

/// The line, in a language; text from outside is in it, so the printer must make it safe.
#[must_use]
pub fn line(say: &Say, locale: Locale, now: crate::core::time::Timestamp) -> String {
    match say {
        Say::WaitingForLock { holder, until } => Saying::WaitingForLock {
            holder,
            most: until.since(now),
        }
        .text(locale),
        Say::AskedToYield { holder } => Saying::AskedToYield { holder }.text(locale),
        Say::ClosedAbandoned { deployment, status } => Saying::ClosedAbandoned {
            deployment: deployment.as_str(),
            status: *status,
        }
        .text(locale),
        Say::Freed { deployment } => Saying::Freed {
            deployment: deployment.as_str(),
            unreadable: None,
        }
        .text(locale),
        Say::Watching {
            findings,
            until,
            now,
        } => crate::render::progress::progress(findings, *now, *until, locale),
        Say::Confirming { gate, span } => Saying::Confirming { gate, span: *span }.text(locale),
        Say::Thin { gates } => Message::ThinGates(&gates.join(", ")).text(locale),
        Say::NotThere { gate, why } => Saying::NotThere {
            gate,
            why: &why.detail,
        }
        .text(locale),
        Say::ReadingPast { days, of } => Saying::ReadingPast {
            days: *days,
            of: *of,
        }
        .text(locale),
        Say::JudgingPast { moments, of } => Saying::JudgingPast {
            moments: *moments as u64,
            of: *of as u64,
        }
        .text(locale),
        Say::Settling => Saying::Settling.text(locale),
        Say::Restoring { what } => Saying::Restoring { what }.text(locale),
    }
}
