//! The client's rules about addresses, certificates and secrets in errors.

use std::io::Write;
use std::time::Duration;

use super::*;
use crate::adapters::testing::{client, closed_port};
use crate::core::observation::NetFault;

#[test]
fn plain_http_is_for_this_machine_only() {
    for good in [
        "http://127.0.0.1:8080/x",
        "http://localhost",
        "http://[::1]:9",
        "http://127.9.9.9/",
        "http://[::ffff:127.0.0.1]/",
        "https://example.com/health",
    ] {
        assert!(check_url(good).is_ok(), "{good}");
    }
    for bad in [
        "http://example.com",
        "http://10.0.0.1/",
        "http://localhost.example.com",
        "http://127.0.0.1.example.com",
        "ftp://127.0.0.1",
        "/health",
        "file:///etc/passwd",
        "http://0.0.0.0/",
    ] {
        assert!(check_url(bad).is_err(), "{bad}");
    }
    let refused = check_url("http://api.example.com/x?key=hush").expect_err("refused");
    assert_eq!(
        refused.to_string(),
        "plain http is accepted only for loopback addresses, not for `api.example.com`: use https"
    );
}

#[test]
fn a_certificate_file_without_certificates_is_named() {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    writeln!(file, "no pem").expect("written");
    for path in [file.path().to_owned(), "/nowhere/roots.pem".into()] {
        let http = Http::new(HttpSetup {
            extra_roots: vec![path.clone()],
            connect_timeout: Duration::from_secs(1),
            proxies: false,
        });
        let url = check_url("https://example.com").expect("valid");
        let error = http.client(&url).expect_err("no roots").to_string();
        assert!(error.contains(&path.display().to_string()), "{error}");
        // Plain http to this machine needs no certificate.
        assert!(
            http.client(&check_url("http://127.0.0.1").expect("valid"))
                .is_ok()
        );
    }
}

#[tokio::test]
async fn an_error_says_the_cause_and_not_the_url() {
    let url = check_url(&format!(
        "http://{}/services/T0/B0/hush",
        closed_port().await
    ))
    .expect("loopback");
    let error = client()
        .client(&url)
        .expect("a client")
        .get(url)
        .send()
        .await
        .expect_err("nobody listens");
    let said = text(&error);
    assert!(said.contains("Connection refused"), "{said}");
    assert!(!said.contains("hush") && !said.contains("http:"), "{said}");
    assert!(never_sent(&error));
    assert_eq!(fault(&error), NetFault::Refused);
}
