//! A table of bad files and the exact words for each, in English and Korean.

use super::wrong;

/// Wraps the inside of `environments.prod`, indented by four.
fn in_prod(inside: &str) -> String {
    let inside: String = inside.lines().map(|line| format!("    {line}\n")).collect();
    format!("version: 1\nenvironments:\n  prod:\n{inside}")
}

fn in_gates(inside: &str) -> String {
    let inside: String = inside.lines().map(|line| format!("  {line}\n")).collect();
    in_prod(&format!("gates:\n{inside}"))
}

fn table(cases: &[(&str, String)]) -> String {
    cases
        .iter()
        .map(|(name, text)| format!("# {name}\n{}\n\n", wrong(text)))
        .collect()
}

fn plain(text: &str) -> String {
    text.to_owned()
}

#[test]
fn files_that_are_no_configuration() {
    let said = table(&[
        ("empty", plain("")),
        ("only a comment", plain("# nothing\n")),
        ("null", plain("---\n~\n")),
        ("a list", plain("- version: 1\n")),
        ("a word", plain("hello\n")),
        ("a tab", plain("version: 1\nenvironments:\n\tprod: {}\n")),
        (
            "not YAML",
            plain("version: 1\nservice: \"open\nregion: x\n"),
        ),
        ("two documents", plain("version: 1\n---\nversion: 1\n")),
        ("no version", plain("service: todo\n")),
        ("a later version", plain("version: 2\nnew_thing: 1\n")),
        ("a version as text", plain("version: '1'\n")),
        (
            "the same key twice",
            plain("version: 1\nservice: a\nregion: us-east-1\nservice: b\n"),
        ),
        (
            "a merge key",
            plain("version: 1\nenvironments:\n  a: &a { production: true }\n  b: { <<: *a }\n"),
        ),
        ("a tag", plain("version: 1\nservice: !secret x\n")),
        ("a key that is no text", plain("version: 1\n? [a]\n: b\n")),
        (
            "control characters and length",
            plain(&format!(
                "version: 1\n\"a\\u001b[31m`{}\": 1\n",
                "x".repeat(200)
            )),
        ),
    ]);
    insta::assert_snapshot!(said);
}

#[test]
fn settings_that_do_not_exist() {
    let said = table(&[
        ("a typo below", in_gates("max_error_rat: 5%")),
        (
            "a typo beside",
            in_gates("lambda: { functions: [a], max_error_rat: 5% }"),
        ),
        ("camel case", in_gates("onInconclusive: hold")),
        ("at the wrong level", in_prod("window: 5m")),
        ("of another section", in_prod("retention: 5d")),
        ("nothing like it", in_prod("zebra: 5m")),
        (
            "several at once",
            plain("version: 1\nlocal: ko\nhistry: {}\nmetrics: { name: x }\n"),
        ),
    ]);
    insta::assert_snapshot!(said);
}

#[test]
fn values_of_another_kind() {
    let said = table(&[
        ("text for a list", in_prod("branches: main")),
        ("a list for text", in_prod("region: [us-east-1]")),
        ("yes", in_prod("production: yes")),
        ("a number for text", plain("version: 1\nservice: 42\n")),
        ("true for text", plain("version: 1\nservice: true\n")),
        ("a word for a mapping", in_prod("gates: all")),
        ("an empty section", in_gates("lambda:")),
        ("an empty value", in_prod("production:")),
        (
            "a mapping for a duration",
            in_gates("window: { minutes: 5 }"),
        ),
        (
            "text for a number",
            in_gates("http: [ { url: 'https://x.y', status: ok } ]"),
        ),
        (
            "a fraction",
            in_gates("http: [ { url: 'https://x.y', consecutive_failures: 1.5 } ]"),
        ),
        ("a list of words", in_gates("http: [ https://x.y ]")),
        ("a list for approval", in_prod("approval: [required]")),
        (
            "a mapping for approval",
            in_prod("approval: { deploy: yes, hotfix: none }"),
        ),
        (
            "a secret is not quoted",
            in_prod("alerts: { slack: { webhook_url: 12345, bot_token: [xoxb] } }"),
        ),
    ]);
    insta::assert_snapshot!(said);
}

#[test]
fn words_numbers_durations_and_rates() {
    let said = table(&[
        ("a word near", in_gates("mode: sequental")),
        ("a word far", in_gates("on_inconclusive: shrug")),
        (
            "more failing minutes than there are",
            in_gates("{ failing_minutes: 4, of_minutes: 3 }"),
        ),
        ("locale", plain("version: 1\nlocale: kr\n")),
        (
            "a store",
            plain("version: 1\nhistory: { store: postgres }\n"),
        ),
        (
            "strategies",
            in_prod("rollback: { strategies: [lambda, lambda_alias, lambda_alias] }"),
        ),
        (
            "an event",
            in_prod("alerts: { routes: [ { on: [success], to: [email] } ] }"),
        ),
        ("no strategies", in_prod("rollback: { strategies: [] }")),
        (
            "status",
            in_gates("http: [ { url: 'https://x.y', status: 99 } ]"),
        ),
        (
            "negative",
            in_gates("logs: [ { groups: [a], query: q, max: -1 } ]"),
        ),
        ("no unit", in_gates("window: 10")),
        ("in words", in_gates("window: 5 minutes")),
        ("a fraction", in_gates("window: 1.5h")),
        ("nonsense", in_gates("window: soon")),
        ("huge", in_gates("window: 99999999999999999999h")),
        ("no percent", in_gates("false_rollback: 0.02")),
        ("percent of what", in_gates("false_rollback: 1")),
        ("rate nonsense", in_gates("false_rollback: low")),
        (
            "smallest values",
            in_gates("window: 4s\nbake: 1s\ninterval: 10ms"),
        ),
        ("window and interval", in_gates("window: 5s\ninterval: 6s")),
        ("half at most", in_gates("false_rollback: 51%")),
        (
            "not nothing",
            in_gates("lambda: { functions: [a], max_error_rate: 0%, max_throttle_rate: 100% }"),
        ),
        (
            "a warm-up as long as the watch",
            in_gates("window: 10s\nhttp: [ { url: 'https://x.y', warmup: 20s } ]"),
        ),
        (
            "retention",
            plain("version: 1\nhistory: { retention: 1h }\n"),
        ),
    ]);
    insta::assert_snapshot!(said);
}

#[test]
fn what_does_not_fit_together() {
    let said = table(&[
        ("stack and stacks", in_prod("stack: A\nstacks: [B]")),
        (
            "needs stacks",
            in_prod(
                "gates:\n  stack: true\n  lambda: {}\n  http: [ { url: '${stack.Api}/x' } ]\nrollback: { strategies: [cloudformation] }",
            ),
        ),
        (
            "needs a workflow",
            in_prod("rollback: { strategies: [workflow] }"),
        ),
        (
            "a workflow without file",
            in_prod("rollback: { workflow: { ref: main } }"),
        ),
        ("alarms of what", in_gates("alarms: {}")),
        ("alarms with a typo", in_gates("alarms: { prefx: A }")),
        (
            "which API",
            in_gates("api_gateway: [ {}, { name: a, id: b } ]"),
        ),
        (
            "metric without bound",
            in_gates(
                "metric: [ { expression: m }, { expression: m, min: 2, max: 1 }, { max: 1 } ]",
            ),
        ),
        (
            "logs of what",
            in_gates("logs: [ { query: q }, { groups: [], query: q } ]"),
        ),
        ("no URL", in_gates("http: [ { name: a } ]")),
        (
            "a route to nowhere",
            in_prod("alerts: { routes: [ { on: [failed] }, { on: [], to: [sns] } ], sns: {} }"),
        ),
        (
            "the same gate name",
            in_gates(
                "http:\n  - { name: a, url: 'https://x.y' }\n  - { name: a, url: 'https://x.y' }\nlogs:\n  - { name: a, groups: [g], query: q }",
            ),
        ),
        (
            "the same API",
            in_gates("api_gateway:\n  - { name: a }\n  - { name: a }"),
        ),
        (
            "the same alias",
            plain(
                "version: 1\nenvironments:\n  dev: { aliases: [live] }\n  live: {}\n  prod: { aliases: [live, prod] }\n",
            ),
        ),
        (
            "a version from nowhere",
            in_gates("http: [ { url: 'https://x.y', version: { equals: a } } ]"),
        ),
        ("the same branch", in_prod("branches:\n  - main\n  - main")),
    ]);
    insta::assert_snapshot!(said);
}

#[test]
fn names_times_and_places() {
    let said = table(&[
        (
            "an environment's name",
            plain("version: 1\nenvironments:\n  \"pro d\": { aliases: ['a/b'] }\n"),
        ),
        (
            "service, region, table, namespace",
            plain(
                "version: 1\nservice: a b\nregion: seoul\nhistory: { table: x/y }\nmetrics: { namespace: AWS/Lambda }\n",
            ),
        ),
        (
            "role, stack",
            in_prod("role_to_assume: deploy-guard\nstacks: [1App]\nregion: ''"),
        ),
        ("topic", in_prod("alerts: { sns: { topic_arn: alerts } }")),
        ("branches", in_prod("branches: ['release/?', 'a b', '']")),
        (
            "workflow file",
            in_prod("rollback: { workflow: { file: .github/workflows/a.yml, timeout: 1s } }"),
        ),
        ("relative URL", in_gates("http: [ { url: /health } ]")),
        (
            "another scheme",
            in_gates("http: [ { url: 'ftp://x.y/' } ]"),
        ),
        (
            "plain http",
            in_gates("http: [ { url: 'http://api.example.com/' } ]"),
        ),
        (
            "plain http to this machine",
            in_gates(
                "http: [ { name: a, url: 'http://127.8.9.1/' }, { name: b, url: 'http://[::1]:80/' }, { name: c, url: 'http://localhost/' } ]",
            ),
        ),
        (
            "plain http to a look-alike",
            in_gates("http: [ { url: 'http://localhost.example.com/' } ]"),
        ),
        (
            "a plain webhook",
            in_prod("alerts: { slack: { webhook_url: 'http://hooks.slack.com/services/secret' } }"),
        ),
        (
            "pointers and headers",
            in_gates(
                "http:\n  - url: https://x.y\n    json: { status: ok, /a~b: c }\n    header: { 'x y': z }\n    headers: { a: \"b\\nc\" }\n    version: { json: version, header: 'x:' }",
            ),
        ),
        (
            "a weekday",
            in_prod("freeze: [ { from: Fr 18:00, to: Mon 25:00 } ]"),
        ),
        (
            "mixed",
            in_prod("freeze: [ { from: Fri 18:00, to: 2026-12-24T00:00 } ]"),
        ),
        (
            "backwards",
            in_prod(
                "freeze: [ { from: 2026-12-27T00:00, to: 2026-12-24T00:00 }, { from: Mon 8:00, to: mon 08:00 } ]",
            ),
        ),
        (
            "an offset",
            in_prod("freeze: [ { from: '2026-12-24T00:00Z', to: 2026-02-30T00:00 } ]"),
        ),
        (
            "half",
            in_prod("freeze: [ { from: Fri 18:00, tom: Mon 08:00 } ]"),
        ),
        (
            "time zones",
            in_prod(
                "freeze:\n  - { from: Fri 18:00, to: Mon 08:00, time_zone: Asia/Soul }\n  - { from: Fri 18:00, to: Mon 08:00, time_zone: Seoul }\n  - { from: Fri 18:00, to: Mon 08:00, time_zone: KST+9 }",
            ),
        ),
    ]);
    insta::assert_snapshot!(said);
}

#[test]
fn templates() {
    let said = table(&[
        (
            "unknown forms",
            in_prod(
                "stack: A\ngates: { http: [ { url: 'https://${host}/${env.A-B}/${secrets.X}/${stack.Y' } ] }",
            ),
        ),
        (
            "a stack outside gates",
            in_prod(
                "stack: A\nrole_to_assume: ${stack.Role}\nalerts: { sns: { topic_arn: '${stack.Topic}' } }",
            ),
        ),
        (
            "the commit outside version",
            in_gates("http: [ { url: 'https://x.y/{ref}', body: '{ref}' } ]"),
        ),
    ]);
    insta::assert_snapshot!(said);
}

#[test]
fn everything_at_once_in_the_files_order() {
    let said = wrong(
        "version: 1
locale: kr
enviroments: {}
environments:
  prod:
    branches: main
    freeze:
      - { from: Fri 18:00, to: Mon 08:00, time_zone: Mars/Base }
    gates:
      window: 10
      false_rollback: 80%
      max_error_rat: 5%
      http:
        - { name: api, url: 'http://api.example.com' }
        - { name: api, url: 'https://api.example.com', json: { status: ok } }
    rollback: { strategies: [workflow] }
",
    );
    insta::assert_snapshot!(said);
}
