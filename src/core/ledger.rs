//! What a deployment's state means for the items beside its journal: record, live pointers, totals. All of it
//! follows from the deployment; nothing here is remembered.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::core::changes;
use crate::core::deployment::{Deployment, State};
use crate::core::id::ServiceName;
use crate::core::journal::{Closing, Start};
use crate::core::lease::{Head, Live};
use crate::core::record::{DeploymentType, GuardFields, Record, Status, StoredWord, Verdict};
use crate::core::stats::Delta;
use crate::core::time::{Day, Timestamp};

/// Most lines of `changes` that a record keeps.
const CHANGES: usize = 10;

/// The record as it must stand at `now`; `rev` is the journal's number at this write.
#[must_use]
pub fn record(deployment: &Deployment, now: Timestamp, retention: Duration) -> Record {
    let start = &deployment.start;
    let closing = match &deployment.state {
        State::Closed(closing) => Some(closing),
        State::Deploying
        | State::JobEnded { .. }
        | State::Watching { .. }
        | State::Judged(_)
        | State::Restoring(_) => None,
    };
    let took = now.since(start.at);
    Record {
        id: start.id.clone(),
        at: start.at,
        environment: start.environment.clone(),
        status: StoredWord::Known(closing.map_or(Status::InProgress, |c| c.status)),
        kind: StoredWord::Known(start.kind),
        version: None,
        commit: start.git_ref.as_ref().map(|c| c.as_str().to_owned()),
        deployed_by: start.actor.clone(),
        duration_s: closing.map(|_| took.as_secs()),
        changes: changes_of(start),
        error: closing.and_then(error_of),
        rollback_target: start.target.as_ref().map(|t| t.deployment.to_string()),
        details: "{}".to_owned(),
        expires_s: Some(expires(start.at, retention)),
        guard: Some(GuardFields {
            service: start.service.clone(),
            phase: deployment.state.name().to_owned(),
            rev: u64::from(deployment.n),
            verdict: closing
                .and_then(|c| c.verdict)
                .or(deployment.judged.as_ref().map(|j| j.verdict)),
            reason_code: closing.map(|c| c.reason),
            git_ref: start.git_ref.clone(),
            previous_ref: start.previous.as_ref().and_then(|p| p.git_ref.clone()),
            previous_deployment: start.previous.as_ref().map(|p| p.deployment.clone()),
            state_id: deployment.saved_after.clone(),
            irreversible: start.irreversible,
            run_url: start.run.url.clone(),
            duration_ms: closing.map(|_| u64::try_from(took.as_millis()).unwrap_or(u64::MAX)),
        }),
    }
}

/// As people read them; what stands on GitHub's page only is counted in the last line.
fn changes_of(start: &Start) -> Vec<String> {
    let lines = start.changes.iter().take(CHANGES);
    let mut kept: Vec<String> = lines.map(|line| changes::short(line)).collect();
    let more = start.changes.len() + start.changes_left_out - kept.len();
    if more > 0 {
        let page = changes::compare_page(start).unwrap_or_default();
        kept.push(format!("+{more} {page}").trim_end().to_owned());
    }
    kept
}

fn error_of(closing: &Closing) -> Option<String> {
    let bad = match closing.status {
        Status::Failure | Status::RollbackFailed | Status::RolledBack => true,
        Status::InProgress | Status::Success | Status::Cancelled | Status::Superseded => false,
    };
    bad.then(|| {
        closing
            .error
            .clone()
            .unwrap_or_else(|| closing.reason.as_str().to_owned())
    })
}

/// Epoch seconds at which a record of `at` may go.
#[must_use]
pub fn expires(at: Timestamp, retention: Duration) -> i64 {
    at.plus(retention).seconds()
}

/// This deployment as a live pointer.
#[must_use]
pub fn live(deployment: &Deployment) -> Live {
    Live {
        deployment: deployment.start.id.clone(),
        at: deployment.start.at,
        git_ref: deployment.start.git_ref.clone(),
        state_id: deployment.saved_after.clone(),
        bake_until: None,
        irreversible: deployment.start.irreversible,
        unwell: false,
    }
}

/// Where the pointers of a head stand after a close: `live`, `previous`, newest good state, good ones.
#[must_use]
pub fn pointers(head: &Head, deployment: &Deployment, closing: &Closing) -> Pointers {
    let mut to = Pointers {
        live: head.live.clone(),
        previous: head.previous.clone(),
        good_state: head.good_state.clone(),
        good: head.good.clone(),
    };
    if closing.status == Status::RolledBack
        && let Some(good) = &deployment.start.good
        && to.live.as_ref().map(|l| &l.deployment) != Some(&good.deployment)
    {
        // What served before was not the good version that was brought back.
        to.previous = to.live.take();
        to.live = Some(good.clone());
    }
    if deployment.start.automatic && closing.status != Status::Success {
        // What serves is not restored twice without a person.
        if let Some(live) = &mut to.live {
            live.bake_until = None;
        }
    }
    if deployment.start.irreversible && deployment.may_have_served() {
        // What was good before it is no way back: it knows nothing of the data as they are now.
        to.good.retain(|g| g.at > deployment.start.at);
        to.good_state = to.good_state.filter(|g| g.at > deployment.start.at);
    }
    if !closing.live {
        if deployment.may_have_served()
            && closing.status != Status::RolledBack
            && let Some(live) = &mut to.live
        {
            // Nobody saw what serves now, so the same commit may be deployed again.
            live.unwell = true;
        }
        return to;
    }
    let me = Live {
        unwell: closing.status != Status::Success,
        ..live(deployment)
    };
    if to.live.as_ref().map(|l| &l.deployment) != Some(&me.deployment) {
        to.previous = to.live.take();
    }
    if deployment.start.kind == DeploymentType::Rollback && closing.status == Status::Success {
        // What was undone is no target any more.
        if let Some(undone) = &to.previous {
            to.good.retain(|g| g.deployment != undone.deployment);
        }
    }
    to.live = Some(me.clone());
    if closing.status == Status::Success && closing.verdict == Some(Verdict::Healthy) {
        to.good.retain(|g| g.deployment != me.deployment);
        to.good.insert(0, me.clone());
        to.good.truncate(Head::GOOD);
        to.good_state = Some(me);
    }
    to
}

/// Where `live`, `previous` and the good versions of a head point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pointers {
    /// What serves.
    pub live: Option<Live>,
    /// What served before.
    pub previous: Option<Live>,
    /// Newest verified.
    pub good_state: Option<Live>,
    /// Good ones, newest first.
    pub good: Vec<Live>,
}

/// What the close adds to the daily totals; the undone deployment's day included, merged where it is the same.
#[must_use]
pub fn totals(
    deployment: &Deployment,
    closing: &Closing,
    now: Timestamp,
    undone: Option<&Live>,
) -> BTreeMap<(ServiceName, Day), Delta> {
    let start = &deployment.start;
    let mut totals = BTreeMap::new();
    let own = Delta::of(
        closing.status,
        start.kind,
        closing.reason,
        now.since(start.at).as_secs(),
    );
    if !own.is_empty() {
        totals.insert((start.service.clone(), start.at.day()), own);
    }
    if let Some(undone) = undone {
        totals
            .entry((start.service.clone(), undone.at.day()))
            .or_insert_with(Delta::default)
            .merge(&Delta::undone());
    }
    totals
}
