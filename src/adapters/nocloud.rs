//! Stands where no AWS Region is known: whatever is asked of it is unknown, not well and not absent.

use async_trait::async_trait;

use crate::core::gate::alarms::AlarmSeen;
use crate::core::gate::series::{Buckets, Series};
use crate::core::observation::{Kind, Reading, Why};
use crate::core::time::Timestamp;
use crate::ports::{CloudError, Functions, Logs, Metrics, Stack, Stacks};

/// No cloud.
#[derive(Debug, Clone, Copy)]
pub struct NoCloud;

fn no_region(call: &str) -> CloudError {
    CloudError {
        call: call.to_owned(),
        why: Why::new(
            Kind::NoData,
            "no AWS Region is known; set `region` or AWS_REGION",
        ),
    }
}

#[async_trait]
impl Stacks for NoCloud {
    async fn describe(&self, _name: &str) -> Result<Stack, CloudError> {
        Err(no_region("cloudformation:DescribeStacks"))
    }
}

#[async_trait]
impl Metrics for NoCloud {
    async fn series(
        &self,
        _wanted: &[Series],
        _from: Timestamp,
        _to: Timestamp,
    ) -> Result<Vec<Reading<Buckets>>, CloudError> {
        Err(no_region("cloudwatch:GetMetricData"))
    }

    async fn alarms(
        &self,
        _names: &[String],
        _prefix: Option<&str>,
    ) -> Result<Vec<AlarmSeen>, CloudError> {
        Err(no_region("cloudwatch:DescribeAlarms"))
    }

    async fn existing(
        &self,
        _namespace: &str,
        _dimension: Option<&str>,
    ) -> Result<Vec<String>, CloudError> {
        Err(no_region("cloudwatch:ListMetrics"))
    }
}

#[async_trait]
impl Functions for NoCloud {
    async fn all(&self) -> Result<Vec<String>, CloudError> {
        Err(no_region("lambda:ListFunctions"))
    }

    async fn of_stack(&self, _stack: &str) -> Result<Vec<String>, CloudError> {
        Err(no_region("cloudformation:ListStackResources"))
    }
}

#[async_trait]
impl Logs for NoCloud {
    async fn matches(
        &self,
        _groups: &[String],
        _query: &str,
        _from: Timestamp,
        _to: Timestamp,
    ) -> Result<u64, CloudError> {
        Err(no_region("logs:StartQuery"))
    }
}
