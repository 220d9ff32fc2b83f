//! The alarms gate: which alarms fire, and since when; knows no metric behind them.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::core::gate::{AlarmsGate, Finding, GateKind, Seen};
use crate::core::observation::{Kind, Reading, Why};
use crate::core::reason::ReasonCode;
use crate::core::record::{Verdict, words};
use crate::core::time::Timestamp;

/// Shown name of the gate.
pub const NAME: &str = "alarms";

words! {
    /// An alarm's state.
    AlarmState {
        /// Within its bound.
        Ok = "ok",
        /// Beyond its bound.
        Alarm = "alarm",
        /// Too little data to say.
        Insufficient = "insufficient",
    }
}

/// One alarm as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlarmSeen {
    /// Name.
    pub name: String,
    /// State.
    pub state: AlarmState,
    /// Since when it has this state, where the provider says so.
    pub since: Option<Timestamp>,
}

/// What is kept of the alarms from look to look.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AlarmsMemory {
    /// Alarms that were seen not to fire since the watch began: they may fail the deployment from then on.
    pub been_good: BTreeSet<String>,
    /// Fired already at the checks before the deployment.
    #[serde(default)]
    pub firing_before: BTreeSet<String>,
}

impl AlarmsMemory {
    /// Notes which alarms are well.
    pub fn note(&mut self, alarms: &[AlarmSeen]) {
        let good = alarms.iter().filter(|a| a.state == AlarmState::Ok);
        self.been_good.extend(good.map(|a| a.name.clone()));
    }

    /// True where an alarm that fires fired before the deployment too, without having been well in between.
    fn old(&self, alarm: &AlarmSeen, deployed: Timestamp) -> bool {
        if self.been_good.contains(&alarm.name) {
            return false;
        }
        // An alarm whose time is not told may be old: it counts once it was seen to be well.
        self.firing_before.contains(&alarm.name) || alarm.since.is_none_or(|since| since < deployed)
    }
}

impl AlarmsGate {
    /// The finding. `deployed`: when the deployment began; an alarm that has fired since before is no evidence.
    #[must_use]
    pub fn finding(
        &self,
        alarms: &Reading<Vec<AlarmSeen>>,
        memory: &AlarmsMemory,
        deployed: Timestamp,
    ) -> Finding {
        // Silent alarms are no proof that the service works.
        let blank = Finding::blank(NAME, GateKind::Alarms);
        let alarms = match alarms {
            Reading::Known(alarms) => alarms,
            Reading::Unknown(why) => {
                return Finding {
                    seen: Seen::Unknown { why: why.clone() },
                    ..blank
                };
            }
        };
        let firing: Vec<_> = alarms
            .iter()
            .filter(|a| a.state == AlarmState::Alarm)
            .collect();
        let (old, new): (Vec<&AlarmSeen>, Vec<&AlarmSeen>) =
            firing.into_iter().partition(|a| memory.old(a, deployed));
        let names = |of: &[&AlarmSeen]| Seen::Names {
            names: of.iter().map(|a| a.name.clone()).collect(),
        };
        if !new.is_empty() {
            return Finding {
                verdict: Verdict::Degraded,
                reason: ReasonCode::AlarmFiring,
                evidence: 1.0,
                seen: names(&new),
                ..blank
            };
        }
        if let Some(why) = self.missing(alarms) {
            return Finding {
                seen: Seen::Unknown { why },
                ..blank
            };
        }
        if !old.is_empty() {
            // It may not block the very deployment that mends it.
            return Finding {
                reason: ReasonCode::FailingBefore,
                thin: true,
                seen: names(&old),
                ..blank
            };
        }
        Finding {
            verdict: Verdict::Healthy,
            reason: ReasonCode::Healthy,
            pass_evidence: 1.0,
            seen: names(&[]),
            ..blank
        }
    }

    /// Named alarms that there are not, or a prefix that no alarm has.
    fn missing(&self, alarms: &[AlarmSeen]) -> Option<Why> {
        let absent: Vec<&str> = self
            .names
            .iter()
            .filter(|name| !alarms.iter().any(|a| a.name == **name))
            .map(String::as_str)
            .collect();
        if !absent.is_empty() {
            return Some(Why::new(
                Kind::NotFound,
                format!("no alarm {}", absent.join(", ")),
            ));
        }
        let prefix = self.prefix.as_ref()?;
        (!alarms.iter().any(|a| a.name.starts_with(prefix.as_str()))).then(|| {
            Why::new(
                Kind::NotFound,
                format!("no alarm whose name begins with {prefix}"),
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alarm(name: &str, state: AlarmState, since: i64) -> AlarmSeen {
        AlarmSeen {
            name: name.to_owned(),
            state,
            since: Some(Timestamp::from_millis(since)),
        }
    }

    #[test]
    fn an_alarm_that_fired_before_is_no_evidence_until_it_was_well() {
        let gate = AlarmsGate {
            names: vec!["a".to_owned()],
            prefix: None,
        };
        let deployed = Timestamp::from_millis(1000);
        let mut memory = AlarmsMemory::default();
        let find = |memory: &AlarmsMemory, state, since| {
            gate.finding(
                &Reading::Known(vec![alarm("a", state, since)]),
                memory,
                deployed,
            )
        };
        let old = find(&memory, AlarmState::Alarm, 500);
        assert_eq!(
            (old.verdict, old.reason, old.thin),
            (Verdict::Inconclusive, ReasonCode::FailingBefore, true)
        );
        assert_eq!(
            find(&memory, AlarmState::Alarm, 1500).verdict,
            Verdict::Degraded
        );
        memory.firing_before.insert("a".to_owned());
        assert_eq!(
            find(&memory, AlarmState::Alarm, 1500).reason,
            ReasonCode::FailingBefore
        );
        memory.note(&[alarm("a", AlarmState::Ok, 1600)]);
        assert_eq!(
            find(&memory, AlarmState::Alarm, 1700).verdict,
            Verdict::Degraded
        );
        let well = find(&memory, AlarmState::Ok, 1800);
        assert_eq!((well.verdict, well.certified), (Verdict::Healthy, false));
    }

    #[test]
    fn alarms_that_are_not_there_are_said() {
        let gate = AlarmsGate {
            names: vec!["a".to_owned(), "b".to_owned()],
            prefix: None,
        };
        let seen = Reading::Known(vec![alarm("b", AlarmState::Ok, 0)]);
        let finding = gate.finding(&seen, &AlarmsMemory::default(), Timestamp::from_millis(0));
        assert_eq!(
            finding.seen,
            Seen::Unknown {
                why: Why::new(Kind::NotFound, "no alarm a")
            }
        );
        assert!(!finding.thin);
    }
}
