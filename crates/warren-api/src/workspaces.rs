//! Workspaces and their builds.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;
use warren_vocab::{
    AgentId, AutomaticUpdates, BuildId, BuildReason, OrganizationId, TemplateId, TemplateVersionId,
    Transition, UserId, WorkspaceId, WorkspaceStatus,
};

use crate::{
    agents::WorkspaceResource,
    jobs::{MatchedProvisioners, ProvisionerJob},
    wire::{nil_as_none, null_as_default},
};

/// A workspace with its latest build.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Workspace {
    pub id: WorkspaceId,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub owner_id: UserId,
    pub owner_name: String,
    pub owner_avatar_url: String,
    pub organization_id: OrganizationId,
    pub organization_name: String,
    pub template_id: TemplateId,
    pub template_name: String,
    pub template_display_name: String,
    pub template_icon: String,
    pub template_allow_user_cancel_workspace_jobs: bool,
    pub template_active_version_id: TemplateVersionId,
    pub template_require_active_version: bool,
    pub template_use_classic_parameter_flow: bool,
    pub latest_build: WorkspaceBuild,
    /// Always `null` for now: no app reports a status.
    #[schema(value_type = Option<Object>)]
    pub latest_app_status: Option<serde_json::Value>,
    pub outdated: bool,
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub autostart_schedule: Option<String>,
    /// Milliseconds from start to automatic stop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl_ms: Option<i64>,
    pub last_used_at: DateTime<Utc>,
    pub deleting_at: Option<DateTime<Utc>>,
    pub dormant_at: Option<DateTime<Utc>>,
    pub health: WorkspaceHealth,
    pub automatic_updates: AutomaticUpdates,
    pub allow_renames: bool,
    pub favorite: bool,
    pub next_start_at: Option<DateTime<Utc>>,
    pub is_prebuild: bool,
    #[serde(default)]
    pub task_id: Option<Uuid>,
}

/// `GET /api/v2/workspaces`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct WorkspacesResponse {
    pub workspaces: Vec<Workspace>,
    pub count: i64,
}

/// Whether the agents of a workspace are well.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct WorkspaceHealth {
    pub healthy: bool,
    pub failing_agents: Vec<AgentId>,
}

/// `POST …/workspaces`: exactly one of the two template fields is set.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct CreateWorkspaceRequest {
    #[serde(default, deserialize_with = "nil_as_none", skip_serializing_if = "Option::is_none")]
    pub template_id: Option<TemplateId>,
    #[serde(default, deserialize_with = "nil_as_none", skip_serializing_if = "Option::is_none")]
    pub template_version_id: Option<TemplateVersionId>,
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub autostart_schedule: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl_ms: Option<i64>,
    #[serde(default, deserialize_with = "null_as_default")]
    pub rich_parameter_values: Vec<WorkspaceBuildParameter>,
}

/// `POST /api/v2/workspaces/{workspace}/builds`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CreateWorkspaceBuildRequest {
    #[serde(default, deserialize_with = "nil_as_none", skip_serializing_if = "Option::is_none")]
    pub template_version_id: Option<TemplateVersionId>,
    pub transition: Transition,
    #[serde(default)]
    pub dry_run: bool,
    #[serde(default)]
    pub orphan: bool,
    #[serde(default, deserialize_with = "null_as_default")]
    pub rich_parameter_values: Vec<WorkspaceBuildParameter>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<BuildReason>,
}

/// One build of a workspace.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct WorkspaceBuild {
    pub id: BuildId,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub workspace_id: WorkspaceId,
    pub workspace_name: String,
    pub workspace_owner_id: UserId,
    pub workspace_owner_name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace_owner_avatar_url: Option<String>,
    pub template_version_id: TemplateVersionId,
    pub template_version_name: String,
    pub build_number: i32,
    pub transition: Transition,
    pub initiator_id: UserId,
    pub initiator_name: String,
    pub job: ProvisionerJob,
    pub reason: BuildReason,
    pub resources: Vec<WorkspaceResource>,
    /// When the workspace stops by itself; `null` for never.
    pub deadline: Option<DateTime<Utc>>,
    pub max_deadline: Option<DateTime<Utc>>,
    pub status: WorkspaceStatus,
    pub daily_cost: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matched_provisioners: Option<MatchedProvisioners>,
    pub template_version_preset_id: Option<Uuid>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub has_ai_task: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub has_external_agent: Option<bool>,
}

/// The value of a template parameter in a build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WorkspaceBuildParameter {
    pub name: String,
    pub value: String,
}

/// `POST /api/v2/workspaces/{workspace}/usage`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct PostWorkspaceUsageRequest {
    #[serde(default, deserialize_with = "nil_as_none", skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<AgentId>,
    /// `ssh`, `vscode`, `jetbrains` or `reconnecting-pty`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app_name: Option<String>,
}
