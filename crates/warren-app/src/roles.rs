//! Roles: which there are, what they hold, who may give them.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use warren_authz::Permission;
use warren_db::DbError;

use crate::error::AppResult;

/// A permission as it is stored and as it stands on the wire; `*` is any resource type or action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PermissionText {
    #[serde(default)]
    pub negate: bool,
    pub resource_type: String,
    pub action: String,
}

impl PermissionText {
    /// Reads the words; `None` when one of them is unknown or the resource does not know the action.
    pub fn parse(&self) -> Option<Permission> {
        let resource = match self.resource_type.as_str() {
            "*" => None,
            word => Some(word.parse::<warren_authz::Resource>().ok()?),
        };
        let action = match self.action.as_str() {
            "*" => None,
            word => Some(word.parse::<warren_authz::Action>().ok()?),
        };
        let is_known = match (resource, action) {
            (Some(resource), Some(action)) => resource.actions().contains(&action),
            _ => true,
        };
        is_known.then_some(Permission { negate: self.negate, resource, action })
    }

    /// Writes a permission.
    pub fn of(permission: &Permission) -> Self {
        let any = String::from("*");
        Self {
            negate: permission.negate,
            resource_type: permission.resource.map_or_else(|| any.clone(), |one| one.to_string()),
            action: permission.action.map_or(any, |one| one.to_string()),
        }
    }
}

/// Reads stored permissions.
///
/// # Errors
/// Fails when they are not what this program wrote.
pub(crate) fn permissions(stored: &Value) -> AppResult<Vec<Permission>> {
    let corrupt = || DbError::Corrupt { what: "permissions of a role" };
    let texts = Vec::<PermissionText>::deserialize(stored).map_err(|_| corrupt())?;
    Ok(texts.iter().map(PermissionText::parse).collect::<Option<_>>().ok_or_else(corrupt)?)
}
