//! All other sentences in English; knows no surface.

use crate::core::policy::Remark;
use crate::core::record::DeploymentType;
use crate::i18n::Message as M;
use crate::i18n::wording::plural;
use crate::i18n::{Locale, Word};

const L: Locale = Locale::En;

/// The sentence.
pub fn text(message: &M<'_>) -> String {
    match message {
        M::CheckPassed => "in order".to_owned(),
        M::Remark(Remark::Attempt(attempt)) => format!("attempt {attempt}: the approval may be an earlier one's"),
        M::Remark(Remark::AdministratorBypass) => "administrator bypass: not on the reviewers' list".to_owned(),
        M::CheckUnavailable(why) if why.detail.is_empty() => {
            format!("could not be checked: {}", why.kind.word(L))
        }
        M::CheckUnavailable(why) => {
            format!("could not be checked: {} ({})", why.kind.word(L), why.detail)
        }
        M::CheckNotApplicable => "not configured or not needed".to_owned(),
        M::CheckSkipped(kind) => format!("skipped for a {}", kind.word(L)),
        M::CheckOverridden => "overridden by force_deploy".to_owned(),
        M::AndMore(n) => format!("… and {n} more"),
        M::LeftOut => "Some details were left out here to stay within GitHub's size limit; the output result and deploy-guard show have them all.".to_owned(),
        M::KeeperAbsent => "No keeper has been seen in the last 10 minutes: the watch ends with the window, and nobody finishes this deployment if the job dies.".to_owned(),
        M::KeeperFresh => "A keeper goes on watching after this job.".to_owned(),
        M::NoLock => "This deployment held no lock: nothing kept others from deploying at the same time.".to_owned(),
        M::ThinGates(names) => format!("Too little traffic, or errors too near the bound or above it, for a certified pass: these gates can fail the deployment, but not hold it: {names}."),
        M::WorkflowNeedsReview => "The restore strategy workflow is skipped: the environment has required reviewers, and a dispatched run would wait for them.".to_owned(),
        M::WorkflowNoRun => "The restore strategy workflow is skipped: GitHub does not name the run that a dispatch starts.".to_owned(),
        M::NotTold { event, channel, why } => {
            format!("The alert \"{event}\" was not delivered to {channel}{}.", because(*why))
        }
        M::ToldLater { event, channel, why } => format!(
            "The alert \"{event}\" has not reached {channel} yet{}; it is tried again for 24 h.",
            because(*why)
        ),
        M::Repeated => "This message may have been sent before.".to_owned(),
        M::HeldBy { deployment, actor, age } => format!(
            "{deployment}{}, for {age}",
            actor.map_or(String::new(), |a| format!(" by {a}"))
        ),
        M::WouldDeploy { kind, commit, environment } => {
            let commit = commit.map_or(String::new(), |c| format!(" of {c}"));
            match kind {
                DeploymentType::Deploy => format!("Would allow the deployment{commit} to {environment}."),
                DeploymentType::Hotfix => format!("Would allow the hotfix{commit} to {environment}."),
                DeploymentType::Rollback => format!("Would roll {environment} back{}.", commit.replacen(" of ", " to ", 1)),
            }
        }
        M::WouldRefuse => "It would be refused: see the checks.".to_owned(),
        M::Overridden(names) => {
            format!("Checks failed and were overridden with force_deploy ({names}); the others are in order.")
        }
        M::Problems(n) => format!("{} found; nothing was changed.", plural(*n, "problem was", "problems were")),
        M::Watching { seen, against, in_favour, left } => {
            let mut text = (*seen).to_owned();
            if let Some(share) = against {
                text.push_str(&format!(" · {share} of the evidence to fail"));
            }
            if let Some(share) = in_favour {
                text.push_str(&format!(" · {share} of the evidence to pass"));
            }
            text.push_str(&format!(" · {left} left"));
            text
        }
        M::Gates { healthy, degraded, open } => {
            let mut parts = Vec::new();
            if *degraded > 0 {
                parts.push(format!("{degraded} degraded"));
            }
            if *open > 0 {
                parts.push(format!("{open} undecided"));
            }
            if *healthy > 0 {
                parts.push(format!("{healthy} healthy"));
            }
            if parts.is_empty() {
                "no gates".to_owned()
            } else {
                format!("gates: {}", parts.join(", "))
            }
        }
        M::OwedTold { sent, owed } => format!(
            "{} of earlier runs delivered, {owed} still owed",
            plural(*sent, "alert", "alerts")
        ),
        M::HistoryEmpty(environment) => format!("No deployment is recorded for {environment}."),
        M::MoreWith(cursor) => format!("There are more: --cursor {cursor}"),
    }
}

fn because(why: Option<&str>) -> String {
    why.map_or(String::new(), |w| format!(" ({})", w.trim_end_matches('.')))
}
