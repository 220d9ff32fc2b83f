//! The world's own tests: the OIDC provider, Slack and the application keep their rules.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::World;
use super::app::{Behaviour, Manner};
use super::http::send;
use super::slack::Mood;

#[tokio::test]
async fn the_job_token_needs_the_request_token() {
    let world = World::without_table();
    let target = "/oidc/token?api-version=2.0&audience=sts.amazonaws.com";
    let addr = world.oidc.server().addr();
    let refused = send(
        addr,
        "GET",
        target,
        &[("authorization".into(), "Bearer x".into())],
        b"",
    )
    .await
    .expect("an answer");
    assert_eq!(refused.status, 401);
    let auth = (
        "authorization".to_owned(),
        format!("Bearer {}", world.oidc.request_token()),
    );
    let token = send(addr, "GET", target, &[auth], b"")
        .await
        .expect("an answer")
        .body_json()["value"]
        .clone();
    assert_eq!(token.as_str().map(|t| t.split('.').count()), Some(3));
    assert_eq!(world.oidc.tokens().all()[0].audience, "sts.amazonaws.com");
}

#[tokio::test]
async fn slack_has_moods() {
    let world = World::without_table();
    let hook = world
        .slack
        .webhook_url()
        .replace(&world.slack.server().url(), "");
    let post = |body: &'static str| {
        send(
            world.slack.server().addr(),
            "POST",
            &hook,
            &[],
            body.as_bytes(),
        )
    };
    for (mood, status, said) in [
        (Mood::Ok, 200, "ok"),
        (Mood::Broken, 500, "rollup_error"),
        (Mood::RateLimited(7), 429, "rate_limited"),
        (Mood::InvalidToken, 403, "invalid_token"),
        (Mood::NoService, 404, "no_service"),
        (Mood::ChannelIsArchived, 410, "channel_is_archived"),
    ] {
        world.slack.set_mood(mood);
        let reply = post("{\"text\":\"hello\"}").await.expect("an answer");
        assert_eq!((reply.status, reply.body_text().as_str()), (status, said));
        assert_eq!(reply.header("retry-after"), (status == 429).then_some("7"));
    }
    world.slack.set_mood(Mood::Hang);
    assert!(
        tokio::time::timeout(Duration::from_millis(150), post("{\"text\":\"hang\"}"))
            .await
            .is_err()
    );
    world.slack.set_mood(Mood::Ok);
    assert_eq!(
        post("not json").await.expect("an answer").body_text(),
        "invalid_payload"
    );
    assert_eq!(world.slack.texts(), ["hello"]);

    let api = async |method: &str, body: Value| {
        let headers = [(
            "authorization".to_owned(),
            format!("Bearer {}", world.slack.bot_token()),
        )];
        let reply = send(
            world.slack.server().addr(),
            "POST",
            &format!("/api/{method}"),
            &headers,
            body.to_string().as_bytes(),
        )
        .await;
        reply.expect("an answer").body_json()
    };
    let posted = api(
        "chat.postMessage",
        json!({ "channel": "#ops", "text": "one" }),
    )
    .await;
    let (channel, ts) = (posted["channel"].clone(), posted["ts"].clone());
    assert_eq!(
        api(
            "chat.update",
            json!({ "channel": channel, "ts": ts, "text": "two" })
        )
        .await["ok"],
        true
    );
    assert_eq!(
        api(
            "chat.update",
            json!({ "channel": channel, "ts": "1.2", "text": "two" })
        )
        .await["error"],
        "message_not_found"
    );
    assert_eq!(
        api(
            "chat.update",
            json!({ "channel": channel, "ts": ts, "text": "x".repeat(4001) })
        )
        .await["error"],
        "msg_too_long"
    );
    world.slack.set_api_error(Some("not_in_channel"));
    assert_eq!(
        api(
            "chat.postMessage",
            json!({ "channel": "#ops", "text": "one" })
        )
        .await["error"],
        "not_in_channel"
    );
}

#[tokio::test]
async fn the_application_does_what_it_is_told() {
    let world = World::without_table();
    let app = &world.app;
    let addr = app
        .url()
        .trim_start_matches("http://")
        .parse()
        .expect("an address");
    let get = || send(addr, "GET", "/health", &[], b"");
    assert_eq!(
        get().await.expect("healthy").body_json(),
        json!({ "status": "healthy", "version": "v1" })
    );
    app.deploy(Behaviour::broken("v2"));
    let broken = get().await.expect("an answer");
    assert_eq!(
        (
            broken.status,
            broken.body_json()["version"].as_str(),
            app.version().as_str()
        ),
        (500, Some("v2"), "v2")
    );

    app.deploy(Behaviour {
        failing_percent: 30,
        ..Behaviour::healthy("v3")
    });
    let mut rounds = Vec::new();
    for _ in 0..2 {
        app.seed(7);
        let mut statuses = Vec::new();
        for _ in 0..60 {
            statuses.push(get().await.expect("an answer").status);
        }
        rounds.push(statuses);
    }
    let failed = rounds[0].iter().filter(|s| **s == 500).count();
    assert!(
        (8..=30).contains(&failed) && rounds[0] == rounds[1],
        "{failed} of 60, the same twice"
    );

    app.change(|b| b.manner = Manner::Drop);
    get().await.expect_err("dropped");
    app.change(|b| b.manner = Manner::Redirect("http://127.0.0.1:1/".into()));
    assert_eq!(get().await.expect("an answer").status, 302);
    app.change(|b| b.manner = Manner::Hang);
    assert!(
        tokio::time::timeout(Duration::from_millis(100), get())
            .await
            .is_err()
    );
    app.down();
    assert_eq!(
        get().await.expect_err("down").kind(),
        std::io::ErrorKind::ConnectionRefused
    );
    app.up();
    app.deploy(Behaviour {
        manner: Manner::Endless,
        ..Behaviour::healthy("v4")
    });
    let mut stream = tokio::net::TcpStream::connect(addr)
        .await
        .expect("up again");
    stream
        .write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .expect("sent");
    let mut piece = vec![0; 256 * 1024];
    stream
        .read_exact(&mut piece)
        .await
        .expect("a quarter of a megabyte arrives");
    drop(stream);
    assert!(
        app.streamed_bytes() < 64 << 20,
        "the rest is not sent to nobody"
    );
}
