//! The OpenAPI document of this server.

use std::sync::LazyLock;

use axum::{
    body::Bytes,
    http::header,
    response::{IntoResponse, Response},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::state::AppState;

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(document)).routes(routes!(swagger_document))
}

#[utoipa::path(get, path = "/api/v2/openapi.json", responses((status = 200, body = Object)))]
async fn document() -> Response {
    answer()
}

/// The same under the name that other tools look for.
#[utoipa::path(get, path = "/swagger/doc.json", responses((status = 200, body = Object)))]
async fn swagger_document() -> Response {
    answer()
}

fn answer() -> Response {
    static TEXT: LazyLock<Bytes> = LazyLock::new(|| {
        let text = crate::router::openapi().to_json().expect("the document is made of texts and lists");
        Bytes::from(text)
    });
    ([(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-cache")], TEXT.clone())
        .into_response()
}
