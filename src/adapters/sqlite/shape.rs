//! Rows' JSON bodies: mirrors of record and head; knows no table.

use serde::{Deserialize, Serialize};

use super::error::Fault;
use crate::core::id::{CommitSha, DeploymentId, EnvironmentName, Fence, ServiceName, SessionId};
use crate::core::lease::{Head, HeadMode, Heir, Holder, Live, YieldRequest};
use crate::core::reason::ReasonCode;
use crate::core::record::{GuardFields, Record, StoredWord, Verdict};
use crate::core::time::{Day, Timestamp};

#[derive(Debug, Serialize, Deserialize)]
struct RecordBody {
    id: DeploymentId,
    at: Timestamp,
    environment: EnvironmentName,
    status: String,
    kind: String,
    version: Option<String>,
    commit: Option<String>,
    deployed_by: Option<String>,
    duration_s: Option<u64>,
    changes: Vec<String>,
    error: Option<String>,
    rollback_target: Option<String>,
    details: String,
    expires_s: Option<i64>,
    guard: Option<GuardBody>,
}

#[derive(Debug, Serialize, Deserialize)]
struct GuardBody {
    service: ServiceName,
    phase: String,
    rev: u64,
    verdict: Option<Verdict>,
    reason_code: Option<ReasonCode>,
    git_ref: Option<CommitSha>,
    previous_ref: Option<CommitSha>,
    previous_deployment: Option<DeploymentId>,
    state_id: Option<String>,
    irreversible: bool,
    run_url: Option<String>,
    duration_ms: Option<u64>,
}

#[derive(Debug, Serialize, Deserialize)]
struct HeadBody {
    fence: Fence,
    session: Option<SessionId>,
    holder: Option<Holder>,
    mode: Option<HeadMode>,
    beat: u64,
    lease_until: Option<Timestamp>,
    yield_to: Option<YieldRequest>,
    heir: Option<Heir>,
    lender: Option<Holder>,
    live: Option<Live>,
    previous: Option<Live>,
    good_state: Option<Live>,
    good: Vec<Live>,
    totals_since: Option<Day>,
}

fn write(what: &str, value: &impl Serialize) -> Result<String, Fault> {
    serde_json::to_string(value)
        .map_err(|e| Fault::malformed(format!("{what} cannot be written: {e}")))
}

pub(super) fn write_record(record: &Record) -> Result<String, Fault> {
    let r = record.clone();
    let guard = r.guard.map(|g| GuardBody {
        service: g.service,
        phase: g.phase,
        rev: g.rev,
        verdict: g.verdict,
        reason_code: g.reason_code,
        git_ref: g.git_ref,
        previous_ref: g.previous_ref,
        previous_deployment: g.previous_deployment,
        state_id: g.state_id,
        irreversible: g.irreversible,
        run_url: g.run_url,
        duration_ms: g.duration_ms,
    });
    let body = RecordBody {
        status: r.status.as_str().to_owned(),
        kind: r.kind.as_str().to_owned(),
        id: r.id,
        at: r.at,
        environment: r.environment,
        version: r.version,
        commit: r.commit,
        deployed_by: r.deployed_by,
        duration_s: r.duration_s,
        changes: r.changes,
        error: r.error,
        rollback_target: r.rollback_target,
        details: r.details,
        expires_s: r.expires_s,
        guard,
    };
    write("a record", &body)
}

pub(super) fn read_record(body: &str) -> Result<Record, Fault> {
    let r: RecordBody = serde_json::from_str(body)
        .map_err(|e| Fault::malformed(format!("a record cannot be read: {e}")))?;
    let guard = r.guard.map(|g| GuardFields {
        service: g.service,
        phase: g.phase,
        rev: g.rev,
        verdict: g.verdict,
        reason_code: g.reason_code,
        git_ref: g.git_ref,
        previous_ref: g.previous_ref,
        previous_deployment: g.previous_deployment,
        state_id: g.state_id,
        irreversible: g.irreversible,
        run_url: g.run_url,
        duration_ms: g.duration_ms,
    });
    Ok(Record {
        status: StoredWord::<crate::core::record::Status>::read(&r.status),
        kind: StoredWord::<crate::core::record::DeploymentType>::read(&r.kind),
        id: r.id,
        at: r.at,
        environment: r.environment,
        version: r.version,
        commit: r.commit,
        deployed_by: r.deployed_by,
        duration_s: r.duration_s,
        changes: r.changes,
        error: r.error,
        rollback_target: r.rollback_target,
        details: r.details,
        expires_s: r.expires_s,
        guard,
    })
}

pub(super) fn write_head(head: &Head) -> Result<String, Fault> {
    let h = head.clone();
    let body = HeadBody {
        fence: h.fence,
        session: h.session,
        holder: h.holder,
        mode: h.mode,
        beat: h.beat,
        lease_until: h.lease_until,
        yield_to: h.yield_to,
        heir: h.heir,
        lender: h.lender,
        live: h.live,
        previous: h.previous,
        good_state: h.good_state,
        good: h.good,
        totals_since: h.totals_since,
    };
    write("a head", &body)
}

pub(super) fn read_head(
    environment: &EnvironmentName,
    service: ServiceName,
    body: &str,
) -> Result<Head, Fault> {
    let h: HeadBody = serde_json::from_str(body)
        .map_err(|e| Fault::malformed(format!("the head of `{service}` cannot be read: {e}")))?;
    Ok(Head {
        environment: environment.clone(),
        service,
        fence: h.fence,
        session: h.session,
        holder: h.holder,
        mode: h.mode,
        beat: h.beat,
        lease_until: h.lease_until,
        yield_to: h.yield_to,
        heir: h.heir,
        lender: h.lender,
        live: h.live,
        previous: h.previous,
        good_state: h.good_state,
        good: h.good,
        totals_since: h.totals_since,
    })
}
