//! Titles and summaries that models make beside the turns.

use serde_json::json;

use crate::{
    rows::until_row,
    support::{DEADLINE, Stage},
};

#[tokio::test]
async fn a_new_chat_gets_a_title_and_its_turn_a_summary() {
    let stage = Stage::new().await;
    let _model = stage
        .with_script(&json!({ "turns": [
        { "when": { "purpose": "title" }, "steps": [{ "text": "\"Sorting a list in Rust.\"" }] },
        { "when": { "purpose": "turn_summary" }, "steps": [{ "text": "Explained sorting" }] },
        { "steps": [{ "text": "Use sort()." }] },
    ] }))
        .await;
    let chat = stage.create("how do I sort a list").await;
    until_row(&stage, chat, "the title", |row| row.title == "Sorting a list in Rust").await;
    until_row(&stage, chat, "the summary", |row| {
        row.last_turn_summary.as_deref() == Some("Explained sorting")
    })
    .await;
}

#[tokio::test]
async fn a_title_that_the_user_has_given_stays() {
    let stage = Stage::new().await;
    let model = stage
        .with_script(&json!({ "turns": [
        { "when": { "purpose": "title" }, "steps": [{ "barrier": "gate" }, { "text": "Made up" }] },
        { "when": { "purpose": "turn_summary" }, "steps": [{ "text": "Greeted" }] },
        { "steps": [{ "text": "Hi." }] },
    ] }))
        .await;
    let chat = stage.create("hello there").await;
    assert!(model.reached("gate", DEADLINE).await);
    let patch = warren_chat::ChatPatch { title: Some("Mine".into()), ..Default::default() };
    stage.chat.update(stage.caller(), chat, patch).await.unwrap();
    model.release("gate");
    let row = until_row(&stage, chat, "the summary", |row| row.last_turn_summary.is_some()).await;
    assert_eq!(row.title, "Mine");
}
