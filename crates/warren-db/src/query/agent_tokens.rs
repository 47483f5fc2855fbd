//! Finding the agent that a token belongs to, and whose it is.

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};

use super::is_false;
use crate::{
    DbResult,
    entity::{
        workspace_agents as agents, workspace_builds as builds, workspace_resources as resources, workspaces,
    },
};

/// An agent with the build and workspace that it belongs to.
#[derive(Debug, Clone)]
pub struct AgentOwner {
    pub agent: agents::Model,
    pub build: builds::Model,
    pub workspace: workspaces::Model,
}

/// Finds the agent of a token hash. Agents of replaced builds and of deleted workspaces are not found.
pub async fn by_token_hash(connection: &impl ConnectionTrait, hash: &[u8]) -> DbResult<Option<AgentOwner>> {
    let query = agents::Entity::find().filter(agents::Column::TokenHash.eq(hash.to_vec()));
    for agent in query.all(connection).await? {
        if let Some(owner) = owner_of(connection, agent).await? {
            return Ok(Some(owner));
        }
    }
    Ok(None)
}

/// Finds the build and workspace of an agent that is part of the workspace's newest build.
pub async fn owner_of(
    connection: &impl ConnectionTrait,
    agent: agents::Model,
) -> DbResult<Option<AgentOwner>> {
    let Some(resource) = resources::Entity::find_by_id(agent.resource_id).one(connection).await? else {
        return Ok(None);
    };
    let build =
        builds::Entity::find().filter(builds::Column::JobId.eq(resource.job_id)).one(connection).await?;
    let Some(build) = build else { return Ok(None) };
    let workspace = workspaces::Entity::find_by_id(build.workspace_id)
        .filter(is_false(workspaces::Column::Deleted))
        .one(connection)
        .await?;
    let Some(workspace) = workspace else { return Ok(None) };
    let newer = builds::Entity::find()
        .filter(builds::Column::WorkspaceId.eq(workspace.id))
        .filter(builds::Column::BuildNumber.gt(build.build_number))
        .one(connection)
        .await?;
    Ok(newer.is_none().then_some(AgentOwner { agent, build, workspace }))
}
