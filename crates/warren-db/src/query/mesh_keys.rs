//! The keys by which the servers of a deployment know each other.

use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder};

use crate::{DbResult, Tx, entity::mesh_keys::*};

/// Lists the keys, the newest first.
pub async fn list(connection: &impl ConnectionTrait) -> DbResult<Vec<Model>> {
    let query = Entity::find().order_by_desc(Column::CreatedAt).order_by_desc(Column::Id);
    Ok(query.all(connection).await?)
}

/// Adds a key.
pub async fn insert(tx: &Tx, model: Model) -> DbResult<()> {
    Entity::insert(model.into_active_model()).exec_without_returning(tx).await?;
    Ok(())
}

/// Removes the keys that were made before a time.
pub async fn remove_older(tx: &Tx, than: DateTime<Utc>) -> DbResult<()> {
    Entity::delete_many().filter(Column::CreatedAt.lt(than)).exec(tx).await?;
    Ok(())
}
