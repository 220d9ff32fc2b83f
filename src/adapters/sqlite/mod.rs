//! History in one SQLite file, or in memory: the same port and the same rules as the table in DynamoDB. Knows no clock and no network.

mod error;
mod head;
mod outbox;
mod read;
mod schema;
mod shape;
mod write;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use rusqlite::Connection;

use crate::adapters::stored::Bodies;
use crate::core::alert::Notice;
use crate::core::id::{DeploymentId, EnvironmentName, Fence, ServiceName, SessionId, Token};
use crate::core::lease::{Head, KeeperBeat, YieldRequest};
use crate::core::stats::Delta;
use crate::core::time::{Day, Timestamp};
use crate::ports::{
    Commit, CommitError, Heads, History, ListQuery, Mark, Page, Refusal, StoreError, Stored,
};

/// A history in SQLite. Clones share the connection; several processes may open the same file.
#[derive(Debug, Clone)]
pub struct SqliteHistory {
    connection: Arc<Mutex<Connection>>,
    name: Arc<str>,
}

impl SqliteHistory {
    /// Opens the file, making it and its folder where they are missing.
    ///
    /// # Errors
    /// [`StoreError`] with the path and what to do.
    pub async fn open(path: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let path: PathBuf = path.into();
        let name: Arc<str> = path.display().to_string().into();
        let shown = Arc::clone(&name);
        let connection = blocking(&name, move || schema::open(&path, &shown)).await?;
        Ok(Self {
            connection: Arc::new(Mutex::new(connection)),
            name,
        })
    }

    /// A history that ends with the process.
    ///
    /// # Errors
    /// [`StoreError`] where SQLite has no memory left.
    pub async fn in_memory() -> Result<Self, StoreError> {
        let name: Arc<str> = ":memory:".into();
        let connection = blocking(&name, schema::open_in_memory).await?;
        Ok(Self {
            connection: Arc::new(Mutex::new(connection)),
            name,
        })
    }

    /// Runs `work` in a transaction that is committed where it answers `Ok`.
    async fn transact<T, E>(
        &self,
        work: impl FnOnce(&rusqlite::Transaction<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<error::Fault> + From<StoreError> + Send + 'static,
    {
        let connection = Arc::clone(&self.connection);
        let name = Arc::clone(&self.name);
        blocking(&self.name, move || {
            // A panic under the lock leaves no half transaction: dropping one rolls it back.
            let mut connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
            let fault = |e: rusqlite::Error| E::from(error::Fault::new(&name, e));
            let tx = connection
                .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
                .map_err(fault)?;
            let value = work(&tx)?;
            tx.commit().map_err(fault)?;
            Ok(value)
        })
        .await
    }

    /// Runs `work` in a transaction that only reads.
    async fn look<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, error::Fault> + Send + 'static,
    ) -> Result<T, StoreError> {
        let connection = Arc::clone(&self.connection);
        let name = Arc::clone(&self.name);
        blocking(&self.name, move || {
            let mut connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
            let read = connection
                .transaction()
                .map_err(error::Fault::from)
                .and_then(|tx| work(&tx));
            read.map_err(|fault| fault.at(&name).into())
        })
        .await
    }
}

async fn blocking<T, E>(
    name: &str,
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, E>
where
    T: Send + 'static,
    E: From<StoreError> + Send + 'static,
{
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(e) => Err(E::from(StoreError::Unreachable {
            detail: format!("the work on `{name}` ended early: {e}"),
        })),
    }
}

/// The default place below a working directory.
#[must_use]
pub fn default_path(directory: &Path) -> PathBuf {
    directory.join(".deploy-guard").join("history.db")
}

#[async_trait]
impl History for SqliteHistory {
    async fn heads(&self, environment: &EnvironmentName) -> Result<Heads, StoreError> {
        let environment = environment.clone();
        self.look(move |c| read::heads(c, &environment)).await
    }

    async fn deployment(
        &self,
        id: &DeploymentId,
        now: Timestamp,
    ) -> Result<Option<Stored>, StoreError> {
        let id = id.clone();
        self.look(move |c| read::deployment(c, &id, now)).await
    }

    async fn list(&self, query: &ListQuery) -> Result<Page, StoreError> {
        let query = query.clone();
        self.look(move |c| read::list(c, &query)).await
    }

    async fn totals(
        &self,
        environment: &EnvironmentName,
        service: &ServiceName,
        from: Day,
        to: Day,
    ) -> Result<BTreeMap<Day, Delta>, StoreError> {
        let (environment, service) = (environment.clone(), service.clone());
        self.look(move |c| read::totals(c, &environment, &service, from, to))
            .await
    }

    async fn commit(&self, commit: &Commit) -> Result<(), CommitError> {
        let bodies = Bodies::of(commit)?;
        let commit = commit.clone();
        let name = Arc::clone(&self.name);
        self.transact(move |tx| write::commit(tx, &name, &commit, &bodies))
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
        let (environment, service) = (environment.clone(), service.clone());
        let (session, name) = (session.clone(), Arc::clone(&self.name));
        self.transact(move |tx| {
            write::change_head(tx, &name, &environment, &service, |head| {
                head::renew(head, fence, &session, lease_until)
            })
        })
        .await
    }

    async fn ask_yield(
        &self,
        environment: &EnvironmentName,
        service: &ServiceName,
        holder: &Token,
        request: &YieldRequest,
    ) -> Result<(), CommitError> {
        let (environment, service) = (environment.clone(), service.clone());
        let (holder, request) = (holder.clone(), request.clone());
        let name = Arc::clone(&self.name);
        self.transact(move |tx| {
            write::change_head(tx, &name, &environment, &service, |head| {
                head::ask_yield(head, &holder, &request)
            })
            .map(|_| ())
        })
        .await
    }

    async fn owed(
        &self,
        environment: &EnvironmentName,
        now: Timestamp,
    ) -> Result<Vec<Notice>, StoreError> {
        let environment = environment.clone();
        self.look(move |c| outbox::owed(c, &environment, now)).await
    }

    async fn claim(
        &self,
        environment: &EnvironmentName,
        key: &str,
        session: &SessionId,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool, StoreError> {
        let (environment, key) = (environment.clone(), key.to_owned());
        let (session, name) = (session.clone(), Arc::clone(&self.name));
        self.transact(move |tx| {
            outbox::claim(tx, &environment, &key, &session, now, until).map_err(|f| f.at(&name))
        })
        .await
        .map_err(StoreError::from)
    }

    async fn mark(
        &self,
        environment: &EnvironmentName,
        session: &SessionId,
        marks: &[Mark],
    ) -> Result<(), StoreError> {
        let (environment, session) = (environment.clone(), session.clone());
        let (marks, name) = (marks.to_vec(), Arc::clone(&self.name));
        self.transact(move |tx| {
            outbox::mark(tx, &environment, &session, &marks).map_err(|f| f.at(&name))
        })
        .await
        .map_err(StoreError::from)
    }

    async fn refuse(&self, refusal: &Refusal) -> Result<(), StoreError> {
        let (refusal, name) = (refusal.clone(), Arc::clone(&self.name));
        self.transact(move |tx| outbox::refuse(tx, &refusal).map_err(|f| f.at(&name)))
            .await
            .map_err(StoreError::from)
    }

    async fn beat(
        &self,
        environment: &EnvironmentName,
        beat: &KeeperBeat,
    ) -> Result<(), StoreError> {
        let (environment, beat) = (environment.clone(), beat.clone());
        let name = Arc::clone(&self.name);
        self.transact(move |tx| outbox::beat(tx, &environment, &beat).map_err(|f| f.at(&name)))
            .await
            .map_err(StoreError::from)
    }
}
