//! The logs gate: how many log lines match, against how many may; knows no query language.

use serde::{Deserialize, Serialize};

use crate::core::gate::{Finding, GateKind, LogsGate, Seen};
use crate::core::observation::{Reading, Why};
use crate::core::reason::ReasonCode;
use crate::core::record::Verdict;
use crate::core::time::Timestamp;

/// What is kept of one logs gate from look to look.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LogsMemory {
    /// Matches in a stretch before the deployment as long as the watch; `None` = not counted yet.
    pub before: Option<u64>,
    /// Matches since the watch began, as last counted.
    pub since: Option<u64>,
    /// When that was.
    pub at: Option<Timestamp>,
    /// Why the last count failed.
    #[serde(default)]
    pub why: Option<Why>,
}

impl LogsMemory {
    /// Takes a count of the matches since the watch began.
    pub fn take(&mut self, at: Timestamp, count: &Reading<u64>) {
        match count {
            Reading::Known(count) => {
                self.since = Some(*count);
                self.at = Some(at);
                self.why = None;
            }
            Reading::Unknown(why) => self.why = Some(why.clone()),
        }
    }
}

impl LogsGate {
    /// The finding. What matched as often before the deployment is no evidence against it.
    #[must_use]
    pub fn finding(&self, memory: &LogsMemory) -> Finding {
        // Silent logs are no proof that the service works.
        let blank = Finding::blank(&self.name, GateKind::Logs);
        let unknown = |blank: Finding| match &memory.why {
            Some(why) => Finding {
                seen: Seen::Unknown { why: why.clone() },
                ..blank
            },
            None => blank,
        };
        let Some(count) = memory.since else {
            return unknown(blank);
        };
        let seen = Seen::Value {
            value: count as f64,
        };
        if count > self.max {
            return match memory.before {
                Some(before) if before > self.max => Finding {
                    reason: ReasonCode::FailingBefore,
                    thin: true,
                    seen,
                    ..blank
                },
                Some(_) => Finding {
                    verdict: Verdict::Degraded,
                    reason: ReasonCode::LogsMatch,
                    evidence: 1.0,
                    seen,
                    ..blank
                },
                // Whether it was so before is not known: no evidence yet.
                None => unknown(blank),
            };
        }
        if memory.why.is_some() {
            return unknown(blank);
        }
        Finding {
            verdict: Verdict::Healthy,
            reason: ReasonCode::Healthy,
            pass_evidence: 1.0,
            seen,
            ..blank
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::observation::Kind;

    #[test]
    fn more_matches_than_allowed_fail_unless_it_was_so_before() {
        let gate = LogsGate {
            name: "panics".to_owned(),
            groups: Vec::new(),
            query: String::new(),
            max: 1,
        };
        let at = Timestamp::from_millis(0);
        let mut memory = LogsMemory::default();
        assert_eq!(gate.finding(&memory).reason, ReasonCode::NoData);
        memory.take(at, &Reading::Known(2));
        assert_eq!(gate.finding(&memory).verdict, Verdict::Inconclusive);
        memory.before = Some(0);
        assert_eq!(gate.finding(&memory).verdict, Verdict::Degraded);
        memory.before = Some(5);
        assert_eq!(gate.finding(&memory).reason, ReasonCode::FailingBefore);
        memory.take(at, &Reading::Known(1));
        assert_eq!(gate.finding(&memory).verdict, Verdict::Healthy);
        memory.take(at, &Reading::Unknown(Why::new(Kind::Denied, "no")));
        assert_eq!(gate.finding(&memory).verdict, Verdict::Inconclusive);
    }
}
