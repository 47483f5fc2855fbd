//! Users' own keys of model providers.

use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, sea_query::OnConflict,
};
use warren_vocab::{AiProviderId, UserId};

use crate::{DbResult, Tx, entity::user_ai_provider_keys::*};

/// Lists the keys of a user.
pub async fn of_user(connection: &impl ConnectionTrait, user: UserId) -> DbResult<Vec<Model>> {
    Ok(Entity::find().filter(Column::UserId.eq(user.as_uuid())).all(connection).await?)
}

/// Finds a user's key of a provider.
pub async fn find(
    connection: &impl ConnectionTrait,
    user: UserId,
    provider: AiProviderId,
) -> DbResult<Option<Model>> {
    Ok(Entity::find_by_id((user.as_uuid(), provider.as_uuid())).one(connection).await?)
}

/// Adds a key or puts it in the place of the one before.
pub async fn put(tx: &Tx, model: Model) -> DbResult<()> {
    let mut replace = OnConflict::columns([Column::UserId, Column::ProviderId]);
    replace.update_columns([Column::Sealed, Column::Masked, Column::UpdatedAt]);
    Entity::insert(model.into_active_model()).on_conflict(replace).exec_without_returning(tx).await?;
    Ok(())
}

/// Forgets a key; nothing happens when there is none.
pub async fn delete(tx: &Tx, user: UserId, provider: AiProviderId) -> DbResult<()> {
    Entity::delete_by_id((user.as_uuid(), provider.as_uuid())).exec(tx).await?;
    Ok(())
}

/// Forgets the keys of all users of a provider.
pub async fn delete_of_provider(tx: &Tx, provider: AiProviderId) -> DbResult<()> {
    Entity::delete_many().filter(Column::ProviderId.eq(provider.as_uuid())).exec(tx).await?;
    Ok(())
}
