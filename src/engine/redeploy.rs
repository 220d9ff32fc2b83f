//! The strategy `redeploy`: the job's own steps deploy the last good commit again, between two verify steps of one job.
//! Knows when the step is handed to the job and when it has come back, not what the job does.

use crate::core::journal::{Event, JobStatus};
use crate::core::observation::{Kind, Why};
use crate::core::restore::{NoPlan, Obstacle, PlannedStep, StepKey, Strategy};
use crate::engine::EngineError;
use crate::engine::session::Session;
use crate::ports::Restore;

/// The one step, where this stage can hand it to the job.
pub fn plan(restore: &Restore<'_>, hands_over: bool) -> Result<Vec<PlannedStep>, NoPlan> {
    if !hands_over {
        return Err(NoPlan::NotApplicable(Obstacle::InTheJob));
    }
    let Some(commit) = &restore.target.git_ref else {
        return Err(NoPlan::NotApplicable(Obstacle::NoSavedState));
    };
    let start = &restore.deployment.start;
    let from = start.git_ref.as_ref().map_or("?", |c| c.short());
    Ok(vec![PlannedStep {
        key: StepKey::new(&start.id, "redeploy"),
        strategy: Strategy::Redeploy,
        what: format!("{from} → {}", commit.short()),
    }])
}

/// What this session has just ordered is the job's to do; what an earlier one ordered is over, whether a later verify
/// step of the same job has come to say so, or somebody who finds the job at its end. True where it is the job's.
pub async fn hand_over(
    session: &mut Session,
    key: &StepKey,
    job: JobStatus,
) -> Result<bool, EngineError> {
    if session.ordered.as_ref() == Some(key) {
        return Ok(true);
    }
    let key = key.clone();
    let event = if session.hands_over && job == JobStatus::Success {
        Event::StepDone { key }
    } else {
        Event::StepFailed {
            key,
            why: Why::new(Kind::NoData, "the job did not deploy it and verify again"),
            reason: None,
        }
    };
    session.append(vec![event]).await?;
    Ok(false)
}
