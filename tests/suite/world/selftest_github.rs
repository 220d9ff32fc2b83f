//! The world's own tests: GitHub keeps its rules.

use serde_json::{Value, json};

use super::World;
use super::faults::{Fault, On};
use super::http::{Reply, send};

async fn ask(
    world: &World,
    method: &str,
    path: &str,
    body: &Value,
    more: &[(&str, &str)],
) -> Reply {
    let token = format!("Bearer {}", world.github.token());
    let mut headers: Vec<(String, String)> = vec![
        ("user-agent".into(), "world".into()),
        ("x-github-api-version".into(), "2022-11-28".into()),
        ("authorization".into(), token),
    ];
    for (k, v) in more {
        headers.retain(|(have, _)| have != k);
        if !v.is_empty() {
            headers.push(((*k).into(), (*v).into()));
        }
    }
    let target = format!("/repos/hanbit/todo{path}");
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    send(
        world.github.server().addr(),
        method,
        &target,
        &headers,
        body.as_bytes(),
    )
    .await
    .expect("GitHub answers")
}

async fn get(world: &World, path: &str) -> Value {
    let reply = ask(world, "GET", path, &Value::Null, &[]).await;
    assert_eq!(reply.status, 200, "{path}: {}", reply.body_text());
    reply.body_json()
}

#[tokio::test]
async fn github_asks_for_token_version_and_user_agent() {
    let world = World::without_table();
    for (change, status) in [
        ([("authorization", "Bearer wrong")], 401),
        ([("authorization", "")], 401),
        ([("user-agent", "")], 403),
        ([("x-github-api-version", "")], 400),
        ([("x-github-api-version", "2020-01-01")], 410),
        ([("accept", "application/json")], 200),
    ] {
        assert_eq!(
            ask(&world, "GET", "", &Value::Null, &change).await.status,
            status,
            "{change:?}"
        );
    }
    world.fault(On::op("GET /repos/{o}/{r}"), Fault::Throttle);
    let limited = ask(&world, "GET", "", &Value::Null, &[]).await;
    assert_eq!(
        (limited.status, limited.header("x-ratelimit-remaining")),
        (403, Some("0"))
    );
    assert_eq!(
        ask(&world, "GET", "/no/such/route", &Value::Null, &[])
            .await
            .status,
        404
    );
    assert_eq!(
        world.github.misfits(),
        ["GET /repos/{o}/{r}/no/such/route: no such operation (/repos/hanbit/todo/no/such/route)"]
    );
    world.github.with(|hub| hub.rate_limit = 3);
    let statuses = [
        ask(&world, "GET", "", &Value::Null, &[]).await.status,
        ask(&world, "GET", "", &Value::Null, &[]).await.status,
    ];
    assert_eq!(statuses, [200, 403], "the limit holds over calls");
}

#[tokio::test]
async fn github_shows_files_commits_and_comparisons() {
    let world = World::without_table();
    let (base, side, head) = world.github.with(|hub| {
        hub.put_file(".github/deploy-guard.yml", "version: 1\n");
        let base = hub.head();
        let side = hub.commit_on("release/1", "side");
        (base, side, hub.commit("second"))
    });
    let raw = ask(
        &world,
        "GET",
        "/contents/.github/deploy-guard.yml",
        &Value::Null,
        &[("accept", "application/vnd.github.raw+json")],
    )
    .await;
    assert_eq!(raw.body_text(), "version: 1\n");
    assert_eq!(
        get(&world, "/contents/.github/deploy-guard.yml?ref=main").await["content"],
        "dmVyc2lvbjogMQo=\n"
    );
    assert_eq!(
        ask(&world, "GET", "/contents/none.yml", &Value::Null, &[])
            .await
            .status,
        404
    );
    assert_eq!(
        ask(
            &world,
            "GET",
            "/contents/.github/deploy-guard.yml?ref=release/1",
            &Value::Null,
            &[]
        )
        .await
        .status,
        404
    );
    assert_eq!(get(&world, "").await["default_branch"], "main");
    let list = get(&world, "/commits?sha=main&per_page=1").await;
    assert_eq!(
        (list.as_array().map(Vec::len), list[0]["sha"].as_str()),
        (Some(1), Some(head.as_str()))
    );
    assert_eq!(
        get(&world, &format!("/commits/{}", &head[..8])).await["sha"].as_str(),
        Some(head.as_str())
    );
    for (range, status, ahead, behind) in [
        (format!("{base}...{head}"), "ahead", 1, 0),
        (format!("{head}...{base}"), "behind", 0, 1),
        (format!("{head}...{head}"), "identical", 0, 0),
        (format!("main...{side}"), "diverged", 1, 1),
        ("main...release/1".to_owned(), "diverged", 1, 1),
    ] {
        let compared = get(&world, &format!("/compare/{range}")).await;
        assert_eq!(
            (
                compared["status"].as_str(),
                &compared["ahead_by"],
                &compared["behind_by"]
            ),
            (Some(status), &json!(ahead), &json!(behind)),
            "{range}"
        );
    }
    assert_eq!(
        ask(&world, "GET", "/compare/main...none", &Value::Null, &[])
            .await
            .status,
        404
    );
}

#[tokio::test]
async fn github_shows_checks_runs_approvals_and_deployments() {
    let world = World::without_table();
    let (sha, run, job) = world.github.with(|hub| {
        let sha = hub.head();
        hub.check_run(&sha, "ci", Some("success"));
        hub.status(&sha, "lint", "pending");
        hub.environment("production", &["boss"]);
        let (run, job) = hub.start_run("deploy.yml", "deploy", "main", &sha, "dev");
        hub.approve(run, "production", "boss");
        hub.workflows
            .insert("deploy.yml".into(), vec!["deployment_type".into()]);
        (sha, run, job)
    });
    assert_eq!(
        get(&world, &format!("/commits/{sha}/check-runs")).await["check_runs"][0]["conclusion"],
        "success"
    );
    assert_eq!(
        get(&world, &format!("/commits/{sha}/status")).await["state"],
        "pending"
    );
    assert_eq!(
        get(&world, &format!("/actions/jobs/{job}")).await["status"],
        "in_progress"
    );
    assert_eq!(
        get(&world, &format!("/actions/runs/{run}/approvals")).await[0]["environments"][0]["name"],
        "production"
    );
    assert_eq!(
        get(&world, "/environments/production").await["protection_rules"][0]["reviewers"][0]["reviewer"]
            ["login"],
        "boss"
    );
    world.github.with(|hub| {
        hub.end_job(job, "failure");
        hub.rerun(run, "other")
    });
    assert_eq!(
        get(&world, &format!("/actions/runs/{run}")).await["status"],
        "in_progress",
        "the run shows its last attempt"
    );
    assert_eq!(
        get(&world, &format!("/actions/runs/{run}/attempts/1")).await["conclusion"],
        "failure"
    );
    assert_eq!(
        get(&world, &format!("/actions/runs/{run}/attempts/1/jobs")).await["jobs"][0]["id"],
        job
    );
    assert_eq!(
        ask(
            &world,
            "GET",
            &format!("/actions/runs/{run}/attempts/3"),
            &Value::Null,
            &[]
        )
        .await
        .status,
        404
    );

    let body = json!({ "ref": sha, "environment": "production", "auto_merge": false, "required_contexts": [] });
    let made = ask(&world, "POST", "/deployments", &body, &[]).await;
    assert_eq!(made.status, 201, "{}", made.body_text());
    let statuses = format!("/deployments/{}/statuses", made.body_json()["id"]);
    assert_eq!(
        ask(
            &world,
            "POST",
            &statuses,
            &json!({ "state": "success", "description": "x".repeat(141) }),
            &[]
        )
        .await
        .status,
        422
    );
    assert_eq!(
        ask(
            &world,
            "POST",
            &statuses,
            &json!({ "state": "success" }),
            &[]
        )
        .await
        .status,
        201
    );
    assert_eq!(get(&world, &statuses).await[0]["state"], "success");
    let red = ask(&world, "POST", "/deployments", &json!({ "ref": sha }), &[]).await;
    assert_eq!(
        red.status, 409,
        "omitted required_contexts means all must pass"
    );

    let path = "/actions/workflows/deploy.yml/dispatches";
    let inputs = |name: &str| json!({ "ref": "main", "inputs": { name: "rollback" } });
    assert_eq!(
        ask(&world, "POST", path, &inputs("unknown"), &[])
            .await
            .status,
        422
    );
    assert_eq!(
        ask(&world, "POST", path, &inputs("deployment_type"), &[])
            .await
            .status,
        204
    );
    let told = ask(
        &world,
        "POST",
        path,
        &inputs("deployment_type"),
        &[("x-github-api-version", "2026-03-10")],
    )
    .await;
    assert_eq!(
        (told.status, told.body_json()["workflow_run_id"].is_u64()),
        (200, true)
    );
    assert_eq!(world.github.with(|hub| hub.dispatches.len()), 2);
    assert_eq!(
        world.calls().count(
            "GitHub",
            "GET /repos/{o}/{r}/actions/runs/{run}/attempts/{n}/jobs"
        ),
        1
    );
}

#[tokio::test]
async fn github_tells_what_its_description_does_not_know() {
    let world = World::without_table();
    let deployment = json!({ "ref": "main", "enviroment": "production", "auto_merge": "no" });
    for (method, path, body) in [
        ("GET", "/commits?per_page=many&branch=main", Value::Null),
        ("GET", "/actions/runs/latest", Value::Null),
        ("GET", "/branches/main", json!({})),
        ("POST", "/deployments", Value::Null),
        ("POST", "/deployments", deployment),
        (
            "POST",
            "/deployments/1/statuses",
            json!({ "state": "fine" }),
        ),
    ] {
        ask(&world, method, path, &body, &[]).await;
    }
    insta::assert_snapshot!(world.github.misfits().join("\n"), @r#"
    GET /repos/{o}/{r}/commits: `per_page` is "many", not {"type":"integer"}
    GET /repos/{o}/{r}/commits: no parameter `branch`
    GET /repos/{o}/{r}/actions/runs/{run}: `run_id` is "latest", not {"type":"integer"}
    GET /repos/{o}/{r}/branches/{branch}: takes no body: {}
    POST /repos/{o}/{r}/deployments: the body is missing
    POST /repos/{o}/{r}/deployments: `/auto_merge`: the value is not of type "boolean"
    POST /repos/{o}/{r}/deployments: ``: Additional properties are not allowed ('enviroment' was unexpected)
    POST /repos/{o}/{r}/deployments/{id}/statuses: `/state`: the value is not one of "error", "failure" or 5 other candidates
    "#);
    assert!(world.github.misfits().is_empty(), "each is told once");
}
