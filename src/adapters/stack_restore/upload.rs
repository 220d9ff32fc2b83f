//! Templates that are too large for a request, through the bucket that CDK's bootstrap has made for them: one PUT, signed
//! by the SDK's own signer. Knows no change set.

use std::time::{Duration, SystemTime};

use aws_credential_types::provider::ProvideCredentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings, sign,
};
use aws_sigv4::sign::v4;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use reqwest::Url;

use super::sets::{Sets, failed};
use crate::adapters::aws::{Service, why};
use crate::adapters::retry::{Again, Patience, retry};
use crate::adapters::{http, stored};
use crate::core::observation::{Kind, Why};
use crate::ports::CloudError;

/// Largest template that CloudFormation reads from a bucket, bytes.
/// Source: CloudFormation user guide, "Quotas".
pub const LARGEST: usize = 1_048_576;

/// The stack of `cdk bootstrap`, and its output that names the bucket.
const BOOTSTRAP: (&str, &str) = ("CDKToolkit", "BucketName");

/// One upload with its answer.
const PATIENCE: Duration = Duration::from_secs(30);

fn not_sent(kind: Kind, detail: impl Into<String>) -> CloudError {
    CloudError {
        call: "s3:PutObject".to_owned(),
        why: Why::new(kind, detail),
    }
}

impl Sets {
    /// The bucket of `cdk bootstrap`; `None` where this account and region have none.
    pub async fn bucket(&self) -> Result<Option<String>, CloudError> {
        let (stack, output) = BOOTSTRAP;
        let answer = self
            .aws
            .cloudformation()
            .describe_stacks()
            .stack_name(stack)
            .send()
            .await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(e) if e.message().is_some_and(|m| m.contains("does not exist")) => {
                return Ok(None);
            }
            Err(e) => return Err(failed("DescribeStacks", why(&e))),
        };
        let outputs = answer.stacks().iter().flat_map(|s| s.outputs());
        let named = outputs
            .filter(|o| o.output_key() == Some(output))
            .find_map(|o| o.output_value());
        Ok(named.map(str::to_owned))
    }

    /// Puts a template into the bucket under its own hash, so that a second time changes nothing; where CloudFormation
    /// finds it.
    pub async fn upload(&self, template: &str) -> Result<String, CloudError> {
        let Some(bucket) = self.bucket().await? else {
            return Err(not_sent(Kind::NotFound, "there is no bucket for templates"));
        };
        let key = format!(
            "deploy-guard/{}.template",
            stored::sha256(template.as_bytes())
        );
        let region = self.aws.region().to_owned();
        let found_at = format!("https://{bucket}.s3.{region}.amazonaws.com/{key}");
        let config = self.aws.config(Service::S3);
        let url = match config.endpoint_url() {
            Some(endpoint) => format!("{}/{bucket}/{key}", endpoint.trim_end_matches('/')),
            None => found_at.clone(),
        };
        // Under its own hash: sent twice it is the same.
        let patience = Patience::of(PATIENCE);
        let sent = retry(
            &*self.clock,
            &patience,
            || self.put(&url, &region, template),
            |error| match error.why.kind {
                Kind::Timeout | Kind::Unreachable | Kind::Throttled | Kind::Provider => Again::Yes,
                Kind::Denied | Kind::NotFound | Kind::Malformed | Kind::NoData => Again::No,
            },
        );
        sent.await.map_err(|failed| failed.error)?;
        Ok(found_at)
    }

    async fn put(&self, url: &str, region: &str, body: &str) -> Result<(), CloudError> {
        let malformed = |e: &dyn std::error::Error| not_sent(Kind::Malformed, e.to_string());
        let config = self.aws.config(Service::S3);
        let provider = config
            .credentials_provider()
            .ok_or_else(|| not_sent(Kind::Denied, "no credentials"))?;
        let credentials = provider
            .provide_credentials()
            .await
            .map_err(|e| not_sent(Kind::Denied, e.to_string()))?;
        let identity = credentials.into();
        let now = u64::try_from(self.clock.now().millis()).map_err(|e| malformed(&e))?;
        let mut settings = SigningSettings::default();
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(region)
            .name("s3")
            .time(SystemTime::UNIX_EPOCH + Duration::from_millis(now))
            .settings(settings)
            .build()
            .map_err(|e| malformed(&e))?
            .into();
        let address = Url::parse(url).map_err(|e| malformed(&e))?;
        let client = (self.aws.http().client(&address)).map_err(|e| malformed(&e))?;
        let kind = ("content-type", "text/plain");
        let signable = SignableRequest::new(
            "PUT",
            url,
            std::iter::once(kind),
            SignableBody::Bytes(body.as_bytes()),
        )
        .map_err(|e| malformed(&e))?;
        let (signed, _) = sign(signable, &params)
            .map_err(|e| malformed(&e))?
            .into_parts();
        let mut request = client
            .put(address)
            .header(kind.0, kind.1)
            .timeout(PATIENCE)
            .body(body.to_owned());
        for (name, value) in signed.headers() {
            request = request.header(name, value);
        }
        let answer = request
            .send()
            .await
            .map_err(|e| not_sent(Kind::Unreachable, http::text(&e)))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(());
        }
        let said = match http::read_body(answer, 4096).await {
            Ok(said) => String::from_utf8_lossy(&said).into_owned(),
            Err(error) => http::text(error.as_ref()),
        };
        let kind = match status.as_u16() {
            401 | 403 => Kind::Denied,
            404 => Kind::NotFound,
            429 | 503 => Kind::Throttled,
            500.. => Kind::Provider,
            _ => Kind::Malformed,
        };
        Err(not_sent(kind, format!("HTTP {}: {said}", status.as_u16())))
    }
}
