//! Roles, permissions and questions about one's own rights.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use warren_vocab::OrganizationId;

use crate::wire::null_as_default;

/// One permission of a role. `*` is any resource type or action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Permission {
    #[serde(default)]
    pub negate: bool,
    pub resource_type: String,
    pub action: String,
}

/// A role with what it grants on each level.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Role {
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization_id: Option<OrganizationId>,
    pub display_name: String,
    #[serde(default, deserialize_with = "null_as_default")]
    pub site_permissions: Vec<Permission>,
    #[serde(default, deserialize_with = "null_as_default")]
    pub user_permissions: Vec<Permission>,
    #[serde(default, deserialize_with = "null_as_default")]
    pub organization_permissions: Vec<Permission>,
    #[serde(default, deserialize_with = "null_as_default")]
    pub organization_member_permissions: Vec<Permission>,
}

/// A role, and whether the caller may hand it out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AssignableRoles {
    #[serde(flatten)]
    pub role: Role,
    pub assignable: bool,
    pub built_in: bool,
}

/// `POST` and `PUT /api/v2/organizations/{organization}/members/roles`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CustomRoleRequest {
    pub name: String,
    #[serde(default)]
    pub display_name: String,
    #[serde(default, deserialize_with = "null_as_default")]
    pub site_permissions: Vec<Permission>,
    #[serde(default, deserialize_with = "null_as_default")]
    pub user_permissions: Vec<Permission>,
    #[serde(default, deserialize_with = "null_as_default")]
    pub organization_permissions: Vec<Permission>,
    #[serde(default, deserialize_with = "null_as_default")]
    pub organization_member_permissions: Vec<Permission>,
}

/// The roles that an account or member is to have.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct UpdateRoles {
    #[serde(deserialize_with = "null_as_default")]
    pub roles: Vec<String>,
}

/// The names of an account's roles.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UserRoles {
    pub roles: Vec<String>,
    /// By organization id.
    pub organization_roles: BTreeMap<String, Vec<String>>,
}

/// `POST /api/v2/authcheck`: questions by a name that the client chooses.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AuthorizationRequest {
    #[serde(deserialize_with = "null_as_default")]
    pub checks: BTreeMap<String, AuthorizationCheck>,
}

/// One question: may the caller do this to that object?
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AuthorizationCheck {
    pub object: AuthorizationObject,
    pub action: String,
}

/// The object of a question.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct AuthorizationObject {
    #[serde(default)]
    pub resource_type: String,
    /// An account's id, or `me`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub owner_id: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub organization_id: String,
    /// An existing object; its owner and organization are looked up.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub resource_id: String,
    /// Asks whether any organization of the caller's will do.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub any_org: bool,
}

/// The answer to each question, by its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct AuthorizationResponse(pub BTreeMap<String, bool>);

/// The scopes that an API key may ask for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExternalApiKeyScopes {
    pub external: Vec<String>,
}
