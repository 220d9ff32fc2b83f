//! The events of a deployment, in the form that is kept for ever, and their replay; the only source of state.

use serde::{Deserialize, Serialize};

use crate::core::deployment::{Deployment, IllegalEvent};
use crate::core::gate::Finding;
use crate::core::id::{
    CommitKey, CommitSha, DeploymentId, EnvironmentName, ServiceName, SessionId,
};
use crate::core::lease::Live;
use crate::core::observation::Why;
use crate::core::policy::CheckLine;
use crate::core::reason::ReasonCode;
use crate::core::record::{Decision, DeploymentType, Status, Verdict, words};
use crate::core::restore::{RestorePlan, StepKey, Strategy};
use crate::core::time::Timestamp;

/// Most entries that a journal has.
pub const ENTRIES: u32 = 200;

/// The last of them are kept for the close: a deployment that is taken up again and again must still end.
pub const FOR_CLOSING: u32 = 10;

/// One write: the events that happened together.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// 1 and up, without gaps.
    pub n: u32,
    /// When it was decided.
    pub at: Timestamp,
    /// By which process.
    pub session: SessionId,
    /// The write's identity.
    pub commit: CommitKey,
    /// In order.
    pub events: Vec<Event>,
}

/// The GitHub job that a deployment runs in; all absent for the command line.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RunRef {
    /// `owner/name`.
    pub repo: Option<String>,
    /// Run id.
    pub run: Option<u64>,
    /// Attempt.
    pub attempt: Option<u32>,
    /// Job key.
    pub job: Option<String>,
    /// The API's job id.
    pub job_id: Option<u64>,
    /// The run's page.
    pub url: Option<String>,
    /// The commit that the run itself is of: another than the deployed one where an input names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha: Option<CommitSha>,
}

/// A stack as CloudFormation described it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StackSeen {
    /// Name.
    pub name: String,
    /// Status word of CloudFormation; `None` = there is no such stack.
    pub status: Option<String>,
    /// `LastUpdatedTime`, else `CreationTime`.
    pub updated: Option<Timestamp>,
}

impl StackSeen {
    /// True where an operation is under way. Words that look final but end in
    /// `_CLEANUP_IN_PROGRESS` are under way too. Source: CloudFormation, "Stack status codes".
    #[must_use]
    pub fn in_progress(&self) -> bool {
        self.status
            .as_deref()
            .is_some_and(|s| s.ends_with("_IN_PROGRESS") && s != "REVIEW_IN_PROGRESS")
    }
}

/// What is known at the start.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Start {
    /// Id.
    pub id: DeploymentId,
    /// The record's sort key.
    pub at: Timestamp,
    /// Environment.
    pub environment: EnvironmentName,
    /// Service.
    pub service: ServiceName,
    /// Type.
    pub kind: DeploymentType,
    /// Commit to deploy.
    pub git_ref: Option<CommitSha>,
    /// What served before.
    pub previous: Option<Live>,
    /// The good version that a restore would bring back, if there is one.
    pub good: Option<Live>,
    /// Who.
    pub actor: Option<String>,
    /// The `reason` input.
    pub note: Option<String>,
    /// Where it runs.
    pub run: RunRef,
    /// `force_deploy` was given.
    pub force: bool,
    /// Never restored automatically.
    pub irreversible: bool,
    /// For a rollback: where to.
    pub target: Option<Live>,
    /// For a rollback: the success that its healthy end undoes.
    #[serde(default)]
    pub undoes: Option<Live>,
    /// The stacks before.
    pub stacks: Vec<StackSeen>,
    /// HTTP gates that failed already before.
    pub failing_before: Vec<String>,
    /// Versions that answered before, by gate.
    #[serde(default)]
    pub versions_before: Vec<(String, String)>,
    /// Alarms of the alarms gate that fired already before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alarms_before: Vec<String>,
    /// This deployment holds the environment's lock.
    pub locked: bool,
    /// `verify` stood alone: nothing kept others out while it was deployed.
    #[serde(default)]
    pub unguarded: bool,
    /// Commits since the last good version, newest first, a line each: SHA and title, from outside.
    #[serde(default)]
    pub changes: Vec<String>,
    /// How many there are in all, where more than these.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub changes_left_out: usize,
    /// Dispatched by this deployment's restore, whose lock it borrows: it never restores or dispatches itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heir_of: Option<DeploymentId>,
    /// Begun by the keeper on a bad verdict, without a person.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub automatic: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(n: &usize) -> bool {
    *n == 0
}

words! {
    /// GitHub's `job.status` as the later stages see it.
    JobStatus {
        /// All steps so far.
        Success = "success",
        /// A step failed.
        Failure = "failure",
        /// Cancelled, or timed out.
        Cancelled = "cancelled",
        /// Missing, or another word.
        Unknown = "unknown",
    }
}

words! {
    /// What became of stack and live version while the job's own steps ran.
    LiveChange {
        /// The same as before.
        Unchanged = "unchanged",
        /// CloudFormation has undone its update.
        RolledBack = "rolled_back",
        /// Something else runs now.
        Changed = "changed",
        /// A stack operation is under way.
        InProgress = "in_progress",
        /// CloudFormation could not undo its update.
        RollbackFailed = "rollback_failed",
        /// Could not be seen.
        Unknown = "unknown",
    }
}

words! {
    /// Who goes on with a deployment.
    Adopter {
        /// The step `phase: verify`.
        Verify = "verify",
        /// The post step.
        Post = "post",
        /// The keeper.
        Keeper = "keeper",
        /// The command line.
        CommandLine = "command_line",
        /// The next run, which found it abandoned.
        NextRun = "next_run",
        /// The deployment that had dispatched it and waits for it.
        Lender = "lender",
    }
}

impl Adopter {
    /// True for who goes on in the place of a dead job, and is no stage of it.
    #[must_use]
    pub fn is_successor(self) -> bool {
        match self {
            Self::Keeper | Self::CommandLine | Self::NextRun | Self::Lender => true,
            Self::Verify | Self::Post => false,
        }
    }
}

/// Who went on last.
#[must_use]
pub fn last_adopter(entries: &[Entry]) -> Option<Adopter> {
    let mut events = entries.iter().flat_map(|e| &e.events).rev();
    events.find_map(|event| match event {
        Event::Adopted { by } => Some(*by),
        _ => None,
    })
}

words! {
    /// What stopped a stage.
    StoppedBy {
        /// SIGINT.
        Interrupt = "interrupt",
        /// SIGTERM.
        Terminate = "terminate",
        /// `job.status` said so.
        JobCancelled = "job_cancelled",
        /// A person released the lock.
        Released = "released",
    }
}

/// The gates' common word and what follows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Judgement {
    /// Verdict.
    pub verdict: Verdict,
    /// Why.
    pub reason: ReasonCode,
    /// What follows.
    pub decision: Decision,
    /// Gate by gate.
    pub findings: Vec<Finding>,
}

/// How a deployment ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Closing {
    /// Final status.
    pub status: Status,
    /// Verdict, if it was judged.
    pub verdict: Option<Verdict>,
    /// Why.
    pub reason: ReasonCode,
    /// What follows for the job.
    pub decision: Decision,
    /// What went wrong, from outside.
    pub error: Option<String>,
    /// What is served now is this deployment's version.
    pub live: bool,
}

/// What happened. Names and fields are kept for ever: released journals must replay.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The first event of every journal.
    Started(Box<Start>),
    /// What the checks found.
    Checked {
        /// A line each.
        lines: Vec<CheckLine>,
    },
    /// The job's own steps may deploy.
    Allowed,
    /// An abandoned lock was taken over at the start.
    TookOver {
        /// The deployment that held it.
        from: DeploymentId,
    },
    /// What ran before is being saved; whether that worked is known only by reading it.
    Saving {
        /// Under this name.
        state: String,
    },
    /// What runs now was saved.
    Saved {
        /// Under this name.
        state: String,
    },
    /// Another process goes on.
    Adopted {
        /// Which.
        by: Adopter,
    },
    /// The job's own steps are over.
    JobEnded {
        /// What GitHub says of them.
        job: JobStatus,
        /// What became of the live version.
        live: LiveChange,
        /// The stacks after.
        stacks: Vec<StackSeen>,
    },
    /// The watch began.
    WatchStarted {
        /// When.
        since: Timestamp,
        /// Its deadline.
        until: Timestamp,
        /// A single look instead of a watch.
        one_look: bool,
    },
    /// A rollback or hotfix asked for the lock.
    YieldAsked {
        /// The asking run's page.
        run_url: Option<String>,
    },
    /// Somebody wants it stopped.
    CancelAsked {
        /// Who or what.
        by: StoppedBy,
    },
    /// The gates were judged.
    Judged(Judgement),
    /// A plan to restore was made.
    RestorePlanned {
        /// The plan.
        plan: RestorePlan,
    },
    /// A step was ordered.
    StepStarted {
        /// Which.
        key: StepKey,
    },
    /// A step is done: the workflow was dispatched, and this run is the heir of the lock.
    Dispatched {
        /// Which step.
        key: StepKey,
        /// GitHub's id of the run.
        run: u64,
        /// Its page.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        url: Option<String>,
    },
    /// A step is done.
    StepDone {
        /// Which.
        key: StepKey,
    },
    /// A step failed.
    StepFailed {
        /// Which.
        key: StepKey,
        /// Why.
        why: Why,
        /// What the deployment is closed with if nothing else helps; else [`ReasonCode::RestoreFailed`].
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<ReasonCode>,
    },
    /// The gates were judged again after a strategy.
    RestoreJudged {
        /// Which strategy.
        strategy: Strategy,
        /// What they said.
        judgement: Judgement,
    },
    /// It ended.
    Closed(Closing),
    /// A later rollback has undone it.
    UndoneBy {
        /// Which.
        by: DeploymentId,
    },
}

/// Why a journal does not replay.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ReplayError {
    /// There is no entry.
    #[error("the journal is empty")]
    Empty,
    /// Numbers must rise by one.
    #[error("entry {got} stands where {want} should")]
    Gap {
        /// The number that should stand there.
        want: u32,
        /// The number that stands there.
        got: u32,
    },
    /// The first event must be the start.
    #[error("the journal does not begin with the start")]
    NoStart,
    /// An event that cannot happen there.
    #[error("entry {n} cannot be replayed")]
    Illegal {
        /// The entry.
        n: u32,
        /// Why.
        #[source]
        source: IllegalEvent,
    },
}

/// Builds the deployment from its journal.
pub fn replay(entries: &[Entry]) -> Result<Deployment, ReplayError> {
    let first = entries.first().ok_or(ReplayError::Empty)?;
    let Some(Event::Started(start)) = first.events.first() else {
        return Err(ReplayError::NoStart);
    };
    let mut deployment = Deployment::new((**start).clone());
    for (entry, want) in entries.iter().zip(1_u32..) {
        if entry.n != want {
            return Err(ReplayError::Gap { want, got: entry.n });
        }
        let skip = usize::from(want == 1);
        for event in entry.events.iter().skip(skip) {
            deployment = deployment
                .step(event)
                .map_err(|source| ReplayError::Illegal { n: entry.n, source })?
                .next;
        }
        deployment.n = entry.n;
    }
    Ok(deployment)
}
