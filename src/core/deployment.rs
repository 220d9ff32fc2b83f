//! The state machine of one deployment: which event may happen, what follows, what is owed. Knows no store,
//! no provider and no time but that in its events.

use crate::core::alert::AlertEvent;
use crate::core::journal::{Closing, Event, JobStatus, Judgement, LiveChange, Start, StoppedBy};
use crate::core::lease::Live;
use crate::core::policy::CheckLine;
use crate::core::reason::ReasonCode;
use crate::core::record::{Decision, DeploymentType, Status, Verdict};
use crate::core::restore::{RestorePlan, StepKey, Strategy};
use crate::core::time::Timestamp;

/// Where a deployment stands.
#[derive(Debug, Clone, PartialEq)]
pub enum State {
    /// Main checks, or the job's own steps run.
    Deploying,
    /// The job's own steps are over.
    JobEnded {
        /// What GitHub says of them.
        job: JobStatus,
        /// What became of the live version.
        live: LiveChange,
    },
    /// Looking.
    Watching {
        /// Since when.
        since: Timestamp,
        /// Deadline.
        until: Timestamp,
        /// A single look.
        one_look: bool,
        /// Somebody waits.
        yielding: bool,
    },
    /// Judged, nothing done about it yet.
    Judged(Judgement),
    /// Bringing a version back.
    Restoring(Restoring),
    /// Ended.
    Closed(Closing),
}

/// How far a restore has got.
#[derive(Debug, Clone, PartialEq)]
pub struct Restoring {
    /// The judgement that asked for it.
    pub why: Judgement,
    /// The plan.
    pub plan: RestorePlan,
    /// Index of the step that is next or under way.
    pub at: usize,
    /// That step was ordered.
    pub ordered: bool,
    /// The run that was dispatched and is followed by that step.
    pub child: Option<u64>,
    /// The steps of this strategy are done; its gates are to be judged.
    pub verify: Option<Strategy>,
    /// How the last judged strategy ended.
    pub ended: Option<Judgement>,
    /// That judgement says that what was brought back is well.
    pub restored: bool,
    /// Why the last failed step failed, where that is a reason of its own.
    pub failed: Option<ReasonCode>,
}

/// Stands for the judgement where a person asked for the restore.
fn asked_for() -> Judgement {
    Judgement {
        verdict: Verdict::Skipped,
        reason: ReasonCode::Allowed,
        decision: Decision::Restore,
        findings: Vec::new(),
    }
}

/// A deployment as its journal tells it.
#[derive(Debug, Clone, PartialEq)]
pub struct Deployment {
    /// What was known at the start.
    pub start: Start,
    /// What the checks found.
    pub checks: Vec<CheckLine>,
    /// The number of the last entry.
    pub n: u32,
    /// Where it stands.
    pub state: State,
    /// The job's own steps may deploy, or might have.
    pub allowed: bool,
    /// Somebody wants it stopped.
    pub stop: Option<StoppedBy>,
    /// How the job's own steps ended, once they have.
    pub job: Option<(JobStatus, LiveChange)>,
    /// The last judgement.
    pub judged: Option<Judgement>,
    /// Which abandoned deployment's lock it took.
    pub took_over: Option<crate::core::id::DeploymentId>,
    /// The name of the state saved before it.
    pub saved_before: Option<String>,
    /// The name of the state saved of itself.
    pub saved_after: Option<String>,
}

/// What is to be done next. The engine performs it only after the entry that orders it is durable.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Nothing of ours: the job's own steps run.
    AwaitJob,
    /// Wait for the stack; the keeper goes on.
    Settle,
    /// Start to watch.
    Watch {
        /// A single look instead of a watch.
        one_look: bool,
    },
    /// Look and judge.
    Observe,
    /// Make the plan to restore, or say why there is none.
    PlanRestore,
    /// Make the plan of a rollback that no job's steps could deploy, or say why there is none.
    PlanRollback,
    /// Order this step.
    Order(StepKey),
    /// Look whether this ordered step was done, and do it if not.
    Act(StepKey),
    /// Judge the gates after a strategy.
    VerifyRestore(Strategy),
    /// Close it.
    Close(Closing),
    /// Nothing: it has ended.
    Nothing,
}

/// What an event leads to.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The deployment after it.
    pub next: Deployment,
    /// Whom to tell what.
    pub tell: Vec<AlertEvent>,
}

/// An event that cannot happen in this state.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{event} cannot happen while {state}")]
pub struct IllegalEvent {
    /// The state's name.
    pub state: &'static str,
    /// The event's name.
    pub event: &'static str,
}

impl Deployment {
    /// A deployment that has just started.
    #[must_use]
    pub fn new(start: Start) -> Self {
        Self {
            start,
            checks: Vec::new(),
            n: 0,
            state: State::Deploying,
            allowed: false,
            stop: None,
            job: None,
            judged: None,
            took_over: None,
            saved_before: None,
            saved_after: None,
        }
    }

    /// What an event leads to, or that it cannot happen here.
    pub fn step(&self, event: &Event) -> Result<Step, IllegalEvent> {
        let mut next = self.clone();
        let mut tell = Vec::new();
        match (&self.state, event) {
            (State::Deploying, Event::Checked { lines }) => {
                if self.start.force && lines.iter().any(|l| l.overridden) {
                    tell.push(AlertEvent::Forced);
                }
                next.checks.clone_from(lines);
            }
            (State::Deploying, Event::TookOver { from }) => {
                tell.push(AlertEvent::LockTakenOver);
                next.took_over = Some(from.clone());
            }
            (State::Deploying, Event::Saving { state }) => {
                next.saved_before = Some(state.clone());
            }
            (
                State::JobEnded { .. }
                | State::Watching { .. }
                | State::Judged(_)
                | State::Restoring(_),
                Event::Saved { state },
            ) => next.saved_after = Some(state.clone()),
            (State::Deploying, Event::Allowed) if !self.allowed => {
                // A rollback is told once, whoever brings the version back: the job's own steps, or this container.
                tell.push(if self.is_rollback() {
                    AlertEvent::RollbackStarted
                } else {
                    AlertEvent::Started
                });
                next.allowed = true;
            }
            (
                State::Deploying
                | State::JobEnded { .. }
                | State::Watching { .. }
                | State::Judged(_)
                | State::Restoring(_),
                Event::Adopted { .. },
            ) => {}
            (State::Deploying | State::JobEnded { .. }, Event::JobEnded { job, live, .. }) => {
                next.job = Some((*job, *live));
                next.state = State::JobEnded {
                    job: *job,
                    live: *live,
                };
            }
            (
                State::JobEnded { .. } | State::Watching { .. },
                Event::WatchStarted {
                    since,
                    until,
                    one_look,
                },
            ) => {
                next.state = State::Watching {
                    since: *since,
                    until: *until,
                    one_look: *one_look,
                    yielding: false,
                };
            }
            (
                State::Watching {
                    since,
                    until,
                    one_look,
                    ..
                },
                Event::YieldAsked { .. },
            ) => {
                next.state = State::Watching {
                    since: *since,
                    until: *until,
                    one_look: *one_look,
                    yielding: true,
                };
            }
            (
                State::Deploying
                | State::JobEnded { .. }
                | State::Watching { .. }
                | State::Judged(_)
                | State::Restoring(_),
                Event::CancelAsked { by },
            ) => next.stop = Some(self.stop.unwrap_or(*by)),
            (State::Watching { .. }, Event::Judged(judgement)) => {
                if judgement.verdict == Verdict::Degraded && self.is_live() {
                    tell.push(AlertEvent::HealthCheckFailed);
                }
                next.judged = Some(judgement.clone());
                next.state = State::Judged(judgement.clone());
            }
            (State::Judged(why), Event::RestorePlanned { plan })
                if why.decision == Decision::Restore && !plan.steps.is_empty() =>
            {
                tell.push(AlertEvent::RollbackStarted);
                next.state = State::Restoring(Restoring::begin(why.clone(), plan.clone()));
            }
            (State::Deploying, Event::RestorePlanned { plan })
                if self.is_rollback() && self.allowed && !plan.steps.is_empty() =>
            {
                next.state = State::Restoring(Restoring::begin(asked_for(), plan.clone()));
            }
            (State::Restoring(now), Event::StepStarted { key }) if now.may_order(key) => {
                next.state = State::Restoring(Restoring {
                    ordered: true,
                    ..now.clone()
                });
            }
            (State::Restoring(now), Event::StepDone { key }) if now.is_ordered(key) => {
                next.state = State::Restoring(now.done());
            }
            (State::Restoring(now), Event::Dispatched { key, run, .. })
                if now.is_ordered(key) && now.child.is_none() =>
            {
                next.state = State::Restoring(Restoring {
                    child: Some(*run),
                    ..now.done()
                });
            }
            (State::Restoring(now), Event::StepFailed { key, reason, .. })
                if now.is_ordered(key) =>
            {
                next.state = State::Restoring(Restoring {
                    failed: *reason,
                    ..now.next_strategy()
                });
            }
            (
                State::Restoring(now),
                Event::RestoreJudged {
                    strategy,
                    judgement,
                },
            ) if now.verify == Some(*strategy) => {
                let ended = Some(judgement.clone());
                next.judged = ended.clone();
                next.state = State::Restoring(if self.is_restored_by(judgement) {
                    Restoring {
                        verify: None,
                        restored: true,
                        ended,
                        ..now.clone()
                    }
                } else {
                    Restoring {
                        ended,
                        failed: None,
                        ..now.next_strategy()
                    }
                });
            }
            (
                State::Deploying
                | State::JobEnded { .. }
                | State::Watching { .. }
                | State::Judged(_)
                | State::Restoring(_),
                Event::Closed(closing),
            ) if self.may_close(closing) => {
                tell.extend(self.told_at_close(closing));
                next.state = State::Closed(closing.clone());
            }
            (State::Closed(closing), Event::UndoneBy { .. })
                if closing.status == Status::Success =>
            {
                let closing = Closing {
                    status: Status::RolledBack,
                    live: false,
                    ..closing.clone()
                };
                next.state = State::Closed(closing);
            }
            (state, event) => {
                return Err(IllegalEvent {
                    state: state.name(),
                    event: event.name(),
                });
            }
        }
        if self.is_heir() {
            tell.clear();
        }
        Ok(Step { next, tell })
    }

    /// What is owed now; a killed process's successor asks the same and goes on.
    #[must_use]
    pub fn owed(&self) -> Effect {
        match &self.state {
            State::Deploying if self.rolls_back_alone() => Effect::PlanRollback,
            State::Deploying => Effect::AwaitJob,
            State::JobEnded { job, live } => after_job(*job, *live),
            State::Watching { .. } => Effect::Observe,
            State::Judged(judgement) => match judgement.decision {
                Decision::Restore => Effect::PlanRestore,
                Decision::Continue | Decision::Hold | Decision::Stop => {
                    Effect::Close(self.closing_of(judgement))
                }
            },
            State::Restoring(now) => now.owed(|ended| self.closing_of_restore(now, ended)),
            State::Closed(_) => Effect::Nothing,
        }
    }

    /// Asked for by a person: what comes back is this deployment's own version.
    #[must_use]
    pub fn is_rollback(&self) -> bool {
        self.start.kind == DeploymentType::Rollback
    }

    /// A rollback from a terminal or by the keeper: there is no job whose steps could deploy the version.
    fn rolls_back_alone(&self) -> bool {
        self.is_rollback()
            && self.allowed
            && self.start.target.is_some()
            && self.start.run.run.is_none()
    }

    /// The version that a restore brings back: what a rollback asks for as long as it has not been judged itself.
    #[must_use]
    pub fn target(&self) -> Option<&Live> {
        if self.is_rollback() && self.job.is_none() {
            self.start.target.as_ref()
        } else {
            self.start.good.as_ref()
        }
    }

    /// True where the step that is ordered is for the job's own steps.
    #[must_use]
    pub fn is_handed_over(&self) -> bool {
        let State::Restoring(now) = &self.state else {
            return false;
        };
        let step = now.current().filter(|_| now.ordered);
        step.is_some_and(|s| s.strategy == Strategy::Redeploy)
    }

    /// The gates say that what was brought back is well; without gates a person's word is enough.
    fn is_restored_by(&self, judgement: &Judgement) -> bool {
        match judgement.verdict {
            Verdict::Healthy => true,
            Verdict::Skipped => self.is_rollback() && self.job.is_none(),
            Verdict::Degraded | Verdict::Inconclusive => false,
        }
    }

    /// How a restore ends, by the judgement that ended it, or by there being no strategy left.
    fn closing_of_restore(&self, now: &Restoring, ended: Option<&Judgement>) -> Closing {
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
            Verdict::Degraded if live => (Status::Failure, judgement.reason, Decision::Stop),
            // Nothing was changed, so what the gates see is not of this deployment's making.
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
        let live = self.is_live();
        Closing {
            status: Status::Cancelled,
            verdict: None,
            reason: if live {
                ReasonCode::CancelledLive
            } else {
                ReasonCode::Cancelled
            },
            decision: if live { Decision::Hold } else { Decision::Stop },
            error: None,
            live,
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

    /// True where a bad verdict may undo this deployment: its version is what serves.
    #[must_use]
    pub fn may_restore(&self) -> bool {
        self.is_live() && self.start.locked && !self.start.irreversible && !self.is_heir()
    }

    /// Dispatched by another deployment's restore, which tells people, undoes and moves the pointers itself.
    #[must_use]
    pub fn is_heir(&self) -> bool {
        self.start.heir_of.is_some()
    }

    /// The run that it has dispatched and waits for.
    #[must_use]
    pub fn child(&self) -> Option<u64> {
        match &self.state {
            State::Restoring(now) => now.child,
            State::Deploying
            | State::JobEnded { .. }
            | State::Watching { .. }
            | State::Judged(_)
            | State::Closed(_) => None,
        }
    }

    fn is_live(&self) -> bool {
        match self.job {
            Some((_, LiveChange::Unchanged | LiveChange::RolledBack)) => {
                self.job.is_some_and(|(job, _)| job == JobStatus::Success)
            }
            Some((job, LiveChange::Unknown)) => job == JobStatus::Success,
            Some((
                _,
                LiveChange::Changed | LiveChange::InProgress | LiveChange::RollbackFailed,
            )) => true,
            None => false,
        }
    }

    /// Told once: what the judgement has told already is not told again at the close. A restore that was
    /// announced and then could not be had is news.
    fn told_at_close(&self, closing: &Closing) -> Option<AlertEvent> {
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

    fn job_reason(&self) -> ReasonCode {
        match self.job {
            Some((JobStatus::Unknown, _)) => ReasonCode::JobStatusUnknown,
            Some((_, LiveChange::Changed)) => ReasonCode::DeployFailedChanged,
            _ => ReasonCode::DeployFailed,
        }
    }

    /// Nothing leaves a final status, and no state may end in one that it does not show.
    fn may_close(&self, closing: &Closing) -> bool {
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
        (
            JobStatus::Cancelled,
            LiveChange::Unchanged | LiveChange::RolledBack | LiveChange::Unknown,
        ) => close(
            Status::Cancelled,
            ReasonCode::Cancelled,
            Decision::Stop,
            false,
        ),
    }
}

impl Restoring {
    fn begin(why: Judgement, plan: RestorePlan) -> Self {
        Self {
            why,
            plan,
            at: 0,
            ordered: false,
            child: None,
            verify: None,
            ended: None,
            restored: false,
            failed: None,
        }
    }

    fn current(&self) -> Option<&crate::core::restore::PlannedStep> {
        self.plan.steps.get(self.at)
    }

    fn may_order(&self, key: &StepKey) -> bool {
        self.verify.is_none() && !self.ordered && self.current().is_some_and(|s| s.key == *key)
    }

    fn is_ordered(&self, key: &StepKey) -> bool {
        self.ordered && self.current().is_some_and(|s| s.key == *key)
    }

    fn done(&self) -> Self {
        let strategy = self.current().map(|s| s.strategy);
        let next = self.plan.steps.get(self.at + 1).map(|s| s.strategy);
        Self {
            at: self.at + 1,
            ordered: false,
            child: None,
            verify: strategy.filter(|s| next != Some(*s)),
            ..self.clone()
        }
    }

    fn next_strategy(&self) -> Self {
        let failed = self.verify.or_else(|| self.current().map(|s| s.strategy));
        let at = (self.at..self.plan.steps.len())
            .find(|i| self.plan.steps.get(*i).map(|s| s.strategy) != failed)
            .unwrap_or(self.plan.steps.len());
        Self {
            at,
            ordered: false,
            child: None,
            verify: None,
            ..self.clone()
        }
    }

    fn owed(&self, closing: impl Fn(Option<&Judgement>) -> Closing) -> Effect {
        match (self.verify, self.restored, self.current()) {
            (Some(strategy), _, _) => Effect::VerifyRestore(strategy),
            (None, true, _) => Effect::Close(closing(self.ended.as_ref())),
            (None, false, Some(step)) if self.ordered => Effect::Act(step.key.clone()),
            (None, false, Some(step)) => Effect::Order(step.key.clone()),
            (None, false, None) => Effect::Close(closing(None)),
        }
    }
}

impl State {
    /// The phase word in the record, and in messages about illegal events.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Deploying => "deploying",
            Self::JobEnded { .. } => "job_ended",
            Self::Watching { .. } => "watching",
            Self::Judged(_) => "judged",
            Self::Restoring(_) => "restoring",
            Self::Closed(_) => "closed",
        }
    }
}

impl Event {
    /// The event's name, as the journal writes it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Started(_) => "started",
            Self::Checked { .. } => "checked",
            Self::Allowed => "allowed",
            Self::TookOver { .. } => "took_over",
            Self::Saving { .. } => "saving",
            Self::Saved { .. } => "saved",
            Self::Adopted { .. } => "adopted",
            Self::JobEnded { .. } => "job_ended",
            Self::WatchStarted { .. } => "watch_started",
            Self::YieldAsked { .. } => "yield_asked",
            Self::CancelAsked { .. } => "cancel_asked",
            Self::Judged(_) => "judged",
            Self::RestorePlanned { .. } => "restore_planned",
            Self::StepStarted { .. } => "step_started",
            Self::Dispatched { .. } => "dispatched",
            Self::StepDone { .. } => "step_done",
            Self::StepFailed { .. } => "step_failed",
            Self::RestoreJudged { .. } => "restore_judged",
            Self::Closed(_) => "closed",
            Self::UndoneBy { .. } => "undone_by",
        }
    }
}
