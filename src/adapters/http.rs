//! The one HTTP client of the process, for our own calls and for the AWS SDKs; knows no service.

use std::error::Error;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use aws_smithy_runtime_api::client::http::SharedHttpClient;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use url::{Host, Url};

mod fault;
mod sdk;

pub use fault::{fault, never_sent, text};

/// What every request of ours names as its user agent.
pub const USER_AGENT: &str = concat!("deploy-guard/", env!("CARGO_PKG_VERSION"));

/// The largest answer that is kept in memory.
pub const BODY_LIMIT: usize = 16 * 1024 * 1024;

/// Looks a variable of the surroundings up; empty counts as absent.
pub type Vars<'a> = dyn Fn(&str) -> Option<String> + Send + Sync + 'a;

/// Why a request could not even be made, or its answer not be kept.
#[derive(Debug, Clone, thiserror::Error)]
pub enum HttpError {
    /// Not an absolute `http` or `https` URL. The text is left out, for some URLs are secret.
    #[error("not an absolute http or https URL")]
    BadUrl,
    /// Unencrypted, and not to this machine.
    #[error("plain http is accepted only for loopback addresses, not for `{host}`: use https")]
    PlainHttp {
        /// The host that was asked for.
        host: String,
    },
    /// `SSL_CERT_FILE` or `AWS_CA_BUNDLE` names a file that gives no certificate.
    #[error("the certificate file {file} (SSL_CERT_FILE, AWS_CA_BUNDLE) cannot be used: {detail}")]
    Roots {
        /// The file.
        file: String,
        /// What is wrong with it.
        detail: String,
    },
    /// The client cannot be set up.
    #[error("no HTTP client can be set up: {detail}")]
    Setup {
        /// What the library said.
        detail: String,
    },
    /// More than is kept.
    #[error("the answer is larger than {limit} bytes")]
    TooLarge {
        /// The bound.
        limit: usize,
    },
}

/// A name that did not resolve.
#[derive(Debug)]
struct DnsFailure(String);

impl fmt::Display for DnsFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for DnsFailure {}

/// The system's resolver, with an error that can be told from others by its type.
struct Resolver;

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await;
            let addresses: Vec<SocketAddr> = match found {
                Ok(addresses) => addresses.collect(),
                Err(error) => return Err(DnsFailure(error.to_string()).into()),
            };
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

/// Reads a URL and refuses what is neither https nor this machine.
pub fn check_url(text: &str) -> Result<Url, HttpError> {
    let url = Url::parse(text).map_err(|_| HttpError::BadUrl)?;
    check(&url)?;
    Ok(url)
}

/// Refuses what is neither https nor this machine.
pub fn check(url: &Url) -> Result<(), HttpError> {
    let host = url.host().ok_or(HttpError::BadUrl)?;
    match url.scheme() {
        "https" => Ok(()),
        "http" if loopback(&host) => Ok(()),
        "http" => Err(HttpError::PlainHttp {
            host: host.to_string(),
        }),
        _ => Err(HttpError::BadUrl),
    }
}

fn loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => name.eq_ignore_ascii_case("localhost"),
        Host::Ipv4(ip) => ip.is_loopback(),
        Host::Ipv6(ip) => IpAddr::V6(*ip).to_canonical().is_loopback(),
    }
}

/// How the client is made.
#[derive(Debug, Clone)]
pub struct HttpSetup {
    /// PEM files trusted beside the built-in roots.
    pub extra_roots: Vec<PathBuf>,
    /// Bound for a connection with its handshake.
    pub connect_timeout: Duration,
    /// Whether the usual proxy variables count (`HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`, in both cases).
    pub proxies: bool,
}

impl HttpSetup {
    /// From `SSL_CERT_FILE` and `AWS_CA_BUNDLE`. The usual proxy variables are read by the client itself.
    #[must_use]
    pub fn from_vars(vars: &Vars<'_>) -> Self {
        let mut extra_roots: Vec<PathBuf> = ["SSL_CERT_FILE", "AWS_CA_BUNDLE"]
            .iter()
            .filter_map(|name| vars(name))
            .filter(|path| !path.is_empty())
            .map(PathBuf::from)
            .collect();
        extra_roots.dedup();
        Self {
            extra_roots,
            connect_timeout: Duration::from_secs(5),
            proxies: true,
        }
    }
}

type Made = OnceLock<Result<reqwest::Client, HttpError>>;

struct Inner {
    setup: HttpSetup,
    plain: Made,
    tls: Made,
    plain_fresh: Made,
    tls_fresh: Made,
}

/// The client. Cloning is cheap; TLS is set up when the first https URL is asked.
#[derive(Clone)]
pub struct Http(Arc<Inner>);

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http").finish_non_exhaustive()
    }
}

impl Http {
    /// A client with nothing set up yet.
    #[must_use]
    pub fn new(setup: HttpSetup) -> Self {
        Self(Arc::new(Inner {
            setup,
            plain: OnceLock::new(),
            tls: OnceLock::new(),
            plain_fresh: OnceLock::new(),
            tls_fresh: OnceLock::new(),
        }))
    }

    /// The client for a URL, which must be https or of this machine; connections are reused.
    pub fn client(&self, url: &Url) -> Result<reqwest::Client, HttpError> {
        self.pick(url, &self.0.plain, &self.0.tls, false)
    }

    /// As [`Http::client`], but each request has its own connection: what a probe needs, for a
    /// kept connection would go on talking to an instance that new visitors no longer reach.
    pub fn fresh(&self, url: &Url) -> Result<reqwest::Client, HttpError> {
        self.pick(url, &self.0.plain_fresh, &self.0.tls_fresh, true)
    }

    fn pick(
        &self,
        url: &Url,
        plain: &Made,
        tls: &Made,
        fresh: bool,
    ) -> Result<reqwest::Client, HttpError> {
        check(url)?;
        let setup = &self.0.setup;
        if url.scheme() == "https" {
            tls.get_or_init(|| build(setup, true, fresh)).clone()
        } else {
            plain.get_or_init(|| build(setup, false, fresh)).clone()
        }
    }

    /// The same client for the AWS SDKs.
    #[must_use]
    pub fn sdk(&self) -> SharedHttpClient {
        SharedHttpClient::new(sdk::SdkClient {
            http: self.clone(),
            metadata: false,
        })
    }

    /// As [`Http::sdk`] for the credential chain, which may also ask the link-local addresses that hand out
    /// a container's or an instance's credentials over plain http.
    #[must_use]
    pub fn sdk_with_metadata(&self) -> SharedHttpClient {
        SharedHttpClient::new(sdk::SdkClient {
            http: self.clone(),
            metadata: true,
        })
    }

    fn metadata(&self) -> Result<reqwest::Client, HttpError> {
        let setup = &self.0.setup;
        self.0
            .plain
            .get_or_init(|| build(setup, false, false))
            .clone()
    }
}

fn build(setup: &HttpSetup, tls: bool, fresh: bool) -> Result<reqwest::Client, HttpError> {
    let mut builder = reqwest::Client::builder()
        .tls_backend_preconfigured(tls_config(tls.then_some(setup))?)
        .dns_resolver(Resolver)
        .user_agent(USER_AGENT)
        .connect_timeout(setup.connect_timeout)
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .retry(reqwest::retry::never());
    builder = if fresh {
        builder.pool_max_idle_per_host(0)
    } else {
        builder.pool_idle_timeout(Duration::from_secs(15))
    };
    if !tls || !setup.proxies {
        // Plain http is this machine only, and no proxy leads there.
        builder = builder.no_proxy();
    }
    builder.build().map_err(|error| HttpError::Setup {
        detail: text(&error),
    })
}

/// TLS with the built-in roots and those of the setup; without a setup it trusts nobody.
fn tls_config(setup: Option<&HttpSetup>) -> Result<rustls::ClientConfig, HttpError> {
    let mut roots = rustls::RootCertStore::empty();
    if let Some(setup) = setup {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        for path in &setup.extra_roots {
            add_roots(&mut roots, path)?;
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| HttpError::Setup {
            detail: error.to_string(),
        })?
        .with_root_certificates(roots)
        .with_no_client_auth();
    // HTTP/2 would save a few handshakes, and cost a quarter of a megabyte.
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn add_roots(roots: &mut rustls::RootCertStore, path: &PathBuf) -> Result<(), HttpError> {
    let failed = |detail: String| HttpError::Roots {
        file: path.display().to_string(),
        detail,
    };
    let mut certificates = Vec::new();
    for certificate in
        CertificateDer::pem_file_iter(path).map_err(|error| failed(error.to_string()))?
    {
        certificates.push(certificate.map_err(|error| failed(error.to_string()))?);
    }
    let (added, _ignored) = roots.add_parsable_certificates(certificates);
    if added == 0 {
        return Err(failed("no certificate in it".to_owned()));
    }
    Ok(())
}

/// Reads an answer's body up to a bound; the rest is an error.
pub async fn read_body(
    mut response: reqwest::Response,
    limit: usize,
) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > limit {
            return Err(HttpError::TooLarge { limit }.into());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

#[cfg(test)]
mod tests;
