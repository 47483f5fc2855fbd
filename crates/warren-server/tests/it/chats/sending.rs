//! Sending messages.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{CHATS, Stream, create, home::Home, text, with_model};
use crate::support::TestServer;

#[tokio::test]
async fn the_queue_holds_twenty_messages_and_says_when_it_is_full() {
    let server = TestServer::owned(|config| config.rate_limit.disable_all = true).await;
    let model =
        with_model(&server, &json!({ "turns": [{ "steps": [{ "barrier": "gate" }, { "text": "Hi." }] }] }))
            .await;
    let chat = create(&server, "hello").await;
    let path = format!("{CHATS}/{}/messages", chat["id"].as_str().unwrap());
    for n in 0..20 {
        let (status, sent) = server.post(&path, json!({ "content": text(&format!("m{n}")) })).await;
        assert_eq!((status, &sent["queued"]), (StatusCode::OK, &json!(true)), "{sent}");
    }
    let (status, body) = server.post(&path, json!({ "content": text("one more") })).await;
    assert_eq!(
        (status, body),
        (StatusCode::TOO_MANY_REQUESTS, json!({ "message": "Message queue is full." }))
    );
    let (_, page) = server.get(&path).await;
    assert_eq!(page["queued_messages"].as_array().unwrap().len(), 20);
    let (_, page) = server.get(&format!("{path}?after_id=0")).await;
    assert_eq!(page["queued_messages"], json!([]), "not beside a cursor");
    model.release("gate");
}

#[tokio::test]
async fn a_message_that_is_sent_again_is_said_once() {
    let server = TestServer::owned(|config| config.rate_limit.disable_all = true).await;
    let _model = with_model(&server, &json!({ "turns": [{ "steps": [{ "text": "Hi." }] }] })).await;
    let chat = create(&server, "hello").await;
    let chat_path = format!("{CHATS}/{}", chat["id"].as_str().unwrap());
    let path = format!("{chat_path}/messages");
    let mut stream = Stream::open(&server, &format!("{chat_path}/stream")).await;
    stream.until(|event| event["status"]["status"] == "waiting").await;
    let send = async |key: &str, body: Value| {
        let request = server.request(Method::POST, &path).header("Idempotency-Key", key);
        crate::support::answer(request.json(&body).send().await.unwrap()).await
    };
    let body = json!({ "content": text("again and again") });
    let (status, first) = send("key", body.clone()).await;
    assert_eq!(status, StatusCode::OK, "{first}");
    for _ in 0..3 {
        let (status, again) = send("key", body.clone()).await;
        assert_eq!((status, &again["message"]["id"]), (StatusCode::OK, &first["message"]["id"]), "{again}");
    }
    assert_eq!(send("key", json!({ "content": text("other") })).await.0, StatusCode::CONFLICT);

    let edit = format!("{path}/{}", first["message"]["id"]);
    let (status, _) = server.send(Method::PATCH, &edit, json!({ "content": text("edited") })).await;
    assert_eq!(status, StatusCode::OK);
    let (status, again) = send("key", body).await;
    assert_eq!(
        (status, &again["message"]["id"]),
        (StatusCode::OK, &first["message"]["id"]),
        "also after an edit"
    );
    let (_, prompts) = server.get(&format!("{chat_path}/prompts")).await;
    let texts: Vec<_> = prompts["prompts"].as_array().unwrap().iter().map(|one| &one["text"]).collect();
    assert_eq!(texts, ["edited", "hello"]);
}

#[tokio::test]
async fn only_the_owner_writes_even_where_an_administrator_may_read() {
    let home = Home::new().await;
    let bob = home.member("bob").await;
    let path = home.chat_of(&bob, "bob's").await;
    assert_eq!(home.server.get(&path).await.0, StatusCode::OK, "an administrator reads it");
    let (_, page) = home.server.get(&format!("{path}/messages")).await;
    let message = &page["messages"][0]["id"];
    for (method, tail, body) in [
        (Method::POST, String::from("/messages"), json!({ "content": text("x") })),
        (Method::PATCH, format!("/messages/{message}"), json!({ "content": text("x") })),
        (Method::POST, String::from("/queue/1/promote"), json!({})),
        (
            Method::POST,
            String::from("/approvals"),
            json!({ "decisions": [{ "tool_call_id": "c", "approve": true }] }),
        ),
        (
            Method::POST,
            String::from("/tool-results"),
            json!({ "results": [{ "tool_call_id": "c", "output": 1 }] }),
        ),
    ] {
        let (status, body) = home.server.send(method, &format!("{path}{tail}"), body).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{tail}: {body}");
    }
}

#[tokio::test]
async fn wrong_messages_are_refused_and_change_nothing() {
    let home = Home::new().await;
    let path = home.chat("quiet").await;
    let messages = format!("{path}/messages");
    for wrong in [
        json!({ "content": [] }),
        json!({ "content": text(" ") }),
        json!({ "content": [{ "type": "reasoning", "text": "x" }] }),
        json!({ "content": text("x"), "model_config_id": uuid::Uuid::new_v4() }),
        json!({ "content": text("x"), "busy_behavior": "ignore" }),
        json!({ "content": text("x"), "plan_mode": "plan" }),
        json!({ "content": text("x"), "mcp_server_ids": [uuid::Uuid::new_v4()] }),
    ] {
        assert_eq!(home.server.post(&messages, wrong.clone()).await.0, StatusCode::BAD_REQUEST, "{wrong}");
    }
    let answer = home.say(&path, "assistant", "Hi.").await;
    let edit =
        async |id: String| home.patch(&format!("{messages}/{id}"), json!({ "content": text("x") })).await.0;
    assert_eq!(edit(answer.to_string()).await, StatusCode::BAD_REQUEST, "not a message of a user");
    assert_eq!(edit(String::from("999999")).await, StatusCode::NOT_FOUND);
    assert_eq!(edit(String::from("x")).await, StatusCode::BAD_REQUEST);
    let queue = |id: &str| format!("{path}/queue/{id}");
    assert_eq!(home.server.send(Method::DELETE, &queue("1"), json!({})).await.0, StatusCode::CONFLICT);
    assert_eq!(home.server.post(&format!("{}/promote", queue("1")), json!({})).await.0, StatusCode::CONFLICT);
    assert_eq!(home.server.send(Method::DELETE, &queue("x"), json!({})).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(home.server.get(&path).await.1["status"], "waiting");
}
