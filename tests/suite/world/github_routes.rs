//! The fake GitHub's routes: each reads or changes the state and answers in GitHub's shapes; no authentication and no faults here.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::github_answers::{counted, failure, list, not_found};
use super::github_state::{Hub, sha_of};
use super::http::{Reply, Req, percent_decode};
use super::{github_deployments, github_runs};

/// A request and what the variables of its route matched.
pub struct Ask<'a> {
    pub req: &'a Req,
    vars: Vec<String>,
}

impl Ask<'_> {
    /// The n-th variable of the route, decoded.
    pub fn var(&self, n: usize) -> &str {
        &self.vars[n]
    }

    /// The n-th variable as a number; 0 if it is none.
    pub fn number(&self, n: usize) -> u64 {
        self.vars[n].parse().unwrap_or_default()
    }
}

type Handler = fn(&mut Hub, &Ask) -> Reply;

/// Every route below `/repos/{owner}/{repo}`; `{+x}` takes several segments.
const ROUTES: &[(&str, Handler)] = &[
    ("GET ", |hub, _| Reply::json(200, &hub.repo_json())),
    ("GET /contents/{+path}", contents),
    ("GET /commits", commits),
    ("GET /commits/{+ref}/check-runs", check_runs),
    ("GET /commits/{+ref}/status", combined_status),
    ("GET /commits/{sha}/pulls", pulls),
    ("GET /commits/{+ref}", commit),
    ("GET /compare/{+basehead}", compare),
    ("GET /branches/{+branch}", branch),
    ("GET /actions/runs", github_runs::runs),
    (
        "GET /actions/workflows/{file}/runs",
        github_runs::runs_of_workflow,
    ),
    ("POST /actions/runs/{run}/cancel", github_runs::cancel),
    ("GET /actions/runs/{run}", |hub, ask| {
        github_runs::on_run(hub, ask.number(0), |hub, run| {
            github_runs::attempt(hub, run, run.attempts.len())
        })
    }),
    ("GET /actions/runs/{run}/attempts/{n}", |hub, ask| {
        github_runs::on_run(hub, ask.number(0), |hub, run| {
            github_runs::attempt(hub, run, usize::try_from(ask.number(1)).unwrap_or_default())
        })
    }),
    ("GET /actions/runs/{run}/jobs", |hub, ask| {
        github_runs::on_run(hub, ask.number(0), |hub, run| {
            github_runs::jobs(hub, run, run.attempts.len())
        })
    }),
    ("GET /actions/runs/{run}/attempts/{n}/jobs", |hub, ask| {
        github_runs::on_run(hub, ask.number(0), |hub, run| {
            github_runs::jobs(hub, run, usize::try_from(ask.number(1)).unwrap_or_default())
        })
    }),
    ("GET /actions/jobs/{job}", github_runs::job),
    ("GET /actions/runs/{run}/approvals", |hub, ask| {
        github_runs::on_run(hub, ask.number(0), |hub, run| {
            let list: Vec<Value> = hub
                .approvals
                .get(&run.id)
                .into_iter()
                .flatten()
                .map(|a| hub.approval_json(a))
                .collect();
            Reply::json(200, &list.into())
        })
    }),
    (
        "GET /actions/runs/{run}/pending_deployments",
        github_deployments::pending,
    ),
    ("GET /environments/{name}", github_deployments::environment),
    (
        "POST /actions/workflows/{file}/dispatches",
        github_deployments::dispatch,
    ),
    ("GET /deployments", github_deployments::deployments),
    ("POST /deployments", github_deployments::deploy),
    (
        "GET /deployments/{id}/statuses",
        github_deployments::deployment_statuses,
    ),
    (
        "POST /deployments/{id}/statuses",
        github_deployments::add_deployment_status,
    ),
];

/// The one route that is not below the repository.
const RATE_LIMIT: &str = "GET /rate_limit";

/// Method and path of every route, as the log has it.
pub fn names() -> impl Iterator<Item = String> {
    let here = ROUTES.iter().filter_map(|(route, _)| route.split_once(' '));
    here.map(|(method, template)| name(method, template))
        .chain([RATE_LIMIT.to_owned()])
}

fn name(method: &str, template: &str) -> String {
    format!("{method} /repos/{{o}}/{{r}}{}", template.replace("{+", "{"))
}

/// The route's name for the log (`GET /repos/{o}/{r}/contents/{path}`) and its handler.
pub fn find(hub: &Hub, req: &Req) -> (String, Option<(Handler, Vec<String>)>) {
    if format!("{} {}", req.method, req.path) == RATE_LIMIT {
        return (RATE_LIMIT.to_owned(), Some((rate_limit, Vec::new())));
    }
    let prefix = format!("/repos/{}/{}", hub.owner, hub.repo);
    let Some(rest) = req
        .path
        .strip_prefix(&prefix)
        .filter(|r| r.is_empty() || r.starts_with('/'))
    else {
        return (format!("{} {}", req.method, req.path), None);
    };
    for (route, handler) in ROUTES {
        let Some((method, template)) = route.split_once(' ') else {
            continue;
        };
        if let (true, Some(vars)) = (method == req.method, fits(template, rest)) {
            return (name(method, template), Some((*handler, vars)));
        }
    }
    (format!("{} /repos/{{o}}/{{r}}{rest}", req.method), None)
}

/// Calls a handler.
pub fn call(hub: &mut Hub, req: &Req, found: (Handler, Vec<String>)) -> Reply {
    let (handler, vars) = found;
    handler(hub, &Ask { req, vars })
}

fn fits(template: &str, path: &str) -> Option<Vec<String>> {
    let (want, have): (Vec<&str>, Vec<&str>) =
        (template.split('/').collect(), path.split('/').collect());
    let mut vars = Vec::new();
    let mut at = 0;
    for (n, piece) in want.iter().enumerate() {
        if piece.starts_with("{+") {
            let tail = want.len() - n - 1;
            let end = have.len().checked_sub(tail).filter(|end| *end > at)?;
            vars.push(percent_decode(&have[at..end].join("/")));
            at = end;
        } else if piece.starts_with('{') {
            vars.push(percent_decode(have.get(at).filter(|p| !p.is_empty())?));
            at += 1;
        } else {
            (have.get(at) == Some(piece)).then_some(())?;
            at += 1;
        }
    }
    (at == have.len()).then_some(vars)
}

fn rate_limit(hub: &mut Hub, _: &Ask) -> Reply {
    let left = hub.rate_limit.saturating_sub(hub.rate_used);
    let reset = jiff::Timestamp::now().as_second() + 3600;
    let rate = json!({ "limit": hub.rate_limit, "used": hub.rate_used, "remaining": left, "reset": reset });
    Reply::json(
        200,
        &json!({ "resources": { "core": rate, "search": rate }, "rate": rate }),
    )
}

fn contents(hub: &mut Hub, ask: &Ask) -> Reply {
    let path = ask.var(0);
    let reference = ask.req.param("ref").unwrap_or(&hub.default_branch);
    let Some(sha) = hub.resolve(reference).map(|c| c.sha.clone()) else {
        return failure(404, &format!("No commit found for the ref {reference}"));
    };
    let asked = reference.trim_start_matches("refs/heads/");
    let at_head = |branch: &&String| hub.branches.get(*branch) == Some(&sha);
    let named = hub.branches.keys().find(|b| *b == asked);
    let branch = named
        .or_else(|| Some(&hub.default_branch).filter(at_head))
        .or_else(|| hub.branches.keys().find(at_head));
    let Some(text) = branch.and_then(|b| hub.files.get(&(b.clone(), path.to_owned()))) else {
        return not_found();
    };
    let blob = sha_of(text);
    if ask
        .req
        .header("accept")
        .contains("application/vnd.github.raw")
        || ask
            .req
            .header("accept")
            .contains("application/vnd.github.v3.raw")
    {
        return Reply::new(
            200,
            "application/vnd.github.raw+json; charset=utf-8",
            text.clone(),
        )
        .with("etag", format!("\"{blob}\""));
    }
    let (url, git) = (
        hub.api(&format!("/contents/{path}?ref={reference}")),
        hub.api(&format!("/git/blobs/{blob}")),
    );
    let html = format!(
        "https://github.com/{}/{}/blob/{reference}/{path}",
        hub.owner, hub.repo
    );
    let lines: Vec<String> = STANDARD
        .encode(text)
        .as_bytes()
        .chunks(60)
        .map(|c| String::from_utf8_lossy(c).into_owned() + "\n")
        .collect();
    Reply::json(
        200,
        &json!({
            "type": "file", "encoding": "base64", "size": text.len(), "name": path.rsplit('/').next(), "path": path, "content": lines.concat(),
            "sha": blob, "url": url, "git_url": git, "html_url": html, "download_url": html,
            "_links": { "self": url, "git": git, "html": html },
        }),
    )
}

fn commits(hub: &mut Hub, ask: &Ask) -> Reply {
    let from = ask.req.param("sha").unwrap_or(&hub.default_branch);
    let Some(head) = hub.resolve(from) else {
        return not_found();
    };
    let mut found: Vec<_> = hub
        .history(&head.sha)
        .into_iter()
        .filter_map(|s| hub.commits.get(s))
        .collect();
    found.sort_by_key(|c| std::cmp::Reverse(c.order));
    list(
        ask.req,
        found.into_iter().map(|c| hub.commit_json(c)).collect(),
    )
}

fn commit(hub: &mut Hub, ask: &Ask) -> Reply {
    match hub.resolve(ask.var(0)) {
        None => failure(422, &format!("No commit found for SHA: {}", ask.var(0))),
        Some(commit) if ask.req.header("accept").contains("sha") => {
            Reply::new(200, "application/vnd.github.sha", commit.sha.clone())
        }
        Some(commit) => Reply::json(200, &hub.commit_json(commit)),
    }
}

fn check_runs(hub: &mut Hub, ask: &Ask) -> Reply {
    let Some(sha) = hub.resolve(ask.var(0)).map(|c| c.sha.clone()) else {
        return failure(422, "No commit found for SHA");
    };
    let name = ask.req.param("check_name");
    let runs = hub.check_runs.get(&sha).into_iter().flatten().enumerate();
    let shown = runs
        .filter(|(_, r)| name.is_none_or(|n| n == r.name))
        .map(|(n, r)| hub.check_run_json(&sha, n, r))
        .collect();
    counted(ask.req, "check_runs", shown)
}

fn combined_status(hub: &mut Hub, ask: &Ask) -> Reply {
    let Some(sha) = hub.resolve(ask.var(0)).map(|c| c.sha.clone()) else {
        return not_found();
    };
    let all = hub.statuses.get(&sha).cloned().unwrap_or_default();
    let any = |states: &[&str]| all.iter().any(|(_, s)| states.contains(&s.as_str()));
    let state = if any(&["failure", "error"]) {
        "failure"
    } else if all.is_empty() || any(&["pending"]) {
        "pending"
    } else {
        "success"
    };
    let url = hub.api(&format!("/statuses/{sha}"));
    let statuses: Vec<Value> = all
        .iter()
        .enumerate()
        .map(|(n, (context, state))| {
            json!({
                "id": 50_000 + n, "node_id": format!("SC_{n}"), "state": state, "description": null, "target_url": null, "context": context,
                "created_at": "2024-01-01T00:00:00Z", "updated_at": "2024-01-01T00:00:00Z", "url": url, "avatar_url": null,
            })
        })
        .collect();
    Reply::json(
        200,
        &json!({
            "state": state, "sha": sha, "total_count": all.len(), "statuses": statuses, "repository": hub.repo_json(),
            "commit_url": hub.api(&format!("/commits/{sha}")), "url": hub.api(&format!("/commits/{sha}/status")),
        }),
    )
}

fn pulls(hub: &mut Hub, ask: &Ask) -> Reply {
    if hub.resolve(ask.var(0)).is_none() {
        return failure(422, &format!("No commit found for SHA: {}", ask.var(0)));
    }
    let new = ask.req.header("x-github-api-version") >= "2026-03-10";
    let shown = hub.pulls.get(ask.var(0)).into_iter().flatten().map(|p| {
        let mut pull = hub.pull_json(p);
        if let (true, Some(fields)) = (new, pull.as_object_mut()) {
            fields.remove("merge_commit_sha");
            fields.remove("assignee");
        }
        pull
    });
    list(ask.req, shown.collect())
}

fn compare(hub: &mut Hub, ask: &Ask) -> Reply {
    let Some((base, head)) = ask.var(0).split_once("...") else {
        return not_found();
    };
    let (Some(base), Some(head)) = (hub.resolve(base), hub.resolve(head)) else {
        return not_found();
    };
    let (before, after) = (hub.history(&base.sha), hub.history(&head.sha));
    let Some(fork) = before
        .intersection(&after)
        .filter_map(|s| hub.commits.get(*s))
        .max_by_key(|c| c.order)
    else {
        return not_found();
    };
    let mut ahead: Vec<_> = after
        .difference(&before)
        .filter_map(|s| hub.commits.get(*s))
        .collect();
    ahead.sort_by_key(|c| c.order);
    let behind = before.difference(&after).count();
    let status = match (ahead.len(), behind) {
        (0, 0) => "identical",
        (_, 0) => "ahead",
        (0, _) => "behind",
        _ => "diverged",
    };
    let shown: Vec<Value> = ahead.iter().take(250).map(|c| hub.commit_json(c)).collect();
    let url = hub.api(&format!("/compare/{}", ask.var(0)));
    Reply::json(
        200,
        &json!({
            "url": url, "html_url": url, "permalink_url": url, "diff_url": format!("{url}.diff"), "patch_url": format!("{url}.patch"),
            "base_commit": hub.commit_json(base), "merge_base_commit": hub.commit_json(fork), "status": status, "ahead_by": ahead.len(),
            "behind_by": behind, "total_commits": ahead.len(), "commits": shown, "files": [],
        }),
    )
}

fn branch(hub: &mut Hub, ask: &Ask) -> Reply {
    let Some(commit) = hub
        .branches
        .get(ask.var(0))
        .and_then(|s| hub.commits.get(s))
    else {
        return failure(404, "Branch not found");
    };
    let url = hub.api(&format!("/branches/{}", ask.var(0)));
    Reply::json(
        200,
        &json!({
            "name": ask.var(0), "commit": hub.commit_json(commit), "protected": false, "protection": { "enabled": false },
            "_links": { "self": url, "html": url }, "protection_url": format!("{url}/protection"),
        }),
    )
}

#[test]
fn a_route_takes_slashes_only_where_it_says_so() {
    let vars = |template, path| fits(template, path).map(|v| v.join("|"));
    assert_eq!(
        vars("/contents/{+path}", "/contents/.github/deploy-guard.yml").as_deref(),
        Some(".github/deploy-guard.yml")
    );
    assert_eq!(
        vars("/commits/{+ref}/status", "/commits/release/1/status").as_deref(),
        Some("release/1")
    );
    assert_eq!(vars("/actions/runs/{run}", "/actions/runs/7/jobs"), None);
    assert_eq!(
        vars("/environments/{name}", "/environments/a%2Fb").as_deref(),
        Some("a/b")
    );
}
