//! What single accounts may spend on chats, instead of what everybody may.

use sea_orm::{ConnectionTrait, EntityTrait, IntoActiveModel, QueryOrder, sea_query::OnConflict};
use warren_vocab::UserId;

use crate::{DbResult, Tx, entity::user_chat_spend_limits::*};

/// Finds the limit of an account.
pub async fn by_user(connection: &impl ConnectionTrait, user: UserId) -> DbResult<Option<Model>> {
    Ok(Entity::find_by_id(user.as_uuid()).one(connection).await?)
}

/// Lists all limits.
pub async fn list(connection: &impl ConnectionTrait) -> DbResult<Vec<Model>> {
    Ok(Entity::find().order_by_asc(Column::UserId).all(connection).await?)
}

/// Sets or replaces a limit.
pub async fn put(tx: &Tx, model: Model) -> DbResult<()> {
    let mut replace = OnConflict::column(Column::UserId);
    replace.update_columns([Column::LimitMicros, Column::UpdatedAt]);
    Entity::insert(model.into_active_model()).on_conflict(replace).exec_without_returning(tx).await?;
    Ok(())
}

/// Removes a limit. Gives `false` when there was none.
pub async fn remove(tx: &Tx, user: UserId) -> DbResult<bool> {
    Ok(Entity::delete_by_id(user.as_uuid()).exec(tx).await?.rows_affected == 1)
}
