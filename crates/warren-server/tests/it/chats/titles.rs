//! Titles that a model makes when the owner asks.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{CHATS, Stream, create, home::Home, with_model};
use crate::support::TestServer;

#[tokio::test]
async fn a_title_is_proposed_or_kept_as_the_owner_asks_and_never_put_over_a_newer_one() {
    let server = TestServer::owned(|config| config.rate_limit.disable_all = true).await;
    let title = |steps: Value| json!({ "when": { "purpose": "title", "nth": 1 }, "steps": steps });
    let model = with_model(
        &server,
        &json!({ "turns": [
        title(json!([{ "text": "Made at first" }])),
        title(json!([{ "text": "Proposed" }])),
        title(json!([{ "text": "Kept" }])),
        title(json!([{ "barrier": "gate" }, { "text": "Too late" }])),
        { "steps": [{ "text": "Hi." }] },
    ] }),
    )
    .await;
    let chat = create(&server, "hello there").await;
    let path = format!("{CHATS}/{}", chat["id"].as_str().unwrap());
    let made =
        server.until(&path, |chat| chat["title"] == "Made at first" && chat["status"] == "waiting").await;
    let post = async |what: &str| server.post(&format!("{path}/title/{what}"), json!({})).await;

    let (status, proposed) = post("propose").await;
    assert_eq!((status, proposed), (StatusCode::OK, json!({ "title": "Proposed" })));
    assert_eq!(server.get(&path).await.1["title"], "Made at first", "nothing is kept");

    let mut watch = Stream::open(&server, &format!("{CHATS}/watch")).await;
    let (status, kept) = post("regenerate").await;
    assert_eq!((status, &kept["title"]), (StatusCode::OK, &json!("Kept")));
    assert_eq!(kept["updated_at"], made["updated_at"], "the chat keeps its place in the list");
    let event = loop {
        let event = watch.frame().await;
        if event["kind"] == "title_change" {
            break event;
        }
    };
    assert_eq!((&event["chat"]["title"], &event["chat"]["id"]), (&json!("Kept"), &chat["id"]));

    let rename = async {
        assert!(model.reached("gate", super::DEADLINE).await);
        let renamed = server.send(Method::PATCH, &path, json!({ "title": "Mine" })).await.0;
        assert_eq!(renamed, StatusCode::NO_CONTENT);
        model.release("gate");
    };
    let ((status, late), ()) = tokio::join!(post("regenerate"), rename);
    assert_eq!((status, &late["title"]), (StatusCode::OK, &json!("Mine")));
    assert_eq!(server.get(&path).await.1["title"], "Mine");

    let (status, body) = post("regenerate").await;
    assert_eq!(status, StatusCode::CONFLICT, "the script has no more titles: {body}");
    assert!(body["message"].as_str().unwrap().contains("gave no title"), "{body}");
}

#[tokio::test]
async fn only_the_owner_asks_for_titles() {
    let home = Home::new().await;
    let bob = home.member("bob").await;
    let path = home.chat_of(&bob, "bob's").await;
    let own = home.chat("mine").await;
    for what in ["propose", "regenerate"] {
        let (status, body) = home.server.post(&format!("{path}/title/{what}"), json!({})).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{body}");
        let (status, body) = home.ask(&bob, Method::POST, &format!("{own}/title/{what}"), json!({})).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{body}");
    }
    assert_eq!(home.ask(&bob, Method::GET, &path, json!({})).await.1["title"], "bob's");
}
