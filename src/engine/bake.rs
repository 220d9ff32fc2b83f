//! After the window: the keeper goes on with the very same test until `bake` ends, one look a sweep, with the counts
//! that were kept beside the record, and brings the last good version back where they show that what serves is bad.
//! Holds no lock while it looks.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::core::alert::{AlertEvent, Facts};
use crate::core::deployment::{Deployment, State};
use crate::core::gate::{Finding, OnInconclusive};
use crate::core::id::{DeploymentId, SessionId, Token, hex};
use crate::core::journal::{Closing, Event, Judgement, RunRef, Start, replay};
use crate::core::judge::Policy;
use crate::core::lease::{Head, Holder, Live};
use crate::core::ledger::expires;
use crate::core::outcome::Told;
use crate::core::record::{Decision, DeploymentType, Status, Verdict};
use crate::core::target::{Past, TargetSpec};
use crate::core::time::Timestamp;
use crate::engine::evidence::Evidence;
use crate::engine::facts::{facts, notice};
use crate::engine::keep::{Kept, KeptWhat, Pins, Sweep, chain};
use crate::engine::notify::deliver;
use crate::engine::observe::stacks;
use crate::engine::restore::{could_restore, roll_back};
use crate::engine::session::{CommitOr, Session, new_key, new_session};
use crate::engine::watch::{Watched, look_again};
use crate::engine::{EngineError, Ports, Sayer, Setup, Stop};
use crate::ports::{Commit, CommitError};

/// Its notices have a place of their own in the outbox, after all of the journal's.
const PLACE: u32 = crate::core::journal::ENTRIES + 1;

/// Who begins an automatic rollback after the window, for people.
const KEEPER: &str = "keeper";

/// What one look after the window came to.
#[derive(Debug, Clone, PartialEq)]
struct Baked {
    live: Live,
    what: KeptWhat,
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
#[expect(clippy::too_many_arguments, reason = "one look, made of all of these")]
pub async fn watch_on(
    ports: &Ports,
    setup: &Setup,
    pins: Pins<'_>,
    head: &Head,
    session: &SessionId,
    say: &Sayer,
    stop: &mut Stop,
    sweep: &mut Sweep,
) {
    let looked = look(ports, setup, pins, head, session, say, stop).await;
    let (deployment, what) = match (looked, &head.live) {
        (Ok(None), _) | (Err(_), None) => return,
        (Ok(Some(baked)), _) => {
            sweep.told.extend(baked.told);
            (baked.live.deployment, baked.what)
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
    pins: Pins<'_>,
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
    // It goes on with the test that its window began, whatever the file says by now.
    let setup = &pins(setup, &evidence);
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
    let baked = |what, told| {
        Some(Baked {
            live: live.clone(),
            what,
            told,
        })
    };
    let baking = |verdict, told| baked(KeptWhat::Baking(verdict), told);
    // Whoever has begun to deploy meanwhile is the cause of whatever was seen.
    let heads = ports.history.heads(&setup.environment).await?.heads;
    let same = heads.into_iter().find(|h| {
        h.service == setup.service
            && h.holder.is_none()
            && h.live.as_ref().map(|l| &l.deployment) == Some(&live.deployment)
    });
    let Some(head) = same else {
        return Ok(None);
    };
    match watched {
        Watched::Stopped(_) => Ok(None),
        // What somebody else has put there is not ours to judge.
        Watched::Superseded => {
            keep(ports, setup, &deployment, kept.baked(), Vec::new()).await?;
            Ok(baking(None, Vec::new()))
        }
        Watched::Judged(judgement) | Watched::Yielded(judgement)
            if judgement.verdict == Verdict::Degraded =>
        {
            let found = Found {
                deployment: &deployment,
                evidence: kept,
                judgement,
            };
            let (told, undone) = bad(ports, setup, head, found, session, say, stop).await?;
            let what = undone.unwrap_or(KeptWhat::Baking(Some(Verdict::Degraded)));
            Ok(baked(what, told))
        }
        Watched::Judged(judgement) | Watched::Yielded(judgement) => {
            if kept != evidence {
                keep(ports, setup, &deployment, kept, Vec::new()).await?;
            }
            Ok(baking(Some(judgement.verdict), Vec::new()))
        }
    }
}

/// What a look has found bad.
struct Found<'a> {
    deployment: &'a Deployment,
    evidence: Evidence,
    judgement: Judgement,
}

/// Says once that what serves is bad, and brings the last good version back where that can be done. Where it cannot, a
/// person is told what to do, and the end of the bake is kept in the same write.
async fn bad(
    ports: &Ports,
    setup: &Setup,
    head: Head,
    found: Found<'_>,
    session: &SessionId,
    say: &Sayer,
    stop: &mut Stop,
) -> Result<(Vec<Told>, Option<KeptWhat>), EngineError> {
    let Found {
        deployment,
        evidence,
        judgement,
    } = found;
    let target = way_back(ports, setup, &head, deployment, &judgement).await?;
    let decision = match target {
        Some(_) => Decision::Restore,
        None => Decision::Stop,
    };
    let facts = bad_facts(deployment, &judgement, decision, ports.clock.now());
    let targets = setup.routing.targets(AlertEvent::HealthCheckFailed);
    let notices: Vec<_> = (0..)
        .zip(targets)
        .map(|(index, target)| notice(facts.clone(), target, (PLACE, index), session))
        .collect();
    let kept = match target {
        // Its rollback's end ends the bake: a keeper that dies before it has begun leaves that to the next one.
        Some(_) => evidence,
        None => evidence.baked(),
    };
    let mut told = match keep(ports, setup, deployment, kept.clone(), notices.clone()).await {
        Ok(()) => deliver(ports, &setup.environment, session, setup.locale, notices).await,
        // It was told before.
        Err(EngineError::Stale { .. }) if target.is_some() => Vec::new(),
        Err(EngineError::Stale { .. }) => {
            keep(ports, setup, deployment, kept, Vec::new()).await?;
            Vec::new()
        }
        Err(error) => return Err(error),
    };
    let Some(target) = target else {
        return Ok((told, None));
    };
    let note = crate::i18n::reason::because(judgement.reason, None, setup.locale);
    let mut rollback = begin(ports, setup, head, deployment, target, note).await?;
    let done = roll_back(&mut rollback, say, stop).await;
    let notices = std::mem::take(&mut rollback.notices);
    told.append(&mut rollback.told);
    let me = rollback.id().clone();
    told.extend(deliver(ports, &setup.environment, &me, setup.locale, notices).await);
    done?;
    let status = match &rollback.deployment.state {
        State::Closed(closing) => closing.status,
        State::Deploying
        | State::JobEnded { .. }
        | State::Watching { .. }
        | State::Judged(_)
        | State::Restoring(_) => Status::InProgress,
    };
    let by = rollback.deployment.start.id.clone();
    Ok((told, Some(KeptWhat::RolledBack { by, status })))
}

/// The good version that can be brought back without a person, if there is one.
async fn way_back(
    ports: &Ports,
    setup: &Setup,
    head: &Head,
    deployment: &Deployment,
    judgement: &Judgement,
) -> Result<Option<Live>, EngineError> {
    let start = &deployment.start;
    let same_gate =
        |f: &Finding| f.verdict == Verdict::Degraded && start.failing_before.contains(&f.gate);
    let allowed = setup.rollback.automatic
        && start.locked
        && !start.irreversible
        // What the keeper brought back is not undone by the keeper.
        && !start.automatic
        && !judgement.findings.iter().any(same_gate);
    if !allowed {
        return Ok(None);
    }
    let past = Past {
        environment: &setup.environment,
        service: &setup.service,
        head,
        records: &[],
        named: None,
        oldest: ports.clock.now().minus(setup.retention),
        in_flux: false,
    };
    let Ok(target) = past.resolve(&TargetSpec::LastSuccess, false) else {
        return Ok(None);
    };
    let can = could_restore(ports, setup, deployment, &target).await?;
    Ok(can.then_some(target))
}

/// Takes the lock for a rollback of what serves; whoever else does is left alone.
async fn begin(
    ports: &Ports,
    setup: &Setup,
    head: Head,
    deployment: &Deployment,
    target: Live,
    note: String,
) -> Result<Session, EngineError> {
    let live = head.live.clone();
    let mut at = ports.clock.now();
    if let Some(live) = &live {
        at = at.max(live.at.plus(Duration::from_millis(1)));
    }
    let succeeded = matches!(&deployment.state, State::Closed(c) if c.status == Status::Success);
    let kind = DeploymentType::Rollback;
    let stacks = stacks(ports, &setup.stacks).await;
    let token = Token::new(hex(ports.clock.random()))?;
    for clash in 1..20 {
        let id = DeploymentId::generate(kind, at, target.git_ref.as_ref(), clash);
        let start = Start {
            id: id.clone(),
            at,
            environment: setup.environment.clone(),
            service: setup.service.clone(),
            kind,
            git_ref: target.git_ref.clone(),
            previous: live.clone(),
            good: Some(target.clone()),
            actor: Some(KEEPER.to_owned()),
            note: Some(note.clone()),
            run: RunRef::default(),
            force: false,
            irreversible: false,
            target: Some(target.clone()),
            undoes: live.clone().filter(|_| succeeded),
            stacks: stacks
                .iter()
                .filter_map(|s| s.as_ref().ok().map(|s| s.seen.clone()))
                .collect(),
            failing_before: Vec::new(),
            versions_before: Vec::new(),
            alarms_before: Vec::new(),
            locked: true,
            unguarded: false,
            heir_of: None,
            automatic: true,
            changes: Vec::new(),
            changes_left_out: 0,
        };
        let holder = Holder {
            token: token.clone(),
            deployment: id,
            at,
            repo: None,
            run: None,
            attempt: None,
            job_id: None,
            job: None,
            hosted: false,
            actor: Some(KEEPER.to_owned()),
            run_url: None,
        };
        let session = new_session(ports.clock.as_ref())?;
        let seen = Some(head.fence);
        let allowed = vec![Event::Allowed];
        let started = Session::start(
            ports,
            setup,
            session,
            head.clone(),
            seen,
            holder,
            start,
            allowed,
            None,
        );
        match started.await {
            Err(CommitOr::Commit(CommitError::IdTaken)) => {}
            other => return other.map_err(CommitOr::into_engine),
        }
    }
    Err(EngineError::Stale {
        detail: "every deployment id of this second is taken".to_owned(),
    })
}

fn bad_facts(
    deployment: &Deployment,
    judgement: &Judgement,
    decision: Decision,
    at: Timestamp,
) -> Facts {
    let judgement = Judgement {
        decision,
        ..judgement.clone()
    };
    let now = Deployment {
        state: State::Judged(judgement.clone()),
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
