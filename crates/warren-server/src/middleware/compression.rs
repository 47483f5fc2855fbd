//! Which answers are compressed: text of a certain size. Never event streams, WebSockets, ranges and executables, whose
//! sizes and order of arrival clients look at.

use axum::{
    body::HttpBody,
    http::{HeaderMap, header},
};
use tower_http::compression::{CompressionLayer, Predicate};

/// Shorter answers fit into one packet anyway, in bytes.
const SIZE_MIN: u64 = 1024;
/// Types that shrink.
const TYPES: &[&str] = &[
    "application/json",
    "application/javascript",
    "application/manifest+json",
    "image/svg+xml",
    "text/css",
    "text/html",
    "text/javascript",
    "text/plain",
];

/// The layer.
pub(crate) fn layer() -> CompressionLayer<Text> {
    CompressionLayer::new().compress_when(Text)
}

/// Chooses text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Text;

impl Predicate for Text {
    fn should_compress<B: HttpBody>(&self, response: &axum::http::Response<B>) -> bool {
        is_text(response.headers())
            && !response.headers().contains_key(header::CONTENT_RANGE)
            && response.body().size_hint().exact().is_none_or(|size| size >= SIZE_MIN)
    }
}

fn is_text(headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let essence = content_type.split(';').next().unwrap_or("").trim();
    TYPES.contains(&essence)
}
