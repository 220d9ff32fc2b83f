//! What is written down twice says the same: inputs, outputs, exit codes and reasons in code, `action.yml`, README and docs. `UPDATE_DOCS=1 cargo test drift` writes what can be generated.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use deploy_guard::config;
use deploy_guard::core::outcome::{Asked, Exit, KeeperSeen, Outcome, Report};
use deploy_guard::core::reason::ReasonCode;
use deploy_guard::core::record::{Decision, DeploymentType};
use deploy_guard::core::time::Timestamp;
use deploy_guard::i18n::Locale;
use deploy_guard::surface::action::inputs::{self, INPUTS};
use deploy_guard::surface::cli;

const READMES: [&str; 2] = ["README.md", "docs/README.ko.md"];

pub fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name)
}

pub fn read(name: &str) -> String {
    fs::read_to_string(path(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// An input or output as `action.yml` declares it.
#[derive(Debug)]
pub struct Declared {
    pub name: String,
    /// `None` = required; always so for outputs.
    pub default: Option<String>,
    description: String,
}

fn action() -> serde_yaml::Value {
    serde_yaml::from_str(&read("action.yml")).expect("action.yml is YAML")
}

pub fn declared(section: &str) -> Vec<Declared> {
    let action = action();
    let map = action[section].as_mapping().expect("a mapping").clone();
    map.iter()
        .map(|(name, body)| Declared {
            name: name.as_str().expect("a name").to_owned(),
            default: body.get("default").map(|d| {
                let text = d.as_str();
                text.unwrap_or_else(|| panic!("the default of {name:?} is not a string: quote it"))
                    .to_owned()
            }),
            description: body["description"]
                .as_str()
                .expect("a description")
                .to_owned(),
        })
        .collect()
}

fn inputs_in_code() -> Vec<(String, Option<String>)> {
    let owned = |i: &inputs::Declared| (i.name.to_owned(), i.default.map(str::to_owned));
    INPUTS.iter().map(owned).collect()
}

/// The names that the action really writes.
fn outputs_in_code() -> Vec<String> {
    let report = Report {
        asked: Asked {
            environment: "prod".to_owned(),
            service: "todo".to_owned(),
            kind: DeploymentType::Deploy,
            git_ref: None,
            actor: None,
            force: false,
            dry_run: true,
            note: None,
            run_url: None,
        },
        outcome: Outcome {
            status: None,
            verdict: None,
            decision: Decision::Continue,
            reason: ReasonCode::DryRun,
            deploy_needed: false,
            rolled_back: false,
            exit: Exit::Fine,
        },
        deployment: None,
        entries: Vec::new(),
        checks: Vec::new(),
        holder: None,
        candidates: Vec::new(),
        target: None,
        told: Vec::new(),
        keeper: KeeperSeen::NotAsked,
        notes: Vec::new(),
        pulls: Vec::new(),
        at: Timestamp::parse("2024-12-12T14:30:52.000Z").expect("a time"),
    };
    let pairs = deploy_guard::render::outputs::outputs(&report, Locale::En);
    pairs.into_iter().map(|(name, _)| name.to_owned()).collect()
}

#[test]
fn inputs_of_the_action_are_those_of_the_code() {
    let in_action: Vec<_> = declared("inputs")
        .into_iter()
        .map(|i| (i.name, i.default))
        .collect();
    assert_eq!(
        in_action,
        inputs_in_code(),
        "action.yml (left) and INPUTS in src/surface/action/inputs.rs (right)"
    );
}

#[test]
fn only_inputs_without_default_are_required() {
    let action = action();
    for (name, body) in action["inputs"].as_mapping().expect("inputs") {
        let required = body["required"]
            .as_bool()
            .unwrap_or_else(|| panic!("{name:?} does not say `required`"));
        assert_eq!(required, body.get("default").is_none(), "{name:?}");
    }
}

#[test]
fn defaults_use_only_what_the_runner_evaluates_there() {
    for input in declared("inputs") {
        for expression in input.default.iter().flat_map(|d| d.split("${{").skip(1)) {
            let name = expression.trim_start();
            assert!(
                name.starts_with("github.") || name.starts_with("job."),
                "{}: only github, strategy, matrix, job and runner may stand in a default",
                input.name
            );
        }
    }
}

#[test]
fn outputs_of_the_action_are_those_of_the_code() {
    let in_action: Vec<_> = declared("outputs").into_iter().map(|o| o.name).collect();
    assert_eq!(
        in_action,
        outputs_in_code(),
        "action.yml (left) and what src/render/outputs.rs writes (right)"
    );
}

/// What a release makes is what people are told to use.
#[test]
fn manifest_changelog_action_and_readme_agree_on_the_version() {
    let version = env!("CARGO_PKG_VERSION");
    let major = version.split('.').next().expect("a major version");
    let entry = format!("## [{version}] - ");
    assert!(read("CHANGELOG.md").contains(&entry), "{entry}");
    let image = action()["runs"]["image"].clone();
    let image = image.as_str().expect("an image");
    assert!(image.ends_with(&format!(":v{major}")), "{image}");
    for file in ["README.md", "docs/README.ko.md"] {
        for used in read(file).split("hanbit/deploy-guard@v").skip(1) {
            let named: String = used.chars().take_while(char::is_ascii_digit).collect();
            assert_eq!(named, major, "{file}");
        }
    }
}

#[test]
fn stages_of_the_action_are_names_in_the_image() {
    let runs = &action()["runs"];
    assert_eq!(runs["using"].as_str(), Some("docker"));
    let image = runs["image"].as_str().expect("an image");
    assert!(
        image.starts_with("docker://ghcr.io/hanbit/deploy-guard"),
        "{image}"
    );
    assert_eq!(runs["post-if"].as_str(), Some("always()"));
    assert!(
        runs.get("args").is_none(),
        "arguments would go to every stage"
    );
    let dockerfile = read("Dockerfile");
    for stage in ["entrypoint", "post-entrypoint"] {
        let entry = runs[stage].as_str().expect("an entry point");
        let name = entry.strip_prefix('/').expect("an absolute path");
        assert!(
            !name.contains([' ', '/']),
            "one path, no arguments: {entry}"
        );
        assert!(
            dockerfile.contains(&format!("/image/{name}")),
            "the Dockerfile makes no {entry}"
        );
    }
}

#[test]
fn the_action_has_a_sign_that_the_marketplace_knows() {
    let branding = &action()["branding"];
    let colors = [
        "white",
        "black",
        "yellow",
        "blue",
        "green",
        "orange",
        "red",
        "purple",
        "gray-dark",
    ];
    let color = branding["color"].as_str().expect("a colour");
    assert!(colors.contains(&color), "{color}");
    assert_eq!(branding["icon"].as_str(), Some("shield"));
}

#[test]
fn the_configuration_of_the_smoke_test_is_valid() {
    let file = ".github/deploy-guard-smoke.yml";
    let text = read(file);
    let settings = config::parse(file, &text);
    let settings = settings.unwrap_or_else(|p| panic!("{}", p[0].text(Locale::En)));
    let environment = settings.environment("smoke", &|_: &str| None);
    let environment = environment.unwrap_or_else(|p| panic!("{}", p[0].text(Locale::En)));
    assert!(!environment.production, "SQLite is refused in production");
    assert!(read(".github/workflows/smoke.yml").contains(&format!("config: {file}")));
}

#[test]
fn what_is_secret_says_so() {
    for (input, code) in declared("inputs").iter().zip(INPUTS) {
        let says = input.description.contains("A secret") || input.name.ends_with("_token");
        assert_eq!(code.secret, says, "{}", input.name);
    }
}

/// Puts `generated` between the markers `<!-- name -->` and `<!-- /name -->`, or fails where something else stands there.
fn check_block(file: &str, name: &str, generated: &str) {
    // Tests run at once, and two of them may write the same file.
    static WRITING: Mutex<()> = Mutex::new(());
    let _alone = WRITING.lock();
    let (open, close) = (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->"));
    let text = read(file);
    let (before, rest) = text
        .split_once(&open)
        .unwrap_or_else(|| panic!("{file} has no {open}"));
    let (there, after) = rest
        .split_once(&close)
        .unwrap_or_else(|| panic!("{file} has no {close}"));
    if there == generated {
        return;
    }
    if std::env::var_os("UPDATE_DOCS").is_some() {
        let text = format!("{before}{open}{generated}{close}{after}");
        let new = path(&format!("{file}.new"));
        fs::write(&new, text).expect("the file can be written");
        fs::rename(&new, path(file)).expect("the file can be replaced");
        return;
    }
    assert_eq!(
        there, generated,
        "{file}: `{name}` is out of date; UPDATE_DOCS=1 cargo test drift"
    );
}

/// The rows between two markers, as cells.
fn rows(file: &str, name: &str) -> Vec<Vec<String>> {
    let text = read(file);
    let (_, rest) = text
        .split_once(&format!("<!-- {name} -->\n"))
        .unwrap_or_else(|| panic!("{file}: no {name}"));
    let (block, _) = rest
        .split_once(&format!("<!-- /{name} -->"))
        .expect("the block ends");
    block
        .lines()
        .filter(|l| l.starts_with('|'))
        .skip(2)
        .map(|l| {
            l.trim_matches('|')
                .split(" | ")
                .map(|c| c.trim().to_owned())
                .collect()
        })
        .collect()
}

fn default_cell(input: &Declared) -> String {
    match input.default.as_deref() {
        None => "required".to_owned(),
        Some("") => "–".to_owned(),
        Some(default) => format!("`{default}`"),
    }
}

fn is_for_users(input: &Declared) -> bool {
    !input.description.starts_with("Not for users.")
}

#[test]
fn the_readme_has_every_input_and_output() {
    let mut inputs = "| input | default | meaning |\n|---|---|---|\n".to_owned();
    for input in declared("inputs").iter().filter(|i| is_for_users(i)) {
        writeln!(
            inputs,
            "| `{}` | {} | {} |",
            input.name,
            default_cell(input),
            input.description
        )
        .unwrap();
    }
    check_block("README.md", "inputs", &inputs);
    let mut outputs = "| output | meaning |\n|---|---|\n".to_owned();
    for output in declared("outputs") {
        writeln!(outputs, "| `{}` | {} |", output.name, output.description).unwrap();
    }
    check_block("README.md", "outputs", &outputs);
}

#[test]
fn the_korean_readme_has_every_input_and_output() {
    let file = "docs/README.ko.md";
    let there: Vec<_> = rows(file, "inputs")
        .into_iter()
        .map(|r| (r[0].clone(), r[1].clone(), r[2].clone()))
        .collect();
    let wanted: Vec<_> = declared("inputs")
        .iter()
        .filter(|i| is_for_users(i))
        .map(|i| {
            (
                format!("`{}`", i.name),
                default_cell(i).replace("required", "필수"),
            )
        })
        .collect();
    let names: Vec<_> = there
        .iter()
        .map(|(n, d, _)| (n.clone(), d.clone()))
        .collect();
    assert_eq!(names, wanted, "{file} (left) and action.yml (right)");
    let outputs = rows(file, "outputs");
    let names: Vec<_> = outputs.iter().map(|r| r[0].clone()).collect();
    let wanted: Vec<_> = declared("outputs")
        .iter()
        .map(|o| format!("`{}`", o.name))
        .collect();
    assert_eq!(names, wanted, "{file} (left) and action.yml (right)");
    let is_korean = |t: &str| t.chars().any(|c| ('가'..='힣').contains(&c));
    assert!(
        there.iter().all(|(_, _, m)| is_korean(m)) && outputs.iter().all(|r| is_korean(&r[1])),
        "{file}"
    );
    // Values that a reader may copy are the same in both languages.
    for input in declared("inputs").iter().filter(|i| is_for_users(i)) {
        let row = there
            .iter()
            .find(|(n, _, _)| *n == format!("`{}`", input.name))
            .expect("a row");
        for value in input.description.split('`').skip(1).step_by(2) {
            assert!(
                row.2.contains(&format!("`{value}`")),
                "{file}: `{}` lacks `{value}`",
                input.name
            );
        }
    }
}

#[test]
fn both_readmes_have_every_exit_code() {
    let exits = [
        Exit::Fine,
        Exit::Failed,
        Exit::Usage,
        Exit::Refused,
        Exit::Act,
        Exit::Unproven,
        Exit::Unreachable,
        Exit::Interrupted,
        Exit::Terminated,
    ];
    let wanted: Vec<_> = exits.iter().map(|e| format!("`{}`", e.code())).collect();
    for file in READMES {
        let there: Vec<_> = rows(file, "exit codes")
            .into_iter()
            .map(|r| r[0].clone())
            .collect();
        assert_eq!(there, wanted, "{file}");
    }
}

#[test]
fn both_readmes_show_the_same_code() {
    let code = |file: &str| -> Vec<String> {
        let text = read(file);
        let blocks = text.split("\n```").skip(1).step_by(2);
        blocks.map(without_comments).collect()
    };
    let [en, ko] = READMES.map(code);
    assert_eq!(
        en.len(),
        ko.len(),
        "the READMEs have different numbers of code blocks"
    );
    for (en, ko) in en.iter().zip(&ko) {
        assert_eq!(
            en, ko,
            "a code block of README.md (left) and of README.ko.md (right)"
        );
    }
}

/// Comments may be translated.
fn without_comments(block: &str) -> String {
    let line = |l: &str| {
        l.split_once(" #")
            .map_or(l, |(code, _)| code)
            .trim_end()
            .to_owned()
    };
    block
        .lines()
        .filter(|l| !l.trim_start().starts_with('#'))
        .map(line)
        .collect::<Vec<_>>()
        .join("\n")
}

/// Reason codes with the sentence that documents them in the code.
fn reasons_in_code() -> Vec<(String, String)> {
    let text = read("src/core/reason.rs");
    let mut doc = String::new();
    let mut found = Vec::new();
    for line in text.lines().map(str::trim) {
        if let Some(sentence) = line.strip_prefix("/// ") {
            if !doc.is_empty() {
                doc.push(' ');
            }
            doc.push_str(sentence);
        } else if let Some((_, word)) = line.split_once(" = \"") {
            let word = word.split('"').next().expect("a word").to_owned();
            found.push((word, std::mem::take(&mut doc)));
        } else {
            doc.clear();
        }
    }
    found
}

#[test]
fn reasons_are_documented() {
    let reasons = reasons_in_code();
    let words: Vec<_> = reasons.iter().map(|(w, _)| w.as_str()).collect();
    let wanted: Vec<_> = ReasonCode::ALL.iter().map(|r| r.as_str()).collect();
    assert_eq!(words, wanted, "src/core/reason.rs could not be read");
    let mut table = "| code | meaning |\n|---|---|\n".to_owned();
    for (word, doc) in &reasons {
        assert!(!doc.is_empty(), "{word} says nothing of itself");
        writeln!(table, "| `{word}` | {doc} |").unwrap();
    }
    check_block("docs/reasons.md", "reasons", &table);
}

#[test]
fn every_reason_is_given_somewhere() {
    let rooms = ["src/core", "src/engine", "src/surface", "src/adapters"];
    let code: String = rooms
        .into_iter()
        .map(|room| sources(Path::new(room)))
        .collect();
    for reason in ReasonCode::ALL {
        let given = format!("ReasonCode::{reason:?}");
        let ends = |rest: &str| !rest.starts_with(|c: char| c.is_alphanumeric());
        assert!(
            code.split(&given).skip(1).any(ends),
            "nothing ever says {given}"
        );
    }
}

/// All Rust below a folder.
fn sources(folder: &Path) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut text = String::new();
    for entry in std::fs::read_dir(&folder).expect("a folder of the project") {
        let path = entry.expect("readable").path();
        if path.is_dir() {
            text.push_str(&sources(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            text.push_str(&std::fs::read_to_string(&path).expect("readable"));
        }
    }
    text
}

#[test]
fn the_example_configuration_is_valid() {
    for file in READMES {
        let text = read(file);
        let example = text
            .split("\n```yaml\n")
            .skip(1)
            .filter_map(|b| b.split("\n```").next())
            .find(|b| b.starts_with("version: 1"))
            .unwrap_or_else(|| panic!("{file} shows no configuration"));
        let words = |problems: Vec<config::Problem>| -> Vec<String> {
            problems.iter().map(|p| p.text(Locale::En)).collect()
        };
        let settings = config::parse(file, example)
            .map_err(words)
            .expect("it can be read");
        let lookup = |_: &str| Some("https://hooks.slack.com/services/T0/B0/x".to_owned());
        let environment = settings.environment("production", &lookup).map_err(words);
        assert!(environment.expect("it is in order").production, "{file}");
    }
}

/// The set-up's configuration is the least that guards: it is copied as it stands.
#[test]
fn the_smallest_configuration_of_the_set_up_guards() {
    for file in READMES {
        let text = read(file);
        let (_, rest) = text.split_once("   ```yaml\n").expect("a block in a list");
        let (block, _) = rest.split_once("   ```").expect("its end");
        let block: String = block
            .lines()
            .map(|l| format!("{}\n", l.strip_prefix("   ").unwrap_or(l)))
            .collect();
        assert!(block.lines().count() <= 12, "{block}");
        let settings = config::parse(file, &block).expect("it can be read");
        let given = |path: &str| path == "environments.prod.alerts.slack.webhook_url";
        let environment = settings.environment_sparing("prod", &|_| None, given);
        let environment = environment.expect("in order where the input is given");
        assert!(environment.production && environment.history.explicitly_named);
        assert!(!environment.gates.is_empty() && !environment.stacks.is_empty());
        assert!(block.contains("approval: required") && block.contains("github_environment:"));
    }
}

/// A workflow that is copied must not deploy unwatched: each of its steps names a gate, or its head shows one.
#[test]
fn every_workflow_to_copy_watches_something() {
    let readme = read("README.md");
    let (_, job) = readme.split_once("```yaml\n").expect("a workflow");
    let (job, _) = job.split_once("\n```").expect("its end");
    let mut all = vec![("README.md".to_owned(), job.to_owned())];
    for entry in fs::read_dir(path("examples/workflows")).expect("a folder") {
        let name = entry.expect("a file").file_name();
        let name = format!("examples/workflows/{}", name.to_string_lossy());
        all.push((name.clone(), read(&name)));
    }
    for (name, text) in all {
        let steps = text.matches("uses: hanbit/deploy-guard").count();
        let watched = text.matches("health_url: https://").count();
        let shows_gates = text.contains("#       gates:");
        assert!(
            watched == steps || shows_gates,
            "{name}: {watched} of {steps} steps watch something"
        );
    }
}

/// Verbs with what must stand behind them, and what they do; help is not one of ours.
fn verbs() -> Vec<(String, String)> {
    cli::command()
        .get_subcommands()
        .filter(|verb| verb.get_name() != "help")
        .map(|verb| {
            let mut usage = verb.get_name().to_owned();
            for argument in verb.get_positionals() {
                write!(usage, " <{}>", argument.get_id()).unwrap();
            }
            (
                usage,
                verb.get_about()
                    .map(ToString::to_string)
                    .unwrap_or_default(),
            )
        })
        .collect()
}

#[test]
fn both_readmes_have_every_command() {
    let mut table = "| command | does |\n|---|---|\n".to_owned();
    for (usage, about) in verbs() {
        writeln!(table, "| `{usage}` | {about} |").unwrap();
    }
    check_block("README.md", "commands", &table);
    let file = "docs/README.ko.md";
    let there: Vec<_> = rows(file, "commands")
        .into_iter()
        .map(|r| r[0].clone())
        .collect();
    let wanted: Vec<_> = verbs()
        .into_iter()
        .map(|(usage, _)| format!("`{usage}`"))
        .collect();
    assert_eq!(there, wanted, "{file} (left) and the command line (right)");
}
