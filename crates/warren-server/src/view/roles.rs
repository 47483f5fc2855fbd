//! Roles.

use warren_api::roles::{AssignableRoles, Permission, Role};
use warren_app::roles::{PermissionText, RoleDetail};

/// Shows a role.
pub(crate) fn role(detail: RoleDetail) -> Role {
    Role {
        name: detail.name,
        organization_id: detail.organization,
        display_name: detail.display_name,
        site_permissions: permissions(detail.site_permissions),
        user_permissions: permissions(detail.user_permissions),
        organization_permissions: permissions(detail.organization_permissions),
        organization_member_permissions: permissions(detail.member_permissions),
    }
}

/// Shows a role and whether the caller may hand it out.
pub(crate) fn assignable(detail: RoleDetail) -> AssignableRoles {
    let (assignable, built_in) = (detail.assignable, detail.built_in);
    AssignableRoles { role: role(detail), assignable, built_in }
}

/// Reads permissions.
pub(crate) fn texts(permissions: Vec<Permission>) -> Vec<PermissionText> {
    let text =
        |Permission { negate, resource_type, action }| PermissionText { negate, resource_type, action };
    permissions.into_iter().map(text).collect()
}

fn permissions(texts: Vec<PermissionText>) -> Vec<Permission> {
    let shown =
        |PermissionText { negate, resource_type, action }| Permission { negate, resource_type, action };
    texts.into_iter().map(shown).collect()
}
