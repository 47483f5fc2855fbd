//! What is shown when a sign-in fails: a small page for browsers, JSON for scripts.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use warren_rt::Causes;
use warren_upstream::UpstreamError;

use super::cookies;
use crate::{error::ApiError, state::AppState};

/// Nothing but its own style runs on the page.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const STYLE: &str = ":root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:32rem;\
    margin:20vh auto 0;padding:0 1.5rem}h1{font-size:1.25rem}a{color:LinkText}";

/// A sign-in that failed.
#[derive(Debug)]
pub(super) struct Failure(ApiError);

impl Failure {
    pub(super) fn new(status: StatusCode, sentence: impl Into<String>) -> Self {
        Self(ApiError::new(status, sentence))
    }

    /// A way of signing in that the configuration does not have.
    pub(super) fn not_offered(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, format!("This server does not offer to sign in with {what}."))
    }

    /// The page, with one sentence and the way back. The sign-in is over.
    pub(super) fn page(self, state: &AppState) -> Response {
        let (status, sentence) = (self.0.status(), escaped(self.0.message()));
        let html = format!(
            "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Sign-in failed</title>\
             <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><style>{STYLE}</style></head>\
             <body><main><h1>You are not signed in</h1><p>{sentence}</p><p><a href=\"/login\">Back to the login page</a></p>\
             </main></body></html>"
        );
        let headers = [
            (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
            (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
            (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
        ];
        let mut response = (status, headers, html).into_response();
        cookies::clear(state, response.headers_mut());
        response
    }

    /// The error as JSON. The sign-in may go on.
    pub(super) fn json(self) -> Response {
        self.0.into_response()
    }
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        Self(error)
    }
}

impl From<UpstreamError> for Failure {
    fn from(error: UpstreamError) -> Self {
        let new = |status, sentence: String| Self(ApiError::new(status, sentence));
        match &error {
            UpstreamError::Pending { reason } => {
                let sentence = String::from("The code has not been entered yet.");
                Self(ApiError::new(StatusCode::BAD_REQUEST, sentence).detail(*reason))
            }
            UpstreamError::Identity(why) => new(StatusCode::FORBIDDEN, why.to_string()),
            UpstreamError::Refused { reason } => {
                tracing::info!(%error, "a sign-in was refused by the provider");
                let sentence = format!("The sign-in provider refused: {reason}. Begin again.");
                new(StatusCode::UNAUTHORIZED, sentence)
            }
            UpstreamError::Token { why } => {
                tracing::warn!(%error, "a sign-in provider's token is not valid");
                let sentence = format!(
                    "The sign-in provider's answer cannot be trusted: {why}. Begin again; if it happens again, tell your \
                     administrator."
                );
                new(StatusCode::UNAUTHORIZED, sentence)
            }
            UpstreamError::Unreachable(source) => {
                tracing::error!(%error, source = %Causes(source.as_ref()), "a sign-in provider cannot be reached");
                let sentence = "The sign-in provider cannot be reached. Try again in a while.";
                new(StatusCode::BAD_GATEWAY, sentence.to_owned())
            }
            UpstreamError::Answer { .. } => {
                tracing::error!(%error, "a sign-in provider gave an unusable answer");
                let sentence = "The sign-in provider gave an answer that cannot be used. Try again; if it happens again, \
                    your administrator finds the reason in the server's log.";
                new(StatusCode::BAD_GATEWAY, sentence.to_owned())
            }
        }
    }
}

fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            letter => html.push(letter),
        }
    }
    html
}
