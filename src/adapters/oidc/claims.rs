//! Reads what a job's token says of itself, to help write a trust policy; verifies nothing, keeps no token.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

/// What a token says of itself. Not verified: for people only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// Its subject.
    pub subject: String,
    /// Its audience.
    pub audience: String,
    /// The subject in both forms that GitHub has: by names, and by names with ids (repositories made, renamed
    /// or transferred since 2026-07-15). Source: GitHub, "OpenID Connect reference".
    pub forms: Vec<String>,
}

#[derive(Deserialize)]
struct Raw {
    sub: String,
    #[serde(default)]
    aud: serde_json::Value,
    repository: Option<String>,
    repository_id: Option<String>,
    repository_owner_id: Option<String>,
}

impl Claims {
    /// Reads a token's middle part; `None` where it is not a JWT.
    #[must_use]
    pub fn read(token: &SecretString) -> Option<Self> {
        let middle = token.expose_secret().split('.').nth(1)?;
        let bytes = URL_SAFE_NO_PAD.decode(middle.trim_end_matches('=')).ok()?;
        let raw: Raw = serde_json::from_slice(&bytes).ok()?;
        let audience = match &raw.aud {
            serde_json::Value::String(one) => one.clone(),
            other => other.to_string(),
        };
        Some(Self {
            forms: forms(&raw),
            subject: raw.sub,
            audience,
        })
    }
}

fn forms(raw: &Raw) -> Vec<String> {
    let both = || {
        let (owner, name) = raw.repository.as_deref()?.split_once('/')?;
        let (owner_id, id) = (
            raw.repository_owner_id.as_deref()?,
            raw.repository_id.as_deref()?,
        );
        let by_name = format!("repo:{owner}/{name}:");
        let by_id = format!("repo:{owner}@{owner_id}/{name}@{id}:");
        let rest = [&by_name, &by_id]
            .into_iter()
            .find_map(|form| raw.sub.strip_prefix(form.as_str()))?;
        Some(vec![format!("{by_name}{rest}"), format!("{by_id}{rest}")])
    };
    both().unwrap_or_else(|| vec![raw.sub.clone()])
}
