//! After the window: the keeper goes on with the very same test until `bake` ends, one look a sweep, with the counts
//! that were kept beside the record. Knows closed deployments only; holds no lock while it looks.

use std::collections::BTreeMap;

use crate::core::alert::{AlertEvent, Facts};
use crate::core::deployment::{Deployment, State};
use crate::core::gate::OnInconclusive;
use crate::core::id::SessionId;
use crate::core::journal::{Closing, Judgement, replay};
use crate::core::judge::Policy;
use crate::core::lease::{Head, Live};
use crate::core::ledger::expires;
use crate::core::outcome::Told;
use crate::core::record::{Decision, Status, Verdict};
use crate::core::time::Timestamp;
use crate::engine::evidence::Evidence;
use crate::engine::facts::{facts, notice};
use crate::engine::keep::{Kept, KeptWhat, Sweep, chain};
use crate::engine::notify::deliver;
use crate::engine::session::new_key;
use crate::engine::watch::{Watched, look_again};
use crate::engine::{EngineError, Ports, Sayer, Setup, Stop};
use crate::ports::Commit;

/// Its notices have a place of their own in the outbox, after all of the journal's.
const PLACE: u32 = crate::core::journal::ENTRIES + 1;

/// What one look after the window came to.
#[derive(Debug, Clone, PartialEq)]
struct Baked {
    live: Live,
    /// `None` = another version answers.
    verdict: Option<Verdict>,
    told: Vec<Told>,
}

/// Until when the keeper goes on, where a deployment that ended so is watched on at all.
#[must_use]
pub fn until(setup: &Setup, closing: &Closing, at: Timestamp) -> Option<Timestamp> {
    let doubted = match closing.status {
        Status::Success => matches!(
            closing.verdict,
            Some(Verdict::Healthy | Verdict::Inconclusive)
        ),
        // It serves, and nobody has watched it.
        Status::Cancelled => closing.live,
        Status::InProgress
        | Status::Failure
        | Status::RolledBack
        | Status::Superseded
        | Status::RollbackFailed => false,
    };
    (doubted && !setup.gates.is_empty()).then(|| at.plus(setup.gates.bake))
}

/// Goes on with the watch of what serves where nobody holds the lock. That it could not be done ends no sweep.
pub async fn watch_on(
    ports: &Ports,
    setup: &Setup,
    head: &Head,
    session: &SessionId,
    say: &Sayer,
    stop: &mut Stop,
    sweep: &mut Sweep,
) {
    let looked = look(ports, setup, head, session, say, stop).await;
    let (deployment, what) = match (looked, &head.live) {
        (Ok(None), _) | (Err(_), None) => return,
        (Ok(Some(baked)), _) => {
            sweep.told.extend(baked.told);
            (baked.live.deployment, KeptWhat::Baking(baked.verdict))
        }
        (Err(EngineError::Lost { .. } | EngineError::Stale { .. }), Some(live)) => {
            (live.deployment.clone(), KeptWhat::LostRace)
        }
        (Err(error), Some(live)) => (live.deployment.clone(), KeptWhat::Failed(chain(&error))),
    };
    sweep.kept.push(Kept {
        service: setup.service.clone(),
        deployment,
        what,
    });
}

/// One look at what serves, where nobody holds the lock and its bake goes on.
async fn look(
    ports: &Ports,
    setup: &Setup,
    head: &Head,
    session: &SessionId,
    say: &Sayer,
    stop: &mut Stop,
) -> Result<Option<Baked>, EngineError> {
    let now = ports.clock.now();
    let ahead = |live: &&Live| live.bake_until.is_some_and(|until| now < until);
    let Some(live) = head.live.as_ref().filter(ahead) else {
        return Ok(None);
    };
    let Some(stored) = ports.history.deployment(&live.deployment, now).await? else {
        return Ok(None);
    };
    let evidence = Evidence::read(stored.evidence.as_deref());
    let deployment = replay(&stored.entries).map_err(|source| EngineError::Journal {
        deployment: live.deployment.to_string(),
        source,
    })?;
    let (State::Closed(_), Some(last), false) = (
        &deployment.state,
        stored.entries.last(),
        evidence.is_baked(),
    ) else {
        return Ok(None);
    };
    let start = &deployment.start;
    let policy = Policy {
        on_inconclusive: OnInconclusive::Hold,
        automatic: setup.rollback.automatic && !live.irreversible,
        irreversible: live.irreversible,
    };
    let known = evidence.metrics();
    let (watched, memory) =
        look_again(ports, setup, start, policy, known, last.at, say, stop).await;
    let kept = match &memory {
        Some(memory) => evidence.clone().with_metrics(memory),
        None => evidence.clone(),
    };
    let baked = |verdict, told| {
        Some(Baked {
            live: live.clone(),
            verdict,
            told,
        })
    };
    // Whoever has begun to deploy meanwhile is the cause of whatever was seen.
    let heads = ports.history.heads(&setup.environment).await?.heads;
    let same = heads.iter().any(|h| {
        h.service == setup.service
            && h.holder.is_none()
            && h.live.as_ref().map(|l| &l.deployment) == Some(&live.deployment)
    });
    if !same {
        return Ok(None);
    }
    match watched {
        Watched::Stopped(_) => Ok(None),
        // What somebody else has put there is not ours to judge.
        Watched::Superseded => {
            keep(ports, setup, &deployment, kept.baked(), Vec::new()).await?;
            Ok(baked(None, Vec::new()))
        }
        Watched::Judged(judgement) | Watched::Yielded(judgement)
            if judgement.verdict == Verdict::Degraded =>
        {
            let told = bad(ports, setup, &deployment, kept, judgement, session).await?;
            Ok(baked(Some(Verdict::Degraded), told))
        }
        Watched::Judged(judgement) | Watched::Yielded(judgement) => {
            if kept != evidence {
                keep(ports, setup, &deployment, kept, Vec::new()).await?;
            }
            Ok(baked(Some(judgement.verdict), Vec::new()))
        }
    }
}

/// Says once that what serves is bad; the end of the bake is kept in the same write, so that it stays at once.
async fn bad(
    ports: &Ports,
    setup: &Setup,
    deployment: &Deployment,
    evidence: Evidence,
    judgement: Judgement,
    session: &SessionId,
) -> Result<Vec<Told>, EngineError> {
    let facts = bad_facts(deployment, judgement, ports.clock.now());
    let targets = setup.routing.targets(AlertEvent::HealthCheckFailed);
    let notices: Vec<_> = (0..)
        .zip(targets)
        .map(|(index, target)| notice(facts.clone(), target, (PLACE, index), session))
        .collect();
    match keep(ports, setup, deployment, evidence.baked(), notices.clone()).await {
        Ok(()) => Ok(deliver(ports, &setup.environment, session, setup.locale, notices).await),
        // Another keeper has told it.
        Err(EngineError::Stale { .. }) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

fn bad_facts(deployment: &Deployment, judgement: Judgement, at: Timestamp) -> Facts {
    let now = Deployment {
        state: State::Judged(Judgement {
            decision: Decision::Stop,
            ..judgement.clone()
        }),
        judged: Some(judgement),
        ..deployment.clone()
    };
    facts(&now, AlertEvent::HealthCheckFailed, at)
}

/// Keeps evidence and notices of a closed deployment: record and journal stay as they are.
async fn keep(
    ports: &Ports,
    setup: &Setup,
    deployment: &Deployment,
    evidence: Evidence,
    notices: Vec<crate::core::alert::Notice>,
) -> Result<(), EngineError> {
    let start = &deployment.start;
    let commit = Commit {
        key: new_key(ports.clock.as_ref())?,
        environment: setup.environment.clone(),
        service: setup.service.clone(),
        deployment: start.id.clone(),
        head: None,
        record: None,
        entry: None,
        totals: BTreeMap::new(),
        notices,
        evidence: evidence.text(),
        undo: None,
        expires_s: expires(start.at, setup.retention),
    };
    Ok(ports.history.commit(&commit).await?)
}
