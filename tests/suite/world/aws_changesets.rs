//! Change sets without changes: CloudFormation takes them and says FAILED, where moto refuses them at once.

use super::aws_cloudformation::Stacks;
use super::aws_proxy::Shared;
use super::aws_words::error;
use super::calls::Seen;
use super::http::{Reply, lock, random_hex};

const NO_CHANGES: &str = "The submitted information didn't contain changes. Submit different information to create a change set.";

/// An answer of CloudFormation.
pub fn ok(operation: &str, inner: &str) -> Reply {
    let id = random_hex(16);
    let body = format!(
        "<{operation}Response xmlns=\"http://cloudformation.amazonaws.com/doc/2010-05-15/\"><{operation}Result>{inner}</{operation}Result><ResponseMetadata><RequestId>{id}</RequestId></ResponseMetadata></{operation}Response>"
    );
    Reply::new(200, "text/xml", body)
}

/// Takes a change set that holds no change, as CloudFormation does.
pub fn create_empty_set(shared: &Shared, stack: &str, name: &str) -> Reply {
    let arn = |what: &str| {
        format!(
            "arn:aws:cloudformation:ap-northeast-2:{}:{what}/{}",
            shared.account,
            random_hex(16)
        )
    };
    let id = arn(&format!("changeSet/{name}"));
    lock(&shared.stacks.empty_sets).insert((stack.to_owned(), name.to_owned()), id.clone());
    ok(
        "CreateChangeSet",
        &format!(
            "<Id>{id}</Id><StackId>{}</StackId>",
            arn(&format!("stack/{stack}"))
        ),
    )
}

/// What CloudFormation says of a change set that holds no change.
pub fn empty_set(stacks: &Stacks, seen: &Seen, stack: &str, name: &str) -> Option<Reply> {
    let mut sets = lock(&stacks.empty_sets);
    let key = sets
        .keys()
        .find(|(s, n)| n == name && (stack.is_empty() || s == stack))
        .cloned()?;
    let id = sets.get(&key).cloned().unwrap_or_default();
    Some(match seen.operation.as_str() {
        "DeleteChangeSet" => {
            sets.remove(&key);
            ok("DeleteChangeSet", "")
        }
        "ExecuteChangeSet" => error(
            seen,
            400,
            "InvalidChangeSetStatus",
            &format!("ChangeSet [{id}] cannot be executed in its current status of [FAILED]"),
        ),
        _ => ok(
            "DescribeChangeSet",
            &format!(
                "<ChangeSetName>{name}</ChangeSetName><ChangeSetId>{id}</ChangeSetId><StackName>{}</StackName><Status>FAILED</Status><StatusReason>{NO_CHANGES}</StatusReason><ExecutionStatus>UNAVAILABLE</ExecutionStatus><Changes/>",
                key.0
            ),
        ),
    })
}
