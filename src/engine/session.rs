//! One process's stay at a deployment: makes events durable, one conditional write each, and keeps the
//! deployment that the journal tells in step. Knows no gate and no check.

use std::collections::BTreeMap;

use crate::core::alert::{AlertEvent, Notice};
use crate::core::deployment::{Deployment, State};
use crate::core::id::{CommitKey, Fence, SessionId, hex};
use crate::core::journal::{
    Adopter, Closing, ENTRIES, Entry, Event, FOR_CLOSING, Judgement, Start, replay,
};
use crate::core::lease::{Head, HeadMode, Heir, Holder, LEASE, Lease};
use crate::core::ledger;
use crate::core::outcome::Told;
use crate::core::restore::StepKey;
use crate::core::state::SavedState;
use crate::core::time::Timestamp;
use crate::engine::bake;
use crate::engine::evidence::Evidence;
use crate::engine::facts::{facts, notice};
use crate::engine::metrics::MetricMemory;
use crate::engine::saving::{Beside, Kept, Unsaved};
use crate::engine::{EngineError, Ports, Setup};
use crate::ports::{Clock, Commit, CommitError, HeadWrite, RecordWrite, Stored, Undo};

mod lending;

/// One process's stay at a deployment.
pub struct Session {
    ports: Ports,
    setup: Setup,
    id: SessionId,
    holder: Holder,
    fence: Fence,
    locked: bool,
    /// The run that it has dispatched holds the lock, and gives it back.
    lent: Option<Lent>,
    record_rev: u64,
    evidence: Evidence,
    /// What of it has been written.
    written: Option<Evidence>,
    /// The deployment, as the journal tells it.
    pub deployment: Deployment,
    /// Its journal.
    pub entries: Vec<Entry>,
    /// The head as last seen; pointers are taken from it at the close.
    pub head: Head,
    /// Counts of the CloudWatch gates, for whoever goes on.
    pub metrics: Option<MetricMemory>,
    /// A judgement that could not be made durable yet.
    pub unsaved: Option<Judgement>,
    /// Notices of the writes of this session that are still to be delivered.
    pub notices: Vec<Notice>,
    /// The saved state that is being brought back, with its name.
    pub restores: Option<(String, SavedState)>,
    /// The step that this session has ordered and not yet begun: nobody can have done it.
    pub ordered: Option<StepKey>,
    /// A later step of this job can be asked to deploy a commit, and verifies it again.
    pub hands_over: bool,
    /// What ran before, being saved.
    pub saving: Option<Beside<Kept>>,
    /// What runs was not saved, or not all of it.
    pub unsaved_state: Option<Unsaved>,
    /// How those went that were delivered on the way.
    pub told: Vec<Told>,
}

/// A lock that an heir has, and how it is taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Lent {
    /// Who goes on then, where that is another process than the one that lent it.
    joins: Option<Adopter>,
}

/// Ids made from chance.
pub fn new_session(clock: &dyn Clock) -> Result<SessionId, EngineError> {
    Ok(SessionId::new(hex(clock.random()))?)
}

pub(crate) fn new_key(clock: &dyn Clock) -> Result<CommitKey, EngineError> {
    Ok(CommitKey::new(hex(clock.random()))?)
}

impl Session {
    /// Takes the lock, writes the record and its first entry, in one transaction.
    #[expect(
        clippy::too_many_arguments,
        reason = "the first write is made of all of these"
    )]
    pub async fn start(
        ports: &Ports,
        setup: &Setup,
        id: SessionId,
        head: Head,
        seen: Option<Fence>,
        holder: Holder,
        start: Start,
        events: Vec<Event>,
        evidence: Option<String>,
    ) -> Result<Self, CommitOr> {
        let locked = start.locked;
        let first = Event::Started(Box::new(start.clone()));
        let mut session = Self {
            ports: ports.clone(),
            setup: setup.clone(),
            fence: if locked {
                seen.unwrap_or(Fence(0)).next()
            } else {
                head.fence
            },
            id,
            holder,
            locked,
            lent: None,
            record_rev: 0,
            evidence: Evidence::read(evidence.as_deref()),
            written: None,
            deployment: Deployment::new(start),
            entries: Vec::new(),
            head,
            metrics: None,
            unsaved: None,
            notices: Vec::new(),
            restores: None,
            ordered: None,
            hands_over: false,
            saving: None,
            unsaved_state: None,
            told: Vec::new(),
        };
        let take = session.first_head_write(seen);
        session
            .write(vec![first], events, take, None, false)
            .await?;
        Ok(session)
    }

    /// Goes on with an open deployment that was read from the store. `token` is the holder to be, who may be
    /// another than the one found when an abandoned lock is taken over.
    pub async fn adopt(
        ports: &Ports,
        setup: &Setup,
        stored: Stored,
        head: Head,
        by: Adopter,
        holder: Holder,
        mut events: Vec<Event>,
    ) -> Result<Self, CommitOr> {
        let deployment = replay(&stored.entries).map_err(|source| {
            CommitOr::Engine(EngineError::Journal {
                deployment: stored.record.id.to_string(),
                source,
            })
        })?;
        let locked = deployment.start.locked;
        let id = new_session(ports.clock.as_ref()).map_err(CommitOr::Engine)?;
        let evidence = Evidence::read(stored.evidence.as_deref());
        let mut session = Self {
            ports: ports.clone(),
            setup: setup.clone(),
            id,
            fence: if locked {
                head.fence.next()
            } else {
                head.fence
            },
            locked,
            record_rev: stored.record.guard.as_ref().map_or(0, |g| g.rev),
            written: Some(evidence.clone()),
            metrics: evidence.metrics(),
            evidence,
            entries: stored.entries,
            deployment,
            holder,
            head,
            lent: None,
            unsaved: None,
            notices: Vec::new(),
            restores: None,
            ordered: None,
            hands_over: false,
            saving: None,
            unsaved_state: None,
            told: Vec::new(),
        };
        let adopt = locked.then(|| HeadWrite::Adopt {
            token: session
                .head
                .holder
                .as_ref()
                .map_or_else(|| session.holder.token.clone(), |h| h.token.clone()),
            seen: session.head.fence,
            session: session.id.clone(),
            holder: Box::new(session.holder.clone()),
            mode: mode_of(&session.deployment.state),
            lease_until: session.now().plus(LEASE),
        });
        if session.is_full() {
            session.write_head(adopt).await?;
        } else {
            events.insert(0, Event::Adopted { by });
            session
                .write(Vec::new(), events, adopt, None, false)
                .await?;
        }
        Ok(session)
    }

    /// How a deployment begins to hold the lock: an heir borrows it from who waits for it.
    fn first_head_write(&mut self, seen: Option<Fence>) -> Option<HeadWrite> {
        if !self.locked {
            return None;
        }
        let (session, holder) = (self.id.clone(), Box::new(self.holder.clone()));
        let (mode, lease_until) = (HeadMode::Deploying, self.now().plus(LEASE));
        let inherits = self.deployment.is_heir();
        if let (true, Some(run), Some(seen)) = (inherits, self.holder.run, seen) {
            self.head.lender = self.head.holder.clone();
            return Some(HeadWrite::Inherit {
                run,
                seen,
                session,
                holder,
                mode,
                lease_until,
            });
        }
        Some(HeadWrite::Take {
            seen,
            session,
            holder,
            mode,
            lease_until,
        })
    }

    fn now(&self) -> Timestamp {
        self.ports.clock.now()
    }

    /// This process.
    #[must_use]
    pub fn id(&self) -> &SessionId {
        &self.id
    }

    /// The settings that apply.
    #[must_use]
    pub fn setup(&self) -> &Setup {
        &self.setup
    }

    /// Everything outside.
    #[must_use]
    pub fn ports(&self) -> &Ports {
        &self.ports
    }

    /// True where it holds the environment's lock.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        self.locked
    }

    /// True where the journal has room left only for the close.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.deployment.n >= ENTRIES - FOR_CLOSING
    }

    /// The right to change the outside, while the lock is ours.
    #[must_use]
    pub fn lease(&self) -> Option<Lease> {
        Lease::of(&self.head, &self.id)
    }

    /// Makes events durable. Nothing has happened unless this answers Ok.
    pub async fn append(&mut self, events: Vec<Event>) -> Result<(), EngineError> {
        if self.is_full() {
            return Err(EngineError::Stale {
                detail: "the journal has room left only for the close".to_owned(),
            });
        }
        self.write(Vec::new(), events, None, None, false)
            .await
            .map_err(CommitOr::into_engine)
    }

    /// Makes events and the end durable, with totals and the release of the lock, in one transaction.
    pub async fn close(&mut self, events: Vec<Event>, closing: Closing) -> Result<(), EngineError> {
        let again = (events.clone(), closing.clone());
        let undoes = undone_by(&self.deployment, &closing).is_some();
        match self
            .write(Vec::new(), events, None, Some(closing), undoes)
            .await
        {
            // What it was to undo is no success any more: it ends all the same, and undoes nothing.
            Err(CommitOr::Commit(CommitError::Stale { detail })) if undoes => {
                tracing::warn!(code = "DG311", detail, "closing without undoing");
                let (events, closing) = again;
                self.write(Vec::new(), events, None, Some(closing), false)
                    .await
            }
            done => done,
        }
        .map_err(CommitOr::into_engine)
    }

    /// Waits until what ran before is saved; `None` where nothing was to be.
    pub async fn saved_before(&mut self) -> Option<Kept> {
        let kept = self.saving.take()?.finish().await;
        self.unsaved_state.clone_from(&kept.unsaved);
        Some(kept)
    }

    /// A sign of life; shows who waits.
    pub async fn renew(&mut self) -> Result<(), EngineError> {
        if !self.locked {
            return Ok(());
        }
        let until = self.now().plus(LEASE);
        let (environment, service) = (&self.setup.environment, &self.setup.service);
        self.head = self
            .ports
            .history
            .renew(environment, service, self.fence, &self.id, until)
            .await?;
        Ok(())
    }

    async fn write(
        &mut self,
        first: Vec<Event>,
        events: Vec<Event>,
        head: Option<HeadWrite>,
        closing: Option<Closing>,
        undoes: bool,
    ) -> Result<(), CommitOr> {
        let at = self.now();
        let key = new_key(self.ports.clock.as_ref()).map_err(CommitOr::Engine)?;
        let before = self.deployment.clone();
        let mut next = before.clone();
        let mut tell = Vec::new();
        let ending = closing.clone().map(Event::Closed);
        for event in events.iter().chain(&ending) {
            let step = next.step(event).map_err(|e| CommitOr::Engine(e.into()))?;
            next = step.next;
            tell.extend(step.tell);
        }
        let n = before.n + 1;
        next.n = n;
        let entry = Entry {
            n,
            at,
            session: self.id.clone(),
            commit: key.clone(),
            events: first.into_iter().chain(events).chain(ending).collect(),
        };
        let changed = n == 1 || next.state.name() != before.state.name();
        let record = ledger::record(&next, at, self.setup.retention);
        let record = changed.then(|| {
            let record = Box::new(record);
            if n == 1 {
                RecordWrite::Create(record)
            } else {
                RecordWrite::Update {
                    record,
                    seen_rev: self.record_rev,
                }
            }
        });
        // An heir leaves them to its lender, who says what serves in the end.
        let pointers = closing
            .as_ref()
            .filter(|_| !next.is_heir())
            .map(|c| self.baking(ledger::pointers(&self.head, &next, c), &next, c, at));
        let undone = closing.as_ref().filter(|_| undoes);
        let undone = undone.and_then(|c| undone_by(&next, c)).cloned();
        let totals = closing.as_ref().map_or_else(BTreeMap::new, |c| {
            ledger::totals(&next, c, at, undone.as_ref())
        });
        let head = head
            .or_else(|| self.head_write(&next, closing.is_some(), pointers.clone(), at))
            .filter(|_| self.locked);
        let notices = self.notices_of(&next, &entry, tell);
        if let Some(memory) = &self.metrics {
            self.evidence = std::mem::take(&mut self.evidence).with_metrics(memory);
        }
        let kept = (self.written.as_ref() != Some(&self.evidence)).then(|| self.evidence.clone());
        let commit = Commit {
            key,
            environment: self.setup.environment.clone(),
            service: self.setup.service.clone(),
            deployment: next.start.id.clone(),
            head,
            record,
            entry: Some(entry.clone()),
            totals,
            notices: notices.clone(),
            evidence: kept.as_ref().and_then(Evidence::text),
            undo: undone.map(|u| Undo {
                id: u.deployment,
                at: u.at,
                by: next.start.id.clone(),
            }),
            expires_s: ledger::expires(next.start.at, self.setup.retention),
        };
        self.ports
            .history
            .commit(&commit)
            .await
            .map_err(CommitOr::Commit)?;
        self.written = kept.or(self.written.take());
        if changed {
            self.record_rev = u64::from(n);
        }
        self.follow(&commit, at, pointers);
        self.deployment = next;
        self.entries.push(entry);
        self.notices.extend(notices);
        Ok(())
    }

    /// The pointers with the end of the watch that the keeper goes on with.
    fn baking(
        &self,
        mut to: ledger::Pointers,
        next: &Deployment,
        closing: &Closing,
        at: Timestamp,
    ) -> ledger::Pointers {
        if let Some(live) = to
            .live
            .as_mut()
            .filter(|live| live.deployment == next.start.id)
        {
            live.bake_until = bake::until(&self.setup, closing, at);
        }
        to
    }

    /// Writes only the head: for journals without room.
    async fn write_head(&mut self, head: Option<HeadWrite>) -> Result<(), CommitOr> {
        if head.is_none() {
            return Ok(());
        }
        let start = &self.deployment.start;
        let at = self.now();
        let commit = Commit {
            key: new_key(self.ports.clock.as_ref()).map_err(CommitOr::Engine)?,
            environment: self.setup.environment.clone(),
            service: self.setup.service.clone(),
            deployment: start.id.clone(),
            head,
            record: None,
            entry: None,
            totals: BTreeMap::new(),
            notices: Vec::new(),
            evidence: None,
            undo: None,
            expires_s: ledger::expires(start.at, self.setup.retention),
        };
        self.ports
            .history
            .commit(&commit)
            .await
            .map_err(CommitOr::Commit)?;
        self.follow(&commit, at, None);
        Ok(())
    }

    /// The head as the write has left it.
    fn follow(&mut self, commit: &Commit, at: Timestamp, pointers: Option<ledger::Pointers>) {
        if let Some(write) = &commit.head {
            let given = matches!(
                write,
                HeadWrite::Release { .. } | HeadWrite::HandBack { .. }
            );
            self.head.fence = self.fence;
            self.head.session = (!given).then(|| self.id.clone());
            self.head.holder = if given {
                self.head.lender.take()
            } else {
                Some(self.holder.clone())
            };
            self.head.lease_until = (!given).then(|| at.plus(LEASE));
        }
        if let Some(p) = pointers {
            (
                self.head.live,
                self.head.previous,
                self.head.good_state,
                self.head.good,
            ) = (p.live, p.previous, p.good_state, p.good);
        }
    }

    fn head_write(
        &self,
        next: &Deployment,
        closes: bool,
        pointers: Option<ledger::Pointers>,
        at: Timestamp,
    ) -> Option<HeadWrite> {
        let (fence, session) = (self.fence, self.id.clone());
        let totals_since = next.start.at.day();
        let pointers = pointers.map(Box::new);
        Some(match (closes, self.head.lender.is_some()) {
            (true, true) => HeadWrite::HandBack {
                fence,
                session,
                pointers,
                totals_since,
            },
            (true, false) => HeadWrite::Release {
                fence,
                session,
                pointers,
                totals_since,
            },
            (false, _) => HeadWrite::Keep {
                fence,
                session,
                mode: mode_of(&next.state),
                lease_until: at.plus(LEASE),
                heir: next.child().map(|run| Heir { run }),
            },
        })
    }

    fn notices_of(&self, next: &Deployment, entry: &Entry, tell: Vec<AlertEvent>) -> Vec<Notice> {
        let mut notices = Vec::new();
        for event in tell {
            for target in self.setup.routing.targets(event) {
                let index = u32::try_from(notices.len()).unwrap_or(u32::MAX);
                let facts = facts(next, event, entry.at);
                notices.push(notice(facts, target, (entry.n, index), &self.id));
            }
        }
        notices
    }
}

/// The success that this close undoes: a rollback undoes what was live, once it serves itself.
fn undone_by<'a>(
    deployment: &'a Deployment,
    closing: &Closing,
) -> Option<&'a crate::core::lease::Live> {
    use crate::core::record::{DeploymentType, Status};
    let counts =
        deployment.start.kind == DeploymentType::Rollback && closing.status == Status::Success;
    deployment.start.undoes.as_ref().filter(|_| counts)
}

fn mode_of(state: &State) -> HeadMode {
    match state {
        State::Deploying | State::JobEnded { .. } | State::Closed(_) => HeadMode::Deploying,
        State::Watching { .. } => HeadMode::Watching,
        State::Judged(_) | State::Restoring(_) => HeadMode::Restoring,
    }
}

/// Why a first write did not happen: the caller may try again with another id or a new look.
#[derive(Debug)]
pub enum CommitOr {
    /// The store's word.
    Commit(CommitError),
    /// Something else.
    Engine(EngineError),
}

impl CommitOr {
    /// For callers to whom all are one.
    #[must_use]
    pub fn into_engine(self) -> EngineError {
        match self {
            Self::Commit(error) => error.into(),
            Self::Engine(error) => error,
        }
    }
}
