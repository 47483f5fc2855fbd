//! Chats over HTTP and WebSocket, against a scripted model.

use std::time::Duration;

use futures::StreamExt;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{Message, client::IntoClientRequest};
use warren_dev_model::{Script, ScriptedModel};

use crate::support::TestServer;

mod bad_input;
mod home;
mod listing;
mod making;
mod patching;
mod sending;
mod settings;
mod spending;
mod titles;
mod waiting;
mod watching;

pub(crate) const CHATS: &str = "/api/experimental/chats";
const DEADLINE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_chat_is_created_streamed_and_read_back() {
    let server = TestServer::with_owner().await;
    let model = with_model(&server, &json!({ "turns": [
        { "when": { "user": "hello" }, "steps": [{ "text": "Hel" }, { "barrier": "gate" }, { "text": "lo." }] },
    ] }))
    .await;
    let chat = create(&server, "hello").await;
    let path = format!("{CHATS}/{}", chat["id"].as_str().unwrap());
    assert_eq!((&chat["status"], &chat["title"]), (&json!("running"), &json!("hello")));
    for (field, value) in [
        ("mcp_server_ids", json!([])),
        ("labels", json!({})),
        ("children", json!([])),
        ("last_turn_summary", Value::Null),
    ] {
        assert_eq!(chat.get(field), Some(&value), "{field} is always there");
    }

    let mut stream = Stream::open(&server, &format!("{path}/stream?after_id=0")).await;
    let parts = stream.until(|event| event["type"] == "message_part").await;
    let part = &parts.last().unwrap()["message_part"];
    assert_eq!(part["part"], json!({ "type": "text", "text": "Hel" }));
    assert_eq!((part["role"].as_str(), part["seq"].as_i64()), (Some("assistant"), Some(1)));
    assert!(part["history_version"].is_i64() && part["generation_attempt"].is_i64());

    let (status, queued) = server.post(&format!("{path}/messages"), json!({ "content": text("next") })).await;
    assert_eq!((status, &queued["queued"]), (StatusCode::OK, &json!(true)));
    let queue = stream.until(|event| event["type"] == "queue_update").await;
    assert_eq!(queue.last().unwrap()["queued_messages"][0]["id"], queued["queued_message"]["id"]);
    let queued_path = format!("{path}/queue/{}", queued["queued_message"]["id"]);
    assert_eq!(server.send(Method::DELETE, &queued_path, json!({})).await.0, StatusCode::NO_CONTENT);
    assert_eq!(server.send(Method::DELETE, &queued_path, json!({})).await.0, StatusCode::CONFLICT);

    model.release("gate");
    let events = stream.until(|event| event["status"]["status"] == "waiting").await;
    let answer = events.iter().find(|event| event["message"]["role"] == "assistant").unwrap();
    assert_eq!(answer["message"]["content"], json!([{ "type": "text", "text": "Hello." }]));

    let (_, messages) = server.get(&format!("{path}/messages")).await;
    let roles: Vec<_> =
        messages["messages"].as_array().unwrap().iter().map(|one| one["role"].clone()).collect();
    assert_eq!(roles, ["assistant", "user"], "newest first, without system messages");
    assert_eq!((&messages["queued_messages"], &messages["has_more"]), (&json!([]), &json!(false)));
    let (_, list) = server.get(CHATS).await;
    assert_eq!(list[0]["id"], chat["id"]);
}

#[tokio::test]
async fn a_chat_is_renamed_archived_and_brought_back() {
    let server = TestServer::with_owner().await;
    let _model = with_model(&server, &json!({ "turns": [{ "steps": [{ "text": "Hi." }] }] })).await;
    let mut watch = Stream::open(&server, &format!("{CHATS}/watch")).await;
    let chat = create(&server, "hello").await;
    assert_eq!(watch.frame().await["kind"], "created");
    let path = format!("{CHATS}/{}", chat["id"].as_str().unwrap());
    let mut stream = Stream::open(&server, &format!("{path}/stream")).await;
    stream.until(|event| event["status"]["status"] == "waiting").await;

    let patch = async |body: Value| server.send(Method::PATCH, &path, body).await.0;
    assert_eq!(patch(json!({ "title": "A better title" })).await, StatusCode::NO_CONTENT);
    assert_eq!(patch(json!({ "title": "" })).await, StatusCode::BAD_REQUEST);
    assert_eq!(patch(json!({ "archived": true })).await, StatusCode::NO_CONTENT);
    assert_eq!(patch(json!({ "archived": true })).await, StatusCode::BAD_REQUEST);
    let (status, _) = server.post(&format!("{path}/messages"), json!({ "content": text("more") })).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(server.get(CHATS).await.1, json!([]));
    let (_, archived) = server.get(&format!("{CHATS}?q=archived:true")).await;
    assert_eq!(archived[0]["title"], "A better title");
    assert_eq!(patch(json!({ "archived": false })).await, StatusCode::NO_CONTENT);
    let (status, _) = server.post(&format!("{path}/interrupt"), json!({})).await;
    assert_eq!(status, StatusCode::CONFLICT, "nothing runs");
}

#[tokio::test]
async fn wrong_requests_say_what_is_wrong() {
    let server = TestServer::with_owner().await;
    let (status, body) = server
        .post(CHATS, json!({ "organization_id": organization(&server).await, "content": text("hello") }))
        .await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(body["message"].as_str().unwrap().contains("No default model"), "{body}");

    let unknown = "00000000-0000-4000-8000-000000000001";
    for path in [format!("{CHATS}/{unknown}"), format!("{CHATS}/{unknown}/messages")] {
        assert_eq!(server.get(&path).await.0, StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(server.get(&format!("{CHATS}?q=nonsense")).await.0, StatusCode::BAD_REQUEST);
    let provider = json!({ "type": "openai-compat", "name": "x", "base_url": "ftp://x" });
    let (status, body) = server.post("/api/v2/ai/providers", provider).await;
    assert_eq!((status, &body["validations"][0]["field"]), (StatusCode::BAD_REQUEST, &json!("base_url")));
}

#[tokio::test]
async fn keys_of_providers_are_never_shown() {
    let server = TestServer::with_owner().await;
    let provider = json!({
        "type": "openai-compat", "name": "local", "base_url": "http://127.0.0.1:1/v1",
        "api_keys": ["sk-very-secret-key-0123"],
    });
    let (status, made) = server.post("/api/v2/ai/providers", provider.clone()).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    assert_eq!(made["api_keys"][0]["masked"], "sk-v...0123");
    assert!(!made.to_string().contains("secret"));
    assert_eq!(server.post("/api/v2/ai/providers", provider).await.0, StatusCode::CONFLICT);
    let (_, found) = server.get("/api/v2/ai/providers/local").await;
    assert_eq!(found["id"], made["id"]);
    let gone = server.send(Method::DELETE, "/api/v2/ai/providers/local", json!({})).await.0;
    assert_eq!(gone, StatusCode::NO_CONTENT);
    assert_eq!(server.get("/api/v2/ai/providers/local").await.0, StatusCode::NOT_FOUND);
}

pub(crate) async fn with_model(server: &TestServer, script: &Value) -> ScriptedModel {
    let script = Script::parse(&script.to_string()).unwrap();
    let model = ScriptedModel::start(script, "127.0.0.1:0".parse().unwrap()).await.unwrap();
    let provider = json!({ "type": "openai-compat", "name": "local", "base_url": model.base_url() });
    let (status, provider) = server.post("/api/v2/ai/providers", provider).await;
    assert_eq!(status, StatusCode::CREATED, "{provider}");
    let config = json!({ "ai_provider_id": provider["id"], "model": "scripted" });
    let (status, config) = server.post(&format!("{CHATS}/model-configs"), config).await;
    assert_eq!((status, &config["is_default"]), (StatusCode::CREATED, &json!(true)), "{config}");
    model
}

pub(crate) async fn create(server: &TestServer, message: &str) -> Value {
    let request = json!({ "organization_id": organization(server).await, "content": text(message) });
    let (status, chat) = server.post(CHATS, request).await;
    assert_eq!(status, StatusCode::CREATED, "{chat}");
    chat
}

pub(crate) async fn organization(server: &TestServer) -> Value {
    server.get("/api/v2/organizations").await.1[0]["id"].clone()
}

fn text(message: &str) -> Value {
    json!([{ "type": "text", "text": message }])
}

/// A WebSocket whose frames are JSON.
struct Stream {
    socket: tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>,
}

impl Stream {
    async fn open(server: &TestServer, path: &str) -> Self {
        Self::open_as(server, &server.token, path).await
    }

    async fn open_as(server: &TestServer, token: &str, path: &str) -> Self {
        let url = format!("ws://{}{path}", server.server.address());
        let mut request = url.into_client_request().unwrap();
        request.headers_mut().insert("Coder-Session-Token", token.parse().unwrap());
        let (socket, _) = tokio_tungstenite::connect_async(request).await.unwrap();
        Self { socket }
    }

    async fn frame(&mut self) -> Value {
        loop {
            let message = tokio::time::timeout(DEADLINE, self.socket.next()).await;
            match message.expect("a frame comes in time").expect("the stream goes on").unwrap() {
                Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("unexpected {other:?}"),
            }
        }
    }

    /// Reads frames, bare arrays of events, up to the first event that fits.
    async fn until(&mut self, fits: impl Fn(&Value) -> bool) -> Vec<Value> {
        let mut events = Vec::new();
        loop {
            let frame = self.frame().await;
            events.extend(frame.as_array().expect("a frame is an array of events").clone());
            if let Some(place) = events.iter().position(&fits) {
                events.truncate(place + 1);
                return events;
            }
        }
    }
}
