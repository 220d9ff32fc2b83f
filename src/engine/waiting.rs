//! A lock in other hands: waits for it, asks a watching holder to hand over, takes it over from a job that has ended.
//! Knows no check.

use std::time::Duration;

use crate::core::id::Token;
use crate::core::journal::Adopter;
use crate::core::lease::{Head, HeadMode, Holder, Owner, YieldRequest};
use crate::core::record::DeploymentType;
use crate::core::time::Timestamp;
use crate::engine::guard::Request;
use crate::engine::keep::{Taken, owner_of, take_over};
use crate::engine::{EngineError, Ports, Say, Sayer, Setup, Stop, stopped};
use crate::ports::CommitError;

/// A watching holder must have handed over by then.
const YIELD: Duration = Duration::from_secs(12);

/// A run that was dispatched by the holder's restore is named as its heir by then.
const NAMED: Duration = Duration::from_secs(15);

/// How often a waiting run looks at the lock.
const LOOK_AT_LOCK: Duration = Duration::from_secs(1);

/// How often a waiting run asks GitHub for the holder's job: a long wait must not use up the token's requests.
const ASK_FOR_OWNER: Duration = Duration::from_secs(30);

/// What became of a lock whose owner was looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Succession {
    /// Its job is under way, or not known to have ended.
    Alive,
    /// Its job is over, and nothing of its deployment is open now.
    Over,
    /// Somebody else was faster: look again.
    OutRun,
}

/// Closes the deployment of a job that has ended.
pub async fn take_over_if_gone(
    ports: &Ports,
    setup: &Setup,
    head: Head,
    held: &Holder,
    say: &Sayer,
    stop: &mut Stop,
) -> Result<Succession, EngineError> {
    if held.run.is_none() {
        return Ok(Succession::Alive);
    }
    let Owner::Gone { conclusion } = owner_of(ports, setup, &head, held).await? else {
        return Ok(Succession::Alive);
    };
    let by = Adopter::NextRun;
    match take_over(ports, setup, head, conclusion.as_deref(), by, say, stop).await {
        Ok(Taken::Closed { .. } | Taken::Freed) => Ok(Succession::Over),
        // Its stack has begun to change again.
        Ok(Taken::Open) => Ok(Succession::Alive),
        Err(EngineError::Lost { .. } | EngineError::Stale { .. }) => Ok(Succession::OutRun),
        Err(error) => Err(error),
    }
}

/// How a pause ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Waited {
    /// It is waited no longer.
    TooLong,
    /// The same holder still has it.
    Held(Box<Head>),
    /// It is free, in other hands, or its owner is to be looked up again.
    Changed,
}

/// One run's wait for the lock.
pub struct Wait<'a> {
    ports: &'a Ports,
    setup: &'a Setup,
    request: &'a Request,
    began: Timestamp,
    deadline: Timestamp,
    asked_to_yield: Option<Timestamp>,
    asked_for_owner: Option<(Token, Duration)>,
    waited: bool,
}

impl<'a> Wait<'a> {
    /// Nothing waited for yet.
    #[must_use]
    pub fn new(ports: &'a Ports, setup: &'a Setup, request: &'a Request) -> Self {
        Self {
            ports,
            setup,
            request,
            began: ports.clock.now(),
            deadline: ports.clock.now().plus(setup.policy.lock_wait),
            asked_to_yield: None,
            asked_for_owner: None,
            waited: false,
        }
    }

    /// The lock was in other hands for a while.
    #[must_use]
    pub fn has_waited(&self) -> bool {
        self.waited
    }

    fn owner_is_fresh(&self, held: &Holder) -> bool {
        let now = self.ports.clock.monotonic();
        self.asked_for_owner
            .as_ref()
            .is_some_and(|(token, at)| *token == held.token && now < *at + ASK_FOR_OWNER)
    }

    /// True where the holder's job was not looked up lately; from then on it was.
    pub fn should_ask_for_owner(&mut self, held: &Holder) -> bool {
        let ask = !self.owner_is_fresh(held);
        if ask {
            self.asked_for_owner = Some((held.token.clone(), self.ports.clock.monotonic()));
        }
        ask
    }

    /// Waits a little, as long as it is configured or a watching holder needs to hand over.
    pub async fn a_while(
        &mut self,
        head: &Head,
        held: &Holder,
        say: &Sayer,
        stop: &mut Stop,
    ) -> Result<Waited, EngineError> {
        self.ask_to_yield(head, held, say).await?;
        let handed_over = self.asked_to_yield.map(|at| at.plus(YIELD));
        let until = handed_over.map_or(self.deadline, |at| self.deadline.max(at));
        let may_be_heir = self.request.kind == DeploymentType::Rollback
            && self.request.run.run.is_some()
            && head.mode == Some(HeadMode::Restoring);
        let until = if may_be_heir {
            until.max(self.began.plus(NAMED))
        } else {
            until
        };
        if self.ports.clock.now() >= until {
            return Ok(Waited::TooLong);
        }
        if !self.waited {
            say(Say::WaitingForLock {
                holder: Box::new(held.clone()),
                until,
            });
        }
        self.waited = true;
        tokio::select! {
            () = self.ports.clock.sleep(LOOK_AT_LOCK) => {}
            by = stopped(stop) => return Err(EngineError::Stopped(by)),
        }
        let heads = self.ports.history.heads(&self.setup.environment).await?;
        let now = heads
            .heads
            .into_iter()
            .find(|h| h.service == self.setup.service);
        Ok(match now {
            Some(now)
                if now.holder.as_ref().map(|h| &h.token) == Some(&held.token)
                    && self.owner_is_fresh(held) =>
            {
                Waited::Held(Box::new(now))
            }
            Some(_) | None => Waited::Changed,
        })
    }

    /// A rollback or hotfix asks a holder that only watches, once.
    async fn ask_to_yield(
        &mut self,
        head: &Head,
        held: &Holder,
        say: &Sayer,
    ) -> Result<(), EngineError> {
        let urgent = self.request.kind != DeploymentType::Deploy;
        if !urgent || head.mode != Some(HeadMode::Watching) || self.asked_to_yield.is_some() {
            return Ok(());
        }
        let now = self.ports.clock.now();
        let ask = YieldRequest {
            run_url: self.request.run.url.clone(),
            kind: self.request.kind,
            at: now,
        };
        let (environment, service) = (&self.setup.environment, &self.setup.service);
        let asked = self
            .ports
            .history
            .ask_yield(environment, service, &held.token, &ask)
            .await;
        match asked {
            // Lost: it stopped watching, or somebody asked before; the next look tells.
            Ok(()) | Err(CommitError::Lost { .. }) => {
                self.asked_to_yield = Some(now);
                say(Say::AskedToYield {
                    holder: Box::new(held.clone()),
                });
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }
}
