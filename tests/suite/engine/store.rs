//! The history of the stories: SQLite in memory, called without waiting, with the invariants checked at each write.
//! Knows no engine.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use deploy_guard::adapters::sqlite::SqliteHistory;
use deploy_guard::core::alert::{AlertEvent, Notice};
use deploy_guard::core::id::{
    CommitKey, DeploymentId, EnvironmentName, Fence, ServiceName, SessionId, Token,
};
use deploy_guard::core::journal::{Entry, replay};
use deploy_guard::core::lease::{Head, KeeperBeat, YieldRequest};
use deploy_guard::core::ledger;
use deploy_guard::core::state::SavedState;
use deploy_guard::core::stats::Delta;
use deploy_guard::core::time::{Day, Timestamp};
use deploy_guard::ports::{
    Clock, Commit, CommitError, HeadWrite, Heads, History, ListQuery, Mark, Page, RecordWrite,
    Refusal, StoreError, Stored, Undo,
};

use super::calls::Calls;
use super::time::{Time, lock};

thread_local! {
    static RUNTIME: tokio::runtime::Runtime =
        tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
}

/// Waits on this thread, so that virtual time cannot pass meanwhile.
pub fn wait<T>(work: impl Future<Output = T>) -> T {
    RUNTIME.with(|runtime| runtime.block_on(work))
}

/// What has been written, for those who check.
#[derive(Debug, Default)]
pub struct Seen {
    /// Every deployment that was started.
    pub started: BTreeSet<DeploymentId>,
    /// Every notice that was ordered: its key and event.
    pub ordered: BTreeMap<String, AlertEvent>,
    /// Who may write, by service.
    writers: BTreeMap<ServiceName, (Fence, SessionId)>,
    /// Which commits went through, in order, for messages.
    pub refusals: usize,
}

/// The one store of a world.
pub struct Store {
    inner: SqliteHistory,
    time: Arc<Time>,
    pub seen: Mutex<Seen>,
}

impl Store {
    pub fn new(time: Arc<Time>) -> Self {
        let inner = wait(SqliteHistory::in_memory()).expect("a database in memory");
        Self {
            inner,
            time,
            seen: Mutex::default(),
        }
    }

    pub fn heads(&self, environment: &EnvironmentName) -> Heads {
        wait(self.inner.heads(environment)).expect("heads")
    }

    pub fn deployment(&self, id: &DeploymentId) -> Option<Stored> {
        wait(self.inner.deployment(id, self.time.now())).expect("a deployment")
    }

    pub fn totals(
        &self,
        environment: &EnvironmentName,
        service: &ServiceName,
    ) -> BTreeMap<Day, Delta> {
        let day = self.time.now().day();
        wait(
            self.inner
                .totals(environment, service, day.minus(10), day.next()),
        )
        .expect("totals")
    }

    pub fn owed(&self, environment: &EnvironmentName) -> Vec<Notice> {
        wait(self.inner.owed(environment, self.time.now())).expect("notices")
    }

    /// A saved state expires.
    pub fn lose_state(&self, id: &str) {
        let now = self.time.now();
        let state = wait(self.inner.state(id, now)).expect("a store");
        let state = state.expect("it is there");
        wait(self.inner.put_state(id, &state, now.seconds() - 1)).expect("kept");
        assert!(wait(self.inner.state(id, now)).expect("a store").is_none());
    }

    /// Somebody has marked a success as undone, beside us.
    pub fn spoil(&self, id: &DeploymentId) {
        let stored = self.deployment(id).expect("it is there");
        let key = CommitKey::new("0".repeat(32)).expect("hex");
        let session = SessionId::new("0".repeat(32)).expect("hex");
        let commit = Commit {
            key: key.clone(),
            environment: stored.record.environment.clone(),
            service: ServiceName::new("other").expect("valid"),
            deployment: DeploymentId::new("beside").expect("valid"),
            head: None,
            record: None,
            entry: Some(Entry {
                n: 1,
                at: self.time.now(),
                session,
                commit: key,
                events: Vec::new(),
            }),
            totals: BTreeMap::new(),
            notices: Vec::new(),
            evidence: None,
            undo: Some(Undo {
                id: id.clone(),
                at: stored.record.at,
                by: DeploymentId::new("beside").expect("valid"),
            }),
            expires_s: i64::MAX / 2,
        };
        wait(self.inner.commit(&commit)).expect("it is undone");
    }

    fn commit(&self, commit: &Commit) -> Result<(), CommitError> {
        wait(self.inner.commit(commit))?;
        let mut seen = lock(&self.seen);
        for notice in &commit.notices {
            seen.ordered.insert(notice.key(), notice.facts.event);
        }
        if let Some(RecordWrite::Create(record)) = &commit.record {
            seen.started.insert(record.id.clone());
        }
        self.check_fence(&mut seen, commit);
        drop(seen);
        self.check_replay(commit);
        Ok(())
    }

    /// Fences rise with each change of hands, and only the newest session writes.
    fn check_fence(&self, seen: &mut Seen, commit: &Commit) {
        let Some(write) = &commit.head else { return };
        let writer = seen.writers.get(&commit.service).cloned();
        let taken = |fence: Fence, session: &SessionId| {
            let last = writer.as_ref().map_or(Fence(0), |(f, _)| *f);
            assert!(
                fence > last,
                "a fence that does not rise: {fence} after {last}"
            );
            (fence, session.clone())
        };
        let now = match write {
            HeadWrite::Take { seen, session, .. } => {
                taken(seen.unwrap_or(Fence(0)).next(), session)
            }
            HeadWrite::Adopt { seen, session, .. } | HeadWrite::Inherit { seen, session, .. } => {
                taken(seen.next(), session)
            }
            HeadWrite::Keep { fence, session, .. }
            | HeadWrite::HandBack { fence, session, .. }
            | HeadWrite::Release { fence, session, .. } => {
                let by = (*fence, session.clone());
                assert_eq!(writer.as_ref(), Some(&by), "a write with an old fence");
                by
            }
        };
        seen.writers.insert(commit.service.clone(), now);
    }

    /// The journal replays, and says what the record says.
    fn check_replay(&self, commit: &Commit) {
        let Some(stored) = self.deployment(&commit.deployment) else {
            return;
        };
        let deployment = replay(&stored.entries).expect("the journal replays");
        let last = stored.entries.last().expect("an entry");
        let wanted = ledger::record(
            &deployment,
            last.at,
            std::time::Duration::from_secs(90 * 86_400),
        );
        assert_eq!(stored.record.status, wanted.status, "{}", stored.record.id);
        let (got, wanted) = (
            stored.record.guard.expect("ours"),
            wanted.guard.expect("ours"),
        );
        assert_eq!(got.phase, wanted.phase);
        assert_eq!(got.reason_code, wanted.reason_code);
    }
}

/// A process's way to the store.
pub struct Way {
    pub store: Arc<Store>,
    pub calls: Arc<Calls>,
}

fn gone(worked: bool) -> StoreError {
    StoreError::Unreachable {
        detail: format!("no answer (worked: {worked})"),
    }
}

#[async_trait]
impl History for Way {
    async fn heads(&self, environment: &EnvironmentName) -> Result<Heads, StoreError> {
        let work = || wait(self.store.inner.heads(environment));
        self.calls.pass("heads", work, |w| Err(gone(w))).await
    }

    async fn deployment(
        &self,
        id: &DeploymentId,
        now: Timestamp,
    ) -> Result<Option<Stored>, StoreError> {
        let work = || wait(self.store.inner.deployment(id, now));
        self.calls.pass("deployment", work, |w| Err(gone(w))).await
    }

    async fn list(&self, query: &ListQuery) -> Result<Page, StoreError> {
        let work = || wait(self.store.inner.list(query));
        self.calls.pass("list", work, |w| Err(gone(w))).await
    }

    async fn totals(
        &self,
        environment: &EnvironmentName,
        service: &ServiceName,
        from: Day,
        to: Day,
    ) -> Result<BTreeMap<Day, Delta>, StoreError> {
        let work = || wait(self.store.inner.totals(environment, service, from, to));
        self.calls.pass("totals", work, |w| Err(gone(w))).await
    }

    async fn commit(&self, commit: &Commit) -> Result<(), CommitError> {
        let work = || self.store.commit(commit);
        self.calls
            .pass("commit", work, |w| Err(gone(w).into()))
            .await
    }

    async fn renew(
        &self,
        environment: &EnvironmentName,
        service: &ServiceName,
        fence: Fence,
        session: &SessionId,
        lease_until: Timestamp,
    ) -> Result<Head, CommitError> {
        let work = || {
            wait(
                self.store
                    .inner
                    .renew(environment, service, fence, session, lease_until),
            )
        };
        self.calls
            .pass("renew", work, |w| Err(gone(w).into()))
            .await
    }

    async fn ask_yield(
        &self,
        environment: &EnvironmentName,
        service: &ServiceName,
        holder: &Token,
        request: &YieldRequest,
    ) -> Result<(), CommitError> {
        let work = || {
            wait(
                self.store
                    .inner
                    .ask_yield(environment, service, holder, request),
            )
        };
        self.calls
            .pass("ask_yield", work, |w| Err(gone(w).into()))
            .await
    }

    async fn owed(
        &self,
        environment: &EnvironmentName,
        now: Timestamp,
    ) -> Result<Vec<Notice>, StoreError> {
        let work = || wait(self.store.inner.owed(environment, now));
        self.calls.pass("owed", work, |w| Err(gone(w))).await
    }

    async fn claim(
        &self,
        environment: &EnvironmentName,
        key: &str,
        session: &SessionId,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool, StoreError> {
        let work = || {
            wait(
                self.store
                    .inner
                    .claim(environment, key, session, now, until),
            )
        };
        self.calls.pass("claim", work, |w| Err(gone(w))).await
    }

    async fn mark(
        &self,
        environment: &EnvironmentName,
        session: &SessionId,
        marks: &[Mark],
    ) -> Result<(), StoreError> {
        let work = || wait(self.store.inner.mark(environment, session, marks));
        self.calls.pass("mark", work, |w| Err(gone(w))).await
    }

    async fn refuse(&self, refusal: &Refusal) -> Result<(), StoreError> {
        lock(&self.store.seen).refusals += 1;
        let work = || wait(self.store.inner.refuse(refusal));
        self.calls.pass("refuse", work, |w| Err(gone(w))).await
    }

    async fn beat(
        &self,
        environment: &EnvironmentName,
        beat: &KeeperBeat,
    ) -> Result<(), StoreError> {
        let work = || wait(self.store.inner.beat(environment, beat));
        self.calls.pass("beat", work, |w| Err(gone(w))).await
    }

    async fn put_state(
        &self,
        id: &str,
        state: &SavedState,
        expires_s: i64,
    ) -> Result<(), StoreError> {
        let work = || wait(self.store.inner.put_state(id, state, expires_s));
        self.calls.pass("put_state", work, |w| Err(gone(w))).await
    }

    async fn state(&self, id: &str, now: Timestamp) -> Result<Option<SavedState>, StoreError> {
        let work = || wait(self.store.inner.state(id, now));
        self.calls.pass("state", work, |w| Err(gone(w))).await
    }
}
