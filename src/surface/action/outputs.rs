//! The action's outputs by name, as `action.yml` declares them; knows no value.

/// Every output, in the order of the documentation. `action.yml` and README are checked against it.
pub const OUTPUTS: &[&str] = &[
    "deployment_id",
    "deployment_type",
    "status",
    "verdict",
    "deploy_needed",
    "ref",
    "previous_ref",
    "previous_deployment_id",
    "rollback_target",
    "rolled_back",
    "rollback_ref",
    "decision",
    "reason_code",
    "reason",
    "duration_seconds",
    "result",
];
