//! Why a job gets no credentials of its role, each with the next step; knows neither HTTP nor STS.

use super::claims::Claims;

/// Why there are no credentials.
#[derive(Debug, Clone, thiserror::Error)]
pub enum OidcError {
    /// The job may not ask for a token.
    #[error(
        "the job may not ask for its identity token: add `id-token: write` to the job's `permissions:` (a pull request from a fork never has it)"
    )]
    NoPermission,
    /// The variables or the client cannot be used.
    #[error("the identity token cannot be asked for: {detail}")]
    Setup {
        /// What is wrong.
        detail: String,
    },
    /// Not a role's ARN.
    #[error(
        "`{role}` is not the ARN of a role: it looks like `arn:aws:iam::123456789012:role/deploy-guard`"
    )]
    BadRole {
        /// What was given.
        role: String,
    },
    /// GitHub does not give a token.
    #[error(
        "GitHub refuses the job's identity token (HTTP {status}): the job must be running and have `id-token: write`"
    )]
    TokenRefused {
        /// Its answer.
        status: u16,
    },
    /// GitHub's answer cannot be read.
    #[error("GitHub's answer holds no identity token")]
    TokenUnreadable,
    /// No answer, or only errors, within the limits of retrying.
    #[error("{call} could not be reached: {detail}")]
    Unreachable {
        /// Which of the two calls.
        call: &'static str,
        /// What was tried and answered.
        detail: String,
    },
    /// The role's trust policy does not take this token.
    #[error("the role {role} does not trust this job ({code}: {message}){}", advice(claims.as_deref()))]
    NotTrusted {
        /// The role.
        role: String,
        /// AWS's code.
        code: String,
        /// AWS's words.
        message: String,
        /// What the token says of itself.
        claims: Option<Box<Claims>>,
    },
    /// Even a fresh token counts as expired.
    #[error("AWS says that the job's token has expired ({message}): is the runner's clock right?")]
    Expired {
        /// AWS's words.
        message: String,
    },
    /// STS is switched off there.
    #[error(
        "STS is not active in this region ({message}): activate it in IAM's account settings, or choose another `aws_region`"
    )]
    RegionDisabled {
        /// AWS's words.
        message: String,
    },
    /// Refused for another reason.
    #[error("AWS does not give credentials of the role {role}: {code}: {message}")]
    Refused {
        /// The role.
        role: String,
        /// AWS's code.
        code: String,
        /// AWS's words.
        message: String,
    },
}

fn advice(claims: Option<&Claims>) -> String {
    let provider = "the account needs the identity provider token.actions.githubusercontent.com";
    match claims {
        None => format!("; {provider}, and the role's trust policy this job's subject"),
        Some(claims) => format!(
            "; the job's token says sub `{}` and aud `{}`; {provider} with that audience, and the role's trust policy must allow one of: {}",
            claims.subject,
            claims.audience,
            claims.forms.join(" , "),
        ),
    }
}
