//! Templates.

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait},
};
use warren_authz::ListFilter;
use warren_vocab::{OrganizationId, TemplateId, TemplateVersionId};

use super::{
    is_false, same_text,
    visible::{Place, visible},
};
use crate::{
    DbResult, Tx,
    entity::{templates::*, workspaces},
};

const PLACE: Place<Column> = Place {
    id: Column::Id,
    owner: None,
    organization: Some(Column::OrganizationId),
    is_shared_with_everybody: true,
};

/// Finds a template that is not deleted.
pub async fn by_id(connection: &impl ConnectionTrait, id: TemplateId) -> DbResult<Option<Model>> {
    Ok(Entity::find_by_id(id.as_uuid()).filter(is_false(Column::Deleted)).one(connection).await?)
}

/// Finds templates, deleted ones included, for showing names.
pub async fn by_ids(connection: &impl ConnectionTrait, ids: &[uuid::Uuid]) -> DbResult<Vec<Model>> {
    Ok(Entity::find().filter(Column::Id.is_in(ids.iter().copied())).all(connection).await?)
}

/// Finds a template by name, whatever its case.
pub async fn by_name(
    connection: &impl ConnectionTrait,
    organization: OrganizationId,
    name: &str,
) -> DbResult<Option<Model>> {
    let query = Entity::find().filter(Column::OrganizationId.eq(organization.as_uuid()));
    let query = query.filter(same_text(Column::Name, name)).filter(is_false(Column::Deleted));
    Ok(query.one(connection).await?)
}

/// Lists the templates that the caller may read by name, of one organization or of all.
pub async fn list(
    connection: &impl ConnectionTrait,
    readable: &ListFilter,
    organization: Option<OrganizationId>,
) -> DbResult<Vec<Model>> {
    let mut query = Entity::find().filter(is_false(Column::Deleted)).filter(visible(readable, PLACE));
    if let Some(organization) = organization {
        query = query.filter(Column::OrganizationId.eq(organization.as_uuid()));
    }
    let query = query.order_by_asc(Column::Name).order_by_asc(Column::Id);
    Ok(query.all(connection).await?)
}

/// Counts the owners of live workspaces per template.
pub async fn owner_counts(
    connection: &impl ConnectionTrait,
    ids: &[uuid::Uuid],
) -> DbResult<Vec<(uuid::Uuid, i64)>> {
    let query = workspaces::Entity::find()
        .select_only()
        .column(workspaces::Column::TemplateId)
        .column_as(Expr::col(workspaces::Column::OwnerId).count_distinct(), "owners")
        .filter(workspaces::Column::TemplateId.is_in(ids.iter().copied()))
        .filter(is_false(workspaces::Column::Deleted))
        .group_by(workspaces::Column::TemplateId);
    Ok(query.into_tuple().all(connection).await?)
}

/// Whether a live workspace uses the template.
pub async fn in_use(connection: &impl ConnectionTrait, id: TemplateId) -> DbResult<bool> {
    let query = workspaces::Entity::find().filter(workspaces::Column::TemplateId.eq(id.as_uuid()));
    Ok(query.filter(is_false(workspaces::Column::Deleted)).count(connection).await? > 0)
}

/// Adds a template.
pub async fn insert(tx: &Tx, model: Model) -> DbResult<()> {
    Entity::insert(model.into_active_model()).exec_without_returning(tx).await?;
    Ok(())
}

/// Writes every column of a template back.
pub async fn update(tx: &Tx, model: Model) -> DbResult<Model> {
    Ok(model.into_active_model().reset_all().update(tx).await?)
}

/// Makes a version the one that new builds use.
pub async fn set_active_version(
    tx: &Tx,
    id: TemplateId,
    version: TemplateVersionId,
    now: DateTime<Utc>,
) -> DbResult<()> {
    Entity::update_many()
        .col_expr(Column::ActiveVersionId, Expr::value(version.as_uuid()))
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .filter(Column::Id.eq(id.as_uuid()))
        .exec(tx)
        .await?;
    Ok(())
}

/// Marks a template as deleted; its row stays for the names in old builds.
pub async fn delete(tx: &Tx, id: TemplateId, now: DateTime<Utc>) -> DbResult<()> {
    Entity::update_many()
        .col_expr(Column::Deleted, Expr::value(true))
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .filter(Column::Id.eq(id.as_uuid()))
        .exec(tx)
        .await?;
    Ok(())
}
