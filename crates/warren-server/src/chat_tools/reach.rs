//! The way from a chat to the agent of its workspace.

use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use warren_app::{Actor, agents::agent_status, details::WorkspaceDetail};
use warren_authz::Action;
use warren_chat::{ToolContext, ToolError};
use warren_db::{channels, entity::workspace_agents};
use warren_vocab::{AgentId, AgentStatus, WorkspaceStatus};

use super::{ChatTools, failed};
use crate::agent_client::AgentClient;

/// How often a running command asks without a hint whether its workspace is still there, and at most with hints.
const REPLACED_INTERVAL: Duration = Duration::from_secs(30);
const REPLACED_PAUSE: Duration = Duration::from_secs(1);
/// An agent that has been away for longer is taken for dead at once; before that it may be coming back.
const AWAY_MAX: chrono::TimeDelta = chrono::TimeDelta::seconds(90);
/// How long a call of an earlier life waits for the agent, which comes back after a restart of the server.
const RETURN_PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(500);
/// An agent whose name ends so is meant for chats.
const CHAT_AGENT_SUFFIX: &str = "-coderd-chat";

impl ChatTools {
    /// A client of the agent of the chat's workspace, which must be running.
    pub(super) async fn agent(&self, context: &ToolContext) -> Result<AgentClient, ToolError> {
        Ok(self.client(context, self.agent_id(context).await?))
    }

    /// The same, for a call of an earlier life: an agent that is on its way back is waited for.
    pub(super) async fn returning_agent(&self, context: &ToolContext) -> Result<AgentClient, ToolError> {
        let workspace = context.workspace()?;
        let mut hints = self.app.db().subscribe(&channels::workspace(workspace));
        let deadline = tokio::time::Instant::now() + RETURN_PATIENCE;
        loop {
            let actor = self.actor(context.owner).await?;
            let detail = self.app.find_workspace(&actor, workspace, false).await.map_err(failed)?;
            let agent = running_agent(&detail, self.app.now())?;
            let is_there = agent_status(agent, self.app.now()) == AgentStatus::Connected;
            if is_there || tokio::time::Instant::now() > deadline {
                return self.agent(context).await;
            }
            // A hint that does not come is replaced by the poll.
            drop(tokio::time::timeout(POLL, hints.next()).await);
        }
    }

    pub(super) async fn agent_id(&self, context: &ToolContext) -> Result<AgentId, ToolError> {
        let actor = self.actor(context.owner).await?;
        self.agent_id_for(&actor, context).await
    }

    /// A client of the agent that only ends what runs there; the owner may be suspended.
    pub(super) async fn agent_to_end(&self, context: &ToolContext) -> Result<AgentClient, ToolError> {
        let actor = self.account(context.owner).await?;
        Ok(self.client(context, self.agent_id_for(&actor, context).await?))
    }

    async fn agent_id_for(&self, actor: &Actor, context: &ToolContext) -> Result<AgentId, ToolError> {
        let detail = self.app.find_workspace(actor, context.workspace()?, false).await.map_err(failed)?;
        let agent = AgentId::from_uuid(running_agent(&detail, self.app.now())?.id);
        self.app.find_agent(actor, agent, Action::Ssh).await.map_err(failed)?;
        Ok(agent)
    }

    /// Returns when the agent is no longer one of its workspace's newest build: it was stopped, deleted or rebuilt.
    pub(super) async fn replaced(&self, context: &ToolContext, agent: AgentId) {
        let Some(workspace) = context.binding.get() else { return std::future::pending().await };
        let mut hints = self.app.db().subscribe(&channels::workspace(workspace));
        loop {
            tokio::time::sleep(REPLACED_PAUSE).await;
            drop(tokio::time::timeout(REPLACED_INTERVAL, hints.next()).await);
            let Ok(actor) = self.actor(context.owner).await else { continue };
            let found = self.app.find_agent(&actor, agent, Action::Ssh).await;
            if matches!(found, Err(warren_app::AppError::NotFound)) {
                return;
            }
        }
    }

    /// Does something with an agent and gives up when its workspace goes away meanwhile.
    pub(super) async fn while_there<T>(
        &self,
        context: &ToolContext,
        agent: AgentId,
        work: BoxFuture<'_, Result<T, ToolError>>,
    ) -> Result<T, ToolError> {
        tokio::select! {
            result = work => result,
            () = self.replaced(context, agent) => {
                let text = "The workspace was stopped, deleted or rebuilt meanwhile, so the outcome is not known.";
                Err(ToolError::new(text).code("workspace_gone"))
            }
        }
    }

    pub(super) fn client(&self, context: &ToolContext, agent: AgentId) -> AgentClient {
        AgentClient::new(self.node.clone(), agent, context.chat.to_string())
    }
}

/// The agent of a workspace that runs and may be reached.
fn running_agent(detail: &WorkspaceDetail, at: DateTime<Utc>) -> Result<&workspace_agents::Model, ToolError> {
    let name = &detail.workspace.name;
    let status = detail.build.status();
    match status {
        WorkspaceStatus::Running => {}
        WorkspaceStatus::Pending | WorkspaceStatus::Starting => {
            let text = format!("The workspace {name:?} is {status}. Use start_workspace to wait for it.");
            return Err(ToolError::new(text).code("workspace_starting"));
        }
        WorkspaceStatus::Stopping
        | WorkspaceStatus::Stopped
        | WorkspaceStatus::Failed
        | WorkspaceStatus::Canceling
        | WorkspaceStatus::Canceled => {
            let text = format!("The workspace {name:?} is {status}. Use start_workspace to start it.");
            return Err(ToolError::new(text).code("workspace_stopped"));
        }
        WorkspaceStatus::Deleting | WorkspaceStatus::Deleted => {
            let text = format!("The workspace {name:?} is {status}. Use create_workspace to make another.");
            return Err(ToolError::new(text).code("workspace_deleted"));
        }
    }
    let agent = chat_agent(detail).ok_or_else(|| {
        let text = format!("The workspace {name:?} has no agent, so nothing can be run in it.");
        ToolError::new(text).code("no_agent")
    })?;
    if is_lost(agent, at) {
        let text = format!(
            "The agent of the workspace {name:?} is not connected. Use start_workspace to have it started again."
        );
        return Err(ToolError::new(text).code("agent_disconnected"));
    }
    Ok(agent)
}

/// The agent that chats use: the one that is meant for them, else the first.
pub(super) fn chat_agent(detail: &WorkspaceDetail) -> Option<&workspace_agents::Model> {
    let mut roots = detail.build.rows.agents.iter().filter(|agent| agent.parent_id.is_none());
    let meant = roots.clone().find(|agent| agent.name.ends_with(CHAT_AGENT_SUFFIX));
    meant.or_else(|| roots.next())
}

/// Whether an agent does not come back by itself.
pub(super) fn is_lost(agent: &workspace_agents::Model, at: DateTime<Utc>) -> bool {
    match agent_status(agent, at) {
        AgentStatus::Connected | AgentStatus::Connecting => false,
        AgentStatus::Timeout => true,
        AgentStatus::Disconnected => {
            let left = agent.disconnected_at.max(agent.last_connected_at);
            left.is_none_or(|left| at - left > AWAY_MAX)
        }
    }
}
