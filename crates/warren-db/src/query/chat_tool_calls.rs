//! The tool ledger.

use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, sea_query::Expr,
};
use serde_json::Value;
use warren_vocab::ChatId;

use crate::{DbResult, Tx, entity::chat_tool_calls::*};

/// Names one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    pub chat: ChatId,
    /// The history version that committed the call.
    pub history_version: i64,
    pub call_id: String,
}

/// Writes down the intents of an answer.
pub async fn insert(tx: &Tx, models: Vec<Model>) -> DbResult<()> {
    if models.is_empty() {
        return Ok(());
    }
    let rows = models.into_iter().map(IntoActiveModel::into_active_model);
    Entity::insert_many::<ActiveModel, _>(rows).exec_without_returning(tx).await?;
    Ok(())
}

/// Lists the calls of the answer that made a history version, in order.
pub async fn list(
    connection: &impl ConnectionTrait,
    chat: ChatId,
    history_version: i64,
) -> DbResult<Vec<Model>> {
    let query = Entity::find()
        .filter(Column::ChatId.eq(chat.as_uuid()))
        .filter(Column::HistoryVersion.eq(history_version));
    Ok(query.order_by_asc(Column::Ordinal).all(connection).await?)
}

/// Moves a call from intent to started. Gives `false` when it was started before: then it must not run.
pub async fn start(tx: &Tx, key: &Key, now: DateTime<Utc>) -> DbResult<bool> {
    let update = Entity::update_many()
        .col_expr(Column::State, Expr::value("started"))
        .col_expr(Column::StartedAt, Expr::value(now))
        .filter(Column::ChatId.eq(key.chat.as_uuid()))
        .filter(Column::HistoryVersion.eq(key.history_version))
        .filter(Column::CallId.eq(&key.call_id))
        .filter(Column::State.eq("intent"));
    Ok(update.exec(tx).await?.rows_affected == 1)
}

/// Writes down the result of a call that was started.
pub async fn finish(tx: &Tx, key: &Key, result: Value, is_error: bool, now: DateTime<Utc>) -> DbResult<()> {
    let update = Entity::update_many()
        .col_expr(Column::State, Expr::value("finished"))
        .col_expr(Column::Result, Expr::value(result))
        .col_expr(Column::IsError, Expr::value(is_error))
        .col_expr(Column::FinishedAt, Expr::value(now))
        .filter(Column::ChatId.eq(key.chat.as_uuid()))
        .filter(Column::HistoryVersion.eq(key.history_version))
        .filter(Column::CallId.eq(&key.call_id));
    update.exec(tx).await?;
    Ok(())
}
