//! Template versions with the parameters and variables of their import.

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder,
    QuerySelect, QueryTrait, sea_query::Expr,
};
use warren_vocab::{FileId, TemplateId, TemplateVersionId};

use super::{Page, is_false, same_text};
use crate::{
    DbResult, Tx,
    entity::{
        provisioner_jobs, template_version_parameters as parameters, template_version_variables as variables,
        template_versions::*,
    },
};

/// Finds a version.
pub async fn by_id(connection: &impl ConnectionTrait, id: TemplateVersionId) -> DbResult<Option<Model>> {
    Ok(Entity::find_by_id(id.as_uuid()).one(connection).await?)
}

/// Finds versions.
pub async fn by_ids(connection: &impl ConnectionTrait, ids: &[uuid::Uuid]) -> DbResult<Vec<Model>> {
    Ok(Entity::find().filter(Column::Id.is_in(ids.iter().copied())).all(connection).await?)
}

/// Lists the versions that were made of a file.
pub async fn of_file(connection: &impl ConnectionTrait, file: FileId) -> DbResult<Vec<Model>> {
    let jobs = provisioner_jobs::Entity::find()
        .select_only()
        .column(provisioner_jobs::Column::Id)
        .filter(provisioner_jobs::Column::FileId.eq(file.as_uuid()))
        .into_query();
    Ok(Entity::find().filter(Column::JobId.in_subquery(jobs)).all(connection).await?)
}

/// Finds a version of a template by name, whatever its case.
pub async fn by_name(
    connection: &impl ConnectionTrait,
    template: TemplateId,
    name: &str,
) -> DbResult<Option<Model>> {
    let query = Entity::find().filter(Column::TemplateId.eq(template.as_uuid()));
    Ok(query.filter(same_text(Column::Name, name)).one(connection).await?)
}

/// Lists the versions of a template, newest first.
pub async fn list(
    connection: &impl ConnectionTrait,
    template: TemplateId,
    include_archived: bool,
    page: Page,
) -> DbResult<Vec<Model>> {
    let mut query = Entity::find().filter(Column::TemplateId.eq(template.as_uuid()));
    if !include_archived {
        query = query.filter(is_false(Column::Archived));
    }
    let query = query.order_by_desc(Column::CreatedAt).limit(page.limit()).offset(page.offset());
    Ok(query.all(connection).await?)
}

/// Finds the version made just before the given one in the same template.
pub async fn previous(connection: &impl ConnectionTrait, of: &Model) -> DbResult<Option<Model>> {
    let Some(template) = of.template_id else { return Ok(None) };
    let query =
        Entity::find().filter(Column::TemplateId.eq(template)).filter(Column::CreatedAt.lt(of.created_at));
    Ok(query.order_by_desc(Column::CreatedAt).one(connection).await?)
}

/// Lists the parameters of a version in display order.
pub async fn parameters(
    connection: &impl ConnectionTrait,
    version: TemplateVersionId,
) -> DbResult<Vec<parameters::Model>> {
    let query =
        parameters::Entity::find().filter(parameters::Column::TemplateVersionId.eq(version.as_uuid()));
    let query = query.order_by_asc(parameters::Column::DisplayOrder).order_by_asc(parameters::Column::Name);
    Ok(query.all(connection).await?)
}

/// Lists the Terraform variables of a version.
pub async fn variables(
    connection: &impl ConnectionTrait,
    version: TemplateVersionId,
) -> DbResult<Vec<variables::Model>> {
    let query = variables::Entity::find().filter(variables::Column::TemplateVersionId.eq(version.as_uuid()));
    Ok(query.order_by_asc(variables::Column::Name).all(connection).await?)
}

/// Adds a version.
pub async fn insert(tx: &Tx, model: Model) -> DbResult<()> {
    Entity::insert(model.into_active_model()).exec_without_returning(tx).await?;
    Ok(())
}

/// Writes every column of a version back.
pub async fn update(tx: &Tx, model: Model) -> DbResult<Model> {
    Ok(model.into_active_model().reset_all().update(tx).await?)
}

/// Gives a version without a template to one.
pub async fn adopt(tx: &Tx, id: TemplateVersionId, template: TemplateId, now: DateTime<Utc>) -> DbResult<()> {
    Entity::update_many()
        .col_expr(Column::TemplateId, Expr::value(template.as_uuid()))
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .filter(Column::Id.eq(id.as_uuid()))
        .exec(tx)
        .await?;
    Ok(())
}
