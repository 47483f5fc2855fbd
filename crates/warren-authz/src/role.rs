//! Built-in roles: names here, what they grant in [`built_in`], who may hand them out in [`may_assign`].

use warren_vocab::OrganizationId;

use crate::{permission::PermissionSet, subject::Subject};

mod built_in;

/// What a role grants, by level.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Grants {
    /// On every object.
    pub site: PermissionSet,
    /// On objects of the role's organization.
    pub organization: PermissionSet,
    /// On objects that the subject owns.
    pub user: PermissionSet,
    /// On objects that the subject owns in the role's organization.
    pub member: PermissionSet,
}

impl Grants {
    /// Nothing.
    pub const NONE: Self = Self {
        site: PermissionSet::EMPTY,
        organization: PermissionSet::EMPTY,
        user: PermissionSet::EMPTY,
        member: PermissionSet::EMPTY,
    };
}

macro_rules! roles {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal, $shown:literal, $grants:ident;)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name {
            $($(#[$vdoc])* $variant),+
        }

        impl $name {
            /// Every role, in declaration order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name on the wire.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text),+
                }
            }

            /// The name for people; empty for a role that comes by itself and cannot be given.
            pub const fn display_name(self) -> &'static str {
                match self {
                    $(Self::$variant => $shown),+
                }
            }

            /// What the role grants.
            pub const fn grants(self) -> &'static Grants {
                match self {
                    $(Self::$variant => &built_in::$grants),+
                }
            }

            /// Reads a name; an unknown one grants nothing.
            pub fn parse(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|role| role.as_str() == name)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}

roles! {
    /// A role that holds in the whole deployment. Everybody is a member as well.
    SiteRole {
        Owner = "owner", "Owner", OWNER;
        Auditor = "auditor", "Auditor", AUDITOR;
        TemplateAdmin = "template-admin", "Template Admin", TEMPLATE_ADMIN;
        UserAdmin = "user-admin", "User Admin", USER_ADMIN;
        Member = "member", "Member", MEMBER;
    }
}

roles! {
    /// A role that holds in one organization.
    OrganizationRole {
        Admin = "organization-admin", "Organization Admin", ORGANIZATION_ADMIN;
        Auditor = "organization-auditor", "Organization Auditor", ORGANIZATION_AUDITOR;
        TemplateAdmin = "organization-template-admin", "Organization Template Admin", ORGANIZATION_TEMPLATE_ADMIN;
        UserAdmin = "organization-user-admin", "Organization User Admin", ORGANIZATION_USER_ADMIN;
        /// Has and uses workspaces; new members get it unless the organization says otherwise.
        WorkspaceAccess = "organization-workspace-access", "Organization Workspace Access", ORGANIZATION_WORKSPACE_ACCESS;
        /// Takes rights away: its holder neither creates nor deletes workspaces.
        WorkspaceCreationBan = "organization-workspace-creation-ban", "Organization Workspace Creation Ban", ORGANIZATION_WORKSPACE_CREATION_BAN;
        AgentsAccess = "agents-access", "Agents User", AGENTS_ACCESS;
        /// Every member has it.
        Member = "organization-member", "", ORGANIZATION_MEMBER;
        /// Every service account has it in place of [`OrganizationRole::Member`].
        ServiceAccount = "organization-service-account", "", ORGANIZATION_MEMBER;
    }
}

/// What others may hand out who are not owners or administrators of the organization.
const ORDINARY: &[OrganizationRole] =
    &[OrganizationRole::Member, OrganizationRole::WorkspaceAccess, OrganizationRole::AgentsAccess];

/// Whether the subject's roles cover giving and taking a site role. The caller checks `assign_role` besides.
pub fn may_assign_site_role(subject: &Subject, role: SiteRole) -> bool {
    let covers = |held: &SiteRole| match held {
        SiteRole::Owner => true,
        SiteRole::UserAdmin => role == SiteRole::Member,
        SiteRole::Auditor | SiteRole::TemplateAdmin | SiteRole::Member => false,
    };
    subject.roles.iter().any(covers)
}

/// Whether the subject's roles cover giving and taking a role of an organization; `None` stands for one of the
/// organization's own roles. The caller checks `assign_org_role` besides.
pub fn may_assign_organization_role(
    subject: &Subject,
    organization: OrganizationId,
    role: Option<OrganizationRole>,
) -> bool {
    let is_ordinary = role.is_some_and(|role| ORDINARY.contains(&role));
    let site = |held: &SiteRole| match held {
        SiteRole::Owner => true,
        SiteRole::UserAdmin => is_ordinary,
        SiteRole::Auditor | SiteRole::TemplateAdmin | SiteRole::Member => false,
    };
    let inside = |held: &OrganizationRole| match held {
        OrganizationRole::Admin => true,
        OrganizationRole::UserAdmin => is_ordinary,
        OrganizationRole::Auditor
        | OrganizationRole::TemplateAdmin
        | OrganizationRole::WorkspaceAccess
        | OrganizationRole::WorkspaceCreationBan
        | OrganizationRole::AgentsAccess
        | OrganizationRole::Member
        | OrganizationRole::ServiceAccount => false,
    };
    let held = subject.membership(organization).map_or(&[][..], |membership| &membership.roles);
    subject.roles.iter().any(site) || held.iter().any(inside)
}

#[cfg(test)]
mod tests;
