//! The servers of a deployment. Times are those of the database.

use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder,
    sea_query::OnConflict,
};
use warren_vocab::ReplicaId;

use crate::{DbResult, Tx, entity::replicas::*};

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
