//! Follows the run that a restore has dispatched, and that borrows the lock meanwhile, to its end. Knows runs, not
//! what they do.

use std::time::Duration;

use futures_util::future::LocalBoxFuture;

use crate::core::journal::{Adopter, Event, StoppedBy};
use crate::core::lease::LEASE;
use crate::core::observation::{Kind, Why};
use crate::core::restore::PlannedStep;
use crate::core::time::Timestamp;
use crate::engine::keep::take_over;
use crate::engine::session::Session;
use crate::engine::{EngineError, Sayer, Stop, stopped};
use crate::ports::{MoveError, Mover, Restore, StepState};

/// Pauses between two looks: quick at first, then as GitHub's limits of requests allow.
const PACES: [(Duration, Duration); 2] = [
    (Duration::from_secs(20), Duration::from_secs(2)),
    (Duration::MAX, Duration::from_secs(10)),
];

/// Where no workflow is configured any more.
const LONGEST: Duration = Duration::from_secs(30 * 60);

/// A run that was asked to end does so within this: GitHub stops what is left five minutes after a cancel.
const ENDS: Duration = Duration::from_secs(7 * 60);

/// A run that waits this long for another one of its `concurrency` group may be waiting for the very job that waits
/// for it.
const PENDING: Duration = Duration::from_secs(60);

/// How the run ended, or why it is not waited for any longer.
type Ended = Result<(), Why>;

/// Waits for the run's end and for the lock, and records how it went. Boxed, for closing the run's deployment in its
/// place goes through the driver again.
pub fn follow<'a>(
    session: &'a mut Session,
    mover: &'a dyn Mover,
    step: &'a PlannedStep,
    say: &'a Sayer,
    stop: &'a mut Stop,
) -> LocalBoxFuture<'a, Result<Option<StoppedBy>, EngineError>> {
    Box::pin(async move {
        let Some(ended) = run_ends(session, mover, step, stop).await? else {
            return Ok(*stop.borrow());
        };
        if !lock_is_back(session, &ended, say, stop).await? {
            return Ok(*stop.borrow());
        }
        let key = step.key.clone();
        let event = match ended {
            Ok(()) => Event::StepDone { key },
            Err(why) => Event::StepFailed {
                key,
                why,
                reason: None,
            },
        };
        session.append(vec![event]).await?;
        Ok(None)
    })
}

/// `None` = this process was stopped.
async fn run_ends(
    session: &mut Session,
    mover: &dyn Mover,
    step: &PlannedStep,
    stop: &mut Stop,
) -> Result<Option<Ended>, EngineError> {
    let ports = session.ports().clone();
    let workflow = session.setup().rollback.workflow.clone();
    let longest = workflow.map_or(LONGEST, |w| w.timeout);
    let ordered = ordered(session, step);
    let mut seen_lock = ports.clock.monotonic();
    let mut halted: Option<Duration> = None;
    let (mut pending, mut blocked): (Option<Duration>, Option<Why>) = (None, None);
    loop {
        match session.look_after_lock().await {
            Ok(()) => seen_lock = ports.clock.monotonic(),
            Err(EngineError::Store(error)) if ports.clock.monotonic() < seen_lock + LEASE => {
                tracing::warn!(code = "DG223", %error, "the lock could not be looked after yet");
            }
            Err(error) => return Err(error),
        }
        let deployment = session.deployment.clone();
        let Some(target) = deployment.target() else {
            return Ok(Some(Err(Why::new(
                Kind::NotFound,
                "no version to bring back",
            ))));
        };
        let restore = Restore {
            deployment: &deployment,
            target,
            state: None,
            ordered,
        };
        let looked = tokio::select! {
            biased;
            _ = stopped(stop) => return Ok(None),
            looked = mover.look(&restore, step) => looked,
        };
        let why = match looked {
            Ok(StepState::Done) => return Ok(Some(Ok(()))),
            Ok(StepState::Failed(why)) => return Ok(Some(Err(blocked.unwrap_or(why)))),
            Ok(StepState::Pending) => {
                pending = pending.or(Some(ports.clock.monotonic()));
                Why::new(
                    Kind::Timeout,
                    "the run waits for another run of its `concurrency` group",
                )
            }
            Ok(StepState::Running | StepState::NotDone | StepState::Dispatched(_)) => {
                pending = None;
                Why::new(Kind::Timeout, "the run has not ended in time")
            }
            // GitHub does not answer: the run goes on all the same.
            Err(MoveError::Failed(why)) => why,
            Err(MoveError::WouldDestroyData(_)) => {
                Why::new(Kind::Provider, "the run cannot be followed")
            }
        };
        let now = ports.clock.monotonic();
        let long = ordered.map_or(Duration::ZERO, |at| ports.clock.now().since(at));
        let held_up = pending.is_some_and(|since| now > since + PENDING);
        match halted {
            None if long > longest || held_up => {
                blocked = held_up.then(|| why.clone());
                if let Err(error) = mover.halt(&restore, step).await {
                    tracing::warn!(code = "DG224", %error, "the run could not be asked to end");
                }
                halted = Some(now);
            }
            Some(at) if now > at + ENDS => return Ok(Some(Err(why))),
            Some(_) | None => {}
        }
        let pace = PACES.iter().find(|(until, _)| long < *until);
        let pace = pace.map_or(Duration::from_secs(10), |(_, pace)| *pace);
        tokio::select! {
            biased;
            _ = stopped(stop) => return Ok(None),
            () = ports.clock.sleep(pace) => {}
        }
    }
}

/// When the step was ordered.
pub fn ordered(session: &Session, step: &PlannedStep) -> Option<Timestamp> {
    let orders = |event: &Event| matches!(event, Event::StepStarted { key } if *key == step.key);
    let entry = session
        .entries
        .iter()
        .rev()
        .find(|e| e.events.iter().any(orders));
    entry.map(|e| e.at)
}

/// The run has ended; where it did not give the lock back, its deployment is closed in its place. False = this
/// process was stopped.
async fn lock_is_back(
    session: &mut Session,
    ended: &Ended,
    say: &Sayer,
    stop: &mut Stop,
) -> Result<bool, EngineError> {
    let ports = session.ports().clone();
    let began = ports.clock.monotonic();
    loop {
        match session.look_after_lock().await {
            Ok(()) if !session.is_lent() => return Ok(true),
            Ok(()) => {}
            Err(EngineError::Store(error)) if ports.clock.monotonic() < began + LEASE => {
                tracing::warn!(code = "DG223", %error, "the lock could not be looked after yet");
            }
            Err(error) => return Err(error),
        }
        if session.is_lent() {
            let conclusion = if ended.is_ok() { "success" } else { "failure" };
            let (setup, head) = (session.setup().clone(), session.head.clone());
            let by = Adopter::Lender;
            match take_over(&ports, &setup, head, Some(conclusion), by, say, stop).await {
                // Closed; still settling; or it gives signs of life after all: the next look shows it.
                Ok(_) | Err(EngineError::Lost { .. } | EngineError::Stale { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        if ports.clock.monotonic() > began + ENDS {
            let head = Some(Box::new(session.head.clone()));
            return Err(EngineError::Lost { head });
        }
        tokio::select! {
            biased;
            _ = stopped(stop) => return Ok(false),
            () = ports.clock.sleep(Duration::from_secs(2)) => {}
        }
    }
}
