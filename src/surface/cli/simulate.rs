//! `simulate`: the engine on made-up or recorded traffic. Knows files and standard input, not the statistics.

mod story;
mod time;
mod town;

use std::io::{BufReader, Write};

use clap::Args;

use crate::core::outcome::Exit;
use crate::i18n::Locale;
use crate::i18n::saying::Saying;
use crate::surface::cli::batch::run_batch;
use crate::surface::cli::{Common, Failed};
use crate::surface::connect::Connect;
use crate::surface::out;

/// Arguments of `simulate`.
#[derive(Debug, Args)]
pub struct SimulateArgs {
    /// Scenario: gates, and what traffic, errors, latency and outages do over time
    #[arg(value_name = "FILE", required_unless_present = "batch")]
    file: Option<String>,
    /// JSON lines, one deployment each; `-` for standard input
    #[arg(long, value_name = "FILE", conflicts_with = "file")]
    batch: Option<String>,
}

/// Tells the story of a scenario, or judges every line of a batch.
pub async fn simulate(
    common: &Common,
    args: &SimulateArgs,
    connect: &dyn Connect,
) -> Result<Exit, Failed> {
    match (&args.batch, &args.file) {
        (Some(batch), _) => judge(common, batch),
        (None, Some(file)) => story::run(common, file, connect).await,
        (None, None) => Ok(Exit::Usage),
    }
}

/// Judges every line of a batch.
fn judge(common: &Common, batch: &str) -> Result<Exit, Failed> {
    let locale = common.locale.unwrap_or(Locale::En);
    let unreadable = |error: std::io::Error| {
        Failed::new(
            Exit::Usage,
            Saying::Unreadable {
                what: batch,
                why: &error.to_string(),
            }
            .text(locale),
        )
    };
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut output = std::io::BufWriter::new(std::io::stdout().lock());
    let report = if batch == "-" {
        run_batch(std::io::stdin().lock(), &mut output, threads)
    } else {
        let file = std::fs::File::open(batch).map_err(unreadable)?;
        run_batch(BufReader::new(file), &mut output, threads)
    };
    let report = match report.and_then(|report| output.flush().map(|()| report)) {
        Ok(report) => report,
        // A reader that has seen enough, such as `head`.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => return Ok(Exit::Fine),
        Err(error) => return Err(unreadable(error)),
    };
    for (line, problem) in &report.problems {
        out::error_line(&format!("{}:{line}: {problem}", batch));
    }
    Ok(if report.malformed > 0 {
        let told = Saying::Batch {
            judged: report.judged,
            malformed: report.malformed,
        };
        out::error_line(&told.text(locale));
        Exit::Usage
    } else {
        Exit::Fine
    })
}
