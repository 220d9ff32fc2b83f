//! How a stage ended, as people tell it: headline, and what was done; knows no surface.

use crate::core::outcome::{Exit, Outcome};
use crate::core::reason::ReasonCode;
use crate::core::record::{Decision, DeploymentType, Status, Verdict, words};
use crate::i18n::{Locale, en, ko};

words! {
    /// The ways a stage can end, as a person would tell them apart.
    Ending {
        /// The job's own steps deploy now.
        Cleared = "cleared",
        /// The job's own steps deploy the rollback target now.
        RollbackCleared = "rollback_cleared",
        /// The job deploys the last good version again.
        RestoreHere = "restore_here",
        /// Not closed; somebody goes on later.
        StillOpen = "still_open",
        /// Deployed and healthy.
        Healthy = "healthy",
        /// Gone back by request, and healthy.
        RollbackHealthy = "rollback_healthy",
        /// Deployed, nothing was watched.
        Unwatched = "unwatched",
        /// Not proven, held.
        Held = "held",
        /// Not proven, let pass.
        LetPass = "let_pass",
        /// Nothing to do.
        AlreadyLive = "already_live",
        /// Only planned.
        DryRun = "dry_run",
        /// A policy says no.
        Refused = "refused",
        /// A check could not be made.
        CheckUnavailable = "check_unavailable",
        /// The deploy step failed, nothing changed.
        DeployFailed = "deploy_failed",
        /// The deploy step failed, something changed, nothing proven.
        DeployFailedLive = "deploy_failed_live",
        /// Bad and still live.
        DegradedLive = "degraded_live",
        /// Bad, not live any more or never live.
        Failed = "failed",
        /// The last good version serves again.
        RolledBack = "rolled_back",
        /// Bringing it back did not end well.
        RestoreFailed = "restore_failed",
        /// CloudFormation could not undo its update.
        StackRollbackFailed = "stack_rollback_failed",
        /// Stopped, nothing changed.
        Cancelled = "cancelled",
        /// Stopped, live and unverified.
        CancelledLive = "cancelled_live",
        /// Stopped, and nobody saw whether anything changed.
        CancelledUnseen = "cancelled_unseen",
        /// Replaced.
        Superseded = "superseded",
        /// Wrong usage, input or configuration.
        Invalid = "invalid",
        /// A service could not be reached before anything was recorded.
        Unreachable = "unreachable",
        /// Recorded, but a service could not be reached before it was closed.
        Unclosed = "unclosed",
        /// Stopped by a signal before anything was recorded.
        Interrupted = "interrupted",
        /// Another process holds the lock now.
        FencedOff = "fenced_off",
    }
}

impl Ending {
    /// Reads an outcome.
    #[must_use]
    pub fn of(outcome: &Outcome, kind: DeploymentType) -> Self {
        let rollback = kind == DeploymentType::Rollback;
        match (outcome.status, outcome.reason) {
            (_, ReasonCode::DryRun) => Self::DryRun,
            (_, ReasonCode::FencedOff) => Self::FencedOff,
            (None, ReasonCode::AlreadyLive) => Self::AlreadyLive,
            (None, ReasonCode::Superseded) => Self::Superseded,
            (None, reason) => match outcome.exit {
                Exit::Usage => Self::Invalid,
                Exit::Refused => Self::Refused,
                Exit::Interrupted | Exit::Terminated => Self::Interrupted,
                Exit::Unreachable if reason == ReasonCode::CheckUnavailable => {
                    Self::CheckUnavailable
                }
                Exit::Fine if reason == ReasonCode::Allowed => Self::Cleared,
                Exit::Fine if reason == ReasonCode::TargetLive => Self::AlreadyLive,
                Exit::Fine | Exit::Failed | Exit::Act | Exit::Unproven | Exit::Unreachable => {
                    Self::Unreachable
                }
            },
            (Some(Status::InProgress), _) if outcome.exit == Exit::Unreachable => Self::Unclosed,
            (Some(Status::InProgress), _) if outcome.decision == Decision::Restore => {
                Self::RestoreHere
            }
            (Some(Status::InProgress), _) if outcome.deploy_needed && rollback => {
                Self::RollbackCleared
            }
            (Some(Status::InProgress), _) if outcome.deploy_needed => Self::Cleared,
            (Some(Status::InProgress), _) => Self::StillOpen,
            (Some(Status::Success), _) => match outcome.verdict {
                Some(Verdict::Inconclusive) if outcome.exit == Exit::Fine => Self::LetPass,
                Some(Verdict::Inconclusive) => Self::Held,
                Some(Verdict::Skipped) | None => Self::Unwatched,
                Some(Verdict::Healthy | Verdict::Degraded) if rollback => Self::RollbackHealthy,
                Some(Verdict::Healthy | Verdict::Degraded) => Self::Healthy,
            },
            (
                Some(Status::Failure),
                ReasonCode::DeployFailedChanged | ReasonCode::DeployFailedUnseen,
            ) => Self::DeployFailedLive,
            (Some(Status::Failure), _) if outcome.exit == Exit::Act => Self::DegradedLive,
            (Some(Status::Failure), _) if outcome.exit == Exit::Unproven => Self::DeployFailedLive,
            (Some(Status::Failure), ReasonCode::DeployFailed) => Self::DeployFailed,
            (Some(Status::Failure), _) => Self::Failed,
            (Some(Status::RolledBack), _) => Self::RolledBack,
            (Some(Status::RollbackFailed), ReasonCode::StackRollbackFailed) => {
                Self::StackRollbackFailed
            }
            (Some(Status::RollbackFailed), _) => Self::RestoreFailed,
            (Some(Status::Cancelled), ReasonCode::CancelledLive) => Self::CancelledLive,
            (Some(Status::Cancelled), ReasonCode::CancelledUnseen) => Self::CancelledUnseen,
            (Some(Status::Cancelled), _) => Self::Cancelled,
            (Some(Status::Superseded), _) => Self::Superseded,
        }
    }

    /// The sign before the headline.
    #[must_use]
    pub fn sign(self) -> &'static str {
        match self {
            Self::Cleared | Self::RollbackCleared => "🚀",
            Self::RestoreHere | Self::RolledBack => "🔄",
            Self::StillOpen => "⏳",
            Self::Healthy | Self::RollbackHealthy => "✅",
            Self::Unwatched | Self::Held | Self::LetPass | Self::DeployFailedLive => "⚠️",
            Self::CancelledLive | Self::CancelledUnseen => "⚠️",
            Self::AlreadyLive => "☑️",
            Self::DryRun => "📝",
            Self::Refused => "⛔",
            Self::CheckUnavailable | Self::Unreachable | Self::Unclosed => "📡",
            Self::DeployFailed | Self::Failed | Self::Invalid => "❌",
            Self::DegradedLive | Self::RestoreFailed | Self::StackRollbackFailed => "🚨",
            Self::Cancelled | Self::Interrupted | Self::FencedOff => "⏹️",
            Self::Superseded => "⏭️",
        }
    }

    /// A person must act.
    #[must_use]
    pub fn must_act(self) -> bool {
        matches!(
            self,
            Self::DegradedLive
                | Self::RestoreFailed
                | Self::StackRollbackFailed
                | Self::DeployFailedLive
                | Self::CancelledLive
                | Self::CancelledUnseen
        )
    }

    /// The headline, with the environment's name.
    #[must_use]
    pub fn headline(self, environment: &str, kind: DeploymentType, locale: Locale) -> String {
        match locale {
            Locale::En => en::ending::headline(self, environment, kind),
            Locale::Ko => ko::ending::headline(self, environment, kind),
        }
    }

    /// What was done about it, and what it means: one or two sentences.
    #[must_use]
    pub fn done(self, environment: &str, locale: Locale) -> String {
        match locale {
            Locale::En => en::ending::done(self, environment),
            Locale::Ko => ko::ending::done(self, environment),
        }
    }
}
