//! What main, post and verify share: read, pin, connect, find the own deployment, report. Knows the runner's files
//! and the order of things, not what is decided.

use std::path::Path;
use std::sync::Arc;

use crate::config::{Settings, parse};
use crate::core::alert::NoticeState;
use crate::core::lease::Holder;
use crate::core::outcome::{Asked, Exit, KeeperSeen, Outcome, Report, Told};
use crate::core::reason::ReasonCode;
use crate::core::record::Decision;
use crate::engine::guard::Request;
use crate::engine::keep::chain;
use crate::engine::{EngineError, Ports, Say, Sayer};
use crate::i18n::saying::Saying;
use crate::i18n::trouble::Trouble;
use crate::i18n::{Locale, Message};
use crate::ports::{Clock, Forge, ForgeError, StoreError, Stored};
use crate::render::outputs::outputs;
use crate::render::{annotation, summary};
use crate::surface::action::files::Files;
use crate::surface::action::inputs::{Env, Inputs};
use crate::surface::action::pinned::{NoConfig, Pinned, fetch, service_of};
use crate::surface::chosen::{Chosen, Given, Unfit, choose};
use crate::surface::connect::{Connect, ConnectError, StoreName};
use crate::surface::out;

/// Set to `true` by a workflow whose steps deploy the last good commit again between two verify steps: they are tried
/// after the configured strategies. The project's reusable workflow does so.
pub const REDEPLOYS: &str = "DEPLOY_GUARD_JOB_REDEPLOYS";

/// A stage that ends before it could do its work.
#[derive(Debug)]
pub struct Ended {
    /// Why.
    pub reason: ReasonCode,
    /// In words, one each; text from outside.
    pub problems: Vec<String>,
    /// With which code.
    pub exit: Exit,
}

impl Ended {
    /// One problem.
    pub fn one(reason: ReasonCode, exit: Exit, text: impl Into<String>) -> Self {
        Self {
            reason,
            problems: vec![text.into()],
            exit,
        }
    }
}

/// A stage at work.
pub struct Stage<'a> {
    /// Variables.
    pub env: &'a Env,
    /// Inputs.
    pub inputs: Inputs,
    /// The runner's files.
    pub files: Files,
    /// Language.
    pub locale: Locale,
    /// Ports are made here.
    pub connect: &'a dyn Connect,
    /// Time.
    pub clock: Arc<dyn Clock>,
}

/// A stage that is connected.
pub struct Connected {
    /// What applies.
    pub chosen: Chosen,
    /// Everything outside.
    pub ports: Ports,
    /// The pinned configuration.
    pub pinned: Pinned,
}

impl Stage<'_> {
    /// The workflow says that this job deploys again what a verify step hands to it.
    pub fn redeploys(&self) -> bool {
        self.env.get(REDEPLOYS).is_some_and(|v| v == "true")
    }

    fn given(&self) -> Given {
        let i = &self.inputs;
        Given {
            service: i.service.clone(),
            repository_service: service_of(i.repository.as_deref()),
            health_url: i.health_url.clone(),
            auto_rollback: i.auto_rollback,
            role: i.role.clone(),
            region: i.region.clone(),
            table: i.table.clone(),
            store: None,
            path: None,
            slack_webhook_url: i.slack_webhook_url.clone(),
            slack_bot_token: i.slack_bot_token.clone(),
            slack_channel: i.slack_channel.clone(),
            sns_topic_arn: i.sns_topic_arn.clone(),
            locale: i.locale,
            in_actions: true,
            redeploys: self.redeploys(),
            run: i.run.run,
        }
    }

    /// GitHub, for this job's repository. Without a token there is none: later stages can do without, as some
    /// runners give them no token.
    fn forge(&self) -> Result<Option<Arc<dyn Forge>>, Ended> {
        let Some(token) = self.inputs.github_token.as_ref() else {
            return Ok(None);
        };
        let repository = self.inputs.repository.clone().unwrap_or_default();
        let forge = self.connect.forge(&repository, Some(token));
        forge.map(Some).map_err(|e| self.not_connected(e))
    }

    fn not_connected(&self, error: ConnectError) -> Ended {
        match error {
            ConnectError::Settings(text) => {
                Ended::one(ReasonCode::InvalidConfig, Exit::Usage, text)
            }
            ConnectError::Unreachable(text) => {
                Ended::one(ReasonCode::AwsUnreachable, Exit::Unreachable, text)
            }
            ConnectError::Store(text) => {
                Ended::one(ReasonCode::StoreUnreachable, Exit::Unreachable, text)
            }
        }
    }

    /// Reads the configuration, or takes the pinned one, and connects.
    pub async fn open(&mut self, pinned: Option<Pinned>) -> Result<Connected, Ended> {
        let forge = self.forge()?;
        let pinned = match pinned {
            Some(pinned) => pinned,
            None => {
                let Some(forge) = &forge else {
                    let text = Trouble::NoToken.text(self.locale);
                    return Err(Ended::one(ReasonCode::InvalidInput, Exit::Usage, text));
                };
                let (pinned, ()) = futures_util::future::join(
                    fetch(forge.as_ref(), &self.inputs),
                    self.connect.prepare(),
                )
                .await;
                pinned.map_err(|e| self.no_config(e))?
            }
        };
        let mut chosen = self.choose(&pinned)?;
        self.locale = chosen.setup.locale;
        // A dry run changes nothing anywhere: where there is no history yet it does not begin one.
        if let StoreName::Sqlite { path } = &chosen.wanted.store
            && self.inputs.dry_run
            && !Path::new(path).exists()
        {
            chosen.wanted.store = StoreName::Empty;
        }
        for message in chosen.unaddressed(self.locale) {
            let level = annotation::Level::Warning;
            let title = chosen.setup.environment.to_string();
            let annotation = annotation::Annotation {
                level,
                title,
                message,
            };
            out::line(&annotation.line());
        }
        let ports = self
            .connect
            .ports(&chosen.wanted, forge)
            .await
            .map_err(|e| self.not_connected(e))?;
        Ok(Connected {
            chosen,
            ports,
            pinned,
        })
    }

    fn no_config(&self, error: NoConfig) -> Ended {
        match error {
            NoConfig::Missing(file) => {
                let text = Trouble::ConfigMissing { file }.text(self.locale);
                Ended::one(ReasonCode::InvalidConfig, Exit::Usage, text)
            }
            NoConfig::Forge(ForgeError::NotFound { what }) => Ended::one(
                ReasonCode::GithubUnreachable,
                Exit::Unreachable,
                Trouble::ConfigUnreadable { why: what }.text(self.locale),
            ),
            NoConfig::Forge(error) => {
                let text = Trouble::ConfigUnreadable {
                    why: error.to_string(),
                }
                .text(self.locale);
                Ended::one(ReasonCode::GithubUnreachable, Exit::Unreachable, text)
            }
        }
    }

    fn choose(&self, pinned: &Pinned) -> Result<Chosen, Ended> {
        let wrong = |problems: Vec<crate::config::Problem>| Ended {
            reason: ReasonCode::InvalidConfig,
            problems: problems.iter().map(|p| p.text(self.locale)).collect(),
            exit: Exit::Usage,
        };
        let settings = match &pinned.text {
            Some(text) => parse(&pinned.file, text).map_err(wrong)?,
            None => Settings::defaults(),
        };
        let lookup = |name: &str| self.env.get(name).cloned();
        let mut given = self.given();
        // What an input gives is not asked of a variable.
        let inputs = [
            ("slack.webhook_url", given.slack_webhook_url.is_some()),
            ("slack.bot_token", given.slack_bot_token.is_some()),
            ("slack.channel", given.slack_channel.is_some()),
            ("sns.topic_arn", given.sns_topic_arn.is_some()),
        ];
        let is_given = |path: &str| {
            let alert = path.split_once(".alerts.").map(|(_, key)| key);
            inputs.iter().any(|(key, is)| *is && alert == Some(*key))
        };
        let environment = settings
            .environment_sparing(&self.inputs.environment, &lookup, is_given)
            .map_err(wrong)?;
        given.table = given
            .table
            .map(|t| t.replace("{environment}", environment.name.as_str()));
        choose(environment, &given).map_err(|unfit| {
            let trouble = match unfit {
                Unfit::NoService => Trouble::NoService,
                Unfit::SqliteInProduction => Trouble::SqliteInProduction,
                Unfit::HealthUrl(kind) => {
                    let text = crate::i18n::config::problem("health_url", &kind, self.locale);
                    return Ended::one(ReasonCode::InvalidInput, Exit::Usage, text);
                }
            };
            Ended::one(
                ReasonCode::InvalidConfig,
                Exit::Usage,
                trouble.text(self.locale),
            )
        })
    }

    /// What the inputs ask for.
    #[must_use]
    pub fn request(&self) -> Request {
        let i = &self.inputs;
        Request {
            kind: i.kind,
            git_ref: i.git_ref.clone(),
            target: i.target.clone(),
            target_text: i.target_text.clone(),
            force: i.force,
            irreversible: i.irreversible,
            dry_run: i.dry_run,
            note: i.reason.clone(),
            actor: i.actor.clone(),
            run: i.run.clone(),
            hosted: i.hosted,
            branch: i.branch.clone(),
        }
    }

    /// The same for people.
    #[must_use]
    pub fn asked(&self, chosen: Option<&Chosen>) -> Asked {
        let i = &self.inputs;
        Asked {
            environment: chosen.map_or_else(
                || i.environment.clone(),
                |c| c.setup.environment.to_string(),
            ),
            service: chosen.map_or_else(String::new, |c| c.setup.service.to_string()),
            kind: i.kind,
            git_ref: i.git_ref.as_ref().map(|r| r.as_str().to_owned()),
            actor: i.actor.clone(),
            force: i.force,
            dry_run: i.dry_run,
            note: i.reason.clone(),
            run_url: i.run.url.clone(),
        }
    }

    /// An empty report with this outcome.
    #[must_use]
    pub fn report(&self, chosen: Option<&Chosen>, outcome: Outcome) -> Report {
        empty_report(self.asked(chosen), outcome, self.clock.now())
    }

    /// Progress as log lines.
    #[must_use]
    pub fn sayer(&self) -> Sayer {
        let (locale, clock) = (self.locale, self.clock.clone());
        Arc::new(move |say: Say| {
            out::line(&annotation::safe_line(&crate::surface::progress::line(
                &say,
                locale,
                clock.now(),
            )))
        })
    }

    /// Step outputs; what fails here fails the stage.
    pub fn write_outputs(&self, report: &Report) -> Result<(), Ended> {
        let random = || self.clock.random();
        let pairs = outputs(report, self.locale);
        self.files
            .outputs(&pairs, &random)
            .map_err(|e| Ended::one(ReasonCode::RunnerFile, Exit::Unreachable, chain(&e)))
    }

    /// State for the later stages of this step.
    pub fn write_state(&self, pairs: &[(&str, String)]) -> Result<(), Ended> {
        let random = || self.clock.random();
        self.files
            .state(pairs, &random)
            .map_err(|e| Ended::one(ReasonCode::RunnerFile, Exit::Unreachable, chain(&e)))
    }

    /// Variables for the later steps of this job.
    pub fn write_env(&self, pairs: &[(&str, String)]) -> Result<(), Ended> {
        let random = || self.clock.random();
        self.files
            .env(pairs, &random)
            .map_err(|e| Ended::one(ReasonCode::RunnerFile, Exit::Unreachable, chain(&e)))
    }

    /// The end of a stage: outputs, then everything that is told. Outputs that cannot be written fail the step.
    pub fn conclude(&self, report: Report) -> Exit {
        match self.write_outputs(&report) {
            Ok(()) => {
                self.tell(&report);
                report.outcome.exit
            }
            Err(unwritten) => self.conclude_unwritten(report, unwritten),
        }
    }

    /// The end of a stage whose outputs could not be written. What happened stays what it was; only a good end
    /// becomes a bad one, for the later steps know nothing of it.
    pub fn conclude_unwritten(&self, mut report: Report, unwritten: Ended) -> Exit {
        report.outcome.deploy_needed = false;
        if report.outcome.exit == Exit::Fine {
            report.outcome.decision = Decision::Stop;
            report.outcome.reason = unwritten.reason;
            report.outcome.exit = unwritten.exit;
        }
        report.notes.extend(unwritten.problems);
        self.tell(&report);
        report.outcome.exit
    }

    /// For this step's own post stage: there is nothing to finish.
    pub fn write_nothing_to_finish(&self) -> Result<(), Ended> {
        self.write_state(&[("outcome", "none".to_owned())])
    }

    /// Summary, annotations and log; never changes the outcome.
    pub fn tell(&self, report: &Report) {
        tell(&self.files, report, self.locale);
    }

    /// What became of alerts that earlier runs owed, as a log line: they belong to no report of this job.
    pub fn tell_owed(&self, owed: &[Told]) {
        if owed.is_empty() {
            return;
        }
        let count = |wanted: bool| {
            let some = owed
                .iter()
                .filter(|t| (t.state == NoticeState::Sent) == wanted);
            u64::try_from(some.count()).unwrap_or(u64::MAX)
        };
        let message = Message::OwedTold {
            sent: count(true),
            owed: count(false),
        };
        out::line(&annotation::safe_line(&message.text(self.locale)));
    }

    /// The end of a stage that could not do its work, told everywhere.
    pub fn end(&self, ended: &Ended) -> Exit {
        end(
            &self.files,
            self.locale,
            self.clock.as_ref(),
            self.asked(None),
            ended,
        )
    }

    /// What the engine could not do, as the end of a stage.
    #[must_use]
    pub fn failed(&self, error: &EngineError) -> Ended {
        let (reason, exit) = match error {
            EngineError::Unreadable { deployment, why } => {
                let text = Saying::RecordUnreadable {
                    deployment: deployment.as_str(),
                    why,
                    environment: &self.inputs.environment,
                };
                let text = text.text(self.locale);
                return Ended::one(ReasonCode::StoreUnreachable, Exit::Unreachable, text);
            }
            EngineError::Store(StoreError::Credentials { .. }) => {
                (ReasonCode::AwsUnreachable, Exit::Unreachable)
            }
            EngineError::Store(_) => (ReasonCode::StoreUnreachable, Exit::Unreachable),
            EngineError::Lost { .. } => (ReasonCode::FencedOff, Exit::Refused),
            EngineError::Stale { .. }
            | EngineError::Journal { .. }
            | EngineError::Illegal(_)
            | EngineError::Id(_) => (ReasonCode::StoreUnreachable, Exit::Unreachable),
            EngineError::Announce(_) => (ReasonCode::RunnerFile, Exit::Unreachable),
            EngineError::Stopped(by) => (ReasonCode::Interrupted, Exit::of_stop(*by)),
            EngineError::MissingOutputs(_) => (ReasonCode::InvalidConfig, Exit::Usage),
        };
        Ended::one(reason, exit, chain(error))
    }

    /// The report of a deployment as it stands.
    #[must_use]
    pub fn report_of(
        &self,
        connected: &Connected,
        deployment: crate::core::deployment::Deployment,
        entries: Vec<crate::core::journal::Entry>,
        told: Vec<Told>,
    ) -> Report {
        let outcome = outcome_of(&deployment, &connected.chosen);
        Report {
            checks: deployment.checks.clone(),
            deployment: Some(deployment),
            entries,
            told,
            ..self.report(Some(&connected.chosen), outcome)
        }
    }
}

/// What a deployment as it stands means for the job.
#[must_use]
pub fn outcome_of(deployment: &crate::core::deployment::Deployment, chosen: &Chosen) -> Outcome {
    Outcome::of(deployment, chosen.setup.passes_inconclusive())
}

/// True where the record is of this very job.
#[must_use]
pub fn is_of_job(stored: &Stored, inputs: &Inputs) -> bool {
    use crate::core::journal::Event;
    let Some(Event::Started(start)) = stored.entries.first().and_then(|e| e.events.first()) else {
        return false;
    };
    let (run, ours) = (&start.run, &inputs.run);
    run.repo == ours.repo
        && run.run == ours.run
        && run.attempt == ours.attempt
        && match (run.job_id, ours.job_id) {
            (Some(a), Some(b)) => a == b,
            (_, _) => run.job == ours.job,
        }
}

/// True where the lock is held by this very job.
#[must_use]
pub fn holds(holder: &Holder, inputs: &Inputs) -> bool {
    let run = &inputs.run;
    match (&run.repo, run.run) {
        (Some(repo), Some(id)) => holder.is_job(
            repo,
            id,
            run.attempt.unwrap_or(1),
            run.job.as_deref().unwrap_or(""),
            run.job_id,
        ),
        (_, _) => false,
    }
}

/// Summary, annotations and log; never changes the outcome.
fn tell(files: &Files, report: &Report, locale: Locale) {
    for line in annotation::log_lines(report, locale) {
        out::line(&line);
    }
    for annotation in annotation::annotations(report, locale) {
        out::line(&annotation.line());
    }
    write_summary(files, &summary::summary(report, locale));
}

fn write_summary(files: &Files, text: &str) {
    if let Err(error) = files.summary(text) {
        tracing::warn!(code = "DG410", error = %chain(&error), "the job summary could not be written");
    }
}

/// The end of a stage that could not do its work: annotations, summary, and outputs that forbid to deploy.
pub fn end(files: &Files, locale: Locale, clock: &dyn Clock, asked: Asked, ended: &Ended) -> Exit {
    let outcome = Outcome {
        status: None,
        verdict: None,
        decision: Decision::Stop,
        reason: ended.reason,
        deploy_needed: false,
        rolled_back: false,
        exit: ended.exit,
    };
    let report = Report {
        notes: ended.problems.clone(),
        ..empty_report(asked, outcome, clock.now())
    };
    if ended.exit == Exit::Usage {
        for annotation in annotation::annotations_of_problems(&ended.problems, locale) {
            out::line(&annotation.line());
        }
        write_summary(
            files,
            &summary::summary_of_problems(&ended.problems, locale),
        );
    } else {
        tell(files, &report, locale);
    }
    let random = || clock.random();
    if let Err(error) = files.outputs(&outputs(&report, locale), &random) {
        out::line(&annotation::safe_line(&chain(&error)));
    }
    ended.exit
}

fn empty_report(asked: Asked, outcome: Outcome, at: crate::core::time::Timestamp) -> Report {
    Report {
        asked,
        outcome,
        deployment: None,
        entries: Vec::new(),
        checks: Vec::new(),
        holder: None,
        candidates: Vec::new(),
        target: None,
        told: Vec::new(),
        keeper: KeeperSeen::NotAsked,
        notes: Vec::new(),
        pulls: Vec::new(),
        at,
    }
}
