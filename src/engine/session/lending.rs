//! A lock that a dispatched run borrows: sees it go, and takes it back. Knows no GitHub.

use super::{CommitOr, Lent, Session, mode_of, new_session};
use crate::core::journal::{Adopter, Event, replay};
use crate::core::lease::{Head, LEASE};
use crate::engine::evidence::Evidence;
use crate::engine::{EngineError, Ports, Setup};
use crate::ports::{HeadWrite, Stored};

impl Session {
    /// Goes on with an open deployment whose lock an heir holds: nothing is written before the heir gives it back.
    pub fn waiting(
        ports: &Ports,
        setup: &Setup,
        stored: Stored,
        head: Head,
        by: Adopter,
    ) -> Result<Self, EngineError> {
        let deployment = replay(&stored.entries).map_err(|source| EngineError::Journal {
            deployment: stored.record.id.to_string(),
            source,
        })?;
        let Some(holder) = head.lender.clone() else {
            return Err(EngineError::Lost {
                head: Some(Box::new(head)),
            });
        };
        let evidence = Evidence::read(stored.evidence.as_deref());
        Ok(Self {
            ports: ports.clone(),
            setup: setup.clone(),
            id: new_session(ports.clock.as_ref())?,
            fence: head.fence,
            locked: true,
            lent: Some(Lent { joins: Some(by) }),
            record_rev: stored.record.guard.as_ref().map_or(0, |g| g.rev),
            written: Some(evidence.clone()),
            metrics: evidence.metrics(),
            evidence,
            entries: stored.entries,
            deployment,
            holder,
            head,
            unsaved: None,
            notices: Vec::new(),
            restores: None,
            ordered: None,
            saving: None,
            unsaved_state: None,
            told: Vec::new(),
            hands_over: false,
        })
    }

    /// True where the run that it has dispatched holds the lock.
    #[must_use]
    pub fn is_lent(&self) -> bool {
        self.lent.is_some()
    }

    /// Looks who has the lock while the dispatched run is under way: gives a sign of life, sees that the heir has
    /// taken it, or takes back what it has given back.
    pub async fn look_after_lock(&mut self) -> Result<(), EngineError> {
        if self.lent.is_none() {
            return match self.renew().await {
                Err(EngineError::Lost { head: Some(head) }) if self.has_lent(&head) => {
                    self.lent = Some(Lent { joins: None });
                    self.head = *head;
                    Ok(())
                }
                // A run that was quicker than our looks has had it and given it back.
                Err(EngineError::Lost { head: Some(head) }) if self.is_back(&head) => {
                    self.regain(*head).await
                }
                done => done,
            };
        }
        let heads = self.ports.history.heads(&self.setup.environment).await?;
        let head = heads
            .heads
            .into_iter()
            .find(|h| h.service == self.setup.service);
        let Some(head) = head else {
            return Err(EngineError::Lost { head: None });
        };
        if self.is_back(&head) {
            return self.regain(head).await;
        }
        if self.has_lent(&head) {
            self.head = head;
            return Ok(());
        }
        Err(EngineError::Lost {
            head: Some(Box::new(head)),
        })
    }

    /// True where the lock is ours and no session's: as an heir leaves it.
    fn is_back(&self, head: &Head) -> bool {
        let holder = head.holder.as_ref().map(|h| &h.token);
        holder == Some(&self.holder.token) && head.session.is_none()
    }

    fn has_lent(&self, head: &Head) -> bool {
        let lender = head.lender.as_ref().map(|l| &l.token);
        lender == Some(&self.holder.token)
    }

    /// Takes the lock back that the heir has given back.
    async fn regain(&mut self, head: Head) -> Result<(), EngineError> {
        let adopt = HeadWrite::Adopt {
            token: self.holder.token.clone(),
            seen: head.fence,
            session: self.id.clone(),
            holder: Box::new(self.holder.clone()),
            mode: mode_of(&self.deployment.state),
            lease_until: self.now().plus(LEASE),
        };
        let joins = self.lent.and_then(|lent| lent.joins);
        self.fence = head.fence.next();
        self.head = head;
        let done = match joins {
            Some(by) if !self.is_full() => {
                let events = vec![Event::Adopted { by }];
                self.write(Vec::new(), events, Some(adopt), None, false)
                    .await
            }
            Some(_) | None => self.write_head(Some(adopt)).await,
        };
        done.map_err(CommitOr::into_engine)?;
        self.lent = None;
        Ok(())
    }
}
