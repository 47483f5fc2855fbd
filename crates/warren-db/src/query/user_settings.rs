//! Settings of accounts.

use std::collections::BTreeMap;

use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, sea_query::OnConflict,
};
use warren_vocab::UserId;

use crate::{DbResult, Tx, entity::user_settings::*};

/// Reads all settings of an account by key.
pub async fn of_user(connection: &impl ConnectionTrait, user: UserId) -> DbResult<BTreeMap<String, String>> {
    let rows = Entity::find().filter(Column::UserId.eq(user.as_uuid())).all(connection).await?;
    Ok(rows.into_iter().map(|row| (row.key, row.value)).collect())
}

/// Sets settings of an account and leaves the others alone.
pub async fn set(tx: &Tx, user: UserId, settings: Vec<(&'static str, String)>) -> DbResult<()> {
    if settings.is_empty() {
        return Ok(());
    }
    let user_id = user.as_uuid();
    let rows = settings.into_iter().map(|(key, value)| Model { user_id, key: key.to_owned(), value });
    let replace = OnConflict::columns([Column::UserId, Column::Key]).update_column(Column::Value).to_owned();
    Entity::insert_many(rows.map(IntoActiveModel::into_active_model))
        .on_conflict(replace)
        .exec_without_returning(tx)
        .await?;
    Ok(())
}
