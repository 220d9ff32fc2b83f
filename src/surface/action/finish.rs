//! The post stage and `phase: verify`: goes on with this job's deployment until nothing is owed, and tells. Knows
//! what a later stage can still do.

use futures_util::future::join3;

use crate::core::alert::AlertEvent;
use crate::core::deployment::{Deployment, State};
use crate::core::id::DeploymentId;
use crate::core::journal::{Adopter, JobStatus, replay};
use crate::core::lease::{Head, Holder};
use crate::core::outcome::{Exit, Report, Told};
use crate::core::reason::ReasonCode;
use crate::core::record::{DeploymentType, Verdict};
use crate::engine::changes::look_up_pulls;
use crate::engine::facts::facts;
use crate::engine::guard::{NotStarted, record_unlocked};
use crate::engine::keep::chain;
use crate::engine::notify::{deliver, deliver_with_owed, tell_directly};
use crate::engine::orphan::free;
use crate::engine::resume::{Drove, How, drive};
use crate::engine::saving::{Beside, beside};
use crate::engine::session::{CommitOr, Session, new_session};
use crate::engine::showing::{self, Found, show};
use crate::engine::{EngineError, Stop};
use crate::i18n::saying::Saying;
use crate::i18n::trouble::Trouble;
use crate::ports::Stored;
use crate::surface::action::guard::{evidence, outcome, pinned_of};
use crate::surface::action::nothing;
use crate::surface::action::own::{Own, find};
use crate::surface::action::stage::{Connected, Ended, Stage};
use crate::surface::out;

/// Which stage finishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// The post stage: leaves nothing open.
    Post,
    /// An explicit step; its post can still finish.
    Verify,
    /// The main stage, which rolls back by itself; its post can still finish.
    Main,
}

/// The post stage.
pub async fn post(stage: &mut Stage<'_>, stop: &mut Stop) -> Result<Exit, Ended> {
    if stage.env.get("STATE_outcome").is_some_and(|o| o == "none") {
        return Ok(Exit::Fine);
    }
    let known = stage
        .env
        .get("STATE_deployment")
        .and_then(|id| DeploymentId::new(id.clone()).ok());
    let pinned = stage
        .env
        .get("STATE_pinned")
        .and_then(|p| serde_json::from_str(p).ok());
    let connected = stage.open(pinned).await?;
    let own = find(
        &connected.ports,
        &connected.chosen.setup,
        &stage.inputs,
        known.as_ref(),
    )
    .await
    .map_err(|e| stage.failed(&e))?;
    match own {
        // Refused, or killed before the lock was taken.
        Own::None => Ok(Exit::Fine),
        // Finished by `phase: verify`; what it could not tell is told now.
        Own::Closed(_) => {
            let setup = &connected.chosen.setup;
            let (environment, session) = (&setup.environment, new_session(stage.clock.as_ref()));
            let session = session.map_err(|e| stage.failed(&e))?;
            let (_, owed) = deliver_with_owed(
                &connected.ports,
                environment,
                &session,
                setup.locale,
                Vec::new(),
            )
            .await;
            stage.tell_owed(&owed);
            Ok(Exit::Fine)
        }
        Own::Lost(stored) => Ok(lost(stage, &stored)),
        Own::NoRecord(head, holder) => no_record(stage, &connected, &head, &holder).await,
        Own::Open(stored, head) => {
            let session = adopt(stage, &connected, *stored, *head, Adopter::Post).await?;
            let found = find_shown(&connected, &session);
            finish(
                stage,
                &connected,
                session,
                By::Post,
                Vec::new(),
                found,
                stop,
            )
            .await
        }
    }
}

/// The step `phase: verify`.
pub async fn verify(stage: &mut Stage<'_>, stop: &mut Stop) -> Result<Exit, Ended> {
    let mut connected = match stage.open(None).await {
        Ok(connected) => connected,
        Err(ended) => {
            stage.write_nothing_to_finish()?;
            return Err(ended);
        }
    };
    if stage.inputs.dry_run {
        return nothing_deployed(stage, &connected, &NotStarted::DryRun);
    }
    let own = find(
        &connected.ports,
        &connected.chosen.setup,
        &stage.inputs,
        None,
    )
    .await
    .map_err(|e| stage.failed(&e))?;
    let (session, notes) = match own {
        Own::Closed(stored) => return repeat(stage, &connected, *stored),
        Own::Lost(stored) => return Ok(lost(stage, &stored)),
        Own::NoRecord(head, holder) => {
            stage.write_nothing_to_finish()?;
            return no_record(stage, &connected, &head, &holder).await;
        }
        Own::Open(stored, head) => {
            if let Some(pinned) =
                pinned_of(stored.evidence.as_deref()).filter(|p| *p != connected.pinned)
            {
                connected = stage.open(Some(pinned)).await?;
            }
            remember(stage, &stored.record.id)?;
            let mut session = adopt(stage, &connected, *stored, *head, Adopter::Verify).await?;
            session.hands_over = true;
            (session, Vec::new())
        }
        Own::None => {
            let request = stage.request();
            let setup = &connected.chosen.setup;
            if let Some(not) = nothing::told(stage.env, setup) {
                return nothing_deployed(stage, &connected, &not);
            }
            if request.kind == DeploymentType::Rollback {
                stage.write_nothing_to_finish()?;
                let text = Trouble::RollbackUnguarded.text(stage.locale);
                return Err(Ended::one(ReasonCode::InvalidInput, Exit::Usage, text));
            }
            let session = record_unlocked(
                &connected.ports,
                setup,
                &request,
                evidence(&connected.pinned),
            )
            .await
            .map_err(|e| stage.failed(&e))?;
            remember(stage, &session.deployment.start.id)?;
            (session, vec![Trouble::Unguarded.text(stage.locale)])
        }
    };
    let found = find_shown(&connected, &session);
    finish(stage, &connected, session, By::Verify, notes, found, stop).await
}

/// GitHub's deployment of this job.
fn find_shown(connected: &Connected, session: &Session) -> Option<Beside<Found>> {
    let start = &session.deployment.start;
    let setup = &connected.chosen.setup;
    showing::find(&connected.ports, setup, &start.run, Some(start))
}

/// For this step's own post stage.
fn remember(stage: &Stage<'_>, id: &DeploymentId) -> Result<(), Ended> {
    stage.write_state(&[("deployment", id.to_string())])
}

async fn adopt(
    stage: &Stage<'_>,
    connected: &Connected,
    stored: Stored,
    head: Head,
    by: Adopter,
) -> Result<Session, Ended> {
    let start = replay(&stored.entries)
        .map_err(|source| {
            let error = EngineError::Journal {
                deployment: stored.record.id.to_string(),
                source,
            };
            stage.failed(&error)
        })?
        .start;
    let lender = head.lender.as_ref().map(|l| &l.deployment);
    if lender == Some(&start.id) {
        let (ports, setup) = (&connected.ports, &connected.chosen.setup);
        return Session::waiting(ports, setup, stored, head, by).map_err(|e| stage.failed(&e));
    }
    let holder = match &head.holder {
        Some(holder) if holder.deployment == start.id => holder.clone(),
        _ => unlocked_holder(stage, &start)?,
    };
    Session::adopt(
        &connected.ports,
        &connected.chosen.setup,
        stored,
        head,
        by,
        holder,
        Vec::new(),
    )
    .await
    .map_err(|e| stage.failed(&CommitOr::into_engine(e)))
}

/// A deployment that never held the lock has no holder in the store; this stands for it in memory.
fn unlocked_holder(
    stage: &Stage<'_>,
    start: &crate::core::journal::Start,
) -> Result<Holder, Ended> {
    use crate::core::id::{Token, hex};
    let token =
        Token::new(hex(stage.clock.random())).map_err(|e| stage.failed(&EngineError::Id(e)))?;
    Ok(Holder {
        token,
        deployment: start.id.clone(),
        at: start.at,
        repo: start.run.repo.clone(),
        run: start.run.run,
        attempt: start.run.attempt,
        job_id: start.run.job_id,
        job: start.run.job.clone(),
        hosted: stage.inputs.hosted,
        actor: start.actor.clone(),
        run_url: start.run.url.clone(),
    })
}

/// Does what is owed until nothing is, and tells.
pub async fn finish(
    stage: &mut Stage<'_>,
    connected: &Connected,
    mut session: Session,
    by: By,
    notes: Vec<String>,
    found: Option<Beside<Found>>,
    stop: &mut Stop,
) -> Result<Exit, Ended> {
    let job = stage.inputs.job_status;
    let setup = &connected.chosen.setup;
    let ports = &connected.ports;
    if by == By::Post && job == JobStatus::Success && !setup.gates.is_empty() {
        out::line(&crate::render::annotation::safe_line(
            &Trouble::PostWatches.text(stage.locale),
        ));
    }
    let how = How {
        job,
        quick: false,
        leaves_to_post: by == By::Verify,
    };
    let say = stage.sayer();
    let pulls = look_up_pulls(ports, &session.deployment.start);
    // On the heap: what goes on here is a large value.
    let driving = Box::pin(drive(&mut session, how, &say, stop));
    let (found, (pulls, drove)) = beside(found, beside(pulls, driving)).await;
    let mut report = stage.report_of(
        connected,
        session.deployment.clone(),
        session.entries.clone(),
        Vec::new(),
    );
    report.notes = connected.chosen.unaddressed(stage.locale);
    report.notes.extend(notes);
    let (shows, unrecorded) = ended(stage, connected, &session, drove, &mut report).await;
    let notices = std::mem::take(&mut session.notices);
    let stopped = stop.borrow().is_some();
    let telling = async {
        let (id, environment) = (session.id(), &setup.environment);
        let (mut told, owed) = if stopped {
            // A stopped stage has seconds left: for what it has to say itself.
            let own = deliver(ports, environment, id, setup.locale, notices).await;
            (own, Vec::new())
        } else {
            deliver_with_owed(ports, environment, id, setup.locale, notices).await
        };
        if unrecorded {
            told.extend(tell_unrecorded(connected, &session).await);
        }
        (told, owed)
    };
    let showing = async {
        match found.filter(|_| shows) {
            Some(found) => {
                let found = found.finish().await;
                let (deployment, outcome) = (&session.deployment, &report.outcome);
                show(ports, setup, deployment, found, outcome, true).await
            }
            None => Ok(()),
        }
    };
    let pulls = async {
        match pulls {
            Some(pulls) => pulls.finish().await,
            None => Ok(Vec::new()),
        }
    };
    let ((told, owed), shown, pulls) = join3(telling, showing, pulls).await;
    stage.tell_owed(&owed);
    report.told = std::mem::take(&mut session.told);
    report.told.extend(told);
    match pulls {
        Ok(pulls) => report.pulls = pulls,
        Err(error) => {
            let why = error.to_string();
            report
                .notes
                .push(Trouble::NoPulls { why }.text(stage.locale));
        }
    }
    report.notes.extend(not_shown(shown, stage.locale));
    report.notes.extend(not_saved(&session, stage.locale));
    Ok(stage.conclude(report))
}

/// How the driver's end shows in the report: whether GitHub's pages are to show it, and whether people must be told
/// without the outbox.
async fn ended(
    stage: &Stage<'_>,
    connected: &Connected,
    session: &Session,
    drove: Result<Drove, EngineError>,
    report: &mut Report,
) -> (bool, bool) {
    let job = stage.inputs.job_status;
    let mut reason = ReasonCode::StoreUnreachable;
    let (exit, note, shows) = match drove {
        Ok(Drove::Closed | Drove::LeftToJob) => return (true, false),
        Ok(Drove::KeptOpen) => {
            let environment = connected.chosen.setup.environment.to_string();
            let exit = if job == JobStatus::Cancelled {
                Exit::Interrupted
            } else {
                Exit::Failed
            };
            (exit, Some(Trouble::KeptOpen { environment }), false)
        }
        Ok(Drove::LeftToPost(by)) => (Exit::of_stop(by), None, false),
        Err(EngineError::Lost { .. }) => {
            let deployment = session.deployment.start.id.to_string();
            let exit = lost_exit(stage, connected, session).await;
            (exit, Some(Trouble::TakenOver { deployment }), false)
        }
        Err(error) => {
            let bad = session
                .unsaved
                .as_ref()
                .is_some_and(|j| j.verdict == Verdict::Degraded);
            let ended = stage.failed(&error);
            reason = ended.reason;
            let exit = if bad { Exit::Act } else { ended.exit };
            (exit, Some(Trouble::NotClosed { why: chain(&error) }), true)
        }
    };
    report.notes.extend(note.map(|n| n.text(stage.locale)));
    report.outcome.exit = exit;
    report.outcome.deploy_needed = false;
    if exit == Exit::Unreachable || exit == Exit::Act {
        report.outcome.reason = reason;
    }
    (shows, shows)
}

/// That GitHub's pages do not show it.
#[must_use]
pub fn not_shown(shown: Result<(), String>, locale: crate::i18n::Locale) -> Option<String> {
    let why = shown.err()?;
    Some(Trouble::NotShown { why }.text(locale))
}

/// That what runs was not saved, or not all of it.
#[must_use]
pub fn not_saved(session: &Session, locale: crate::i18n::Locale) -> Option<String> {
    let unsaved = session.unsaved_state.as_ref()?;
    let trouble = Trouble::NotSaved {
        why: unsaved.why.clone(),
        partly: unsaved.partly,
    };
    Some(trouble.text(locale))
}

/// Whoever must act is told even when the outbox cannot be reached.
async fn tell_unrecorded(connected: &Connected, session: &Session) -> Vec<Told> {
    let deployment = match &session.unsaved {
        Some(judgement) => Deployment {
            judged: Some(judgement.clone()),
            ..session.deployment.clone()
        },
        None => session.deployment.clone(),
    };
    let bad = deployment
        .judged
        .as_ref()
        .is_some_and(|j| j.verdict == Verdict::Degraded);
    let event = if bad {
        AlertEvent::HealthCheckFailed
    } else {
        AlertEvent::Failed
    };
    let mut facts = facts(&deployment, event, connected.ports.clock.now());
    if !bad {
        facts.reason = ReasonCode::StoreUnreachable;
    }
    tell_directly(&connected.ports, &connected.chosen.setup, facts).await
}

async fn lost_exit(stage: &Stage<'_>, connected: &Connected, session: &Session) -> Exit {
    let id = &session.deployment.start.id;
    match connected
        .ports
        .history
        .deployment(id, stage.clock.now())
        .await
    {
        Ok(Some(stored)) => closed_exit(&stored).unwrap_or(Exit::Refused),
        Ok(None) => Exit::Refused,
        Err(error) => {
            tracing::warn!(code = "DG413", error = %error, "the record could not be read again");
            Exit::Unreachable
        }
    }
}

fn closed_exit(stored: &Stored) -> Option<Exit> {
    let deployment = replay(&stored.entries).ok()?;
    let State::Closed(closing) = &deployment.state else {
        return None;
    };
    Some(Exit::of(closing, false, deployment.stop))
}

/// The lock is in other hands: nothing is touched.
fn lost(stage: &Stage<'_>, stored: &Stored) -> Exit {
    let text = Trouble::TakenOver {
        deployment: stored.record.id.to_string(),
    }
    .text(stage.locale);
    let ended = Ended::one(
        ReasonCode::FencedOff,
        closed_exit(stored).unwrap_or(Exit::Refused),
        text,
    );
    stage.end(&ended)
}

/// Somebody has deleted the record of this very job: there is nothing to judge it by, and nobody else frees its lock.
async fn no_record(
    stage: &Stage<'_>,
    connected: &Connected,
    head: &Head,
    holder: &Holder,
) -> Result<Exit, Ended> {
    free(&connected.ports, &connected.chosen.setup, head, holder)
        .await
        .map_err(|e| stage.failed(&e))?;
    let freed = Saying::Freed {
        deployment: holder.deployment.as_str(),
        unreadable: None,
    };
    Err(Ended::one(
        ReasonCode::StoreUnreachable,
        Exit::Unreachable,
        freed.text(stage.locale),
    ))
}

/// This job's guard step said that there is nothing to deploy: nothing to verify either.
fn nothing_deployed(
    stage: &Stage<'_>,
    connected: &Connected,
    not: &NotStarted,
) -> Result<Exit, Ended> {
    stage.write_nothing_to_finish()?;
    let report = stage.report(Some(&connected.chosen), outcome(not));
    Ok(stage.conclude(report))
}

/// Verify after closing repeats the result.
fn repeat(stage: &Stage<'_>, connected: &Connected, stored: Stored) -> Result<Exit, Ended> {
    let deployment = replay(&stored.entries).map_err(|source| {
        stage.failed(&EngineError::Journal {
            deployment: stored.record.id.to_string(),
            source,
        })
    })?;
    let report = stage.report_of(connected, deployment, stored.entries, Vec::new());
    Ok(stage.conclude(report))
}
