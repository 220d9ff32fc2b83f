//! Faults as switches: which call they meet and what happens to it; the words of the answer are each fake's own dialect.

use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::response::Response;

use super::calls::{Calls, Seen};
use super::http::{Reply, close_without_answer, lock};

/// What happens to a call.
#[derive(Clone, Debug)]
pub enum Fault {
    /// The connection is closed without an answer; nothing was done.
    Close,
    /// No answer, ever; nothing was done.
    Hang,
    /// The call is done and answered this much later.
    Slow(Duration),
    /// Done, but the connection is closed instead of answering.
    WorkedThenClosed,
    /// Done, but the answer never comes.
    WorkedThenHung,
    /// The service's own error with this status (500, 502, 503); nothing was done.
    Status(u16),
    /// The service's way to say "too many requests".
    Throttle,
    /// The service's way to say "not allowed".
    Denied,
    /// DynamoDB: the transaction is cancelled with `TransactionConflict` for every action.
    TransactionConflict,
    /// DynamoDB: `TransactionInProgressException`.
    TransactionInProgress,
    /// DynamoDB: the table's provisioned throughput is exceeded.
    ProvisionedThroughput,
    /// This very answer.
    Answer(Reply),
}

impl Fault {
    fn name(&self) -> String {
        match self {
            Self::Answer(reply) => format!("Answer({})", reply.status),
            other => format!("{other:?}"),
        }
    }
}

/// Which calls a fault meets: by default the first that matches.
#[derive(Clone, Debug)]
pub struct On {
    service: Option<String>,
    operation: Option<String>,
    body: Option<String>,
    skip: usize,
    times: usize,
}

impl On {
    /// Any call.
    pub fn any() -> Self {
        Self {
            service: None,
            operation: None,
            body: None,
            skip: 0,
            times: 1,
        }
    }

    /// Any call of a service.
    pub fn service(service: &str) -> Self {
        Self {
            service: Some(service.into()),
            ..Self::any()
        }
    }

    /// Calls of one operation (exactly the name in the log; for GitHub the route).
    pub fn op(operation: &str) -> Self {
        Self {
            operation: Some(operation.into()),
            ..Self::any()
        }
    }

    /// Only where the target or the body contains this text.
    pub fn containing(mut self, text: &str) -> Self {
        self.body = Some(text.into());
        self
    }

    /// The n-th matching call from now on, counted from 1.
    pub fn nth(mut self, n: usize) -> Self {
        assert!(n > 0, "calls are counted from 1");
        self.skip = n - 1;
        self
    }

    /// That many matching calls in a row.
    pub fn times(mut self, times: usize) -> Self {
        self.times = times;
        self
    }

    /// Every matching call until the faults are cleared.
    pub fn always(self) -> Self {
        self.times(usize::MAX)
    }

    fn matches(&self, seen: &Seen) -> bool {
        self.service.as_ref().is_none_or(|s| *s == seen.service)
            && self.operation.as_ref().is_none_or(|o| *o == seen.operation)
            && self
                .body
                .as_ref()
                .is_none_or(|b| seen.body.contains(b) || seen.target.contains(b))
    }
}

struct Rule {
    on: On,
    fault: Fault,
    met: usize,
    hits: Arc<AtomicUsize>,
}

/// Tells how often a fault has struck.
#[derive(Clone)]
pub struct Hits(Arc<AtomicUsize>);

impl Hits {
    /// How often the fault has struck so far.
    pub fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

/// All faults of one world; clones are the same.
#[derive(Clone, Default)]
pub struct Faults(Arc<Mutex<Vec<Rule>>>);

impl Faults {
    /// Adds a fault; where several match a call, the one added first strikes.
    pub fn add(&self, on: On, fault: Fault) -> Hits {
        let hits = Arc::new(AtomicUsize::new(0));
        lock(&self.0).push(Rule {
            on,
            fault,
            met: 0,
            hits: Arc::clone(&hits),
        });
        Hits(hits)
    }

    /// Forgets all faults.
    pub fn clear(&self) {
        lock(&self.0).clear();
    }

    /// The fault for this call, if any. Every rule that matches counts the call.
    pub fn take(&self, seen: &Seen) -> Option<Fault> {
        let mut struck = None;
        for rule in lock(&self.0).iter_mut().filter(|r| r.on.matches(seen)) {
            rule.met += 1;
            let due = rule.met > rule.on.skip && rule.met - rule.on.skip <= rule.on.times;
            if due && struck.is_none() {
                rule.hits.fetch_add(1, Ordering::SeqCst);
                struck = Some(rule.fault.clone());
            }
        }
        struck
    }
}

/// How a fake says an error of its own.
pub type Dialect = fn(&Fault, &Seen) -> Reply;

/// What every fake shares: the log, the faults, and its own way to say errors.
#[derive(Clone)]
pub struct Wire {
    pub calls: Calls,
    pub faults: Faults,
    dialect: Dialect,
}

impl Wire {
    /// A fake's connection to the world.
    pub fn new(calls: &Calls, faults: &Faults, dialect: Dialect) -> Self {
        Self {
            calls: calls.clone(),
            faults: faults.clone(),
            dialect,
        }
    }

    /// Answers one call: writes it down, delays it, lets a fault strike, else does the work.
    pub async fn answer(&self, seen: Seen, work: impl Future<Output = Reply>) -> Response {
        let entry = self.calls.begin(&seen);
        self.calls.pause().await;
        let fault = self.faults.take(&seen);
        if let Some(fault) = &fault {
            entry.fault(&fault.name());
        }
        let reply = match fault {
            None => work.await,
            Some(Fault::Slow(by)) => {
                tokio::time::sleep(by).await;
                work.await
            }
            Some(Fault::Close) => return close_without_answer(),
            Some(Fault::Hang) => std::future::pending().await,
            Some(Fault::WorkedThenClosed) => {
                work.await;
                return close_without_answer();
            }
            Some(Fault::WorkedThenHung) => {
                work.await;
                std::future::pending().await
            }
            Some(Fault::Answer(reply)) => reply,
            Some(said) => (self.dialect)(&said, &seen),
        };
        entry.end(reply.status);
        reply.into_response()
    }
}
