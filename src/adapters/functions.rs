//! Which Lambda functions there are, in the account and in a stack; knows no metric and changes nothing.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use aws_sdk_lambda::Client;

use super::aws::{Aws, Service, why};
use crate::core::observation::{Kind, Why};
use crate::ports::{CloudError, Functions};

const LIST: &str = "lambda:ListFunctions";
const RESOURCES: &str = "cloudformation:ListStackResources";

/// Pages of 50 functions or 100 resources that are followed.
const PAGES: usize = 100;

/// Lambda functions of one account and region.
#[derive(Debug)]
pub struct LambdaFunctions {
    aws: Arc<Aws>,
    client: OnceLock<Client>,
}

impl LambdaFunctions {
    /// Through these credentials.
    #[must_use]
    pub fn new(aws: Arc<Aws>) -> Self {
        Self {
            aws,
            client: OnceLock::new(),
        }
    }

    fn client(&self) -> &Client {
        self.client
            .get_or_init(|| Client::new(&self.aws.within_a_tick(Service::Lambda)))
    }

    /// One stack's functions, and the nested stacks that it has.
    async fn resources(
        &self,
        stack: &str,
        names: &mut BTreeSet<String>,
    ) -> Result<Vec<String>, CloudError> {
        let mut nested = Vec::new();
        let mut token = None;
        for _ in 0..PAGES {
            let page = self
                .aws
                .cloudformation()
                .list_stack_resources()
                .stack_name(stack)
                .set_next_token(token)
                .send()
                .await
                .map_err(|error| failed(RESOURCES, why(&error)))?;
            for resource in page.stack_resource_summaries() {
                let id = resource.physical_resource_id().map(str::to_owned);
                match resource.resource_type() {
                    Some("AWS::Lambda::Function") => names.extend(id),
                    Some("AWS::CloudFormation::Stack") => nested.extend(id),
                    _ => {}
                }
            }
            token = page.next_token().map(str::to_owned);
            if token.is_none() {
                return Ok(nested);
            }
        }
        Err(endless(RESOURCES))
    }
}

fn failed(call: &str, why: Why) -> CloudError {
    CloudError {
        call: call.to_owned(),
        why,
    }
}

fn endless(call: &str) -> CloudError {
    failed(call, Why::new(Kind::Malformed, "the answer has no end"))
}

#[async_trait]
impl Functions for LambdaFunctions {
    async fn all(&self) -> Result<Vec<String>, CloudError> {
        let mut names = BTreeSet::new();
        let mut marker = None;
        for _ in 0..PAGES {
            let page = self
                .client()
                .list_functions()
                .set_marker(marker)
                .send()
                .await
                .map_err(|error| failed(LIST, why(&error)))?;
            names.extend(
                page.functions()
                    .iter()
                    .filter_map(|f| f.function_name().map(str::to_owned)),
            );
            marker = page
                .next_marker()
                .filter(|marker| !marker.is_empty())
                .map(str::to_owned);
            if marker.is_none() {
                return Ok(names.into_iter().collect());
            }
        }
        Err(endless(LIST))
    }

    async fn of_stack(&self, stack: &str) -> Result<Vec<String>, CloudError> {
        let mut names = BTreeSet::new();
        let mut open = vec![stack.to_owned()];
        let mut seen = BTreeSet::new();
        while let Some(next) = open.pop() {
            if seen.insert(next.clone()) {
                open.extend(self.resources(&next, &mut names).await?);
            }
        }
        Ok(names.into_iter().collect())
    }
}
