//! Does what `core` decides: makes each decision durable, performs the effect, records how that went. Knows
//! ports, not adapters.

pub mod backtest;
pub mod bake;
pub mod changes;
pub mod checks;
pub mod evidence;
pub mod facts;
pub mod guard;
pub mod heir;
pub mod keep;
pub mod metrics;
pub mod notify;
pub mod observe;
pub mod orphan;
pub mod redeploy;
pub mod release;
pub mod restore;
pub mod resume;
pub mod saving;
pub mod session;
pub mod showing;
pub mod waiting;
pub mod watch;
pub mod ways;

use std::sync::Arc;
use std::time::Duration;

use crate::core::alert::Routing;
use crate::core::deployment::IllegalEvent;
use crate::core::gate::{Finding, GateSettings, OnInconclusive};
use crate::core::id::{EnvironmentName, ServiceName};
use crate::core::journal::{ReplayError, StoppedBy};
use crate::core::lease::Head;
use crate::core::policy::PolicySettings;
use crate::core::restore::RollbackSettings;
use crate::core::time::Timestamp;
use crate::i18n::Locale;
use crate::ports::{
    Clock, CommitError, Forge, Functions, History, Logs, Metrics, Mover, Notifier, Prober, Saver,
    Stacks, StoreError,
};

/// What the CloudWatch gates ask.
#[derive(Clone)]
pub struct Cloud {
    /// Metrics and alarms.
    pub metrics: Arc<dyn Metrics>,
    /// Lambda functions.
    pub functions: Arc<dyn Functions>,
    /// Log queries.
    pub logs: Arc<dyn Logs>,
}

/// Everything outside.
#[derive(Clone)]
pub struct Ports {
    /// History.
    pub history: Arc<dyn History>,
    /// GitHub; absent where no token was given.
    pub forge: Option<Arc<dyn Forge>>,
    /// CloudFormation.
    pub stacks: Arc<dyn Stacks>,
    /// Looks at what runs, to save it.
    pub saver: Arc<dyn Saver>,
    /// What the CloudWatch gates ask.
    pub cloud: Cloud,
    /// HTTP probes.
    pub prober: Arc<dyn Prober>,
    /// Channels.
    pub notifiers: Vec<Arc<dyn Notifier>>,
    /// Strategies of restoring.
    pub movers: Vec<Arc<dyn Mover>>,
    /// Time and chance.
    pub clock: Arc<dyn Clock>,
}

/// What applies to one environment: the configuration, checked and filled in.
#[derive(Debug, Clone, PartialEq)]
pub struct Setup {
    /// Environment.
    pub environment: EnvironmentName,
    /// Service.
    pub service: ServiceName,
    /// Language.
    pub locale: Locale,
    /// Marked as production.
    pub production: bool,
    /// GitHub's names of it; an approval of any of them counts.
    pub github_environments: Vec<String>,
    /// CloudFormation stacks.
    pub stacks: Vec<String>,
    /// Checks.
    pub policy: PolicySettings,
    /// Gates.
    pub gates: GateSettings,
    /// Restoring.
    pub rollback: RollbackSettings,
    /// Alerts.
    pub routing: Routing,
    /// How long records live.
    pub retention: Duration,
}

impl Setup {
    /// What could not be proven is let pass.
    #[must_use]
    pub fn passes_inconclusive(&self) -> bool {
        self.gates.on_inconclusive == OnInconclusive::Pass
    }
}

/// What the engine could not do.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Somebody else holds the lock now.
    #[error("another session holds the lock")]
    Lost {
        /// The head that was found.
        head: Option<Box<Head>>,
    },
    /// The record has moved on without us.
    #[error("the record has moved on: {detail}")]
    Stale {
        /// What was found.
        detail: String,
    },
    /// A journal that cannot be replayed.
    #[error("the journal of `{deployment}` cannot be replayed")]
    Journal {
        /// Whose.
        deployment: String,
        /// Why.
        #[source]
        source: ReplayError,
    },
    /// The record of the deployment that a lock names cannot be read: only a person may free that lock.
    #[error("the record of {deployment}, which holds the lock, cannot be read: {why}")]
    Unreadable {
        /// Whose.
        deployment: crate::core::id::DeploymentId,
        /// Why.
        why: String,
    },
    /// A decision that the state machine refuses: a fault of ours.
    #[error("an event was refused by the state machine")]
    Illegal(#[from] IllegalEvent),
    /// A random number that is no id: a fault of ours.
    #[error("an id could not be made")]
    Id(#[from] crate::core::id::InvalidId),
    /// What later stages need could not be handed over, so the lock was not taken.
    #[error("the later stages could not be told: {0}")]
    Announce(String),
    /// `${stack.X}` values that no stack has.
    #[error("{}", .0.join("; "))]
    MissingOutputs(Vec<String>),
    /// Stopped by a signal before anything was owed.
    #[error("stopped by a signal")]
    Stopped(StoppedBy),
}

impl From<CommitError> for EngineError {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Lost { head } => Self::Lost { head },
            CommitError::IdTaken => Self::Stale {
                detail: "the deployment id is taken".to_owned(),
            },
            CommitError::Stale { detail } => Self::Stale { detail },
            CommitError::Store(error) => Self::Store(error),
        }
    }
}

/// Progress of long work, as data; surfaces turn it into lines.
#[derive(Debug, Clone, PartialEq)]
pub enum Say {
    /// The lock is held; waiting for it.
    WaitingForLock {
        /// By whom.
        holder: Box<crate::core::lease::Holder>,
        /// At most until.
        until: Timestamp,
    },
    /// Asked a watching holder to hand over.
    AskedToYield {
        /// Whom.
        holder: Box<crate::core::lease::Holder>,
    },
    /// An abandoned deployment was closed.
    ClosedAbandoned {
        /// Which.
        deployment: crate::core::id::DeploymentId,
        /// How.
        status: crate::core::record::Status,
    },
    /// A lock was freed that named a deployment of which nothing is open.
    Freed {
        /// Which.
        deployment: crate::core::id::DeploymentId,
    },
    /// A watch goes on.
    Watching {
        /// What was found so far.
        findings: Vec<Finding>,
        /// Deadline.
        until: Timestamp,
        /// Now.
        now: Timestamp,
    },
    /// A gate's failure is being confirmed.
    Confirming {
        /// Which gate.
        gate: String,
        /// For how long.
        span: Duration,
    },
    /// Gates whose baseline promises too few requests for a pass.
    Thin {
        /// Their names.
        gates: Vec<String>,
    },
    /// What a gate names is not there, or could not be found out.
    NotThere {
        /// Which gate, function or API.
        gate: String,
        /// Why, from outside.
        why: crate::core::observation::Why,
    },
    /// The stack is still changing: the deployment stays open.
    Settling,
    /// The past is being read.
    ReadingPast {
        /// Days that are read.
        days: u32,
        /// Of so many.
        of: u32,
    },
    /// The past is being judged.
    JudgingPast {
        /// Moments that are judged.
        moments: usize,
        /// Of so many.
        of: usize,
    },
    /// A step of a restore.
    Restoring {
        /// What it does, from outside.
        what: String,
    },
}

/// Where progress goes.
pub type Sayer = Arc<dyn Fn(Say) + Send + Sync>;

/// Whether and how this process is being stopped.
pub type Stop = tokio::sync::watch::Receiver<Option<StoppedBy>>;

/// Waits until a stop is asked for; for ever if none comes.
pub async fn stopped(stop: &mut Stop) -> StoppedBy {
    loop {
        if let Some(by) = *stop.borrow_and_update() {
            return by;
        }
        if stop.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
