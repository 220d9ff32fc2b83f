//! The exchange against a token service and an STS of its own.

use std::collections::VecDeque;
use std::sync::Mutex as StdMutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::extract::Query;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::*;
use crate::adapters::aws::{CallBounds, Site};
use crate::adapters::testing::{START_MS, TestClock, client, serve, vars};

const ROLE: &str = "arn:aws:iam::123456789012:role/team/deploy-guard";

fn jwt(number: usize) -> String {
    let claims = format!(
        r#"{{"sub":"repo:hanbit/todo:environment:prod","aud":"sts.amazonaws.com","repository":"hanbit/todo","repository_id":"7","repository_owner_id":"5","n":{number}}}"#
    );
    format!("e30.{}.c2ln{number}", URL_SAFE_NO_PAD.encode(claims))
}

/// What STS shall answer, one a call; then successes.
type Script = Vec<(u16, &'static str, &'static str)>;

#[derive(Default)]
struct World {
    tokens: AtomicUsize,
    token_faults: AtomicUsize,
    assumed: AtomicUsize,
    seen: StdMutex<Vec<String>>,
    script: StdMutex<VecDeque<(u16, &'static str, &'static str)>>,
    life: StdMutex<Duration>,
}

struct Setting {
    world: Arc<World>,
    clock: Arc<TestClock>,
    job: JobIdentity,
    site: Site,
}

async fn setting(script: Script) -> Setting {
    let world = Arc::new(World {
        script: StdMutex::new(script.into()),
        life: StdMutex::new(Duration::from_secs(3600)),
        ..World::default()
    });
    let clock = TestClock::new();
    let (for_token, for_sts, sts_clock) = (world.clone(), world.clone(), clock.clone());
    let router = Router::new()
        .route(
            "/token",
            get(
                |Query(query): Query<Vec<(String, String)>>, headers: HeaderMap| async move {
                    assert_eq!(headers["authorization"], "Bearer request-secret");
                    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
                    assert_eq!(
                        query,
                        [pair("api-version", "2.0"), pair("audience", AUDIENCE)]
                    );
                    if for_token.token_faults.load(Ordering::SeqCst) > 0 {
                        for_token.token_faults.fetch_sub(1, Ordering::SeqCst);
                        return StatusCode::BAD_GATEWAY.into_response();
                    }
                    let number = for_token.tokens.fetch_add(1, Ordering::SeqCst) + 1;
                    axum::Json(serde_json::json!({ "count": 1, "value": jwt(number) }))
                        .into_response()
                },
            ),
        )
        .route(
            "/",
            post(|headers: HeaderMap, body: String| async move {
                assert!(!headers.contains_key("authorization"), "unsigned");
                sts(&for_sts, &sts_clock, body)
            }),
        );
    let base = serve(router).await;
    let http = client();
    let surroundings = vars(vec![
        (
            "ACTIONS_ID_TOKEN_REQUEST_URL",
            format!("{base}/token?api-version=2.0"),
        ),
        (
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
            "request-secret".to_owned(),
        ),
        ("AWS_ENDPOINT_URL", base),
        ("AWS_REGION", "ap-northeast-2".to_owned()),
    ]);
    let job = JobIdentity::from_vars(&http, clock.clone(), &surroundings, OidcBounds::default())
        .expect("all there");
    let site = Site::new(&http, &surroundings, None, CallBounds::default()).expect("a region");
    Setting {
        world,
        clock,
        job,
        site,
    }
}

fn sts(world: &World, clock: &TestClock, body: String) -> axum::response::Response {
    let next = world.script.lock().expect("whole").pop_front();
    world.seen.lock().expect("whole").push(body);
    if let Some((status, code, message)) = next {
        let xml = format!(
            "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error><RequestId>r</RequestId></ErrorResponse>"
        );
        return (StatusCode::from_u16(status).expect("a status"), xml).into_response();
    }
    let number = world.assumed.fetch_add(1, Ordering::SeqCst) + 1;
    let until = clock.now().plus(*world.life.lock().expect("whole"));
    format!(
        r#"<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>AKID{number}</AccessKeyId><SecretAccessKey>secret</SecretAccessKey><SessionToken>session</SessionToken><Expiration>{until}</Expiration></Credentials></AssumeRoleWithWebIdentityResult><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></AssumeRoleWithWebIdentityResponse>"#
    )
    .into_response()
}

impl Setting {
    fn role(&self, first: Option<SecretString>) -> RoleCredentials {
        RoleCredentials::new(
            self.job.clone(),
            ROLE,
            session_name("17"),
            self.site.sts(),
            first,
        )
        .expect("a role")
    }

    fn tokens(&self) -> usize {
        self.world.tokens.load(Ordering::SeqCst)
    }
}

#[tokio::test]
async fn credentials_are_kept_and_renewed_with_a_new_token_before_they_end() {
    let set = setting(Vec::new()).await;
    let first = set.job.job_token().await.expect("a token");
    let role = set.role(Some(first));
    assert_eq!(
        role.get().await.expect("credentials").access_key_id(),
        "AKID1"
    );
    assert_eq!(role.get().await.expect("kept").access_key_id(), "AKID1");
    assert_eq!(set.tokens(), 1);
    let sent = set.world.seen.lock().expect("whole")[0].clone();
    assert!(sent.contains("RoleSessionName=deploy-guard-17"), "{sent}");
    assert!(sent.contains("Action=AssumeRoleWithWebIdentity"), "{sent}");

    set.clock.pass(Duration::from_secs(3600 - 301));
    assert_eq!(role.get().await.expect("kept").access_key_id(), "AKID1");
    set.clock.pass(Duration::from_secs(2));
    let renewed = role.get().await.expect("renewed");
    assert_eq!(renewed.access_key_id(), "AKID2");
    assert_eq!(set.tokens(), 2);
    let expiry = renewed.expiry().expect("an end");
    let until = expiry
        .duration_since(SystemTime::UNIX_EPOCH)
        .expect("after 1970");
    assert_eq!(
        until.as_millis(),
        (START_MS + 2 * 3_600_000 - 299_000).unsigned_abs().into()
    );
}

#[tokio::test]
async fn a_short_life_is_renewed_at_four_fifths_and_callers_share_one_exchange() {
    let set = setting(Vec::new()).await;
    *set.world.life.lock().expect("whole") = Duration::from_secs(900);
    let role = set.role(None);
    let (a, b) = futures_util::future::join(role.get(), role.get()).await;
    assert_eq!(
        a.expect("one").access_key_id(),
        b.expect("the same").access_key_id()
    );
    set.clock.pass(Duration::from_secs(719));
    assert_eq!(role.get().await.expect("kept").access_key_id(), "AKID1");
    set.clock.pass(Duration::from_secs(2));
    assert_eq!(role.get().await.expect("renewed").access_key_id(), "AKID2");
}

#[tokio::test]
async fn what_may_pass_is_tried_again() {
    let set = setting(vec![
        (400, "IDPCommunicationError", "try again"),
        (503, "ServiceUnavailable", "busy"),
    ])
    .await;
    set.world.token_faults.store(2, Ordering::SeqCst);
    assert!(set.role(None).get().await.is_ok());
    assert_eq!(set.tokens(), 1, "the same token serves the second try");
    assert!(set.clock.slept() < Duration::from_secs(5));

    let set = setting(vec![(500, "InternalFailure", "no"); 9]).await;
    let error = set.role(None).get().await.expect_err("never");
    assert!(matches!(error, OidcError::Unreachable { .. }), "{error}");
    assert_eq!(set.world.seen.lock().expect("whole").len(), 4);
}

#[tokio::test]
async fn old_credentials_serve_while_renewing_fails_for_the_moment() {
    let set = setting(Vec::new()).await;
    let role = set.role(None);
    role.get().await.expect("credentials");
    set.clock.pass(Duration::from_secs(3400));
    *set.world.script.lock().expect("whole") = vec![(500, "InternalFailure", "no"); 8].into();
    assert_eq!(role.get().await.expect("the old").access_key_id(), "AKID1");
    set.clock.pass(Duration::from_secs(300));
    assert!(role.get().await.is_err(), "they have ended");
    assert!(role.get().await.is_ok(), "the trouble is over");
}

#[tokio::test]
async fn an_aged_first_token_is_replaced_once() {
    let set = setting(vec![(400, "ExpiredTokenException", "Token expired")]).await;
    let aged = set.job.job_token().await.expect("a token");
    assert!(set.role(Some(aged)).get().await.is_ok());
    assert_eq!(set.tokens(), 2);

    let set = setting(vec![(400, "ExpiredTokenException", "Token expired"); 3]).await;
    let error = set.role(None).get().await.expect_err("a wrong clock");
    assert!(matches!(error, OidcError::Expired { .. }), "{error}");
    assert_eq!(set.tokens(), 1);
}

#[tokio::test]
async fn a_role_that_does_not_trust_says_what_its_policy_needs_and_no_token() {
    let denied = (
        403,
        "AccessDenied",
        "Not authorized to perform sts:AssumeRoleWithWebIdentity",
    );
    let set = setting(vec![denied]).await;
    let error = set
        .role(None)
        .get()
        .await
        .expect_err("not trusted")
        .to_string();
    insta::assert_snapshot!(error, @"the role arn:aws:iam::123456789012:role/team/deploy-guard does not trust this job (AccessDenied: Not authorized to perform sts:AssumeRoleWithWebIdentity); the job's token says sub `repo:hanbit/todo:environment:prod` and aud `sts.amazonaws.com`; the account needs the identity provider token.actions.githubusercontent.com with that audience, and the role's trust policy must allow one of: repo:hanbit/todo:environment:prod , repo:hanbit@5/todo@7:environment:prod");
    assert!(!error.contains("c2ln"));
    assert_eq!(set.clock.slept(), Duration::ZERO, "not tried again");

    let set = setting(vec![(403, "RegionDisabledException", "off")]).await;
    let error = set.role(None).get().await.expect_err("off");
    assert!(matches!(error, OidcError::RegionDisabled { .. }), "{error}");
}

#[tokio::test]
async fn what_is_missing_locally_fails_at_once() {
    let http = client();
    let clock = TestClock::new();
    let none = vars(Vec::new());
    let error = JobIdentity::from_vars(&http, clock.clone(), &none, OidcBounds::default())
        .expect_err("no permission");
    assert!(error.to_string().contains("id-token: write"), "{error}");

    let set = setting(Vec::new()).await;
    for role in [
        "deploy-guard",
        "arn:aws:iam::1:role/x",
        "arn:aws:iam::123456789012:user/x",
        "",
    ] {
        let made = RoleCredentials::new(
            set.job.clone(),
            role,
            session_name("1"),
            set.site.sts(),
            None,
        );
        assert!(matches!(made, Err(OidcError::BadRole { .. })), "{role}");
    }
    assert!(is_role("arn:aws-cn:iam::123456789012:role/a/b"));
    assert_eq!(session_name(""), "deploy-guard");
    assert_eq!(session_name("run/3 x"), "deploy-guard-run-3-x");
    assert_eq!(session_name(&"9".repeat(99)).len(), 64);
}

#[tokio::test]
async fn secrets_are_not_shown() {
    let set = setting(Vec::new()).await;
    let role = set.role(set.job.job_token().await.ok());
    role.get().await.expect("credentials");
    let shown = format!("{role:?} {:?} {:?}", set.job, role.get().await);
    for secret in ["request-secret", "c2ln", "\"secret\""] {
        assert!(!shown.contains(secret), "{shown}");
    }
}
