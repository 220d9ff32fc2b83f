//! From the gates' findings to one verdict and what follows; knows no gate's inside.

use crate::core::gate::{Finding, OnInconclusive};
use crate::core::journal::Judgement;
use crate::core::reason::ReasonCode;
use crate::core::record::{Decision, Verdict};

/// What the configuration says of verdicts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// What an unproven end means.
    pub on_inconclusive: OnInconclusive,
    /// A bad verdict restores without a person.
    pub automatic: bool,
    /// This deployment may not be undone.
    pub irreversible: bool,
}

/// The common verdict (PRODUCT section 5): `degraded` if any gate is; `healthy` if at least one gate is certified
/// and all others are healthy or thin; else `inconclusive`. No gate at all: `skipped`.
#[must_use]
pub fn judge(findings: Vec<Finding>, policy: Policy) -> Judgement {
    let degraded = findings.iter().find(|f| f.verdict == Verdict::Degraded);
    let open = findings
        .iter()
        .find(|f| f.verdict == Verdict::Inconclusive && !f.thin);
    let certified = findings
        .iter()
        .any(|f| f.certified && f.verdict == Verdict::Healthy);
    let healthy = findings.iter().all(|f| f.verdict == Verdict::Healthy);
    let seen = findings.iter().any(|f| f.verdict == Verdict::Healthy);
    let (verdict, reason) = match (degraded, open) {
        _ if findings.is_empty() => (Verdict::Skipped, ReasonCode::NoGates),
        (Some(bad), _) => (Verdict::Degraded, bad.reason),
        // "Nothing" is only true where no gate saw anything.
        (None, Some(open)) if open.reason == ReasonCode::NoData && seen => {
            (Verdict::Inconclusive, ReasonCode::TooLittleData)
        }
        (None, Some(open)) => (Verdict::Inconclusive, open.reason),
        (None, None) if certified && healthy => (Verdict::Healthy, ReasonCode::Healthy),
        (None, None) if certified => (Verdict::Healthy, ReasonCode::HealthyInPart),
        (None, None) => (Verdict::Inconclusive, ReasonCode::TooFewRequests),
    };
    let restores = policy.automatic && !policy.irreversible;
    let decision = match verdict {
        Verdict::Healthy | Verdict::Skipped => Decision::Continue,
        Verdict::Degraded => {
            if restores {
                Decision::Restore
            } else {
                Decision::Stop
            }
        }
        Verdict::Inconclusive => match policy.on_inconclusive {
            OnInconclusive::Hold => Decision::Hold,
            OnInconclusive::Pass => Decision::Continue,
            OnInconclusive::Rollback => {
                if restores {
                    Decision::Restore
                } else {
                    Decision::Hold
                }
            }
        },
    };
    Judgement {
        verdict,
        reason,
        decision,
        findings,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::gate::GateKind;

    fn reason_of(findings: Vec<Finding>) -> (Verdict, ReasonCode) {
        let policy = Policy {
            on_inconclusive: OnInconclusive::Hold,
            automatic: true,
            irreversible: false,
        };
        let judged = judge(findings, policy);
        (judged.verdict, judged.reason)
    }

    #[test]
    fn the_reason_is_true_of_all_gates() {
        let blind = Finding::blank("CreateTodo", GateKind::Lambda);
        let good = Finding {
            verdict: Verdict::Healthy,
            reason: ReasonCode::Healthy,
            certified: true,
            ..Finding::blank("api", GateKind::Http)
        };
        let thin = Finding {
            thin: true,
            reason: ReasonCode::FailingBefore,
            ..blind.clone()
        };
        let found =
            |findings: &[&Finding]| reason_of(findings.iter().map(|f| (*f).clone()).collect());
        assert_eq!(
            found(&[&good, &good]),
            (Verdict::Healthy, ReasonCode::Healthy)
        );
        assert_eq!(
            found(&[&good, &thin]),
            (Verdict::Healthy, ReasonCode::HealthyInPart)
        );
        assert_eq!(
            found(&[&blind]),
            (Verdict::Inconclusive, ReasonCode::NoData)
        );
        assert_eq!(
            found(&[&blind, &good]),
            (Verdict::Inconclusive, ReasonCode::TooLittleData)
        );
    }
}
