//! Chats of accounts that may not go on.

use std::time::Duration;

use serde_json::json;
use warren_chat::WorkerConfig;
use warren_vocab::{BusyBehavior, ChatStatus, UserStatus};

use crate::{
    rows::{row, set_owner},
    support::{DEADLINE, Stage},
};

#[tokio::test]
async fn the_turn_of_an_owner_who_is_suspended_ends_and_goes_on_when_the_account_is_active_again() {
    let stage = Stage::new().await;
    let model = stage.with_script(&json!({ "turns": [
        { "when": { "user": "again" }, "steps": [{ "text": "Welcome back." }] },
        { "when": { "tool_results": 0 }, "steps": [{ "tool_call": {
            "name": "create_workspace", "args": { "template_id": "00000000-0000-4000-8000-000000000000" } } }] },
        { "steps": [{ "tool_call": { "name": "execute", "args": { "command": "hang" } } }] },
    ] })).await;
    let chat = stage.create("hang").await;
    let mut view = stage.view(chat).await;
    tokio::time::timeout(DEADLINE, stage.tools.hanging.notified()).await.unwrap();
    stage.chat.send(&stage.subject, chat, Stage::message("again", BusyBehavior::Queue)).await.unwrap();

    set_owner(&stage, UserStatus::Suspended, false, false).await;
    view.until("the error", |view| view.status == Some(ChatStatus::Error)).await;
    let error = view.error.clone().unwrap();
    assert!(error.message.contains("is suspended, so the turn was ended"), "{error:?}");
    assert_eq!(stage.tools.calls().last().unwrap(), "end execute", "what runs in the workspace is ended");
    assert_eq!(view.results().last().unwrap().0["error"], "killed");
    assert_eq!(view.n_queued, 1, "what waits goes on waiting");
    assert_eq!(model.requests().len(), 2);

    set_owner(&stage, UserStatus::Active, false, false).await;
    stage.chat.send(&stage.subject, chat, Stage::message("again", BusyBehavior::Queue)).await.unwrap();
    view.until("the answer", |view| view.story().iter().any(|(_, text)| text == "Welcome back.")).await;
}

#[tokio::test]
async fn a_message_to_the_chat_of_a_suspended_owner_asks_no_model() {
    let stage = Stage::new().await;
    let model = stage.with_script(&json!({ "turns": [{ "steps": [{ "text": "Hi." }] }] })).await;
    set_owner(&stage, UserStatus::Suspended, false, false).await;
    let chat = stage.create("hello").await;
    let mut view = stage.view(chat).await;
    view.until("the error", |view| view.status == Some(ChatStatus::Error)).await;
    assert!(model.requests().is_empty());
    assert_eq!(row(&stage, chat).await.generation_attempt, 0);
}

#[tokio::test]
async fn the_turn_of_an_owner_who_was_deleted_ends_although_the_hint_was_lost() {
    let sync = Duration::from_millis(50);
    let stage = Stage::with_config(WorkerConfig { sync, ..WorkerConfig::default() }).await;
    let model = stage
        .with_script(&json!({ "turns": [{ "steps": [{ "text": "Half of " }, { "stall": null }] }] }))
        .await;
    let chat = stage.create("hello").await;
    let mut view = stage.view(chat).await;
    view.until("the first words", |view| view.preview_text() == "Half of ").await;
    set_owner(&stage, UserStatus::Active, true, true).await;
    view.until("the error", |view| view.status == Some(ChatStatus::Error)).await;
    assert!(view.error.clone().unwrap().message.contains("was deleted"), "{:?}", view.error);
    assert_eq!(view.story().last().unwrap().1, "Half of ", "what was said is kept");
    assert!(model.until_open(0, DEADLINE).await, "the model is let go");
}
