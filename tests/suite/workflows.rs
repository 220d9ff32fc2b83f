//! The reusable workflow and the examples say what the action does: inputs, outputs, secrets, permissions.

use std::fs;

use super::drift::{declared, path, read};

#[test]
fn example_workflows_use_inputs_and_outputs_that_exist() {
    let inputs: Vec<_> = declared("inputs").into_iter().map(|i| i.name).collect();
    let outputs: Vec<_> = declared("outputs").into_iter().map(|o| o.name).collect();
    let mut seen = 0;
    let folders = ["examples/workflows", ".github/workflows"].map(|f| fs::read_dir(path(f)));
    for entry in folders.into_iter().flat_map(|f| f.expect("workflows")) {
        let file = entry.expect("an entry").path();
        let text = fs::read_to_string(&file).expect("a workflow");
        let workflow: serde_yaml::Value =
            serde_yaml::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        for (_, job) in workflow["jobs"].as_mapping().expect("jobs") {
            if let Some(called) = job.get("uses") {
                assert_eq!(called.as_str(), Some(CALLED), "{}", file.display());
                called_rightly(&file.display().to_string(), job);
                continue;
            }
            for step in job["steps"].as_sequence().expect("steps") {
                let uses = step
                    .get("uses")
                    .and_then(|u| u.as_str())
                    .unwrap_or_default();
                let with = step.get("with").and_then(|w| w.as_mapping());
                if !uses.starts_with("hanbit/deploy-guard@") && uses != "./" {
                    continue;
                }
                seen += 1;
                let with = with
                    .unwrap_or_else(|| panic!("{}: deploy-guard without inputs", file.display()));
                for (name, _) in with {
                    let name = name.as_str().expect("a name");
                    assert!(
                        inputs.iter().any(|i| i == name),
                        "{}: no input `{name}`",
                        file.display()
                    );
                }
                assert!(
                    with.get("environment").is_some(),
                    "{}: `environment` is missing",
                    file.display()
                );
            }
        }
        for used in text.split("steps.guard.outputs.").skip(1) {
            let name: String = used
                .chars()
                .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
                .collect();
            assert!(
                outputs.contains(&name),
                "{}: no output `{name}`",
                file.display()
            );
        }
    }
    assert!(seen >= 5, "the workflows use deploy-guard {seen} times");
}

/// The reusable workflow, as others call it.
const CALLED: &str = "hanbit/deploy-guard/.github/workflows/guarded-deploy.yml@v1";

fn reusable() -> serde_yaml::Value {
    let text = read(".github/workflows/guarded-deploy.yml");
    serde_yaml::from_str(&text).expect("a workflow")
}

fn names(map: &serde_yaml::Value) -> Vec<String> {
    let map = map.as_mapping().expect("a mapping");
    map.keys()
        .filter_map(|k| k.as_str().map(str::to_owned))
        .collect()
}

/// A job that calls the reusable workflow: its inputs and secrets exist, the required ones are there, and it gives all
/// permissions that the called job has.
fn called_rightly(file: &str, job: &serde_yaml::Value) {
    let workflow = reusable();
    let call = &workflow["on"]["workflow_call"];
    let given = names(&job["with"]);
    let inputs = names(&call["inputs"]);
    for name in &given {
        assert!(inputs.contains(name), "{file}: no input `{name}`");
    }
    for (name, input) in call["inputs"].as_mapping().expect("inputs") {
        let required = input.get("required").and_then(|r| r.as_bool()) == Some(true);
        let name = name.as_str().expect("a name");
        assert!(
            !required || given.iter().any(|g| g == name),
            "{file}: `{name}` is missing"
        );
    }
    let secrets = names(&call["secrets"]);
    for name in names(&job["secrets"]) {
        assert!(secrets.contains(&name), "{file}: no secret `{name}`");
    }
    assert_eq!(
        job["permissions"], workflow["jobs"]["deploy"]["permissions"],
        "{file}: permissions"
    );
}

#[test]
fn the_reusable_workflow_has_the_inputs_of_the_action() {
    // Who is asked by the workflow itself: the phase is its own, and the rest is the runner's.
    const ITS_OWN: [&str; 4] = ["phase", "github_token", "job_status", "job_id"];
    const SECRETS: [&str; 2] = ["slack_webhook_url", "slack_bot_token"];
    let workflow = reusable();
    let call = &workflow["on"]["workflow_call"];
    assert_eq!(names(&call["secrets"]), SECRETS);
    let mut expected: Vec<String> = Vec::new();
    for input in declared("inputs") {
        let name = input.name.as_str();
        if ITS_OWN.contains(&name) {
            continue;
        }
        expected.push(name.to_owned());
        if SECRETS.contains(&name) {
            continue;
        }
        let here = &call["inputs"][name];
        assert!(
            here.is_mapping(),
            "the reusable workflow has no input `{name}`"
        );
        let default = match here.get("default") {
            Some(serde_yaml::Value::Bool(flag)) => Some(flag.to_string()),
            Some(other) => Some(other.as_str().expect("a text").to_owned()),
            None => None,
        };
        // The commit of the run is asked where it is used: a default cannot name it there.
        let wanted = if name == "ref" {
            Some(String::new())
        } else {
            input.default
        };
        assert_eq!(default, wanted, "default of `{name}`");
    }
    let mut seen = 0;
    for step in workflow["jobs"]["deploy"]["steps"]
        .as_sequence()
        .expect("steps")
    {
        if step.get("uses").and_then(|u| u.as_str()) != Some("hanbit/deploy-guard@v1") {
            continue;
        }
        seen += 1;
        let mut given = names(&step["with"]);
        given.retain(|n| n != "phase");
        let mut wanted = expected.clone();
        given.sort();
        wanted.sort();
        assert_eq!(given, wanted, "{:?} passes all of them on", step["name"]);
        for name in &given {
            let value = step["with"][name.as_str()].as_str().expect("a text");
            let from = if SECRETS.contains(&name.as_str()) {
                "secrets"
            } else {
                "inputs"
            };
            assert!(
                value.contains(&format!("{from}.{name}")),
                "`{name}` is given `{value}`"
            );
        }
    }
    assert_eq!(seen, 3, "guard, verify, and verify again");
    let text = read(".github/workflows/guarded-deploy.yml");
    let outputs: Vec<_> = declared("outputs").into_iter().map(|o| o.name).collect();
    for used in text.split(".outputs.").skip(1) {
        let word: String = used
            .chars()
            .take_while(|c| c.is_ascii_lowercase() || *c == '_')
            .collect();
        assert!(outputs.contains(&word), "no output `{word}`");
    }
    let env = &workflow["jobs"]["deploy"]["env"];
    let said = env.get(deploy_guard::surface::action::stage::REDEPLOYS);
    assert_eq!(said.and_then(|v| v.as_str()), Some("true"));
}
