//! The command line's reference says what the program says. `UPDATE_DOCS=1 cargo test cli` writes it.

use std::fmt::Write as _;
use std::path::Path;

const FILE: &str = "docs/cli.md";

fn reference() -> String {
    let mut command = deploy_guard::surface::cli::command();
    command.build();
    let mut out = String::from(
        "# Command line\n\nWritten by a test from the program's own help. Exit codes: [README](../README.md#exit-codes). Standard output is what was\nasked for, standard error is progress and complaints; with `--json` standard output is one JSON value.\n",
    );
    let mut add = |title: &str, help: String| {
        let help: Vec<&str> = help.lines().map(str::trim_end).collect();
        let _infallible = write!(
            out,
            "\n## `{title}`\n\n```text\n{}\n```\n",
            help.join("\n").trim_end()
        );
    };
    add("deploy-guard", command.render_help().to_string());
    let names: Vec<String> = command
        .get_subcommands()
        .map(|c| c.get_name().to_owned())
        .filter(|name| name != "help")
        .collect();
    for name in names {
        let verb = command.find_subcommand_mut(&name).expect("a verb");
        add(
            &format!("deploy-guard {name}"),
            verb.render_help().to_string(),
        );
    }
    out
}

#[test]
fn the_reference_is_the_programs_own_help() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
    let wanted = reference();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &wanted).expect("the reference can be written");
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = written.lines().zip(wanted.lines()).find(|(a, b)| a != b);
    assert!(
        written == wanted,
        "{FILE} is out of date, first at {differs:?}; UPDATE_DOCS=1 cargo test cli"
    );
}

#[test]
fn what_the_binary_prints_is_what_the_reference_says() {
    let desk = super::Desk::new();
    for verb in [
        "history",
        "show",
        "verify",
        "lock",
        "keep",
        "resume",
        "schema",
        "completions",
        "action",
    ] {
        let said = desk.run(&format!("{verb} --help"));
        assert_eq!((said.code, said.err.as_str()), (0, ""));
        let help: Vec<&str> = said.out.lines().map(str::trim_end).collect();
        assert!(
            reference().contains(help.join("\n").trim_end()),
            "{verb}: {}",
            said.out
        );
    }
}

#[test]
fn the_schema_is_the_written_one_and_completions_know_every_verb() {
    let desk = super::Desk::new();
    let written = std::fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/deploy-guard.schema.json"),
    )
    .expect("the schema");
    let written: serde_json::Value = serde_json::from_str(&written).expect("JSON");
    assert_eq!(desk.run("schema").json(), written);
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let said = desk.run(&format!("completions {shell}"));
        assert_eq!(said.code, 0);
        for verb in deploy_guard::surface::cli::command().get_subcommands() {
            assert!(
                said.out.contains(verb.get_name()),
                "{shell}: {}",
                verb.get_name()
            );
        }
    }
}
