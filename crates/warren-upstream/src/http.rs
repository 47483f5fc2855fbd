//! The one HTTP client of this crate: no redirects, a deadline, a size limit, few calls at a time.

use std::{sync::Arc, time::Duration};

use futures::{FutureExt, future::BoxFuture};
use thiserror::Error;
use tokio::sync::Semaphore;

/// How long a whole exchange with a provider may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// The largest answer that is read, in bytes.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;
/// Calls to one provider at the same time; more wait.
const CALLS_MAX: usize = 32;

pub(crate) type Request = ::http::Request<Vec<u8>>;
pub(crate) type Response = ::http::Response<Vec<u8>>;

/// Why an exchange failed.
#[derive(Debug, Error)]
pub(crate) enum HttpError {
    #[error("the request failed")]
    Send(#[source] reqwest::Error),
    #[error("the answer is larger than {ANSWER_BYTES_MAX} bytes")]
    TooLarge,
    #[error("too many sign-ins are going on at the same time")]
    Busy,
}

/// A client; clones share its connections.
#[derive(Clone)]
pub(crate) struct Http {
    client: reqwest::Client,
    calls: Arc<Semaphore>,
}

impl Http {
    /// Makes a client. The process must have installed its TLS provider.
    pub(crate) fn new() -> Self {
        let client = reqwest::Client::builder()
            // A redirect could lead into the network behind the server.
            .redirect(reqwest::redirect::Policy::none())
            .timeout(CALL_TIMEOUT)
            .user_agent(concat!("warren/", env!("CARGO_PKG_VERSION")))
            .build()
            .expect("a client without resolvers is complete");
        Self { client, calls: Arc::new(Semaphore::new(CALLS_MAX)) }
    }

    /// The client as the function that the OpenID Connect library calls. Its futures own what they use, as others spawn them.
    pub(crate) fn caller(
        &self,
    ) -> impl Fn(Request) -> BoxFuture<'static, Result<Response, HttpError>> + Send + Sync + use<> {
        let http = self.clone();
        move |request| {
            let http = http.clone();
            async move { http.send(request).await }.boxed()
        }
    }

    /// Sends a request and reads the whole answer.
    ///
    /// # Errors
    /// Fails when there is no answer in time or it is too large; an answer with an error status is an answer.
    pub(crate) async fn send(&self, request: Request) -> Result<Response, HttpError> {
        let permit = tokio::time::timeout(CALL_TIMEOUT, self.calls.acquire()).await;
        let _permit = permit.map_err(|_| HttpError::Busy)?.map_err(|_| HttpError::Busy)?;
        let request = reqwest::Request::try_from(request).map_err(send_error)?;
        let mut answer = self.client.execute(request).await.map_err(send_error)?;
        let mut response = ::http::Response::builder().status(answer.status());
        if let Some(headers) = response.headers_mut() {
            *headers = answer.headers().clone();
        }
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(send_error)? {
            if body.len() + chunk.len() > ANSWER_BYTES_MAX {
                return Err(HttpError::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(response.body(body).expect("a status and headers of a response are valid"))
    }
}

/// URLs are left out: those of callbacks and token requests may hold secrets.
fn send_error(error: reqwest::Error) -> HttpError {
    HttpError::Send(error.without_url())
}
