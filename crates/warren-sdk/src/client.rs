//! The HTTP side: addresses, the session token, deadlines and error bodies.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use reqwest::{
    Method, RequestBuilder, Response, StatusCode,
    header::{HeaderMap, HeaderName, HeaderValue},
};
use serde::{Serialize, de::DeserializeOwned};
use url::Url;
use warren_api::error::ErrorResponse;
use warren_rt::Secret;

use crate::error::SdkError;

/// The header that carries a session or agent token.
pub const SESSION_TOKEN_HEADER: &str = "Coder-Session-Token";

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// Uploads of templates may be large and links slow.
const UPLOAD_TIMEOUT: Duration = Duration::from_secs(300);

/// The header in which a server tells its version with every answer.
const BUILD_VERSION_HEADER: &str = "X-Coder-Build-Version";

/// A client of one server, with or without a session. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base: Url,
    token: Option<Secret<String>>,
    headers: HeaderMap,
    server_version: Arc<OnceLock<String>>,
}

/// What a client needs besides the server's address.
#[derive(Debug, Clone, Default)]
pub struct ClientOptions {
    /// Headers of every request, for a proxy in between.
    pub headers: Vec<(String, String)>,
    /// PEM certificates to trust besides the system's.
    pub ca: Option<Vec<u8>>,
    /// PEM certificate and key to prove who the client is.
    pub identity: Option<Vec<u8>>,
}

impl Client {
    /// Makes a client without a session.
    ///
    /// # Panics
    /// Panics if the process has no TLS provider installed, which is a mistake of the program.
    pub fn new(base: Url) -> Self {
        let http = builder().build().expect("the TLS provider is installed at start");
        Self { http, base, token: None, headers: HeaderMap::new(), server_version: Arc::default() }
    }

    /// Makes a client without a session that sends more headers or has a trust of its own.
    ///
    /// # Errors
    /// [`SdkError::Options`] when a header or certificate is malformed.
    pub fn with_options(base: Url, options: &ClientOptions) -> Result<Self, SdkError> {
        let wrong = |reason: String| SdkError::Options { reason };
        let mut headers = HeaderMap::new();
        for (name, value) in &options.headers {
            let named = HeaderName::try_from(name.as_str());
            let name = named.map_err(|_| wrong(format!("{name:?} cannot be the name of a header")))?;
            let value = HeaderValue::from_str(value)
                .map_err(|_| wrong(format!("the value of the header {name} has letters it must not have")))?;
            headers.insert(name, value);
        }
        let mut client = Self { headers, ..Self::new(base) };
        if options.ca.is_none() && options.identity.is_none() {
            return Ok(client);
        }
        let mut http = builder();
        if let Some(pem) = &options.ca {
            let certificates = reqwest::Certificate::from_pem_bundle(pem)
                .map_err(|error| wrong(format!("the CA file has no certificates: {}", root_cause(&error))))?;
            http = http.tls_certs_merge(certificates);
        }
        if let Some(pem) = &options.identity {
            let identity = reqwest::Identity::from_pem(pem).map_err(|error| {
                wrong(format!("the client certificate cannot be used: {}", root_cause(&error)))
            })?;
            http = http.identity(identity);
        }
        let built = http.build();
        client.http = built
            .map_err(|error| wrong(format!("the certificates cannot be used: {}", root_cause(&error))))?;
        Ok(client)
    }

    /// Returns the version that the server told with an answer, once one has come.
    pub fn server_version(&self) -> Option<&str> {
        self.server_version.get().map(String::as_str)
    }

    /// Returns the headers that every request carries besides the session.
    pub(crate) const fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// Returns the same client with a session or agent token.
    #[must_use]
    pub fn with_token(mut self, token: impl Into<String>) -> Self {
        self.token = Some(Secret::new(token.into()));
        self
    }

    /// Returns the server's address.
    pub const fn base(&self) -> &Url {
        &self.base
    }

    /// Returns the token this client sends.
    pub fn token(&self) -> Option<&str> {
        self.token.as_ref().map(|token| token.expose().as_str())
    }

    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, SdkError> {
        self.json(self.request(Method::GET, path)).await
    }

    pub(crate) async fn send<B: Serialize + Sync, T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: &B,
    ) -> Result<T, SdkError> {
        self.json(self.request(method, path).json(body)).await
    }

    /// Sends a request whose answer has no body worth reading.
    pub(crate) async fn command<B: Serialize + Sync>(
        &self,
        method: Method,
        path: &str,
        body: Option<&B>,
    ) -> Result<(), SdkError> {
        let request = self.request(method, path);
        let request = match body {
            Some(body) => request.json(body),
            None => request,
        };
        self.checked(request).await.map(|_| ())
    }

    pub(crate) async fn upload<T: DeserializeOwned>(
        &self,
        path: &str,
        content_type: &str,
        body: bytes::Bytes,
    ) -> Result<T, SdkError> {
        let request = self.request(Method::POST, path).header("Content-Type", content_type).body(body);
        self.json(request.timeout(UPLOAD_TIMEOUT)).await
    }

    /// Resolves a path (with query) under the server's address.
    pub(crate) fn url(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
        url.set_path(&format!("{}{path}", self.base.path().trim_end_matches('/')));
        url.set_query(query);
        url
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, self.url(path)).timeout(REQUEST_TIMEOUT);
        let request = request.headers(self.headers.clone());
        match &self.token {
            Some(token) => request.header(SESSION_TOKEN_HEADER, token.expose()),
            None => request,
        }
    }

    async fn json<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, SdkError> {
        let response = self.checked(request).await?;
        let url = response.url().clone();
        let body = response.bytes().await.map_err(|error| self.transport(error))?;
        serde_json::from_slice(&body).map_err(|error| SdkError::Unexpected { url, reason: error.to_string() })
    }

    async fn checked(&self, request: RequestBuilder) -> Result<Response, SdkError> {
        let response = request.send().await.map_err(|error| self.transport(error))?;
        if let Some(version) =
            response.headers().get(BUILD_VERSION_HEADER).and_then(|value| value.to_str().ok())
        {
            // Only the first answer is remembered; a server that is replaced meanwhile is no concern.
            let _ = self.server_version.set(version.to_owned());
        }
        if response.status().is_success() {
            return Ok(response);
        }
        let (status, url) = (response.status(), response.url().clone());
        let body = response.bytes().await.map_err(|error| self.transport(error))?;
        Err(refused(status, url, &body))
    }

    fn transport(&self, error: reqwest::Error) -> SdkError {
        let url = self.base.clone();
        if error.is_timeout() {
            return SdkError::TimedOut { url, seconds: REQUEST_TIMEOUT.as_secs() };
        }
        SdkError::Unreachable { url, reason: root_cause(&error) }
    }
}

fn builder() -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .user_agent(concat!("warren/", env!("CARGO_PKG_VERSION")))
}

pub(crate) fn refused(status: StatusCode, url: Url, body: &[u8]) -> SdkError {
    match serde_json::from_slice::<ErrorResponse>(body) {
        Ok(body) => SdkError::Api { status: status.as_u16(), body },
        Err(_) => SdkError::Unexpected { url, reason: format!("status {status} without a JSON body") },
    }
}

pub(crate) fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

/// Makes a text fit for one segment of a path, or for the value of a query.
pub(crate) fn segment(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}
