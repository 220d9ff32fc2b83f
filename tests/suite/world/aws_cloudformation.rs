//! What moto gets wrong in CloudFormation, mended, and switches for states that moto never shows; it does not know what the stacks hold.

use std::collections::{HashMap, VecDeque};
use std::sync::Mutex;

use super::aws_changesets::{create_empty_set, empty_set, ok};
use super::aws_proxy::Shared;
use super::aws_updates::{unchanged, with_defaults};
use super::aws_words::{encode, error, iso, members, xml_set, xml_text};
use super::calls::Seen;
use super::http::{Reply, Req, form, lock};

#[derive(Clone, Debug, Default)]
struct Shown {
    statuses: VecDeque<String>,
    reason: Option<String>,
    last_updated: Option<jiff::Timestamp>,
}

/// Switches and memory of CloudFormation.
#[derive(Default)]
pub struct Stacks {
    shown: Mutex<HashMap<String, Shown>>,
    /// Event id to ClientRequestToken; an empty token for events of calls without one.
    event_tokens: Mutex<HashMap<String, String>>,
    answered: Mutex<HashMap<(String, String), Reply>>,
    /// Change sets without changes: (stack, name) to id.
    pub empty_sets: Mutex<HashMap<(String, String), String>>,
}

impl Stacks {
    /// DescribeStacks shows this status until another is set, the stack is updated or [`Stacks::show_truth`] is called.
    pub fn show_status(&self, stack: &str, status: &str) {
        self.show_statuses(stack, &[status]);
    }

    /// Each DescribeStacks shows the next status; the last one stays.
    pub fn show_statuses(&self, stack: &str, statuses: &[&str]) {
        assert!(!statuses.is_empty(), "a stack has at least one status");
        lock(&self.shown)
            .entry(stack.to_owned())
            .or_default()
            .statuses = statuses.iter().map(|s| (*s).to_owned()).collect();
    }

    /// DescribeStacks shows this reason for the status.
    pub fn show_reason(&self, stack: &str, reason: &str) {
        lock(&self.shown)
            .entry(stack.to_owned())
            .or_default()
            .reason = Some(reason.to_owned());
    }

    /// DescribeStacks shows this LastUpdatedTime.
    pub fn show_last_updated(&self, stack: &str, at: jiff::Timestamp) {
        lock(&self.shown)
            .entry(stack.to_owned())
            .or_default()
            .last_updated = Some(at);
    }

    /// DescribeStacks shows moto's truth again.
    pub fn show_truth(&self, stack: &str) {
        lock(&self.shown).remove(stack);
    }

    fn shown_status(&self, stack: &str) -> Option<String> {
        lock(&self.shown)
            .get(stack)
            .and_then(|s| s.statuses.front().cloned())
    }
}

/// Answers one CloudFormation call.
pub async fn answer(shared: &Shared, req: &Req, seen: &Seen) -> Reply {
    let params = form(&req.text());
    let get = |name: &str| {
        params
            .iter()
            .find(|(k, _)| k == name)
            .map(|(_, v)| v.clone())
    };
    let stack = get("StackName").map(|s| short_name(&s)).unwrap_or_default();
    let token = get("ClientRequestToken");
    let again = token.as_ref().and_then(|t| {
        lock(&shared.stacks.answered)
            .get(&(seen.operation.clone(), t.clone()))
            .cloned()
    });
    if let Some(first) = again {
        return first;
    }
    let reply = match seen.operation.as_str() {
        "DescribeStacks" => return show(&shared.stacks, shared.forward(req).await),
        "DescribeStackEvents" => return with_tokens(&shared.stacks, shared.forward(req).await),
        "DescribeChangeSet" | "DeleteChangeSet" | "ExecuteChangeSet" => {
            let name = get("ChangeSetName")
                .map(|n| change_set_name(&n))
                .unwrap_or_default();
            if let Some(said) = empty_set(&shared.stacks, seen, &stack, &name) {
                return said;
            }
            shared.forward(req).await
        }
        "ContinueUpdateRollback" => {
            return from_status(
                shared,
                seen,
                req,
                &stack,
                "UPDATE_ROLLBACK_FAILED",
                "can not be continued to roll back",
            )
            .await;
        }
        "CancelUpdateStack" => {
            return from_status(
                shared,
                seen,
                req,
                &stack,
                "UPDATE_IN_PROGRESS",
                "can not be cancelled",
            )
            .await;
        }
        "UpdateStack" | "CreateChangeSet" => {
            let busy = shared
                .stacks
                .shown_status(&stack)
                .filter(|s| s.ends_with("_IN_PROGRESS") || s == "UPDATE_ROLLBACK_FAILED");
            if let Some(status) = busy {
                return error(
                    seen,
                    400,
                    "ValidationError",
                    &format!("Stack:{stack} is in {status} state and can not be updated."),
                );
            }
            match with_defaults(shared, req, seen, &params).await {
                Ok(body)
                    if seen.operation == "UpdateStack"
                        && unchanged(shared, req, &stack, &body).await =>
                {
                    return error(
                        seen,
                        400,
                        "ValidationError",
                        "No updates are to be performed.",
                    );
                }
                Ok(body) => shared.forward_with(req, &req.target, body.as_bytes()).await,
                Err(refused) => return refused,
            }
        }
        _ => shared.forward(req).await,
    };
    if seen.operation == "CreateChangeSet"
        && reply.body_text().contains("No updates are to be performed")
    {
        let name = get("ChangeSetName").unwrap_or_default();
        return create_empty_set(shared, &stack, &name);
    }
    if reply.status == 200
        && [
            "CreateStack",
            "UpdateStack",
            "DeleteStack",
            "ExecuteChangeSet",
        ]
        .contains(&seen.operation.as_str())
    {
        shared.stacks.show_truth(&stack);
        remember_events(shared, req, &stack, token.as_deref().unwrap_or_default()).await;
        if let Some(token) = token {
            lock(&shared.stacks.answered).insert((seen.operation.clone(), token), reply.clone());
        }
    }
    reply
}

/// `arn:…:stack/NAME/uuid` or `NAME` to `NAME`.
fn short_name(stack: &str) -> String {
    stack
        .split_once(":stack/")
        .map_or(stack, |(_, rest)| rest.split('/').next().unwrap_or(rest))
        .to_owned()
}

fn change_set_name(set: &str) -> String {
    set.split_once(":changeSet/")
        .map_or(set, |(_, rest)| rest.split('/').next().unwrap_or(rest))
        .to_owned()
}

/// Puts the switched states into an answer of DescribeStacks.
fn show(stacks: &Stacks, mut reply: Reply) -> Reply {
    let xml = reply.body_text();
    let mut out = xml.clone();
    let mut shown = lock(&stacks.shown);
    for member in members(&xml, "Stacks") {
        let Some(switch) = xml_text(member, "StackName").and_then(|n| shown.get_mut(&n)) else {
            continue;
        };
        let mut changed = member.to_owned();
        let status = if switch.statuses.len() > 1 {
            switch.statuses.pop_front()
        } else {
            switch.statuses.front().cloned()
        };
        if let Some(status) = status {
            changed = xml_set(&changed, "StackStatus", &status).unwrap_or(changed);
        }
        for (element, text) in [
            ("StackStatusReason", switch.reason.clone()),
            ("LastUpdatedTime", switch.last_updated.map(iso)),
        ] {
            let Some(text) = text else { continue };
            changed = xml_set(&changed, element, &text).unwrap_or_else(|| {
                let empty = changed.replace(&format!("<{element}/>"), "");
                let with = format!("<{element}></{element}>");
                xml_set(&format!("{empty}{with}"), element, &text).unwrap_or(empty)
            });
        }
        out = out.replacen(member, &changed, 1);
    }
    reply.body = out.into();
    reply
}

/// Puts the remembered tokens into an answer of DescribeStackEvents.
fn with_tokens(stacks: &Stacks, mut reply: Reply) -> Reply {
    let mut out = reply.body_text().replace("<ClientRequestToken/>", "");
    for (event, token) in lock(&stacks.event_tokens)
        .iter()
        .filter(|(_, t)| !t.is_empty())
    {
        let element = format!("<EventId>{event}</EventId>");
        out = out.replacen(
            &element,
            &format!("{element}<ClientRequestToken>{token}</ClientRequestToken>"),
            1,
        );
    }
    reply.body = out.into();
    reply
}

/// Events that appeared with a call carry its token.
async fn remember_events(shared: &Shared, req: &Req, stack: &str, token: &str) {
    let ask = encode(
        [
            ("Action", "DescribeStackEvents"),
            ("Version", "2010-05-15"),
            ("StackName", stack),
        ]
        .into_iter(),
    );
    let xml = shared
        .forward_with(req, "/", ask.as_bytes())
        .await
        .body_text();
    let mut tokens = lock(&shared.stacks.event_tokens);
    for id in members(&xml, "StackEvents")
        .iter()
        .filter_map(|m| xml_text(m, "EventId"))
    {
        tokens.entry(id).or_insert_with(|| token.to_owned());
    }
}

/// ContinueUpdateRollback and CancelUpdateStack: allowed from one status only, then a roll-back that ends well.
async fn from_status(
    shared: &Shared,
    seen: &Seen,
    req: &Req,
    stack: &str,
    allowed: &str,
    cannot: &str,
) -> Reply {
    let ask = encode(
        [
            ("Action", "DescribeStacks"),
            ("Version", "2010-05-15"),
            ("StackName", stack),
        ]
        .into_iter(),
    );
    let truth = shared.forward_with(req, "/", ask.as_bytes()).await;
    if truth.status != 200 {
        return truth;
    }
    let status = shared
        .stacks
        .shown_status(stack)
        .or_else(|| xml_text(&truth.body_text(), "StackStatus"))
        .unwrap_or_default();
    if status != allowed {
        return error(
            seen,
            400,
            "ValidationError",
            &format!("Stack:{stack} is in {status} state and {cannot}."),
        );
    }
    shared.stacks.show_statuses(
        stack,
        &["UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE"],
    );
    ok(&seen.operation, "")
}
