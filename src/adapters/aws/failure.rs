//! Why an AWS call failed, in our words; knows no service's own errors but by their codes.

use std::error::Error;

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use super::http;
use crate::core::observation::{Kind, Why};

/// Codes by which AWS services say that they were asked too often.
/// Source: smithy-rs, `aws-runtime`, `retries::classifiers::THROTTLING_ERRORS`, and the SNS API reference.
const THROTTLING: [&str; 13] = [
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "Throttled",
    "RequestThrottled",
    "RequestThrottledException",
    "TooManyRequestsException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "BandwidthLimitExceeded",
    "LimitExceededException",
    "SlowDown",
    "PriorRequestNotComplete",
];

const DENIED: [&str; 12] = [
    "AccessDenied",
    "AccessDeniedException",
    "AuthorizationError",
    "AuthFailure",
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "OptInRequired",
    "SignatureDoesNotMatch",
    "UnauthorizedOperation",
    "UnrecognizedClientException",
];

/// Why a call failed, in our words; the detail is AWS's own.
pub fn why<E>(error: &SdkError<E, HttpResponse>) -> Why
where
    E: ProvideErrorMetadata + Error + 'static,
{
    match error {
        SdkError::ServiceError(failure) => {
            let (code, status) = (failure.err().code(), failure.raw().status().as_u16());
            let kind = match code {
                Some(code) if THROTTLING.contains(&code) => Kind::Throttled,
                Some(code) if DENIED.contains(&code) => Kind::Denied,
                Some(code) if code.contains("NotFound") => Kind::NotFound,
                // A good status whose body the SDK could not read.
                None if status < 300 => return Why::new(Kind::Malformed, http::text(error)),
                _ if status == 429 => Kind::Throttled,
                _ if status == 403 => Kind::Denied,
                _ => Kind::Provider,
            };
            let mut detail = match code {
                Some(code) => code.to_owned(),
                None => format!("HTTP {status}"),
            };
            if let Some(message) = failure.err().message() {
                detail = format!("{detail}: {message}");
            }
            Why::new(kind, detail)
        }
        SdkError::ResponseError(_) => Why::new(Kind::Malformed, http::text(error)),
        SdkError::TimeoutError(_) => Why::new(Kind::Timeout, "no answer in time"),
        SdkError::DispatchFailure(failure) if failure.is_timeout() => {
            Why::new(Kind::Timeout, "no answer in time")
        }
        _ => match credentials_fault(error) {
            Some(fault) => Why::new(fault, http::text(error)),
            None => Why::new(Kind::Unreachable, http::text(error)),
        },
    }
}

fn credentials_fault(error: &(dyn Error + 'static)) -> Option<Kind> {
    let found = std::iter::successors(Some(error), |error| (*error).source())
        .find_map(|error| error.downcast_ref::<CredentialsError>())?;
    Some(match found {
        CredentialsError::ProviderTimedOut(_) => Kind::Timeout,
        CredentialsError::Unhandled(_) => Kind::Unreachable,
        _ => Kind::Denied,
    })
}
