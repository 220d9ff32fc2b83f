//! Change sets: made, read, executed, and followed to their end by the stack's events. Knows no saved state but
//! what it is handed.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_cloudformation::operation::describe_change_set::DescribeChangeSetOutput;
use aws_sdk_cloudformation::types::{
    Capability, ChangeAction, ChangeSetStatus, ChangeSetType, ExecutionStatus, Parameter,
    Replacement, ResourceChange, StackEvent, Tag,
};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use super::template;
use crate::adapters::aws::{Aws, why};
use crate::core::observation::{Kind, Why};
use crate::core::restore::{Loss, is_stateful};
use crate::core::state::SavedStack;
use crate::ports::{Clock, CloudError};

/// Pause between two looks at something that CloudFormation is doing.
const PACE: Duration = Duration::from_secs(2);

/// A change set is made within this, or it is given up.
const MAKING: Duration = Duration::from_secs(120);

/// A stack within a stack.
const NESTED: &str = "AWS::CloudFormation::Stack";

/// How CloudFormation says that there is nothing to change.
const NO_CHANGES: [&str; 2] = ["didn't contain changes", "No updates are to be performed"];

/// CloudFormation and its pace.
#[derive(Clone)]
pub struct Sets {
    pub aws: Arc<Aws>,
    pub clock: Arc<dyn Clock>,
}

/// What a change set holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Held {
    /// A line each: `+ Id (Type)`.
    pub changes: Vec<String>,
    /// What would be lost.
    pub losses: Vec<Loss>,
}

/// Where a change set stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Set {
    /// There is none.
    Absent,
    /// Still being made.
    Making,
    /// Nothing would change.
    Empty,
    /// It may be executed.
    Ready(Held),
    /// It was begun.
    Executed,
    /// The stack has changed since: it cannot be executed.
    Stale,
    /// It could not be made.
    Failed(String),
}

/// How far the update with a token has got, by the stack's events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// No event bears the token.
    Unseen,
    /// Under way.
    Running,
    /// It ended well.
    Complete,
    /// It was undone, or could not be; with the first reason.
    Failed(String),
}

pub(super) fn failed(call: &str, why: Why) -> CloudError {
    CloudError {
        call: format!("cloudformation:{call}"),
        why,
    }
}

impl Sets {
    /// The stack's status word; `None` = there is no such stack.
    pub async fn status(&self, stack: &str) -> Result<Option<String>, CloudError> {
        let answer = self
            .aws
            .cloudformation()
            .describe_stacks()
            .stack_name(stack)
            .send()
            .await;
        match answer {
            Ok(answer) => Ok(answer
                .stacks()
                .first()
                .and_then(|s| s.stack_status())
                .map(|s| s.as_str().to_owned())),
            Err(e) if e.message().is_some_and(|m| m.contains("does not exist")) => Ok(None),
            Err(e) => Err(failed("DescribeStacks", why(&e))),
        }
    }

    /// Makes a change set that brings the saved stack back: its template and every one of its parameters. Made
    /// again with the same token it is the same.
    pub async fn create(&self, saved: &SavedStack, token: &str) -> Result<(), CloudError> {
        let parameters = saved.parameters.iter().map(|(key, value)| {
            let parameter = Parameter::builder().parameter_key(key);
            match value {
                Some(value) => parameter.parameter_value(value),
                // Hidden: it can only be left as it is.
                None => parameter.use_previous_value(true),
            }
            .build()
        });
        let tags = saved
            .tags
            .iter()
            .map(|(key, value)| Tag::builder().key(key).value(value).build());
        let capabilities = saved
            .capabilities
            .iter()
            .map(|c| Capability::from(c.as_str()));
        let template = template::compact(&saved.template);
        let (body, url) = if template.len() <= template::LARGEST {
            (Some(template), None)
        } else {
            (None, Some(self.upload(&template).await?))
        };
        let made = self
            .aws
            .cloudformation()
            .create_change_set()
            .stack_name(&saved.name)
            .change_set_name(token)
            .client_token(token)
            .change_set_type(ChangeSetType::Update)
            .set_template_body(body)
            .set_template_url(url)
            .set_parameters(Some(parameters.collect()))
            .set_tags(Some(tags.collect()))
            .set_capabilities(Some(capabilities.collect()))
            .include_nested_stacks(true)
            .send()
            .await;
        match made {
            Ok(_) => Ok(()),
            Err(e) if e.code() == Some("AlreadyExistsException") => Ok(()),
            Err(e) => Err(failed("CreateChangeSet", why(&e))),
        }
    }

    /// Where a change set stands, with all its changes and those of the nested stacks.
    pub async fn look(&self, stack: &str, token: &str) -> Result<Set, CloudError> {
        let (mut next, mut held) = (None, Held::default());
        // Nested stacks have change sets of their own, whose ids name their stacks too.
        let (mut nested, mut inner) = (Vec::new(), None::<String>);
        loop {
            let root = inner.is_none();
            let page = self
                .aws
                .cloudformation()
                .describe_change_set()
                .set_stack_name(root.then(|| stack.to_owned()))
                .change_set_name(inner.as_deref().unwrap_or(token))
                .set_next_token(next)
                .send()
                .await;
            let page = match page {
                Ok(page) => page,
                Err(e) if root && e.code() == Some("ChangeSetNotFound") => return Ok(Set::Absent),
                Err(e) if root && e.message().is_some_and(|m| m.contains("does not exist")) => {
                    return Ok(Set::Absent);
                }
                Err(e) => return Err(failed("DescribeChangeSet", why(&e))),
            };
            if let (true, Some(set)) = (root, standing(&page)) {
                return Ok(set);
            }
            let of = page.stack_name().unwrap_or(stack);
            for change in page.changes().iter().filter_map(|c| c.resource_change()) {
                held.add(of, change);
                nested.extend(change.change_set_id().map(str::to_owned));
            }
            next = page.next_token().map(str::to_owned);
            if next.is_none() {
                inner = nested.pop();
                if inner.is_none() {
                    return Ok(Set::Ready(held));
                }
            }
        }
    }

    /// Waits until it is made.
    pub async fn made(&self, stack: &str, token: &str) -> Result<Set, CloudError> {
        let began = self.clock.monotonic();
        loop {
            match self.look(stack, token).await? {
                Set::Making if self.clock.monotonic().saturating_sub(began) > MAKING => {
                    let why = Why::new(Kind::Timeout, "the change set is not made in time");
                    return Err(failed("CreateChangeSet", why));
                }
                Set::Making => self.clock.sleep(PACE).await,
                set => return Ok(set),
            }
        }
    }

    /// Forgets a change set; one that is not there is forgotten already.
    pub async fn delete(&self, stack: &str, token: &str) -> Result<(), CloudError> {
        let deleted = self
            .aws
            .cloudformation()
            .delete_change_set()
            .stack_name(stack)
            .change_set_name(token)
            .send()
            .await;
        match deleted {
            Ok(_) => Ok(()),
            Err(e) if e.code() == Some("ChangeSetNotFound") => Ok(()),
            Err(e) => Err(failed("DeleteChangeSet", why(&e))),
        }
    }

    /// Begins; with the same token it is begun once.
    pub async fn execute(&self, stack: &str, token: &str) -> Result<(), CloudError> {
        let begun = self
            .aws
            .cloudformation()
            .execute_change_set()
            .stack_name(stack)
            .change_set_name(token)
            .client_request_token(token)
            .send()
            .await;
        match begun {
            Ok(_) => Ok(()),
            Err(e) => Err(failed("ExecuteChangeSet", why(&e))),
        }
    }

    /// How far the update with this token has got: the stack's own last event tells, not its status, which may
    /// still be that of before.
    pub async fn progress(&self, stack: &str, token: &str) -> Result<Progress, CloudError> {
        Ok(progress_of(&self.events(stack, token).await?))
    }

    /// The newest events of the update with this token, newest first; where it has failed, all of them, for the first
    /// one says why.
    async fn events(&self, stack: &str, token: &str) -> Result<Vec<StackEvent>, CloudError> {
        let (mut next, mut ours) = (None, Vec::new());
        loop {
            let page = self
                .aws
                .cloudformation()
                .describe_stack_events()
                .stack_name(stack)
                .set_next_token(next)
                .send()
                .await
                .map_err(|e| failed("DescribeStackEvents", why(&e)))?;
            next = page.next_token().map(str::to_owned);
            let is_ours = |e: &&StackEvent| e.client_request_token() == Some(token);
            let older = page.stack_events().last().is_some_and(|e| is_ours(&e));
            ours.extend(page.stack_events().iter().filter(is_ours).cloned());
            let failed = matches!(progress_of(&ours), Progress::Failed(_));
            if !failed || !older || next.is_none() {
                return Ok(ours);
            }
        }
    }

    /// Follows the update to its end.
    pub async fn follow(
        &self,
        stack: &str,
        token: &str,
        limit: Duration,
    ) -> Result<Progress, CloudError> {
        let began = self.clock.monotonic();
        let (mut unseen, mut told) = (0_u32, HashSet::new());
        loop {
            let events = self.events(stack, token).await?;
            for event in events.iter().rev() {
                if told.insert(event.event_id().map(str::to_owned)) {
                    tell(stack, event);
                }
            }
            let progress = progress_of(&events);
            match progress {
                Progress::Unseen => unseen += 1,
                Progress::Running => {}
                Progress::Complete | Progress::Failed(_) => return Ok(progress),
            }
            // Begun a minute ago and never seen: it was not.
            let long = self.clock.monotonic().saturating_sub(began);
            if long > limit || unseen > 30 {
                let why = Why::new(Kind::Timeout, format!("{stack} has not ended its update"));
                return Err(failed("DescribeStackEvents", why));
            }
            self.clock.sleep(PACE).await;
        }
    }
}

fn tell(stack: &str, event: &StackEvent) {
    tracing::info!(
        code = "DG250",
        stack,
        resource = event.logical_resource_id(),
        status = event.resource_status().map(|s| s.as_str()),
        reason = event.resource_status_reason(),
        "the stack is being updated"
    );
}

/// Newest first, as CloudFormation gives them.
fn progress_of(ours: &[StackEvent]) -> Progress {
    let of_stack = |e: &&StackEvent| {
        e.resource_type() == Some(NESTED) && e.physical_resource_id() == e.stack_id()
    };
    let last = ours
        .iter()
        .find(of_stack)
        .and_then(|e| e.resource_status())
        .map(|s| s.as_str());
    match last {
        None if ours.is_empty() => Progress::Unseen,
        None => Progress::Running,
        Some("UPDATE_COMPLETE") => Progress::Complete,
        Some(word) if word.ends_with("_IN_PROGRESS") => Progress::Running,
        Some(word) => Progress::Failed(format!("{word}{}", first_reason(ours))),
    }
}

fn first_reason(ours: &[StackEvent]) -> String {
    let bad = |e: &&StackEvent| {
        e.resource_status()
            .is_some_and(|s| s.as_str().ends_with("_FAILED"))
            && !e
                .resource_status_reason()
                .is_some_and(|r| r.contains("cancelled"))
    };
    ours.iter().rev().find(bad).map_or_else(String::new, |e| {
        format!(
            ": {}: {}",
            e.logical_resource_id().unwrap_or_default(),
            e.resource_status_reason().unwrap_or_default()
        )
    })
}

/// Where it stands, unless it is ready to be read.
fn standing(page: &DescribeChangeSetOutput) -> Option<Set> {
    match page.execution_status() {
        Some(
            ExecutionStatus::ExecuteInProgress
            | ExecutionStatus::ExecuteComplete
            | ExecutionStatus::ExecuteFailed,
        ) => return Some(Set::Executed),
        Some(ExecutionStatus::Obsolete) => return Some(Set::Stale),
        Some(_) | None => {}
    }
    match page.status() {
        Some(ChangeSetStatus::CreatePending | ChangeSetStatus::CreateInProgress) => {
            Some(Set::Making)
        }
        Some(ChangeSetStatus::Failed) => {
            let said = page.status_reason().unwrap_or_default();
            Some(if NO_CHANGES.iter().any(|n| said.contains(n)) {
                Set::Empty
            } else {
                Set::Failed(said.to_owned())
            })
        }
        Some(
            ChangeSetStatus::DeleteComplete
            | ChangeSetStatus::DeleteInProgress
            | ChangeSetStatus::DeletePending,
        ) => Some(Set::Absent),
        Some(_) | None => None,
    }
}

impl Held {
    fn add(&mut self, stack: &str, change: &ResourceChange) {
        let (id, kind) = (
            change.logical_resource_id().unwrap_or_default(),
            change.resource_type().unwrap_or_default(),
        );
        let replaced = matches!(
            change.replacement(),
            Some(Replacement::True | Replacement::Conditional)
        );
        let removed = change.action() == Some(&ChangeAction::Remove);
        let added = matches!(
            change.action(),
            Some(ChangeAction::Add | ChangeAction::Import)
        );
        // What cannot be told before it is done counts as what it may be.
        let open = change.action() == Some(&ChangeAction::Dynamic)
            || (kind == NESTED && !added && change.change_set_id().is_none());
        let sign = match change.action() {
            _ if added => '+',
            Some(ChangeAction::Remove) => '−',
            _ if replaced => '±',
            _ => '~',
        };
        self.changes.push(format!("{sign} {id} ({kind})"));
        if (replaced || removed || open) && is_stateful(kind) {
            self.losses.push(Loss {
                stack: stack.to_owned(),
                resource: id.to_owned(),
                kind: kind.to_owned(),
                replaced: !removed,
            });
        }
    }

    /// The changes in one line.
    #[must_use]
    pub fn line(&self) -> String {
        const SHOWN: usize = 8;
        let mut shown: Vec<String> = self.changes.iter().take(SHOWN).cloned().collect();
        if self.changes.len() > SHOWN {
            shown.push(format!("+{}", self.changes.len() - SHOWN));
        }
        shown.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use aws_credential_types::Credentials;
    use aws_credential_types::provider::SharedCredentialsProvider;
    use axum::Router;
    use axum::routing::post;

    use super::*;
    use crate::adapters::aws::{CallBounds, Login, Site};
    use crate::adapters::testing::{TestClock, client, serve, vars};

    fn lost(kind: &str, action: ChangeAction, set: Option<&str>) -> bool {
        let change = ResourceChange::builder()
            .logical_resource_id("It")
            .resource_type(kind)
            .action(action)
            .replacement(Replacement::False)
            .set_change_set_id(set.map(str::to_owned))
            .build();
        let mut held = Held::default();
        held.add("todo", &change);
        !held.losses.is_empty()
    }

    #[test]
    fn what_cannot_be_told_before_counts_as_a_loss() {
        use ChangeAction::{Add, Dynamic, Modify, Remove};
        let (table, function) = ("AWS::DynamoDB::Table", "AWS::Lambda::Function");
        assert!(lost(table, Dynamic, None));
        assert!(lost(table, Remove, None));
        assert!(!lost(table, Modify, None));
        assert!(!lost(function, Dynamic, None));
        // Its own change set says what happens in it; without one nobody can.
        assert!(lost(NESTED, Modify, None));
        assert!(!lost(NESTED, Modify, Some("arn:inner")));
        assert!(!lost(NESTED, Add, None));
        assert!(lost(NESTED, Remove, Some("arn:inner")));
    }

    fn event(n: usize, id: &str, status: &str, more: &str) -> String {
        let physical = if id == "app" { "arn:app" } else { "it" };
        let kind = if id == "app" {
            NESTED
        } else {
            "AWS::SNS::Topic"
        };
        format!(
            "<member><StackId>arn:app</StackId><EventId>{n}</EventId><StackName>app</StackName><LogicalResourceId>{id}</LogicalResourceId><PhysicalResourceId>{physical}</PhysicalResourceId><ResourceType>{kind}</ResourceType><Timestamp>2024-12-12T05:30:52Z</Timestamp><ResourceStatus>{status}</ResourceStatus><ClientRequestToken>ours</ClientRequestToken>{more}</member>"
        )
    }

    fn page(events: &str, next: &str) -> String {
        format!(
            "<DescribeStackEventsResponse xmlns=\"http://cloudformation.amazonaws.com/doc/2010-05-15/\"><DescribeStackEventsResult><StackEvents>{events}</StackEvents>{next}</DescribeStackEventsResult></DescribeStackEventsResponse>"
        )
    }

    /// The first reason of a large update stands far behind.
    #[tokio::test]
    async fn why_an_update_failed_is_found_on_a_later_page() {
        let newest = event(3, "app", "UPDATE_ROLLBACK_COMPLETE", "")
            + &event(2, "Topic", "UPDATE_COMPLETE", "");
        let reason = "<ResourceStatusReason>no such key</ResourceStatusReason>";
        let oldest = event(1, "Topic", "UPDATE_FAILED", reason);
        let answer = move |body: String| async move {
            if body.contains("NextToken=more") {
                page(&oldest, "")
            } else {
                page(&newest, "<NextToken>more</NextToken>")
            }
        };
        let url = serve(Router::new().route("/", post(answer))).await;
        let bounds = CallBounds {
            attempt: Duration::from_secs(2),
            whole: Duration::from_secs(10),
        };
        let endpoint = vars(vec![("AWS_ENDPOINT_URL", url)]);
        let site = Site::new(&client(), &endpoint, Some("eu-west-1"), bounds).expect("a region");
        let keys = Credentials::new("K", "secret", None, None, "test");
        let login = Login::Given(SharedCredentialsProvider::new(keys));
        let sets = Sets {
            aws: Arc::new(site.connect(login).await),
            clock: TestClock::new(),
        };
        let Ok(Progress::Failed(said)) = sets.progress("app", "ours").await else {
            panic!("it failed");
        };
        assert_eq!(said, "UPDATE_ROLLBACK_COMPLETE: Topic: no such key");
    }

    #[test]
    fn whatever_holds_data_is_known() {
        for kind in [
            "AWS::AmazonMQ::Broker",
            "AWS::DSQL::Cluster",
            "AWS::EC2::Instance",
            "AWS::ECR::Repository",
            "AWS::MSK::Cluster",
            "AWS::OpenSearchServerless::Collection",
            "AWS::Route53::HostedZone",
            "AWS::Serverless::SimpleTable",
            "Custom::S3AutoDeleteObjects",
        ] {
            assert!(lost(kind, ChangeAction::Remove, None), "{kind}");
        }
    }
}
