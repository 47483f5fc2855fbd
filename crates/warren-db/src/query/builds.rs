//! Workspace builds, their parameters and their sealed state.

use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait,
    sea_query::{Expr, ExprTrait, OnConflict, Query},
};
use warren_vocab::{BuildId, JobId, WorkspaceId};

use super::Page;
use crate::{
    DbResult, Tx,
    entity::{
        workspace_build_parameters as parameters, workspace_build_states as states, workspace_builds::*,
    },
};

/// Finds a build.
pub async fn by_id(connection: &impl ConnectionTrait, id: BuildId) -> DbResult<Option<Model>> {
    Ok(Entity::find_by_id(id.as_uuid()).one(connection).await?)
}

/// Finds the build that a job belongs to.
pub async fn by_job(connection: &impl ConnectionTrait, job: JobId) -> DbResult<Option<Model>> {
    Ok(Entity::find().filter(Column::JobId.eq(job.as_uuid())).one(connection).await?)
}

/// Finds a build by its number.
pub async fn by_number(
    connection: &impl ConnectionTrait,
    workspace: WorkspaceId,
    number: i32,
) -> DbResult<Option<Model>> {
    let query = Entity::find().filter(Column::WorkspaceId.eq(workspace.as_uuid()));
    Ok(query.filter(Column::BuildNumber.eq(number)).one(connection).await?)
}

/// Finds the newest build of a workspace.
pub async fn latest(connection: &impl ConnectionTrait, workspace: WorkspaceId) -> DbResult<Option<Model>> {
    let query = Entity::find().filter(Column::WorkspaceId.eq(workspace.as_uuid()));
    Ok(query.order_by_desc(Column::BuildNumber).one(connection).await?)
}

/// Moves the time at which the newest build stops by itself, never to an earlier time and never beyond its last one.
pub async fn extend_deadline(tx: &Tx, workspace: WorkspaceId, to: DateTime<Utc>) -> DbResult<()> {
    let Some(build) = latest(tx, workspace).await? else { return Ok(()) };
    let to = build.max_deadline.map_or(to, |max| Ord::min(max, to));
    if build.deadline.is_none_or(|deadline| deadline >= to) {
        return Ok(());
    }
    let update = Entity::update_many().col_expr(Column::Deadline, Expr::value(to));
    update.filter(Column::Id.eq(build.id)).exec(tx).await?;
    Ok(())
}

/// Finds the newest build of each workspace.
pub async fn latest_of(connection: &impl ConnectionTrait, workspaces: &[uuid::Uuid]) -> DbResult<Vec<Model>> {
    let newest = Query::select()
        .column(Column::WorkspaceId)
        .expr(Expr::col(Column::BuildNumber).max())
        .from(Entity)
        .and_where(Column::WorkspaceId.is_in(workspaces.iter().copied()))
        .group_by_col(Column::WorkspaceId)
        .to_owned();
    let key =
        Expr::tuple([Expr::col((Entity, Column::WorkspaceId)), Expr::col((Entity, Column::BuildNumber))]);
    Ok(Entity::find().filter(key.in_subquery(newest)).all(connection).await?)
}

/// Lists the builds of a workspace, newest first.
pub async fn list(
    connection: &impl ConnectionTrait,
    workspace: WorkspaceId,
    since: Option<DateTime<Utc>>,
    page: Page,
) -> DbResult<Vec<Model>> {
    let query = Entity::find()
        .filter(Column::WorkspaceId.eq(workspace.as_uuid()))
        .apply_if(since, |query, since| query.filter(Column::CreatedAt.gt(since)))
        .order_by_desc(Column::BuildNumber);
    Ok(query.limit(page.limit()).offset(page.offset()).all(connection).await?)
}

/// Adds a build.
pub async fn insert(tx: &Tx, model: Model) -> DbResult<()> {
    Entity::insert(model.into_active_model()).exec_without_returning(tx).await?;
    Ok(())
}

/// Lists the parameter values of a build by name.
pub async fn parameters(
    connection: &impl ConnectionTrait,
    build: BuildId,
) -> DbResult<Vec<parameters::Model>> {
    let query = parameters::Entity::find().filter(parameters::Column::BuildId.eq(build.as_uuid()));
    Ok(query.order_by_asc(parameters::Column::Name).all(connection).await?)
}

/// Lists the parameter values of builds.
pub async fn parameters_of(
    connection: &impl ConnectionTrait,
    builds: &[uuid::Uuid],
) -> DbResult<Vec<parameters::Model>> {
    let of_builds = parameters::Column::BuildId.is_in(builds.iter().copied());
    Ok(parameters::Entity::find().filter(of_builds).all(connection).await?)
}

/// Adds parameter values of a build.
pub async fn insert_parameters(tx: &Tx, models: Vec<parameters::Model>) -> DbResult<()> {
    if models.is_empty() {
        return Ok(());
    }
    let models = models.into_iter().map(IntoActiveModel::into_active_model);
    parameters::Entity::insert_many(models).exec_without_returning(tx).await?;
    Ok(())
}

/// Reads the sealed Terraform state of a build.
pub async fn state(connection: &impl ConnectionTrait, build: BuildId) -> DbResult<Option<Vec<u8>>> {
    let found = states::Entity::find_by_id(build.as_uuid()).one(connection).await?;
    Ok(found.map(|row| row.state))
}

/// Stores the sealed Terraform state of a build, replacing an earlier one.
pub async fn set_state(tx: &Tx, build: BuildId, state: Vec<u8>) -> DbResult<()> {
    let row = states::Model { build_id: build.as_uuid(), state }.into_active_model();
    let replace = OnConflict::column(states::Column::BuildId).update_column(states::Column::State).to_owned();
    states::Entity::insert(row).on_conflict(replace).exec_without_returning(tx).await?;
    Ok(())
}
