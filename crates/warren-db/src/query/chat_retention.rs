//! Chats that have served: those that nobody has used for long, and archived ones that are old enough to go.

use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select,
    sea_query::{Expr, ExprTrait, Query},
};
use uuid::Uuid;
use warren_vocab::{ChatId, ChatStatus};

use super::is_false;
use crate::{
    DbResult, Tx,
    entity::{chat_messages, chats::*},
};

/// Finds chats that rest, are not pinned and have not changed or got a message since a time, the oldest first.
pub async fn idle_since(
    connection: &impl ConnectionTrait,
    cutoff: DateTime<Utc>,
    limit: u64,
) -> DbResult<Vec<ChatId>> {
    ids(idle(cutoff).limit(limit), connection).await
}

/// Whether [`idle_since`] would find a chat.
pub async fn is_idle_since(
    connection: &impl ConnectionTrait,
    chat: ChatId,
    cutoff: DateTime<Utc>,
) -> DbResult<bool> {
    Ok(!ids(idle(cutoff).filter(Column::Id.eq(chat.as_uuid())), connection).await?.is_empty())
}

/// Finds chats that were archived before a time, the oldest first.
pub async fn archived_before(
    connection: &impl ConnectionTrait,
    cutoff: DateTime<Utc>,
    limit: u64,
) -> DbResult<Vec<ChatId>> {
    let query = Entity::find()
        .filter(Column::Archived.eq(true))
        .filter(Column::ParentChatId.is_null())
        .filter(Column::UpdatedAt.lt(cutoff))
        .order_by_asc(Column::UpdatedAt)
        .limit(limit);
    ids(query, connection).await
}

/// Deletes those of these chats that were archived before a time, with all that belongs to them.
pub async fn delete_archived(tx: &Tx, chats: &[ChatId], cutoff: DateTime<Utc>) -> DbResult<u64> {
    let delete = Entity::delete_many()
        .filter(Column::Id.is_in(chats.iter().map(|chat| chat.as_uuid())))
        .filter(Column::Archived.eq(true))
        .filter(Column::UpdatedAt.lt(cutoff));
    Ok(delete.exec(tx).await?.rows_affected)
}

fn idle(cutoff: DateTime<Utc>) -> Select<Entity> {
    use chat_messages::{Column as M, Entity as Messages};
    let newer_message = Query::select()
        .expr(Expr::value(1))
        .from(Messages)
        .and_where(Expr::col((Messages, M::ChatId)).equals((Entity, Column::Id)))
        .and_where(Expr::col((Messages, M::CreatedAt)).gte(cutoff))
        .and_where(is_false((Messages, M::Deleted)))
        .to_owned();
    Entity::find()
        .filter(is_false((Entity, Column::Archived)))
        .filter(Column::ParentChatId.is_null())
        .filter(Column::PinOrder.eq(0))
        .filter(Column::Status.is_in([ChatStatus::Waiting, ChatStatus::Error].map(ChatStatus::as_str)))
        .filter(Column::UpdatedAt.lt(cutoff))
        .filter(Expr::exists(newer_message).not())
        .order_by_asc(Column::UpdatedAt)
        .order_by_asc(Column::Id)
}

async fn ids(query: Select<Entity>, connection: &impl ConnectionTrait) -> DbResult<Vec<ChatId>> {
    let found = query.select_only().column(Column::Id).into_tuple::<Uuid>().all(connection).await?;
    Ok(found.into_iter().map(ChatId::from_uuid).collect())
}
