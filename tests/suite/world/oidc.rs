//! GitHub's OIDC provider for one world: hands JWT-shaped, unsigned job tokens to whoever has the request token.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use super::calls::{Calls, Seen};
use super::faults::{Fault, Faults, Wire};
use super::http::{Reply, Req, Server, close_without_answer, lock, random_hex};

/// One token that was handed out.
#[derive(Clone, Debug)]
pub struct Issued {
    pub token: String,
    pub audience: String,
    pub subject: String,
    pub expires: Instant,
}

/// All tokens of one world, shared with STS.
#[derive(Clone, Default)]
pub struct IssuedTokens(Arc<Mutex<Vec<Issued>>>);

impl IssuedTokens {
    /// The token as it was issued.
    pub fn find(&self, token: &str) -> Option<Issued> {
        lock(&self.0).iter().find(|i| i.token == token).cloned()
    }

    /// All, oldest first.
    pub fn all(&self) -> Vec<Issued> {
        lock(&self.0).clone()
    }
}

struct Shared {
    wire: Wire,
    tokens: IssuedTokens,
    subject: Mutex<String>,
    request_token: String,
    lifetime: Mutex<Duration>,
}

/// The token endpoint.
pub struct Oidc {
    server: Server,
    shared: Arc<Shared>,
}

impl Oidc {
    /// Starts the endpoint for one subject.
    pub fn start(calls: &Calls, faults: &Faults, subject: &str) -> Self {
        let shared = Arc::new(Shared {
            wire: Wire::new(calls, faults, dialect),
            tokens: IssuedTokens::default(),
            subject: Mutex::new(subject.to_owned()),
            request_token: format!("oidc-request-{}", random_hex(16)),
            lifetime: Mutex::new(Duration::from_secs(300)),
        });
        let router = Router::new()
            .fallback(handle)
            .with_state(Arc::clone(&shared));
        Self {
            server: Server::start("oidc", router),
            shared,
        }
    }

    /// The server, to take it down and up.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Value of `ACTIONS_ID_TOKEN_REQUEST_URL`: it holds a `?`, as GitHub's does.
    pub fn request_url(&self) -> String {
        format!("{}/oidc/token?api-version=2.0", self.server.url())
    }

    /// Value of `ACTIONS_ID_TOKEN_REQUEST_TOKEN`.
    pub fn request_token(&self) -> &str {
        &self.shared.request_token
    }

    /// The tokens handed out.
    pub fn tokens(&self) -> &IssuedTokens {
        &self.shared.tokens
    }

    /// Changes the subject of later tokens.
    pub fn set_subject(&self, subject: &str) {
        *lock(&self.shared.subject) = subject.to_owned();
    }

    /// Tokens issued from now on live this long (300 s unless told).
    pub fn set_lifetime(&self, lifetime: Duration) {
        *lock(&self.shared.lifetime) = lifetime;
    }
}

fn dialect(fault: &Fault, _seen: &Seen) -> Reply {
    match fault {
        Fault::Throttle => {
            Reply::json(429, &json!({ "message": "Too many requests" })).with("retry-after", 1)
        }
        Fault::Denied => Reply::json(
            403,
            &json!({ "message": "the job has no permission id-token: write" }),
        ),
        Fault::Status(status) => Reply::json(*status, &json!({ "message": "internal error" })),
        other => Reply::text(500, &format!("the OIDC fake has no words for {other:?}")),
    }
}

async fn handle(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let Some(req) = Req::read(request).await else {
        return close_without_answer();
    };
    let seen = Seen {
        service: "OIDC".into(),
        operation: if req.path == "/oidc/token" {
            "token".into()
        } else {
            format!("{} {}", req.method, req.path)
        },
        target: req.target.clone(),
        ..Seen::default()
    };
    shared
        .wire
        .answer(seen, async { issue(&shared, &req) })
        .await
}

fn issue(shared: &Shared, req: &Req) -> Reply {
    if req.method != "GET" || req.path != "/oidc/token" {
        return Reply::json(404, &json!({ "message": "not found" }));
    }
    if req.header("authorization") != format!("Bearer {}", shared.request_token) {
        return Reply::json(
            401,
            &json!({ "message": "the request token is missing or wrong" }),
        );
    }
    let audience = req
        .param("audience")
        .unwrap_or("https://github.com/hanbit")
        .to_owned();
    let subject = lock(&shared.subject).clone();
    let lifetime = *lock(&shared.lifetime);
    let now = jiff::Timestamp::now().as_second();
    let ends = now + i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX / 2);
    let claims = json!({
        "jti": random_hex(16), "sub": subject, "aud": audience, "iss": "https://token.actions.githubusercontent.com",
        "iat": now, "nbf": now - 5, "exp": ends,
    });
    let part = |text: String| URL_SAFE_NO_PAD.encode(text);
    let head = part(json!({ "typ": "JWT", "alg": "RS256", "kid": "world" }).to_string());
    let token = format!(
        "{head}.{}.{}",
        part(claims.to_string()),
        part(random_hex(32))
    );
    lock(&shared.tokens.0).push(Issued {
        token: token.clone(),
        audience,
        subject,
        expires: Instant::now() + lifetime,
    });
    Reply::json(200, &json!({ "value": token }))
}
