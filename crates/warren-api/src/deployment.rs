//! The deployment as a whole.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// `GET /api/v2/buildinfo`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct BuildInfoResponse {
    pub external_url: String,
    pub version: String,
    pub dashboard_url: String,
    pub telemetry: bool,
    pub workspace_proxy: bool,
    pub agent_api_version: String,
    pub provisioner_api_version: String,
    pub upgrade_message: String,
    pub deployment_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webpush_public_key: Option<String>,
}

/// `GET /api/v2/deployment/ssh`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SshConfigResponse {
    pub hostname_prefix: String,
    pub hostname_suffix: String,
    pub ssh_config_options: std::collections::BTreeMap<String, String>,
}

/// `GET /api/v2/updatecheck`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct UpdateCheckResponse {
    /// Whether no newer version is known.
    pub current: bool,
    pub version: String,
    pub url: String,
}

/// `GET /api/v2/experiments/available`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AvailableExperiments {
    pub safe: Vec<String>,
}

/// `GET /api/v2/regions`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct RegionsResponse {
    pub regions: Vec<Region>,
}

/// A place through which workspaces are reached.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Region {
    pub id: Uuid,
    pub name: String,
    pub display_name: String,
    pub icon_url: String,
    pub healthy: bool,
    /// The URL below which applications of workspaces have paths.
    pub path_app_url: String,
    /// Host pattern of applications with a host of their own, such as `*.apps.example.com`; empty for none.
    pub wildcard_hostname: String,
}

/// A server of `GET /api/v2/replicas`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Replica {
    pub id: Uuid,
    pub hostname: String,
    pub created_at: DateTime<Utc>,
    /// How the other servers reach it; empty when they cannot.
    pub relay_address: String,
    pub region_id: i32,
    /// What does not work; empty when everything does.
    pub error: String,
    /// In microseconds.
    pub database_latency: i32,
    pub version: String,
}

/// `GET /api/v2/deployment/stats`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct DeploymentStats {
    pub aggregated_from: DateTime<Utc>,
    pub collected_at: DateTime<Utc>,
    pub next_update_at: DateTime<Utc>,
    pub workspaces: WorkspaceDeploymentStats,
    pub session_count: SessionCountDeploymentStats,
}

/// Workspaces by state, and the traffic of their agents.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct WorkspaceDeploymentStats {
    pub pending: i64,
    pub building: i64,
    pub running: i64,
    pub failed: i64,
    pub stopped: i64,
    pub connection_latency_ms: WorkspaceConnectionLatency,
    pub rx_bytes: i64,
    pub tx_bytes: i64,
}

/// Latency between users and workspaces, in milliseconds.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct WorkspaceConnectionLatency {
    pub p50: f64,
    pub p95: f64,
}

/// Sessions by the program that users connect with.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct SessionCountDeploymentStats {
    pub vscode: i64,
    pub ssh: i64,
    pub jetbrains: i64,
    pub reconnecting_pty: i64,
}
