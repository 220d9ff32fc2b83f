//! `simulate`: the engine on made-up or recorded traffic. Knows files and standard input, not the statistics.

use std::io::{BufReader, Write};

use clap::Args;

use crate::core::outcome::Exit;
use crate::i18n::Locale;
use crate::i18n::saying::Saying;
use crate::surface::cli::{Common, Failed, batch};
use crate::surface::out;

/// Arguments of `simulate`.
#[derive(Debug, Args)]
pub struct SimulateArgs {
    /// JSON lines, one deployment each; `-` for standard input
    #[arg(long, value_name = "FILE")]
    batch: String,
}

/// Judges every line of a batch.
pub fn simulate(common: &Common, args: &SimulateArgs) -> Result<Exit, Failed> {
    let locale = common.locale.unwrap_or(Locale::En);
    let unreadable = |error: std::io::Error| {
        Failed::new(
            Exit::Usage,
            Saying::Unreadable {
                what: &args.batch,
                why: &error.to_string(),
            }
            .text(locale),
        )
    };
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut output = std::io::BufWriter::new(std::io::stdout().lock());
    let report = if args.batch == "-" {
        batch::run_batch(std::io::stdin().lock(), &mut output, threads)
    } else {
        let file = std::fs::File::open(&args.batch).map_err(unreadable)?;
        batch::run_batch(BufReader::new(file), &mut output, threads)
    };
    let report = match report.and_then(|report| output.flush().map(|()| report)) {
        Ok(report) => report,
        // A reader that has seen enough, such as `head`.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => return Ok(Exit::Fine),
        Err(error) => return Err(unreadable(error)),
    };
    for (line, problem) in &report.problems {
        out::error_line(&format!("{}:{line}: {problem}", args.batch));
    }
    Ok(if report.malformed > 0 {
        Exit::Usage
    } else {
        Exit::Fine
    })
}
