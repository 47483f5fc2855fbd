//! The tool ledger.

use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
    UpdateMany,
    sea_query::{Expr, ExprTrait},
};
use serde_json::Value;
use uuid::Uuid;
use warren_vocab::{ChatId, LeaseId};

use super::chats::is_held;
use crate::{DbResult, Tx, entity::chat_tool_calls::*};

/// Names one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    pub chat: ChatId,
    /// The revision of the message that committed the call.
    pub history_version: i64,
    pub call_id: String,
}

/// What somebody decided about a call that was asked about.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// The word of the ledger.
    pub state: &'static str,
    pub decided_by: Option<Uuid>,
    pub note: Option<String>,
    /// What the model is told, where the tool does not run.
    pub result: Option<(Value, bool)>,
    /// Whether the call runs anew, under another number.
    pub is_new_run: bool,
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

/// Lists the calls of the answer that has a revision, in order.
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

/// Lists the calls of a chat that wait for a user or a client, in order.
pub async fn pending(connection: &impl ConnectionTrait, chat: ChatId) -> DbResult<Vec<Model>> {
    let query = Entity::find()
        .filter(Column::ChatId.eq(chat.as_uuid()))
        .filter(Column::State.is_in(["asked", "unknown"]));
    let query = query.order_by_asc(Column::HistoryVersion).order_by_asc(Column::Ordinal);
    Ok(query.all(connection).await?)
}

/// Finds the newest call under each of some ids, in order.
pub async fn newest(
    connection: &impl ConnectionTrait,
    chat: ChatId,
    call_ids: Vec<String>,
) -> DbResult<Vec<Model>> {
    let query =
        Entity::find().filter(Column::ChatId.eq(chat.as_uuid())).filter(Column::CallId.is_in(call_ids));
    let query = query.order_by_desc(Column::HistoryVersion).order_by_asc(Column::Ordinal);
    let mut newest: Vec<Model> = Vec::new();
    for row in query.all(connection).await? {
        if newest.iter().all(|known| known.call_id != row.call_id) {
            newest.push(row);
        }
    }
    newest.sort_by_key(|row| (row.history_version, row.ordinal));
    Ok(newest)
}

/// Lists the calls of a chat that were started and have not ended.
pub async fn running(connection: &impl ConnectionTrait, chat: ChatId) -> DbResult<Vec<Model>> {
    let query = Entity::find().filter(Column::ChatId.eq(chat.as_uuid())).filter(Column::State.eq("started"));
    let query = query.order_by_asc(Column::HistoryVersion).order_by_asc(Column::Ordinal);
    Ok(query.all(connection).await?)
}

/// The ids of all calls that a chat ever had, each once.
pub async fn call_ids(connection: &impl ConnectionTrait, chat: ChatId) -> DbResult<Vec<String>> {
    let query = Entity::find().select_only().column(Column::CallId).distinct();
    Ok(query.filter(Column::ChatId.eq(chat.as_uuid())).into_tuple().all(connection).await?)
}

/// Finds one call.
pub async fn by_key(connection: &impl ConnectionTrait, key: &Key) -> DbResult<Option<Model>> {
    let id = (key.chat.as_uuid(), key.history_version, key.call_id.clone());
    Ok(Entity::find_by_id(id).one(connection).await?)
}

/// Moves a call to started, for the holder of a lease. Gives `false` when it was started before, when nobody may run it, or
/// when the lease is not the current one: then it must not run.
pub async fn start(
    tx: &Tx,
    key: &Key,
    lease: LeaseId,
    intent: Option<Value>,
    now: DateTime<Utc>,
) -> DbResult<bool> {
    let update = of_key(key)
        .col_expr(Column::State, Expr::value("started"))
        .col_expr(Column::StartedAt, Expr::value(now))
        .col_expr(Column::Intent, Expr::value(intent))
        .filter(Column::State.is_in(["intent", "approved"]))
        .filter(is_held(key.chat, lease));
    Ok(update.exec(tx).await?.rows_affected == 1)
}

/// Writes down the result of a call that was started, for the holder of a lease. Gives `false` when the call is not running
/// or the lease is not the current one.
pub async fn finish(
    tx: &Tx,
    key: &Key,
    lease: LeaseId,
    result: Value,
    is_error: bool,
    now: DateTime<Utc>,
) -> DbResult<bool> {
    let update = of_key(key)
        .col_expr(Column::State, Expr::value("finished"))
        .col_expr(Column::Result, Expr::value(result))
        .col_expr(Column::IsError, Expr::value(is_error))
        .col_expr(Column::FinishedAt, Expr::value(now))
        .filter(Column::State.eq("started"))
        .filter(is_held(key.chat, lease));
    Ok(update.exec(tx).await?.rows_affected == 1)
}

/// Makes a call wait for a user or a client. Gives `false` when it has ended.
pub async fn ask(tx: &Tx, key: &Key, state: &'static str, ask: Value, now: DateTime<Utc>) -> DbResult<bool> {
    let update = of_key(key)
        .col_expr(Column::State, Expr::value(state))
        .col_expr(Column::Ask, Expr::value(ask))
        .col_expr(Column::AskedAt, Expr::value(now))
        .filter(Column::State.is_not_in(ENDED));
    Ok(update.exec(tx).await?.rows_affected == 1)
}

/// Writes down what was decided about a call that waits. Gives `false` when it does not wait.
pub async fn decide(tx: &Tx, key: &Key, decision: Decision, now: DateTime<Utc>) -> DbResult<bool> {
    let mut update = of_key(key)
        .col_expr(Column::State, Expr::value(decision.state))
        .col_expr(Column::DecidedBy, Expr::value(decision.decided_by))
        .col_expr(Column::Note, Expr::value(decision.note))
        .col_expr(Column::DecidedAt, Expr::value(now))
        .filter(Column::State.is_in(["asked", "unknown"]));
    if let Some((result, is_error)) = decision.result {
        update = update
            .col_expr(Column::Result, Expr::value(result))
            .col_expr(Column::IsError, Expr::value(is_error))
            .col_expr(Column::FinishedAt, Expr::value(now));
    }
    if decision.is_new_run {
        update = update.col_expr(Column::Run, Expr::col(Column::Run).add(1));
    }
    Ok(update.exec(tx).await?.rows_affected == 1)
}

/// Lists the calls of a chat that have not started and those that wait.
pub async fn unstarted(connection: &impl ConnectionTrait, chat: ChatId) -> DbResult<Vec<Model>> {
    let query = Entity::find().filter(Column::ChatId.eq(chat.as_uuid()));
    Ok(query.filter(Column::State.is_in(UNSTARTED)).all(connection).await?)
}

/// Ends a call that has not started or that waits: nobody wants it any more. Gives `false` when it is not such a call.
pub async fn close(tx: &Tx, key: &Key, result: Value, now: DateTime<Utc>) -> DbResult<bool> {
    let update = of_key(key)
        .col_expr(Column::State, Expr::value("denied"))
        .col_expr(Column::Result, Expr::value(result))
        .col_expr(Column::IsError, Expr::value(true))
        .col_expr(Column::FinishedAt, Expr::value(now))
        .filter(Column::State.is_in(UNSTARTED));
    Ok(update.exec(tx).await?.rows_affected == 1)
}

/// The states of a call that has not started, or that waits.
const UNSTARTED: [&str; 4] = ["intent", "asked", "approved", "unknown"];
/// The states that a call stays in.
const ENDED: [&str; 2] = ["finished", "denied"];

fn of_key(key: &Key) -> UpdateMany<Entity> {
    Entity::update_many()
        .filter(Column::ChatId.eq(key.chat.as_uuid()))
        .filter(Column::HistoryVersion.eq(key.history_version))
        .filter(Column::CallId.eq(&key.call_id))
}
