//! The audit log.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;
use warren_vocab::{AuditAction, AuditLogId, BuildReason, OrganizationId, RequestId, ResourceType};

use crate::users::User;

/// One entry of the audit log.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AuditLog {
    pub id: AuditLogId,
    pub request_id: RequestId,
    pub time: DateTime<Utc>,
    /// Empty for work that the server does by itself.
    pub ip: String,
    pub user_agent: String,
    pub resource_type: ResourceType,
    pub resource_id: Uuid,
    /// What the object was called.
    pub resource_target: String,
    pub resource_icon: String,
    pub action: AuditAction,
    pub diff: BTreeMap<String, AuditDiffField>,
    pub status_code: i32,
    pub additional_fields: Map<String, Value>,
    /// A sentence that says what happened.
    pub description: String,
    /// A path of the dashboard; empty when it does not show the object.
    pub resource_link: String,
    pub is_deleted: bool,
    /// All zero for objects that belong to no organization.
    pub organization_id: OrganizationId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<MinimalOrganization>,
    pub user: Option<User>,
}

/// How a tracked field changed. Of secrets only that they changed is told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AuditDiffField {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new: Option<Value>,
    pub secret: bool,
}

/// An organization as far as lists show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MinimalOrganization {
    pub id: OrganizationId,
    pub name: String,
    pub display_name: String,
    pub icon: String,
}

/// `GET /api/v2/audit`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AuditLogResponse {
    pub audit_logs: Vec<AuditLog>,
    /// Entries that fit the query, not counted further than `count_cap`.
    pub count: i64,
    pub count_cap: i64,
}

/// `POST /api/v2/audit/testgenerate`; absent fields are chosen by the server.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct CreateTestAuditLogRequest {
    #[serde(default)]
    pub action: Option<AuditAction>,
    #[serde(default)]
    pub resource_type: Option<ResourceType>,
    #[serde(default)]
    pub resource_id: Option<Uuid>,
    #[serde(default)]
    pub additional_fields: Option<Map<String, Value>>,
    #[serde(default)]
    pub time: Option<DateTime<Utc>>,
    #[serde(default)]
    pub build_reason: Option<BuildReason>,
    #[serde(default)]
    pub organization_id: Option<OrganizationId>,
    #[serde(default)]
    pub request_id: Option<RequestId>,
}
