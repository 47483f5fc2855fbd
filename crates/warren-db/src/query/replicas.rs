//! The servers of a deployment. Times are those of the database.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder,
    sea_query::{Expr, ExprTrait, OnConflict},
};
use warren_vocab::ReplicaId;

use super::clock;
use crate::{DbResult, Tx, entity::replicas::*};

/// How long a server may be silent before it is taken for dead: several signs of life must have been lost.
pub const PATIENCE: Duration = Duration::from_millis(3500);

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
    ]);
    Entity::insert(model.into_active_model()).on_conflict(again).exec_without_returning(tx).await?;
    Ok(())
}

/// Lists all servers, the oldest first.
pub async fn list(connection: &impl ConnectionTrait) -> DbResult<Vec<Model>> {
    Ok(Entity::find().order_by_asc(Column::StartedAt).order_by_asc(Column::Id).all(connection).await?)
}

/// Whether a server was heard of before, but not for so long. One that was never heard of is not silent: it may not say
/// whether it lives.
pub async fn is_silent(
    connection: &impl ConnectionTrait,
    id: ReplicaId,
    patience: TimeDelta,
) -> DbResult<bool> {
    let query = Entity::find_by_id(id.as_uuid())
        .filter(Expr::col(Column::HeardAt).lt(clock::ago(connection, patience)));
    Ok(query.one(connection).await?.is_some())
}

/// Forgets a server that stops.
pub async fn remove(tx: &Tx, id: ReplicaId) -> DbResult<()> {
    Entity::delete_by_id(id.as_uuid()).exec(tx).await?;
    Ok(())
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
