//! `keep` and `resume`: close what was abandoned. Knows how a sweep is told, not how it is done.

use std::time::Duration;

use clap::Args;
use serde_json::json;

use crate::config::parse;
use crate::core::alert::NoticeState;
use crate::core::journal::Adopter;
use crate::core::lease::Owner;
use crate::core::outcome::Exit;
use crate::core::record::{Status, Verdict};
use crate::engine::evidence::Evidence;
use crate::engine::keep::{Kept, KeptWhat, Taken, job_of, owner_of, sweep, take_over_with};
use crate::engine::resume::How;
use crate::engine::{Setup, Stop};
use crate::i18n::saying::Saying;
use crate::i18n::trouble::Trouble;
use crate::i18n::{Locale, Word};
use crate::surface::action::guard::pinned_of;
use crate::surface::action::inputs::Env;
use crate::surface::cli::context::{Purpose, engine_failed, open, sayer, store_failed};
use crate::surface::cli::{Common, Failed, print_json};
use crate::surface::connect::Connect;
use crate::surface::out;

/// Arguments of `keep`.
#[derive(Debug, Args)]
pub struct KeepArgs {
    /// Environment
    environment: String,
}

/// Arguments of `resume`.
#[derive(Debug, Args)]
pub struct ResumeArgs {
    /// Environment
    environment: String,
}

/// One sweep.
pub async fn keep(
    common: &Common,
    args: &KeepArgs,
    env: &Env,
    connect: &dyn Connect,
    stop: &mut Stop,
) -> Result<Exit, Failed> {
    let context = open(common, &args.environment, Purpose::Tend, None, env, connect).await?;
    let setup = &context.chosen.setup;
    let say = sayer(context.locale, context.ports.clock.clone());
    let version = env!("CARGO_PKG_VERSION");
    let pins = |now: &Setup, evidence: &Evidence| pinned(now, evidence, env);
    let done = sweep(&context.ports, setup, &pins, version, &say, stop)
        .await
        .map_err(|e| engine_failed(&e, &context))?;
    let sent = done
        .told
        .iter()
        .filter(|t| t.state == NoticeState::Sent)
        .count();
    if common.json {
        let kept: Vec<_> = done.kept.iter().map(json_of).collect();
        print_json(&json!({
            "environment": setup.environment.as_str(), "kept": kept,
            "notices": { "sent": sent, "tried": done.told.len() },
        }));
    } else if done.kept.is_empty() && done.told.is_empty() {
        out::line(
            &Saying::NothingOpen {
                environment: setup.environment.as_str(),
            }
            .text(context.locale),
        );
    } else {
        for kept in &done.kept {
            out::line(&text_of(kept, setup.environment.as_str(), context.locale));
        }
        for told in &done.told {
            let l = context.locale;
            let (channel, event) = (told.channel.word(l), told.event.word(l));
            out::line(&format!("{channel}, {event}: {}", told.state.word(l)));
        }
    }
    let failed = done
        .kept
        .iter()
        .any(|k| matches!(k.what, KeptWhat::Failed(_) | KeptWhat::Unreadable(_)));
    let bad = |k: &Kept| match k.what {
        KeptWhat::RolledBack { status, .. } => {
            matches!(status, Status::RollbackFailed | Status::Failure)
        }
        _ => false,
    };
    Ok(if failed {
        Exit::Unreachable
    } else if done.kept.iter().any(bad) {
        Exit::Act
    } else {
        Exit::Fine
    })
}

/// As it was pinned by the deployment's own job; messages go where they go now.
fn pinned(now: &Setup, evidence: &Evidence, env: &Env) -> Setup {
    let lookup = |name: &str| env.get(name).cloned();
    let then = pinned_of(evidence.text().as_deref()).and_then(|pinned| {
        let settings = parse(&pinned.file, &pinned.text?).ok()?;
        settings.environment(now.environment.as_str(), &lookup).ok()
    });
    match then {
        Some(then) => Setup {
            stacks: then.stacks,
            gates: then.gates,
            rollback: then.rollback,
            ..now.clone()
        },
        None => now.clone(),
    }
}

fn text_of(kept: &Kept, environment: &str, locale: Locale) -> String {
    let deployment = kept.deployment.as_str();
    match &kept.what {
        KeptWhat::Alive { seconds, stuck } => Saying::Alive {
            deployment,
            age: Duration::from_secs(*seconds),
            stuck: *stuck,
        }
        .text(locale),
        KeptWhat::Settling => Trouble::KeptOpen {
            environment: environment.to_owned(),
        }
        .text(locale),
        KeptWhat::Closed(status) => Saying::ClosedAbandoned {
            deployment,
            status: *status,
        }
        .text(locale),
        KeptWhat::Freed => Saying::Freed {
            deployment,
            unreadable: None,
        }
        .text(locale),
        KeptWhat::Unreadable(why) => Saying::RecordUnreadable {
            deployment,
            why,
            environment,
        }
        .text(locale),
        KeptWhat::Baking(verdict) => Saying::Baking {
            deployment,
            verdict: *verdict,
        }
        .text(locale),
        KeptWhat::RolledBack { by, status } => Saying::RolledBackBy {
            deployment,
            by: by.as_str(),
            status: *status,
        }
        .text(locale),
        KeptWhat::LostRace => Saying::LostRace { deployment }.text(locale),
        KeptWhat::Failed(why) => Trouble::NotClosed { why: why.clone() }.text(locale),
    }
}

fn json_of(kept: &Kept) -> serde_json::Value {
    let (what, status) = match &kept.what {
        KeptWhat::Alive { stuck: false, .. } => ("alive", None),
        KeptWhat::Alive { stuck: true, .. } => ("stuck", None),
        KeptWhat::Settling => ("settling", None),
        KeptWhat::Closed(status) => ("closed", Some(status.as_str())),
        KeptWhat::Freed => ("freed", None),
        KeptWhat::Unreadable(_) => ("unreadable", None),
        KeptWhat::Baking(None) => ("superseded", None),
        KeptWhat::Baking(Some(_)) => ("watching", None),
        KeptWhat::RolledBack { status, .. } => ("rolled_back", Some(status.as_str())),
        KeptWhat::LostRace => ("lost_race", None),
        KeptWhat::Failed(_) => ("failed", None),
    };
    let verdict = match &kept.what {
        KeptWhat::Baking(verdict) => verdict.map(Verdict::as_str),
        _ => None,
    };
    let by = match &kept.what {
        KeptWhat::RolledBack { by, .. } => Some(by.as_str()),
        _ => None,
    };
    json!({
        "by": by,
        "service": kept.service.as_str(), "deploymentId": kept.deployment.as_str(),
        "what": what, "status": status, "verdict": verdict,
    })
}

/// Goes on with what a dead job left open, to its end.
pub async fn resume(
    common: &Common,
    args: &ResumeArgs,
    env: &Env,
    connect: &dyn Connect,
    stop: &mut Stop,
) -> Result<Exit, Failed> {
    let context = open(common, &args.environment, Purpose::Tend, None, env, connect).await?;
    let (ports, setup, locale) = (&context.ports, &context.chosen.setup, context.locale);
    let heads = ports
        .history
        .heads(&setup.environment)
        .await
        .map_err(|e| store_failed(&e, &context))?;
    let head = heads.heads.into_iter().find(|h| h.service == setup.service);
    let Some((head, holder)) = head.and_then(|h| h.holder.clone().map(|holder| (h, holder))) else {
        if common.json {
            print_json(&json!({ "deploymentId": null, "status": null }));
            return Ok(Exit::Fine);
        }
        out::line(
            &Saying::NothingOpen {
                environment: setup.environment.as_str(),
            }
            .text(locale),
        );
        return Ok(Exit::Fine);
    };
    let conclusion = match owner_of(ports, setup, &head, &holder)
        .await
        .map_err(|e| engine_failed(&e, &context))?
    {
        Owner::Gone { conclusion } => conclusion,
        Owner::Alive => {
            out::error_line(&Saying::StillAlive { holder: &holder }.text(locale));
            return Ok(Exit::Refused);
        }
    };
    let say = sayer(locale, ports.clock.clone());
    let how = How {
        job: job_of(conclusion.as_deref()),
        quick: false,
        leaves_to_post: true,
    };
    let closed = take_over_with(ports, setup, head, Adopter::CommandLine, how, &say, stop)
        .await
        .map_err(|e| engine_failed(&e, &context))?;
    let deployment = holder.deployment.as_str();
    if common.json {
        let status = match closed {
            Taken::Closed(status) => Some(status.as_str()),
            Taken::Open | Taken::Freed => None,
        };
        print_json(&json!({ "deploymentId": deployment, "status": status }));
    }
    match closed {
        // That it was freed has been said.
        Taken::Freed => Ok(Exit::Fine),
        Taken::Open => {
            out::error_line(
                &Trouble::KeptOpen {
                    environment: setup.environment.to_string(),
                }
                .text(locale),
            );
            Ok(Exit::Unproven)
        }
        Taken::Closed(status) => {
            if !common.json {
                out::line(&Saying::ClosedAbandoned { deployment, status }.text(locale));
            }
            Ok(match status {
                Status::Success => Exit::Fine,
                Status::RollbackFailed => Exit::Act,
                Status::InProgress
                | Status::Failure
                | Status::RolledBack
                | Status::Cancelled
                | Status::Superseded => Exit::Failed,
            })
        }
    }
}
