//! Time that passes only when everybody waits: a simulated watch of minutes ends at once. Knows no scenario.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use async_trait::async_trait;

use crate::core::time::Timestamp;
use crate::ports::Clock;

/// When every simulated deployment begins: 2024-12-12T14:30:00Z.
pub const BEGIN_MS: i64 = 1_734_013_800_000;

/// Virtual time.
#[derive(Debug, Default)]
pub struct Time(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    passed: Duration,
    sleepers: BTreeMap<(Duration, u64), Waker>,
    tickets: u64,
}

struct Sleep<'a> {
    time: &'a Time,
    at: Duration,
    ticket: u64,
}

impl Future for Sleep<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut inner = self.time.inner();
        if inner.passed >= self.at {
            return Poll::Ready(());
        }
        let waker = context.waker().clone();
        inner.sleepers.insert((self.at, self.ticket), waker);
        Poll::Pending
    }
}

impl Drop for Sleep<'_> {
    fn drop(&mut self) {
        self.time.inner().sleepers.remove(&(self.at, self.ticket));
    }
}

impl Time {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Goes on to the next moment at which somebody wakes; false where nobody sleeps.
    fn go_on(&self) -> bool {
        let mut inner = self.inner();
        let Some((&(at, _), _)) = inner.sleepers.first_key_value() else {
            return false;
        };
        inner.passed = inner.passed.max(at);
        let later = inner.sleepers.split_off(&(at, u64::MAX));
        let due = std::mem::replace(&mut inner.sleepers, later);
        drop(inner);
        due.into_values().for_each(Waker::wake);
        true
    }

    /// Runs work to its end; `None` = it waits for something that is not simulated.
    pub fn run<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        struct Awake;
        impl Wake for Awake {
            fn wake(self: Arc<Self>) {}
        }
        let waker = Waker::from(Arc::new(Awake));
        let mut work = pin!(work);
        loop {
            if let Poll::Ready(end) = work.as_mut().poll(&mut Context::from_waker(&waker)) {
                return Some(end);
            }
            if !self.go_on() {
                return None;
            }
        }
    }
}

#[async_trait]
impl Clock for Time {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(BEGIN_MS).plus(self.monotonic())
    }

    fn monotonic(&self) -> Duration {
        self.inner().passed
    }

    async fn sleep(&self, span: Duration) {
        let sleep = {
            let mut inner = self.inner();
            inner.tickets += 1;
            Sleep {
                time: self,
                at: inner.passed + span,
                ticket: inner.tickets,
            }
        };
        sleep.await;
    }

    fn random(&self) -> [u8; 16] {
        // Nothing that is simulated needs chance.
        [0; 16]
    }
}
