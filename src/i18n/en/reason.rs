//! Reasons in English; knows no particulars.

use crate::core::reason::ReasonCode as R;

/// What the reason means.
pub fn meaning(reason: R) -> &'static str {
    match reason {
        R::Healthy => "All gates are healthy.",
        R::HealthyInPart => {
            "Every gate that could be judged is healthy; of the others nothing is proven."
        }
        R::HttpFailed => "An HTTP gate failed, and repeated probes confirmed it.",
        R::VersionMismatch => "The version that answers is not the one that was deployed.",
        R::ErrorRateAboveBound => "More requests fail than the configured bound allows.",
        R::ErrorRateAboveBaseline => "Clearly more requests fail than before the deployment.",
        R::LatencyAboveBound => "More requests are slow than the configured bound allows.",
        R::AlarmFiring => "A CloudWatch alarm is firing.",
        R::MetricOutOfBounds => "A metric is outside its bound.",
        R::LogsMatch => "More log lines match the query than are allowed.",
        R::StackFailed => "The CloudFormation stack is in a failed state.",
        R::TrafficVanished => "Far fewer requests arrive than before the deployment.",
        R::NoData => "Nothing could be observed, so nothing is known about this version.",
        R::TooLittleData => {
            "A part of what is watched could not be observed, and what is unknown does not count as healthy."
        }
        R::NoTraffic => "There were no requests to judge by.",
        R::TooFewRequests => "There were too few requests to prove either side.",
        R::NotProven => "Neither healthy nor degraded was proven in time.",
        R::FailingBefore => {
            "The gate was failing before the deployment already and has not been good since."
        }
        R::OwnNetworkDown => {
            "Nothing can be reached from here, GitHub included: this runner's own network seems to be down."
        }
        R::Yielded => "The watch ended early to hand the lock over to a rollback or hotfix.",
        R::NoGates => "No gate is configured, so nothing was watched.",
        R::DeployFailed => "A deploy step failed; what runs is the same as before.",
        R::DeployFailedChanged => "A deploy step failed after it had changed what runs.",
        R::DeployFailedUnseen => {
            "A deploy step failed; whether it changed what runs could not be seen."
        }
        R::CancelledUnseen => {
            "The job was cancelled; whether what runs had changed could not be seen."
        }
        R::StackRollbackFailed => "CloudFormation could not undo its own update.",
        R::Cancelled => "The job was cancelled before anything that runs had changed.",
        R::CancelledLive => {
            "The job was cancelled after the new version had gone live, so it is live but unverified."
        }
        R::Superseded => "Another deployment has replaced this one.",
        R::AlreadyLive => "This commit is live already.",
        R::DryRun => "This was a dry run.",
        R::JobStatusUnknown => {
            "It is not known how the job's own steps ended, which does not count as success."
        }
        R::NoGoodState => "There is no good version to go back to.",
        R::TargetFailedSameGate => "The version to go back to had failed the same gate itself.",
        R::Irreversible => "This deployment is marked as irreversible, so nothing was restored.",
        R::NoStrategy => "None of the configured ways of restoring applies here.",
        R::AutomaticOff => "Automatic restore is switched off.",
        R::Restored => {
            "The new version was bad, and the last good version was restored and verified."
        }
        R::RestoreFailed => "The last good version could not be brought back.",
        R::WouldDestroyData => {
            "Going back would remove or replace stored data, so it was not done."
        }
        R::Locked => "Another deployment holds the lock of this environment.",
        R::StackUnsettled => "The stack is being changed at the moment.",
        R::Frozen => "A freeze window is open.",
        R::ApprovalMissing => "This run was not approved for the environment.",
        R::ChecksNotGreen => "Required checks of the commit are not green.",
        R::BranchNotAllowed => "The commit is not on an allowed branch.",
        R::BehindLive => "The commit is behind the one that is live.",
        R::AlarmsFiring => "Alarms were firing before the deployment already.",
        R::TargetNotFound => "There is no deployment that matches the rollback target.",
        R::TargetNotGood => "The rollback target did not end as a healthy deployment.",
        R::TargetElsewhere => "The rollback target belongs to another environment or service.",
        R::TargetExpired => "The record of the rollback target has expired.",
        R::TargetBeforeIrreversible => {
            "Between now and the rollback target lies an irreversible deployment."
        }
        R::TargetLive => "The rollback target is live already.",
        R::CheckUnavailable => {
            "A check could not be made, and what is unknown does not count as in order."
        }
        R::Allowed => "All checks are in order.",
        R::InvalidInput => "An input is not valid; nothing was changed.",
        R::InvalidConfig => "The configuration is not valid; nothing was changed.",
        R::StoreUnreachable => "The history store could not be reached.",
        R::GithubUnreachable => "GitHub could not be reached.",
        R::AwsUnreachable => "AWS could not be reached or gave no credentials.",
        R::RunnerFile => {
            "A file of the runner could not be written, so later steps cannot be told."
        }
        R::Interrupted => "It was stopped by a signal before it had finished.",
        R::FencedOff => {
            "Another process has taken the lock over, so this one may not write any more."
        }
    }
}

/// What to do next.
pub fn help(reason: R) -> &'static str {
    match reason {
        R::Healthy => "Nothing needs to be done.",
        R::HealthyInPart => {
            "Look at the gates that are not proven: deploy-guard keep goes on watching them, an http gate needs no traffic."
        }
        R::HttpFailed => {
            "Open the URL of the failed gate and read the service's logs since the deployment; fix the cause, then deploy again."
        }
        R::VersionMismatch => {
            "Check that the deploy step really published this commit and that the gate's version setting reads the right field."
        }
        R::ErrorRateAboveBound => {
            "Read the errors that the named functions or APIs have logged since the deployment; fix the cause, then deploy again."
        }
        R::ErrorRateAboveBaseline => {
            "Compare the errors since the deployment with those before it; fix what is new, then deploy again."
        }
        R::LatencyAboveBound => {
            "Look for what became slower (cold starts, queries, calls to other services); fix it, then deploy again."
        }
        R::AlarmFiring => "Open the named alarm in CloudWatch and find its cause.",
        R::MetricOutOfBounds => {
            "Open the metric in CloudWatch and find out what changed with the deployment."
        }
        R::LogsMatch => {
            "Read the matching lines in CloudWatch Logs Insights; fix the cause, then deploy again."
        }
        R::StackFailed => {
            "Read the reasons of the stack's failed events: aws cloudformation describe-stack-events lists them."
        }
        R::TrafficVanished => {
            "Check routing, DNS and clients: the requests may no longer reach the service."
        }
        R::NoData | R::TooLittleData => {
            "Check the gates' names and the role's permissions, then watch again with deploy-guard verify."
        }
        R::NoTraffic => {
            "Send some requests or add an http gate, which needs no traffic; then watch again with deploy-guard verify."
        }
        R::TooFewRequests => {
            "Watch longer (gates.window, gates.bake), or add an http gate, which needs no traffic."
        }
        R::NotProven => {
            "Look at what the gates saw; watch again with deploy-guard verify, or lengthen gates.window."
        }
        R::FailingBefore => {
            "Repair what was broken before; until then this gate cannot judge a deployment."
        }
        R::OwnNetworkDown => {
            "Check the runner's network, then watch again with deploy-guard verify."
        }
        R::Yielded => "Follow the deployment that took over; nothing needs to be done here.",
        R::NoGates => "Configure at least one gate; the input health_url is the shortest way.",
        R::DeployFailed => "Read the log of the failed step and fix it, then deploy again.",
        R::DeployFailedChanged => {
            "Check what is live now; then deploy a repaired version or roll back."
        }
        R::DeployFailedUnseen | R::CancelledUnseen => {
            "Check what is live now with deploy-guard verify; then deploy again or roll back."
        }
        R::StackRollbackFailed => {
            "Repair the resource that blocks it, then let CloudFormation continue its rollback."
        }
        R::Cancelled => "Deploy again when you are ready.",
        R::CancelledLive => "Verify it with deploy-guard verify, or roll back.",
        R::Superseded => "Follow the deployment that is live now.",
        R::AlreadyLive => "Nothing needs to be done; force_deploy deploys it once more.",
        R::DryRun => "Run it again without dry_run to deploy.",
        R::JobStatusUnknown => {
            "Check that the input job_status keeps its default, then deploy again."
        }
        R::NoGoodState => {
            "Fix the cause and deploy again; a version can be gone back to once its gates were healthy."
        }
        R::TargetFailedSameGate => {
            "Deploy a repaired version, or name an older one as rollback_target."
        }
        R::Irreversible => "Roll forward: fix the cause and deploy again.",
        R::NoStrategy => "Check rollback.strategies, and roll back with deployment_type rollback.",
        R::AutomaticOff => "Decide what to do: roll back, or deploy a repaired version.",
        R::Restored => "Find the cause before this commit is deployed again.",
        R::RestoreFailed => {
            "Act now: find out what is live, then bring a good version back by hand."
        }
        R::WouldDestroyData => {
            "Deploy a repaired version, or go back by hand after the data has been saved."
        }
        R::Locked => {
            "Wait until it has ended, or cancel its run; a hotfix or rollback may follow as soon as it only watches."
        }
        R::StackUnsettled => "Wait until the stack operation has ended, then run it again.",
        R::Frozen => {
            "Wait until it closes; a hotfix skips it, and force_deploy overrides it and is recorded."
        }
        R::ApprovalMissing => {
            "Have a reviewer approve the run on GitHub, and check that the job names the environment."
        }
        R::ChecksNotGreen => {
            "Wait for the checks or repair them; force_deploy overrides them and is recorded."
        }
        R::BranchNotAllowed => {
            "Merge it into an allowed branch first; a hotfix skips this check, and force_deploy overrides it."
        }
        R::BehindLive => {
            "Deploy a newer commit, or roll back on purpose with deployment_type rollback."
        }
        R::AlarmsFiring => {
            "Clear the alarms first, or they cannot judge this deployment; a hotfix skips this check."
        }
        R::TargetNotFound => "Name one of the candidates as rollback_target.",
        R::TargetNotGood => "Name a deployment that was good as rollback_target.",
        R::TargetElsewhere => {
            "Name a deployment of this environment and service as rollback_target."
        }
        R::TargetExpired => "Name a newer deployment as rollback_target.",
        R::TargetBeforeIrreversible => {
            "Deploy a repaired version, or override with force_deploy if you are sure."
        }
        R::TargetLive => "Name an earlier deployment as rollback_target.",
        R::CheckUnavailable => {
            "Look at why the check could not be made and which permission it needs, then run it again."
        }
        R::Allowed => "The job's own steps may deploy now.",
        R::InvalidInput => "Correct the inputs named here, then run it again.",
        R::InvalidConfig => {
            "Correct the lines named here on the default branch, then run it again."
        }
        R::StoreUnreachable => {
            "Check the table's name, the region and the role's permissions; \"Set up\" in the README shows how to create the table."
        }
        R::GithubUnreachable => {
            "Check GitHub's status and the token's permissions, then run it again."
        }
        R::AwsUnreachable => {
            "Check role_to_assume, its trust policy and the job's permission id-token: write."
        }
        R::RunnerFile => {
            "Check the runner's disk, and that no earlier step has changed GITHUB_OUTPUT, GITHUB_STATE or GITHUB_ENV; then run it again."
        }
        R::Interrupted => "Continue with deploy-guard resume, or let the keeper finish it.",
        R::FencedOff => "Follow the process that holds the lock now; deploy-guard lock shows it.",
    }
}
