//! Roles that organizations make for themselves.

use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder,
};
use warren_vocab::OrganizationId;

use super::same_text;
use crate::{DbResult, Tx, entity::custom_roles::*};

/// Finds a role of an organization by name, whatever its case.
pub async fn by_name(
    connection: &impl ConnectionTrait,
    organization: OrganizationId,
    name: &str,
) -> DbResult<Option<Model>> {
    let query = Entity::find().filter(Column::OrganizationId.eq(organization.as_uuid()));
    Ok(query.filter(same_text(Column::Name, name)).one(connection).await?)
}

/// Lists the roles of organizations by name.
pub async fn list(
    connection: &impl ConnectionTrait,
    organizations: &[OrganizationId],
) -> DbResult<Vec<Model>> {
    let organizations = organizations.iter().map(|id| id.as_uuid());
    let query = Entity::find().filter(Column::OrganizationId.is_in(organizations));
    Ok(query.order_by_asc(Column::Name).all(connection).await?)
}

/// Adds a role.
pub async fn insert(tx: &Tx, model: Model) -> DbResult<()> {
    Entity::insert(model.into_active_model()).exec_without_returning(tx).await?;
    Ok(())
}

/// Writes all fields of a role.
pub async fn update(tx: &Tx, model: Model) -> DbResult<()> {
    model.into_active_model().reset_all().update(tx).await?;
    Ok(())
}

/// Deletes a role.
pub async fn delete(tx: &Tx, model: &Model) -> DbResult<()> {
    Entity::delete_by_id(model.id).exec(tx).await?;
    Ok(())
}
