//! The state machine of one deployment: which event may happen, what follows, what is owed. Knows no store,
//! no provider and no time but that in its events.

use crate::core::alert::AlertEvent;
use crate::core::journal::{Closing, Event, JobStatus, Judgement, LiveChange, Start, StoppedBy};
use crate::core::lease::Live;
use crate::core::policy::CheckLine;
use crate::core::reason::ReasonCode;
use crate::core::record::{Decision, DeploymentType, Status, Verdict};
use crate::core::restore::{StepKey, Strategy};
use crate::core::time::Timestamp;

mod closing;
mod restoring;

pub use closing::after_job;
pub use restoring::Restoring;

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

/// Whether a deployment's own version is what serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Touched {
    /// What served before serves still.
    No,
    /// Nobody saw whether the failed or cancelled job changed anything.
    Perhaps,
    /// It serves, or did.
    Yes,
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
                next.judged = Some(judgement.clone());
                if judgement.verdict == Verdict::Degraded && next.is_live() {
                    tell.push(AlertEvent::HealthCheckFailed);
                }
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

    /// True where a bad verdict may undo this deployment: with it, its version is what serves.
    #[must_use]
    pub fn may_restore(&self) -> bool {
        self.may_have_served() && self.start.locked && !self.start.irreversible && !self.is_heir()
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

    /// Whether its version serves, or might.
    fn touched(&self) -> Touched {
        match self.job {
            None | Some((_, LiveChange::Unchanged | LiveChange::RolledBack))
                if !self.job_succeeded() =>
            {
                Touched::No
            }
            // A gate that was good before and is bad now tells what no stack and no version told.
            Some((_, LiveChange::Unknown)) if !self.job_succeeded() && !self.is_degraded() => {
                Touched::Perhaps
            }
            None | Some(_) => Touched::Yes,
        }
    }

    fn job_succeeded(&self) -> bool {
        self.job.is_some_and(|(job, _)| job == JobStatus::Success)
    }

    fn is_degraded(&self) -> bool {
        let judged = self.judged.as_ref();
        judged.is_some_and(|j| j.verdict == Verdict::Degraded)
    }

    fn is_live(&self) -> bool {
        self.touched() == Touched::Yes
    }

    /// Its version serves, has served, or might have.
    #[must_use]
    pub fn may_have_served(&self) -> bool {
        self.touched() != Touched::No
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
