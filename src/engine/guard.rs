//! The start of a deployment: checks at once, then lock and record in one transaction. Knows the order of round
//! trips; what the checks mean is `core::policy`'s.

use crate::core::id::{CommitSha, DeploymentId, Fence, Token, hex};
use crate::core::journal::{Event, RunRef, Start, replay};
use crate::core::lease::{Head, Holder, Live};
use crate::core::outcome::KeeperSeen;
use crate::core::policy::{CheckLine, CheckOutcome, CheckResult, waits_for_lock};
use crate::core::reason::ReasonCode;
use crate::core::record::DeploymentType;
use crate::core::state;
use crate::core::target::TargetSpec;
use crate::core::time::Timestamp;
use crate::engine::changes::Brings;
use crate::engine::checks::ask_forge;
use crate::engine::metrics::alarms::firing;
use crate::engine::saving::{self, Beside, Captured, beside};
use crate::engine::session::{CommitOr, Session, new_session};
use crate::engine::waiting::{Succession, Wait, Waited, take_over_if_gone};
use crate::engine::{EngineError, Ports, Sayer, Setup, Stop, stopped};
use crate::ports::{CommitError, Refusal};
use futures_util::future::join;
use std::time::Duration;

mod look;

use look::{Look, check, look};

/// What a run asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// Type.
    pub kind: DeploymentType,
    /// Commit to deploy.
    pub git_ref: Option<CommitSha>,
    /// For a rollback: where to.
    pub target: TargetSpec,
    /// The same as it was written.
    pub target_text: String,
    /// `force_deploy`.
    pub force: bool,
    /// `irreversible`.
    pub irreversible: bool,
    /// `dry_run`.
    pub dry_run: bool,
    /// `reason`.
    pub note: Option<String>,
    /// Who.
    pub actor: Option<String>,
    /// Where it runs.
    pub run: RunRef,
    /// On a GitHub-hosted runner.
    pub hosted: bool,
    /// The run's branch, where `git_ref` is its head.
    pub branch: Option<String>,
}

impl Request {
    /// Who will hold the lock.
    fn holder(&self, token: Token, deployment: DeploymentId, at: Timestamp) -> Holder {
        Holder {
            token,
            deployment,
            at,
            repo: self.run.repo.clone(),
            run: self.run.run,
            attempt: self.run.attempt,
            job_id: self.run.job_id,
            job: self.run.job.clone(),
            hosted: self.hosted,
            actor: self.actor.clone(),
            run_url: self.run.url.clone(),
        }
    }
}

/// How the start ended.
pub enum Guarded {
    /// Locked and recorded: the job's own steps may deploy.
    Started(Box<Session>, Extra),
    /// Not started, and there is no record but perhaps a refusal.
    Not(NotStarted, Extra),
    /// Replaced by a newer one while it waited for the lock: on record as such, and closed.
    Superseded(Box<Session>, Extra),
}

/// Why it was not started.
#[derive(Debug, Clone, PartialEq)]
pub enum NotStarted {
    /// Refused by policy.
    Refused(ReasonCode),
    /// A check could not be made.
    Unavailable(ReasonCode),
    /// A dry run that would have been refused by policy.
    WouldBeRefused(ReasonCode),
    /// Already live.
    AlreadyLive,
    /// Everything was in order, but this was a dry run.
    DryRun,
}

/// What is told beside it.
#[derive(Debug, Clone, PartialEq)]
pub struct Extra {
    /// The checks.
    pub checks: Vec<CheckLine>,
    /// Who holds the lock.
    pub holder: Option<Holder>,
    /// What serves.
    pub live: Option<Live>,
    /// The rollback target.
    pub target: Option<Live>,
    /// What could be rolled back to.
    pub candidates: Vec<Live>,
    /// Whether a keeper is there.
    pub keeper: KeeperSeen,
    /// What it brings.
    pub brings: Brings,
}

/// Checks, and starts a deployment if they allow it. `evidence`: what to keep beside the record, such as the pinned
/// configuration. `announce` is called with the holder-to-be before the lock is taken, so that a
/// killed process's successor can find out whether it was.
pub async fn guard(
    ports: &Ports,
    setup: &Setup,
    request: &Request,
    evidence: Option<String>,
    announce: &(dyn Fn(&Holder) -> Result<(), EngineError> + Send + Sync),
    say: &Sayer,
    stop: &mut Stop,
) -> Result<Guarded, EngineError> {
    let asked = join(
        ask_forge(ports, setup, request),
        look(ports, setup, request),
    );
    // What runs now is looked at beside the checks and the first write, so that nobody waits for it.
    let (mut saving, (mut forge, look)) = tokio::select! {
        both = beside(saving::capture(ports, setup), asked) => both,
        by = stopped(stop) => return Err(EngineError::Stopped(by)),
    };
    let mut look = look?;
    look.needs_outputs()?;
    let mut wait = Wait::new(ports, setup, request);
    let mut took_over = None;
    loop {
        let lender = lender(ports, &look.head(setup), request).await?;
        let inherits = lender.is_some();
        if let (Some(held), false) = (look.head(setup).holder, inherits) {
            let settled = look
                .stacks
                .iter()
                .all(|s| s.as_ref().is_ok_and(|s| !s.seen.in_progress()));
            if wait.should_ask_for_owner(&held) && !request.dry_run && settled {
                match take_over_if_gone(ports, setup, look.head(setup), &held, say, stop).await? {
                    Succession::Alive => {}
                    Succession::Over => {
                        took_over = Some(held.deployment.clone());
                        look = self::look(ports, setup, request).await?;
                        saving = saving::capture(ports, setup);
                        continue;
                    }
                    Succession::OutRun => {
                        look = self::look(ports, setup, request).await?;
                        saving = saving::capture(ports, setup);
                        continue;
                    }
                }
            }
        }
        // Who has dispatched this run waits for it, and does not keep it out.
        let holder = look.head(setup).holder.filter(|_| !inherits);
        let (report, extra) =
            check(ports, setup, request, &mut forge, &look, holder.as_ref()).await;
        let worth = waits_for_lock(request.kind, request.force, &extra.checks);
        if let (Some(held), true, false) = (&holder, worth, request.dry_run) {
            match wait.a_while(&look.head(setup), held, say, stop).await? {
                Waited::TooLong => {}
                Waited::Held(head) => {
                    look.head = Some(*head);
                    continue;
                }
                Waited::Changed => {
                    look = self::look(ports, setup, request).await?;
                    saving = saving::capture(ports, setup);
                    continue;
                }
            }
        }
        let report = report.outcome;
        let overtaken =
            report == CheckOutcome::Refused(ReasonCode::BehindLive) && wait.has_waited();
        let not = match report {
            CheckOutcome::Allowed if request.dry_run => Some(NotStarted::DryRun),
            CheckOutcome::Allowed => None,
            CheckOutcome::AlreadyLive => Some(NotStarted::AlreadyLive),
            CheckOutcome::Refused(_) if overtaken => None,
            CheckOutcome::Refused(reason) if request.dry_run => {
                Some(NotStarted::WouldBeRefused(reason))
            }
            CheckOutcome::Refused(reason) => Some(NotStarted::Refused(reason)),
            CheckOutcome::Unavailable(reason) => Some(NotStarted::Unavailable(reason)),
        };
        if let Some(not) = not {
            keep_refusal(ports, setup, request, &not, &extra).await;
            return Ok(Guarded::Not(not, extra));
        }
        if overtaken {
            saving = None;
        }
        match begin(
            ports,
            setup,
            request,
            &look,
            &extra,
            lender,
            took_over.clone(),
            evidence.clone(),
            announce,
            saving.take(),
            !overtaken,
        )
        .await
        {
            Ok(mut session) if overtaken => {
                let closing = session.deployment.closing_of_overtaken();
                session.close(Vec::new(), closing).await?;
                return Ok(Guarded::Superseded(Box::new(session), extra));
            }
            Ok(session) => return Ok(Guarded::Started(Box::new(session), extra)),
            // Somebody was faster: look again, and be told who.
            Err(CommitOr::Commit(CommitError::Lost { head })) => {
                look.head = head.map(|h| *h).or(look.head);
                saving = saving::capture(ports, setup);
                if look.head.as_ref().is_none_or(|h| h.holder.is_none()) {
                    look = self::look(ports, setup, request).await?;
                    saving = saving::capture(ports, setup);
                }
            }
            Err(other) => return Err(other.into_engine()),
        }
        if let Some(by) = *stop.borrow() {
            return Err(EngineError::Stopped(by));
        }
    }
}

#[expect(
    clippy::too_many_arguments,
    reason = "the start is made of all that was found"
)]
async fn begin(
    ports: &Ports,
    setup: &Setup,
    request: &Request,
    look: &Look,
    extra: &Extra,
    lender: Option<Holder>,
    took_over: Option<DeploymentId>,
    evidence: Option<String>,
    announce: &(dyn Fn(&Holder) -> Result<(), EngineError> + Send + Sync),
    mut saving: Option<Beside<Captured>>,
    allowed: bool,
) -> Result<Session, CommitOr> {
    let head = look.head(setup);
    let heir_of = lender.map(|lender| lender.deployment);
    let mut at = ports.clock.now();
    if let Some(live) = &extra.live {
        // Two starts never share a sort key, and a clock that went back does not reorder history.
        at = at.max(live.at.plus(Duration::from_millis(1)));
    }
    let git_ref = match &extra.target {
        Some(target) => target.git_ref.clone(),
        None => request.git_ref.clone(),
    };
    let token = Token::new(hex(ports.clock.random())).map_err(|e| CommitOr::Engine(e.into()))?;
    for clash in 1.. {
        let id = DeploymentId::generate(request.kind, at, git_ref.as_ref(), clash);
        let holder = request.holder(token.clone(), id.clone(), at);
        announce(&holder).map_err(CommitOr::Engine)?;
        let start = Start {
            id,
            at,
            environment: setup.environment.clone(),
            service: setup.service.clone(),
            kind: request.kind,
            git_ref: git_ref.clone(),
            previous: extra.live.clone(),
            good: newest_good(&head, extra.live.as_ref(), request.kind),
            actor: request.actor.clone(),
            note: request.note.clone(),
            run: request.run.clone(),
            force: request.force,
            irreversible: request.irreversible,
            target: extra.target.clone(),
            // Its lender undoes what was live.
            undoes: look.undoes.clone().filter(|_| heir_of.is_none()),
            stacks: look
                .stacks
                .iter()
                .filter_map(|s| s.as_ref().ok())
                .map(|s| s.seen.clone())
                .collect(),
            failing_before: look.before.failing.clone(),
            versions_before: look.before.versions.clone(),
            alarms_before: firing(look.alarms.as_ref()),
            locked: allowed,
            unguarded: false,
            heir_of: heir_of.clone(),
            automatic: false,
            changes: extra.brings.lines.clone(),
            changes_left_out: extra.brings.left_out,
        };
        let mut events = vec![Event::Checked {
            lines: extra.checks.clone(),
        }];
        events.extend(took_over.clone().map(|from| Event::TookOver { from }));
        let state = saving.as_ref().map(|_| state::before(&start.id));
        events.extend(state.clone().map(|state| Event::Saving { state }));
        events.extend(allowed.then_some(Event::Allowed));
        let session = new_session(ports.clock.as_ref()).map_err(CommitOr::Engine)?;
        let seen: Option<Fence> = look.head.as_ref().map(|h| h.fence);
        let starting = Session::start(
            ports,
            setup,
            session,
            head.clone(),
            seen,
            holder,
            start,
            events,
            evidence.clone(),
        );
        let (captured, started) = beside(saving, starting).await;
        saving = captured;
        match started {
            Err(CommitOr::Commit(CommitError::IdTaken)) if clash < 20 => {}
            Err(other) => return Err(other),
            Ok(mut session) => {
                session.saving = saving
                    .zip(state)
                    .map(|(captured, name)| saving::store(ports, setup, name, at, captured));
                return Ok(session);
            }
        }
    }
    Err(CommitOr::Commit(CommitError::IdTaken))
}

/// Who has dispatched this run and waits for it. The run alone does not tell: it must be the rollback that it was
/// dispatched for.
async fn lender(
    ports: &Ports,
    head: &Head,
    request: &Request,
) -> Result<Option<Holder>, EngineError> {
    let named = head.names_heir(request.run.run) && request.kind == DeploymentType::Rollback;
    let Some(holder) = head.holder.clone().filter(|_| named) else {
        return Ok(None);
    };
    let now = ports.clock.now();
    let stored = ports.history.deployment(&holder.deployment, now).await?;
    let deployment = stored.map(|s| replay(&s.entries)).transpose();
    let deployment = deployment.map_err(|e| EngineError::Stale {
        detail: e.to_string(),
    })?;
    let wanted = deployment
        .as_ref()
        .and_then(|d| d.target())
        .map(|t| TargetSpec::Id(t.deployment.clone()));
    Ok(Some(holder).filter(|_| wanted.as_ref() == Some(&request.target)))
}

/// What a restore would bring back: the newest verified version; for a rollback, not the one it leaves.
fn newest_good(head: &Head, live: Option<&Live>, kind: DeploymentType) -> Option<Live> {
    let leaving = |g: &&Live| {
        kind != DeploymentType::Rollback || live.is_none_or(|l| l.deployment != g.deployment)
    };
    head.good.iter().find(leaving).cloned()
}

/// A refusal is one small item; that it could not be kept does not change it.
async fn keep_refusal(
    ports: &Ports,
    setup: &Setup,
    request: &Request,
    not: &NotStarted,
    extra: &Extra,
) {
    let reason = match not {
        NotStarted::Refused(reason) | NotStarted::Unavailable(reason) if !request.dry_run => {
            *reason
        }
        NotStarted::Refused(_)
        | NotStarted::WouldBeRefused(_)
        | NotStarted::Unavailable(_)
        | NotStarted::AlreadyLive
        | NotStarted::DryRun => return,
    };
    let mut reasons = vec![reason];
    for line in &extra.checks {
        match &line.result {
            CheckResult::Failed { reason, .. } if !reasons.contains(reason) => {
                reasons.push(*reason)
            }
            CheckResult::Failed { .. }
            | CheckResult::Passed { .. }
            | CheckResult::Unavailable { .. }
            | CheckResult::NotApplicable
            | CheckResult::Skipped => {}
        }
    }
    let refusal = Refusal {
        environment: setup.environment.clone(),
        service: setup.service.clone(),
        at: ports.clock.now(),
        kind: request.kind,
        reasons,
        actor: request.actor.clone(),
        git_ref: request.git_ref.clone(),
        run: request.run.run,
    };
    if let Err(error) = ports.history.refuse(&refusal).await {
        tracing::warn!(code = "DG121", error = %error, "the refusal could not be kept");
    }
}

/// A deployment that was watched without a lock: `verify` alone, after any deploy command.
pub async fn record_unlocked(
    ports: &Ports,
    setup: &Setup,
    request: &Request,
    evidence: Option<String>,
) -> Result<Session, EngineError> {
    let look = look(ports, setup, request).await?;
    look.needs_outputs()?;
    let head = look.head(setup);
    let extra = Extra {
        checks: Vec::new(),
        holder: head.holder.clone(),
        live: head.live.clone(),
        target: None,
        candidates: Vec::new(),
        keeper: KeeperSeen::NotAsked,
        brings: Brings::default(),
    };
    let at = ports.clock.now();
    for clash in 1..20 {
        let id = DeploymentId::generate(request.kind, at, request.git_ref.as_ref(), clash);
        let token = Token::new(hex(ports.clock.random()))?;
        let holder = request.holder(token, id.clone(), at);
        let start = Start {
            id,
            at,
            environment: setup.environment.clone(),
            service: setup.service.clone(),
            kind: request.kind,
            git_ref: request.git_ref.clone(),
            previous: extra.live.clone(),
            good: newest_good(&head, extra.live.as_ref(), request.kind),
            actor: request.actor.clone(),
            note: request.note.clone(),
            run: request.run.clone(),
            force: request.force,
            irreversible: request.irreversible,
            target: None,
            undoes: None,
            stacks: Vec::new(),
            // It runs already: nothing is known of before.
            failing_before: Vec::new(),
            versions_before: Vec::new(),
            alarms_before: Vec::new(),
            // Nobody may deploy while it is watched; where somebody holds the lock, it is watched without.
            locked: head.holder.is_none(),
            unguarded: true,
            heir_of: None,
            automatic: false,
            changes: Vec::new(),
            changes_left_out: 0,
        };
        let session = new_session(ports.clock.as_ref())?;
        let events = vec![Event::Allowed];
        let seen = look.head.as_ref().map(|h| h.fence);
        match Session::start(
            ports,
            setup,
            session,
            head.clone(),
            seen,
            holder,
            start,
            events,
            evidence.clone(),
        )
        .await
        {
            Err(CommitOr::Commit(CommitError::IdTaken)) => {}
            other => return other.map_err(CommitOr::into_engine),
        }
    }
    Err(EngineError::Stale {
        detail: "every deployment id of this second is taken".to_owned(),
    })
}
