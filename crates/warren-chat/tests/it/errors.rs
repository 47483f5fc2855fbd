//! Providers that fail.

use serde_json::json;
use warren_vocab::{BusyBehavior, ChatErrorKind, ChatStatus};

use crate::support::Stage;

#[tokio::test]
async fn a_provider_that_fails_once_is_asked_again() {
    let stage = Stage::new().await;
    let model = stage
        .with_script(&json!({ "turns": [
        { "when": { "nth": 1 }, "steps": [{ "fail": { "status": 500, "message": "oops" } }] },
        { "when": { "nth": 1 }, "steps": [{ "text": "Half an ans" }, { "cut": null }] },
        { "steps": [{ "text": "Whole." }] },
    ] }))
        .await;
    let chat = stage.create("hello").await;
    let mut view = stage.view(chat).await;
    view.until_waiting().await;
    assert_eq!(view.retries.len(), 2, "{:?}", view.retries);
    assert_eq!(view.story()[1].1, "Whole.");
    assert_eq!(model.requests().len(), 3);
    assert!(view.error.is_none());
}

#[tokio::test]
async fn a_refused_key_ends_the_turn_at_once_and_the_next_message_tries_again() {
    let stage = Stage::new().await;
    let _model = stage
        .with_script(&json!({ "turns": [
        { "when": { "user": "again" }, "steps": [{ "text": "Now it works." }] },
        { "steps": [{ "fail": { "status": 401, "message": "bad key" } }] },
    ] }))
        .await;
    let chat = stage.create("hello").await;
    let mut view = stage.view(chat).await;
    view.until("the error", |view| view.error.is_some() && view.status == Some(ChatStatus::Error)).await;
    let error = view.error.clone().unwrap();
    assert_eq!((error.kind, error.status_code), (Some(ChatErrorKind::Auth), Some(401)));
    assert!(view.retries.is_empty());
    stage.chat.send(&stage.subject, chat, Stage::message("again", BusyBehavior::Queue)).await.unwrap();
    view.until_waiting().await;
    assert_eq!(view.story().last().unwrap().1, "Now it works.");
}

#[tokio::test]
async fn a_url_that_refuses_becomes_one_clear_sentence() {
    let stage = Stage::new().await;
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let base_url = format!("http://{}/v1", free.local_addr().unwrap());
    drop(free);
    stage.add_model(&base_url).await;
    let chat = stage.create("hello").await;
    let mut view = stage.view(chat).await;
    view.until("the error", |view| view.error.is_some()).await;
    let error = view.error.clone().unwrap();
    assert_eq!(
        error.message,
        format!("The model provider at {base_url} cannot be reached; check its base URL and that it runs.")
    );
    assert_eq!(view.retries.len(), 2, "two more attempts before it gives up");
}

#[tokio::test]
async fn what_was_said_before_the_provider_died_is_kept() {
    let stage = Stage::new().await;
    let _model = stage
        .with_script(&json!({ "turns": [
        { "when": { "nth": 1 }, "steps": [{ "text": "Half an answer" }, { "cut": null }] },
        { "steps": [{ "fail": { "status": 401, "message": "bad key" } }] },
    ] }))
        .await;
    let chat = stage.create("hello").await;
    let mut view = stage.view(chat).await;
    view.until("the error", |view| view.error.is_some() && view.status == Some(ChatStatus::Error)).await;
    assert_eq!(view.story().last().unwrap().1, "Half an answer");
}

#[tokio::test]
async fn a_chat_without_a_model_is_refused() {
    let stage = Stage::new().await;
    let request = warren_chat::CreateChat {
        organization: stage.subject.memberships[0].organization,
        content: vec![warren_chat::proto::Part::text("hello")],
        system_prompt: None,
        workspace: None,
        model_config: None,
        labels: Default::default(),
        client_type: warren_vocab::ClientType::Api,
        dynamic_tools: Vec::new(),
        idempotency: None,
    };
    let error = stage.chat.create(stage.caller(), request).await.unwrap_err();
    assert!(error.to_string().contains("No default model"), "{error}");
}
