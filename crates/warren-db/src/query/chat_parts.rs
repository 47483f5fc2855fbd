//! Saved parts of answers that are not committed.

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder};
use warren_vocab::ChatId;

use crate::{DbResult, Tx, entity::chat_parts::*};

/// Adds rows of parts.
pub async fn insert(tx: &Tx, models: Vec<Model>) -> DbResult<()> {
    if models.is_empty() {
        return Ok(());
    }
    let rows = models.into_iter().map(IntoActiveModel::into_active_model);
    Entity::insert_many::<ActiveModel, _>(rows).exec_without_returning(tx).await?;
    Ok(())
}

/// Lists the parts of one attempt, in order.
pub async fn list(
    connection: &impl ConnectionTrait,
    chat: ChatId,
    history_version: i64,
    attempt: i64,
) -> DbResult<Vec<Model>> {
    let query = Entity::find()
        .filter(Column::ChatId.eq(chat.as_uuid()))
        .filter(Column::HistoryVersion.eq(history_version))
        .filter(Column::GenerationAttempt.eq(attempt));
    Ok(query.order_by_asc(Column::FirstSeq).all(connection).await?)
}

/// Forgets all saved parts of a chat.
pub async fn clear(tx: &Tx, chat: ChatId) -> DbResult<()> {
    Entity::delete_many().filter(Column::ChatId.eq(chat.as_uuid())).exec(tx).await?;
    Ok(())
}
