//! `verify`: judges the gates now and changes nothing. Knows no lock.

use std::time::Duration;

use clap::Args;
use serde_json::json;

use crate::core::outcome::Exit;
use crate::core::record::Verdict;
use crate::engine::Stop;
use crate::engine::resume::judge_now;
use crate::i18n::{Locale, Word, reason, sight};
use crate::surface::action::inputs::Env;
use crate::surface::cli::context::{Purpose, engine_failed, open, sayer};
use crate::surface::cli::{Common, Failed, print_json};
use crate::surface::connect::Connect;
use crate::surface::out;

/// Arguments of `verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// Environment
    environment: String,
    /// Watch so long instead of taking one look, such as 5m
    #[arg(long, value_name = "DURATION", value_parser = parse_window)]
    window: Option<Duration>,
    /// One more HTTP gate
    #[arg(long, value_name = "URL")]
    health_url: Option<String>,
}

fn parse_window(text: &str) -> Result<Duration, String> {
    crate::config::parse_duration(text)
        .map_err(|kind| crate::i18n::config::problem("--window", &kind, Locale::En))
}

/// Judges.
pub async fn verify(
    common: &Common,
    args: &VerifyArgs,
    env: &Env,
    connect: &dyn Connect,
    stop: &mut Stop,
) -> Result<Exit, Failed> {
    let health_url = args.health_url.as_deref();
    let context = open(
        common,
        &args.environment,
        Purpose::Judge,
        health_url,
        env,
        connect,
    )
    .await?;
    let locale = context.locale;
    let say = sayer(locale, context.ports.clock.clone());
    let judgement = judge_now(
        &context.ports,
        &context.chosen.setup,
        args.window,
        &say,
        stop,
    )
    .await
    .map_err(|e| engine_failed(&e, &context))?;
    if common.json {
        print_json(&json!({
            "environment": context.chosen.setup.environment.as_str(),
            "verdict": judgement.verdict.as_str(),
            "reasonCode": judgement.reason.as_str(),
            "reason": reason::meaning(judgement.reason, locale),
            "gates": crate::render::json::findings(&judgement.findings, locale),
        }));
    } else {
        out::line(&format!(
            "{}: {}",
            judgement.verdict.word(locale),
            reason::meaning(judgement.reason, locale)
        ));
        for finding in sight::worst_first(&judgement.findings) {
            let sign = crate::render::summary::verdict_sign(finding);
            out::line(&format!(
                "  {sign} {}",
                crate::render::annotation::safe_line(&sight::line(finding, locale))
            ));
        }
        if judgement.verdict != Verdict::Healthy {
            out::line(reason::help(judgement.reason, locale));
        }
    }
    Ok(match judgement.verdict {
        Verdict::Healthy | Verdict::Skipped => Exit::Fine,
        Verdict::Degraded => Exit::Act,
        Verdict::Inconclusive => Exit::Unproven,
    })
}
