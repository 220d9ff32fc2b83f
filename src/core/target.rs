//! Finds the version that a rollback goes back to; knows what the head and the records say, no store.

use crate::core::id::{CommitSha, DeploymentId, EnvironmentName, InvalidId, ServiceName};
use crate::core::lease::{Head, Live};
use crate::core::reason::ReasonCode;
use crate::core::record::{Record, Status, StoredWord};

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

    /// Good versions that are not live, newest first.
    #[must_use]
    pub fn candidates(&self) -> Vec<Live> {
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
        let candidates = self.candidates();
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
        if !force && self.is_before_irreversible(&found) {
            return Err(ReasonCode::TargetBeforeIrreversible);
        }
        Ok(found)
    }

    fn by_commit(&self, sha: &CommitSha, candidates: &[Live]) -> Result<Live, ReasonCode> {
        let names = |r: Option<&CommitSha>| r.is_some_and(|r| r.names(sha));
        if let Some(found) = candidates.iter().find(|c| names(c.git_ref.as_ref())) {
            return Ok(found.clone());
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
            || self.head.good.iter().any(later)
            || self.records.iter().filter(|r| self.is_ours(r)).any(|r| {
                r.at > target.at
                    && r.guard.as_ref().is_some_and(|g| g.irreversible)
                    && r.status == StoredWord::Known(Status::Success)
            })
    }
}

/// The same deployment, or the same commit.
fn same_version(a: &Live, b: &Live) -> bool {
    a.deployment == b.deployment
        || matches!((&a.git_ref, &b.git_ref), (Some(a), Some(b)) if a.names(b))
}
