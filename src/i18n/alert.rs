//! Titles, subjects and sentences of alerts; knows no channel's form.

use crate::core::alert::{AlertEvent, Facts};
use crate::core::policy::CheckName;
use crate::core::reason::ReasonCode;
use crate::core::record::{Decision, DeploymentType, Verdict};
use crate::i18n::reason::{help, meaning};
use crate::i18n::{Ending, Label, Locale, Word, en, ko};

/// How the title names the thing that was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doing {
    /// A new version.
    Deployment,
    /// A new version in a hurry.
    Hotfix,
    /// A rollback that a person asked for.
    Rollback,
    /// A restore that deploy-guard began by itself.
    Restore,
}

impl Doing {
    /// What the alert is about.
    #[must_use]
    pub fn of(facts: &Facts) -> Self {
        match (facts.kind, facts.event) {
            (DeploymentType::Rollback, _) => Self::Rollback,
            (
                DeploymentType::Deploy | DeploymentType::Hotfix,
                AlertEvent::RollbackStarted
                | AlertEvent::RollbackCompleted
                | AlertEvent::RollbackFailed,
            ) => Self::Restore,
            (DeploymentType::Hotfix, _) => Self::Hotfix,
            (DeploymentType::Deploy, _) => Self::Deployment,
        }
    }
}

/// Environments that everybody means when saying production.
#[must_use]
pub fn is_production(environment: &str) -> bool {
    matches!(
        environment.to_ascii_lowercase().as_str(),
        "prod" | "production" | "prd" | "live"
    )
}

/// The title: `🚨 프로덕션 배포 실패!`.
#[must_use]
pub fn title(facts: &Facts, locale: Locale) -> String {
    let production = is_production(facts.environment.as_str());
    match locale {
        Locale::En => en::alert::title(facts.event, Doing::of(facts), production),
        Locale::Ko => ko::alert::title(facts.event, Doing::of(facts), production),
    }
}

/// The mail's subject: `🚨 배포 헬스체크 실패 - prod`. Below 100 characters, as SNS wants it.
#[must_use]
pub fn subject(facts: &Facts, locale: Locale) -> String {
    let title = match locale {
        Locale::En => en::alert::title(facts.event, Doing::of(facts), false),
        Locale::Ko => ko::alert::subject(facts.event, Doing::of(facts)),
    };
    let subject = format!("{title} - {}", facts.environment);
    subject.chars().take(99).collect()
}

/// What was done about it.
#[must_use]
pub fn done(facts: &Facts, locale: Locale) -> String {
    let env = facts.environment.as_str();
    match ending(facts) {
        Some(ending) => ending.done(env, locale),
        None => {
            let restoring = facts.decision == Some(Decision::Restore);
            match locale {
                Locale::En => en::alert::done(facts.event, Doing::of(facts), restoring),
                Locale::Ko => ko::alert::done(facts.event, Doing::of(facts), restoring),
            }
        }
    }
}

/// How the deployment ended, where the alert is about its end.
fn ending(facts: &Facts) -> Option<Ending> {
    let rollback = facts.kind == DeploymentType::Rollback;
    Some(match facts.event {
        AlertEvent::Succeeded => match facts.verdict {
            Some(Verdict::Skipped) | None => Ending::Unwatched,
            Some(_) if rollback => Ending::RollbackHealthy,
            Some(_) => Ending::Healthy,
        },
        AlertEvent::Failed => match facts.reason {
            ReasonCode::DeployFailed => Ending::DeployFailed,
            ReasonCode::DeployFailedChanged
            | ReasonCode::DeployFailedUnseen
            | ReasonCode::JobStatusUnknown => Ending::DeployFailedLive,
            _ if facts.verdict == Some(Verdict::Degraded) => Ending::DegradedLive,
            _ => Ending::Failed,
        },
        AlertEvent::RollbackFailed if facts.reason == ReasonCode::StackRollbackFailed => {
            Ending::StackRollbackFailed
        }
        AlertEvent::RollbackFailed => Ending::RestoreFailed,
        AlertEvent::Inconclusive if facts.decision == Some(Decision::Continue) => Ending::LetPass,
        AlertEvent::Inconclusive => Ending::Held,
        AlertEvent::Cancelled => match facts.reason {
            ReasonCode::CancelledLive => Ending::CancelledLive,
            ReasonCode::CancelledUnseen => Ending::CancelledUnseen,
            _ => Ending::Cancelled,
        },
        AlertEvent::Superseded => Ending::Superseded,
        AlertEvent::Started
        | AlertEvent::HealthCheckFailed
        | AlertEvent::RollbackStarted
        | AlertEvent::RollbackCompleted
        | AlertEvent::LockTakenOver
        | AlertEvent::Forced
        | AlertEvent::Stuck => return None,
    })
}

/// What happened, in a sentence; `None` where the title says it all.
#[must_use]
pub fn happened(facts: &Facts, locale: Locale) -> Option<&'static str> {
    match facts.event {
        AlertEvent::Started => None,
        // A person asked for it.
        AlertEvent::RollbackStarted if facts.reason == ReasonCode::Allowed => None,
        AlertEvent::Forced | AlertEvent::Stuck | AlertEvent::LockTakenOver => match locale {
            Locale::En => en::alert::happened(facts.event),
            Locale::Ko => ko::alert::happened(facts.event),
        },
        AlertEvent::Succeeded
        | AlertEvent::Failed
        | AlertEvent::HealthCheckFailed
        | AlertEvent::RollbackStarted
        | AlertEvent::RollbackCompleted
        | AlertEvent::RollbackFailed
        | AlertEvent::Inconclusive
        | AlertEvent::Cancelled
        | AlertEvent::Superseded => Some(meaning(facts.reason, locale)),
    }
}

/// The checks that did not keep the deployment from going on, and how they were passed by: names in words.
#[must_use]
pub fn passed_by(facts: &Facts, locale: Locale) -> Vec<(Label, String)> {
    let words = |checks: &[CheckName]| {
        let words: Vec<&str> = checks.iter().map(|c| c.word(locale)).collect();
        words.join(", ")
    };
    let rows = [
        (Label::OverriddenChecks, words(&facts.overridden)),
        (Label::SkippedChecks, words(&facts.skipped)),
    ];
    rows.into_iter().filter(|(_, w)| !w.is_empty()).collect()
}

/// Whether it matters what the deployment brings.
#[must_use]
pub fn tells_changes(facts: &Facts) -> bool {
    match facts.event {
        AlertEvent::Started
        | AlertEvent::Succeeded
        | AlertEvent::Failed
        | AlertEvent::HealthCheckFailed
        | AlertEvent::Inconclusive => !facts.changes.is_empty(),
        AlertEvent::RollbackStarted
        | AlertEvent::RollbackCompleted
        | AlertEvent::RollbackFailed
        | AlertEvent::Cancelled
        | AlertEvent::Superseded
        | AlertEvent::LockTakenOver
        | AlertEvent::Forced
        | AlertEvent::Stuck => false,
    }
}

/// Whether the time since the start says something.
#[must_use]
pub fn tells_duration(facts: &Facts) -> bool {
    !matches!(
        facts.event,
        AlertEvent::Started | AlertEvent::Forced | AlertEvent::LockTakenOver
    )
}

/// What to do next; `None` where there is nothing to do.
#[must_use]
pub fn next(facts: &Facts, locale: Locale) -> Option<String> {
    let own = |event| match locale {
        Locale::En => en::alert::next(event),
        Locale::Ko => ko::alert::next(event),
    };
    match facts.event {
        AlertEvent::Started | AlertEvent::RollbackStarted => None,
        AlertEvent::Succeeded if facts.verdict == Some(Verdict::Healthy) => None,
        AlertEvent::HealthCheckFailed if facts.decision == Some(Decision::Restore) => None,
        AlertEvent::RollbackCompleted => Some(help(ReasonCode::Restored, locale).to_owned()),
        AlertEvent::Forced | AlertEvent::Stuck | AlertEvent::LockTakenOver => {
            own(facts.event).map(str::to_owned)
        }
        AlertEvent::Succeeded
        | AlertEvent::Failed
        | AlertEvent::HealthCheckFailed
        | AlertEvent::RollbackFailed
        | AlertEvent::Inconclusive
        | AlertEvent::Cancelled
        | AlertEvent::Superseded => Some(help(facts.reason, locale).to_owned()),
    }
}
