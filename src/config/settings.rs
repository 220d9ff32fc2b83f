//! The checked settings and how an environment is chosen from them; knows no file system and no process environment.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use secrecy::SecretString;

use crate::config::checked;
use crate::config::problem::{Problem, Problems};
use crate::config::raw::{RawEnvironment, RawFile};
use crate::config::scalar::{nearest, shown};
use crate::config::template::Lookup;
use crate::core::alert::{Channel, Route, Routing};
use crate::core::gate::GateSettings;
use crate::core::id::{EnvironmentName, ServiceName};
use crate::core::policy::PolicySettings;
use crate::core::record::words;
use crate::core::restore::RollbackSettings;
use crate::i18n::Locale;
use crate::i18n::config::{Form, ProblemKind};

words! {
    /// Where history is kept.
    Store {
        /// Amazon DynamoDB.
        Dynamodb = "dynamodb",
        /// A file.
        Sqlite = "sqlite",
    }
}

/// The whole file, in order as far as it can be without an environment's variables.
#[derive(Debug, Clone)]
pub struct Settings {
    pub(super) raw: RawFile,
    pub(super) places: Problems,
}

/// Where history is kept, for one environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistorySettings {
    /// Which store.
    pub store: Store,
    /// `history.store` stands in the file; inside GitHub Actions SQLite must.
    pub explicitly_named: bool,
    /// DynamoDB table, `{environment}` filled in.
    pub table: String,
    /// SQLite file, `{environment}` filled in.
    pub path: String,
    /// How long records are kept.
    pub retention: Duration,
}

/// Channels and routes. A route may name a channel that has no address here: each can come by an input of the action, so
/// whoever knows the inputs asks [`AlertSettings::unaddressed`] and tells.
#[derive(Debug, Clone, Default)]
pub struct AlertSettings {
    /// Incoming webhook.
    pub slack_webhook_url: Option<SecretString>,
    /// Token of a bot.
    pub slack_bot_token: Option<SecretString>,
    /// Channel of the bot.
    pub slack_channel: Option<String>,
    /// Topic.
    pub sns_topic_arn: Option<String>,
    /// Which events go where.
    pub routes: Vec<Route>,
}

impl AlertSettings {
    /// The channels that have an address here.
    #[must_use]
    pub fn channels(&self) -> Vec<Channel> {
        let webhook = self.slack_webhook_url.is_some().then_some(Channel::Slack);
        let bot = (self.slack_bot_token.is_some() && self.slack_channel.is_some())
            .then_some(Channel::SlackBot);
        let sns = self.sns_topic_arn.is_some().then_some(Channel::Sns);
        [webhook, bot, sns].into_iter().flatten().collect()
    }

    /// Channels that routes name and that have no address, neither here nor among `inputs`.
    #[must_use]
    pub fn unaddressed(&self, inputs: &[Channel]) -> BTreeSet<Channel> {
        let known = self.channels();
        let routed = self.routes.iter().flat_map(|route| &route.to);
        routed
            .filter(|c| !known.contains(c) && !inputs.contains(c))
            .copied()
            .collect()
    }

    /// The routing of one environment, with the channels that inputs give.
    #[must_use]
    pub fn routing(&self, production: bool, inputs: Vec<Channel>) -> Routing {
        Routing {
            routes: self.routes.clone(),
            input_channels: inputs,
            default_channels: self.channels(),
            production,
        }
    }
}

/// Everything about one environment.
#[derive(Debug, Clone)]
pub struct EnvironmentSettings {
    /// Its name, never an alias.
    pub name: EnvironmentName,
    /// Its other names.
    pub aliases: Vec<EnvironmentName>,
    /// It serves real users.
    pub production: bool,
    /// GitHub environment whose approval is checked; the environment's name where none is configured.
    pub github_environment: String,
    /// `github_environment` stands in the file.
    pub github_environment_named: bool,
    /// CloudFormation stacks in the order in which they are deployed.
    pub stacks: Vec<String>,
    /// Role to assume by OIDC.
    pub role_to_assume: Option<String>,
    /// Region of the environment, else of the file.
    pub region: Option<String>,
    /// Checks before a deployment.
    pub policy: PolicySettings,
    /// What is watched.
    pub gates: GateSettings,
    /// How a version is brought back.
    pub rollback: RollbackSettings,
    /// Who is told.
    pub alerts: AlertSettings,
    /// Service, if the file names it.
    pub service: Option<ServiceName>,
    /// Language, if the file names it.
    pub locale: Option<Locale>,
    /// Where history is kept.
    pub history: HistorySettings,
    /// CloudWatch namespace.
    pub metrics_namespace: String,
}

impl EnvironmentSettings {
    /// GitHub environments whose approval counts: the configured one, else those of the name and its aliases.
    #[must_use]
    pub fn github_environments(&self) -> Vec<&str> {
        let aliases = self
            .aliases
            .iter()
            .map(EnvironmentName::as_str)
            .filter(|_| !self.github_environment_named);
        std::iter::once(self.github_environment.as_str())
            .chain(aliases)
            .collect()
    }
}

impl Settings {
    /// What applies without a configuration file: any environment is accepted, nothing is watched.
    #[must_use]
    pub fn defaults() -> Self {
        let raw = RawFile {
            version: Some(1),
            ..RawFile::default()
        };
        Self {
            raw,
            places: Problems::new("deploy-guard.yml"),
        }
    }

    /// Language, if the file names it.
    #[must_use]
    pub fn locale(&self) -> Option<Locale> {
        self.raw.locale
    }

    /// Names of the configured environments; empty = any name is accepted.
    #[must_use]
    pub fn environment_names(&self) -> Vec<&str> {
        self.raw.environments.keys().map(String::as_str).collect()
    }

    /// The environment of that name or alias, with `${env.NAME}` filled in by `lookup`.
    ///
    /// # Errors
    /// No such environment (with those there are), or everything that only its variables' values show to be wrong.
    pub fn environment(
        &self,
        name: &str,
        lookup: Lookup<'_>,
    ) -> Result<EnvironmentSettings, Vec<Problem>> {
        self.environment_sparing(name, lookup, |_| false)
    }

    /// As [`Settings::environment`], for commands that neither watch nor tell anybody: variables that only gates and
    /// alerts need may be missing, and their texts then keep `${env.NAME}`; secrets are left out.
    ///
    /// # Errors
    /// As there, but for those variables.
    pub fn environment_to_read(
        &self,
        name: &str,
        lookup: Lookup<'_>,
    ) -> Result<EnvironmentSettings, Vec<Problem>> {
        let spared = |path: &str| path.contains(".gates.") || path.contains(".alerts.");
        self.environment_sparing(name, lookup, spared)
    }

    /// As [`Settings::environment`], where variables of the values that `spared` names by their path may be missing.
    ///
    /// # Errors
    /// As there, but for those variables.
    pub fn environment_sparing(
        &self,
        name: &str,
        lookup: Lookup<'_>,
        spared: impl Fn(&str) -> bool,
    ) -> Result<EnvironmentSettings, Vec<Problem>> {
        let (settings, mut problems) = self.choose(name, lookup)?;
        problems.retain(|problem| {
            !(matches!(problem.kind, ProblemKind::EnvMissing { .. }) && spared(&problem.path))
        });
        match settings {
            Some(settings) if problems.is_empty() => Ok(settings),
            Some(_) | None => Err(problems),
        }
    }

    fn choose(
        &self,
        asked: &str,
        lookup: Lookup<'_>,
    ) -> Result<(Option<EnvironmentSettings>, Vec<Problem>), Vec<Problem>> {
        let mut problems = self.places.fresh();
        let Some((name, raw)) = self.find(asked) else {
            let all: BTreeMap<&str, &str> = self.names();
            let kind = if all.is_empty() {
                ProblemKind::BadForm {
                    form: Form::EnvironmentName,
                    found: Some(shown(asked)),
                }
            } else {
                ProblemKind::UnknownEnvironment {
                    asked: shown(asked),
                    suggestion: nearest(asked, all.keys().copied()),
                    allowed: all.keys().map(|&name| name.to_owned()).collect(),
                }
            };
            problems.push_at(None, if all.is_empty() { "environment" } else { "" }, kind);
            return Err(problems.finish());
        };
        let settings = checked::environment(&self.raw, &name, &raw, Some(lookup), &mut problems);
        Ok((settings, problems.finish()))
    }

    /// Every name and alias → the environment's name.
    fn names(&self) -> BTreeMap<&str, &str> {
        let environments = self.raw.environments.iter();
        environments
            .flat_map(|(name, raw)| {
                std::iter::once(name)
                    .chain(&raw.aliases)
                    .map(move |word| (word.as_str(), name.as_str()))
            })
            .collect()
    }

    fn find(&self, asked: &str) -> Option<(EnvironmentName, RawEnvironment)> {
        if self.raw.environments.is_empty() {
            return EnvironmentName::new(asked)
                .ok()
                .map(|name| (name, RawEnvironment::default()));
        }
        let name = *self.names().get(asked)?;
        let raw = self.raw.environments.get(name)?.clone();
        EnvironmentName::new(name).ok().map(|name| (name, raw))
    }
}
