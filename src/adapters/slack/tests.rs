//! Slack's answers and silences, and that its secrets stay secret.

use std::collections::VecDeque;
use std::sync::Mutex;

use axum::Router;
use axum::http::HeaderMap as Headers;
use axum::response::IntoResponse;
use axum::routing::post;

use super::*;
use crate::adapters::testing::{TestClock, client, closed_port, raw, serve};

const SECRET: &str = "T000-B000-hush";

type Script = Vec<(u16, Option<&'static str>, &'static str)>;
type Seen = Arc<Mutex<Vec<(String, Value)>>>;

fn message() -> Message {
    Message {
        subject: "배포 성공".to_owned(),
        text: "text".to_owned(),
        slack: serde_json::json!({ "text": "배포 성공", "attachments": [{ "color": "good" }] }),
        key: "k".to_owned(),
    }
}

fn bounds() -> SlackBounds {
    SlackBounds {
        attempt: Duration::from_millis(100),
        ..SlackBounds::default()
    }
}

/// Answers the script, then 500.
async fn server(script: Script) -> (String, Seen) {
    let seen = Seen::default();
    let (notes, script) = (seen.clone(), Mutex::new(VecDeque::from(script)));
    let script = Arc::new(script);
    let answer = move |headers: Headers, axum::Json(body): axum::Json<Value>| async move {
        let bearer = match headers.get("authorization") {
            Some(value) => value.to_str().expect("text").to_owned(),
            None => String::new(),
        };
        notes.lock().expect("whole").push((bearer, body));
        let next = script.lock().expect("whole").pop_front();
        let (status, after, body) = next.unwrap_or((500, None, "rollup_error"));
        let status = StatusCode::from_u16(status).expect("a status");
        let mut response = (status, body).into_response();
        if let Some(after) = after {
            let after = after.parse().expect("a header");
            response.headers_mut().insert("retry-after", after);
        }
        response
    };
    let router = Router::new()
        .route(&format!("/services/{SECRET}"), post(answer.clone()))
        .route("/api/chat.postMessage", post(answer));
    (serve(router).await, seen)
}

fn webhook(base: &str, clock: Arc<TestClock>) -> SlackWebhook {
    let url = format!("{base}/services/{SECRET}");
    SlackWebhook::new(&client(), clock, url.into(), bounds()).expect("a webhook")
}

async fn hook(script: Script) -> (Result<(), SendError>, usize, Duration) {
    let (base, seen) = server(script).await;
    let clock = TestClock::new();
    let sent = webhook(&base, clock.clone()).send(&message()).await;
    let calls = seen.lock().expect("whole").len();
    if let Err(error) = &sent {
        assert!(!error.to_string().contains("hush"), "{error}");
        assert!(!format!("{error:?}").contains("hush"), "{error:?}");
    }
    (sent, calls, clock.slept())
}

#[tokio::test]
async fn a_webhook_gets_the_payload_as_it_is() {
    let (base, seen) = server(vec![(200, None, "ok")]).await;
    webhook(&base, TestClock::new())
        .send(&message())
        .await
        .expect("sent");
    assert_eq!(seen.lock().expect("whole")[0].1, message().slack);
}

#[tokio::test]
async fn a_webhooks_answer_is_judged_by_its_body() {
    for (status, body) in [
        (404, "no_service"),
        (404, "channel_not_found"),
        (410, "channel_is_archived"),
        (403, "action_prohibited"),
        (400, "invalid_payload"),
        (400, "invalid_token"),
        (500, "no_team"),
        (200, "invalid_blocks"),
        (418, "what"),
        (302, ""),
    ] {
        let (sent, calls, _) = hook(vec![(status, None, body)]).await;
        assert!(
            matches!(sent, Err(SendError::Dead { .. })),
            "{body}: {sent:?}"
        );
        assert_eq!(calls, 1, "{body}");
    }
    let (sent, calls, _) = hook(vec![(200, None, "<html>welcome to the hotel</html>")]).await;
    assert!(matches!(sent, Err(SendError::Perhaps { .. })), "{sent:?}");
    assert_eq!(calls, 1);
}

#[tokio::test]
async fn retry_after_is_obeyed_within_the_bound() {
    let (sent, calls, slept) = hook(vec![(429, Some("7"), ""), (200, None, "ok")]).await;
    assert!(sent.is_ok());
    assert_eq!((calls, slept), (2, Duration::from_secs(7)));

    let (sent, calls, slept) = hook(vec![(429, Some("3600"), "")]).await;
    let Err(SendError::Later { after, .. }) = sent else {
        panic!("{sent:?}");
    };
    assert_eq!(after, Some(Duration::from_secs(3600)));
    assert_eq!((calls, slept), (1, Duration::ZERO));

    let (sent, calls, slept) = hook(Vec::new()).await;
    assert!(matches!(sent, Err(SendError::Later { .. })), "{sent:?}");
    assert_eq!(calls, 3);
    assert!(slept < Duration::from_secs(5));
}

#[tokio::test]
async fn silence_is_perhaps_and_nobody_is_later() {
    let mute = raw(async |stream| {
        std::future::pending::<()>().await;
        drop(stream);
    })
    .await;
    let clock = TestClock::new();
    let sent = webhook(&format!("http://{mute}"), clock.clone())
        .send(&message())
        .await;
    let Err(SendError::Perhaps { detail }) = sent else {
        panic!("{sent:?}");
    };
    assert!(!detail.contains("hush"));
    assert_eq!(clock.slept(), Duration::ZERO, "not sent again");

    let closed = format!("http://{}", closed_port().await);
    let sent = webhook(&closed, TestClock::new()).send(&message()).await;
    let Err(SendError::Later { detail, .. }) = sent else {
        panic!("{sent:?}");
    };
    assert!(
        detail.contains("refused") && !detail.contains("hush"),
        "{detail}"
    );
}

#[tokio::test]
async fn no_secret_is_shown() {
    let clock = TestClock::new();
    for url in [
        format!("http://hooks.example.com/{SECRET}"),
        SECRET.to_owned(),
    ] {
        let error = SlackWebhook::new(&client(), clock.clone(), url.into(), bounds())
            .expect_err("not a URL to use");
        assert!(!format!("{error} {error:?}").contains("hush"), "{error}");
    }
    let hook = webhook("http://127.0.0.1:1", clock.clone());
    let bot = SlackBot::new(
        &client(),
        clock,
        API,
        SECRET.into(),
        "#ops".into(),
        bounds(),
    );
    assert!(!format!("{hook:?} {bot:?}").contains("hush"));
}

async fn bot(script: Script) -> (Result<(), SendError>, Seen) {
    let (base, seen) = server(script).await;
    let bot = SlackBot::new(
        &client(),
        TestClock::new(),
        &format!("{base}/api/"),
        "xoxb-hush".into(),
        "#ops".to_owned(),
        bounds(),
    )
    .expect("a bot");
    (bot.send(&message()).await, seen)
}

#[tokio::test]
async fn the_bot_posts_to_its_channel() {
    let (sent, seen) = bot(vec![(200, None, r#"{"ok":true,"ts":"1.2"}"#)]).await;
    sent.expect("sent");
    let (bearer, body) = seen.lock().expect("whole")[0].clone();
    assert_eq!(bearer, "Bearer xoxb-hush");
    assert_eq!(
        (&body["channel"], &body["text"]),
        (&"#ops".into(), &"배포 성공".into())
    );
    assert_eq!(body["attachments"][0]["color"], "good");
}

#[tokio::test]
async fn the_bots_errors_hide_behind_200() {
    let (sent, _) = bot(vec![
        (200, Some("2"), r#"{"ok":false,"error":"ratelimited"}"#),
        (200, Some("2"), r#"{"ok":false,"error":"rate_limited"}"#),
        (200, None, r#"{"ok":true}"#),
    ])
    .await;
    sent.expect("sent at last");
    let (sent, seen) = bot(vec![(
        200,
        None,
        r#"{"ok":false,"error":"missing_scope","needed":"chat:write"}"#,
    )])
    .await;
    let said = sent.expect_err("dead").to_string();
    assert!(
        said.contains("missing_scope") && said.contains("chat:write"),
        "{said}"
    );
    assert_eq!(seen.lock().expect("whole").len(), 1);
    let (sent, _) = bot(vec![(200, None, r#"{"ok":false,"error":"fatal_error"}"#)]).await;
    assert!(matches!(sent, Err(SendError::Perhaps { .. })), "{sent:?}");
    let (sent, _) = bot(vec![(200, None, "<html>")]).await;
    assert!(matches!(sent, Err(SendError::Perhaps { .. })), "{sent:?}");
}
