//! What applies to one run: the configuration, overridden by what inputs or flags give. Knows which wins.

use secrecy::SecretString;

use crate::config::{EnvironmentSettings, HistorySettings, Store, http_gate};
use crate::core::alert::Channel;
use crate::core::id::ServiceName;
use crate::core::restore::Strategy;
use crate::engine::Setup;
use crate::i18n::Locale;
use crate::i18n::config::ProblemKind;
use crate::i18n::saying::Saying;
use crate::surface::connect::{StoreName, Wanted, WorkflowWanted};

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
    pub store: Option<Store>,
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
    /// Inside GitHub Actions: the default store is DynamoDB.
    pub in_actions: bool,
    /// The job deploys the last good commit again where it is asked to.
    pub redeploys: bool,
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
    /// Channels that routes name and that have no address.
    pub unaddressed: Vec<Channel>,
}

impl Chosen {
    /// What is sent to nobody, for people.
    #[must_use]
    pub fn unaddressed(&self, locale: Locale) -> Vec<String> {
        let line = |channel: &Channel| Saying::NoAddress { channel: *channel }.text(locale);
        self.unaddressed.iter().map(line).collect()
    }
}

/// Why the settings do not fit together.
#[derive(Debug, Clone, PartialEq)]
pub enum Unfit {
    /// No input, configuration or repository names the service.
    NoService,
    /// A workspace file is no lock.
    SqliteInProduction,
    /// The shorthand's address cannot be probed.
    HealthUrl(ProblemKind),
}

/// Puts configuration and what was given together; what was given wins.
pub fn choose(environment: EnvironmentSettings, given: &Given) -> Result<Chosen, Unfit> {
    let service = given
        .service
        .clone()
        .or_else(|| environment.service.clone())
        .or_else(|| given.repository_service.clone())
        .ok_or(Unfit::NoService)?;
    let github_environments: Vec<String> = environment
        .github_environments()
        .into_iter()
        .map(str::to_owned)
        .collect();
    let mut gates = environment.gates;
    if let Some(url) = &given.health_url {
        gates
            .http
            .push(http_gate(url, gates.window).map_err(Unfit::HealthUrl)?);
    }
    let mut rollback = environment.rollback;
    if given.redeploys && !rollback.strategies.contains(&Strategy::Redeploy) {
        rollback.strategies.push(Strategy::Redeploy);
    }
    rollback.automatic = given.auto_rollback.unwrap_or(rollback.automatic);
    let store = store(&environment.history, environment.production, given)?;
    let alerts = environment.alerts;
    let given_channels = [
        given.slack_webhook_url.as_ref().map(|_| Channel::Slack),
        given.slack_bot_token.as_ref().map(|_| Channel::SlackBot),
        given.sns_topic_arn.as_ref().map(|_| Channel::Sns),
    ];
    let input_channels: Vec<Channel> = given_channels.into_iter().flatten().collect();
    let unaddressed = alerts.unaddressed(&input_channels).into_iter().collect();
    let routing = alerts.routing(environment.production, input_channels);
    let bot_token = given.slack_bot_token.clone().or(alerts.slack_bot_token);
    let channel = given.slack_channel.clone().or(alerts.slack_channel);
    let wanted = Wanted {
        store,
        region: given.region.clone().or(environment.region),
        role: given.role.clone().or(environment.role_to_assume),
        session_name: given.run.map_or_else(
            || "deploy-guard".to_owned(),
            |run| format!("deploy-guard-{run}"),
        ),
        slack_webhook_url: given.slack_webhook_url.clone().or(alerts.slack_webhook_url),
        slack_bot: bot_token.zip(channel),
        sns_topic_arn: given.sns_topic_arn.clone().or(alerts.sns_topic_arn),
        workflow: rollback
            .strategies
            .contains(&Strategy::Workflow)
            .then(|| WorkflowWanted {
                environments: std::iter::once(&environment.name)
                    .chain(&environment.aliases)
                    .map(ToString::to_string)
                    .collect(),
                service: service.to_string(),
                github_environments: github_environments.clone(),
                own_run: given.run,
                target: rollback.workflow.clone(),
            }),
    };
    let setup = Setup {
        environment: environment.name,
        service,
        locale: given.locale.or(environment.locale).unwrap_or(Locale::En),
        production: environment.production,
        github_environments,
        stacks: environment.stacks,
        policy: environment.policy,
        gates,
        rollback,
        routing,
        retention: environment.history.retention,
    };
    Ok(Chosen {
        setup,
        wanted,
        unaddressed,
    })
}

fn store(history: &HistorySettings, production: bool, given: &Given) -> Result<StoreName, Unfit> {
    // From the command line everything can be tried without AWS; in Actions a workspace file must be asked for.
    let kind = match given.store {
        Some(store) => store,
        None if history.explicitly_named || given.in_actions => history.store,
        None if given.table.is_some() => Store::Dynamodb,
        None => Store::Sqlite,
    };
    match kind {
        Store::Sqlite if production && given.in_actions => Err(Unfit::SqliteInProduction),
        Store::Sqlite => Ok(StoreName::Sqlite {
            path: given.path.clone().unwrap_or_else(|| history.path.clone()),
        }),
        Store::Dynamodb => Ok(StoreName::Dynamodb {
            table: given.table.clone().unwrap_or_else(|| history.table.clone()),
        }),
    }
}
