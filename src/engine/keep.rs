//! The keeper: one sweep over an environment closes what was abandoned, resumes what was begun and sends what is
//! owed. Knows whose job is over by asking GitHub, never by a lapsed lease alone.

use crate::core::id::{DeploymentId, ServiceName, Token, hex};
use crate::core::journal::{Adopter, Event, JobStatus, StoppedBy};
use crate::core::lease::{Head, Holder, JobState, KeeperBeat, LEASE, Owner, STUCK_AFTER, owner};
use crate::core::outcome::Told;
use crate::core::record::Status;
use crate::engine::notify::{deliver, deliver_owed};
use crate::engine::resume::{Drove, How, drive};
use crate::engine::session::{CommitOr, Session, new_session};
use crate::engine::{EngineError, Ports, Say, Sayer, Setup, Stop};
use crate::ports::StoreError;

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

/// One sweep. `setups` gives the settings of a service in this environment.
pub async fn sweep(
    ports: &Ports,
    setup: &Setup,
    version: &str,
    say: &Sayer,
    stop: &mut Stop,
) -> Result<Sweep, EngineError> {
    let heads = ports.history.heads(&setup.environment).await?;
    let mut sweep = Sweep::default();
    for head in heads.heads {
        let Some(holder) = head.holder.clone() else {
            continue;
        };
        let setup = Setup {
            service: head.service.clone(),
            ..setup.clone()
        };
        let what = match keep_one(ports, &setup, head, &holder, say, stop).await {
            Ok(what) => what,
            Err(EngineError::Lost { .. } | EngineError::Stale { .. }) => KeptWhat::LostRace,
            Err(EngineError::Store(StoreError::Unreachable { detail })) => {
                return Err(StoreError::Unreachable { detail }.into());
            }
            Err(error) => KeptWhat::Failed(chain(&error)),
        };
        sweep.kept.push(Kept {
            service: setup.service.clone(),
            deployment: holder.deployment.clone(),
            what,
        });
        if stop.borrow().is_some() {
            break;
        }
    }
    let session = new_session(ports.clock.as_ref())?;
    sweep.told = deliver_owed(ports, &setup.environment, &session, setup.locale).await?;
    let beat = KeeperBeat {
        at: ports.clock.now(),
        version: version.to_owned(),
    };
    ports.history.beat(&setup.environment, &beat).await?;
    Ok(sweep)
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
            match take_over(
                ports,
                setup,
                head,
                conclusion.as_deref(),
                Adopter::Keeper,
                say,
                stop,
            )
            .await?
            {
                Some(status) => Ok(KeptWhat::Closed(status)),
                None => Ok(KeptWhat::Settling),
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
    let job = match &ports.forge {
        None => JobState::Unknown,
        Some(forge) => forge.job(holder).await.unwrap_or_else(|error| {
            tracing::warn!(code = "DG120", error = %error, "the lock's owner could not be looked up and counts as alive");
            JobState::Unknown
        }),
    };
    Ok(owner(holder, &job, ports.clock.now()))
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

/// Takes an abandoned deployment over and does what is owed, with one look instead of a watch; `None` = the stack
/// is still changing and it stays open.
pub async fn take_over(
    ports: &Ports,
    setup: &Setup,
    head: Head,
    conclusion: Option<&str>,
    by: Adopter,
    say: &Sayer,
    stop: &mut Stop,
) -> Result<Option<Status>, EngineError> {
    let how = How {
        job: job_of(conclusion),
        quick: true,
        leaves_to_post: false,
    };
    take_over_with(ports, setup, head, by, how, say, stop).await
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
) -> Result<Option<Status>, EngineError> {
    let Some(mut session) = adopt_abandoned(ports, setup, head, by, Vec::new()).await? else {
        return Ok(None);
    };
    let drove = drive(&mut session, how, say, stop).await?;
    let notices = std::mem::take(&mut session.notices);
    deliver(
        ports,
        &setup.environment,
        session.id(),
        setup.locale,
        notices,
    )
    .await;
    Ok(match drove {
        Drove::KeptOpen | Drove::LeftToPost(_) => None,
        Drove::Closed => closed(&session, say),
    })
}

fn closed(session: &Session, say: &Sayer) -> Option<Status> {
    let crate::core::deployment::State::Closed(closing) = &session.deployment.state else {
        return None;
    };
    say(Say::ClosedAbandoned {
        deployment: session.deployment.start.id.clone(),
        status: closing.status,
    });
    Some(closing.status)
}

/// Goes on with the deployment that a head's holder left, under a token of our own.
pub async fn adopt_abandoned(
    ports: &Ports,
    setup: &Setup,
    head: Head,
    by: Adopter,
    events: Vec<Event>,
) -> Result<Option<Session>, EngineError> {
    let Some(holder) = head.holder.clone() else {
        return Ok(None);
    };
    let Some(stored) = ports
        .history
        .deployment(&holder.deployment, ports.clock.now())
        .await?
    else {
        return Err(EngineError::Stale {
            detail: format!(
                "the lock names {}, of which there is no record",
                holder.deployment
            ),
        });
    };
    let token = Token::new(hex(ports.clock.random()))?;
    let holder = Holder { token, ..holder };
    Session::adopt(ports, setup, stored, head, by, holder, events)
        .await
        .map(Some)
        .map_err(CommitOr::into_engine)
}

/// How `lock --release` ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Released {
    /// Nobody held it.
    Free,
    /// Its job is alive and `--force` was not given.
    Alive(Box<Holder>),
    /// Closed and free.
    Closed {
        /// Which.
        deployment: DeploymentId,
        /// How.
        status: Status,
        /// How the notices went.
        told: Vec<Told>,
    },
}

/// Releases a lock: closes its record as cancelled and raises the fencing number. A live job's only by force.
pub async fn release(ports: &Ports, setup: &Setup, force: bool) -> Result<Released, EngineError> {
    let heads = ports.history.heads(&setup.environment).await?;
    let head = heads.heads.into_iter().find(|h| h.service == setup.service);
    let Some((head, holder)) = head.and_then(|h| h.holder.clone().map(|holder| (h, holder))) else {
        return Ok(Released::Free);
    };
    if !force && owner_of(ports, setup, &head, &holder).await? == Owner::Alive {
        return Ok(Released::Alive(Box::new(holder)));
    }
    let Some(mut session) =
        adopt_abandoned(ports, setup, head, Adopter::CommandLine, Vec::new()).await?
    else {
        return Ok(Released::Free);
    };
    let closing = session.deployment.closing_of_release();
    let status = closing.status;
    session
        .close(
            vec![Event::CancelAsked {
                by: StoppedBy::Released,
            }],
            closing,
        )
        .await?;
    let notices = std::mem::take(&mut session.notices);
    let told = deliver(
        ports,
        &setup.environment,
        session.id(),
        setup.locale,
        notices,
    )
    .await;
    Ok(Released::Closed {
        deployment: holder.deployment,
        status,
        told,
    })
}
