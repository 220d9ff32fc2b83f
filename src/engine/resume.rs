//! The one driver: does what is owed, event by event, until nothing is. Start, then resume; a killed process's
//! successor calls the same. Knows what an effect is, not where it is seen.

use std::time::Duration;

use futures_util::future::join;

use crate::core::deployment::{Deployment, Effect, State, after_job};
use crate::core::gate::OnInconclusive;
use crate::core::journal::{
    Adopter, Event, JobStatus, Judgement, LiveChange, StoppedBy, last_adopter,
};
use crate::core::judge::Policy;
use crate::core::record::{Decision, Status, Verdict};
use crate::engine::observe::{live_change, of_version};
use crate::engine::saving::{self, Beside, Kept};
use crate::engine::session::Session;
use crate::engine::watch::{Watched, one_look_until, watch, watch_unrecorded};
use crate::engine::{EngineError, Ports, Say, Sayer, Setup, Stop};
use crate::engine::{redeploy, restore};

/// What runs now, being saved.
type Saving = Beside<Kept>;

/// How a driver goes about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct How {
    /// What GitHub says of the job's own steps.
    pub job: JobStatus,
    /// One look instead of a watch: the keeper's way.
    pub quick: bool,
    /// Somebody finishes when this one is stopped: a later stage of the same job, or the next keeper.
    pub leaves_to_post: bool,
}

/// How far the driver came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drove {
    /// The deployment is closed.
    Closed,
    /// The stack is still changing: the lock is kept and the keeper closes.
    KeptOpen,
    /// The job's own steps deploy the last good commit again; a later verify step goes on.
    LeftToJob,
    /// Stopped; a later stage finishes.
    LeftToPost(StoppedBy),
}

/// Does what is owed until nothing is.
pub async fn drive(
    session: &mut Session,
    how: How,
    say: &Sayer,
    stop: &mut Stop,
) -> Result<Drove, EngineError> {
    // Somebody stopped a stage before this one: whatever the job is called, nobody finished its work.
    let stopped_before = session.deployment.stop.is_some();
    let job = if stopped_before {
        JobStatus::Cancelled
    } else {
        how.job
    };
    let how = How { job, ..how };
    loop {
        if how.job == JobStatus::Cancelled && stops_now(&session.deployment) {
            let closing = session.deployment.closing_of_stop();
            session
                .close(
                    vec![Event::CancelAsked {
                        by: StoppedBy::JobCancelled,
                    }],
                    closing,
                )
                .await?;
            return Ok(Drove::Closed);
        }
        let owed = session.deployment.owed();
        if session.is_full() && owed != Effect::Nothing {
            let closing = match owed {
                Effect::Close(closing) => closing,
                _ => session.deployment.closing_of_release(),
            };
            session.close(Vec::new(), closing).await?;
            return Ok(Drove::Closed);
        }
        let restores = matches!(
            owed,
            Effect::PlanRestore
                | Effect::PlanRollback
                | Effect::Order(_)
                | Effect::Act(_)
                | Effect::VerifyRestore(_)
        );
        let asked = *stop.borrow();
        if let (true, Some(by)) = (restores, asked) {
            return leave(session, by).await;
        }
        match owed {
            Effect::AwaitJob => job_ended(session, how).await?,
            Effect::Settle => {
                let (job, _) = session
                    .deployment
                    .job
                    .unwrap_or((how.job, LiveChange::Unknown));
                let before = session.deployment.state.clone();
                job_ended(session, How { job, ..how }).await?;
                if session.deployment.state == before {
                    say(Say::Settling);
                    return Ok(Drove::KeptOpen);
                }
            }
            Effect::Watch { one_look } => {
                start_watch(session, Vec::new(), one_look || how.quick).await?
            }
            Effect::Observe => {
                if how.quick
                    && !matches!(
                        session.deployment.state,
                        State::Watching { one_look: true, .. }
                    )
                {
                    start_watch(session, Vec::new(), true).await?;
                }
                let (saving, watched) = watch_and_save(session, say, stop).await?;
                if let Some(by) = watched_end(session, watched, saving, how).await? {
                    return Ok(Drove::LeftToPost(by));
                }
            }
            Effect::PlanRestore => restore::plan(session).await?,
            Effect::PlanRollback => restore::plan_alone(session).await?,
            Effect::Order(key) => restore::order(session, key).await?,
            Effect::Act(key) if session.deployment.is_handed_over() => {
                if redeploy::hand_over(session, &key, how.job).await? {
                    return Ok(Drove::LeftToJob);
                }
            }
            Effect::Act(key) => {
                if let Some(by) = restore::act(session, &key, say, stop).await? {
                    return leave(session, by).await;
                }
            }
            Effect::VerifyRestore(strategy) => {
                if let Some(by) = restore::verify(session, strategy, say, stop).await? {
                    return leave(session, by).await;
                }
            }
            Effect::Close(closing) => session.close(Vec::new(), closing).await?,
            Effect::Nothing => return Ok(Drove::Closed),
        }
    }
}

/// A restore is finished, not abandoned: the journal stands, and whoever comes next goes on.
async fn leave(session: &mut Session, by: StoppedBy) -> Result<Drove, EngineError> {
    note_stop(session, by).await?;
    Ok(Drove::LeftToPost(by))
}

/// A stage of the job was stopped, and with it the deployment. A successor of a dead job was only stopped itself.
async fn note_stop(session: &mut Session, by: StoppedBy) -> Result<(), EngineError> {
    // The lock is in the hands of the run that it has dispatched: nothing can be written now.
    if session.is_lent() {
        return Ok(());
    }
    if last_adopter(&session.entries).is_some_and(Adopter::is_successor) {
        return Ok(());
    }
    session.append(vec![Event::CancelAsked { by }]).await
}

/// A cancelled job's deployment ends here, but for what is being restored or has been judged.
fn stops_now(deployment: &Deployment) -> bool {
    match &deployment.state {
        State::Watching { .. } => true,
        State::JobEnded { job, .. } => *job == JobStatus::Success,
        State::Deploying | State::Judged(_) | State::Restoring(_) | State::Closed(_) => false,
    }
}

/// What became of the job's own steps, and at once what follows from it: one write.
async fn job_ended(session: &mut Session, how: How) -> Result<(), EngineError> {
    let setup = session.setup().clone();
    let ports = session.ports().clone();
    let (live, stacks) = live_change(
        &ports,
        &setup.gates,
        &setup.stacks,
        &session.deployment.start,
    )
    .await;
    let before = session.deployment.state.clone();
    let job = how.job;
    let unseen = matches!(live, LiveChange::Unchanged | LiveChange::Unknown);
    let live = match live {
        _ if job != JobStatus::Success && unseen && aliases_moved(session).await => {
            LiveChange::Changed
        }
        // Stopped in main, so the job's own steps were never told to deploy.
        LiveChange::Unknown if before == State::Deploying && session.deployment.stop.is_some() => {
            LiveChange::Unchanged
        }
        _ => live,
    };
    if before == (State::JobEnded { job, live }) {
        return Ok(());
    }
    let ended = Event::JobEnded { job, live, stacks };
    match after_job(job, live) {
        Effect::Watch { one_look } => {
            start_watch(session, vec![ended], one_look || how.quick).await
        }
        Effect::Close(closing) => session.close(vec![ended], closing).await,
        Effect::Settle
        | Effect::AwaitJob
        | Effect::Observe
        | Effect::PlanRestore
        | Effect::PlanRollback
        | Effect::Order(_)
        | Effect::Act(_)
        | Effect::VerifyRestore(_)
        | Effect::Nothing => session.append(vec![ended]).await,
    }
}

/// Stacks may stand as before while an alias serves another version: what was saved before tells.
async fn aliases_moved(session: &Session) -> bool {
    let (ports, scope) = (session.ports(), saving::scope(session.setup()));
    let Some(name) = session
        .deployment
        .saved_before
        .as_ref()
        .filter(|_| !scope.is_empty())
    else {
        return false;
    };
    let (then, now) = join(
        ports.history.state(name, ports.clock.now()),
        ports.saver.capture(&scope),
    )
    .await;
    match (then, now) {
        (Ok(Some(then)), Ok(now)) => then.functions.iter().any(|function| {
            function.aliases.iter().any(|alias| {
                now.alias(&function.name, &alias.name)
                    .is_some_and(|now| now.version != alias.version || now.weights != alias.weights)
            })
        }),
        (Ok(None), _) => false,
        (Err(error), _) => {
            tracing::warn!(code = "DG242", %error, "what was saved before cannot be read");
            false
        }
        (_, Err(error)) => {
            tracing::warn!(code = "DG243", %error, "what runs now cannot be compared with before");
            false
        }
    }
}

async fn start_watch(
    session: &mut Session,
    mut events: Vec<Event>,
    one_look: bool,
) -> Result<(), EngineError> {
    let since = session.ports().clock.now();
    let until = if one_look {
        one_look_until(since)
    } else if session.deployment.is_heir() {
        // It is watched again by who has dispatched it.
        since.plus(session.setup().rollback.verify)
    } else {
        since.plus(
            session
                .setup()
                .gates
                .window_of(session.deployment.start.kind),
        )
    };
    events.push(Event::WatchStarted {
        since,
        until,
        one_look,
    });
    session.append(events).await
}

/// Saves what runs while it is watched, so that a healthy end need not wait for it.
async fn watch_and_save(
    session: &mut Session,
    say: &Sayer,
    stop: &mut Stop,
) -> Result<(Option<Saving>, Watched), EngineError> {
    let deployed = session.deployment.job.map(|(job, _)| job) == Some(JobStatus::Success);
    let saving = deployed.then(|| restore::save_after(session)).flatten();
    let watching = watch(session, say, stop);
    Ok(match saving {
        Some(saving) => {
            let (saving, watched) = saving.beside(watching).await;
            (Some(saving), watched?)
        }
        None => (None, watching.await?),
    })
}

async fn watched_end(
    session: &mut Session,
    watched: Watched,
    saving: Option<Saving>,
    how: How,
) -> Result<Option<StoppedBy>, EngineError> {
    match watched {
        Watched::Judged(judgement) if judgement.decision == Decision::Restore => {
            session.unsaved = Some(judgement.clone());
            restore::judged_bad(session, judgement).await?;
            session.unsaved = None;
        }
        Watched::Judged(judgement) | Watched::Yielded(judgement) => {
            let closing = session.deployment.closing_of(&judgement);
            session.unsaved = Some(judgement.clone());
            let healthy =
                closing.status == Status::Success && closing.verdict == Some(Verdict::Healthy);
            let mut events = Vec::new();
            if healthy {
                events.extend(restore::saved(session, saving).await);
            }
            events.push(Event::Judged(judgement));
            session.close(events, closing).await?;
            session.unsaved = None;
        }
        Watched::Superseded => {
            let closing = session.deployment.closing_of_overtaken();
            session.close(Vec::new(), closing).await?;
        }
        Watched::Stopped(by) if how.leaves_to_post => {
            note_stop(session, by).await?;
            return Ok(Some(by));
        }
        Watched::Stopped(by) => {
            let closing = session.deployment.closing_of_stop();
            session
                .close(vec![Event::CancelAsked { by }], closing)
                .await?;
        }
    }
    Ok(None)
}

/// Judges the gates of an environment as it is, without lock and record: one look, or a watch of `window`.
pub async fn judge_now(
    ports: &Ports,
    setup: &Setup,
    window: Option<Duration>,
    say: &Sayer,
    stop: &mut Stop,
) -> Result<Judgement, EngineError> {
    let heads = ports.history.heads(&setup.environment).await?;
    let head = heads.heads.into_iter().find(|h| h.service == setup.service);
    let live = head.and_then(|h| h.live).and_then(|l| l.git_ref);
    let setup = Setup {
        gates: of_version(&setup.gates, live.as_ref()),
        ..setup.clone()
    };
    let policy = Policy {
        on_inconclusive: OnInconclusive::Hold,
        automatic: false,
        irreversible: false,
    };
    match watch_unrecorded(ports, &setup, policy, window, say, stop).await? {
        Watched::Judged(judgement) | Watched::Yielded(judgement) => Ok(judgement),
        Watched::Superseded => Err(EngineError::Stale {
            detail: "another version answers".to_owned(),
        }),
        Watched::Stopped(by) => Err(EngineError::Stopped(by)),
    }
}
