//! What the plain listener answers when everyone shall come by TLS.

use std::convert::Infallible;

use axum::{
    Router,
    extract::Request,
    http::{StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use tower::{Service, service_fn};
use url::Url;

/// A service that sends every request to the same path under `base`, with its method and body. Only one path is answered
/// by `service` all the same.
pub(crate) fn to_https<S>(base: Url, except: &str, service: S) -> Router
where
    S: Service<Request, Response = Response, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send,
{
    let redirecting = service_fn(move |request: Request| {
        let response = redirect(&base, request.uri());
        async move { Ok::<_, Infallible>(response) }
    });
    Router::new().route_service(except, service).fallback_service(redirecting)
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

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use tower::ServiceExt;

    use super::*;

    #[tokio::test]
    async fn everything_but_one_path_is_sent_on() {
        let base = Url::parse("https://warren.example").unwrap();
        let served = service_fn(async |_: Request| Ok::<_, Infallible>(StatusCode::OK.into_response()));
        let router = to_https(base, "/servers/mesh", served);
        let ask = async |target: &str| {
            let request = Request::builder().uri(target).body(Body::empty()).unwrap();
            let response = router.clone().oneshot(request).await.unwrap();
            let location = response.headers().get(header::LOCATION);
            (response.status(), location.map(|location| location.to_str().unwrap().to_owned()))
        };
        for target in ["/servers/mesh", "/servers/mesh?x=1"] {
            assert_eq!(ask(target).await, (StatusCode::OK, None));
        }
        for target in
            ["/", "/servers", "/servers/mesh/", "/servers/mesh/more", "/servers/mesh%2F", "/Servers/mesh"]
        {
            let location = Some(format!("https://warren.example{target}"));
            assert_eq!(ask(target).await, (StatusCode::TEMPORARY_REDIRECT, location));
        }
    }
}
