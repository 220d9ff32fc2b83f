//! What every verb needs: the configuration from a file, an environment, a connection. Knows where things stand on a
//! developer's machine.

use std::io::IsTerminal;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use secrecy::SecretString;

use crate::config::{Problem, Settings, Store, parse};
use crate::core::id::ServiceName;
use crate::core::outcome::Exit;
use crate::core::time::Timestamp;
use crate::engine::{EngineError, Ports, Sayer, keep::chain};
use crate::i18n::Locale;
use crate::i18n::saying::Saying;
use crate::i18n::trouble::Trouble;
use crate::ports::{Clock, Forge, StoreError};
use crate::render::annotation::safe_line;
use crate::surface::action::inputs::{DEFAULT_CONFIG, Env};
use crate::surface::action::pinned::service_of;
use crate::surface::chosen::{Chosen, Given, Unfit, choose};
use crate::surface::cli::{Common, Failed};
use crate::surface::connect::{Connect, ConnectError, StoreName};
use crate::surface::out;

/// A connected command.
pub struct Context {
    /// What applies.
    pub chosen: Chosen,
    /// Everything outside.
    pub ports: Ports,
    /// Language.
    pub locale: Locale,
}

/// What a command is going to do with the environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Only read history: variables of gates and alerts may be missing.
    Read,
    /// Judge what is there now: a history helps, but is not needed.
    Judge,
    /// Watch and tell.
    Act,
    /// Say who holds the lock: without a history nobody knows.
    Holder,
    /// Close what is open: the same.
    Tend,
}

impl Purpose {
    fn reads_only(self) -> bool {
        matches!(self, Self::Read | Self::Holder)
    }
}

fn read_settings(common: &Common, locale: Locale) -> Result<Settings, Failed> {
    let named = common.config.as_deref();
    let path = named.unwrap_or(Path::new(DEFAULT_CONFIG));
    let name = path.display().to_string();
    match std::fs::read_to_string(path) {
        Ok(text) => parse(&name, &text).map_err(|p| wrong(&p, locale)),
        Err(error) if named.is_none() && error.kind() == std::io::ErrorKind::NotFound => {
            Ok(Settings::defaults())
        }
        Err(error) => {
            let text = Saying::Unreadable {
                what: &name,
                why: &error.to_string(),
            }
            .text(locale);
            Err(Failed::new(Exit::Usage, text))
        }
    }
}

fn wrong(problems: &[Problem], locale: Locale) -> Failed {
    Failed {
        problems: problems.iter().map(|p| p.text(locale)).collect(),
        exit: Exit::Usage,
    }
}

/// Stands for all environments of a history where none is configured.
const ANY: &str = "any";

/// An environment as a command names it.
pub fn shown(environment: &str) -> &str {
    if environment == ANY {
        "<environment>"
    } else {
        environment
    }
}

/// Every configured environment; without configuration any name stands for all there is.
pub fn environments(common: &Common) -> Result<Vec<String>, Failed> {
    let locale = common.locale.unwrap_or(Locale::En);
    let settings = read_settings(common, locale)?;
    let names = settings.environment_names();
    Ok(if names.is_empty() {
        vec![ANY.to_owned()]
    } else {
        names.into_iter().map(str::to_owned).collect()
    })
}

/// Reads, chooses, connects.
pub async fn open(
    common: &Common,
    environment: &str,
    purpose: Purpose,
    health_url: Option<&str>,
    env: &Env,
    connect: &dyn Connect,
) -> Result<Context, Failed> {
    let locale = common.locale.unwrap_or(Locale::En);
    let settings = read_settings(common, locale)?;
    let locale = common.locale.or(settings.locale()).unwrap_or(Locale::En);
    let lookup = |name: &str| env.get(name).cloned();
    let chosen_environment = if purpose.reads_only() {
        settings.environment_to_read(environment, &lookup)
    } else {
        settings.environment(environment, &lookup)
    };
    let environment = chosen_environment.map_err(|p| wrong(&p, locale))?;
    let repository = env.get("GITHUB_REPOSITORY").filter(|r| !r.is_empty());
    let service = match &common.service {
        Some(name) => Some(
            ServiceName::new(name.clone()).map_err(|e| Failed::new(Exit::Usage, e.to_string()))?,
        ),
        None => None,
    };
    let file = common.store == Some(Store::Sqlite);
    let table =
        (common.table.as_deref()).map(|t| t.replace("{environment}", environment.name.as_str()));
    let given = Given {
        service,
        repository_service: service_of(repository.map(String::as_str)).or_else(folder_service),
        health_url: health_url.map(str::to_owned),
        table: table.clone().filter(|_| !file),
        path: table.filter(|_| file),
        store: common.store,
        region: common.region.clone(),
        locale: common.locale,
        in_actions: env.get("GITHUB_ACTIONS").is_some_and(|v| v == "true"),
        ..Given::default()
    };
    let mut chosen = choose(environment, &given).map_err(|unfit| {
        let trouble = match unfit {
            Unfit::NoService => Trouble::NoService,
            Unfit::SqliteInProduction => Trouble::SqliteInProduction,
            Unfit::HealthUrl(kind) => {
                return Failed::new(
                    Exit::Usage,
                    crate::i18n::config::problem("health_url", &kind, locale),
                );
            }
        };
        Failed::new(Exit::Usage, trouble.text(locale))
    })?;
    // No command here begins a history: where there is none yet, looking for one leaves nothing behind.
    if let StoreName::Sqlite { path } = &chosen.wanted.store
        && !Path::new(path).exists()
    {
        match purpose {
            Purpose::Judge => {}
            Purpose::Read | Purpose::Act => {
                out::error_line(&safe_line(&Saying::NoHistoryYet { path }.text(locale)));
            }
            // An empty answer would read as "free" and "nothing is open", whatever the real history says.
            Purpose::Holder | Purpose::Tend => {
                let text = Saying::NoHistoryHere { path }.text(locale);
                return Err(Failed::new(Exit::Usage, text));
            }
        }
        chosen.wanted.store = StoreName::Empty;
    }
    let forge = forge(repository, env, connect)?;
    let ports = connect
        .ports(&chosen.wanted, forge)
        .await
        .map_err(not_connected)?;
    Ok(Context {
        chosen,
        ports,
        locale,
    })
}

/// Without a repository the name of the folder stands for the service, as it mostly is the repository's.
fn folder_service() -> Option<ServiceName> {
    let folder = std::env::current_dir().ok()?;
    ServiceName::new(folder.file_name()?.to_str()?).ok()
}

fn forge(
    repository: Option<&String>,
    env: &Env,
    connect: &dyn Connect,
) -> Result<Option<Arc<dyn Forge>>, Failed> {
    let token = env
        .get("GITHUB_TOKEN")
        .filter(|t| !t.is_empty())
        .map(|t| SecretString::from(t.as_str()));
    match (repository, token) {
        (Some(repository), Some(token)) => connect
            .forge(repository, Some(&token))
            .map(Some)
            .map_err(not_connected),
        (_, _) => Ok(None),
    }
}

fn not_connected(error: ConnectError) -> Failed {
    match error {
        ConnectError::Settings(text) => Failed::new(Exit::Usage, text),
        ConnectError::Unreachable(text) => Failed::new(Exit::Unreachable, text),
    }
}

/// A store's failure as the end of a command.
pub fn store_failed(error: &StoreError, context: &Context) -> Failed {
    let exit = match error {
        StoreError::Cursor { .. } => Exit::Usage,
        StoreError::Unreachable { .. }
        | StoreError::Denied { .. }
        | StoreError::Credentials { .. }
        | StoreError::NoTable { .. }
        | StoreError::Malformed { .. } => Exit::Unreachable,
    };
    let why = chain(error);
    let text = match error {
        StoreError::Cursor { .. } => Saying::BadCursor,
        StoreError::NoTable { table } => Saying::NoTable { table },
        // It says itself what is missing.
        StoreError::Credentials { .. } => return Failed::new(exit, why),
        StoreError::Unreachable { .. }
        | StoreError::Denied { .. }
        | StoreError::Malformed { .. } => Saying::StoreFailed { why: &why },
    }
    .text(context.locale);
    Failed::new(exit, text)
}

/// The engine's failure as the end of a command.
pub fn engine_failed(error: &EngineError, context: &Context) -> Failed {
    let exit = match error {
        EngineError::Store(error) => return store_failed(error, context),
        EngineError::Lost { .. } | EngineError::Stale { .. } => Exit::Refused,
        EngineError::MissingOutputs(_) => Exit::Usage,
        EngineError::Unreadable { deployment, why } => {
            let text = Saying::RecordUnreadable {
                deployment: deployment.as_str(),
                why,
                environment: context.chosen.setup.environment.as_str(),
            };
            return Failed::new(Exit::Unreachable, text.text(context.locale));
        }
        EngineError::Stopped(by) => Exit::of_stop(*by),
        EngineError::Journal { .. }
        | EngineError::Illegal(_)
        | EngineError::Id(_)
        | EngineError::Announce(_) => Exit::Unreachable,
    };
    Failed::new(exit, chain(error))
}

/// Progress on standard error, so that standard output stays what was asked for. On a terminal a watch is one line
/// that changes; elsewhere every look is a line.
pub fn sayer(locale: Locale, clock: Arc<dyn Clock>) -> Sayer {
    let terminal = std::io::stderr().is_terminal();
    let on_watch = AtomicBool::new(false);
    Arc::new(move |say| {
        let now: Timestamp = clock.now();
        let watching = matches!(say, crate::engine::Say::Watching { .. });
        let line = safe_line(&crate::surface::progress::line(&say, locale, now));
        let again = on_watch.swap(watching, Ordering::Relaxed) && watching;
        match (terminal && watching, again) {
            (true, true) => out::error_line(&format!("\u{1b}[1A\u{1b}[2K{}", cut_to_line(&line))),
            (true, false) => out::error_line(&cut_to_line(&line)),
            (false, _) => out::error_line(&line),
        }
    })
}

/// A line that a terminal does not wrap, for only an unwrapped one can be written over.
fn cut_to_line(line: &str) -> String {
    format!("\u{1b}[?7l{line}\u{1b}[?7h")
}
