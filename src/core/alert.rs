//! Who is told what, where, and how surely; knows no channel's protocol and no sentence.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::core::id::{CommitSha, DeploymentId, EnvironmentName, ServiceName};
use crate::core::policy::CheckName;
use crate::core::reason::ReasonCode;
use crate::core::record::{Decision, DeploymentType, Verdict, words};
use crate::core::time::Timestamp;

words! {
    /// Event names in routes and machine messages (PRODUCT section 14).
    AlertEvent {
        /// A deployment began.
        Started = "started",
        /// Ended well.
        Succeeded = "succeeded",
        /// Ended badly.
        Failed = "failed",
        /// The gates found it degraded.
        HealthCheckFailed = "health_check_failed",
        /// A restore began.
        RollbackStarted = "rollback_started",
        /// A restore ended well.
        RollbackCompleted = "rollback_completed",
        /// A restore did not end well: a person must act.
        RollbackFailed = "rollback_failed",
        /// Neither side proven.
        Inconclusive = "inconclusive",
        /// Stopped.
        Cancelled = "cancelled",
        /// Replaced.
        Superseded = "superseded",
        /// An abandoned lock was taken.
        LockTakenOver = "lock_taken_over",
        /// Checks were overridden.
        Forced = "forced",
        /// A lock is held too long.
        Stuck = "stuck",
    }
}

words! {
    /// Colour of a message.
    Severity {
        /// Green.
        Good = "good",
        /// Yellow.
        Warning = "warning",
        /// Red.
        Danger = "danger",
    }
}

words! {
    /// Where a message goes.
    Channel {
        /// Slack incoming webhook.
        Slack = "slack",
        /// Slack bot.
        SlackBot = "slack_bot",
        /// SNS topic.
        Sns = "sns",
    }
}

impl AlertEvent {
    /// The message's colour.
    #[must_use]
    pub fn severity(self) -> Severity {
        match self {
            Self::Started | Self::Succeeded | Self::RollbackCompleted => Severity::Good,
            Self::RollbackStarted
            | Self::Inconclusive
            | Self::Cancelled
            | Self::Superseded
            | Self::LockTakenOver
            | Self::Forced
            | Self::Stuck => Severity::Warning,
            Self::Failed | Self::HealthCheckFailed | Self::RollbackFailed => Severity::Danger,
        }
    }

    /// Failures and rollbacks are told at least once (and perhaps twice), the rest at most once.
    #[must_use]
    pub fn at_least_once(self) -> bool {
        match self {
            Self::Failed
            | Self::HealthCheckFailed
            | Self::RollbackStarted
            | Self::RollbackCompleted
            | Self::RollbackFailed => true,
            Self::Started
            | Self::Succeeded
            | Self::Inconclusive
            | Self::Cancelled
            | Self::Superseded
            | Self::LockTakenOver
            | Self::Forced
            | Self::Stuck => false,
        }
    }
}

/// One line of `alerts.routes`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// For these events.
    pub on: Vec<AlertEvent>,
    /// To these channels.
    pub to: Vec<Channel>,
    /// Put before the text, such as `<!channel>`.
    pub mention: Option<String>,
    /// Told again at this pace while nobody has acted.
    pub repeat: Option<Duration>,
}

/// The channels that are configured, and where events go. Addresses are not kept here.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Routing {
    /// Configured routes, in order.
    pub routes: Vec<Route>,
    /// Channels given by inputs: every event, but `started` outside production.
    pub input_channels: Vec<Channel>,
    /// Channels configured without any route: every event, as with inputs.
    pub default_channels: Vec<Channel>,
    /// The environment is production.
    pub production: bool,
}

/// One address for one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Where.
    pub channel: Channel,
    /// Put before the text.
    pub mention: Option<String>,
}

impl Routing {
    /// Where an event goes: each channel once, with the first mention that a route gives it.
    #[must_use]
    pub fn targets(&self, event: AlertEvent) -> Vec<Target> {
        let mut targets: Vec<Target> = Vec::new();
        let mut add = |channel: Channel, mention: Option<&String>| match targets
            .iter_mut()
            .find(|t| t.channel == channel)
        {
            Some(target) => target.mention = target.mention.take().or_else(|| mention.cloned()),
            None => targets.push(Target {
                channel,
                mention: mention.cloned(),
            }),
        };
        for route in self.routes.iter().filter(|r| r.on.contains(&event)) {
            for channel in &route.to {
                add(*channel, route.mention.as_ref());
            }
        }
        if event != AlertEvent::Started || self.production {
            let default = if self.routes.is_empty() {
                &self.default_channels[..]
            } else {
                &[]
            };
            for channel in self.input_channels.iter().chain(default) {
                add(*channel, None);
            }
        }
        targets
    }
}

/// What a message says, as data; kept with the notice, so that another process can send it. No address.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// What happened.
    pub event: AlertEvent,
    /// Of which deployment.
    pub deployment: DeploymentId,
    /// Its kind.
    pub kind: DeploymentType,
    /// Environment.
    pub environment: EnvironmentName,
    /// Service.
    pub service: ServiceName,
    /// Commit.
    pub git_ref: Option<CommitSha>,
    /// Who.
    pub actor: Option<String>,
    /// The run's page.
    pub run_url: Option<String>,
    /// When it happened.
    pub at: Timestamp,
    /// Start of the deployment.
    pub started: Timestamp,
    /// Verdict, if there is one.
    pub verdict: Option<Verdict>,
    /// Why.
    pub reason: ReasonCode,
    /// What follows, where something was decided.
    #[serde(default)]
    pub decision: Option<Decision>,
    /// The user's `reason` input.
    pub note: Option<String>,
    /// Gates' findings that matter, worst first.
    pub findings: Vec<crate::core::gate::Finding>,
    /// The version to go back to, for people who must act.
    pub previous: Option<crate::core::lease::Live>,
    /// Particulars: who held the lock, which checks were overridden, which error; from outside.
    pub detail: Option<String>,
    /// Milliseconds since the deployment's start.
    pub took_ms: u64,
    /// Checks that failed and were overridden by force.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub overridden: Vec<CheckName>,
    /// Checks that its type skips.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skipped: Vec<CheckName>,
    /// What it brings: short commits and titles, the first few; from outside.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<String>,
    /// How many more there are.
    #[serde(default)]
    pub changes_left_out: usize,
    /// The page that shows them all.
    #[serde(default)]
    pub compare_url: Option<String>,
    /// Stacks that a person must repair, for the commands that do it.
    #[serde(default)]
    pub stacks: Vec<String>,
}

words! {
    /// How far a notice has got.
    NoticeState {
        /// Claimed by a session that is sending it now.
        Sending = "sending",
        /// To be sent by whoever comes next.
        Owed = "owed",
        /// Delivered.
        Sent = "sent",
        /// Given up.
        Undelivered = "undelivered",
    }
}

/// What could not be sent is owed this long.
pub const OWED_FOR: Duration = Duration::from_secs(24 * 3600);

/// A session's claim on a notice holds this long.
pub const CLAIM: Duration = Duration::from_secs(60);

/// One message to one channel, in the outbox.
#[derive(Debug, Clone, PartialEq)]
pub struct Notice {
    /// Deployment.
    pub deployment: DeploymentId,
    /// Environment, part of its key.
    pub environment: EnvironmentName,
    /// Number of the journal entry that ordered it.
    pub n: u32,
    /// Which notice of that entry, from 0.
    pub index: u32,
    /// Where.
    pub channel: Channel,
    /// Put before the text.
    pub mention: Option<String>,
    /// How far it has got.
    pub state: NoticeState,
    /// Who is sending it.
    pub claimed_by: Option<crate::core::id::SessionId>,
    /// Until then nobody else may.
    pub claimed_until: Timestamp,
    /// After that nobody sends it any more.
    pub give_up_at: Timestamp,
    /// Somebody may have sent it already.
    pub repeated: bool,
    /// What it says.
    pub facts: Facts,
}

impl Notice {
    /// Sort key of the outbox: unique in its environment.
    #[must_use]
    pub fn key(&self) -> String {
        format!(
            "{}#{}#{}",
            self.deployment,
            self.n * 100 + self.index,
            self.channel
        )
    }
}
