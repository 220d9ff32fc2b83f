//! What every history store writes in the same words: event bodies, facts, packed evidence, and their limits. Knows no store.

use std::collections::BTreeMap;
use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde_json::Value;

use crate::core::alert::Facts;
use crate::core::journal::Event;
use crate::core::reason::ReasonCode;
use crate::core::record::{DeploymentType, Record, Status};
use crate::core::stats::Delta;
use crate::core::time::Day;
use crate::ports::{Commit, ListQuery, StoreError};

/// Version of the event bodies that are written.
pub const EVENTS_VERSION: u64 = 1;
/// A longer text from outside is cut to so many bytes.
pub const TEXT_LIMIT: usize = 2 * 1024;
/// Longest body of one entry, bytes.
pub const BODY_LIMIT: usize = 8 * 1024;
/// Largest commit, bytes: bodies, facts and packed evidence together.
pub const COMMIT_LIMIT: usize = 200 * 1024;
/// Most entries of one journal.
pub const ENTRIES_LIMIT: u32 = crate::core::journal::ENTRIES;
/// A record's list of changes is cut to so many bytes.
const CHANGES_LIMIT: usize = 1024;
/// A record's error is cut to so many bytes; the journal has the whole.
const ERROR_LIMIT: usize = 512;
/// Evidence that unpacks to more is not what was written.
const UNPACKED_LIMIT: u64 = 32 * 1024 * 1024;
const DAY_S: i64 = 86_400;

fn malformed(detail: impl Into<String>) -> StoreError {
    StoreError::Malformed {
        detail: detail.into(),
    }
}

/// Epoch seconds until which a day's totals are kept: 400 days.
#[must_use]
pub fn totals_expire_s(day: Day) -> i64 {
    day.start().seconds().saturating_add(400 * DAY_S)
}

/// Epoch seconds until which a notice is kept: 7 days.
#[must_use]
pub fn notice_expires_s(facts: &Facts) -> i64 {
    facts.at.seconds().saturating_add(7 * DAY_S)
}

/// Epoch seconds until which a refusal is kept: 30 days.
#[must_use]
pub fn refusal_expires_s(at: crate::core::time::Timestamp) -> i64 {
    at.seconds().saturating_add(30 * DAY_S)
}

/// Cuts a text at a character's end so that it has at most `most` bytes, `…` included.
#[must_use]
pub fn cut(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let mark = "…";
    let end = (0..=most.saturating_sub(mark.len()))
        .rev()
        .find(|i| text.is_char_boundary(*i));
    format!("{}{mark}", end.and_then(|e| text.get(..e)).unwrap_or(""))
}

/// The JSON of an entry's events: texts cut at [`TEXT_LIMIT`], the whole at most [`BODY_LIMIT`] by shortening
/// findings first, then lists, then all texts. No event and no field is ever left out.
///
/// # Errors
/// [`StoreError::Malformed`] where that does not suffice, or where it could not be read back.
pub fn write_events(events: &[Event]) -> Result<String, StoreError> {
    let value = serde_json::to_value(events)
        .map_err(|e| malformed(format!("events cannot be written: {e}")))?;
    let text = fit(value, BODY_LIMIT).ok_or_else(|| {
        let names: Vec<_> = events.iter().map(Event::name).collect();
        malformed(format!(
            "the events {} do not fit into {BODY_LIMIT} bytes",
            names.join(", ")
        ))
    })?;
    // A number that is none would be written as null: better refused now than unreadable for ever.
    read_events(EVENTS_VERSION, &text)?;
    Ok(text)
}

/// Reads an entry's events back.
///
/// # Errors
/// [`StoreError::Malformed`] for another version or text.
pub fn read_events(version: u64, body: &str) -> Result<Vec<Event>, StoreError> {
    if version != EVENTS_VERSION {
        return Err(malformed(format!(
            "event bodies of version {version} are not known here (only {EVENTS_VERSION}); use a newer deploy-guard"
        )));
    }
    serde_json::from_str(body).map_err(|e| malformed(format!("an event body cannot be read: {e}")))
}

/// The JSON of a notice's facts, within the same limits as an event body.
///
/// # Errors
/// [`StoreError::Malformed`] where they do not fit.
pub fn write_facts(facts: &Facts) -> Result<String, StoreError> {
    let value = serde_json::to_value(facts)
        .map_err(|e| malformed(format!("a notice's facts cannot be written: {e}")))?;
    let text = fit(value, BODY_LIMIT).ok_or_else(|| {
        malformed(format!(
            "the facts of `{}` do not fit into {BODY_LIMIT} bytes",
            facts.event
        ))
    })?;
    read_facts(&text)?;
    Ok(text)
}

/// Reads a notice's facts back.
///
/// # Errors
/// [`StoreError::Malformed`] for another text.
pub fn read_facts(text: &str) -> Result<Facts, StoreError> {
    serde_json::from_str(text)
        .map_err(|e| malformed(format!("a notice's facts cannot be read: {e}")))
}

fn fit(mut value: Value, most: usize) -> Option<String> {
    let fits = |value: &Value| Some(value.to_string()).filter(|t| t.len() <= most);
    cut_texts(&mut value, TEXT_LIMIT);
    let shorten: [&dyn Fn(&mut Value); 9] = [
        &|v| under(v, "findings", &|f| cut_texts(f, 160)),
        &|v| under(v, "changes", &|l| shorten_list(l, 20)),
        &|v| under(v, "findings", &|l| shorten_findings(l, 20)),
        &|v| under(v, "findings", &|l| shorten_findings(l, 8)),
        &|v| under(v, "changes", &|l| shorten_list(l, 5)),
        &|v| under(v, "lines", &|f| cut_texts(f, 256)),
        &|v| cut_texts(v, 512),
        &|v| under(v, "findings", &|l| shorten_findings(l, 3)),
        &|v| cut_texts(v, 256),
    ];
    for step in shorten {
        if let Some(text) = fits(&value) {
            return Some(text);
        }
        step(&mut value);
    }
    fits(&value)
}

fn cut_texts(value: &mut Value, most: usize) {
    match value {
        Value::String(text) if text.len() > most => *text = cut(text, most),
        Value::Array(list) => list.iter_mut().for_each(|v| cut_texts(v, most)),
        Value::Object(map) => map.values_mut().for_each(|v| cut_texts(v, most)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn under(value: &mut Value, key: &str, change: &dyn Fn(&mut Value)) {
    match value {
        Value::Array(list) => list.iter_mut().for_each(|v| under(v, key, change)),
        Value::Object(map) => {
            for (name, inner) in map.iter_mut() {
                if name == key {
                    change(inner);
                } else {
                    under(inner, key, change);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn shorten_list(value: &mut Value, most: usize) {
    if let Value::Array(list) = value {
        list.truncate(most);
    }
}

/// Keeps those that say something: the healthy ones go first.
fn shorten_findings(value: &mut Value, most: usize) {
    if let Value::Array(list) = value
        && list.len() > most
    {
        list.sort_by_key(|f| match f.get("verdict").and_then(Value::as_str) {
            Some("degraded") => 0,
            Some("inconclusive") => 1,
            Some(_) | None => 2,
        });
        list.truncate(most);
    }
}

/// Packs evidence.
///
/// # Errors
/// [`StoreError::Malformed`] where it is larger than a commit may be.
pub fn pack(evidence: &str) -> Result<Vec<u8>, StoreError> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    let packed = encoder
        .write_all(evidence.as_bytes())
        .and_then(|()| encoder.finish())
        .map_err(|e| malformed(format!("the evidence cannot be packed: {e}")))?;
    Ok(packed)
}

/// Unpacks evidence.
///
/// # Errors
/// [`StoreError::Malformed`] where it is not what [`pack`] makes.
pub fn unpack(packed: &[u8]) -> Result<String, StoreError> {
    let mut text = String::new();
    let read = GzDecoder::new(packed)
        .take(UNPACKED_LIMIT)
        .read_to_string(&mut text)
        .map_err(|e| malformed(format!("the evidence cannot be unpacked: {e}")))?;
    if u64::try_from(read).is_ok_and(|n| n < UNPACKED_LIMIT) {
        Ok(text)
    } else {
        Err(malformed("the evidence unpacks to more than is believable"))
    }
}

/// The written forms of one commit, each within its limit.
#[derive(Debug)]
pub struct Bodies {
    /// Of the entry.
    pub events: Option<String>,
    /// Of the notices, in their order.
    pub facts: Vec<String>,
    /// Packed.
    pub evidence: Option<Vec<u8>>,
}

impl Bodies {
    /// Writes them and checks the whole against [`COMMIT_LIMIT`].
    ///
    /// # Errors
    /// [`StoreError::Malformed`] where something is too large; nothing has been written then.
    pub fn of(commit: &Commit) -> Result<Self, StoreError> {
        if let Some(entry) = &commit.entry
            && !(1..=ENTRIES_LIMIT).contains(&entry.n)
        {
            return Err(malformed(format!(
                "entry {} is outside 1 to {ENTRIES_LIMIT}",
                entry.n
            )));
        }
        let bodies = Self {
            events: commit
                .entry
                .as_ref()
                .map(|e| write_events(&e.events))
                .transpose()?,
            facts: commit
                .notices
                .iter()
                .map(|n| write_facts(&n.facts))
                .collect::<Result<_, _>>()?,
            evidence: commit.evidence.as_deref().map(pack).transpose()?,
        };
        let size = bodies.events.as_ref().map_or(0, String::len)
            + bodies.facts.iter().map(String::len).sum::<usize>()
            + bodies.evidence.as_ref().map_or(0, Vec::len);
        if size > COMMIT_LIMIT {
            return Err(malformed(format!(
                "the commit has {size} bytes, more than {COMMIT_LIMIT}; the evidence must be shortened"
            )));
        }
        Ok(bodies)
    }
}

/// The record as stores keep it, about 2 KB: its list of changes and its error cut, its time to live the commit's.
#[must_use]
pub fn fit_record(record: &Record, expires_s: i64) -> Record {
    let mut room = CHANGES_LIMIT;
    let mut changes = Vec::new();
    for line in &record.changes {
        let line = cut(line, 200);
        match room.checked_sub(line.len()) {
            Some(rest) => room = rest,
            None => {
                changes.push(format!("… +{}", record.changes.len() - changes.len()));
                break;
            }
        }
        changes.push(line);
    }
    Record {
        changes,
        error: record.error.as_deref().map(|e| cut(e, ERROR_LIMIT)),
        expires_s: Some(expires_s),
        ..record.clone()
    }
}

/// True where a query asks for this record.
#[must_use]
pub fn matches(query: &ListQuery, record: &Record) -> bool {
    record.environment == query.environment
        && query
            .status
            .as_deref()
            .is_none_or(|s| s == record.status.as_str())
        && query
            .kind
            .as_deref()
            .is_none_or(|k| k == record.kind.as_str())
        && query.service.as_ref().is_none_or(|service| {
            record
                .guard
                .as_ref()
                .is_none_or(|guard| guard.service == *service)
        })
        && query.from.is_none_or(|from| record.at >= from)
        && query.to.is_none_or(|to| record.at <= to)
        && !record.is_expired(query.now)
}

/// A delta as counters by name: `n`, `s_<status>`, `t_<type>`, `r_<reason>`, `d_<seconds>`, `dsum`; none is zero.
#[must_use]
pub fn counters(delta: &Delta) -> Vec<(String, i64)> {
    let mut counters = vec![
        ("n".to_owned(), delta.n),
        ("dsum".to_owned(), delta.seconds),
    ];
    counters.extend(delta.by_status.iter().map(|(k, v)| (format!("s_{k}"), *v)));
    counters.extend(delta.by_type.iter().map(|(k, v)| (format!("t_{k}"), *v)));
    counters.extend(delta.by_reason.iter().map(|(k, v)| (format!("r_{k}"), *v)));
    counters.extend(delta.by_seconds.iter().map(|(k, v)| (format!("d_{k}"), *v)));
    counters.retain(|(_, value)| *value != 0);
    counters
}

/// Adds a counter of [`counters`] to a delta; false for a name that is none (a newer version's).
pub fn count(delta: &mut Delta, name: &str, value: i64) -> bool {
    let known = match (name, name.split_once('_')) {
        ("n", _) => {
            delta.n += value;
            true
        }
        ("dsum", _) => {
            delta.seconds += value;
            true
        }
        (_, Some(("s", word))) => add(&mut delta.by_status, Status::parse(word), value),
        (_, Some(("t", word))) => add(&mut delta.by_type, DeploymentType::parse(word), value),
        (_, Some(("r", word))) => add(&mut delta.by_reason, ReasonCode::parse(word), value),
        (_, Some(("d", word))) => add(&mut delta.by_seconds, word.parse().ok(), value),
        (_, Some(_) | None) => false,
    };
    if !known {
        tracing::debug!(counter = name, "a counter of another version is left out");
    }
    known
}

fn add<K: Ord>(into: &mut BTreeMap<K, i64>, key: Option<K>, value: i64) -> bool {
    let Some(key) = key else { return false };
    let sum = into.remove(&key).map_or(value, |old| old + value);
    if sum != 0 {
        into.insert(key, sum);
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_text_ends_at_a_character() {
        assert_eq!(cut("배포", 6), "배포");
        assert_eq!(cut("배포가", 8), "배…");
        assert_eq!(cut("abcdef", 5), "ab…");
        assert_eq!(cut("abcdef", 1), "…");
    }

    #[test]
    fn evidence_that_is_packed_unpacks() {
        let text = "{\"증거\": [1, 2, 3]}";
        let packed = pack(text).expect("packs");
        assert_eq!(unpack(&packed).expect("unpacks"), text);
        assert!(unpack(b"no gzip").is_err());
    }
}
