//! Resources of a build, their agents, scripts, apps and logs.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use warren_vocab::{
    AgentId, AgentLifecycle, AgentStatus, AppHealth, AppId, DisplayApp, JobId, LogLevel, LogSourceId, OpenIn,
    ResourceId, ScriptId, SharingLevel, StartupScriptBehavior, Transition,
};

/// Something that a build made.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct WorkspaceResource {
    pub id: ResourceId,
    pub created_at: DateTime<Utc>,
    pub job_id: JobId,
    pub workspace_transition: Transition,
    #[serde(rename = "type")]
    pub resource_type: String,
    pub name: String,
    pub hide: bool,
    pub icon: String,
    #[serde(default)]
    pub agents: Vec<WorkspaceAgent>,
    #[serde(default)]
    pub metadata: Vec<WorkspaceResourceMetadata>,
    pub daily_cost: i64,
}

/// A fact about a resource that the template shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WorkspaceResourceMetadata {
    pub key: String,
    pub value: String,
    pub sensitive: bool,
}

/// The agent inside a workspace.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct WorkspaceAgent {
    pub id: AgentId,
    pub parent_id: Option<AgentId>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_connected_at: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_connected_at: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disconnected_at: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready_at: Option<DateTime<Utc>>,
    pub status: AgentStatus,
    pub lifecycle_state: AgentLifecycle,
    pub name: String,
    pub resource_id: ResourceId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_id: Option<String>,
    pub architecture: String,
    pub environment_variables: BTreeMap<String, String>,
    pub operating_system: String,
    pub logs_length: i64,
    pub logs_overflowed: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expanded_directory: Option<String>,
    pub version: String,
    pub api_version: String,
    pub apps: Vec<WorkspaceApp>,
    pub connection_timeout_seconds: i32,
    pub troubleshooting_url: String,
    pub subsystems: Vec<String>,
    pub health: WorkspaceAgentHealth,
    pub display_apps: Vec<DisplayApp>,
    pub log_sources: Vec<WorkspaceAgentLogSource>,
    pub scripts: Vec<WorkspaceAgentScript>,
    pub startup_script_behavior: StartupScriptBehavior,
}

/// Whether an agent is well, and if not, why.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct WorkspaceAgentHealth {
    pub healthy: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Where agent log lines come from.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct WorkspaceAgentLogSource {
    pub workspace_agent_id: AgentId,
    pub id: LogSourceId,
    pub created_at: DateTime<Utc>,
    pub display_name: String,
    pub icon: String,
}

/// A script that an agent runs.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct WorkspaceAgentScript {
    pub id: ScriptId,
    pub log_source_id: LogSourceId,
    pub log_path: String,
    pub script: String,
    pub cron: String,
    pub run_on_start: bool,
    pub run_on_stop: bool,
    pub start_blocks_login: bool,
    /// Nanoseconds; 0 for none.
    pub timeout: i64,
    pub display_name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
}

/// One line of an agent's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WorkspaceAgentLog {
    pub id: i64,
    pub created_at: DateTime<Utc>,
    pub output: String,
    pub level: LogLevel,
    pub source_id: LogSourceId,
}

/// An app that runs in a workspace, or a link.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct WorkspaceApp {
    pub id: AppId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    pub external: bool,
    pub slug: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icon: Option<String>,
    pub subdomain: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subdomain_name: Option<String>,
    pub sharing_level: SharingLevel,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub healthcheck: Option<Healthcheck>,
    pub health: AppHealth,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    pub hidden: bool,
    pub open_in: OpenIn,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tooltip: Option<String>,
    /// Always empty for now: no app reports a status.
    #[schema(value_type = Vec<Object>)]
    pub statuses: Vec<serde_json::Value>,
}

/// How the agent checks an app. `interval` is in seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Healthcheck {
    pub url: String,
    pub interval: i32,
    pub threshold: i32,
}
