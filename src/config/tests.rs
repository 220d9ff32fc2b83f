//! Stories about configuration files: what is accepted, what it means, and the words for everything that is wrong.

mod bad;
mod chosen;
mod fuzz;
mod generated;

use crate::config::{EnvironmentSettings, Problem, Settings, parse};
use crate::i18n::Locale;

/// The example of the documentation.
const FULL: &str = include_str!("tests/full.yml");

fn no_variables(_: &str) -> Option<String> {
    None
}

fn some_variables(name: &str) -> Option<String> {
    match name {
        "SLACK_WEBHOOK_URL" => Some("https://hooks.slack.com/services/T0/B0/secret".to_owned()),
        "API" => Some("https://api.example.com".to_owned()),
        "EMPTY" => Some(String::new()),
        _ => None,
    }
}

fn lines(problems: &[Problem], locale: Locale) -> String {
    problems
        .iter()
        .map(|problem| problem.text(locale))
        .collect::<Vec<_>>()
        .join("\n")
}

fn good(text: &str) -> Settings {
    match parse("deploy-guard.yml", text) {
        Ok(settings) => settings,
        Err(problems) => panic!("{}", lines(&problems, Locale::En)),
    }
}

fn prod(text: &str) -> EnvironmentSettings {
    match good(text).environment("prod", &some_variables) {
        Ok(environment) => environment,
        Err(problems) => panic!("{}", lines(&problems, Locale::En)),
    }
}

/// Both languages of everything that is wrong with a text.
fn wrong(text: &str) -> String {
    match parse("deploy-guard.yml", text) {
        Ok(_) => "(nothing)".to_owned(),
        Err(problems) => format!(
            "{}\n{}",
            lines(&problems, Locale::En),
            lines(&problems, Locale::Ko)
        ),
    }
}
