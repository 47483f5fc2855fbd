//! Models that chats may use.

use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder,
    sea_query::Expr,
};
use warren_vocab::{AiProviderId, ModelConfigId};

use super::is_false;
use crate::{DbResult, Tx, entity::chat_model_configs::*};

/// Finds a model, deleted or not: old messages still name it.
pub async fn by_id(connection: &impl ConnectionTrait, id: ModelConfigId) -> DbResult<Option<Model>> {
    Ok(Entity::find_by_id(id.as_uuid()).one(connection).await?)
}

/// Lists the models that are not deleted, by display name and model.
pub async fn list(connection: &impl ConnectionTrait) -> DbResult<Vec<Model>> {
    let query = Entity::find().filter(is_false(Column::Deleted));
    let query = query.order_by_asc(Column::DisplayName).order_by_asc(Column::Model).order_by_asc(Column::Id);
    Ok(query.all(connection).await?)
}

/// Adds a model. When it is the default, the one before is not any more.
pub async fn insert(tx: &Tx, model: Model) -> DbResult<()> {
    if model.is_default {
        clear_default(tx).await?;
    }
    Entity::insert(model.into_active_model()).exec_without_returning(tx).await?;
    Ok(())
}

/// Writes all fields of a model. When it becomes the default, the one before is not any more.
pub async fn update(tx: &Tx, model: Model) -> DbResult<()> {
    if model.is_default {
        clear_default(tx).await?;
    }
    model.into_active_model().reset_all().update(tx).await?;
    Ok(())
}

/// Marks all models of a provider as deleted.
pub async fn delete_of_provider(tx: &Tx, provider: AiProviderId) -> DbResult<()> {
    let update = Entity::update_many()
        .col_expr(Column::Deleted, Expr::value(true))
        .col_expr(Column::IsDefault, Expr::value(false));
    update.filter(Column::AiProviderId.eq(provider.as_uuid())).exec(tx).await?;
    Ok(())
}

/// Makes some enabled model the default when there is none.
pub async fn ensure_default(tx: &Tx) -> DbResult<()> {
    let models = list(tx).await?;
    if models.iter().any(|model| model.is_default && model.enabled) {
        return Ok(());
    }
    clear_default(tx).await?;
    let Some(next) = models.into_iter().find(|model| model.enabled) else { return Ok(()) };
    update(tx, Model { is_default: true, ..next }).await
}

async fn clear_default(tx: &Tx) -> DbResult<()> {
    let update = Entity::update_many().col_expr(Column::IsDefault, Expr::value(false));
    update.filter(Column::IsDefault.eq(true)).exec(tx).await?;
    Ok(())
}
