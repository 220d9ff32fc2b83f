//! What runs, looked at so that it can be brought back: stacks by CloudFormation, aliases by Lambda. Changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_cloudformation::types::TemplateStage;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use futures_util::future::{join, join_all, join3};

use super::aws::{Aws, why};
use crate::core::observation::{Kind, Why};
use crate::core::policy::matches_pattern;
use crate::core::state::{SavedAlias, SavedFunction, SavedStack, SavedState, Scope};
use crate::ports::{Clock, CloudError, Functions, Saver};

/// What stands for a value that CloudFormation hides.
const HIDDEN: &str = "****";

/// CloudFormation and Lambda of one account and region.
#[derive(Clone)]
pub struct AwsSaver {
    aws: Arc<Aws>,
    functions: Arc<dyn Functions>,
    clock: Arc<dyn Clock>,
}

impl AwsSaver {
    /// Through these credentials.
    #[must_use]
    pub fn new(aws: Arc<Aws>, functions: Arc<dyn Functions>, clock: Arc<dyn Clock>) -> Self {
        Self {
            aws,
            functions,
            clock,
        }
    }

    /// The stack with its template and its functions; `None` where there is no such stack.
    async fn stack(&self, name: &str) -> Result<Option<(SavedStack, Vec<String>)>, CloudError> {
        let (stack, template, functions) = join3(
            self.described(name),
            self.template(name),
            self.functions.of_stack(name),
        )
        .await;
        // Of a stack that is not there the other calls know nothing either.
        let Some(stack) = stack? else {
            return Ok(None);
        };
        let template = template?;
        Ok(Some((SavedStack { template, ..stack }, functions?)))
    }

    async fn described(&self, name: &str) -> Result<Option<SavedStack>, CloudError> {
        let answer = self
            .aws
            .cloudformation()
            .describe_stacks()
            .stack_name(name)
            .send()
            .await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) if is_absent(&error) => return Ok(None),
            Err(error) => return Err(failed("cloudformation:DescribeStacks", why(&error))),
        };
        Ok(answer.stacks().first().map(|stack| SavedStack {
            name: name.to_owned(),
            status: stack
                .stack_status()
                .map_or_else(String::new, |s| s.as_str().to_owned()),
            template: String::new(),
            parameters: stack
                .parameters()
                .iter()
                .filter_map(|p| {
                    let value = p.parameter_value().filter(|v| *v != HIDDEN);
                    Some((p.parameter_key()?.to_owned(), value.map(str::to_owned)))
                })
                .collect(),
            tags: pairs(stack.tags().iter().map(|t| (t.key(), t.value()))),
            outputs: pairs(
                stack
                    .outputs()
                    .iter()
                    .map(|o| (o.output_key(), o.output_value())),
            ),
            capabilities: stack
                .capabilities()
                .iter()
                .map(|c| c.as_str().to_owned())
                .collect(),
        }))
    }

    async fn template(&self, name: &str) -> Result<String, CloudError> {
        const CALL: &str = "cloudformation:GetTemplate";
        let answer = self
            .aws
            .cloudformation()
            .get_template()
            .stack_name(name)
            .template_stage(TemplateStage::Original)
            .send()
            .await
            .map_err(|e| failed(CALL, why(&e)))?;
        answer.template_body().map(str::to_owned).ok_or_else(|| {
            let why = Why::new(Kind::Malformed, format!("no template of the stack {name}"));
            failed(CALL, why)
        })
    }

    /// Functions that the patterns mean; without a `*` a pattern is a name, and nothing is asked.
    async fn named(&self, patterns: &[String]) -> Result<Vec<String>, CloudError> {
        let (open, mut names): (Vec<_>, Vec<_>) =
            patterns.iter().cloned().partition(|p| p.contains('*'));
        if open.is_empty() {
            return Ok(names);
        }
        let all = self.functions.all().await?;
        let meant = |name: &String| open.iter().any(|p| matches_pattern(p, name));
        names.extend(all.into_iter().filter(meant));
        Ok(names)
    }

    async fn function(&self, name: &str) -> Result<SavedFunction, CloudError> {
        let mut pages = self
            .aws
            .lambda()
            .list_aliases()
            .function_name(name)
            .into_paginator()
            .send();
        let mut aliases = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|e| failed("lambda:ListAliases", why(&e)))?;
            aliases.extend(page.aliases().iter().filter_map(|alias| {
                let weights = alias
                    .routing_config()
                    .and_then(|r| r.additional_version_weights());
                Some(SavedAlias {
                    name: alias.name()?.to_owned(),
                    version: alias.function_version()?.to_owned(),
                    weights: weights
                        .into_iter()
                        .flatten()
                        .map(|(version, weight)| (version.clone(), *weight))
                        .collect(),
                    revision: alias.revision_id().map(str::to_owned),
                })
            }));
        }
        aliases.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(SavedFunction {
            name: name.to_owned(),
            aliases,
        })
    }
}

fn failed(call: &str, why: Why) -> CloudError {
    CloudError {
        call: call.to_owned(),
        why,
    }
}

/// CloudFormation says that there is no such stack.
fn is_absent<E: ProvideErrorMetadata>(error: &E) -> bool {
    error.code() == Some("ValidationError")
        && error
            .message()
            .is_some_and(|m| m.contains("does not exist"))
}

fn pairs<'a>(
    pairs: impl Iterator<Item = (Option<&'a str>, Option<&'a str>)>,
) -> BTreeMap<String, String> {
    pairs
        .filter_map(|(k, v)| Some((k?.to_owned(), v?.to_owned())))
        .collect()
}

#[async_trait]
impl Saver for AwsSaver {
    async fn capture(&self, scope: &Scope) -> Result<SavedState, CloudError> {
        let stacks = join_all(scope.stacks.iter().map(|name| self.stack(name)));
        let (stacks, named) = join(stacks, self.named(&scope.functions)).await;
        let mut state = SavedState {
            at: self.clock.now(),
            stacks: Vec::new(),
            functions: Vec::new(),
            missing: Vec::new(),
        };
        let mut names = BTreeSet::new();
        let mut errors = Vec::new();
        for stack in stacks {
            match stack {
                Ok(Some((stack, functions))) => {
                    state.stacks.push(stack);
                    names.extend(functions);
                }
                // Before the first deployment there is none.
                Ok(None) => {}
                Err(error) => errors.push(error),
            }
        }
        match named {
            Ok(named) => names.extend(named),
            Err(error) => errors.push(error),
        }
        for function in join_all(names.iter().map(|name| self.function(name))).await {
            match function {
                Ok(function) => state.functions.push(function),
                // Named before it was ever deployed.
                Err(error) if error.why.kind == Kind::NotFound => {}
                Err(error) => errors.push(error),
            }
        }
        state.missing = errors.iter().map(ToString::to_string).collect();
        match errors.into_iter().next() {
            Some(error) if state.stacks.is_empty() && state.functions.is_empty() => Err(error),
            Some(_) | None => Ok(state),
        }
    }
}
