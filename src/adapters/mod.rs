//! The outside world behind the ports; no adapter knows another or the engine. Shared below them: `retry` and `stored`.

pub mod dynamodb;
pub mod retry;
pub mod sqlite;
pub mod stored;
