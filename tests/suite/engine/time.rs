//! Time that passes only when nobody has anything to do, and the executor that knows when that is. Knows no port.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use async_trait::async_trait;
use deploy_guard::core::time::Timestamp;
use deploy_guard::ports::Clock;

pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Begins at 2024-12-12T14:30:52.000Z.
#[derive(Debug, Default)]
pub struct Time(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    passed: Duration,
    jumped_ms: i64,
    sleepers: BTreeMap<(Duration, u64), Waker>,
    tickets: u64,
    dice: u64,
}

impl Time {
    /// The wall clock is set to another time; what sleeps does not notice.
    pub fn jump(&self, ms: i64) {
        lock(&self.0).jumped_ms += ms;
    }

    /// Goes on to the next moment at which somebody wakes; false where nobody sleeps.
    fn go_on(&self) -> bool {
        let mut inner = lock(&self.0);
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
}

struct Sleep<'a> {
    time: &'a Time,
    at: Duration,
    ticket: u64,
}

impl Future for Sleep<'_> {
    type Output = ();
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut inner = lock(&self.time.0);
        if inner.passed >= self.at {
            return Poll::Ready(());
        }
        inner
            .sleepers
            .insert((self.at, self.ticket), cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for Sleep<'_> {
    fn drop(&mut self) {
        lock(&self.time.0).sleepers.remove(&(self.at, self.ticket));
    }
}

#[async_trait]
impl Clock for Time {
    fn now(&self) -> Timestamp {
        let inner = lock(&self.0);
        let ms = i64::try_from(inner.passed.as_millis()).expect("a short story");
        Timestamp::from_millis(1_734_013_852_000 + ms + inner.jumped_ms)
    }

    fn monotonic(&self) -> Duration {
        lock(&self.0).passed
    }

    async fn sleep(&self, span: Duration) {
        let sleep = {
            let mut inner = lock(&self.0);
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
        let mut inner = lock(&self.0);
        let mut bytes = [0; 16];
        for half in bytes.chunks_mut(8) {
            inner.dice += 1;
            half.copy_from_slice(&scatter(inner.dice).to_be_bytes());
        }
        bytes
    }
}

/// SplitMix64's output function: different numbers give numbers that look like chance.
pub fn scatter(n: u64) -> u64 {
    let z = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Lets others go first, once.
pub async fn give_way() {
    let mut gave = false;
    std::future::poll_fn(|cx| {
        if gave {
            return Poll::Ready(());
        }
        gave = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// A process of the story: it is dropped in the middle of whatever it does once `killed` is set.
pub struct Actor<'a> {
    pub work: Pin<Box<dyn Future<Output = ()> + 'a>>,
    pub killed: Arc<AtomicBool>,
}

/// Runs all actors to their ends. `dice` = 0: in turn; else the next one is chosen by chance.
pub fn run_all(time: &Time, actors: Vec<Actor<'_>>, dice: u64) {
    let mut actors: Vec<_> = actors
        .into_iter()
        .map(|a| (a, Arc::new(Flag(AtomicBool::new(true)))))
        .collect();
    for turn in 0_u64.. {
        if actors.is_empty() {
            return;
        }
        let ready: Vec<usize> = (0..actors.len())
            .filter(|i| actors[*i].1.0.load(Ordering::SeqCst))
            .collect();
        let Some(first) = ready.first() else {
            assert!(time.go_on(), "everybody waits and nobody sleeps");
            continue;
        };
        let chosen = if dice == 0 {
            *first
        } else {
            let count = u64::try_from(ready.len()).expect("few");
            ready[usize::try_from(scatter(dice.wrapping_add(turn)) % count).expect("few")]
        };
        let (actor, flag) = &mut actors[chosen];
        flag.0.store(false, Ordering::SeqCst);
        let waker = Waker::from(Arc::clone(flag));
        let done = actor
            .work
            .as_mut()
            .poll(&mut Context::from_waker(&waker))
            .is_ready();
        if done || actor.killed.load(Ordering::SeqCst) {
            drop(actors.remove(chosen));
        }
    }
}

/// Runs one process to its end; `None` = it was killed.
pub fn run<T>(time: &Time, killed: &Arc<AtomicBool>, work: impl Future<Output = T>) -> Option<T> {
    let mut end = None;
    let actor = Actor {
        work: Box::pin(async { end = Some(work.await) }),
        killed: Arc::clone(killed),
    };
    run_all(time, vec![actor], 0);
    end
}

#[test]
fn hours_pass_in_no_time_and_in_order() {
    let time = Time::default();
    let seen = Mutex::new(Vec::new());
    let actor = |name: &'static str, hours: u64| Actor {
        work: Box::pin({
            let (time, seen) = (&time, &seen);
            async move {
                for _ in 0..3 {
                    time.sleep(Duration::from_secs(hours * 3600)).await;
                    lock(seen).push((name, time.monotonic().as_secs() / 3600));
                }
            }
        }),
        killed: Arc::default(),
    };
    run_all(&time, vec![actor("a", 2), actor("b", 3)], 0);
    let seen = lock(&seen).clone();
    assert_eq!(
        seen,
        [("a", 2), ("b", 3), ("a", 4), ("a", 6), ("b", 6), ("b", 9)]
    );
}
