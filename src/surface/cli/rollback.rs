//! `rollback`: brings an earlier good version back from a terminal. Knows whom to ask, not how it is done.

use std::io::{BufRead, IsTerminal, Write};

use clap::Args;

use crate::core::journal::RunRef;
use crate::core::outcome::{Asked, Exit, KeeperSeen, Report};
use crate::core::record::DeploymentType;
use crate::core::target::{Past, TargetSpec};
use crate::engine::Stop;
use crate::engine::guard::{Guarded, Request, guard};
use crate::engine::notify::deliver;
use crate::engine::restore::roll_back;
use crate::i18n::saying::Saying;
use crate::ports::ListQuery;
use crate::surface::action::guard::outcome;
use crate::surface::action::inputs::Env;
use crate::surface::action::stage::outcome_of;
use crate::surface::cli::context::{Context, Purpose, engine_failed, open, sayer, store_failed};
use crate::surface::cli::{Common, Failed, print_json};
use crate::surface::connect::Connect;
use crate::surface::out;

/// So many good versions are listed.
const LISTED: usize = 10;

/// Arguments of `rollback`.
#[derive(Debug, Args)]
pub struct RollbackArgs {
    /// Environment
    environment: String,
    /// Deployment id, commit, last-success, previous or -N; without it the last good ones are listed
    #[arg(allow_hyphen_values = true)]
    target: Option<String>,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// Also to before an irreversible deployment
    #[arg(long)]
    force: bool,
    /// Why, for record and messages
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

/// Rolls back, or lists what could be gone back to.
pub async fn rollback(
    common: &Common,
    args: &RollbackArgs,
    env: &Env,
    connect: &dyn Connect,
    stop: &mut Stop,
) -> Result<Exit, Failed> {
    let context = open(common, &args.environment, Purpose::Act, None, env, connect).await?;
    let Some(text) = &args.target else {
        return list(common, &context).await;
    };
    let target = TargetSpec::parse(text).map_err(|e| Failed::new(Exit::Usage, e.to_string()))?;
    if let Some(refused) = unconfirmed(args, &context, text) {
        return Ok(refused);
    }
    let request = Request {
        kind: DeploymentType::Rollback,
        git_ref: None,
        target,
        target_text: text.clone(),
        force: args.force,
        irreversible: false,
        dry_run: false,
        note: args.reason.clone(),
        actor: ["GITHUB_ACTOR", "USER", "LOGNAME"]
            .iter()
            .find_map(|name| env.get(*name).filter(|v| !v.is_empty()).cloned()),
        run: RunRef::default(),
        hosted: false,
        branch: None,
    };
    let (ports, setup) = (&context.ports, &context.chosen.setup);
    let say = sayer(context.locale, ports.clock.clone());
    let announce = |_: &crate::core::lease::Holder| Ok(());
    let guarded = guard(ports, setup, &request, None, &announce, &say, stop)
        .await
        .map_err(|e| engine_failed(&e, &context))?;
    match guarded {
        Guarded::Superseded(session, _) => {
            let outcome = outcome_of(&session.deployment, &context.chosen);
            Ok(tell(common, &context, &report(&context, &request, outcome)))
        }
        Guarded::Not(not, extra) => {
            let report = Report {
                checks: extra.checks,
                holder: extra.holder,
                candidates: extra.candidates,
                ..report(&context, &request, outcome(&not))
            };
            Ok(tell(common, &context, &report))
        }
        Guarded::Started(mut session, _) => {
            let done = roll_back(&mut session, &say, stop).await;
            let notices = std::mem::take(&mut session.notices);
            let mut told = std::mem::take(&mut session.told);
            let me = session.id().clone();
            told.extend(deliver(ports, &setup.environment, &me, setup.locale, notices).await);
            done.map_err(|e| engine_failed(&e, &context))?;
            let asked = *stop.borrow();
            let stopped = asked.filter(|_| session.deployment.stop.is_some());
            let mut outcome = outcome_of(&session.deployment, &context.chosen);
            outcome.deploy_needed = false;
            if let Some(by) = stopped {
                outcome.exit = Exit::of_stop(by);
            }
            let report = Report {
                checks: session.deployment.checks.clone(),
                deployment: Some(session.deployment.clone()),
                entries: session.entries.clone(),
                told,
                ..report(&context, &request, outcome)
            };
            Ok(tell(common, &context, &report))
        }
    }
}

/// Asks for `yes` where it is production; the exit code where it was not given.
fn unconfirmed(args: &RollbackArgs, context: &Context, target: &str) -> Option<Exit> {
    let setup = &context.chosen.setup;
    if args.yes || !setup.production {
        return None;
    }
    let environment = setup.environment.as_str();
    let input = std::io::stdin();
    if !input.is_terminal() {
        let text = Saying::NeedsYes { environment }.text(context.locale);
        out::error_line(&text);
        return Some(Exit::Refused);
    }
    let question = Saying::AskYes {
        environment,
        target,
    }
    .text(context.locale);
    let mut terminal = std::io::stderr();
    let mut answer = String::new();
    let asked = write!(
        terminal,
        "{} ",
        crate::render::annotation::safe_line(&question)
    )
    .and_then(|()| terminal.flush())
    .and_then(|()| input.lock().read_line(&mut answer));
    match asked {
        Ok(_) if answer.trim() == "yes" => None,
        Ok(_) | Err(_) => {
            out::error_line(&Saying::NothingChanged.text(context.locale));
            Some(Exit::Refused)
        }
    }
}

/// The last good versions, newest first.
async fn list(common: &Common, context: &Context) -> Result<Exit, Failed> {
    let (ports, setup) = (&context.ports, &context.chosen.setup);
    let now = ports.clock.now();
    let query = ListQuery::newest(&setup.environment, &setup.service, 100, now);
    let failed = |e| store_failed(&e, context);
    let heads = ports
        .history
        .heads(&setup.environment)
        .await
        .map_err(failed)?;
    let page = ports.history.list(&query).await.map_err(failed)?;
    let head = heads
        .heads
        .into_iter()
        .find(|h| h.service == setup.service)
        .unwrap_or_else(|| {
            crate::core::lease::Head::absent(setup.environment.clone(), setup.service.clone())
        });
    let past = Past {
        environment: &setup.environment,
        service: &setup.service,
        head: &head,
        records: &page.records,
        named: None,
        oldest: now.minus(setup.retention),
        in_flux: false,
    };
    let candidates: Vec<_> = past.candidates(false).into_iter().take(LISTED).collect();
    if common.json {
        let rows = candidates.iter().map(|c| {
            serde_json::json!({
                "deploymentId": c.deployment.as_str(), "timestamp": c.at.to_string(),
                "ref": c.git_ref.as_ref().map(|r| r.as_str()), "saved": c.state_id.is_some(),
            })
        });
        print_json(&rows.collect());
        return Ok(Exit::Usage);
    }
    let environment = setup.environment.as_str();
    if candidates.is_empty() {
        out::error_line(&Saying::NoCandidates { environment }.text(context.locale));
        return Ok(Exit::Usage);
    }
    for candidate in &candidates {
        let sha = candidate.git_ref.as_ref().map_or("-", |r| r.short());
        out::line(&format!(
            "{}  {sha}  {}",
            candidate.at, candidate.deployment
        ));
    }
    out::error_line(&Saying::NameTarget { environment }.text(context.locale));
    Ok(Exit::Usage)
}

fn report(context: &Context, request: &Request, outcome: crate::core::outcome::Outcome) -> Report {
    let setup = &context.chosen.setup;
    Report {
        asked: Asked {
            environment: setup.environment.to_string(),
            service: setup.service.to_string(),
            kind: DeploymentType::Rollback,
            git_ref: None,
            actor: request.actor.clone(),
            force: request.force,
            dry_run: false,
            note: request.note.clone(),
            run_url: None,
        },
        outcome,
        deployment: None,
        entries: Vec::new(),
        checks: Vec::new(),
        holder: None,
        candidates: Vec::new(),
        told: Vec::new(),
        keeper: KeeperSeen::NotAsked,
        notes: Vec::new(),
        pulls: Vec::new(),
        at: context.ports.clock.now(),
    }
}

fn tell(common: &Common, context: &Context, report: &Report) -> Exit {
    if common.json {
        print_json(&crate::render::outputs::result(report, context.locale));
    } else {
        for line in crate::render::annotation::log_lines(report, context.locale) {
            out::line(&line);
        }
    }
    report.outcome.exit
}
