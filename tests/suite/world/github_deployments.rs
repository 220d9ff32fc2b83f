//! The fake GitHub's routes for environments, reviews, dispatches and deployments; it does not know who may ask.

use serde_json::{Value, json};

use super::github_answers::{failure, list, not_found};
use super::github_routes::Ask;
use super::github_state::{Dispatch, Hub, HubDeployment, now};
use super::http::Reply;

/// Environments of a run that wait for a review.
pub fn pending(hub: &mut Hub, ask: &Ask) -> Reply {
    let names = hub.pending.get(&ask.number(0)).cloned().unwrap_or_default();
    let all: Vec<Value> = names
        .iter()
        .map(|name| {
            let rules = hub.environments.get(name).cloned().unwrap_or_default();
            let reviewers: Vec<Value> = rules.reviewers.iter().map(|r| json!({ "type": "User", "reviewer": hub.user_json(r) })).collect();
            json!({
                "environment": hub.environment_json(name), "wait_timer": rules.wait_timer, "wait_timer_started_at": now(),
                "current_user_can_approve": false, "reviewers": reviewers,
            })
        })
        .collect();
    Reply::json(200, &all.into())
}

/// An environment's protection rules.
pub fn environment(hub: &mut Hub, ask: &Ask) -> Reply {
    let Some(rules) = hub.environments.get(ask.var(0)) else {
        return not_found();
    };
    let rule = |n: u64, kind: &str| json!({ "id": rules.id * 10 + n, "node_id": format!("GA_{n}"), "type": kind });
    let mut protection = Vec::new();
    if rules.wait_timer > 0 {
        let mut timer = rule(1, "wait_timer");
        timer["wait_timer"] = rules.wait_timer.into();
        protection.push(timer);
    }
    if !rules.reviewers.is_empty() {
        let mut reviewers = rule(2, "required_reviewers");
        reviewers["prevent_self_review"] = rules.prevent_self_review.into();
        reviewers["reviewers"] = rules
            .reviewers
            .iter()
            .map(|r| json!({ "type": "User", "reviewer": hub.user_json(r) }))
            .collect();
        protection.push(reviewers);
    }
    let policy = if rules.branch_policy {
        json!({ "protected_branches": true, "custom_branch_policies": false })
    } else {
        Value::Null
    };
    if rules.branch_policy {
        protection.push(rule(3, "branch_policy"));
    }
    let mut shown = hub.environment_json(ask.var(0));
    shown["protection_rules"] = protection.into();
    shown["deployment_branch_policy"] = policy;
    Reply::json(200, &shown)
}

/// Starts a workflow.
pub fn dispatch(hub: &mut Hub, ask: &Ask) -> Reply {
    let (body, file) = (ask.req.json(), ask.var(0).to_owned());
    let Some(declared) = hub.workflows.get(&file).cloned() else {
        return not_found();
    };
    let reference = body["ref"].as_str().unwrap_or_default().to_owned();
    let Some(sha) = hub.resolve(&reference).map(|c| c.sha.clone()) else {
        return failure(422, &format!("No ref found for: {reference}"));
    };
    let inputs = body["inputs"].as_object().cloned().unwrap_or_default();
    let unknown: Vec<&String> = inputs.keys().filter(|k| !declared.contains(k)).collect();
    if !unknown.is_empty() {
        return failure(422, &format!("Unexpected inputs provided: {unknown:?}"));
    }
    let (run_id, _) = hub.start_run(&file, "deploy", &reference, &sha, "github-actions[bot]");
    if let Some(run) = hub.runs.get_mut(&run_id) {
        run.inputs = Value::Object(inputs.clone());
    }
    hub.dispatches.push(Dispatch {
        workflow: file,
        reference,
        inputs: Value::Object(inputs),
        run_id,
    });
    let always = ask.req.header("x-github-api-version") >= "2026-03-10";
    if always || body["return_run_details"] == true {
        let html = format!(
            "https://github.com/{}/{}/actions/runs/{run_id}",
            hub.owner, hub.repo
        );
        return Reply::json(
            200,
            &json!({ "workflow_run_id": run_id, "run_url": hub.api(&format!("/actions/runs/{run_id}")), "html_url": html }),
        );
    }
    Reply {
        status: 204,
        headers: Vec::new(),
        body: Vec::new().into(),
    }
}

/// Deployments in GitHub's own sense, newest first.
pub fn deployments(hub: &mut Hub, ask: &Ask) -> Reply {
    let wants =
        |name: &str, have: &str| ask.req.param(name).is_none_or(|v| v == have || v == "none");
    let fits = |d: &&HubDeployment| {
        wants("sha", &d.sha) && wants("ref", &d.reference) && wants("environment", &d.environment)
    };
    let all = hub
        .deployments
        .iter()
        .rev()
        .filter(fits)
        .map(|d| hub.deployment_json(d))
        .collect();
    list(ask.req, all)
}

/// Creates a deployment.
pub fn deploy(hub: &mut Hub, ask: &Ask) -> Reply {
    let body = ask.req.json();
    let reference = body["ref"].as_str().unwrap_or_default().to_owned();
    let Some(sha) = hub.resolve(&reference).map(|c| c.sha.clone()) else {
        return failure(422, &format!("No ref found for: {reference}"));
    };
    let behind = !hub.history(&sha).contains(hub.head().as_str());
    if body["auto_merge"] != false && hub.branches.contains_key(&reference) && behind {
        return Reply::json(
            202,
            &json!({ "message": format!("Auto-merged {} into {reference} on deployment.", hub.default_branch) }),
        );
    }
    let wanted: Option<Vec<&str>> = body["required_contexts"]
        .as_array()
        .map(|a| a.iter().filter_map(Value::as_str).collect());
    let red =
        hub.statuses.get(&sha).into_iter().flatten().any(|(c, s)| {
            s != "success" && wanted.as_ref().is_none_or(|w| w.contains(&c.as_str()))
        });
    if red {
        return failure(409, "Conflict: Commit status checks failed for the ref.");
    }
    let environment = body["environment"]
        .as_str()
        .unwrap_or("production")
        .to_owned();
    let id = hub.id();
    let made = HubDeployment {
        id,
        sha,
        reference,
        environment,
        body,
        at: now(),
        statuses: Vec::new(),
    };
    let shown = hub.deployment_json(&made);
    hub.deployments.push(made);
    Reply::json(201, &shown)
}

/// Statuses of a deployment, newest first.
pub fn deployment_statuses(hub: &mut Hub, ask: &Ask) -> Reply {
    let Some(d) = hub.deployments.iter().find(|d| d.id == ask.number(0)) else {
        return not_found();
    };
    let all = d
        .statuses
        .iter()
        .enumerate()
        .rev()
        .map(|(n, s)| hub.deployment_status_json(d, n, s))
        .collect();
    list(ask.req, all)
}

/// Adds a status to a deployment.
pub fn add_deployment_status(hub: &mut Hub, ask: &Ask) -> Reply {
    const STATES: [&str; 7] = [
        "error",
        "failure",
        "inactive",
        "in_progress",
        "queued",
        "pending",
        "success",
    ];
    let body = ask.req.json();
    let long = body["description"]
        .as_str()
        .is_some_and(|d| d.chars().count() > 140);
    if long || !body["state"].as_str().is_some_and(|s| STATES.contains(&s)) {
        return failure(422, "Validation Failed");
    }
    let Some(at) = hub.deployments.iter().position(|d| d.id == ask.number(0)) else {
        return not_found();
    };
    hub.deployments[at].statuses.push(body.clone());
    let d = &hub.deployments[at];
    Reply::json(
        201,
        &hub.deployment_status_json(d, d.statuses.len() - 1, &body),
    )
}
