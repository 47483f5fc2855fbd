//! Money that calls under way may cost, and what an owner has spent.

use chrono::{DateTime, Utc};
use sea_orm::{
    ConnectionTrait, EntityTrait, IntoActiveModel,
    sea_query::{
        Alias, Expr, ExprTrait, Func, OnConflict, Query, QueryStatementBuilder, SelectStatement, SimpleExpr,
    },
};
use warren_vocab::{ChatId, UserId};

use crate::{
    DbError, DbResult, Tx,
    entity::{chat_messages, chat_reservations::*, chats},
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
    let both = Query::select()
        .expr_as(whole(spent(owner, since)), Alias::new("spent"))
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
        .update_columns([Column::OwnerId, Column::LeaseEpoch, Column::Micros, Column::CreatedAt])
        .action_and_where(excluded(Column::LeaseEpoch).gte(Expr::col((Entity, Column::LeaseEpoch))));
    Entity::insert(model.into_active_model()).on_conflict(replace).exec_without_returning(tx).await?;
    Ok(())
}

/// Gives back what was set aside for a chat.
pub async fn release(tx: &Tx, chat: ChatId) -> DbResult<()> {
    Entity::delete_by_id(chat.as_uuid()).exec(tx).await?;
    Ok(())
}

fn spent(owner: UserId, since: DateTime<Utc>) -> SelectStatement {
    use chat_messages::{Column as M, Entity as Messages};
    Query::select()
        .expr(Func::sum(Expr::col((Messages, M::TotalCostMicros))))
        .from(Messages)
        .inner_join(
            chats::Entity,
            Expr::col((chats::Entity, chats::Column::Id)).equals((Messages, M::ChatId)),
        )
        .and_where(Expr::col((chats::Entity, chats::Column::OwnerId)).eq(owner.as_uuid()))
        .and_where(Expr::col((Messages, M::TotalCostMicros)).is_not_null())
        .and_where(Expr::col((Messages, M::CreatedAt)).gte(since))
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
