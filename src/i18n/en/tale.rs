//! The story of a deployment in English; knows no surface.

use crate::core::record::{Decision, DeploymentType};
use crate::i18n::reason::meaning;
use crate::i18n::sight::span;
use crate::i18n::tale::Tale as T;
use crate::i18n::wording::plural;
use crate::i18n::{Locale, Word};

const L: Locale = Locale::En;

/// The sentence.
pub fn text(tale: &T) -> String {
    match tale {
        T::Started {
            kind,
            commit,
            actor,
        } => {
            let what = match kind {
                DeploymentType::Deploy => "Deployment",
                DeploymentType::Rollback => "Rollback",
                DeploymentType::Hotfix => "Hotfix",
            };
            let commit = commit
                .as_ref()
                .map_or(String::new(), |c| format!(" of {c}"));
            let actor = actor.as_ref().map_or(String::new(), |a| format!(" by {a}"));
            format!("{what}{commit} started{actor}")
        }
        T::Checked {
            passed,
            overridden,
            unavailable,
        } => {
            let mut text = format!("Checks made: {passed} in order");
            if *overridden > 0 {
                text.push_str(&format!(", {overridden} overridden"));
            }
            if *unavailable > 0 {
                text.push_str(&format!(", {unavailable} could not be made"));
            }
            text
        }
        T::Allowed => "The job's own steps may deploy".to_owned(),
        T::Saving => "What ran before is saved".to_owned(),
        T::Saved => "What runs now was saved".to_owned(),
        T::TookOver(from) => format!("Took over the abandoned lock of {from}"),
        T::Adopted(by) => format!("Continued by {}", by.word(L)),
        T::JobEnded { job, live } => {
            format!(
                "Deploy steps: {}; live version: {}",
                job.word(L),
                live.word(L)
            )
        }
        T::WatchStarted { one_look: true, .. } => "One look at the gates".to_owned(),
        T::WatchStarted {
            ms,
            one_look: false,
        } => format!("Watch began, for {}", span(*ms, L)),
        T::YieldAsked => "A rollback or hotfix asked for the lock".to_owned(),
        T::CancelAsked(by) => format!("Asked to stop by {}", by.word(L)),
        T::Judged {
            verdict,
            reason,
            decision,
        } => {
            let next = match decision {
                Decision::Continue => "",
                Decision::Stop => "; nothing is restored",
                Decision::Restore => "; to be restored",
                Decision::Hold => "; held",
            };
            format!(
                "Judged {}{next} ({})",
                verdict.word(L),
                bare(meaning(*reason, L))
            )
        }
        T::RestorePlanned { target, steps } => {
            format!(
                "Restore of {target} planned, {}",
                plural(*steps, "step", "steps")
            )
        }
        T::StepStarted(what) => format!("Restoring: {what}"),
        T::Dispatched(run) => format!("Dispatched run {run}, which may take the lock over"),
        T::StepDone(what) => format!("Done: {what}"),
        T::StepFailed { what, why } if why.detail.is_empty() => {
            format!("Failed: {what} ({})", why.kind.word(L))
        }
        T::StepFailed { what, why } => {
            format!("Failed: {what} ({}: {})", why.kind.word(L), why.detail)
        }
        T::RestoreJudged {
            strategy,
            verdict,
            reason,
        } => format!(
            "After {}: {} ({})",
            strategy.word(L),
            verdict.word(L),
            bare(meaning(*reason, L))
        ),
        T::Closed { status, reason } => {
            format!(
                "Closed as {} ({})",
                status.word(L),
                bare(meaning(*reason, L))
            )
        }
        T::UndoneBy(by) => format!("Undone later by {by}"),
    }
}

fn bare(sentence: &str) -> &str {
    sentence.trim_end_matches('.')
}
