//! A chat at one moment: row, history and queue, read in one transaction.

use sea_orm::DatabaseTransaction;
use warren_vocab::ChatId;

use super::{chat_messages, chat_queue, chats};
use crate::{
    Database, DbError, DbResult,
    entity::{chat_messages as messages, chat_queued_messages, chats as chat_rows},
};

/// What a snapshot holds.
#[derive(Debug, Clone)]
pub struct ChatAt {
    pub chat: chat_rows::Model,
    /// The messages that changed after the revision that was asked for, deleted ones too.
    pub changed: Vec<messages::Model>,
    pub queue: Vec<chat_queued_messages::Model>,
}

/// Reads a chat; only messages that changed after `revision` are read.
pub async fn read(db: &Database, chat: ChatId, revision: i64) -> DbResult<Option<ChatAt>> {
    let transaction = db.snapshot().await?;
    let found = read_in(&transaction, chat, revision).await;
    transaction.rollback().await.map_err(DbError::from)?;
    found
}

async fn read_in(connection: &DatabaseTransaction, chat: ChatId, revision: i64) -> DbResult<Option<ChatAt>> {
    let Some(row) = chats::by_id(connection, chat).await? else { return Ok(None) };
    let changed = if row.history_version > revision {
        chat_messages::changed_since(connection, chat, revision).await?
    } else {
        Vec::new()
    };
    let queue = chat_queue::list(connection, chat).await?;
    Ok(Some(ChatAt { chat: row, changed, queue }))
}
