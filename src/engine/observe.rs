//! One look at everything at once: HTTP gates, stacks, versions. Knows when to probe, not what it means.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::{join, join_all};

use crate::config::{MissingOutput, check_urls, fill_outputs, fill_ref, needed_outputs, needs_ref};
use crate::core::gate::http::{HttpGate, HttpHistory, Next, ProbeLine};
use crate::core::gate::{Finding, GateKind, GateSettings, Seen};
use crate::core::id::CommitSha;
use crate::core::journal::{LiveChange, StackSeen, Start};
use crate::core::observation::{Kind, Probe, Reading, Why};
use crate::core::reason::ReasonCode;
use crate::core::record::Verdict;
use crate::core::time::Timestamp;
use crate::engine::Ports;
use crate::ports::{CloudError, Stack};

/// A gate that failed before the deployment is probed again after this.
const AGAIN: Duration = Duration::from_secs(1);

/// What the HTTP gates showed before the deployment.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Before {
    /// Gates that failed, for another reason than the version.
    pub failing: Vec<String>,
    /// Versions that answered.
    pub versions: Vec<(String, String)>,
}

/// One probe of every HTTP gate before the deployment, and a second one where any failed: what fails already is no evidence against it.
pub async fn before(ports: &Ports, gates: &GateSettings) -> Before {
    let fails = |gate: &HttpGate, probe: &Probe| {
        let ageless = HttpGate {
            version: None,
            ..gate.clone()
        };
        ageless.problem(probe).is_some()
    };
    let mut probes = probe_all(ports, gates.http.iter()).await;
    if gates.http.iter().zip(&probes).any(|(g, p)| fails(g, p)) {
        // One probe that went wrong would mute a gate for the whole watch.
        ports.clock.sleep(AGAIN).await;
        let again = probe_all(ports, gates.http.iter()).await;
        for ((gate, first), second) in gates.http.iter().zip(&mut probes).zip(again) {
            if fails(gate, first) {
                *first = second;
            }
        }
    }
    let mut before = Before::default();
    for (gate, probe) in gates.http.iter().zip(probes) {
        if fails(gate, &probe) {
            before.failing.push(gate.name.clone());
        }
        if let Some(version) = seen_version(gate, &probe) {
            before.versions.push((gate.name.clone(), version));
        }
    }
    before
}

fn seen_version(gate: &HttpGate, probe: &Probe) -> Option<String> {
    let answer = probe.outcome.as_ref().ok()?;
    gate.version.as_ref()?.seen(answer)
}

async fn probe_all<'a>(ports: &Ports, gates: impl Iterator<Item = &'a HttpGate>) -> Vec<Probe> {
    join_all(gates.map(|gate| async {
        let request = gate.request();
        ports.prober.probe(&request).await
    }))
    .await
}

/// The stacks as they stand, all at once; a stack that could not be read is `Err`.
pub async fn stacks(ports: &Ports, names: &[String]) -> Vec<Result<Stack, CloudError>> {
    join_all(names.iter().map(|name| ports.stacks.describe(name))).await
}

/// What became of stack and live version since the start, and the stacks as seen.
pub async fn live_change(
    ports: &Ports,
    gates: &GateSettings,
    names: &[String],
    start: &Start,
) -> (LiveChange, Vec<StackSeen>) {
    let (seen, probes) = join(stacks(ports, names), probe_all(ports, gates.http.iter())).await;
    let mut now = Vec::new();
    for stack in seen {
        match stack {
            Ok(stack) => now.push(stack.seen),
            Err(error) => {
                tracing::warn!(code = "DG220", error = %error, "a stack could not be read");
                return (LiveChange::Unknown, now);
            }
        }
    }
    if let Some(change) = stack_change(&start.stacks, &now) {
        return (change, now);
    }
    let versions: Vec<_> = gates
        .http
        .iter()
        .zip(&probes)
        .filter_map(|(gate, probe)| Some((gate, seen_version(gate, probe)?)))
        .collect();
    let old = |name: &str| {
        start
            .versions_before
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, v)| v.as_str())
    };
    let change = if versions.is_empty() {
        LiveChange::Unknown
    } else if versions
        .iter()
        .any(|(gate, version)| old(&gate.name).is_some_and(|old| old != version))
    {
        LiveChange::Changed
    } else if versions
        .iter()
        .all(|(gate, version)| old(&gate.name) == Some(version.as_str()))
    {
        LiveChange::Unchanged
    } else {
        LiveChange::Unknown
    };
    (change, now)
}

/// What two looks at the stacks tell; `None` where there are no stacks to compare.
#[must_use]
pub fn stack_change(before: &[StackSeen], now: &[StackSeen]) -> Option<LiveChange> {
    if now.is_empty() {
        return None;
    }
    let status = |suffix: &str| {
        now.iter()
            .any(|s| s.status.as_deref().is_some_and(|w| w.ends_with(suffix)))
    };
    if status("ROLLBACK_FAILED") {
        return Some(LiveChange::RollbackFailed);
    }
    if now.iter().any(StackSeen::in_progress) {
        return Some(LiveChange::InProgress);
    }
    let changed: Vec<_> =
        now.iter()
            .filter(|s| {
                before.iter().find(|b| b.name == s.name).is_none_or(|b| {
                    b.updated != s.updated || b.status.is_none() != s.status.is_none()
                })
            })
            .collect();
    Some(if changed.is_empty() {
        LiveChange::Unchanged
    } else if changed.iter().all(|s| {
        s.status
            .as_deref()
            .is_some_and(|w| w.ends_with("ROLLBACK_COMPLETE"))
    }) {
        LiveChange::RolledBack
    } else {
        LiveChange::Changed
    })
}

/// The HTTP gates of one watch, with all their probes.
pub struct HttpWatch {
    gates: Vec<(HttpGate, HttpHistory)>,
    alpha: f64,
    versions_before: BTreeMap<String, String>,
    /// Every host failed from here, GitHub's API too, at the last look.
    pub blind: bool,
}

impl HttpWatch {
    /// Begins with what was known before the deployment, if anything was. `alpha`: each gate's share of the
    /// budget of false rollbacks.
    #[must_use]
    pub fn new(gates: &GateSettings, before: Option<&Start>, since: Timestamp, alpha: f64) -> Self {
        let failing =
            |gate: &HttpGate| before.is_some_and(|b| b.failing_before.contains(&gate.name));
        let history = |gate: &HttpGate| HttpHistory::new(since, failing(gate));
        Self {
            gates: gates
                .http
                .iter()
                .map(|gate| (gate.clone(), history(gate)))
                .collect(),
            alpha,
            versions_before: before
                .iter()
                .flat_map(|b| b.versions_before.iter().cloned())
                .collect(),
            blind: false,
        }
    }

    /// Probes every gate once, at once. A look at which every host fails below HTTP, GitHub too, says
    /// something about our own network and nothing about the service: it is not counted.
    pub async fn look(&mut self, ports: &Ports) {
        let probes = probe_all(ports, self.gates.iter().map(|(gate, _)| gate)).await;
        self.blind = !probes.is_empty()
            && probes.iter().all(|p| p.outcome.is_err())
            && github_is_dark(ports).await;
        if self.blind {
            return;
        }
        for ((gate, history), probe) in self.gates.iter_mut().zip(&probes) {
            history.probes.push(ProbeLine::of(gate, probe, false));
        }
    }

    /// Names of the gates whose failure is to be confirmed now, with the span.
    #[must_use]
    pub fn to_confirm(&self) -> Vec<(usize, String, Duration)> {
        self.gates
            .iter()
            .enumerate()
            .filter(|(_, (gate, history))| !self.blind && history.next(gate) == Next::Confirm)
            .map(|(i, (gate, _))| (i, gate.name.clone(), gate.confirm))
            .collect()
    }

    /// One confirming probe of each of these gates; answers those that still fail.
    pub async fn confirm_once(&mut self, ports: &Ports, which: &[usize]) -> Vec<usize> {
        let gates: Vec<_> = which
            .iter()
            .filter_map(|i| self.gates.get(*i))
            .map(|(gate, _)| gate.clone())
            .collect();
        let probes = probe_all(ports, gates.iter()).await;
        let dark = probes.iter().all(|p| p.outcome.is_err()) && github_is_dark(ports).await;
        let mut failing = Vec::new();
        for (i, probe) in which.iter().zip(&probes) {
            let Some((gate, history)) = self.gates.get_mut(*i) else {
                continue;
            };
            if dark {
                self.blind = true;
                continue;
            }
            let line = ProbeLine::of(gate, probe, true);
            if line.problem.is_some() {
                failing.push(*i);
            }
            history.probes.push(line);
        }
        failing
    }

    /// Marks gates whose confirmation ended without a success.
    pub fn confirmed(&mut self, which: &[usize]) {
        for i in which {
            if let Some((_, history)) = self.gates.get_mut(*i) {
                history.confirmed = true;
            }
        }
    }

    /// What the gates say so far.
    #[must_use]
    pub fn findings(&self) -> Vec<Finding> {
        self.gates
            .iter()
            .map(|(gate, history)| {
                let finding = history.finding(gate, self.alpha);
                if self.blind && finding.verdict != Verdict::Degraded {
                    return Finding {
                        verdict: Verdict::Inconclusive,
                        reason: ReasonCode::OwnNetworkDown,
                        certified: false,
                        ..finding
                    };
                }
                finding
            })
            .collect()
    }

    /// True where a third version answers: neither ours nor the one before.
    #[must_use]
    pub fn superseded(&self) -> bool {
        use crate::core::gate::http::Problem;
        self.gates.iter().any(|(gate, history)| {
            match history.probes.last().and_then(|p| p.problem.as_ref()) {
                Some(Problem::Version { got: Some(got), .. }) => self
                    .versions_before
                    .get(&gate.name)
                    .is_some_and(|before| before != got),
                _ => false,
            }
        })
    }

    /// True where every gate is decided, one way or the other.
    #[must_use]
    pub fn decided(&self) -> bool {
        self.findings()
            .iter()
            .all(|f| f.certified || f.verdict == Verdict::Degraded)
    }

    /// True where a gate has failed, and the failure was confirmed.
    #[must_use]
    pub fn failed(&self) -> bool {
        let mut findings = self.findings().into_iter();
        findings.any(|f| f.verdict == Verdict::Degraded)
    }
}

async fn github_is_dark(ports: &Ports) -> bool {
    match &ports.forge {
        Some(forge) => forge.ping().await.is_err(),
        // Without GitHub there is nobody else to ask: hosts that fail are taken at their word.
        None => false,
    }
}

/// The stack gate's finding.
#[must_use]
pub fn stack_finding(name: &str, seen: &Reading<StackSeen>, before: Option<&StackSeen>) -> Finding {
    let (verdict, reason, what) = match seen {
        Reading::Unknown(why) => (
            Verdict::Inconclusive,
            ReasonCode::NoData,
            Seen::Unknown { why: why.clone() },
        ),
        Reading::Known(stack) => match stack.status.as_deref() {
            None => (
                Verdict::Inconclusive,
                ReasonCode::NoData,
                Seen::Unknown {
                    why: Why::new(Kind::NotFound, format!("no stack {name}")),
                },
            ),
            Some(word) => {
                let (verdict, reason) = if stack.in_progress() {
                    (Verdict::Inconclusive, ReasonCode::StackUnsettled)
                } else if before == Some(stack) && is_failed(word) {
                    // This deployment has not touched it, or not yet mended it.
                    (Verdict::Inconclusive, ReasonCode::FailingBefore)
                } else if is_failed(word) {
                    (Verdict::Degraded, ReasonCode::StackFailed)
                } else {
                    (Verdict::Healthy, ReasonCode::Healthy)
                };
                (
                    verdict,
                    reason,
                    Seen::Text {
                        text: word.to_owned(),
                    },
                )
            }
        },
    };
    let certain = |wanted| if verdict == wanted { 1.0 } else { 0.0 };
    // A settled stack is no proof that the service works: it is never certified.
    Finding {
        verdict,
        reason,
        evidence: certain(Verdict::Degraded),
        pass_evidence: certain(Verdict::Healthy),
        thin: reason == ReasonCode::FailingBefore,
        seen: what,
        ..Finding::blank(name, GateKind::Stack)
    }
}

/// The stack gates, looked at once.
pub async fn stack_findings(
    ports: &Ports,
    gates: &GateSettings,
    names: &[String],
    before: &[StackSeen],
) -> Vec<Finding> {
    if !gates.stack {
        return Vec::new();
    }
    let seen = stacks(ports, names).await;
    names
        .iter()
        .zip(seen)
        .map(|(name, stack)| {
            let reading = match stack {
                Ok(stack) => Reading::Known(stack.seen),
                Err(error) => Reading::Unknown(error.why),
            };
            let before = before.iter().find(|stack| stack.name == *name);
            stack_finding(name, &reading, before)
        })
        .collect()
}

fn is_failed(status: &str) -> bool {
    status.ends_with("FAILED") || status.ends_with("ROLLBACK_COMPLETE")
}

/// The gates of a version: `{ref}` is its commit, whoever watches it. Without a commit there is nothing to compare.
#[must_use]
pub fn of_version(gates: &GateSettings, version: Option<&CommitSha>) -> GateSettings {
    let mut gates = gates.clone();
    match version {
        Some(sha) => fill_ref(&mut gates, sha),
        None => {
            for gate in &mut gates.http {
                gate.version = gate.version.take().filter(|check| !needs_ref(check));
            }
        }
    }
    gates
}

/// Gates with `${stack.X}` filled in; those that cannot be are unknown, not left out.
pub struct Resolved {
    /// Gates that can be looked at.
    pub gates: GateSettings,
    /// Findings of those that cannot.
    pub unknown: Vec<Finding>,
}

/// Fills in what the stacks' outputs give, while watching: what is missing there is unknown.
pub async fn resolve(ports: &Ports, gates: &GateSettings, names: &[String]) -> Resolved {
    if needed_outputs(gates).is_empty() {
        return Resolved {
            gates: gates.clone(),
            unknown: Vec::new(),
        };
    }
    let seen = stacks(ports, names).await;
    match fill(gates, &seen) {
        Ok(gates) => Resolved {
            gates,
            unknown: Vec::new(),
        },
        Err(problems) => {
            let why = Why::new(Kind::NotFound, problems.join("; "));
            let mut rest = gates.clone();
            let unfilled = |gate: &HttpGate| gate.url.contains("${stack.");
            let unknown = gates
                .http
                .iter()
                .filter(|g| unfilled(g))
                .map(|g| unknown_http(&g.name, &why))
                .collect();
            rest.http.retain(|g| !unfilled(g));
            Resolved {
                gates: rest,
                unknown,
            }
        }
    }
}

/// Fills in what these stacks give; answers everything that is missing or leads to a wrong address.
pub fn fill(
    gates: &GateSettings,
    seen: &[Result<Stack, CloudError>],
) -> Result<GateSettings, Vec<String>> {
    let mut gates = gates.clone();
    if needed_outputs(&gates).is_empty() {
        return Ok(gates);
    }
    let errors: Vec<String> = seen
        .iter()
        .filter_map(|s| s.as_ref().err())
        .map(ToString::to_string)
        .collect();
    let outputs = seen
        .iter()
        .filter_map(|s| s.as_ref().ok())
        .flat_map(|s| s.outputs.clone())
        .collect();
    fill_outputs(&mut gates, &outputs).map_err(|missing| {
        let known = |m: &MissingOutput| format!("{m}; there are: {}", m.available.join(", "));
        errors
            .into_iter()
            .chain(missing.iter().map(known))
            .collect::<Vec<_>>()
    })?;
    let wrong = check_urls("stack outputs", &gates);
    if wrong.is_empty() {
        Ok(gates)
    } else {
        Err(wrong.iter().map(ToString::to_string).collect())
    }
}

fn unknown_http(name: &str, why: &Why) -> Finding {
    Finding {
        seen: Seen::Unknown { why: why.clone() },
        ..Finding::blank(name, GateKind::Http)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stack(status: Option<&str>, updated: i64) -> StackSeen {
        StackSeen {
            name: "todo".to_owned(),
            status: status.map(str::to_owned),
            updated: Some(crate::core::time::Timestamp::from_millis(updated)),
        }
    }

    fn found(seen: StackSeen, before: Option<&StackSeen>) -> (Verdict, ReasonCode, bool) {
        let finding = stack_finding("todo", &Reading::Known(seen), before);
        assert!(!finding.certified, "a settled stack proves nothing");
        (finding.verdict, finding.reason, finding.thin)
    }

    #[test]
    fn a_stack_that_is_updating_is_not_judged_and_a_failed_one_is_bad() {
        let well = stack(Some("UPDATE_COMPLETE"), 1);
        for (word, verdict, reason) in [
            ("UPDATE_COMPLETE", Verdict::Healthy, ReasonCode::Healthy),
            (
                "UPDATE_IN_PROGRESS",
                Verdict::Inconclusive,
                ReasonCode::StackUnsettled,
            ),
            (
                "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
                Verdict::Inconclusive,
                ReasonCode::StackUnsettled,
            ),
            (
                "UPDATE_ROLLBACK_COMPLETE",
                Verdict::Degraded,
                ReasonCode::StackFailed,
            ),
            (
                "UPDATE_ROLLBACK_FAILED",
                Verdict::Degraded,
                ReasonCode::StackFailed,
            ),
        ] {
            let seen = stack(Some(word), 2);
            assert_eq!(found(seen, Some(&well)), (verdict, reason, false), "{word}");
        }
        let gone = found(stack(None, 2), Some(&well));
        assert_eq!(gone, (Verdict::Inconclusive, ReasonCode::NoData, false));
    }

    #[test]
    fn a_stack_that_had_failed_before_is_no_evidence_until_it_is_touched() {
        let failed = stack(Some("UPDATE_ROLLBACK_COMPLETE"), 1);
        assert_eq!(
            found(failed.clone(), Some(&failed)),
            (Verdict::Inconclusive, ReasonCode::FailingBefore, true)
        );
        let again = stack(Some("UPDATE_ROLLBACK_COMPLETE"), 2);
        assert_eq!(
            found(again, Some(&failed)),
            (Verdict::Degraded, ReasonCode::StackFailed, false)
        );
    }
}
