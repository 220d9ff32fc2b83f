//! The one place that names adapters, engine and surfaces together: reads arguments and environment, connects,
//! runs, answers the exit code.

use std::process::ExitCode;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::adapters::aws::{Aws, CallBounds, Login, Site};
use crate::adapters::clock::SystemClock;
use crate::adapters::cloudformation::CloudFormation;
use crate::adapters::cloudwatch::CloudWatch;
use crate::adapters::dynamodb::DynamoHistory;
use crate::adapters::functions::LambdaFunctions;
use crate::adapters::github::{Github, GithubBounds};
use crate::adapters::http::{Http, HttpSetup, Vars};
use crate::adapters::lambda_alias::LambdaAliases;
use crate::adapters::logs::LogsInsights;
use crate::adapters::nocloud::NoCloud;
use crate::adapters::oidc::{
    JobIdentity, OidcBounds, OidcError, RoleCredentials, Shown, session_name,
};
use crate::adapters::probe::HttpProber;
use crate::adapters::saver::AwsSaver;
use crate::adapters::slack::{API, SlackBot, SlackBounds, SlackWebhook};
use crate::adapters::sns::SnsTopic;
use crate::adapters::sqlite::SqliteHistory;
use crate::adapters::stack_restore::StackRestore;
use crate::adapters::workflow::{WorkflowRuns, WorkflowSettings};
use crate::core::journal::StoppedBy;
use crate::engine::{Cloud, Ports, Stop};
use crate::ports::{Clock, Forge, History, Mover, Notifier, Saver, Stacks};
use crate::render::annotation::add_mask;
use crate::surface::action::{self, Entry, inputs::Env};
use crate::surface::connect::{Connect, ConnectError, StoreName, Wanted};
use crate::surface::{cli, out};

/// How long a write is sent again while a store does not answer (PRODUCT section 4).
const STORE_PATIENCE: Duration = Duration::from_secs(120);

/// A log query that takes longer than this is given up for this look.
const LOGS_PATIENCE: Duration = Duration::from_secs(10);

/// Runs the program.
#[must_use]
pub fn main() -> ExitCode {
    main_with(|_| Vec::new())
}

/// Runs the program with further ways of bringing a version back: they go before those built in. The quickstart
/// has one for its own little application.
#[must_use]
pub fn main_with(movers: impl FnOnce(&Env) -> Vec<Arc<dyn Mover>>) -> ExitCode {
    let env: Env = std::env::vars_os()
        .filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)))
        .collect();
    log_to_stderr(&env);
    let args: Vec<String> = std::env::args_os()
        .map(|a| a.to_string_lossy().into_owned())
        .collect();
    let runtime = match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(code = "DG901", %error, "no runtime");
            return ExitCode::from(crate::core::outcome::Exit::Unreachable.code());
        }
    };
    let exit = runtime.block_on(async {
        let mut stop = signals();
        let entry = entry(&args);
        let connect = Adapters::new(&env, movers(&env), masks(&env, entry));
        match entry {
            Some(entry) => action::run(entry, &env, &connect, &mut stop).await,
            None => cli::run(&args, &env, &connect, &mut stop).await,
        }
    });
    // A probe or a look-up that hangs does not hold the process.
    runtime.shutdown_background();
    ExitCode::from(exit.code())
}

/// On a runner the job's token is masked like every secret. What a command prints on standard output is its answer, so
/// there it is said on standard error, which the runner reads too.
fn masks(env: &Env, entry: Option<Entry>) -> Shown {
    if env.get("GITHUB_ACTIONS").is_none_or(|v| v != "true") {
        return Arc::new(|_| {});
    }
    let print = match entry {
        Some(_) => out::line,
        None => out::error_line,
    };
    Arc::new(move |token| {
        for line in add_mask(token.expose_secret()) {
            print(&line);
        }
    })
}

/// The stages of the action: by verb, or by the name under which the image has the binary, for a container's
/// entry point takes no arguments.
fn entry(args: &[String]) -> Option<Entry> {
    let name = args.first().map(|a| a.rsplit('/').next().unwrap_or(a));
    match (
        name,
        args.get(1).map(String::as_str),
        args.get(2).map(String::as_str),
    ) {
        (Some("deploy-guard-main"), _, _) | (_, Some("action"), Some("main")) => Some(Entry::Main),
        (Some("deploy-guard-post"), _, _) | (_, Some("action"), Some("post")) => Some(Entry::Post),
        (_, _, _) => None,
    }
}

/// Logs are for people who look for a fault: warnings, or all with `RUST_LOG` or `RUNNER_DEBUG=1`. On a runner
/// standard error is read for commands too, so lines are escaped.
fn log_to_stderr(env: &Env) {
    let default = if env.get("RUNNER_DEBUG").is_some_and(|v| v == "1") {
        "deploy_guard=debug"
    } else {
        "deploy_guard=warn"
    };
    // By target and level only: filters by span and field need a regular expression engine, which costs the binary
    // more than it helps.
    let wanted = env.get("RUST_LOG").map_or(default, String::as_str);
    let filter = Targets::from_str(wanted)
        .or_else(|_| Targets::from_str(default))
        .unwrap_or_default();
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(|| crate::surface::out::EscapedStderr)
        .with_ansi(false)
        .with_target(false)
        .without_time()
        .with_filter(filter);
    let made = tracing_subscriber::registry().with(lines).try_init();
    if made.is_err() {
        // Somebody has set one up already (a test in this process): theirs serves.
    }
}

/// SIGINT and SIGTERM as a value that everything can watch; as PID 1 a signal without handler would be ignored.
fn signals() -> Stop {
    use tokio::signal::unix::{SignalKind, signal};
    let (sender, receiver) = tokio::sync::watch::channel(None);
    let both = (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
    );
    match both {
        (Ok(mut interrupt), Ok(mut terminate)) => {
            tokio::spawn(async move {
                let by = tokio::select! {
                    _ = interrupt.recv() => StoppedBy::Interrupt,
                    _ = terminate.recv() => StoppedBy::Terminate,
                };
                sender.send_replace(Some(by));
                // The first one counts; keeps the handlers, so that a second does not kill in the middle of a write.
                loop {
                    tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
                }
            });
        }
        (Err(error), _) | (_, Err(error)) => {
            tracing::warn!(code = "DG902", %error, "signals cannot be handled")
        }
    }
    receiver
}

/// Makes ports on the real adapters.
struct Adapters<'a> {
    env: &'a Env,
    http: Http,
    clock: Arc<dyn Clock>,
    first_token: Mutex<Option<SecretString>>,
    masks: Shown,
    movers: Vec<Arc<dyn Mover>>,
}

impl<'a> Adapters<'a> {
    fn new(env: &'a Env, movers: Vec<Arc<dyn Mover>>, masks: Shown) -> Self {
        let vars = |name: &str| env.get(name).cloned();
        Self {
            env,
            http: Http::new(HttpSetup::from_vars(&vars)),
            clock: Arc::new(SystemClock::new()),
            first_token: Mutex::new(None),
            masks,
            movers,
        }
    }

    fn job(&self, vars: &Vars<'_>) -> Result<JobIdentity, OidcError> {
        let (clock, bounds) = (self.clock.clone(), OidcBounds::default());
        let job = JobIdentity::from_vars(&self.http, clock, vars, bounds)?;
        Ok(job.showing(self.masks.clone()))
    }

    async fn aws(&self, wanted: &Wanted) -> Result<Arc<Aws>, ConnectError> {
        let vars = |name: &str| self.env.get(name).cloned();
        let site = Site::new(
            &self.http,
            &vars,
            wanted.region.as_deref(),
            CallBounds::default(),
        )
        .map_err(|e| ConnectError::Settings(e.to_string()))?;
        let login = match &wanted.role {
            None => Login::Usual,
            Some(role) => {
                let job = self
                    .job(&vars)
                    .map_err(|e| ConnectError::Unreachable(e.to_string()))?;
                let first = self.first_token.lock().await.take();
                let session = session_name(&wanted.session_name);
                let role = RoleCredentials::new(job, role, session, site.sts(), first)
                    .map_err(|e| ConnectError::Settings(e.to_string()))?;
                Login::Given(aws_credential_types::provider::SharedCredentialsProvider::new(role))
            }
        };
        Ok(Arc::new(site.connect(login).await))
    }

    fn notifiers(
        &self,
        wanted: &Wanted,
        aws: Option<&Arc<Aws>>,
    ) -> Result<Vec<Arc<dyn Notifier>>, ConnectError> {
        let settings = |e: &dyn std::error::Error| ConnectError::Settings(e.to_string());
        let mut notifiers: Vec<Arc<dyn Notifier>> = Vec::new();
        if let Some(url) = &wanted.slack_webhook_url {
            let slack = SlackWebhook::new(
                &self.http,
                self.clock.clone(),
                url.clone(),
                SlackBounds::default(),
            );
            notifiers.push(Arc::new(slack.map_err(|e| settings(&e))?));
        }
        if let Some((token, channel)) = &wanted.slack_bot {
            let api = self
                .env
                .get("DEPLOY_GUARD_SLACK_API_URL")
                .map_or(API, String::as_str);
            let (token, channel) = (token.clone(), channel.clone());
            let bot = SlackBot::new(
                &self.http,
                self.clock.clone(),
                api,
                token,
                channel,
                SlackBounds::default(),
            );
            notifiers.push(Arc::new(bot.map_err(|e| settings(&e))?));
        }
        if let (Some(arn), Some(aws)) = (&wanted.sns_topic_arn, aws) {
            let topic = SnsTopic::new(aws.clone(), arn, Duration::from_secs(10))
                .map_err(|e| settings(&e))?;
            notifiers.push(Arc::new(topic));
        }
        Ok(notifiers)
    }
}

#[async_trait]
impl Connect for Adapters<'_> {
    fn clock(&self) -> Arc<dyn Clock> {
        self.clock.clone()
    }

    fn forge(
        &self,
        repository: &str,
        token: Option<&SecretString>,
    ) -> Result<Arc<dyn Forge>, ConnectError> {
        let api = self
            .env
            .get("GITHUB_API_URL")
            .map_or("https://api.github.com", String::as_str);
        let none = SecretString::from("");
        let token = token.unwrap_or(&none);
        let github = Github::new(
            &self.http,
            self.clock.clone(),
            api,
            repository,
            token,
            GithubBounds::default(),
        )
        .map_err(|e| ConnectError::Settings(e.to_string()))?;
        Ok(Arc::new(github))
    }

    async fn scratch(&self) -> Result<Arc<dyn History>, ConnectError> {
        let history = SqliteHistory::in_memory()
            .await
            .map_err(|error| ConnectError::Store(error.to_string()))?;
        Ok(Arc::new(history))
    }

    async fn prepare(&self) {
        let vars = |name: &str| self.env.get(name).cloned();
        // Without the permission there is no token to fetch; whoever needs one says so when a role is assumed.
        let Ok(job) = self.job(&vars) else {
            return;
        };
        match job.job_token().await {
            Ok(token) => *self.first_token.lock().await = Some(token),
            Err(error) => {
                tracing::debug!(code = "DG130", %error, "the job's token could not be fetched early")
            }
        }
    }

    async fn ports(
        &self,
        wanted: &Wanted,
        forge: Option<Arc<dyn Forge>>,
    ) -> Result<Ports, ConnectError> {
        let local = !matches!(wanted.store, StoreName::Dynamodb { .. });
        let aws = match self.aws(wanted).await {
            Ok(aws) => Some(aws),
            // The embedded store needs no AWS; whatever else does says so when it is asked.
            Err(ConnectError::Settings(_))
                if local && wanted.role.is_none() && wanted.sns_topic_arn.is_none() =>
            {
                None
            }
            Err(error) => return Err(error),
        };
        let history: Arc<dyn History> = match (&wanted.store, &aws) {
            (StoreName::Empty, _) => Arc::new(
                SqliteHistory::in_memory()
                    .await
                    .map_err(|e| ConnectError::Store(e.to_string()))?,
            ),
            (StoreName::Sqlite { path }, _) => Arc::new(
                SqliteHistory::open(path.clone())
                    .await
                    .map_err(|e| ConnectError::Store(e.to_string()))?,
            ),
            (StoreName::Dynamodb { table }, Some(aws)) => {
                let client = aws.dynamodb().clone();
                Arc::new(DynamoHistory::new(
                    client,
                    table.as_str(),
                    self.clock.clone(),
                    STORE_PATIENCE,
                ))
            }
            (StoreName::Dynamodb { .. }, None) => {
                return Err(ConnectError::Settings("no AWS Region is known".to_owned()));
            }
        };
        let cloud = match &aws {
            Some(aws) => Cloud {
                metrics: Arc::new(CloudWatch::new(aws.clone())),
                functions: Arc::new(LambdaFunctions::new(aws.clone())),
                logs: Arc::new(LogsInsights::new(
                    aws.clone(),
                    self.clock.clone(),
                    LOGS_PATIENCE,
                )),
            },
            None => Cloud {
                metrics: Arc::new(NoCloud),
                functions: Arc::new(NoCloud),
                logs: Arc::new(NoCloud),
            },
        };
        let stacks: Arc<dyn Stacks> = match &aws {
            Some(aws) => Arc::new(CloudFormation::new(aws.clone())),
            None => Arc::new(NoCloud),
        };
        let saver: Arc<dyn Saver> = match &aws {
            Some(aws) => Arc::new(AwsSaver::new(
                aws.clone(),
                cloud.functions.clone(),
                self.clock.clone(),
            )),
            None => Arc::new(NoCloud),
        };
        let built_in = aws.iter().flat_map(|aws| movers(aws, &self.clock));
        let runs = wanted.workflow.as_ref().map(|workflow| {
            let settings = WorkflowSettings {
                environments: workflow.environments.clone(),
                service: workflow.service.clone(),
                github_environments: workflow.github_environments.clone(),
                own_run: workflow.own_run,
                workflow: workflow.target.clone(),
            };
            let runs = WorkflowRuns::new(forge.clone(), self.clock.clone(), settings);
            Arc::new(runs) as Arc<dyn Mover>
        });
        let movers = self.movers.iter().cloned().chain(built_in).chain(runs);
        let movers = movers.collect();
        Ok(Ports {
            history,
            forge,
            stacks,
            saver,
            cloud,
            prober: Arc::new(HttpProber::new(&self.http, self.clock.clone())),
            notifiers: self.notifiers(wanted, aws.as_ref())?,
            movers,
            clock: self.clock.clone(),
        })
    }
}

/// The strategies that need nothing but AWS.
fn movers(aws: &Arc<Aws>, clock: &Arc<dyn Clock>) -> Vec<Arc<dyn Mover>> {
    vec![
        Arc::new(LambdaAliases::new(aws.clone(), clock.clone())),
        Arc::new(StackRestore::new(aws.clone(), clock.clone())),
    ]
}
