//! `history` and `show`: what was deployed, and how one deployment went. Reads only.

use clap::Args;
use clap::builder::PossibleValuesParser;

use crate::core::id::DeploymentId;
use crate::core::outcome::Exit;
use crate::core::record::{DeploymentType, Status};
use crate::core::time::{Day, Timestamp};
use crate::i18n::Locale;
use crate::i18n::saying::Saying;
use crate::ports::{ListQuery, Stored};
use crate::surface::action::inputs::Env;
use crate::surface::cli::context::{Context, Purpose, environments, open, shown, store_failed};
use crate::surface::cli::{Common, Failed, colours, print_json};
use crate::surface::connect::Connect;
use crate::surface::out;

/// Arguments of `history`.
#[derive(Debug, Args)]
pub struct HistoryArgs {
    /// Environment
    environment: String,
    /// At most so many, 1 to 1000
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1000))]
    limit: u16,
    /// Only this status
    #[arg(long, value_parser = PossibleValuesParser::new(Status::ALL.iter().map(|s| s.as_str())))]
    status: Option<String>,
    /// Only this type
    #[arg(long = "type", value_name = "TYPE", value_parser = PossibleValuesParser::new(DeploymentType::ALL.iter().map(|k| k.as_str())))]
    kind: Option<String>,
    /// Not older: a day (2026-01-31) or a time (2026-01-31T09:00:00Z)
    #[arg(long, value_name = "TIME", value_parser = parse_from)]
    from: Option<Timestamp>,
    /// Not newer: a day, which is then included, or a time
    #[arg(long, value_name = "TIME", value_parser = parse_to)]
    to: Option<Timestamp>,
    /// Go on where the last page ended
    #[arg(long)]
    cursor: Option<String>,
}

const WHEN: &str = "a day such as 2026-01-31 or a time such as 2026-01-31T09:00:00Z is needed";

fn parse_from(text: &str) -> Result<Timestamp, String> {
    Day::parse(text)
        .map(Day::start)
        .or_else(|_| Timestamp::parse(text))
        .map_err(|_| WHEN.to_owned())
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
        .map_err(|_| WHEN.to_owned())
}

/// Arguments of `show`.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// Deployment id, as `history` lists it
    id: String,
    /// Its environment; without it all configured ones are searched
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
        .map_err(|e| store_failed(&e, &context))?;
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

/// The deployment, from the first history that has it: ids tell no environment, and environments may share a table.
async fn find(
    common: &Common,
    args: &ShowArgs,
    id: &DeploymentId,
    env: &Env,
    connect: &dyn Connect,
) -> Result<(Context, Stored), Failed> {
    let names = match &args.environment {
        Some(name) => vec![name.clone()],
        None => environments(common)?,
    };
    let (mut searched, mut locale) = (Vec::new(), common.locale.unwrap_or(Locale::En));
    for name in &names {
        let context = open(common, name, Purpose::Read, None, env, connect).await?;
        locale = context.locale;
        if searched.contains(&context.chosen.wanted.store) {
            continue;
        }
        let found = (context.ports.history)
            .deployment(id, context.ports.clock.now())
            .await
            .map_err(|e| store_failed(&e, &context))?;
        if let Some(stored) = found {
            return Ok((context, stored));
        }
        searched.push(context.chosen.wanted.store);
    }
    let environment = names.first().map_or("", |name| shown(name));
    let text = Saying::NoDeployment {
        id: id.as_str(),
        environment,
    }
    .text(locale);
    Err(Failed::new(Exit::Usage, text))
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
    let (context, stored) = find(common, args, &id, env, connect).await?;
    if common.json {
        print_json(&crate::render::json::show(
            &stored.record,
            &stored.entries,
            context.locale,
        ));
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
