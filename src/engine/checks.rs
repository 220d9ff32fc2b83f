//! The checks before a deployment: asks GitHub for what they need, all at once, and reads the answers. Knows no
//! store; what the head and the stacks say is passed in.

use futures_util::future::{join_all, join5};

use crate::core::gate::alarms::AlarmSeen;
use crate::core::journal::StackSeen;
use crate::core::lease::{Head, Holder, Live};
use crate::core::observation::{Kind, Why};
use crate::core::policy::{
    ApprovalRule, CheckLine, CheckName, CheckResult, Remark, matches_pattern, skips,
};
use crate::core::reason::ReasonCode;
use crate::core::record::DeploymentType;
use crate::core::time::Timestamp;
use crate::engine::changes::Commits;
use crate::engine::guard::Request;
use crate::engine::metrics::alarms::alarms_check;
use crate::engine::{Ports, Setup};
use crate::ports::{
    Approval, CheckState, CloudError, Comparison, EnvironmentRules, Forge, ForgeError, Relation,
    Stack,
};

type Asked<T> = Option<Result<T, ForgeError>>;

/// What GitHub answered; `None` = not asked, for nothing needs it.
#[derive(Debug, Default)]
pub struct ForgeFacts {
    approvals: Asked<Vec<Approval>>,
    rules: Asked<Option<EnvironmentRules>>,
    checks: Asked<Vec<CheckState>>,
    /// The default branch's newest commits.
    pub commits: Commits,
    on_branch: Asked<Option<String>>,
}

impl From<&ForgeError> for Why {
    fn from(error: &ForgeError) -> Self {
        let kind = match error {
            ForgeError::Unreachable { .. } => Kind::Unreachable,
            ForgeError::Denied { .. } => Kind::Denied,
            ForgeError::NotFound { .. } => Kind::NotFound,
            ForgeError::Refused { .. } => Kind::Provider,
            ForgeError::RateLimited { .. } => Kind::Throttled,
        };
        Self::new(kind, error.to_string())
    }
}

fn approval_rule(setup: &Setup, kind: DeploymentType) -> ApprovalRule {
    match kind {
        DeploymentType::Rollback => setup.policy.approval_rollback,
        DeploymentType::Deploy | DeploymentType::Hotfix => setup.policy.approval_deploy,
    }
}

/// Asks GitHub for everything that the checks of this deployment need, at once.
pub async fn ask_forge(ports: &Ports, setup: &Setup, request: &Request) -> ForgeFacts {
    let no_token = || ForgeError::Unreachable {
        detail: "no `github_token` was given".to_owned(),
    };
    let needs = |check: CheckName| !skips(request.kind, check);
    let approval = approval_rule(setup, request.kind) == ApprovalRule::Required;
    let checks = needs(CheckName::RequiredChecks) && !setup.policy.required_checks.is_empty();
    let branch = needs(CheckName::Branch) && !setup.policy.branches.is_empty();
    let recent = needs(CheckName::NotBehind);
    let Some(forge) = ports.forge.as_deref() else {
        return ForgeFacts {
            approvals: approval.then(|| Err(no_token())),
            rules: approval.then(|| Err(no_token())),
            checks: checks.then(|| Err(no_token())),
            commits: Commits::new(recent.then(|| Err(no_token()))),
            on_branch: branch.then(|| Err(no_token())),
        };
    };
    let (approvals, rules, checks, recent, on_branch) = join5(
        async {
            match (approval, request.run.run) {
                (false, _) => None,
                (true, Some(run)) => Some(forge.approvals(run).await),
                (true, None) => Some(Err(ForgeError::NotFound {
                    what: "run to look up approvals of".to_owned(),
                })),
            }
        },
        async {
            if approval {
                Some(
                    forge
                        .environment(setup.github_environments.first().map_or("", String::as_str))
                        .await,
                )
            } else {
                None
            }
        },
        async {
            match (checks, &request.git_ref) {
                (true, Some(commit)) => Some(forge.checks(commit).await),
                (true, None) => Some(Err(ForgeError::NotFound {
                    what: "commit to look up checks of".to_owned(),
                })),
                (false, _) => None,
            }
        },
        async {
            if recent {
                Some(forge.recent_commits().await)
            } else {
                None
            }
        },
        async {
            if branch {
                Some(find_branch(forge, setup, request).await)
            } else {
                None
            }
        },
    )
    .await;
    ForgeFacts {
        approvals,
        rules,
        checks,
        commits: Commits::new(recent),
        on_branch,
    }
}

/// The allowed branch that holds the commit: the run's own, or a named one that is not behind it.
async fn find_branch(
    forge: &dyn Forge,
    setup: &Setup,
    request: &Request,
) -> Result<Option<String>, ForgeError> {
    let allowed = |name: &str| {
        setup
            .policy
            .branches
            .iter()
            .any(|p| matches_pattern(p, name))
    };
    if let Some(branch) = request.branch.as_ref().filter(|b| allowed(b)) {
        return Ok(Some(branch.clone()));
    }
    let Some(commit) = &request.git_ref else {
        return Ok(None);
    };
    let named: Vec<_> = setup
        .policy
        .branches
        .iter()
        .filter(|p| !p.contains('*'))
        .cloned()
        .collect();
    let compared = join_all(
        named
            .iter()
            .map(|branch| forge.compare(branch, commit.as_str())),
    )
    .await;
    let mut failed = None;
    for (branch, comparison) in named.into_iter().zip(compared) {
        match comparison {
            Ok(Comparison {
                relation: Relation::Behind | Relation::Identical,
                ..
            }) => return Ok(Some(branch)),
            Ok(Comparison {
                relation: Relation::Ahead | Relation::Diverged,
                ..
            })
            | Err(ForgeError::NotFound { .. }) => {}
            Err(error) => failed = Some(error),
        }
    }
    failed.map_or(Ok(None), Err)
}

/// What the store and the stacks say.
pub struct Local<'a> {
    /// The head, and whether its holder is another.
    pub head: &'a Head,
    /// Who holds it, if anybody alive does.
    pub holder: Option<&'a Holder>,
    /// What serves.
    pub live: Option<&'a Live>,
    /// The stacks.
    pub stacks: &'a [Result<Stack, CloudError>],
    /// The alarms, where a gate names some.
    pub alarms: Option<&'a Result<Vec<AlarmSeen>, CloudError>>,
    /// How the wanted commit lies to the live one.
    pub relation: Option<Result<Relation, ForgeError>>,
    /// The rollback target, or why there is none.
    pub target: Option<Result<Live, ReasonCode>>,
    /// Now.
    pub now: Timestamp,
}

/// Every check's line, in the order in which people read them.
#[must_use]
pub fn lines(
    setup: &Setup,
    request: &Request,
    forge: &ForgeFacts,
    local: &Local<'_>,
) -> Vec<CheckLine> {
    CheckName::ALL
        .iter()
        .map(|check| {
            let result = if skips(request.kind, *check) {
                if is_configured(setup, *check) {
                    CheckResult::Skipped
                } else {
                    CheckResult::NotApplicable
                }
            } else {
                one(*check, setup, request, forge, local)
            };
            CheckLine {
                check: *check,
                result,
                overridden: false,
            }
        })
        .collect()
}

/// True where the check would have something to check: only then a type that skips it skips anything.
fn is_configured(setup: &Setup, check: CheckName) -> bool {
    match check {
        CheckName::Freeze => !setup.policy.freeze.is_empty(),
        CheckName::RequiredChecks => !setup.policy.required_checks.is_empty(),
        CheckName::Branch => !setup.policy.branches.is_empty(),
        CheckName::Alarms => setup.gates.alarms.is_some(),
        CheckName::Lock
        | CheckName::Stack
        | CheckName::Approval
        | CheckName::NotBehind
        | CheckName::NotLive => true,
        // Only a rollback has one.
        CheckName::Target => false,
    }
}

fn passed(note: Option<String>) -> CheckResult {
    CheckResult::Passed {
        note,
        remarks: Vec::new(),
    }
}

fn failed(reason: ReasonCode, detail: impl Into<String>) -> CheckResult {
    CheckResult::Failed {
        reason,
        detail: detail.into(),
    }
}

fn unavailable(error: &ForgeError) -> CheckResult {
    CheckResult::Unavailable { why: error.into() }
}

fn one(
    check: CheckName,
    setup: &Setup,
    request: &Request,
    forge: &ForgeFacts,
    local: &Local<'_>,
) -> CheckResult {
    match check {
        CheckName::Lock => match local.holder {
            None => passed(None),
            Some(holder) => failed(
                ReasonCode::Locked,
                holder
                    .run_url
                    .clone()
                    .unwrap_or_else(|| holder.deployment.to_string()),
            ),
        },
        CheckName::Stack => stack(local.stacks),
        CheckName::Freeze => {
            if setup.policy.freeze.is_empty() {
                return CheckResult::NotApplicable;
            }
            match setup.policy.freeze.iter().find(|f| f.is_open(local.now)) {
                None => passed(None),
                Some(freeze) => failed(
                    ReasonCode::Frozen,
                    freeze.reason.clone().unwrap_or_default(),
                ),
            }
        }
        CheckName::Approval => approval(setup, request, forge),
        CheckName::RequiredChecks => match &forge.checks {
            None => CheckResult::NotApplicable,
            Some(Err(error)) => unavailable(error),
            Some(Ok(states)) => required_checks(&setup.policy.required_checks, states),
        },
        CheckName::Branch => match &forge.on_branch {
            None => CheckResult::NotApplicable,
            Some(Err(error)) => unavailable(error),
            Some(Ok(Some(branch))) => passed(Some(branch.clone())),
            Some(Ok(None)) => failed(
                ReasonCode::BranchNotAllowed,
                request
                    .branch
                    .clone()
                    .unwrap_or_else(|| setup.policy.branches.join(", ")),
            ),
        },
        CheckName::NotBehind => match &local.relation {
            None => CheckResult::NotApplicable,
            Some(Err(error)) => unavailable(error),
            Some(Ok(Relation::Behind)) => failed(ReasonCode::BehindLive, live_ref(local)),
            Some(Ok(Relation::Ahead | Relation::Identical | Relation::Diverged)) => passed(None),
        },
        CheckName::NotLive => match (local.live, &request.git_ref) {
            (None, _) | (_, None) => CheckResult::NotApplicable,
            (Some(live), Some(wanted)) => {
                let same = live.git_ref.as_ref().is_some_and(|l| l.names(wanted));
                if same && !live.unwell {
                    failed(ReasonCode::AlreadyLive, live.deployment.to_string())
                } else {
                    passed(None)
                }
            }
        },
        CheckName::Alarms => alarms_check(local.alarms),
        CheckName::Target => match &local.target {
            None => CheckResult::NotApplicable,
            Some(Ok(target)) => passed(Some(target.deployment.to_string())),
            Some(Err(reason)) => failed(*reason, request.target_text.clone()),
        },
    }
}

fn live_ref(local: &Local<'_>) -> String {
    local
        .live
        .and_then(|l| l.git_ref.as_ref())
        .map_or_else(String::new, |r| r.short().to_owned())
}

fn stack(stacks: &[Result<Stack, CloudError>]) -> CheckResult {
    if stacks.is_empty() {
        return CheckResult::NotApplicable;
    }
    let mut words = Vec::new();
    for stack in stacks {
        match stack {
            Err(error) => {
                return CheckResult::Unavailable {
                    why: error.why.clone(),
                };
            }
            Ok(Stack {
                seen: StackSeen { name, status, .. },
                ..
            }) => {
                words.push((name.clone(), status.clone()));
            }
        }
    }
    let unsettled = |s: &Result<Stack, CloudError>| s.as_ref().is_ok_and(|s| s.seen.in_progress());
    if stacks.iter().any(unsettled) {
        let list: Vec<_> = words
            .iter()
            .map(|(n, s)| format!("{n} {}", s.as_deref().unwrap_or("-")))
            .collect();
        return failed(ReasonCode::StackUnsettled, list.join(", "));
    }
    passed(None)
}

fn required_checks(names: &[String], states: &[CheckState]) -> CheckResult {
    let mut red = Vec::new();
    for name in names {
        let same: Vec<_> = states.iter().filter(|s| s.name == *name).collect();
        if same.is_empty() {
            red.push(format!("{name}: -"));
        }
        red.extend(
            same.iter()
                .filter(|s| !s.green)
                .map(|s| format!("{name}: {}", s.word)),
        );
    }
    if red.is_empty() {
        passed(Some(names.join(", ")))
    } else {
        failed(ReasonCode::ChecksNotGreen, red.join(", "))
    }
}

fn approval(setup: &Setup, request: &Request, forge: &ForgeFacts) -> CheckResult {
    let approvals = match &forge.approvals {
        None => return CheckResult::NotApplicable,
        Some(Err(error)) => return unavailable(error),
        Some(Ok(approvals)) => approvals,
    };
    let ours = |a: &&Approval| {
        a.environments.iter().any(|e| {
            setup
                .github_environments
                .iter()
                .any(|n| e.eq_ignore_ascii_case(n))
        })
    };
    let approved = approvals
        .iter()
        .filter(ours)
        .rfind(|a| a.state == "approved");
    let Some(approval) = approved else {
        return failed(
            ReasonCode::ApprovalMissing,
            setup.github_environments.join(", "),
        );
    };
    let user = approval.user.clone().unwrap_or_else(|| "?".to_owned());
    // GitHub keeps no attempt number: an approval of an earlier attempt counts for a re-run, and is said so.
    let mut remarks: Vec<Remark> = Vec::new();
    remarks.extend(request.run.attempt.filter(|a| *a > 1).map(Remark::Attempt));
    // Who is on no reviewers' list got past it as an administrator. Team members cannot be told apart.
    if let Some(Ok(Some(rules))) = &forge.rules {
        let teams = rules.reviewers.iter().any(|r| r.contains('/'));
        if !rules.reviewers.is_empty() && !teams && !rules.reviewers.contains(&user) {
            remarks.push(Remark::AdministratorBypass);
        }
    }
    CheckResult::Passed {
        note: Some(format!("@{user}")),
        remarks,
    }
}
