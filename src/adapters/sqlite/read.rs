//! Reads: heads, one deployment, lists with their cursor, totals; writes nothing.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::error::Fault;
use super::shape;
use crate::adapters::stored;
use crate::core::id::{CommitKey, DeploymentId, EnvironmentName, ServiceName, SessionId};
use crate::core::journal::{Entry, Event};
use crate::core::lease::{Head, KeeperBeat};
use crate::core::record::Record;
use crate::core::stats::Delta;
use crate::core::time::{Day, Timestamp};
use crate::ports::{Heads, ListQuery, Page, Stored};

fn rows<T>(
    connection: &Connection,
    sql: &str,
    values: impl rusqlite::Params,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>, Fault> {
    let mut statement = connection.prepare(sql)?;
    let found = statement.query_map(values, read)?;
    Ok(found.collect::<Result<_, _>>()?)
}

pub(super) fn bad(what: &str) -> impl Fn(crate::core::id::InvalidId) -> Fault {
    move |e| Fault::malformed(format!("{what}: {e}"))
}

pub(super) fn heads(
    connection: &Connection,
    environment: &EnvironmentName,
) -> Result<Heads, Fault> {
    let found = rows(
        connection,
        "SELECT service, body FROM heads WHERE environment = ?1 ORDER BY service",
        [environment.as_str()],
        |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)),
    )?;
    let heads = found
        .into_iter()
        .map(|(service, body)| {
            let service = ServiceName::new(service).map_err(bad("a head"))?;
            shape::read_head(environment, service, &body)
        })
        .collect::<Result<_, _>>()?;
    let keeper = connection
        .query_row(
            "SELECT at, version FROM keepers WHERE environment = ?1",
            [environment.as_str()],
            |row| {
                Ok(KeeperBeat {
                    at: Timestamp::from_millis(row.get(0)?),
                    version: row.get(1)?,
                })
            },
        )
        .optional()?;
    Ok(Heads { heads, keeper })
}

pub(super) fn head(
    connection: &Connection,
    environment: &EnvironmentName,
    service: &ServiceName,
) -> Result<Option<Head>, Fault> {
    connection
        .query_row(
            "SELECT body FROM heads WHERE environment = ?1 AND service = ?2",
            [environment.as_str(), service.as_str()],
            |row| row.get::<_, String>(0),
        )
        .optional()?
        .map(|body| shape::read_head(environment, service.clone(), &body))
        .transpose()
}

pub(super) fn record(connection: &Connection, id: &DeploymentId) -> Result<Option<Record>, Fault> {
    connection
        .query_row(
            "SELECT body FROM records WHERE id = ?1",
            [id.as_str()],
            |row| row.get::<_, String>(0),
        )
        .optional()?
        .map(|body| shape::read_record(&body))
        .transpose()
}

pub(super) fn deployment(
    connection: &Connection,
    id: &DeploymentId,
    now: Timestamp,
) -> Result<Option<Stored>, Fault> {
    let Some(record) = record(connection, id)?.filter(|r| !r.is_expired(now)) else {
        return Ok(None);
    };
    let packed = connection
        .query_row(
            "SELECT body FROM evidence WHERE id = ?1",
            [id.as_str()],
            |row| row.get::<_, Vec<u8>>(0),
        )
        .optional()?;
    Ok(Some(Stored {
        record,
        entries: entries(connection, id)?,
        evidence: packed.as_deref().map(stored::unpack).transpose()?,
    }))
}

fn entries(connection: &Connection, id: &DeploymentId) -> Result<Vec<Entry>, Fault> {
    type Raw = (u32, i64, String, String, i64, String);
    let found: Vec<Raw> = rows(
        connection,
        "SELECT n, at, session, commit_key, v, body FROM entries WHERE id = ?1 ORDER BY n",
        [id.as_str()],
        |row| {
            Ok((
                row.get(0)?,
                row.get(1)?,
                row.get(2)?,
                row.get(3)?,
                row.get(4)?,
                row.get(5)?,
            ))
        },
    )?;
    let mut entries = Vec::with_capacity(found.len());
    for (n, at, session, commit, v, body) in found {
        let v = u64::try_from(v)
            .map_err(|_| Fault::malformed(format!("entry {n} of `{id}` has version {v}")))?;
        entries.push(Entry {
            n,
            at: Timestamp::from_millis(at),
            session: SessionId::new(session).map_err(bad("an entry"))?,
            commit: CommitKey::new(commit).map_err(bad("an entry"))?,
            events: stored::read_events(v, &body)?,
        });
    }
    let Some(last) = entries.last().map(|e| e.n) else {
        return Ok(entries);
    };
    let undone = rows(
        connection,
        "SELECT by_id, at, session, commit_key FROM undone WHERE id = ?1 ORDER BY at",
        [id.as_str()],
        |row| {
            Ok((
                row.get::<_, String>(0)?,
                row.get::<_, i64>(1)?,
                row.get::<_, String>(2)?,
                row.get::<_, String>(3)?,
            ))
        },
    )?;
    for ((by, at, session, commit), n) in undone.into_iter().zip(last.saturating_add(1)..) {
        entries.push(Entry {
            n,
            at: Timestamp::from_millis(at),
            session: SessionId::new(session).map_err(bad("an entry"))?,
            commit: CommitKey::new(commit).map_err(bad("an entry"))?,
            events: vec![Event::UndoneBy {
                by: DeploymentId::new(by).map_err(bad("an entry"))?,
            }],
        });
    }
    Ok(entries)
}

pub(super) fn list(connection: &Connection, query: &ListQuery) -> Result<Page, Fault> {
    let after = query.cursor.as_deref().map(read_cursor).transpose()?;
    if query.limit == 0 {
        return Ok(Page {
            records: Vec::new(),
            cursor: query.cursor.clone(),
        });
    }
    let (before_at, before_id) = after.map_or((None, None), |(at, id)| (Some(at), Some(id)));
    let most = i64::try_from(query.limit.saturating_add(1)).unwrap_or(i64::MAX);
    let bodies = rows(
        connection,
        "SELECT body FROM records WHERE environment = ?1
           AND (?2 IS NULL OR status = ?2) AND (?3 IS NULL OR kind = ?3)
           AND (?4 IS NULL OR service IS NULL OR service = ?4)
           AND (?5 IS NULL OR at >= ?5) AND (?6 IS NULL OR at <= ?6)
           AND (expires_s IS NULL OR expires_s > ?7)
           AND (?8 IS NULL OR (at, id) < (?8, ?9))
         ORDER BY at DESC, id DESC LIMIT ?10",
        params![
            query.environment.as_str(),
            query.status,
            query.kind,
            query.service.as_ref().map(ServiceName::as_str),
            query.from.map(Timestamp::millis),
            query.to.map(Timestamp::millis),
            query.now.seconds(),
            before_at,
            before_id,
            most
        ],
        |row| row.get::<_, String>(0),
    )?;
    let more = bodies.len() > query.limit;
    let records: Vec<Record> = bodies
        .iter()
        .take(query.limit)
        .map(|body| shape::read_record(body))
        .collect::<Result<_, _>>()?;
    let cursor = records.last().filter(|_| more).map(write_cursor);
    Ok(Page { records, cursor })
}

fn write_cursor(record: &Record) -> String {
    let place = serde_json::json!([record.at.millis(), record.id.as_str()]);
    URL_SAFE_NO_PAD.encode(place.to_string())
}

fn read_cursor(cursor: &str) -> Result<(i64, String), Fault> {
    URL_SAFE_NO_PAD
        .decode(cursor)
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .ok_or_else(|| {
            Fault::Store(crate::ports::StoreError::Cursor {
                detail: "this history gave none like it; begin again without it".to_owned(),
            })
        })
}

pub(super) fn totals(
    connection: &Connection,
    environment: &EnvironmentName,
    service: &ServiceName,
    from: Day,
    to: Day,
) -> Result<BTreeMap<Day, Delta>, Fault> {
    let found = rows(
        connection,
        "SELECT day, name, value FROM totals
         WHERE environment = ?1 AND service = ?2 AND day >= ?3 AND day <= ?4 ORDER BY day",
        params![
            environment.as_str(),
            service.as_str(),
            from.to_string(),
            to.to_string()
        ],
        |row| {
            Ok((
                row.get::<_, String>(0)?,
                row.get::<_, String>(1)?,
                row.get::<_, i64>(2)?,
            ))
        },
    )?;
    let mut totals: BTreeMap<Day, Delta> = BTreeMap::new();
    for (day, name, value) in found {
        let day = Day::parse(&day).map_err(|e| Fault::malformed(format!("a day's totals: {e}")))?;
        stored::count(totals.entry(day).or_default(), &name, value);
    }
    Ok(totals)
}
