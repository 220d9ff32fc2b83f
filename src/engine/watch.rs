//! The watch: looks, judges afresh at each tick, ends at the deadline or at the first proof. Knows ticks and
//! signs of life, not what a gate means.

use std::pin::pin;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::join;

use crate::core::deployment::State;
use crate::core::gate::{Finding, GateSettings};
use crate::core::journal::{Event, Judgement, Start, StoppedBy};
use crate::core::judge::{Policy, judge};
use crate::core::lease::YieldRequest;
use crate::core::reason::ReasonCode;
use crate::core::record::{Decision, Verdict};
use crate::core::time::Timestamp;
use crate::engine::metrics::{MetricMemory, MetricWatch};
use crate::engine::observe::{HttpWatch, Resolved, of_version, resolve, stack_findings};
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
    /// Requests count from then on: the start of the first watch of this deployment.
    pub counted: Timestamp,
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
    let (mut setup, start) = (session.setup().clone(), session.deployment.start.clone());
    setup.gates = of_version(&setup.gates, start.git_ref.as_ref());
    setup.gates.window = setup.gates.window_of(start.kind);
    let heir = session.deployment.is_heir();
    let early = one_look || heir || setup.gates.early_pass;
    let watching = Watching {
        before: Some(&start),
        policy: policy(session),
        since,
        counted: first_watch(session).unwrap_or(since),
        until,
        pace: if one_look {
            QUICK
        } else {
            setup.gates.interval
        },
        early: if early { Early::Decided } else { Early::Never },
        // What an heir gives back goes to who lent it, not to who asks.
        yields: !heir,
        restored: false,
        setup: &setup,
    };
    let ports = session.ports().clone();
    look_on(&ports, &watching, Some(session), say, stop).await
}

/// When this deployment was watched first: a watch that a dead process began is gone on with.
fn first_watch(session: &Session) -> Option<Timestamp> {
    let mut events = session.entries.iter().flat_map(|e| &e.events);
    events.find_map(|event| match event {
        Event::WatchStarted { since, .. } => Some(*since),
        _ => None,
    })
}

/// One look at a deployment that is closed, with the very same test as during its watch: goes on from `known`, or
/// counts from `counted` on. Answers the counts for the next look too.
#[expect(clippy::too_many_arguments, reason = "one look, made of all of these")]
pub async fn look_again(
    ports: &Ports,
    setup: &Setup,
    start: &Start,
    policy: Policy,
    known: Option<MetricMemory>,
    counted: Timestamp,
    say: &Sayer,
    stop: &mut Stop,
) -> (Watched, Option<MetricMemory>) {
    let since = ports.clock.now();
    let gates = of_version(&setup.gates, start.git_ref.as_ref());
    let setup = Setup {
        gates,
        ..setup.clone()
    };
    let watching = Watching {
        setup: &setup,
        before: Some(start),
        policy,
        since,
        counted,
        until: one_look_until(since),
        pace: QUICK,
        early: Early::Decided,
        yields: false,
        restored: false,
    };
    let so_far = Mutex::new(SoFar::default());
    let watched = tokio::select! {
        biased;
        by = stopped(stop) => Watched::Stopped(by),
        watched = look_till_sure(ports, &watching, known, say, &so_far) => watched,
    };
    let seen = so_far.into_inner().unwrap_or_else(PoisonError::into_inner);
    (watched, seen.metrics)
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
        counted: since,
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

/// Watches an environment as it is, without lock and record: a watch of `window`, or one look, for which the requests of
/// the last `window` of the gates count, against the time before.
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
        counted: window.map_or_else(|| since.minus(setup.gates.window), |_| since),
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

/// What a watch has seen so far, for whoever ends it.
#[derive(Debug, Default)]
struct SoFar {
    findings: Vec<Finding>,
    metrics: Option<MetricMemory>,
}

/// Looks until proof or deadline, gives signs of life meanwhile, and hands over where somebody asks.
async fn look_on(
    ports: &Ports,
    watching: &Watching<'_>,
    mut session: Option<&mut Session>,
    say: &Sayer,
    stop: &mut Stop,
) -> Result<Watched, EngineError> {
    if watching.setup.gates.is_empty() {
        return Ok(Watched::Judged(judge(Vec::new(), watching.policy)));
    }
    let so_far = Mutex::new(SoFar::default());
    let known = session.as_deref().and_then(|s| s.metrics.clone());
    let ended = {
        let looking = look_till_sure(ports, watching, known, say, &so_far);
        let asked = asked_to_yield(ports, session.as_deref_mut(), watching.yields);
        tokio::select! {
            biased;
            by = stopped(stop) => Ok(Ok(Watched::Stopped(by))),
            watched = looking => Ok(Ok(watched)),
            request = asked => request.map(Err),
        }
    };
    let SoFar { findings, metrics } = so_far.into_inner().unwrap_or_else(PoisonError::into_inner);
    let Some(session) = session else {
        return Ok(ended?.unwrap_or(Watched::Judged(judge(findings, watching.policy))));
    };
    session.metrics = metrics.or(session.metrics.take());
    let request = match ended? {
        Ok(watched) => return Ok(watched),
        Err(request) => request,
    };
    session
        .append(vec![Event::YieldAsked {
            run_url: request.run_url,
        }])
        .await?;
    Ok(Watched::Yielded(Judgement {
        verdict: Verdict::Inconclusive,
        reason: ReasonCode::Yielded,
        decision: Decision::Hold,
        findings,
    }))
}

/// Signs of life, whatever the looks are waiting for, until one of them shows that somebody asks for the lock.
async fn asked_to_yield(
    ports: &Ports,
    session: Option<&mut Session>,
    yields: bool,
) -> Result<YieldRequest, EngineError> {
    let Some(session) = session.filter(|s| s.is_locked()) else {
        return std::future::pending().await;
    };
    loop {
        ports.clock.sleep(BEAT).await;
        match session.renew().await {
            Ok(()) => {}
            // Looking needs no lock, and the write that ends the watch finds out for itself.
            Err(EngineError::Store(error)) => {
                tracing::warn!(code = "DG221", %error, "a sign of life could not be given");
                continue;
            }
            Err(error) => return Err(error),
        }
        if let Some(request) = session.head.yield_to.clone().filter(|_| yields) {
            return Ok(request);
        }
    }
}

/// The loop: one look at all gates, judged afresh, until proof or deadline.
async fn look_till_sure(
    ports: &Ports,
    watching: &Watching<'_>,
    known: Option<MetricMemory>,
    say: &Sayer,
    so_far: &Mutex<SoFar>,
) -> Watched {
    let setup = watching.setup;
    let Resolved { gates, unknown } = resolve(ports, &setup.gates, &setup.stacks).await;
    let mut metrics = metric_watch(ports, watching, &gates, known);
    metrics.prepare(&ports.cloud).await;
    say_what_cannot_be_judged(&metrics, say);
    let mut http = HttpWatch::new(&gates, watching.before, watching.since, metrics.alpha());
    // The wall's clock may be set while we watch; what is left of the watch is not.
    let whole = watching.until.since(watching.since);
    let left = watching.until.since(ports.clock.now()).min(whole);
    let end = ports.clock.monotonic() + left;
    let stacks_before = watching.before.map_or(&[][..], |start| &start.stacks);
    loop {
        let at = ports.clock.now();
        let stacks = {
            let mut reading = pin!(metrics.look(&ports.cloud, at));
            let mut read = false;
            // A provider that takes its time delays neither the probes nor what they prove.
            loop {
                let stacks = {
                    let mut probing = pin!(async {
                        let stacks = stack_findings(ports, &gates, &setup.stacks, stacks_before);
                        let (_, stacks) = join(http.look(ports), stacks).await;
                        confirm(ports, &mut http, say).await;
                        stacks
                    });
                    loop {
                        tokio::select! {
                            biased;
                            () = reading.as_mut(), if !read => read = true,
                            stacks = probing.as_mut() => break stacks,
                        }
                    }
                };
                let late = ports.clock.monotonic() >= end + ONE_LOOK;
                if read || late || http.failed() {
                    break stacks;
                }
                tokio::select! {
                    biased;
                    () = reading.as_mut() => break stacks,
                    () = ports.clock.sleep(watching.pace) => {}
                }
            }
        };
        let mut findings = http.findings();
        findings.extend(metrics.findings());
        findings.extend(stacks);
        findings.extend(unknown.iter().cloned());
        let judgement = judge(findings.clone(), watching.policy);
        say(Say::Watching {
            findings: findings.clone(),
            until: watching.until,
            now: ports.clock.now(),
        });
        *so_far.lock().unwrap_or_else(PoisonError::into_inner) = SoFar {
            findings,
            metrics: (!metrics.is_empty()).then(|| metrics.memory().clone()),
        };
        let now = ports.clock.monotonic();
        let sure = watching.early == Early::Decided
            && http.decided()
            && metrics.decided()
            && judgement.verdict != Verdict::Inconclusive;
        if now >= end || judgement.verdict == Verdict::Degraded || sure {
            let superseded = judgement.verdict != Verdict::Healthy && http.superseded();
            return if superseded {
                Watched::Superseded
            } else {
                Watched::Judged(judgement)
            };
        }
        let nap = watching.pace.min(end.saturating_sub(now));
        ports.clock.sleep(nap.max(Duration::from_millis(1))).await;
    }
}

/// The CloudWatch gates of this watch; after a restore with the baseline of the watch that asked for it.
fn metric_watch(
    ports: &Ports,
    watching: &Watching<'_>,
    gates: &GateSettings,
    known: Option<MetricMemory>,
) -> MetricWatch {
    let stacks = &watching.setup.stacks;
    let deployed = watching.before.map_or(watching.counted, |start| start.at);
    match known {
        Some(memory) if watching.restored => {
            MetricWatch::resume(gates, stacks, memory).restarted(watching.since)
        }
        Some(memory) if memory.deployed == deployed => MetricWatch::resume(gates, stacks, memory),
        Some(_) | None => {
            let now = ports.clock.now();
            let fired = watching
                .before
                .map_or(&[][..], |start| &start.alarms_before);
            let watch = MetricWatch::new(gates, stacks, deployed, watching.counted, now)
                .with_alarms_before(fired);
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

/// Gates that failed often enough in a row: a probe a second until one succeeds or the span ends.
async fn confirm(ports: &Ports, http: &mut HttpWatch, say: &Sayer) {
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
    while !failing.is_empty() && ports.clock.monotonic() < end {
        ports.clock.sleep(QUICK).await;
        failing = http.confirm_once(ports, &failing).await;
    }
    http.confirmed(&failing);
}
