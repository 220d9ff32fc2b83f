//! One environment as it is written; does not know which values make sense together.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::raw::{RawDuration, RawGates, Word};
use crate::core::alert::{AlertEvent, Channel};
use crate::core::policy::ApprovalRule;
use crate::core::restore::Strategy;

/// One environment.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Environment")]
pub struct RawEnvironment {
    /// Other names for it.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// It serves real users: stricter rules, louder alerts. Default: `false`.
    pub production: Option<bool>,
    /// GitHub environment whose approval is checked. Default: the environment's name or alias.
    pub github_environment: Option<String>,
    /// The only CloudFormation stack.
    pub stack: Option<String>,
    /// CloudFormation stacks, in the order in which they are deployed.
    pub stacks: Option<Vec<String>>,
    /// Role to assume by OIDC.
    pub role_to_assume: Option<String>,
    /// AWS region. Default: the `region` of the file.
    pub region: Option<String>,
    /// The lock.
    pub lock: Option<RawLock>,
    /// Whether GitHub's approval must have happened: one word for all, or a word each for `deploy` (with `hotfix`) and
    /// `rollback`. Default: `none`.
    pub approval: Option<RawApproval>,
    /// Branches that may be deployed: names, or patterns with `*` (not across `/`) and `**`. Default: any.
    pub branches: Option<Vec<String>>,
    /// Check runs or commit statuses that must be green. Default: none.
    pub required_checks: Option<Vec<String>>,
    /// Windows in which nothing is deployed.
    #[serde(default)]
    pub freeze: Vec<RawFreeze>,
    /// What is watched, and how.
    pub gates: Option<RawGates>,
    /// Bringing the last good version back.
    pub rollback: Option<RawRollback>,
    /// Who is told.
    pub alerts: Option<RawAlerts>,
}

/// The lock.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Lock")]
pub struct RawLock {
    /// Wait this long for a held lock. Default: `0s`.
    pub wait: Option<RawDuration>,
}

/// One word for every type of deployment, or one each.
// The two shapes are told apart by the walk over the located tree before serde sees them.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "Approval")]
pub enum RawApproval {
    /// For all.
    All(#[schemars(with = "Word<ApprovalRule>")] ApprovalRule),
    /// For each.
    Each(RawApprovals),
}

/// A word for each type of deployment.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Approvals")]
pub struct RawApprovals {
    /// For `deploy` and `hotfix`. Default: `none`.
    #[schemars(with = "Option<Word<ApprovalRule>>")]
    pub deploy: Option<ApprovalRule>,
    /// For `rollback`. Default: `none`.
    #[schemars(with = "Option<Word<ApprovalRule>>")]
    pub rollback: Option<ApprovalRule>,
}

/// A window without deployments: weekly (`Fri 18:00` to `Mon 08:00`) or once (`2026-12-24T00:00` to `2026-12-27T00:00`).
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Freeze")]
pub struct RawFreeze {
    /// First moment: a weekday and time, or a local date and time.
    #[schemars(required, extend("examples" = ["Fri 18:00", "2026-12-24T00:00"]))]
    pub from: Option<String>,
    /// First moment after it.
    #[schemars(required, extend("examples" = ["Mon 08:00", "2026-12-27T00:00"]))]
    pub to: Option<String>,
    /// IANA time zone. Default: `UTC`.
    #[schemars(extend("examples" = ["Asia/Seoul"]))]
    pub time_zone: Option<String>,
    /// For people.
    pub reason: Option<String>,
}

/// Bringing the last good version back.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Rollback")]
pub struct RawRollback {
    /// Without a person. Default: `true`.
    pub automatic: Option<bool>,
    /// Tried in this order until one is verified healthy. Default: `[lambda_alias, cloudformation]`.
    #[schemars(with = "Option<Vec<Word<Strategy>>>", length(min = 1))]
    pub strategies: Option<Vec<Strategy>>,
    /// For the strategy `workflow`.
    pub workflow: Option<RawWorkflow>,
    /// Watch window after a restore. Default: `3m`; at least `5s`.
    pub verify: Option<RawDuration>,
}

/// The workflow that a rollback dispatches.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Workflow")]
pub struct RawWorkflow {
    /// File name in `.github/workflows`.
    #[schemars(required)]
    pub file: Option<String>,
    /// Branch or tag. Default: `main`.
    #[serde(rename = "ref")]
    pub git_ref: Option<String>,
    /// How long its run may take. Default: `30m`; at least `1m`.
    pub timeout: Option<RawDuration>,
}

/// Who is told.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Alerts")]
pub struct RawAlerts {
    /// Slack.
    pub slack: Option<RawSlack>,
    /// Amazon SNS.
    pub sns: Option<RawSns>,
    /// Which events go where. Default: every event to every channel, `started` only in production.
    #[serde(default)]
    pub routes: Vec<RawRoute>,
}

/// Slack, by incoming webhook or by bot. Inputs of the action win over these.
#[derive(Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Slack")]
pub struct RawSlack {
    /// Incoming webhook; keep it in a secret: `${env.SLACK_WEBHOOK_URL}`.
    pub webhook_url: Option<String>,
    /// Token of a bot; keep it in a secret: `${env.SLACK_BOT_TOKEN}`.
    pub bot_token: Option<String>,
    /// Channel of the bot, such as `#ops` or a channel's id.
    pub channel: Option<String>,
}

impl std::fmt::Debug for RawSlack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RawSlack")
            .field("webhook_url", &self.webhook_url.as_ref().map(|_| "***"))
            .field("bot_token", &self.bot_token.as_ref().map(|_| "***"))
            .field("channel", &self.channel)
            .finish()
    }
}

/// Amazon SNS.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Sns")]
pub struct RawSns {
    /// ARN of the topic.
    #[schemars(required)]
    pub topic_arn: Option<String>,
}

/// Which events go where.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Route")]
pub struct RawRoute {
    /// These events.
    #[schemars(required, with = "Option<Vec<Word<AlertEvent>>>", length(min = 1))]
    pub on: Option<Vec<AlertEvent>>,
    /// To these channels.
    #[schemars(required, with = "Option<Vec<Word<Channel>>>", length(min = 1))]
    pub to: Option<Vec<Channel>>,
    /// Put before the text, such as `<!channel>`.
    pub mention: Option<String>,
    /// Told again at this pace while nobody has acted; at least `1s`.
    pub repeat: Option<RawDuration>,
}
