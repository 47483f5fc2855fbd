//! What happens around every request: its id, span and log line, standard headers, panics, metrics.

use std::{
    any::Any,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use tracing::{Instrument, Span, field::Empty};
use uuid::Uuid;
use warren_vocab::RequestId;

use crate::{
    auth::limit::AnsweredLimit, client_address::Peer, config::VERSION, error::ApiError, origin::Client,
    rate_limit::Verdict, serving::Carrier, site, state::AppState,
};

pub(crate) mod compression;
pub(crate) mod own_host;

const BUILD_VERSION: HeaderName = HeaderName::from_static("x-coder-build-version");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");
const RATE_LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const RATE_REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RATE_RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

/// The route's name when no route has the path: what is asked for may be anything.
const NO_ROUTE: &str = "(none)";
/// Routes that machines ask all the time; only their failures are worth a line.
const PROBES: &[&str] = &["/healthz", "/latency-check", NO_ROUTE];

/// Gives a request its id and span, runs it, and completes the response.
pub(crate) async fn around(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let begin = Instant::now();
    let frame = &state.frame;
    let peer = request.extensions().get::<Peer>().map(|Peer(peer)| peer.ip());
    let address = peer.map(|peer| frame.proxies.client(peer, request.headers_mut()));
    let client = Client { request_id: RequestId::from_uuid(Uuid::new_v4()), ip: address };
    let answered_limit = AnsweredLimit::default();
    request.extensions_mut().insert(client);
    request.extensions_mut().insert(answered_limit.clone());
    let about = About::of(&request);
    let span = about.span(client.request_id);
    let carrier = request.extensions().get::<Carrier>().cloned();
    let under_way = frame.metrics.request();
    let mut response = next.run(request).instrument(span.clone()).await;
    drop(under_way);
    let duration = begin.elapsed();
    frame.metrics.answered(about.method, &about.route, response.status().as_u16(), duration);
    about.log(&span, response.status(), duration);
    if let (StatusCode::SWITCHING_PROTOCOLS, Some(carrier)) = (response.status(), carrier) {
        carrier.becomes(frame.metrics.socket());
    }
    complete_headers(&mut response, client.request_id, frame.hsts.as_deref());
    if let Some(verdict) = answered_limit.verdict() {
        tell_limit(response.headers_mut(), verdict);
    }
    if site::may_be_framed(&about.path) {
        response.headers_mut().remove(header::X_FRAME_OPTIONS);
    }
    response
}

/// Turns a panic of a handler into the generic error; the panic itself is logged by the panic hook.
pub(crate) fn panicked(_payload: Box<dyn Any + Send + 'static>) -> Response {
    tracing::error!("a request handler panicked");
    ApiError::internal().into_response()
}

/// What the log and the metrics say of a request. Never the query, which may hold a token.
struct About {
    method: &'static str,
    route: String,
    path: String,
}

impl About {
    fn of(request: &Request) -> Self {
        let route = request.extensions().get::<MatchedPath>().map_or(NO_ROUTE, MatchedPath::as_str);
        Self {
            method: method_name(request.method()),
            route: route.to_owned(),
            path: request.uri().path().to_owned(),
        }
    }

    fn span(&self, id: RequestId) -> Span {
        tracing::info_span!(
            "request",
            otel.name = %format_args!("{} {}", self.method, self.route),
            otel.kind = "server",
            request.id = %id,
            http.request.method = self.method,
            http.route = self.route,
            http.response.status_code = Empty,
            user.id = Empty,
            agent.id = Empty,
        )
    }

    fn log(&self, span: &Span, status: StatusCode, duration: Duration) {
        let duration_ms = duration.as_secs_f64() * 1000.0;
        let (path, code) = (self.path.as_str(), status.as_u16());
        span.record("http.response.status_code", code);
        if status.is_server_error() {
            tracing::warn!(parent: span, path, status = code, duration_ms, "request failed");
        } else if status.is_success() && PROBES.contains(&self.route.as_str()) {
            tracing::debug!(parent: span, path, status = code, duration_ms, "request answered");
        } else {
            tracing::info!(parent: span, path, status = code, duration_ms, "request answered");
        }
    }
}

/// One of the usual names: a client may send any word as the method, and each would become a series.
fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "(other)",
    }
}

fn complete_headers(response: &mut Response, id: RequestId, hsts: Option<&str>) {
    let headers = response.headers_mut();
    headers.insert(BUILD_VERSION, HeaderValue::from_static(VERSION));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(PERMISSIONS_POLICY, HeaderValue::from_static("camera=(), microphone=(), geolocation=()"));
    insert_text(headers, REQUEST_ID, &id.to_string());
    if let Some(hsts) = hsts {
        insert_text(headers, header::STRICT_TRANSPORT_SECURITY, hsts);
    }
    if headers.get(header::CONTENT_TYPE).is_some_and(|value| value == "application/json") {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    }
}

fn tell_limit(headers: &mut HeaderMap, verdict: Verdict) {
    // Rounded up, so that who waits that long is let in.
    let seconds = verdict.reset_in.as_secs() + 1;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    insert_text(headers, RATE_LIMIT, &verdict.limit.to_string());
    insert_text(headers, RATE_REMAINING, &verdict.remaining.to_string());
    insert_text(headers, RATE_RESET, &(now + seconds).to_string());
    if !verdict.is_allowed {
        insert_text(headers, header::RETRY_AFTER, &seconds.to_string());
    }
}

fn insert_text(headers: &mut HeaderMap, name: HeaderName, text: &str) {
    if let Ok(value) = HeaderValue::from_str(text) {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests;
