//! Endings in English; knows no surface.

use crate::i18n::Ending as E;

/// Headline.
pub fn headline(ending: E, env: &str) -> String {
    match ending {
        E::Cleared => format!("Cleared to deploy to {env}"),
        E::RollbackCleared => format!("Cleared to roll {env} back"),
        E::RestoreHere => format!("{env} is degraded: the last good version is deployed again now"),
        E::StillOpen => format!("The deployment to {env} is not finished yet"),
        E::Healthy => format!("Deployed to {env}, and healthy"),
        E::RollbackHealthy => format!("Rolled {env} back, and healthy"),
        E::Unwatched => format!("Deployed to {env}, but nothing was watched"),
        E::Held => format!("Deployed to {env}, but not proven healthy"),
        E::LetPass => format!("Deployed to {env}; not proven healthy, let pass as configured"),
        E::AlreadyLive => format!("{env} has this version already"),
        E::DryRun => format!("Dry run for {env}"),
        E::Refused => format!("Deployment to {env} refused"),
        E::CheckUnavailable => format!("Deployment to {env} refused: a check could not be made"),
        E::DeployFailed => format!("The deployment to {env} failed; nothing was changed"),
        E::DeployFailedLive => format!("The deployment to {env} failed halfway"),
        E::DegradedLive => format!("{env} is degraded, and the bad version is still live"),
        E::Failed => format!("The deployment to {env} failed"),
        E::RolledBack => format!("{env} was degraded and has been rolled back"),
        E::RestoreFailed => format!("Rolling {env} back failed: a person must act"),
        E::StackRollbackFailed => format!("The stack of {env} is stuck: a person must act"),
        E::Cancelled => format!("The deployment to {env} was cancelled"),
        E::CancelledLive => format!("Cancelled, but the new version is live in {env}, unverified"),
        E::Superseded => format!("The deployment to {env} was superseded by another"),
        E::Invalid => "Inputs or configuration are not valid".to_owned(),
        E::Unreachable => {
            format!("The deployment to {env} stopped: a service could not be reached")
        }
        E::Interrupted => format!("The deployment to {env} was interrupted"),
        E::FencedOff => format!("Another process has taken over in {env}"),
    }
}

/// What was done.
pub fn done(ending: E, env: &str) -> String {
    match ending {
        E::Cleared => "The lock is held and the record is open; the job's own steps deploy now.".to_owned(),
        E::RollbackCleared => "The lock is held and the record is open; the job's own steps deploy the earlier version now.".to_owned(),
        E::RestoreHere => "Record and lock stay open until the good version has been deployed and verified.".to_owned(),
        E::StillOpen => "The record stays open and the lock stays held until somebody has finished it: the keeper, or deploy-guard resume.".to_owned(),
        E::Healthy => format!("The new version serves in {env} and may be rolled back to."),
        E::RollbackHealthy => format!("The earlier version serves in {env} again."),
        E::Unwatched => "The new version is live; it was not judged and is never a rollback target.".to_owned(),
        E::Held => "The new version stays live and was not rolled back; it is not a rollback target.".to_owned(),
        E::LetPass => "The new version stays live; it is not a rollback target.".to_owned(),
        E::AlreadyLive => "Nothing was deployed and nothing was recorded.".to_owned(),
        E::DryRun => "Nothing was changed anywhere.".to_owned(),
        E::Refused | E::CheckUnavailable => format!("Nothing was deployed; {env} is as it was."),
        E::DeployFailed => format!("{env} is as it was before, so nothing was restored."),
        E::DeployFailedLive => format!("Nothing was restored; what is live in {env} now is not proven to work."),
        E::DegradedLive => "Nothing was restored. A person must act now.".to_owned(),
        E::Failed => format!("Nothing was restored in {env}."),
        E::RolledBack => "The last good version was restored and verified.".to_owned(),
        E::RestoreFailed => format!("Restoring was tried and did not end well; what is live in {env} may be broken."),
        E::StackRollbackFailed => "Nothing was restored: CloudFormation accepts no change until its rollback has been continued.".to_owned(),
        E::Cancelled => format!("{env} is as it was before."),
        E::CancelledLive => "Nothing was restored; where a keeper runs, it watches on.".to_owned(),
        E::Superseded => "It was neither judged to the end nor restored.".to_owned(),
        E::Invalid => "Nothing was changed.".to_owned(),
        E::Unreachable => "What is known so far is in the record, or will be closed by what can be seen later.".to_owned(),
        E::Interrupted => "What was begun is finished by the post step, the keeper or deploy-guard resume.".to_owned(),
        E::FencedOff => "This process has stopped and changes nothing any more.".to_owned(),
    }
}
