//! Who works on a chat: stopping, dying, racing, and taking turns.

use std::time::Duration;

use serde_json::{Value, json};
use warren_chat::WorkerConfig;
use warren_vocab::{ChatStatus, MessageRole};

use crate::{
    rows::{row, until_row},
    support::{DEADLINE, Stage},
};

/// Looks for chats often. The lease is long enough for a machine that is busy with other things.
fn quick() -> WorkerConfig {
    WorkerConfig { sweep: Duration::from_millis(200), ..WorkerConfig::default() }
}

/// Says something and hangs at the first request, and answers at the second.
fn hangs_once() -> Value {
    json!({ "turns": [
        { "when": { "nth": 1 }, "steps": [{ "text": "Half of " }, { "stall": null }] },
        { "steps": [{ "text": "The whole." }] },
    ] })
}

#[tokio::test]
async fn a_server_that_stops_gives_its_chat_back_without_interrupting_it() {
    let stage = Stage::new().await;
    let _model = stage.with_script(&hangs_once()).await;
    let chat = stage.create("question").await;
    let mut view = stage.view(chat).await;
    view.until("the first words", |view| view.preview_text() == "Half of ").await;
    let held = row(&stage, chat).await;
    assert!(held.worker_id.is_some());
    stage.stop().await;
    let given_back = row(&stage, chat).await;
    assert_eq!((given_back.worker_id, given_back.runner_id), (None, None));
    assert_eq!(given_back.status, ChatStatus::Running.as_str());
    assert_eq!(given_back.history_version, held.history_version, "nothing was committed");

    let stage = stage.crash().await;
    let mut view = stage.view(chat).await;
    view.until_waiting().await;
    assert_eq!(view.story().last().unwrap(), &(MessageRole::Assistant, "The whole.".into()));
}

#[tokio::test]
async fn another_server_goes_on_at_once_when_one_stops() {
    // A lease that nobody waits for in a test: only the hand-over can bring the chat across.
    let slow = WorkerConfig { lease: Duration::from_secs(600), sweep: Duration::from_secs(600), ..quick() };
    let stage = Stage::with_config(slow.clone()).await;
    let model = stage.with_script(&hangs_once()).await;
    let chat = stage.create("question").await;
    let mut view = stage.view(chat).await;
    view.until("the first words", |view| view.preview_text() == "Half of ").await;
    let Some((_other, other_tasks)) = stage.second_server(slow).await else { return };
    stage.stop().await;
    until_row(&stage, chat, "the answer", |row| row.status == ChatStatus::Waiting.as_str()).await;
    assert_eq!(model.requests().len(), 2);
    other_tasks.stop(DEADLINE).await;
}

#[tokio::test]
async fn a_dead_servers_chat_is_taken_over_when_its_lease_is_over() {
    let brief = WorkerConfig { lease: Duration::from_secs(2), ..quick() };
    let stage = Stage::with_config(brief).await;
    let model = stage.with_script(&hangs_once()).await;
    let chat = stage.create("question").await;
    let mut view = stage.view(chat).await;
    view.until("the first words", |view| view.preview_text() == "Half of ").await;
    let held = row(&stage, chat).await;
    let Some((_other, other_tasks)) = stage.second_server(quick()).await else { return };
    stage.kill().await;
    until_row(&stage, chat, "the answer", |row| row.status == ChatStatus::Waiting.as_str()).await;
    assert!(row(&stage, chat).await.lease_epoch > held.lease_epoch, "under another lease");
    assert_eq!(model.requests().len(), 2);
    other_tasks.stop(DEADLINE).await;
}

#[tokio::test]
async fn servers_that_race_for_chats_work_on_each_once() {
    let stage = Stage::with_config(quick()).await;
    let model = stage.with_script(&json!({ "turns": [{ "steps": [{ "text": "Hi." }] }] })).await;
    let Some((_other, other_tasks)) = stage.second_server(quick()).await else { return };
    let mut all = Vec::new();
    for n in 0..12 {
        all.push(stage.create(&format!("question {n}")).await);
    }
    for chat in all {
        until_row(&stage, chat, "an answer", |row| row.status == ChatStatus::Waiting.as_str()).await;
    }
    assert_eq!(model.requests().len(), 12);
    other_tasks.stop(DEADLINE).await;
}

#[tokio::test]
async fn an_owner_gets_no_more_than_a_share_and_the_rest_follows() {
    let config = WorkerConfig { chats_per_owner_max: 2, ..quick() };
    let stage = Stage::with_config(config).await;
    let model = stage
        .with_script(&json!({ "turns": [{ "steps": [{ "barrier": "gate" }, { "text": "Hi." }] }] }))
        .await;
    let mut all = Vec::new();
    for n in 0..5 {
        all.push(stage.create(&format!("question {n}")).await);
    }
    assert!(model.reached("gate", DEADLINE).await);
    let mut n_held = 0;
    for chat in &all {
        n_held += usize::from(row(&stage, *chat).await.worker_id.is_some());
    }
    assert!((1..=2).contains(&n_held), "{n_held}");
    model.release("gate");
    for chat in all {
        until_row(&stage, chat, "an answer", |row| row.status == ChatStatus::Waiting.as_str()).await;
    }
    assert_eq!(model.requests().len(), 5);
}

#[tokio::test]
async fn a_server_without_a_worker_shows_chats_and_works_on_none() {
    let stage = Stage::with_config(WorkerConfig { is_enabled: false, ..quick() }).await;
    let model = stage.with_script(&json!({ "turns": [{ "steps": [{ "text": "Hi." }] }] })).await;
    let chat = stage.create("question").await;
    let mut view = stage.view(chat).await;
    view.until("the question", |view| view.story().len() == 1).await;
    let untouched = row(&stage, chat).await;
    assert_eq!((untouched.worker_id, untouched.lease_epoch), (None, 0));
    let Some((_other, other_tasks)) = stage.second_server(quick()).await else { return };
    view.until_waiting().await;
    assert_eq!(model.requests().len(), 1);
    other_tasks.stop(DEADLINE).await;
}
