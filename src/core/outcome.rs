//! How a stage of the action or a command ends: outputs and exit code. Knows no surface.

use crate::core::changes::Pull;
use crate::core::deployment::{Deployment, State};
use crate::core::id::CommitSha;
use crate::core::journal::{Closing, StoppedBy};
use crate::core::lease::{Holder, Live};
use crate::core::policy::CheckLine;
use crate::core::reason::ReasonCode;
use crate::core::record::{Decision, DeploymentType, Status, Verdict};

/// Exit codes of PRODUCT section 3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// As wanted.
    Fine = 0,
    /// The deployment failed and production is as it was, or is as it was again.
    Failed = 1,
    /// Wrong usage, input or configuration; nothing was changed.
    Usage = 2,
    /// Refused by policy.
    Refused = 3,
    /// A person must act.
    Act = 4,
    /// Not proven, or replaced after deploying.
    Unproven = 5,
    /// A service could not be reached.
    Unreachable = 6,
    /// SIGINT, or a cancelled job.
    Interrupted = 130,
    /// SIGTERM.
    Terminated = 143,
}

impl Exit {
    /// The process's exit code.
    #[must_use]
    pub fn code(self) -> u8 {
        self as u8
    }

    /// A stop.
    #[must_use]
    pub fn of_stop(by: StoppedBy) -> Self {
        match by {
            StoppedBy::Terminate => Self::Terminated,
            StoppedBy::Interrupt | StoppedBy::JobCancelled | StoppedBy::Released => {
                Self::Interrupted
            }
        }
    }

    /// The end of a closed deployment. `passes`: inconclusive is configured to pass.
    #[must_use]
    pub fn of(closing: &Closing, passes: bool, stop: Option<StoppedBy>) -> Self {
        match closing.status {
            Status::InProgress => Self::Unreachable,
            Status::Success => match closing.verdict {
                Some(Verdict::Inconclusive) if !passes => Self::Unproven,
                Some(
                    Verdict::Inconclusive | Verdict::Healthy | Verdict::Skipped | Verdict::Degraded,
                )
                | None => Self::Fine,
            },
            Status::Failure if closing.verdict == Some(Verdict::Degraded) && closing.live => {
                Self::Act
            }
            Status::Failure
                if matches!(
                    closing.reason,
                    ReasonCode::WouldDestroyData | ReasonCode::NoStrategy
                ) =>
            {
                Self::Act
            }
            Status::Failure if closing.decision == Decision::Hold => Self::Unproven,
            Status::Failure => Self::Failed,
            Status::RolledBack => Self::Failed,
            Status::RollbackFailed => Self::Act,
            Status::Superseded => Self::Unproven,
            Status::Cancelled => stop.map_or(Self::Interrupted, Self::of_stop),
        }
    }
}

/// What a stage ends with.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Final status, `in_progress` while the job's own steps are to run; `None` where there is no record.
    pub status: Option<Status>,
    /// Verdict, once there is one.
    pub verdict: Option<Verdict>,
    /// What follows.
    pub decision: Decision,
    /// Why.
    pub reason: ReasonCode,
    /// The job's own steps are to deploy.
    pub deploy_needed: bool,
    /// The last good version was brought back.
    pub rolled_back: bool,
    /// Exit code.
    pub exit: Exit,
}

impl Outcome {
    /// What a deployment as it stands means for its job. `passes`: inconclusive is configured to pass.
    #[must_use]
    pub fn of(deployment: &Deployment, passes: bool) -> Self {
        if let State::Closed(closing) = &deployment.state {
            return Self {
                status: Some(closing.status),
                verdict: closing.verdict,
                decision: closing.decision,
                reason: closing.reason,
                deploy_needed: false,
                rolled_back: closing.status == Status::RolledBack,
                exit: match (closing.status, deployment.job) {
                    // Overtaken before the job's own steps began: nothing was deployed.
                    (Status::Superseded, None) => Exit::Fine,
                    (_, _) => Exit::of(closing, passes, deployment.stop),
                },
            };
        }
        let redeploys = match &deployment.state {
            State::Restoring(now) if deployment.is_handed_over() => Some(now.why.reason),
            _ => None,
        };
        let (decision, reason) = match (deployment.stop, redeploys) {
            (Some(_), _) => (Decision::Stop, ReasonCode::Interrupted),
            (None, Some(why)) => (Decision::Restore, why),
            (None, None) => (Decision::Continue, ReasonCode::Allowed),
        };
        let deploys = deployment.state == State::Deploying || redeploys.is_some();
        Self {
            status: Some(Status::InProgress),
            verdict: deployment.judged.as_ref().map(|j| j.verdict),
            decision,
            reason,
            deploy_needed: deploys && deployment.stop.is_none(),
            rolled_back: false,
            exit: deployment.stop.map_or(Exit::Fine, Exit::of_stop),
        }
    }
}

/// What was asked for, resolved.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    /// Environment's name; the text as given where it is not one.
    pub environment: String,
    /// Service's name.
    pub service: String,
    /// Type.
    pub kind: DeploymentType,
    /// Commit to deploy.
    pub git_ref: Option<String>,
    /// Who.
    pub actor: Option<String>,
    /// `force_deploy`.
    pub force: bool,
    /// `dry_run`.
    pub dry_run: bool,
    /// The `reason` input, from outside.
    pub note: Option<String>,
    /// The run's page.
    pub run_url: Option<String>,
}

/// How one notice went.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// What.
    pub event: crate::core::alert::AlertEvent,
    /// Where.
    pub channel: crate::core::alert::Channel,
    /// How far it got.
    pub state: crate::core::alert::NoticeState,
    /// Why it did not go, from outside.
    pub why: Option<String>,
}

/// Whether a keeper goes on after the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeeperSeen {
    /// Its heartbeat is fresh.
    Fresh,
    /// None, or too old: the watch ends with the window.
    Absent,
    /// Not looked at.
    NotAsked,
}

/// Everything that summary, outputs, annotations and `result` are made of.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// What was asked for.
    pub asked: Asked,
    /// How it ended.
    pub outcome: Outcome,
    /// The deployment, if there is one.
    pub deployment: Option<crate::core::deployment::Deployment>,
    /// Its journal.
    pub entries: Vec<crate::core::journal::Entry>,
    /// What the checks found; also where there is no deployment.
    pub checks: Vec<CheckLine>,
    /// Who holds the lock, where that refused.
    pub holder: Option<Holder>,
    /// What could be rolled back to, where the target was not found.
    pub candidates: Vec<Live>,
    /// What a rollback goes back to, where there is no deployment.
    pub target: Option<Live>,
    /// How the notices went.
    pub told: Vec<Told>,
    /// Whether a keeper is there.
    pub keeper: KeeperSeen,
    /// Further things to say, as errors' own words: from outside.
    pub notes: Vec<String>,
    /// The pull requests that brought its commits, as far as they are known.
    pub pulls: Vec<(CommitSha, Vec<Pull>)>,
    /// When this was reported.
    pub at: crate::core::time::Timestamp,
}
