//! The command line: one file a verb. Knows arguments, terminals and exit codes, no adapter.

mod backtest;
pub mod batch;
mod context;
mod history;
mod keep;
mod lock;
mod rollback;
mod simulate;
mod verify;

use std::io::IsTerminal;
use std::path::PathBuf;

use clap::{Args, CommandFactory, Parser, Subcommand};

use crate::config::Store;
use crate::core::outcome::Exit;
use crate::engine::Stop;
use crate::i18n::Locale;
use crate::render::terminal::Colours;
use crate::surface::action::inputs::Env;
use crate::surface::connect::Connect;
use crate::surface::out;

/// Makes production deployments safe: lock, record, watch, judge, tell.
#[derive(Debug, Parser)]
#[command(name = "deploy-guard", version, propagate_version = true)]
pub struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    verb: Verb,
}

/// Options of every verb.
#[derive(Debug, Args)]
#[command(next_help_heading = "Options of every command")]
pub struct Common {
    /// Language of texts: en or ko [default: as configured, else en]
    #[arg(long, global = true, value_name = "LANGUAGE", value_parser = parse_locale)]
    locale: Option<Locale>,
    /// Configuration file [default: .github/deploy-guard.yml, if it is there]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// History store: sqlite or dynamodb [default: as configured, else sqlite; inside Actions dynamodb]
    #[arg(long, global = true, value_name = "STORE", value_parser = parse_store)]
    store: Option<Store>,
    /// DynamoDB table, or SQLite file with --store sqlite
    #[arg(long, global = true, value_name = "NAME")]
    table: Option<String>,
    /// Service, where several share a table
    #[arg(long, global = true, value_name = "NAME")]
    service: Option<String>,
    /// AWS Region
    #[arg(long, global = true, value_name = "REGION")]
    region: Option<String>,
    /// Print JSON instead of text
    #[arg(long, global = true)]
    json: bool,
}

fn parse_locale(text: &str) -> Result<Locale, String> {
    Locale::parse(&text.to_ascii_lowercase()).ok_or_else(|| "allowed: en, ko".to_owned())
}

fn parse_store(text: &str) -> Result<Store, String> {
    Store::parse(&text.to_ascii_lowercase()).ok_or_else(|| "allowed: sqlite, dynamodb".to_owned())
}

/// What to do.
#[derive(Debug, Subcommand)]
enum Verb {
    /// List deployments, newest first
    History(history::HistoryArgs),
    /// Tell the story of one deployment
    Show(history::ShowArgs),
    /// Bring an earlier good version back
    Rollback(rollback::RollbackArgs),
    /// Judge an environment's gates now, changing nothing
    Verify(verify::VerifyArgs),
    /// Show who holds an environment, or release its lock
    Lock(lock::LockArgs),
    /// Sweep once: close abandoned deployments, resume restores, send owed messages
    Keep(keep::KeepArgs),
    /// Go on with the open deployment of a job that has died
    Resume(keep::ResumeArgs),
    /// Judge made-up or recorded traffic with the very engine that judges deployments
    Simulate(simulate::SimulateArgs),
    /// Judge an environment's own past with its gates, beside other gates' rules
    Backtest(backtest::BacktestArgs),
    /// Print the JSON Schema of the configuration
    Schema,
    /// Print a shell's completion script
    Completions {
        /// bash, zsh, fish, elvish or powershell
        shell: clap_complete::Shell,
    },
    /// A stage of the GitHub Action: main or post
    Action {
        /// main or post
        #[arg(value_parser = ["main", "post"])]
        stage: String,
    },
}

/// Runs a command.
pub async fn run(args: &[String], env: &Env, connect: &dyn Connect, stop: &mut Stop) -> Exit {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            let fine = !error.use_stderr();
            let text = error.render().to_string();
            if fine {
                out::line(text.trim_end())
            } else {
                out::error_line(text.trim_end())
            }
            return if fine { Exit::Fine } else { Exit::Usage };
        }
    };
    let common = &cli.common;
    let result = match &cli.verb {
        Verb::History(args) => history::history(common, args, env, connect).await,
        Verb::Show(args) => history::show(common, args, env, connect).await,
        Verb::Verify(args) => verify::verify(common, args, env, connect, stop).await,
        Verb::Rollback(args) => rollback::rollback(common, args, env, connect, stop).await,
        Verb::Lock(args) => lock::lock(common, args, env, connect).await,
        Verb::Keep(args) => keep::keep(common, args, env, connect, stop).await,
        Verb::Resume(args) => keep::resume(common, args, env, connect, stop).await,
        Verb::Simulate(args) => simulate::simulate(common, args, connect).await,
        Verb::Backtest(args) => backtest::run(common, args, env, connect).await,
        Verb::Schema => {
            out::line(crate::config::SCHEMA.trim_end());
            Ok(Exit::Fine)
        }
        Verb::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Cli::command(), "deploy-guard", &mut script);
            out::line(String::from_utf8_lossy(&script).trim_end());
            Ok(Exit::Fine)
        }
        Verb::Action { stage } => {
            let entry = if stage == "main" {
                crate::surface::action::Entry::Main
            } else {
                crate::surface::action::Entry::Post
            };
            Ok(crate::surface::action::run(entry, env, connect, stop).await)
        }
    };
    result.unwrap_or_else(|failed| {
        for problem in &failed.problems {
            let problem = crate::render::annotation::safe_line(problem);
            out::error_line(&format!("deploy-guard: {problem}"));
        }
        failed.exit
    })
}

/// A command that could not do its work.
#[derive(Debug)]
pub struct Failed {
    /// In words, one each.
    pub problems: Vec<String>,
    /// With which code.
    pub exit: Exit,
}

impl Failed {
    fn new(exit: Exit, problem: impl Into<String>) -> Self {
        Self {
            problems: vec![problem.into()],
            exit,
        }
    }
}

fn print_json(value: &serde_json::Value) {
    out::line(&format!("{value:#}"));
}

fn colours() -> Colours {
    let set = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty());
    let dumb = set("TERM").is_some_and(|t| t == "dumb");
    Colours(std::io::stdout().is_terminal() && set("NO_COLOR").is_none() && !dumb)
}

/// The command line as clap describes it, for documentation and completions.
#[must_use]
pub fn command() -> clap::Command {
    Cli::command()
}
