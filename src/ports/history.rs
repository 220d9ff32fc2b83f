//! What is asked of a store: records, locks, totals and notices, each change one conditional commit.

use crate::core::alert::{Notice, NoticeState};
use crate::core::id::{
    CommitKey, CommitSha, DeploymentId, EnvironmentName, Fence, ServiceName, SessionId, Token,
};
use crate::core::journal::Entry;
use crate::core::lease::{Head, HeadMode, Heir, Holder, KeeperBeat, YieldRequest};
use crate::core::ledger::Pointers;
use crate::core::reason::ReasonCode;
use crate::core::record::{DeploymentType, Record};
use crate::core::state::SavedState;
use crate::core::stats::Delta;
use crate::core::time::{Day, Timestamp};
use async_trait::async_trait;
use std::collections::BTreeMap;

/// A store that could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No answer, or only errors, within the limits of retrying.
    #[error("the history store could not be reached: {detail}")]
    Unreachable {
        /// What was tried and answered.
        detail: String,
    },
    /// Not allowed; names the permission.
    #[error("the history store refuses `{action}`: {detail}")]
    Denied {
        /// IAM action, or file permission.
        action: String,
        /// What the store said.
        detail: String,
    },
    /// Nobody may ask: no credentials, or none that AWS takes; says which permission or trust is missing.
    #[error("the history cannot be asked without AWS credentials: {detail}")]
    Credentials {
        /// What is missing.
        detail: String,
    },
    /// No such table or file.
    #[error("there is no history table `{table}`")]
    NoTable {
        /// Its name.
        table: String,
    },
    /// The caller's cursor is none that this history gave for this query.
    #[error("the cursor cannot be used: {detail}")]
    Cursor {
        /// What is wrong with it.
        detail: String,
    },
    /// An item that cannot be read.
    #[error("an item of the history cannot be read: {detail}")]
    Malformed {
        /// Which, and what is wrong with it.
        detail: String,
    },
}

/// A write that did not happen.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// Somebody else has the lock: the head as the failed condition itself showed it, without a second read.
    #[error("another session holds the lock")]
    Lost {
        /// The head that was found; `None` = there is none.
        head: Option<Box<Head>>,
    },
    /// This id has been given already.
    #[error("the deployment id is taken")]
    IdTaken,
    /// Record or journal have moved on.
    #[error("the record has moved on: {detail}")]
    Stale {
        /// What was found.
        detail: String,
    },
    /// The store failed; whether the write happened is known to be *not*, or could not be found out.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a commit does to the head, and on which condition.
#[derive(Debug, Clone, PartialEq)]
pub enum HeadWrite {
    /// Takes a free lock: `fence = seen` (or no item) and no holder. Nothing else of the head can have changed
    /// then, the live pointer included: whoever changes it has taken the lock, and raised the fence, before.
    Take {
        /// The fence that the checks saw; `None` = no head yet.
        seen: Option<Fence>,
        /// Our session.
        session: SessionId,
        /// Us.
        holder: Box<Holder>,
        /// What we do.
        mode: HeadMode,
        /// Sign of life until.
        lease_until: Timestamp,
    },
    /// Goes on with a held lock: the token is right and nobody was faster.
    Adopt {
        /// The token that the holder has.
        token: Token,
        /// The fence that was seen.
        seen: Fence,
        /// Our session.
        session: SessionId,
        /// The holder from now on; other token where an abandoned one is taken over.
        holder: Box<Holder>,
        /// What we do.
        mode: HeadMode,
        /// Sign of life until.
        lease_until: Timestamp,
    },
    /// Writes while holding.
    Keep {
        /// Our fence.
        fence: Fence,
        /// Our session.
        session: SessionId,
        /// What we do.
        mode: HeadMode,
        /// Sign of life until.
        lease_until: Timestamp,
        /// Who may take over.
        heir: Option<Heir>,
    },
    /// A dispatched run takes the lock over from the holder that waits for it: it is the heir and nobody was faster.
    Inherit {
        /// The run that the head names as heir.
        run: u64,
        /// The fence that was seen.
        seen: Fence,
        /// Our session.
        session: SessionId,
        /// Us; the holder until now becomes the lender.
        holder: Box<Holder>,
        /// What we do.
        mode: HeadMode,
        /// Sign of life until.
        lease_until: Timestamp,
    },
    /// An heir's close: the lender is the holder again, in mode `restoring`, and nobody's session may write
    /// until it adopts.
    HandBack {
        /// Our fence.
        fence: Fence,
        /// Our session.
        session: SessionId,
        /// New pointers.
        pointers: Option<Box<Pointers>>,
        /// Set as the first day of complete totals, if none is set.
        totals_since: Day,
    },
    /// Gives the lock back.
    Release {
        /// Our fence.
        fence: Fence,
        /// Our session.
        session: SessionId,
        /// New pointers.
        pointers: Option<Box<Pointers>>,
        /// Set as the first day of complete totals, if none is set.
        totals_since: Day,
    },
}

/// What a commit does to the record.
#[derive(Debug, Clone, PartialEq)]
pub enum RecordWrite {
    /// A new one.
    Create(Box<Record>),
    /// The record as it shall be; on condition that it is `in_progress` and has the revision before it.
    Update {
        /// The whole record, `rev` already raised.
        record: Box<Record>,
        /// The revision that must be found.
        seen_rev: u64,
    },
}

/// A success that a rollback's close turns into `rolled_back`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undo {
    /// The undone deployment.
    pub id: DeploymentId,
    /// Its sort key.
    pub at: Timestamp,
    /// By which.
    pub by: DeploymentId,
}

/// One atomic write: all of it or nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct Commit {
    /// Identity: the same commit, sent again, happens once.
    pub key: CommitKey,
    /// Environment.
    pub environment: EnvironmentName,
    /// Service.
    pub service: ServiceName,
    /// The deployment whose record and journal it writes.
    pub deployment: DeploymentId,
    /// Head. `None` only where a deployment held no lock.
    pub head: Option<HeadWrite>,
    /// Record.
    pub record: Option<RecordWrite>,
    /// Journal entry; must not exist yet.
    pub entry: Option<Entry>,
    /// Totals, merged per day.
    pub totals: BTreeMap<(ServiceName, Day), Delta>,
    /// Outbox.
    pub notices: Vec<Notice>,
    /// Evidence of the deployment as JSON text; replaces what is there.
    pub evidence: Option<String>,
    /// An earlier success that this undoes.
    pub undo: Option<Undo>,
    /// Epoch seconds after which record, journal and evidence may go.
    pub expires_s: i64,
}

/// A record with its journal and evidence.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// Record.
    pub record: Record,
    /// Journal in order; empty for the predecessor's records.
    pub entries: Vec<Entry>,
    /// JSON text.
    pub evidence: Option<String>,
}

/// Heads of an environment and its keeper.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Heads {
    /// One a service.
    pub heads: Vec<Head>,
    /// The last heartbeat.
    pub keeper: Option<KeeperBeat>,
}

/// Which records to list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListQuery {
    /// Of this environment.
    pub environment: EnvironmentName,
    /// With this status word.
    pub status: Option<String>,
    /// Of this type.
    pub kind: Option<String>,
    /// Of this service; records without one (the predecessor's) match every service.
    pub service: Option<ServiceName>,
    /// Not older.
    pub from: Option<Timestamp>,
    /// Not newer.
    pub to: Option<Timestamp>,
    /// At most so many; filters apply before it.
    pub limit: usize,
    /// Where the last page ended.
    pub cursor: Option<String>,
    /// Expired records are hidden from this time on.
    pub now: Timestamp,
}

impl ListQuery {
    /// The newest of a service, whatever they are.
    #[must_use]
    pub fn newest(
        environment: &EnvironmentName,
        service: &ServiceName,
        limit: usize,
        now: Timestamp,
    ) -> Self {
        Self {
            environment: environment.clone(),
            status: None,
            kind: None,
            service: Some(service.clone()),
            from: None,
            to: None,
            limit,
            cursor: None,
            now,
        }
    }
}

/// One page, newest first.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// Records.
    pub records: Vec<Record>,
    /// Opaque; `None` = that was all.
    pub cursor: Option<String>,
}

/// A refusal: one small item, not a deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Environment.
    pub environment: EnvironmentName,
    /// Service.
    pub service: ServiceName,
    /// When.
    pub at: Timestamp,
    /// Type asked for.
    pub kind: DeploymentType,
    /// Why; all reasons.
    pub reasons: Vec<ReasonCode>,
    /// Who.
    pub actor: Option<String>,
    /// Commit asked for.
    pub git_ref: Option<CommitSha>,
    /// Run.
    pub run: Option<u64>,
}

/// What became of a notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// [`Notice::key`].
    pub key: String,
    /// How far it got.
    pub state: NoticeState,
    /// It was perhaps delivered: whoever sends it again says so.
    pub repeated: bool,
}

/// The history: records, journals, locks, totals, outbox.
#[async_trait]
pub trait History: Send + Sync {
    /// All heads and the heartbeat of an environment, consistently, in one round trip.
    async fn heads(&self, environment: &EnvironmentName) -> Result<Heads, StoreError>;
    /// One deployment, consistently, in one round trip; expired ones as if they were not there.
    async fn deployment(
        &self,
        id: &DeploymentId,
        now: Timestamp,
    ) -> Result<Option<Stored>, StoreError>;
    /// Records, newest first.
    async fn list(&self, query: &ListQuery) -> Result<Page, StoreError>;
    /// Daily totals of a service, both days included.
    async fn totals(
        &self,
        environment: &EnvironmentName,
        service: &ServiceName,
        from: Day,
        to: Day,
    ) -> Result<BTreeMap<Day, Delta>, StoreError>;
    /// One atomic write.
    async fn commit(&self, commit: &Commit) -> Result<(), CommitError>;
    /// A sign of life; answers the head, which shows who waits.
    async fn renew(
        &self,
        environment: &EnvironmentName,
        service: &ServiceName,
        fence: Fence,
        session: &SessionId,
        lease_until: Timestamp,
    ) -> Result<Head, CommitError>;
    /// Asks a watching holder for the lock; `Lost` where it is not watching (any more) or somebody asked before.
    async fn ask_yield(
        &self,
        environment: &EnvironmentName,
        service: &ServiceName,
        holder: &Token,
        request: &YieldRequest,
    ) -> Result<(), CommitError>;
    /// Notices that are not yet sent, whoever claimed them.
    async fn owed(
        &self,
        environment: &EnvironmentName,
        now: Timestamp,
    ) -> Result<Vec<Notice>, StoreError>;
    /// Claims one owed notice; false where somebody else has it.
    async fn claim(
        &self,
        environment: &EnvironmentName,
        key: &str,
        session: &SessionId,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool, StoreError>;
    /// Writes what became of notices that this session had claimed, in one write.
    async fn mark(
        &self,
        environment: &EnvironmentName,
        session: &SessionId,
        marks: &[Mark],
    ) -> Result<(), StoreError>;
    /// Keeps a refusal.
    async fn refuse(&self, refusal: &Refusal) -> Result<(), StoreError>;
    /// The keeper's sign of life.
    async fn beat(
        &self,
        environment: &EnvironmentName,
        beat: &KeeperBeat,
    ) -> Result<(), StoreError>;
    /// Keeps a saved state under its name until then (epoch seconds); replaces what is there.
    async fn put_state(
        &self,
        id: &str,
        state: &SavedState,
        expires_s: i64,
    ) -> Result<(), StoreError>;
    /// A saved state; `None` where it is not there, or no more.
    async fn state(&self, id: &str, now: Timestamp) -> Result<Option<SavedState>, StoreError>;
}
