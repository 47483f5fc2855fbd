//! Changing chats.

use reqwest::{Method, StatusCode};
use serde_json::json;
use uuid::Uuid;

use super::home::Home;

#[tokio::test]
async fn a_title_is_trimmed_bounded_and_moves_nothing_in_the_list() {
    let home = Home::new().await;
    let path = home.chat("before").await;
    let before = home.server.get(&path).await.1;
    let longest = "ü".repeat(200);
    assert_eq!(
        home.patch(&path, json!({ "title": format!("  {longest} ") })).await.0,
        StatusCode::NO_CONTENT
    );
    let after = home.server.get(&path).await.1;
    assert_eq!((&after["title"], &after["updated_at"]), (&json!(longest), &before["updated_at"]));
    for title in [String::new(), String::from("  "), "ü".repeat(201)] {
        let (status, body) = home.patch(&path, json!({ "title": title })).await;
        assert_eq!((status, &body["validations"][0]["field"]), (StatusCode::BAD_REQUEST, &json!("title")));
    }
    assert_eq!(home.patch(&path, json!({})).await.0, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn a_change_happens_whole_or_not_at_all() {
    let home = Home::new().await;
    let path = home.chat("before").await;
    for wrong in [
        json!({ "title": "after", "archived": false }),
        json!({ "title": "after", "labels": { "": "x" } }),
        json!({ "title": "after", "pin_order": -1 }),
        json!({ "title": "after", "workspace_id": Uuid::new_v4() }),
        json!({ "title": "after", "plan_mode": "plan" }),
        json!({ "title": "after", "archived": true, "pin_order": 1 }),
    ] {
        assert_eq!(home.patch(&path, wrong.clone()).await.0, StatusCode::BAD_REQUEST, "{wrong}");
    }
    assert_eq!(home.server.get(&path).await.1["title"], "before");
    let both =
        json!({ "title": "after", "labels": { "a": "b" }, "plan_mode": "", "workspace_id": Uuid::nil() });
    assert_eq!(home.patch(&path, both).await.0, StatusCode::NO_CONTENT);
    let chat = home.server.get(&path).await.1;
    assert_eq!((&chat["title"], &chat["labels"]), (&json!("after"), &json!({ "a": "b" })));
}

#[tokio::test]
async fn pins_are_reordered_without_gaps_and_lost_with_archiving() {
    let home = Home::new().await;
    let mut paths = Vec::new();
    for title in ["a", "b", "c"] {
        let path = home.chat(title).await;
        assert_eq!(home.patch(&path, json!({ "pin_order": 1 })).await.0, StatusCode::NO_CONTENT);
        paths.push(path);
    }
    assert_eq!(home.titles("").await, ["c", "b", "a"], "each came first");
    home.patch(&paths[2], json!({ "pin_order": 99 })).await;
    assert_eq!(home.titles("").await, ["b", "a", "c"]);
    let places = async || {
        let mut places = Vec::new();
        for path in &paths {
            places.push(home.server.get(path).await.1["pin_order"].as_i64().unwrap());
        }
        places
    };
    assert_eq!(places().await, [2, 1, 3]);
    assert_eq!(home.patch(&paths[1], json!({ "archived": true })).await.0, StatusCode::NO_CONTENT);
    assert_eq!(places().await, [1, 0, 2], "the archived one has lost its pin");
    assert_eq!(home.patch(&paths[1], json!({ "pin_order": 1 })).await.0, StatusCode::BAD_REQUEST);
    home.patch(&paths[0], json!({ "pin_order": 0 })).await;
    assert_eq!(places().await, [0, 0, 1]);
}

#[tokio::test]
async fn an_archived_chat_takes_no_message_and_a_busy_one_is_not_archived() {
    let home = Home::new().await;
    let path = home.chat("quiet").await;
    assert_eq!(home.patch(&path, json!({ "archived": true })).await.0, StatusCode::NO_CONTENT);
    assert_eq!(home.patch(&path, json!({ "archived": true })).await.0, StatusCode::BAD_REQUEST);
    let (status, body) =
        home.server.post(&format!("{path}/messages"), json!({ "content": super::text("x") })).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{body}");
    let (status, _) = home.server.post(&format!("{path}/reconcile-invalid"), json!({})).await;
    assert_eq!(status, StatusCode::CONFLICT);

    let mut busy = home.idle("busy");
    busy.status = String::from("requires_action");
    let path = home.add(busy).await;
    assert_eq!(home.patch(&path, json!({ "archived": true })).await.0, StatusCode::CONFLICT);
}

#[tokio::test]
async fn an_impossible_state_is_repaired_once_and_says_so() {
    let home = Home::new().await;
    let mut row = home.idle("odd");
    row.status = String::from("completed");
    let path = home.add(row).await;
    let (status, chat) = home.server.post(&format!("{path}/reconcile-invalid"), json!({})).await;
    assert_eq!((status, &chat["status"]), (StatusCode::OK, &json!("error")), "{chat}");
    assert!(chat["last_error"]["message"].is_string());
    let (status, _) = home.server.send(Method::POST, &format!("{path}/reconcile-invalid"), json!({})).await;
    assert_eq!(status, StatusCode::CONFLICT);
}
