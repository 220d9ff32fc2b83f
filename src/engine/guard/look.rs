//! What is looked at before a deployment, all at once, and what the checks make of it.

use crate::config::needed_outputs;
use crate::core::gate::alarms::AlarmSeen;
use crate::core::lease::{Head, HeadMode, Holder, KEEPER_FRESH, Live};
use crate::core::outcome::KeeperSeen;
use crate::core::policy::{CheckLine, CheckName, CheckReport, CheckResult, judge};
use crate::core::record::{DeploymentType, Record, Status, StoredWord};
use crate::core::target::{Past, TargetSpec};
use crate::core::time::Timestamp;
use crate::engine::changes::Brings;
use crate::engine::checks::{ForgeFacts, Local, lines};
use crate::engine::metrics::alarms::alarms;
use crate::engine::observe::{Before, before, fill, stacks};
use crate::engine::{EngineError, Ports, Setup};
use crate::ports::{CloudError, Heads, ListQuery, Stack};
use futures_util::future::{join, join4};

use super::{Extra, Request, newest_good};

/// One look at everything that the checks need.
pub(super) struct Look {
    pub(super) heads: Heads,
    pub(super) head: Option<Head>,
    pub(super) records: Vec<Record>,
    pub(super) named: Option<Record>,
    pub(super) undoes: Option<Live>,
    pub(super) stacks: Vec<Result<Stack, CloudError>>,
    pub(super) before: Before,
    pub(super) missing_outputs: Vec<String>,
    pub(super) alarms: Option<Result<Vec<AlarmSeen>, CloudError>>,
}

impl Look {
    pub(super) fn head(&self, setup: &Setup) -> Head {
        self.head
            .clone()
            .unwrap_or_else(|| Head::absent(setup.environment.clone(), setup.service.clone()))
    }
}

/// Everything that the checks need of store, stacks and gates, at once.
pub(super) async fn look(
    ports: &Ports,
    setup: &Setup,
    request: &Request,
) -> Result<Look, EngineError> {
    let now = ports.clock.now();
    let rollback = request.kind == DeploymentType::Rollback;
    let (heads, past, (stacks, before, missing_outputs), alarms) = join4(
        ports.history.heads(&setup.environment),
        async {
            if rollback {
                read_past(ports, setup, request, now).await
            } else {
                Ok((Vec::new(), None))
            }
        },
        look_outside(ports, setup),
        // Also where they are no condition: what fired already is no evidence against the deployment.
        alarms(&ports.cloud, &setup.gates),
    )
    .await;
    let heads = heads?;
    let (records, named) = past?;
    let head = heads
        .heads
        .iter()
        .find(|h| h.service == setup.service)
        .cloned();
    let live = head.as_ref().and_then(|h| h.live.clone());
    let succeeded = |r: &Record| r.status == StoredWord::Known(Status::Success);
    let undoes = live.filter(|l| records.iter().any(|r| r.id == l.deployment && succeeded(r)));
    Ok(Look {
        heads,
        head,
        records,
        named,
        undoes,
        stacks,
        before,
        missing_outputs,
        alarms,
    })
}

/// Stacks and gates before the deployment: at once, but where a gate's address comes from a stack.
async fn look_outside(
    ports: &Ports,
    setup: &Setup,
) -> (Vec<Result<Stack, CloudError>>, Before, Vec<String>) {
    if needed_outputs(&setup.gates).is_empty() {
        let (seen, before) = join(stacks(ports, &setup.stacks), before(ports, &setup.gates)).await;
        return (seen, before, Vec::new());
    }
    let seen = stacks(ports, &setup.stacks).await;
    match fill(&setup.gates, &seen) {
        Ok(gates) => {
            let before = before(ports, &gates).await;
            (seen, before, Vec::new())
        }
        Err(missing) => (seen, Before::default(), missing),
    }
}

async fn read_past(
    ports: &Ports,
    setup: &Setup,
    request: &Request,
    now: Timestamp,
) -> Result<(Vec<Record>, Option<Record>), EngineError> {
    let query = ListQuery::newest(&setup.environment, &setup.service, 100, now);
    let named = async {
        match &request.target {
            TargetSpec::Id(id) => ports
                .history
                .deployment(id, now)
                .await
                .map(|s| s.map(|s| s.record)),
            TargetSpec::LastSuccess
            | TargetSpec::Previous
            | TargetSpec::Back(_)
            | TargetSpec::Commit(_) => Ok(None),
        }
    };
    let (page, named) = join(ports.history.list(&query), named).await;
    Ok((page?.records, named?))
}

pub(super) async fn check(
    ports: &Ports,
    setup: &Setup,
    request: &Request,
    forge: &mut ForgeFacts,
    look: &Look,
    holder: Option<&Holder>,
) -> (CheckReport, Extra) {
    let head = look.head(setup);
    let now = ports.clock.now();
    let past = Past {
        environment: &setup.environment,
        service: &setup.service,
        head: &head,
        records: &look.records,
        named: look.named.as_ref(),
        oldest: now.minus(setup.retention),
        in_flux: head.mode == Some(HeadMode::Restoring),
    };
    let rollback = request.kind == DeploymentType::Rollback;
    let target = rollback.then(|| past.resolve(&request.target, request.force));
    let live = past.live();
    let asks_relation = !crate::core::policy::skips(request.kind, CheckName::NotBehind);
    let good = newest_good(&head, live.as_ref(), request.kind);
    let (relation, brings) = match request.git_ref.as_ref().filter(|_| asks_relation) {
        Some(wanted) => {
            let live = live.as_ref().and_then(|l| l.git_ref.as_ref());
            let base = good.as_ref().and_then(|g| g.git_ref.as_ref()).or(live);
            forge.commits.see(ports, live, base, wanted).await
        }
        None => (None, Brings::default()),
    };
    let local = Local {
        head: &head,
        holder,
        live: live.as_ref(),
        stacks: &look.stacks,
        alarms: look.alarms.as_ref(),
        relation,
        target: target.clone(),
        now,
    };
    let mut lines = lines(setup, request, forge, &local);
    unprobed(&mut lines, look);
    if let (None, Some(lender)) = (holder, &head.holder) {
        inherit_approval(&mut lines, lender);
    }
    let report = judge(request.kind, request.force, lines);
    let missing = matches!(&target, Some(Err(_)));
    let keeper = match &look.heads.keeper {
        Some(beat) if now.since(beat.at) < KEEPER_FRESH => KeeperSeen::Fresh,
        Some(_) | None => KeeperSeen::Absent,
    };
    let extra = Extra {
        checks: report.lines.clone(),
        holder: holder.cloned(),
        live,
        target: target.and_then(Result::ok),
        candidates: if missing {
            past.candidates(request.force)
                .into_iter()
                .take(10)
                .collect()
        } else {
            Vec::new()
        },
        keeper,
        brings,
    };
    (report, extra)
}

/// The approval of the deployment that dispatched this run holds for it too.
fn inherit_approval(lines: &mut [CheckLine], lender: &Holder) {
    for line in lines.iter_mut().filter(|l| l.check == CheckName::Approval) {
        if line.result != CheckResult::NotApplicable {
            line.result = CheckResult::Passed {
                note: Some(lender.deployment.to_string()),
                remarks: Vec::new(),
            };
        }
    }
}

/// A stack that could not be read leaves its line as it is; nothing else depends on it here.
fn unprobed(lines: &mut [CheckLine], look: &Look) {
    if look.stacks.is_empty() {
        return;
    }
    for line in lines.iter_mut().filter(|l| l.check == CheckName::Stack) {
        if let CheckResult::Passed { note, .. } = &mut line.result {
            let names: Vec<_> = look
                .stacks
                .iter()
                .filter_map(|s| s.as_ref().ok())
                .map(|s| s.seen.name.clone())
                .collect();
            *note = Some(names.join(", "));
        }
    }
}
