//! One whole guarded run beside a chain of five single-purpose actions that does less, on loopback, against the same
//! GitHub, Slack and application. Prints a table; `UPDATE_DOCS=1` writes it into `docs/performance.md`.
//!
//! `DEPLOY_GUARD_BINARY=… cargo bench --profile dev --bench peers -- --pairs 20` measures our side alone; with
//! `--lock`, `--start`, `--health`, `--finish` and `--slack`, each with the path of an action's `dist/index.js`, the
//! chain as well, the two sides in turn. `--set slack:payload=…` gives one of them another input. Fails where our side
//! needs more memory, calls or round trips than it may; times are not asserted, for the machine may be shared.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints, and one that cannot go on has failed"
)]

#[path = "../../tests/suite/world/mod.rs"]
#[expect(unused_imports, reason = "its own tests are not in a benchmark")]
mod world;

#[path = "../shared/meter.rs"]
#[expect(dead_code, reason = "which stage it was is not asked here")]
mod meter;

#[path = "../shared/docs.rs"]
mod docs;

mod chain;
mod options;
mod table;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use chain::Chain;
use meter::{Meter, Used};
use options::Options;
use world::World;
use world::app::Behaviour;
use world::calls::CallList;

/// What one guarded run, main and post, may need at most: MiB at its peak, calls, round trips in a row.
const PEAK_MIB: f64 = 24.0;
const CALLS: usize = 23;
const DEPTH: usize = 20; // 18 where the machine is quiet; a busy one starts calls one after another

/// What one side used in one run.
struct Run {
    wall_ms: f64,
    /// Of that, how long a call to the local AWS server was open: that server is not what is measured.
    aws_ms: f64,
    cpu_ms: f64,
    peak_kib: f64,
    calls: usize,
    depth: usize,
}

impl Run {
    fn new(used: &[Used], calls: &CallList) -> Self {
        let sum = |of: fn(&Used) -> f64| used.iter().map(of).sum();
        Self {
            wall_ms: sum(|u| u.wall_ms),
            aws_ms: open_ms(&calls.only(|c| is_aws(&c.service))),
            cpu_ms: sum(|u| u.cpu_ms),
            peak_kib: used.iter().map(|u| u.peak_kib).fold(0.0, f64::max),
            calls: calls.0.len(),
            depth: calls.depth(),
        }
    }
}

fn is_aws(service: &str) -> bool {
    !["GitHub", "OIDC", "Slack", "App"].contains(&service)
}

/// How long at least one of these calls was open.
fn open_ms(calls: &CallList) -> f64 {
    let mut spans: Vec<(Instant, Instant)> = calls
        .0
        .iter()
        .filter_map(|c| Some((c.started, c.ended?)))
        .collect();
    spans.sort();
    let (mut open, mut until) = (Duration::ZERO, None::<Instant>);
    for (started, ended) in spans {
        let from = until.map_or(started, |u| u.max(started));
        open += ended.saturating_duration_since(from);
        until = Some(until.map_or(ended, |u| u.max(ended)));
    }
    open.as_secs_f64() * 1000.0
}

fn main() {
    let options = Options::from_arguments(std::env::args().skip(1));
    let binary = std::env::var_os("DEPLOY_GUARD_BINARY").map_or_else(
        || PathBuf::from(env!("CARGO_BIN_EXE_deploy-guard")),
        |given| Path::new(env!("CARGO_MANIFEST_DIR")).join(given),
    );
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let (ours, theirs) = runtime.block_on(measure(&binary, &options));
    let text = table::report(&ours, &theirs);
    println!("{text}");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        docs::write("peers", &text);
    }
    let over = over(&ours);
    assert!(over.is_empty(), "one guarded run needs {}", over.join(", "));
}

/// What our side needs more of than it may. Chance only adds to calls and depth (a retry, calls that a busy machine does
/// not start at once), so the run with the fewest counts; of memory the run with the most.
fn over(runs: &[Run]) -> Vec<String> {
    let mut over = Vec::new();
    let peak = runs.iter().map(|r| r.peak_kib).fold(0.0, f64::max) / 1024.0;
    if peak >= PEAK_MIB {
        over.push(format!("{peak:.1} MiB (below {PEAK_MIB})"));
    }
    let least = |of: fn(&Run) -> usize| runs.iter().map(of).min();
    for (what, seen, most) in [
        ("calls", least(|r| r.calls), CALLS),
        ("round trips in a row", least(|r| r.depth), DEPTH),
    ] {
        match seen {
            Some(seen) if seen <= most => {}
            seen => over.push(format!("{seen:?} {what} (at most {most})")),
        }
    }
    over
}

/// Both sides in turn, so that what else the machine does meets both.
async fn measure(binary: &Path, options: &Options) -> (Vec<Run>, Vec<Run>) {
    let world = World::new().await;
    world.github.with(|hub| {
        let config = CONFIG.replace("HEALTH", &world.app.health_url());
        hub.put_file(".github/deploy-guard.yml", &config);
        // The clients of others pin no version of the API.
        hub.needs_version = options.chain.is_none();
    });
    let meter = Meter::new(binary);
    let chain = options.chain.as_ref().map(Chain::new);
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..options.pairs {
        ours.push(guarded(&world, &meter).await);
        if let Some(chain) = &chain {
            theirs.push(chain.run(&world).await);
        }
    }
    (ours, theirs)
}

const CONFIG: &str = r#"version: 1
service: todo
environments:
  prod:
    production: true
    gates:
      window: 5s
      interval: 1s
      early_pass: true
      http:
        - { name: api, url: "HEALTH", warmup: 0s, consecutive_successes: 1 }
"#;

/// Main and post: lock, record, one probe, closing, Slack, summary.
async fn guarded(world: &World, meter: &Meter) -> Run {
    world.github.with(|hub| hub.commit("the next version"));
    let webhook = world.slack.webhook_url();
    let with = [("environment", "prod"), ("slack_webhook_url", &webhook)];
    let mut job = world.start(world.job(&meter.binary));
    let mark = world.calls.mark();
    let main = job.uses("guard", &with).await;
    main.assert_code(0);
    assert_eq!(main.output("deploy_needed"), "true", "{}", main.story());
    let version = job.sha.clone();
    job.run("deploy", async {
        world.app.deploy(Behaviour::healthy(&version));
        Ok(())
    })
    .await;
    assert_eq!(
        job.finish().await,
        "success",
        "{}",
        job.post("guard").story()
    );
    Run::new(&meter.take(), &world.calls.since(mark))
}
