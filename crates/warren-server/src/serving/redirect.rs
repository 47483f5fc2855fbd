//! What the plain listener answers when everyone shall come by TLS.

use std::convert::Infallible;

use axum::{
    Router,
    extract::Request,
    http::{StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use tower::service_fn;
use url::Url;

/// A service that sends every request to the same path under `base`, with its method and body.
pub(crate) fn to_https(base: Url) -> Router {
    Router::new().fallback_service(service_fn(move |request: Request| {
        let response = redirect(&base, request.uri());
        async move { Ok::<_, Infallible>(response) }
    }))
}

/// The URL under which the TLS listener is reached: the access URL, or the host of the access URL with the listener's port.
pub(crate) fn base(access_url: &Url, tls_port: u16) -> Url {
    let mut base = access_url.clone();
    if base.scheme() != "https" && base.set_scheme("https").is_ok() {
        // An https URL takes a port.
        let _ = base.set_port(Some(tls_port));
    }
    base
}

fn redirect(base: &Url, uri: &Uri) -> Response {
    let mut target = base.clone();
    target.set_path(uri.path());
    target.set_query(uri.query());
    (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, String::from(target))]).into_response()
}
