//! What is asked of a channel that people read.

use crate::core::alert::Channel;
use async_trait::async_trait;
use std::time::Duration;

/// A message, ready for any channel.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// One line.
    pub subject: String,
    /// Plain text, as mailed.
    pub text: String,
    /// Slack's payload.
    pub slack: serde_json::Value,
    /// For channels that know repeated messages.
    pub key: String,
}

/// How a delivery failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SendError {
    /// Certainly not delivered; may work later.
    #[error("not delivered: {detail}")]
    Later {
        /// What the channel said.
        detail: String,
        /// Not before.
        after: Option<Duration>,
    },
    /// Perhaps delivered.
    #[error("perhaps delivered: {detail}")]
    Perhaps {
        /// What happened.
        detail: String,
    },
    /// Will never work as it is: revoked, archived, unknown, malformed, not allowed.
    #[error("the channel is dead: {detail}")]
    Dead {
        /// What the channel said.
        detail: String,
    },
}

/// One channel.
#[async_trait]
pub trait Notifier: Send + Sync {
    /// Which.
    fn channel(&self) -> Channel;
    /// Sends once, with the retries that are sure not to repeat.
    async fn send(&self, message: &Message) -> Result<(), SendError>;
}
