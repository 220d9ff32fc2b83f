//! The watch: looks, judges afresh at each tick, ends at the deadline or at the first proof. Knows ticks and
//! signs of life, not what a gate means.

use std::time::Duration;

use futures_util::future::join3;

use crate::core::deployment::State;
use crate::core::gate::{Finding, GateSettings};
use crate::core::journal::{Event, Judgement, Start, StoppedBy};
use crate::core::judge::{Policy, judge};
use crate::core::reason::ReasonCode;
use crate::core::record::{Decision, Verdict};
use crate::core::time::Timestamp;
use crate::engine::metrics::MetricWatch;
use crate::engine::observe::{HttpWatch, Resolved, resolve, stack_findings};
use crate::engine::session::Session;
use crate::engine::{EngineError, Ports, Say, Sayer, Setup, Stop, stopped};

/// A waiting rollback must see the lock within 10 s: signs of life are given, and read, at this pace.
const BEAT: Duration = Duration::from_secs(4);

/// A single look goes on this long at most, and probes at this pace.
const ONE_LOOK: Duration = Duration::from_secs(15);

/// Probes are a second apart where a verdict is wanted soon.
const QUICK: Duration = Duration::from_secs(1);

/// How a watch ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Watched {
    /// The gates were judged.
    Judged(Judgement),
    /// Another version answers than ours or the one before.
    Superseded,
    /// Somebody asked for the lock.
    Yielded(Judgement),
    /// A signal came.
    Stopped(StoppedBy),
}

/// When a watch may end before its deadline, but for the first bad gate, which always ends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Early {
    /// Never.
    Never,
    /// As soon as every gate is decided.
    Decided,
}

/// One watch.
#[derive(Debug, Clone)]
pub struct Watching<'a> {
    /// Gates and stacks.
    pub setup: &'a Setup,
    /// What was seen before the deployment.
    pub before: Option<&'a Start>,
    /// What follows from a verdict.
    pub policy: Policy,
    /// Start.
    pub since: Timestamp,
    /// Deadline.
    pub until: Timestamp,
    /// Pause between looks.
    pub pace: Duration,
    /// Whether it may end early.
    pub early: Early,
    /// Hands the lock over when asked.
    pub yields: bool,
    /// What is watched was brought back: it is measured from now on.
    pub restored: bool,
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
    let (setup, start) = (session.setup().clone(), session.deployment.start.clone());
    let early = one_look || setup.gates.early_pass;
    let watching = Watching {
        before: Some(&start),
        policy: policy(session),
        since,
        until,
        pace: if one_look {
            QUICK
        } else {
            setup.gates.interval
        },
        early: if early { Early::Decided } else { Early::Never },
        yields: true,
        restored: false,
        setup: &setup,
    };
    let ports = session.ports().clone();
    look_on(&ports, &watching, Some(session), say, stop).await
}

/// Watches a version that was brought back: as soon as it is shown to be well, it is.
pub async fn watch_restored(
    session: &mut Session,
    gates: GateSettings,
    say: &Sayer,
    stop: &mut Stop,
) -> Result<Watched, EngineError> {
    let setup = Setup {
        gates,
        ..session.setup().clone()
    };
    let since = session.ports().clock.now();
    let watching = Watching {
        before: None,
        policy: Policy {
            automatic: false,
            ..policy(session)
        },
        since,
        until: since.plus(setup.rollback.verify),
        pace: QUICK,
        early: Early::Decided,
        yields: false,
        restored: true,
        setup: &setup,
    };
    let ports = session.ports().clone();
    look_on(&ports, &watching, Some(session), say, stop).await
}

/// Watches an environment as it is, without lock and record: one look, or a watch of `window`.
pub async fn watch_unrecorded(
    ports: &Ports,
    setup: &Setup,
    policy: Policy,
    window: Option<Duration>,
    say: &Sayer,
    stop: &mut Stop,
) -> Result<Watched, EngineError> {
    let since = ports.clock.now();
    let watching = Watching {
        setup,
        before: None,
        policy,
        since,
        until: window.map_or_else(|| one_look_until(since), |w| since.plus(w)),
        pace: if window.is_some() {
            setup.gates.interval
        } else {
            QUICK
        },
        early: if window.is_some() {
            Early::Never
        } else {
            Early::Decided
        },
        yields: false,
        restored: false,
    };
    look_on(ports, &watching, None, say, stop).await
}

/// The loop: one look at all gates, judged afresh, until proof or deadline.
async fn look_on(
    ports: &Ports,
    watching: &Watching<'_>,
    mut session: Option<&mut Session>,
    say: &Sayer,
    stop: &mut Stop,
) -> Result<Watched, EngineError> {
    let setup = watching.setup;
    if setup.gates.is_empty() {
        return Ok(Watched::Judged(judge(Vec::new(), watching.policy)));
    }
    let Resolved { gates, unknown } = resolve(ports, &setup.gates, &setup.stacks).await;
    let mut metrics = metric_watch(ports, watching, &gates, session.as_deref());
    metrics.prepare(&ports.cloud).await;
    say_what_cannot_be_judged(&metrics, say);
    let mut http = HttpWatch::new(&gates, watching.before, watching.since, metrics.alpha());
    let mut beat_at = ports.clock.monotonic() + BEAT;
    loop {
        let at = ports.clock.now();
        let looked = async {
            let stacks = stack_findings(ports, &gates, &setup.stacks);
            join3(http.look(ports), metrics.look(&ports.cloud, at), stacks)
                .await
                .2
        };
        let stacks = tokio::select! {
            stacks = looked => stacks,
            by = stopped(stop) => return Ok(Watched::Stopped(by)),
        };
        if let Some(by) = confirm(ports, &mut http, session.as_deref_mut(), say, stop).await? {
            return Ok(Watched::Stopped(by));
        }
        let mut findings = http.findings();
        findings.extend(metrics.findings());
        findings.extend(stacks);
        findings.extend(unknown.iter().cloned());
        let now = ports.clock.now();
        if let Some(session) = session.as_deref_mut() {
            session.metrics = (!metrics.is_empty()).then(|| metrics.memory().clone());
        }
        let judgement = judge(findings.clone(), watching.policy);
        say(Say::Watching {
            findings: findings.clone(),
            until: watching.until,
            now,
        });
        let sure = watching.early == Early::Decided
            && http.decided()
            && metrics.decided()
            && judgement.verdict != Verdict::Inconclusive;
        if now >= watching.until || judgement.verdict == Verdict::Degraded || sure {
            let superseded = judgement.verdict != Verdict::Healthy && http.superseded();
            return Ok(if superseded {
                Watched::Superseded
            } else {
                Watched::Judged(judgement)
            });
        }
        let next = ports.clock.monotonic() + watching.pace.min(watching.until.since(now));
        loop {
            if ports.clock.monotonic() >= beat_at {
                beat_at = ports.clock.monotonic() + BEAT;
                if let Some(yielded) =
                    beat(session.as_deref_mut(), watching.yields, &findings).await?
                {
                    return Ok(yielded);
                }
            }
            let now = ports.clock.monotonic();
            let rest = next.saturating_sub(now);
            if rest.is_zero() {
                break;
            }
            let nap = rest
                .min(beat_at.saturating_sub(now))
                .max(Duration::from_millis(1));
            tokio::select! {
                () = ports.clock.sleep(nap) => {}
                by = stopped(stop) => return Ok(Watched::Stopped(by)),
            }
        }
    }
}

/// The CloudWatch gates of this watch; after a restore with the baseline of the watch that asked for it.
fn metric_watch(
    ports: &Ports,
    watching: &Watching<'_>,
    gates: &GateSettings,
    session: Option<&Session>,
) -> MetricWatch {
    let stacks = &watching.setup.stacks;
    match session.and_then(|s| s.metrics.clone()) {
        Some(memory) if watching.restored => {
            MetricWatch::resume(gates, stacks, memory).restarted(watching.since)
        }
        Some(memory) if memory.since == watching.since => {
            MetricWatch::resume(gates, stacks, memory)
        }
        Some(_) | None => {
            let deployed = watching.before.map_or(watching.since, |start| start.at);
            let watch =
                MetricWatch::new(gates, stacks, deployed, watching.since, ports.clock.now());
            if watching.restored {
                watch.restarted(watching.since)
            } else {
                watch
            }
        }
    }
}

fn say_what_cannot_be_judged(metrics: &MetricWatch, say: &Sayer) {
    let thin = metrics.thin();
    if !thin.is_empty() {
        say(Say::Thin { gates: thin });
    }
    for (gate, why) in metrics.missing() {
        say(Say::NotThere { gate, why });
    }
}

/// A store that does not answer must not end the watch, nor hold it up: only that somebody else has the lock does.
async fn sign_of_life(session: &mut Session) -> Result<(), EngineError> {
    let clock = session.ports().clock.clone();
    let renewed = tokio::select! {
        renewed = session.renew() => renewed,
        () = clock.sleep(BEAT) => {
            tracing::warn!(code = "DG221", "the history store does not answer; the watch goes on");
            return Ok(());
        }
    };
    match renewed {
        Err(EngineError::Store(error)) => {
            tracing::warn!(code = "DG221", %error, "no sign of life could be given; the watch goes on");
            Ok(())
        }
        renewed => renewed,
    }
}

/// A sign of life; shows whether somebody waits.
async fn beat(
    session: Option<&mut Session>,
    yields: bool,
    findings: &[Finding],
) -> Result<Option<Watched>, EngineError> {
    let Some(session) = session else {
        return Ok(None);
    };
    sign_of_life(session).await?;
    let Some(request) = session.head.yield_to.clone().filter(|_| yields) else {
        return Ok(None);
    };
    session
        .append(vec![Event::YieldAsked {
            run_url: request.run_url,
        }])
        .await?;
    Ok(Some(Watched::Yielded(Judgement {
        verdict: Verdict::Inconclusive,
        reason: ReasonCode::Yielded,
        decision: Decision::Hold,
        findings: findings.to_vec(),
    })))
}

/// Gates that failed often enough in a row: a probe a second until one succeeds or the span ends.
async fn confirm(
    ports: &Ports,
    http: &mut HttpWatch,
    mut session: Option<&mut Session>,
    say: &Sayer,
    stop: &mut Stop,
) -> Result<Option<StoppedBy>, EngineError> {
    let which = http.to_confirm();
    for (_, gate, span) in &which {
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
    let mut beat_at = ports.clock.monotonic() + BEAT;
    while !failing.is_empty() && ports.clock.monotonic() < end {
        tokio::select! {
            () = ports.clock.sleep(QUICK) => {}
            by = stopped(stop) => return Ok(Some(by)),
        }
        failing = http.confirm_once(ports, &failing).await;
        if ports.clock.monotonic() >= beat_at {
            beat_at = ports.clock.monotonic() + BEAT;
            if let Some(session) = session.as_deref_mut() {
                sign_of_life(session).await?;
            }
        }
    }
    http.confirmed(&failing);
    Ok(None)
}
