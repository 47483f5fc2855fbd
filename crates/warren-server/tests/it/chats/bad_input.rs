//! Input that nobody can use: it is refused with a reason or shown as nothing, and the chat goes on.

use reqwest::{Method, StatusCode};
use sea_orm::{
    ColumnTrait, EntityTrait, QueryFilter,
    sea_query::{Expr, ExprTrait},
};
use serde_json::{Value, json};
use uuid::Uuid;
use warren_db::{
    DbError, Tx,
    entity::{chat_messages, chats},
    query,
};
use warren_vocab::ChatId;

use super::{CHATS, Stream, create, home::id, text, with_model};
use crate::support::{TestServer, answer};

/// A server whose model answers every message, and a chat that waits for the next.
async fn waiting_chat() -> (TestServer, warren_dev_model::ScriptedModel, String) {
    let server = TestServer::owned(|config| config.rate_limit.disable_all = true).await;
    let model = with_model(&server, &json!({ "turns": [{ "steps": [{ "text": "Hi." }] }] })).await;
    let chat = create(&server, "hello").await;
    let path = format!("{CHATS}/{}", chat["id"].as_str().unwrap());
    server.until(&path, |chat| chat["status"] == "waiting").await;
    (server, model, path)
}

async fn messages(server: &TestServer, path: &str) -> Vec<Value> {
    let (status, page) = server.get(&format!("{path}/messages?after_id=0&limit=200")).await;
    assert_eq!(status, StatusCode::OK, "{page}");
    page["messages"].as_array().unwrap().clone()
}

/// The next message is answered.
async fn assert_goes_on(server: &TestServer, path: &str) {
    let before = messages(server, path).await.len();
    let (status, sent) = server.post(&format!("{path}/messages"), json!({ "content": text("next") })).await;
    assert_eq!(status, StatusCode::OK, "{sent}");
    server.until(path, |chat| chat["status"] == "waiting").await;
    let after = messages(server, path).await;
    assert_eq!(after.len(), before + 2, "{after:?}");
    assert_eq!(after.last().unwrap()["content"], text("Hi."));
}

/// Writes a message as another program would, as a change of the history.
async fn write(server: &TestServer, chat: Uuid, role: &str, content: Value) {
    let write = async |tx: &Tx| {
        let next = || Expr::col(chats::Column::SnapshotVersion).add(1);
        let update = chats::Entity::update_many()
            .col_expr(chats::Column::SnapshotVersion, next())
            .col_expr(chats::Column::HistoryVersion, next())
            .filter(chats::Column::Id.eq(chat));
        update.exec(tx).await?;
        let version = query::chats::by_id(tx, ChatId::from_uuid(chat)).await?.unwrap().history_version;
        let row = chat_messages::Model::new(chat, role, content.clone(), version, warren_app::now());
        query::chat_messages::insert(tx, row).await?;
        Ok::<_, DbError>(())
    };
    server.server.database().write(write).await.unwrap();
}

#[tokio::test]
async fn parts_that_nobody_knows_are_shown_as_nothing_and_the_chat_goes_on() {
    let (server, model, path) = waiting_chat().await;
    let content = json!([
        { "type": "hologram", "beams": [1, 2] }, { "type": "text", "text": "kept" }, { "no": "type" }, 7, "text", null,
        { "type": "tool-call" }, { "type": "tool-result", "tool_call_id": 5 }, { "type": "text", "text": 7 },
    ]);
    let chat = id(&json!(path.rsplit('/').next().unwrap()));
    for (role, content) in
        [("assistant", content.clone()), ("user", content), ("assistant", json!({ "a": 1 }))]
    {
        write(&server, chat, role, content).await;
    }
    let all = messages(&server, &path).await;
    assert_eq!(all[2]["content"], text("kept"), "{all:?}");
    assert_eq!(all.len(), 5);
    let (status, prompts) = server.get(&format!("{path}/prompts")).await;
    assert_eq!((status, &prompts["prompts"][0]["text"]), (StatusCode::OK, &json!("kept")));
    let mut stream = Stream::open(&server, &format!("{path}/stream?after_id=0")).await;
    stream.until(|event| event["status"]["status"] == "waiting").await;
    assert_goes_on(&server, &path).await;
    let sent = model.requests().pop().unwrap().to_string();
    assert!(sent.contains("kept") && !sent.contains("hologram"), "{sent}");
}

#[tokio::test]
async fn requests_that_cannot_be_read_are_refused_and_lose_nothing() {
    let (server, _model, path) = waiting_chat().await;
    let before = messages(&server, &path).await;
    let user = before[0]["id"].as_i64().unwrap();
    let nested = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
    let fields = ["content", "title", "results", "decisions"].map(|field| format!("{field:?}: {nested}"));
    let deep = format!("{{{}}}", fields.join(", "));
    let nul = r#"{"content": [{"type": "text", "text": "a\u0000b"}], "title": "a\u0000b", "results": [{"tool_call_id": "a", "output": "\u0000"}]}"#;
    let bodies: [&[u8]; 11] = [
        b"",
        b"null",
        b"7",
        b"[]",
        b"{",
        b"{\"content\": [{\"type\": \"text\", \"text\": \"",
        b"{\"content\": \"text\", \"results\": 7, \"decisions\": {}, \"title\": 7}",
        b"{\"content\": [{\"type\": \"text\", \"text\": \"\xff\xfe\"}], \"title\": \"\xff\"}",
        b"{\"content\": [{\"type\": \"text\", \"text\": \"\\ud800\"}], \"title\": \"\\ud800\", \"results\": [{\"tool_call_id\": \"\\ud800\"}]}",
        deep.as_bytes(),
        nul.as_bytes(),
    ];
    let routes = [
        (Method::POST, String::from(CHATS)),
        (Method::POST, format!("{path}/messages")),
        (Method::PATCH, format!("{path}/messages/{user}")),
        (Method::PATCH, path.clone()),
        (Method::POST, format!("{path}/tool-results")),
        (Method::POST, format!("{path}/approvals")),
    ];
    for (method, route) in &routes {
        for body in bodies {
            let request = server.request(method.clone(), route).body(body.to_vec());
            let (status, refusal) = answer(request.send().await.unwrap()).await;
            let shown = String::from_utf8_lossy(&body[..body.len().min(80)]).into_owned();
            assert_eq!(status, StatusCode::BAD_REQUEST, "{method} {route} {shown}: {refusal}");
            assert!(refusal["message"].is_string(), "{refusal}");
        }
        let big = json!({ "content": text(&"x".repeat(300 * 1024)) });
        let (status, refusal) = server.send(method.clone(), route, big).await;
        assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE, "{method} {route}: {refusal}");
    }
    for place in ["%00", "..", "%ff", "9999999999999999999999", "-1"] {
        let (status, _) = server.get(&format!("{path}/messages?after_id={place}")).await;
        assert!(status == StatusCode::BAD_REQUEST || place == "-1", "{place}: {status}");
        let (status, _) = server.get(&format!("{CHATS}?q=title:{place}")).await;
        assert!(status.is_success() || status == StatusCode::BAD_REQUEST, "{place}: {status}");
    }
    assert_eq!(messages(&server, &path).await, before);
    assert_eq!(server.get(&path).await.1["status"], "waiting");
    assert_goes_on(&server, &path).await;
}

#[tokio::test]
async fn results_of_the_client_that_nest_too_deeply_are_refused_and_may_be_sent_again() {
    let server = TestServer::owned(|config| config.rate_limit.disable_all = true).await;
    let _model = with_model(
        &server,
        &json!({ "turns": [
        { "when": { "tool_results": 0 }, "steps": [{ "tool_call": { "name": "weather", "args": {}, "id": "w" } }] },
        { "steps": [{ "text": "Hi." }] },
    ] }),
    )
    .await;
    let deep = |levels: usize| {
        serde_json::from_str::<Value>(&format!("{}{}", "[".repeat(levels), "]".repeat(levels))).unwrap()
    };
    let organization = super::organization(&server).await;
    let chat = |schema: Value| {
        json!({ "organization_id": organization, "content": text("go"),
            "unsafe_dynamic_tools": [{ "name": "weather", "input_schema": schema }] })
    };
    let (status, refusal) = server.post(CHATS, chat(json!({ "x": deep(100) }))).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{refusal}");
    let (status, chat) = server.post(CHATS, chat(json!({ "type": "object" }))).await;
    assert_eq!(status, StatusCode::CREATED, "{chat}");
    let path = format!("{CHATS}/{}", chat["id"].as_str().unwrap());
    server.until(&path, |chat| chat["status"] == "requires_action").await;
    let give = async |output: Value| {
        let results = json!({ "results": [{ "tool_call_id": "w", "output": output }] });
        server.post(&format!("{path}/tool-results"), results).await
    };
    let (status, refusal) = give(deep(100)).await;
    assert_eq!((status, &refusal["validations"][0]["field"]), (StatusCode::BAD_REQUEST, &json!("results")));
    assert_eq!(give(deep(60)).await.0, StatusCode::NO_CONTENT);
    server.until(&path, |chat| chat["status"] == "waiting").await;
    assert_eq!(messages(&server, &path).await[2]["content"][0]["result"], deep(60));
    assert_goes_on_with(&server, &path).await;
}

/// The next message is taken; what the script says to it does not matter.
async fn assert_goes_on_with(server: &TestServer, path: &str) {
    let (status, sent) = server.post(&format!("{path}/messages"), json!({ "content": text("next") })).await;
    assert_eq!((status, &sent["queued"]), (StatusCode::OK, &json!(false)), "{sent}");
    server.until(path, |chat| chat["status"] == "requires_action").await;
}
