//! Who calls AWS where, seen from a server that notes each call.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::{HeaderMap, StatusCode};

use super::*;
use crate::adapters::testing::{client, closed_port, serve, vars};
use crate::core::observation::Kind;

type Seen = Arc<Mutex<Vec<(String, String)>>>;

/// Notes the caller's key with its scope and the target, and answers `status` with `body`.
async fn service(status: u16, body: &'static str) -> (String, Seen) {
    let seen = Seen::default();
    let notes = seen.clone();
    let router = Router::new().fallback(move |headers: HeaderMap| async move {
        let text = |name: &str| match headers.get(name) {
            Some(value) => value.to_str().expect("text").to_owned(),
            None => String::new(),
        };
        let scope = text("authorization");
        notes
            .lock()
            .expect("whole")
            .push((scope, text("user-agent")));
        (StatusCode::from_u16(status).expect("a status"), body)
    });
    (serve(router).await, seen)
}

fn site(pairs: Vec<(&'static str, String)>, region: Option<&str>) -> Result<Site, AwsError> {
    let bounds = CallBounds {
        attempt: Duration::from_millis(300),
        whole: Duration::from_secs(2),
    };
    Site::new(&client(), &vars(pairs), region, bounds)
}

fn given(key: &str) -> Login {
    let credentials = Credentials::new(key, "secret", None, None, "test");
    Login::Given(SharedCredentialsProvider::new(credentials))
}

#[test]
fn a_region_is_needed_and_the_given_one_wins() {
    let env = |name, value: &str| vec![(name, value.to_owned())];
    assert!(matches!(site(Vec::new(), None), Err(AwsError::NoRegion)));
    assert!(matches!(
        site(env("AWS_REGION", " "), None),
        Err(AwsError::NoRegion)
    ));
    let region = |made: Result<Site, AwsError>| made.expect("a region").region().to_owned();
    assert_eq!(
        region(site(env("AWS_REGION", "eu-west-1"), None)),
        "eu-west-1"
    );
    assert_eq!(
        region(site(env("AWS_DEFAULT_REGION", "eu-west-2"), None)),
        "eu-west-2"
    );
    assert_eq!(
        region(site(env("AWS_REGION", "eu-west-1"), Some("us-east-1"))),
        "us-east-1"
    );
    assert!(matches!(
        site(Vec::new(), Some("evil.example.com/")),
        Err(AwsError::BadRegion { .. })
    ));
}

#[test]
fn an_endpoint_of_a_service_wins_and_plain_http_stays_here() {
    let made = site(
        vec![
            ("AWS_ENDPOINT_URL", "http://127.0.0.1:1".to_owned()),
            ("AWS_ENDPOINT_URL_SNS", "http://127.0.0.1:2".to_owned()),
        ],
        Some("us-east-1"),
    )
    .expect("right");
    let endpoint = |service| made.config(service).endpoint_url().map(str::to_owned);
    assert_eq!(
        endpoint(Service::Sns).as_deref(),
        Some("http://127.0.0.1:2")
    );
    assert_eq!(
        endpoint(Service::Logs).as_deref(),
        Some("http://127.0.0.1:1")
    );
    let away = site(
        vec![("AWS_ENDPOINT_URL_DYNAMODB", "http://10.0.0.9".to_owned())],
        Some("us-east-1"),
    );
    let error = away.expect_err("not loopback").to_string();
    assert!(error.contains("AWS_ENDPOINT_URL_DYNAMODB"), "{error}");
}

#[tokio::test]
async fn a_role_wins_over_keys_that_another_step_left() {
    let (url, seen) = service(200, "{}").await;
    let left = |url: &str| {
        vec![
            ("AWS_ENDPOINT_URL", url.to_owned()),
            ("AWS_ACCESS_KEY_ID", "LEFTOVER".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "left".to_owned()),
        ]
    };
    let role = site(left(&url), Some("eu-west-1")).expect("right");
    let aws = role.connect(given("ROLEKEY")).await;
    aws.dynamodb()
        .list_tables()
        .send()
        .await
        .expect("an answer");
    let usual = site(left(&url), Some("eu-west-1")).expect("right");
    let aws = usual.connect(Login::Usual).await;
    aws.dynamodb()
        .list_tables()
        .send()
        .await
        .expect("an answer");
    let seen = seen.lock().expect("whole").clone();
    assert!(seen[0].0.contains("Credential=ROLEKEY/"), "{seen:?}");
    assert!(seen[0].0.contains("/eu-west-1/dynamodb/"), "{seen:?}");
    assert!(seen[1].0.contains("Credential=LEFTOVER/"), "{seen:?}");
    assert!(seen[0].1.contains("app/deploy-guard"), "{seen:?}");
}

#[tokio::test]
async fn the_stores_calls_are_not_repeated_and_their_faults_have_kinds() {
    let kind = async |status: u16, body: &'static str| {
        let (url, seen) = service(status, body).await;
        let made = site(vec![("AWS_ENDPOINT_URL", url)], Some("eu-west-1")).expect("right");
        let aws = made.connect(given("K")).await;
        let error = aws
            .dynamodb()
            .list_tables()
            .send()
            .await
            .expect_err("a fault");
        assert_eq!(seen.lock().expect("whole").len(), 1);
        why(&error)
    };
    let denied = kind(
        400,
        r#"{"__type":"com.amazon.coral.service#AccessDeniedException","message":"no dynamodb:ListTables"}"#,
    )
    .await;
    assert_eq!(
        denied.to_string(),
        "denied: AccessDeniedException: no dynamodb:ListTables"
    );
    let slow = kind(
        400,
        r#"{"__type":"x#ThrottlingException","message":"slow"}"#,
    )
    .await;
    assert_eq!(slow.kind, Kind::Throttled);
    assert_eq!(kind(500, "{}").await.kind, Kind::Provider);
    assert_eq!(kind(200, "nonsense").await.kind, Kind::Malformed);
}

#[tokio::test]
async fn no_answer_is_told_from_no_connection() {
    let ask = async |url: String| {
        let made = site(vec![("AWS_ENDPOINT_URL", url)], Some("eu-west-1")).expect("right");
        let aws = made.connect(given("K")).await;
        let error = aws
            .dynamodb()
            .list_tables()
            .send()
            .await
            .expect_err("a fault");
        (why(&error), http::never_sent(&error))
    };
    let (nobody, unsent) = ask(format!("http://{}", closed_port().await)).await;
    assert_eq!(nobody.kind, Kind::Unreachable, "{nobody}");
    assert!(unsent && nobody.detail.contains("refused"), "{nobody}");
    let hang = crate::adapters::testing::raw(async |stream| {
        std::future::pending::<()>().await;
        drop(stream);
    })
    .await;
    let (silent, unsent) = ask(format!("http://{hang}")).await;
    assert_eq!(silent.kind, Kind::Timeout, "{silent}");
    assert!(!unsent);
}
