//! The deployment as a whole.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

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
