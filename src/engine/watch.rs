//! The watch: looks, judges afresh at each tick, ends at the deadline or at the first proof. Knows ticks and
//! signs of life, not what a gate means.

use std::time::Duration;

use crate::core::deployment::State;
use crate::core::gate::Finding;
use crate::core::journal::{Event, Judgement, StoppedBy};
use crate::core::judge::{Policy, judge};
use crate::core::reason::ReasonCode;
use crate::core::record::{Decision, Verdict};
use crate::core::time::Timestamp;
use crate::engine::observe::{HttpWatch, stack_findings};
use crate::engine::session::Session;
use crate::engine::{EngineError, Say, Sayer, Stop, stopped};

/// A waiting rollback must see the lock within 10 s: signs of life are given, and read, at this pace.
const BEAT: Duration = Duration::from_secs(4);

/// A single look goes on this long at most, and probes at this pace.
const ONE_LOOK: Duration = Duration::from_secs(15);
const ONE_LOOK_PACE: Duration = Duration::from_secs(1);

/// How a watch ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Watched {
    /// The gates were judged.
    Judged(Judgement),
    /// Another version answers than ours or the one before.
    Superseded(Vec<Finding>),
    /// Somebody asked for the lock.
    Yielded(Judgement),
    /// A signal came.
    Stopped(StoppedBy),
}

/// What judging needs beside findings.
#[must_use]
pub fn policy(session: &Session) -> Policy {
    let setup = session.setup();
    Policy {
        on_inconclusive: setup.gates.on_inconclusive,
        automatic: setup.rollback.automatic && session.deployment.may_restore(),
        irreversible: session.deployment.start.irreversible,
    }
}

/// When a single look that begins now must be over.
#[must_use]
pub fn one_look_until(now: Timestamp) -> Timestamp {
    now.plus(ONE_LOOK)
}

/// Watches the deployment to its deadline, or to the first bad gate.
pub async fn watch(
    session: &mut Session,
    say: &Sayer,
    stop: &mut Stop,
) -> Result<Watched, EngineError> {
    let State::Watching {
        since,
        until,
        one_look,
        ..
    } = session.deployment.state
    else {
        return Err(EngineError::Stale {
            detail: "the deployment is not being watched".to_owned(),
        });
    };
    let setup = session.setup().clone();
    let ports = session.ports().clone();
    let pace = if one_look {
        ONE_LOOK_PACE
    } else {
        setup.gates.interval
    };
    let mut http = HttpWatch::new(&setup.gates, &session.deployment.start, since);
    let mut beat_at = ports.clock.monotonic() + BEAT;
    if setup.gates.is_empty() {
        return Ok(Watched::Judged(judge(Vec::new(), policy(session))));
    }
    loop {
        let looked = async {
            http.look(&ports).await;
            stack_findings(&ports, &setup.gates, &setup.stacks).await
        };
        let stacks = tokio::select! {
            stacks = looked => stacks,
            by = stopped(stop) => return Ok(Watched::Stopped(by)),
        };
        let confirming = http.to_confirm();
        if !confirming.is_empty() {
            if let Some(by) = confirm(session, &mut http, &confirming, say, stop).await? {
                return Ok(Watched::Stopped(by));
            }
        }
        let mut findings = http.findings();
        findings.extend(stacks);
        let now = ports.clock.now();
        let decided = http.decided() && !http.is_empty();
        let judgement = judge(findings.clone(), policy(session));
        say(Say::Watching {
            findings: findings.clone(),
            until,
            now,
        });
        let over = now >= until
            || judgement.verdict == Verdict::Degraded
            || ((one_look || setup.gates.early_pass)
                && (decided || http.is_empty())
                && judgement.verdict != Verdict::Inconclusive);
        if over {
            if judgement.verdict != Verdict::Healthy && http.superseded() {
                return Ok(Watched::Superseded(findings));
            }
            return Ok(Watched::Judged(judgement));
        }
        let next = ports.clock.monotonic() + pace.min(until.since(now));
        loop {
            if ports.clock.monotonic() >= beat_at {
                session.renew().await?;
                beat_at = ports.clock.monotonic() + BEAT;
                if let Some(request) = session.head.yield_to.clone() {
                    session
                        .append(vec![Event::YieldAsked {
                            run_url: request.run_url,
                        }])
                        .await?;
                    let judgement = Judgement {
                        verdict: Verdict::Inconclusive,
                        reason: ReasonCode::Yielded,
                        decision: Decision::Hold,
                        findings,
                    };
                    return Ok(Watched::Yielded(judgement));
                }
            }
            let rest = next.saturating_sub(ports.clock.monotonic());
            if rest.is_zero() {
                break;
            }
            let nap = rest.min(
                beat_at
                    .saturating_sub(ports.clock.monotonic())
                    .max(Duration::from_millis(1)),
            );
            tokio::select! {
                () = ports.clock.sleep(nap) => {}
                by = stopped(stop) => return Ok(Watched::Stopped(by)),
            }
        }
    }
}

/// A probe a second until one succeeds or the span ends.
async fn confirm(
    session: &mut Session,
    http: &mut HttpWatch,
    which: &[(usize, String, Duration)],
    say: &Sayer,
    stop: &mut Stop,
) -> Result<Option<StoppedBy>, EngineError> {
    let ports = session.ports().clone();
    for (_, gate, span) in which {
        say(Say::Confirming {
            gate: gate.clone(),
            span: *span,
        });
    }
    let span = which
        .iter()
        .map(|(_, _, span)| *span)
        .max()
        .unwrap_or_default();
    let end = ports.clock.monotonic() + span;
    let mut failing: Vec<usize> = which.iter().map(|(i, _, _)| *i).collect();
    let mut last_beat = ports.clock.monotonic();
    while !failing.is_empty() && ports.clock.monotonic() < end {
        tokio::select! {
            () = ports.clock.sleep(Duration::from_secs(1)) => {}
            by = stopped(stop) => return Ok(Some(by)),
        }
        failing = http.confirm_once(&ports, &failing).await;
        if ports.clock.monotonic().saturating_sub(last_beat) >= BEAT {
            session.renew().await?;
            last_beat = ports.clock.monotonic();
        }
    }
    http.confirmed(&failing);
    Ok(None)
}
