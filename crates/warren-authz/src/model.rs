//! Subjects, objects and actions.

use warren_vocab::{OrganizationId, UserId};

/// A role that holds in the whole deployment. Everybody is a member as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SiteRole {
    Owner,
    Member,
}

impl SiteRole {
    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Member => "member",
        }
    }

    /// Reads a name; an unknown one grants nothing.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Owner, Self::Member].into_iter().find(|role| role.as_str() == name)
    }
}

/// A role that holds in one organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrganizationRole {
    Admin,
    Member,
}

impl OrganizationRole {
    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "organization-admin",
            Self::Member => "organization-member",
        }
    }

    /// Reads a name; an unknown one grants nothing.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Admin, Self::Member].into_iter().find(|role| role.as_str() == name)
    }
}

/// A membership with its roles; membership itself implies [`OrganizationRole::Member`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    pub organization: OrganizationId,
    pub roles: Vec<OrganizationRole>,
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    pub user: UserId,
    pub roles: Vec<SiteRole>,
    pub memberships: Vec<Membership>,
}

impl Subject {
    /// Whether the subject has the site role `owner`.
    pub fn is_owner(&self) -> bool {
        self.roles.contains(&SiteRole::Owner)
    }

    /// Whether the subject belongs to the organization.
    pub fn is_member_of(&self, organization: OrganizationId) -> bool {
        self.memberships.iter().any(|one| one.organization == organization)
    }

    /// Whether the subject administers the organization.
    pub fn is_admin_of(&self, organization: OrganizationId) -> bool {
        let admin = |one: &&Membership| one.roles.contains(&OrganizationRole::Admin);
        self.memberships.iter().filter(admin).any(|one| one.organization == organization)
    }
}

/// Kinds of objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    User,
    Organization,
    OrganizationMember,
    File,
    Template,
    Workspace,
    Chat,
    /// Model providers, model configurations and other settings of the whole deployment.
    Deployment,
}

/// What can be done to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    Create,
    Read,
    Update,
    Delete,
    /// Make workspaces from a template.
    Use,
    Start,
    Stop,
    /// Open a shell, run commands, reach ports.
    Ssh,
}

impl Action {
    /// The verb for error sentences.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Read => "read",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Use => "use",
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Ssh => "ssh",
        }
    }
}

/// What is acted upon; for a creation, what the object would be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Object {
    pub resource: Resource,
    pub owner: Option<UserId>,
    pub organization: Option<OrganizationId>,
}

impl Object {
    /// An object of the whole deployment.
    pub const fn site(resource: Resource) -> Self {
        Self { resource, owner: None, organization: None }
    }

    /// An object of one account outside organizations.
    pub const fn owned(resource: Resource, owner: UserId) -> Self {
        Self { resource, owner: Some(owner), organization: None }
    }

    /// An object of an organization without an owner.
    pub const fn of_organization(resource: Resource, organization: OrganizationId) -> Self {
        Self { resource, owner: None, organization: Some(organization) }
    }

    /// An object that an account owns inside an organization.
    pub const fn owned_in(resource: Resource, owner: UserId, organization: OrganizationId) -> Self {
        Self { resource, owner: Some(owner), organization: Some(organization) }
    }
}
