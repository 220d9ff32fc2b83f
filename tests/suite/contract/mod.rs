//! One contract for every history store, and what only one of them can show.

pub mod bench;
mod commits;
mod dynamo;
mod dynamo_faults;
mod golden;
mod lists;
mod locks;
mod model;
mod outbox;
pub mod samples;
mod sqlite;

/// Runs each story on every store.
macro_rules! on_every_store {
    ($($story:ident),+ $(,)?) => {
        mod in_memory {
            $(#[tokio::test] async fn $story() { super::$story(&$crate::contract::bench::Bench::in_memory().await).await; })+
        }
        mod sqlite_file {
            $(#[tokio::test] async fn $story() { super::$story(&$crate::contract::bench::Bench::sqlite_file().await).await; })+
        }
        mod dynamodb {
            $(#[tokio::test] async fn $story() { super::$story(&$crate::contract::bench::Bench::dynamodb().await).await; })+
        }
    };
}
pub(crate) use on_every_store;
