//! Endings in English; knows no surface.

use crate::core::record::DeploymentType;
use crate::i18n::Ending as E;

/// Headline.
pub fn headline(ending: E, env: &str, kind: DeploymentType) -> String {
    let (noun, done) = match kind {
        DeploymentType::Deploy => (format!("deployment to {env}"), format!("Deployed to {env}")),
        DeploymentType::Rollback => (format!("rollback of {env}"), format!("Rolled {env} back")),
        DeploymentType::Hotfix => (
            format!("hotfix to {env}"),
            format!("Hotfix deployed to {env}"),
        ),
    };
    match ending {
        E::Cleared | E::RollbackCleared => format!("Cleared: {noun}"),
        E::RestoreHere => format!("{env} is degraded: the last good version is deployed again now"),
        E::StillOpen => format!("The {noun} is not finished yet"),
        E::Healthy | E::RollbackHealthy => format!("{done}, and healthy"),
        E::Unwatched => format!("{done}, but nothing was watched"),
        E::Held => format!("{done}, but not proven healthy"),
        E::LetPass => format!("{done}; not proven healthy, let pass as configured"),
        E::AlreadyLive => format!("{env} has this version already"),
        E::DryRun => format!("Dry run: {noun}"),
        E::Refused => format!("Refused: {noun}"),
        E::CheckUnavailable => format!("Refused: {noun}; a check could not be made"),
        E::DeployFailed => format!("The {noun} failed; {env} is unchanged"),
        E::DeployFailedLive => format!("The {noun} failed halfway"),
        E::DegradedLive => format!("{env} is degraded, and the bad version is still live"),
        E::Failed => format!("The {noun} failed"),
        E::RolledBack => format!("{env} was degraded and has been rolled back"),
        E::RestoreFailed => format!("Restoring {env} failed: a person must act"),
        E::StackRollbackFailed => format!("The stack of {env} is stuck: a person must act"),
        E::Cancelled => format!("The {noun} was cancelled"),
        E::CancelledLive => format!("The {noun} was cancelled, but the new version is live"),
        E::CancelledUnseen => format!("The {noun} was cancelled; what is live is not known"),
        E::Superseded => format!("The {noun} was superseded by another"),
        E::Invalid => "Inputs or configuration are not valid".to_owned(),
        E::Unreachable => format!("The {noun} stopped: a service could not be reached"),
        E::Unclosed => format!("The {noun} could not be closed: a service could not be reached"),
        E::Interrupted => format!("The {noun} was interrupted"),
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
        E::DeployFailed => "Nothing had to be restored.".to_owned(),
        E::DeployFailedLive => format!("Nothing was restored; what is live in {env} now is not proven to work."),
        E::DegradedLive => "Nothing was restored. A person must act now.".to_owned(),
        E::Failed => format!("Nothing was restored in {env}."),
        E::RolledBack => "The last good version was restored and verified.".to_owned(),
        E::RestoreFailed => format!("Restoring was tried and did not end well; what is live in {env} may be broken."),
        E::StackRollbackFailed => "Nothing was restored: CloudFormation accepts no change until its rollback has been continued.".to_owned(),
        E::Cancelled => format!("{env} is as it was before."),
        E::CancelledLive => "Nothing was restored; where a keeper runs, it watches on.".to_owned(),
        E::CancelledUnseen => format!("Nothing was restored; check what is live in {env} now."),
        E::Superseded => "It was neither judged to the end nor restored.".to_owned(),
        E::Invalid => "Nothing was changed.".to_owned(),
        E::Unreachable => "Nothing was recorded and nothing was deployed.".to_owned(),
        E::Unclosed => "The record stays open and is closed later, by what can be seen then.".to_owned(),
        E::Interrupted => "What was begun is finished by the post step, the keeper or deploy-guard resume.".to_owned(),
        E::FencedOff => "This process has stopped and changes nothing any more.".to_owned(),
    }
}
