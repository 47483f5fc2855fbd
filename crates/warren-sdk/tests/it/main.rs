//! The client against a small server that answers as servers do, well and badly.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

use std::{net::SocketAddr, sync::Once};

use axum::{
    Json, Router,
    extract::ws::{CloseFrame, Message, WebSocketUpgrade},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::json;
use tokio::net::TcpListener;
use url::Url;
use warren_rt::Tasks;
use warren_sdk::{ChatPlace, Client, SdkError};
use warren_vocab::{BuildId, ChatId};

struct TestServer {
    client: Client,
    _tasks: Tasks,
}

async fn serve(router: Router) -> TestServer {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = client(listener.local_addr().unwrap());
    let tasks = Tasks::new();
    tasks.spawn("test server", async move { axum::serve(listener, router).await });
    TestServer { client, _tasks: tasks }
}

fn client(address: SocketAddr) -> Client {
    static TLS: Once = Once::new();
    TLS.call_once(|| {
        // Another test binary in the same process may have done it.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
    Client::new(Url::parse(&format!("http://{address}")).unwrap()).with_token("secret")
}

fn error(status: StatusCode, message: &str) -> Response {
    let body = json!({
        "message": message,
        "validations": [{"field": "name", "detail": "is taken"}],
    });
    (status, Json(body)).into_response()
}

#[tokio::test]
async fn a_refusal_carries_the_servers_words_and_fields() {
    let router = Router::new()
        .route("/api/v2/organizations", get(async || error(StatusCode::CONFLICT, "Pick another name.")));
    let server = serve(router).await;
    let failure = server.client.organizations().await.unwrap_err();
    assert_eq!(failure.status(), Some(409));
    assert_eq!(failure.validations()[0].field, "name");
    assert_eq!(failure.to_string(), "Pick another name. (name: is taken)");
    assert!(!failure.is_transient());
}

#[tokio::test]
async fn the_token_goes_with_every_request() {
    let router = Router::new().route(
        "/api/v2/organizations",
        get(async |headers: HeaderMap| {
            if headers.get("Coder-Session-Token").is_some_and(|token| token == "secret") {
                Json(json!([])).into_response()
            } else {
                error(StatusCode::UNAUTHORIZED, "Who are you?")
            }
        }),
    );
    let server = serve(router).await;
    assert!(server.client.organizations().await.unwrap().is_empty());
}

#[tokio::test]
async fn another_program_at_the_address_is_recognized() {
    let router = Router::new().route("/api/v2/organizations", get(async || "<html>hello</html>"));
    let server = serve(router).await;
    let failure = server.client.organizations().await.unwrap_err();
    assert!(matches!(failure, SdkError::Unexpected { .. }), "{failure:?}");
    assert!(failure.to_string().contains("is it a Warren server"));
}

#[tokio::test]
async fn an_unreachable_server_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let failure = client(address).organizations().await.unwrap_err();
    assert!(matches!(failure, SdkError::Unreachable { .. }), "{failure:?}");
    assert!(failure.is_transient());
    assert!(failure.to_string().contains(&address.to_string()), "{failure}");
}

#[tokio::test]
async fn a_fresh_server_has_no_first_user() {
    let router =
        Router::new().route("/api/v2/users/first", get(async || error(StatusCode::NOT_FOUND, "Nobody yet.")));
    assert!(!serve(router).await.client.has_first_user().await.unwrap());
    let router = Router::new().route("/api/v2/users/first", get(async || Json(json!({"message": "Yes."}))));
    assert!(serve(router).await.client.has_first_user().await.unwrap());
}

fn log_socket(code: u16) -> Router {
    let handler = async move |upgrade: WebSocketUpgrade| {
        upgrade.on_upgrade(async move |mut socket| {
            for id in [7, 8] {
                let line = json!({
                    "id": id, "created_at": "2026-01-01T00:00:00Z", "log_source": "provisioner",
                    "log_level": "info", "stage": "Plan", "output": "",
                });
                socket.send(Message::Text(line.to_string().into())).await.unwrap();
            }
            let close = CloseFrame { code, reason: "bye".into() };
            socket.send(Message::Close(Some(close))).await.unwrap();
        })
    };
    Router::new().route("/api/v2/workspacebuilds/{id}/logs", get(handler))
}

#[tokio::test]
async fn a_followed_log_ends_when_the_server_closes_it_in_order() {
    let server = serve(log_socket(1000)).await;
    let mut frames = server.client.follow_workspace_build_logs(BuildId::new(), None).await.unwrap();
    assert_eq!(frames.next().await.unwrap().unwrap().id.get(), 7);
    assert_eq!(frames.next().await.unwrap().unwrap().id.get(), 8);
    assert!(frames.next().await.is_none());
}

#[tokio::test]
async fn a_log_that_breaks_off_is_worth_another_attempt() {
    let server = serve(log_socket(1011)).await;
    let mut frames = server.client.follow_workspace_build_logs(BuildId::new(), None).await.unwrap();
    frames.next().await.unwrap().unwrap();
    frames.next().await.unwrap().unwrap();
    let failure = frames.next().await.unwrap().err().unwrap();
    assert!(failure.is_transient());
    assert!(failure.to_string().contains("bye (code 1011)"), "{failure}");
}

#[tokio::test]
async fn a_socket_is_refused_in_the_servers_words() {
    let router = Router::new().route(
        "/api/experimental/chats/{id}/stream",
        get(async || error(StatusCode::NOT_FOUND, "There is no such chat.")),
    );
    let server = serve(router).await;
    let failure = server.client.follow_chat(ChatId::new(), &ChatPlace::default()).await.err().unwrap();
    assert_eq!(failure.status(), Some(404));
    assert!(failure.to_string().starts_with("There is no such chat."), "{failure}");
}
