//! Lets the AWS SDKs speak through the one HTTP client; knows no service and no credentials.

use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use url::Url;

use super::{BODY_LIMIT, Http, HttpError, read_body};

#[derive(Debug)]
pub(super) struct SdkClient {
    pub(super) http: Http,
    pub(super) metadata: bool,
}

impl HttpClient for SdkClient {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(SdkConnector {
            http: self.http.clone(),
            metadata: self.metadata,
            read_timeout: settings.read_timeout(),
        })
    }
}

#[derive(Debug)]
struct SdkConnector {
    http: Http,
    metadata: bool,
    read_timeout: Option<Duration>,
}

impl HttpConnector for SdkConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (http, metadata, read_timeout) = (self.http.clone(), self.metadata, self.read_timeout);
        HttpConnectorFuture::new(async move {
            let url = Url::parse(request.uri())
                .map_err(|_| ConnectorError::user(HttpError::BadUrl.into()))?;
            let client = if metadata && hands_out_credentials(&url) {
                http.metadata()
            } else {
                http.client(&url)
            };
            let client = client.map_err(|error| ConnectorError::user(error.into()))?;
            exchange(&client, read_timeout, request).await
        })
    }
}

/// Source: AWS SDKs and Tools Reference Guide, "IMDS", "Container credential provider".
fn hands_out_credentials(url: &Url) -> bool {
    const HOSTS: [&str; 5] = [
        "169.254.169.254",
        "169.254.170.2",
        "169.254.170.23",
        "[fd00:ec2::254]",
        "[fd00:ec2::23]",
    ];
    url.host_str().is_some_and(|host| HOSTS.contains(&host))
}

async fn exchange(
    client: &reqwest::Client,
    read_timeout: Option<Duration>,
    request: HttpRequest,
) -> Result<HttpResponse, ConnectorError> {
    let (parts, body) = request
        .try_into_http1x()
        .map_err(|error| ConnectorError::user(error.into()))?
        .into_parts();
    let body = body
        .bytes()
        .map(<[u8]>::to_vec)
        .ok_or_else(|| ConnectorError::user("a streamed body is not supported".into()))?;
    let mut request = reqwest::Request::try_from(http::Request::from_parts(parts, body))
        .map_err(|error| ConnectorError::user(error.into()))?;
    *request.timeout_mut() = read_timeout;
    let mut response = client.execute(request).await.map_err(failed)?;
    let mut answer = http::Response::builder().status(response.status());
    if let Some(headers) = answer.headers_mut() {
        *headers = std::mem::take(response.headers_mut());
    }
    let body = read_body(response, BODY_LIMIT).await.map_err(|error| {
        match error.downcast::<reqwest::Error>() {
            Ok(error) => failed(*error),
            Err(error) => ConnectorError::other(error, None),
        }
    })?;
    let answer = answer
        .body(SdkBody::from(body))
        .map_err(|error| ConnectorError::other(error.into(), None))?;
    HttpResponse::try_from(answer).map_err(|error| ConnectorError::other(error.into(), None))
}

fn failed(error: reqwest::Error) -> ConnectorError {
    let unsent = error.is_connect();
    let error = if error.is_timeout() {
        ConnectorError::timeout(error.without_url().into())
    } else {
        ConnectorError::io(error.without_url().into())
    };
    if unsent {
        error.never_connected()
    } else {
        error
    }
}
