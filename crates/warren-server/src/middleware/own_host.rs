//! Sends browsers that came by another name on to the access URL, where their cookies and sign-in providers know them.

use axum::{
    extract::{Request, State},
    http::{StatusCode, Uri, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use url::Url;

use crate::{mesh, state::AppState};

/// Answered under every name: load balancers and the other servers ask by address.
const EVERYWHERE: &[&str] = &["/healthz", "/latency-check", mesh::PATH];

/// Redirects where the setting asks for it.
pub(crate) async fn redirect(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let http = &state.config.http;
    if http.redirect_to_access_url && !EVERYWHERE.contains(&request.uri().path()) {
        let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("");
        let access_url = &state.deployment.access_url;
        if !is_own(host, access_url, &http.wildcard_access_url) {
            return (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, target(access_url, request.uri()))])
                .into_response();
        }
    }
    next.run(request).await
}

fn is_own(host: &str, access_url: &Url, wildcard: &str) -> bool {
    let own = access_url.host_str().unwrap_or("");
    let with_port = access_url.port().map_or_else(|| own.to_owned(), |port| format!("{own}:{port}"));
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let suffix = wildcard.strip_prefix('*').unwrap_or(wildcard);
    let is_app = !suffix.is_empty() && (host.ends_with(suffix) || name.ends_with(suffix));
    host.eq_ignore_ascii_case(&with_port) || is_app
}

fn target(access_url: &Url, uri: &Uri) -> String {
    let mut target = access_url.clone();
    target.set_path(uri.path());
    target.set_query(uri.query());
    String::from(target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_access_url_and_the_hosts_of_applications_are_own() {
        let access_url = Url::parse("https://warren.example").unwrap();
        let own = |host: &str| is_own(host, &access_url, "*.apps.example");
        assert!(own("warren.example") && own("Warren.Example") && own("x.apps.example"));
        assert!(
            !own("10.0.0.1") && !own("") && !own("warren.example.evil.example") && !own("apps.example.evil")
        );
        let with_port = Url::parse("http://localhost:3000").unwrap();
        assert!(is_own("localhost:3000", &with_port, "") && !is_own("localhost", &with_port, ""));
        let uri: Uri = "/cli-auth?x=1".parse().unwrap();
        assert_eq!(target(&access_url, &uri), "https://warren.example/cli-auth?x=1");
    }
}
