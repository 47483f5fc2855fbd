//! Organizations and memberships.

use warren_api::{
    organizations::{
        Organization, OrganizationMember, OrganizationMemberWithUserData, WorkspaceSharingSettings,
    },
    users::SlimRole,
};
use warren_app::{
    actor,
    organizations::{ShareableOwners, members::Member},
};
use warren_db::entity::{custom_roles, organization_members, organizations};
use warren_vocab::{OrganizationId, UserId};

use super::{users, word};
use crate::error::ApiResult;

/// Shows an organization.
pub(crate) fn organization(row: organizations::Model) -> Organization {
    Organization {
        id: OrganizationId::from_uuid(row.id),
        name: row.name,
        display_name: row.display_name,
        icon: row.icon,
        description: row.description,
        created_at: row.created_at,
        updated_at: row.updated_at,
        is_default: row.is_default,
        default_org_member_roles: actor::names(&row.default_org_member_roles).map(str::to_owned).collect(),
    }
}

/// Shows a membership. `custom` are the organization's own roles, for their display names.
pub(crate) fn member(row: organization_members::Model, custom: &[custom_roles::Model]) -> OrganizationMember {
    let organization_id = OrganizationId::from_uuid(row.organization_id);
    OrganizationMember {
        user_id: UserId::from_uuid(row.user_id),
        organization_id,
        created_at: row.created_at,
        updated_at: row.updated_at,
        roles: actor::names(&row.roles).map(|name| slim_role(name, organization_id, custom)).collect(),
    }
}

/// Shows a membership with its account.
pub(crate) fn member_with_user(
    (row, user): Member,
    custom: &[custom_roles::Model],
) -> ApiResult<OrganizationMemberWithUserData> {
    Ok(OrganizationMemberWithUserData {
        member: member(row, custom),
        status: word(&user.status, "user status")?,
        login_type: word(&user.login_type, "login type")?,
        global_roles: users::site_roles(&user),
        username: user.username,
        name: Some(user.name).filter(|name| !name.is_empty()),
        avatar_url: Some(user.avatar_url).filter(|url| !url.is_empty()),
        email: user.email,
        last_seen_at: user.last_seen_at,
        user_created_at: user.created_at,
        user_updated_at: user.updated_at,
        is_service_account: user.is_service_account,
        has_ai_seat: true,
    })
}

/// Shows whose workspaces may be shared.
pub(crate) fn sharing(row: &organizations::Model) -> WorkspaceSharingSettings {
    WorkspaceSharingSettings {
        sharing_globally_disabled: false,
        sharing_disabled: row.shareable_workspace_owners == ShareableOwners::None.as_str(),
        shareable_workspace_owners: row.shareable_workspace_owners.clone(),
    }
}

fn slim_role(name: &str, organization: OrganizationId, custom: &[custom_roles::Model]) -> SlimRole {
    let own = custom.iter().find(|role| role.name.eq_ignore_ascii_case(name));
    let role = users::slim_role(name);
    SlimRole {
        display_name: own.map_or(role.display_name, |own| own.display_name.clone()),
        organization_id: Some(organization.to_string()),
        name: role.name,
    }
}
