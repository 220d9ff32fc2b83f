//! Lists from the indexes, newest first, page after page until the limit is reached; knows no journal.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::attr::{self, Item, s};
use super::call::Caller;
use super::change::Terms;
use super::{key, record};
use crate::adapters::stored;
use crate::core::alert::NoticeState;
use crate::core::record::Record;
use crate::ports::{ListQuery, Page, StoreError};

/// Evaluated items a page where filters may leave most of them out.
const FILTERED_PAGE: usize = 250;
const MOST_PAGE: usize = 1000;

/// The place of a record in an index: id and time as stored.
type Place = (String, String);

pub(super) async fn list(caller: &Caller, query: &ListQuery) -> Result<Page, StoreError> {
    let mut from = query
        .cursor
        .as_deref()
        .map(|cursor| read_cursor(cursor).map(|place| start(query, &place)))
        .transpose()?;
    let nothing = matches!((query.from, query.to), (Some(from), Some(to)) if from > to);
    if query.limit == 0 || nothing {
        return Ok(Page {
            records: Vec::new(),
            cursor: query.cursor.clone().filter(|_| !nothing),
        });
    }
    let mut found: Vec<(Record, Place)> = Vec::new();
    // One more than asked for tells whether there is a next page.
    let wanted = query.limit.saturating_add(1);
    loop {
        let request = request(caller, query, wanted - found.len(), from.take());
        let page = caller
            .call(|| request.clone().send(), |_| None)
            .await
            .map_err(|e| match caller.explain("dynamodb:Query", &e) {
                StoreError::Malformed { detail } if query.cursor.is_some() => StoreError::Cursor {
                    detail: format!("{detail}; it may be of another query: begin again without it"),
                },
                error => error,
            })?;
        for item in page.items() {
            match record::read(item) {
                Ok(record) if stored::matches(query, &record) => {
                    found.push((record, place(item)?));
                }
                Ok(_) => {}
                // One unreadable item must not hide the others.
                Err(error) => {
                    tracing::warn!(code = "DG301", %error, "a record is left out of the list");
                }
            }
        }
        from = page.last_evaluated_key;
        if from.is_none() || found.len() >= wanted {
            break;
        }
    }
    let more = found.len() > query.limit;
    found.truncate(query.limit);
    let cursor = found
        .last()
        .filter(|_| more)
        .map(|(_, place)| write_cursor(place));
    Ok(Page {
        records: found.into_iter().map(|(record, _)| record).collect(),
        cursor,
    })
}

fn request(
    caller: &Caller,
    query: &ListQuery,
    wanted: usize,
    from: Option<Item>,
) -> aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder {
    let mut terms = Terms::default();
    let mut filter = Vec::new();
    let index = match &query.status {
        Some(_) => "StatusIndex",
        None => "EnvironmentIndex",
    };
    let mut wanted_keys = vec![match &query.status {
        Some(status) => {
            filter.push(terms.is("environment", s(&query.environment)));
            terms.is("status", s(status))
        }
        None => terms.is("environment", s(&query.environment)),
    }];
    let time = match (query.from, query.to) {
        (None, None) => None,
        (from, to) => {
            let at = terms.name(key::AT);
            // Other makers write times with fewer decimals; `~` sorts after all of them.
            let least = from.map_or_else(|| " ".to_owned(), |t| second(&t.to_string()));
            let most = to.map_or_else(|| "~".to_owned(), |t| second(&t.to_string()) + "~");
            let (least, most) = (terms.value(s(least)), terms.value(s(most)));
            Some(format!("{at} BETWEEN {least} AND {most}"))
        }
    };
    wanted_keys.extend(time);
    if let Some(kind) = &query.kind {
        filter.push(terms.is("deploymentType", s(kind)));
    }
    if let Some(service) = &query.service {
        filter.push(format!(
            "({} OR {})",
            terms.absent("service"),
            terms.is("service", s(service))
        ));
    }
    let page = if filter.is_empty() {
        wanted.min(MOST_PAGE)
    } else {
        wanted.clamp(FILTERED_PAGE, MOST_PAGE)
    };
    caller
        .client
        .query()
        .table_name(&*caller.table)
        .index_name(index)
        .scan_index_forward(false)
        .key_condition_expression(wanted_keys.join(" AND "))
        .set_filter_expression((!filter.is_empty()).then(|| filter.join(" AND ")))
        .set_expression_attribute_names(terms.names())
        .set_expression_attribute_values(terms.values())
        .set_exclusive_start_key(from)
        .limit(i32::try_from(page).unwrap_or(i32::MAX))
}

/// A time up to its second: the exact bound is kept on what comes back.
fn second(time: &str) -> String {
    time.get(..19).unwrap_or(time).to_owned()
}

fn place(item: &Item) -> Result<Place, StoreError> {
    let must = |name| attr::must(item, name, "a record").map(str::to_owned);
    Ok((must(key::ID)?, must(key::AT)?))
}

/// The key after which the index goes on.
fn start(query: &ListQuery, place: &Place) -> Item {
    let mut item = key::of(&place.0, &place.1);
    match &query.status {
        Some(status) => item.insert("status".to_owned(), s(status)),
        None => item.insert("environment".to_owned(), s(&query.environment)),
    };
    item
}

fn write_cursor(place: &Place) -> String {
    URL_SAFE_NO_PAD.encode(serde_json::json!([place.0, place.1]).to_string())
}

fn read_cursor(cursor: &str) -> Result<Place, StoreError> {
    URL_SAFE_NO_PAD
        .decode(cursor)
        .ok()
        .and_then(|bytes| serde_json::from_slice::<Place>(&bytes).ok())
        .filter(|(id, at)| !id.is_empty() && record::read_time(at).is_some())
        .ok_or_else(|| StoreError::Cursor {
            detail: "this history gave none like it; begin again without it".to_owned(),
        })
}

/// One partition as a whole, consistently, in order of its sort keys.
pub(super) async fn partition(
    caller: &Caller,
    id: &str,
    range: Option<(String, String)>,
) -> Result<Vec<Item>, StoreError> {
    let mut terms = Terms::default();
    let mut condition = terms.is(key::ID, s(id));
    if let Some((from, to)) = range {
        let (at, from, to) = (
            terms.name(key::AT),
            terms.value(s(from)),
            terms.value(s(to)),
        );
        condition.push_str(&format!(" AND {at} BETWEEN {from} AND {to}"));
    }
    all(caller, condition, None, terms).await
}

/// Owed notices of a partition.
pub(super) async fn owed(caller: &Caller, id: &str) -> Result<Vec<Item>, StoreError> {
    let mut terms = Terms::default();
    let condition = terms.is(key::ID, s(id));
    let filter = format!(
        "{} IN ({}, {})",
        terms.name("state"),
        terms.value(s(NoticeState::Sending)),
        terms.value(s(NoticeState::Owed)),
    );
    all(caller, condition, Some(filter), terms).await
}

async fn all(
    caller: &Caller,
    condition: String,
    filter: Option<String>,
    terms: Terms,
) -> Result<Vec<Item>, StoreError> {
    let mut items = Vec::new();
    let mut from = None;
    loop {
        let request = caller
            .client
            .query()
            .table_name(&*caller.table)
            .consistent_read(true)
            .key_condition_expression(&condition)
            .set_filter_expression(filter.clone())
            .set_expression_attribute_names(terms.names())
            .set_expression_attribute_values(terms.values())
            .set_exclusive_start_key(from);
        let page = caller
            .call(|| request.clone().send(), |_| None)
            .await
            .map_err(|e| caller.explain("dynamodb:Query", &e))?;
        items.extend(page.items.unwrap_or_default());
        from = page.last_evaluated_key;
        if from.is_none() {
            return Ok(items);
        }
    }
}
