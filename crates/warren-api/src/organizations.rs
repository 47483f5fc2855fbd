//! Organizations and their members.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use warren_vocab::{LoginType, OrganizationId, UserId, UserStatus};

use crate::users::SlimRole;

/// An organization.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Organization {
    pub id: OrganizationId,
    pub name: String,
    pub display_name: String,
    pub icon: String,
    pub description: String,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub is_default: bool,
    pub default_org_member_roles: Vec<String>,
}

/// A user's membership of an organization.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct OrganizationMember {
    pub user_id: UserId,
    pub organization_id: OrganizationId,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub roles: Vec<SlimRole>,
}

/// A user's membership of an organization, with the account.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct OrganizationMemberWithUserData {
    #[serde(flatten)]
    pub member: OrganizationMember,
    pub username: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub avatar_url: Option<String>,
    pub email: String,
    pub status: UserStatus,
    pub login_type: LoginType,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen_at: Option<DateTime<Utc>>,
    pub user_created_at: DateTime<Utc>,
    pub user_updated_at: DateTime<Utc>,
    /// Left out for people.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_service_account: bool,
    /// Site roles.
    pub global_roles: Vec<SlimRole>,
    pub has_ai_seat: bool,
}

/// `GET /api/v2/organizations/{organization}/paginated-members`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct PaginatedMembersResponse {
    pub members: Vec<OrganizationMemberWithUserData>,
    /// How many there are without `limit` and `offset`.
    pub count: i64,
}

/// `POST /api/v2/organizations`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CreateOrganizationRequest {
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    #[serde(default)]
    pub description: String,
    #[serde(default)]
    pub icon: String,
}

/// `PATCH /api/v2/organizations/{organization}`; absent fields stay.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct UpdateOrganizationRequest {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icon: Option<String>,
    /// Roles that every member holds without being given them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_org_member_roles: Option<Vec<String>>,
}

/// Whose workspaces may be shared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WorkspaceSharingSettings {
    /// Whether the deployment forbids sharing whatever the organization says.
    pub sharing_globally_disabled: bool,
    pub sharing_disabled: bool,
    /// `none`, `everyone` or `service_accounts`.
    pub shareable_workspace_owners: String,
}

/// A change of whose workspaces may be shared; absent fields stay.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct UpdateWorkspaceSharingSettingsRequest {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sharing_disabled: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shareable_workspace_owners: Option<String>,
}
