//! An SNS topic as a channel; knows no event and writes no sentence of a message.

use std::sync::OnceLock;
use std::time::Duration;

use async_trait::async_trait;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use sha2::{Digest, Sha256};

use super::aws::{Aws, why};
use super::http;
use crate::core::alert::Channel;
use crate::core::observation::Kind;
use crate::ports::{Message, Notifier, SendError};

/// 256 KiB less a little for attributes. Source: SNS API reference, `Publish`.
const MESSAGE_LIMIT: usize = 256 * 1024 - 1024;
/// Source: SNS API reference, `Publish`: less than 100 characters.
const SUBJECT_LIMIT: usize = 99;
const GROUP: &str = "deploy-guard";

/// An ARN that is no topic's.
#[derive(Debug, Clone, thiserror::Error)]
#[error(
    "`{0}` is not the ARN of an SNS topic: it looks like `arn:aws:sns:ap-northeast-2:123456789012:deployment-alerts-prod`"
)]
pub struct BadTopic(pub String);

/// A topic.
#[derive(Debug)]
pub struct SnsTopic {
    aws: std::sync::Arc<Aws>,
    client: OnceLock<aws_sdk_sns::Client>,
    arn: String,
    region: String,
    attempt: Duration,
}

impl SnsTopic {
    /// A topic by its ARN, which also names the region; `attempt` bounds one publishing.
    pub fn new(aws: std::sync::Arc<Aws>, arn: &str, attempt: Duration) -> Result<Self, BadTopic> {
        let region = topic_region(arn).ok_or_else(|| BadTopic(arn.chars().take(200).collect()))?;
        Ok(Self {
            region: region.to_owned(),
            arn: arn.to_owned(),
            aws,
            client: OnceLock::new(),
            attempt,
        })
    }
}

fn topic_region(arn: &str) -> Option<&str> {
    let parts: Vec<&str> = arn.split(':').collect();
    let ["arn", partition, "sns", region, account, name] = parts.as_slice() else {
        return None;
    };
    let right = partition.starts_with("aws")
        && !region.is_empty()
        && region
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && account.len() == 12
        && account.bytes().all(|b| b.is_ascii_digit())
        && !name.is_empty();
    right.then_some(*region)
}

#[async_trait]
impl Notifier for SnsTopic {
    fn channel(&self) -> Channel {
        Channel::Sns
    }

    async fn send(&self, message: &Message) -> Result<(), SendError> {
        let client = self
            .client
            .get_or_init(|| self.aws.sns(&self.region, self.attempt));
        let fifo = self.arn.ends_with(".fifo");
        client
            .publish()
            .topic_arn(&self.arn)
            .set_subject(subject(&message.subject))
            .message_structure("json")
            .message(body(&message.text, MESSAGE_LIMIT))
            .set_message_group_id(fifo.then(|| GROUP.to_owned()))
            .set_message_deduplication_id(fifo.then(|| once(&message.key)))
            .send()
            .await
            .map(|_| ())
            .map_err(|error| judge(&error))
    }
}

/// One line of at most 99 characters without control characters; none where nothing is left.
fn subject(text: &str) -> Option<String> {
    let one_line: Vec<&str> = text
        .split(|c: char| {
            c.is_control() || c.is_whitespace() || matches!(c, '\u{2028}' | '\u{2029}')
        })
        .filter(|word| !word.is_empty())
        .collect();
    let mut line: String = one_line.join(" ");
    if line.chars().count() > SUBJECT_LIMIT {
        line = line.chars().take(SUBJECT_LIMIT - 1).collect();
        line.push('…');
    }
    (!line.is_empty()).then_some(line)
}

/// `{"default": …, "email": …}`, the text cut so that the whole fits.
fn body(text: &str, limit: usize) -> String {
    let mut keep = text.len();
    loop {
        let cut = text.floor_char_boundary(keep);
        let part = match text.get(..cut) {
            Some(part) if cut < text.len() => format!("{part}…"),
            _ => text.to_owned(),
        };
        let json = serde_json::json!({ "default": part, "email": part }).to_string();
        if json.len() <= limit || cut == 0 {
            return json;
        }
        // In proportion, as escapes make some texts longer than others.
        let share = cut as u128 * limit as u128 / json.len() as u128;
        keep = usize::try_from(share)
            .unwrap_or(cut)
            .min(cut)
            .saturating_sub(8);
    }
}

/// A deduplication id: at most 128 letters, digits and punctuation.
fn once(key: &str) -> String {
    let plain = !key.is_empty() && key.len() <= 128 && key.bytes().all(|b| b.is_ascii_graphic());
    if plain {
        return key.to_owned();
    }
    Sha256::digest(key.as_bytes())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn judge<E>(error: &SdkError<E, HttpResponse>) -> SendError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let seen = why(error);
    let detail = seen.to_string();
    let later = |detail| SendError::Later {
        detail,
        after: None,
    };
    match (seen.kind, error) {
        (Kind::Denied, SdkError::ServiceError(_)) => SendError::Dead {
            detail: format!(
                "needs `sns:Publish` on the topic (and `kms:GenerateDataKey` and `kms:Decrypt` if it is encrypted): {detail}"
            ),
        },
        (Kind::Throttled, _) => later(detail),
        (_, SdkError::ServiceError(failure)) if failure.raw().status().is_server_error() => {
            later(detail)
        }
        // No such topic, or a message that it does not take.
        (_, SdkError::ServiceError(_)) => SendError::Dead { detail },
        (_, SdkError::ConstructionFailure(_)) | (Kind::Denied, _) => later(detail),
        _ if http::never_sent(error) => later(detail),
        _ => SendError::Perhaps { detail },
    }
}

#[cfg(test)]
mod tests;
