//! The keeper: one sweep over an environment closes what was abandoned, resumes what was begun and sends what is
//! owed. Knows whose job is over by asking GitHub, never by a lapsed lease alone.

use std::collections::BTreeMap;

use futures_util::future::join;

use crate::core::alert::AlertEvent;
use crate::core::deployment::{Deployment, Effect};
use crate::core::id::{DeploymentId, ServiceName, SessionId, Token, hex};
use crate::core::journal::{Adopter, Entry, Event, JobStatus, LiveChange, last_adopter, replay};
use crate::core::lease::{Head, Holder, JobState, KeeperBeat, LEASE, Owner, STUCK_AFTER, owner};
use crate::core::ledger::expires;
use crate::core::outcome::{Exit, Outcome, Told};
use crate::core::record::{Status, Verdict};
use crate::core::time::Timestamp;
use crate::engine::bake;
use crate::engine::evidence::Evidence;
use crate::engine::facts::{facts, notice};
use crate::engine::notify::{deliver, deliver_owed};
use crate::engine::observe::live_change;
use crate::engine::orphan::{free, open_record};
use crate::engine::resume::{Drove, How, drive};
use crate::engine::session::{CommitOr, Session, new_key, new_session};
use crate::engine::showing::{find, show};
use crate::engine::{EngineError, Ports, Say, Sayer, Setup, Stop};
use crate::ports::{Commit, CommitError, ListQuery, StoreError, Stored};

/// What a sweep did about one lock.
#[derive(Debug, Clone, PartialEq)]
pub struct Kept {
    /// Service.
    pub service: ServiceName,
    /// The deployment that held it.
    pub deployment: DeploymentId,
    /// What was found or done.
    pub what: KeptWhat,
}

/// What was found or done about a lock.
#[derive(Debug, Clone, PartialEq)]
pub enum KeptWhat {
    /// Its job is under way; for how many seconds it has held the lock.
    Alive {
        /// Seconds since its start.
        seconds: u64,
        /// Longer than a lock should be held.
        stuck: bool,
    },
    /// Its job is over, but the stack is still changing.
    Settling,
    /// Closed.
    Closed(Status),
    /// Nothing of it was open: the lock alone was freed.
    Freed,
    /// Its record cannot be read, so its lock stays; why, from outside.
    Unreadable(String),
    /// Its window is over and it was looked at again; `None` = another version answers.
    Baking(Option<Verdict>),
    /// Its window is over, it was found bad, and this rollback ended so.
    RolledBack {
        /// The rollback.
        by: DeploymentId,
        /// How it ended; in progress where this keeper was stopped.
        status: Status,
    },
    /// Somebody else was faster.
    LostRace,
    /// It could not be closed; from outside.
    Failed(String),
}

/// What a sweep did.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Sweep {
    /// One line a held lock.
    pub kept: Vec<Kept>,
    /// Owed notices that were tried.
    pub told: Vec<Told>,
}

/// The settings that a deployment was started with, from what is kept beside its record; else those at hand.
pub type Pins<'a> = &'a (dyn Fn(&Setup, &Evidence) -> Setup + Sync);

/// One sweep.
pub async fn sweep(
    ports: &Ports,
    setup: &Setup,
    pins: Pins<'_>,
    version: &str,
    say: &Sayer,
    stop: &mut Stop,
) -> Result<Sweep, EngineError> {
    let heads = ports.history.heads(&setup.environment).await?;
    let session = new_session(ports.clock.as_ref())?;
    let mut sweep = Sweep::default();
    let mut unreachable = None;
    for head in heads.heads.clone() {
        let setup = Setup {
            service: head.service.clone(),
            ..setup.clone()
        };
        let Some(holder) = head.holder.clone() else {
            bake::watch_on(ports, &setup, pins, &head, &session, say, stop, &mut sweep).await;
            continue;
        };
        let what = match keep_one(ports, &setup, pins, head, &holder, say, stop).await {
            Ok(what) => what,
            Err(EngineError::Lost { .. } | EngineError::Stale { .. }) => KeptWhat::LostRace,
            Err(EngineError::Unreadable { why, .. }) => KeptWhat::Unreadable(why),
            Err(EngineError::Store(
                error @ (StoreError::Unreachable { .. } | StoreError::Credentials { .. }),
            )) => {
                let what = KeptWhat::Failed(chain(&error));
                unreachable = Some(error);
                what
            }
            Err(error) => KeptWhat::Failed(chain(&error)),
        };
        let closed = matches!(what, KeptWhat::Closed(_) | KeptWhat::Freed);
        if !closed && ports.clock.now().since(holder.at) > STUCK_AFTER {
            match tell_stuck(ports, &setup, &holder, &session).await {
                Ok(told) => sweep.told.extend(told),
                Err(error) => {
                    tracing::warn!(code = "DG321", error = %error, "a stuck lock could not be told");
                }
            }
        }
        sweep.kept.push(Kept {
            service: setup.service.clone(),
            deployment: holder.deployment.clone(),
            what,
        });
        if stop.borrow().is_some() {
            break;
        }
    }
    if stop.borrow().is_none() && unreachable.is_none() {
        let unlocked = keep_unlocked(ports, setup, pins, &heads.heads, say, stop).await?;
        sweep.kept.extend(unlocked);
    }
    if let Some(error) = unreachable {
        return Err(error.into());
    }
    let owed = deliver_owed(ports, &setup.environment, &session, setup.locale).await?;
    sweep.told.extend(owed);
    let beat = KeeperBeat {
        at: ports.clock.now(),
        version: version.to_owned(),
    };
    ports.history.beat(&setup.environment, &beat).await?;
    Ok(sweep)
}

/// A lock that is held too long is told about once: the notice's key does not depend on who tells or when.
async fn tell_stuck(
    ports: &Ports,
    setup: &Setup,
    holder: &Holder,
    session: &SessionId,
) -> Result<Vec<Told>, EngineError> {
    let targets = setup.routing.targets(AlertEvent::Stuck);
    let now = ports.clock.now();
    let stored = ports.history.deployment(&holder.deployment, now).await?;
    let Some(deployment) = stored.and_then(|s| replay(&s.entries).ok()) else {
        return Ok(Vec::new());
    };
    if targets.is_empty() {
        return Ok(Vec::new());
    }
    let facts = facts(&deployment, AlertEvent::Stuck, now);
    let notices: Vec<_> = targets
        .into_iter()
        .map(|target| notice(facts.clone(), target, (0, 0), session))
        .collect();
    let commit = Commit {
        key: new_key(ports.clock.as_ref())?,
        environment: setup.environment.clone(),
        service: setup.service.clone(),
        deployment: holder.deployment.clone(),
        head: None,
        record: None,
        entry: None,
        totals: BTreeMap::new(),
        notices: notices.clone(),
        evidence: None,
        undo: None,
        expires_s: expires(deployment.start.at, setup.retention),
    };
    match ports.history.commit(&commit).await {
        Ok(()) => Ok(deliver(ports, &setup.environment, session, setup.locale, notices).await),
        // It is there already.
        Err(CommitError::Stale { .. }) => Ok(Vec::new()),
        Err(error) => Err(error.into()),
    }
}

/// Deployments of any service that never held the lock, and whose job is over: no head names them.
async fn keep_unlocked(
    ports: &Ports,
    setup: &Setup,
    pins: Pins<'_>,
    heads: &[Head],
    say: &Sayer,
    stop: &mut Stop,
) -> Result<Vec<Kept>, EngineError> {
    let now = ports.clock.now();
    let mut query = ListQuery {
        status: Some(Status::InProgress.as_str().to_owned()),
        service: None,
        ..ListQuery::newest(&setup.environment, &setup.service, 100, now)
    };
    let mut open = Vec::new();
    loop {
        let page = ports.history.list(&query).await?;
        // Those of the predecessor hold nothing and are nobody's to close.
        open.extend(page.records.into_iter().filter(|r| r.guard.is_some()));
        match page.cursor {
            Some(cursor) => query.cursor = Some(cursor),
            None => break,
        }
    }
    let held = |id: &DeploymentId| {
        heads
            .iter()
            .filter_map(|h| h.holder.as_ref())
            .any(|h| h.deployment == *id)
    };
    let mut kept = Vec::new();
    for record in open {
        if stop.borrow().is_some() {
            break;
        }
        if held(&record.id) {
            continue;
        }
        let Some(stored) = ports.history.deployment(&record.id, now).await? else {
            continue;
        };
        let deployment = match replay(&stored.entries) {
            Ok(deployment) => deployment,
            Err(error) => {
                let id = record.id;
                tracing::warn!(code = "DG323", deployment = %id, %error, "an open record without a lock cannot be read and stays open");
                continue;
            }
        };
        let start = &deployment.start;
        if start.locked {
            continue;
        }
        let holder = Holder {
            token: Token::new(hex(ports.clock.random()))?,
            deployment: start.id.clone(),
            at: start.at,
            repo: start.run.repo.clone(),
            run: start.run.run,
            attempt: start.run.attempt,
            job_id: start.run.job_id,
            job: start.run.job.clone(),
            hosted: true,
            actor: start.actor.clone(),
            run_url: start.run.url.clone(),
        };
        let conclusion = match owner(&holder, &job_state(ports, &holder).await, now) {
            Owner::Gone { conclusion } => conclusion,
            Owner::Alive => continue,
        };
        let service = start.service.clone();
        let head = heads
            .iter()
            .find(|h| h.service == service)
            .cloned()
            .unwrap_or_else(|| Head::absent(setup.environment.clone(), service.clone()));
        let setup = Setup {
            service: service.clone(),
            ..setup.clone()
        };
        let setup = pins(&setup, &Evidence::read(stored.evidence.as_deref()));
        let adopted = Session::adopt(
            ports,
            &setup,
            stored,
            head,
            Adopter::Keeper,
            holder,
            Vec::new(),
        )
        .await;
        let how = quick(conclusion.as_deref());
        let what = match adopted.map_err(CommitOr::into_engine) {
            Ok(session) => match finish(session, how, say, stop).await {
                Ok(Some((status, _))) => KeptWhat::Closed(status),
                Ok(None) => KeptWhat::Settling,
                Err(EngineError::Lost { .. } | EngineError::Stale { .. }) => KeptWhat::LostRace,
                Err(error) => KeptWhat::Failed(chain(&error)),
            },
            Err(EngineError::Lost { .. } | EngineError::Stale { .. }) => KeptWhat::LostRace,
            Err(error) => KeptWhat::Failed(chain(&error)),
        };
        kept.push(Kept {
            service,
            deployment: record.id,
            what,
        });
    }
    Ok(kept)
}

/// An error with what caused it, for one line.
#[must_use]
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        let words = inner.to_string();
        if !text.contains(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        source = inner.source();
    }
    text
}

async fn keep_one(
    ports: &Ports,
    setup: &Setup,
    pins: Pins<'_>,
    head: Head,
    holder: &Holder,
    say: &Sayer,
    stop: &mut Stop,
) -> Result<KeptWhat, EngineError> {
    let now = ports.clock.now();
    match owner_of(ports, setup, &head, holder).await? {
        Owner::Alive => {
            let age = now.since(holder.at);
            Ok(KeptWhat::Alive {
                seconds: age.as_secs(),
                stuck: age > STUCK_AFTER,
            })
        }
        Owner::Gone { conclusion } => {
            let evidence = open_record(ports, holder).await?.and_then(|s| s.evidence);
            let setup = pins(setup, &Evidence::read(evidence.as_deref()));
            match take_over(
                ports,
                &setup,
                head,
                conclusion.as_deref(),
                Adopter::Keeper,
                say,
                stop,
            )
            .await?
            {
                Taken::Closed { status, .. } => Ok(KeptWhat::Closed(status)),
                Taken::Open => Ok(KeptWhat::Settling),
                Taken::Freed => Ok(KeptWhat::Freed),
            }
        }
    }
}

/// Whether a lock's owner is gone: GitHub's word for jobs; for the command line, no sign of life for a whole lease
/// by our own clock.
pub async fn owner_of(
    ports: &Ports,
    setup: &Setup,
    head: &Head,
    holder: &Holder,
) -> Result<Owner, EngineError> {
    if holder.run.is_none() {
        if head
            .lease_until
            .is_some_and(|until| until > ports.clock.now())
        {
            return Ok(Owner::Alive);
        }
        ports.clock.sleep(LEASE).await;
        let again = ports.history.heads(&setup.environment).await?;
        let same = again
            .heads
            .iter()
            .find(|h| h.service == setup.service)
            .is_some_and(|h| {
                h.beat == head.beat && h.holder.as_ref().map(|h| &h.token) == Some(&holder.token)
            });
        return Ok(if same {
            Owner::Gone { conclusion: None }
        } else {
            Owner::Alive
        });
    }
    let job = job_state(ports, holder).await;
    Ok(owner(holder, &job, ports.clock.now()))
}

/// What GitHub says of a holder's job; where it cannot be asked, it does not say.
pub async fn job_state(ports: &Ports, holder: &Holder) -> JobState {
    match ports.forge.as_ref().filter(|_| holder.run.is_some()) {
        None => JobState::Unknown,
        Some(forge) => forge.job(holder).await.unwrap_or_else(|error| {
            tracing::warn!(code = "DG120", error = %error, "the lock's owner could not be looked up and counts as alive");
            JobState::Unknown
        }),
    }
}

/// GitHub's conclusion as what it says of the job's own steps; none known counts as cancelled.
#[must_use]
pub fn job_of(conclusion: Option<&str>) -> JobStatus {
    match conclusion {
        Some("success") => JobStatus::Success,
        Some("failure" | "timed_out" | "startup_failure") => JobStatus::Failure,
        Some(_) | None => JobStatus::Cancelled,
    }
}

/// What became of an abandoned deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// Closed.
    Closed {
        /// How.
        status: Status,
        /// What that means for whoever closed it.
        exit: Exit,
    },
    /// The stack is still changing, or this process was stopped: it stays open.
    Open,
    /// Nothing of it was open: the lock alone was freed.
    Freed,
}

/// Takes an abandoned deployment over and does what is owed, with one look instead of a watch.
pub async fn take_over(
    ports: &Ports,
    setup: &Setup,
    head: Head,
    conclusion: Option<&str>,
    by: Adopter,
    say: &Sayer,
    stop: &mut Stop,
) -> Result<Taken, EngineError> {
    take_over_with(ports, setup, head, by, quick(conclusion), say, stop).await
}

/// One look; and where this process is stopped, the next one goes on.
fn quick(conclusion: Option<&str>) -> How {
    How {
        job: job_of(conclusion),
        quick: true,
        leaves_to_post: true,
    }
}

/// As [`take_over`], in the given way.
pub async fn take_over_with(
    ports: &Ports,
    setup: &Setup,
    head: Head,
    by: Adopter,
    how: How,
    say: &Sayer,
    stop: &mut Stop,
) -> Result<Taken, EngineError> {
    let Some(holder) = head.holder.clone() else {
        return Ok(Taken::Freed);
    };
    let Some(stored) = open_record(ports, &holder).await? else {
        free(ports, setup, &head, &holder).await?;
        say(Say::Freed {
            deployment: holder.deployment,
        });
        return Ok(Taken::Freed);
    };
    if let Ok(deployment) = replay(&stored.entries) {
        // An entry a minute would fill the journal of a deployment whose stack takes its time.
        if deployment.owed() == Effect::Settle {
            let (gates, stacks) = (&setup.gates, &setup.stacks);
            let (live, _) = live_change(ports, gates, stacks, &deployment.start).await;
            if live == LiveChange::InProgress {
                return Ok(Taken::Open);
            }
        }
        if is_in_work(&stored.entries, &head, ports.clock.now()) {
            return Err(EngineError::Stale {
                detail: format!("another process is at work on {}", holder.deployment),
            });
        }
    }
    let session = adopt_abandoned(ports, setup, stored, head, holder, by, Vec::new()).await?;
    Ok(match finish(session, how, say, stop).await? {
        Some((status, exit)) => Taken::Closed { status, exit },
        None => Taken::Open,
    })
}

/// Drives an adopted deployment and tells, also where it could not be driven to its end.
async fn finish(
    mut session: Session,
    how: How,
    say: &Sayer,
    stop: &mut Stop,
) -> Result<Option<(Status, Exit)>, EngineError> {
    let drove = drive(&mut session, how, say, stop).await;
    let notices = std::mem::take(&mut session.notices);
    let (ports, setup) = (session.ports(), session.setup());
    let telling = deliver(
        ports,
        &setup.environment,
        session.id(),
        setup.locale,
        notices,
    );
    let showing = async {
        if matches!(drove, Ok(Drove::Closed)) {
            show_closed(ports, setup, &session.deployment).await;
        }
    };
    join(telling, showing).await;
    Ok(match drove? {
        Drove::KeptOpen | Drove::LeftToJob | Drove::LeftToPost(_) => None,
        Drove::Closed => closed(&session, say),
    })
}

/// GitHub's pages show the end too, where they showed the beginning; a keeper may lack the permission.
async fn show_closed(ports: &Ports, setup: &Setup, deployment: &Deployment) {
    let start = &deployment.start;
    let Some(found) = find(ports, setup, &start.run, Some(start)) else {
        return;
    };
    let found = found.finish().await;
    let outcome = Outcome::of(deployment, setup.passes_inconclusive());
    if let Err(why) = show(ports, setup, deployment, found, &outcome, false).await {
        tracing::warn!(code = "DG322", %why, "GitHub's page does not show how the deployment ended");
    }
}

/// True where a successor of the dead job gives signs of life: two keepers must not take a restore out of each
/// other's hands for ever. A sign of life that lies further ahead than any is given for comes from a wrong clock.
fn is_in_work(entries: &[Entry], head: &Head, now: Timestamp) -> bool {
    let successor = last_adopter(entries).is_some_and(Adopter::is_successor);
    let fresh = |until: Timestamp| now < until && until <= now.plus(LEASE);
    successor && head.lease_until.is_some_and(fresh)
}

fn closed(session: &Session, say: &Sayer) -> Option<(Status, Exit)> {
    let crate::core::deployment::State::Closed(closing) = &session.deployment.state else {
        return None;
    };
    say(Say::ClosedAbandoned {
        deployment: session.deployment.start.id.clone(),
        status: closing.status,
    });
    let passes = session.setup().passes_inconclusive();
    let exit = Outcome::of(&session.deployment, passes).exit;
    Some((closing.status, exit))
}

/// Goes on with the deployment that a head's holder left, under a token of our own.
pub async fn adopt_abandoned(
    ports: &Ports,
    setup: &Setup,
    stored: Stored,
    head: Head,
    holder: Holder,
    by: Adopter,
    events: Vec<Event>,
) -> Result<Session, EngineError> {
    let token = Token::new(hex(ports.clock.random()))?;
    let holder = Holder { token, ..holder };
    Session::adopt(ports, setup, stored, head, by, holder, events)
        .await
        .map_err(CommitOr::into_engine)
}
