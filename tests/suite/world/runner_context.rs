//! What a step may read: the table of inputs with their defaults, the contexts behind `${{ … }}`, and the environment of a container action; it runs nothing.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

/// The action's inputs with their defaults, as in `action.yml`.
#[derive(Clone, Debug, Default)]
pub struct Inputs(Vec<(String, String)>);

impl Inputs {
    /// A table of (name, default); a default may hold `${{ github.… }}` and `${{ job.… }}`.
    pub fn new(inputs: &[(&str, &str)]) -> Self {
        Self(
            inputs
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect(),
        )
    }

    /// From a parsed `action.yml` (`serde_yaml::from_str::<serde_json::Value>`).
    pub fn from_action(action: &Value) -> Self {
        let inputs = action["inputs"]
            .as_object()
            .expect("action.yml has `inputs`");
        let text = |v: &Value| {
            v.as_str().map_or_else(
                || {
                    if v.is_null() {
                        String::new()
                    } else {
                        v.to_string()
                    }
                },
                str::to_owned,
            )
        };
        Self(
            inputs
                .iter()
                .map(|(name, spec)| (name.clone(), text(&spec["default"])))
                .collect(),
        )
    }

    /// The table of the product contract.
    pub fn of_contract() -> Self {
        Self::new(&[
            ("environment", ""),
            ("service", ""),
            ("deployment_type", "deploy"),
            ("rollback_target", ""),
            ("force_deploy", "false"),
            ("irreversible", "false"),
            ("phase", "guard"),
            ("config", ".github/deploy-guard.yml"),
            ("ref", "${{ github.sha }}"),
            ("reason", ""),
            ("health_url", ""),
            ("auto_rollback", ""),
            ("role_to_assume", ""),
            ("aws_region", ""),
            ("history_table", ""),
            ("slack_webhook_url", ""),
            ("slack_bot_token", ""),
            ("slack_channel", ""),
            ("sns_topic_arn", ""),
            ("locale", ""),
            ("dry_run", "false"),
            ("github_token", "${{ github.token }}"),
            ("job_status", "${{ job.status }}"),
            ("job_id", "${{ job.check_run_id }}"),
        ])
    }

    /// Removes an input, as a runner that does not know it (act) does.
    pub fn without(mut self, name: &str) -> Self {
        self.0.retain(|(n, _)| n != name);
        self
    }

    /// Name and value of every `INPUT_…` variable: defaults, then what the user wrote; unknown ones pass too, with a warning.
    pub fn variables(
        &self,
        with: &[(String, String)],
        contexts: &Contexts,
    ) -> (BTreeMap<String, String>, Vec<String>) {
        let mut variables = BTreeMap::new();
        for (name, default) in &self.0 {
            variables.insert(variable(name), contexts.fill(default));
        }
        let mut unexpected = Vec::new();
        for (name, value) in with {
            if !self.0.iter().any(|(n, _)| n.eq_ignore_ascii_case(name)) {
                unexpected.push(format!("Unexpected input(s) '{name}'"));
            }
            variables.insert(variable(name), contexts.fill(value));
        }
        (variables, unexpected)
    }
}

/// `INPUT_` and the upper-cased name; only spaces change, dashes stay.
pub fn variable(input: &str) -> String {
    format!("INPUT_{}", input.replace(' ', "_").to_uppercase())
}

/// The values behind `${{ … }}`, by lower-case dotted name.
#[derive(Clone, Debug, Default)]
pub struct Contexts(pub BTreeMap<String, String>);

impl Contexts {
    /// Sets one value.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.0.insert(name.to_lowercase(), value.into());
    }

    /// Fills every `${{ … }}` in; a name that is not set is empty, as on GitHub, but its context must exist.
    pub fn fill(&self, text: &str) -> String {
        const ROOTS: [&str; 9] = [
            "github", "job", "inputs", "env", "secrets", "steps", "vars", "runner", "matrix",
        ];
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, tail)) = rest.split_once("${{") {
            let (name, after) = tail
                .split_once("}}")
                .unwrap_or_else(|| panic!("`{text}` has an expression without an end"));
            let name = name.trim().to_lowercase();
            let root = name.split('.').next().unwrap_or_default();
            assert!(
                ROOTS.contains(&root),
                "the runner harness knows only dotted names in `${{{{ }}}}`, not `{name}`"
            );
            out.push_str(before);
            out.push_str(self.0.get(&name).map(String::as_str).unwrap_or_default());
            rest = after;
        }
        out + rest
    }
}

/// What the environment of one stage is made of; later fields win, as on the runner.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// Job and step `env:`, and what GITHUB_ENV added.
    pub env: BTreeMap<String, String>,
    pub state: BTreeMap<String, String>,
    pub inputs: BTreeMap<String, String>,
    /// `runs.env` of action.yml: only where the key is not set yet.
    pub runs_env: BTreeMap<String, String>,
    pub home: String,
    /// `GITHUB_…` and `RUNNER_…`, full names.
    pub github: BTreeMap<String, String>,
    /// `ACTIONS_…`, full names.
    pub actions: BTreeMap<String, String>,
}

impl Surroundings {
    /// The whole environment of the process: nothing of the machine's own gets in.
    pub fn variables(&self) -> BTreeMap<String, String> {
        let mut all = self.env.clone();
        all.extend(
            self.state
                .iter()
                .map(|(k, v)| (format!("STATE_{k}"), v.clone())),
        );
        all.extend(self.inputs.clone());
        for (key, value) in &self.runs_env {
            all.entry(key.clone()).or_insert_with(|| value.clone());
        }
        all.insert("HOME".into(), self.home.clone());
        all.extend(self.github.clone());
        all.extend(self.actions.clone());
        all.insert("GITHUB_ACTIONS".into(), "true".into());
        all.entry("CI".into()).or_insert_with(|| "true".into());
        // What Docker itself sets in a container without an image's own PATH.
        all.entry("PATH".into()).or_insert_with(|| {
            "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".into()
        });
        all.entry("HOSTNAME".into())
            .or_insert_with(|| "c0ffee000000".into());
        for (key, value) in &all {
            assert!(
                key.len() + value.len() < 131_071,
                "{key} is longer than Linux allows (128 KiB): the runner could not start the container"
            );
        }
        all
    }
}

/// Every file below a folder with its text (lossy), for looking for secrets.
pub fn files_below(folder: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(path) = open.pop() {
        if let Ok(entries) = std::fs::read_dir(&path) {
            open.extend(entries.flatten().map(|e| e.path()));
        } else if let Ok(bytes) = std::fs::read(&path) {
            found.push((
                path.display().to_string(),
                String::from_utf8_lossy(&bytes).into_owned(),
            ));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_become_variables_with_defaults_filled_in() {
        let mut contexts = Contexts::default();
        contexts.set("job.status", "failure");
        let inputs = Inputs::new(&[
            ("my-input", "a b"),
            ("With Space", ""),
            ("job_status", "${{ job.status }}"),
        ]);
        let with = [
            (
                "MY-INPUT".to_owned(),
                "x${{ steps.a.outputs.none }}y".to_owned(),
            ),
            ("other".to_owned(), "1".to_owned()),
        ];
        let (variables, unexpected) = inputs.variables(&with, &contexts);
        let get = |name: &str| variables.get(name).map(String::as_str);
        assert_eq!(get("INPUT_MY-INPUT"), Some("xy"));
        assert_eq!(get("INPUT_WITH_SPACE"), Some(""));
        assert_eq!(get("INPUT_JOB_STATUS"), Some("failure"));
        assert_eq!((get("INPUT_OTHER"), unexpected.len()), (Some("1"), 1));
    }

    #[test]
    fn later_parts_of_the_environment_win() {
        let map = |k: &str, v: &str| BTreeMap::from([(k.to_owned(), v.to_owned())]);
        let env = Surroundings {
            env: map("HOME", "/root"),
            runs_env: map("HOME", "/other"),
            state: map("id", "7"),
            home: "/github/home".into(),
            ..Surroundings::default()
        }
        .variables();
        assert_eq!(env.get("HOME").map(String::as_str), Some("/github/home"));
        assert_eq!(env.get("STATE_id").map(String::as_str), Some("7"));
    }
}
