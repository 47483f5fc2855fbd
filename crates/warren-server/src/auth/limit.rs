//! Counts requests against the rate limits, where it is known whose they are.

use std::{
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, OnceLock},
};

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, Method, StatusCode, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use uuid::Uuid;
use warren_app::{actor::names, identity::Session};

use crate::{
    error::{ApiError, ApiResult},
    origin::Client,
    permissions::{self, Who},
    rate_limit::{Class, Payer, Verdict},
    state::AppState,
};

/// Lets owners pass the limits.
const BYPASS_HEADER: &str = "x-coder-bypass-ratelimit";

/// Routes that check passwords and codes.
const LOGIN_ROUTES: &[(&str, &str)] = &[
    ("POST", "/api/v2/users/login"),
    ("POST", "/api/v2/users/first"),
    ("POST", "/api/v2/users/otp/request"),
    ("POST", "/api/v2/users/otp/change-password"),
    ("POST", "/api/v2/users/validate-password"),
    ("POST", "/api/v2/users/{user}/convert-login"),
    ("PUT", "/api/v2/users/{user}/password"),
    ("GET", "/api/v2/users/oauth2/github/callback"),
    ("GET", "/api/v2/users/oauth2/github/device"),
    ("GET", "/api/v2/users/oidc/callback"),
];
/// Routes that take files.
const FILE_ROUTES: &[(&str, &str)] =
    &[("POST", "/api/v2/files"), ("GET", "/api/v2/files/{file}"), ("POST", "/api/experimental/chats/files")];

/// Where the outermost layer finds what a request's limit said; in the request's extensions.
#[derive(Debug, Clone, Default)]
pub(crate) struct AnsweredLimit(Arc<OnceLock<Verdict>>);

impl AnsweredLimit {
    pub(crate) fn verdict(&self) -> Option<Verdict> {
        self.0.get().copied()
    }
}

/// Counts requests of routes that ask nobody who they are; the others are counted once that is known.
pub(crate) async fn anonymous(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    if permissions::who(request.method().as_str(), route) == Some(Who::Anyone) {
        let (parts, body) = request.into_parts();
        if let Err(error) = address(&parts, &state) {
            return error.into_response();
        }
        return next.run(Request::from_parts(parts, body)).await;
    }
    next.run(request).await
}

/// Counts a request of a signed-in user.
///
/// # Errors
/// 429 beyond the limit; 428 for those who ask to pass the limits and may not.
pub(super) fn account(parts: &Parts, state: &AppState, session: &Session) -> ApiResult<()> {
    let user = session.actor.id().as_uuid();
    note("user.id", user);
    if wants_bypass(&parts.headers) {
        let is_owner = names(&session.actor.user.roles).any(|role| role == "owner");
        if is_owner && session.actor.subject.scope.is_everything() {
            return Ok(());
        }
        let message = "Only owners may pass the rate limits. Leave the X-Coder-Bypass-Ratelimit header out.";
        return Err(ApiError::new(StatusCode::PRECONDITION_REQUIRED, message));
    }
    count(parts, state, Payer::Account(user), parts.uri.path())
}

/// Counts a request of an agent.
///
/// # Errors
/// 429 beyond the limit.
pub(super) fn agent(parts: &Parts, state: &AppState, agent: Uuid) -> ApiResult<()> {
    note("agent.id", agent);
    count(parts, state, Payer::Account(agent), parts.uri.path())
}

/// Counts a request of nobody in particular: by its address, and by the route's pattern, as the path may be anything.
///
/// # Errors
/// 429 beyond the limit.
pub(super) fn address(parts: &Parts, state: &AppState) -> ApiResult<()> {
    let Some(address) = parts.extensions.get::<Client>().and_then(|client| client.ip) else {
        return Ok(());
    };
    count(parts, state, Payer::Address(subscriber(address)), route(parts))
}

/// Whoever has one address of the newer kind has all of its network of 64 bits.
pub(crate) fn subscriber(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
        older @ IpAddr::V4(_) => older,
    }
}

/// Puts whose request it is into its span, where the log line and traces have it from.
fn note(field: &str, id: Uuid) {
    tracing::Span::current().record(field, tracing::field::display(id));
}

fn count(parts: &Parts, state: &AppState, payer: Payer, path: &str) -> ApiResult<()> {
    let route = route(parts);
    if !route.starts_with("/api/") {
        return Ok(());
    }
    let class = class(&parts.method, route);
    // A path has many spellings, each of which would be another try.
    let path = if class == Class::Login { route } else { path };
    let now = std::time::Instant::now();
    let Some(verdict) = state.frame.limits.count(now, payer, class, path) else { return Ok(()) };
    if let Some(AnsweredLimit(slot)) = parts.extensions.get() {
        // The first verdict is the one of the payer; a second count is of a failed request.
        let _ = slot.set(verdict);
    }
    if verdict.is_allowed {
        return Ok(());
    }
    let limit = verdict.limit;
    let message = format!("You've been rate limited for sending more than {limit} requests in 1m0s.");
    Err(ApiError::new(StatusCode::TOO_MANY_REQUESTS, message))
}

fn route(parts: &Parts) -> &str {
    parts.extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str)
}

fn class(method: &Method, route: &str) -> Class {
    let is_in = |routes: &[(&str, &str)]| routes.contains(&(method.as_str(), route));
    if is_in(LOGIN_ROUTES) {
        Class::Login
    } else if is_in(FILE_ROUTES) {
        Class::Files
    } else {
        Class::Api
    }
}

fn wants_bypass(headers: &HeaderMap) -> bool {
    headers.get(BYPASS_HEADER).is_some_and(|value| value == "true")
}
