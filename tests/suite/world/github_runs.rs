//! Runs, attempts and jobs of the fake GitHub: how they start, are run again and end, and their routes.

use serde_json::{Value, json};

use super::github_answers::{counted, failure, not_found};
use super::github_routes::Ask;
use super::github_state::{Attempt, Hub, HubDeployment, Run, RunJob, now};
use super::http::Reply;

impl Hub {
    /// Starts a run of one job that is in progress; gives (run id, job id).
    pub fn start_run(
        &mut self,
        workflow: &str,
        job: &str,
        branch: &str,
        sha: &str,
        actor: &str,
    ) -> (u64, u64) {
        let (run_id, job_id) = (self.id(), self.id());
        let number = self.runs.len() as u64 + 1;
        let attempt = self.attempt(job_id, job, actor);
        self.runs.insert(
            run_id,
            Run {
                id: run_id,
                number,
                workflow: workflow.to_owned(),
                event: "workflow_dispatch".to_owned(),
                head_branch: branch.to_owned(),
                head_sha: sha.to_owned(),
                actor: actor.to_owned(),
                inputs: Value::Null,
                attempts: vec![attempt],
            },
        );
        (run_id, job_id)
    }

    /// Adds an attempt, as "re-run" does; gives (attempt number, new job's id).
    pub fn rerun(&mut self, run_id: u64, actor: &str) -> (usize, u64) {
        let job_id = self.id();
        let name = self
            .runs
            .get(&run_id)
            .and_then(|r| r.attempts.first()?.jobs.first())
            .map(|j| j.name.clone());
        let attempt = self.attempt(job_id, &name.unwrap_or_else(|| "deploy".to_owned()), actor);
        let run = self
            .runs
            .get_mut(&run_id)
            .unwrap_or_else(|| panic!("no run {run_id} in this world"));
        run.attempts.push(attempt);
        (run.attempts.len(), job_id)
    }

    /// Adds another job to the last attempt of a run, as a matrix does; gives its id.
    pub fn add_job(&mut self, run_id: u64, name: &str) -> u64 {
        let id = self.id();
        let job = in_progress(id, name);
        let run = self
            .runs
            .get_mut(&run_id)
            .unwrap_or_else(|| panic!("no run {run_id} in this world"));
        if let Some(attempt) = run.attempts.last_mut() {
            attempt.jobs.push(job);
        }
        id
    }

    /// What the `environment:` of a job makes before its first step.
    pub fn environment_deployment(
        &mut self,
        environment: &str,
        (run_id, job_id): (u64, u64),
        branch: &str,
        sha: &str,
    ) -> u64 {
        let id = self.id();
        let page = format!(
            "https://github.com/{}/{}/actions/runs/{run_id}/job/{job_id}",
            self.owner, self.repo
        );
        self.deployments.push(HubDeployment {
            id,
            sha: sha.to_owned(),
            reference: branch.to_owned(),
            environment: environment.to_owned(),
            body: json!({ "task": "deploy" }),
            at: now(),
            statuses: vec![json!({ "state": "in_progress", "log_url": page })],
        });
        id
    }

    fn attempt(&self, job_id: u64, job: &str, actor: &str) -> Attempt {
        Attempt {
            status: "in_progress".to_owned(),
            conclusion: None,
            triggering_actor: actor.to_owned(),
            started_at: now(),
            jobs: vec![in_progress(job_id, job)],
        }
    }

    /// Ends a job (`success`, `failure`, `cancelled`), and its attempt when it was the last one running.
    pub fn end_job(&mut self, job_id: u64, conclusion: &str) {
        for attempt in self.runs.values_mut().flat_map(|r| &mut r.attempts) {
            let Some(job) = attempt.jobs.iter_mut().find(|j| j.id == job_id) else {
                continue;
            };
            job.status = "completed".to_owned();
            let shown = match conclusion {
                "success" => "success",
                "cancelled" => "error",
                _ => "failure",
            };
            let link = format!("/job/{job_id}");
            let made = |d: &&mut HubDeployment| {
                let first = d.statuses.first().map(|s| s["log_url"].to_string());
                first.is_some_and(|page| page.trim_end_matches('"').ends_with(&link))
            };
            for d in self.deployments.iter_mut().filter(made) {
                d.statuses
                    .push(json!({ "state": shown, "log_url": d.statuses[0]["log_url"] }));
            }
            job.conclusion = Some(conclusion.to_owned());
            job.completed_at = Some(now());
            if attempt.jobs.iter().all(|j| j.status == "completed") {
                let worst = ["cancelled", "failure"].into_iter().find(|c| {
                    attempt
                        .jobs
                        .iter()
                        .any(|j| j.conclusion.as_deref() == Some(c))
                });
                attempt.status = "completed".to_owned();
                attempt.conclusion = Some(worst.unwrap_or(conclusion).to_owned());
            }
        }
    }

    /// A job by its id, with its run and attempt number.
    pub fn find_job(&self, job_id: u64) -> Option<(&Run, usize, &RunJob)> {
        self.runs.values().find_map(|run| {
            run.attempts
                .iter()
                .enumerate()
                .find_map(|(n, a)| Some((run, n + 1, a.jobs.iter().find(|j| j.id == job_id)?)))
        })
    }
}

fn in_progress(id: u64, name: &str) -> RunJob {
    RunJob {
        id,
        name: name.to_owned(),
        status: "in_progress".to_owned(),
        conclusion: None,
        runner: "GitHub Actions 1".to_owned(),
        steps: Vec::new(),
        started_at: now(),
        completed_at: None,
    }
}

/// Shows something of a run, or 404.
pub fn on_run(hub: &Hub, id: u64, show: impl Fn(&Hub, &Run) -> Reply) -> Reply {
    hub.runs
        .get(&id)
        .map_or_else(not_found, |run| show(hub, run))
}

/// One attempt of a run.
pub fn attempt(hub: &Hub, run: &Run, number: usize) -> Reply {
    let shown = number.checked_sub(1).and_then(|n| run.attempts.get(n));
    shown.map_or_else(not_found, |a| {
        Reply::json(200, &hub.run_json(run, number, a))
    })
}

/// The jobs of one attempt.
pub fn jobs(hub: &Hub, run: &Run, number: usize) -> Reply {
    let Some(attempt) = number.checked_sub(1).and_then(|n| run.attempts.get(n)) else {
        return not_found();
    };
    let all: Vec<Value> = attempt
        .jobs
        .iter()
        .map(|j| hub.job_json(run, number, j))
        .collect();
    Reply::json(200, &json!({ "total_count": all.len(), "jobs": all }))
}

/// All runs that the filters let through, newest first.
pub fn runs(hub: &mut Hub, ask: &Ask) -> Reply {
    some_runs(hub, ask, |_| true)
}

/// The same, of one workflow.
pub fn runs_of_workflow(hub: &mut Hub, ask: &Ask) -> Reply {
    some_runs(hub, ask, |run| run.workflow == ask.var(0))
}

/// Cancels a run: what is left of it ends.
pub fn cancel(hub: &mut Hub, ask: &Ask) -> Reply {
    let id = ask.number(0);
    let open = |j: &&RunJob| j.status != "completed";
    let Some(run) = hub.runs.get(&id) else {
        return not_found();
    };
    let jobs: Vec<u64> = run
        .attempts
        .iter()
        .flat_map(|a| a.jobs.iter().filter(open).map(|j| j.id))
        .collect();
    if jobs.is_empty() {
        return failure(409, "Cannot cancel a workflow run that is completed");
    }
    for job in jobs {
        hub.end_job(job, "cancelled");
    }
    Reply::json(202, &json!({}))
}

fn some_runs(hub: &Hub, ask: &Ask, of: impl Fn(&Run) -> bool) -> Reply {
    let wants = |name: &str, have: &str| ask.req.param(name).is_none_or(|v| v == have);
    let shown = hub.runs.values().rev().filter_map(|run| {
        let last = run.attempts.last()?;
        let fits = of(run)
            && wants("head_sha", &run.head_sha)
            && wants("branch", &run.head_branch)
            && wants("event", &run.event)
            && wants("actor", &run.actor)
            && (wants("status", &last.status)
                || wants("status", last.conclusion.as_deref().unwrap_or_default()));
        fits.then(|| hub.run_json(run, run.attempts.len(), last))
    });
    let all = shown.collect();
    counted(ask.req, "workflow_runs", all)
}

/// One job.
pub fn job(hub: &mut Hub, ask: &Ask) -> Reply {
    hub.find_job(ask.number(0))
        .map_or_else(not_found, |(run, attempt, job)| {
            Reply::json(200, &hub.job_json(run, attempt, job))
        })
}
