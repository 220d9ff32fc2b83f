//! The outside world behind the ports, one thing a file; no adapter knows another or the engine. Shared below them:
//! `http`, `aws`, `retry` and `stored`.

pub mod aws;
pub mod clock;
pub mod cloudformation;
pub mod cloudwatch;
pub mod dynamodb;
pub mod functions;
pub mod github;
pub mod http;
pub mod lambda_alias;
pub mod logs;
pub mod nocloud;
pub mod oidc;
pub mod probe;
pub mod retry;
pub mod saver;
pub mod slack;
pub mod sns;
pub mod sqlite;
pub mod stack_restore;
pub mod stored;
#[cfg(test)]
pub(crate) mod testing;
pub mod workflow;
