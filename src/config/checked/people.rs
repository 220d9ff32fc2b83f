//! Restores and alerts, from raw to settings: strategies, channels, routes.

use secrecy::SecretString;

use crate::config::checked::context::{Context, seconds};
use crate::config::problem::join;
use crate::config::raw::{RawAlerts, RawRollback, RawRoute, RawWorkflow};
use crate::config::settings::AlertSettings;
use crate::config::template::Spot;
use crate::config::urls::check_url;
use crate::core::alert::Route;
use crate::core::restore::{RollbackSettings, Strategy, WorkflowTarget};
use crate::i18n::config::{Form, ProblemKind};

pub(super) fn rollback(
    c: &mut Context<'_>,
    path: &str,
    raw: Option<&RawRollback>,
    no_stacks: bool,
) -> Option<RollbackSettings> {
    let raw = raw.cloned().unwrap_or_default();
    let strategies = match &raw.strategies {
        None => vec![Strategy::LambdaAlias, Strategy::Cloudformation],
        Some(named) => c.words(&join(path, "strategies"), named),
    };
    let at = |strategy| {
        strategies
            .iter()
            .position(|s| *s == strategy)
            .map(|n| format!("{path}.strategies[{n}]"))
    };
    if let Some(at) = at(Strategy::Cloudformation).filter(|_| no_stacks && raw.strategies.is_some())
    {
        c.problems.push(&at, ProblemKind::NeedsStacks);
    }
    if let Some(at) = at(Strategy::Workflow).filter(|_| raw.workflow.is_none()) {
        c.problems.push(
            &at,
            ProblemKind::NeedsSetting {
                key: "rollback.workflow.file".to_owned(),
            },
        );
    }
    let target = raw
        .workflow
        .as_ref()
        .map(|one| workflow(c, &join(path, "workflow"), one));
    Some(RollbackSettings {
        automatic: raw.automatic.unwrap_or(true),
        strategies,
        workflow: match target {
            Some(target) => Some(target?),
            None => None,
        },
        verify: c.duration(&join(path, "verify"), raw.verify, seconds(180), seconds(5)),
    })
}

fn workflow(c: &mut Context<'_>, path: &str, raw: &RawWorkflow) -> Option<WorkflowTarget> {
    let at = |key: &str| join(path, key);
    if raw.file.is_none() {
        c.problems.push_missing(&at("file"), ProblemKind::Missing);
    }
    let git_ref = c.formed(
        &at("ref"),
        raw.git_ref.as_ref(),
        Form::NotEmpty,
        Spot::Plain,
    );
    let timeout = c.duration(&at("timeout"), raw.timeout, seconds(1800), seconds(60));
    Some(WorkflowTarget {
        file: c.formed(
            &at("file"),
            raw.file.as_ref(),
            Form::WorkflowFile,
            Spot::Plain,
        )?,
        git_ref: git_ref.unwrap_or_else(|| "main".to_owned()),
        timeout,
    })
}

pub(super) fn alerts(c: &mut Context<'_>, path: &str, raw: Option<&RawAlerts>) -> AlertSettings {
    let raw = raw.cloned().unwrap_or_default();
    let at = |key: &str| join(path, key);
    let slack = raw.slack.unwrap_or_default();
    let not_empty = |text: &str| match text.trim() {
        "" => Err(ProblemKind::BadForm {
            form: Form::NotEmpty,
            found: None,
        }),
        _ => Ok(()),
    };
    let webhook = c.secret(
        &at("slack.webhook_url"),
        slack.webhook_url.as_ref(),
        check_url,
    );
    let token = c.secret(&at("slack.bot_token"), slack.bot_token.as_ref(), not_empty);
    let topic = raw.sns.as_ref().and_then(|sns| sns.topic_arn.as_ref());
    if raw.sns.is_some() && topic.is_none() {
        c.problems
            .push_missing(&at("sns.topic_arn"), ProblemKind::Missing);
    }
    let routes = raw.routes.iter().enumerate();
    AlertSettings {
        slack_webhook_url: webhook.map(SecretString::from),
        slack_bot_token: token.map(SecretString::from),
        slack_channel: c.formed(
            &at("slack.channel"),
            slack.channel.as_ref(),
            Form::NotEmpty,
            Spot::Plain,
        ),
        sns_topic_arn: c.formed(&at("sns.topic_arn"), topic, Form::TopicArn, Spot::Plain),
        routes: routes
            .map(|(n, one)| route(c, &format!("{path}.routes[{n}]"), one))
            .collect(),
    }
}

fn route(c: &mut Context<'_>, path: &str, raw: &RawRoute) -> Route {
    let at = |key: &str| join(path, key);
    for (key, missing) in [("on", raw.on.is_none()), ("to", raw.to.is_none())] {
        if missing {
            c.problems.push_missing(&at(key), ProblemKind::Missing);
        }
    }
    Route {
        on: c.words(&at("on"), raw.on.as_deref().unwrap_or_default()),
        to: c.words(&at("to"), raw.to.as_deref().unwrap_or_default()),
        mention: c.formed(
            &at("mention"),
            raw.mention.as_ref(),
            Form::NotEmpty,
            Spot::Plain,
        ),
        repeat: c.optional_duration(&at("repeat"), raw.repeat, seconds(1)),
    }
}
