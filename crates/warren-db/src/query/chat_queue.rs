//! The queues of chats.

use sea_orm::{
    ActiveModelTrait, ActiveValue::NotSet, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel,
    PaginatorTrait, QueryFilter, QueryOrder, sea_query::Expr,
};
use warren_vocab::{ChatId, QueuedMessageId};

use crate::{DbResult, Tx, entity::chat_queued_messages::*};

/// Lists the queue of a chat in the order in which it is worked off.
pub async fn list(connection: &impl ConnectionTrait, chat: ChatId) -> DbResult<Vec<Model>> {
    let query = Entity::find().filter(Column::ChatId.eq(chat.as_uuid()));
    Ok(query.order_by_asc(Column::Position).order_by_asc(Column::Id).all(connection).await?)
}

/// Counts the queue of a chat.
pub async fn count(connection: &impl ConnectionTrait, chat: ChatId) -> DbResult<u64> {
    Ok(Entity::find().filter(Column::ChatId.eq(chat.as_uuid())).count(connection).await?)
}

/// Appends a message; id and position are given here.
pub async fn append(tx: &Tx, model: Model) -> DbResult<Model> {
    let last = list(tx, ChatId::from_uuid(model.chat_id)).await?.last().map_or(0, |last| last.position);
    let mut active = Model { position: last + 1, ..model }.into_active_model();
    active.id = NotSet;
    Ok(active.insert(tx).await?)
}

/// Makes a message the first of its queue.
pub async fn move_first(tx: &Tx, chat: ChatId, id: QueuedMessageId) -> DbResult<()> {
    let first = list(tx, chat).await?.first().map_or(0, |first| first.position);
    let update = Entity::update_many().col_expr(Column::Position, Expr::value(first - 1));
    update.filter(Column::Id.eq(id.get())).filter(Column::ChatId.eq(chat.as_uuid())).exec(tx).await?;
    Ok(())
}

/// Removes a message.
pub async fn remove(tx: &Tx, chat: ChatId, id: QueuedMessageId) -> DbResult<()> {
    let query = Entity::delete_by_id(id.get()).filter(Column::ChatId.eq(chat.as_uuid()));
    query.exec(tx).await?;
    Ok(())
}

/// Removes all messages of a chat's queue.
pub async fn clear(tx: &Tx, chat: ChatId) -> DbResult<()> {
    Entity::delete_many().filter(Column::ChatId.eq(chat.as_uuid())).exec(tx).await?;
    Ok(())
}
