//! What happened in a deployment, event by event; knows no surface and no time.

use crate::core::id::DeploymentId;
use crate::core::journal::{Adopter, Event, JobStatus, LiveChange, StoppedBy};
use crate::core::observation::Why;
use crate::core::policy::{CheckLine, CheckResult};
use crate::core::reason::ReasonCode;
use crate::core::record::{Decision, DeploymentType, Status, Verdict};
use crate::core::restore::{RestorePlan, StepKey, Strategy};
use crate::core::time::Timestamp;
use crate::i18n::wording::{one_line, piece};
use crate::i18n::{Locale, en, ko};

/// One event as a sentence; outside text inside it is already on one line and short.
#[derive(Debug, Clone, PartialEq)]
pub enum Tale {
    /// It began.
    Started {
        /// What it was.
        kind: DeploymentType,
        /// First digits of the commit.
        commit: Option<String>,
        /// Who.
        actor: Option<String>,
    },
    /// The checks were made.
    Checked {
        /// In order.
        passed: u64,
        /// Not in order, and overridden.
        overridden: u64,
        /// Could not be made.
        unavailable: u64,
    },
    /// The job's own steps may deploy.
    Allowed,
    /// What ran before is being saved.
    Saving,
    /// What runs now was saved.
    Saved,
    /// An abandoned lock was taken.
    TookOver(DeploymentId),
    /// Another process goes on.
    Adopted(Adopter),
    /// The job's own steps are over.
    JobEnded {
        /// How.
        job: JobStatus,
        /// What became of the live version.
        live: LiveChange,
    },
    /// The watch began.
    WatchStarted {
        /// How long, milliseconds.
        ms: u64,
        /// A single look.
        one_look: bool,
    },
    /// Somebody asked for the lock.
    YieldAsked,
    /// Somebody wants it stopped.
    CancelAsked(StoppedBy),
    /// The gates were judged.
    Judged {
        /// What they said.
        verdict: Verdict,
        /// Why.
        reason: ReasonCode,
        /// What follows.
        decision: Decision,
    },
    /// A plan was made.
    RestorePlanned {
        /// To which deployment.
        target: DeploymentId,
        /// In how many steps.
        steps: u64,
    },
    /// A step began.
    StepStarted(String),
    /// A run was dispatched.
    Dispatched(u64),
    /// A step is done.
    StepDone(String),
    /// A step failed.
    StepFailed {
        /// Which.
        what: String,
        /// Why.
        why: Why,
    },
    /// The gates were judged after a strategy.
    RestoreJudged {
        /// Which.
        strategy: Strategy,
        /// What they said.
        verdict: Verdict,
        /// Why.
        reason: ReasonCode,
    },
    /// It ended.
    Closed {
        /// How.
        status: Status,
        /// Why.
        reason: ReasonCode,
    },
    /// A later rollback undid it.
    UndoneBy(DeploymentId),
}

impl Tale {
    /// Reads an event; the plan tells what its steps do.
    #[must_use]
    pub fn of(event: &Event, plan: Option<&RestorePlan>) -> Self {
        match event {
            Event::Started(start) => Self::Started {
                kind: start.kind,
                commit: start.git_ref.as_ref().map(|c| c.short().to_owned()),
                actor: start.actor.as_deref().map(|a| one_line(a, 80)),
            },
            Event::Checked { lines } => Self::checked(lines),
            Event::Allowed => Self::Allowed,
            Event::Saving { .. } => Self::Saving,
            Event::Saved { .. } => Self::Saved,
            Event::TookOver { from } => Self::TookOver(from.clone()),
            Event::Adopted { by } => Self::Adopted(*by),
            Event::JobEnded { job, live, .. } => Self::JobEnded {
                job: *job,
                live: *live,
            },
            Event::WatchStarted {
                since,
                until,
                one_look,
            } => Self::WatchStarted {
                ms: millis(*since, *until),
                one_look: *one_look,
            },
            Event::YieldAsked { .. } => Self::YieldAsked,
            Event::CancelAsked { by } => Self::CancelAsked(*by),
            Event::Judged(j) => Self::Judged {
                verdict: j.verdict,
                reason: j.reason,
                decision: j.decision,
            },
            Event::RestorePlanned { plan } => Self::RestorePlanned {
                target: plan.target.clone(),
                steps: plan.steps.len() as u64,
            },
            Event::StepStarted { key } => Self::StepStarted(step(key, plan)),
            Event::Dispatched { run, .. } => Self::Dispatched(*run),
            Event::StepDone { key } => Self::StepDone(step(key, plan)),
            Event::StepFailed { key, why, .. } => Self::StepFailed {
                what: step(key, plan),
                why: Why {
                    kind: why.kind,
                    detail: piece(&why.detail),
                },
            },
            Event::RestoreJudged {
                strategy,
                judgement,
            } => Self::RestoreJudged {
                strategy: *strategy,
                verdict: judgement.verdict,
                reason: judgement.reason,
            },
            Event::Closed(closing) => Self::Closed {
                status: closing.status,
                reason: closing.reason,
            },
            Event::UndoneBy { by } => Self::UndoneBy(by.clone()),
        }
    }

    fn checked(lines: &[CheckLine]) -> Self {
        let count = |wanted: fn(&CheckLine) -> bool| lines.iter().filter(|l| wanted(l)).count();
        Self::Checked {
            passed: count(|l| matches!(l.result, CheckResult::Passed { .. })) as u64,
            overridden: count(|l| l.overridden) as u64,
            unavailable: count(|l| {
                matches!(l.result, CheckResult::Unavailable { .. }) && !l.overridden
            }) as u64,
        }
    }

    /// The sentence, without full stop.
    #[must_use]
    pub fn text(&self, locale: Locale) -> String {
        match locale {
            Locale::En => en::tale::text(self),
            Locale::Ko => ko::tale::text(self),
        }
    }
}

fn millis(since: Timestamp, until: Timestamp) -> u64 {
    u64::try_from(until.since(since).as_millis()).unwrap_or(u64::MAX)
}

fn step(key: &StepKey, plan: Option<&RestorePlan>) -> String {
    plan.and_then(|p| p.steps.iter().find(|s| s.key == *key))
        .map_or_else(|| one_line(key.as_str(), 200), |s| one_line(&s.what, 200))
}
