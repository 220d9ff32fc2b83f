//! The real clock and the real dice; the only file that reads them, and it knows nobody who asks.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;

use crate::core::time::Timestamp;
use crate::ports::Clock;

/// The machine's own time.
#[derive(Debug, Clone)]
pub struct SystemClock {
    start: Instant,
}

impl SystemClock {
    /// A clock whose monotonic time begins now.
    #[must_use]
    pub fn new() -> Self {
        Self {
            start: Instant::now(),
        }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let ms = match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
            Err(before) => -i64::try_from(before.duration().as_millis()).unwrap_or(i64::MAX),
        };
        Timestamp::from_millis(ms)
    }

    fn monotonic(&self) -> Duration {
        self.start.elapsed()
    }

    async fn sleep(&self, span: Duration) {
        tokio::time::sleep(span).await;
    }

    fn random(&self) -> [u8; 16] {
        let mut bytes = [0; 16];
        if getrandom::fill(&mut bytes).is_err() {
            // No kernel source: the hasher's keys differ from process to process and call to call, which is
            // enough for ids that must not collide.
            let time = (SystemTime::now(), std::process::id());
            bytes[..8].copy_from_slice(&RandomState::new().hash_one(time).to_le_bytes());
            bytes[8..].copy_from_slice(&RandomState::new().hash_one(time).to_le_bytes());
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_goes_on_and_dice_differ() {
        let clock = SystemClock::new();
        assert!(clock.now() > Timestamp::parse("2024-12-12T00:00:00Z").expect("valid"));
        let before = clock.monotonic();
        assert!(clock.monotonic() >= before);
        assert_ne!(clock.random(), clock.random());
    }
}
