//! The log of every call that reached a fake, and what it tells: counts and the depth of round trips; it does not know what the calls mean.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::http::lock;

/// One call as a fake saw it.
#[derive(Clone, Debug)]
pub struct Call {
    /// `DynamoDB`, `STS`, `SNS`, `CloudFormation`, `Lambda`, `GitHub`, `OIDC`, `Slack`, `App`, …
    pub service: String,
    /// The AWS operation, the GitHub route (`GET /repos/{o}/{r}/…`), or the Slack method.
    pub operation: String,
    /// Path and query as sent.
    pub target: String,
    /// The request's body, cut at 512 KiB.
    pub body: String,
    /// The AWS access key of the signature, if there was one.
    pub access_key: Option<String>,
    pub started: Instant,
    /// When the answer was ready, or the caller or the fake gave up; `None` while it runs.
    pub ended: Option<Instant>,
    /// `None` when no answer was given.
    pub status: Option<u16>,
    /// The fault that was injected.
    pub fault: Option<String>,
}

impl Call {
    /// `service.operation`.
    pub fn name(&self) -> String {
        format!("{}.{}", self.service, self.operation)
    }
}

/// What a fake knows of a call when it begins.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    pub service: String,
    pub operation: String,
    pub target: String,
    pub body: String,
    pub access_key: Option<String>,
}

/// The shared log; clones are the same log.
#[derive(Clone, Default)]
pub struct Calls {
    log: Arc<Mutex<Vec<Call>>>,
    delay_ms: Arc<AtomicU64>,
}

impl Calls {
    /// Each call to any fake takes this much longer from now on.
    pub fn set_delay(&self, delay: Duration) {
        self.delay_ms.store(
            u64::try_from(delay.as_millis()).unwrap_or(u64::MAX),
            Ordering::SeqCst,
        );
    }

    /// Waits the injected delay.
    pub async fn pause(&self) {
        let ms = self.delay_ms.load(Ordering::SeqCst);
        if ms > 0 {
            tokio::time::sleep(Duration::from_millis(ms)).await;
        }
    }

    /// Writes the beginning of a call down; dropping the entry ends it without an answer.
    pub fn begin(&self, seen: &Seen) -> Entry {
        let mut log = lock(&self.log);
        let mut cut = seen.body.len().min(512 * 1024);
        while !seen.body.is_char_boundary(cut) {
            cut -= 1;
        }
        log.push(Call {
            service: seen.service.clone(),
            operation: seen.operation.clone(),
            target: seen.target.clone(),
            body: seen.body[..cut].to_owned(),
            access_key: seen.access_key.clone(),
            started: Instant::now(),
            ended: None,
            status: None,
            fault: None,
        });
        Entry {
            log: Arc::clone(&self.log),
            at: log.len() - 1,
        }
    }

    /// A copy of all calls so far, in order of their beginning.
    pub fn all(&self) -> CallList {
        CallList(lock(&self.log).clone())
    }

    /// The calls from the `mark`-th on; take a mark with [`Calls::mark`].
    pub fn since(&self, mark: usize) -> CallList {
        CallList(lock(&self.log).iter().skip(mark).cloned().collect())
    }

    /// How many calls began so far.
    pub fn mark(&self) -> usize {
        lock(&self.log).len()
    }
}

/// An open entry of the log.
pub struct Entry {
    log: Arc<Mutex<Vec<Call>>>,
    at: usize,
}

impl Entry {
    /// Notes the injected fault.
    pub fn fault(&self, name: &str) {
        lock(&self.log)[self.at].fault = Some(name.to_owned());
    }

    /// The answer is ready.
    pub fn end(self, status: u16) {
        lock(&self.log)[self.at].status = Some(status);
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        lock(&self.log)[self.at].ended = Some(Instant::now());
    }
}

/// A part of the log.
#[derive(Clone, Debug, Default)]
pub struct CallList(pub Vec<Call>);

impl CallList {
    /// Only the calls that `keep` likes.
    pub fn only(&self, keep: impl Fn(&Call) -> bool) -> Self {
        Self(self.0.iter().filter(|c| keep(c)).cloned().collect())
    }

    /// Only calls of that service.
    pub fn service(&self, service: &str) -> Self {
        self.only(|c| c.service == service)
    }

    /// How many calls of that service and operation there were.
    pub fn count(&self, service: &str, operation: &str) -> usize {
        self.0
            .iter()
            .filter(|c| c.service == service && c.operation == operation)
            .count()
    }

    /// Calls by `service.operation`.
    pub fn counts(&self) -> BTreeMap<String, usize> {
        self.0.iter().fold(BTreeMap::new(), |mut counts, c| {
            *counts.entry(c.name()).or_default() += 1;
            counts
        })
    }

    /// Names in order of beginning.
    pub fn names(&self) -> Vec<String> {
        self.0.iter().map(Call::name).collect()
    }

    /// The longest chain of calls each of which began after the one before had ended: how many round
    /// trips deep the caller went. Meaningful with an injected delay well above the scheduling noise.
    pub fn depth(&self) -> usize {
        self.chain().len()
    }

    /// The names of one longest chain, for a failure message.
    pub fn chain(&self) -> Vec<String> {
        let now = Instant::now();
        let mut spans: Vec<_> = self
            .0
            .iter()
            .map(|c| (c.ended.unwrap_or(now), c.started, c.name()))
            .collect();
        spans.sort();
        let mut chain = Vec::new();
        let mut free_from = None;
        for (ended, started, name) in spans {
            if free_from.is_none_or(|at| started >= at) {
                free_from = Some(ended);
                chain.push(name);
            }
        }
        chain
    }
}

#[test]
fn depth_is_the_longest_chain_of_calls_that_do_not_overlap() {
    let at = Instant::now();
    let call = |name: &str, from: u64, to: u64| Call {
        service: "S".into(),
        operation: name.into(),
        target: String::new(),
        body: String::new(),
        access_key: None,
        started: at + Duration::from_millis(from),
        ended: Some(at + Duration::from_millis(to)),
        status: Some(200),
        fault: None,
    };
    let list = CallList(vec![
        call("a", 0, 100),
        call("b", 3, 104),
        call("c", 110, 210),
        call("slow", 5, 205),
        call("d", 212, 300),
    ]);
    assert_eq!(list.chain(), ["S.a", "S.c", "S.d"]);
    assert_eq!(
        list.only(|c| c.operation == "b" || c.operation == "slow")
            .depth(),
        1
    );
}
