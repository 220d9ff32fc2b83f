//! Finds the deployment of this very job: by state, by the lock, by run and job. Knows no verdict.

use futures_util::future::join;

use crate::core::id::DeploymentId;
use crate::core::lease::{Head, Holder};
use crate::core::record::{Status, StoredWord};
use crate::engine::{EngineError, Ports, Setup};
use crate::ports::{ListQuery, Stored};
use crate::surface::action::inputs::Inputs;
use crate::surface::action::stage::{holds, is_of_job};

/// What was found.
pub enum Own {
    /// Nothing: it never started.
    None,
    /// Closed already.
    Closed(Box<Stored>),
    /// Open, and the lock is this job's (or it never held one).
    Open(Box<Stored>, Box<Head>),
    /// The lock is this job's, and there is no record of the deployment that it names.
    NoRecord(Box<Head>, Box<Holder>),
    /// Open, but the lock is in other hands.
    Lost(Box<Stored>),
}

/// Finds it. `known`: the id that an earlier stage has handed over.
pub async fn find(
    ports: &Ports,
    setup: &Setup,
    inputs: &Inputs,
    known: Option<&DeploymentId>,
) -> Result<Own, EngineError> {
    let now = ports.clock.now();
    let (heads, stored) = join(ports.history.heads(&setup.environment), async {
        match known {
            Some(id) => ports.history.deployment(id, now).await,
            None => Ok(None),
        }
    })
    .await;
    let head = heads?
        .heads
        .into_iter()
        .find(|h| h.service == setup.service)
        .unwrap_or_else(|| Head::absent(setup.environment.clone(), setup.service.clone()));
    let stored = match (stored?, known, &head.holder) {
        (Some(stored), _, _) => Some(stored),
        (None, Some(_), _) => None,
        (None, None, Some(holder)) if holds(holder, inputs) => {
            ports.history.deployment(&holder.deployment, now).await?
        }
        (None, None, _) => by_run(ports, setup, inputs).await?,
    };
    let Some(stored) = stored else {
        return Ok(match head.holder.clone().filter(|h| holds(h, inputs)) {
            Some(holder) => Own::NoRecord(Box::new(head), Box::new(holder)),
            None => Own::None,
        });
    };
    if stored.record.status != StoredWord::Known(Status::InProgress) {
        return Ok(Own::Closed(Box::new(stored)));
    }
    let ours = head
        .holder
        .as_ref()
        .is_some_and(|h| h.deployment == stored.record.id && holds(h, inputs));
    // A run that this job has dispatched has it, and gives it back.
    let lent = head
        .lender
        .as_ref()
        .is_some_and(|h| h.deployment == stored.record.id && holds(h, inputs));
    let unlocked = crate::core::journal::replay(&stored.entries).is_ok_and(|d| !d.start.locked);
    Ok(if ours || lent || unlocked {
        Own::Open(Box::new(stored), Box::new(head))
    } else {
        Own::Lost(Box::new(stored))
    })
}

/// The newest record of this run, attempt and job.
async fn by_run(
    ports: &Ports,
    setup: &Setup,
    inputs: &Inputs,
) -> Result<Option<Stored>, EngineError> {
    let now = ports.clock.now();
    let query = ListQuery::newest(&setup.environment, &setup.service, 20, now);
    for record in ports.history.list(&query).await?.records {
        let same_run = record
            .guard
            .as_ref()
            .is_some_and(|g| g.run_url.is_some() && g.run_url == inputs.run.url);
        if !same_run {
            continue;
        }
        if let Some(stored) = ports.history.deployment(&record.id, now).await?
            && is_of_job(&stored, inputs)
        {
            return Ok(Some(stored));
        }
    }
    Ok(None)
}
