//! Roles: which there are, what they hold, and how they are stored. Who may give them is in [`assign`], what organizations
//! make for themselves in [`custom`].

use serde::{Deserialize, Serialize};
use serde_json::Value;
use warren_authz::{
    Action, Grants, Object, OrganizationRole, Permission, PermissionSet, Resource, SiteRole,
    role::{may_assign_organization_role, may_assign_site_role},
};
use warren_db::{DbError, entity::custom_roles, query};
use warren_vocab::OrganizationId;

use crate::{App, actor::Actor, error::AppResult};

mod assign;
mod custom;

pub use assign::HeldRoles;
pub(crate) use assign::{check_may_assign, check_organization_change, check_removal, without_implied};
pub use custom::RoleDraft;

/// A role with what it grants, and whether the caller may hand it out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleDetail {
    pub name: String,
    pub display_name: String,
    pub organization: Option<OrganizationId>,
    pub site_permissions: Vec<PermissionText>,
    pub user_permissions: Vec<PermissionText>,
    pub organization_permissions: Vec<PermissionText>,
    pub member_permissions: Vec<PermissionText>,
    pub assignable: bool,
    pub built_in: bool,
}

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

impl App {
    /// Lists the site roles that can be given.
    ///
    /// # Errors
    /// Forbidden by right.
    pub fn site_roles(&self, actor: &Actor) -> AppResult<Vec<RoleDetail>> {
        actor.check(Action::Read, &Object::site(Resource::AssignRole))?;
        let may_assign = actor.allows(Action::Assign, &Object::site(Resource::AssignRole));
        let detail = |role: &SiteRole| RoleDetail {
            assignable: may_assign && may_assign_site_role(&actor.subject, *role),
            ..built_in(role.as_str(), role.display_name(), None, role.grants())
        };
        // Everybody is a member; the role cannot be given.
        Ok(SiteRole::ALL.iter().filter(|role| **role != SiteRole::Member).map(detail).collect())
    }

    /// Lists the roles of an organization that can be given: the built-in ones, then its own.
    ///
    /// # Errors
    /// Forbidden by right.
    pub async fn organization_roles(
        &self,
        actor: &Actor,
        organization: OrganizationId,
    ) -> AppResult<Vec<RoleDetail>> {
        let object = Object::of_organization(Resource::AssignOrgRole, organization);
        actor.check(Action::Read, &object)?;
        let may_assign = actor.allows(Action::Assign, &object);
        let covers = |role| may_assign && may_assign_organization_role(&actor.subject, organization, role);
        let named = OrganizationRole::ALL.iter().filter(|role| !role.display_name().is_empty());
        let mut list: Vec<_> = named
            .map(|role| RoleDetail {
                assignable: covers(Some(*role)),
                ..built_in(role.as_str(), role.display_name(), Some(organization), role.grants())
            })
            .collect();
        for row in query::custom_roles::list(self.db().reader(), &[organization]).await? {
            list.push(RoleDetail { assignable: covers(None), ..custom_detail(&row)? });
        }
        Ok(list)
    }
}

fn built_in(
    name: &str,
    display_name: &str,
    organization: Option<OrganizationId>,
    grants: &Grants,
) -> RoleDetail {
    let texts = |set: &PermissionSet| set.permissions().iter().map(PermissionText::of).collect();
    RoleDetail {
        name: name.to_owned(),
        display_name: display_name.to_owned(),
        organization,
        site_permissions: texts(&grants.site),
        user_permissions: texts(&grants.user),
        organization_permissions: texts(&grants.organization),
        member_permissions: texts(&grants.member),
        assignable: false,
        built_in: true,
    }
}

fn custom_detail(row: &custom_roles::Model) -> AppResult<RoleDetail> {
    let texts =
        |stored| Ok::<_, crate::AppError>(permissions(stored)?.iter().map(PermissionText::of).collect());
    Ok(RoleDetail {
        name: row.name.clone(),
        display_name: row.display_name.clone(),
        organization: Some(OrganizationId::from_uuid(row.organization_id)),
        site_permissions: Vec::new(),
        user_permissions: Vec::new(),
        organization_permissions: texts(&row.organization_permissions)?,
        member_permissions: texts(&row.member_permissions)?,
        assignable: false,
        built_in: false,
    })
}
