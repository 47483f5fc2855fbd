//! The servers of a deployment. Times are those of the database.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, FromQueryResult, IntoActiveModel, QueryFilter,
    QueryOrder, QuerySelect,
    sea_query::{Alias, Expr, ExprTrait, OnConflict, Query, SelectStatement, SimpleExpr},
};
use warren_vocab::ReplicaId;

use super::clock;
use crate::{
    DbResult, Tx,
    entity::{chats, replicas::*},
};

/// How long a server may be silent before it is taken for dead: several signs of life must have been lost.
pub const PATIENCE: Duration = Duration::from_millis(3500);

/// A server, and what the others think of it.
#[derive(Debug, Clone, PartialEq, FromQueryResult)]
pub struct Judged {
    #[sea_orm(nested)]
    pub row: Model,
    pub is_silent: bool,
}

/// Writes down that a server lives, and what it says of itself. Its row is made when there is none.
pub async fn beat(tx: &Tx, model: Model) -> DbResult<()> {
    let mut again = OnConflict::column(Column::Id);
    again.update_columns([
        Column::Hostname,
        Column::RelayAddress,
        Column::Version,
        Column::RegionId,
        Column::Error,
        Column::DatabaseLatency,
        Column::HeardAt,
        Column::SteadySince,
    ]);
    Entity::insert(model.into_active_model()).on_conflict(again).exec_without_returning(tx).await?;
    Ok(())
}

/// Lists all servers, the oldest first.
pub async fn list(connection: &impl ConnectionTrait) -> DbResult<Vec<Model>> {
    Ok(Entity::find().order_by_asc(Column::StartedAt).order_by_asc(Column::Id).all(connection).await?)
}

/// Lists all servers, the oldest first, and says of each what [`is_silent`] says.
pub async fn judged(connection: &impl ConnectionTrait, patience: TimeDelta) -> DbResult<Vec<Judged>> {
    let verdict: SimpleExpr = Expr::case(silent(connection, patience), true).finally(false).into();
    let query = Entity::find().expr_as(verdict, "is_silent");
    let query = query.order_by_asc(Column::StartedAt).order_by_asc(Column::Id);
    Ok(query.into_model::<Judged>().all(connection).await?)
}

/// Whether a server was heard of before, but not for so long although others were. One that was never heard of is not
/// silent: it may not say whether it lives.
pub async fn is_silent(
    connection: &impl ConnectionTrait,
    id: ReplicaId,
    patience: TimeDelta,
) -> DbResult<bool> {
    let query = Entity::find_by_id(id.as_uuid()).filter(silent(connection, patience));
    Ok(query.one(connection).await?.is_some())
}

/// The longest time between two signs of life of a server that says without a gap that it lives.
pub fn gap_max(patience: TimeDelta) -> TimeDelta {
    patience * 4 / 7
}

/// The condition that a server is silent. After the database was away, or its clock was set, every sign of life is old or lies
/// in the future; it says something about its server only while a witness has lived through all the time in question.
pub(super) fn silent(connection: &impl ConnectionTrait, patience: TimeDelta) -> Condition {
    let heard_at = || Expr::col((Entity, Column::HeardAt));
    let is_off = Condition::any()
        .add(heard_at().lt(clock::ago(connection, patience)))
        .add(heard_at().gt(clock::ago(connection, -patience)));
    Condition::all().add(is_off).add(Expr::exists(witness(connection, patience)))
}

fn witness(connection: &impl ConnectionTrait, patience: TimeDelta) -> SelectStatement {
    let witness = Alias::new("witness");
    let fresh = gap_max(patience);
    Query::select()
        .expr(Expr::value(1))
        .from_as(Entity, witness.clone())
        .and_where(Expr::col((witness.clone(), Column::HeardAt)).gte(clock::ago(connection, fresh)))
        .and_where(Expr::col((witness.clone(), Column::HeardAt)).lte(clock::ago(connection, -fresh)))
        .and_where(Expr::col((witness, Column::SteadySince)).lte(clock::ago(connection, patience)))
        .to_owned()
}

/// Forgets a server that stops, unless it still has chats, as it could not give them back: by its row, which grows silent, the
/// others see that they may take them.
pub async fn remove(tx: &Tx, id: ReplicaId) -> DbResult<()> {
    let delete = Entity::delete_many().filter(Column::Id.eq(id.as_uuid()));
    delete.filter(Expr::exists(held_by_it(tx)).not()).exec(tx).await?;
    Ok(())
}

/// Forgets the dead servers that another one has followed at their address, and says how many that were. One whose chats
/// nobody has taken over yet is kept: by its row the others see that they may.
pub async fn remove_predecessors(
    tx: &Tx,
    id: ReplicaId,
    relay_address: &str,
    patience: TimeDelta,
) -> DbResult<u64> {
    let delete = Entity::delete_many()
        .filter(Column::RelayAddress.eq(relay_address))
        .filter(Column::Id.ne(id.as_uuid()))
        .filter(silent(tx, patience))
        .filter(Expr::exists(held_by_it(tx)).not());
    Ok(delete.exec(tx).await?.rows_affected)
}

/// The chats whose leases a server has.
fn held_by_it(connection: &impl ConnectionTrait) -> SelectStatement {
    use chats::{Column as C, Entity as Chats};
    Query::select()
        .expr(Expr::value(1))
        .from(Chats)
        .and_where(Expr::col((Chats, C::WorkerId)).equals((Entity, Column::Id)))
        .and_where(Expr::col((Chats, C::LeaseExpiresAt)).gt(clock::expression(connection)))
        .to_owned()
}

/// Forgets all servers but one.
pub async fn keep_only(tx: &Tx, id: ReplicaId) -> DbResult<()> {
    Entity::delete_many().filter(Column::Id.ne(id.as_uuid())).exec(tx).await?;
    Ok(())
}

/// Forgets servers that were not heard of since a time.
pub async fn remove_silent(tx: &Tx, since: DateTime<Utc>) -> DbResult<()> {
    Entity::delete_many().filter(Column::HeardAt.lt(since)).exec(tx).await?;
    Ok(())
}
