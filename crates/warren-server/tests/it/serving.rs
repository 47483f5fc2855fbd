use std::{path::PathBuf, time::Duration};

use reqwest::{Certificate, Client, Method, StatusCode, redirect::Policy};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::{EMAIL, TestServer, answer};

/// A certificate that nobody else has signed: the PEM text and the two files.
pub(crate) fn certificate(dir: &TempDir, name: &str) -> (String, PathBuf, PathBuf) {
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    let (cert, key) = (dir.path().join("own.crt"), dir.path().join("own.key"));
    std::fs::write(&cert, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    (made.cert.pem(), cert, key)
}

#[tokio::test]
async fn tls_is_served_beside_plain_http_which_leads_to_it() {
    let dir = tempfile::tempdir().unwrap();
    let (pem, cert, key) = certificate(&dir, "localhost");
    let server = TestServer::owned(|config| {
        // The client needs the plain listener to set the server up, so the redirect is tried on a second one below.
        config.http.tls.redirect_http = false;
        config.http.tls.enable = true;
        config.http.tls.address = "127.0.0.1:0".parse().unwrap();
        (config.http.tls.cert_files, config.http.tls.key_files) = (vec![cert.clone()], vec![key.clone()]);
    })
    .await;
    let port = server.server.tls_address().unwrap().port();
    assert_eq!(server.server.url().scheme(), "https");
    let client = Client::builder()
        .tls_certs_only([Certificate::from_pem(pem.as_bytes()).unwrap()])
        .redirect(Policy::none())
        .build()
        .unwrap();
    let request = client.get(format!("https://localhost:{port}/api/v2/users/me"));
    let response = request.header("Coder-Session-Token", &server.token).send().await.unwrap();
    let (status, body) = answer(response).await;
    assert_eq!((status, &body["email"]), (StatusCode::OK, &json!(EMAIL)));

    let redirecting = TestServer::empty_with(|config| {
        config.http.tls.enable = true;
        config.http.tls.address = "127.0.0.1:0".parse().unwrap();
        config.http.access_url = Some("https://warren.example".parse().unwrap());
        (config.http.tls.cert_files, config.http.tls.key_files) = (vec![cert], vec![key]);
    })
    .await;
    let plain = format!("http://{}/workspaces?filter=owner%3Ame", redirecting.server.address());
    let response = client.get(plain).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::TEMPORARY_REDIRECT);
    assert_eq!(response.headers()["location"], "https://warren.example/workspaces?filter=owner%3Ame");
}

#[tokio::test]
async fn an_upgraded_connection_is_counted_as_a_websocket_until_it_ends() {
    let server = TestServer::owned(|config| {
        config.telemetry.prometheus.enable = true;
        config.telemetry.prometheus.address = "127.0.0.1:0".parse().unwrap();
    })
    .await;
    let metrics = format!("http://{}/metrics", server.server.metrics_address().unwrap());
    let scrape = async || server.client.get(&metrics).send().await.unwrap().text().await.unwrap();
    let mut socket = TcpStream::connect(server.server.address()).await.unwrap();
    let request = format!(
        "GET /api/experimental/chats/watch HTTP/1.1\r\nHost: x\r\nCoder-Session-Token: {}\r\n\
         Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        server.token
    );
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut begin = [0; 12];
    socket.read_exact(&mut begin).await.unwrap();
    assert_eq!(&begin, b"HTTP/1.1 101");
    assert!(scrape().await.contains("coderd_api_concurrent_websockets 1\n"));
    drop(socket);
    let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
    while !scrape().await.contains("coderd_api_concurrent_websockets 0\n") {
        assert!(tokio::time::Instant::now() < deadline);
    }
    let text = scrape().await;
    let route = r#"code="101",method="GET",path="/api/experimental/chats/watch""#;
    assert!(text.contains(&format!("coderd_api_requests_processed_total{{{route}}} 1")), "{text}");
    for line in ["coderd_users{status=\"active\"} 1", "coderd_agents_up 0", "coderd_db_connections_open "] {
        assert!(text.contains(line), "{line} is missing in\n{text}");
    }
    assert!(text.ends_with("# EOF\n"));
}

#[tokio::test]
async fn passwords_may_be_tried_sixty_times_a_minute_and_owners_may_ask_to_pass_other_limits() {
    let server = TestServer::owned(|config| config.rate_limit.api_per_minute = 3).await;
    let wrong = json!({"email": EMAIL, "password": "wrong"});
    let login = async || {
        let request = server.request(Method::POST, "/api/v2/users/login");
        request.header("content-type", "application/json").body(wrong.to_string()).send().await.unwrap()
    };
    // The sign-in of the fixture was the first.
    for _ in 1..60 {
        assert_eq!(login().await.status(), StatusCode::UNAUTHORIZED);
    }
    let refused = login().await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    let header = |name: &str| refused.headers()[name].to_str().unwrap().parse::<u64>().unwrap();
    assert_eq!((header("x-ratelimit-limit"), header("x-ratelimit-remaining")), (60, 0));
    assert!((1..=60).contains(&header("retry-after")));
    assert!(header("x-ratelimit-reset") > 1_000_000_000);
    let body: Value = answer(refused).await.1;
    assert_eq!(body["message"], "You've been rate limited for sending more than 60 requests in 1m0s.");

    let me = async |bypass: bool| {
        let request = server.request(Method::GET, "/api/v2/users/me");
        let request = if bypass { request.header("X-Coder-Bypass-Ratelimit", "true") } else { request };
        request.send().await.unwrap().status()
    };
    for _ in 0..3 {
        assert_eq!(me(false).await, StatusCode::OK);
    }
    assert_eq!(me(false).await, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(me(true).await, StatusCode::OK);
    assert_eq!(server.get("/api/v2/organizations").await.0, StatusCode::OK, "paths are counted apart");
}

#[tokio::test]
async fn tokens_that_are_guessed_are_counted_by_address() {
    let mut server = TestServer::owned(|config| config.rate_limit.api_per_minute = 2).await;
    server.token = String::from("aaaaaaaaaa-bbbbbbbbbbbbbbbbbbbbbb");
    for _ in 0..2 {
        assert_eq!(server.get("/api/v2/users/me").await.0, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(server.get("/api/v2/users/me").await.0, StatusCode::TOO_MANY_REQUESTS);
}
