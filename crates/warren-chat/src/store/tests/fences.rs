//! What the database itself refuses, and what the store refuses before.
//!
//! Guards that were taken away, and a test that failed:
//!
//! | guard | test |
//! |---|---|
//! | the worker's belief is compared with the row | `a_worker_that_missed_a_change_of_status_or_history_changes_nothing` |
//! | nothing is written over a row that has changed | `a_write_that_has_read_an_older_row_finds_nothing` |
//! | nothing is written under another lease: both that and the comparison | `a_write_under_an_old_lease_is_refused_by_the_database` |

use std::collections::BTreeMap;

use chrono::Utc;
use serde_json::json;
use uuid::Uuid;
use warren_chat_proto::Stale;
use warren_db::{
    ConnectionTrait, DbError, Guard, Tx,
    entity::chat_messages,
    query::{
        self,
        chat_tool_calls::Key,
        chats::{Expected, Progress},
    },
};
use warren_vocab::{BusyBehavior, ChatId, MessageId, ReplicaId};

use super::{
    super::Command,
    stage::{Stage, Stored, answer},
};
use crate::error::ChatServiceError;

/// Runs SQL past the store, where `{chat}` stands for the id of the chat.
pub(super) async fn run(stage: &Stage, chat: ChatId, sql: &str) -> Result<(), String> {
    let sql = sql.replace("{chat}", &literal(stage, chat.as_uuid()));
    let written = stage.db.write(async |tx: &Tx| {
        tx.execute_unprepared(&sql).await?;
        Ok::<_, DbError>(())
    });
    written.await.map_err(|error| format!("{error:?}"))
}

/// An id as a literal of the engine.
pub(super) fn literal(stage: &Stage, id: Uuid) -> String {
    match stage.database.location() {
        warren_db::Location::Sqlite { .. } => format!("x'{}'", id.simple()),
        warren_db::Location::Postgres { .. } => format!("'{id}'"),
    }
}

/// Runs SQL that a fence must stop.
async fn refused(stage: &Stage, chat: ChatId, fence: &str, sql: &str) {
    let before: Stored = stage.stored(chat).await;
    let error = run(stage, chat, sql).await.expect_err(sql);
    assert!(error.contains(fence), "{sql}: {error}");
    assert_eq!(stage.stored(chat).await, before, "{sql}");
}

#[tokio::test]
async fn a_write_under_an_old_lease_is_refused_by_the_database() {
    let stage = Stage::new().await;
    let chat = stage.create("hello").await;
    let old = stage.take(chat).await;
    let current = stage.take(chat).await;
    assert_eq!(current.lease.epoch, old.lease.epoch + 1);
    let before = stage.stored(chat).await;
    // As a worker that checks nothing: the row as it is, but under the lease that it had.
    let row = stage.row_of(chat).await;
    let mut mine = row.clone();
    mine.snapshot_version += 1;
    let expected = Expected { snapshot_version: row.snapshot_version, lease: Some(old.lease) };
    let write = async |tx: &Tx| query::chats::update(tx, mine, expected).await;
    assert!(!stage.db.write_guarded(Guard::chat(chat), write).await.unwrap());
    assert_eq!(stage.stored(chat).await, before);
    // And as one that writes the number of its own lease back.
    let sql = format!(
        "UPDATE chats SET lease_epoch = {}, snapshot_version = snapshot_version + 1 WHERE id = {{chat}}",
        old.lease.epoch
    );
    refused(&stage, chat, "chats_fence", &sql).await;
    // Through the store it learns why.
    let late = stage.apply_under(chat, Some(&old), Command::CommitStep(vec![answer("late")])).await;
    assert!(matches!(late, Err(ChatServiceError::Stale(Stale::Lease))), "{late:?}");
    assert_eq!(stage.stored(chat).await, before);
    stage.apply_under(chat, Some(&current), Command::CommitStep(vec![answer("in time")])).await.unwrap();
}

#[tokio::test]
async fn a_lease_that_was_given_back_writes_nothing() {
    let stage = Stage::new().await;
    let chat = stage.create("hello").await;
    let fence = stage.take(chat).await;
    stage.apply_under(chat, Some(&fence), Command::Abandon).await.unwrap();
    let before = stage.stored(chat).await;
    let row = stage.row_of(chat).await;
    let expected = Expected { snapshot_version: row.snapshot_version, lease: Some(fence.lease) };
    let mut mine = row.clone();
    mine.snapshot_version += 1;
    let write = async |tx: &Tx| query::chats::update(tx, mine, expected).await;
    assert!(!stage.db.write(write).await.unwrap());
    let late = stage.apply_under(chat, Some(&fence), Command::FinishTurn).await;
    assert!(matches!(late, Err(ChatServiceError::Stale(Stale::Lease))));
    assert!(matches!(stage.apply(chat, Command::Abandon).await, Err(ChatServiceError::Conflict { .. })));
    assert_eq!(stage.stored(chat).await, before);
}

#[tokio::test]
async fn a_write_that_has_read_an_older_row_finds_nothing() {
    let stage = Stage::new().await;
    let chat = stage.create("hello").await;
    let read = stage.row_of(chat).await;
    stage.apply(chat, Command::RecordAttempt).await.unwrap();
    let before = stage.stored(chat).await;
    let mut mine = read.clone();
    mine.snapshot_version += 2;
    let expected = Expected { snapshot_version: read.snapshot_version, lease: None };
    let write = async |tx: &Tx| query::chats::update(tx, mine, expected).await;
    assert!(!stage.db.write(write).await.unwrap());
    assert_eq!(stage.stored(chat).await, before);
}

#[tokio::test]
async fn a_worker_that_missed_a_change_of_status_or_history_changes_nothing() {
    let stage = Stage::new().await;
    let chat = stage.create("hello").await;
    let fence = stage.take(chat).await;
    stage.apply(chat, Command::Interrupt).await.unwrap();
    let late = stage.apply_under(chat, Some(&fence), Command::CommitStep(vec![answer("x")])).await;
    assert!(matches!(late, Err(ChatServiceError::Stale(Stale::Status))));
    let chat = stage.create("hello").await;
    let fence = stage.take(chat).await;
    let message_id = stage.last_user_message(chat).await;
    stage.apply(chat, Command::Edit { message_id, message: stage.message("else") }).await.unwrap();
    let before = stage.stored(chat).await;
    let late = stage.apply_under(chat, Some(&fence), Command::CommitStep(vec![answer("x")])).await;
    assert!(matches!(late, Err(ChatServiceError::Stale(Stale::History))));
    assert_eq!(stage.stored(chat).await, before);
}

#[tokio::test]
async fn versions_never_go_back_and_nothing_changes_without_them() {
    let stage = Stage::new().await;
    let chat = stage.create("hello").await;
    stage.apply(chat, Command::CommitStep(vec![answer("hi")])).await.unwrap();
    for change in [
        "snapshot_version = snapshot_version - 1",
        "status = 'waiting'",
        "archived = TRUE",
        "history_version = history_version - 1",
        "queue_version = queue_version + 1",
        "generation_attempt = generation_attempt + 1",
        "lease_epoch = lease_epoch + 1",
        "snapshot_version = snapshot_version + 1, history_version = snapshot_version + 2",
    ] {
        let sql = format!("UPDATE chats SET {change} WHERE id = {{chat}}");
        refused(&stage, chat, "chats_fence", &sql).await;
    }
    run(&stage, chat, "UPDATE chats SET title = 'free', pin_order = 2 WHERE id = {chat}").await.unwrap();
}

#[tokio::test]
async fn messages_are_written_by_transitions_alone() {
    let stage = Stage::new().await;
    let (chat, other) = (stage.create("hello").await, stage.create("another").await);
    stage.apply(chat, Command::CommitStep(vec![answer("hi")])).await.unwrap();
    stage.apply(chat, Command::RecordAttempt).await.unwrap();
    for revision in [1, 2, 3, 4] {
        let stray = chat_messages::Model::new(chat.as_uuid(), "user", json!([]), revision, Utc::now());
        let written = stage.db.write(async |tx| query::chat_messages::insert(tx, stray).await).await;
        let error = format!("{:?}", written.unwrap_err());
        assert!(error.contains("chat_messages_insert_fence"), "{error}");
    }
    let fence = "chat_messages_update_fence";
    refused(&stage, chat, fence, "UPDATE chat_messages SET revision = 2 WHERE chat_id = {chat}").await;
    refused(&stage, chat, fence, "UPDATE chat_messages SET deleted = TRUE WHERE chat_id = {chat}").await;
    let other = literal(&stage, other.as_uuid());
    let sql = format!("UPDATE chat_messages SET chat_id = {other} WHERE chat_id = {{chat}}");
    refused(&stage, chat, fence, &sql).await;
    assert!(stage.last_user_message(chat).await > MessageId(0));
}

#[tokio::test]
async fn the_queue_is_written_by_transitions_alone() {
    let stage = Stage::new().await;
    let chat = stage.create("hello").await;
    stage.apply(chat, stage.send("waits", BusyBehavior::Queue)).await.unwrap();
    stage.apply(chat, Command::RecordAttempt).await.unwrap();
    let fence = "chat_queued_messages_update_fence";
    refused(&stage, chat, fence, "UPDATE chat_queued_messages SET position = 9 WHERE chat_id = {chat}").await;
    let fence = "chat_queued_messages_delete_fence";
    refused(&stage, chat, fence, "DELETE FROM chat_queued_messages WHERE chat_id = {chat}").await;
    let sql = "INSERT INTO chat_queued_messages (chat_id, created_by, model_config_id, content, position, created_at) \
               SELECT chat_id, created_by, model_config_id, content, 7, created_at FROM chat_queued_messages";
    refused(&stage, chat, "chat_queued_messages_insert_fence", sql).await;
    run(&stage, chat, "DELETE FROM chats WHERE id = {chat}").await.unwrap();
}

#[tokio::test]
async fn parts_come_from_the_lease_and_the_attempt_that_are_current() {
    let stage = Stage::new().await;
    let chat = stage.create("hello").await;
    let old = stage.take(chat).await;
    let fence = stage.take(chat).await;
    let attempt = stage.apply_under(chat, Some(&fence), Command::RecordAttempt).await.unwrap();
    let history = attempt.state.versions.history;
    let insert = async |part| {
        let write = async |tx: &Tx| query::chat_parts::insert(tx, vec![part]).await;
        stage.db.write_guarded(Guard::chat(chat), write).await
    };
    for part in [
        stage.part(chat, old.lease.epoch, history, 1),
        stage.part(chat, fence.lease.epoch, history, 2),
        stage.part(chat, fence.lease.epoch, history - 1, 1),
    ] {
        let error = format!("{:?}", insert(part).await.unwrap_err());
        assert!(error.contains("chat_parts_fence"), "{error}");
    }
    insert(stage.part(chat, fence.lease.epoch, history, 1)).await.unwrap();
    let current = stage.db.write_apart(async |tx: &Tx| query::chats::lock_free(tx, &[chat]).await).await;
    let progress = Progress { chat, lease: fence.lease, history_version: history, attempt: 1 };
    assert_eq!(current.unwrap(), BTreeMap::from([(chat, Some(progress))]));
}

#[tokio::test]
async fn a_tool_call_starts_once_and_only_under_the_current_lease() {
    let stage = Stage::new().await;
    let chat = stage.create("hello").await;
    let old = stage.take(chat).await;
    let history_version = stage.commit_calls(chat, &["a"]).await;
    let fence = stage.take(chat).await;
    let key = Key { chat, history_version, call_id: String::from("a") };
    assert!(!stage.start_call(&key, old.lease).await);
    assert!(!stage.finish_call(&key, fence.lease).await, "it has not begun");
    assert!(stage.start_call(&key, fence.lease).await);
    assert!(!stage.start_call(&key, fence.lease).await);
    assert!(!stage.finish_call(&key, old.lease).await);
    for state in ["intent", "approved", "asked"] {
        let sql = format!("UPDATE chat_tool_calls SET state = '{state}' WHERE chat_id = {{chat}}");
        refused(&stage, chat, "chat_tool_calls_fence", &sql).await;
    }
    assert!(stage.finish_call(&key, fence.lease).await);
    for state in ["started", "intent", "unknown"] {
        let sql = format!("UPDATE chat_tool_calls SET state = '{state}' WHERE chat_id = {{chat}}");
        refused(&stage, chat, "chat_tool_calls_fence", &sql).await;
    }
}

#[tokio::test]
async fn only_the_holder_renews_a_lease() {
    let stage = Stage::new().await;
    let chat = stage.create("hello").await;
    let fence = stage.take(chat).await;
    let before = stage.row_of(chat).await;
    assert!(stage.renew(ReplicaId::new(), chat, fence.lease).await.is_empty());
    assert_eq!(stage.row_of(chat).await, before);
    assert_eq!(stage.renew(stage.worker, chat, fence.lease).await, [(chat, fence.lease)]);
    assert!(stage.row_of(chat).await.lease_expires_at > before.lease_expires_at);
}
