//! Runs five Node actions one after the other as the runner does, each a process with its inputs; it does not know what they do.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::Run;
use super::meter::Meter;
use super::options::{Actions, STEPS};
use super::world::World;
use super::world::runner_files::parse_pairs;
use super::world::runner_process::{Graces, Process};

/// The actions behind one meter.
pub struct Chain<'a> {
    actions: &'a Actions,
    meter: Meter,
}

impl<'a> Chain<'a> {
    /// A chain of these.
    pub fn new(actions: &'a Actions) -> Self {
        let found = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
            .map(|p| p.join(&actions.node))
            .find(|p| p.exists());
        let node = found.unwrap_or_else(|| panic!("the chain wants Node: {:?}", actions.node));
        Self {
            actions,
            meter: Meter::new(&node),
        }
    }

    /// The whole chain once; an action that fails ends the benchmark.
    pub async fn run(&self, world: &World) -> Run {
        let job = world.start(world.job(&self.meter.binary));
        let mark = world.calls.mark();
        let mut started = BTreeMap::new();
        for (step, script) in STEPS.iter().zip(&self.actions.scripts) {
            let files: BTreeMap<&'static str, PathBuf> = ["OUTPUT", "STATE", "ENV", "STEP_SUMMARY"]
                .into_iter()
                .map(|name| (name, job.path(&format!("file_commands/{step}_{name}"))))
                .collect();
            for file in files.values() {
                std::fs::write(file, "").unwrap();
            }
            let mut env = job.github(&files, step);
            env.insert("PATH".into(), std::env::var("PATH").unwrap_or_default());
            env.insert("HOME".into(), job.path("home").display().to_string());
            for (name, value) in self.inputs(world, step, &started, &job.sha) {
                env.insert(format!("INPUT_{}", name.to_uppercase()), value);
            }
            let process = Process {
                program: self.meter.binary.clone(),
                args: vec![script.display().to_string()],
                env,
                dir: job.workspace(),
                interrupts: Vec::new(),
                graces: Graces::default(),
                limit: Duration::from_secs(60),
                container: None,
            };
            let ended = process.run().await;
            let said: Vec<&str> = ended.lines.iter().map(|l| l.text.as_str()).collect();
            assert_eq!(ended.code, Some(0), "{step} failed: {said:#?}");
            if *step == "start" {
                let text = std::fs::read_to_string(&files["OUTPUT"]).unwrap();
                started.extend(parse_pairs(&text).pairs);
            }
        }
        Run::new(&self.meter.take(), &world.calls.since(mark))
    }

    /// The inputs by which such actions are usually called, and those that were asked for.
    fn inputs(
        &self,
        world: &World,
        step: &str,
        started: &BTreeMap<String, String>,
        sha: &str,
    ) -> BTreeMap<String, String> {
        let id = started
            .get("deployment_id")
            .or(started.get("deployment-id"));
        let token = world.github.token();
        let usual: Vec<(&str, String)> = match step {
            "lock" => vec![
                ("mode", "check".into()),
                ("environment", "production".into()),
                ("github_token", token),
            ],
            "start" => vec![
                ("step", "start".into()),
                ("env", "production".into()),
                ("ref", sha.to_owned()),
                ("token", token),
            ],
            "health" => vec![
                ("url", world.app.health_url()),
                ("max-attempts", "1".into()),
                ("retry-delay", "1s".into()),
            ],
            "finish" => vec![
                ("step", "finish".into()),
                ("status", "success".into()),
                ("env", "production".into()),
                ("deployment_id", id.cloned().unwrap_or_default()),
                ("token", token),
            ],
            _ => vec![
                ("webhook", world.slack.webhook_url()),
                ("webhook-type", "incoming-webhook".into()),
                ("payload", "{\"text\":\"deployed\"}".into()),
            ],
        };
        let asked = self.actions.inputs.iter().filter(|(s, ..)| s == step);
        usual
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .chain(asked.map(|(_, name, value)| (name.clone(), value.clone())))
            .collect()
    }
}
