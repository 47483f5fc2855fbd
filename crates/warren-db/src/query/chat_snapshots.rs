//! A chat at one moment: row, history and queue, read together.

use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect, QueryTrait,
    sea_query::{Expr, ExprTrait, QueryStatementBuilder, SimpleExpr},
};
use warren_vocab::ChatId;

use super::{chat_messages, chat_queue, chats};
use crate::{
    Database, DbError, DbResult,
    database::Transaction,
    entity::{
        chat_messages as messages,
        chat_parts::{Column as P, Entity as Parts},
        chat_queued_messages, chats as chat_rows,
    },
};

/// The versions of a chat that a reader has already.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Known {
    pub history: i64,
    pub queue: i64,
}

/// What a snapshot holds.
#[derive(Debug, Clone)]
pub struct ChatAt {
    pub chat: chat_rows::Model,
    /// The messages that changed after the version that the reader has, deleted ones too.
    pub changed: Vec<messages::Model>,
    /// None when the reader has it already.
    pub queue: Option<Vec<chat_queued_messages::Model>>,
}

/// How far the store is with a chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub chat: ChatId,
    pub snapshot_version: i64,
    /// The number of the first part in the last row of the current attempt's parts, if there is one.
    pub part: Option<i64>,
}

/// Reads what a reader does not have. Most transitions change the row alone, and one row needs no transaction.
pub async fn read(db: &Database, chat: ChatId, known: Option<Known>) -> DbResult<Option<ChatAt>> {
    if let Some(known) = known {
        let Some(row) = chats::by_id(db.reader(), chat).await? else { return Ok(None) };
        if row.history_version <= known.history && row.queue_version <= known.queue {
            return Ok(Some(ChatAt { chat: row, changed: Vec::new(), queue: None }));
        }
    }
    let transaction = db.snapshot().await?;
    let found = read_in(&transaction, chat, known.unwrap_or_default()).await;
    transaction.rollback().await.map_err(DbError::from)?;
    found
}

async fn read_in(connection: &Transaction, chat: ChatId, known: Known) -> DbResult<Option<ChatAt>> {
    let Some(row) = chats::by_id(connection, chat).await? else { return Ok(None) };
    let changed = if row.history_version > known.history {
        chat_messages::changed_since(connection, chat, known.history).await?
    } else {
        Vec::new()
    };
    let queue =
        if row.queue_version > known.queue { Some(chat_queue::list(connection, chat).await?) } else { None };
    Ok(Some(ChatAt { chat: row, changed, queue }))
}

/// Says how far the store is with these chats; those that are gone are left out.
pub async fn places(connection: &impl ConnectionTrait, chats: &[ChatId]) -> DbResult<Vec<Place>> {
    use chat_rows::{Column as C, Entity as Chats};
    let part = Parts::find()
        .select_only()
        .column_as(P::FirstSeq.max(), "part")
        .filter(Expr::col((Parts, P::ChatId)).equals((Chats, C::Id)))
        .filter(Expr::col((Parts, P::HistoryVersion)).equals((Chats, C::HistoryVersion)))
        .filter(Expr::col((Parts, P::GenerationAttempt)).equals((Chats, C::GenerationAttempt)))
        .into_query();
    let query = Chats::find()
        .select_only()
        .columns([C::Id, C::SnapshotVersion])
        .expr_as(SimpleExpr::SubQuery(None, Box::new(part.into_sub_query_statement())), "part")
        .filter(C::Id.is_in(chats.iter().map(|chat| chat.as_uuid())));
    let rows: Vec<(uuid::Uuid, i64, Option<i64>)> = query.into_tuple().all(connection).await?;
    let place =
        |(chat, snapshot_version, part)| Place { chat: ChatId::from_uuid(chat), snapshot_version, part };
    Ok(rows.into_iter().map(place).collect())
}
