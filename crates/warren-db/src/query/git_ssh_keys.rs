//! Key pairs for Git over SSH.

use sea_orm::{ConnectionTrait, EntityTrait, IntoActiveModel, sea_query::OnConflict};
use warren_vocab::UserId;

use crate::{DbResult, Tx, entity::git_ssh_keys::*};

/// Finds the key pair of an account.
pub async fn by_user(connection: &impl ConnectionTrait, user: UserId) -> DbResult<Option<Model>> {
    Ok(Entity::find_by_id(user.as_uuid()).one(connection).await?)
}

/// Stores the key pair of an account in place of an earlier one, which keeps its creation time.
pub async fn replace(tx: &Tx, model: Model) -> DbResult<()> {
    let columns = [Column::SealedPrivateKey, Column::PublicKey, Column::UpdatedAt];
    let replace = OnConflict::column(Column::UserId).update_columns(columns).to_owned();
    Entity::insert(model.into_active_model()).on_conflict(replace).exec_without_returning(tx).await?;
    Ok(())
}

/// Stores the key pair of an account that has none; an earlier one stays.
pub async fn insert_missing(tx: &Tx, model: Model) -> DbResult<()> {
    let keep = OnConflict::column(Column::UserId).do_nothing().to_owned();
    Entity::insert(model.into_active_model()).on_conflict(keep).exec_without_returning(tx).await?;
    Ok(())
}
