//! Exchanges the job's own token for a role's credentials and renews them; knows no service that uses them.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, future};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;
use url::Url;

use super::http::{self, Http, HttpError, Vars};
use super::retry::Patience;
use crate::core::time::Timestamp;
use crate::ports::Clock;

mod claims;
mod error;

pub use claims::Claims;
pub use error::OidcError;

/// Who the token is for; the audience that AWS's own action uses, in every partition.
const AUDIENCE: &str = "sts.amazonaws.com";
/// Credentials are renewed so long before they end, or at four fifths of a shorter life.
const MARGIN: Duration = Duration::from_secs(300);
const TOKEN_LIMIT: usize = 64 * 1024;

/// How often and how long to try.
#[derive(Debug, Clone, Copy)]
pub struct OidcBounds {
    /// Tries of each of the two calls.
    pub tries: u32,
    /// Base of the pause between them.
    pub pause: Duration,
    /// One request for a token.
    pub timeout: Duration,
}

impl Default for OidcBounds {
    fn default() -> Self {
        Self {
            tries: 4,
            pause: Duration::from_millis(300),
            timeout: Duration::from_secs(10),
        }
    }
}

/// Who is shown every token as soon as it is there.
pub type Shown = Arc<dyn Fn(&SecretString) + Send + Sync>;

/// The right to ask GitHub for this job's token.
#[derive(Clone)]
pub struct JobIdentity {
    http: Http,
    shown: Shown,
    clock: Arc<dyn Clock>,
    url: Url,
    bearer: SecretString,
    bounds: OidcBounds,
}

impl fmt::Debug for JobIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JobIdentity(***)")
    }
}

impl JobIdentity {
    /// From `ACTIONS_ID_TOKEN_REQUEST_URL` and `ACTIONS_ID_TOKEN_REQUEST_TOKEN`, which a job with
    /// `id-token: write` has.
    pub fn from_vars(
        http: &Http,
        clock: Arc<dyn Clock>,
        vars: &Vars<'_>,
        bounds: OidcBounds,
    ) -> Result<Self, OidcError> {
        let get = |name: &str| {
            vars(name)
                .filter(|value| !value.is_empty())
                .ok_or(OidcError::NoPermission)
        };
        let mut url = http::check_url(&get("ACTIONS_ID_TOKEN_REQUEST_URL")?)
            .map_err(|error| setup(&error))?;
        url.query_pairs_mut().append_pair("audience", AUDIENCE);
        Ok(Self {
            http: http.clone(),
            shown: Arc::new(|_| {}),
            clock,
            url,
            bearer: get("ACTIONS_ID_TOKEN_REQUEST_TOKEN")?.into(),
            bounds,
        })
    }

    /// Shows every token as soon as it is there, so that the runner can be told to mask it.
    #[must_use]
    pub fn showing(self, shown: Shown) -> Self {
        Self { shown, ..self }
    }

    /// A new token of this job for AWS. It lives some 5 minutes, so it is asked for just before use.
    pub async fn job_token(&self) -> Result<SecretString, OidcError> {
        let mut attempt = 0;
        loop {
            attempt += 1;
            match self.ask().await {
                Err(OidcError::Unreachable { .. }) if attempt < self.bounds.tries => {
                    self.wait(attempt).await;
                }
                answer => {
                    if let Ok(token) = &answer {
                        (self.shown)(token);
                    }
                    return answer;
                }
            }
        }
    }

    async fn wait(&self, attempt: u32) {
        let span = Patience::pace(self.bounds.pause).pause(attempt + 1, self.clock.random());
        self.clock.sleep(span).await;
    }

    async fn ask(&self) -> Result<SecretString, OidcError> {
        let client = self.http.client(&self.url).map_err(|error| setup(&error))?;
        let unreachable = |detail: String| OidcError::Unreachable {
            call: "GitHub's token service",
            detail,
        };
        let exchange = async {
            let response = client
                .get(self.url.clone())
                .bearer_auth(self.bearer.expose_secret())
                .header(reqwest::header::ACCEPT, "application/json")
                .send()
                .await
                .map_err(|error| unreachable(http::text(&error)))?;
            let status = response.status();
            let body = http::read_body(response, TOKEN_LIMIT)
                .await
                .map_err(|error| unreachable(http::text(error.as_ref())))?;
            Ok((status, body))
        };
        let (status, body) = tokio::time::timeout(self.bounds.timeout, exchange)
            .await
            .map_err(|_| unreachable("no answer in time".to_owned()))??;
        if status.is_server_error() || matches!(status.as_u16(), 408 | 429) {
            return Err(unreachable(format!("HTTP {}", status.as_u16())));
        }
        if !status.is_success() {
            return Err(OidcError::TokenRefused {
                status: status.as_u16(),
            });
        }
        #[derive(serde::Deserialize)]
        struct Answer {
            value: String,
        }
        serde_json::from_slice::<Answer>(&body)
            .map(|answer| answer.value.into())
            .map_err(|_| OidcError::TokenUnreadable)
    }
}

fn setup(error: &HttpError) -> OidcError {
    OidcError::Setup {
        detail: error.to_string(),
    }
}

/// The session's name in CloudTrail: `deploy-guard-<run>`, with only the letters that STS takes.
#[must_use]
pub fn session_name(run: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    format!("deploy-guard-{run}")
        .trim_end_matches('-')
        .chars()
        .map(|c| if plain(c) { c } else { '-' })
        .take(64)
        .collect()
}

struct Held {
    credentials: Credentials,
    renew_at: Timestamp,
    until: Timestamp,
}

struct Inner {
    job: JobIdentity,
    role: String,
    session: String,
    sts: aws_sdk_sts::Client,
    first: Mutex<Option<SecretString>>,
    held: Mutex<Option<Held>>,
}

/// Credentials of a role by the job's token: kept, and renewed before they end. Cloning shares them.
#[derive(Clone)]
pub struct RoleCredentials(Arc<Inner>);

impl fmt::Debug for RoleCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RoleCredentials")
            .field("role", &self.0.role)
            .finish_non_exhaustive()
    }
}

impl RoleCredentials {
    /// For a role, through an STS client without credentials. `first` is a token that was fetched beforehand;
    /// every renewal asks for a new one.
    pub fn new(
        job: JobIdentity,
        role: &str,
        session: String,
        sts: aws_sdk_sts::Client,
        first: Option<SecretString>,
    ) -> Result<Self, OidcError> {
        if !is_role(role) {
            return Err(OidcError::BadRole {
                role: role.chars().take(200).collect(),
            });
        }
        Ok(Self(Arc::new(Inner {
            job,
            role: role.to_owned(),
            session,
            sts,
            first: Mutex::new(first),
            held: Mutex::new(None),
        })))
    }

    /// The credentials, from memory or new. Where renewing fails for the moment, the old ones serve to their
    /// end.
    pub async fn get(&self) -> Result<Credentials, OidcError> {
        let inner = &self.0;
        let mut held = inner.held.lock().await;
        let now = inner.job.clock.now();
        if let Some(held) = held.as_ref().filter(|held| now < held.renew_at) {
            return Ok(held.credentials.clone());
        }
        match inner.renew().await {
            Ok(new) => {
                let credentials = new.credentials.clone();
                *held = Some(new);
                Ok(credentials)
            }
            Err(error @ OidcError::Unreachable { .. }) => match held.as_ref() {
                Some(held) if inner.job.clock.now() < held.until => {
                    tracing::warn!(%error, until = %held.until, "the role's credentials could not be renewed yet");
                    Ok(held.credentials.clone())
                }
                _ => Err(error),
            },
            Err(error) => Err(error),
        }
    }
}

impl ProvideCredentials for RoleCredentials {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async move {
            self.get().await.map_err(|error| match error {
                OidcError::Unreachable { .. } => CredentialsError::unhandled(error),
                error => CredentialsError::provider_error(error),
            })
        })
    }
}

impl Inner {
    async fn renew(&self) -> Result<Held, OidcError> {
        let mut token = self.first.lock().await.take();
        // A token that was fetched beforehand may have grown old; a fresh one may not be.
        let mut fresh_allowed = token.is_some();
        let mut attempt = 0;
        loop {
            attempt += 1;
            let current = match token.take() {
                Some(token) => token,
                None => self.job.job_token().await?,
            };
            match self.assume(&current).await {
                Err(OidcError::Expired { .. }) if fresh_allowed => fresh_allowed = false,
                Err(OidcError::Unreachable { .. }) if attempt < self.job.bounds.tries => {
                    self.job.wait(attempt).await;
                    token = Some(current);
                }
                answer => return answer,
            }
        }
    }

    async fn assume(&self, token: &SecretString) -> Result<Held, OidcError> {
        let asked = self.job.clock.now();
        let answer = self
            .sts
            .assume_role_with_web_identity()
            .role_arn(&self.role)
            .role_session_name(&self.session)
            .web_identity_token(token.expose_secret())
            .send()
            .await
            .map_err(|error| self.explain(&error, token))?;
        let given = answer.credentials().ok_or(OidcError::Unreachable {
            call: "STS",
            detail: "an answer without credentials".to_owned(),
        })?;
        let until = Timestamp::from_millis(given.expiration().to_millis().unwrap_or(i64::MAX));
        let margin = MARGIN.min(until.since(asked) / 5);
        Ok(Held {
            credentials: Credentials::new(
                given.access_key_id(),
                given.secret_access_key(),
                Some(given.session_token().to_owned()),
                SystemTime::try_from(*given.expiration()).ok(),
                "job-role",
            ),
            renew_at: until.minus(margin),
            until,
        })
    }

    fn explain<E>(&self, error: &SdkError<E, HttpResponse>, token: &SecretString) -> OidcError
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let unreachable = |detail: String| OidcError::Unreachable {
            call: "STS",
            detail,
        };
        let SdkError::ServiceError(failure) = error else {
            return unreachable(http::text(error));
        };
        let code = failure.err().code().unwrap_or("no code").to_owned();
        let message = failure.err().message().unwrap_or("no message").to_owned();
        let status = failure.raw().status().as_u16();
        let role = self.role.clone();
        match code.as_str() {
            "IDPCommunicationError" | "Throttling" | "ThrottlingException" => {
                unreachable(format!("{code}: {message}"))
            }
            "ExpiredTokenException" | "ExpiredToken" => OidcError::Expired { message },
            "RegionDisabledException" => OidcError::RegionDisabled { message },
            "AccessDenied"
            | "AccessDeniedException"
            | "InvalidIdentityToken"
            | "InvalidIdentityTokenException"
            | "IDPRejectedClaim" => OidcError::NotTrusted {
                role,
                code,
                message,
                claims: Claims::read(token).map(Box::new),
            },
            _ if status >= 500 || status == 429 => unreachable(format!("{code}: {message}")),
            _ => OidcError::Refused {
                role,
                code,
                message,
            },
        }
    }
}

fn is_role(arn: &str) -> bool {
    let mut parts = arn.splitn(6, ':');
    let mut next = || parts.next().unwrap_or_default();
    next() == "arn"
        && next().starts_with("aws")
        && next() == "iam"
        && next().is_empty()
        && matches!(next(), account if account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit()))
        && matches!(next().strip_prefix("role/"), Some(name) if !name.is_empty()
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"+=,.@_/-".contains(&b)))
}

#[cfg(test)]
mod tests;
