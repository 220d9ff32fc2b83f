//! One commit as one transaction, and what its failed conditions mean; knows no read but that of one entry.

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{CancellationReason, Put, TransactWriteItem};

use super::attr::{Item, malformed, n, natural, s, text};
use super::call::{Caller, Sdk};
use super::change::{Change, put_new};
use super::{head, journal, key, notice, record};
use crate::adapters::retry::{Again, Failed};
use crate::adapters::stored::{self, Bodies};
use crate::core::record::Status;
use crate::ports::{Commit, CommitError, RecordWrite, StoreError};

/// More actions than this are no commit of ours.
const MOST_ACTIONS: usize = 100;

/// What an action of the transaction writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Head,
    Record,
    Entry,
    Evidence,
    Undone,
    UndoneEntry,
    Totals,
    Notice,
}

/// A request's actions, each with its part.
#[derive(Debug, Default)]
struct Actions {
    parts: Vec<Part>,
    items: Vec<TransactWriteItem>,
}

impl Actions {
    fn update(&mut self, part: Part, table: &str, key: Item, c: Change) -> Result<(), StoreError> {
        let action = c.action(table, key)?;
        self.parts.push(part);
        self.items
            .push(TransactWriteItem::builder().update(action).build());
        Ok(())
    }

    fn put(&mut self, part: Part, put: Put) {
        self.parts.push(part);
        self.items
            .push(TransactWriteItem::builder().put(put).build());
    }

    fn of(table: &str, commit: &Commit, bodies: &Bodies) -> Result<Self, StoreError> {
        let mut actions = Self::default();
        if let Some(to) = &commit.head {
            let key = key::of(key::heads(&commit.environment), &commit.service);
            actions.update(Part::Head, table, key, head::change(to)?)?;
        }
        match &commit.record {
            Some(RecordWrite::Create(new)) => {
                let item = record::write(&stored::fit_record(new, commit.expires_s))?;
                actions.put(Part::Record, put_new(table, item)?);
            }
            Some(RecordWrite::Update { record, seen_rev }) => {
                let item = record::write(&stored::fit_record(record, commit.expires_s))?;
                let key = key::of(&record.id, record.at);
                actions.update(Part::Record, table, key, update_record(item, *seen_rev))?;
            }
            None => {}
        }
        if let (Some(entry), Some(body)) = (&commit.entry, &bodies.events) {
            let item = journal::write(commit, entry, body);
            actions.put(Part::Entry, put_new(table, item)?);
        }
        if let Some(packed) = &bodies.evidence {
            let put = Put::builder()
                .table_name(table)
                .set_item(Some(journal::write_evidence(commit, packed)))
                .build()
                .map_err(|e| malformed(format!("the evidence cannot be written: {e}")))?;
            actions.put(Part::Evidence, put);
        }
        if let Some(undo) = &commit.undo {
            let entry = commit
                .entry
                .as_ref()
                .ok_or_else(|| malformed("an undoing write needs an entry"))?;
            let mut c = Change::default();
            c.when(|t| t.is("status", s(Status::Success)));
            c.set("status", s(Status::RolledBack));
            actions.update(Part::Undone, table, key::of(&undo.id, undo.at), c)?;
            let item = journal::write_undone(commit, entry, undo)?;
            actions.put(Part::UndoneEntry, put_new(table, item)?);
        }
        for ((service, day), delta) in &commit.totals {
            let counters = stored::counters(delta);
            if counters.is_empty() {
                continue;
            }
            let mut c = Change::default();
            c.set_once("ttl", n(stored::totals_expire_s(*day)));
            c.add("rev", 1);
            for (name, value) in &counters {
                c.add(name, *value);
            }
            let key = key::of(key::totals(&commit.environment, service), day);
            actions.update(Part::Totals, table, key, c)?;
        }
        for (owed, facts) in commit.notices.iter().zip(&bodies.facts) {
            let item = notice::write(&commit.environment, owed, facts);
            actions.put(Part::Notice, put_new(table, item)?);
        }
        if actions.items.len() > MOST_ACTIONS {
            return Err(malformed(format!(
                "a commit of {} actions; DynamoDB takes {MOST_ACTIONS}",
                actions.items.len()
            )));
        }
        Ok(actions)
    }
}

/// Sets what the record has, removes what it lacks, leaves what others added.
fn update_record(item: Item, seen_rev: u64) -> Change {
    let mut c = Change::default();
    c.when(|t| t.is("status", s(Status::InProgress)));
    c.when(|t| t.is("rev", n(seen_rev)));
    for name in record::absent(&item) {
        c.remove(name);
    }
    let mut attributes: Vec<_> = item
        .into_iter()
        .filter(|(name, value)| !key::is_key(name, value))
        .collect();
    attributes.sort_by(|a, b| a.0.cmp(&b.0));
    for (name, value) in attributes {
        c.set(&name, value);
    }
    c
}

/// Writes a commit: the request is built once and sent again as it is.
pub(super) async fn commit(caller: &Caller, commit: &Commit) -> Result<(), CommitError> {
    let bodies = Bodies::of(commit)?;
    let actions = Actions::of(&caller.table, commit, &bodies)?;
    if actions.items.is_empty() {
        return Ok(());
    }
    let Err(failed) = send(caller, actions.items, commit.key.as_str()).await else {
        return Ok(());
    };
    let conditions: Vec<(Part, Option<&Item>)> = reasons(&failed.error)
        .iter()
        .zip(&actions.parts)
        .filter(|(reason, _)| reason.code() == Some(CONDITION))
        .map(|(reason, part)| (*part, reason.item()))
        .collect();
    if conditions.is_empty() {
        return Err(explain(caller, &failed).into());
    }
    judge(caller, commit, &conditions).await
}

/// Sends a transaction under the given token until it is decided.
pub(super) async fn send(
    caller: &Caller,
    items: Vec<TransactWriteItem>,
    token: &str,
) -> Result<(), Failed<Sdk<TransactWriteItemsError>>> {
    let request = caller
        .client
        .transact_write_items()
        .set_transact_items(Some(items))
        .client_request_token(token);
    caller
        .call(|| request.clone().send(), again)
        .await
        .map(|_| ())
}

/// The code of an action whose condition failed.
pub(super) const CONDITION: &str = "ConditionalCheckFailed";

/// Why each action did not happen, in their order; empty where the transaction was not cancelled.
pub(super) fn reasons(error: &SdkError<TransactWriteItemsError>) -> &[CancellationReason] {
    match error.as_service_error() {
        Some(TransactWriteItemsError::TransactionCanceledException(e)) => e.cancellation_reasons(),
        Some(_) | None => &[],
    }
}

/// A cancelled transaction is sent again where all that stood against it passes by itself.
fn again(error: &TransactWriteItemsError) -> Option<Again> {
    let TransactWriteItemsError::TransactionCanceledException(e) = error else {
        return None;
    };
    let mut codes = e
        .cancellation_reasons()
        .iter()
        .filter_map(CancellationReason::code)
        .filter(|code| *code != "None")
        .peekable();
    let passes = codes.peek().is_some()
        && codes.all(|code| {
            matches!(
                code,
                "TransactionConflict"
                    | "ThrottlingError"
                    | "ProvisionedThroughputExceeded"
                    | "InternalServerError"
            )
        });
    Some(if passes { Again::Yes } else { Again::No })
}

pub(super) fn explain(
    caller: &Caller,
    failed: &Failed<Sdk<TransactWriteItemsError>>,
) -> StoreError {
    let said: Vec<String> = reasons(&failed.error)
        .iter()
        .filter(|r| r.code().is_some_and(|c| c != "None"))
        .map(|r| format!("{} ({})", r.code().unwrap_or(""), r.message().unwrap_or("")))
        .collect();
    if said.is_empty() {
        return caller.explain("dynamodb:TransactWriteItems", failed);
    }
    StoreError::Unreachable {
        detail: format!(
            "dynamodb:TransactWriteItems was cancelled: {} ({} attempts in {} s)",
            said.join(", "),
            failed.attempts,
            failed.spent.as_secs()
        ),
    }
}

/// After a failed condition: an entry of this very write says that it had worked; else whose turn it was.
async fn judge(
    caller: &Caller,
    commit: &Commit,
    conditions: &[(Part, Option<&Item>)],
) -> Result<(), CommitError> {
    let failed = |part: Part| conditions.iter().find(|(p, _)| *p == part);
    let shown = failed(Part::Entry).and_then(|(_, item)| *item);
    let read = match (&commit.entry, shown) {
        (Some(entry), None) => entry_at(caller, commit, entry.n).await?,
        (Some(_), Some(_)) | (None, _) => None,
    };
    if shown.or(read.as_ref()).and_then(journal::commit_of) == Some(commit.key.as_str()) {
        return Ok(());
    }
    if let Some((_, found)) = failed(Part::Head) {
        let head = found
            .map(|item| head::read(&commit.environment, item))
            .transpose()?;
        return Err(CommitError::Lost {
            head: head.map(Box::new),
        });
    }
    let creates = matches!(commit.record, Some(RecordWrite::Create(_)));
    if creates && (failed(Part::Entry).is_some() || failed(Part::Record).is_some()) {
        return Err(CommitError::IdTaken);
    }
    let details: Vec<String> = conditions
        .iter()
        .map(|(part, found)| describe(*part, *found))
        .collect();
    Err(CommitError::Stale {
        detail: details.join("; "),
    })
}

fn describe(part: Part, found: Option<&Item>) -> String {
    let status = found.and_then(|i| text(i, "status")).unwrap_or("absent");
    match part {
        Part::Record => match found.and_then(|i| natural(i, "rev")) {
            Some(rev) => format!("the record is `{status}` at revision {rev}"),
            None => format!("the record is `{status}`"),
        },
        Part::Undone => format!("the deployment to be undone is `{status}`"),
        Part::UndoneEntry => "the deployment is undone already".to_owned(),
        Part::Notice => "a notice is there already".to_owned(),
        Part::Head | Part::Entry | Part::Evidence | Part::Totals => {
            "the entry is there already".to_owned()
        }
    }
}

async fn entry_at(
    caller: &Caller,
    commit: &Commit,
    number: u32,
) -> Result<Option<Item>, StoreError> {
    let request = caller
        .client
        .get_item()
        .table_name(&*caller.table)
        .set_key(Some(key::of(&commit.deployment, key::entry(number))))
        .consistent_read(true);
    let got = caller.call(|| request.clone().send(), |_| None).await;
    got.map(|out| out.item)
        .map_err(|e| caller.explain("dynamodb:GetItem", &e))
}
