//! One commit as one SQLite transaction, with the conditions of every store; knows no clock.

use rusqlite::{OptionalExtension, Transaction, params};

use super::error::Fault;
use super::{head, outbox, read, shape};
use crate::adapters::stored::{self, Bodies};
use crate::core::id::{EnvironmentName, ServiceName};
use crate::core::lease::Head;
use crate::core::record::{Record, Status, StoredWord};
use crate::ports::{Commit, CommitError, RecordWrite, Undo};

/// So many write ids are remembered; more than any sender repeats.
const REMEMBERED: i64 = 10_000;

fn stale(detail: impl Into<String>) -> CommitError {
    CommitError::Stale {
        detail: detail.into(),
    }
}

pub(super) fn commit(
    tx: &Transaction<'_>,
    name: &str,
    commit: &Commit,
    bodies: &Bodies,
) -> Result<(), CommitError> {
    let fault = |e: rusqlite::Error| CommitError::from(Fault::new(name, e));
    let again = tx
        .query_row(
            "SELECT 1 FROM commits WHERE key = ?1",
            [commit.key.as_str()],
            |_| Ok(()),
        )
        .optional()
        .map_err(fault)?;
    if again.is_some() || is_written(tx, name, commit)? {
        return Ok(());
    }
    if let Some(write) = &commit.head {
        change_head(tx, name, &commit.environment, &commit.service, |found| {
            head::apply(&commit.environment, &commit.service, found, write)
        })?;
    }
    write_entry(tx, name, commit, bodies)?;
    if let Some(write) = &commit.record {
        write_record(tx, name, commit, write)?;
    }
    if let Some(packed) = &bodies.evidence {
        tx.execute(
            "INSERT INTO evidence VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE SET body = excluded.body",
            params![commit.deployment.as_str(), packed],
        )
        .map_err(fault)?;
    }
    if let Some(undo) = &commit.undo {
        write_undo(tx, name, commit, undo)?;
    }
    for ((service, day), delta) in &commit.totals {
        let counters = crate::adapters::stored::counters(delta);
        for (counter, value) in counters {
            tx.execute(
                "INSERT INTO totals VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT DO UPDATE SET value = value + excluded.value",
                params![
                    commit.environment.as_str(),
                    service.as_str(),
                    day.to_string(),
                    counter,
                    value
                ],
            )
            .map_err(fault)?;
        }
    }
    for (notice, facts) in commit.notices.iter().zip(&bodies.facts) {
        if !outbox::insert(tx, &commit.environment, notice, facts).map_err(|f| f.at(name))? {
            return Err(stale(format!("notice `{}` is there already", notice.key())));
        }
    }
    remember(tx, commit).map_err(fault)
}

fn remember(tx: &Transaction<'_>, commit: &Commit) -> rusqlite::Result<()> {
    tx.execute(
        "INSERT INTO commits (key) VALUES (?1)",
        [commit.key.as_str()],
    )?;
    tx.execute(
        "DELETE FROM commits WHERE n <= (SELECT max(n) FROM commits) - ?1",
        [REMEMBERED],
    )?;
    Ok(())
}

/// The entry is there and is this write's: it had worked.
fn is_written(tx: &Transaction<'_>, name: &str, commit: &Commit) -> Result<bool, CommitError> {
    let Some(entry) = &commit.entry else {
        return Ok(false);
    };
    let key = tx
        .query_row(
            "SELECT commit_key FROM entries WHERE id = ?1 AND n = ?2",
            params![commit.deployment.as_str(), entry.n],
            |row| row.get::<_, String>(0),
        )
        .optional()
        .map_err(|e| Fault::new(name, e))?;
    Ok(key.is_some_and(|k| k == commit.key.as_str()))
}

fn write_entry(
    tx: &Transaction<'_>,
    name: &str,
    commit: &Commit,
    bodies: &Bodies,
) -> Result<(), CommitError> {
    let (Some(entry), Some(body)) = (&commit.entry, &bodies.events) else {
        return Ok(());
    };
    let added = tx
        .execute(
            "INSERT INTO entries VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING",
            params![
                commit.deployment.as_str(),
                entry.n,
                entry.at.millis(),
                entry.session.as_str(),
                commit.key.as_str(),
                i64::try_from(stored::EVENTS_VERSION).unwrap_or(i64::MAX),
                body
            ],
        )
        .map_err(|e| Fault::new(name, e))?;
    match (added, &commit.record) {
        (1, _) => Ok(()),
        (_, Some(RecordWrite::Create(_))) => Err(CommitError::IdTaken),
        (_, Some(RecordWrite::Update { .. }) | None) => {
            Err(stale(format!("entry {} is there already", entry.n)))
        }
    }
}

fn write_record(
    tx: &Transaction<'_>,
    name: &str,
    commit: &Commit,
    write: &RecordWrite,
) -> Result<(), CommitError> {
    match write {
        RecordWrite::Create(record) => {
            let record = stored::fit_record(record, commit.expires_s);
            if read::record(tx, &record.id)
                .map_err(|f| f.at(name))?
                .is_some()
            {
                return Err(CommitError::IdTaken);
            }
            put_record(tx, name, &record)
        }
        RecordWrite::Update { record, seen_rev } => {
            let record = stored::fit_record(record, commit.expires_s);
            let found = read::record(tx, &record.id).map_err(|f| f.at(name))?;
            let found = found.filter(|r| r.at == record.at);
            let rev = found
                .as_ref()
                .and_then(|r| r.guard.as_ref().map(|g| (r.status.clone(), g.rev)));
            match rev {
                Some((StoredWord::Known(Status::InProgress), rev)) if rev == *seen_rev => {
                    put_record(tx, name, &record)
                }
                Some((status, rev)) => Err(stale(format!(
                    "the record is `{}` at revision {rev}, not in progress at {seen_rev}",
                    status.as_str()
                ))),
                None => Err(stale("the record is not there")),
            }
        }
    }
}

fn put_record(tx: &Transaction<'_>, name: &str, record: &Record) -> Result<(), CommitError> {
    let guard = record.guard.as_ref();
    let rev = guard.map(|g| i64::try_from(g.rev)).transpose();
    let rev = rev.map_err(|e| Fault::malformed(format!("the revision is too large: {e}")))?;
    let body = shape::write_record(record)?;
    tx.execute(
        "INSERT OR REPLACE INTO records VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        params![
            record.id.as_str(),
            record.at.millis(),
            record.environment.as_str(),
            record.status.as_str(),
            record.kind.as_str(),
            guard.map(|g| g.service.as_str()),
            rev,
            record.expires_s,
            body
        ],
    )
    .map_err(|e| Fault::new(name, e))?;
    Ok(())
}

fn write_undo(
    tx: &Transaction<'_>,
    name: &str,
    commit: &Commit,
    undo: &Undo,
) -> Result<(), CommitError> {
    let found = read::record(tx, &undo.id).map_err(|f| f.at(name))?;
    let Some(record) =
        found.filter(|r| r.at == undo.at && r.status == StoredWord::Known(Status::Success))
    else {
        return Err(stale(format!("`{}` is no success (any more)", undo.id)));
    };
    let record = Record {
        status: StoredWord::Known(Status::RolledBack),
        ..record
    };
    put_record(tx, name, &record)?;
    let (at, session) = commit
        .entry
        .as_ref()
        .map(|e| (e.at, e.session.clone()))
        .ok_or_else(|| stale("an undoing write needs an entry"))?;
    tx.execute(
        "INSERT INTO undone VALUES (?1, ?2, ?3, ?4, ?5)",
        params![
            undo.id.as_str(),
            undo.by.as_str(),
            at.millis(),
            session.as_str(),
            commit.key.as_str()
        ],
    )
    .map_err(|e| Fault::new(name, e))?;
    Ok(())
}

/// Reads a head, lets `change` decide, and writes what it makes; `None` = its condition fails.
pub(super) fn change_head(
    tx: &Transaction<'_>,
    name: &str,
    environment: &EnvironmentName,
    service: &ServiceName,
    change: impl FnOnce(Option<&Head>) -> Option<Head>,
) -> Result<Head, CommitError> {
    let found = read::head(tx, environment, service).map_err(|f| f.at(name))?;
    let Some(head) = change(found.as_ref()) else {
        return Err(CommitError::Lost {
            head: found.map(Box::new),
        });
    };
    let body = shape::write_head(&head)?;
    tx.execute(
        "INSERT OR REPLACE INTO heads VALUES (?1, ?2, ?3)",
        params![environment.as_str(), service.as_str(), body],
    )
    .map_err(|e| Fault::new(name, e))?;
    Ok(head)
}
