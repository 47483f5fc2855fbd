//! What is acted upon.

use uuid::Uuid;
use warren_vocab::{GroupId, OrganizationId, UserId};

use crate::{permission::ActionSet, vocabulary::Resource};

/// An entry of an access list: what an account or group may do to the object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AclEntry<Id> {
    pub id: Id,
    pub actions: ActionSet,
}

/// What is acted upon; for a creation, what the object would be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    pub resource: Resource,
    /// Absent for kinds of objects and for objects yet to be created.
    pub id: Option<Uuid>,
    pub owner: Option<UserId>,
    pub organization: Option<OrganizationId>,
    /// Stands for an object in whichever organization suits the subject: "may I do this anywhere?".
    pub any_organization: bool,
    pub user_acl: Vec<AclEntry<UserId>>,
    pub group_acl: Vec<AclEntry<GroupId>>,
}

impl Object {
    /// An object of the whole deployment.
    pub const fn site(resource: Resource) -> Self {
        Self {
            resource,
            id: None,
            owner: None,
            organization: None,
            any_organization: false,
            user_acl: Vec::new(),
            group_acl: Vec::new(),
        }
    }

    /// An object of one account outside organizations.
    pub const fn owned(resource: Resource, owner: UserId) -> Self {
        let mut object = Self::site(resource);
        object.owner = Some(owner);
        object
    }

    /// An object of an organization without an owner.
    pub const fn of_organization(resource: Resource, organization: OrganizationId) -> Self {
        let mut object = Self::site(resource);
        object.organization = Some(organization);
        object
    }

    /// An object that an account owns inside an organization.
    pub const fn owned_in(resource: Resource, owner: UserId, organization: OrganizationId) -> Self {
        let mut object = Self::owned(resource, owner);
        object.organization = Some(organization);
        object
    }

    /// An object without an owner in some organization of the subject's.
    pub const fn in_any_organization(resource: Resource) -> Self {
        let mut object = Self::site(resource);
        object.any_organization = true;
        object
    }

    /// An account.
    pub const fn user(id: UserId) -> Self {
        Self::owned(Resource::User, id).with_id(id.as_uuid())
    }

    /// An organization.
    pub const fn organization(id: OrganizationId) -> Self {
        Self::of_organization(Resource::Organization, id).with_id(id.as_uuid())
    }

    /// A membership; its id is the account's.
    pub const fn member(organization: OrganizationId, user: UserId) -> Self {
        Self::owned_in(Resource::OrganizationMember, user, organization).with_id(user.as_uuid())
    }

    /// Says which object it is; a scope with an allow-list asks for it.
    #[must_use]
    pub const fn with_id(mut self, id: Uuid) -> Self {
        self.id = Some(id);
        self
    }

    /// Adds an account to the access list.
    #[must_use]
    pub fn with_user_acl(mut self, id: UserId, actions: ActionSet) -> Self {
        self.user_acl.push(AclEntry { id, actions });
        self
    }

    /// Adds a group to the access list.
    #[must_use]
    pub fn with_group_acl(mut self, id: GroupId, actions: ActionSet) -> Self {
        self.group_acl.push(AclEntry { id, actions });
        self
    }
}
