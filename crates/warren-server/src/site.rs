//! The dashboard's files, embedded in the binary.

use axum::{
    body::Body,
    http::{HeaderValue, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use rust_embed::{EmbeddedFile, RustEmbed};

use crate::error::ApiError;

/// The dashboard as it was when this binary was built; empty when it had not been built.
#[derive(RustEmbed)]
#[folder = "../../site/dist"]
#[allow_missing = true]
struct Files;

const INDEX: &str = "index.html";
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; \
    font-src 'self' data:; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'";
const NOT_BUILT: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Warren</title>\
    <h1>The dashboard is not built</h1><p>This server was built without it. Run <code>cargo xtask run</code>, which builds \
    the dashboard first. The API and the command line work without it.</p></html>";

/// Answers every path that no route has: a file, the dashboard's page for its own paths, or JSON 404 under `/api`.
pub(crate) async fn fallback(method: Method, uri: Uri) -> Response {
    let path = uri.path();
    if is_api(path) {
        return ApiError::no_route().into_response();
    }
    if method != Method::GET && method != Method::HEAD {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    let name = path.trim_start_matches('/');
    match Files::get(name) {
        Some(file) if name != INDEX => asset(name, file),
        Some(_) | None if is_asset(path) => StatusCode::NOT_FOUND.into_response(),
        Some(_) | None => page(),
    }
}

fn is_api(path: &str) -> bool {
    path == "/api" || path.starts_with("/api/") || path.starts_with("/bin/")
}

/// Paths that only name files: the dashboard's page must not stand in for a missing script.
fn is_asset(path: &str) -> bool {
    path.starts_with("/assets/")
}

fn asset(name: &str, file: EmbeddedFile) -> Response {
    let caching =
        if name.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    respond(file.metadata.mimetype(), caching, Body::from(file.data))
}

fn page() -> Response {
    match Files::get(INDEX) {
        Some(file) => respond("text/html; charset=utf-8", "no-cache", Body::from(file.data)),
        None => respond("text/html; charset=utf-8", "no-store", Body::from(NOT_BUILT)),
    }
}

fn respond(content_type: &str, caching: &'static str, body: Body) -> Response {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    let content_type = HeaderValue::from_str(content_type);
    headers.insert(
        header::CONTENT_TYPE,
        content_type.unwrap_or(HeaderValue::from_static("application/octet-stream")),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_SECURITY_POLICY));
    response
}
