//! What every request passes: ids, headers, compression, methods.

use reqwest::{Method, Response, StatusCode};
use serde_json::json;

use crate::support::TestServer;

async fn get(server: &TestServer, path: &str, headers: &[(&str, &str)]) -> Response {
    // A client that unpacks would hide how the answer was sent.
    let client = reqwest::Client::builder().no_gzip().no_brotli().build().unwrap();
    let mut request = client.get(format!("http://{}{path}", server.server.address()));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.unwrap()
}

fn text<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

#[tokio::test]
async fn requests_have_ids_of_the_servers_making() {
    let server = TestServer::empty().await;
    let first = get(&server, "/healthz", &[("X-Request-Id", "forged")]).await;
    let second = get(&server, "/api/v2/nothing", &[]).await;
    let ids = [text(&first, "x-request-id"), text(&second, "x-request-id")];
    assert!(ids.iter().all(|id| id.len() == 36) && ids[0] != ids[1], "{ids:?}");
    assert_eq!(text(&second, "content-type"), "application/json; charset=utf-8");
}

#[tokio::test]
async fn pages_have_a_policy_and_only_pages_for_editors_may_be_framed() {
    let server = TestServer::empty_with(|config| {
        config.http.additional_csp = vec![String::from("img-src https://img.example")];
        config.http.hsts.max_age = 31_536_000;
        config.http.hsts.options = vec![String::from("includeSubDomains")];
    })
    .await;
    let page = get(&server, "/workspaces", &[]).await;
    let policy = text(&page, "content-security-policy");
    let host = server.server.address();
    assert!(policy.contains(&format!("connect-src 'self' ws://{host} wss://{host}")), "{policy}");
    assert!(policy.contains("https://img.example") && policy.contains("frame-ancestors 'none'"), "{policy}");
    assert_eq!(text(&page, "x-frame-options"), "DENY");
    assert_eq!(text(&page, "strict-transport-security"), "max-age=31536000; includeSubDomains");
    assert_eq!(text(&page, "referrer-policy"), "no-referrer");
    let embed = get(&server, "/agents/3f2a7bd0-0000-4000-8000-000000000001/embed", &[]).await;
    assert_eq!(text(&embed, "x-frame-options"), "");
    assert!(!text(&embed, "content-security-policy").contains("frame-ancestors"));
}

#[tokio::test]
async fn long_texts_are_compressed_and_executables_are_not() {
    let server = TestServer::empty().await;
    let document = "/api/v2/openapi.json";
    let compressed = get(&server, document, &[("Accept-Encoding", "gzip")]).await;
    assert_eq!(text(&compressed, "content-encoding"), "gzip");
    assert_eq!(text(&get(&server, document, &[("Accept-Encoding", "br")]).await, "content-encoding"), "br");
    let plain = get(&server, document, &[]).await;
    assert_eq!(text(&plain, "content-encoding"), "");
    let size = plain.bytes().await.unwrap().len();
    assert!(compressed.bytes().await.unwrap().len() < size / 2);
    let short = get(&server, "/api/v2/buildinfo", &[("Accept-Encoding", "gzip")]).await;
    assert_eq!(text(&short, "content-encoding"), "", "a short answer fits into one packet");
    let name = format!("/bin/coder-linux-{}", if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" });
    let binary = get(&server, &name, &[("Accept-Encoding", "gzip, br")]).await;
    assert_eq!((binary.status(), text(&binary, "content-encoding")), (StatusCode::OK, ""));
    assert_eq!(text(&binary, "x-original-content-length"), text(&binary, "content-length"));
}

#[tokio::test]
async fn a_wrong_method_of_a_known_path_is_405_without_a_body() {
    let server = TestServer::empty().await;
    for (method, path) in [(Method::DELETE, "/api/v2/buildinfo"), (Method::OPTIONS, "/api/v2/users/login")] {
        let response = server.request(method, path).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(response.text().await.unwrap(), "");
    }
    let wrong = server.send(Method::POST, "/api/v2/nothing", json!({})).await;
    assert_eq!(wrong, (StatusCode::NOT_FOUND, json!({"message": "Route not found."})));
}

#[tokio::test]
async fn the_body_limit_is_a_setting() {
    let server = TestServer::empty_with(|config| config.http.max_body_bytes = 100).await;
    let login = async |n_letters: usize| {
        let request = server.request(Method::POST, "/api/v2/users/login").body("x".repeat(n_letters));
        request.send().await.unwrap().status()
    };
    assert_eq!(login(100).await, StatusCode::BAD_REQUEST);
    assert_eq!(login(101).await, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn visitors_under_another_name_are_sent_to_the_access_url_when_asked_for() {
    let server = TestServer::empty_with(|config| {
        config.http.redirect_to_access_url = true;
        config.http.access_url = Some("https://warren.example".parse().unwrap());
    })
    .await;
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let url = format!("http://{}/login?redirect=x", server.server.address());
    let response = client.get(&url).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::TEMPORARY_REDIRECT);
    assert_eq!(text(&response, "location"), "https://warren.example/login?redirect=x");
    let own = client.get(&url).header("Host", "warren.example").send().await.unwrap();
    assert_eq!(own.status(), StatusCode::OK);
    assert_eq!(get(&server, "/healthz", &[]).await.status(), StatusCode::OK);
}
