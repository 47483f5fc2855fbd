//! Session and API keys.

use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, sea_query::Expr};

use crate::{DbResult, Tx, entity::api_keys::*};

/// Finds a key by its public part.
pub async fn by_id(connection: &impl ConnectionTrait, id: &str) -> DbResult<Option<Model>> {
    Ok(Entity::find_by_id(id.to_owned()).one(connection).await?)
}

/// Adds a key.
pub async fn insert(tx: &Tx, model: Model) -> DbResult<()> {
    Entity::insert(model.into_active_model()).exec_without_returning(tx).await?;
    Ok(())
}

/// Removes a key; a missing one is no error.
pub async fn delete(tx: &Tx, id: &str) -> DbResult<()> {
    Entity::delete_by_id(id.to_owned()).exec(tx).await?;
    Ok(())
}

/// Notes a use and moves the expiry.
pub async fn touch(tx: &Tx, id: &str, now: DateTime<Utc>, expires_at: DateTime<Utc>) -> DbResult<()> {
    Entity::update_many()
        .col_expr(Column::LastUsedAt, Expr::value(now))
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .col_expr(Column::ExpiresAt, Expr::value(expires_at))
        .filter(Column::Id.eq(id))
        .exec(tx)
        .await?;
    Ok(())
}

/// Removes the keys that ran out before the given time.
pub async fn delete_expired(tx: &Tx, before: DateTime<Utc>) -> DbResult<u64> {
    Ok(Entity::delete_many().filter(Column::ExpiresAt.lt(before)).exec(tx).await?.rows_affected)
}
