//! What a finished job leaves: resources with all below them, the parameters of a template version.

use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter,
    sea_query::{Expr, OnConflict},
};
use uuid::Uuid;
use warren_vocab::{BuildId, TemplateVersionId, WorkspaceId};

use super::resources::ResourceRows;
use crate::{
    DbResult, Tx,
    entity::{
        template_version_parameters as parameters, template_versions, workspace_agent_log_sources,
        workspace_agent_metadata as agent_metadata, workspace_agent_scripts, workspace_agents as agents,
        workspace_apps as apps, workspace_builds as builds, workspace_resource_metadata,
        workspace_resources as resources,
    },
};

/// Rows in one INSERT; SQLite allows 32766 values in a statement, and no table here has 40 columns.
const INSERT_ROWS_MAX: usize = 500;

/// Adds resources with all below them. An app whose id is known moves to its new agent.
pub async fn insert(tx: &Tx, rows: ResourceRows, metadata: Vec<agent_metadata::Model>) -> DbResult<()> {
    insert_all::<resources::Entity, _>(tx, rows.resources).await?;
    insert_all::<workspace_resource_metadata::Entity, _>(tx, rows.metadata).await?;
    insert_all::<agents::Entity, _>(tx, rows.agents).await?;
    insert_all::<agent_metadata::Entity, _>(tx, metadata).await?;
    insert_all::<workspace_agent_log_sources::Entity, _>(tx, rows.log_sources).await?;
    insert_all::<workspace_agent_scripts::Entity, _>(tx, rows.scripts).await?;
    for app in rows.apps {
        upsert_app(tx, app).await?;
    }
    Ok(())
}

/// Says which workspaces the apps of these ids belong to; unknown ids are left out.
pub async fn workspaces_of_apps(
    connection: &impl ConnectionTrait,
    ids: &[Uuid],
) -> DbResult<Vec<(Uuid, WorkspaceId)>> {
    let mut owners = vec![];
    for app in
        apps::Entity::find().filter(apps::Column::Id.is_in(ids.iter().copied())).all(connection).await?
    {
        let Some(agent) = agents::Entity::find_by_id(app.agent_id).one(connection).await? else { continue };
        let resource = resources::Entity::find_by_id(agent.resource_id).one(connection).await?;
        let Some(job) = resource.map(|resource| resource.job_id) else { continue };
        let build = builds::Entity::find().filter(builds::Column::JobId.eq(job)).one(connection).await?;
        owners.extend(build.map(|build| (app.id, WorkspaceId::from_uuid(build.workspace_id))));
    }
    Ok(owners)
}

/// Stores what an import has found out about a version.
pub async fn set_import(
    tx: &Tx,
    version: TemplateVersionId,
    readme: &str,
    rows: Vec<parameters::Model>,
) -> DbResult<()> {
    let update = template_versions::Entity::update_many()
        .col_expr(template_versions::Column::Readme, Expr::value(readme))
        .filter(template_versions::Column::Id.eq(version.as_uuid()));
    update.exec(tx).await?;
    insert_all::<parameters::Entity, _>(tx, rows).await
}

/// Stores what a build costs and when it is to end.
pub async fn set_build(
    tx: &Tx,
    build: BuildId,
    daily_cost: i32,
    deadline: Option<chrono::DateTime<chrono::Utc>>,
    now: chrono::DateTime<chrono::Utc>,
) -> DbResult<()> {
    let update = builds::Entity::update_many()
        .col_expr(builds::Column::DailyCost, Expr::value(daily_cost))
        .col_expr(builds::Column::Deadline, Expr::value(deadline))
        .col_expr(builds::Column::UpdatedAt, Expr::value(now))
        .filter(builds::Column::Id.eq(build.as_uuid()));
    update.exec(tx).await?;
    Ok(())
}

async fn insert_all<E, A>(tx: &Tx, rows: Vec<E::Model>) -> DbResult<()>
where
    E: EntityTrait,
    E::Model: IntoActiveModel<A>,
    A: ActiveModelTrait<Entity = E>,
{
    let mut rows = rows.into_iter().map(IntoActiveModel::into_active_model).peekable();
    while rows.peek().is_some() {
        let chunk: Vec<A> = rows.by_ref().take(INSERT_ROWS_MAX).collect();
        E::insert_many(chunk).exec_without_returning(tx).await?;
    }
    Ok(())
}

async fn upsert_app(tx: &Tx, app: apps::Model) -> DbResult<()> {
    use sea_orm::Iterable;
    let mut replace = OnConflict::column(apps::Column::Id);
    replace.update_columns(apps::Column::iter().filter(|column| !matches!(column, apps::Column::Id)));
    apps::Entity::insert(app.into_active_model()).on_conflict(replace).exec_without_returning(tx).await?;
    Ok(())
}
