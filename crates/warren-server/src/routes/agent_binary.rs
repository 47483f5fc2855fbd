//! Hands out the server's own executable and the script that downloads it.

use std::{io, sync::OnceLock};

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use ring::digest;
use tokio::{fs::File, io::AsyncReadExt};
use tokio_util::io::ReaderStream;
use utoipa_axum::{router::OpenApiRouter, routes};
use warren_api::error::ErrorResponse;
use warren_app::agents::init_script;

use crate::{
    error::{ApiError, ApiResult},
    extract::Params,
    state::AppState,
};

/// The file stays readable here even when the program on disk was replaced.
const OWN_EXECUTABLE: &str = "/proc/self/exe";
const READ_BYTES: usize = 256 << 10;

/// ETag of the executable, which cannot change while this process runs.
static ETAG: OnceLock<String> = OnceLock::new();

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(binary)).routes(routes!(script))
}

#[utoipa::path(get, path = "/bin/{name}", params(("name" = String, Path)),
    responses((status = 200), (status = 304), (status = 404, body = ErrorResponse)))]
async fn binary(method: Method, headers: HeaderMap, Params(name): Params<String>) -> ApiResult<Response> {
    if name.replace('_', "-") != own_name() {
        let text = format!("This server has no {name}; it hands out {} only.", own_name());
        return Err(ApiError::new(StatusCode::NOT_FOUND, text));
    }
    let unreadable = |error: io::Error| {
        tracing::error!(%error, "cannot read the server's own executable");
        ApiError::internal()
    };
    let known = headers.get(header::IF_NONE_MATCH);
    // Hashing takes longer than reading; a workspace that just wants the file does not wait for it.
    let etag = match known.is_some() || method == Method::HEAD {
        true => Some(etag().await.map_err(unreadable)?),
        false => ETAG.get().cloned(),
    };
    let etag = etag.and_then(|etag| HeaderValue::from_str(&etag).ok());
    if let (Some(known), Some(etag)) = (known, &etag)
        && known == etag
    {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, etag.clone())]).into_response());
    }
    let file = File::open(OWN_EXECUTABLE).await.map_err(unreadable)?;
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

fn own_name() -> String {
    let arch = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "arm" => "armv7",
        other => other,
    };
    let os = if std::env::consts::OS == "macos" { "darwin" } else { std::env::consts::OS };
    format!("coder-{os}-{arch}")
}

/// SHA-1 in quotes, as clients of the compatible API expect; it is no security measure.
async fn etag() -> io::Result<String> {
    if let Some(etag) = ETAG.get() {
        return Ok(etag.clone());
    }
    let mut file = File::open(OWN_EXECUTABLE).await?;
    let mut hash = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
    let mut buffer = vec![0; READ_BYTES];
    loop {
        let n = file.read(&mut buffer).await?;
        if n == 0 {
            break;
        }
        hash.update(&buffer[..n]);
    }
    let hexadecimal: String = hash.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(ETAG.get_or_init(|| format!("\"{hexadecimal}\"")).clone())
}
