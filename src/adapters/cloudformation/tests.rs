//! Stacks as a server of CloudFormation's protocol shows them.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;

use super::*;
use crate::adapters::aws::{CallBounds, Login, Site};
use crate::adapters::testing::{client, serve, vars};

fn fault(code: &str, message: &str) -> String {
    format!(
        "<ErrorResponse xmlns=\"http://cloudformation.amazonaws.com/doc/2010-05-15/\"><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error><RequestId>r</RequestId></ErrorResponse>"
    )
}

fn stack(members: &str) -> String {
    format!(
        "<DescribeStacksResponse xmlns=\"http://cloudformation.amazonaws.com/doc/2010-05-15/\"><DescribeStacksResult><Stacks><member><StackName>app</StackName><StackStatus>UPDATE_COMPLETE</StackStatus><CreationTime>2024-12-01T00:00:00Z</CreationTime>{members}</member></Stacks></DescribeStacksResult></DescribeStacksResponse>"
    )
}

async fn describe(script: Vec<(u16, String)>) -> (Result<Stack, CloudError>, usize) {
    let script = Arc::new(Mutex::new(VecDeque::from(script)));
    let calls = Arc::new(AtomicUsize::new(0));
    let count = calls.clone();
    let url = serve(Router::new().route(
        "/",
        post(move |body: String| async move {
            assert!(body.contains("Action=DescribeStacks") && body.contains("StackName=app"));
            count.fetch_add(1, Ordering::SeqCst);
            let (status, body) = script.lock().expect("whole").pop_front().expect("scripted");
            (StatusCode::from_u16(status).expect("a status"), body)
        }),
    ))
    .await;
    let bounds = CallBounds {
        attempt: Duration::from_secs(2),
        whole: Duration::from_secs(10),
    };
    let site = Site::new(
        &client(),
        &vars(vec![("AWS_ENDPOINT_URL", url)]),
        Some("eu-west-1"),
        bounds,
    )
    .expect("a region");
    let keys = Credentials::new("K", "secret", None, None, "test");
    let aws = site
        .connect(Login::Given(SharedCredentialsProvider::new(keys)))
        .await;
    let answer = CloudFormation::new(Arc::new(aws)).describe("app").await;
    (answer, calls.load(Ordering::SeqCst))
}

#[tokio::test]
async fn a_stack_is_read_with_its_outputs() {
    let members = "<LastUpdatedTime>2024-12-12T05:30:52.123Z</LastUpdatedTime><Outputs><member><OutputKey>ApiEndpointProd</OutputKey><OutputValue>https://x/prod</OutputValue></member></Outputs>";
    let (answer, _) = describe(vec![(200, stack(members))]).await;
    let answer = answer.expect("a stack");
    assert_eq!(answer.seen.status.as_deref(), Some("UPDATE_COMPLETE"));
    assert_eq!(
        answer.seen.updated.map(|at| at.to_string()).as_deref(),
        Some("2024-12-12T05:30:52.123Z")
    );
    assert_eq!(answer.outputs["ApiEndpointProd"], "https://x/prod");

    let (answer, _) = describe(vec![(200, stack(""))]).await;
    let updated = answer
        .expect("a stack")
        .seen
        .updated
        .map(|at| at.to_string());
    assert_eq!(updated.as_deref(), Some("2024-12-01T00:00:00.000Z"));
}

#[tokio::test]
async fn a_stack_that_does_not_exist_has_no_status() {
    let absent = fault("ValidationError", "Stack with id app does not exist");
    let (answer, _) = describe(vec![(400, absent)]).await;
    assert_eq!(answer.expect("absent").seen.status, None);
    let (answer, _) = describe(vec![(400, fault("ValidationError", "bad name"))]).await;
    assert!(answer.is_err(), "another validation error is none");
}

#[tokio::test]
async fn throttling_is_retried_and_a_refusal_names_the_permission() {
    let slow = (400, fault("Throttling", "Rate exceeded"));
    let (answer, calls) = describe(vec![slow.clone(), (200, stack(""))]).await;
    assert!(answer.is_ok());
    assert_eq!(calls, 2);

    let refused = fault("AccessDenied", "User is not authorized");
    let (answer, calls) = describe(vec![(403, refused)]).await;
    let error = answer.expect_err("refused");
    assert_eq!(error.why.kind, Kind::Denied);
    assert_eq!(
        error.to_string(),
        "cloudformation:DescribeStacks: denied: AccessDenied: User is not authorized"
    );
    assert_eq!(calls, 1);
}
