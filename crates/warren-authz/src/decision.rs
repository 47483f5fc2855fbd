//! The decision function and its counterpart for lists. [`list_filter`] must agree with [`allows`] on reading.

use warren_vocab::{OrganizationId, UserId};

use crate::model::{Action, Object, Resource, Subject};

/// Why an action is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denied {
    /// The subject may not know that the object exists.
    NotFound,
    /// The subject may read the object but not do this to it.
    Forbidden,
}

/// Which objects of a kind a subject may read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListFilter {
    All,
    /// The objects of these organizations, and those that the account owns.
    Of {
        owner: UserId,
        organizations: Vec<OrganizationId>,
    },
}

/// Decides, hiding objects that the subject may not read.
///
/// # Errors
/// [`Denied::NotFound`] when reading is refused as well, else [`Denied::Forbidden`].
pub fn check(subject: &Subject, action: Action, object: &Object) -> Result<(), Denied> {
    if allows(subject, action, object) {
        return Ok(());
    }
    if action != Action::Read && allows(subject, Action::Read, object) {
        return Err(Denied::Forbidden);
    }
    Err(Denied::NotFound)
}

/// Decides. The site owner may do everything.
pub fn allows(subject: &Subject, action: Action, object: &Object) -> bool {
    if subject.is_owner() {
        return true;
    }
    let own = object.owner == Some(subject.user);
    let member = object.organization.is_some_and(|id| subject.is_member_of(id));
    let admin = object.organization.is_some_and(|id| subject.is_admin_of(id));
    match object.resource {
        Resource::User => own && matches!(action, Action::Read | Action::Update),
        Resource::Organization => match action {
            Action::Read => member,
            Action::Update => admin,
            Action::Create | Action::Delete | Action::Use | Action::Start | Action::Stop | Action::Ssh => {
                false
            }
        },
        Resource::OrganizationMember => admin || (own && member && action == Action::Read),
        Resource::File => own && matches!(action, Action::Create | Action::Read),
        Resource::Template => admin || (member && matches!(action, Action::Read | Action::Use)),
        // An administrator manages other people's workspaces but does not get a shell in them.
        Resource::Workspace => (own && member) || (admin && action != Action::Ssh),
        Resource::Chat => own && (object.organization.is_none() || member),
        // Members pick a model when they chat, so they may see which there are.
        Resource::Deployment => action == Action::Read,
    }
}

/// Says which objects of a kind the subject may read, for a query to apply.
pub fn list_filter(subject: &Subject, resource: Resource) -> ListFilter {
    if subject.is_owner() {
        return ListFilter::All;
    }
    let of = |admin_only: bool| {
        let ids = subject.memberships.iter().map(|one| one.organization);
        ids.filter(|id| !admin_only || subject.is_admin_of(*id)).collect()
    };
    let organizations = match resource {
        Resource::Template | Resource::Organization => of(false),
        Resource::Workspace | Resource::OrganizationMember => of(true),
        Resource::User | Resource::File | Resource::Chat => Vec::new(),
        Resource::Deployment => return ListFilter::All,
    };
    ListFilter::Of { owner: subject.user, organizations }
}

#[cfg(test)]
mod tests;
