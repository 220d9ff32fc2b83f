//! What a person can do next: the words beside each command; knows no command line.

use crate::i18n::{Locale, en, ko};

/// A next step that goes with a command or a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextStep {
    /// Read the deployment's whole story.
    Show,
    /// Cancel the run that holds the lock.
    CancelHolder,
    /// Look at who holds the lock.
    ShowLock,
    /// Free a lock whose job is gone.
    ReleaseLock,
    /// Go back to a good version.
    RollBack,
    /// Watch and judge again.
    VerifyAgain,
    /// Go on with what was begun.
    Resume,
    /// Go on watching after the job.
    Keep,
    /// Let CloudFormation go on with its rollback.
    ContinueStack,
    /// Read the stack's failed events.
    StackEvents,
}

impl NextStep {
    /// Every step.
    pub const ALL: &'static [Self] = &[
        Self::Show,
        Self::CancelHolder,
        Self::ShowLock,
        Self::ReleaseLock,
        Self::RollBack,
        Self::VerifyAgain,
        Self::Resume,
        Self::Keep,
        Self::ContinueStack,
        Self::StackEvents,
    ];

    /// What the command does.
    #[must_use]
    pub fn text(self, locale: Locale) -> &'static str {
        match locale {
            Locale::En => en::step::text(self),
            Locale::Ko => ko::step::text(self),
        }
    }
}
