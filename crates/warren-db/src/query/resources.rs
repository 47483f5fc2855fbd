//! Resources of jobs with everything below them, read in one query per table.

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder};

use crate::{
    DbResult,
    entity::{
        workspace_agent_log_sources as log_sources, workspace_agent_scripts as scripts,
        workspace_agents as agents, workspace_apps as apps, workspace_resource_metadata as metadata,
        workspace_resources as resources,
    },
};

/// The rows below a set of jobs, each list in display order.
#[derive(Debug, Clone, Default)]
pub struct ResourceRows {
    pub resources: Vec<resources::Model>,
    pub metadata: Vec<metadata::Model>,
    pub agents: Vec<agents::Model>,
    pub apps: Vec<apps::Model>,
    pub scripts: Vec<scripts::Model>,
    pub log_sources: Vec<log_sources::Model>,
}

/// Reads the resources of jobs and what is below them.
pub async fn of_jobs(connection: &impl ConnectionTrait, jobs: &[uuid::Uuid]) -> DbResult<ResourceRows> {
    let mut rows = ResourceRows::default();
    if jobs.is_empty() {
        return Ok(rows);
    }
    let query = resources::Entity::find().filter(resources::Column::JobId.is_in(jobs.iter().copied()));
    rows.resources = query
        .order_by_asc(resources::Column::Name)
        .order_by_asc(resources::Column::Id)
        .all(connection)
        .await?;
    let ids: Vec<_> = rows.resources.iter().map(|row| row.id).collect();
    if ids.is_empty() {
        return Ok(rows);
    }
    let query = metadata::Entity::find().filter(metadata::Column::ResourceId.is_in(ids.iter().copied()));
    rows.metadata = query.order_by_asc(metadata::Column::Position).all(connection).await?;
    let query = agents::Entity::find().filter(agents::Column::ResourceId.is_in(ids));
    rows.agents = query
        .order_by_asc(agents::Column::DisplayOrder)
        .order_by_asc(agents::Column::Name)
        .all(connection)
        .await?;
    fill_agents(connection, &mut rows).await?;
    Ok(rows)
}

/// Reads apps, scripts and log sources of the agents in `rows`.
pub async fn fill_agents(connection: &impl ConnectionTrait, rows: &mut ResourceRows) -> DbResult<()> {
    let ids: Vec<_> = rows.agents.iter().map(|row| row.id).collect();
    if ids.is_empty() {
        return Ok(());
    }
    let query = apps::Entity::find().filter(apps::Column::AgentId.is_in(ids.iter().copied()));
    rows.apps = query
        .order_by_asc(apps::Column::DisplayOrder)
        .order_by_asc(apps::Column::Slug)
        .all(connection)
        .await?;
    let query = scripts::Entity::find().filter(scripts::Column::AgentId.is_in(ids.iter().copied()));
    rows.scripts = query.order_by_asc(scripts::Column::DisplayOrder).all(connection).await?;
    let query = log_sources::Entity::find().filter(log_sources::Column::AgentId.is_in(ids));
    rows.log_sources = query.order_by_asc(log_sources::Column::CreatedAt).all(connection).await?;
    Ok(())
}
