//! The deploy workflow dispatched with `deployment_type: rollback`, and its run followed to its end. Knows runs and
//! inputs, not whose lock it is.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::{join, try_join_all};
use serde_yaml::Value;

use crate::core::lease::Lease;
use crate::core::observation::{Kind, Why};
use crate::core::restore::{NoPlan, Obstacle, PlannedStep, StepKey, Strategy, WorkflowTarget};
use crate::core::state::SavedState;
use crate::ports::{
    Acted, Clock, Dispatch, Forge, ForgeError, MoveError, Mover, Restore, RunEnd, RunSeen,
    StepState, until_held,
};

/// A run shows in GitHub's lists this long after it was asked for, at the latest.
const SHOWS: Duration = Duration::from_secs(20);

/// Pause between two looks at the list.
const PACE: Duration = Duration::from_secs(2);

/// GitHub's clock and ours differ by less than this.
const CLOCKS: Duration = Duration::from_secs(30);

/// Without these a run would not be a rollback to a version.
const NEEDED: [&str; 2] = ["deployment_type", "rollback_target"];

/// All that a run can be given.
const GIVEN: [&str; 6] = [
    "deployment_type",
    "rollback_target",
    "environment",
    "service",
    "reason",
    "force_deploy",
];

/// An input as the workflow declares it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Input {
    /// What it offers; empty = anything.
    options: Vec<String>,
    /// GitHub starts no run without it.
    required: bool,
}

impl Input {
    fn first_of(&self, values: &[String]) -> Option<String> {
        let takes = |value: &&String| self.options.is_empty() || self.options.contains(value);
        values.iter().find(takes).cloned()
    }
}

/// What is dispatched, and for which environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkflowSettings {
    /// The environment's name, then its aliases: an input `environment` takes the first that it offers.
    pub environments: Vec<String>,
    /// Service, for an input of that name.
    pub service: String,
    /// GitHub's names of it, whose reviewers would be asked.
    pub github_environments: Vec<String>,
    /// The run that this process belongs to: never the one that was dispatched.
    pub own_run: Option<u64>,
    /// The workflow; `None` = none is configured.
    pub workflow: Option<WorkflowTarget>,
}

/// The `workflow` strategy of one repository.
#[derive(Clone)]
pub struct WorkflowRuns {
    forge: Option<Arc<dyn Forge>>,
    clock: Arc<dyn Clock>,
    settings: WorkflowSettings,
}

fn unknown(error: &ForgeError) -> NoPlan {
    NoPlan::Unknown(why(error))
}

fn why(error: &ForgeError) -> Why {
    let kind = match error {
        ForgeError::Unreachable { .. } => Kind::Unreachable,
        ForgeError::Denied { .. } => Kind::Denied,
        ForgeError::NotFound { .. } => Kind::NotFound,
        ForgeError::Refused { .. } => Kind::Provider,
        ForgeError::RateLimited { .. } => Kind::Throttled,
    };
    Why::new(kind, error.to_string())
}

fn failed(error: &ForgeError) -> MoveError {
    MoveError::Failed(why(error))
}

/// What a dispatch may be given. `None` where the text is no workflow that can be dispatched.
fn declared(text: &str) -> Option<BTreeMap<String, Input>> {
    let workflow: Value = serde_yaml::from_str(text).ok()?;
    // An older YAML would read the key as a truth value.
    let on = (workflow.get("on")).or_else(|| workflow.get(Value::Bool(true)))?;
    let dispatch = match on {
        Value::Mapping(_) => on.get("workflow_dispatch")?,
        _ => return None,
    };
    let inputs = dispatch.get("inputs").and_then(Value::as_mapping);
    let read = |input: &Value| {
        let list = input.get("options").and_then(Value::as_sequence);
        let words = list.into_iter().flatten().filter_map(Value::as_str);
        let required = input.get("required").and_then(Value::as_bool) == Some(true);
        Input {
            options: words.map(str::to_owned).collect(),
            required: required && input.get("default").is_none(),
        }
    };
    Some(
        inputs
            .into_iter()
            .flatten()
            .filter_map(|(name, input)| Some((name.as_str()?.to_owned(), read(input))))
            .collect(),
    )
}

/// Those of the runs that this step may have dispatched: the ones that bear its key, else those that no person has
/// started.
fn ours(runs: Vec<RunSeen>, key: &StepKey) -> Vec<RunSeen> {
    let (titled, others): (Vec<_>, Vec<_>) = runs
        .into_iter()
        .partition(|run| run.title.contains(key.as_str()));
    if titled.is_empty() {
        others.into_iter().filter(|run| run.by_bot).collect()
    } else {
        titled
    }
}

impl WorkflowRuns {
    /// Through this repository's GitHub, where there is a token for it.
    #[must_use]
    pub fn new(
        forge: Option<Arc<dyn Forge>>,
        clock: Arc<dyn Clock>,
        settings: WorkflowSettings,
    ) -> Self {
        Self {
            forge,
            clock,
            settings,
        }
    }

    fn parts(&self) -> Result<(&dyn Forge, &WorkflowTarget), Obstacle> {
        let workflow = self.settings.workflow.as_ref();
        let workflow = workflow.ok_or(Obstacle::NoWorkflow)?;
        let forge = self.forge.as_deref().ok_or(Obstacle::NoToken)?;
        Ok((forge, workflow))
    }

    fn at_hand(&self) -> Result<(&dyn Forge, &WorkflowTarget), MoveError> {
        self.parts().map_err(|_| {
            let what = "no workflow can be dispatched from here";
            MoveError::Failed(Why::new(Kind::NotFound, what))
        })
    }

    /// What the workflow takes, where it could be dispatched and nobody would have to approve its run.
    async fn applies(&self) -> Result<BTreeMap<String, Input>, NoPlan> {
        let (forge, workflow) = self.parts().map_err(NoPlan::NotApplicable)?;
        let names = &self.settings.github_environments;
        let (text, rules) = join(
            forge.workflow(&workflow.file, &workflow.git_ref),
            try_join_all(names.iter().map(|name| forge.environment(name))),
        )
        .await;
        let reviewed = names
            .iter()
            .zip(rules.map_err(|e| unknown(&e))?)
            .find(|(_, rules)| rules.as_ref().is_some_and(|r| !r.reviewers.is_empty()));
        if let Some((environment, _)) = reviewed {
            return Err(NoPlan::NotApplicable(Obstacle::ReviewersRequired {
                environment: environment.clone(),
            }));
        }
        let file = workflow.file.clone();
        let Some(text) = text.map_err(|e| unknown(&e))? else {
            return Err(NoPlan::NotApplicable(Obstacle::WorkflowMissing { file }));
        };
        let declared = declared(&text).unwrap_or_default();
        let missing: Vec<&str> = NEEDED
            .into_iter()
            .filter(|name| !declared.contains_key(*name))
            .collect();
        if !missing.is_empty() {
            let missing = missing.join(", ");
            return Err(NoPlan::NotApplicable(Obstacle::WorkflowInputs {
                file,
                missing,
            }));
        }
        self.fits(&declared, file).map_err(NoPlan::NotApplicable)?;
        Ok(declared)
    }

    /// Nothing is left to a default: it would be the wrong environment or service.
    fn fits(&self, declared: &BTreeMap<String, Input>, file: String) -> Result<(), Obstacle> {
        let fixed = [
            ("deployment_type", vec!["rollback".to_owned()]),
            ("environment", self.settings.environments.clone()),
            ("service", vec![self.settings.service.clone()]),
        ];
        for (name, values) in fixed {
            let input = declared.get(name);
            if input.is_some_and(|input| input.first_of(&values).is_none()) {
                return Err(Obstacle::WorkflowOptions {
                    file,
                    input: name.to_owned(),
                    wanted: values.join(", "),
                });
            }
        }
        let unknown = declared
            .iter()
            .filter(|(name, input)| input.required && !GIVEN.contains(&name.as_str()));
        let needs: Vec<&str> = unknown.map(|(name, _)| name.as_str()).collect();
        if needs.is_empty() {
            return Ok(());
        }
        Err(Obstacle::WorkflowNeeds {
            file,
            needs: needs.join(", "),
        })
    }

    /// Only inputs that the workflow declares: GitHub refuses others. The reason carries the step's key, so that a
    /// workflow with `run-name: ${{ inputs.reason }}` shows which run is ours.
    fn inputs(
        &self,
        declared: &BTreeMap<String, Input>,
        restore: &Restore<'_>,
        step: &PlannedStep,
    ) -> BTreeMap<String, String> {
        let given = [
            ("deployment_type", vec!["rollback".to_owned()]),
            (
                "rollback_target",
                vec![restore.target.deployment.to_string()],
            ),
            ("environment", self.settings.environments.clone()),
            ("service", vec![self.settings.service.clone()]),
            ("reason", vec![step.key.to_string()]),
            (
                "force_deploy",
                vec![restore.deployment.start.force.to_string()],
            ),
        ];
        given
            .into_iter()
            .filter_map(|(name, values)| {
                let value = declared.get(name)?.first_of(&values)?;
                Some((name.to_owned(), value))
            })
            .collect()
    }

    /// The run that this step has dispatched, where its answer was lost: the one that bears its key, else the only
    /// one that was dispatched since.
    async fn find(
        &self,
        restore: &Restore<'_>,
        step: &PlannedStep,
    ) -> Result<StepState, MoveError> {
        let (forge, workflow) = self.at_hand()?;
        let ordered = restore.ordered.unwrap_or_else(|| self.clock.now());
        let since = ordered.minus(CLOCKS);
        // GitHub numbers runs in their order.
        let known = [restore.deployment.start.run.run, self.settings.own_run];
        let newer = |run: &RunSeen| known.iter().flatten().all(|known| run.id > *known);
        loop {
            let found = forge.dispatched_since(&workflow.file, &workflow.git_ref, since);
            let mut runs: Vec<RunSeen> = found.await.map_err(|e| failed(&e))?;
            runs.retain(newer);
            let runs = ours(runs, &step.key);
            match runs.as_slice() {
                [run] => {
                    return Ok(StepState::Dispatched(Dispatch {
                        run: run.id,
                        url: run.url.clone(),
                    }));
                }
                [] if self.clock.now().since(ordered) < SHOWS => self.clock.sleep(PACE).await,
                [] => return Ok(StepState::NotDone),
                several => {
                    let what =
                        format!("{} runs could be the one that was asked for", several.len());
                    return Ok(StepState::Failed(Why::new(Kind::Provider, what)));
                }
            }
        }
    }

    async fn follow(&self, run: u64) -> Result<StepState, MoveError> {
        let (forge, _) = self.at_hand()?;
        let seen = forge.run(run).await.map_err(|e| failed(&e))?;
        let word = match seen.end {
            None if seen.pending => return Ok(StepState::Pending),
            None => return Ok(StepState::Running),
            Some(RunEnd::Success) => return Ok(StepState::Done),
            Some(RunEnd::Other(word)) => word,
        };
        // Where it failed helps a person; that it could not be found out changes nothing.
        let at = match forge.failed_step(run).await {
            Ok(at) => at.map_or_else(String::new, |at| format!(" at {at}")),
            Err(error) => {
                tracing::warn!(code = "DG260", %error, run, "the failed step cannot be found out");
                String::new()
            }
        };
        let url = seen.url.unwrap_or_else(|| run.to_string());
        let what = format!("the run ended as {word}{at}: {url}");
        Ok(StepState::Failed(Why::new(Kind::Provider, what)))
    }
}

#[async_trait]
impl Mover for WorkflowRuns {
    fn strategy(&self) -> Strategy {
        Strategy::Workflow
    }

    async fn foresee(&self, _: Option<&SavedState>) -> Result<(), NoPlan> {
        self.applies().await.map(|_| ())
    }

    async fn plan(&self, restore: &Restore<'_>) -> Result<Vec<PlannedStep>, NoPlan> {
        self.applies().await?;
        let file = self.settings.workflow.as_ref().map(|w| w.file.clone());
        let file = file.unwrap_or_default();
        let id = &restore.deployment.start.id;
        let step = |name: &str, what: String| PlannedStep {
            key: StepKey::new(id, name),
            strategy: Strategy::Workflow,
            what,
        };
        Ok(vec![
            step(
                "workflow",
                format!("{file} → {}", restore.target.deployment),
            ),
            step("workflow-run", file),
        ])
    }

    async fn preview(
        &self,
        _: &Lease,
        _: &Restore<'_>,
        steps: Vec<PlannedStep>,
    ) -> Result<Vec<PlannedStep>, NoPlan> {
        Ok(steps)
    }

    async fn look(
        &self,
        restore: &Restore<'_>,
        step: &PlannedStep,
    ) -> Result<StepState, MoveError> {
        match restore.deployment.child() {
            Some(run) => self.follow(run).await,
            None => self.find(restore, step).await,
        }
    }

    async fn act(
        &self,
        lease: &Lease,
        restore: &Restore<'_>,
        step: &PlannedStep,
    ) -> Result<Acted, MoveError> {
        let (forge, workflow) = self.at_hand()?;
        let declared = self.applies().await.map_err(|no| {
            let what = match no {
                NoPlan::Unknown(why) => why,
                NoPlan::NotApplicable(_) | NoPlan::WouldDestroyData(_) => {
                    Why::new(Kind::Provider, "the workflow cannot be dispatched any more")
                }
            };
            MoveError::Failed(what)
        })?;
        let inputs = self.inputs(&declared, restore, step);
        until_held(&*self.clock, lease).await;
        let told = forge.dispatch(&workflow.file, &workflow.git_ref, &inputs);
        match told.await.map_err(|e| failed(&e))? {
            Some(dispatch) => Ok(Acted::Dispatched(dispatch)),
            None => match self.find(restore, step).await? {
                StepState::Dispatched(dispatch) => Ok(Acted::Dispatched(dispatch)),
                StepState::Failed(why) => Err(MoveError::Failed(why)),
                StepState::NotDone | StepState::Done | StepState::Running | StepState::Pending => {
                    let what = "the workflow was dispatched, and no run of it shows";
                    Err(MoveError::Failed(Why::new(Kind::NotFound, what)))
                }
            },
        }
    }

    async fn halt(&self, restore: &Restore<'_>, _: &PlannedStep) -> Result<(), MoveError> {
        let (forge, _) = self.at_hand()?;
        match restore.deployment.child() {
            Some(run) => forge.cancel_run(run).await.map_err(|e| failed(&e)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_given_the_name_that_its_workflow_knows_or_is_not_dispatched() {
        let clock = crate::adapters::testing::TestClock::new();
        let settings = WorkflowSettings {
            environments: vec!["prod".to_owned(), "production".to_owned()],
            service: "api".to_owned(),
            github_environments: Vec::new(),
            own_run: None,
            workflow: None,
        };
        let runs = WorkflowRuns::new(None, clock, settings);
        let fits = |inputs: &str| {
            let head = "on:\n  workflow_dispatch:\n    inputs:\n      deployment_type:\n";
            let declared = declared(&format!("{head}{inputs}")).expect("it can be dispatched");
            let environment = declared.get("environment").cloned().unwrap_or_default();
            let given = environment.first_of(&runs.settings.environments);
            runs.fits(&declared, "deploy.yml".to_owned())
                .map(|()| given.expect("a name"))
        };
        let options = "      environment: { type: choice, options: [staging, production] }\n";
        assert_eq!(fits(options).as_deref(), Ok("production"));
        assert_eq!(fits("      environment:\n").as_deref(), Ok("prod"));
        for (inputs, input) in [
            (
                "      environment: { options: [staging, live] }\n",
                "environment",
            ),
            ("      service: { options: [web, worker] }\n", "service"),
        ] {
            let refused = fits(inputs);
            assert!(
                matches!(&refused, Err(Obstacle::WorkflowOptions { input: i, .. }) if i == input),
                "{refused:?}"
            );
        }
        let refused = fits("      ticket: { required: true }\n");
        assert!(matches!(refused, Err(Obstacle::WorkflowNeeds { .. })));
        assert!(fits("      ticket: { required: true, default: none }\n").is_ok());
    }

    #[test]
    fn a_run_that_a_person_has_started_is_not_taken_for_ours() {
        let id = crate::core::id::DeploymentId::new("deploy-20241212-143052-a1b2c3d4");
        let key = StepKey::new(&id.expect("valid"), "workflow");
        let run = |id, title: &str, by_bot| RunSeen {
            id,
            url: None,
            title: title.to_owned(),
            pending: false,
            by_bot,
            end: None,
        };
        let titled = format!("Rollback ({key})");
        let found = |runs| ours(runs, &key).iter().map(|r| r.id).collect::<Vec<_>>();
        assert!(found(vec![run(1, "deploy", false)]).is_empty());
        assert_eq!(
            found(vec![run(1, "deploy", false), run(2, "deploy", true)]),
            [2]
        );
        // The token may be a person's: then the title tells.
        let both = vec![run(1, &titled, false), run(2, "deploy", true)];
        assert_eq!(found(both), [1]);
    }

    #[test]
    fn inputs_are_read_as_the_workflow_declares_them() {
        let text = "on:\n  push: {}\n  workflow_dispatch:\n    inputs:\n      deployment_type: { type: choice, options: [deploy, rollback] }\n      rollback_target:\n";
        let inputs = declared(text).expect("it can be dispatched");
        assert_eq!(inputs["deployment_type"].options, ["deploy", "rollback"]);
        assert_eq!(inputs["rollback_target"], Input::default());
        assert_eq!(
            declared("on:\n  workflow_dispatch:\n").expect("bare").len(),
            0
        );
        for other in [
            "on: push",
            "on: [push, workflow_dispatch]",
            "name: x",
            ": [",
        ] {
            assert!(declared(other).is_none_or(|d| d.is_empty()), "{other}");
        }
    }
}
