//! `workflow`: the deploy workflow dispatched as a rollback, whose run borrows the lock and is followed to its end.

use std::time::Duration;

use serde_json::{Value, json};

use super::prod::{BINARY, Like, Prod, VERIFY};
use super::told::{like, seen, told};
use crate::world::app::Behaviour;
use crate::world::faults::{Fault, On};
use crate::world::http::Reply;
use crate::world::runner_result::StepResult;
use crate::world::runner_spec::Uses;

const FILE: &str = "deploy-production.yml";
const DISPATCH: &str = "POST /repos/{o}/{r}/actions/workflows/{file}/dispatches";

/// The documented workflow, as far as a dispatch reads it.
const WORKFLOW: &str = "name: deploy
on:
  workflow_dispatch:
    inputs:
      deployment_type: { type: choice, options: [deploy, rollback, hotfix], default: deploy }
      rollback_target: { type: string, required: false }
      reason: { type: string }
      force_deploy: { type: boolean, default: false }
jobs: {}
";

/// How the dispatched run goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Run {
    Works,
    DeployFails,
}

impl Prod {
    fn dispatches(&self) -> Vec<(u64, Value)> {
        self.world.github.with(|hub| {
            let all = hub.dispatches.iter();
            all.map(|d| (d.run_id, d.inputs.clone())).collect()
        })
    }

    /// Plays the run that is dispatched, once it is; what its guard step said.
    async fn child(&self, how: Run) -> StepResult {
        let (run, inputs) = loop {
            if let Some(dispatch) = self.dispatches().into_iter().next() {
                break dispatch;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        };
        let job_id = self
            .world
            .github
            .with(|hub| hub.runs[&run].attempts[0].jobs[0].id);
        let mut spec = self.world.job(BINARY);
        spec.existing = Some((run, 1, job_id));
        spec.actor = "github-actions[bot]".into();
        spec.dispatch = inputs.clone();
        let mut job = self.world.start(spec);
        let input = |name: &str| inputs[name].as_str().unwrap_or_default().to_owned();
        let (kind, target) = (input("deployment_type"), input("rollback_target"));
        let with = [
            ("environment", "prod"),
            ("deployment_type", kind.as_str()),
            ("rollback_target", target.as_str()),
        ];
        let guard = job.uses("guard", &with).await;
        if guard.output("deploy_needed") == "true" {
            job.run("deploy", async {
                if how == Run::DeployFails {
                    return Err("npx cdk deploy: exit code 1".to_owned());
                }
                for function in &self.functions {
                    let to = json!({ "FunctionVersion": "1" });
                    self.lambda("PUT", &format!("/{function}/aliases/live"), &to)
                        .await;
                }
                tokio::time::sleep(Duration::from_millis(150)).await;
                Ok(())
            })
            .await;
            job.uses("verify", &VERIFY).await;
        }
        self.world.github.with(|hub| {
            let run = hub.runs.get_mut(&run).unwrap();
            let step = |name: &str, end: &str| (name.to_owned(), end.to_owned());
            run.attempts[0].jobs[0].steps = match how {
                Run::Works => vec![step("Run npx cdk deploy", "success")],
                Run::DeployFails => vec![
                    step("Run hanbit/deploy-guard@v1", "success"),
                    step("Run npx cdk deploy", "failure"),
                ],
            };
        });
        job.finish().await;
        guard
    }

    /// A bad deployment whose restore dispatches a run; what guard and verify said, and the run's guard.
    async fn with_child(&self, how: Run) -> (StepResult, StepResult, StepResult) {
        let verify = Uses::new("verify", &VERIFY);
        let bad = self.deploy_by("v2", Behaviour::broken("v2"), -1, verify);
        let ((guard, verify), child) = futures_util::future::join(bad, self.child(how)).await;
        (guard, verify, child)
    }

    fn put_workflow(&self, text: &str) {
        self.world.github.with(|hub| {
            hub.put_file(&format!(".github/workflows/{FILE}"), text);
            let declared = [
                "deployment_type",
                "rollback_target",
                "reason",
                "force_deploy",
            ];
            hub.workflows
                .insert(FILE.to_owned(), declared.map(str::to_owned).into());
        });
    }
}

fn runs(locale: &'static str, strategies: &'static str) -> Like {
    Like {
        workflow: Some(FILE),
        ..like(locale, strategies)
    }
}

async fn prod(locale: &'static str) -> Prod {
    let prod = Prod::new(runs(locale, "workflow")).await;
    prod.put_workflow(WORKFLOW);
    prod
}

fn statuses(records: &[[String; 4]]) -> Vec<(&str, &str)> {
    let all = records.iter();
    all.map(|r| (r[0].as_str(), r[1].as_str())).collect()
}

#[tokio::test]
async fn the_dispatched_run_brings_it_back_and_inherits_the_lock() {
    for locale in ["en", "ko"] {
        let prod = prod(locale).await;
        let mark = seen(&prod);
        let (_, verify, child) = prod.with_child(Run::Works).await;
        assert_eq!(verify.output("status"), "rolled_back", "{}", verify.story());
        verify.assert_code(1);
        assert_eq!(child.output("deploy_needed"), "true", "{}", child.story());
        assert_eq!(prod.aliases().await, ["1", "1"]);
        let records = prod.records().await;
        let wanted = [
            ("deploy", "success"),
            ("deploy", "rolled_back"),
            ("rollback", "success"),
        ];
        assert_eq!(statuses(&records), wanted);
        let dispatches = prod.dispatches();
        assert_eq!(dispatches.len(), 1);
        let inputs = dispatches[0].1.as_object().unwrap();
        let names: Vec<_> = inputs.keys().map(String::as_str).collect();
        let given = [
            "deployment_type",
            "force_deploy",
            "reason",
            "rollback_target",
        ];
        assert_eq!(names, given);
        assert_eq!(inputs["force_deploy"], "false");
        assert_eq!(inputs["deployment_type"], "rollback");
        insta::assert_snapshot!(format!("workflow_{locale}"), told(&prod, &verify, mark));
    }
}

#[tokio::test]
async fn a_run_that_fails_is_told_with_its_step() {
    for locale in ["en", "ko"] {
        let prod = prod(locale).await;
        let mark = seen(&prod);
        let (_, verify, _) = prod.with_child(Run::DeployFails).await;
        verify.assert_code(4);
        assert_eq!(verify.output("status"), "rollback_failed");
        let summary = verify.summary.clone().unwrap_or_default();
        assert!(summary.contains("deploy / Run npx cdk deploy"), "{summary}");
        insta::assert_snapshot!(
            format!("workflow_failed_{locale}"),
            told(&prod, &verify, mark)
        );
    }
}

#[tokio::test]
async fn required_reviewers_and_missing_inputs_are_said_at_the_start() {
    let plain = "on:\n  workflow_dispatch:\n    inputs:\n      deployment_type: { type: string }\n";
    for (text, reviewer, said) in [
        (WORKFLOW, Some("lead"), "required reviewers"),
        (plain, None, "declares no input rollback"),
    ] {
        let prod = prod("en").await;
        prod.put_workflow(text);
        if let Some(reviewer) = reviewer {
            prod.world
                .github
                .with(|hub| hub.environment("prod", &[reviewer]));
        }
        let verify = Uses::new("verify", &VERIFY);
        let (guard, verify) = prod
            .deploy_by("v2", Behaviour::broken("v2"), 4, verify)
            .await;
        let summary = guard.summary.clone().unwrap_or_default();
        assert!(summary.contains(said), "{summary}");
        assert_eq!(verify.output("reason_code"), "no_strategy");
        assert_eq!(prod.dispatches().len(), 0);
    }
}

/// What is met on the way: the run is dispatched once and found, by its answer or in the list.
#[tokio::test]
async fn the_run_is_found_whatever_the_answer() {
    let no_field = Reply::json(
        400,
        &json!({ "message": "Invalid request.\n\n\"return_run_details\" is not a permitted key." }),
    );
    for (operation, fault) in [
        (DISPATCH, Fault::WorkedThenClosed),
        (DISPATCH, Fault::Answer(no_field)),
        ("GET /repos/{o}/{r}/actions/runs/{run}", Fault::Close),
    ] {
        let name = format!("{operation} {fault:?}");
        let prod = prod("en").await;
        let hits = prod.world.fault(On::op(operation), fault);
        let (_, verify, _) = prod.with_child(Run::Works).await;
        assert_eq!(hits.count(), 1, "{name}");
        assert_eq!(
            verify.output("status"),
            "rolled_back",
            "{name}\n{}",
            verify.story()
        );
        assert_eq!(prod.dispatches().len(), 1, "{name}");
    }
}

#[tokio::test]
async fn a_dispatch_that_is_refused_is_followed_by_the_next_strategy() {
    let prod = Prod::new(runs("en", "workflow, lambda_alias")).await;
    prod.put_workflow(WORKFLOW);
    prod.world.fault(On::op(DISPATCH).always(), Fault::Denied);
    let verify = prod.deploy("v2", Behaviour::broken("v2"), 1).await;
    assert_eq!(verify.output("status"), "rolled_back", "{}", verify.story());
    assert_eq!(prod.aliases().await, ["1", "1"]);
    let summary = verify.summary.clone().unwrap_or_default();
    assert!(
        summary.replace("&#58;", ":").contains("actions: write"),
        "{summary}"
    );
}

/// The button's own job deploys the version: a second run of the workflow would wait for it.
#[tokio::test]
async fn by_button_nothing_is_dispatched() {
    let prod = prod("en").await;
    prod.deploy("v2", Behaviour::healthy("v2"), 0).await;
    let (guard, mut job) = prod.button("last-success").await;
    assert_eq!(guard.output("deploy_needed"), "true", "{}", guard.story());
    assert_eq!(prod.dispatches().len(), 0);
    job.finish().await;
}

/// A person's command dispatches too, and follows.
#[tokio::test]
async fn from_a_terminal() {
    let prod = prod("en").await;
    prod.deploy("v2", Behaviour::healthy("v2"), 0).await;
    let command = ["rollback", "prod", "last-success", "--yes"];
    let both = futures_util::future::join(prod.cli_alone(&command), prod.child(Run::Works));
    let ((code, said), _) = prod.following(both).await;
    assert_eq!(code, 0, "{said}");
    let records = prod.records().await;
    let wanted = [
        ("deploy", "success"),
        ("deploy", "rolled_back"),
        ("rollback", "success"),
        ("rollback", "success"),
    ];
    assert_eq!(statuses(&records), wanted, "{said}");
    assert_eq!(prod.aliases().await, ["1", "1"]);
}
