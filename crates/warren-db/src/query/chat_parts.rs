//! Saved parts of answers that are not committed.

use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait,
    sea_query::{ExprTrait, OnConflict},
};
use warren_vocab::ChatId;

use crate::{DbResult, Tx, entity::chat_parts::*};

/// Adds rows of parts. A row that is there already stays as it is: its first write may have worked unnoticed.
pub async fn insert(tx: &Tx, models: Vec<Model>) -> DbResult<()> {
    if models.is_empty() {
        return Ok(());
    }
    let rows = models.into_iter().map(IntoActiveModel::into_active_model);
    let key = [Column::ChatId, Column::HistoryVersion, Column::GenerationAttempt, Column::FirstSeq];
    let keep = OnConflict::columns(key).do_nothing().to_owned();
    Entity::insert_many::<ActiveModel, _>(rows).on_conflict(keep).exec_without_returning(tx).await?;
    Ok(())
}

/// Lists the rows with the parts of one attempt that come after a part, in order. The first may begin before it.
pub async fn list(
    connection: &impl ConnectionTrait,
    chat: ChatId,
    history_version: i64,
    attempt: i64,
    after_seq: i64,
) -> DbResult<Vec<Model>> {
    let rows = || {
        Entity::find()
            .filter(Column::ChatId.eq(chat.as_uuid()))
            .filter(Column::HistoryVersion.eq(history_version))
            .filter(Column::GenerationAttempt.eq(attempt))
    };
    let mut query = rows();
    if after_seq > 0 {
        let newest = rows().filter(Column::FirstSeq.lte(after_seq + 1)).select_only();
        let newest = newest.column_as(Column::FirstSeq.max(), "first_seq").into_query();
        query = query.filter(Column::FirstSeq.in_subquery(newest).or(Column::FirstSeq.gt(after_seq)));
    }
    Ok(query.order_by_asc(Column::FirstSeq).all(connection).await?)
}

/// Finds the newest attempt to extend a history that has saved parts.
pub async fn newest_attempt(
    connection: &impl ConnectionTrait,
    chat: ChatId,
    history_version: i64,
) -> DbResult<Option<i64>> {
    let query = Entity::find()
        .select_only()
        .column(Column::GenerationAttempt)
        .filter(Column::ChatId.eq(chat.as_uuid()))
        .filter(Column::HistoryVersion.eq(history_version))
        .order_by_desc(Column::GenerationAttempt);
    Ok(query.into_tuple().one(connection).await?)
}

/// Forgets the saved parts of attempts before this one.
pub async fn clear_before(tx: &Tx, chat: ChatId, history_version: i64, attempt: i64) -> DbResult<()> {
    Entity::delete_many()
        .filter(Column::ChatId.eq(chat.as_uuid()))
        .filter(Column::HistoryVersion.eq(history_version))
        .filter(Column::GenerationAttempt.lt(attempt))
        .exec(tx)
        .await?;
    Ok(())
}

/// Forgets all saved parts of a chat.
pub async fn clear(tx: &Tx, chat: ChatId) -> DbResult<()> {
    Entity::delete_many().filter(Column::ChatId.eq(chat.as_uuid())).exec(tx).await?;
    Ok(())
}
