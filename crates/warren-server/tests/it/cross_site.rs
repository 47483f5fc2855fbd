//! Requests that another site's page makes with a visitor's cookie.

use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::json;

use crate::support::{EMAIL, PASSWORD, TestServer, answer};

const EVIL: &str = "https://evil.example";

fn with_cookie(server: &TestServer, method: Method, path: &str) -> RequestBuilder {
    let url = format!("http://{}{path}", server.server.address());
    server.client.request(method, url).header("Cookie", format!("coder_session_token={}", server.token))
}

async fn sent(request: RequestBuilder) -> (StatusCode, serde_json::Value) {
    answer(request.send().await.unwrap()).await
}

#[tokio::test]
async fn a_post_from_another_site_with_the_cookie_changes_nothing() {
    let server = TestServer::with_owner().await;
    for header in [("Origin", EVIL), ("Sec-Fetch-Site", "cross-site"), ("Origin", "null")] {
        let logout = with_cookie(&server, Method::POST, "/api/v2/users/logout").header(header.0, header.1);
        let (status, body) = sent(logout).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{header:?}: {body}");
        assert!(body["message"].as_str().unwrap().contains("another site"), "{body}");
    }
    assert_eq!(server.get("/api/v2/users/me").await.0, StatusCode::OK, "the session lives");
    let socket = with_cookie(&server, Method::GET, "/api/experimental/chats/watch")
        .header("Origin", EVIL)
        .header("Connection", "Upgrade")
        .header("Upgrade", "websocket")
        .header("Sec-WebSocket-Version", "13")
        .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
    assert_eq!(sent(socket).await.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn requests_that_no_foreign_page_can_make_are_let_through() {
    let server = TestServer::with_owner().await;
    let appearance = json!({"application_name": "Ours"}).to_string();
    let put =
        |path: &str| with_cookie(&server, Method::PUT, path).header("Origin", EVIL).body(appearance.clone());
    let path = "/api/v2/appearance";
    let token = server.token.clone();
    assert_eq!(sent(put(path)).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(sent(put(path).header("Coder-Session-Token", &token)).await.0, StatusCode::OK);
    assert_eq!(sent(put(path).header("Authorization", "Bearer any")).await.0, StatusCode::OK);
    assert_eq!(sent(put(&format!("{path}?coder_session_token={token}"))).await.0, StatusCode::OK);
    let own = format!("http://{}", server.server.address());
    let from_dashboard = with_cookie(&server, Method::PUT, path).header("Origin", own);
    assert_eq!(sent(from_dashboard.body(appearance.clone())).await.0, StatusCode::OK);
    let program = with_cookie(&server, Method::PUT, path).body(appearance.clone());
    assert_eq!(sent(program).await.0, StatusCode::OK, "programs send neither header");
    let read = with_cookie(&server, Method::GET, "/api/v2/users/me").header("Origin", EVIL);
    let response = read.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK, "reading is harmless, as the page does not see the answer");
    assert!(!response.headers().contains_key("access-control-allow-origin"));
}

#[tokio::test]
async fn no_page_of_another_site_sets_the_server_up_or_signs_its_visitor_in() {
    let server = TestServer::empty().await;
    let first = json!({"email": EMAIL, "username": "ada", "name": "", "password": PASSWORD, "trial": false});
    let url = format!("http://{}/api/v2/users/first", server.server.address());
    let request = server.client.post(&url).header("Origin", EVIL).body(first.to_string());
    assert_eq!(sent(request).await.0, StatusCode::BAD_REQUEST);
    let request = server.client.post(url).body(first.to_string());
    assert_eq!(sent(request).await.0, StatusCode::CREATED, "programs name no site");
    let login = json!({"email": EMAIL, "password": PASSWORD}).to_string();
    let url = format!("http://{}/api/v2/users/login", server.server.address());
    let request = server.client.post(&url).header("Sec-Fetch-Site", "cross-site").body(login.clone());
    assert_eq!(sent(request).await.0, StatusCode::BAD_REQUEST, "nobody is signed in by a foreign page");
    let agent = format!("http://{}/api/v2/workspaceagents/me/rpc", server.server.address());
    let agent = server.client.get(agent).header("Origin", EVIL).header("Coder-Session-Token", uuid());
    assert_eq!(sent(agent).await.0, StatusCode::UNAUTHORIZED);
}

fn uuid() -> &'static str {
    "3f2a7bd0-0000-4000-8000-000000000001"
}
