//! Alerts in English; knows no channel's form.

use crate::core::alert::AlertEvent as A;
use crate::i18n::alert::Doing;

/// Title.
pub fn title(event: A, doing: Doing, production: bool) -> String {
    let what = match doing {
        Doing::Deployment => "deployment",
        Doing::Hotfix => "hotfix",
        Doing::Rollback => "rollback",
        Doing::Restore => "automatic rollback",
    };
    let capital = capital(what);
    match event {
        A::Started => format!("🚀 {capital} started"),
        A::Succeeded => format!("✅ {capital} succeeded"),
        A::Failed if production => format!("🚨 Production {what} failed!"),
        A::Failed => format!("🚨 {capital} failed"),
        A::HealthCheckFailed => format!("🚨 {capital} health check failed"),
        A::RollbackStarted => format!("🔄 {capital} started"),
        A::RollbackCompleted => format!("✅ {capital} succeeded"),
        A::RollbackFailed => format!("❌ {capital} failed"),
        A::Inconclusive => format!("⚠️ {capital} not proven healthy"),
        A::Cancelled => format!("⏹️ {capital} cancelled"),
        A::Superseded => format!("⏭️ {capital} superseded"),
        A::LockTakenOver => "🔓 Deployment lock taken over".to_owned(),
        A::Forced => format!("⚠️ Forced {what}"),
        A::Stuck => "⏳ Deployment lock held for too long".to_owned(),
    }
}

fn capital(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map_or(String::new(), |first| {
        format!("{}{}", first.to_ascii_uppercase(), chars.as_str())
    })
}

/// What was done, where the deployment has not ended.
pub fn done(event: A, doing: Doing, restoring: bool) -> String {
    match event {
        A::HealthCheckFailed if restoring => {
            "The last good version is being restored; another message says how that went."
        }
        A::HealthCheckFailed => {
            "Nothing is restored automatically: the bad version is live. A person must act now."
        }
        A::RollbackStarted if doing == Doing::Rollback => {
            "The earlier version is being brought back, and the gates are checked after it."
        }
        A::RollbackStarted => {
            "The last good version is being restored, and the gates are checked again after it."
        }
        A::RollbackCompleted => "The last good version serves again.",
        A::LockTakenOver => {
            "The abandoned deployment was closed by what could be seen, and a new one has begun."
        }
        A::Forced => "The deployment goes on although checks failed; that is on record.",
        A::Stuck => "Nothing was changed: a lock is never taken from a job that may still run.",
        A::Started
        | A::Succeeded
        | A::Failed
        | A::RollbackFailed
        | A::Inconclusive
        | A::Cancelled
        | A::Superseded => "The job's own steps deploy now; the result follows.",
    }
    .to_owned()
}

/// What to do, where no reason says it.
pub fn next(event: A) -> Option<&'static str> {
    match event {
        A::LockTakenOver => Some("Look at how the abandoned deployment ended."),
        A::Forced => Some("Check that overriding them was intended."),
        A::Stuck => Some("Look at the run that holds the lock, and cancel it if it hangs."),
        A::Started
        | A::Succeeded
        | A::Failed
        | A::HealthCheckFailed
        | A::RollbackStarted
        | A::RollbackCompleted
        | A::RollbackFailed
        | A::Inconclusive
        | A::Cancelled
        | A::Superseded => None,
    }
}

/// What happened, where no reason says it.
pub fn happened(event: A) -> Option<&'static str> {
    match event {
        A::LockTakenOver => {
            Some("The job that held the lock ended without closing its deployment.")
        }
        A::Forced => Some("Checks failed and were overridden with force_deploy."),
        A::Stuck => {
            Some("This deployment has held the lock of its environment for more than 6 hours.")
        }
        A::Started
        | A::Succeeded
        | A::Failed
        | A::HealthCheckFailed
        | A::RollbackStarted
        | A::RollbackCompleted
        | A::RollbackFailed
        | A::Inconclusive
        | A::Cancelled
        | A::Superseded => None,
    }
}
