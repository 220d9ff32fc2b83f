//! `backtest`: how the configured gates would have judged the team's own past. Reads only.

use clap::Args;

use crate::core::outcome::Exit;
use crate::engine::backtest::{Asked, BacktestError, backtest};
use crate::i18n::saying::Saying;
use crate::render::backtest::{Told, json, text};
use crate::surface::action::inputs::Env;
use crate::surface::cli::context::{Purpose, open, sayer, store_failed};
use crate::surface::cli::{Common, Failed, colours, print_json};
use crate::surface::connect::Connect;
use crate::surface::out;

/// Arguments of `backtest`.
#[derive(Debug, Args)]
pub struct BacktestArgs {
    /// Environment
    environment: String,
    /// Deployments of so many days; CloudWatch keeps the minutes of 15
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=365))]
    days: u32,
    /// Moments at which nothing was deployed, at most
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(0..=10_000))]
    moments: u32,
}

/// Judges the past.
pub async fn run(
    common: &Common,
    args: &BacktestArgs,
    env: &Env,
    connect: &dyn Connect,
) -> Result<Exit, Failed> {
    let context = open(
        common,
        &args.environment,
        Purpose::Judge,
        None,
        env,
        connect,
    )
    .await?;
    let (locale, setup) = (context.locale, &context.chosen.setup);
    let asked = Asked {
        days: args.days,
        moments: usize::try_from(args.moments).unwrap_or(usize::MAX),
    };
    let say = sayer(locale, context.ports.clock.clone());
    let environment = setup.environment.as_str();
    let past = match backtest(&context.ports, setup, asked, &say).await {
        Ok(past) => past,
        Err(BacktestError::Store(error)) => return Err(store_failed(&error, &context)),
        Err(BacktestError::Metrics(why)) => {
            let why = &why.detail;
            let text = Saying::MetricsFailed { why, environment }.text(locale);
            return Err(Failed::new(Exit::Unreachable, text));
        }
        Err(BacktestError::NoGates) => {
            let text = Saying::NoGateWithPast { environment }.text(locale);
            return Err(Failed::new(Exit::Usage, text));
        }
    };
    for (gate, why) in &past.missing {
        let why = &why.detail;
        let text = Saying::NotThere { gate, why }.text(locale);
        out::error_line(&crate::render::annotation::safe_line(&text));
    }
    let deployments: Vec<_> = past
        .deployments
        .iter()
        .map(|deployment| (&deployment.record, &deployment.judged))
        .collect();
    let told = Told {
        environment,
        from: past.from,
        until: past.until,
        tests: &past.tests,
        without_history: &past.without_history,
        deployments: &deployments,
        rules: &past.rules,
    };
    if common.json {
        let now = context.ports.clock.now();
        print_json(&json(&told, args.days, now, locale));
    } else {
        out::line(text(&told, locale, colours()).trim_end());
    }
    Ok(Exit::Fine)
}
