//! Checks before a deployment: what each wants, what was found, what overrides it. Knows no provider.

use std::time::Duration;

use jiff::civil::{DateTime, Time, Weekday};
use serde::{Deserialize, Serialize};

use crate::core::observation::Why;
use crate::core::reason::ReasonCode;
use crate::core::record::{DeploymentType, words};
use crate::core::time::Timestamp;

words! {
    /// Whether GitHub's environment approval must have happened.
    ApprovalRule {
        /// It must.
        Required = "required",
        /// It is not looked at.
        None = "none",
    }
}

/// The policy part of an environment's configuration, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct PolicySettings {
    /// Wait for a held lock this long.
    pub lock_wait: Duration,
    /// For `deploy` and `hotfix`.
    pub approval_deploy: ApprovalRule,
    /// For `rollback`.
    pub approval_rollback: ApprovalRule,
    /// Allowed branches: names or patterns with `*`; empty = any.
    pub branches: Vec<String>,
    /// Check runs or statuses that must be green; empty = none.
    pub required_checks: Vec<String>,
    /// When nothing is deployed.
    pub freeze: Vec<Freeze>,
}

/// A window without deployments, in a time zone of the IANA database.
#[derive(Debug, Clone, PartialEq)]
pub struct Freeze {
    /// When.
    pub span: FreezeSpan,
    /// IANA name, checked to exist.
    pub time_zone: String,
    /// For people.
    pub reason: Option<String>,
}

/// The two kinds of window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FreezeSpan {
    /// Every week from one weekday and time to another; may cross the week's end.
    Weekly {
        /// First moment.
        from: (Weekday, Time),
        /// First moment after.
        to: (Weekday, Time),
    },
    /// Once, local date and time.
    Dated {
        /// First moment.
        from: DateTime,
        /// First moment after.
        to: DateTime,
    },
}

impl Freeze {
    /// True where `now` lies in the window. The end is open: at `to` one may deploy again.
    #[must_use]
    pub fn is_open(&self, now: Timestamp) -> bool {
        let Ok(zone) = jiff::tz::TimeZone::get(&self.time_zone) else {
            // Names are checked with the configuration; one that is gone must not open the door.
            return true;
        };
        let local = now.zoned(zone).datetime();
        match &self.span {
            FreezeSpan::Dated { from, to } => *from <= local && local < *to,
            FreezeSpan::Weekly { from, to } => {
                let minute = |day: Weekday, time: Time| {
                    i64::from(day.to_monday_zero_offset()) * 86_400
                        + i64::from(time.hour()) * 3600
                        + i64::from(time.minute()) * 60
                        + i64::from(time.second())
                };
                let (from, to) = (minute(from.0, from.1), minute(to.0, to.1));
                let at = minute(local.weekday(), local.time());
                if from <= to {
                    from <= at && at < to
                } else {
                    at >= from || at < to
                }
            }
        }
    }
}

words! {
    /// The checks, in the order in which people read them.
    CheckName {
        /// Nobody else holds the environment.
        Lock = "lock",
        /// No stack operation is under way.
        Stack = "stack",
        /// No freeze window is open.
        Freeze = "freeze",
        /// The environment's approval happened.
        Approval = "approval",
        /// Required checks are green.
        RequiredChecks = "required_checks",
        /// The commit is on an allowed branch.
        Branch = "branch",
        /// The commit is not behind the live one.
        NotBehind = "not_behind",
        /// The commit is not already live.
        NotLive = "not_live",
        /// No alarm fires already.
        Alarms = "alarms",
        /// The rollback target is there and was good.
        Target = "target",
    }
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum CheckResult {
    /// In order; a note where there is more to say.
    Passed {
        /// Who approved, which branch, …: from outside.
        note: Option<String>,
        /// What is remarkable about it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        remarks: Vec<Remark>,
    },
    /// Not in order.
    Failed {
        /// Why.
        reason: ReasonCode,
        /// The particulars, from outside: holder, missing checks, freeze reason.
        detail: String,
    },
    /// It could not be made.
    Unavailable {
        /// Why.
        why: Why,
    },
    /// Not configured, or this kind of deployment skips it.
    NotApplicable,
    /// Skipped because of the deployment's type.
    Skipped,
}

/// What is remarkable about a check that passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Remark {
    /// The approval may be of an earlier attempt than this one: GitHub keeps no attempt's number.
    Attempt(u32),
    /// Who approved is on no reviewers' list.
    AdministratorBypass,
}

/// One line of the report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckLine {
    /// Which.
    pub check: CheckName,
    /// What it found.
    pub result: CheckResult,
    /// Failed, and `force_deploy` overrode it.
    #[serde(default)]
    pub overridden: bool,
}

/// What the checks say together.
#[must_use = "an unread report helps nobody"]
#[derive(Debug, Clone, PartialEq)]
pub struct CheckReport {
    /// One line a check.
    pub lines: Vec<CheckLine>,
    /// What follows.
    pub outcome: CheckOutcome,
}

/// What follows from the checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckOutcome {
    /// Go on.
    Allowed,
    /// Already live: nothing to do, and no record.
    AlreadyLive,
    /// Refused by policy; the first reason.
    Refused(ReasonCode),
    /// A check could not be made.
    Unavailable(ReasonCode),
}

/// True where the type skips the check (PRODUCT section 6).
#[must_use]
pub fn skips(kind: DeploymentType, check: CheckName) -> bool {
    match (kind, check) {
        (_, CheckName::Lock | CheckName::Stack | CheckName::Approval) => false,
        (DeploymentType::Rollback, CheckName::Target) => false,
        (DeploymentType::Deploy | DeploymentType::Hotfix, CheckName::Target) => true,
        (
            DeploymentType::Rollback,
            CheckName::Freeze
            | CheckName::RequiredChecks
            | CheckName::Branch
            | CheckName::NotBehind
            | CheckName::NotLive
            | CheckName::Alarms,
        ) => true,
        (DeploymentType::Hotfix, CheckName::Freeze | CheckName::Branch | CheckName::Alarms) => true,
        (
            DeploymentType::Hotfix,
            CheckName::RequiredChecks | CheckName::NotBehind | CheckName::NotLive,
        ) => false,
        (
            DeploymentType::Deploy,
            CheckName::Freeze
            | CheckName::RequiredChecks
            | CheckName::Branch
            | CheckName::NotBehind
            | CheckName::NotLive
            | CheckName::Alarms,
        ) => false,
    }
}

/// True where `force_deploy` overrides a failed check.
#[must_use]
pub fn force_overrides(check: CheckName) -> bool {
    match check {
        CheckName::Freeze
        | CheckName::RequiredChecks
        | CheckName::Branch
        | CheckName::NotBehind
        | CheckName::NotLive
        | CheckName::Alarms => true,
        CheckName::Lock | CheckName::Stack | CheckName::Approval | CheckName::Target => false,
    }
}

/// A check that cannot be made refuses; for rollback and hotfix only these do.
#[must_use]
fn must_be_known(kind: DeploymentType, check: CheckName) -> bool {
    match kind {
        DeploymentType::Deploy => true,
        DeploymentType::Rollback | DeploymentType::Hotfix => {
            matches!(
                check,
                CheckName::Lock | CheckName::Approval | CheckName::Target | CheckName::Stack
            )
        }
    }
}

/// True where only the lock stands in the way, or what its holder is just changing: nobody waits, or has another
/// hand over, for a deployment that would be refused all the same.
#[must_use]
pub fn waits_for_lock(kind: DeploymentType, force: bool, lines: &[CheckLine]) -> bool {
    let locked = |l: &CheckLine| {
        l.check == CheckName::Lock && matches!(l.result, CheckResult::Failed { .. })
    };
    let changing = |check: CheckName| {
        matches!(
            check,
            CheckName::Lock | CheckName::Stack | CheckName::NotLive
        )
    };
    let passable = |l: &CheckLine| match &l.result {
        CheckResult::Passed { .. } | CheckResult::NotApplicable | CheckResult::Skipped => true,
        CheckResult::Failed { .. } => changing(l.check) || (force && force_overrides(l.check)),
        CheckResult::Unavailable { .. } => {
            !must_be_known(kind, l.check) || (force && force_overrides(l.check))
        }
    };
    lines.iter().any(locked) && lines.iter().all(passable)
}

/// Reads the lines together: what is overridden, what refuses.
pub fn judge(kind: DeploymentType, force: bool, mut lines: Vec<CheckLine>) -> CheckReport {
    lines.sort_by_key(|l| l.check);
    let mut refused = None;
    let mut unavailable = None;
    let mut live = false;
    for line in &mut lines {
        let overridable = force && force_overrides(line.check);
        match &line.result {
            CheckResult::Failed { reason, .. } => {
                if overridable {
                    line.overridden = true;
                } else if line.check == CheckName::NotLive {
                    live = true;
                } else {
                    refused = refused.or(Some(*reason));
                }
            }
            CheckResult::Unavailable { .. } => {
                if overridable {
                    line.overridden = true;
                } else if must_be_known(kind, line.check) {
                    unavailable = unavailable.or(Some(ReasonCode::CheckUnavailable));
                }
            }
            CheckResult::Passed { .. } | CheckResult::NotApplicable | CheckResult::Skipped => {}
        }
    }
    // What is live already needs no permission to stay.
    let outcome = match (live, refused, unavailable) {
        (true, None, _) => CheckOutcome::AlreadyLive,
        (_, Some(reason), _) => CheckOutcome::Refused(reason),
        (_, None, Some(reason)) => CheckOutcome::Unavailable(reason),
        (false, None, None) => CheckOutcome::Allowed,
    };
    CheckReport { lines, outcome }
}

/// True where a name matches a pattern in which `*` stands for any characters, `/` included only by `**`.
#[must_use]
pub fn matches_pattern(pattern: &str, name: &str) -> bool {
    fn go(p: &[u8], n: &[u8]) -> bool {
        match p {
            [] => n.is_empty(),
            [b'*', b'*', rest @ ..] => (0..=n.len()).any(|i| go(rest, &n[i..])),
            [b'*', rest @ ..] => {
                let end = n.iter().position(|c| *c == b'/').unwrap_or(n.len());
                (0..=end).any(|i| go(rest, &n[i..]))
            }
            [c, rest @ ..] => n
                .split_first()
                .is_some_and(|(d, tail)| c == d && go(rest, tail)),
        }
    }
    go(pattern.as_bytes(), name.as_bytes())
}
