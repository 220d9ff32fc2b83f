//! Retrying in one place: backoff with full jitter, `Retry-After`, a deadline. Knows no service, and waits by the clock port.

use std::time::Duration;

use crate::core::time::Timestamp;
use crate::ports::Clock;

/// How long and at which pace something is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Upper bound of the first pause; each later bound is twice the one before.
    pub first: Duration,
    /// No pause is drawn from more than this.
    pub most: Duration,
    /// No attempt begins later than this after the first one began.
    pub limit: Duration,
}

impl Patience {
    /// Patience with the usual pace, 50 ms to 5 s, and the given limit.
    #[must_use]
    pub const fn of(limit: Duration) -> Self {
        Self {
            limit,
            ..Self::pace(Duration::from_millis(50))
        }
    }

    /// For callers that count their attempts themselves: only the pace.
    #[must_use]
    pub const fn pace(first: Duration) -> Self {
        Self {
            first,
            most: Duration::from_secs(5),
            limit: Duration::MAX,
        }
    }

    /// The pause before attempt `attempt` (2 and up): even chance between nothing and the bound.
    /// Source: AWS Architecture Blog, "Exponential Backoff And Jitter" (full jitter).
    #[must_use]
    pub fn pause(&self, attempt: u32, random: [u8; 16]) -> Duration {
        let doubled = 1_u32
            .checked_shl(attempt.saturating_sub(2))
            .unwrap_or(u32::MAX);
        let bound = self.first.saturating_mul(doubled).min(self.most);
        let [a, b, c, d, ..] = random;
        bound.mul_f64(f64::from(u32::from_le_bytes([a, b, c, d])) / f64::from(u32::MAX))
    }
}

/// Whether a failed attempt may be made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Again {
    /// It would fail the same way, or must not be repeated.
    No,
    /// After a pause.
    Yes,
    /// Not before so long.
    After(Duration),
}

/// The last failure of something that was tried until nothing was left to try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed<E> {
    /// The last attempt's.
    pub error: E,
    /// How many attempts there were.
    pub attempts: u32,
    /// From the first attempt's beginning to the last one's end.
    pub spent: Duration,
}

/// Makes attempts until one works, one says [`Again::No`], or the next could not begin within the limit.
/// Only for calls that may be repeated. An attempt's own time-out is the caller's affair.
pub async fn retry<T, E, Fut>(
    clock: &dyn Clock,
    patience: &Patience,
    mut attempt: impl FnMut() -> Fut + Send,
    judge: impl Fn(&E) -> Again + Send,
) -> Result<T, Failed<E>>
where
    E: Send,
    Fut: Future<Output = Result<T, E>> + Send,
{
    let began = clock.monotonic();
    let mut attempts = 1;
    loop {
        let error = match attempt().await {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        let spent = clock.monotonic().saturating_sub(began);
        let pause = patience.pause(attempts + 1, clock.random());
        let pause = match judge(&error) {
            Again::No => None,
            Again::Yes => Some(pause),
            Again::After(least) => Some(pause.max(least)),
        };
        match pause {
            Some(pause) if spent + pause <= patience.limit => {
                clock.sleep(pause).await;
                attempts += 1;
            }
            Some(_) | None => {
                return Err(Failed {
                    error,
                    attempts,
                    spent,
                });
            }
        }
    }
}

/// Reads `Retry-After`: seconds, or a date. `None` where it is neither. Source: RFC 9110, section 10.2.3.
#[must_use]
pub fn retry_after(header: &str, now: Timestamp) -> Option<Duration> {
    let header = header.trim();
    if let Ok(seconds) = header.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::parse(header).ok()?;
    Some(Timestamp::from_millis(date.timestamp().as_millisecond()).since(now))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    struct Virtual(Mutex<Duration>);

    #[async_trait::async_trait]
    impl Clock for Virtual {
        fn now(&self) -> Timestamp {
            Timestamp::from_millis(0).plus(self.monotonic())
        }
        fn monotonic(&self) -> Duration {
            *self.0.lock().expect("not poisoned")
        }
        async fn sleep(&self, span: Duration) {
            *self.0.lock().expect("not poisoned") += span;
        }
        fn random(&self) -> [u8; 16] {
            [0xff; 16]
        }
    }

    fn run(limit: u64, judge: Again, works_at: u32) -> (Result<u32, Failed<u32>>, Duration) {
        let clock = Virtual(Mutex::new(Duration::ZERO));
        let count = AtomicU32::new(0);
        let patience = Patience {
            first: Duration::from_secs(1),
            most: Duration::from_secs(4),
            limit: Duration::from_secs(limit),
        };
        let made = retry(
            &clock,
            &patience,
            || async {
                let n = count.fetch_add(1, Ordering::SeqCst) + 1;
                if n >= works_at { Ok(n) } else { Err(n) }
            },
            |_| judge,
        );
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .expect("a runtime");
        let made = runtime.block_on(made);
        (made, clock.monotonic())
    }

    #[test]
    fn pauses_double_up_to_the_most_and_end_at_the_limit() {
        let (made, spent) = run(120, Again::Yes, 5);
        assert_eq!(made, Ok(5));
        assert_eq!(spent, Duration::from_secs(1 + 2 + 4 + 4));
        let (made, spent) = run(10, Again::Yes, 100);
        let failed = made.expect_err("never works");
        assert_eq!((failed.attempts, spent), (4, Duration::from_secs(7)));
        assert_eq!(
            run(120, Again::No, 2).0.expect_err("not repeated").attempts,
            1
        );
        assert_eq!(
            run(120, Again::After(Duration::from_secs(30)), 2).1,
            Duration::from_secs(30)
        );
    }

    #[test]
    fn a_pause_is_drawn_from_nothing_to_the_bound() {
        let patience = Patience::of(Duration::from_secs(120));
        assert_eq!(patience.pause(2, [0; 16]), Duration::ZERO);
        assert_eq!(patience.pause(2, [0xff; 16]), Duration::from_millis(50));
        assert_eq!(patience.pause(90, [0xff; 16]), Duration::from_secs(5));
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = Timestamp::parse("2024-12-12T14:30:00Z").expect("valid");
        assert_eq!(retry_after(" 7 ", now), Some(Duration::from_secs(7)));
        let date = "Thu, 12 Dec 2024 14:30:30 GMT";
        assert_eq!(retry_after(date, now), Some(Duration::from_secs(30)));
        assert_eq!(retry_after("soon", now), None);
    }
}
