//! The main stage: checks, lock, record, `deploy_needed`. Knows the order in which a killed stage leaves the least
//! behind: state before the lock, outputs before alerts.

use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::join3;

use crate::core::journal::{Event, StoppedBy};
use crate::core::lease::Holder;
use crate::core::outcome::{Exit, Outcome, Report};
use crate::core::reason::ReasonCode;
use crate::core::record::Decision;
use crate::engine::guard::{Extra, Guarded, NotStarted, guard};
use crate::engine::notify::{deliver, deliver_with_owed};
use crate::engine::restore::{Foreseen, RollsBack, foresee, plan_rollback};
use crate::engine::saving::{Beside, beside};
use crate::engine::session::Session;
use crate::engine::showing::{self, Found, show};
use crate::engine::{EngineError, Stop, stopped};
use crate::i18n::trouble::Trouble;
use crate::surface::action::finish::{By, finish, not_saved, not_shown};
use crate::surface::action::nothing;
use crate::surface::action::pinned::Pinned;
use crate::surface::action::stage::{Connected, Ended, Stage};

/// State values longer than this would not fit beside the others; the record has them too.
const STATE_LIMIT: usize = 60 * 1024;

/// The whole stage. Where it ended before anything was announced, post has nothing to finish.
pub async fn run(stage: &mut Stage<'_>, stop: &mut Stop) -> Result<Exit, Ended> {
    let announced = AtomicBool::new(false);
    let result = check_and_start(stage, stop, &announced).await;
    if result.is_err() && !announced.load(Ordering::Relaxed) {
        stage.write_nothing_to_finish()?;
    }
    result
}

async fn check_and_start(
    stage: &mut Stage<'_>,
    stop: &mut Stop,
    announced: &AtomicBool,
) -> Result<Exit, Ended> {
    let connected = tokio::select! {
        opened = stage.open(None) => opened?,
        by = stopped(stop) => return Err(stage.failed(&EngineError::Stopped(by))),
    };
    let request = stage.request();
    let evidence = evidence(&connected.pinned);
    let announce = |holder: &Holder| {
        announced.store(true, Ordering::Relaxed);
        announce(stage, holder, &connected.pinned)
    };
    let say = stage.sayer();
    // GitHub's own deployment of this job is looked up beside the checks, so that nobody waits for it.
    let found = (!request.dry_run)
        .then(|| {
            showing::find(
                &connected.ports,
                &connected.chosen.setup,
                &request.run,
                None,
            )
        })
        .flatten();
    // On the heap: what goes on here is a large value.
    let guarding = Box::pin(guard(
        &connected.ports,
        &connected.chosen.setup,
        &request,
        evidence,
        &announce,
        &say,
        stop,
    ));
    let (found, guarded) = beside(found, guarding).await;
    match guarded {
        Err(error) => Err(stage.failed(&error)),
        Ok(Guarded::Not(not, extra)) => not_started(stage, &connected, &not, extra),
        Ok(Guarded::Superseded(session, extra)) => {
            superseded(stage, &connected, *session, extra).await
        }
        Ok(Guarded::Started(session, extra)) => {
            started(stage, &connected, *session, extra, found, stop).await
        }
    }
}

/// What is kept beside the record: the configuration that all stages of the job go by.
#[must_use]
pub fn evidence(pinned: &Pinned) -> Option<String> {
    serde_json::to_string(&serde_json::json!({ "config": pinned })).ok()
}

/// The configuration that a record was started with.
#[must_use]
pub fn pinned_of(evidence: Option<&str>) -> Option<Pinned> {
    let value: serde_json::Value = serde_json::from_str(evidence?).ok()?;
    serde_json::from_value(value.get("config")?.clone()).ok()
}

/// Tells the post stage what is about to be taken, before it is.
fn announce(stage: &Stage<'_>, holder: &Holder, pinned: &Pinned) -> Result<(), EngineError> {
    let mut pairs = vec![("deployment", holder.deployment.to_string())];
    match serde_json::to_string(pinned) {
        Ok(text) if text.len() <= STATE_LIMIT => pairs.push(("pinned", text)),
        Ok(_) | Err(_) => tracing::debug!(
            code = "DG411",
            "the configuration is too large for the state"
        ),
    }
    stage
        .write_state(&pairs)
        .map_err(|ended| EngineError::Announce(ended.problems.join("; ")))
}

async fn started(
    stage: &mut Stage<'_>,
    connected: &Connected,
    mut session: Session,
    extra: Extra,
    found: Option<Beside<Found>>,
    stop: &mut Stop,
) -> Result<Exit, Ended> {
    if session.deployment.is_rollback() && stop.borrow().is_none() {
        match plan_rollback(&mut session).await {
            Ok(RollsBack::Here | RollsBack::Closed) => {
                return finish(stage, connected, session, By::Main, Vec::new(), found, stop).await;
            }
            Ok(RollsBack::ByTheJob(_)) => {}
            Err(error) => return Err(stage.failed(&error)),
        }
    }
    // Its verify step can; where there is none, post finds nobody to hand anything to.
    session.hands_over = true;
    let report = |stage: &Stage<'_>, session: &Session, told, stopped_by: Option<StoppedBy>| {
        let report = stage.report_of(
            connected,
            session.deployment.clone(),
            session.entries.clone(),
            told,
        );
        let outcome = match stopped_by {
            Some(by) => Outcome {
                decision: Decision::Stop,
                reason: ReasonCode::Interrupted,
                deploy_needed: false,
                exit: Exit::of_stop(by),
                ..report.outcome.clone()
            },
            None => report.outcome.clone(),
        };
        Report {
            keeper: extra.keeper,
            outcome,
            ..report
        }
    };
    // The job's own steps wait for this; alerts come after it.
    let stopped_at_once = *stop.borrow();
    let first = report(stage, &session, Vec::new(), stopped_at_once);
    if let Err(unwritten) = stage.write_outputs(&first) {
        // No later step would know that it may deploy; post closes what is open.
        return Ok(stage.conclude_unwritten(first, unwritten));
    }
    let notices = std::mem::take(&mut session.notices);
    let setup = &connected.chosen.setup;
    let id = session.id().clone();
    let telling = deliver_with_owed(
        &connected.ports,
        &setup.environment,
        &id,
        setup.locale,
        notices,
    );
    let (deployment, outcome) = (
        session.deployment.clone(),
        report(stage, &session, Vec::new(), None).outcome,
    );
    let showing = async {
        match found {
            Some(found) => {
                let found = found.finish().await;
                show(&connected.ports, setup, &deployment, found, &outcome, true).await
            }
            None => Ok(()),
        }
    };
    let promised = stage.redeploys();
    // What ran before is stored before this stage ends: until then the job's own steps do not begin.
    let ((told, owed), foreseen, shown, stopped_by) = tokio::select! {
        biased;
        by = stopped(stop) => ((Vec::new(), Vec::new()), Foreseen::default(), Ok(()), Some(by)),
        (told, foreseen, shown) = join3(telling, foresee(&mut session, promised), showing) => (told, foreseen, shown, None),
    };
    stage.tell_owed(&owed);
    if let Some(by) = stopped_by {
        // What the outputs say must hold even if the store does not answer.
        stage.write_outputs(&report(stage, &session, Vec::new(), stopped_by))?;
        note_stop(&mut session, by).await;
    }
    let mut notes = connected.chosen.unaddressed(stage.locale);
    notes.extend(not_saved(&session, stage.locale));
    notes.extend(not_shown(shown, stage.locale));
    let Foreseen { none, skipped } = foreseen;
    if !none.is_empty() {
        notes.push(Trouble::NoRestore { why: none }.text(stage.locale));
    }
    if !skipped.is_empty() {
        notes.push(Trouble::Skipped { why: skipped }.text(stage.locale));
    }
    let report = Report {
        notes,
        ..report(stage, &session, told, stopped_by)
    };
    stage.tell(&report);
    Ok(report.outcome.exit)
}

/// The record says that a stop was asked for; post closes it. If this cannot be written, the job's status says it.
async fn note_stop(session: &mut Session, by: StoppedBy) {
    if let Err(error) = session.append(vec![Event::CancelAsked { by }]).await {
        tracing::warn!(code = "DG412", error = %error, "the stop could not be recorded");
    }
}

/// On record and closed: told, and nothing is left to post.
async fn superseded(
    stage: &mut Stage<'_>,
    connected: &Connected,
    mut session: Session,
    extra: Extra,
) -> Result<Exit, Ended> {
    stage.write_nothing_to_finish()?;
    let notices = std::mem::take(&mut session.notices);
    let setup = &connected.chosen.setup;
    let (ports, id) = (&connected.ports, session.id().clone());
    let told = deliver(ports, &setup.environment, &id, setup.locale, notices).await;
    let report = Report {
        keeper: extra.keeper,
        ..stage.report_of(connected, session.deployment, session.entries, told)
    };
    Ok(stage.conclude(report))
}

fn not_started(
    stage: &mut Stage<'_>,
    connected: &Connected,
    not: &NotStarted,
    extra: Extra,
) -> Result<Exit, Ended> {
    stage.write_nothing_to_finish()?;
    let outcome = outcome(not);
    nothing::tell_later_steps(stage, &connected.chosen.setup, not)?;
    let report = Report {
        checks: extra.checks,
        holder: extra.holder,
        candidates: extra.candidates,
        target: extra.target,
        keeper: extra.keeper,
        ..stage.report(Some(&connected.chosen), outcome)
    };
    Ok(stage.conclude(report))
}

/// How a stage ends that started nothing.
#[must_use]
pub fn outcome(not: &NotStarted) -> Outcome {
    let (decision, reason, exit) = match not {
        NotStarted::Refused(reason) => (Decision::Stop, *reason, Exit::Refused),
        NotStarted::WouldBeRefused(reason) => (Decision::Stop, *reason, Exit::Fine),
        NotStarted::Unavailable(reason) => (Decision::Stop, *reason, Exit::Unreachable),
        NotStarted::AlreadyLive => (Decision::Continue, ReasonCode::AlreadyLive, Exit::Fine),
        NotStarted::DryRun => (Decision::Continue, ReasonCode::DryRun, Exit::Fine),
    };
    Outcome {
        status: None,
        verdict: None,
        decision,
        reason,
        deploy_needed: false,
        rolled_back: false,
        exit,
    }
}
