//! The head as an item, and what each write does to it on which condition; knows no call.

use super::attr::{self, Item, malformed, must_natural, n, s, text, write};
use super::change::Change;
use super::key;
use crate::core::id::{EnvironmentName, Fence, ServiceName, SessionId, Token};
use crate::core::lease::{Head, HeadMode, Holder, KeeperBeat, YieldRequest};
use crate::core::time::{Day, Timestamp};
use crate::ports::{HeadWrite, Heads, Pointers, StoreError};

pub(super) fn read(environment: &EnvironmentName, item: &Item) -> Result<Head, StoreError> {
    let service = attr::must(item, key::AT, "a head")?;
    let what = format!("the head of `{service}`");
    let bad = |e: &dyn std::fmt::Display| malformed(format!("{what}: {e}"));
    Ok(Head {
        environment: environment.clone(),
        service: ServiceName::new(service).map_err(|e| bad(&e))?,
        fence: Fence(must_natural(item, "fence", &what)?),
        session: text(item, "session")
            .map(SessionId::new)
            .transpose()
            .map_err(|e| bad(&e))?,
        holder: attr::read(item, "holder", &what)?,
        mode: text(item, "mode")
            .map(|m| HeadMode::parse(m).ok_or_else(|| bad(&format!("mode `{m}`"))))
            .transpose()?,
        beat: must_natural(item, "beat", &what)?,
        lease_until: text(item, "leaseUntil")
            .map(Timestamp::parse)
            .transpose()
            .map_err(|e| bad(&e))?,
        yield_to: attr::read(item, "yieldTo", &what)?,
        heir: attr::read(item, "heir", &what)?,
        lender: attr::read(item, "lender", &what)?,
        live: attr::read(item, "live", &what)?,
        previous: attr::read(item, "previous", &what)?,
        good_state: attr::read(item, "goodState", &what)?,
        good: attr::read(item, "good", &what)?.unwrap_or_default(),
        totals_since: text(item, "totalsSince")
            .map(Day::parse)
            .transpose()
            .map_err(|e| bad(&e))?,
    })
}

/// All heads and the heartbeat, from the partition's items.
pub(super) fn read_all(environment: &EnvironmentName, items: &[Item]) -> Result<Heads, StoreError> {
    let mut heads = Heads::default();
    for item in items {
        if text(item, key::AT) == Some(key::KEEPER) {
            heads.keeper = Some(KeeperBeat {
                at: attr::must_time(item, "beat", "the keeper's heartbeat")?,
                version: attr::must(item, "version", "the keeper's heartbeat")?.to_owned(),
            });
        } else {
            heads.heads.push(read(environment, item)?);
        }
    }
    Ok(heads)
}

/// What a commit does to the head.
pub(super) fn change(to: &HeadWrite) -> Result<Change, StoreError> {
    let mut c = Change::default();
    match to {
        HeadWrite::Take {
            seen,
            session,
            holder,
            mode,
            lease_until,
        } => {
            match seen {
                None => c.when(|t| t.absent("fence")),
                Some(fence) => {
                    c.when(|t| t.is("fence", n(fence)));
                    c.when(|t| t.absent("holder"));
                }
            }
            let next = seen.unwrap_or(Fence(0)).next();
            take(&mut c, next, session, holder, *mode, *lease_until)?;
            for name in ["yieldTo", "heir", "lender"] {
                c.remove(name);
            }
        }
        HeadWrite::Adopt {
            token,
            seen,
            session,
            holder,
            mode,
            lease_until,
        } => {
            c.when(|t| t.is("holder.token", s(token)));
            c.when(|t| t.is("fence", n(seen)));
            take(&mut c, seen.next(), session, holder, *mode, *lease_until)?;
        }
        HeadWrite::Keep {
            fence,
            session,
            mode,
            lease_until,
            heir,
        } => {
            held(&mut c, *fence, session);
            c.set("mode", s(mode));
            c.set("leaseUntil", s(lease_until));
            c.raise("beat");
            c.put("heir", heir.as_ref().map(write).transpose()?);
        }
        HeadWrite::Inherit {
            run,
            seen,
            session,
            holder,
            mode,
            lease_until,
        } => {
            c.when(|t| t.is("heir.run", n(run)));
            c.when(|t| t.is("fence", n(seen)));
            c.when(|t| t.present("holder"));
            c.copy("lender", "holder");
            take(&mut c, seen.next(), session, holder, *mode, *lease_until)?;
            c.remove("yieldTo");
            c.remove("heir");
        }
        HeadWrite::HandBack {
            fence,
            session,
            pointers,
            totals_since,
        } => {
            held(&mut c, *fence, session);
            c.when(|t| t.present("lender"));
            c.copy("holder", "lender");
            c.set("fence", n(fence.next()));
            c.set("mode", s(HeadMode::Restoring));
            close(&mut c, pointers.as_deref(), *totals_since)?;
        }
        HeadWrite::Release {
            fence,
            session,
            pointers,
            totals_since,
        } => {
            held(&mut c, *fence, session);
            c.remove("holder");
            c.remove("mode");
            close(&mut c, pointers.as_deref(), *totals_since)?;
        }
    }
    Ok(c)
}

/// The fencing condition of every write by a holder.
fn held(c: &mut Change, fence: Fence, session: &SessionId) {
    c.when(|t| t.is("fence", n(fence)));
    c.when(|t| t.is("session", s(session)));
}

fn take(
    c: &mut Change,
    fence: Fence,
    session: &SessionId,
    holder: &Holder,
    mode: HeadMode,
    lease_until: Timestamp,
) -> Result<(), StoreError> {
    c.set("fence", n(fence));
    c.set("session", s(session));
    c.set("holder", write(holder)?);
    c.set("mode", s(mode));
    c.set("leaseUntil", s(lease_until));
    c.raise("beat");
    Ok(())
}

fn close(c: &mut Change, pointers: Option<&Pointers>, totals_since: Day) -> Result<(), StoreError> {
    for name in ["session", "leaseUntil", "yieldTo", "heir", "lender"] {
        c.remove(name);
    }
    c.set_once("totalsSince", s(totals_since));
    if let Some(pointers) = pointers {
        c.put("live", pointers.live.as_ref().map(write).transpose()?);
        c.put(
            "previous",
            pointers.previous.as_ref().map(write).transpose()?,
        );
        c.put(
            "goodState",
            pointers.good_state.as_ref().map(write).transpose()?,
        );
        let good: Vec<_> = pointers.good.iter().take(Head::GOOD).collect();
        c.set("good", write(&good)?);
    }
    Ok(())
}

/// A sign of life.
pub(super) fn renew(fence: Fence, session: &SessionId, lease_until: Timestamp) -> Change {
    let mut c = Change::default();
    held(&mut c, fence, session);
    c.raise("beat");
    c.set("leaseUntil", s(lease_until));
    c
}

/// Asks a watching holder for the lock.
pub(super) fn ask_yield(holder: &Token, request: &YieldRequest) -> Result<Change, StoreError> {
    let mut c = Change::default();
    c.when(|t| t.is("holder.token", s(holder)));
    c.when(|t| t.is("mode", s(HeadMode::Watching)));
    c.when(|t| t.absent("yieldTo"));
    c.set("yieldTo", write(request)?);
    Ok(c)
}
