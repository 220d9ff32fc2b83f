//! Counts the port calls of a process, and makes the n-th one the process's last, or lets it fail. Knows no port.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use super::time::{give_way, lock};

/// What befalls a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// The process dies before it.
    DiesBefore,
    /// The process dies after it has worked.
    DiesAfter,
    /// It fails without having worked.
    Fails,
    /// It works and says that it failed.
    WorksAndFails,
    /// Somebody else does something just before it.
    Interrupted,
}

type Intruder = Box<dyn Fn() -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// True where a call changes something: after one that does not, a death is the same as before the next.
pub fn changes(name: &str) -> bool {
    [
        "commit",
        "renew",
        "claim",
        "mark",
        "beat",
        "refuse",
        "ask_yield",
        "send",
        "act",
        "halt",
    ]
    .contains(&name)
}

/// The port calls of one process, or of one after the other.
#[derive(Default)]
pub struct Calls {
    pub killed: Arc<AtomicBool>,
    names: Mutex<Vec<&'static str>>,
    fate: Mutex<Option<(usize, Fate)>>,
    intruder: Mutex<Option<Intruder>>,
    racing: AtomicBool,
}

impl Calls {
    /// The n-th call, from 1, meets this fate.
    pub fn doom(&self, n: usize, fate: Fate) {
        *lock(&self.fate) = Some((n, fate));
    }

    /// Who comes between.
    pub fn intruder(&self, intruder: Intruder) {
        *lock(&self.intruder) = Some(intruder);
    }

    /// Others may go first at every call.
    pub fn race(&self) {
        self.racing.store(true, Ordering::SeqCst);
    }

    /// The calls so far.
    pub fn names(&self) -> Vec<&'static str> {
        lock(&self.names).clone()
    }

    /// One call. `fail` is told whether it had worked.
    pub async fn pass<T>(
        &self,
        name: &'static str,
        work: impl FnOnce() -> T,
        fail: impl FnOnce(bool) -> T,
    ) -> T {
        let n = {
            let mut names = lock(&self.names);
            names.push(name);
            names.len()
        };
        if self.racing.load(Ordering::SeqCst) {
            give_way().await;
        }
        let fate = lock(&self.fate).filter(|(at, _)| *at == n).map(|(_, f)| f);
        match fate {
            None => work(),
            Some(Fate::DiesBefore) => self.die().await,
            Some(Fate::DiesAfter) => {
                drop(work());
                self.die().await
            }
            Some(Fate::Fails) => fail(false),
            Some(Fate::WorksAndFails) => {
                drop(work());
                fail(true)
            }
            Some(Fate::Interrupted) => {
                let intrusion = lock(&self.intruder).as_ref().map(|i| i());
                if let Some(intrusion) = intrusion {
                    intrusion.await;
                }
                work()
            }
        }
    }

    async fn die<T>(&self) -> T {
        self.killed.store(true, Ordering::SeqCst);
        std::future::pending().await
    }
}
