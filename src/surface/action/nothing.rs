//! What main tells the later steps of its job where there is nothing to deploy: the documented verify step runs all
//! the same, and must not take what is live for a deployment of this job. Knows the variable, no verdict.

use crate::core::reason::ReasonCode;
use crate::engine::Setup;
use crate::engine::guard::NotStarted;
use crate::surface::action::inputs::Env;
use crate::surface::action::stage::{Ended, Stage};

/// Words of the form `environment/service=reason`, one for each guard step that started nothing.
const VARIABLE: &str = "DEPLOY_GUARD_NOTHING_TO_DEPLOY";

fn word(setup: &Setup) -> String {
    format!("{}/{}=", setup.environment, setup.service)
}

/// Leaves word for a verify step of the same job.
pub fn tell_later_steps(stage: &Stage<'_>, setup: &Setup, not: &NotStarted) -> Result<(), Ended> {
    let reason = match not {
        NotStarted::Refused(reason) | NotStarted::Unavailable(reason) => *reason,
        NotStarted::AlreadyLive => ReasonCode::AlreadyLive,
        NotStarted::DryRun | NotStarted::WouldBeRefused(_) => ReasonCode::DryRun,
    };
    let mut words = others(stage.env, setup);
    words.push(format!("{}{reason}", word(setup)));
    stage.write_env(&[(VARIABLE, words.join(" "))])
}

fn others(env: &Env, setup: &Setup) -> Vec<String> {
    let (all, own) = (env.get(VARIABLE).cloned().unwrap_or_default(), word(setup));
    let foreign = |w: &&str| !w.starts_with(&own);
    all.split(' ')
        .filter(|w| !w.is_empty())
        .filter(foreign)
        .map(str::to_owned)
        .collect()
}

/// Why this job's guard step started nothing, if it said so.
#[must_use]
pub fn told(env: &Env, setup: &Setup) -> Option<NotStarted> {
    let own = word(setup);
    let reason = env
        .get(VARIABLE)?
        .split(' ')
        .find_map(|w| w.strip_prefix(&own))?;
    match ReasonCode::parse(reason)? {
        ReasonCode::AlreadyLive => Some(NotStarted::AlreadyLive),
        ReasonCode::DryRun => Some(NotStarted::DryRun),
        reason @ ReasonCode::CheckUnavailable => Some(NotStarted::Unavailable(reason)),
        // A step that goes on although the guard refused has deployed nothing of ours.
        reason => Some(NotStarted::Refused(reason)),
    }
}
