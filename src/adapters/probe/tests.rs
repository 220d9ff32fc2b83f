//! Probes against servers that misbehave in every way.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect};
use axum::routing::get;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::adapters::clock::SystemClock;
use crate::adapters::http::HttpSetup;
use crate::adapters::testing::{client, closed_port, raw, serve};

fn request(url: impl Into<String>) -> ProbeRequest {
    ProbeRequest {
        url: url.into(),
        headers: BTreeMap::new(),
        timeout: Duration::from_secs(5),
        follow_redirects: false,
        json_pointers: Vec::new(),
        header_names: Vec::new(),
        body_texts: Vec::new(),
    }
}

fn prober() -> HttpProber {
    HttpProber::new(&client(), Arc::new(SystemClock::new()))
}

async fn fault(request: &ProbeRequest) -> (NetFault, String) {
    prober().probe(request).await.outcome.expect_err("a fault")
}

#[tokio::test]
async fn what_was_asked_for_is_picked_out_of_the_answer() {
    let base = serve(Router::new().route(
        "/health",
        get(|headers: HeaderMap| async move {
            assert_eq!(headers["x-key"], "k");
            assert_eq!(headers["accept-encoding"], "identity");
            assert_eq!(headers["user-agent"], crate::adapters::http::USER_AGENT);
            (
                StatusCode::IM_A_TEAPOT,
                [("X-Version", "v2")],
                r#"{"status":"healthy","n":[1,{"a/b":null}],"deep":{"x":true}}"#,
            )
        }),
    ))
    .await;
    let answer = prober()
        .probe(&ProbeRequest {
            headers: BTreeMap::from([("X-Key".to_owned(), "k".to_owned())]),
            json_pointers: ["/status", "/n/1/a~1b", "/deep", "/missing", ""]
                .map(str::to_owned)
                .to_vec(),
            header_names: vec!["x-vErsion".to_owned(), "absent".to_owned()],
            body_texts: vec!["healthy".to_owned(), "sick".to_owned()],
            ..request(format!("{base}/health"))
        })
        .await
        .outcome
        .expect("an answer");
    assert_eq!(answer.status, 418);
    assert_eq!(answer.json["/status"], "healthy");
    assert_eq!(answer.json["/n/1/a~1b"], "null");
    assert_eq!(answer.json["/deep"], r#"{"x":true}"#);
    assert_eq!(answer.json.len(), 4);
    assert_eq!(
        answer.headers,
        BTreeMap::from([("x-version".to_owned(), "v2".to_owned())])
    );
    assert_eq!(answer.texts_found, ["healthy"]);
    assert!(!answer.body_cut);
}

#[tokio::test]
async fn a_huge_body_is_read_to_64_kib_and_no_further() {
    let sent = Arc::new(AtomicUsize::new(0));
    let counter = sent.clone();
    let base = serve(Router::new().route(
        "/",
        get(move || async move {
            let chunk = vec![b'x'; 64 * 1024];
            let gigabyte = futures_util::stream::iter(0..16_384).map_sent(counter, chunk);
            ([(header::CONTENT_LENGTH, "1073741824")], gigabyte)
        }),
    ))
    .await;
    let probe = prober()
        .probe(&ProbeRequest {
            body_texts: vec!["xxx".to_owned()],
            json_pointers: vec!["/a".to_owned()],
            ..request(base)
        })
        .await;
    let answer = probe.outcome.expect("an answer");
    assert!(answer.body_cut && answer.texts_found == ["xxx"] && answer.json.is_empty());
    assert!(
        sent.load(Ordering::SeqCst) < 64 * 1024 * 1024,
        "stopped reading"
    );
    assert!(probe.took < Duration::from_secs(2));
}

trait MapSent {
    fn map_sent(self, sent: Arc<AtomicUsize>, chunk: Vec<u8>) -> Body;
}

impl<S: futures_util::Stream + Send + 'static> MapSent for S {
    fn map_sent(self, sent: Arc<AtomicUsize>, chunk: Vec<u8>) -> Body {
        use futures_util::StreamExt;
        Body::from_stream(self.map(move |_| {
            sent.fetch_add(chunk.len(), Ordering::SeqCst);
            Ok::<_, std::io::Error>(chunk.clone())
        }))
    }
}

#[tokio::test]
async fn a_body_of_just_64_kib_is_whole() {
    let base = serve(Router::new().route("/", get(|| async { "y".repeat(64 * 1024) }))).await;
    let answer = prober()
        .probe(&request(base))
        .await
        .outcome
        .expect("an answer");
    assert!(!answer.body_cut);
}

#[tokio::test]
async fn redirects_are_answers_unless_they_are_followed() {
    let base = serve(
        Router::new()
            .route("/", get(|| async { Redirect::temporary("/there") }))
            .route("/there", get(|| async { "here" }))
            .route("/loop", get(|| async { Redirect::permanent("/loop") }))
            .route(
                "/out",
                get(|| async { Redirect::to("http://example.com/") }),
            )
            .route(
                "/nowhere",
                get(|| async { StatusCode::FOUND.into_response() }),
            ),
    )
    .await;
    let answer = prober()
        .probe(&request(&base))
        .await
        .outcome
        .expect("a 3xx");
    assert_eq!(answer.status, 307);
    let followed = |path: &str| ProbeRequest {
        follow_redirects: true,
        ..request(format!("{base}{path}"))
    };
    let answer = prober().probe(&followed("/")).await.outcome.expect("a 200");
    assert_eq!(answer.status, 200);
    for path in ["/loop", "/out", "/nowhere"] {
        assert_eq!(fault(&followed(path)).await.0, NetFault::Redirect, "{path}");
    }
}

#[tokio::test]
async fn credentials_do_not_follow_to_another_host() {
    let other = serve(Router::new().route(
        "/",
        get(|headers: HeaderMap| async move { headers.contains_key("authorization").to_string() }),
    ))
    .await;
    let to = other.clone();
    let base =
        serve(Router::new().route("/", get(move || async move { Redirect::temporary(&to) }))).await;
    let answer = prober()
        .probe(&ProbeRequest {
            follow_redirects: true,
            headers: BTreeMap::from([("authorization".to_owned(), "Bearer x".to_owned())]),
            body_texts: vec!["false".to_owned()],
            ..request(base)
        })
        .await
        .outcome
        .expect("an answer");
    assert_eq!(answer.texts_found, ["false"]);
}

#[tokio::test]
async fn every_fault_has_its_name() {
    let refused = request(format!("http://{}/", closed_port().await));
    let (kind, said) = fault(&refused).await;
    assert_eq!(kind, NetFault::Refused, "{said}");

    let (kind, said) = fault(&request("https://no-such-host.invalid/")).await;
    assert_eq!(kind, NetFault::Dns, "{said}");

    let cut = raw(async |mut stream| {
        let mut buffer = [0; 1024];
        let _ = stream.read(&mut buffer).await;
        let _ = stream
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf")
            .await;
    })
    .await;
    let (kind, said) = fault(&request(format!("http://{cut}/"))).await;
    assert_eq!(kind, NetFault::Reset, "{said}");

    let silent = raw(async |mut stream| {
        let mut buffer = [0; 1024];
        let _ = stream.read(&mut buffer).await;
    })
    .await;
    let (kind, said) = fault(&request(format!("http://{silent}/"))).await;
    assert_eq!(kind, NetFault::Reset, "{said}");

    let gibberish = raw(async |mut stream| {
        let _ = stream.write_all(b"SSH-2.0-OpenSSH_9.6\r\n\r\n").await;
    })
    .await;
    let (kind, said) = fault(&request(format!("http://{gibberish}/"))).await;
    assert_eq!(kind, NetFault::Protocol, "{said}");
    let (kind, said) = fault(&request(format!("https://{gibberish}/"))).await;
    assert_eq!(kind, NetFault::Tls, "{said}");

    let (kind, said) = fault(&request("http://example.com/")).await;
    assert_eq!(kind, NetFault::Protocol, "{said}");
}

#[tokio::test]
async fn a_hang_ends_with_the_bound_before_or_within_the_body() {
    let hang = raw(async |mut stream| {
        let mut buffer = [0; 1024];
        while stream.read(&mut buffer).await.is_ok_and(|n| n > 0) {}
    })
    .await;
    let drip = raw(async |mut stream| {
        let mut buffer = [0; 1024];
        let _ = stream.read(&mut buffer).await;
        let _ = stream
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf")
            .await;
        std::future::pending::<()>().await;
    })
    .await;
    for address in [hang, drip] {
        let began = Instant::now();
        let (kind, said) = fault(&ProbeRequest {
            timeout: Duration::from_millis(60),
            ..request(format!("http://{address}/"))
        })
        .await;
        assert_eq!(kind, NetFault::Timeout, "{said}");
        assert!(began.elapsed() < Duration::from_secs(1));
    }
}

async fn tls_server(name: &str) -> (String, tempfile::NamedTempFile) {
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).expect("a certificate");
    let mut pem = tempfile::NamedTempFile::new().expect("a file");
    std::io::Write::write_all(&mut pem, made.cert.pem().as_bytes()).expect("written");
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der())
        .expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .expect("a pair");
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let address = raw(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else {
                return;
            };
            let mut buffer = [0; 1024];
            let _ = stream.read(&mut buffer).await;
            let _ = stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
                .await;
            let _ = stream.shutdown().await;
        }
    })
    .await;
    (address, pem)
}

#[tokio::test]
async fn a_certificate_of_nobody_is_a_tls_fault_until_its_root_is_given() {
    let (address, pem) = tls_server("localhost").await;
    let port = address.rsplit(':').next().expect("a port");
    let url = format!("https://localhost:{port}/");
    let (kind, said) = fault(&request(&url)).await;
    assert_eq!(kind, NetFault::Tls, "{said}");

    let trusting = |path: PathBuf| {
        let http = Http::new(HttpSetup {
            extra_roots: vec![path],
            connect_timeout: Duration::from_secs(2),
            proxies: false,
        });
        HttpProber::new(&http, Arc::new(SystemClock::new()))
    };
    let answer = trusting(pem.path().to_owned()).probe(&request(&url)).await;
    assert_eq!(answer.outcome.expect("trusted").status, 200);
    // The right root, the wrong name.
    let wrong = trusting(pem.path().to_owned())
        .probe(&request(format!("https://127.0.0.1:{port}/")))
        .await;
    assert_eq!(wrong.outcome.expect_err("another name").0, NetFault::Tls);
}

#[tokio::test]
async fn a_server_that_closes_after_each_answer_never_counts_as_broken() {
    let base = serve(Router::new().route("/", get(|| async { "ok" }))).await;
    let prober = prober();
    for _ in 0..50 {
        assert!(prober.probe(&request(&base)).await.outcome.is_ok());
    }
}
