//! An application under deployment: an HTTP server whose version, answers and faults are switches; it does not know that it is watched.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use futures_util::StreamExt;
use serde_json::{Value, json};

use super::calls::{Calls, Seen};
use super::http::{Reply, Req, Server, close_without_answer, lock};

/// How big the endless body is before it ends after all.
pub const ENDLESS_BYTES: u64 = 1 << 30;

/// What the application does with a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Manner {
    /// Answers.
    #[default]
    Serve,
    /// Takes the request and never answers.
    Hang,
    /// Closes the connection without an answer.
    Drop,
    /// Answers 302 to this place.
    Redirect(String),
    /// Answers 200 with a body of 1 GiB, streamed as fast as it is read.
    Endless,
    /// Answers 200 and then sends one byte each 50 ms without end.
    Drip,
}

/// Everything that can be switched.
#[derive(Clone, Debug)]
pub struct Behaviour {
    pub manner: Manner,
    /// Shown as `version` in the default body, and as header `x-app-version`.
    pub version: String,
    pub status: u16,
    /// The body; `None`: `{"status": "healthy", "version": …}`, `unhealthy` for a status from 400 on.
    pub body: Option<String>,
    pub content_type: String,
    pub headers: Vec<(String, String)>,
    pub latency: Duration,
    /// Of 100 requests, how many are answered 500; drawn by a generator with a fixed seed.
    pub failing_percent: u8,
}

impl Behaviour {
    /// A healthy application of that version.
    pub fn healthy(version: &str) -> Self {
        Self {
            manner: Manner::Serve,
            version: version.to_owned(),
            status: 200,
            body: None,
            content_type: "application/json".to_owned(),
            headers: Vec::new(),
            latency: Duration::ZERO,
            failing_percent: 0,
        }
    }

    /// A version that answers 500.
    pub fn broken(version: &str) -> Self {
        Self {
            status: 500,
            ..Self::healthy(version)
        }
    }
}

struct Shared {
    calls: Calls,
    now: Mutex<Behaviour>,
    seed: AtomicU64,
    requests: AtomicU64,
    streamed: AtomicU64,
}

/// The application.
pub struct App {
    server: Server,
    shared: Arc<Shared>,
}

impl App {
    /// Starts a healthy application; its calls are in the log as service `App`.
    pub fn start(calls: &Calls, version: &str) -> Self {
        let shared = Arc::new(Shared {
            calls: calls.clone(),
            now: Mutex::new(Behaviour::healthy(version)),
            seed: AtomicU64::new(0x9E37_79B9_7F4A_7C15),
            requests: AtomicU64::new(0),
            streamed: AtomicU64::new(0),
        });
        let router = Router::new()
            .fallback(handle)
            .with_state(Arc::clone(&shared));
        Self {
            server: Server::start("app", router),
            shared,
        }
    }

    /// `http://127.0.0.1:<port>`.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// A health endpoint's URL (every path answers the same).
    pub fn health_url(&self) -> String {
        format!("{}/health", self.server.url())
    }

    /// Replaces everything at once, as a deployment does.
    pub fn deploy(&self, behaviour: Behaviour) {
        *lock(&self.shared.now) = behaviour;
    }

    /// Changes single switches.
    pub fn change(&self, change: impl FnOnce(&mut Behaviour)) {
        change(&mut lock(&self.shared.now));
    }

    /// The version that is live.
    pub fn version(&self) -> String {
        lock(&self.shared.now).version.clone()
    }

    /// Restarts the generator behind `failing_percent`.
    pub fn seed(&self, seed: u64) {
        self.shared.seed.store(seed.max(1), Ordering::SeqCst);
    }

    /// Closes the listener: connections are refused.
    pub fn down(&self) {
        self.server.down();
    }

    /// Listens again on the same port.
    pub fn up(&self) {
        self.server.up();
    }

    /// How many requests arrived.
    pub fn requests(&self) -> u64 {
        self.shared.requests.load(Ordering::SeqCst)
    }

    /// How many bytes of endless bodies were taken from us.
    pub fn streamed_bytes(&self) -> u64 {
        self.shared.streamed.load(Ordering::SeqCst)
    }
}

/// xorshift64*: the same seed fails the same requests.
fn draw(seed: &AtomicU64) -> u8 {
    let step = |mut x: u64| {
        x ^= x >> 12;
        x ^= x << 25;
        x ^= x >> 27;
        x
    };
    let before = seed
        .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |x| Some(step(x)))
        .unwrap_or_default();
    u8::try_from((step(before).wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % 100).unwrap_or_default()
}

async fn handle(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let Some(req) = Req::read(request).await else {
        return close_without_answer();
    };
    shared.requests.fetch_add(1, Ordering::SeqCst);
    let seen = Seen {
        service: "App".into(),
        operation: format!("{} {}", req.method, req.path),
        target: req.target.clone(),
        ..Seen::default()
    };
    let entry = shared.calls.begin(&seen);
    shared.calls.pause().await;
    let now = lock(&shared.now).clone();
    if !now.latency.is_zero() {
        tokio::time::sleep(now.latency).await;
    }
    let failing = draw(&shared.seed) < now.failing_percent;
    let reply = match &now.manner {
        Manner::Hang => std::future::pending().await,
        Manner::Drop => return close_without_answer(),
        Manner::Redirect(to) => Reply::text(302, "").with("location", to),
        Manner::Endless => {
            entry.end(200);
            return endless(&shared);
        }
        Manner::Drip => {
            entry.end(200);
            return drip();
        }
        Manner::Serve if failing => Reply::json(
            500,
            &json!({ "status": "unhealthy", "version": now.version }),
        ),
        Manner::Serve => serve(&now),
    };
    entry.end(reply.status);
    reply.with("x-app-version", &now.version).into_response()
}

fn serve(now: &Behaviour) -> Reply {
    let said = if now.status < 400 {
        "healthy"
    } else {
        "unhealthy"
    };
    let body = now.body.clone().unwrap_or_else(|| {
        let default: Value = json!({ "status": said, "version": now.version });
        default.to_string()
    });
    let reply = Reply::new(now.status, &now.content_type, body);
    now.headers
        .iter()
        .fold(reply, |reply, (k, v)| reply.with(k, v))
}

fn endless(shared: &Arc<Shared>) -> Response {
    const PIECE: &[u8] = &[b'a'; 64 * 1024];
    let pieces = ENDLESS_BYTES / PIECE.len() as u64;
    let shared = Arc::clone(shared);
    let body = futures_util::stream::iter(0..pieces).map(move |_| {
        shared
            .streamed
            .fetch_add(PIECE.len() as u64, Ordering::SeqCst);
        Ok::<_, io::Error>(Bytes::from_static(PIECE))
    });
    Response::new(Body::from_stream(body))
}

fn drip() -> Response {
    let body = futures_util::stream::repeat(()).then(|()| async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        Ok::<_, io::Error>(Bytes::from_static(b" "))
    });
    Response::new(Body::from_stream(body))
}
