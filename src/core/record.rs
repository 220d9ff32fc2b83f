//! The record of a deployment as history keeps and lists it; does not know how a store writes it.

use std::time::Duration;

use crate::core::id::{CommitSha, DeploymentId, EnvironmentName, ServiceName};
use crate::core::reason::ReasonCode;
use crate::core::time::Timestamp;

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, ::serde::Serialize, ::serde::Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$vdoc])* $variant),+ }

        impl $name {
            /// Every value, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word that stands in records, outputs and JSON.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            /// Reads the word; `None` for any other.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|v| v.as_str() == text)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}
pub(crate) use words;

words! {
    /// What the *Run workflow* button asked for.
    DeploymentType {
        /// A new version.
        Deploy = "deploy",
        /// Back to an earlier good version.
        Rollback = "rollback",
        /// A new version in a hurry: fewer checks, shorter watch.
        Hotfix = "hotfix",
    }
}

words! {
    /// Where a deployment stands, in the predecessor's words and our own.
    Status {
        /// Not ended.
        InProgress = "in_progress",
        /// Ended well, or held as inconclusive.
        Success = "success",
        /// Ended badly, nothing restored.
        Failure = "failure",
        /// Undone: the last good version serves again.
        RolledBack = "rolled_back",
        /// Stopped by a person or by the runner.
        Cancelled = "cancelled",
        /// Replaced by another deployment before it was judged.
        Superseded = "superseded",
        /// Undoing did not end well: a person must act.
        RollbackFailed = "rollback_failed",
    }
}

impl Status {
    /// True for every status but `in_progress`.
    #[must_use]
    pub fn is_final(self) -> bool {
        self != Self::InProgress
    }

    /// True where daily totals count it: success, failure, rolled back, rollback failed.
    #[must_use]
    pub fn is_counted(self) -> bool {
        match self {
            Self::Success | Self::Failure | Self::RolledBack | Self::RollbackFailed => true,
            Self::InProgress | Self::Cancelled | Self::Superseded => false,
        }
    }
}

words! {
    /// What the gates said together.
    Verdict {
        /// Shown to be well.
        Healthy = "healthy",
        /// Shown to be bad.
        Degraded = "degraded",
        /// Neither shown.
        Inconclusive = "inconclusive",
        /// No gate was configured.
        Skipped = "skipped",
    }
}

words! {
    /// What follows from the verdict.
    Decision {
        /// Carry on: nothing to undo.
        Continue = "continue",
        /// Do not deploy, or do not go on.
        Stop = "stop",
        /// Bring the last good version back.
        Restore = "restore",
        /// Leave it as it is and let a person look.
        Hold = "hold",
    }
}

/// A record's status as stored: the predecessor's scripts wrote words of their own (`backup`, `unknown`).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum StoredWord<T> {
    /// One of our words.
    Known(T),
    /// Another maker's word, kept as it is.
    Other(String),
}

impl<T: Copy> StoredWord<T> {
    /// Our word, if it is one.
    pub fn known(&self) -> Option<T> {
        match self {
            Self::Known(value) => Some(*value),
            Self::Other(_) => None,
        }
    }
}

impl StoredWord<Status> {
    /// The word as stored.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Known(value) => value.as_str(),
            Self::Other(text) => text,
        }
    }

    /// Reads any word.
    #[must_use]
    pub fn read(text: &str) -> Self {
        Status::parse(text).map_or_else(|| Self::Other(text.to_owned()), Self::Known)
    }
}

impl StoredWord<DeploymentType> {
    /// The word as stored.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Known(value) => value.as_str(),
            Self::Other(text) => text,
        }
    }

    /// Reads any word.
    #[must_use]
    pub fn read(text: &str) -> Self {
        DeploymentType::parse(text).map_or_else(|| Self::Other(text.to_owned()), Self::Known)
    }
}

/// One deployment as the table lists it: the predecessor's attributes and the added ones.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Partition key.
    pub id: DeploymentId,
    /// Sort key: the start.
    pub at: Timestamp,
    /// Environment.
    pub environment: EnvironmentName,
    /// Where it stands.
    pub status: StoredWord<Status>,
    /// What it was.
    pub kind: StoredWord<DeploymentType>,
    /// Version name, where one was given.
    pub version: Option<String>,
    /// The commit as stored (`commitSha`); other makers wrote other texts than SHAs.
    pub commit: Option<String>,
    /// Who.
    pub deployed_by: Option<String>,
    /// Whole seconds from start to end.
    pub duration_s: Option<u64>,
    /// What it changes, a line each.
    pub changes: Vec<String>,
    /// Why it failed.
    pub error: Option<String>,
    /// For a rollback: the id or commit it went back to.
    pub rollback_target: Option<String>,
    /// `details`: the text of a JSON object, not read here.
    pub details: String,
    /// Epoch seconds after which the record does not exist any more.
    pub expires_s: Option<i64>,
    /// Attributes the predecessor did not have; `None` in its records.
    pub guard: Option<GuardFields>,
}

/// Attributes that deploy-guard adds to the predecessor's record.
#[derive(Debug, Clone, PartialEq)]
pub struct GuardFields {
    /// Service.
    pub service: ServiceName,
    /// Phase in words: `deploying`, `watching`, `restoring`, `closed`.
    pub phase: String,
    /// Rises with each change of the record.
    pub rev: u64,
    /// The verdict, once there is one.
    pub verdict: Option<Verdict>,
    /// Why it ended so.
    pub reason_code: Option<ReasonCode>,
    /// The deployed commit.
    pub git_ref: Option<CommitSha>,
    /// The commit that served before.
    pub previous_ref: Option<CommitSha>,
    /// The deployment that served before.
    pub previous_deployment: Option<DeploymentId>,
    /// Saved state that a restore would apply.
    pub state_id: Option<String>,
    /// No restore to before this one.
    pub irreversible: bool,
    /// The GitHub run.
    pub run_url: Option<String>,
    /// Milliseconds from start to end.
    pub duration_ms: Option<u64>,
}

impl Record {
    /// True where the record's time to live has passed at `now`; stores may still return it.
    #[must_use]
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_s.is_some_and(|s| s <= now.seconds())
    }

    /// The commit, where the stored text is one.
    #[must_use]
    pub fn commit_sha(&self) -> Option<CommitSha> {
        self.guard
            .as_ref()
            .and_then(|g| g.git_ref.clone())
            .or_else(|| {
                self.commit
                    .as_deref()
                    .and_then(|c| CommitSha::parse(c).ok())
            })
    }

    /// True where it may be a rollback target: a success that was certified healthy, or one of the
    /// predecessor's successes, which count as good though unverified.
    #[must_use]
    pub fn was_good(&self) -> bool {
        self.status == StoredWord::Known(Status::Success)
            && self
                .guard
                .as_ref()
                .is_none_or(|g| g.verdict == Some(Verdict::Healthy))
    }

    /// Whole seconds between start and `end`.
    #[must_use]
    pub fn seconds_until(&self, end: Timestamp) -> u64 {
        end.since(self.at).max(Duration::ZERO).as_secs()
    }
}
