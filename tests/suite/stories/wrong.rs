//! Bad input and bad configuration: every problem at once, nothing changed, the right code.

use super::scene::*;
use crate::world::World;
use crate::world::app::Behaviour;
use crate::world::faults::{Fault, On};
use crate::world::runner_result::StepResult;
use crate::world::runner_spec::Uses;

stories![
    every_input_at_once,
    an_unknown_environment,
    a_malformed_configuration,
    a_named_configuration_that_is_missing,
    github_does_not_give_the_configuration,
    sqlite_in_production,
    sqlite_that_is_no_history,
    a_history_that_hesitates_is_told,
    a_channel_without_address_is_told_at_once,
    an_output_file_that_cannot_be_written,
    the_configuration_is_pinned,
    a_branch_does_not_loosen_its_guard,
    hostile_words_stay_words,
];

async fn ends(world: &World, uses: Uses, code: i32, reason: &str) -> StepResult {
    let before = world.items().await;
    let mut job = job(world);
    let step = job.step(uses).await;
    refused(&step, code, reason);
    let mark = world.calls.mark();
    job.finish().await;
    job.post(&step.id).assert_code(0);
    assert!(
        world.calls.since(mark).0.is_empty(),
        "post has nothing to do: {:?}",
        world.calls.since(mark).names()
    );
    assert_eq!(world.items().await, before);
    step
}

async fn every_input_at_once() {
    let world = plain_world().await;
    let with = [
        ("deployment_type", "redeploy"),
        ("force_deploy", "maybe"),
        ("phase", "post"),
        ("locale", "fr"),
        ("ref", "main"),
        ("role_to_assume", "deploy-guard"),
        ("sns_topic_arn", "alerts"),
        ("health_url", "http://example.com/health"),
        ("slack_bot_token", "xoxb-1"),
    ];
    let uses = step(&world, "guard", &with);
    let guard = ends(&world, uses, 2, "invalid_input").await;
    let summary = guard.summary.clone().unwrap_or_default().replace('\\', "");
    for (input, _) in with {
        assert!(
            summary.contains(&format!("`{input}`")),
            "{input} in\n{summary}"
        );
    }
    for allowed in [
        "`deploy`, `rollback`, `hotfix`",
        "`guard`, `verify`",
        "`en`, `ko`",
    ] {
        assert!(summary.contains(allowed), "{allowed} in\n{summary}");
    }
    assert!(guard.annotations.iter().all(|a| a.level == "error"));
    let missing = ends(&world, Uses::new("guard", &[]), 2, "invalid_input").await;
    summed(&missing, "`environment`");
}

async fn an_unknown_environment() {
    let world = plain_world().await;
    let uses = Uses::new("guard", &[("environment", "prd")]);
    let guard = ends(&world, uses, 2, "invalid_config").await;
    summed(&guard, "prd");
    summed(&guard, "`prod`");
}

async fn a_malformed_configuration() {
    let world = World::new().await;
    let text =
        "version: 1\nenvironments:\n  prod:\n    gates:\n      windw: 5s\n      interval: 1x\n";
    world
        .github
        .with(|hub| hub.put_file(".github/deploy-guard.yml", text));
    let uses = step(&world, "guard", &[]);
    let guard = ends(&world, uses, 2, "invalid_config").await;
    summed(&guard, ":5");
    summed(&guard, ":6");
    summed(&guard, "did you mean `window`?");
}

async fn a_named_configuration_that_is_missing() {
    let world = plain_world().await;
    let uses = step(&world, "guard", &[("config", ".github/other.yml")]);
    let guard = ends(&world, uses, 2, "invalid_config").await;
    summed(&guard, ".github/other.yml");
}

async fn github_does_not_give_the_configuration() {
    let world = plain_world().await;
    world.fault(
        On::service("GitHub").containing("/contents/").always(),
        Fault::Status(500),
    );
    let uses = step(&world, "guard", &[]);
    let guard = ends(&world, uses, 6, "github_unreachable").await;
    summed(&guard, "contents: read");
}

async fn sqlite_in_production() {
    let world = World::new().await;
    Config::new(&world)
        .top("history: { store: sqlite }")
        .put(&world);
    let uses = step(&world, "guard", &[]);
    let guard = ends(&world, uses, 2, "invalid_config").await;
    summed(&guard, "dynamodb");
}

/// A configuration with its history in the workspace.
fn in_a_file(world: &World) {
    let text = Config::new(world)
        .top("history: { store: sqlite }")
        .text()
        .replace("production: true", "production: false");
    let file = ".github/deploy-guard.yml";
    world.github.with(|hub| hub.put_file(file, &text));
}

async fn sqlite_that_is_no_history() {
    let world = World::new().await;
    in_a_file(&world);
    let mut job = job(&world);
    let folder = job.workspace().join(".deploy-guard");
    std::fs::create_dir(&folder).unwrap();
    let text = "this is no database, only a longer text than its header";
    std::fs::write(folder.join("history.db"), text).unwrap();
    let guard = guard(&mut job, &[]).await;
    refused(&guard, 6, "store_unreachable");
    summed(&guard, "history.db");
    job.finish().await;
}

/// Nobody takes a job that waits for its history for one that hangs.
async fn a_history_that_hesitates_is_told() {
    let world = plain_world().await;
    world.fault(On::op("Query"), Fault::Throttle);
    let mut job = job(&world);
    let guard = guard(&mut job, &[]).await;
    guard.assert_code(0);
    let told = guard
        .lines
        .iter()
        .filter(|l| l.text.contains("asked again"));
    assert_eq!(told.count(), 1, "{}", guard.story());
    job.finish().await;
}

async fn a_channel_without_address_is_told_at_once() {
    let world = World::new().await;
    Config::new(&world)
        .env("alerts: { routes: [ { on: [failed, rollback_failed], to: [slack, sns] } ] }")
        .put(&world);
    let mut job = job(&world);
    let guard = guard(&mut job, &[]).await;
    guard.assert_code(0);
    let told = |a: &&crate::world::runner_commands::Annotation| {
        a.level == "warning" && a.message.contains("`sns`")
    };
    assert_eq!(
        guard.annotations.iter().filter(told).count(),
        1,
        "{}",
        guard.story()
    );
    summed(&guard, "a route names `sns`");
    assert!(
        !guard.log.iter().any(|l| l.contains("names `slack`")),
        "{}",
        guard.story()
    );
    deploy(&mut job, Behaviour::healthy("v2")).await;
    job.finish().await;
    let kept = keep(&world).await;
    assert!(
        kept.lines
            .iter()
            .any(|l| l.stderr && l.text.contains("`sns`")),
        "{:?}",
        kept.lines
    );
}

async fn an_output_file_that_cannot_be_written() {
    let world = plain_world().await;
    let mut job = job(&world);
    // Wherever the runner puts the file, its folder does not take it.
    let uses = step(&world, "guard", &[]);
    let folder = job.path("file_commands");
    let spoil = async {
        loop {
            if let Ok(entries) = std::fs::read_dir(&folder) {
                for entry in entries.flatten() {
                    let path = entry.path();
                    if path
                        .file_name()
                        .is_some_and(|n| n.to_string_lossy().starts_with("output_"))
                        && path.is_file()
                    {
                        std::fs::remove_file(&path).unwrap();
                        std::fs::create_dir(&path).unwrap();
                        return;
                    }
                }
            }
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    };
    world.delay(50);
    let (guard, ()) = tokio::join!(job.step(uses), spoil);
    assert_ne!(guard.code, Some(0), "{}", guard.story());
    assert_ne!(guard.output("deploy_needed"), "true");
    assert!(
        guard.lines.iter().any(|l| l.text.contains("GITHUB_OUTPUT")),
        "{}",
        guard.story()
    );
    summed(&guard, "A file of the runner could not be written");
    summed(&guard, "The record stays open");
    for false_word in ["Nothing was recorded", "input is not valid"] {
        assert!(
            !guard.log.iter().any(|l| l.contains(false_word)),
            "{}",
            guard.story()
        );
    }
    assert_eq!(job.finish().await, "failure");
    assert_free(&world).await;
    for record in records(&world).await {
        assert_eq!(record["status"], "failure");
    }
}

async fn the_configuration_is_pinned() {
    let world = plain_world().await;
    let mut job = job(&world);
    guard(&mut job, &[]).await.assert_code(0);
    deploy(&mut job, Behaviour::broken("v2")).await;
    Config::new(&world).without_gates().put(&world);
    let verify = verify(&mut job, &[]).await;
    verify.assert_code(4);
    job.finish().await;
    says(
        &record(&world).await,
        "failure",
        "degraded",
        "no_good_state",
    );
}

async fn a_branch_does_not_loosen_its_guard() {
    let world = World::new().await;
    Config::new(&world).env("branches: [main]").put(&world);
    world.github.with(|hub| {
        hub.commit_on("feature", "loosens");
        hub.put_file_on(
            "feature",
            ".github/deploy-guard.yml",
            "version: 1\nenvironments: { prod: {} }\n",
        );
    });
    let mut job = job_with(&world, |spec| spec.branch = "feature".into());
    let github = job.workspace().join(".github");
    std::fs::create_dir(&github).unwrap();
    std::fs::write(
        github.join("deploy-guard.yml"),
        "version: 1\nenvironments: { prod: {} }\n",
    )
    .unwrap();
    let first = guard(&mut job, &[]).await;
    refused(&first, 3, "branch_not_allowed");
}

async fn hostile_words_stay_words() {
    let world = plain_world().await;
    let reason =
        "x\n::set-env name=PATH::/tmp\n##[add-path]/tmp\r::error::no <!channel> `</details>";
    let mut job = job(&world);
    let guard = guard(&mut job, &[("reason", reason)]).await;
    guard.assert_code(0);
    assert!(
        guard.problems.is_empty() && guard.env.is_empty(),
        "{}",
        guard.story()
    );
    assert!(
        guard.annotations.iter().all(|a| a.level != "error"),
        "{}",
        guard.story()
    );
    deploy(&mut job, Behaviour::broken("v2")).await;
    let verify = verify(&mut job, &[]).await;
    assert!(
        verify.problems.is_empty() && verify.env.is_empty(),
        "{}",
        verify.story()
    );
    job.finish().await;
    for message in world.slack.messages() {
        assert!(
            !message.payload.to_string().contains("<!channel>"),
            "{}",
            message.payload
        );
    }
}
