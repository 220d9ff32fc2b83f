//! What guarding costs: round trips, processor time, memory, size; measured on the binary as it is shipped, in the
//! world of the tests. Prints a table; `UPDATE_DOCS=1` writes it into `docs/performance.md`.
//!
//! `cargo build --release && DEPLOY_GUARD_BINARY=target/release/deploy-guard cargo bench --profile dev --bench performance`
//! measures the shipped binary; without the variable it is the one that Cargo builds for this profile.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints, and one that cannot go on has failed"
)]

#[path = "../tests/suite/world/mod.rs"]
#[expect(unused_imports, reason = "its own tests are not in a benchmark")]
mod world;

#[path = "shared/docs.rs"]
mod docs;

#[path = "shared/meter.rs"]
mod meter;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use meter::Meter;
use world::World;
use world::app::Behaviour;
use world::calls::CallList;
use world::runner::Job;

/// Injected into every call to a service, so that round trips show as time.
const DELAY_MS: u64 = 100;

/// The watch window of the story, subtracted from the closing's time.
const WINDOW_S: u64 = 5;

/// How often a short command is run for its mean.
const RUNS: u32 = 21;

struct Row {
    what: String,
    seen: String,
    bound: String,
    kept: bool,
}

fn row(what: &str, seen: f64, unit: &str, most: Option<f64>) -> Row {
    let number = |n: f64| {
        if n.fract() == 0.0 {
            format!("{n:.0}{unit}")
        } else {
            format!("{n:.1}{unit}")
        }
    };
    Row {
        what: what.to_owned(),
        seen: number(seen),
        bound: most.map_or("–".to_owned(), number),
        kept: most.is_none_or(|m| seen <= m),
    }
}

fn main() -> std::process::ExitCode {
    let binary = std::env::var_os("DEPLOY_GUARD_BINARY").map_or_else(
        || PathBuf::from(env!("CARGO_BIN_EXE_deploy-guard")),
        |given| Path::new(env!("CARGO_MANIFEST_DIR")).join(given),
    );
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let (rows, chains) = runtime.block_on(measure(&binary));
    let text = report(&rows, &chains);
    println!("{text}");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        docs::write("measured", &text);
    }
    if rows.iter().all(|r| r.kept) {
        std::process::ExitCode::SUCCESS
    } else {
        println!("a bound was missed");
        std::process::ExitCode::FAILURE
    }
}

async fn measure(binary: &Path) -> (Vec<Row>, String) {
    let meter = Meter::new(binary);
    let mut rows = Vec::new();
    let mut chains = String::new();
    size(binary, &mut rows);
    first_answer(&meter, &mut rows).await;
    story(&meter, &mut rows, &mut chains).await;
    hundred_endpoints(&meter, &mut rows).await;
    (rows, chains)
}

fn size(binary: &Path, rows: &mut Vec<Row>) {
    let bytes = std::fs::metadata(binary).unwrap().len();
    rows.push(row(
        "binary, stripped",
        bytes as f64 / 1e6,
        " MB",
        Some(11.0),
    ));
}

/// A command that ends with the first answer of DynamoDB.
async fn first_answer(meter: &Meter, rows: &mut Vec<Row>) {
    let world = World::new().await;
    for _ in 0..RUNS {
        let mut command = Command::new(&meter.binary);
        command
            .args(["lock", "prod", "--service", "todo", "--json", "--table"])
            .arg("deployment-history-prod")
            .env_clear()
            .envs(world.env());
        let ended = tokio::task::spawn_blocking(move || command.output().unwrap());
        let ended = ended.await.unwrap();
        assert!(
            ended.status.success(),
            "{}",
            String::from_utf8_lossy(&ended.stderr)
        );
    }
    let used = meter.take();
    let mut cpu: Vec<f64> = used.iter().map(|u| u.cpu_ms).collect();
    cpu.sort_by(f64::total_cmp);
    let middle = cpu[cpu.len() / 2];
    rows.push(row(
        "processor time from start to the first answer of DynamoDB (median)",
        middle,
        " ms",
        Some(10.0),
    ));
    let peak = used.iter().map(|u| u.peak_kib).fold(0.0, f64::max);
    rows.push(row(
        "peak memory of that",
        peak / 1024.0,
        " MiB",
        Some(24.0),
    ));
}

const CONFIG: &str = r#"version: 1
service: todo
environments:
  prod:
    production: true
    github_environment: production
    branches: [main]
    required_checks: [ci]
    approval: required
    gates:
      window: 5s
      interval: 1s
      http:
        - { name: api, url: "HEALTH", warmup: 0s }
"#;

/// A whole job with a role, an approval, required checks, a branch rule, Slack and SNS; every call takes 100 ms longer.
async fn story(meter: &Meter, rows: &mut Vec<Row>, chains: &mut String) {
    let world = World::new().await;
    let head = world.github.with(|hub| {
        hub.put_file(
            ".github/deploy-guard.yml",
            &CONFIG.replace("HEALTH", &world.app.health_url()),
        );
        let head = hub.head();
        hub.check_run(&head, "ci", Some("success"));
        hub.environment("production", &["lead"]);
        head
    });
    let topic = world.scene.create_topic("deployment-alerts-prod").await;
    let webhook = world.slack.webhook_url();
    let mut spec = world.job(&meter.binary);
    spec.env = world.env_without_credentials();
    spec.environment = Some("production".to_owned());
    let with = [
        ("environment", "prod"),
        (
            "role_to_assume",
            "arn:aws:iam::123456789012:role/deploy-guard",
        ),
        ("slack_webhook_url", webhook.as_str()),
        ("sns_topic_arn", topic.as_str()),
    ];
    let mut job = world.start(spec);
    world.github.with(|hub| {
        let run = *hub.runs.keys().max().unwrap();
        hub.approve(run, "production", "lead");
    });
    world.delay(DELAY_MS);
    assert_eq!(head.len(), 40);

    let mark = world.calls.mark();
    let guard = job.uses("guard", &with).await;
    guard.assert_code(0);
    assert_eq!(guard.output("deploy_needed"), "true", "{}", guard.story());
    let calls = world.calls.since(mark);
    let path = before_alerts(&calls);
    rows.push(row(
        "main: round trips in a row until `deploy_needed=true`",
        path.depth() as f64,
        "",
        Some(4.0),
    ));
    rows.push(row("main: calls until then", path.0.len() as f64, "", None));
    let _infallible = writeln!(chains, "- main: {}", path.chain().join(" → "));
    rows.push(row(
        "main: time on that path, 100 ms for each call",
        span_ms(&path),
        " ms",
        Some(500.0),
    ));
    rows.push(row(
        "main: that path by the clock, with the local AWS server's own time",
        clock_ms(&path),
        " ms",
        None,
    ));

    deploy(&mut job, &world).await;

    let mark = world.calls.mark();
    let mut again = with.to_vec();
    again.push(("phase", "verify"));
    let verify = job.uses("verify", &again).await;
    verify.assert_code(0);
    let calls = world.calls.since(mark);
    let (before, after) = around_the_watch(&calls);
    rows.push(row(
        "verify: round trips in a row until the watch begins",
        before.depth() as f64,
        "",
        None,
    ));
    rows.push(row(
        "closing: round trips in a row after the verdict",
        after.depth() as f64,
        "",
        Some(3.0),
    ));
    rows.push(row(
        "closing: calls after the verdict",
        after.0.len() as f64,
        "",
        None,
    ));
    rows.push(row(
        "closing: time after the verdict, 100 ms for each call",
        span_ms(&after),
        " ms",
        Some(400.0),
    ));
    rows.push(row(
        "closing: that path by the clock, with the local AWS server's own time",
        clock_ms(&after),
        " ms",
        None,
    ));
    let _infallible = writeln!(
        chains,
        "- verify, before the watch: {}",
        before.chain().join(" → ")
    );
    let _infallible = writeln!(chains, "- closing: {}", after.chain().join(" → "));
    world.delay(0);
    assert_eq!(job.finish().await, "success");
    for used in meter.take() {
        let name = match (
            used.args.get(1).map_or("", String::as_str),
            used.phase.as_str(),
        ) {
            ("main", "verify") => format!("verify with a watch of {WINDOW_S} s"),
            ("main", _) => "main".to_owned(),
            (_, phase) => format!("post of {phase}"),
        };
        rows.push(row(
            &format!("{name}: processor time"),
            used.cpu_ms,
            " ms",
            None,
        ));
        rows.push(row(
            &format!("{name}: peak memory"),
            used.peak_kib / 1024.0,
            " MiB",
            Some(24.0),
        ));
    }
}

async fn deploy(job: &mut Job<'_>, world: &World) {
    job.run("deploy", async {
        world.app.deploy(Behaviour::healthy("v2"));
        Ok(())
    })
    .await;
}

/// What stands between the start and `deploy_needed=true`: alerts are sent, and GitHub's pages changed, after the outputs
/// are written.
fn before_alerts(calls: &CallList) -> CallList {
    let first = (calls.0.iter())
        .filter(|c| is_alert(&c.service) || c.operation.starts_with("POST "))
        .map(|c| c.started)
        .min();
    calls.only(|c| {
        first.is_none_or(|at| c.started < at) && c.service != "App" && !is_looked_up_beside(c)
    })
}

/// GitHub's own deployment is looked up beside the checks, and nobody waits for it before the outputs are written; the
/// story `a_github_that_hangs_holds_nobody_up` proves that.
fn is_looked_up_beside(call: &world::calls::Call) -> bool {
    call.operation.starts_with("GET /repos/{o}/{r}/deployments")
}

fn is_alert(service: &str) -> bool {
    service == "Slack" || service == "SNS"
}

/// The calls before the first probe of the watch, and those after the last.
fn around_the_watch(calls: &CallList) -> (CallList, CallList) {
    let probes = calls.service("App");
    let last = probes.0.iter().map(|c| c.started).max().unwrap();
    let first_write = (calls.0.iter())
        .filter(|c| c.operation == "TransactWriteItems")
        .map(|c| c.started)
        .min()
        .unwrap();
    let before = calls.only(|c| c.service != "App" && c.started <= first_write);
    let after = calls.only(|c| c.service != "App" && c.started > last);
    (before, after)
}

/// Wall time from the first call to the last answer, the local AWS server's own time included.
fn clock_ms(calls: &CallList) -> f64 {
    let began = calls.0.iter().map(|c| c.started).min();
    let ended = calls.0.iter().filter_map(|c| c.ended).max();
    match (began, ended) {
        (Some(began), Some(ended)) => (ended - began).as_millis() as f64,
        (_, _) => 0.0,
    }
}

/// Wall time from the first call to the last answer as it would be if each call took exactly [`DELAY_MS`]: the
/// longest chain of calls, and our own time between them. What the local AWS server takes beside the delay is its own.
fn span_ms(calls: &CallList) -> f64 {
    let mut spans: Vec<_> = (calls.0.iter())
        .filter_map(|c| Some((c.started, c.ended?)))
        .collect();
    spans.sort();
    let mut between = std::time::Duration::ZERO;
    let mut busy_until = None;
    for (started, ended) in spans {
        if let Some(until) = busy_until {
            between += started.saturating_duration_since(until);
        }
        busy_until = busy_until.max(Some(ended));
    }
    (calls.depth() as u64 * DELAY_MS) as f64 + between.as_secs_f64() * 1000.0
}

/// One process that asks 100 addresses each second for 20 s.
async fn hundred_endpoints(meter: &Meter, rows: &mut Vec<Row>) {
    let calls = world::calls::Calls::default();
    let app = world::app::App::start(&calls, "v1");
    let folder = tempfile::tempdir().unwrap();
    let mut config =
        "version: 1\nservice: todo\nenvironments:\n  prod:\n    gates:\n      window: 20s\n      interval: 1s\n      http:\n".to_owned();
    for n in 0..100 {
        let _infallible = writeln!(
            config,
            "        - {{ name: e{n}, url: \"{}?n={n}\", warmup: 0s }}",
            app.health_url()
        );
    }
    let file = folder.path().join("deploy-guard.yml");
    std::fs::write(&file, config).unwrap();
    let mut command = Command::new(&meter.binary);
    command
        .args(["verify", "prod", "--window", "20s", "--config"])
        .arg(&file)
        .current_dir(folder.path())
        .env_clear();
    let ended = tokio::task::spawn_blocking(move || command.output().unwrap());
    let ended = ended.await.unwrap();
    assert!(
        ended.status.success(),
        "{}",
        String::from_utf8_lossy(&ended.stdout)
    );
    let used = &meter.take()[0];
    rows.push(row(
        "100 endpoints each second: probes answered",
        app.requests() as f64,
        "",
        None,
    ));
    rows.push(row(
        "100 endpoints each second: share of one core",
        used.cpu_ms / used.wall_ms * 100.0,
        " %",
        Some(10.0),
    ));
    rows.push(row(
        "100 endpoints each second: peak memory",
        used.peak_kib / 1024.0,
        " MiB",
        Some(24.0),
    ));
}

fn report(rows: &[Row], chains: &str) -> String {
    let mut out = String::from("| what | measured | bound | |\n|---|---|---|---|\n");
    for row in rows {
        let sign = match (row.kept, row.bound.as_str()) {
            (_, "–") => "",
            (true, _) => "✅",
            (false, _) => "❌",
        };
        let _infallible = writeln!(
            out,
            "| {} | {} | {} | {sign} |",
            row.what, row.seen, row.bound
        );
    }
    let _infallible = write!(
        out,
        "\nThe job measured has a role by OIDC, a required approval, a required check, a branch rule, one HTTP gate, Slack and\nSNS. The longest chains of calls that wait for each other:\n\n{chains}\nTimes with 100 ms for each call are that chain and the program's own time between its calls; what the local AWS server
takes for itself is left out, and shown in the row by the clock. GitHub's own deployment is looked up beside the checks, and
nobody waits for that look before the outputs are written (story `a_github_that_hangs_holds_nobody_up`): it is not counted. The first answer of DynamoDB is that to `lock`, with keys in
the environment: no job token, no role, no GitHub. Processor time is user and system time of the process as `wait4` reports it; peak memory is `VmHWM`.\n"
    );
    out
}
