//! What the engine needs from outside, in our own words: no SDK type, no default body, every method fallible.

pub use crate::core::ledger::Pointers;
use crate::core::observation::{Probe, ProbeRequest};
pub use crate::core::restore::NoPlan;
use crate::core::time::Timestamp;
use async_trait::async_trait;
use std::time::Duration;

mod cloud;
mod forge;
mod history;
mod mover;
mod telling;
mod workflows;

pub use cloud::{CloudError, Functions, Logs, Metrics, Saver, Stack, Stacks};
pub use forge::{
    Approval, CheckState, CommitLine, Comparison, ConfigFile, EnvironmentRules, Forge, ForgeError,
    NewShown, Relation, ShownStatus,
};
pub use history::{
    Commit, CommitError, HeadWrite, Heads, History, ListQuery, Mark, Page, RecordWrite, Refusal,
    StoreError, Stored, Undo,
};
pub use mover::{Acted, MoveError, Mover, Restore, StepState, until_held};
pub use telling::{Message, Notifier, SendError};
pub use workflows::{Dispatch, RunEnd, RunSeen, Workflows};

/// Fetches a URL; never fails, for a failure is what it reports.
#[async_trait]
pub trait Prober: Send + Sync {
    /// One probe.
    async fn probe(&self, request: &ProbeRequest) -> Probe;
}

/// Time and chance.
#[async_trait]
pub trait Clock: Send + Sync {
    /// Now, by the wall.
    fn now(&self) -> Timestamp;
    /// Time since some fixed moment; never jumps.
    fn monotonic(&self) -> Duration;
    /// Waits.
    async fn sleep(&self, span: Duration);
    /// 16 random bytes.
    fn random(&self) -> [u8; 16];
}
