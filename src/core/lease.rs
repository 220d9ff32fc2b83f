//! Who holds an environment, and when another may take over; knows no store and no GitHub.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::core::id::{
    CommitSha, DeploymentId, EnvironmentName, Fence, ServiceName, SessionId, Token,
};
use crate::core::record::words;
use crate::core::time::{Day, Timestamp};

/// Hosted jobs live at most 6 hours; this long after its start one counts as ended.
/// Source: GitHub, "Usage limits" (job execution time), with a margin.
pub const HOSTED_JOB_END: Duration = Duration::from_secs(6 * 3600 + 15 * 60);

/// A lock held longer than this is told about.
pub const STUCK_AFTER: Duration = Duration::from_secs(6 * 3600);

/// A keeper's heartbeat older than this does not count.
pub const KEEPER_FRESH: Duration = Duration::from_secs(600);

/// How long a write may trust the lease without renewing it.
pub const LEASE: Duration = Duration::from_secs(120);

words! {
    /// What the holder is doing.
    HeadMode {
        /// The job's own steps run, or main decides.
        Deploying = "deploying",
        /// Only looking; gives way to a rollback or hotfix.
        Watching = "watching",
        /// Bringing a version back.
        Restoring = "restoring",
    }
}

/// Owner of a lock: a job of a run, never a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Proof of ownership among the stages of one job.
    pub token: Token,
    /// The deployment it was taken for.
    pub deployment: DeploymentId,
    /// Its start, the record's sort key.
    pub at: Timestamp,
    /// `owner/name`; `None` for the command line.
    pub repo: Option<String>,
    /// The run; `None` for the command line.
    pub run: Option<u64>,
    /// The run's attempt.
    pub attempt: Option<u32>,
    /// The API's job id.
    pub job_id: Option<u64>,
    /// The workflow's job key, for finding the record without state.
    pub job: Option<String>,
    /// Runs on a GitHub-hosted runner.
    pub hosted: bool,
    /// Who, for people.
    pub actor: Option<String>,
    /// The run's page.
    pub run_url: Option<String>,
}

impl Holder {
    /// True where both are the same job of the same attempt.
    #[must_use]
    pub fn is_job(
        &self,
        repo: &str,
        run: u64,
        attempt: u32,
        job: &str,
        job_id: Option<u64>,
    ) -> bool {
        self.repo.as_deref() == Some(repo)
            && self.run == Some(run)
            && self.attempt == Some(attempt)
            && match (self.job_id, job_id) {
                (Some(mine), Some(theirs)) => mine == theirs,
                // Matrix legs share the key; without the API's id it is the best that is known.
                (None, _) | (_, None) => self.job.as_deref() == Some(job),
            }
    }
}

/// A version that serves, or served.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Live {
    /// The deployment that brought it.
    pub deployment: DeploymentId,
    /// That deployment's start.
    pub at: Timestamp,
    /// Its commit.
    pub git_ref: Option<CommitSha>,
    /// Saved state of it, where there is one.
    pub state_id: Option<String>,
    /// The keeper watches until then.
    pub bake_until: Option<Timestamp>,
    /// No restore and no rollback to before it.
    #[serde(default)]
    pub irreversible: bool,
    /// It serves although it was closed as failed or cancelled: deploying it again is no repetition.
    #[serde(default)]
    pub unwell: bool,
}

/// Asks a watching holder to hand over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct YieldRequest {
    /// For people: the run that asks.
    pub run_url: Option<String>,
    /// `rollback` or `hotfix`.
    pub kind: crate::core::record::DeploymentType,
    /// When.
    pub at: Timestamp,
}

/// A run that may take the lock over while its holder waits for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heir {
    /// The dispatched run.
    pub run: u64,
}

/// The lock item and live pointer of one service in one environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Environment.
    pub environment: EnvironmentName,
    /// Service.
    pub service: ServiceName,
    /// Fencing number.
    pub fence: Fence,
    /// The process that may write.
    pub session: Option<SessionId>,
    /// Who holds it.
    pub holder: Option<Holder>,
    /// What the holder does.
    pub mode: Option<HeadMode>,
    /// Rises with each sign of life.
    pub beat: u64,
    /// For people: when the last sign of life runs out.
    pub lease_until: Option<Timestamp>,
    /// Somebody waits for a watching holder.
    pub yield_to: Option<YieldRequest>,
    /// The run that may take over.
    pub heir: Option<Heir>,
    /// Who gets the lock back when the heir is done.
    pub lender: Option<Holder>,
    /// What serves now.
    pub live: Option<Live>,
    /// What served before.
    pub previous: Option<Live>,
    /// The newest state that was verified.
    pub good_state: Option<Live>,
    /// Newest good versions, newest first, at most [`Head::GOOD`].
    pub good: Vec<Live>,
    /// First day from which totals are complete.
    pub totals_since: Option<Day>,
}

impl Head {
    /// True where the holder has dispatched this run and waits for it: it may take the lock over.
    #[must_use]
    pub fn names_heir(&self, run: Option<u64>) -> bool {
        let heir = self.heir.as_ref().map(|h| h.run);
        self.holder.is_some() && heir.is_some() && heir == run
    }

    /// How many good versions the head remembers.
    pub const GOOD: usize = 20;

    /// A head that does not exist yet.
    #[must_use]
    pub fn absent(environment: EnvironmentName, service: ServiceName) -> Self {
        Self {
            environment,
            service,
            fence: Fence(0),
            session: None,
            holder: None,
            mode: None,
            beat: 0,
            lease_until: None,
            yield_to: None,
            heir: None,
            lender: None,
            live: None,
            previous: None,
            good_state: None,
            good: Vec::new(),
            totals_since: None,
        }
    }
}

/// A keeper's sign of life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeeperBeat {
    /// When it swept last.
    pub at: Timestamp,
    /// Its version.
    pub version: String,
}

/// What GitHub says of a holder's job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobState {
    /// Still under way.
    Running,
    /// Ended, with GitHub's conclusion: `success`, `failure`, `cancelled`, `timed_out`, …
    Ended {
        /// The conclusion, from outside.
        conclusion: Option<String>,
    },
    /// GitHub does not say.
    Unknown,
}

/// Whether a lock's owner is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// Alive, or not known to be gone.
    Alive,
    /// Gone, with what GitHub said of its end.
    Gone {
        /// The conclusion, where GitHub said one.
        conclusion: Option<String>,
    },
}

/// Judges a holder that has a job. A lapsed lease alone frees nothing; an unreadable GitHub means alive,
/// but for a hosted job that is older than any can get.
#[must_use]
pub fn owner(holder: &Holder, job: &JobState, now: Timestamp) -> Owner {
    match job {
        JobState::Running if !over_age(holder, now) => Owner::Alive,
        JobState::Ended { conclusion } => Owner::Gone {
            conclusion: conclusion.clone(),
        },
        JobState::Running | JobState::Unknown if over_age(holder, now) => {
            Owner::Gone { conclusion: None }
        }
        JobState::Running | JobState::Unknown => Owner::Alive,
    }
}

fn over_age(holder: &Holder, now: Timestamp) -> bool {
    holder.hosted && now.since(holder.at) > HOSTED_JOB_END
}

/// The right to change the outside for one deployment: only the engine makes one, from a lock that it holds.
#[derive(Debug, Clone)]
pub struct Lease {
    session: SessionId,
    fence: Fence,
    /// Shared by its copies: whoever renews the lock moves it for whoever works meanwhile.
    deadline: Arc<AtomicI64>,
}

impl Lease {
    /// Made from a head that this session holds, else `None`.
    #[must_use]
    pub(crate) fn of(head: &Head, session: &SessionId) -> Option<Self> {
        let held = head.session.as_ref() == Some(session) && head.holder.is_some();
        held.then(|| Self {
            session: session.clone(),
            fence: head.fence,
            deadline: Arc::new(AtomicI64::new(until(head).millis())),
        })
    }

    /// Who may write.
    #[must_use]
    pub fn session(&self) -> &SessionId {
        &self.session
    }

    /// The fencing number.
    #[must_use]
    pub fn fence(&self) -> Fence {
        self.fence
    }

    /// Until then nobody else can hold the lock; later nothing is changed before it was renewed.
    #[must_use]
    pub fn deadline(&self) -> Timestamp {
        Timestamp::from_millis(self.deadline.load(Ordering::Relaxed))
    }

    /// It was renewed.
    pub(crate) fn renewed(&self, head: &Head) {
        self.deadline.store(until(head).millis(), Ordering::Relaxed);
    }
}

/// A head without a lease is held by nobody.
fn until(head: &Head) -> Timestamp {
    head.lease_until.unwrap_or(Timestamp::from_millis(0))
}
