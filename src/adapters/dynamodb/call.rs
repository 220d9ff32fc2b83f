//! Sends calls again until they work or cannot, and says in our words why not; knows no item.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

use crate::adapters::retry::{Again, Failed, Patience, retry, retry_after};
use crate::adapters::stored;
use crate::core::time::Timestamp;
use crate::ports::{Clock, StoreError};

/// An SDK's error; boxed, for it is large.
pub(super) type Sdk<E> = Box<SdkError<E>>;

/// What every call needs.
#[derive(Clone)]
pub(super) struct Caller {
    pub(super) client: Client,
    pub(super) table: Arc<str>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) patience: Patience,
}

impl Caller {
    /// Sends until it works, fails for good, or patience is at its end.
    pub(super) async fn call<T, E, Fut>(
        &self,
        mut send: impl FnMut() -> Fut + Send,
        again: impl Fn(&E) -> Option<Again> + Send,
    ) -> Result<T, Failed<Sdk<E>>>
    where
        E: ProvideErrorMetadata + Error + Send + 'static,
        Fut: Future<Output = Result<T, SdkError<E>>> + Send,
    {
        let now = self.clock.now();
        let told = AtomicBool::new(false);
        retry(
            &*self.clock,
            &self.patience,
            || {
                let sent = send();
                async move { sent.await.map_err(Box::new) }
            },
            move |error: &Sdk<E>| {
                let judged = judge(error, &again, now);
                // Once, so that a job which waits for its history does not look hung.
                if judged != Again::No && !told.swap(true, Ordering::Relaxed) {
                    let why = stored::cut(&chain(&**error), 300);
                    let most_s = self.patience.limit.as_secs();
                    tracing::warn!(code = "DG140", %why, most_s, "the history does not answer and is asked again");
                }
                judged
            },
        )
        .await
    }

    /// The error in our words; `action` is the permission that the call needs.
    pub(super) fn explain<E>(&self, action: &str, failed: &Failed<Sdk<E>>) -> StoreError
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        let error = &*failed.error;
        let code = error
            .as_service_error()
            .and_then(ProvideErrorMetadata::code);
        let said = error
            .as_service_error()
            .and_then(ProvideErrorMetadata::message)
            .unwrap_or("no message");
        match code {
            Some("AccessDeniedException" | "AccessDenied") => StoreError::Denied {
                action: permission(said).unwrap_or(action).to_owned(),
                detail: said.to_owned(),
            },
            Some("ResourceNotFoundException") => StoreError::NoTable {
                table: self.table.to_string(),
            },
            Some(
                "ValidationException"
                | "IdempotentParameterMismatchException"
                | "ItemCollectionSizeLimitExceededException",
            ) => StoreError::Malformed {
                detail: format!("DynamoDB does not take {action}: {said}"),
            },
            Some(code) if is_about_credentials(code) => StoreError::Credentials {
                detail: format!("{code}: {said}; {NEEDED}"),
            },
            Some(code) => StoreError::Unreachable {
                detail: format!("{action}: {code}: {said}{}", tries(failed)),
            },
            None => {
                let whole = chain(error);
                match whole.split_once(LOADING) {
                    // What our own provider says of a role is the whole story; the SDK's words around it hide it.
                    Some((_, ours)) => StoreError::Credentials {
                        detail: stored::cut(ours, 1000),
                    },
                    None if is_about_credentials(&whole) => StoreError::Credentials {
                        detail: format!("{}; {NEEDED}", stored::cut(&whole, 400)),
                    },
                    None => StoreError::Unreachable {
                        detail: format!("{action}: {}{}", stored::cut(&whole, 400), tries(failed)),
                    },
                }
            }
        }
    }
}

/// Where credentials come from.
const NEEDED: &str = "in a workflow set `role_to_assume` and `permissions: id-token: write`, elsewhere \
    AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";

/// What the SDK puts before the words of a credentials provider that failed.
const LOADING: &str = "an error occurred while loading credentials: ";

fn tries<E>(failed: &Failed<E>) -> String {
    match failed.attempts {
        0 | 1 => String::new(),
        n => format!(" ({n} attempts in {} s)", failed.spent.as_secs()),
    }
}

/// The permission that AWS says is missing: one call may need several.
fn permission(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once("to perform: ")?;
    rest.split_whitespace().next()
}

fn is_about_credentials(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    [
        "credential",
        "unrecognizedclient",
        "expiredtoken",
        "invalidsignature",
        "invalidclienttoken",
        "missingauthenticationtoken",
    ]
    .iter()
    .any(|word| text.contains(word))
}

/// The error and all that caused it, once each.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let said = cause.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        source = cause.source();
    }
    text
}

fn judge<E: ProvideErrorMetadata>(
    error: &SdkError<E>,
    again: &impl Fn(&E) -> Option<Again>,
    now: Timestamp,
) -> Again {
    match error {
        SdkError::TimeoutError(_) | SdkError::ResponseError(_) => Again::Yes,
        SdkError::DispatchFailure(failure) => {
            let wrong = failure.is_user()
                || failure
                    .as_connector_error()
                    .is_some_and(|e| is_about_credentials(&chain(e)));
            if wrong { Again::No } else { Again::Yes }
        }
        SdkError::ServiceError(service) => {
            let code = service.err().code();
            if let Some(decided) = again(service.err()) {
                return decided;
            }
            let busy = matches!(
                code,
                Some(
                    "ProvisionedThroughputExceededException"
                        | "RequestLimitExceeded"
                        | "ThrottlingException"
                        | "ThrottlingError"
                        | "Throttling"
                        | "LimitExceededException"
                        | "TransactionConflictException"
                        | "TransactionInProgressException"
                        | "InternalServerError"
                        | "ServiceUnavailable"
                        | "RequestTimeout"
                )
            );
            let raw = service.raw();
            if !busy && !raw.status().is_server_error() && raw.status().as_u16() != 429 {
                return Again::No;
            }
            raw.headers()
                .get("retry-after")
                .and_then(|h| retry_after(h, now))
                .map_or(Again::Yes, Again::After)
        }
        // Not sent: a wrong request, or no credentials.
        _ => Again::No,
    }
}
