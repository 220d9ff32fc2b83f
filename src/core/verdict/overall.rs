//! From the gates' verdicts to the deployment's; it knows kinds of gates, not their numbers.

use super::reason::Verdict;

/// One gate's contribution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GateVerdict {
    /// What it found.
    pub verdict: Verdict,
    /// An `http` or metric gate, which alone can certify a deployment.
    pub certifies: bool,
    /// Its baseline promises too few requests for a pass: it can fail the deployment, not hold it.
    pub thin: bool,
}

/// Verdict over all gates: `degraded` if any is; `healthy` if at least one certifying gate is healthy
/// and every other is healthy or thin; else `inconclusive`. `None` (skipped) without any gate.
#[must_use]
pub fn overall(gates: &[GateVerdict]) -> Option<Verdict> {
    if gates.is_empty() {
        return None;
    }
    if gates.iter().any(|gate| gate.verdict == Verdict::Degraded) {
        return Some(Verdict::Degraded);
    }
    let certified = gates
        .iter()
        .any(|gate| gate.certifies && gate.verdict == Verdict::Healthy);
    let held = gates
        .iter()
        .any(|gate| gate.verdict == Verdict::Inconclusive && !gate.thin);
    Some(if certified && !held {
        Verdict::Healthy
    } else {
        Verdict::Inconclusive
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thin_gates_do_not_hold_and_one_bad_gate_decides() {
        let http = GateVerdict {
            verdict: Verdict::Healthy,
            certifies: true,
            thin: false,
        };
        let thin = GateVerdict {
            verdict: Verdict::Inconclusive,
            certifies: true,
            thin: true,
        };
        let blind = GateVerdict {
            thin: false,
            ..thin
        };
        let bad = GateVerdict {
            verdict: Verdict::Degraded,
            ..thin
        };
        let stack = GateVerdict {
            certifies: false,
            ..http
        };
        assert_eq!(overall(&[]), None);
        assert_eq!(overall(&[http, thin, thin]), Some(Verdict::Healthy));
        assert_eq!(overall(&[http, blind]), Some(Verdict::Inconclusive));
        assert_eq!(overall(&[thin]), Some(Verdict::Inconclusive));
        assert_eq!(overall(&[stack]), Some(Verdict::Inconclusive));
        assert_eq!(overall(&[http, bad]), Some(Verdict::Degraded));
    }
}
