//! What the engine needs from outside, in our own words: no SDK type, no default body, every method fallible.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;

use crate::core::alert::{Channel, Notice, NoticeState};
use crate::core::changes::Pull;
use crate::core::gate::alarms::AlarmSeen;
use crate::core::gate::series::{Buckets, Series};
use crate::core::id::{
    CommitKey, CommitSha, DeploymentId, EnvironmentName, Fence, ServiceName, SessionId, Token,
};
use crate::core::journal::{Entry, StackSeen};
use crate::core::lease::{Head, HeadMode, Heir, Holder, JobState, KeeperBeat, YieldRequest};
pub use crate::core::ledger::Pointers;
use crate::core::observation::{Probe, ProbeRequest, Reading, Why};
use crate::core::reason::ReasonCode;
use crate::core::record::{DeploymentType, Record};
pub use crate::core::restore::NoPlan;
use crate::core::showing::{Listed, ShownState};
use crate::core::state::{SavedState, Scope};
use crate::core::stats::Delta;
use crate::core::time::{Day, Timestamp};

mod mover;
mod workflows;

pub use mover::{Acted, MoveError, Mover, Restore, StepState};
pub use workflows::{Dispatch, RunEnd, RunSeen, Workflows};

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

/// GitHub did not do what it was asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ForgeError {
    /// No answer, or only errors.
    #[error("GitHub could not be reached: {detail}")]
    Unreachable {
        /// What was tried and answered.
        detail: String,
    },
    /// Not allowed; names the permission of the `permissions:` block.
    #[error("GitHub refuses `{call}`: the job needs `{permission}`: {detail}")]
    Denied {
        /// The call.
        call: String,
        /// Such as `checks: read`.
        permission: String,
        /// What GitHub said.
        detail: String,
    },
    /// No such thing.
    #[error("GitHub knows no {what}")]
    NotFound {
        /// What was looked for.
        what: String,
    },
    /// It was asked for something, and does not do it.
    #[error("GitHub does not do `{call}`: {detail}")]
    Refused {
        /// The call.
        call: String,
        /// What GitHub said.
        detail: String,
    },
    /// Too many requests.
    #[error("GitHub's rate limit is used up: {detail}")]
    RateLimited {
        /// Until when.
        detail: String,
    },
}

/// A file of the repository's default branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigFile {
    /// Content.
    pub text: String,
}

/// One answer of the approvals API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// Environments it is for.
    pub environments: Vec<String>,
    /// `approved`, `rejected`, `pending`.
    pub state: String,
    /// Who.
    pub user: Option<String>,
    /// Comment, from outside.
    pub comment: String,
}

/// An environment's protection rules, as far as they matter here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvironmentRules {
    /// Logins and team slugs that may approve; empty = no approval is configured.
    pub reviewers: Vec<String>,
    /// Nobody may approve their own run.
    pub prevent_self_review: bool,
}

/// State of one check run or status context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckState {
    /// Name or context.
    pub name: String,
    /// Ended, with success, neutral or skipped.
    pub green: bool,
    /// Ended at all.
    pub ended: bool,
    /// GitHub's word, from outside.
    pub word: String,
}

/// A commit with its first line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitLine {
    /// SHA.
    pub sha: CommitSha,
    /// First line of the message, from outside.
    pub title: String,
    /// Parents, as far as known.
    pub parents: Vec<CommitSha>,
}

/// How two commits lie: of `head` as seen from `base`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Relation {
    /// `head` has more.
    Ahead,
    /// `head` lacks some.
    Behind,
    /// The same.
    Identical,
    /// Each has what the other lacks.
    Diverged,
}

/// Two commits compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// How they lie.
    pub relation: Relation,
    /// Commits that `head` has and `base` has not, oldest first, at most 250.
    pub commits: Vec<CommitLine>,
    /// How many of them there are in all.
    pub total: usize,
}

/// A deployment to be made on GitHub, so that its pages show ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewShown {
    /// Commit.
    pub git_ref: CommitSha,
    /// GitHub's environment.
    pub environment: String,
    /// Marked as production.
    pub production: bool,
    /// The deployment of ours that it is made for.
    pub deployment: DeploymentId,
    /// For people.
    pub description: String,
}

/// One status of a deployment on GitHub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownStatus {
    /// State.
    pub state: ShownState,
    /// For people, at most 140 characters.
    pub description: String,
    /// The run's page.
    pub page: Option<String>,
}

/// GitHub.
#[async_trait]
pub trait Forge: Workflows {
    /// A file at the default branch's head; `None` = there is none.
    async fn config_file(&self, path: &str) -> Result<Option<ConfigFile>, ForgeError>;
    /// Whether a holder's job has ended.
    async fn job(&self, holder: &Holder) -> Result<JobState, ForgeError>;
    /// Approvals of a run.
    async fn approvals(&self, run: u64) -> Result<Vec<Approval>, ForgeError>;
    /// An environment's rules; `None` = no such environment.
    async fn environment(&self, name: &str) -> Result<Option<EnvironmentRules>, ForgeError>;
    /// All check runs and statuses of a commit.
    async fn checks(&self, commit: &CommitSha) -> Result<Vec<CheckState>, ForgeError>;
    /// The default branch's last 100 commits, newest first.
    async fn recent_commits(&self) -> Result<Vec<CommitLine>, ForgeError>;
    /// Two commits or branches compared.
    async fn compare(&self, base: &str, head: &str) -> Result<Comparison, ForgeError>;
    /// The pull requests that brought a commit.
    async fn pulls(&self, commit: &CommitSha) -> Result<Vec<Pull>, ForgeError>;
    /// GitHub's own deployments of a commit, newest first, at most 30.
    async fn deployments_of(&self, commit: &CommitSha) -> Result<Vec<Listed>, ForgeError>;
    /// The pages that a deployment's statuses lead to, newest first, at most 30.
    async fn pages_of(&self, deployment: u64) -> Result<Vec<String>, ForgeError>;
    /// Makes a deployment; nothing is merged, and no check is asked for.
    async fn make_deployment(&self, new: &NewShown) -> Result<u64, ForgeError>;
    /// Adds a status to a deployment.
    async fn show(&self, deployment: u64, status: &ShownStatus) -> Result<(), ForgeError>;
    /// Whether GitHub answers at all: tells one's own network from the others'.
    async fn ping(&self) -> Result<(), ForgeError>;
}

/// A cloud call that did not work, as a reason why something is unknown.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{call}: {why}")]
pub struct CloudError {
    /// The call, such as `cloudformation:DescribeStacks`.
    pub call: String,
    /// Why.
    pub why: Why,
}

/// A stack with its outputs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stack {
    /// As it stands.
    pub seen: StackSeen,
    /// Output key → value.
    pub outputs: BTreeMap<String, String>,
}

/// CloudFormation.
#[async_trait]
pub trait Stacks: Send + Sync {
    /// One stack; one that does not exist has no status.
    async fn describe(&self, name: &str) -> Result<Stack, CloudError>;
}

/// Looks at what runs, so that it can be brought back.
#[async_trait]
pub trait Saver: Send + Sync {
    /// Everything of the scope, at one moment; stacks that do not exist are left out.
    async fn capture(&self, scope: &Scope) -> Result<SavedState, CloudError>;
}

/// Metrics and alarms.
#[async_trait]
pub trait Metrics: Send + Sync {
    /// One-minute sums of all series from `from` up to, not including, `to` (whole minutes), in the order of
    /// `wanted`, in as few requests as the provider allows. A series that alone was refused or not answered is
    /// unknown and the others go on; an error means that nothing at all was answered.
    async fn series(
        &self,
        wanted: &[Series],
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<Reading<Buckets>>, CloudError>;
    /// The alarms of these names and those whose names begin with the prefix, composite ones too. Names that there
    /// are not are missing in the answer.
    async fn alarms(
        &self,
        names: &[String],
        prefix: Option<&str>,
    ) -> Result<Vec<AlarmSeen>, CloudError>;
    /// Names of the metrics that exist in a namespace, or, where a dimension is given, that dimension's values.
    async fn existing(
        &self,
        namespace: &str,
        dimension: Option<&str>,
    ) -> Result<Vec<String>, CloudError>;
}

/// Which functions there are.
#[async_trait]
pub trait Functions: Send + Sync {
    /// Names of all functions of the account and region.
    async fn all(&self) -> Result<Vec<String>, CloudError>;
    /// Names of a stack's functions, those of its nested stacks too.
    async fn of_stack(&self, stack: &str) -> Result<Vec<String>, CloudError>;
}

/// Log lines.
#[async_trait]
pub trait Logs: Send + Sync {
    /// How many lines match a query, from `from` to `to`, in the log groups of these names or patterns with `*`.
    /// A search that is given up, by its deadline or because its caller went away, is stopped at the provider.
    async fn matches(
        &self,
        groups: &[String],
        query: &str,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<u64, CloudError>;
}

/// Fetches a URL; never fails, for a failure is what it reports.
#[async_trait]
pub trait Prober: Send + Sync {
    /// One probe.
    async fn probe(&self, request: &ProbeRequest) -> Probe;
}

/// A message, ready for any channel.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// One line.
    pub subject: String,
    /// Plain text, as mailed.
    pub text: String,
    /// Slack's payload.
    pub slack: serde_json::Value,
    /// For channels that know repeated messages.
    pub key: String,
}

/// How a delivery failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SendError {
    /// Certainly not delivered; may work later.
    #[error("not delivered: {detail}")]
    Later {
        /// What the channel said.
        detail: String,
        /// Not before.
        after: Option<Duration>,
    },
    /// Perhaps delivered.
    #[error("perhaps delivered: {detail}")]
    Perhaps {
        /// What happened.
        detail: String,
    },
    /// Will never work as it is: revoked, archived, unknown, malformed, not allowed.
    #[error("the channel is dead: {detail}")]
    Dead {
        /// What the channel said.
        detail: String,
    },
}

/// One channel.
#[async_trait]
pub trait Notifier: Send + Sync {
    /// Which.
    fn channel(&self) -> Channel;
    /// Sends once, with the retries that are sure not to repeat.
    async fn send(&self, message: &Message) -> Result<(), SendError>;
}

/// Time and chance.
#[async_trait]
pub trait Clock: Send + Sync {
    /// Now, by the wall.
    fn now(&self) -> Timestamp;
    /// Time since some fixed moment; never jumps.
    fn monotonic(&self) -> Duration;
    /// Waits.
    async fn sleep(&self, span: Duration);
    /// 16 random bytes.
    fn random(&self) -> [u8; 16];
}
