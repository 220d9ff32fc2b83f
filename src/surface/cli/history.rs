//! `history` and `show`: what was deployed, and how one deployment went. Reads only.

use clap::Args;

use crate::core::id::DeploymentId;
use crate::core::outcome::Exit;
use crate::core::time::{Day, Timestamp};
use crate::i18n::saying::Saying;
use crate::ports::ListQuery;
use crate::surface::action::inputs::Env;
use crate::surface::cli::context::{Purpose, only_environment, open, store_failed};
use crate::surface::cli::{Common, Failed, colours, print_json};
use crate::surface::connect::Connect;
use crate::surface::out;

/// Arguments of `history`.
#[derive(Debug, Args)]
pub struct HistoryArgs {
    /// Environment
    environment: String,
    /// At most so many
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1000))]
    limit: u16,
    /// Only this status: in_progress, success, failure, rolled_back, cancelled, superseded, rollback_failed
    #[arg(long)]
    status: Option<String>,
    /// Only this type: deploy, rollback, hotfix
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<String>,
    /// Not older: a day (2026-01-31) or a time (2026-01-31T09:00:00Z)
    #[arg(long, value_parser = parse_from)]
    from: Option<Timestamp>,
    /// Not newer: a day, whole, or a time
    #[arg(long, value_parser = parse_to)]
    to: Option<Timestamp>,
    /// Go on where the last page ended
    #[arg(long)]
    cursor: Option<String>,
}

fn parse_from(text: &str) -> Result<Timestamp, String> {
    Day::parse(text)
        .map(Day::start)
        .or_else(|_| Timestamp::parse(text))
        .map_err(|e| e.to_string())
}

fn parse_to(text: &str) -> Result<Timestamp, String> {
    let end = |day: Day| {
        day.next()
            .start()
            .minus(std::time::Duration::from_millis(1))
    };
    Day::parse(text)
        .map(end)
        .or_else(|_| Timestamp::parse(text))
        .map_err(|e| e.to_string())
}

/// Arguments of `show`.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// Deployment id
    id: String,
    /// Its environment, where several are configured
    #[arg(long, value_name = "NAME")]
    environment: Option<String>,
}

/// Lists deployments.
pub async fn history(
    common: &Common,
    args: &HistoryArgs,
    env: &Env,
    connect: &dyn Connect,
) -> Result<Exit, Failed> {
    let context = open(common, &args.environment, Purpose::Read, None, env, connect).await?;
    let now = context.ports.clock.now();
    let setup = &context.chosen.setup;
    let query = ListQuery {
        environment: setup.environment.clone(),
        status: args.status.clone(),
        kind: args.kind.clone(),
        service: common.service.is_some().then(|| setup.service.clone()),
        from: args.from,
        to: args.to,
        limit: usize::from(args.limit),
        cursor: args.cursor.clone(),
        now,
    };
    let page = context
        .ports
        .history
        .list(&query)
        .await
        .map_err(|e| store_failed(&e))?;
    let cursor = page.cursor.as_deref();
    if common.json {
        print_json(&crate::render::json::history(
            &page.records,
            cursor,
            &setup.environment,
            now,
        ));
    } else {
        let text = crate::render::terminal::history(
            &page.records,
            cursor,
            &setup.environment,
            context.locale,
            colours(),
        );
        out::line(text.trim_end());
    }
    Ok(Exit::Fine)
}

/// Tells one deployment's story.
pub async fn show(
    common: &Common,
    args: &ShowArgs,
    env: &Env,
    connect: &dyn Connect,
) -> Result<Exit, Failed> {
    let id =
        DeploymentId::new(args.id.clone()).map_err(|e| Failed::new(Exit::Usage, e.to_string()))?;
    let environment = match &args.environment {
        Some(name) => name.clone(),
        None if common.table.is_some() => "any".to_owned(),
        None => only_environment(common)?,
    };
    let context = open(common, &environment, Purpose::Read, None, env, connect).await?;
    let now = context.ports.clock.now();
    let found = context
        .ports
        .history
        .deployment(&id, now)
        .await
        .map_err(|e| store_failed(&e))?;
    let Some(stored) = found else {
        return Err(Failed::new(
            Exit::Usage,
            Saying::NoDeployment { id: id.as_str() }.text(context.locale),
        ));
    };
    if common.json {
        print_json(&crate::render::json::show(&stored.record, &stored.entries));
    } else {
        out::line(
            crate::render::terminal::show(
                &stored.record,
                &stored.entries,
                context.locale,
                colours(),
            )
            .trim_end(),
        );
    }
    Ok(Exit::Fine)
}
