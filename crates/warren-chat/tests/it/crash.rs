//! A server that dies in the middle: nothing seen is lost, nothing runs twice.

use serde_json::json;
use warren_vocab::{ChatStatus, MessageRole};

use warren_chat::Start;

use crate::support::{DEADLINE, Stage};

#[tokio::test]
async fn an_answer_that_a_crash_cuts_is_still_shown_and_then_completed() {
    let stage = Stage::new().await;
    let model = stage
        .with_script(&json!({ "turns": [
        { "when": { "nth": 1 }, "steps": [{ "text": "The answer is " }, { "stall": null }] },
        { "steps": [{ "barrier": "second life" }, { "text": "The answer is 42." }] },
    ] }))
        .await;
    let chat = stage.create("question").await;
    let mut view = stage.view(chat).await;
    view.until("the first words", |view| view.preview_text() == "The answer is ").await;
    let last = view.last_id();

    let stage = stage.crash().await;
    let watched = stage.chat.watch(&stage.subject, chat, Start::after(last)).await.unwrap();
    let mut view = crate::support::View::new(watched);
    // The new worker may have begun its attempt already; until it has, the words of the old one are shown.
    let mut early = stage.view(chat).await;
    early.until("something", |view| view.status.is_some()).await;
    assert!(model.reached("second life", DEADLINE).await, "the new life asks again");
    model.release("second life");
    view.until_waiting().await;
    assert_eq!(view.story(), [(MessageRole::Assistant, "The answer is 42.".into())]);
    assert_eq!(model.requests().len(), 2);
}

#[tokio::test]
async fn saved_words_survive_until_a_worker_takes_over() {
    let stage = Stage::new().await;
    let _model = stage
        .with_script(&json!({ "turns": [
        { "steps": [{ "text": "Saved words. " }, { "stall": null }] },
    ] }))
        .await;
    let chat = stage.create("question").await;
    let mut view = stage.view(chat).await;
    view.until("the words", |view| view.preview_text() == "Saved words. ").await;
    let row = stage.chat.get(&stage.subject, chat).await.unwrap();
    let stage = stage.crash().await;
    // What the disk has is what the viewer saw, whoever reads it.
    let parts = warren_db::query::chat_parts::list(
        stage.db.reader(),
        chat,
        row.history_version,
        row.generation_attempt,
        0,
    );
    let saved = serde_json::to_string(&parts.await.unwrap().iter().map(|row| &row.parts).collect::<Vec<_>>());
    let now = stage.chat.get(&stage.subject, chat).await.unwrap();
    assert!(
        saved.unwrap().contains("Saved") || now.generation_attempt > row.generation_attempt,
        "the words are on the disk until another attempt supersedes them"
    );
    stage.chat.interrupt(&stage.subject, chat).await.unwrap();
}

#[tokio::test]
async fn a_tool_that_a_crash_cuts_is_not_run_again() {
    let stage = Stage::new().await;
    let _model = stage.with_script(&json!({ "turns": [
        { "when": { "tool_results": 0 }, "steps": [{ "tool_call": {
            "name": "create_workspace", "args": { "template_id": "00000000-0000-4000-8000-000000000000" } } }] },
        { "when": { "tool_results": 1 }, "steps": [
            { "tool_call": { "name": "execute", "args": { "command": "hang" } } },
            { "tool_call": { "name": "write_file", "args": { "path": "/x", "content": "" } } } ] },
        { "steps": [{ "text": "I look what it did." }] },
    ] })).await;
    let chat = stage.create("hang").await;
    let mut view = stage.view(chat).await;
    view.until("the output of the hanging tool", |view| {
        format!("{:?}", view.preview).contains("line 1") && format!("{:?}", view.preview).contains("ok")
    })
    .await;
    // The two calls of one answer run side by side, so either may be the first to begin.
    let mut calls = stage.tools.calls();
    calls.sort();
    assert_eq!(calls, ["create_workspace", "execute hang", "write_file /x"]);

    let stage = stage.crash().await;
    let mut view = stage.view(chat).await;
    view.until("the question", |view| view.status == Some(ChatStatus::RequiresAction)).await;
    // Looking for it changes nothing and may happen again before the question is asked.
    let calls = stage.tools.calls();
    assert!(
        !calls.is_empty() && calls.iter().all(|call| call == "resume execute"),
        "nothing runs twice: {calls:?}"
    );
    let results = view.results();
    assert_eq!(results.len(), 2, "the outcome is not made up: {results:?}");
    assert_eq!(results[1].0, json!({ "ok": true }), "a tool that had finished keeps its result");
}

#[tokio::test]
async fn a_tool_that_goes_on_during_a_crash_is_found_again() {
    let stage = Stage::new().await;
    let _model = stage.with_script(&json!({ "turns": [
        { "when": { "tool_results": 0 }, "steps": [
            { "tool_call": { "name": "create_workspace", "args": { "template_id": "00000000-0000-4000-8000-000000000000" } } },
            { "tool_call": { "name": "execute", "args": { "command": "hang" } } } ] },
        { "steps": [{ "text": "It went on." }] },
    ] })).await;
    let chat = stage.create("hang").await;
    tokio::time::timeout(DEADLINE, stage.tools.hanging.notified()).await.unwrap();

    let stage = stage.crash_with(json!({ "success": true, "output": "all lines" })).await;
    let mut view = stage.view(chat).await;
    view.until_waiting().await;
    assert_eq!(stage.tools.calls(), ["resume execute"], "nothing runs twice");
    let results = view.results();
    assert_eq!(results[1], (json!({ "success": true, "output": "all lines" }), false));
    assert_eq!(view.story().last().unwrap().1, "It went on.");
}

#[tokio::test]
async fn a_start_that_a_crash_cuts_runs_again_with_the_build_that_was_written_down() {
    let stage = Stage::new().await;
    let start = json!({ "tool_call": { "name": "start_workspace", "args": {} } });
    let _model = stage
        .with_script(&json!({ "turns": [
        { "when": { "tool_results": 0 }, "steps": [start] },
        { "steps": [{ "text": "It runs." }] },
    ] }))
        .await;
    let chat = stage.create("start").await;
    tokio::time::timeout(DEADLINE, stage.tools.hanging.notified()).await.unwrap();
    let first = stage.tools.calls();
    let stage = stage.crash_with(json!(null)).await;
    stage.view(chat).await.until_waiting().await;
    assert_eq!(stage.tools.calls(), first, "the same build");
}
