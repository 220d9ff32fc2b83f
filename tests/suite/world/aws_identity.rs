//! STS with a trust policy: only the fake OIDC's own live tokens are taken, credentials may be short-lived, and ended ones are refused everywhere.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::aws_proxy::Shared;
use super::aws_words::{error, iso, parameter, xml_set, xml_text};
use super::calls::Seen;
use super::http::{Reply, Req, lock};
use super::oidc::IssuedTokens;

/// How STS treats AssumeRoleWithWebIdentity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Trust {
    /// The role trusts the fake's tokens.
    #[default]
    Granted,
    /// The trust policy does not cover this subject.
    AccessDenied,
    /// No OIDC provider for the issuer.
    InvalidIdentityToken,
    /// STS cannot reach the issuer; may be tried again.
    IdpCommunicationError,
    /// The token ran out.
    ExpiredToken,
}

/// One role that was taken.
#[derive(Clone, Debug)]
pub struct Assumed {
    pub role_arn: String,
    pub session_name: String,
    pub token: String,
    pub duration_seconds: u64,
    pub access_key: String,
    pub secret_key: String,
    pub session_token: String,
}

/// Switches and memory of STS.
pub struct Identity {
    tokens: IssuedTokens,
    trust: Mutex<Trust>,
    lifetime: Mutex<Option<Duration>>,
    ends: Mutex<HashMap<String, Instant>>,
    assumed: Mutex<Vec<Assumed>>,
}

impl Identity {
    /// STS that trusts these tokens.
    pub fn new(tokens: IssuedTokens) -> Self {
        Self {
            tokens,
            trust: Mutex::default(),
            lifetime: Mutex::default(),
            ends: Mutex::default(),
            assumed: Mutex::default(),
        }
    }

    /// Switches the trust policy.
    pub fn set_trust(&self, trust: Trust) {
        *lock(&self.trust) = trust;
    }

    /// Credentials handed out from now on end this soon, whatever duration was asked for.
    pub fn set_lifetime(&self, lifetime: Duration) {
        *lock(&self.lifetime) = Some(lifetime);
    }

    /// Ends every credential handed out so far.
    pub fn end_credentials(&self) {
        let now = Instant::now();
        lock(&self.ends).values_mut().for_each(|end| *end = now);
    }

    /// The roles that were taken, oldest first.
    pub fn assumed(&self) -> Vec<Assumed> {
        lock(&self.assumed).clone()
    }

    /// The error for a call with credentials of ours that have ended.
    pub fn refuses(&self, seen: &Seen) -> Option<Reply> {
        let ended = lock(&self.ends)
            .get(seen.access_key.as_deref()?)
            .is_some_and(|end| Instant::now() >= *end);
        let code = if seen.body.contains("Action=") {
            "ExpiredToken"
        } else {
            "ExpiredTokenException"
        };
        ended.then(|| {
            error(
                seen,
                if code == "ExpiredToken" { 403 } else { 400 },
                code,
                "The security token included in the request is expired",
            )
        })
    }
}

/// Answers one STS call.
pub async fn answer(shared: &Shared, req: &Req, seen: &Seen) -> Reply {
    if seen.operation != "AssumeRoleWithWebIdentity" {
        return shared.forward(req).await;
    }
    let identity = &shared.identity;
    let get = |name: &str| parameter(req, name).unwrap_or_default();
    let (role_arn, session_name, token) = (
        get("RoleArn"),
        get("RoleSessionName"),
        get("WebIdentityToken"),
    );
    let trust = *lock(&identity.trust);
    match trust {
        Trust::Granted => {}
        Trust::AccessDenied => {
            return error(
                seen,
                403,
                "AccessDenied",
                "Not authorized to perform sts:AssumeRoleWithWebIdentity",
            );
        }
        Trust::InvalidIdentityToken => {
            return error(
                seen,
                400,
                "InvalidIdentityToken",
                "No OpenIDConnect provider found in your account for the token's issuer",
            );
        }
        Trust::IdpCommunicationError => {
            return error(
                seen,
                400,
                "IDPCommunicationError",
                "Couldn't reach the identity provider",
            );
        }
        Trust::ExpiredToken => return error(seen, 400, "ExpiredTokenException", "Token expired"),
    }
    match identity.tokens.find(&token) {
        None => {
            return error(
                seen,
                400,
                "InvalidIdentityToken",
                "The web identity token was not issued by this world's OIDC provider",
            );
        }
        Some(issued) if issued.audience != "sts.amazonaws.com" => {
            return error(
                seen,
                400,
                "InvalidIdentityToken",
                "Incorrect token audience",
            );
        }
        Some(issued) if issued.expires <= Instant::now() => {
            return error(seen, 400, "ExpiredTokenException", "Token expired");
        }
        Some(_) => {}
    }
    let named = (2..=64).contains(&session_name.len())
        && session_name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c));
    if !named {
        let said = format!(
            "1 validation error detected: Value '{session_name}' at 'roleSessionName' failed to satisfy constraint: [\\w+=,.@-]{{2,64}}"
        );
        return error(seen, 400, "ValidationError", &said);
    }
    let asked = parameter(req, "DurationSeconds").map_or(Ok(3600), |d| d.parse::<u64>());
    let Some(duration_seconds) = asked.ok().filter(|d| (900..=43_200).contains(d)) else {
        return error(
            seen,
            400,
            "ValidationError",
            "1 validation error detected: 'durationSeconds' must be between 900 and 43200",
        );
    };
    let mut reply = shared.forward(req).await;
    let xml = reply.body_text();
    let Some(access_key) = xml_text(&xml, "AccessKeyId") else {
        return reply;
    };
    let lifetime = lock(&identity.lifetime).unwrap_or(Duration::from_secs(duration_seconds));
    if let Some(short) = xml_set(&xml, "Expiration", &iso(jiff::Timestamp::now() + lifetime)) {
        reply.body = short.into();
    }
    lock(&identity.ends).insert(access_key.clone(), Instant::now() + lifetime);
    lock(&identity.assumed).push(Assumed {
        role_arn,
        session_name,
        token,
        duration_seconds,
        access_key,
        secret_key: xml_text(&xml, "SecretAccessKey").unwrap_or_default(),
        session_token: xml_text(&xml, "SessionToken").unwrap_or_default(),
    });
    reply
}
