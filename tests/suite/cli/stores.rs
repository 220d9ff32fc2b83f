//! Reading and freeing what is recorded: the same words whether a file or a table has it.

use deploy_guard::adapters::sqlite::SqliteHistory;
use serde_json::json;

use super::{Desk, seed, transcript, without_clock};
use crate::contract::bench::{Bench, TABLE};

async fn desk_with_history() -> Desk {
    let desk = Desk::new();
    let history = SqliteHistory::open(desk.history_file())
        .await
        .expect("opens");
    seed(&history).await;
    desk
}

const READ: [&str; 6] = [
    "history prod",
    "history prod --limit 1",
    "history prod --status failure --type hotfix",
    "history prod --from 2024-12-13 --to 2024-12-13",
    "show deploy-20241212-143052-a1b2c3d4",
    "lock prod --service todo",
];

#[tokio::test]
async fn a_history_is_told_in_english() {
    let desk = desk_with_history().await;
    insta::assert_snapshot!(without_clock(&transcript(&desk, &READ)));
}

#[tokio::test]
async fn a_history_is_told_in_korean_in_straight_columns() {
    let desk = desk_with_history().await;
    let said: String = READ
        .iter()
        .map(|c| desk.run(&format!("{c} --locale ko")).transcript(c))
        .collect();
    insta::assert_snapshot!(without_clock(&said));
    let table = desk.run("history prod --locale ko").out;
    let column = |line: &str, mark: &str| {
        let before = line.split(mark).next().unwrap_or_default();
        deploy_guard::render::terminal::width(before)
    };
    let at: Vec<usize> = (table.lines().skip(1))
        .map(|l| column(l, "a1b2c3d4  "))
        .collect();
    assert_eq!(at.len(), 3);
}

#[tokio::test]
async fn a_table_tells_the_same_as_a_file() {
    let bench = Bench::dynamodb().await;
    seed(bench.history.as_ref()).await;
    let world = bench.world.as_ref().expect("a world");
    let far = Desk::with_env(world.env());
    let near = desk_with_history().await;
    for command in READ.into_iter().filter(|c| !c.contains("--limit")) {
        let there = far.run_beside(&format!("{command} --table {TABLE}")).await;
        assert_eq!((there.code, there.err.as_str()), (0, ""), "{command}");
        assert_eq!(
            without_clock(&there.out),
            without_clock(&near.run(command).out),
            "{command}"
        );
    }
    // The predecessor's record, of which only the words are known.
    let record = json!({
        "deploymentId": { "S": "deploy-20241212-120000-x1y2z3w4" }, "timestamp": { "S": "2024-12-12T12:00:00Z" },
        "environment": { "S": "prod" }, "status": { "S": "success" }, "deploymentType": { "S": "deploy" },
        "deployedBy": { "S": "김하나" }, "duration": { "N": "123" }, "commitSha": { "S": "abcdef1" },
    });
    world.scene.put_item(TABLE, &record).await;
    let said = far
        .run_beside(&format!(
            "history prod --table {TABLE} --to 2024-12-12T13:00:00Z"
        ))
        .await;
    insta::assert_snapshot!(said.out);
}

#[tokio::test]
async fn pages_follow_each_other_by_cursor() {
    let desk = desk_with_history().await;
    let (mut cursor, mut seen) = (String::new(), Vec::new());
    loop {
        let page = desk
            .run(&format!("history prod --limit 2 --json{cursor}"))
            .json();
        for deployment in page["deployments"].as_array().expect("a list") {
            seen.push(
                deployment["deploymentId"]
                    .as_str()
                    .expect("an id")
                    .to_owned(),
            );
        }
        assert_eq!(page["nextCursor"], page["lastEvaluatedKey"]);
        match page["nextCursor"].as_str() {
            Some(next) => cursor = format!(" --cursor {next}"),
            None => break,
        }
    }
    assert_eq!(
        seen,
        [
            "deploy-20241214-010203-a1b2c3d4",
            "hotfix-20241213-090000-a1b2c3d4",
            "deploy-20241212-143052-a1b2c3d4"
        ]
    );
}

#[tokio::test]
async fn scripts_read_json() {
    let desk = desk_with_history().await;
    let page = desk.run("history prod --limit 1 --json").json();
    let keys: Vec<&str> = page
        .as_object()
        .expect("an object")
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(
        keys,
        [
            "count",
            "deployments",
            "environment",
            "generatedAt",
            "lastEvaluatedKey",
            "nextCursor"
        ]
    );
    assert_eq!(
        (&page["count"], &page["environment"]),
        (&json!(1), &json!("prod"))
    );
    let shown = desk
        .run("show hotfix-20241213-090000-a1b2c3d4 --json")
        .json();
    assert_eq!(shown["status"], "failure");
    assert_eq!(shown["journal"].as_array().map(Vec::len), Some(2));
    let lock = desk.run("lock prod --service todo --json").json();
    assert_eq!(
        (&lock["locked"], &lock["holder"]["actor"]),
        (&json!(true), &json!("dev"))
    );
    assert!(
        !lock.to_string().contains("token"),
        "a holder's token is nobody's business"
    );
    // Text of other languages stays readable, and nothing but the JSON is printed.
    assert!(
        desk.run("history prod --json --locale ko")
            .out
            .contains("개발자")
    );
}

#[tokio::test]
async fn an_id_is_found_in_whichever_environment_has_it() {
    let desk = desk_with_history().await;
    desk.configure(
        "version: 1\nhistory: { store: sqlite }\nenvironments:\n  staging: {}\n  prod: {}\n",
    );
    let said = desk.run("show deploy-20241212-143052-a1b2c3d4");
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    let said = desk.run("show deploy-1");
    insta::assert_snapshot!(said.transcript("show deploy-1"));
}

#[tokio::test]
async fn a_live_lock_is_freed_only_by_force_and_its_record_closed() {
    let desk = desk_with_history().await;
    // Closing counts the record's life anew.
    desk.configure(
        "version: 1\nhistory: { store: sqlite, retention: 3650d }\nenvironments: { prod: {} }\n",
    );
    let mut told = String::new();
    for command in [
        "lock prod --service todo --release",
        "resume prod --service todo",
        "keep prod --service todo",
        "lock prod --service todo --release --force",
        "lock prod --service todo --release --json",
        "resume prod --service todo --json",
        "history prod --limit 1 --json",
    ] {
        let said = desk.run(command);
        if command.starts_with("history") {
            assert_eq!(said.json()["deployments"][0]["status"], "cancelled");
        } else {
            told.push_str(&said.transcript(command));
        }
    }
    insta::assert_snapshot!(told);
}

#[tokio::test]
async fn a_reader_that_goes_away_is_no_fault() {
    let desk = desk_with_history().await;
    for command in [
        "history prod",
        "completions bash",
        "schema",
        "show deploy-20241212-143052-a1b2c3d4",
    ] {
        let mut child = desk
            .command(command)
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .expect("starts");
        drop(child.stdout.take());
        let output = child.wait_with_output().expect("ends");
        assert_eq!(output.status.code(), Some(0), "{command}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{command}");
    }
}

#[tokio::test]
async fn what_is_no_terminal_gets_no_colours() {
    let desk = desk_with_history().await;
    for command in READ {
        let said = desk.run(command);
        assert!(
            !said.out.contains('\u{1b}') && !said.err.contains('\u{1b}'),
            "{command}"
        );
    }
}
