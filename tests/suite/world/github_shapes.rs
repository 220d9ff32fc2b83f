//! GitHub's JSON shapes, by its OpenAPI description; no routes and no rules.

use serde_json::{Value, json};

use super::github_state::{
    Approval, Attempt, CheckRun, Commit, Hub, HubDeployment, Pull, Run, RunJob, sha_of,
};
use super::http::percent_encode;

fn node(kind: &str, id: u64) -> String {
    format!("{kind}_{id}")
}

impl Hub {
    /// The API address of something in the repository.
    pub fn api(&self, rest: &str) -> String {
        format!("{}/repos/{}/{}{rest}", self.base, self.owner, self.repo)
    }

    fn html(&self, rest: &str) -> String {
        format!("https://github.com/{}/{}{rest}", self.owner, self.repo)
    }

    /// A user.
    pub fn user_json(&self, login: &str) -> Value {
        let id = u64::from_str_radix(&sha_of(login)[..6], 16).unwrap_or(1);
        // `github-actions[bot]` is written so in addresses.
        let escaped = percent_encode(login);
        let api = format!("{}/users/{escaped}", self.base);
        let kind = if login.ends_with("[bot]") {
            "Bot"
        } else {
            "User"
        };
        json!({
            "login": login, "id": id, "node_id": node("U", id), "type": kind, "site_admin": false, "gravatar_id": "",
            "avatar_url": format!("https://avatars.githubusercontent.com/u/{id}"), "url": api, "html_url": format!("https://github.com/{escaped}"),
            "followers_url": format!("{api}/followers"), "following_url": format!("{api}/following"), "gists_url": format!("{api}/gists"),
            "starred_url": format!("{api}/starred"), "subscriptions_url": format!("{api}/subscriptions"),
            "organizations_url": format!("{api}/orgs"), "repos_url": format!("{api}/repos"), "events_url": format!("{api}/events"),
            "received_events_url": format!("{api}/received_events"),
        })
    }

    /// The repository.
    pub fn repo_json(&self) -> Value {
        let mut repo = json!({
            "id": 4242, "node_id": "R_4242", "name": self.repo, "full_name": format!("{}/{}", self.owner, self.repo),
            "private": true, "visibility": "private", "owner": self.user_json(&self.owner), "html_url": self.html(""), "url": self.api(""),
            "description": null, "fork": false, "default_branch": self.default_branch, "archived": false, "disabled": false,
            "created_at": "2024-01-01T00:00:00Z", "updated_at": "2024-01-01T00:00:00Z", "pushed_at": "2024-01-01T00:00:00Z",
            "permissions": { "admin": false, "maintain": false, "push": true, "triage": true, "pull": true },
        });
        for count in [
            "forks",
            "forks_count",
            "open_issues",
            "open_issues_count",
            "size",
            "stargazers_count",
            "watchers",
            "watchers_count",
            "network_count",
            "subscribers_count",
        ] {
            repo[count] = 0.into();
        }
        for has in [
            "has_issues",
            "has_projects",
            "has_wiki",
            "has_pages",
            "has_discussions",
            "has_downloads",
        ] {
            repo[has] = false.into();
        }
        for none in ["homepage", "language", "mirror_url", "license"] {
            repo[none] = Value::Null;
        }
        for clone in ["clone_url", "git_url", "ssh_url", "svn_url"] {
            repo[clone] = self.html(".git").into();
        }
        for part in [
            "archive",
            "assignees",
            "blobs",
            "branches",
            "collaborators",
            "comments",
            "commits",
            "compare",
            "contents",
            "contributors",
            "deployments",
            "downloads",
            "events",
            "forks",
            "git_commits",
            "git_refs",
            "git_tags",
            "hooks",
            "issue_comment",
            "issue_events",
            "issues",
            "keys",
            "labels",
            "languages",
            "merges",
            "milestones",
            "notifications",
            "pulls",
            "releases",
            "stargazers",
            "statuses",
            "subscribers",
            "subscription",
            "tags",
            "teams",
            "trees",
        ] {
            repo[format!("{part}_url")] = self.api(&format!("/{part}")).into();
        }
        repo
    }

    /// A commit, as lists and comparisons hold it.
    pub fn commit_json(&self, commit: &Commit) -> Value {
        let sha = &commit.sha;
        let signature = json!({ "name": commit.author, "email": format!("{}@example.com", commit.author), "date": commit.at });
        let parents: Vec<Value> = commit
            .parents
            .iter()
            .map(|p| json!({ "sha": p, "url": self.api(&format!("/commits/{p}")), "html_url": self.html(&format!("/commit/{p}")) }))
            .collect();
        json!({
            "sha": sha, "node_id": format!("C_{sha}"), "url": self.api(&format!("/commits/{sha}")),
            "html_url": self.html(&format!("/commit/{sha}")), "comments_url": self.api(&format!("/commits/{sha}/comments")),
            "commit": {
                "author": signature, "committer": signature, "message": commit.message, "comment_count": 0,
                "tree": { "sha": sha_of(sha), "url": self.api(&format!("/git/trees/{}", sha_of(sha))) }, "url": self.api(&format!("/git/commits/{sha}")),
                "verification": { "verified": false, "reason": "unsigned", "signature": null, "payload": null, "verified_at": null },
            },
            "author": self.user_json(&commit.author), "committer": self.user_json(&commit.author), "parents": parents,
        })
    }

    /// A check run.
    pub fn check_run_json(&self, sha: &str, n: usize, run: &CheckRun) -> Value {
        let id = 70_000 + n as u64;
        json!({
            "id": id, "node_id": node("CR", id), "head_sha": sha, "external_id": "", "name": run.name, "status": run.status,
            "url": self.api(&format!("/check-runs/{id}")), "html_url": self.html(&format!("/runs/{id}")),
            "details_url": self.html(&format!("/runs/{id}")), "conclusion": run.conclusion,
            "started_at": "2024-01-01T00:00:00Z", "completed_at": run.conclusion.as_ref().map(|_| "2024-01-01T00:01:00Z"),
            "output": { "title": null, "summary": null, "text": null, "annotations_count": 0, "annotations_url": self.api(&format!("/check-runs/{id}/annotations")) },
            "check_suite": { "id": 80_000 }, "pull_requests": [],
            "app": {
                "id": 15368, "slug": run.app, "node_id": "A_1", "client_id": "Iv1.world", "owner": self.user_json("github"), "name": run.app,
                "description": null, "external_url": "https://example.com", "html_url": format!("https://github.com/apps/{}", run.app),
                "created_at": "2024-01-01T00:00:00Z", "updated_at": "2024-01-01T00:00:00Z", "permissions": {}, "events": [],
            },
        })
    }

    /// A run as one attempt shows it (`attempt` counts from 1).
    pub fn run_json(&self, run: &Run, number: usize, attempt: &Attempt) -> Value {
        let (id, url) = (run.id, self.api(&format!("/actions/runs/{}", run.id)));
        let part = |what: &str| format!("{url}/{what}");
        let head = self.commits.get(&run.head_sha);
        let (message, at) = head.map_or(("gone", "2024-01-01T00:00:00Z"), |c| {
            (c.message.as_str(), c.at.as_str())
        });
        let previous = (number > 1).then(|| part(&format!("attempts/{}", number - 1)));
        json!({
            "id": id, "name": run.workflow, "node_id": node("WFR", id), "check_suite_id": 80_000, "check_suite_node_id": "CS_80000",
            "head_branch": run.head_branch, "head_sha": run.head_sha, "path": format!(".github/workflows/{}", run.workflow),
            "run_number": run.number, "run_attempt": number, "event": run.event, "display_title": run.workflow, "status": attempt.status,
            "conclusion": attempt.conclusion, "workflow_id": 900, "url": url, "html_url": self.html(&format!("/actions/runs/{id}")),
            "pull_requests": [], "created_at": run.attempts[0].started_at, "updated_at": attempt.started_at,
            "run_started_at": attempt.started_at, "actor": self.user_json(&run.actor), "triggering_actor": self.user_json(&attempt.triggering_actor),
            "jobs_url": part("jobs"), "logs_url": part("logs"), "check_suite_url": self.api("/check-suites/80000"), "artifacts_url": part("artifacts"),
            "cancel_url": part("cancel"), "rerun_url": part("rerun"), "previous_attempt_url": previous,
            "workflow_url": self.api("/actions/workflows/900"), "referenced_workflows": [],
            "head_commit": {
                "id": run.head_sha, "tree_id": sha_of(&run.head_sha), "message": message, "timestamp": at,
                "author": { "name": "dev", "email": "dev@example.com" }, "committer": { "name": "dev", "email": "dev@example.com" },
            },
            "repository": self.repo_json(), "head_repository": self.repo_json(),
        })
    }

    /// A job.
    pub fn job_json(&self, run: &Run, attempt: usize, job: &RunJob) -> Value {
        let id = job.id;
        let steps: Vec<Value> = (1..)
            .zip(&job.steps)
            .map(|(n, (name, end))| json!({ "name": name, "number": n, "status": "completed", "conclusion": end }))
            .collect();
        json!({
            "id": id, "run_id": run.id, "run_url": self.api(&format!("/actions/runs/{}", run.id)), "run_attempt": attempt,
            "node_id": node("J", id), "head_sha": run.head_sha, "head_branch": run.head_branch, "workflow_name": run.workflow,
            "url": self.api(&format!("/actions/jobs/{id}")), "html_url": self.html(&format!("/actions/runs/{}/job/{id}", run.id)),
            "status": job.status, "conclusion": job.conclusion, "created_at": job.started_at, "started_at": job.started_at,
            "completed_at": job.completed_at, "name": job.name, "steps": steps, "check_run_url": self.api(&format!("/check-runs/{id}")),
            "labels": ["ubuntu-latest"], "runner_id": 1, "runner_name": job.runner, "runner_group_id": 0, "runner_group_name": "GitHub Actions",
        })
    }

    /// An environment as approvals hold it.
    pub fn environment_json(&self, name: &str) -> Value {
        let id = self.environments.get(name).map_or(1, |e| e.id);
        json!({
            "id": id, "node_id": node("EN", id), "name": name, "url": self.api(&format!("/environments/{name}")),
            "html_url": self.html("/deployments/activity_log?environments_filter=") + name,
            "created_at": "2024-01-01T00:00:00Z", "updated_at": "2024-01-01T00:00:00Z",
        })
    }

    /// A review of a run.
    pub fn approval_json(&self, approval: &Approval) -> Value {
        let environments: Vec<Value> = approval
            .environments
            .iter()
            .map(|e| self.environment_json(e))
            .collect();
        json!({ "environments": environments, "state": approval.state, "user": self.user_json(&approval.user), "comment": approval.comment })
    }

    /// A deployment in GitHub's own sense.
    pub fn deployment_json(&self, d: &HubDeployment) -> Value {
        let get = |key: &str, default: Value| {
            if d.body[key].is_null() {
                default
            } else {
                d.body[key].clone()
            }
        };
        let url = self.api(&format!("/deployments/{}", d.id));
        json!({
            "id": d.id, "node_id": node("DE", d.id), "url": url, "sha": d.sha, "ref": d.reference, "task": get("task", json!("deploy")),
            "payload": get("payload", json!({})), "original_environment": d.environment, "environment": d.environment,
            "description": get("description", Value::Null), "creator": self.user_json("github-actions[bot]"), "created_at": d.at, "updated_at": d.at,
            "statuses_url": format!("{url}/statuses"), "repository_url": self.api(""),
            "transient_environment": get("transient_environment", json!(false)), "production_environment": get("production_environment", json!(false)),
        })
    }

    /// The n-th status of a deployment.
    pub fn deployment_status_json(&self, d: &HubDeployment, n: usize, status: &Value) -> Value {
        let id = d.id * 100 + n as u64;
        let text = |key: &str| status[key].as_str().unwrap_or_default().to_owned();
        json!({
            "id": id, "node_id": node("DES", id), "state": text("state"), "creator": self.user_json("github-actions[bot]"),
            "description": text("description"), "environment": d.environment, "target_url": text("target_url"), "log_url": text("log_url"),
            "environment_url": text("environment_url"), "created_at": d.at, "updated_at": d.at,
            "deployment_url": self.api(&format!("/deployments/{}", d.id)), "repository_url": self.api(""),
            "url": self.api(&format!("/deployments/{}/statuses/{id}", d.id)),
        })
    }

    /// A pull request in a list.
    pub fn pull_json(&self, pull: &Pull) -> Value {
        let (n, url) = (pull.number, self.api(&format!("/pulls/{}", pull.number)));
        let side = |name: &str| json!({ "label": format!("{}:{name}", self.owner), "ref": name, "sha": pull.sha, "user": self.user_json(&pull.user), "repo": self.repo_json() });
        let links: Value = [
            "comments",
            "commits",
            "statuses",
            "html",
            "issue",
            "review_comments",
            "review_comment",
            "self",
        ]
        .iter()
        .map(|k| ((*k).to_owned(), json!({ "href": url })))
        .collect::<serde_json::Map<_, _>>()
        .into();
        json!({
            "url": url, "id": 600_000 + n, "node_id": node("PR", n), "html_url": self.html(&format!("/pull/{n}")), "diff_url": format!("{url}.diff"),
            "patch_url": format!("{url}.patch"), "issue_url": self.api(&format!("/issues/{n}")), "commits_url": format!("{url}/commits"),
            "review_comments_url": format!("{url}/comments"), "review_comment_url": format!("{url}/comments{{/number}}"),
            "comments_url": self.api(&format!("/issues/{n}/comments")), "statuses_url": self.api(&format!("/statuses/{}", pull.sha)),
            "number": n, "state": if pull.merged { "closed" } else { "open" }, "locked": false, "title": pull.title, "user": self.user_json(&pull.user),
            "body": null, "labels": [], "milestone": null, "created_at": "2024-01-01T00:00:00Z", "updated_at": "2024-01-01T00:00:00Z",
            "closed_at": pull.merged.then_some("2024-01-01T00:00:00Z"), "merged_at": pull.merged.then_some("2024-01-01T00:00:00Z"),
            "merge_commit_sha": pull.sha, "assignee": null, "head": side("feature"), "base": side(&self.default_branch), "_links": links,
            "author_association": "MEMBER", "auto_merge": null, "draft": false,
        })
    }
}
