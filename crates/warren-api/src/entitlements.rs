//! Which features a deployment has. Here everything is free and on.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `GET /api/v2/entitlements`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Entitlements {
    /// By feature name; every known name is present.
    pub features: BTreeMap<String, Feature>,
    pub warnings: Vec<String>,
    pub errors: Vec<String>,
    pub has_license: bool,
    pub trial: bool,
    pub require_telemetry: bool,
    pub refreshed_at: DateTime<Utc>,
}

/// One feature.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Feature {
    /// `entitled`, `grace_period` or `not_entitled`.
    pub entitlement: String,
    pub enabled: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actual: Option<i64>,
}

/// The names of all features.
pub const FEATURES: &[&str] = &[
    "user_limit",
    "audit_log",
    "connection_log",
    "browser_only",
    "scim",
    "template_rbac",
    "high_availability",
    "multiple_external_auth",
    "external_provisioner_daemons",
    "appearance",
    "advanced_template_scheduling",
    "workspace_proxy",
    "external_token_encryption",
    "workspace_batch_actions",
    "task_batch_actions",
    "access_control",
    "control_shared_ports",
    "custom_roles",
    "multiple_organizations",
    "workspace_prebuilds",
    "managed_agent_limit",
    "workspace_external_agent",
    "aibridge",
    "boundary",
    "service_accounts",
    "ai_governance_user_limit",
    "user_role_management",
];

/// Features that take something away from users. Everybody is entitled to them, and they are off.
pub const RESTRICTIONS: &[&str] = &["browser_only"];
