//! The commands against a small server: pages of lists, and connections that break.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, Once},
};

use axum::{
    Json, Router,
    extract::{Query, RawQuery, State, ws::Message, ws::WebSocketUpgrade},
    response::Response,
    routing::get,
};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use url::Url;
use warren_rt::Tasks;
use warren_sdk::{ChatsQuery, Client};
use warren_vocab::ChatId;

use super::*;
use crate::args::ViewArgs;

/// What the server was asked, in order.
type Asked = Arc<Mutex<Vec<String>>>;

async fn serve(router: Router<Asked>) -> (Client, Asked, Tasks) {
    static TLS: Once = Once::new();
    TLS.call_once(|| {
        // Another test of the same process may have done it.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let (asked, tasks) = (Asked::default(), Tasks::new());
    let router = router.with_state(asked.clone());
    tasks.spawn("test server", async move { axum::serve(listener, router).await });
    (Client::new(url).with_token("secret"), asked, tasks)
}

fn id(n: u128) -> ChatId {
    ChatId::from_uuid(uuid_of(n).parse().unwrap())
}

fn uuid_of(n: u128) -> String {
    format!("00000000-0000-4000-8000-{n:012}")
}

fn chat(n: u128) -> Value {
    json!({
        "id": uuid_of(n), "organization_id": uuid_of(0), "owner_id": uuid_of(0), "last_model_config_id": uuid_of(0),
        "title": format!("Chat {n}"), "status": "waiting", "last_turn_summary": null,
        "created_at": "2026-11-26T10:00:00Z", "updated_at": "2026-11-26T10:00:00Z", "archived": false,
        "shared": false, "pin_order": 0, "mcp_server_ids": [], "labels": {}, "has_unread": false,
        "client_type": "api", "children": [],
    })
}

/// 450 chats.
async fn chats(State(asked): State<Asked>, Query(query): Query<HashMap<String, String>>) -> Json<Vec<Value>> {
    asked.lock().unwrap().push(query.get("q").cloned().unwrap_or_default());
    let after = query.get("after_id").map_or(0, |id| id[24..].parse().unwrap());
    let limit: u128 = query["limit"].parse().unwrap();
    Json((after + 1..=(after + limit).min(450)).map(chat).collect())
}

#[tokio::test]
async fn a_list_has_as_many_pages_as_it_takes() {
    let (client, asked, _tasks) = serve(Router::new().route("/api/experimental/chats", get(chats))).await;
    let query = ChatsQuery { q: "title:x y".into(), ..ChatsQuery::default() };
    let all = find::all(&client, &query, usize::MAX).await.unwrap();
    let ids: Vec<_> = all.iter().map(|chat| chat.id).collect();
    assert_eq!(ids, (1..=450).map(id).collect::<Vec<_>>());
    assert_eq!(*asked.lock().unwrap(), ["title:x y"; 3]);
    assert_eq!(find::all(&client, &query, 201).await.unwrap().len(), 201);
    assert_eq!(find::all(&client, &query, 0).await.unwrap().len(), 0);
}

/// 7 messages, at most 3 on a page, one of a kind that no program knows.
async fn messages(Query(query): Query<HashMap<String, String>>) -> Json<Value> {
    let before: i64 = query.get("before_id").map_or(8, |id| id.parse().unwrap());
    let page: Vec<Value> = (1..before)
        .rev()
        .take(3)
        .map(|n| json!({ "id": n, "role": "user", "content": [{ "type": "hologram", "n": n }] }))
        .collect();
    let queue = if query.contains_key("before_id") { json!([]) } else { json!([{ "id": 1, "content": [] }]) };
    Json(json!({ "messages": page, "queued_messages": queue, "has_more": before > 4 }))
}

#[tokio::test]
async fn an_export_holds_the_whole_history_just_as_it_was_given() {
    let one = get(async || Json(json!({ "id": uuid_of(1), "title": "All of it", "mood": "good" })));
    let router = Router::new()
        .route("/api/experimental/chats/{chat}", one)
        .route("/api/experimental/chats/{chat}/messages", get(messages));
    let (client, _asked, _tasks) = serve(router).await;
    let document = export::read(&client, id(1), true).await.unwrap();
    let ids: Vec<_> = document.messages.iter().map(|message| message["id"].as_i64().unwrap()).collect();
    assert_eq!(ids, [1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(document.messages[2]["content"][0], json!({ "type": "hologram", "n": 3 }));
    assert_eq!((&document.chat["mood"], document.queued_messages.len()), (&json!("good"), 1));
}

/// A stream that breaks in the middle of an answer, and goes on where its viewer says that it was.
async fn stream(
    State(asked): State<Asked>,
    RawQuery(query): RawQuery,
    upgrade: WebSocketUpgrade,
) -> Response {
    let event = |kind: &str, field: &str, value: Value, cursor: &str| {
        json!([{ "type": kind, "chat_id": uuid_of(1), field: value, "cursor": cursor }]).to_string()
    };
    let query = query.unwrap_or_default();
    asked.lock().unwrap().push(query.clone());
    let part = |seq: i64, text: &str| {
        let part = json!({ "type": "text", "text": text });
        json!({ "role": "assistant", "part": part, "history_version": 1, "generation_attempt": 1, "seq": seq })
    };
    let frames = match query.as_str() {
        "" => vec![
            event("status", "status", json!({ "status": "running" }), "a"),
            event("message_part", "message_part", part(1, "one "), "b"),
            // What is new to a program keeps it from nothing.
            event("confetti", "confetti", json!({}), "c/1"),
        ],
        "cursor=c%2F1" => vec![
            event("message_part", "message_part", part(2, "two"), "d"),
            event("status", "status", json!({ "status": "waiting" }), "e"),
        ],
        other => panic!("asked for {other:?}"),
    };
    upgrade.on_upgrade(async move |mut socket| {
        for frame in frames {
            socket.send(Message::text(frame)).await.unwrap();
        }
    })
}

#[tokio::test]
async fn a_viewer_goes_on_at_the_place_of_its_cursor() {
    let router = Router::new().route("/api/experimental/chats/{chat}/stream", get(stream));
    let (client, asked, _tasks) = serve(router).await;
    let view = ViewArgs { full: false, reasoning: false };
    let options = follow::Options { after: None, forever: false, view };
    assert_eq!(follow::run(&client, id(1), options).await.unwrap(), Exit::OK);
    assert_eq!(*asked.lock().unwrap(), ["", "cursor=c%2F1"]);
}
