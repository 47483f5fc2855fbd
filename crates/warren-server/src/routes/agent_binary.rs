//! Hands out the server's own executable and the script that downloads it.

use std::io;

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use tokio_util::io::ReaderStream;
use utoipa_axum::{router::OpenApiRouter, routes};
use warren_api::error::ErrorResponse;
use warren_app::agents::init_script;

use crate::{
    agent_executable::AgentExecutable,
    error::{ApiError, ApiResult},
    extract::Params,
    state::AppState,
};

const READ_BYTES: usize = 256 << 10;

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(binary)).routes(routes!(script))
}

#[utoipa::path(get, path = "/bin/{name}", params(("name" = String, Path)),
    responses((status = 200), (status = 304), (status = 404, body = ErrorResponse)))]
async fn binary(
    State(state): State<AppState>,
    method: Method,
    headers: HeaderMap,
    Params(name): Params<String>,
) -> ApiResult<Response> {
    let own_name = AgentExecutable::name();
    if name.replace('_', "-") != own_name {
        let text = format!("This server has no {name}; it hands out {own_name} only.");
        return Err(ApiError::new(StatusCode::NOT_FOUND, text));
    }
    let known = headers.get(header::IF_NONE_MATCH);
    // Hashing takes longer than reading; a workspace that just wants the file does not wait for it.
    let fingerprint = match known.is_some() || method == Method::HEAD {
        true => Some(state.executable.fingerprint().await.map_err(unreadable)?),
        false => state.executable.known_fingerprint(),
    };
    let etag = fingerprint.and_then(|text| HeaderValue::from_str(&format!("\"{text}\"")).ok());
    if let (Some(known), Some(etag)) = (known, &etag)
        && known == etag
    {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, etag.clone())]).into_response());
    }
    let file = state.executable.open().await.map_err(unreadable)?;
    let length = HeaderValue::from(file.metadata().await.map_err(unreadable)?.len());
    let body = Body::from_stream(ReaderStream::with_capacity(file, READ_BYTES));
    let mut response = body.into_response();
    let headers = response.headers_mut();
    if let Some(etag) = etag {
        headers.insert(header::ETAG, etag);
    }
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert("x-original-content-length", length.clone());
    headers.insert(header::CONTENT_LENGTH, length);
    Ok(response)
}

fn unreadable(error: io::Error) -> ApiError {
    tracing::error!(%error, "cannot read the server's own executable");
    ApiError::internal()
}

#[utoipa::path(get, path = "/api/v2/init-script/{os}/{arch}",
    params(("os" = String, Path), ("arch" = String, Path)),
    responses((status = 200, body = String), (status = 404, body = ErrorResponse)))]
async fn script(
    State(state): State<AppState>,
    Params((os, arch)): Params<(String, String)>,
) -> ApiResult<Response> {
    let unknown = || ApiError::new(StatusCode::NOT_FOUND, format!("There is no agent for {os}/{arch}."));
    let script = init_script::agent_script(&os, &arch).ok_or_else(unknown)?;
    let text = init_script::render(&script, &state.deployment.access_url, "token");
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response())
}
