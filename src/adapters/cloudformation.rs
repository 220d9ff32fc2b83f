//! CloudFormation's stacks, read only; knows no gate and no restore.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::DateTime;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use super::aws::{Aws, why};
use crate::core::journal::StackSeen;
use crate::core::observation::{Kind, Why};
use crate::core::time::Timestamp;
use crate::ports::{CloudError, Stack, Stacks};

const CALL: &str = "cloudformation:DescribeStacks";

/// CloudFormation of one account and region.
#[derive(Debug, Clone)]
pub struct CloudFormation(Arc<Aws>);

impl CloudFormation {
    /// Through these credentials.
    #[must_use]
    pub fn new(aws: Arc<Aws>) -> Self {
        Self(aws)
    }
}

fn failed(why: Why) -> CloudError {
    CloudError {
        call: CALL.to_owned(),
        why,
    }
}

fn instant(at: &DateTime) -> Option<Timestamp> {
    at.to_millis().ok().map(Timestamp::from_millis)
}

#[async_trait]
impl Stacks for CloudFormation {
    async fn describe(&self, name: &str) -> Result<Stack, CloudError> {
        let absent = Stack {
            seen: StackSeen {
                name: name.to_owned(),
                status: None,
                updated: None,
            },
            outputs: BTreeMap::new(),
        };
        let answer = self
            .0
            .cloudformation()
            .describe_stacks()
            .stack_name(name)
            .send()
            .await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(SdkError::ServiceError(failure))
                if failure.err().code() == Some("ValidationError")
                    && failure
                        .err()
                        .message()
                        .is_some_and(|message| message.contains("does not exist")) =>
            {
                return Ok(absent);
            }
            Err(error) => return Err(failed(why(&error))),
        };
        let Some(stack) = answer.stacks().first() else {
            return Ok(absent);
        };
        let status = stack.stack_status().ok_or_else(|| {
            failed(Why::new(
                Kind::Malformed,
                "a stack without a status".to_owned(),
            ))
        })?;
        let updated = stack.last_updated_time().or(stack.creation_time());
        Ok(Stack {
            seen: StackSeen {
                name: name.to_owned(),
                status: Some(status.as_str().to_owned()),
                updated: updated.and_then(instant),
            },
            outputs: stack
                .outputs()
                .iter()
                .filter_map(|output| {
                    let (key, value) = (output.output_key()?, output.output_value()?);
                    Some((key.to_owned(), value.to_owned()))
                })
                .collect(),
        })
    }
}

#[cfg(test)]
mod tests;
