//! Settings of the whole deployment.

use sea_orm::{ConnectionTrait, EntityTrait, IntoActiveModel, sea_query::OnConflict};

use crate::{
    DbResult, Tx,
    entity::deployment_settings::{Column, Entity, Model},
};

/// Finds a setting.
pub async fn get(connection: &impl ConnectionTrait, key: &str) -> DbResult<Option<Model>> {
    Ok(Entity::find_by_id(key).one(connection).await?)
}

/// Makes or replaces a setting.
pub async fn put(tx: &Tx, model: Model) -> DbResult<()> {
    let mut replace = OnConflict::column(Column::Key);
    replace.update_columns([Column::Value, Column::UpdatedAt]);
    Entity::insert(model.into_active_model()).on_conflict(replace).exec_without_returning(tx).await?;
    Ok(())
}
