//! Saves what runs, beside other work: before a deployment while it is checked, of itself while it is watched.
//! Knows when to look, not what a stack or an alias is.

use std::future::Future;
use std::time::Duration;

use futures_util::future::BoxFuture;

use crate::core::gate::GateSettings;
use crate::core::ledger;
use crate::core::observation::{Kind, Why};
use crate::core::state::{SavedState, Scope};
use crate::core::time::Timestamp;
use crate::engine::{Ports, Setup};
use crate::ports::{CloudError, StoreError};

/// What was saved must not hold an end up for longer than this.
const LONGEST: Duration = Duration::from_secs(30);

/// Work that goes on beside other work, and only then.
pub enum Beside<T> {
    /// Not done.
    Going(BoxFuture<'static, T>),
    /// Done.
    Done(T),
}

impl<T: Send + 'static> Beside<T> {
    /// Begins with the next [`Beside::beside`] or [`Beside::finish`].
    pub fn new(work: impl Future<Output = T> + Send + 'static) -> Self {
        Self::Going(Box::pin(work))
    }

    /// Goes on for as long as `other` takes.
    pub async fn beside<O>(self, other: impl Future<Output = O>) -> (Self, O) {
        match self {
            Self::Done(value) => (Self::Done(value), other.await),
            Self::Going(mut work) => {
                tokio::pin!(other);
                tokio::select! {
                    biased;
                    done = &mut other => (Self::Going(work), done),
                    value = &mut work => (Self::Done(value), other.await),
                }
            }
        }
    }

    /// Goes on to its end.
    pub async fn finish(self) -> T {
        match self {
            Self::Going(work) => work.await,
            Self::Done(value) => value,
        }
    }
}

/// `work`, with what there is to be done beside it.
pub async fn beside<A: Send + 'static, T>(
    side: Option<Beside<A>>,
    work: impl Future<Output = T>,
) -> (Option<Beside<A>>, T) {
    match side {
        Some(side) => {
            let (side, done) = side.beside(work).await;
            (Some(side), done)
        }
        None => (None, work.await),
    }
}

/// What was looked at.
pub type Captured = Result<SavedState, CloudError>;

/// What a restore in this environment may touch.
#[must_use]
pub fn scope(setup: &Setup) -> Scope {
    let functions = |gates: &GateSettings| {
        gates
            .lambda
            .as_ref()
            .map(|l| l.functions.clone())
            .unwrap_or_default()
    };
    Scope {
        stacks: setup.stacks.clone(),
        functions: functions(&setup.gates),
    }
}

/// Looks at what runs; `None` where nothing is named that could be looked at.
#[must_use]
pub fn capture(ports: &Ports, setup: &Setup) -> Option<Beside<Captured>> {
    let scope = scope(setup);
    let saver = ports.saver.clone();
    (!scope.is_empty()).then(|| Beside::new(async move { saver.capture(&scope).await }))
}

/// Why a state was not saved, or not all of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsaved {
    /// Why, from outside.
    pub why: Why,
    /// Some of it was.
    pub partly: bool,
}

/// What became of saving.
#[derive(Debug, Clone, PartialEq)]
pub struct Kept {
    /// What is stored now.
    pub state: Option<SavedState>,
    /// Why it is not stored, or not all of it.
    pub unsaved: Option<Unsaved>,
}

/// Stores what was looked at.
#[must_use]
pub fn store(
    ports: &Ports,
    setup: &Setup,
    name: String,
    at: Timestamp,
    captured: Beside<Captured>,
) -> Beside<Kept> {
    let (ports, retention) = (ports.clone(), setup.retention);
    Beside::new(async move {
        let not = |why| Kept {
            state: None,
            unsaved: Some(Unsaved { why, partly: false }),
        };
        let work = async {
            let state = match captured.finish().await {
                Ok(state) => state,
                Err(e) => {
                    return not(Why::new(
                        e.why.kind,
                        format!("{}: {}", e.call, e.why.detail),
                    ));
                }
            };
            let put = ports
                .history
                .put_state(&name, &state, ledger::expires(at, retention));
            if let Err(error) = put.await {
                return not(why_of(&error));
            }
            let unsaved = (!state.missing.is_empty()).then(|| Unsaved {
                why: Why::new(Kind::NoData, state.missing.join("; ")),
                partly: true,
            });
            Kept {
                state: Some(state),
                unsaved,
            }
        };
        tokio::select! {
            kept = work => kept,
            () = ports.clock.sleep(LONGEST) => {
                not(Why::new(Kind::Timeout, "looking at what runs took too long"))
            }
        }
    })
}

fn why_of(error: &StoreError) -> Why {
    let kind = match error {
        StoreError::Unreachable { .. } => Kind::Unreachable,
        StoreError::Denied { .. } | StoreError::Credentials { .. } => Kind::Denied,
        StoreError::NoTable { .. } => Kind::NotFound,
        StoreError::Malformed { .. } | StoreError::Cursor { .. } => Kind::Malformed,
    };
    Why::new(kind, crate::engine::keep::chain(error))
}
