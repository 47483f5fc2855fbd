//! Who asks.

use warren_vocab::{GroupId, OrganizationId, UserId};

use crate::{
    role::{Grants, OrganizationRole, SiteRole},
    scope::Scope,
};

/// A membership with its roles; membership itself implies [`OrganizationRole::Member`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    pub organization: OrganizationId,
    pub roles: Vec<OrganizationRole>,
    /// What the organization's own roles grant; only their organization and member levels count.
    pub custom: Vec<Grants>,
}

impl Membership {
    /// A membership with built-in roles.
    pub fn new(organization: OrganizationId, roles: Vec<OrganizationRole>) -> Self {
        Self { organization, roles, custom: Vec::new() }
    }
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    pub user: UserId,
    /// Site roles; everybody has [`SiteRole::Member`] as well.
    pub roles: Vec<SiteRole>,
    pub memberships: Vec<Membership>,
    /// Groups besides the one that everybody in an organization belongs to.
    pub groups: Vec<GroupId>,
    pub scope: Scope,
}

impl Subject {
    /// A subject without a restricting scope and without groups.
    pub fn new(user: UserId, roles: Vec<SiteRole>, memberships: Vec<Membership>) -> Self {
        Self { user, roles, memberships, groups: Vec::new(), scope: Scope::everything() }
    }

    /// Whether the subject has the site role `owner`.
    pub fn is_owner(&self) -> bool {
        self.roles.contains(&SiteRole::Owner)
    }

    /// The membership in an organization.
    pub fn membership(&self, organization: OrganizationId) -> Option<&Membership> {
        self.memberships.iter().find(|one| one.organization == organization)
    }

    /// Whether the subject belongs to the organization.
    pub fn is_member_of(&self, organization: OrganizationId) -> bool {
        self.membership(organization).is_some()
    }

    /// Whether the subject belongs to the group. The group of everybody has the id of its organization.
    pub fn is_in_group(&self, group: GroupId) -> bool {
        self.groups.contains(&group) || self.is_member_of(OrganizationId::from_uuid(group.as_uuid()))
    }

    /// What the site roles grant, the implied one included.
    pub(crate) fn site_grants(&self) -> impl Iterator<Item = &'static Grants> {
        std::iter::once(SiteRole::Member.grants()).chain(self.roles.iter().map(|role| role.grants()))
    }
}

impl Membership {
    /// What the roles grant, the implied one included.
    pub(crate) fn grants(&self) -> impl Iterator<Item = &Grants> {
        let built_in = self.roles.iter().map(|role| role.grants());
        std::iter::once(OrganizationRole::Member.grants()).chain(built_in).chain(&self.custom)
    }
}
