//! Organizations and memberships.

use warren_api::organizations::{Organization, OrganizationMember};
use warren_app::actor;
use warren_db::entity::{organization_members, organizations};
use warren_vocab::{OrganizationId, UserId};

use super::users::slim_role;

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
        default_org_member_roles: Vec::new(),
    }
}

/// Shows a membership.
pub(crate) fn member(row: organization_members::Model) -> OrganizationMember {
    OrganizationMember {
        user_id: UserId::from_uuid(row.user_id),
        organization_id: OrganizationId::from_uuid(row.organization_id),
        created_at: row.created_at,
        updated_at: row.updated_at,
        roles: actor::names(&row.roles).map(slim_role).collect(),
    }
}
