//! The dashboard's files, embedded in the binary.

use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use rust_embed::{EmbeddedFile, RustEmbed};

use crate::{error::ApiError, state::AppState};

/// The dashboard as it was when this binary was built; empty when it had not been built.
#[derive(RustEmbed)]
#[folder = "../../site/dist"]
#[allow_missing = true]
struct Files;

const INDEX: &str = "index.html";
const NOT_BUILT: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Warren</title>\
    <h1>The dashboard is not built</h1><p>This server was built without it. Run <code>cargo xtask run</code>, which builds \
    the dashboard first. The API and the command line work without it.</p></html>";

/// Answers every path that no route has: a file, the dashboard's page for its own paths, or JSON 404 under `/api`.
pub(crate) async fn fallback(State(state): State<AppState>, request: Request) -> Response {
    let (method, path) = (request.method(), request.uri().path());
    if is_api(path) {
        return ApiError::no_route().into_response();
    }
    if method != Method::GET && method != Method::HEAD {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    let name = path.trim_start_matches('/');
    match Files::get(name) {
        Some(file) if name != INDEX => asset(name, file, request.headers()),
        Some(_) | None if is_asset(path) => StatusCode::NOT_FOUND.into_response(),
        Some(_) | None => {
            let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
            let policy = state.frame.csp.header(host, may_be_framed(path));
            let mut response = page(request.headers());
            response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
            response
        }
    }
}

/// Whether other pages, such as an editor's web view, may show the page of a path in a frame.
pub(crate) fn may_be_framed(path: &str) -> bool {
    path.strip_prefix("/agents/").is_some_and(|rest| rest.trim_end_matches('/').ends_with("/embed"))
}

fn is_api(path: &str) -> bool {
    path == "/api" || path.starts_with("/api/") || path.starts_with("/bin/")
}

/// Paths that only name files: the dashboard's page must not stand in for a missing script.
fn is_asset(path: &str) -> bool {
    path.starts_with("/assets/")
}

fn asset(name: &str, file: EmbeddedFile, asked: &HeaderMap) -> Response {
    let caching =
        if name.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    let content_type = file.metadata.mimetype().to_owned();
    respond(&content_type, caching, file, asked)
}

fn page(asked: &HeaderMap) -> Response {
    match Files::get(INDEX) {
        Some(file) => respond("text/html; charset=utf-8", "no-cache", file, asked),
        None => {
            let headers =
                [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
            (headers, NOT_BUILT).into_response()
        }
    }
}

fn respond(content_type: &str, caching: &'static str, file: EmbeddedFile, asked: &HeaderMap) -> Response {
    let etag = etag(&file);
    let is_known = asked.get_all(header::IF_NONE_MATCH).iter().any(|value| is_listed(value, &etag));
    let mut response = if is_known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let mut response = Response::new(Body::from(file.data));
        let content_type = HeaderValue::from_str(content_type);
        response.headers_mut().insert(
            header::CONTENT_TYPE,
            content_type.unwrap_or(HeaderValue::from_static("application/octet-stream")),
        );
        response
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        headers.insert(header::ETAG, etag);
    }
    response
}

/// Weak, because the same file may go out compressed or not.
fn etag(file: &EmbeddedFile) -> String {
    let digits: String =
        file.metadata.sha256_hash().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("W/\"{digits}\"")
}

fn is_listed(value: &HeaderValue, etag: &str) -> bool {
    value.to_str().is_ok_and(|list| list.split(',').any(|one| one.trim() == etag))
}
