//! Opens the file and makes its tables, by `user_version`; does not know what the rows mean.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, TransactionBehavior};

use super::error::Fault;
use crate::ports::StoreError;

/// One script a version; the file's `user_version` says how many have run.
const SCRIPTS: [&str; 1] = ["
CREATE TABLE heads (
  environment TEXT NOT NULL, service TEXT NOT NULL, body TEXT NOT NULL,
  PRIMARY KEY (environment, service)) WITHOUT ROWID;
CREATE TABLE keepers (
  environment TEXT PRIMARY KEY, at INTEGER NOT NULL, version TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE records (
  id TEXT PRIMARY KEY, at INTEGER NOT NULL, environment TEXT NOT NULL, status TEXT NOT NULL, kind TEXT NOT NULL,
  service TEXT, rev INTEGER, expires_s INTEGER, body TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX records_by_environment ON records (environment, at, id);
CREATE INDEX records_by_status ON records (environment, status, at, id);
CREATE TABLE entries (
  id TEXT NOT NULL, n INTEGER NOT NULL, at INTEGER NOT NULL, session TEXT NOT NULL, commit_key TEXT NOT NULL,
  v INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY (id, n)) WITHOUT ROWID;
CREATE TABLE undone (
  id TEXT NOT NULL, by_id TEXT NOT NULL, at INTEGER NOT NULL, session TEXT NOT NULL, commit_key TEXT NOT NULL,
  PRIMARY KEY (id, by_id)) WITHOUT ROWID;
CREATE TABLE evidence (id TEXT PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE totals (
  environment TEXT NOT NULL, service TEXT NOT NULL, day TEXT NOT NULL, name TEXT NOT NULL, value INTEGER NOT NULL,
  PRIMARY KEY (environment, service, day, name)) WITHOUT ROWID;
CREATE TABLE notices (
  environment TEXT NOT NULL, key TEXT NOT NULL, deployment TEXT NOT NULL, n INTEGER NOT NULL, idx INTEGER NOT NULL,
  channel TEXT NOT NULL, mention TEXT, state TEXT NOT NULL, claimed_by TEXT, claimed_until INTEGER NOT NULL,
  give_up_at INTEGER NOT NULL, repeated INTEGER NOT NULL, expires_s INTEGER NOT NULL, facts TEXT NOT NULL,
  PRIMARY KEY (environment, key)) WITHOUT ROWID;
CREATE TABLE refusals (
  environment TEXT NOT NULL, service TEXT NOT NULL, at INTEGER NOT NULL, run TEXT NOT NULL, kind TEXT NOT NULL,
  reasons TEXT NOT NULL, actor TEXT, git_ref TEXT, expires_s INTEGER NOT NULL,
  PRIMARY KEY (environment, service, at, run)) WITHOUT ROWID;
CREATE TABLE commits (n INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE);
"];

const BUSY: Duration = Duration::from_secs(5);

pub(super) fn open(path: &Path, name: &str) -> Result<Connection, StoreError> {
    if let Some(folder) = path.parent().filter(|p| !p.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(|e| StoreError::Denied {
            action: format!("create {}", folder.display()),
            detail: format!("{e}; make its parent writable for this user, or set `history.path`"),
        })?;
    }
    prepare(path).map_err(|fault| fault.at(name).into())
}

pub(super) fn open_in_memory() -> Result<Connection, StoreError> {
    let made = Connection::open_in_memory()
        .map_err(Fault::from)
        .and_then(|mut connection| {
            migrate(&mut connection)?;
            Ok(connection)
        });
    made.map_err(|fault| fault.at(":memory:").into())
}

fn prepare(path: &Path) -> Result<Connection, Fault> {
    let mut connection = Connection::open(path)?;
    connection.busy_timeout(BUSY)?;
    write_ahead(&connection)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    migrate(&mut connection)?;
    Ok(connection)
}

/// SQLite does not wait by `busy_timeout` while the journal's mode changes; only the first opener changes it.
fn write_ahead(connection: &Connection) -> Result<(), Fault> {
    let mut left = 100;
    loop {
        let set = connection.query_row("PRAGMA journal_mode = WAL", [], |row| {
            row.get::<_, String>(0)
        });
        match set {
            Ok(_) => return Ok(()),
            Err(e)
                if left > 0
                    && matches!(
                        e.sqlite_error_code(),
                        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
                    ) =>
            {
                left -= 1;
                std::thread::sleep(BUSY / 100);
            }
            Err(e) => return Err(e.into()),
        }
    }
}

fn migrate(connection: &mut Connection) -> Result<(), Fault> {
    let done = version(connection)?;
    if done == SCRIPTS.len() {
        return Ok(());
    }
    // Looked at again under the lock: another process may be making the tables too.
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let done = version(&tx)?;
    let todo = SCRIPTS.get(done..).ok_or_else(|| {
        Fault::malformed(format!(
            "the history file has version {done}, this deploy-guard knows {}; use a newer one",
            SCRIPTS.len()
        ))
    })?;
    for script in todo {
        tx.execute_batch(script)?;
    }
    tx.execute_batch(&format!("PRAGMA user_version = {}", SCRIPTS.len()))?;
    tx.commit()?;
    Ok(())
}

fn version(connection: &Connection) -> Result<usize, Fault> {
    let version = connection.query_row("PRAGMA user_version", [], |row| row.get::<_, i64>(0))?;
    usize::try_from(version)
        .map_err(|_| Fault::malformed(format!("the history file has version {version}")))
}
