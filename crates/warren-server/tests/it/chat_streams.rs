//! Live streams over real connections: framings, exact resume, rules for viewers, and the end with their rights.

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use rand::{Rng, SeedableRng, rngs::StdRng};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{
    self, Message, client::IntoClientRequest, protocol::frame::coding::CloseCode,
};

use crate::{
    chats::{CHATS, create, organization, with_model},
    support::{PASSWORD, TestServer},
};

const DEADLINE: Duration = Duration::from_secs(60);
const DROPS: usize = 300;

type Socket = tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>;

async fn connect(server: &TestServer, token: &str, path: &str) -> Result<Socket, tungstenite::Error> {
    let url = format!("ws://{}{path}", server.server.address());
    let mut request = url.into_client_request().unwrap();
    request.headers_mut().insert("Coder-Session-Token", token.parse().unwrap());
    tokio_tungstenite::connect_async(request).await.map(|(socket, _)| socket)
}

async fn refused(server: &TestServer, path: &str) -> (u16, Value) {
    match connect(server, &server.token, path).await {
        Err(tungstenite::Error::Http(response)) => {
            let body = response.body().as_deref().unwrap_or_default();
            (response.status().as_u16(), serde_json::from_slice(body).unwrap_or_default())
        }
        other => panic!("{path}: {:?}", other.map(drop)),
    }
}

/// The next text message, or the code of the close.
async fn next(socket: &mut Socket) -> Result<Value, CloseCode> {
    loop {
        let message = tokio::time::timeout(DEADLINE, socket.next()).await.expect("something comes in time");
        match message.expect("a close comes before the end").unwrap() {
            Message::Text(text) => return Ok(serde_json::from_str(&text).unwrap()),
            Message::Close(close) => return Err(close.expect("a close has a code").code),
            Message::Ping(_) | Message::Pong(_) => {}
            other => panic!("unexpected {other:?}"),
        }
    }
}

async fn closed(socket: &mut Socket) -> CloseCode {
    loop {
        if let Err(code) = next(socket).await {
            return code;
        }
    }
}

/// A client of the bare framing that keeps what the rules let it keep.
#[derive(Default)]
struct Client {
    cursor: Option<String>,
    messages: Vec<(i64, Value)>,
    preview: String,
    last_seq: i64,
    n_preview_resets: usize,
    status: String,
}

impl Client {
    fn take(&mut self, frame: &Value) {
        let events = frame.as_array().unwrap();
        // A frame without events only says that the connection lives.
        if let Some(last) = events.last() {
            self.cursor = Some(last["cursor"].as_str().expect("the last event has one").to_owned());
        }
        for event in events {
            match event["type"].as_str().unwrap() {
                "history_reset" => self.messages.clear(),
                "preview_reset" => {
                    self.preview.clear();
                    self.last_seq = 0;
                    self.n_preview_resets += 1;
                }
                "message" => {
                    let message = &event["message"];
                    let id = message["id"].as_i64().unwrap();
                    self.messages.retain(|(known, _)| *known != id);
                    self.messages.push((id, message.clone()));
                }
                "message_part" => {
                    let part = &event["message_part"];
                    assert_eq!(part["seq"].as_i64(), Some(self.last_seq + 1), "a gap or a repeat");
                    self.last_seq += 1;
                    self.preview.push_str(part["part"]["text"].as_str().unwrap_or_default());
                }
                "status" => self.status = event["status"]["status"].as_str().unwrap().to_owned(),
                _ => {}
            }
        }
    }

    async fn until(&mut self, socket: &mut Socket, holds: impl Fn(&Self) -> bool) {
        while !holds(self) {
            let frame = next(socket).await.expect("the stream goes on");
            self.take(&frame);
        }
    }

    fn resume(&self, path: &str) -> String {
        self.cursor.as_ref().map_or_else(|| path.to_owned(), |cursor| format!("{path}?cursor={cursor}"))
    }
}

fn path_of(chat: &Value) -> String {
    format!("{CHATS}/{}/stream", chat["id"].as_str().unwrap())
}

#[tokio::test]
async fn a_wrong_place_is_refused_before_the_upgrade() {
    let server = TestServer::with_owner().await;
    let _model = with_model(&server, &json!({ "turns": [{ "steps": [{ "text": "Hi." }] }] })).await;
    let path = path_of(&create(&server, "hello").await);
    for (query, field) in [
        ("after_id=x", None),
        ("after_id=-1", Some("after_id")),
        ("cursor=nonsense", Some("cursor")),
        ("framing=xml", Some("framing")),
    ] {
        let (status, body) = refused(&server, &format!("{path}?{query}")).await;
        assert_eq!(status, 400, "{query}: {body}");
        if let Some(field) = field {
            assert_eq!(body["validations"][0]["field"], field, "{body}");
        }
    }
    let unknown = format!("{CHATS}/00000000-0000-4000-8000-000000000001/stream");
    assert_eq!(refused(&server, &unknown).await.0, 404);
}

/// Events without the place that the last one tells.
fn without_cursor(events: &Value) -> Vec<Value> {
    let mut events = events.as_array().unwrap().clone();
    for event in &mut events {
        event.as_object_mut().unwrap().remove("cursor");
    }
    events
}

#[tokio::test]
async fn every_framing_tells_the_same_story() {
    let server = TestServer::with_owner().await;
    let _model = with_model(&server, &json!({ "turns": [{ "steps": [{ "text": "Hello you." }] }] })).await;
    let path = path_of(&create(&server, "hello").await);
    let mut socket = connect(&server, &server.token, &path).await.unwrap();
    Client::default().until(&mut socket, |client| client.status == "waiting").await;
    // The worker gives its lease back a moment later, which is one more version.
    let first = next(&mut connect(&server, &server.token, &path).await.unwrap()).await.unwrap();
    let told = without_cursor(&first);

    let bare = next(&mut connect(&server, &server.token, &path).await.unwrap()).await.unwrap();
    let enveloped = format!("{path}?framing=envelope");
    let envelope = next(&mut connect(&server, &server.token, &enveloped).await.unwrap()).await.unwrap();
    assert_eq!(envelope["type"], "data");
    assert_eq!(without_cursor(&bare), told);
    assert_eq!(without_cursor(&envelope["data"]), told);
    let (id, data) = EventSource::open(&server, &path, None).await.block().await;
    assert_eq!(without_cursor(&data), told);
    assert_eq!(Some(id.as_str()), data.as_array().unwrap().last().unwrap()["cursor"].as_str());
    let kinds: Vec<_> =
        bare.as_array().unwrap().iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["message", "message", "status", "preview_reset"]);
}

/// Server-Sent Events, block by block.
struct EventSource {
    response: reqwest::Response,
    text: String,
}

impl EventSource {
    async fn open(server: &TestServer, path: &str, last: Option<&str>) -> Self {
        let mut request =
            server.request(Method::GET, path).header("Accept", "text/event-stream").timeout(DEADLINE);
        if let Some(last) = last {
            request = request.header("Last-Event-ID", last);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { response, text: String::new() }
    }

    /// Id and data of the next block.
    async fn block(&mut self) -> (String, Value) {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.text = rest;
                let field =
                    |name: &str| block.lines().find_map(|line| line.strip_prefix(name).map(str::to_owned));
                if let Some(data) = field("data: ") {
                    return (field("id: ").unwrap(), serde_json::from_str(&data).unwrap());
                }
                continue;
            }
            let chunk = self.response.chunk().await.unwrap().expect("the stream goes on");
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }
}

#[tokio::test]
async fn server_sent_events_go_on_after_the_last_id() {
    let server = TestServer::with_owner().await;
    let model = with_model(
        &server,
        &json!({ "turns": [
        { "steps": [{ "text": "one two" }, { "barrier": "gate" }, { "text": " three" }] },
    ] }),
    )
    .await;
    let path = path_of(&create(&server, "hello").await);
    let mut client = Client::default();
    let mut events = EventSource::open(&server, &path, None).await;
    while client.preview != "one two" {
        client.take(&events.block().await.1);
    }
    drop(events);
    let resets = client.n_preview_resets;
    let last = client.cursor.clone();
    let mut events = EventSource::open(&server, &path, last.as_deref()).await;
    model.release("gate");
    while client.preview != "one two three" {
        client.take(&events.block().await.1);
        assert_eq!(client.n_preview_resets, resets, "nothing is taken back");
    }
}

#[tokio::test]
async fn a_viewer_that_speaks_is_disconnected() {
    let server = TestServer::with_owner().await;
    let _model = with_model(&server, &json!({ "turns": [{ "steps": [{ "text": "Hi." }] }] })).await;
    let path = path_of(&create(&server, "hello").await);
    let mut socket = connect(&server, &server.token, &path).await.unwrap();
    socket.send(Message::Ping(Vec::new().into())).await.unwrap();
    socket.send(Message::text("hello?")).await.unwrap();
    assert_eq!(closed(&mut socket).await, CloseCode::Protocol);
}

#[tokio::test]
async fn sockets_that_are_dropped_again_and_again_lose_and_repeat_nothing() {
    let server = TestServer::with_owner().await;
    let _model = with_model(
        &server,
        &json!({ "turns": [
        { "steps": [{ "clock": { "count": 400, "interval_ms": 5 } }, { "text": "the end" }] },
    ] }),
    )
    .await;
    let chat = create(&server, "what time is it").await;
    let path = path_of(&chat);
    let seed: u64 =
        std::env::var("WARREN_TEST_SEED").map_or_else(|_| rand::random(), |seed| seed.parse().unwrap());
    println!("WARREN_TEST_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let (mut dropped, mut steady) = (Client::default(), Client::default());
    let mut straight = connect(&server, &server.token, &path).await.unwrap();
    let messages = format!("{CHATS}/{}/messages", chat["id"].as_str().unwrap());
    let mut n_turns = 1;
    for _ in 0..DROPS {
        let mut socket = connect(&server, &server.token, &dropped.resume(&path)).await.unwrap();
        for _ in 0..random.random_range(0..4) {
            let Ok(frame) = tokio::time::timeout(Duration::from_millis(20), next(&mut socket)).await else {
                break;
            };
            let frame = frame.expect("this viewer is not slow");
            if random.random_bool(0.25) {
                break;
            }
            dropped.take(&frame);
        }
        if dropped.status == "waiting" {
            let body = json!({ "content": [{ "type": "text", "text": "and now" }] });
            assert_eq!(server.post(&messages, body).await.0, StatusCode::OK);
            n_turns += 1;
            dropped.status.clear();
        }
    }
    let is_over = |client: &Client| client.messages.len() == 2 * n_turns && client.status == "waiting";
    steady.until(&mut straight, is_over).await;
    let mut socket = connect(&server, &server.token, &dropped.resume(&path)).await.unwrap();
    dropped
        .until(&mut socket, |client| client.messages.len() == 2 * n_turns && client.preview.is_empty())
        .await;
    assert_eq!(dropped.messages, steady.messages);
}

#[tokio::test]
async fn after_a_crash_a_viewer_goes_on_and_nothing_disappears_without_a_word() {
    let server = TestServer::with_owner().await;
    let model = with_model(
        &server,
        &json!({ "turns": [
        { "when": { "nth": 1 }, "steps": [{ "text": "The answer is " }, { "barrier": "never" }] },
        { "steps": [{ "barrier": "second life" }, { "text": "The answer is 42." }] },
    ] }),
    )
    .await;
    let path = path_of(&create(&server, "question").await);
    let mut client = Client::default();
    let mut socket = connect(&server, &server.token, &path).await.unwrap();
    client.until(&mut socket, |client| client.preview == "The answer is ").await;
    drop(socket);
    let server = server.crashed().await;
    let mut socket = connect(&server, &server.token, &client.resume(&path)).await.unwrap();
    let seen = client.preview.clone();
    model.release("second life");
    while client.status != "waiting" {
        let resets = client.n_preview_resets;
        client.take(&next(&mut socket).await.expect("the stream goes on"));
        let was_told = client.n_preview_resets > resets;
        assert!(was_told || client.n_preview_resets > 1 || client.preview.starts_with(&seen));
    }
    assert_eq!(client.messages.last().unwrap().1["content"][0]["text"], "The answer is 42.");
}

#[tokio::test]
async fn a_stream_ends_when_its_viewer_loses_the_right_to_it() {
    let server = TestServer::with_owner().await;
    let _model = with_model(&server, &json!({ "turns": [{ "steps": [{ "text": "Hi." }] }] })).await;
    let path = path_of(&create(&server, "hello").await);
    let mut tokens = Vec::new();
    for (name, roles) in [("bob", json!(["owner"])), ("eve", json!([])), ("joe", json!(["owner"]))] {
        let account = json!({
            "username": name, "email": format!("{name}@example.com"), "password": PASSWORD, "roles": roles,
            "organization_ids": [organization(&server).await],
        });
        let (status, user) = server.post("/api/v2/users", account).await;
        assert_eq!(status, StatusCode::CREATED, "{user}");
        let login = json!({ "email": format!("{name}@example.com"), "password": PASSWORD });
        let (_, session) = server.post("/api/v2/users/login", login).await;
        tokens.push(session["session_token"].as_str().unwrap().to_owned());
    }
    let mut sockets = Vec::new();
    // Owners cannot be suspended, so that one watches a list of chats.
    let list = format!("{CHATS}/watch?framing=envelope");
    for (token, path) in tokens.iter().zip([&path, &list, &path]) {
        let mut socket = connect(&server, token, path).await.unwrap();
        next(&mut socket).await.unwrap();
        sockets.push(socket);
    }
    let mut own = connect(&server, &server.token, &path).await.unwrap();
    next(&mut own).await.unwrap();
    // One loses the role that let it look, one the account, one signs out.
    let roles = json!({ "roles": [] });
    assert_eq!(server.send(Method::PUT, "/api/v2/users/bob/roles", roles).await.0, StatusCode::OK);
    let begin = std::time::Instant::now();
    assert_eq!(
        server.send(Method::PUT, "/api/v2/users/eve/status/suspend", Value::Null).await.0,
        StatusCode::OK
    );
    let logout = server.client.post(format!("http://{}/api/v2/users/logout", server.server.address()));
    let logout = logout.header("Coder-Session-Token", &tokens[2]).send().await.unwrap();
    assert_eq!(logout.status(), StatusCode::OK);
    for socket in sockets.iter_mut().rev() {
        assert_eq!(closed(socket).await, CloseCode::Policy);
    }
    // Ten seconds are promised; a busy machine may take a few more.
    assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", begin.elapsed());
    own.send(Message::Ping(Vec::new().into())).await.unwrap();
    let answer = tokio::time::timeout(DEADLINE, own.next()).await.unwrap().unwrap().unwrap();
    assert!(matches!(answer, Message::Pong(_) | Message::Text(_)), "the owner's stream goes on: {answer:?}");
}

#[tokio::test]
async fn the_owner_has_read_what_was_shown() {
    let server = TestServer::with_owner().await;
    let _model = with_model(&server, &json!({ "turns": [{ "steps": [{ "text": "Hi." }] }] })).await;
    let chat = create(&server, "hello").await;
    let path = format!("{CHATS}/{}", chat["id"].as_str().unwrap());
    server.until(&path, |chat| chat["status"] == "waiting" && chat["has_unread"] == true).await;
    let mut socket = connect(&server, &server.token, &path_of(&chat)).await.unwrap();
    next(&mut socket).await.unwrap();
    server.until(&path, |chat| chat["has_unread"] == false).await;
    let body = json!({ "content": [{ "type": "text", "text": "more" }] });
    assert_eq!(server.post(&format!("{path}/messages"), body).await.0, StatusCode::OK);
    Client::default()
        .until(&mut socket, |client| client.messages.len() == 2 && client.status == "waiting")
        .await;
    drop(socket);
    server.until(&path, |chat| chat["has_unread"] == false).await;
}

#[tokio::test]
async fn connections_on_which_nothing_happens_show_that_they_live() {
    let server = TestServer::with_owner().await;
    let _model = with_model(&server, &json!({ "turns": [{ "steps": [{ "text": "Hi." }] }] })).await;
    let chat = create(&server, "hello").await;
    let stream = format!("{CHATS}/{}/stream", chat["id"].as_str().unwrap());
    server.until(stream.trim_end_matches("/stream"), |chat| chat["status"] == "waiting").await;
    let cases = [
        (stream.clone(), json!([])),
        (format!("{stream}?framing=envelope"), json!({ "type": "ping" })),
        (format!("{CHATS}/watch?framing=envelope"), json!({ "type": "ping" })),
    ];
    let looks = cases.into_iter().map(async |(path, sign)| {
        let mut socket = connect(&server, &server.token, &path).await.unwrap();
        // The greeting of the list looks the same and comes at once.
        let n_wanted = if path.contains("watch") { 2 } else { 1 };
        let mut n_seen = 0;
        while n_seen < n_wanted {
            n_seen += usize::from(next(&mut socket).await.unwrap() == sign);
        }
    });
    // Each change of the bare list is one message, so that nothing else may come there.
    let mut bare = connect(&server, &server.token, &format!("{CHATS}/watch")).await.unwrap();
    let bare_list = async {
        loop {
            let message = tokio::time::timeout(DEADLINE, bare.next()).await.unwrap().unwrap().unwrap();
            match message {
                Message::Ping(_) => break,
                Message::Text(text) => assert!(text.contains("\"kind\""), "{text}"),
                other => panic!("unexpected {other:?}"),
            }
        }
    };
    futures::future::join(futures::future::join_all(looks), bare_list).await;
}

#[tokio::test]
async fn the_list_tells_of_new_titles_and_ends_in_both_framings() {
    let server = TestServer::with_owner().await;
    let _model = with_model(&server, &json!({ "turns": [{ "steps": [{ "text": "Hi." }] }] })).await;
    let mut bare = connect(&server, &server.token, &format!("{CHATS}/watch")).await.unwrap();
    let enveloped = format!("{CHATS}/watch?framing=envelope");
    let mut envelope = connect(&server, &server.token, &enveloped).await.unwrap();
    assert_eq!(next(&mut envelope).await.unwrap(), json!({ "type": "ping" }));
    // Made right after the connection is there.
    let chat = create(&server, "hello").await;
    let first = next(&mut bare).await.unwrap();
    assert_eq!((&first["kind"], &first["chat"]["id"]), (&json!("created"), &chat["id"]));
    assert_eq!(next(&mut envelope).await.unwrap()["data"]["kind"], "created");
    let path = format!("{CHATS}/{}", chat["id"].as_str().unwrap());
    let renamed = server.send(Method::PATCH, &path, json!({ "title": "A better title" })).await;
    assert_eq!(renamed.0, StatusCode::NO_CONTENT);
    let renamed = loop {
        let event = next(&mut bare).await.unwrap();
        if event["kind"] == "title_change" {
            break event;
        }
    };
    assert_eq!(renamed["chat"]["title"], "A better title");
    for field in
        ["organization_id", "owner_id", "labels", "mcp_server_ids", "children", "last_model_config_id"]
    {
        assert!(renamed["chat"].get(field).is_some(), "{field} is there");
    }
}
