//! Writes of single items and the marks of the outbox; knows no commit.

use aws_sdk_dynamodb::operation::update_item::{UpdateItemError, UpdateItemOutput};
use aws_sdk_dynamodb::types::{
    ReturnValue, ReturnValuesOnConditionCheckFailure, TransactWriteItem,
};

use super::attr::{self, Item, malformed, text};
use super::call::Caller;
use super::change::Change;
use super::{head, key, notice, write};
use crate::core::alert::NoticeState;
use crate::core::id::{EnvironmentName, ServiceName, SessionId, Token, hex};
use crate::core::lease::{Head, YieldRequest};
use crate::core::time::Timestamp;
use crate::ports::{CommitError, Mark, StoreError};

/// Marks of one transaction.
const MARKS: usize = 100;

/// An update that did not happen.
enum Refused {
    /// Its condition failed, with the item as it is.
    Condition(Option<Item>),
    Store(StoreError),
}

async fn update(caller: &Caller, key: Item, c: Change) -> Result<UpdateItemOutput, Refused> {
    let request = caller
        .client
        .update_item()
        .table_name(&*caller.table)
        .set_key(Some(key))
        .update_expression(c.update())
        .set_condition_expression(c.condition())
        .set_expression_attribute_names(c.terms.names())
        .set_expression_attribute_values(c.terms.values())
        .return_values(ReturnValue::AllNew)
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
    let sent = caller.call(|| request.clone().send(), |_| None).await;
    sent.map_err(|failed| match failed.error.as_service_error() {
        Some(UpdateItemError::ConditionalCheckFailedException(e)) => {
            Refused::Condition(e.item().cloned())
        }
        Some(_) | None => Refused::Store(caller.explain("dynamodb:UpdateItem", &failed)),
    })
}

fn lost(environment: &EnvironmentName, found: Option<&Item>) -> CommitError {
    match found.map(|item| head::read(environment, item)).transpose() {
        Ok(head) => CommitError::Lost {
            head: head.map(Box::new),
        },
        Err(error) => error.into(),
    }
}

pub(super) async fn renew(
    caller: &Caller,
    environment: &EnvironmentName,
    service: &ServiceName,
    c: Change,
) -> Result<Head, CommitError> {
    match update(caller, key::of(key::heads(environment), service), c).await {
        Ok(out) => {
            let item = out
                .attributes
                .ok_or_else(|| malformed("a renewed head came back empty"))?;
            Ok(head::read(environment, &item)?)
        }
        Err(Refused::Condition(found)) => Err(lost(environment, found.as_ref())),
        Err(Refused::Store(error)) => Err(error.into()),
    }
}

pub(super) async fn ask_yield(
    caller: &Caller,
    environment: &EnvironmentName,
    service: &ServiceName,
    holder: &Token,
    request: &YieldRequest,
) -> Result<(), CommitError> {
    let c = head::ask_yield(holder, request)?;
    match update(caller, key::of(key::heads(environment), service), c).await {
        Ok(_) => Ok(()),
        Err(Refused::Store(error)) => Err(error.into()),
        Err(Refused::Condition(found)) => match lost(environment, found.as_ref()) {
            // The same request had worked and its answer was lost.
            CommitError::Lost { head: Some(head) }
                if head.yield_to.as_ref() == Some(request)
                    && head.holder.as_ref().is_some_and(|h| h.token == *holder) =>
            {
                Ok(())
            }
            error => Err(error),
        },
    }
}

pub(super) async fn claim(
    caller: &Caller,
    environment: &EnvironmentName,
    key: &str,
    session: &SessionId,
    now: Timestamp,
    until: Timestamp,
) -> Result<bool, StoreError> {
    let item_key = || key::of(key::notices(environment), key);
    let owed = notice::claim(NoticeState::Owed, session, now, until);
    let found = match update(caller, item_key(), owed).await {
        Ok(_) => return Ok(true),
        Err(Refused::Store(error)) => return Err(error),
        Err(Refused::Condition(found)) => found,
    };
    let sending = |item: &&Item| text(item, "state") == Some(NoticeState::Sending.as_str());
    let Some(item) = found.as_ref().filter(sending) else {
        return Ok(false);
    };
    let next = if text(item, "claimedBy") == Some(session.as_str()) {
        notice::extend(session, now, until)
    } else if attr::must_time(item, "claimedUntil", "a notice")? <= now {
        notice::claim(NoticeState::Sending, session, now, until)
    } else {
        return Ok(false);
    };
    match update(caller, item_key(), next).await {
        Ok(_) => Ok(true),
        Err(Refused::Store(error)) => Err(error),
        // Worked before, its answer lost; or somebody else was faster.
        Err(Refused::Condition(found)) => Ok(found.as_ref().filter(sending).is_some_and(|item| {
            text(item, "claimedBy") == Some(session.as_str())
                && text(item, "claimedUntil") == Some(until.to_string().as_str())
        })),
    }
}

/// In one transaction; a notice that another session has claimed since is left to it.
pub(super) async fn mark(
    caller: &Caller,
    environment: &EnvironmentName,
    session: &SessionId,
    marks: &[Mark],
) -> Result<(), StoreError> {
    for chunk in marks.chunks(MARKS) {
        let mut left: Vec<&Mark> = chunk.iter().collect();
        while !left.is_empty() {
            let actions = left
                .iter()
                .map(|mark| {
                    let key = key::of(key::notices(environment), &mark.key);
                    let update = notice::mark(mark, session).action(&caller.table, key)?;
                    Ok(TransactWriteItem::builder().update(update).build())
                })
                .collect::<Result<Vec<_>, StoreError>>()?;
            // A token of its own each time: the same marks later are another write.
            let token = hex(caller.clock.random());
            let Err(failed) = write::send(caller, actions, &token).await else {
                break;
            };
            let reasons = write::reasons(&failed.error);
            let ours: Vec<&Mark> = left
                .iter()
                .zip(reasons)
                .filter(|(_, reason)| reason.code() != Some(write::CONDITION))
                .map(|(mark, _)| *mark)
                .collect();
            if reasons.is_empty() || ours.len() == left.len() {
                return Err(write::explain(caller, &failed));
            }
            left = ours;
        }
    }
    Ok(())
}

/// Puts an item, whatever is there.
pub(super) async fn put(caller: &Caller, item: Item) -> Result<(), StoreError> {
    let request = caller
        .client
        .put_item()
        .table_name(&*caller.table)
        .set_item(Some(item));
    let sent = caller.call(|| request.clone().send(), |_| None).await;
    sent.map(|_| ())
        .map_err(|e| caller.explain("dynamodb:PutItem", &e))
}
