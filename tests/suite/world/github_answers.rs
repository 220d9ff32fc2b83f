//! How GitHub says errors and cuts lists into pages; no routes.

use serde_json::{Value, json};

use super::http::{Reply, Req};

/// GitHub's error body.
pub fn failure(status: u16, message: &str) -> Reply {
    Reply::json(
        status,
        &json!({ "message": message, "documentation_url": "https://docs.github.com/rest", "status": status.to_string() }),
    )
}

/// GitHub's 404.
pub fn not_found() -> Reply {
    failure(404, "Not Found")
}

/// Cuts a list by `per_page` and `page`, and gives the `Link` header's value when there is more.
fn paged(req: &Req, all: Vec<Value>) -> (Vec<Value>, Option<String>) {
    let number = |name: &str, default: usize| {
        req.param(name)
            .and_then(|v| v.parse().ok())
            .unwrap_or(default)
    };
    let (size, page) = (
        number("per_page", 30).clamp(1, 100),
        number("page", 1).max(1),
    );
    let more = all.len() > size * page;
    let link = more.then(|| {
        let rest: Vec<String> = req
            .query
            .iter()
            .filter(|(k, _)| k != "page")
            .map(|(k, v)| format!("{k}={v}"))
            .collect();
        format!(
            "<http://{}{}?{}&page={}>; rel=\"next\"",
            req.header("host"),
            req.path,
            rest.join("&"),
            page + 1
        )
    });
    (
        all.into_iter().skip(size * (page - 1)).take(size).collect(),
        link,
    )
}

/// One page of a list.
pub fn list(req: &Req, all: Vec<Value>) -> Reply {
    let (items, link) = paged(req, all);
    let reply = Reply::json(200, &items.into());
    link.into_iter()
        .fold(reply, |reply, link| reply.with("link", link))
}

/// One page of a list in an object with its total.
pub fn counted(req: &Req, name: &str, all: Vec<Value>) -> Reply {
    let total = all.len();
    let (items, link) = paged(req, all);
    let reply = Reply::json(200, &json!({ "total_count": total, name: items }));
    link.into_iter()
        .fold(reply, |reply, link| reply.with("link", link))
}
