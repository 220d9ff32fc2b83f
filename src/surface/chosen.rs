//! What applies to one run: the configuration, overridden by what inputs or flags give. Knows which wins.

use std::collections::BTreeMap;

use secrecy::SecretString;

use crate::config::{EnvironmentSettings, Settings, StoreKind};
use crate::core::alert::{Channel, Routing};
use crate::core::gate::http::{HttpGate, HttpMode};
use crate::core::id::{CommitSha, ServiceName};
use crate::engine::Setup;
use crate::i18n::Locale;
use crate::surface::connect::{StoreName, Wanted};

/// What inputs or flags give; absent = as configured.
#[derive(Debug, Clone, Default)]
pub struct Given {
    /// Service.
    pub service: Option<ServiceName>,
    /// The repository's name, where nothing names the service.
    pub repository_service: Option<ServiceName>,
    /// Shorthand for one HTTP gate.
    pub health_url: Option<String>,
    /// Restores without a person.
    pub auto_rollback: Option<bool>,
    /// Role.
    pub role: Option<String>,
    /// Region.
    pub region: Option<String>,
    /// Table, `{environment}` not yet filled in.
    pub table: Option<String>,
    /// Store, from the command line.
    pub store: Option<StoreKind>,
    /// SQLite file, from the command line.
    pub path: Option<String>,
    /// Slack webhook.
    pub slack_webhook_url: Option<SecretString>,
    /// Slack bot.
    pub slack_bot_token: Option<SecretString>,
    /// Its channel.
    pub slack_channel: Option<String>,
    /// Topic.
    pub sns_topic_arn: Option<String>,
    /// Language.
    pub locale: Option<Locale>,
    /// The commit that is deployed, for `{ref}`.
    pub git_ref: Option<CommitSha>,
    /// Inside GitHub Actions: the default store is DynamoDB.
    pub in_actions: bool,
    /// For the role's session name.
    pub run: Option<u64>,
}

/// Settings of one run.
#[derive(Debug, Clone)]
pub struct Chosen {
    /// For the engine.
    pub setup: Setup,
    /// For the adapters.
    pub wanted: Wanted,
}

/// Why the settings do not fit together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unfit {
    /// No input, configuration or repository names the service.
    NoService,
    /// A workspace file is no lock.
    SqliteInProduction,
}

/// The gate that `health_url` stands for.
#[must_use]
pub fn health_gate(url: &str) -> HttpGate {
    use std::time::Duration;
    HttpGate {
        name: "health".to_owned(),
        url: url.to_owned(),
        headers: BTreeMap::new(),
        status: None,
        json: BTreeMap::new(),
        header: BTreeMap::new(),
        body: None,
        version: None,
        timeout: Duration::from_secs(5),
        max_latency: None,
        consecutive_failures: 2,
        confirm: Duration::from_secs(10),
        warmup: Duration::from_secs(20),
        consecutive_successes: 3,
        follow_redirects: false,
        mode: HttpMode::Consecutive,
    }
}

/// Puts configuration and what was given together; what was given wins.
pub fn choose(settings: &Settings, environment: EnvironmentSettings, given: &Given) -> Result<Chosen, Unfit> {
    let service = given
        .service
        .clone()
        .or_else(|| settings.service.clone())
        .or_else(|| given.repository_service.clone())
        .ok_or(Unfit::NoService)?;
    let mut gates = environment.gates;
    if let Some(url) = &given.health_url {
        gates.http.push(health_gate(url));
    }
    if let Some(sha) = &given.git_ref {
        crate::config::fill_ref(&mut gates, sha);
    }
    let mut rollback = environment.rollback;
    rollback.automatic = given.auto_rollback.unwrap_or(rollback.automatic);
    let store = store(settings, &environment.name, environment.production, given)?;
    let alerts = environment.alerts;
    let mut input_channels = Vec::new();
    let mut default_channels = Vec::new();
    let mut add = |given: bool, configured: bool, channel: Channel| {
        if given {
            input_channels.push(channel);
        } else if configured {
            default_channels.push(channel);
        }
    };
    add(given.slack_webhook_url.is_some(), alerts.slack_webhook_url.is_some(), Channel::Slack);
    add(given.slack_bot_token.is_some(), alerts.slack_bot_token.is_some(), Channel::SlackBot);
    add(given.sns_topic_arn.is_some(), alerts.sns_topic_arn.is_some(), Channel::Sns);
    let routing =
        Routing { routes: alerts.routes, input_channels, default_channels, production: environment.production };
    let bot_token = given.slack_bot_token.clone().or(alerts.slack_bot_token);
    let channel = given.slack_channel.clone().or(alerts.slack_channel);
    let wanted = Wanted {
        store,
        region: given.region.clone().or(environment.region).or_else(|| settings.region.clone()),
        role: given.role.clone().or(environment.role_to_assume),
        session_name: given.run.map_or_else(|| "deploy-guard".to_owned(), |run| format!("deploy-guard-{run}")),
        slack_webhook_url: given.slack_webhook_url.clone().or(alerts.slack_webhook_url),
        slack_bot: bot_token.zip(channel),
        sns_topic_arn: given.sns_topic_arn.clone().or(alerts.sns_topic_arn),
    };
    let setup = Setup {
        environment: environment.name,
        service,
        locale: given.locale.or(settings.locale).unwrap_or(Locale::En),
        production: environment.production,
        github_environment: environment.github_environment,
        stacks: environment.stacks,
        policy: environment.policy,
        gates,
        rollback,
        routing,
        retention: settings.history.retention,
    };
    Ok(Chosen { setup, wanted })
}

fn store(
    settings: &Settings,
    environment: &crate::core::id::EnvironmentName,
    production: bool,
    given: &Given,
) -> Result<StoreName, Unfit> {
    let history = &settings.history;
    // Without AWS everything can be tried from the command line; in Actions a workspace file must be asked for.
    let kind = given.store.or(history.store).unwrap_or(if given.in_actions || given.table.is_some() {
        StoreKind::Dynamodb
    } else {
        StoreKind::Sqlite
    });
    match kind {
        StoreKind::Sqlite if production && given.in_actions => Err(Unfit::SqliteInProduction),
        StoreKind::Sqlite => {
            Ok(StoreName::Sqlite { path: given.path.clone().unwrap_or_else(|| history.path.clone()) })
        }
        StoreKind::Dynamodb => {
            let table = given.table.as_ref().unwrap_or(&history.table);
            Ok(StoreName::Dynamodb { table: table.replace("{environment}", environment.as_str()) })
        }
    }
}
