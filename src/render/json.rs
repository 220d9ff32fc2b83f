//! The JSON of the API and of `--json`: the predecessor's record and answers with our additions.

use serde_json::{Map, Value, json};

use crate::core::gate::Finding;
use crate::core::id::EnvironmentName;
use crate::core::journal::{Entry, Event};
use crate::core::lease::{Head, Holder, KeeperBeat, Live, Owner};
use crate::core::policy::CheckLine;
use crate::core::record::Record;
use crate::core::time::Timestamp;
use crate::i18n::{Locale, sight};

/// One record, in the predecessor's attributes; ours stand beside them. What is absent is left out.
#[must_use]
pub fn record(record: &Record) -> Value {
    let mut out = Map::new();
    let mut put = |name: &str, value: Value| {
        if !value.is_null() {
            out.insert(name.to_owned(), value);
        }
    };
    put("deploymentId", json!(record.id));
    put("timestamp", json!(record.at.to_string()));
    put("environment", json!(record.environment));
    put("status", json!(record.status.as_str()));
    put("deploymentType", json!(record.kind.as_str()));
    put("version", json!(record.version));
    put("commitSha", json!(record.commit));
    put("deployedBy", json!(record.deployed_by));
    put("duration", json!(record.duration_s));
    if !record.changes.is_empty() {
        put("changes", json!(record.changes));
    }
    put("errorMessage", json!(record.error));
    put("rollbackTarget", json!(record.rollback_target));
    put("details", details(&record.details));
    put("ttl", json!(record.expires_s));
    if let Some(guard) = &record.guard {
        put("service", json!(guard.service));
        put("phase", json!(guard.phase));
        put("rev", json!(guard.rev));
        put("verdict", json!(guard.verdict));
        put("reasonCode", json!(guard.reason_code));
        put("ref", json!(guard.git_ref));
        put("previousRef", json!(guard.previous_ref));
        put("previousDeploymentId", json!(guard.previous_deployment));
        put("stateId", json!(guard.state_id));
        put("irreversible", json!(guard.irreversible));
        put("runUrl", json!(guard.run_url));
        put("durationMs", json!(guard.duration_ms));
    }
    Value::Object(out)
}

/// `details` as an object, whichever of its three shapes the text has; other text as it is.
fn details(text: &str) -> Value {
    if text.trim().is_empty() {
        return json!({});
    }
    let parsed = serde_json::from_str(text).or_else(|_| {
        // The rollback script of the predecessor escaped the quotes once more.
        serde_json::from_str(&text.replace("\\\"", "\""))
    });
    match parsed {
        // A string that holds JSON.
        Ok(Value::String(inner)) => {
            serde_json::from_str(&inner).unwrap_or_else(|_| json!({ "text": inner }))
        }
        Ok(value @ Value::Object(_)) => value,
        Ok(value) => json!({ "value": value }),
        Err(_) => json!({ "text": text }),
    }
}

/// The answer of `GET /deployment/history` and `history --json`.
#[must_use]
pub fn history(
    records: &[Record],
    cursor: Option<&str>,
    environment: &EnvironmentName,
    now: Timestamp,
) -> Value {
    let deployments: Vec<Value> = records.iter().map(record).collect();
    json!({
        "deployments": deployments,
        "count": records.len(),
        "nextCursor": cursor,
        "lastEvaluatedKey": cursor,
        "environment": environment,
        "generatedAt": now.to_string(),
    })
}

/// `show --json`: the record with its journal, and what the gates found at the last judgement.
#[must_use]
pub fn show(stored: &Record, journal: &[Entry], locale: Locale) -> Value {
    let mut out = record(stored);
    let events = journal.iter().flat_map(|entry| &entry.events);
    let mut judged = events.filter_map(|event| match event {
        Event::Judged(judgement) => Some(judgement),
        _ => None,
    });
    if let Value::Object(map) = &mut out {
        if let Some(judgement) = judged.next_back() {
            map.insert("gates".to_owned(), findings(&judgement.findings, locale));
        }
        map.insert("journal".to_owned(), entries(journal));
    }
    out
}

/// Journal entries: number, time, process, events.
#[must_use]
pub fn entries(journal: &[Entry]) -> Value {
    journal
        .iter()
        .map(|e| {
            json!({
                "n": e.n,
                "at": e.at.to_string(),
                "session": e.session,
                "events": e.events,
            })
        })
        .collect()
}

/// Findings as JSON, each with its rate and its sentence; numbers that JSON cannot hold are `null`.
#[must_use]
pub fn findings(findings: &[Finding], locale: Locale) -> Value {
    findings.iter().map(|one| finding(one, locale)).collect()
}

/// One finding.
#[must_use]
pub fn finding(finding: &Finding, locale: Locale) -> Value {
    let mut out = json!(finding);
    if let Value::Object(map) = &mut out {
        let rate = finding.counted.filter(|counted| counted.requests > 0);
        let rate = rate.map(|counted| counted.errors as f64 / counted.requests as f64);
        map.insert("rate".to_owned(), json!(rate));
        map.insert("sentence".to_owned(), json!(sight::line(finding, locale)));
    }
    out
}

/// Check lines as JSON.
#[must_use]
pub fn checks(lines: &[CheckLine]) -> Value {
    json!(lines)
}

/// A version that serves or served.
#[must_use]
pub fn live(live: &Live) -> Value {
    json!({
        "deploymentId": live.deployment,
        "timestamp": live.at.to_string(),
        "ref": live.git_ref,
        "irreversible": live.irreversible,
    })
}

/// Who holds a lock; never its token.
#[must_use]
pub fn holder(holder: &Holder) -> Value {
    json!({
        "deploymentId": holder.deployment,
        "timestamp": holder.at.to_string(),
        "repo": holder.repo,
        "runId": holder.run,
        "runAttempt": holder.attempt,
        "jobId": holder.job_id,
        "job": holder.job,
        "hosted": holder.hosted,
        "actor": holder.actor,
        "runUrl": holder.run_url,
    })
}

/// `lock --json`: the lock and what is live.
#[must_use]
pub fn lock(
    head: &Head,
    owner: Option<&Owner>,
    keeper: Option<&KeeperBeat>,
    now: Timestamp,
) -> Value {
    json!({
        "environment": head.environment,
        "service": head.service,
        "locked": head.holder.is_some(),
        "mode": head.mode,
        "fence": head.fence,
        "holder": head.holder.as_ref().map(holder),
        "heldSeconds": head.holder.as_ref().map(|h| now.since(h.at).as_secs()),
        "leaseUntil": head.lease_until.map(|t| t.to_string()),
        "owner": owner.map(|o| match o {
            Owner::Alive => json!({"alive": true}),
            Owner::Gone { conclusion } => json!({"alive": false, "conclusion": conclusion}),
        }),
        "yieldTo": head.yield_to.as_ref().map(|y| json!({
            "deploymentType": y.kind,
            "runUrl": y.run_url,
            "at": y.at.to_string(),
        })),
        "heir": head.heir.as_ref().map(|h| h.run),
        "lender": head.lender.as_ref().map(holder),
        "live": head.live.as_ref().map(live),
        "previous": head.previous.as_ref().map(live),
        "good": head.good.iter().map(live).collect::<Vec<_>>(),
        "keeper": keeper.map(|k| json!({"at": k.at.to_string(), "version": k.version})),
        "generatedAt": now.to_string(),
    })
}
