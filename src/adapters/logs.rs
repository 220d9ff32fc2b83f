//! Logs Insights: counts the lines that a query matches; knows no gate and no bound.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_cloudwatchlogs::Client;
use aws_sdk_cloudwatchlogs::operation::get_query_results::GetQueryResultsOutput;
use aws_sdk_cloudwatchlogs::types::QueryStatus;
use futures_util::future::join_all;

use super::aws::{Aws, Service, why};
use crate::core::observation::{Kind, Why};
use crate::core::policy::matches_pattern;
use crate::core::time::Timestamp;
use crate::ports::{Clock, CloudError, Logs};

const START: &str = "logs:StartQuery";
const RESULTS: &str = "logs:GetQueryResults";
const GROUPS: &str = "logs:DescribeLogGroups";

/// Log groups of one query. Source: CloudWatch Logs API reference, `StartQuery`.
const GROUPS_AT_ONCE: usize = 50;
/// Pages of 50 log groups that are followed.
const PAGES: usize = 40;
/// The count that we have Logs Insights make.
const COUNT: &str = "deploy_guard_matches";
/// First pause between looks at a query's result, and the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Logs of one account and region.
pub struct LogsInsights {
    aws: Arc<Aws>,
    clock: Arc<dyn Clock>,
    patience: Duration,
    client: OnceLock<Client>,
}

impl LogsInsights {
    /// Through these credentials; a query that takes longer than `patience` is stopped.
    #[must_use]
    pub fn new(aws: Arc<Aws>, clock: Arc<dyn Clock>, patience: Duration) -> Self {
        Self {
            aws,
            clock,
            patience,
            client: OnceLock::new(),
        }
    }

    fn client(&self) -> &Client {
        self.client
            .get_or_init(|| Client::new(&self.aws.within_a_tick(Service::Logs)))
    }

    /// Names as they are, patterns filled in; looked up each time, for a function's group comes with its first line.
    async fn groups(&self, wanted: &[String]) -> Result<Vec<String>, CloudError> {
        let mut found: BTreeSet<String> = wanted
            .iter()
            .filter(|name| !name.contains('*'))
            .cloned()
            .collect();
        for pattern in wanted.iter().filter(|name| name.contains('*')) {
            let prefix = pattern.split('*').next().filter(|p| !p.is_empty());
            let mut token = None;
            for _ in 0..PAGES {
                let page = self
                    .client()
                    .describe_log_groups()
                    .set_log_group_name_prefix(prefix.map(str::to_owned))
                    .set_next_token(token)
                    .send()
                    .await
                    .map_err(|error| failed(GROUPS, why(&error)))?;
                found.extend(
                    page.log_groups()
                        .iter()
                        .filter_map(|group| group.log_group_name())
                        .filter(|name| matches_pattern(pattern, name))
                        .map(str::to_owned),
                );
                token = page.next_token().map(str::to_owned);
                if token.is_none() {
                    break;
                }
            }
        }
        if found.is_empty() {
            return Err(failed(
                GROUPS,
                Why::new(
                    Kind::NotFound,
                    format!("no log group {}", wanted.join(", ")),
                ),
            ));
        }
        Ok(found.into_iter().collect())
    }

    async fn count(
        &self,
        groups: &[String],
        query: &str,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<u64, CloudError> {
        let started = self
            .client()
            .start_query()
            .set_log_group_names(Some(groups.to_vec()))
            .start_time(from.seconds())
            .end_time(to.seconds())
            .query_string(counting(query))
            .send()
            .await
            .map_err(|error| failed(START, why(&error)))?;
        let Some(id) = started.query_id() else {
            return Err(failed(
                START,
                Why::new(Kind::Malformed, "a query without an id"),
            ));
        };
        let mut running = Running {
            client: self.client().clone(),
            id: Some(id.to_owned()),
        };
        let deadline = self.clock.monotonic() + self.patience;
        let mut pause = FIRST_PAUSE;
        loop {
            self.clock.sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
            let answer = self
                .client()
                .get_query_results()
                .query_id(id)
                .send()
                .await
                .map_err(|error| failed(RESULTS, why(&error)))?;
            let fault = |kind, detail: &str| Err(failed(RESULTS, Why::new(kind, detail)));
            match answer.status() {
                Some(QueryStatus::Complete) => {
                    running.id = None;
                    return counted(&answer).map_err(|why| failed(RESULTS, why));
                }
                Some(QueryStatus::Failed) => {
                    running.id = None;
                    return fault(Kind::Provider, "the query failed");
                }
                Some(QueryStatus::Cancelled) => {
                    running.id = None;
                    return fault(Kind::Provider, "the query was cancelled");
                }
                Some(QueryStatus::Timeout) => {
                    running.id = None;
                    return fault(Kind::Timeout, "the query ran out of time");
                }
                _ if self.clock.monotonic() >= deadline => {
                    running.stop().await;
                    return fault(Kind::Timeout, "the query was still running and was stopped");
                }
                _ => {}
            }
        }
    }
}

/// A query that runs at the provider until it has ended or is stopped.
struct Running {
    client: Client,
    id: Option<String>,
}

impl Running {
    async fn stop(&mut self) {
        if let Some(id) = self.id.take() {
            stop(&self.client, &id).await;
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let (Some(id), Ok(runtime)) = (self.id.take(), tokio::runtime::Handle::try_current())
        else {
            return;
        };
        let client = self.client.clone();
        runtime.spawn(async move { stop(&client, &id).await });
    }
}

async fn stop(client: &Client, id: &str) {
    if let Err(error) = client.stop_query().query_id(id).send().await {
        let why = why(&error);
        tracing::debug!(code = "DG251", %why, "a log query could not be stopped and runs to its end");
    }
}

fn failed(call: &str, why: Why) -> CloudError {
    CloudError {
        call: call.to_owned(),
        why,
    }
}

/// The query with our count at its end; one that counts or cuts by itself is left as it is.
fn counting(query: &str) -> String {
    let own = commands(query)
        .iter()
        .any(|command| matches!(*command, "stats" | "limit" | "head" | "tail" | "source"));
    if own {
        query.to_owned()
    } else {
        format!("{query} | stats count(*) as {COUNT}")
    }
}

/// The commands of a query: the first word after each `|` that stands in no text and no expression.
fn commands(query: &str) -> Vec<&str> {
    let mut starts = vec![0];
    let mut quote = None;
    let mut escaped = false;
    for (at, c) in query.char_indices() {
        match (quote, c) {
            _ if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(open), _) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'' | '`') => quote = Some(c),
            // A regular expression follows `like`, `=~` or `parse`; elsewhere a slash divides.
            (None, '/') if opens_regex(query.get(..at).unwrap_or_default()) => quote = Some('/'),
            (None, '|') => starts.push(at + 1),
            (None, _) => {}
        }
    }
    starts
        .into_iter()
        .filter_map(|at| query.get(at..)?.split_whitespace().next())
        .collect()
}

fn opens_regex(before: &str) -> bool {
    let before = before.trim_end();
    before.ends_with("=~")
        || before
            .rsplit(|c: char| c.is_whitespace())
            .next()
            .is_some_and(|word| word.eq_ignore_ascii_case("like"))
        || before
            .rsplit('|')
            .next()
            .is_some_and(|command| command.trim_start().starts_with("parse"))
}

/// Our own count; where the query has none, or found nothing to count, how many lines matched.
fn counted(answer: &GetQueryResultsOutput) -> Result<u64, Why> {
    let malformed = |what: String| Why::new(Kind::Malformed, what);
    let own = answer
        .results()
        .iter()
        .flatten()
        .find(|field| field.field() == Some(COUNT));
    if let Some(value) = own.and_then(|field| field.value()) {
        let number: f64 = value
            .parse()
            .map_err(|_| malformed(format!("`{value}` is no count")))?;
        return whole(number).ok_or_else(|| malformed(format!("`{value}` is no count")));
    }
    let matched = answer
        .statistics()
        .map(|statistics| statistics.records_matched())
        .ok_or_else(|| malformed("a result without statistics".to_owned()))?;
    whole(matched).ok_or_else(|| malformed(format!("`{matched}` is no count")))
}

fn whole(value: f64) -> Option<u64> {
    (value.is_finite() && value >= 0.0).then(|| value.round() as u64)
}

#[async_trait]
impl Logs for LogsInsights {
    async fn matches(
        &self,
        groups: &[String],
        query: &str,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<u64, CloudError> {
        let groups = self.groups(groups).await?;
        let counts = join_all(
            groups
                .chunks(GROUPS_AT_ONCE)
                .map(|chunk| self.count(chunk, query, from, to)),
        )
        .await;
        let mut sum = 0_u64;
        for count in counts {
            sum = sum.saturating_add(count?);
        }
        Ok(sum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_is_asked_for_unless_the_query_counts_or_cuts() {
        let query = "filter @message like /panic | limit/";
        assert_eq!(
            counting(query),
            format!("{query} | stats count(*) as {COUNT}")
        );
        let query = "filter ispresent(a) | stats count(*) by b";
        assert_eq!(counting(query), query);
        assert_eq!(counting("fields a | limit 5"), "fields a | limit 5");
        assert_eq!(
            commands("fields a/b | filter m = 'x | stats' | sort @timestamp"),
            ["fields", "filter", "sort"]
        );
    }
}
