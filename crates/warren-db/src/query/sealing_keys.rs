//! Which keys seal the values of this database.

use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder,
    sea_query::OnConflict,
};

use crate::{DbResult, Tx, entity::sealing_keys::*};

/// Lists the keys in the order of first use.
pub async fn list(connection: &impl ConnectionTrait) -> DbResult<Vec<Model>> {
    Ok(Entity::find().order_by_asc(Column::Ordinal).all(connection).await?)
}

/// Adds a key unless another one took its place in the meantime.
pub async fn insert(tx: &Tx, model: Model) -> DbResult<()> {
    let insert = Entity::insert(model.into_active_model());
    insert.on_conflict(OnConflict::new().do_nothing().to_owned()).exec_without_returning(tx).await?;
    Ok(())
}

/// Forgets all keys but one.
pub async fn keep_only(tx: &Tx, id: &str) -> DbResult<()> {
    Entity::delete_many().filter(Column::Id.ne(id)).exec(tx).await?;
    Ok(())
}
