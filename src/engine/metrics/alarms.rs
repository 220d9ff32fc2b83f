//! The alarms of an environment as they stand, before and during a watch. Knows no metric.

use crate::core::gate::GateSettings;
use crate::core::gate::alarms::{AlarmSeen, AlarmState};
use crate::core::policy::CheckResult;
use crate::core::reason::ReasonCode;
use crate::engine::Cloud;
use crate::ports::CloudError;

/// The alarms of the alarms gate as they stand; `None` where there is no such gate.
pub async fn alarms(
    cloud: &Cloud,
    gates: &GateSettings,
) -> Option<Result<Vec<AlarmSeen>, CloudError>> {
    let gate = gates.alarms.as_ref()?;
    let seen = cloud
        .metrics
        .alarms(&gate.names, gate.prefix.as_deref())
        .await;
    Some(seen)
}

/// Names of the alarms that fire, as far as that is known.
#[must_use]
pub fn firing(seen: Option<&Result<Vec<AlarmSeen>, CloudError>>) -> Vec<String> {
    let Some(Ok(alarms)) = seen else {
        return Vec::new();
    };
    let firing = alarms.iter().filter(|a| a.state == AlarmState::Alarm);
    firing.map(|a| a.name.clone()).collect()
}

/// The check "alarms not already firing" before a deployment.
#[must_use]
pub fn alarms_check(seen: Option<&Result<Vec<AlarmSeen>, CloudError>>) -> CheckResult {
    match seen {
        None => CheckResult::NotApplicable,
        Some(Err(error)) => CheckResult::Unavailable {
            why: error.why.clone(),
        },
        Some(Ok(_)) => {
            let names = firing(seen);
            if names.is_empty() {
                CheckResult::Passed {
                    note: None,
                    remarks: Vec::new(),
                }
            } else {
                CheckResult::Failed {
                    reason: ReasonCode::AlarmsFiring,
                    detail: names.join(", "),
                }
            }
        }
    }
}
