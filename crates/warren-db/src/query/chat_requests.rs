//! Requests that carried an idempotency key.

use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter};
use warren_vocab::UserId;

use crate::{DbResult, Tx, entity::chat_requests::*};

/// Finds the request of an owner with this key.
pub async fn by_key(connection: &impl ConnectionTrait, owner: UserId, key: &str) -> DbResult<Option<Model>> {
    Ok(Entity::find_by_id((owner.as_uuid(), key.to_owned())).one(connection).await?)
}

/// Remembers a request.
///
/// # Errors
/// Fails with a unique violation when the owner has used the key.
pub async fn insert(tx: &Tx, model: Model) -> DbResult<()> {
    Entity::insert(model.into_active_model()).exec_without_returning(tx).await?;
    Ok(())
}

/// Forgets requests from before a time.
pub async fn forget_before(tx: &Tx, time: DateTime<Utc>) -> DbResult<u64> {
    Ok(Entity::delete_many().filter(Column::CreatedAt.lt(time)).exec(tx).await?.rows_affected)
}
