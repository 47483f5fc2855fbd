//! What happens around every request: its id and span, standard headers, panics.

use std::{any::Any, net::SocketAddr, time::Instant};

use axum::{
    extract::{ConnectInfo, MatchedPath, Request},
    http::{HeaderName, HeaderValue, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use tracing::Instrument;
use uuid::Uuid;
use warren_vocab::RequestId;

use crate::{config::VERSION, error::ApiError, origin::Client};

const BUILD_VERSION: HeaderName = HeaderName::from_static("x-coder-build-version");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");

/// Runs a request in its own span and completes the response's headers.
pub(crate) async fn around(mut request: Request, next: Next) -> Response {
    let id = Uuid::new_v4();
    let ip = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip());
    request.extensions_mut().insert(Client { request_id: RequestId::from_uuid(id), ip });
    let path = request.extensions().get::<MatchedPath>().map_or("(none)", MatchedPath::as_str).to_owned();
    let method = request.method().clone();
    let span = tracing::info_span!("request", request.id = %id, %method, path);
    let begin = Instant::now();
    let mut response = next.run(request).instrument(span.clone()).await;
    let status = response.status().as_u16();
    let duration_ms = begin.elapsed().as_millis();
    tracing::debug!(parent: &span, status, duration_ms, "request answered");
    complete_headers(&mut response, id);
    response
}

/// Turns a panic of a handler into the generic error; the panic itself is logged by the panic hook.
pub(crate) fn panicked(_payload: Box<dyn Any + Send + 'static>) -> Response {
    tracing::error!("a request handler panicked");
    ApiError::internal().into_response()
}

fn complete_headers(response: &mut Response, id: Uuid) {
    let headers = response.headers_mut();
    headers.insert(BUILD_VERSION, HeaderValue::from_static(VERSION));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(PERMISSIONS_POLICY, HeaderValue::from_static("camera=(), microphone=(), geolocation=()"));
    if let Ok(value) = HeaderValue::from_str(&id.to_string()) {
        headers.insert(REQUEST_ID, value);
    }
}
