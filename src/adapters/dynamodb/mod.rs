//! History in the predecessor's DynamoDB table, by the items and transactions of the data layout. Knows neither
//! credentials nor connections: it is given a client.

mod attr;
mod call;
mod change;
mod head;
mod journal;
mod key;
mod list;
mod notice;
mod record;
mod single;
mod write;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;

use self::call::Caller;
use crate::adapters::retry::Patience;
use crate::adapters::stored;
use crate::core::alert::Notice;
use crate::core::id::{DeploymentId, EnvironmentName, Fence, ServiceName, SessionId, Token};
use crate::core::lease::{Head, KeeperBeat, YieldRequest};
use crate::core::stats::Delta;
use crate::core::time::{Day, Timestamp};
use crate::ports::{
    Clock, Commit, CommitError, Heads, History, ListQuery, Mark, Page, Refusal, StoreError, Stored,
};

/// The longest that a write is sent again.
pub const RETRY_LIMIT: Duration = Duration::from_secs(120);

/// A history in DynamoDB.
#[derive(Clone)]
pub struct DynamoHistory {
    caller: Caller,
}

impl std::fmt::Debug for DynamoHistory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DynamoHistory")
            .field("table", &self.caller.table)
            .field("patience", &self.caller.patience)
            .finish_non_exhaustive()
    }
}

impl DynamoHistory {
    /// The history in `table`. The client must have time-outs of its own and no retries
    /// (`RetryConfig::disabled()`): sending again is done here, for at most `retry_limit`
    /// (at most [`RETRY_LIMIT`]), waiting by `clock`.
    #[must_use]
    pub fn new(
        client: Client,
        table: impl Into<Arc<str>>,
        clock: Arc<dyn Clock>,
        retry_limit: Duration,
    ) -> Self {
        Self {
            caller: Caller {
                client,
                table: table.into(),
                clock,
                patience: Patience::of(retry_limit.min(RETRY_LIMIT)),
            },
        }
    }
}

#[async_trait]
impl History for DynamoHistory {
    async fn heads(&self, environment: &EnvironmentName) -> Result<Heads, StoreError> {
        let items = list::partition(&self.caller, &key::heads(environment), None).await?;
        head::read_all(environment, &items)
    }

    async fn deployment(
        &self,
        id: &DeploymentId,
        now: Timestamp,
    ) -> Result<Option<Stored>, StoreError> {
        let items = list::partition(&self.caller, id.as_str(), None).await?;
        journal::read(id, &items, now)
    }

    async fn list(&self, query: &ListQuery) -> Result<Page, StoreError> {
        list::list(&self.caller, query).await
    }

    async fn totals(
        &self,
        environment: &EnvironmentName,
        service: &ServiceName,
        from: Day,
        to: Day,
    ) -> Result<BTreeMap<Day, Delta>, StoreError> {
        if from > to {
            return Ok(BTreeMap::new());
        }
        let id = key::totals(environment, service);
        let range = Some((from.to_string(), to.to_string()));
        let items = list::partition(&self.caller, &id, range).await?;
        let mut totals = BTreeMap::new();
        for item in items {
            let day = attr::must(&item, key::AT, "a day's totals")?;
            let day =
                Day::parse(day).map_err(|e| attr::malformed(format!("a day's totals: {e}")))?;
            let mut delta = Delta::default();
            for name in item.keys() {
                if matches!(name.as_str(), key::ID | key::AT | "ttl" | "rev") {
                    continue;
                }
                if let Some(value) = attr::whole(&item, name) {
                    stored::count(&mut delta, name, value);
                }
            }
            totals.insert(day, delta);
        }
        Ok(totals)
    }

    async fn commit(&self, commit: &Commit) -> Result<(), CommitError> {
        write::commit(&self.caller, commit).await
    }

    async fn renew(
        &self,
        environment: &EnvironmentName,
        service: &ServiceName,
        fence: Fence,
        session: &SessionId,
        lease_until: Timestamp,
    ) -> Result<Head, CommitError> {
        single::renew(
            &self.caller,
            environment,
            service,
            head::renew(fence, session, lease_until),
        )
        .await
    }

    async fn ask_yield(
        &self,
        environment: &EnvironmentName,
        service: &ServiceName,
        holder: &Token,
        request: &YieldRequest,
    ) -> Result<(), CommitError> {
        single::ask_yield(&self.caller, environment, service, holder, request).await
    }

    async fn owed(
        &self,
        environment: &EnvironmentName,
        now: Timestamp,
    ) -> Result<Vec<Notice>, StoreError> {
        let items = list::owed(&self.caller, &key::notices(environment)).await?;
        let read = items
            .iter()
            .map(|item| notice::read(environment, item, now));
        read.filter_map(Result::transpose).collect()
    }

    async fn claim(
        &self,
        environment: &EnvironmentName,
        key: &str,
        session: &SessionId,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool, StoreError> {
        single::claim(&self.caller, environment, key, session, now, until).await
    }

    async fn mark(
        &self,
        environment: &EnvironmentName,
        session: &SessionId,
        marks: &[Mark],
    ) -> Result<(), StoreError> {
        single::mark(&self.caller, environment, session, marks).await
    }

    async fn refuse(&self, refusal: &Refusal) -> Result<(), StoreError> {
        single::put(&self.caller, notice::write_refusal(refusal)).await
    }

    async fn beat(
        &self,
        environment: &EnvironmentName,
        beat: &KeeperBeat,
    ) -> Result<(), StoreError> {
        single::put(&self.caller, notice::write_beat(environment, beat)).await
    }
}
