//! Workspaces, builds and agents.

use reqwest::Method;
use url::form_urlencoded;
use warren_api::{
    agents::{WorkspaceAgent, WorkspaceAgentLog},
    error::MessageResponse,
    jobs::ProvisionerJobLog,
    workspaces::{
        CreateWorkspaceBuildRequest, CreateWorkspaceRequest, PostWorkspaceUsageRequest, Workspace,
        WorkspaceBuild, WorkspaceBuildParameter, WorkspacesResponse,
    },
};
use warren_vocab::{AgentId, BuildId, JobLogId, WorkspaceId};

use crate::{
    client::Client,
    error::SdkError,
    socket::{JsonFrames, SocketRequest},
};

impl Client {
    /// Lists workspaces; `query` is in the search syntax, for example `owner:me`.
    pub async fn workspaces(&self, query: &str) -> Result<WorkspacesResponse, SdkError> {
        let query: String = form_urlencoded::byte_serialize(query.as_bytes()).collect();
        self.get(&format!("/api/v2/workspaces?q={query}")).await
    }

    /// Returns a workspace.
    pub async fn workspace(&self, id: WorkspaceId) -> Result<Workspace, SdkError> {
        self.get(&format!("/api/v2/workspaces/{id}")).await
    }

    /// Returns a workspace by owner (name, id or `me`) and name.
    pub async fn workspace_by_name(&self, owner: &str, name: &str) -> Result<Workspace, SdkError> {
        self.get(&format!("/api/v2/users/{owner}/workspace/{name}")).await
    }

    /// Creates a workspace and its first build.
    pub async fn create_workspace(
        &self,
        owner: &str,
        request: &CreateWorkspaceRequest,
    ) -> Result<Workspace, SdkError> {
        self.send(Method::POST, &format!("/api/v2/users/{owner}/workspaces"), request).await
    }

    /// Starts, stops or deletes a workspace.
    pub async fn create_workspace_build(
        &self,
        workspace: WorkspaceId,
        request: &CreateWorkspaceBuildRequest,
    ) -> Result<WorkspaceBuild, SdkError> {
        self.send(Method::POST, &format!("/api/v2/workspaces/{workspace}/builds"), request).await
    }

    /// Tells the server that a workspace is in use.
    pub async fn post_workspace_usage(
        &self,
        workspace: WorkspaceId,
        request: &PostWorkspaceUsageRequest,
    ) -> Result<(), SdkError> {
        self.command(Method::POST, &format!("/api/v2/workspaces/{workspace}/usage"), Some(request)).await
    }

    /// Returns a build.
    pub async fn workspace_build(&self, id: BuildId) -> Result<WorkspaceBuild, SdkError> {
        self.get(&format!("/api/v2/workspacebuilds/{id}")).await
    }

    /// Returns a build by its number.
    pub async fn workspace_build_by_number(
        &self,
        owner: &str,
        workspace: &str,
        number: i32,
    ) -> Result<WorkspaceBuild, SdkError> {
        self.get(&format!("/api/v2/users/{owner}/workspace/{workspace}/builds/{number}")).await
    }

    /// Lists the parameter values of a build.
    pub async fn workspace_build_parameters(
        &self,
        id: BuildId,
    ) -> Result<Vec<WorkspaceBuildParameter>, SdkError> {
        self.get(&format!("/api/v2/workspacebuilds/{id}/parameters")).await
    }

    /// Asks for a build to be cancelled.
    pub async fn cancel_workspace_build(&self, id: BuildId) -> Result<MessageResponse, SdkError> {
        self.send(Method::PATCH, &format!("/api/v2/workspacebuilds/{id}/cancel"), &serde_json::json!({}))
            .await
    }

    /// Returns the log of a build so far.
    pub async fn workspace_build_logs(&self, id: BuildId) -> Result<Vec<ProvisionerJobLog>, SdkError> {
        self.get(&format!("/api/v2/workspacebuilds/{id}/logs")).await
    }

    /// Follows the log of a build until its job ends.
    pub async fn follow_workspace_build_logs(
        &self,
        id: BuildId,
        after: Option<JobLogId>,
    ) -> Result<JsonFrames<ProvisionerJobLog>, SdkError> {
        let after = after.map_or(0, JobLogId::get);
        self.socket(SocketRequest::new(&format!("/api/v2/workspacebuilds/{id}/logs?follow&after={after}")))
            .await
    }

    /// Returns an agent.
    pub async fn workspace_agent(&self, id: AgentId) -> Result<WorkspaceAgent, SdkError> {
        self.get(&format!("/api/v2/workspaceagents/{id}")).await
    }

    /// Returns an agent's log so far, from behind the line `after`; 0 returns all of it.
    pub async fn workspace_agent_logs(
        &self,
        id: AgentId,
        after: i64,
    ) -> Result<Vec<WorkspaceAgentLog>, SdkError> {
        self.get(&format!("/api/v2/workspaceagents/{id}/logs?after={after}")).await
    }

    /// Follows an agent's log; each frame is a batch of lines.
    pub async fn follow_workspace_agent_logs(
        &self,
        id: AgentId,
        after: i64,
    ) -> Result<JsonFrames<Vec<WorkspaceAgentLog>>, SdkError> {
        self.socket(SocketRequest::new(&format!("/api/v2/workspaceagents/{id}/logs?follow&after={after}")))
            .await
    }
}
