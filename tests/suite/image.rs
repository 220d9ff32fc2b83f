//! The image itself: what is in it, how it is labelled, what it does beside the stages. Needs the image that `DEPLOY_GUARD_IMAGE` names.

use std::collections::BTreeSet;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::stories::scene::{assert_free, job_with, plain_world, records, step};
use crate::world::World;
use crate::world::faults::{Fault, On};
use crate::world::runner_container::{Image, SWITCH, containers};
use crate::world::runner_process::{Graces, Interrupt, What};

fn image() -> Image {
    Image::chosen().unwrap_or_else(|| panic!("set {SWITCH} to an image that `.ci/image` built"))
}

fn podman(args: &[&str]) -> String {
    let ended = Command::new("podman").args(args).output().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "podman {args:?}: {said}");
    String::from_utf8(ended.stdout).unwrap()
}

#[test]
#[ignore = "needs an image: .ci/image"]
fn nothing_is_in_it_but_the_program_and_its_libraries() {
    let folder = tempfile::tempdir().unwrap();
    let tar = folder.path().join("image.tar");
    let container = podman(&["create", image().name()]);
    podman(&[
        "export",
        "--output",
        tar.to_str().unwrap(),
        container.trim(),
    ]);
    podman(&["rm", container.trim()]);
    let listed = Command::new("tar").arg("tf").arg(&tar).output().unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    let files: BTreeSet<&str> = listed.lines().filter(|l| !l.ends_with('/')).collect();
    // Docker and podman lay the first three into every container.
    let known = |file: &str| {
        let name = file.rsplit('/').next().unwrap_or_default();
        file.starts_with("etc/resolv.conf")
            || file.starts_with("etc/hosts")
            || file.starts_with("run/.containerenv")
            || file.starts_with("usr/share/doc/")
            || file.starts_with("var/lib/dpkg/status.d/")
            || [
                "etc/nsswitch.conf",
                "deploy-guard",
                "deploy-guard-main",
                "deploy-guard-post",
            ]
            .contains(&file)
            || (file.starts_with("lib") && (name.contains(".so.")))
    };
    let others: Vec<_> = files.iter().filter(|f| !known(f)).collect();
    assert!(others.is_empty(), "{others:?}");
    let libraries: Vec<_> = files.iter().filter(|f| f.contains(".so.")).collect();
    assert_eq!(libraries.len(), 4, "{libraries:?}");
}

#[test]
#[ignore = "needs an image: .ci/image"]
fn its_labels_user_and_entry_point_are_those_of_an_action() {
    let config: Value = serde_json::from_str(&podman(&[
        "image",
        "inspect",
        "--format",
        "{{json .Config}}",
        image().name(),
    ]))
    .unwrap();
    assert_eq!(config["Entrypoint"], serde_json::json!(["/deploy-guard"]));
    assert!(config.get("Cmd").is_none_or(Value::is_null), "{config:#}");
    assert_eq!(
        config["User"].as_str().unwrap_or_default(),
        "",
        "GitHub runs actions as root"
    );
    for label in [
        "title",
        "description",
        "source",
        "documentation",
        "licenses",
        "version",
        "revision",
        "created",
    ] {
        let value = config["Labels"][format!("org.opencontainers.image.{label}")].as_str();
        assert!(value.is_some_and(|v| !v.is_empty()), "{label}: {config:#}");
    }
    assert_eq!(config["Labels"]["org.opencontainers.image.licenses"], "MIT");
}

/// As `uses: docker://…` with `args` runs the keeper, and by a name, so that the image can look names up.
#[tokio::test]
#[ignore = "needs an image: .ci/image"]
async fn the_command_line_runs_in_it_and_looks_names_up() {
    let world = World::without_table();
    let url = world.app.health_url().replace("127.0.0.1", "localhost");
    assert!(url.contains("localhost"));
    let folder = tempfile::tempdir().unwrap();
    let config = format!(
        "version: 1\nservice: todo\nenvironments:\n  prod:\n    gates:\n      window: 5s\n      interval: 1s\n      early_pass: true\n      http:\n        - {{ name: api, url: \"{url}\", warmup: 0s }}\n"
    );
    std::fs::write(folder.path().join("guard.yml"), config).unwrap();
    let mount = format!("{}:/work", folder.path().display());
    let args = [
        "--runtime",
        "runc",
        "--cgroup-manager",
        "cgroupfs",
        "run",
        "--rm",
        "--ulimit",
        "nofile=1024:1024",
        "--ulimit",
        "nproc=1024:1024",
        "--network",
        "host",
        "-v",
        &mount,
        "--workdir",
        "/work",
        image().name(),
        "verify",
        "prod",
        "--config",
        "guard.yml",
    ]
    .map(str::to_owned);
    let ended =
        tokio::task::spawn_blocking(move || Command::new("podman").args(args).output().unwrap());
    let ended = ended.await.unwrap();
    let said = String::from_utf8_lossy(&ended.stdout).into_owned()
        + &String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{said}");
    assert!(world.app.requests() > 1, "{said}");
}

/// After its last grace the runner kills the engine's client, and the container runs on beside the post stage.
#[tokio::test]
#[ignore = "needs an image: .ci/image"]
async fn a_container_that_outlives_its_client_leaves_nothing_open() {
    let world = plain_world().await;
    world.fault(On::op("TransactWriteItems").always(), Fault::Hang);
    let short = Duration::from_millis(200);
    let mut job = job_with(&world, |spec| {
        spec.graces = Graces {
            interrupt: short,
            terminate: short,
        };
    });
    let calls = world.calls.clone();
    let writes = move || calls.all().count("DynamoDB", "TransactWriteItems") > 0;
    let guard = job
        .step(step(&world, "guard", &[]).interrupt(Interrupt::once(writes, What::Cancel)))
        .await;
    assert_eq!(
        guard.signal,
        Some(9),
        "the client was killed: {}",
        guard.story()
    );
    assert_eq!(containers().len(), 1, "and its container was not");
    world.faults.clear();
    assert_eq!(job.finish().await, "cancelled");
    let began = Instant::now();
    while !containers().is_empty() {
        assert!(
            began.elapsed() < Duration::from_secs(30),
            "{:?}",
            containers()
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_free(&world).await;
    for record in records(&world).await {
        assert_ne!(record["status"], "in_progress", "{record:#?}");
    }
}
