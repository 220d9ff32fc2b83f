//! How people reach deploy-guard: the action, the command line.

pub mod action;
pub mod chosen;
pub mod cli;
pub mod connect;
pub mod out;
pub mod progress;
