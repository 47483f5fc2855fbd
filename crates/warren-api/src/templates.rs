//! Templates, their versions and their parameters.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use warren_vocab::{FileId, OrganizationId, SharingLevel, TemplateId, TemplateVersionId, UserId};

use crate::{
    jobs::{MatchedProvisioners, ProvisionerJob},
    users::MinimalUser,
    wire::{nil_as_none, null_as_default},
};

/// A template: a named line of versions that workspaces are made from. Times in `*_ms` are milliseconds.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Template {
    pub id: TemplateId,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub organization_id: OrganizationId,
    pub organization_name: String,
    pub organization_display_name: String,
    pub organization_icon: String,
    pub name: String,
    pub display_name: String,
    pub provisioner: String,
    pub active_version_id: TemplateVersionId,
    /// -1 when it is not known.
    pub active_user_count: i64,
    pub build_time_stats: BTreeMap<String, TransitionStats>,
    pub description: String,
    pub deprecated: bool,
    pub deprecation_message: String,
    pub deleted: bool,
    pub icon: String,
    pub default_ttl_ms: i64,
    pub activity_bump_ms: i64,
    pub time_til_autostop_notify_ms: i64,
    pub autostop_requirement: TemplateAutostopRequirement,
    pub autostart_requirement: TemplateAutostartRequirement,
    pub created_by_id: UserId,
    pub created_by_name: String,
    pub allow_user_autostart: bool,
    pub allow_user_autostop: bool,
    pub allow_user_cancel_workspace_jobs: bool,
    pub failure_ttl_ms: i64,
    pub time_til_dormant_ms: i64,
    pub time_til_dormant_autodelete_ms: i64,
    pub require_active_version: bool,
    pub max_port_share_level: SharingLevel,
    pub cors_behavior: String,
    pub use_classic_parameter_flow: bool,
    pub disable_module_cache: bool,
}

/// Median and 95th percentile of build times, in milliseconds.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct TransitionStats {
    #[serde(rename = "P50")]
    pub p50: Option<i64>,
    #[serde(rename = "P95")]
    pub p95: Option<i64>,
}

/// On which days workspaces must stop.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct TemplateAutostopRequirement {
    pub days_of_week: Vec<String>,
    pub weeks: i64,
}

/// On which days workspaces may start by themselves.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct TemplateAutostartRequirement {
    pub days_of_week: Vec<String>,
}

/// `POST /api/v2/organizations/{organization}/templates`. Further fields that clients send are ignored.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CreateTemplateRequest {
    pub name: String,
    #[serde(default)]
    pub display_name: String,
    #[serde(default)]
    pub description: String,
    #[serde(default)]
    pub icon: String,
    pub template_version_id: TemplateVersionId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_ttl_ms: Option<i64>,
    /// `null` means true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_user_cancel_workspace_jobs: Option<bool>,
}

/// `PATCH /api/v2/templates/{template}`: an absent field stays as it is.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct UpdateTemplateMeta {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icon: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_ttl_ms: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_user_cancel_workspace_jobs: Option<bool>,
}

/// `PATCH /api/v2/templates/{template}/versions`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct UpdateActiveTemplateVersion {
    pub id: TemplateVersionId,
}

/// One immutable version of a template.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct TemplateVersion {
    pub id: TemplateVersionId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template_id: Option<TemplateId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization_id: Option<OrganizationId>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub name: String,
    pub message: String,
    pub job: ProvisionerJob,
    pub readme: String,
    pub created_by: MinimalUser,
    pub archived: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matched_provisioners: Option<MatchedProvisioners>,
    pub has_external_agent: bool,
}

/// `POST /api/v2/organizations/{organization}/templateversions`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CreateTemplateVersionRequest {
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub message: String,
    #[serde(default, deserialize_with = "nil_as_none", skip_serializing_if = "Option::is_none")]
    pub template_id: Option<TemplateId>,
    pub storage_method: String,
    #[serde(default, deserialize_with = "nil_as_none", skip_serializing_if = "Option::is_none")]
    pub file_id: Option<FileId>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub example_id: String,
    pub provisioner: String,
    #[serde(default, deserialize_with = "null_as_default")]
    pub tags: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "null_as_default")]
    pub user_variable_values: Vec<VariableValue>,
}

/// The value of a Terraform variable that the template's author sets at push.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct VariableValue {
    pub name: String,
    pub value: String,
}

/// A parameter that a workspace's maker may set.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct TemplateVersionParameter {
    pub name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub display_name: String,
    pub description: String,
    pub description_plaintext: String,
    #[serde(rename = "type")]
    pub parameter_type: String,
    pub form_type: String,
    pub mutable: bool,
    pub default_value: String,
    pub icon: String,
    pub options: Vec<TemplateVersionParameterOption>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation_error: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation_regex: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation_min: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation_max: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation_monotonic: Option<String>,
    pub required: bool,
    pub ephemeral: bool,
}

/// One choice of a parameter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TemplateVersionParameterOption {
    pub name: String,
    pub description: String,
    pub value: String,
    pub icon: String,
}
