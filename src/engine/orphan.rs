//! A lock that names a deployment of which nothing is open (any more): frees the head alone, for there is no record to
//! close. Knows nobody's job.

use std::collections::BTreeMap;

use crate::core::deployment::State;
use crate::core::journal::replay;
use crate::core::lease::{Head, HeadMode, Holder, LEASE};
use crate::core::ledger::expires;
use crate::engine::session::{new_key, new_session};
use crate::engine::{EngineError, Ports, Setup};
use crate::ports::{Commit, HeadWrite, StoreError, Stored};

/// The record of the deployment that a lock names; `None` where it is gone (deleted, expired) or closed already.
pub async fn open_record(ports: &Ports, holder: &Holder) -> Result<Option<Stored>, EngineError> {
    let unreadable = |why: String| EngineError::Unreadable {
        deployment: holder.deployment.clone(),
        why,
    };
    let now = ports.clock.now();
    let stored = match ports.history.deployment(&holder.deployment, now).await {
        Err(StoreError::Malformed { detail }) => return Err(unreadable(detail)),
        answer => answer?,
    };
    let Some(stored) = stored else {
        return Ok(None);
    };
    let deployment = replay(&stored.entries).map_err(|e| unreadable(e.to_string()))?;
    Ok(match deployment.state {
        State::Closed(_) => None,
        State::Deploying
        | State::JobEnded { .. }
        | State::Watching { .. }
        | State::Judged(_)
        | State::Restoring(_) => Some(stored),
    })
}

/// Frees the lock on the same conditions as ever: the token is that of the holder, and nobody was faster. What is
/// live stays as the head says, for nothing tells what became of it.
pub async fn free(
    ports: &Ports,
    setup: &Setup,
    head: &Head,
    holder: &Holder,
) -> Result<(), EngineError> {
    let session = new_session(ports.clock.as_ref())?;
    let now = ports.clock.now();
    let adopt = HeadWrite::Adopt {
        token: holder.token.clone(),
        seen: head.fence,
        session: session.clone(),
        holder: Box::new(holder.clone()),
        mode: HeadMode::Deploying,
        lease_until: now.plus(LEASE),
    };
    let release = HeadWrite::Release {
        fence: head.fence.next(),
        session,
        pointers: None,
        totals_since: now.day(),
    };
    for write in [adopt, release] {
        let commit = Commit {
            key: new_key(ports.clock.as_ref())?,
            environment: setup.environment.clone(),
            service: setup.service.clone(),
            deployment: holder.deployment.clone(),
            head: Some(write),
            record: None,
            entry: None,
            totals: BTreeMap::new(),
            notices: Vec::new(),
            evidence: None,
            undo: None,
            expires_s: expires(holder.at, setup.retention),
        };
        ports.history.commit(&commit).await?;
    }
    Ok(())
}
