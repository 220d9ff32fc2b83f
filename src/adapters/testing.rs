//! Loopback servers and a clock that does not wait, for the adapters' own tests.

use std::future::Future;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use axum::Router;
use tokio::net::{TcpListener, TcpStream};

use super::http::{Http, HttpSetup};
use crate::core::time::Timestamp;
use crate::ports::Clock;

/// A client that trusts the built-in roots only.
pub(crate) fn client() -> Http {
    Http::new(HttpSetup {
        extra_roots: Vec::new(),
        connect_timeout: Duration::from_secs(2),
        proxies: false,
    })
}

/// Begins at 2024-12-12T00:00:00Z; sleeping moves it at once.
pub(crate) struct TestClock {
    now: AtomicI64,
    pub(crate) slept: Mutex<Vec<Duration>>,
    start: Instant,
}

pub(crate) const START_MS: i64 = 1_733_961_600_000;

impl TestClock {
    pub(crate) fn new() -> std::sync::Arc<Self> {
        std::sync::Arc::new(Self {
            now: AtomicI64::new(START_MS),
            slept: Mutex::new(Vec::new()),
            start: Instant::now(),
        })
    }

    pub(crate) fn pass(&self, span: Duration) {
        let ms = i64::try_from(span.as_millis()).expect("short");
        self.now.fetch_add(ms, Ordering::SeqCst);
    }

    pub(crate) fn slept(&self) -> Duration {
        self.slept.lock().expect("whole").iter().sum()
    }
}

#[async_trait]
impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.now.load(Ordering::SeqCst))
    }

    fn monotonic(&self) -> Duration {
        self.start.elapsed() + self.slept()
    }

    async fn sleep(&self, span: Duration) {
        self.pass(span);
        self.slept.lock().expect("whole").push(span);
        tokio::task::yield_now().await;
    }

    fn random(&self) -> [u8; 16] {
        [7; 16]
    }
}

/// An HTTP server; answers its base URL.
pub(crate) async fn serve(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

/// A server below HTTP: each connection goes to `script`. Answers `127.0.0.1:port`.
pub(crate) async fn raw<F, R>(script: F) -> String
where
    F: Fn(TcpStream) -> R + Send + 'static,
    R: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(script(stream));
        }
    });
    address.to_string()
}

/// A port on which nobody listens.
pub(crate) async fn closed_port() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    listener.local_addr().expect("bound").to_string()
}

/// Variables of the surroundings.
pub(crate) fn vars(
    pairs: Vec<(&'static str, String)>,
) -> impl Fn(&str) -> Option<String> + Send + Sync {
    move |name| {
        pairs
            .iter()
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value.clone())
    }
}
