//! The world's own tests: the runner harness with a shell script in the action's place.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use super::World;
use super::runner_process::{Graces, Interrupt, What};
use super::runner_result::Outcome;
use super::runner_spec::{If, JobSpec, Uses};

/// A script that is called as the binary is: `$1` = `action`, `$2` = stage.
fn script(world: &World, text: &str) -> (TempDir, JobSpec) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("binary");
    std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).expect("the script is written");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755))
        .expect("the script can run");
    let mut spec = world.job(&path);
    spec.limit = Duration::from_secs(20);
    spec.graces = Graces {
        interrupt: Duration::from_millis(150),
        terminate: Duration::from_millis(150),
    };
    (folder, spec)
}

#[tokio::test]
async fn state_outputs_and_the_jobs_status_travel_as_on_the_runner() {
    let world = World::without_table();
    let (_keep, spec) = script(
        &world,
        r#"
if [ "$2" = main ]; then
  echo "deploy_needed=true" >> "$GITHUB_OUTPUT"
  printf 'reason<<EOF\none\ntwo\nEOF\n' >> "$GITHUB_OUTPUT"
  echo "Fence=7" >> "$GITHUB_STATE"
  echo "FROM_MAIN=1" >> "$GITHUB_ENV"
  echo '## healthy' >> "$GITHUB_STEP_SUMMARY"
  echo "::warning title=careful::it is $INPUT_ENVIRONMENT"
  [ -d "$HOME" ] && [ "$PWD" = "$GITHUB_WORKSPACE" ] && [ -f "$GITHUB_EVENT_PATH" ] && [ -n "$ACTIONS_ID_TOKEN_REQUEST_URL" ] || exit 9
else
  echo "late=lost" >> "$GITHUB_OUTPUT"
  env | sort
fi"#,
    );
    let mut job = world.start(spec);
    let guard = job
        .uses("guard", &[("environment", "prod"), ("role_to_assume", "")])
        .await;
    guard.assert_code(0);
    assert_eq!(
        (guard.output("deploy_needed"), guard.output("reason")),
        ("true", "one\ntwo")
    );
    assert_eq!(guard.summary.as_deref(), Some("## healthy"));
    assert_eq!(
        (
            guard.annotations[0].level.as_str(),
            guard.annotations[0].message.as_str()
        ),
        ("warning", "it is prod")
    );
    let version = world.app.version();
    let deployed = job
        .run("deploy", async {
            if version == "v1" {
                Err("cdk failed".into())
            } else {
                Ok(())
            }
        })
        .await;
    assert_eq!(deployed, Outcome::Failure);
    assert_eq!(
        job.uses("verify", &[("phase", "verify")]).await.outcome,
        Outcome::Skipped
    );
    assert_eq!(job.finish().await, "failure");
    let post = job.post("guard");
    let has = |line: &str| {
        assert!(
            post.lines.iter().any(|l| l.text == line),
            "no `{line}` in\n{}",
            post.story()
        )
    };
    has("STATE_Fence=7");
    has("INPUT_JOB_STATUS=failure");
    has("INPUT_ENVIRONMENT=prod");
    has("FROM_MAIN=1");
    has(&format!("INPUT_JOB_ID={}", job.job_id));
    has(&format!(
        "INPUT_REF={}",
        world.github.with(|hub| hub.head())
    ));
    assert!(post.outputs.is_empty(), "outputs of post are lost");
    assert!(
        !post
            .lines
            .iter()
            .any(|l| l.text.starts_with("GITHUB_TOKEN=") || l.text.starts_with("CARGO")),
        "nothing else gets in"
    );
    let hub_job = world.github.with(|hub| {
        hub.find_job(job.job_id)
            .and_then(|(_, _, j)| j.conclusion.clone())
    });
    assert_eq!(hub_job.as_deref(), Some("failure"));
}

#[tokio::test]
async fn posts_run_last_in_first_out_and_after_a_cancel() {
    let world = World::without_table();
    let (_keep, spec) = script(
        &world,
        r#"[ "$2" = post ] && echo "$INPUT_JOB_STATUS"; exit 0"#,
    );
    let mut job = world.start(spec);
    job.uses("first", &[]).await;
    job.uses("second", &[]).await;
    job.cancel();
    assert_eq!(job.run("later", async { Ok(()) }).await, Outcome::Skipped);
    assert_eq!(
        job.run_when("cleanup", If::Cancelled, async { Ok(()) })
            .await,
        Outcome::Success
    );
    assert_eq!(job.finish().await, "cancelled");
    let posts: Vec<(&str, &str)> = job
        .stages
        .iter()
        .filter(|s| s.stage == "post")
        .map(|s| (s.id.as_str(), s.lines[0].text.as_str()))
        .collect();
    assert_eq!(posts, [("second", "cancelled"), ("first", "cancelled")]);
}

#[tokio::test]
async fn a_cancel_sends_int_then_term_then_kill() {
    let world = World::without_table();
    let stubborn = r#"
[ "$2" = post ] && { echo "post after $INPUT_JOB_STATUS"; exit 0; }
trap 'echo got INT' INT; trap 'echo got TERM' TERM
echo ready; echo "Kept=1" >> "$GITHUB_STATE"
while :; do sleep 0.02; done"#;
    let (_keep, spec) = script(&world, stubborn);
    let mut job = world.start(spec);
    let main = job
        .step(Uses::new("guard", &[]).interrupt(Interrupt::at_line("ready", What::Cancel)))
        .await;
    assert_eq!(
        (
            main.outcome,
            main.signal,
            main.state.get("Kept").map(String::as_str)
        ),
        (Outcome::Cancelled, Some(9), Some("1"))
    );
    assert_eq!(
        main.sent.iter().map(|(name, _)| *name).collect::<Vec<_>>(),
        ["INT", "TERM", "KILL"],
        "{}",
        main.story()
    );
    assert!(
        main.lines.iter().any(|l| l.text == "got INT")
            && main.lines.iter().any(|l| l.text == "got TERM"),
        "{}",
        main.story()
    );
    assert_eq!(job.finish().await, "cancelled");
    assert_eq!(job.post("guard").lines[0].text, "post after cancelled");
}

#[tokio::test]
async fn a_lost_machine_runs_no_posts_and_exit_zero_after_a_cancel_is_no_success() {
    let world = World::without_table();
    let (_keep, spec) = script(
        &world,
        r#"[ "$2" = post ] && exit 0; trap 'echo bye; exit 0' INT; echo ready; while :; do sleep 0.02; done"#,
    );
    let mut job = world.start(spec.clone());
    let main = job
        .step(Uses::new("guard", &[]).interrupt(Interrupt::at_line("ready", What::Cancel)))
        .await;
    assert_eq!(
        (main.code, main.outcome, job.status),
        (Some(0), Outcome::Cancelled, "cancelled")
    );

    let mut job = world.start(spec);
    let mark = world.app.requests();
    let app = world.app.url();
    let mut asked = 0;
    let seen = move || {
        asked += 1;
        asked > 2
    };
    let main = job
        .step(
            Uses::new("guard", &[("health_url", &app)])
                .interrupt(Interrupt::once(seen, What::MachineLost)),
        )
        .await;
    assert_eq!((main.signal, world.app.requests()), (Some(9), mark));
    assert_eq!(job.finish().await, "failure");
    assert!(job.stages.iter().all(|s| s.stage != "post"));
}

#[tokio::test]
async fn a_broken_file_or_a_disabled_command_fails_the_step_that_exits_zero() {
    let world = World::without_table();
    for (text, problem) in [
        (
            r#"printf 'good=1\nbad\n' >> "$GITHUB_OUTPUT""#,
            "Unable to process file command 'output' successfully. Invalid format 'bad'",
        ),
        (
            r#"printf 'x<<E\nnever ends\n' >> "$GITHUB_STATE""#,
            "Unable to process file command 'state'",
        ),
        (
            r#"printf 'said by outsiders\r::set-env name=A::b\n'"#,
            "The `set-env` command is disabled",
        ),
    ] {
        let (_keep, spec) = script(&world, text);
        let mut job = world.start(spec);
        let main = job.uses("guard", &[]).await;
        assert_eq!(
            (main.code, main.outcome, job.status),
            (Some(0), Outcome::Failure, "failure"),
            "{text}"
        );
        assert!(
            main.problems.iter().any(|p| p.starts_with(problem)),
            "{:?}",
            main.problems
        );
    }
    let (_keep, spec) = script(
        &world,
        r#"head -c 1048577 /dev/zero | tr '\0' x >> "$GITHUB_STEP_SUMMARY""#,
    );
    let big = world.start(spec).uses("guard", &[]).await;
    assert_eq!(
        (big.outcome, big.summary.is_none(), big.problems.len()),
        (Outcome::Success, true, 1)
    );
}

#[tokio::test]
async fn leaks_are_found_before_the_mask_and_in_files_but_not_after_it() {
    let world = World::without_table();
    let secret = "s3cret-of-the-world";
    let (_keep, spec) = script(
        &world,
        r#"echo "::add-mask::$INPUT_REASON"; echo "using $INPUT_REASON""#,
    );
    let mut job = world.start(spec);
    let main = job.uses("guard", &[("reason", secret)]).await;
    assert_eq!(main.log, ["using ***"]);
    job.assert_no_secret_leak(&[secret]);
    job.assert_no_leak();
    for text in [
        r#"echo "using $INPUT_REASON" >&2; echo "::add-mask::$INPUT_REASON""#,
        r#"echo "::add-mask::$INPUT_REASON"; echo "x=$INPUT_REASON" >> "$GITHUB_OUTPUT""#,
        r#"printf '%s' "user:$INPUT_REASON" | base64"#,
        r#"echo "$INPUT_REASON" > kept.txt"#,
        r#"echo "::error::denied for $INPUT_REASON""#,
    ] {
        let (_keep, spec) = script(&world, text);
        let mut job = world.start(spec);
        job.uses("guard", &[("reason", secret)]).await;
        let found = super::runner_result::leaks(&job.stages, job.folder(), &[secret]);
        assert!(!found.is_empty(), "not found: {text}");
    }
}

#[tokio::test]
async fn a_stage_that_never_ends_is_killed_and_said_so() {
    let world = World::without_table();
    let (_keep, mut spec) = script(&world, "echo begun; exec sleep 60");
    spec.limit = Duration::from_millis(400);
    spec.dispatch = Value::Null;
    let main = world.start(spec).uses("guard", &[]).await;
    assert!(
        main.overdue && main.signal == Some(9) && main.story().contains("OVERDUE"),
        "{}",
        main.story()
    );
}
