//! `lock`: who holds an environment; and its release. Knows what a live job is only by asking.

use clap::Args;
use serde_json::json;

use crate::core::outcome::Exit;
use crate::engine::release::{Released, release};
use crate::i18n::saying::Saying;
use crate::surface::action::inputs::Env;
use crate::surface::cli::context::{Purpose, engine_failed, open, store_failed};
use crate::surface::cli::{Common, Failed, colours, print_json};
use crate::surface::connect::Connect;
use crate::surface::out;

/// Arguments of `lock`.
#[derive(Debug, Args)]
pub struct LockArgs {
    /// Environment
    environment: String,
    /// Close the deployment that holds it, and free it
    #[arg(long)]
    release: bool,
    /// Also where its job is alive
    #[arg(long, requires = "release")]
    force: bool,
}

/// Shows or releases.
pub async fn lock(
    common: &Common,
    args: &LockArgs,
    env: &Env,
    connect: &dyn Connect,
) -> Result<Exit, Failed> {
    let purpose = if args.release {
        Purpose::Tend
    } else {
        Purpose::Holder
    };
    let context = open(common, &args.environment, purpose, None, env, connect).await?;
    let (setup, ports, locale) = (&context.chosen.setup, &context.ports, context.locale);
    if args.release {
        let released = release(ports, setup, args.force)
            .await
            .map_err(|e| engine_failed(&e, &context))?;
        if common.json {
            let (deployment, status) = match &released {
                Released::Free => (None, None),
                Released::Alive(holder) => (Some(holder.deployment.as_str()), None),
                Released::Freed { deployment, .. } => (Some(deployment.as_str()), None),
                Released::Closed {
                    deployment, status, ..
                } => (Some(deployment.as_str()), Some(status.as_str())),
            };
            let free = matches!(released, Released::Freed { .. } | Released::Closed { .. });
            print_json(&json!({
                "environment": setup.environment.as_str(), "released": free,
                "deploymentId": deployment, "status": status,
            }));
        }
        return Ok(match released {
            Released::Free | Released::Freed { .. } | Released::Closed { .. } if common.json => {
                Exit::Fine
            }
            Released::Free => {
                out::line(&Saying::AlreadyFree.text(locale));
                Exit::Fine
            }
            Released::Alive(holder) => {
                out::error_line(&Saying::StillAlive { holder: &holder }.text(locale));
                Exit::Refused
            }
            Released::Freed {
                deployment,
                unreadable,
            } => {
                let (deployment, unreadable) = (deployment.as_str(), unreadable.as_deref());
                let freed = Saying::Freed {
                    deployment,
                    unreadable,
                };
                out::line(&freed.text(locale));
                Exit::Fine
            }
            Released::Closed {
                deployment, status, ..
            } => {
                out::line(
                    &Saying::Released {
                        deployment: deployment.as_str(),
                        status,
                    }
                    .text(locale),
                );
                Exit::Fine
            }
        });
    }
    let heads = ports
        .history
        .heads(&setup.environment)
        .await
        .map_err(|e| store_failed(&e, &context))?;
    let now = ports.clock.now();
    let keeper = heads.keeper.as_ref();
    let head = heads
        .heads
        .iter()
        .find(|h| h.service == setup.service)
        .cloned();
    let head = head.unwrap_or_else(|| {
        crate::core::lease::Head::absent(setup.environment.clone(), setup.service.clone())
    });
    if common.json {
        print_json(&crate::render::json::lock(&head, None, keeper, now));
    } else {
        out::line(crate::render::terminal::lock(&head, keeper, now, locale, colours()).trim_end());
    }
    Ok(Exit::Fine)
}
