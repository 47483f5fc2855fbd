//! The cookies of one sign-in. They live ten minutes and are cleared when it ends, well or not.

use axum::{
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use axum_extra::extract::cookie::CookieJar;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use warren_upstream::FlowSecrets;

use super::redirect;
use crate::state::AppState;

const STATE: &str = "oauth_state";
const VERIFIER: &str = "oauth_pkce_verifier";
const REDIRECT: &str = "oauth_redirect";
const TICKET: &str = "coder_oauth_convert_jwt";

/// How long a sign-in at the provider may take.
const FLOW_SECONDS: u32 = 600;
/// How long a change of the way of signing in may take.
const TICKET_SECONDS: u32 = 300;

/// What the browser kept of a sign-in that comes back.
pub(super) struct FlowCookies {
    pub(super) flow: FlowSecrets,
    /// Where to go afterwards, a path of this server.
    pub(super) redirect: String,
    pub(super) ticket: Option<String>,
}

impl FlowCookies {
    /// Reads the cookies; `None` unless the state is the one that this browser was given.
    pub(super) fn read(headers: &HeaderMap, state: Option<&str>) -> Option<Self> {
        let jar = CookieJar::from_headers(headers);
        let value = |name: &str| jar.get(name).map(|cookie| cookie.value().to_owned());
        let (kept, verifier) = (value(STATE)?, value(VERIFIER)?);
        if !FlowSecrets::is_state(&kept) || !is_same(state?, &kept) {
            return None;
        }
        let path = value(REDIRECT).and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
        let path = path.and_then(|bytes| String::from_utf8(bytes).ok());
        Some(Self {
            flow: FlowSecrets { state: kept.into(), verifier: verifier.into() },
            redirect: redirect::local_path(path.as_deref()),
            ticket: value(TICKET),
        })
    }
}

/// Sends the browser to where it signs in.
pub(super) fn begin(state: &AppState, flow: &FlowSecrets, wanted: Option<&str>, target: &str) -> Response {
    let path = URL_SAFE_NO_PAD.encode(redirect::local_path(wanted));
    let mut response = temporary_redirect(target);
    for (name, value) in [(STATE, flow.state.expose()), (VERIFIER, flow.verifier.expose()), (REDIRECT, &path)]
    {
        set(response.headers_mut(), &cookie(state, name, value, FLOW_SECONDS));
    }
    response
}

/// Signs the browser in and sends it on.
pub(super) fn finish(state: &AppState, session: &str, redirect: &str) -> Response {
    let mut response = temporary_redirect(redirect);
    set(response.headers_mut(), session);
    clear(state, response.headers_mut());
    response
}

/// Removes the cookies of the sign-in.
pub(super) fn clear(state: &AppState, headers: &mut HeaderMap) {
    for name in [STATE, VERIFIER, REDIRECT, TICKET] {
        set(headers, &cookie(state, name, "", 0));
    }
}

/// The cookie of a change of the way of signing in.
pub(super) fn ticket(state: &AppState, ticket: &str) -> String {
    cookie(state, TICKET, ticket, TICKET_SECONDS)
}

/// Adds a cookie to a response.
pub(super) fn set(headers: &mut HeaderMap, cookie: &str) {
    if let Ok(value) = HeaderValue::from_str(cookie) {
        headers.append(header::SET_COOKIE, value);
    }
}

/// `Lax` whatever the session's cookie is: the provider's page leads back here from another site.
fn cookie(state: &AppState, name: &str, value: &str, seconds: u32) -> String {
    let is_secure = state.config.http.secure_auth_cookie || state.deployment.access_url.scheme() == "https";
    let secure = if is_secure { "; Secure" } else { "" };
    format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}")
}

fn temporary_redirect(target: &str) -> Response {
    let Ok(target) = HeaderValue::from_str(target) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let headers = [(header::LOCATION, target), (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    (StatusCode::TEMPORARY_REDIRECT, headers).into_response()
}

/// Compares in constant time.
fn is_same(a: &str, b: &str) -> bool {
    a.len() == b.len() && a.bytes().zip(b.bytes()).fold(0, |sum, (a, b)| sum | (a ^ b)) == 0
}
