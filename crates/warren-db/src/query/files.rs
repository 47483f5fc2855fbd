//! Uploaded files.

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QuerySelect};
use warren_vocab::{FileId, UserId};

use crate::{DbResult, Tx, entity::files::*};

/// Finds a file with its content.
pub async fn by_id(connection: &impl ConnectionTrait, id: FileId) -> DbResult<Option<Model>> {
    Ok(Entity::find_by_id(id.as_uuid()).one(connection).await?)
}

/// Finds who uploaded a file, without loading it.
pub async fn creator(connection: &impl ConnectionTrait, id: FileId) -> DbResult<Option<UserId>> {
    let query = Entity::find_by_id(id.as_uuid()).select_only().column(Column::CreatedBy);
    Ok(query.into_tuple::<uuid::Uuid>().one(connection).await?.map(UserId::from_uuid))
}

/// Finds the file that the account uploaded with this content before.
pub async fn by_hash(
    connection: &impl ConnectionTrait,
    hash: &str,
    creator: UserId,
) -> DbResult<Option<FileId>> {
    let query = Entity::find().select_only().column(Column::Id).filter(Column::Hash.eq(hash));
    let query = query.filter(Column::CreatedBy.eq(creator.as_uuid()));
    Ok(query.into_tuple::<uuid::Uuid>().one(connection).await?.map(FileId::from_uuid))
}

/// Adds a file.
pub async fn insert(tx: &Tx, model: Model) -> DbResult<()> {
    Entity::insert(model.into_active_model()).exec_without_returning(tx).await?;
    Ok(())
}
