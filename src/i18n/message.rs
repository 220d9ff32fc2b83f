//! All other sentences: checks, keeper, notices, progress, command line; knows no surface.

use crate::core::id::{DeploymentId, EnvironmentName};
use crate::core::observation::Why;
use crate::core::policy::Remark;
use crate::core::record::DeploymentType;
use crate::i18n::{Locale, en, ko};

/// A sentence with its fields; outside text in them must be on one line and short already.
#[derive(Debug, Clone, PartialEq)]
pub enum Message<'a> {
    /// A check that is in order.
    CheckPassed,
    /// What is remarkable about a check that is in order.
    Remark(Remark),
    /// A check that could not be made.
    CheckUnavailable(&'a Why),
    /// A check that is not configured.
    CheckNotApplicable,
    /// A check that this type skips.
    CheckSkipped(DeploymentType),
    /// Failed, and overridden.
    CheckOverridden,
    /// More rows than are shown.
    AndMore(u64),
    /// Sections left out for the limit.
    LeftOut,
    /// No keeper goes on after the window.
    KeeperAbsent,
    /// A keeper goes on after the window.
    KeeperFresh,
    /// Nothing kept others out.
    NoLock,
    /// Gates that can fail the deployment, but not hold it.
    ThinGates(&'a str),
    /// The workflow strategy is not used: the environment has reviewers.
    WorkflowNeedsReview,
    /// The workflow strategy is not used: no run id can be had.
    WorkflowNoRun,
    /// An alert that did not go out.
    NotTold {
        /// What it was about.
        event: &'a str,
        /// Where to.
        channel: &'a str,
        /// Why not.
        why: Option<&'a str>,
    },
    /// An alert that will be tried again.
    ToldLater {
        /// What it was about.
        event: &'a str,
        /// Where to.
        channel: &'a str,
        /// Why not yet.
        why: Option<&'a str>,
    },
    /// This message may have been sent before.
    Repeated,
    /// Who holds the lock.
    HeldBy {
        /// The deployment.
        deployment: &'a DeploymentId,
        /// Who.
        actor: Option<&'a str>,
        /// For how long, in words.
        age: &'a str,
    },
    /// What a dry run would do.
    WouldDeploy {
        /// What.
        kind: DeploymentType,
        /// Commit, shown short.
        commit: Option<&'a str>,
        /// Where.
        environment: &'a str,
    },
    /// A dry run that would be refused.
    WouldRefuse,
    /// Checks failed and were overridden: their names.
    Overridden(&'a str),
    /// So many problems were found.
    Problems(u64),
    /// One line while watching.
    Watching {
        /// What was seen.
        seen: &'a str,
        /// Evidence for a failing verdict, in words.
        against: Option<&'a str>,
        /// Evidence for a passing verdict, in words.
        in_favour: Option<&'a str>,
        /// Time left, in words.
        left: &'a str,
    },
    /// Gates by what they say, while watching.
    Gates {
        /// Healthy.
        healthy: u64,
        /// Degraded.
        degraded: u64,
        /// Not decided.
        open: u64,
    },
    /// No deployment is recorded.
    HistoryEmpty(&'a EnvironmentName),
    /// There are more pages.
    MoreWith(&'a str),
    /// Alerts that earlier runs owed were tried again.
    OwedTold {
        /// Sent now.
        sent: u64,
        /// Still owed.
        owed: u64,
    },
}

impl Message<'_> {
    /// The sentence.
    #[must_use]
    pub fn text(&self, locale: Locale) -> String {
        match locale {
            Locale::En => en::message::text(self),
            Locale::Ko => ko::message::text(self),
        }
    }
}
