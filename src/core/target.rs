//! Finds the version that a rollback goes back to; knows what the head and the records say, no store.

use crate::core::id::{CommitSha, DeploymentId, EnvironmentName, InvalidId, ServiceName};
use crate::core::lease::{Head, Live};
use crate::core::reason::ReasonCode;
use crate::core::record::{Record, Status, StoredWord};
use crate::core::time::Timestamp;

/// What `rollback_target` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TargetSpec {
    /// The newest good one that is not live.
    LastSuccess,
    /// What served before the live one.
    Previous,
    /// The n-th good one before the live one.
    Back(u32),
    /// A commit.
    Commit(CommitSha),
    /// A deployment.
    Id(DeploymentId),
}

impl TargetSpec {
    /// Reads the input; empty means `last-success`.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        let text = text.trim();
        if text.is_empty() || text == "last-success" {
            return Ok(Self::LastSuccess);
        }
        if text == "previous" {
            return Ok(Self::Previous);
        }
        if let Some(n) = text
            .strip_prefix('-')
            .and_then(|n| n.parse::<u32>().ok())
            .filter(|n| *n > 0)
        {
            return Ok(Self::Back(n));
        }
        if let Ok(sha) = CommitSha::parse(text) {
            return Ok(Self::Commit(sha));
        }
        DeploymentId::new(text).map(Self::Id).map_err(|e| InvalidId {
            kind: "rollback target",
            rule: "a deployment id, a commit SHA (7 to 40 hexadecimal digits), `last-success`, `previous` or `-N`",
            text: e.text,
        })
    }
}

/// What is known of the past of one service in one environment.
#[derive(Debug, Clone)]
pub struct Past<'a> {
    /// Environment.
    pub environment: &'a EnvironmentName,
    /// Service.
    pub service: &'a ServiceName,
    /// The head.
    pub head: &'a Head,
    /// Newest records of the environment, newest first, unexpired.
    pub records: &'a [Record],
    /// The record that the target names by id, if it was found anywhere.
    pub named: Option<&'a Record>,
    /// What began before that is expired.
    pub oldest: Timestamp,
    /// Something is being brought back: what the head names as live may be just that, and does not serve now.
    pub in_flux: bool,
}

fn as_live(record: &Record) -> Live {
    Live {
        deployment: record.id.clone(),
        at: record.at,
        git_ref: record.commit_sha(),
        state_id: record.guard.as_ref().and_then(|g| g.state_id.clone()),
        bake_until: None,
        irreversible: record.guard.as_ref().is_some_and(|g| g.irreversible),
        unwell: false,
    }
}

impl Past<'_> {
    fn is_ours(&self, record: &Record) -> bool {
        record.environment == *self.environment
            && record
                .guard
                .as_ref()
                .is_none_or(|g| g.service == *self.service)
    }

    /// What serves: the head's pointer, else the newest success that a predecessor wrote.
    #[must_use]
    pub fn live(&self) -> Option<Live> {
        if self.in_flux {
            return None;
        }
        self.head.live.clone().or_else(|| {
            let newest =
                |r: &&Record| self.is_ours(r) && r.status == StoredWord::Known(Status::Success);
            self.records.iter().find(newest).map(as_live)
        })
    }

    /// What a rollback may go back to, newest first.
    #[must_use]
    pub fn candidates(&self, force: bool) -> Vec<Live> {
        let mut all = self.good();
        all.retain(|c| self.objection(c, force).is_none());
        all
    }

    /// Good versions that are not live, newest first.
    fn good(&self) -> Vec<Live> {
        let live = self.live();
        let is_live = |c: &Live| live.as_ref().is_some_and(|l| same_version(l, c));
        let mut all: Vec<Live> = self.head.good.clone();
        all.extend(
            self.records
                .iter()
                .filter(|r| self.is_ours(r) && r.was_good())
                .map(as_live),
        );
        all.sort_by_key(|c| std::cmp::Reverse(c.at));
        let mut seen = Vec::new();
        all.retain(|c| {
            !is_live(c) && !seen.contains(&c.deployment) && {
                seen.push(c.deployment.clone());
                true
            }
        });
        all
    }

    /// The version that `spec` names, or why there is none.
    pub fn resolve(&self, spec: &TargetSpec, force: bool) -> Result<Live, ReasonCode> {
        let candidates = self.good();
        let found = match spec {
            TargetSpec::LastSuccess => candidates
                .first()
                .cloned()
                .ok_or(ReasonCode::TargetNotFound)?,
            TargetSpec::Previous => match &self.head.previous {
                Some(previous) => candidates
                    .iter()
                    .find(|c| c.deployment == previous.deployment)
                    .cloned()
                    .ok_or(ReasonCode::TargetNotGood)?,
                None => candidates
                    .first()
                    .cloned()
                    .ok_or(ReasonCode::TargetNotFound)?,
            },
            TargetSpec::Back(n) => {
                let i = usize::try_from(n.saturating_sub(1)).unwrap_or(usize::MAX);
                candidates
                    .get(i)
                    .cloned()
                    .ok_or(ReasonCode::TargetNotFound)?
            }
            TargetSpec::Commit(sha) => self.by_commit(sha, &candidates)?,
            TargetSpec::Id(id) => self.by_id(id, &candidates)?,
        };
        self.objection(&found, force).map_or(Ok(found), Err)
    }

    /// What speaks against a version that was good.
    fn objection(&self, target: &Live, force: bool) -> Option<ReasonCode> {
        if target.at < self.oldest {
            Some(ReasonCode::TargetExpired)
        } else if !force && self.is_before_irreversible(target) {
            Some(ReasonCode::TargetBeforeIrreversible)
        } else {
            None
        }
    }

    fn by_commit(&self, sha: &CommitSha, candidates: &[Live]) -> Result<Live, ReasonCode> {
        let names = |r: Option<&CommitSha>| r.is_some_and(|r| r.names(sha));
        let mut found = candidates.iter().filter(|c| names(c.git_ref.as_ref()));
        if let Some(newest) = found.next() {
            // A short one may name several commits: which, only the person knows.
            let same = found.all(|c| same_version(c, newest));
            return same
                .then(|| newest.clone())
                .ok_or(ReasonCode::TargetNotFound);
        }
        if self.live().is_some_and(|l| names(l.git_ref.as_ref())) {
            return Err(ReasonCode::TargetLive);
        }
        let known = self
            .records
            .iter()
            .any(|r| self.is_ours(r) && names(r.commit_sha().as_ref()));
        Err(if known {
            ReasonCode::TargetNotGood
        } else {
            ReasonCode::TargetNotFound
        })
    }

    fn by_id(&self, id: &DeploymentId, candidates: &[Live]) -> Result<Live, ReasonCode> {
        if self.live().is_some_and(|l| l.deployment == *id) {
            return Err(ReasonCode::TargetLive);
        }
        match self.named {
            Some(record) if !self.is_ours(record) => Err(ReasonCode::TargetElsewhere),
            Some(record) if !record.was_good() => Err(ReasonCode::TargetNotGood),
            Some(record)
                if self
                    .live()
                    .is_some_and(|l| same_version(&l, &as_live(record))) =>
            {
                Err(ReasonCode::TargetLive)
            }
            Some(record) => Ok(as_live(record)),
            None => candidates
                .iter()
                .find(|c| c.deployment == *id)
                .cloned()
                .ok_or(ReasonCode::TargetNotFound),
        }
    }

    fn is_before_irreversible(&self, target: &Live) -> bool {
        let later = |l: &Live| l.irreversible && l.at > target.at;
        self.head.live.as_ref().is_some_and(later)
            || self.head.previous.as_ref().is_some_and(later)
            || self.head.good.iter().any(later)
            || self.records.iter().filter(|r| self.is_ours(r)).any(|r| {
                r.at > target.at
                    && r.guard
                        .as_ref()
                        .is_some_and(|g| g.irreversible && has_served(g.reason_code))
            })
    }
}

/// Of an ended deployment: its version has served, or might have; nobody knows better.
fn has_served(reason: Option<ReasonCode>) -> bool {
    !matches!(
        reason,
        Some(ReasonCode::DeployFailed | ReasonCode::Cancelled | ReasonCode::Superseded)
    )
}

/// The same deployment, or the same commit.
fn same_version(a: &Live, b: &Live) -> bool {
    a.deployment == b.deployment
        || matches!((&a.git_ref, &b.git_ref), (Some(a), Some(b)) if a.names(b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn at(day: u64) -> Timestamp {
        Timestamp::from_millis(0).plus(Duration::from_secs(day * 86_400))
    }

    fn good(day: u64, sha: &str) -> Live {
        Live {
            deployment: DeploymentId::new(format!("d{day}")).expect("valid"),
            at: at(day),
            git_ref: Some(CommitSha::parse(sha).expect("a commit")),
            state_id: None,
            bake_until: None,
            irreversible: false,
            unwell: false,
        }
    }

    fn resolve(good: Vec<Live>, oldest: u64, spec: &str) -> Result<String, ReasonCode> {
        let (environment, service) = (
            EnvironmentName::new("prod").expect("valid"),
            ServiceName::new("todo").expect("valid"),
        );
        let head = Head {
            good,
            ..Head::absent(environment.clone(), service.clone())
        };
        let past = Past {
            environment: &environment,
            service: &service,
            head: &head,
            records: &[],
            named: None,
            oldest: at(oldest),
            in_flux: false,
        };
        let spec = TargetSpec::parse(spec).expect("a target");
        past.resolve(&spec, false)
            .map(|live| live.deployment.to_string())
    }

    #[test]
    fn a_short_commit_that_names_several_names_none() {
        let two = || {
            vec![
                good(2, "abcdef1222222222222222222222222222222222"),
                good(1, "abcdef1111111111111111111111111111111111"),
            ]
        };
        assert_eq!(
            resolve(two(), 0, "abcdef1"),
            Err(ReasonCode::TargetNotFound)
        );
        assert_eq!(resolve(two(), 0, "abcdef11"), Ok("d1".to_owned()));
        let mut again = two();
        again.push(good(0, "abcdef1222222222222222222222222222222222"));
        assert_eq!(resolve(again, 0, "abcdef12"), Ok("d2".to_owned()));
    }

    #[test]
    fn what_the_head_still_names_expires_with_its_record() {
        let old = || vec![good(1, "abcdef1111111111111111111111111111111111")];
        assert_eq!(resolve(old(), 1, "last-success"), Ok("d1".to_owned()));
        for spec in ["last-success", "-1", "d1", "abcdef1"] {
            assert_eq!(resolve(old(), 2, spec), Err(ReasonCode::TargetExpired));
        }
    }
}
