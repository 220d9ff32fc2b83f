//! Benchmark of the verdict: false rollbacks, time to detect, false passes, and other gates beside it.
//!
//! `cargo bench --bench verdict -- --full` writes `docs/verdict.md` and `docs/verdict.svg`; `--quick`
//! (default) prints a smaller run. `--runs N`, `--seed N`, `--threads N` change it.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a benchmark reports on the terminal"
)]

mod cells;
mod compare;
mod plot;
mod probes;
mod random;
mod report;
mod requests;
mod rows;
mod scenario;
mod speed;
mod study;
mod traffic;

use std::process::ExitCode;
use std::time::Instant;

/// What was asked for on the command line.
pub struct Options {
    full: bool,
    runs: u32,
    seed: u64,
    threads: usize,
}

fn options() -> Result<Options, String> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut options = Options {
        full: false,
        runs: 500,
        seed: 20_261_123,
        threads,
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut number = || arguments.next().and_then(|n| n.parse::<u64>().ok());
        match argument.as_str() {
            "--full" => (options.full, options.runs) = (true, 10_000),
            "--quick" => (options.full, options.runs) = (false, 500),
            "--bench" => {}
            "--runs" => {
                options.runs = number()
                    .and_then(|n| u32::try_from(n).ok())
                    .ok_or("--runs needs a number")?
            }
            "--seed" => options.seed = number().ok_or("--seed needs a number")?,
            "--threads" => options.threads = number().ok_or("--threads needs a number")? as usize,
            other => {
                return Err(format!(
                    "unknown argument {other}; known: --quick --full --runs --seed --threads"
                ));
            }
        }
    }
    Ok(options)
}

fn main() -> ExitCode {
    let options = match options() {
        Ok(options) => options,
        Err(problem) => {
            eprintln!("{problem}");
            return ExitCode::from(2);
        }
    };
    let measured = speed::measure(options.threads);
    let started = Instant::now();
    let cells = cells::all();
    let plain: Vec<_> = cells.iter().map(|(_, _, cell)| cell.clone()).collect();
    let outcomes = study::run(&plain, options.seed, options.runs, options.threads);
    let rows: Vec<rows::Row> = cells
        .into_iter()
        .zip(outcomes)
        .map(|((group, name, cell), outcome)| rows::Row {
            group,
            name,
            cell,
            outcome,
        })
        .collect();
    let document = report::document(&rows, &measured, &options);
    eprintln!(
        "{} cells of {} deployments in {:.0?}",
        rows.len(),
        options.runs,
        started.elapsed()
    );
    if !options.full {
        println!("{document}");
        return ExitCode::SUCCESS;
    }
    let title =
        "False rollbacks (worst healthy service) against time to detect 20 % at 1 request a second";
    let svg = plot::svg(title, &compare::points(&rows), scenario::ALPHA);
    let written = std::fs::create_dir_all("docs")
        .and_then(|()| std::fs::write("docs/verdict.md", document))
        .and_then(|()| std::fs::write("docs/verdict.svg", svg));
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("docs/verdict.md: {error}");
            ExitCode::FAILURE
        }
    }
}
