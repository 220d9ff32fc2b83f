//! What a message about a deployment says, and the notice that carries it. Knows no store and no channel.

use crate::core::alert::{AlertEvent, CLAIM, Facts, Notice, NoticeState, OWED_FOR, Target};
use crate::core::changes;
use crate::core::deployment::{Deployment, State};
use crate::core::id::SessionId;
use crate::core::policy::{CheckLine, CheckResult};
use crate::core::reason::ReasonCode;
use crate::core::record::{DeploymentType, Verdict};
use crate::core::time::Timestamp;

/// So many commits stand in a message.
const CHANGES: usize = 5;

/// A notice that this session is about to send; `place` is its entry's number and its own place there.
#[must_use]
pub fn notice(facts: Facts, target: Target, place: (u32, u32), session: &SessionId) -> Notice {
    Notice {
        deployment: facts.deployment.clone(),
        environment: facts.environment.clone(),
        n: place.0,
        index: place.1,
        channel: target.channel,
        mention: target.mention,
        // At most once: counts as sent from now on, whatever becomes of this process.
        state: if facts.event.at_least_once() {
            NoticeState::Sending
        } else {
            NoticeState::Sent
        },
        claimed_by: Some(session.clone()),
        claimed_until: facts.at.plus(CLAIM),
        give_up_at: facts.at.plus(OWED_FOR),
        repeated: false,
        facts,
    }
}

/// What a message about `event` says.
#[must_use]
pub fn facts(deployment: &Deployment, event: AlertEvent, at: Timestamp) -> Facts {
    let start = &deployment.start;
    let closing = match &deployment.state {
        State::Closed(closing) => Some(closing),
        State::Deploying
        | State::JobEnded { .. }
        | State::Watching { .. }
        | State::Judged(_)
        | State::Restoring(_) => None,
    };
    let judged = deployment.judged.as_ref();
    let mut findings: Vec<_> = judged.map_or_else(Vec::new, |j| j.findings.clone());
    findings.sort_by_key(|f| match f.verdict {
        Verdict::Degraded => 0,
        Verdict::Inconclusive => 1,
        Verdict::Skipped => 2,
        Verdict::Healthy => 3,
    });
    findings.truncate(10);
    let told = &start.changes[..start.changes.len().min(CHANGES)];
    let checks = |wanted: fn(&CheckLine) -> bool| {
        let lines = deployment.checks.iter();
        lines.filter(|l| wanted(l)).map(|l| l.check).collect()
    };
    Facts {
        event,
        deployment: start.id.clone(),
        kind: start.kind,
        environment: start.environment.clone(),
        service: start.service.clone(),
        git_ref: start.git_ref.clone(),
        actor: start.actor.clone(),
        run_url: start.run.url.clone(),
        at,
        started: start.at,
        verdict: closing
            .and_then(|c| c.verdict)
            .or(judged.map(|j| j.verdict)),
        reason: closing
            .map(|c| c.reason)
            .or(judged.map(|j| j.reason))
            .unwrap_or(ReasonCode::Allowed),
        decision: closing.map(|c| c.decision).or(judged.map(|j| j.decision)),
        note: start.note.clone(),
        findings,
        previous: (deployment.target().cloned()).or_else(|| start.previous.clone()),
        detail: match event {
            AlertEvent::LockTakenOver => deployment.took_over.as_ref().map(ToString::to_string),
            AlertEvent::Forced
            | AlertEvent::Started
            | AlertEvent::Succeeded
            | AlertEvent::Failed
            | AlertEvent::HealthCheckFailed
            | AlertEvent::RollbackStarted
            | AlertEvent::RollbackCompleted
            | AlertEvent::RollbackFailed
            | AlertEvent::Inconclusive
            | AlertEvent::Cancelled
            | AlertEvent::Superseded
            | AlertEvent::Stuck => closing.and_then(|c| c.error.clone()),
        },
        overridden: checks(|l| l.overridden),
        // What a rollback skips says nothing: it goes back to what was good.
        skipped: match start.kind {
            DeploymentType::Hotfix => checks(|l| l.result == CheckResult::Skipped),
            DeploymentType::Deploy | DeploymentType::Rollback => Vec::new(),
        },
        changes: told.iter().map(|line| changes::short(line)).collect(),
        changes_left_out: start.changes.len() - told.len() + start.changes_left_out,
        compare_url: changes::compare_page(start),
        stacks: start.stacks.iter().map(|s| s.name.clone()).collect(),
        took_ms: u64::try_from(at.since(start.at).as_millis()).unwrap_or(u64::MAX),
    }
}
