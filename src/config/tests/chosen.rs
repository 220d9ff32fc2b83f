//! What a good file means: the environment that is chosen, defaults, variables, outputs.

use std::collections::BTreeMap;
use std::time::Duration;

use insta::assert_debug_snapshot;
use secrecy::ExposeSecret;

use super::{FULL, good, lines, no_variables, prod, some_variables};
use crate::config::{Settings, Store, check_urls, fill_outputs, fill_ref, needed_outputs};
use crate::core::alert::Channel;
use crate::core::id::CommitSha;
use crate::i18n::Locale;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn the_documented_example_is_read_in_full() {
    let settings = prod(FULL);
    assert_debug_snapshot!(settings);
    let webhook = settings.alerts.slack_webhook_url.as_ref();
    assert_eq!(
        webhook.map(ExposeSecret::expose_secret),
        Some("https://hooks.slack.com/services/T0/B0/secret")
    );
}

#[test]
fn without_a_file_any_environment_has_the_defaults() {
    let settings = Settings::defaults();
    let Ok(chosen) = settings.environment("feature_x-1", &no_variables) else {
        panic!("a valid name was refused");
    };
    assert_debug_snapshot!(chosen);
    let refused = settings
        .environment("a b`\u{202e}", &no_variables)
        .expect_err("not a name");
    insta::assert_snapshot!(lines(&refused, Locale::En));
}

#[test]
fn an_alias_chooses_its_environment_and_a_wrong_name_lists_them() {
    let settings = good(FULL);
    let Ok(chosen) = settings.environment("production", &some_variables) else {
        panic!("the alias was refused");
    };
    assert_eq!(chosen.name.as_str(), "prod");
    assert_eq!(chosen.github_environments(), ["production"]);
    let refused = settings
        .environment("prodution", &some_variables)
        .expect_err("a typo");
    insta::assert_snapshot!(format!(
        "{}\n{}",
        lines(&refused, Locale::En),
        lines(&refused, Locale::Ko)
    ));
}

#[test]
fn without_a_github_environment_its_name_and_aliases_count() {
    let chosen = prod("version: 1\nenvironments:\n  prod:\n    aliases: [production, live]\n");
    assert_eq!(chosen.github_environment, "prod");
    assert_eq!(chosen.github_environments(), ["prod", "production", "live"]);
}

#[test]
fn a_missing_variable_matters_only_to_the_chosen_environment_and_not_for_reading() {
    let text = "
version: 1
environments:
  dev: {}
  prod:
    stacks: ['App-${env.STAGE}']
    alerts: { slack: { webhook_url: '${env.NO_SUCH}' } }
  prod2:
    alerts: { slack: { webhook_url: '${env.EMPTY}' } }
";
    let settings = good(text);
    assert!(settings.environment("dev", &no_variables).is_ok());
    let refused = settings
        .environment("prod", &some_variables)
        .expect_err("variables are missing");
    insta::assert_snapshot!(format!(
        "{}\n{}",
        lines(&refused, Locale::En),
        lines(&refused, Locale::Ko)
    ));
    assert!(
        settings
            .environment_to_read("prod", &some_variables)
            .is_err(),
        "a stack's name is needed"
    );
    let Ok(read) = settings.environment_to_read("prod2", &some_variables) else {
        panic!("a command that alerts nobody needs no webhook");
    };
    assert!(read.alerts.slack_webhook_url.is_none());
}

#[test]
fn a_variables_value_is_checked_and_never_quoted() {
    let settings = good(
        "
version: 1
environments:
  prod:
    role_to_assume: ${env.ROLE}
    gates: { http: [ { url: '${env.HOOK}/health' } ] }
    alerts: { slack: { webhook_url: '${env.HOOK}' } }
",
    );
    let secret = |name: &str| {
        (name == "ROLE" || name == "HOOK").then(|| "http://hidden.example.com/x".to_owned())
    };
    let refused = settings
        .environment("prod", &secret)
        .expect_err("not https, not a role");
    let said = format!(
        "{}\n{}",
        lines(&refused, Locale::En),
        lines(&refused, Locale::Ko)
    );
    assert!(!said.contains("hidden"), "{said}");
    insta::assert_snapshot!(said);
}

#[test]
fn outputs_and_the_commit_are_filled_in_later() {
    let mut gates = prod(FULL).gates;
    assert_eq!(
        needed_outputs(&gates).into_iter().collect::<Vec<_>>(),
        ["ApiEndpointProd"]
    );
    let missing = fill_outputs(
        &mut gates,
        &BTreeMap::from([("Other".to_owned(), "x".to_owned())]),
    )
    .expect_err("the output is not there");
    assert_eq!(missing[0].available, ["Other"]);
    let api = |url: &str| BTreeMap::from([("ApiEndpointProd".to_owned(), url.to_owned())]);
    let mut plain = gates.clone();
    assert_eq!(
        fill_outputs(&mut plain, &api("http://api.example.com/prod")),
        Ok(())
    );
    insta::assert_snapshot!(lines(&check_urls("deploy-guard.yml", &plain), Locale::En));
    assert_eq!(
        fill_outputs(&mut gates, &api("https://api.example.com/prod/")),
        Ok(())
    );
    assert_eq!(gates.http[0].url, "https://api.example.com/prod/health");
    assert!(check_urls("deploy-guard.yml", &gates).is_empty());
    fill_ref(&mut gates, &CommitSha::parse("0123456789").expect("a SHA"));
    assert_eq!(
        gates.http[0].version.as_ref().map(|v| v.equals.as_str()),
        Some("0123456789")
    );
}

#[test]
fn the_environments_name_stands_in_texts() {
    let chosen = prod(
        "
version: 1
history: { store: sqlite, path: 'h/{environment}.db', table: 't-{environment}' }
environments:
  prod: { stack: 'App-{environment}', aliases: [live] }
",
    );
    assert_eq!(chosen.history.path, "h/prod.db");
    assert_eq!(chosen.history.table, "t-prod");
    assert_eq!(chosen.history.store, Store::Sqlite);
    assert!(chosen.history.explicitly_named);
    assert_eq!(chosen.stacks, ["App-prod"]);
}

#[test]
fn wanted_values_are_text_whatever_they_look_like() {
    let chosen = prod(
        "
version: 1
environments:
  prod:
    approval: required
    gates:
      window: 5s
      interval: 1s
      http:
        - { url: 'http://127.0.0.1:8080/', json: { /ok: true, /n: 1.10, /s: '1' }, version: { header: X-Version, equals: 7 } }
",
    );
    let gate = &chosen.gates.http[0];
    assert_eq!(gate.json["/ok"], "true");
    assert_eq!(gate.json["/n"], "1.10");
    assert_eq!(gate.version.as_ref().map(|v| v.equals.as_str()), Some("7"));
    assert_eq!(gate.name, "http");
    assert_eq!(
        gate.warmup,
        SECOND * 5 / 2,
        "no longer than half of the watch"
    );
}

#[test]
fn an_anchor_is_shared() {
    let chosen = prod(
        "
version: 1
environments:
  dev: &base
    gates: { window: 1m, lambda: { functions: [a] } }
  prod: *base
",
    );
    assert_eq!(chosen.gates.window, SECOND * 60);
}

#[test]
fn a_route_to_a_channel_without_address_is_told_to_whoever_knows_the_inputs() {
    let chosen = prod(
        "version: 1\nenvironments: { prod: { alerts: { routes: [ { on: [failed], to: [slack, sns] } ] } } }\n",
    );
    let missing: Vec<_> = chosen
        .alerts
        .unaddressed(&[Channel::Sns])
        .into_iter()
        .collect();
    assert_eq!(missing, [Channel::Slack]);
}
