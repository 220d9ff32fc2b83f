//! The outside world behind the ports, one thing a file; no adapter knows another or the engine. Shared below them:
//! `http`, `aws`, `retry` and `stored`.

pub mod clock;
pub mod dynamodb;
pub mod http;
pub mod probe;
pub mod retry;
pub mod sqlite;
pub mod stored;
#[cfg(test)]
pub(crate) mod testing;
