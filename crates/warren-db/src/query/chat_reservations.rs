//! Money that calls under way may cost, and what an owner has spent.

use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter,
    entity::prelude::Json,
    sea_query::{
        Alias, Expr, ExprTrait, Func, OnConflict, Query, QueryStatementBuilder, SelectStatement, SimpleExpr,
    },
};
use warren_vocab::{ChatId, LeaseId, UserId};

use super::chats::is_held;
use crate::{
    DbError, DbResult, Tx,
    entity::{chat_cut_calls, chat_messages, chat_reservations::*, chats},
};

/// The states of chats in which a model can be asked or has just been.
const BUSY: [&str; 2] = ["running", "interrupting"];

/// What an owner has spent since a time and what is set aside.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spend {
    pub spent_micros: i64,
    /// Set aside by calls that are under way.
    pub reserved_micros: i64,
}

/// Reads both sums in one statement: a call that commits its cost and gives its reservation back beside it is counted once.
/// The reservation of one chat may be left out.
pub async fn spend(
    connection: &impl ConnectionTrait,
    owner: UserId,
    since: DateTime<Utc>,
    without: Option<ChatId>,
) -> DbResult<Spend> {
    let spent = whole(answered(owner, since)).add(whole(cut_off(owner, since)));
    let both = Query::select()
        .expr_as(spent, Alias::new("spent"))
        .expr_as(whole(reserved(owner, without)), Alias::new("reserved"))
        .to_owned();
    let row = connection.query_one(&both).await?.ok_or(DbError::Corrupt { what: "sum" })?;
    Ok(Spend { spent_micros: row.try_get("", "spent")?, reserved_micros: row.try_get("", "reserved")? })
}

/// Sets money aside for a chat, instead of what was set aside for it before. A worker whose lease is older than the one
/// that the row names changes nothing.
pub async fn put(tx: &Tx, model: Model) -> DbResult<()> {
    let excluded = |column| Expr::col((Alias::new("excluded"), column));
    let mut replace = OnConflict::column(Column::ChatId);
    replace
        .update_columns([
            Column::OwnerId,
            Column::LeaseEpoch,
            Column::Micros,
            Column::Call,
            Column::CreatedAt,
        ])
        .action_and_where(excluded(Column::LeaseEpoch).gte(Expr::col((Entity, Column::LeaseEpoch))));
    Entity::insert(model.into_active_model()).on_conflict(replace).exec_without_returning(tx).await?;
    Ok(())
}

/// Replaces what is booked if the call is cut off, while the reservation is that of the lease and the chat is held under it.
pub async fn set_call(tx: &Tx, chat: ChatId, lease: LeaseId, call: Json) -> DbResult<()> {
    Entity::update_many()
        .col_expr(Column::Call, Expr::val(call))
        .filter(Column::ChatId.eq(chat.as_uuid()))
        .filter(Column::LeaseEpoch.eq(lease.epoch))
        .filter(is_held(chat, lease))
        .exec(tx)
        .await?;
    Ok(())
}

/// Ends what was set aside for a chat and gives it.
pub async fn take(tx: &Tx, chat: ChatId) -> DbResult<Option<Model>> {
    let found = Entity::find_by_id(chat.as_uuid()).one(tx).await?;
    if found.is_some() {
        Entity::delete_by_id(chat.as_uuid()).exec(tx).await?;
    }
    Ok(found)
}

/// What answers in histories have cost.
fn answered(owner: UserId, since: DateTime<Utc>) -> SelectStatement {
    use chat_messages::{Column as M, Entity as Messages};
    costs(owner, since, Messages, [M::ChatId, M::TotalCostMicros, M::CreatedAt])
}

/// What calls have cost that were cut off.
fn cut_off(owner: UserId, since: DateTime<Utc>) -> SelectStatement {
    use chat_cut_calls::{Column as C, Entity as CutCalls};
    costs(owner, since, CutCalls, [C::ChatId, C::TotalCostMicros, C::CreatedAt])
}

fn costs<E: EntityTrait>(
    owner: UserId,
    since: DateTime<Utc>,
    table: E,
    [chat, micros, created_at]: [E::Column; 3],
) -> SelectStatement {
    Query::select()
        .expr(Func::sum(Expr::col((table, micros))))
        .from(table)
        .inner_join(chats::Entity, Expr::col((chats::Entity, chats::Column::Id)).equals((table, chat)))
        .and_where(Expr::col((chats::Entity, chats::Column::OwnerId)).eq(owner.as_uuid()))
        .and_where(Expr::col((table, micros)).is_not_null())
        .and_where(Expr::col((table, created_at)).gte(since))
        .to_owned()
}

/// Only what the current lease of its chat has set aside counts, while a call can be under way.
fn reserved(owner: UserId, without: Option<ChatId>) -> SelectStatement {
    let mut query = Query::select();
    query
        .expr(Func::sum(Expr::col((Entity, Column::Micros))))
        .from(Entity)
        .inner_join(
            chats::Entity,
            Expr::col((chats::Entity, chats::Column::Id)).equals((Entity, Column::ChatId)).and(
                Expr::col((chats::Entity, chats::Column::LeaseEpoch)).equals((Entity, Column::LeaseEpoch)),
            ),
        )
        .and_where(Expr::col((Entity, Column::OwnerId)).eq(owner.as_uuid()))
        .and_where(Expr::col((chats::Entity, chats::Column::Status)).is_in(BUSY));
    if let Some(chat) = without {
        query.and_where(Expr::col((Entity, Column::ChatId)).ne(chat.as_uuid()));
    }
    query
}

/// PostgreSQL's sum of big integers is a decimal.
fn whole(sum: SelectStatement) -> SimpleExpr {
    let sum = SimpleExpr::SubQuery(None, Box::new(sum.into_sub_query_statement()));
    SimpleExpr::from(Func::coalesce([sum, Expr::value(0)])).cast_as("bigint")
}
