//! The forge against a small GitHub of its own.

use std::collections::VecDeque;
use std::sync::Mutex;

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::*;
use crate::adapters::testing::{START_MS, TestClock, client, closed_port, raw, serve};
use crate::core::id::Token;
use crate::core::time::Timestamp;
use crate::ports::Relation;

const SHA: &str = "a1b2c3d4e5f60718293a4b5c6d7e8f9001122334";

#[derive(Clone, Default)]
struct Page {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: String,
}

fn ok(body: Value) -> Page {
    Page {
        status: 200,
        body: body.to_string(),
        ..Page::default()
    }
}

fn no(status: u16, message: &str) -> Page {
    Page {
        status,
        body: json!({ "message": message }).to_string(),
        ..Page::default()
    }
}

fn with(mut page: Page, headers: &[(&'static str, &str)]) -> Page {
    page.headers = headers.iter().map(|(k, v)| (*k, (*v).to_owned())).collect();
    page
}

struct World {
    base: String,
    clock: Arc<TestClock>,
    seen: Arc<Mutex<Vec<String>>>,
}

/// Answers each path (with its query) by its pages in turn, the last one for ever; others by 404.
async fn world(pages: Vec<(&'static str, Vec<Page>)>) -> World {
    let pages: Vec<(&str, Mutex<VecDeque<Page>>)> = pages
        .into_iter()
        .map(|(path, pages)| (path, Mutex::new(pages.into())))
        .collect();
    let (pages, seen) = (Arc::new(pages), Arc::new(Mutex::new(Vec::new())));
    let notes = seen.clone();
    let router = Router::new().fallback(move |request: Request| async move {
        let head = |name: &str| -> Vec<String> {
            let all = request.headers().get_all(name).iter();
            all.map(|v| v.to_str().expect("text").to_owned()).collect()
        };
        assert_eq!(head("user-agent"), [crate::adapters::http::USER_AGENT]);
        assert_eq!(head("x-github-api-version"), ["2022-11-28"]);
        assert_eq!(head("authorization"), ["Bearer gh-hush"]);
        let uri = request.uri().to_string();
        notes.lock().expect("whole").push(uri.clone());
        let found = pages
            .iter()
            .find(|(path, _)| *path == uri)
            .map(|(_, pages)| {
                let mut pages = pages.lock().expect("whole");
                match pages.len() {
                    1 => pages[0].clone(),
                    _ => pages.pop_front().expect("scripted"),
                }
            });
        let mut page = found.unwrap_or_else(|| no(404, "Not Found"));
        for (name, value) in &mut page.headers {
            if *name == "location" && value.starts_with('/') {
                *value = format!("http://{}{value}", head("host")[0]);
            }
        }
        answer(page)
    });
    World {
        base: serve(router).await,
        clock: TestClock::new(),
        seen,
    }
}

fn answer(page: Page) -> Response {
    let status = StatusCode::from_u16(page.status).expect("a status");
    let mut response = (status, page.body).into_response();
    for (name, value) in page.headers {
        let value = value.parse().expect("a header");
        response.headers_mut().insert(name, value);
    }
    response
}

impl World {
    fn github(&self) -> Github {
        self.at("")
    }

    fn at(&self, path: &str) -> Github {
        github(&format!("{}{path}", self.base), self.clock.clone())
    }

    fn calls(&self) -> usize {
        self.seen.lock().expect("whole").len()
    }
}

fn github(url: &str, clock: Arc<TestClock>) -> Github {
    let bounds = GithubBounds {
        timeout: Duration::from_millis(500),
        ..GithubBounds::default()
    };
    Github::new(
        &client(),
        clock,
        url,
        "hanbit/todo",
        &"gh-hush".into(),
        bounds,
    )
    .expect("right")
}

fn holder(job_id: Option<u64>) -> Holder {
    Holder {
        token: Token::new("0".repeat(32)).expect("valid"),
        deployment: "deploy-1".parse().expect("valid"),
        at: Timestamp::from_millis(START_MS),
        repo: Some("hanbit/todo".to_owned()),
        run: Some(7),
        attempt: Some(2),
        job_id,
        job: Some("deploy".to_owned()),
        hosted: true,
        actor: None,
        run_url: None,
    }
}

#[tokio::test]
async fn the_configuration_is_read_raw_from_the_default_branch() {
    let path = "/repos/hanbit/todo/contents/.github/deploy%20guard%23.yml";
    let page = Page {
        status: 200,
        body: "version: 1\n# 설정\n".to_owned(),
        ..Page::default()
    };
    let w = world(vec![(path, vec![page])]).await;
    let file = w.github().config_file(".github/deploy guard#.yml").await;
    assert_eq!(
        file.expect("read").expect("there").text,
        "version: 1\n# 설정\n"
    );
    let none = w.github().config_file(".github/none.yml").await;
    assert_eq!(none.expect("404 is an answer"), None);
}

#[tokio::test]
async fn a_configuration_that_is_too_large_is_an_error() {
    let page = Page {
        status: 200,
        body: "x".repeat(CONFIG_LIMIT + 1),
        ..Page::default()
    };
    let w = world(vec![("/repos/hanbit/todo/contents/c.yml", vec![page])]).await;
    let error = w
        .github()
        .config_file("c.yml")
        .await
        .expect_err("too large");
    assert!(error.to_string().contains("262144"), "{error}");
}

#[tokio::test]
async fn an_enterprise_servers_path_is_kept_and_a_rename_is_followed_on_the_same_server() {
    let old = "/api/v3/repos/hanbit/todo/commits?per_page=100";
    let new = "/api/v3/repositories/5/commits?per_page=100";
    let moved = |to: &str| with(no(301, "Moved Permanently"), &[("location", to)]);
    let w = world(vec![(old, vec![moved(new)]), (new, vec![ok(json!([]))])]).await;
    for base in ["/api/v3", "/api/v3/"] {
        assert_eq!(w.at(base).recent_commits().await.expect("followed"), []);
    }
    assert_eq!(w.calls(), 4);

    let thief = world(vec![(new, vec![ok(json!([]))])]).await;
    let to = format!("{}{new}", thief.base);
    let w = world(vec![(old, vec![moved(&to)])]).await;
    assert!(w.at("/api/v3").recent_commits().await.is_err());
    assert_eq!(thief.calls(), 0, "the token goes to no other server");
}

#[tokio::test]
async fn a_job_has_ended_only_when_github_says_so() {
    let job = "/repos/hanbit/todo/actions/jobs/9";
    let state = async |page: Page| {
        let w = world(vec![(job, vec![page])]).await;
        w.github().job(&holder(Some(9))).await.expect("an answer")
    };
    let running = state(ok(
        json!({"run_id":7,"status":"in_progress","conclusion":null}),
    ))
    .await;
    assert_eq!(running, JobState::Running);
    let ended = state(ok(
        json!({"run_id":7,"status":"completed","conclusion":"cancelled"}),
    ))
    .await;
    assert_eq!(
        ended,
        JobState::Ended {
            conclusion: Some("cancelled".to_owned())
        }
    );
    assert_eq!(state(no(404, "Not Found")).await, JobState::Unknown);
    let foreign = ok(json!({"run_id":8,"status":"completed","conclusion":"success"}));
    assert_eq!(
        state(foreign).await,
        JobState::Unknown,
        "a job of another run"
    );
    let mut local = holder(None);
    local.run = None;
    let w = world(Vec::new()).await;
    assert_eq!(
        w.github().job(&local).await.expect("no call"),
        JobState::Unknown
    );
    assert_eq!(w.calls(), 0);
}

#[tokio::test]
async fn without_a_job_id_the_attempt_is_asked_and_never_the_run() {
    let attempt = "/repos/hanbit/todo/actions/runs/7/attempts/2";
    let jobs = "/repos/hanbit/todo/actions/runs/7/attempts/2/jobs?per_page=100&page=1";
    let state = async |status: &str, found: Value| {
        let w = world(vec![
            (
                attempt,
                vec![ok(json!({"status":status,"conclusion":"failure"}))],
            ),
            (jobs, vec![ok(json!({"total_count":1,"jobs":found}))]),
        ])
        .await;
        w.github().job(&holder(None)).await.expect("an answer")
    };
    let leg =
        |name: &str, status: &str| json!({"name":name,"status":status,"conclusion":"success"});
    let ended = |word: &str| JobState::Ended {
        conclusion: Some(word.to_owned()),
    };
    let done = json!([leg("deploy", "completed"), leg("test", "in_progress")]);
    assert_eq!(state("in_progress", done.clone()).await, ended("success"));
    assert_eq!(state("completed", done).await, ended("success"));
    assert_eq!(state("completed", json!([])).await, ended("failure"));
    let legs = json!([leg("deploy (a)", "completed"), leg("deploy (b)", "queued")]);
    assert_eq!(state("in_progress", legs).await, JobState::Running);
    let named = json!([
        leg("Production", "completed"),
        leg("deployment", "completed")
    ]);
    assert_eq!(state("in_progress", named).await, JobState::Running);
}

#[tokio::test]
async fn approvals_and_rules_are_read() {
    let w = world(vec![
        (
            "/repos/hanbit/todo/actions/runs/7/approvals",
            vec![ok(json!([
                {"environments":[{"name":"production","id":1}],"state":"approved","user":{"login":"kim"},"comment":"ok"},
                {"environments":[],"state":"rejected","user":null,"comment":null}
            ]))],
        ),
        (
            "/repos/hanbit/todo/environments/pro%2Fduction%20%EC%9A%B4",
            vec![ok(json!({"protection_rules":[
                {"type":"wait_timer","wait_timer":30},
                {"type":"required_reviewers","prevent_self_review":true,"reviewers":[
                    {"type":"User","reviewer":{"login":"kim"}},
                    {"type":"Team","reviewer":{"slug":"ops","name":"Ops"}},
                    {"type":"User","reviewer":null}
                ]}
            ]}))],
        ),
    ])
    .await;
    let github = w.github();
    let approvals = github.approvals(7).await.expect("read");
    assert_eq!(approvals[0].environments, ["production"]);
    assert_eq!(approvals[0].user.as_deref(), Some("kim"));
    assert_eq!(approvals[1].state, "rejected");
    let rules = github
        .environment("pro/duction 운")
        .await
        .expect("read")
        .expect("there");
    assert_eq!(rules.reviewers, ["kim", "ops", "?"]);
    assert!(rules.prevent_self_review);
    assert_eq!(github.environment("none").await.expect("an answer"), None);
}

#[tokio::test]
async fn checks_and_statuses_come_together_over_all_pages() {
    let runs: Vec<Value> = (0..100)
        .map(|n| json!({"name":format!("c{n}"),"status":"completed","conclusion":"success"}))
        .collect();
    let path =
        format!("/repos/hanbit/todo/commits/{SHA}/check-runs?filter=latest&per_page=100&page=");
    let path = |page: u32| -> &'static str { Box::leak(format!("{path}{page}").into()) };
    let statuses = format!("/repos/hanbit/todo/commits/{SHA}/status?per_page=100&page=1");
    let w = world(vec![
        (
            path(1),
            vec![ok(json!({"total_count":103,"check_runs":runs}))],
        ),
        (
            path(2),
            vec![ok(json!({"total_count":103,"check_runs":[
                {"name":"skip","status":"completed","conclusion":"skipped"},
                {"name":"bad","status":"completed","conclusion":"timed_out"},
                {"name":"slow","status":"in_progress","conclusion":null}
            ]}))],
        ),
        (
            Box::leak(statuses.into()),
            vec![ok(json!({"state":"pending","statuses":[
                {"context":"ci","state":"success"},{"context":"lint","state":"pending"}
            ]}))],
        ),
    ])
    .await;
    let checks = w
        .github()
        .checks(&SHA.parse().expect("valid"))
        .await
        .expect("read");
    assert_eq!(checks.len(), 105);
    let of = |name: &str| {
        let check = checks.iter().find(|c| c.name == name).expect("listed");
        (check.green, check.ended, check.word.as_str())
    };
    assert_eq!(of("c99"), (true, true, "success"));
    assert_eq!(of("skip"), (true, true, "skipped"));
    assert_eq!(of("bad"), (false, true, "timed_out"));
    assert_eq!(of("slow"), (false, false, "in_progress"));
    assert_eq!(of("ci"), (true, true, "success"));
    assert_eq!(of("lint"), (false, false, "pending"));
}

#[tokio::test]
async fn commits_and_comparisons_are_read() {
    let commit =
        json!({"sha":SHA,"commit":{"message":"Fix it\n\nlong"},"parents":[{"sha":"b".repeat(40)}]});
    let w = world(vec![
        (
            "/repos/hanbit/todo/commits?per_page=100",
            vec![ok(json!([commit]))],
        ),
        (
            "/repos/hanbit/todo/compare/a1b2c3d...feature%2Fx",
            vec![ok(
                json!({"status":"diverged","total_commits":1,"commits":[commit],"files":[{"patch":"x"}]}),
            )],
        ),
    ])
    .await;
    let github = w.github();
    let commits = github.recent_commits().await.expect("read");
    assert_eq!(commits[0].title, "Fix it");
    assert_eq!(commits[0].parents.len(), 1);
    let compared = github.compare("a1b2c3d", "feature/x").await.expect("read");
    assert_eq!(compared.relation, Relation::Diverged);
    assert_eq!(compared.commits, commits);
    let unknown = github.compare("a", "b").await.expect_err("no such ref");
    assert!(matches!(unknown, ForgeError::NotFound { .. }), "{unknown}");
}

const APPROVALS: &str = "/repos/hanbit/todo/actions/runs/7/approvals";

#[tokio::test]
async fn a_refusal_names_the_permission_and_is_not_repeated() {
    for status in [401, 403] {
        let refused = no(status, "Resource not accessible by integration");
        let w = world(vec![(APPROVALS, vec![refused])]).await;
        let error = w
            .github()
            .approvals(7)
            .await
            .expect_err("refused")
            .to_string();
        assert!(
            error.contains("actions: read") && error.contains("not accessible"),
            "{error}"
        );
        assert_eq!(w.calls(), 1);
    }
}

#[tokio::test]
async fn a_rate_limit_is_waited_for_within_the_bound() {
    let soon = with(no(403, "secondary rate limit"), &[("retry-after", "20")]);
    let reset = (START_MS / 1000 + 30).to_string();
    let used_up = |reset: &str| {
        let headers = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", reset)];
        with(no(403, "API rate limit exceeded"), &headers)
    };
    let w = world(vec![(
        APPROVALS,
        vec![soon, used_up(&reset), ok(json!([]))],
    )])
    .await;
    assert!(w.github().approvals(7).await.is_ok());
    let slept = w.clock.slept();
    assert!(
        slept >= Duration::from_secs(30) && slept < Duration::from_secs(40),
        "{slept:?}"
    );

    let later = (START_MS / 1000 + 1800).to_string();
    let w = world(vec![(APPROVALS, vec![used_up(&later)])]).await;
    let error = w.github().approvals(7).await.expect_err("too long");
    assert!(matches!(error, ForgeError::RateLimited { .. }), "{error}");
    assert!(error.to_string().contains("2024-12-12T00:30:01"), "{error}");
    assert_eq!(w.calls(), 1);

    let at_once = with(no(429, "slow down"), &[("retry-after", "0")]);
    let w = world(vec![(APPROVALS, vec![at_once])]).await;
    let error = w.github().approvals(7).await.expect_err("for ever");
    assert!(matches!(error, ForgeError::RateLimited { .. }), "{error}");
}

#[tokio::test]
async fn errors_of_server_and_network_are_tried_again() {
    let w = world(vec![(
        APPROVALS,
        vec![no(502, "bad gateway"), no(503, "busy"), ok(json!([]))],
    )])
    .await;
    assert!(w.github().approvals(7).await.is_ok());

    let w = world(vec![(APPROVALS, vec![no(500, "no")])]).await;
    let error = w.github().approvals(7).await.expect_err("never");
    assert!(matches!(error, ForgeError::Unreachable { .. }), "{error}");
    assert_eq!(w.calls(), 3);

    let w = world(vec![(APPROVALS, vec![ok(json!({"odd":1}))])]).await;
    let error = w.github().approvals(7).await.expect_err("unreadable");
    assert!(matches!(error, ForgeError::Unreachable { .. }), "{error}");
    assert_eq!(w.calls(), 1);
}

fn new_shown() -> NewShown {
    NewShown {
        git_ref: CommitSha::parse(SHA).expect("a sha"),
        environment: "production".to_owned(),
        production: true,
        deployment: "deploy-1".parse().expect("an id"),
        description: "Deploying".to_owned(),
    }
}

#[tokio::test]
async fn a_deployment_is_made_once_and_a_status_may_come_twice() {
    const MAKE: &str = "/repos/hanbit/todo/deployments";
    const SHOW: &str = "/repos/hanbit/todo/deployments/9/statuses";
    let status = ShownStatus {
        state: crate::core::showing::ShownState::Success,
        description: "Deployed".to_owned(),
        page: None,
    };
    let broken = || vec![no(502, "bad gateway"), ok(json!({ "id": 9 }))];
    let w = world(vec![(MAKE, broken()), (SHOW, broken())]).await;
    let error = w
        .github()
        .make_deployment(&new_shown())
        .await
        .expect_err("not known");
    assert!(matches!(error, ForgeError::Unreachable { .. }), "{error}");
    assert_eq!(w.calls(), 1);
    w.github().show(9, &status).await.expect("tried again");
    assert_eq!(w.calls(), 3);

    // What was refused for its rate has not been done.
    let limited = with(no(403, "secondary rate limit"), &[("retry-after", "30")]);
    let w = world(vec![(MAKE, vec![limited, ok(json!({ "id": 9 }))])]).await;
    assert_eq!(
        w.github()
            .make_deployment(&new_shown())
            .await
            .expect("made"),
        9
    );
    assert!(
        w.clock.slept() >= Duration::from_secs(30),
        "{:?}",
        w.clock.slept()
    );

    let w = world(vec![
        (MAKE, vec![no(409, "Conflict")]),
        (SHOW, vec![no(403, "no")]),
    ])
    .await;
    let error = w
        .github()
        .make_deployment(&new_shown())
        .await
        .expect_err("refused");
    assert!(matches!(error, ForgeError::Refused { .. }), "{error}");
    let error = w
        .github()
        .show(9, &status)
        .await
        .expect_err("denied")
        .to_string();
    assert!(error.contains("deployments: write"), "{error}");
}

#[tokio::test]
async fn deployments_of_other_programs_are_read() {
    const LIST: &str =
        "/repos/hanbit/todo/deployments?sha=a1b2c3d4e5f60718293a4b5c6d7e8f9001122334&per_page=30";
    const PAGES: &str = "/repos/hanbit/todo/deployments/2/statuses?per_page=30";
    let deployment = |id: u64, payload: Value| json!({ "id": id, "environment": "production", "payload": payload });
    let list = json!([
        deployment(3, json!({ PAYLOAD_KEY: "deploy-1" })),
        deployment(2, json!("{}")),
        deployment(1, Value::Null)
    ]);
    let pages = json!([{ "log_url": "", "target_url": "https://b" }, { "log_url": "https://a" }, { "target_url": "" }]);
    let w = world(vec![(LIST, vec![ok(list)]), (PAGES, vec![ok(pages)])]).await;
    let commit = CommitSha::parse(SHA).expect("a sha");
    let listed = w.github().deployments_of(&commit).await.expect("listed");
    let made: Vec<_> = listed.iter().map(|d| d.made_for.as_deref()).collect();
    assert_eq!(made, [Some("deploy-1"), None, None]);
    assert_eq!(
        w.github().pages_of(2).await.expect("pages"),
        ["https://b", "https://a"]
    );
}

#[tokio::test]
async fn a_ping_tells_an_answer_from_none() {
    let w = world(Vec::new()).await;
    w.github().ping().await.expect("a 404 is an answer");
    let w = world(vec![("/rate_limit", vec![no(503, "down")])]).await;
    assert!(w.github().ping().await.is_err());
    let closed = format!("http://{}", closed_port().await);
    let error = github(&closed, TestClock::new())
        .ping()
        .await
        .expect_err("nobody");
    assert!(error.to_string().contains("refused"), "{error}");
    let mute = raw(async |stream| {
        std::future::pending::<()>().await;
        drop(stream);
    })
    .await;
    let error = github(&format!("http://{mute}"), TestClock::new())
        .ping()
        .await;
    assert!(
        error
            .expect_err("mute")
            .to_string()
            .contains("no answer in time")
    );
}

#[tokio::test]
async fn what_is_wrong_locally_is_said_without_the_token() {
    let make = |url: &str, repository: &str, token: &str| {
        let clock = TestClock::new();
        let token = token.to_owned().into();
        Github::new(
            &client(),
            clock,
            url,
            repository,
            &token,
            GithubBounds::default(),
        )
        .err()
        .expect("an error")
        .to_string()
    };
    let local = "http://127.0.0.1:1";
    assert!(make(local, "hanbit/todo", "").contains("GITHUB_TOKEN"));
    let broken = make(local, "hanbit/todo", "hush\nhush");
    assert!(!broken.contains("hush"), "{broken}");
    assert!(make(local, "hanbit", "t").contains("owner/name"));
    assert!(make(local, "a/../b", "t").contains("owner/name"));
    assert!(make("http://ghes.example.com/api/v3", "a/b", "t").contains("https"));
}
