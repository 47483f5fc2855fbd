//! Organizations and their members.

use warren_db::entity::{custom_roles, organization_members, organizations};
use warren_vocab::ResourceType;

use super::{Auditable, Identity};
use crate::diff::Tracked;

impl Auditable for organizations::Model {
    fn identity(&self) -> Identity {
        Identity::new(ResourceType::Organization, self.id, &self.name).icon(&self.icon).organization(self.id)
    }

    fn tracked(&self) -> Tracked {
        Tracked::new()
            .plain("name", &self.name)
            .plain("display_name", &self.display_name)
            .plain("description", &self.description)
            .plain("icon", &self.icon)
            .plain("is_default", self.is_default)
            .plain("deleted", self.deleted)
            .plain("shareable_workspace_owners", &self.shareable_workspace_owners)
            .plain("default_org_member_roles", &self.default_org_member_roles)
    }
}

/// The object is the account; name it with [`crate::Entry::target`].
impl Auditable for organization_members::Model {
    fn identity(&self) -> Identity {
        let identity = Identity::new(ResourceType::OrganizationMember, self.user_id, "");
        identity.organization(self.organization_id)
    }

    fn tracked(&self) -> Tracked {
        Tracked::new().plain("user_id", self.user_id).plain("roles", &self.roles)
    }
}

impl Auditable for custom_roles::Model {
    fn identity(&self) -> Identity {
        Identity::new(ResourceType::CustomRole, self.id, &self.name).organization(self.organization_id)
    }

    fn tracked(&self) -> Tracked {
        Tracked::new()
            .plain("name", &self.name)
            .plain("display_name", &self.display_name)
            .plain("org_permissions", &self.organization_permissions)
            .plain("member_permissions", &self.member_permissions)
    }
}
