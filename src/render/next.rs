//! Next steps with their commands filled in; every word in a command has a safe form. Knows no surface.

use crate::core::alert::{AlertEvent, Facts};
use crate::core::id::{DeploymentId, EnvironmentName};
use crate::core::lease::Holder;
use crate::core::outcome::KeeperSeen;
use crate::core::reason::ReasonCode;
use crate::core::record::Decision;
use crate::i18n::{Ending, NextStep};
use crate::render::story::Story;

/// What to do, and the command that does it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// What it does.
    pub step: NextStep,
    /// For a shell.
    pub line: String,
}

fn command(step: NextStep, line: String) -> Command {
    Command { step, line }
}

/// The next steps after a stage.
#[must_use]
pub fn after(story: &Story<'_>) -> Vec<Command> {
    let mut out = Vec::new();
    if let Some(environment) = story.environment_name() {
        for_environment(story, &environment, &mut out);
    }
    if let Some(start) = story.start {
        out.push(show(&start.id));
    }
    out
}

fn for_environment(story: &Story<'_>, environment: &EnvironmentName, out: &mut Vec<Command>) {
    let reason = story.report.outcome.reason;
    let back = || {
        let irreversible = story.start.is_some_and(|s| s.irreversible);
        let usable = !irreversible
            && !matches!(
                reason,
                ReasonCode::Irreversible
                    | ReasonCode::NoGoodState
                    | ReasonCode::TargetFailedSameGate
                    | ReasonCode::WouldDestroyData
            );
        let goal = story.goal().map(|g| g.deployment);
        let good = goal.or_else(|| story.good().map(|g| g.deployment.clone()));
        good.filter(|_| usable).map(|g| roll_back(environment, &g))
    };
    let verify = || plain(NextStep::VerifyAgain, "verify", environment);
    match story.ending {
        Ending::Refused if reason == ReasonCode::Locked => {
            out.extend(story.report.holder.as_ref().and_then(cancel));
            out.push(plain(NextStep::ShowLock, "lock", environment));
            out.push(command(
                NextStep::ReleaseLock,
                format!("deploy-guard lock {environment} --release"),
            ));
        }
        Ending::Held | Ending::LetPass => {
            out.push(verify());
            out.extend(back());
        }
        Ending::DegradedLive => out.extend(back()),
        Ending::DeployFailedLive | Ending::CancelledLive | Ending::CancelledUnseen => {
            out.push(verify());
            out.extend(back());
        }
        Ending::RestoreFailed => {
            out.extend(back());
            out.extend(stack_events(&story.failed_stacks()));
        }
        Ending::StackRollbackFailed => {
            let stacks = story.failed_stacks();
            out.extend(stack_events(&stacks));
            out.extend(continue_stacks(&stacks));
        }
        Ending::StillOpen | Ending::Interrupted | Ending::Unclosed => {
            out.push(plain(NextStep::Resume, "resume", environment));
        }
        Ending::FencedOff => out.push(plain(NextStep::ShowLock, "lock", environment)),
        Ending::Refused => out.extend(
            story
                .report
                .candidates
                .first()
                .map(|c| roll_back(environment, &c.deployment)),
        ),
        Ending::Cleared
        | Ending::RollbackCleared
        | Ending::RestoreHere
        | Ending::Healthy
        | Ending::RollbackHealthy
        | Ending::Unwatched
        | Ending::AlreadyLive
        | Ending::DryRun
        | Ending::DeployFailed
        | Ending::Cancelled
        | Ending::Superseded
        | Ending::RolledBack
        | Ending::Failed
        | Ending::Unreachable
        | Ending::CheckUnavailable
        | Ending::Invalid => {}
    }
    if story.report.keeper == KeeperSeen::Absent {
        out.push(plain(NextStep::Keep, "keep", environment));
    }
}

/// The next steps that an alert names.
#[must_use]
pub fn for_alert(facts: &Facts) -> Vec<Command> {
    let environment = &facts.environment;
    let stacks: Vec<&str> = facts
        .stacks
        .iter()
        .map(String::as_str)
        .filter(|s| is_stack_name(s))
        .collect();
    let back = || {
        facts
            .previous
            .as_ref()
            .filter(|p| p.deployment != facts.deployment)
            .filter(|_| {
                !matches!(
                    facts.reason,
                    ReasonCode::Irreversible
                        | ReasonCode::NoGoodState
                        | ReasonCode::TargetFailedSameGate
                        | ReasonCode::WouldDestroyData
                )
            })
            .map(|p| roll_back(environment, &p.deployment))
    };
    let mut out = Vec::new();
    match facts.event {
        AlertEvent::Started
        | AlertEvent::Succeeded
        | AlertEvent::RollbackStarted
        | AlertEvent::Forced
        | AlertEvent::Superseded
        | AlertEvent::RollbackCompleted => {}
        AlertEvent::HealthCheckFailed if facts.decision == Some(Decision::Restore) => {}
        AlertEvent::RollbackFailed if facts.reason == ReasonCode::StackRollbackFailed => {
            out.extend(stack_events(&stacks));
            out.extend(continue_stacks(&stacks));
        }
        AlertEvent::Failed if facts.reason == ReasonCode::DeployFailed => {}
        AlertEvent::Failed | AlertEvent::HealthCheckFailed | AlertEvent::RollbackFailed => {
            out.extend(back());
            out.extend(stack_events(&stacks));
        }
        AlertEvent::Inconclusive => {
            out.push(plain(NextStep::VerifyAgain, "verify", environment));
            out.extend(back());
        }
        AlertEvent::Cancelled
            if matches!(
                facts.reason,
                ReasonCode::CancelledLive | ReasonCode::CancelledUnseen
            ) =>
        {
            out.push(plain(NextStep::VerifyAgain, "verify", environment));
            out.extend(back());
        }
        AlertEvent::Cancelled => {}
        AlertEvent::LockTakenOver => {}
        AlertEvent::Stuck => {
            out.extend(
                facts
                    .run_url
                    .as_deref()
                    .and_then(run_of)
                    .map(|(repo, run)| cancel_run(&repo, run)),
            );
            out.push(plain(NextStep::ShowLock, "lock", environment));
        }
    }
    let goes_on = match facts.event {
        AlertEvent::Started | AlertEvent::Succeeded | AlertEvent::RollbackStarted => true,
        AlertEvent::HealthCheckFailed => facts.decision == Some(Decision::Restore),
        AlertEvent::Failed
        | AlertEvent::RollbackCompleted
        | AlertEvent::RollbackFailed
        | AlertEvent::Inconclusive
        | AlertEvent::Cancelled
        | AlertEvent::Superseded
        | AlertEvent::LockTakenOver
        | AlertEvent::Forced
        | AlertEvent::Stuck => false,
    };
    if !goes_on {
        out.push(show(&facts.deployment));
    }
    out
}

/// `deploy-guard show`.
#[must_use]
pub fn show(id: &DeploymentId) -> Command {
    command(NextStep::Show, format!("deploy-guard show {}", word(id)))
}

/// `gh run cancel` for a holder that is a run.
#[must_use]
pub fn cancel(holder: &Holder) -> Option<Command> {
    let repo = holder.repo.as_deref().filter(|r| is_repo(r))?;
    Some(cancel_run(repo, holder.run?))
}

fn cancel_run(repo: &str, run: u64) -> Command {
    command(
        NextStep::CancelHolder,
        format!("gh run cancel {run} --repo {repo}"),
    )
}

fn roll_back(environment: &EnvironmentName, target: &DeploymentId) -> Command {
    command(
        NextStep::RollBack,
        format!("deploy-guard rollback {environment} {}", word(target)),
    )
}

fn plain(step: NextStep, verb: &str, environment: &EnvironmentName) -> Command {
    command(step, format!("deploy-guard {verb} {environment}"))
}

fn stack_events(stacks: &[&str]) -> Vec<Command> {
    stacks
        .iter()
        .map(|s| {
            command(
                NextStep::StackEvents,
                format!("aws cloudformation describe-stack-events --stack-name {s} --max-items 20"),
            )
        })
        .collect()
}

fn continue_stacks(stacks: &[&str]) -> Vec<Command> {
    stacks
        .iter()
        .map(|s| {
            command(
                NextStep::ContinueStack,
                format!("aws cloudformation continue-update-rollback --stack-name {s}"),
            )
        })
        .collect()
}

/// Ids are harmless in a shell but for those that look like an option.
fn word(id: &DeploymentId) -> String {
    if id.as_str().starts_with('-') {
        format!("-- {id}")
    } else {
        id.to_string()
    }
}

/// True for a CloudFormation stack name.
#[must_use]
pub fn is_stack_name(name: &str) -> bool {
    name.len() <= 128
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
}

fn is_repo(text: &str) -> bool {
    let part = |p: &str| {
        !p.is_empty()
            && !p.starts_with('-')
            && p.chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
    };
    text.len() <= 200
        && text
            .split_once('/')
            .is_some_and(|(o, n)| part(o) && part(n))
}

/// Repository and run of a run's page.
fn run_of(url: &str) -> Option<(String, u64)> {
    let (head, tail) = url.split_once("/actions/runs/")?;
    let mut parts = head.rsplit('/');
    let (name, owner) = (parts.next()?, parts.next()?);
    let repo = format!("{owner}/{name}");
    let digits: String = tail.chars().take_while(char::is_ascii_digit).collect();
    is_repo(&repo).then_some(())?;
    Some((repo, digits.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_read_from_its_page() {
        assert_eq!(
            run_of("https://github.com/hanbit/todo/actions/runs/42/attempts/2"),
            Some(("hanbit/todo".to_owned(), 42))
        );
        assert_eq!(run_of("https://github.com/a b/c/actions/runs/42"), None);
        assert_eq!(run_of("https://example.org"), None);
    }
}
