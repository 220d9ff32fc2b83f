//! The pure heart: given what the record says and what was observed, which event happened, which state
//! follows, and which effects are now owed. No async, I/O, clock, environment or tracing.

pub mod alert;
pub mod backtest;
pub mod changes;
pub mod deployment;
pub mod gate;
pub mod id;
pub mod journal;
pub mod judge;
pub mod lease;
pub mod ledger;
pub mod observation;
pub mod outcome;
pub mod policy;
pub mod reason;
pub mod record;
pub mod restore;
pub mod showing;
pub mod state;
pub mod stats;
pub mod target;
pub mod time;
pub mod verdict;
