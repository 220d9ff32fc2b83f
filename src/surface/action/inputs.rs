//! The action's inputs and the runner's variables, checked: every problem at once. Knows names and forms, no
//! configuration file.

use std::collections::BTreeMap;

use secrecy::SecretString;

use crate::core::id::{CommitSha, EnvironmentName, ServiceName};
use crate::core::journal::{JobStatus, RunRef};
use crate::core::record::{DeploymentType, words};
use crate::core::target::TargetSpec;
use crate::i18n::Locale;
use crate::i18n::inputs::{Form, InputProblem};

/// Environment variables, read once.
pub type Env = BTreeMap<String, String>;

/// Where the configuration stands when nothing else is said.
pub const DEFAULT_CONFIG: &str = ".github/deploy-guard.yml";

words! {
    /// Which part of the story a step tells.
    Phase {
        /// Lock, record, decide.
        Guard = "guard",
        /// Watch, judge, close.
        Verify = "verify",
    }
}

/// One input as `action.yml` declares it.
pub struct Declared {
    /// Name.
    pub name: &'static str,
    /// Default; an expression stands as it is in `action.yml`.
    pub default: Option<&'static str>,
    /// Masked in every stage before anything else is printed.
    pub secret: bool,
}

const fn input(name: &'static str, default: Option<&'static str>) -> Declared {
    Declared {
        name,
        default,
        secret: false,
    }
}

const fn secret(name: &'static str, default: Option<&'static str>) -> Declared {
    Declared {
        name,
        default,
        secret: true,
    }
}

/// Every input, in the order of the documentation. `action.yml` and README are checked against it.
pub const INPUTS: &[Declared] = &[
    input("environment", None),
    input("service", Some("")),
    input("deployment_type", Some("deploy")),
    input("rollback_target", Some("")),
    input("force_deploy", Some("false")),
    input("irreversible", Some("false")),
    input("phase", Some("guard")),
    input("config", Some(DEFAULT_CONFIG)),
    input("ref", Some("${{ github.sha }}")),
    input("reason", Some("")),
    input("health_url", Some("")),
    input("auto_rollback", Some("")),
    input("role_to_assume", Some("")),
    input("aws_region", Some("")),
    input("history_table", Some("")),
    secret("slack_webhook_url", Some("")),
    secret("slack_bot_token", Some("")),
    input("slack_channel", Some("")),
    input("sns_topic_arn", Some("")),
    input("locale", Some("")),
    input("dry_run", Some("false")),
    secret("github_token", Some("${{ github.token }}")),
    input("job_status", Some("${{ job.status }}")),
    input("job_id", Some("${{ job.check_run_id }}")),
];

/// The inputs, checked.
#[derive(Debug, Clone)]
pub struct Inputs {
    /// Name or alias.
    pub environment: String,
    /// Service.
    pub service: Option<ServiceName>,
    /// Type.
    pub kind: DeploymentType,
    /// Where a rollback goes.
    pub target: TargetSpec,
    /// As written.
    pub target_text: String,
    /// `force_deploy`.
    pub force: bool,
    /// `irreversible`.
    pub irreversible: bool,
    /// Which part.
    pub phase: Phase,
    /// The file; `true` where it was named, so that it must be there.
    pub config: (String, bool),
    /// Commit to deploy.
    pub git_ref: Option<CommitSha>,
    /// For people.
    pub reason: Option<String>,
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
    /// Slack webhook.
    pub slack_webhook_url: Option<SecretString>,
    /// Slack bot.
    pub slack_bot_token: Option<SecretString>,
    /// Its channel.
    pub slack_channel: Option<String>,
    /// SNS topic.
    pub sns_topic_arn: Option<String>,
    /// Language.
    pub locale: Option<Locale>,
    /// Changes nothing.
    pub dry_run: bool,
    /// GitHub token.
    pub github_token: Option<SecretString>,
    /// The job so far.
    pub job_status: JobStatus,
    /// Where it runs.
    pub run: RunRef,
    /// `owner/name`.
    pub repository: Option<String>,
    /// On a GitHub-hosted runner.
    pub hosted: bool,
    /// The run's branch, where `git_ref` is its head.
    pub branch: Option<String>,
    /// Who.
    pub actor: Option<String>,
}

/// An input's value as the runner gives it: trimmed, empty = absent.
#[must_use]
pub fn raw<'a>(env: &'a Env, name: &str) -> Option<&'a str> {
    let key = format!("INPUT_{}", name.replace(' ', "_").to_uppercase());
    env.get(&key).map(|v| v.trim()).filter(|v| !v.is_empty())
}

/// The values that must be masked before anything else is printed.
#[must_use]
pub fn secrets(env: &Env) -> Vec<String> {
    INPUTS
        .iter()
        .filter(|i| i.secret)
        .filter_map(|i| raw(env, i.name))
        .map(str::to_owned)
        .collect()
}

/// The language to complain in, even where other inputs are wrong.
#[must_use]
pub fn locale_of(env: &Env) -> Locale {
    raw(env, "locale")
        .and_then(|l| Locale::parse(&l.to_ascii_lowercase()))
        .unwrap_or(Locale::En)
}

struct Reader<'a> {
    env: &'a Env,
    problems: Vec<InputProblem>,
}

fn cut(text: &str) -> String {
    text.chars().take(80).collect()
}

impl Reader<'_> {
    fn text(&self, name: &str) -> Option<String> {
        raw(self.env, name).map(str::to_owned)
    }

    fn var(&self, name: &str) -> Option<String> {
        self.env
            .get(name)
            .map(|v| v.trim().to_owned())
            .filter(|v| !v.is_empty())
    }

    fn word<T>(
        &mut self,
        input: &'static str,
        default: T,
        parse: impl Fn(&str) -> Option<T>,
        allowed: &str,
    ) -> T {
        match self.text(input) {
            None => default,
            Some(text) => parse(&text.to_ascii_lowercase()).unwrap_or_else(|| {
                self.problems.push(InputProblem::NotOneOf {
                    input,
                    got: cut(&text),
                    allowed: allowed.to_owned(),
                });
                default
            }),
        }
    }

    fn flag(&mut self, input: &'static str) -> Option<bool> {
        let parse = |t: &str| match t {
            "true" | "yes" | "1" => Some(Some(true)),
            "false" | "no" | "0" => Some(Some(false)),
            _ => None,
        };
        self.word(input, None, parse, "`true`, `false`, `yes`, `no`, `1`, `0`")
    }

    fn form<T>(
        &mut self,
        input: &'static str,
        want: Form,
        secret: bool,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        let text = self.text(input)?;
        let value = parse(&text);
        if value.is_none() {
            let got = if secret { String::new() } else { cut(&text) };
            self.problems.push(InputProblem::Form { input, got, want });
        }
        value
    }
}

fn words_of<T: Copy>(all: &[T], name: impl Fn(T) -> &'static str) -> String {
    all.iter()
        .map(|v| format!("`{}`", name(*v)))
        .collect::<Vec<_>>()
        .join(", ")
}

/// `https` anywhere, `http` on loopback only.
fn is_allowed_url(text: &str) -> bool {
    crate::config::check_url(text).is_ok()
}

fn is_arn(text: &str, service: &str, resource: &str) -> bool {
    let parts: Vec<_> = text.splitn(6, ':').collect();
    matches!(parts[..], ["arn", partition, s, _, account, rest]
        if partition.starts_with("aws") && s == service && account.len() == 12
            && account.bytes().all(|b| b.is_ascii_digit()) && rest.starts_with(resource) && rest.len() > resource.len())
}

fn is_region(text: &str) -> bool {
    text.split('-').count() >= 3
        && text.len() <= 32
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

fn is_table(text: &str) -> bool {
    let plain = text.replace("{environment}", "env");
    (3..=255).contains(&plain.len())
        && plain
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
}

/// Reads every input; answers all problems at once.
pub fn read(env: &Env) -> Result<Inputs, Vec<InputProblem>> {
    let mut r = Reader {
        env,
        problems: Vec::new(),
    };
    let environment = r.text("environment");
    match &environment {
        None => r.problems.push(InputProblem::Missing {
            input: "environment",
        }),
        Some(name) if EnvironmentName::new(name.clone()).is_err() => {
            r.problems.push(InputProblem::Form {
                input: "environment",
                got: cut(name),
                want: Form::Environment,
            });
        }
        Some(_) => {}
    }
    let kind = r.word(
        "deployment_type",
        DeploymentType::Deploy,
        DeploymentType::parse,
        &words_of(DeploymentType::ALL, DeploymentType::as_str),
    );
    let phase = r.word(
        "phase",
        Phase::Guard,
        Phase::parse,
        &words_of(Phase::ALL, Phase::as_str),
    );
    let locale = r.word(
        "locale",
        None,
        |t| Locale::parse(t).map(Some),
        &words_of(Locale::ALL, Locale::as_str),
    );
    let target = r.form("rollback_target", Form::Target, false, |t| {
        TargetSpec::parse(t).ok()
    });
    if target.is_some() && kind != DeploymentType::Rollback {
        r.problems.push(InputProblem::OnlyWith {
            input: "rollback_target",
            with: "deployment_type: rollback",
        });
    }
    let force = r.flag("force_deploy").unwrap_or(false);
    let irreversible = r.flag("irreversible").unwrap_or(false);
    let dry_run = r.flag("dry_run").unwrap_or(false);
    let auto_rollback = r.flag("auto_rollback");
    let git_ref = r.form("ref", Form::Commit, false, |t| CommitSha::parse(t).ok());
    let sha = r.var("GITHUB_SHA").and_then(|t| CommitSha::parse(&t).ok());
    let git_ref = git_ref.or_else(|| sha.clone());
    let service = r.form("service", Form::Service, false, |t| {
        ServiceName::new(t).ok()
    });
    let health_url = r.form("health_url", Form::Url, false, |t| {
        is_allowed_url(t).then(|| t.to_owned())
    });
    let role = r.form("role_to_assume", Form::RoleArn, false, |t| {
        is_arn(t, "iam", "role/").then(|| t.to_owned())
    });
    let region = r.form("aws_region", Form::Region, false, |t| {
        is_region(t).then(|| t.to_owned())
    });
    let table = r.form("history_table", Form::Table, false, |t| {
        is_table(t).then(|| t.to_owned())
    });
    let sns_topic_arn = r.form("sns_topic_arn", Form::TopicArn, false, |t| {
        is_arn(t, "sns", "").then(|| t.to_owned())
    });
    let slack_webhook_url = r.form("slack_webhook_url", Form::Url, true, |t| {
        is_allowed_url(t).then(|| SecretString::from(t))
    });
    let slack_bot_token = r.text("slack_bot_token").map(SecretString::from);
    let slack_channel = r.text("slack_channel");
    if slack_bot_token.is_some() && slack_channel.is_none() {
        r.problems.push(InputProblem::Needs {
            input: "slack_bot_token",
            other: "slack_channel",
        });
    }
    let job_id = r.form("job_id", Form::Number, false, |t| t.parse::<u64>().ok());
    // An old runner, or another one, may say nothing or another word: never taken for success.
    let job_status = r
        .text("job_status")
        .and_then(|t| JobStatus::parse(&t.to_ascii_lowercase()))
        .unwrap_or(JobStatus::Unknown);
    let config = r
        .text("config")
        .map_or((DEFAULT_CONFIG.to_owned(), false), |t| {
            let named = t != DEFAULT_CONFIG;
            (t, named)
        });
    let repository = r.var("GITHUB_REPOSITORY");
    if repository.is_none() {
        r.problems.push(InputProblem::NoVariable {
            name: "GITHUB_REPOSITORY",
        });
    }
    let run_id = r.var("GITHUB_RUN_ID").and_then(|t| t.parse().ok());
    if run_id.is_none() {
        r.problems.push(InputProblem::NoVariable {
            name: "GITHUB_RUN_ID",
        });
    }
    let attempt = r.var("GITHUB_RUN_ATTEMPT").and_then(|t| t.parse().ok());
    let server = r
        .var("GITHUB_SERVER_URL")
        .unwrap_or_else(|| "https://github.com".to_owned());
    let url = match (&repository, run_id) {
        (Some(repo), Some(run)) => Some(match attempt {
            Some(attempt) => format!("{server}/{repo}/actions/runs/{run}/attempts/{attempt}"),
            None => format!("{server}/{repo}/actions/runs/{run}"),
        }),
        (_, _) => None,
    };
    let on_branch =
        r.var("GITHUB_REF_TYPE").as_deref() == Some("branch") && sha.is_some() && sha == git_ref;
    let inputs = Inputs {
        environment: environment.unwrap_or_default(),
        service,
        kind,
        target: target.unwrap_or(TargetSpec::LastSuccess),
        target_text: r
            .text("rollback_target")
            .unwrap_or_else(|| "last-success".to_owned()),
        force,
        irreversible,
        phase,
        config,
        git_ref,
        reason: r.text("reason").map(|t| t.chars().take(500).collect()),
        health_url,
        auto_rollback,
        role,
        region,
        table,
        slack_webhook_url,
        slack_bot_token,
        slack_channel,
        sns_topic_arn,
        locale,
        dry_run,
        github_token: r.text("github_token").map(SecretString::from),
        job_status,
        run: RunRef {
            repo: repository.clone(),
            run: run_id,
            attempt,
            job: r.var("GITHUB_JOB"),
            job_id,
            url,
            sha,
        },
        repository,
        hosted: r.var("RUNNER_ENVIRONMENT").as_deref() == Some("github-hosted"),
        branch: r.var("GITHUB_REF_NAME").filter(|_| on_branch),
        actor: r
            .var("GITHUB_TRIGGERING_ACTOR")
            .or_else(|| r.var("GITHUB_ACTOR")),
    };
    if r.problems.is_empty() {
        Ok(inputs)
    } else {
        Err(r.problems)
    }
}
