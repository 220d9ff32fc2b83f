//! How a deployment ends: which closing follows from a judgement, a stop or a release, whom it is told, and which may be.

use crate::core::alert::AlertEvent;
use crate::core::journal::{Closing, JobStatus, Judgement, LiveChange};
use crate::core::reason::ReasonCode;
use crate::core::record::{Decision, Status, Verdict};

use super::{Deployment, Effect, Restoring, State, Touched};

impl Deployment {
    /// The gates say that what was brought back is well; without gates a person's word is enough.
    pub(super) fn is_restored_by(&self, judgement: &Judgement) -> bool {
        match judgement.verdict {
            Verdict::Healthy => true,
            Verdict::Skipped => self.is_rollback() && self.job.is_none(),
            Verdict::Degraded | Verdict::Inconclusive => false,
        }
    }

    /// How a restore ends, by the judgement that ended it, or by there being no strategy left.
    pub(super) fn closing_of_restore(&self, now: &Restoring, ended: Option<&Judgement>) -> Closing {
        let asked = self.is_rollback() && self.job.is_none();
        let verdict = if asked {
            now.ended.as_ref().map(|e| e.verdict)
        } else {
            Some(now.why.verdict)
        };
        match ended {
            Some(ended) if asked => Closing {
                status: Status::Success,
                verdict: Some(ended.verdict),
                reason: ended.reason,
                decision: Decision::Continue,
                error: None,
                live: true,
            },
            Some(_) => Closing {
                status: Status::RolledBack,
                verdict,
                reason: ReasonCode::Restored,
                decision: Decision::Restore,
                error: None,
                live: false,
            },
            None => Closing {
                status: Status::RollbackFailed,
                verdict,
                reason: now.failed.unwrap_or(ReasonCode::RestoreFailed),
                decision: Decision::Stop,
                error: None,
                live: true,
            },
        }
    }

    /// How a judgement without restore ends the deployment.
    #[must_use]
    pub fn closing_of(&self, judgement: &Judgement) -> Closing {
        let job_failed = self.job.is_some_and(|(job, _)| job != JobStatus::Success);
        let live = self.is_live();
        let (status, reason, decision) = match judgement.verdict {
            // Only forward: no command may offer the way back.
            Verdict::Degraded if live && self.start.irreversible => {
                (Status::Failure, ReasonCode::Irreversible, Decision::Stop)
            }
            Verdict::Degraded if live && self.is_left_to_people(judgement) => {
                (Status::Failure, ReasonCode::AutomaticOff, Decision::Stop)
            }
            Verdict::Degraded if live => (Status::Failure, judgement.reason, Decision::Stop),
            // Nothing is seen to have changed, and what serves is not seen to be bad.
            _ if job_failed && !live => (Status::Failure, self.job_reason(), Decision::Stop),
            _ if job_failed => (Status::Failure, self.job_reason(), Decision::Hold),
            Verdict::Degraded => (Status::Failure, judgement.reason, Decision::Stop),
            Verdict::Healthy | Verdict::Inconclusive | Verdict::Skipped => {
                (Status::Success, judgement.reason, judgement.decision)
            }
        };
        Closing {
            status,
            verdict: Some(judgement.verdict),
            reason,
            decision,
            error: None,
            live,
        }
    }

    /// It could be undone, and the configuration does not want that.
    fn is_left_to_people(&self, judgement: &Judgement) -> bool {
        judgement.decision == Decision::Stop && self.may_restore()
    }

    /// How a judgement ends the deployment that asked for a restore which cannot be had.
    #[must_use]
    pub fn closing_without_restore(&self, judgement: &Judgement, why: ReasonCode) -> Closing {
        let closing = self.closing_of(judgement);
        match judgement.verdict {
            Verdict::Degraded => Closing {
                reason: why,
                decision: Decision::Stop,
                ..closing
            },
            Verdict::Healthy | Verdict::Inconclusive | Verdict::Skipped => Closing {
                decision: Decision::Hold,
                ..closing
            },
        }
    }

    /// How a stop ends the deployment; whatever is live then is unverified.
    #[must_use]
    pub fn closing_of_stop(&self) -> Closing {
        let (reason, decision) = match self.touched() {
            Touched::Yes => (ReasonCode::CancelledLive, Decision::Hold),
            Touched::Perhaps => (ReasonCode::CancelledUnseen, Decision::Hold),
            Touched::No => (ReasonCode::Cancelled, Decision::Stop),
        };
        Closing {
            status: Status::Cancelled,
            verdict: None,
            reason,
            decision,
            error: None,
            live: self.is_live(),
        }
    }

    /// How the release of its lock by a person ends it: a restore that was under way has failed, for nobody
    /// goes on with it.
    #[must_use]
    pub fn closing_of_release(&self) -> Closing {
        let closing = self.closing_of_stop();
        match &self.state {
            State::Restoring(now) => Closing {
                status: Status::RollbackFailed,
                verdict: Some(now.why.verdict),
                reason: ReasonCode::RestoreFailed,
                decision: Decision::Stop,
                error: None,
                live: true,
            },
            State::Deploying
            | State::JobEnded { .. }
            | State::Watching { .. }
            | State::Judged(_)
            | State::Closed(_) => closing,
        }
    }

    /// Another deployment has replaced this one, or has overtaken it before it began.
    #[must_use]
    pub fn closing_of_overtaken(&self) -> Closing {
        Closing {
            status: Status::Superseded,
            verdict: None,
            reason: ReasonCode::Superseded,
            decision: Decision::Stop,
            error: None,
            live: false,
        }
    }

    /// Told once: what the judgement has told already is not told again at the close. A restore that was
    /// announced and then could not be had is news.
    pub(super) fn told_at_close(&self, closing: &Closing) -> Option<AlertEvent> {
        match closing.status {
            Status::InProgress => None,
            Status::Success => Some(match closing.verdict {
                Some(Verdict::Inconclusive) => AlertEvent::Inconclusive,
                Some(Verdict::Healthy | Verdict::Skipped | Verdict::Degraded) | None => {
                    AlertEvent::Succeeded
                }
            }),
            Status::Failure => {
                let told = match &self.state {
                    State::Judged(j) => {
                        j.verdict == Verdict::Degraded
                            && self.is_live()
                            && j.decision != Decision::Restore
                    }
                    State::Deploying
                    | State::JobEnded { .. }
                    | State::Watching { .. }
                    | State::Restoring(_)
                    | State::Closed(_) => false,
                };
                (!told).then_some(AlertEvent::Failed)
            }
            Status::RolledBack => Some(AlertEvent::RollbackCompleted),
            Status::Cancelled => Some(AlertEvent::Cancelled),
            Status::Superseded => Some(AlertEvent::Superseded),
            Status::RollbackFailed => Some(AlertEvent::RollbackFailed),
        }
    }

    pub(super) fn job_reason(&self) -> ReasonCode {
        match self.job {
            Some((JobStatus::Unknown, _)) => ReasonCode::JobStatusUnknown,
            Some((_, LiveChange::Changed)) => ReasonCode::DeployFailedChanged,
            Some((_, LiveChange::Unknown)) => ReasonCode::DeployFailedUnseen,
            _ => ReasonCode::DeployFailed,
        }
    }

    /// Nothing leaves a final status, and no state may end in one that it does not show.
    pub(super) fn may_close(&self, closing: &Closing) -> bool {
        match (&self.state, closing.status) {
            (_, Status::InProgress) => false,
            (State::Closed(_), _) => false,
            (State::Judged(j), Status::Success) => {
                j.verdict != Verdict::Degraded
                    && self.job.is_some_and(|(job, _)| job == JobStatus::Success)
            }
            (
                State::Deploying | State::JobEnded { .. } | State::Watching { .. },
                Status::Success,
            ) => false,
            (State::Restoring(now), Status::Success | Status::RolledBack) => {
                let asked = self.is_rollback() && self.job.is_none();
                asked == (closing.status == Status::Success)
                    && now.ended.as_ref().is_some_and(|e| self.is_restored_by(e))
            }
            (
                State::Deploying
                | State::JobEnded { .. }
                | State::Watching { .. }
                | State::Judged(_),
                Status::RolledBack,
            ) => false,
            (State::Restoring(_), Status::RollbackFailed) => true,
            (State::Restoring(_), Status::Failure | Status::Cancelled | Status::Superseded) => {
                false
            }
            (State::JobEnded { live, .. }, Status::RollbackFailed) => {
                *live == LiveChange::RollbackFailed
            }
            (
                State::Deploying | State::Watching { .. } | State::Judged(_),
                Status::RollbackFailed,
            ) => false,
            (
                State::Deploying
                | State::JobEnded { .. }
                | State::Watching { .. }
                | State::Judged(_),
                Status::Failure | Status::Cancelled | Status::Superseded,
            ) => true,
        }
    }
}

/// PRODUCT section 2, "What post (or verify) finds, and what follows".
#[must_use]
pub fn after_job(job: JobStatus, live: LiveChange) -> Effect {
    let close = |status, reason, decision, live| {
        Effect::Close(Closing {
            status,
            verdict: None,
            reason,
            decision,
            error: None,
            live,
        })
    };
    match (job, live) {
        (JobStatus::Success, LiveChange::RollbackFailed)
        | (
            JobStatus::Failure | JobStatus::Unknown | JobStatus::Cancelled,
            LiveChange::RollbackFailed,
        ) => close(
            Status::RollbackFailed,
            ReasonCode::StackRollbackFailed,
            Decision::Stop,
            true,
        ),
        (
            JobStatus::Success,
            LiveChange::Unchanged
            | LiveChange::Changed
            | LiveChange::Unknown
            | LiveChange::InProgress
            | LiveChange::RolledBack,
        ) => Effect::Watch { one_look: false },
        (
            JobStatus::Failure | JobStatus::Unknown,
            LiveChange::Unchanged | LiveChange::RolledBack | LiveChange::Unknown,
        ) => Effect::Watch { one_look: true },
        (JobStatus::Failure | JobStatus::Unknown, LiveChange::Changed) => {
            Effect::Watch { one_look: false }
        }
        (
            JobStatus::Failure | JobStatus::Unknown | JobStatus::Cancelled,
            LiveChange::InProgress,
        ) => Effect::Settle,
        (JobStatus::Cancelled, LiveChange::Changed) => close(
            Status::Cancelled,
            ReasonCode::CancelledLive,
            Decision::Hold,
            true,
        ),
        (JobStatus::Cancelled, LiveChange::Unknown) => close(
            Status::Cancelled,
            ReasonCode::CancelledUnseen,
            Decision::Hold,
            false,
        ),
        (JobStatus::Cancelled, LiveChange::Unchanged | LiveChange::RolledBack) => close(
            Status::Cancelled,
            ReasonCode::Cancelled,
            Decision::Stop,
            false,
        ),
    }
}
