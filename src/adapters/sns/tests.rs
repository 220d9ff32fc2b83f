//! What is published, and what the topic's refusals mean.

use std::sync::{Arc, Mutex};

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;

use super::*;
use crate::adapters::aws::{CallBounds, Login, Site};
use crate::adapters::testing::{client, closed_port, raw, serve, vars};

const TOPIC: &str = "arn:aws:sns:ap-northeast-2:123456789012:alerts";

fn message(text: &str) -> Message {
    Message {
        subject: "❌ prod 배포 실패\r\nBcc: x".to_owned(),
        text: text.to_owned(),
        slack: serde_json::Value::Null,
        key: "deploy-1 failed".to_owned(),
    }
}

async fn topic(url: String, arn: &str) -> SnsTopic {
    let site = Site::new(
        &client(),
        &vars(vec![("AWS_ENDPOINT_URL", url)]),
        Some("us-east-1"),
        CallBounds::default(),
    )
    .expect("a region");
    let keys = Credentials::new("K", "secret", None, None, "test");
    let aws = site
        .connect(Login::Given(SharedCredentialsProvider::new(keys)))
        .await;
    SnsTopic::new(Arc::new(aws), arn, Duration::from_millis(300)).expect("an ARN")
}

type Seen = Arc<Mutex<Vec<(String, url::Url)>>>;

async fn server(status: u16, code: &'static str) -> (String, Seen) {
    let seen = Seen::default();
    let notes = seen.clone();
    let router = Router::new().route(
        "/",
        post(move |headers: HeaderMap, body: String| async move {
            let scope = headers["authorization"].to_str().expect("text").to_owned();
            let form = url::Url::parse(&format!("form:?{body}")).expect("a form");
            notes.lock().expect("whole").push((scope, form));
            let body = if status == 200 {
                "<PublishResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><PublishResult><MessageId>m</MessageId></PublishResult></PublishResponse>".to_owned()
            } else {
                format!("<ErrorResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><Error><Type>Sender</Type><Code>{code}</Code><Message>m</Message></Error><RequestId>r</RequestId></ErrorResponse>")
            };
            (StatusCode::from_u16(status).expect("a status"), body)
        }),
    );
    (serve(router).await, seen)
}

fn field(form: &url::Url, name: &str) -> Option<String> {
    form.query_pairs()
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
}

#[tokio::test]
async fn a_message_goes_to_the_topics_own_region_with_a_subject_of_one_line() {
    let (url, seen) = server(200, "").await;
    topic(url, TOPIC)
        .await
        .send(&message("본문\n둘째 줄"))
        .await
        .expect("sent");
    let (scope, form) = seen.lock().expect("whole")[0].clone();
    assert!(scope.contains("/ap-northeast-2/sns/"), "{scope}");
    assert_eq!(
        field(&form, "Subject").as_deref(),
        Some("❌ prod 배포 실패 Bcc: x")
    );
    assert_eq!(field(&form, "MessageStructure").as_deref(), Some("json"));
    assert_eq!(field(&form, "MessageGroupId"), None);
    let body = field(&form, "Message").expect("a message");
    let body: serde_json::Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!(body["default"], "본문\n둘째 줄");
    assert_eq!(body["email"], "본문\n둘째 줄");
}

#[tokio::test]
async fn a_fifo_topic_knows_a_repeated_message() {
    let (url, seen) = server(200, "").await;
    let topic = topic(url, &format!("{TOPIC}.fifo")).await;
    for _ in 0..2 {
        topic.send(&message("x")).await.expect("sent");
    }
    let seen = seen.lock().expect("whole").clone();
    let ids: Vec<_> = seen
        .iter()
        .map(|(_, form)| field(form, "MessageDeduplicationId").expect("an id"))
        .collect();
    assert_eq!(ids[0], ids[1]);
    assert_eq!(field(&seen[0].1, "MessageGroupId").as_deref(), Some(GROUP));
}

#[tokio::test]
async fn refusals_are_dead_throttling_is_later_and_silence_is_perhaps() {
    let send = async |status: u16, code: &'static str| {
        let (url, seen) = server(status, code).await;
        let error = topic(url, TOPIC)
            .await
            .send(&message("x"))
            .await
            .expect_err("a fault");
        assert_eq!(seen.lock().expect("whole").len(), 1, "sent once");
        error
    };
    let denied = send(403, "AuthorizationError").await;
    assert!(matches!(denied, SendError::Dead { .. }), "{denied}");
    assert!(denied.to_string().contains("sns:Publish"), "{denied}");
    for code in ["NotFound", "InvalidParameter"] {
        let dead = send(404, code).await;
        assert!(matches!(dead, SendError::Dead { .. }), "{dead}");
    }
    for (status, code) in [
        (400, "Throttling"),
        (429, "Throttled"),
        (500, "InternalError"),
    ] {
        let later = send(status, code).await;
        assert!(matches!(later, SendError::Later { .. }), "{later}");
    }
    let nobody = topic(format!("http://{}", closed_port().await), TOPIC).await;
    let error = nobody.send(&message("x")).await.expect_err("nobody");
    assert!(matches!(error, SendError::Later { .. }), "{error}");
    let hang = raw(async |stream| {
        std::future::pending::<()>().await;
        drop(stream);
    })
    .await;
    let silent = topic(format!("http://{hang}"), TOPIC).await;
    let error = silent.send(&message("x")).await.expect_err("silent");
    assert!(matches!(error, SendError::Perhaps { .. }), "{error}");
}

#[test]
fn what_is_too_long_is_cut_between_characters() {
    assert_eq!(subject(" \n\t"), None);
    let long = subject(&"가".repeat(300)).expect("a subject");
    assert_eq!(long.chars().count(), SUBJECT_LIMIT);
    for text in ["가\n\"\u{1}".repeat(90_000), "x".repeat(1_000_000)] {
        let json = body(&text, MESSAGE_LIMIT);
        assert!(json.len() <= MESSAGE_LIMIT && json.len() > MESSAGE_LIMIT * 9 / 10);
        let read: serde_json::Value = serde_json::from_str(&json).expect("JSON");
        assert!(read["default"].as_str().expect("text").ends_with('…'));
    }
    assert_eq!(
        body("short", MESSAGE_LIMIT),
        r#"{"default":"short","email":"short"}"#
    );
    assert_eq!(once("deploy-1:failed"), "deploy-1:failed");
    assert_eq!(once("배포").len(), 64);
}

#[test]
fn an_arn_names_the_region() {
    assert_eq!(topic_region(TOPIC), Some("ap-northeast-2"));
    for bad in [
        "alerts",
        "arn:aws:sqs:eu-west-1:123456789012:q",
        "arn:aws:sns::123456789012:x",
        "arn:aws:sns:eu-west-1:123456789012:x:sub",
    ] {
        assert_eq!(topic_region(bad), None, "{bad}");
    }
}
