//! Keys of the items; `#` is no character of an id, so none of them meets a deployment's.

use aws_sdk_dynamodb::types::AttributeValue;

use super::attr::{Item, s};
use crate::core::id::{DeploymentId, EnvironmentName, ServiceName};

/// Partition key.
pub(super) const ID: &str = "deploymentId";
/// Sort key.
pub(super) const AT: &str = "timestamp";
/// Sort key of the heartbeat; `~` is no character of a service's name.
pub(super) const KEEPER: &str = "~keeper";
/// Sort key of the evidence.
pub(super) const EVIDENCE: &str = "~v";
/// What sort keys of entries begin with.
pub(super) const ENTRY: &str = "~e#";

pub(super) fn heads(environment: &EnvironmentName) -> String {
    format!("dg#head#{environment}")
}

pub(super) fn totals(environment: &EnvironmentName, service: &ServiceName) -> String {
    format!("dg#totals#{environment}#{service}")
}

pub(super) fn notices(environment: &EnvironmentName) -> String {
    format!("dg#notice#{environment}")
}

pub(super) fn refusals(environment: &EnvironmentName, service: &ServiceName) -> String {
    format!("dg#refused#{environment}#{service}")
}

pub(super) fn entry(n: u32) -> String {
    format!("{ENTRY}{n:04}")
}

/// Of the entry that an undoing deployment leaves with the undone one; letters sort after the numbers.
pub(super) fn undone(by: &DeploymentId) -> String {
    format!("{ENTRY}r#{by}")
}

pub(super) fn of(id: impl ToString, at: impl ToString) -> Item {
    Item::from([(ID.to_owned(), s(id)), (AT.to_owned(), s(at))])
}

pub(super) fn is_key(name: &str, _: &AttributeValue) -> bool {
    name == ID || name == AT
}
