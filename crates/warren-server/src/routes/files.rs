//! Uploads and downloads.

use axum::{
    Json,
    extract::{DefaultBodyLimit, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use utoipa_axum::{
    router::{OpenApiRouter, UtoipaMethodRouterExt},
    routes,
};
use warren_api::{
    error::ErrorResponse,
    files::{UPLOAD_BYTES_MAX, UploadResponse},
};
use warren_vocab::FileId;

use crate::{
    auth::Caller,
    error::{ApiError, ApiResult},
    extract::{Params, RawBody},
    state::AppState,
};

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(upload).layer(DefaultBodyLimit::max(UPLOAD_BYTES_MAX)))
        .routes(routes!(download))
}

#[utoipa::path(post, path = "/api/v2/files", request_body(content = Vec<u8>, content_type = "application/x-tar"),
    responses((status = 201, body = UploadResponse), (status = 200, body = UploadResponse),
        (status = 400, body = ErrorResponse)))]
async fn upload(
    State(state): State<AppState>,
    caller: Caller,
    headers: HeaderMap,
    RawBody(data): RawBody,
) -> ApiResult<(StatusCode, Json<UploadResponse>)> {
    let mimetype =
        headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (hash, new) = state.app.upload_file(caller.actor(), mimetype, data).await?;
    let status = if new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(UploadResponse { hash })))
}

#[utoipa::path(get, path = "/api/v2/files/{file}", params(("file" = FileId, Path)),
    responses((status = 200, body = Vec<u8>, content_type = "application/x-tar"), (status = 404, body = ErrorResponse)))]
async fn download(
    State(state): State<AppState>,
    caller: Caller,
    Params(file): Params<FileId>,
) -> ApiResult<Response> {
    let file = state.app.download_file(caller.actor(), file).await?;
    let mimetype = header::HeaderValue::from_str(&file.mimetype).map_err(|_| ApiError::internal())?;
    Ok(([(header::CONTENT_TYPE, mimetype)], file.data).into_response())
}
