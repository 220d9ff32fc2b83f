//! What a write makes of a head, or that its condition fails (`None`); pure, knows no table.

use crate::core::id::{EnvironmentName, Fence, ServiceName, SessionId, Token};
use crate::core::lease::{Head, HeadMode, YieldRequest};
use crate::core::time::{Day, Timestamp};
use crate::ports::{HeadWrite, Pointers};

pub(super) fn apply(
    environment: &EnvironmentName,
    service: &ServiceName,
    found: Option<&Head>,
    write: &HeadWrite,
) -> Option<Head> {
    match write {
        HeadWrite::Take {
            seen,
            session,
            holder,
            mode,
            lease_until,
        } => {
            let free = match (found, seen) {
                (None, None) => Head::absent(environment.clone(), service.clone()),
                (Some(head), Some(seen)) if head.fence == *seen && head.holder.is_none() => {
                    head.clone()
                }
                (None, Some(_)) | (Some(_), None | Some(_)) => return None,
            };
            Some(Head {
                fence: free.fence.next(),
                session: Some(session.clone()),
                holder: Some((**holder).clone()),
                mode: Some(*mode),
                beat: free.beat.saturating_add(1),
                lease_until: Some(*lease_until),
                yield_to: None,
                heir: None,
                lender: None,
                ..free
            })
        }
        HeadWrite::Adopt {
            token,
            seen,
            session,
            holder,
            mode,
            lease_until,
        } => {
            let head = found.filter(|h| {
                h.fence == *seen && h.holder.as_ref().is_some_and(|o| o.token == *token)
            })?;
            Some(Head {
                fence: head.fence.next(),
                session: Some(session.clone()),
                holder: Some((**holder).clone()),
                mode: Some(*mode),
                beat: head.beat.saturating_add(1),
                lease_until: Some(*lease_until),
                ..head.clone()
            })
        }
        HeadWrite::Keep {
            fence,
            session,
            mode,
            lease_until,
            heir,
        } => {
            let head = held(found, *fence, session)?;
            Some(Head {
                mode: Some(*mode),
                beat: head.beat.saturating_add(1),
                lease_until: Some(*lease_until),
                heir: heir.clone(),
                ..head.clone()
            })
        }
        HeadWrite::Inherit {
            run,
            seen,
            session,
            holder,
            mode,
            lease_until,
        } => {
            let head = found.filter(|h| {
                h.fence == *seen
                    && h.holder.is_some()
                    && h.heir.as_ref().is_some_and(|x| x.run == *run)
            })?;
            Some(Head {
                fence: head.fence.next(),
                session: Some(session.clone()),
                lender: head.holder.clone(),
                holder: Some((**holder).clone()),
                mode: Some(*mode),
                beat: head.beat.saturating_add(1),
                lease_until: Some(*lease_until),
                yield_to: None,
                heir: None,
                ..head.clone()
            })
        }
        HeadWrite::HandBack {
            fence,
            session,
            pointers,
            totals_since,
        } => {
            let head = held(found, *fence, session).filter(|h| h.lender.is_some())?;
            let closed = close(head, pointers.as_deref(), *totals_since);
            Some(Head {
                fence: head.fence.next(),
                holder: head.lender.clone(),
                mode: Some(HeadMode::Restoring),
                ..closed
            })
        }
        HeadWrite::Release {
            fence,
            session,
            pointers,
            totals_since,
        } => {
            let head = held(found, *fence, session)?;
            Some(close(head, pointers.as_deref(), *totals_since))
        }
    }
}

fn held<'a>(found: Option<&'a Head>, fence: Fence, session: &SessionId) -> Option<&'a Head> {
    found.filter(|h| h.fence == fence && h.session.as_ref() == Some(session))
}

fn close(head: &Head, pointers: Option<&Pointers>, totals_since: Day) -> Head {
    let mut closed = Head {
        session: None,
        holder: None,
        mode: None,
        lease_until: None,
        yield_to: None,
        heir: None,
        lender: None,
        totals_since: head.totals_since.or(Some(totals_since)),
        ..head.clone()
    };
    if let Some(pointers) = pointers {
        closed.live.clone_from(&pointers.live);
        closed.previous.clone_from(&pointers.previous);
        closed.good_state.clone_from(&pointers.good_state);
        closed.good = pointers.good.iter().take(Head::GOOD).cloned().collect();
    }
    closed
}

pub(super) fn renew(
    found: Option<&Head>,
    fence: Fence,
    session: &SessionId,
    lease_until: Timestamp,
) -> Option<Head> {
    let head = held(found, fence, session)?;
    Some(Head {
        beat: head.beat.saturating_add(1),
        lease_until: Some(lease_until),
        ..head.clone()
    })
}

pub(super) fn ask_yield(
    found: Option<&Head>,
    holder: &Token,
    request: &YieldRequest,
) -> Option<Head> {
    let head = found.filter(|h| {
        h.holder.as_ref().is_some_and(|o| o.token == *holder)
            && h.mode == Some(HeadMode::Watching)
            // The same request again has worked before.
            && h.yield_to.as_ref().is_none_or(|asked| asked == request)
    })?;
    Some(Head {
        yield_to: Some(request.clone()),
        ..head.clone()
    })
}
