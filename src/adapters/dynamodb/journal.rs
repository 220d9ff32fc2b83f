//! Entries and evidence as items, and one deployment put together from its partition; knows no call.

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;

use super::attr::{self, Item, malformed, must, must_natural, n, s, text};
use super::{key, record};
use crate::adapters::stored;
use crate::core::id::{CommitKey, DeploymentId, SessionId};
use crate::core::journal::{Entry, Event};
use crate::core::time::Timestamp;
use crate::ports::{Commit, StoreError, Stored, Undo};

/// An entry; `body` is what [`stored::write_events`] made of its events.
pub(super) fn write(commit: &Commit, entry: &Entry, body: &str) -> Item {
    let mut item = key::of(&commit.deployment, key::entry(entry.n));
    fill(&mut item, entry, commit, body);
    item
}

/// The entry that an undoing deployment leaves with the undone one.
pub(super) fn write_undone(
    commit: &Commit,
    entry: &Entry,
    undo: &Undo,
) -> Result<Item, StoreError> {
    let body = stored::write_events(&[Event::UndoneBy {
        by: undo.by.clone(),
    }])?;
    let mut item = key::of(&undo.id, key::undone(&undo.by));
    fill(&mut item, entry, commit, &body);
    Ok(item)
}

fn fill(item: &mut Item, entry: &Entry, commit: &Commit, body: &str) {
    for (name, value) in [
        ("v", n(stored::EVENTS_VERSION)),
        ("at", s(entry.at)),
        ("session", s(&entry.session)),
        ("commit", s(&commit.key)),
        ("body", s(body)),
        ("ttl", n(commit.expires_s)),
    ] {
        item.insert(name.to_owned(), value);
    }
}

pub(super) fn write_evidence(commit: &Commit, packed: &[u8]) -> Item {
    let mut item = key::of(&commit.deployment, key::EVIDENCE);
    item.insert("body".to_owned(), AttributeValue::B(Blob::new(packed)));
    item.insert("ttl".to_owned(), n(commit.expires_s));
    item
}

/// The write that made an entry.
pub(super) fn commit_of(item: &Item) -> Option<&str> {
    text(item, "commit")
}

/// One deployment from all items of its partition, in order of their sort keys; `None` = no unexpired record.
pub(super) fn read(
    id: &DeploymentId,
    items: &[Item],
    now: Timestamp,
) -> Result<Option<Stored>, StoreError> {
    let mut records = Vec::new();
    let mut unreadable = None;
    let mut entries = Vec::new();
    let mut undone = Vec::new();
    let mut evidence = None;
    for item in items {
        match attr::must(item, key::AT, "an item")? {
            key::EVIDENCE => evidence = Some(read_evidence(id, item)?),
            at => match at.strip_prefix(key::ENTRY) {
                None => match record::read(item) {
                    Ok(record) => records.push(record),
                    Err(error) => unreadable = Some(error),
                },
                Some(number) => match number.parse() {
                    Ok(number) => entries.push(read_entry(id, number, item)?),
                    Err(_) => undone.push(item),
                },
            },
        }
    }
    if let (true, Some(error)) = (records.is_empty(), unreadable) {
        return Err(error);
    }
    records.retain(|r| !r.is_expired(now));
    // Another maker may have written an id twice; its own readers show the oldest.
    let ours = records.iter().position(|r| r.guard.is_some()).unwrap_or(0);
    let Some(record) = (ours < records.len()).then(|| records.swap_remove(ours)) else {
        return Ok(None);
    };
    if let Some(last) = entries.last().map(|e: &Entry| e.n) {
        for (item, number) in undone.into_iter().zip(last.saturating_add(1)..) {
            entries.push(read_entry(id, number, item)?);
        }
    }
    Ok(Some(Stored {
        record,
        entries,
        evidence,
    }))
}

fn read_entry(id: &DeploymentId, number: u32, item: &Item) -> Result<Entry, StoreError> {
    let what = format!("entry {number} of `{id}`");
    let bad = |e: crate::core::id::InvalidId| malformed(format!("{what}: {e}"));
    Ok(Entry {
        n: number,
        at: attr::must_time(item, "at", &what)?,
        session: SessionId::new(must(item, "session", &what)?).map_err(bad)?,
        commit: CommitKey::new(must(item, "commit", &what)?).map_err(bad)?,
        events: stored::read_events(must_natural(item, "v", &what)?, must(item, "body", &what)?)?,
    })
}

fn read_evidence(id: &DeploymentId, item: &Item) -> Result<String, StoreError> {
    match item.get("body") {
        Some(AttributeValue::B(packed)) => stored::unpack(packed.as_ref()),
        Some(_) | None => Err(malformed(format!("the evidence of `{id}` is no bytes"))),
    }
}
