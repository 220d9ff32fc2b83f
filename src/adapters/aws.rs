//! Where and as whom AWS is called: region, endpoints, credentials, clients; knows no call and no record.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::identity::IdentityCache;
use aws_config::provider_config::ProviderConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::app_name::AppName;
use aws_types::region::Region;
use aws_types::sdk_config::{SdkConfig, StalledStreamProtectionConfig};

use super::http::{self, Http, HttpError, Vars};

mod failure;

pub use failure::why;

/// Why AWS cannot be called at all.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AwsError {
    /// Nobody says which region.
    #[error(
        "no AWS region is known: give the input `aws_region` or `--region`, `region:` in the configuration, or AWS_REGION"
    )]
    NoRegion,
    /// Not a region's name.
    #[error("`{region}` is not an AWS region: it looks like `ap-northeast-2`")]
    BadRegion {
        /// What was given.
        region: String,
    },
    /// An endpoint variable that cannot be used.
    #[error("{variable} cannot be used as an endpoint: {source}")]
    BadEndpoint {
        /// Its name.
        variable: String,
        /// Why.
        source: HttpError,
    },
}

/// The services that are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names are AWS's own")]
pub enum Service {
    DynamoDb,
    Sns,
    Sts,
    CloudFormation,
    CloudWatch,
    Logs,
    Lambda,
    S3,
}

impl Service {
    const ALL: [Self; 8] = [
        Self::DynamoDb,
        Self::Sns,
        Self::Sts,
        Self::CloudFormation,
        Self::CloudWatch,
        Self::Logs,
        Self::Lambda,
        Self::S3,
    ];

    /// Source: AWS SDKs and Tools Reference Guide, "Service-specific endpoints" (identifiers).
    fn variable(self) -> &'static str {
        match self {
            Self::DynamoDb => "AWS_ENDPOINT_URL_DYNAMODB",
            Self::Sns => "AWS_ENDPOINT_URL_SNS",
            Self::Sts => "AWS_ENDPOINT_URL_STS",
            Self::CloudFormation => "AWS_ENDPOINT_URL_CLOUDFORMATION",
            Self::CloudWatch => "AWS_ENDPOINT_URL_CLOUDWATCH",
            Self::Logs => "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS",
            Self::Lambda => "AWS_ENDPOINT_URL_LAMBDA",
            Self::S3 => "AWS_ENDPOINT_URL_S3",
        }
    }
}

/// Bounds of one call.
#[derive(Debug, Clone, Copy)]
pub struct CallBounds {
    /// One try with its answer.
    pub attempt: Duration,
    /// All tries together.
    pub whole: Duration,
}

impl Default for CallBounds {
    fn default() -> Self {
        Self {
            attempt: Duration::from_secs(10),
            whole: Duration::from_secs(30),
        }
    }
}

/// Region, endpoints and client, still without credentials.
#[derive(Debug, Clone)]
pub struct Site {
    http: Http,
    base: SdkConfig,
    region: Region,
    endpoints: BTreeMap<Service, String>,
    fixed: Option<Credentials>,
}

impl Site {
    /// Reads region, endpoints and fixed credentials from what was given and the SDKs' usual variables.
    /// Nothing is asked over the network.
    pub fn new(
        http: &Http,
        vars: &Vars<'_>,
        region: Option<&str>,
        bounds: CallBounds,
    ) -> Result<Self, AwsError> {
        let get = |name: &str| vars(name).filter(|value| !value.trim().is_empty());
        let region = region
            .filter(|region| !region.is_empty())
            .map(str::to_owned)
            .or_else(|| get("AWS_REGION"))
            .or_else(|| get("AWS_DEFAULT_REGION"))
            .ok_or(AwsError::NoRegion)?;
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if !region.bytes().all(plain) || region.len() > 40 {
            return Err(AwsError::BadRegion { region });
        }
        let on = |name: &str| get(name).is_some_and(|value| value.eq_ignore_ascii_case("true"));
        let endpoints = if on("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS") {
            BTreeMap::new()
        } else {
            endpoints(&get)?
        };
        let region = Region::new(region);
        let mut base = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(region.clone())
            .http_client(http.sdk())
            .sleep_impl(aws_smithy_async::rt::sleep::SharedAsyncSleep::new(
                TokioSleep::new(),
            ))
            .retry_config(RetryConfig::disabled())
            .timeout_config(
                TimeoutConfig::builder()
                    .operation_attempt_timeout(bounds.attempt)
                    .operation_timeout(bounds.whole)
                    .build(),
            )
            // Answers are read whole within the try's bound; there is no stream that could stall.
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .use_fips(on("AWS_USE_FIPS_ENDPOINT"))
            .use_dual_stack(on("AWS_USE_DUALSTACK_ENDPOINT"));
        base.set_app_name(AppName::new("deploy-guard").ok());
        Ok(Self {
            http: http.clone(),
            base: base.build(),
            region,
            endpoints,
            fixed: fixed(&get),
        })
    }

    /// The region.
    #[must_use]
    pub fn region(&self) -> &str {
        self.region.as_ref()
    }

    fn config(&self, service: Service) -> SdkConfig {
        let mut config = self.base.to_builder();
        config.set_endpoint_url(self.endpoints.get(&service).cloned());
        config.build()
    }

    /// STS for the calls that need no signature; it never looks for credentials.
    #[must_use]
    pub fn sts(&self) -> aws_sdk_sts::Client {
        aws_sdk_sts::Client::new(&self.config(Service::Sts))
    }

    /// Settles who calls. A role that was given wins over whatever earlier steps left in the variables.
    pub async fn connect(self, login: Login) -> Aws {
        let mut base = self.base.to_builder();
        match (login, self.fixed.clone()) {
            (Login::Given(provider), _) => {
                // It caches and renews by itself.
                base.set_identity_cache(Some(IdentityCache::no_cache()));
                base.set_credentials_provider(Some(provider));
            }
            (Login::Usual, Some(fixed)) => {
                base.set_credentials_provider(Some(SharedCredentialsProvider::new(fixed)));
            }
            (Login::Usual, None) => {
                let chain = DefaultCredentialsChain::builder()
                    .region(self.region.clone())
                    .configure(
                        ProviderConfig::without_region()
                            .with_http_client(self.http.sdk_with_metadata())
                            .with_sleep_impl(TokioSleep::new())
                            .with_behavior_version(Some(BehaviorVersion::latest())),
                    )
                    .build()
                    .await;
                base.set_identity_cache(Some(
                    IdentityCache::lazy()
                        .load_timeout(Duration::from_secs(5))
                        .build(),
                ));
                base.set_credentials_provider(Some(SharedCredentialsProvider::new(chain)));
            }
        }
        Aws {
            site: Self {
                base: base.build(),
                ..self
            },
            dynamodb: OnceLock::new(),
            cloudformation: OnceLock::new(),
            lambda: OnceLock::new(),
        }
    }
}

fn endpoints(get: &dyn Fn(&str) -> Option<String>) -> Result<BTreeMap<Service, String>, AwsError> {
    let mut endpoints = BTreeMap::new();
    for service in Service::ALL {
        for variable in [service.variable(), "AWS_ENDPOINT_URL"] {
            if let Some(url) = get(variable) {
                http::check_url(&url).map_err(|source| AwsError::BadEndpoint {
                    variable: variable.to_owned(),
                    source,
                })?;
                endpoints.insert(service, url);
                break;
            }
        }
    }
    Ok(endpoints)
}

fn fixed(get: &dyn Fn(&str) -> Option<String>) -> Option<Credentials> {
    Some(Credentials::new(
        get("AWS_ACCESS_KEY_ID")?,
        get("AWS_SECRET_ACCESS_KEY")?,
        get("AWS_SESSION_TOKEN"),
        None,
        "environment",
    ))
}

/// As whom AWS is called.
#[derive(Debug)]
pub enum Login {
    /// By a provider that caches and renews by itself, such as the job's role.
    Given(SharedCredentialsProvider),
    /// `AWS_ACCESS_KEY_ID` and its companions, else profile, web identity, container and instance role,
    /// asked for 5 s at most.
    Usual,
}

/// AWS with credentials; clients are made when they are first asked for.
///
/// Nothing is retried but calls of CloudFormation and Lambda that may be repeated (see [`Aws::cloudformation`] and
/// [`Aws::lambda`]): the stores retry by their own rules, and a message must not be repeated.
#[derive(Debug)]
pub struct Aws {
    site: Site,
    dynamodb: OnceLock<aws_sdk_dynamodb::Client>,
    cloudformation: OnceLock<aws_sdk_cloudformation::Client>,
    lambda: OnceLock<aws_sdk_lambda::Client>,
}

impl Aws {
    /// The region.
    #[must_use]
    pub fn region(&self) -> &str {
        self.site.region()
    }

    /// The one HTTP client, for what no SDK of ours does.
    #[must_use]
    pub fn http(&self) -> &Http {
        &self.site.http
    }

    /// The configuration for a service's client, its endpoint set.
    #[must_use]
    pub fn config(&self, service: Service) -> SdkConfig {
        self.site.config(service)
    }

    /// DynamoDB, not retrying.
    pub fn dynamodb(&self) -> &aws_sdk_dynamodb::Client {
        self.dynamodb
            .get_or_init(|| aws_sdk_dynamodb::Client::new(&self.config(Service::DynamoDb)))
    }

    /// CloudFormation, for reads and for writes that carry a token: the SDK's standard retry, 4 tries within the
    /// call's bound.
    pub fn cloudformation(&self) -> &aws_sdk_cloudformation::Client {
        self.cloudformation.get_or_init(|| {
            aws_sdk_cloudformation::Client::new(&self.retrying(Service::CloudFormation))
        })
    }

    /// Lambda, for reads and for writes that are guarded by a revision: retried as CloudFormation is.
    pub fn lambda(&self) -> &aws_sdk_lambda::Client {
        self.lambda
            .get_or_init(|| aws_sdk_lambda::Client::new(&self.retrying(Service::Lambda)))
    }

    /// For what is asked anew every tick, which has seconds: throttling and server errors are tried again within them.
    #[must_use]
    pub fn within_a_tick(&self, service: Service) -> SdkConfig {
        let retry = RetryConfig::standard()
            .with_max_attempts(4)
            .with_initial_backoff(Duration::from_millis(200))
            .with_max_backoff(Duration::from_secs(2));
        let timeout = TimeoutConfig::builder()
            .operation_attempt_timeout(Duration::from_secs(5))
            .operation_timeout(Duration::from_secs(12))
            .build();
        self.config(service)
            .into_builder()
            .retry_config(retry)
            .timeout_config(timeout)
            .build()
    }

    fn retrying(&self, service: Service) -> SdkConfig {
        let retry = RetryConfig::standard()
            .with_max_attempts(4)
            .with_initial_backoff(Duration::from_millis(300));
        self.config(service)
            .into_builder()
            .retry_config(retry)
            .build()
    }

    /// SNS in a topic's own region, not retrying; `attempt` bounds one try with its answer.
    #[must_use]
    pub fn sns(&self, region: &str, attempt: Duration) -> aws_sdk_sns::Client {
        let config = self
            .config(Service::Sns)
            .into_builder()
            .region(Region::new(region.to_owned()))
            .timeout_config(
                TimeoutConfig::builder()
                    .operation_attempt_timeout(attempt)
                    .operation_timeout(attempt)
                    .build(),
            )
            .build();
        aws_sdk_sns::Client::new(&config)
    }
}

#[cfg(test)]
mod tests;
