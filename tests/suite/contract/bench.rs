//! A store under test with what it stands on; knows no story.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use aws_credential_types::Credentials;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Region};
use aws_sdk_dynamodb::{Client, Config};
use deploy_guard::adapters::dynamodb::DynamoHistory;
use deploy_guard::adapters::http::{Http, HttpSetup};
use deploy_guard::adapters::sqlite::SqliteHistory;
use deploy_guard::core::time::Timestamp;
use deploy_guard::ports::{Clock, History};

use crate::world::{REGION, World, http};

pub const TABLE: &str = "deployment-history-prod";

/// A store, and how to come to it by another way.
pub struct Bench {
    pub history: Arc<dyn History>,
    pub world: Option<World>,
    pub folder: Option<tempfile::TempDir>,
}

impl Bench {
    pub async fn in_memory() -> Self {
        let history = SqliteHistory::in_memory()
            .await
            .expect("a database in memory");
        Self {
            history: Arc::new(history),
            world: None,
            folder: None,
        }
    }

    pub async fn sqlite_file() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("a folder").join("history.db");
        let history = SqliteHistory::open(path).await.expect("a database file");
        Self {
            history: Arc::new(history),
            world: None,
            folder: Some(folder),
        }
    }

    pub async fn dynamodb() -> Self {
        let world = World::new().await;
        let history = Arc::new(dynamo(&world, TABLE, Duration::from_secs(10)));
        Self {
            history,
            world: Some(world),
            folder: None,
        }
    }

    /// Another process's way to the same history.
    pub async fn another(&self) -> Arc<dyn History> {
        match (&self.folder, &self.world) {
            (Some(folder), _) => {
                let path = folder.path().join("a folder").join("history.db");
                Arc::new(
                    SqliteHistory::open(path)
                        .await
                        .expect("the same file again"),
                )
            }
            (None, Some(world)) => Arc::new(dynamo(world, TABLE, Duration::from_secs(10))),
            (None, None) => Arc::clone(&self.history),
        }
    }
}

/// A history through the world's proxy, whose answers may take so long; retries wait in virtual time.
pub fn dynamo(world: &World, table: &str, answers_in: Duration) -> DynamoHistory {
    let credentials = Credentials::new("AKIAWORLD", "world-secret-access-key", None, None, "test");
    let client = client(world, answers_in, Some(credentials));
    DynamoHistory::new(
        client,
        table,
        Arc::new(VirtualClock::default()),
        Duration::from_secs(120),
    )
}

pub fn client(world: &World, answers_in: Duration, credentials: Option<Credentials>) -> Client {
    let http = Http::new(HttpSetup {
        extra_roots: Vec::new(),
        connect_timeout: Duration::from_secs(5),
        proxies: false,
    });
    let timeouts = TimeoutConfig::builder()
        .operation_attempt_timeout(answers_in)
        .build();
    let mut config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .endpoint_url(world.aws.server().url())
        .retry_config(RetryConfig::disabled())
        .timeout_config(timeouts)
        .http_client(http.sdk());
    if let Some(credentials) = credentials {
        config = config.credentials_provider(credentials);
    }
    Client::from_conf(config.build())
}

/// Time that passes only by waiting for it.
#[derive(Debug, Default)]
pub struct VirtualClock(Mutex<Duration>);

#[async_trait]
impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        super::samples::at(0).plus(self.monotonic())
    }
    fn monotonic(&self) -> Duration {
        *http::lock(&self.0)
    }
    async fn sleep(&self, span: Duration) {
        *http::lock(&self.0) += span;
        tokio::task::yield_now().await;
    }
    fn random(&self) -> [u8; 16] {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).expect("random bytes");
        bytes
    }
}
