//! What goes wrong before anything is done: each says what and what next, in both languages, and leaves nothing behind.

use super::{Desk, transcript};
use crate::world::World;

#[test]
fn looking_for_a_history_does_not_begin_one() {
    let desk = Desk::new();
    let commands = [
        "history prod --service todo",
        "history prod --service todo --json",
        "show deploy-1",
        "lock prod --service todo",
        "lock prod --service todo --release",
        "keep prod --service todo",
        "resume prod --service todo",
        "verify prod --service todo",
    ];
    let said = transcript(&desk, &commands);
    insta::assert_snapshot!(super::without_clock(&said));
    assert_eq!(desk.left_behind(), Vec::<String>::new());
}

const WRONG: [&str; 12] = [
    "",
    "histroy prod",
    "history",
    "history pr/od",
    "history prod --status sucess",
    "history prod --from yesterday",
    "history prod --cursor zzz",
    "history prod --limit 0",
    "show ../x",
    "lock prod --force",
    "history prod --store dynamodb",
    "verify prod --health-url http://example.com",
];

#[test]
fn wrong_usage_ends_with_2_and_says_what_is_right() {
    let desk = Desk::new();
    for command in WRONG {
        assert_eq!(desk.run(command).code, 2, "{command}");
    }
    insta::assert_snapshot!(transcript(&desk, &WRONG[1..]));
    let korean: String = [
        "history prod --cursor zzz",
        "verify prod --health-url http://example.com",
        "show deploy-1",
    ]
    .iter()
    .map(|c| desk.run(&format!("{c} --locale ko")).transcript(c))
    .collect();
    insta::assert_snapshot!(korean);
    assert_eq!(desk.left_behind(), Vec::<String>::new());
}

#[test]
fn a_wrong_configuration_is_told_with_every_problem_and_its_line() {
    let desk = Desk::new();
    desk.configure(
        "version: 1\nenvironments:\n  prod:\n    gates: { windw: 5m }\n  staging:\n    production: perhaps\n",
    );
    let mut told = transcript(&desk, &["history prod", "history prod --locale ko"]);
    desk.configure("version: 1\nenvironments:\n  prod: {}\n  staging: {}\n");
    told.push_str(&transcript(
        &desk,
        &["history prdo", "history prod --config missing.yml"],
    ));
    insta::assert_snapshot!(told);
}

#[tokio::test]
async fn a_missing_table_names_setup() {
    let world = World::without_table();
    let desk = Desk::with_env(world.env());
    let mut told = String::new();
    for command in [
        "history prod --table nowhere-{environment}",
        "show deploy-1 --table nowhere --locale ko",
        "lock prod --table nowhere",
        "keep prod --table nowhere",
    ] {
        let said = desk.run_beside(command).await;
        assert_eq!(said.code, 6, "{command}: {}", said.err);
        told.push_str(&said.transcript(command));
    }
    insta::assert_snapshot!(told);
}

/// What the keeper's workflow does, without a word about the store: it sweeps where the action writes.
#[tokio::test]
async fn inside_actions_the_history_is_the_one_of_the_action() {
    let world = World::without_table();
    let mut env = world.cli_env();
    env.insert("GITHUB_ACTIONS".into(), "true".into());
    let desk = Desk::with_env(env);
    for config in [
        "",
        "version: 1\nenvironments: { prod: { production: true } }\n",
    ] {
        if !config.is_empty() {
            desk.configure(config);
        }
        for command in ["keep prod", "resume prod", "lock prod"] {
            let said = desk.run_beside(command).await;
            assert_eq!(said.code, 6, "{command}: {}{}", said.out, said.err);
            let table = "`deployment-history-prod`";
            assert!(said.err.contains(table), "{command}: {}", said.err);
        }
    }
    world
        .scene
        .create_history_table("deployment-history-prod")
        .await;
    let said = desk.run_beside("keep prod").await;
    assert_eq!(said.code, 0, "{}", said.err);
    let beat = format!("{:?}", world.items().await).contains("keeper");
    assert!(beat, "the sweep leaves its sign of life in the table");
    assert_eq!(desk.left_behind(), Vec::<String>::new());
}

#[test]
fn a_history_file_that_is_none_is_named() {
    let desk = Desk::new();
    std::fs::write(
        desk.path().join("notes.txt"),
        "this is no database, only a longer text than its header",
    )
    .expect("a file");
    insta::assert_snapshot!(transcript(
        &desk,
        &["history prod --store sqlite --table notes.txt"]
    ));
}
