//! Model providers and their keys.

use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder,
    sea_query::Expr,
};
use warren_vocab::{AiProviderId, AiProviderKeyId};

use super::{is_false, same_text};
use crate::{
    DbResult, Tx,
    entity::{ai_provider_keys, ai_providers::*},
};

/// Finds a provider that is not deleted.
pub async fn by_id(connection: &impl ConnectionTrait, id: AiProviderId) -> DbResult<Option<Model>> {
    let query = Entity::find_by_id(id.as_uuid()).filter(is_false(Column::Deleted));
    Ok(query.one(connection).await?)
}

/// Finds a provider that is not deleted by its name, whatever the case.
pub async fn by_name(connection: &impl ConnectionTrait, name: &str) -> DbResult<Option<Model>> {
    let query = Entity::find().filter(same_text(Column::Name, name)).filter(is_false(Column::Deleted));
    Ok(query.one(connection).await?)
}

/// Lists the providers that are not deleted, by name.
pub async fn list(connection: &impl ConnectionTrait) -> DbResult<Vec<Model>> {
    Ok(Entity::find().filter(is_false(Column::Deleted)).order_by_asc(Column::Name).all(connection).await?)
}

/// Adds a provider.
pub async fn insert(tx: &Tx, model: Model) -> DbResult<()> {
    Entity::insert(model.into_active_model()).exec_without_returning(tx).await?;
    Ok(())
}

/// Writes all fields of a provider.
pub async fn update(tx: &Tx, model: Model) -> DbResult<()> {
    model.into_active_model().reset_all().update(tx).await?;
    Ok(())
}

/// Lists the keys of providers, oldest first.
pub async fn keys(
    connection: &impl ConnectionTrait,
    providers: &[AiProviderId],
) -> DbResult<Vec<ai_provider_keys::Model>> {
    use ai_provider_keys::{Column, Entity};
    let ids = providers.iter().map(|id| id.as_uuid());
    let query = Entity::find().filter(Column::ProviderId.is_in(ids));
    Ok(query.order_by_asc(Column::CreatedAt).order_by_asc(Column::Id).all(connection).await?)
}

/// Adds a key.
pub async fn insert_key(tx: &Tx, model: ai_provider_keys::Model) -> DbResult<()> {
    ai_provider_keys::Entity::insert(model.into_active_model()).exec_without_returning(tx).await?;
    Ok(())
}

/// Removes the keys of a provider that are not in the list.
pub async fn keep_keys(tx: &Tx, provider: AiProviderId, kept: &[AiProviderKeyId]) -> DbResult<()> {
    use ai_provider_keys::{Column, Entity};
    let kept = kept.iter().map(|id| id.as_uuid());
    let query = Entity::delete_many().filter(Column::ProviderId.eq(provider.as_uuid()));
    query.filter(Column::Id.is_not_in(kept)).exec(tx).await?;
    Ok(())
}

/// Marks a provider as deleted and forgets its keys.
pub async fn delete(tx: &Tx, id: AiProviderId) -> DbResult<()> {
    let update = Entity::update_many().col_expr(Column::Deleted, Expr::value(true));
    update.filter(Column::Id.eq(id.as_uuid())).exec(tx).await?;
    keep_keys(tx, id, &[]).await
}
