//! What viewers of chats and of the list see, and what their looking changes.

use reqwest::{Method, StatusCode};
use serde_json::json;

use super::{CHATS, Stream, home::Home, text};

#[tokio::test]
async fn somebody_else_who_looks_leaves_the_chat_unread_for_its_owner() {
    let home = Home::new().await;
    let bob = home.member("bob").await;
    let path = home.chat_of(&bob, "bob's").await;
    home.say(&path, "assistant", "Hi.").await;
    let is_unread = async || home.ask(&bob, Method::GET, &path, json!({})).await.1["has_unread"] == true;
    assert!(is_unread().await);
    for _ in 0..2 {
        // An administrator connects, sees everything and leaves.
        let mut stream = Stream::open(&home.server, &format!("{path}/stream")).await;
        stream.until(|event| event["type"] == "message" && event["message"]["role"] == "assistant").await;
        drop(stream);
        assert!(is_unread().await);
    }
    let mut stream = Stream::open_as(&home.server, &bob, &format!("{path}/stream")).await;
    stream.until(|event| event["type"] == "message" && event["message"]["role"] == "assistant").await;
    home.until_as(&bob, &path, |chat| chat["has_unread"] == false).await;
    // What comes while the owner looks is read when the owner leaves.
    home.say(&path, "assistant", "More.").await;
    assert!(is_unread().await);
    drop(stream);
    home.until_as(&bob, &path, |chat| chat["has_unread"] == false).await;
}

#[tokio::test]
async fn an_event_of_the_list_has_every_field_however_large_the_chat_is() {
    let home = Home::new().await;
    let labels: serde_json::Map<_, _> =
        (0..50).map(|n| (format!("label-{n}"), json!("ä".repeat(128)))).collect();
    let body = json!({
        "organization_id": home.organization, "content": text("hello"), "labels": labels,
        "system_prompt": "A secret that no event tells.",
    });
    let mut watch = Stream::open(&home.server, &format!("{CHATS}/watch")).await;
    let (status, chat) = home.server.post(CHATS, body).await;
    assert_eq!(status, StatusCode::CREATED, "{chat}");
    let path = format!("{CHATS}/{}", chat["id"].as_str().unwrap());
    let title = "ö".repeat(200);
    assert_eq!(home.patch(&path, json!({ "title": title })).await.0, StatusCode::NO_CONTENT);
    let event = loop {
        let event = watch.frame().await;
        assert!(!event.to_string().contains("A secret"), "{event}");
        if event["kind"] == "title_change" {
            break event;
        }
    };
    let (_, shown) = home.server.get(&path).await;
    for (field, value) in shown.as_object().unwrap() {
        let told = event["chat"].get(field).unwrap_or_else(|| panic!("{field} is missing"));
        // The model of this chat fails, which goes on meanwhile.
        if !["status", "updated_at", "last_error", "has_unread"].contains(&field.as_str()) {
            assert_eq!(told, value, "{field}");
        }
    }
    assert_eq!((&event["chat"]["title"], &event["chat"]["labels"]), (&json!(title), &json!(labels)));
}
