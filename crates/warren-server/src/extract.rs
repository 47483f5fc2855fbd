//! Request parts with the API's error bodies instead of axum's.

use std::{fmt::Display, str::FromStr};

use axum::{
    body::Bytes,
    extract::{
        FromRequest, FromRequestParts, Path, Query, Request,
        path::ErrorKind,
        rejection::{BytesRejection, PathRejection},
        ws::WebSocketUpgrade,
    },
    http::{StatusCode, request::Parts},
};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, Error},
};
use tokio::time::{Duration, timeout};

use crate::error::ApiError;

/// Time for a JSON body, which is small.
const JSON_DEADLINE: Duration = Duration::from_secs(60);
/// Time for a file, over a slow line.
const FILE_DEADLINE: Duration = Duration::from_secs(1800);

/// A NUL character in a URL.
const NUL_ENCODED: &str = "%00";

/// A JSON body. The content type is not looked at, as clients do not always set it.
pub(crate) struct JsonBody<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for JsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let bytes = body(request, state, JSON_DEADLINE).await?;
        if has_nul(&bytes) {
            return Err(nul_error());
        }
        // Every body is an object; a list would be taken for the fields of one in their order.
        if bytes.trim_ascii_start().starts_with(b"[") {
            return Err(ApiError::bad_request("Request body must be a JSON object."));
        }
        // A field that the route does not know is skipped without a look at its text.
        if let Err(error) = std::str::from_utf8(&bytes) {
            let invalid = ApiError::bad_request("Request body must be valid JSON.");
            return Err(invalid.detail(error.to_string()));
        }
        let value = serde_json::from_slice(&bytes).map_err(|error| json_error(&error))?;
        // A type that takes any JSON would take a bare number as well.
        if !bytes.trim_ascii_start().starts_with(b"{") {
            return Err(ApiError::bad_request("Request body must be a JSON object."));
        }
        Ok(Self(value))
    }
}

/// A raw body within the route's size limit.
pub(crate) struct RawBody(pub(crate) Bytes);

impl<S: Send + Sync> FromRequest<S> for RawBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        body(request, state, FILE_DEADLINE).await.map(Self)
    }
}

/// Path parameters.
pub(crate) struct Params<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Params<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        if parts.uri.path().contains(NUL_ENCODED) {
            return Err(nul_error());
        }
        match Path::from_request_parts(parts, state).await {
            Ok(Path(value)) => Ok(Self(value)),
            Err(rejection) => Err(path_error(rejection)),
        }
    }
}

/// Query parameters.
pub(crate) struct Search<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Search<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        if parts.uri.query().is_some_and(|query| query.contains(NUL_ENCODED)) {
            return Err(nul_error());
        }
        match Query::from_request_parts(parts, state).await {
            Ok(Query(value)) => Ok(Self(value)),
            Err(error) => {
                Err(ApiError::bad_request("Query parameters have invalid values.").detail(error.body_text()))
            }
        }
    }
}

/// Reads a number of a query that must be a non-negative 32-bit one, as clients keep it in such a variable.
pub(crate) fn int32<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let number = i64::deserialize(deserializer)?;
    u64::try_from(number)
        .ok()
        .filter(|number| *number <= u64::from(i32::MAX.unsigned_abs()))
        .ok_or_else(|| D::Error::custom("must be a number from 0 to 2147483647"))
}

/// Reads an empty value of a query like an absent one.
pub(crate) fn empty_as_none<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: Display>,
{
    let text = String::deserialize(deserializer)?;
    if text.is_empty() { Ok(None) } else { text.parse().map(Some).map_err(D::Error::custom) }
}

/// A request to become a WebSocket.
pub(crate) struct Upgrade(pub(crate) WebSocketUpgrade);

impl<S: Send + Sync> FromRequestParts<S> for Upgrade {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match WebSocketUpgrade::from_request_parts(parts, state).await {
            Ok(upgrade) => Ok(Self(upgrade)),
            Err(rejection) => {
                let message = "This route is a WebSocket. Connect with a WebSocket client.";
                Err(ApiError::new(rejection.status(), message).detail(rejection.body_text()))
            }
        }
    }
}

/// Reads a whole body; a client that does not send it holds a connection and memory.
async fn body<S: Send + Sync>(request: Request, state: &S, deadline: Duration) -> Result<Bytes, ApiError> {
    match timeout(deadline, Bytes::from_request(request, state)).await {
        Ok(outcome) => outcome.map_err(body_error),
        Err(_) => {
            let message = "The request body did not arrive in time. Send it again.";
            Err(ApiError::new(StatusCode::REQUEST_TIMEOUT, message))
        }
    }
}

/// Whether a JSON text has a string with a NUL character, which PostgreSQL cannot store.
fn has_nul(json: &[u8]) -> bool {
    let mut rest = json;
    while let Some(at) = rest.iter().position(|byte| *byte == b'\\') {
        if rest[at..].starts_with(br"\u0000") {
            return true;
        }
        // What follows a backslash is part of its escape, be it another backslash.
        rest = rest.get(at + 2..).unwrap_or_default();
    }
    false
}

fn nul_error() -> ApiError {
    ApiError::bad_request("The request contains a NUL character, which no text here may have.")
}

fn body_error(rejection: BytesRejection) -> ApiError {
    let status = rejection.status();
    if status == StatusCode::PAYLOAD_TOO_LARGE {
        return ApiError::new(status, "The request body is larger than this route accepts.");
    }
    ApiError::bad_request("The request body could not be read.").detail(rejection.body_text())
}

fn json_error(error: &serde_json::Error) -> ApiError {
    let text = error.to_string();
    if !error.is_data() {
        return ApiError::bad_request("Request body must be valid JSON.").detail(text);
    }
    let invalid = ApiError::bad_request("Validation failed.");
    match text.strip_prefix("missing field `").and_then(|rest| rest.split_once('`')) {
        Some((field, _)) => invalid.field(field, "is required"),
        None => invalid.detail(text),
    }
}

fn path_error(rejection: PathRejection) -> ApiError {
    let PathRejection::FailedToDeserializePathParams(failed) = rejection else {
        return ApiError::internal();
    };
    let text = failed.body_text();
    match failed.into_kind() {
        ErrorKind::ParseErrorAtKey { key, value, .. } | ErrorKind::DeserializeError { key, value, .. } => {
            ApiError::bad_request(format!("The path has an invalid value {value:?}.")).field(key, text)
        }
        _ => ApiError::bad_request("The path has an invalid value.").detail(text),
    }
}

#[cfg(test)]
mod tests;
