//! Form bodies, client credentials and the answers that every endpoint shares.

use std::collections::BTreeMap;

use axum::{
    Json,
    body::Bytes,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::json;
use url::{Url, form_urlencoded};

use crate::world::{Client, Faults};

pub(crate) type Form = BTreeMap<String, String>;

pub(crate) fn parse(body: &Bytes) -> Form {
    form_urlencoded::parse(body).into_owned().collect()
}

/// Whether the form or the `Authorization` header has the client's credentials.
pub(crate) fn is_client(client: &Client, headers: &HeaderMap, form: &Form) -> bool {
    let basic = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    if let Some(encoded) = basic.and_then(|value| value.strip_prefix("Basic ")) {
        let decoded = STANDARD.decode(encoded).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let Some((id, secret)) = decoded.as_deref().and_then(|text| text.split_once(':')) else {
            return false;
        };
        return unescaped(id) == client.id && unescaped(secret) == client.secret;
    }
    form.get("client_id") == Some(&client.id) && form.get("client_secret") == Some(&client.secret)
}

/// The answer of an endpoint that a fault has taken over.
pub(crate) fn disturbed(faults: &Faults) -> Option<Response> {
    if faults.broken {
        return Some(StatusCode::INTERNAL_SERVER_ERROR.into_response());
    }
    // Two MiB of JSON.
    faults.huge.then(|| Json(json!({"padding": "x".repeat(2 * 1024 * 1024)})).into_response())
}

/// An OAuth error.
pub(crate) fn refused(status: StatusCode, code: &str) -> Response {
    (status, Json(json!({"error": code, "error_description": "said by the development provider"})))
        .into_response()
}

/// Sends the browser back with parameters.
pub(crate) fn back(redirect_uri: &str, parameters: &[(&str, &str)]) -> Response {
    let Ok(mut url) = redirect_uri.parse::<Url>() else {
        return (StatusCode::BAD_REQUEST, "the redirect URL is not valid").into_response();
    };
    url.query_pairs_mut().extend_pairs(parameters);
    Redirect::to(url.as_str()).into_response()
}

/// Credentials in the header are form-encoded (RFC 6749, 2.3.1).
fn unescaped(text: &str) -> String {
    let pair = format!("x={text}");
    form_urlencoded::parse(pair.as_bytes()).next().map(|(_, value)| value.into_owned()).unwrap_or_default()
}
