//! The closed list of reasons, the same in every language; knows no sentence.

use crate::core::record::words;

words! {
    /// Why a deployment was refused, judged or closed as it was: output `reason_code`, record, JSON.
    ReasonCode {
        /// All gates healthy, at least one certified.
        Healthy = "healthy",
        /// At least one gate certified, others not proven and excused.
        HealthyInPart = "healthy_in_part",
        /// An HTTP gate failed and the failure was confirmed.
        HttpFailed = "http_failed",
        /// The answering version is not the deployed one.
        VersionMismatch = "version_mismatch",
        /// Errors above the absolute bound.
        ErrorRateAboveBound = "error_rate_above_bound",
        /// Errors above the service's own baseline.
        ErrorRateAboveBaseline = "error_rate_above_baseline",
        /// Slow requests above the bound.
        LatencyAboveBound = "latency_above_bound",
        /// An alarm is in ALARM.
        AlarmFiring = "alarm_firing",
        /// A metric is outside its bound.
        MetricOutOfBounds = "metric_out_of_bounds",
        /// More log lines match than allowed.
        LogsMatch = "logs_match",
        /// The stack is in a failed state.
        StackFailed = "stack_failed",
        /// Far fewer requests than the baseline promises.
        TrafficVanished = "traffic_vanished",
        /// Nothing could be observed.
        NoData = "no_data",
        /// A part of what is watched could not be observed.
        TooLittleData = "too_little_data",
        /// There were no requests.
        NoTraffic = "no_traffic",
        /// Too few requests to prove either side.
        TooFewRequests = "too_few_requests",
        /// Neither side proven at the deadline.
        NotProven = "not_proven",
        /// Was failing before the deployment and has not been good since.
        FailingBefore = "failing_before",
        /// Every host fails from here: our own network is down.
        OwnNetworkDown = "own_network_down",
        /// Handed over to a rollback or hotfix while watching.
        Yielded = "yielded",
        /// No gate is configured.
        NoGates = "no_gates",
        /// The deploy step failed and nothing was changed.
        DeployFailed = "deploy_failed",
        /// The deploy step failed after it had changed what runs.
        DeployFailedChanged = "deploy_failed_changed",
        /// The deploy step failed; whether it changed what runs could not be seen.
        DeployFailedUnseen = "deploy_failed_unseen",
        /// CloudFormation could not roll its update back.
        StackRollbackFailed = "stack_rollback_failed",
        /// Stopped by a person or the runner; nothing was changed.
        Cancelled = "cancelled",
        /// Stopped after what runs had changed: live and unverified.
        CancelledLive = "cancelled_live",
        /// Stopped; whether what runs had changed could not be seen.
        CancelledUnseen = "cancelled_unseen",
        /// Another deployment replaced this one.
        Superseded = "superseded",
        /// This commit is already live.
        AlreadyLive = "already_live",
        /// Only planned, nothing was changed.
        DryRun = "dry_run",
        /// The job's status is not known.
        JobStatusUnknown = "job_status_unknown",
        /// There is no good state to go back to.
        NoGoodState = "no_good_state",
        /// The state to go back to had failed the same gate.
        TargetFailedSameGate = "target_failed_same_gate",
        /// Marked as irreversible: only forward.
        Irreversible = "irreversible",
        /// No strategy applies.
        NoStrategy = "no_strategy",
        /// Automatic restore is switched off.
        AutomaticOff = "automatic_off",
        /// The last good version serves again, verified.
        Restored = "restored",
        /// No strategy brought a healthy end.
        RestoreFailed = "restore_failed",
        /// Going back would remove or replace stored data.
        WouldDestroyData = "would_destroy_data",
        /// Another deployment holds the lock.
        Locked = "locked",
        /// The stack is being changed.
        StackUnsettled = "stack_unsettled",
        /// A freeze window is open.
        Frozen = "frozen",
        /// The environment's approval did not happen.
        ApprovalMissing = "approval_missing",
        /// Required checks of the commit are not green.
        ChecksNotGreen = "checks_not_green",
        /// The commit is on no allowed branch.
        BranchNotAllowed = "branch_not_allowed",
        /// The commit is behind the live one.
        BehindLive = "behind_live",
        /// Alarms fired already before the deployment.
        AlarmsFiring = "alarms_firing",
        /// No such rollback target.
        TargetNotFound = "target_not_found",
        /// The rollback target was not good.
        TargetNotGood = "target_not_good",
        /// The rollback target belongs to another environment or service.
        TargetElsewhere = "target_elsewhere",
        /// The rollback target's record has expired.
        TargetExpired = "target_expired",
        /// The rollback target lies before an irreversible deployment.
        TargetBeforeIrreversible = "target_before_irreversible",
        /// The rollback target is what runs already.
        TargetLive = "target_live",
        /// A check could not be made.
        CheckUnavailable = "check_unavailable",
        /// Everything was in order.
        Allowed = "allowed",
        /// Wrong input.
        InvalidInput = "invalid_input",
        /// Wrong configuration.
        InvalidConfig = "invalid_config",
        /// The history store could not be reached.
        StoreUnreachable = "store_unreachable",
        /// GitHub could not be reached.
        GithubUnreachable = "github_unreachable",
        /// AWS could not be reached, or gave no credentials.
        AwsUnreachable = "aws_unreachable",
        /// A file in which the runner takes outputs, state or variables could not be written.
        RunnerFile = "runner_file",
        /// Stopped by a signal.
        Interrupted = "interrupted",
        /// Somebody else holds the lock now; this process may not write.
        FencedOff = "fenced_off",
    }
}
