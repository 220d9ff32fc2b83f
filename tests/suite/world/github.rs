//! The fake GitHub API: who may ask, rate limits and faults; what it answers stands in its routes. Once it is dropped, whatever
//! was asked or answered against GitHub's OpenAPI description fails the test.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use serde_json::json;

use super::calls::{Calls, Seen};
use super::faults::{Fault, Faults, Wire};
use super::github_answers::failure;
use super::github_openapi::{self, Answer, Ask};
use super::github_routes;
use super::github_state::Hub;
use super::http::{Reply, Req, Server, close_without_answer, lock, random_hex};

struct Shared {
    wire: Wire,
    hub: Mutex<Hub>,
    asked: Mutex<Vec<Ask>>,
    answered: Mutex<Vec<Answer>>,
}

/// GitHub.
pub struct GitHub {
    server: Server,
    shared: Arc<Shared>,
}

impl GitHub {
    /// Starts GitHub with one repository and one token.
    pub fn start(calls: &Calls, faults: &Faults, owner: &str, repo: &str) -> Self {
        let token = format!("ghs_world{}", random_hex(14));
        let shared = Arc::new(Shared {
            wire: Wire::new(calls, faults, dialect),
            hub: Mutex::new(Hub::new(owner, repo, &token)),
            asked: Mutex::default(),
            answered: Mutex::default(),
        });
        let router = Router::new()
            .fallback(handle)
            .with_state(Arc::clone(&shared));
        let server = Server::start("github", router);
        lock(&shared.hub).base = server.url();
        Self { server, shared }
    }

    /// The server, to take it down and up.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Value of `GITHUB_API_URL`.
    pub fn api_url(&self) -> String {
        self.server.url()
    }

    /// The job's token: a secret.
    pub fn token(&self) -> String {
        lock(&self.shared.hub).token.clone()
    }

    /// What was asked or answered against GitHub's description since the last look. Looked at late, so that a benchmark
    /// does not pay for it.
    pub fn misfits(&self) -> Vec<String> {
        let asked = std::mem::take(&mut *lock(&self.shared.asked));
        let answered = std::mem::take(&mut *lock(&self.shared.answered));
        let asked = asked.iter().flat_map(github_openapi::misfits_of_ask);
        asked
            .chain(answered.iter().flat_map(github_openapi::misfits_of_answer))
            .collect()
    }

    /// Reads or changes the state.
    pub fn with<T>(&self, look: impl FnOnce(&mut Hub) -> T) -> T {
        look(&mut lock(&self.shared.hub))
    }
}

impl Drop for GitHub {
    #[expect(clippy::print_stderr, reason = "a test that fails already says more")]
    fn drop(&mut self) {
        let misfits = self.misfits();
        if misfits.is_empty() {
            return;
        }
        let said = format!(
            "not as GitHub's OpenAPI description has it:\n{}",
            misfits.join("\n")
        );
        assert!(std::thread::panicking(), "{said}");
        eprintln!("{said}");
    }
}

fn dialect(fault: &Fault, _seen: &Seen) -> Reply {
    match fault {
        Fault::Throttle => failure(403, "API rate limit exceeded for installation ID 1.")
            .with("x-ratelimit-limit", 1000)
            .with("x-ratelimit-remaining", 0)
            .with("x-ratelimit-used", 1000)
            .with("x-ratelimit-reset", jiff::Timestamp::now().as_second() + 60)
            .with("x-ratelimit-resource", "core"),
        Fault::Denied => failure(403, "Resource not accessible by integration"),
        Fault::Status(status) => failure(*status, "Server Error"),
        other => Reply::text(500, &format!("the GitHub fake has no words for {other:?}")),
    }
}

async fn handle(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let Some(req) = Req::read(request).await else {
        return close_without_answer();
    };
    let (operation, found) = github_routes::find(&lock(&shared.hub), &req);
    lock(&shared.asked).push(Ask {
        operation: operation.clone(),
        variables: found.as_ref().map(|(_, variables)| variables.clone()),
        req: req.clone(),
    });
    let seen = Seen {
        service: "GitHub".into(),
        operation: operation.clone(),
        target: req.target.clone(),
        body: req.text(),
        access_key: None,
    };
    let wire = shared.wire.clone();
    wire.answer(seen, async {
        let mut hub = lock(&shared.hub);
        if let Some(refused) = refuses(&hub, &req) {
            return refused;
        }
        hub.rate_used += 1;
        let left = hub.rate_limit.saturating_sub(hub.rate_used);
        let reply = match found {
            None => failure(404, "Not Found"),
            Some(found) => github_routes::call(&mut hub, &req, found),
        };
        lock(&shared.answered).push(Answer {
            operation,
            reply: reply.clone(),
        });
        reply
            .with("x-github-request-id", random_hex(8))
            .with("x-ratelimit-limit", hub.rate_limit)
            .with("x-ratelimit-remaining", left)
            .with("x-ratelimit-used", hub.rate_used)
            .with(
                "x-ratelimit-reset",
                jiff::Timestamp::now().as_second() + 3600,
            )
            .with("x-ratelimit-resource", "core")
    })
    .await
}

/// What GitHub checks before it looks at the route.
fn refuses(hub: &Hub, req: &Req) -> Option<Reply> {
    if req.header("user-agent").is_empty() {
        let said = "Request forbidden by administrative rules. Please make sure your request has a User-Agent header";
        return Some(Reply::text(403, said));
    }
    let version = req.header("x-github-api-version");
    if version.is_empty() && hub.needs_version {
        return Some(failure(
            400,
            "the test world wants X-GitHub-Api-Version: without it GitHub may change its answers",
        ));
    }
    if !version.is_empty() && !["2022-11-28", "2026-03-10"].contains(&version) {
        return Some(Reply::json(
            410,
            &json!({ "message": format!("API version {version} is not supported") }),
        ));
    }
    let given = req.header("authorization");
    let token = given
        .strip_prefix("Bearer ")
        .or_else(|| given.strip_prefix("token "))
        .unwrap_or_default();
    if given.is_empty() {
        return Some(failure(401, "Requires authentication"));
    }
    if token != hub.token {
        return Some(failure(401, "Bad credentials"));
    }
    (hub.rate_used >= hub.rate_limit).then(|| dialect(&Fault::Throttle, &Seen::default()))
}
