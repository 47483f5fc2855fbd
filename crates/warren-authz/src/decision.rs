//! The decision function. [`crate::list_filter`] must agree with it on reading.

use warren_vocab::OrganizationId;

use crate::{
    object::Object,
    permission::{Vote, vote_of},
    subject::{Membership, Subject},
    vocabulary::{Action, Resource},
};

/// Why an action is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denied {
    /// The subject may not know that the object exists.
    NotFound,
    /// The subject may know the object but not do this to it.
    Forbidden,
}

/// Decides, hiding objects that the subject may not read.
///
/// # Errors
/// [`Denied::NotFound`] when the object exists and the subject may not read it, else [`Denied::Forbidden`]: a refused
/// creation and a refused look at settings tell nothing that is a secret.
pub fn check(subject: &Subject, action: Action, object: &Object) -> Result<(), Denied> {
    if allows(subject, action, object) {
        return Ok(());
    }
    let is_known = match action {
        Action::Create => true,
        Action::Read => false,
        Action::Update
        | Action::Delete
        | Action::Use
        | Action::ViewInsights
        | Action::Start
        | Action::Stop
        | Action::Ssh
        | Action::ApplicationConnect
        | Action::CreateAgent
        | Action::UpdateAgent
        | Action::DeleteAgent
        | Action::Share
        | Action::Assign
        | Action::Unassign
        | Action::ReadPersonal
        | Action::UpdatePersonal => allows(subject, Action::Read, object),
    };
    if is_known || !object.resource.is_concealed() { Err(Denied::Forbidden) } else { Err(Denied::NotFound) }
}

/// Decides: the roles or the access list must allow, and the scope as well.
pub fn allows(subject: &Subject, action: Action, object: &Object) -> bool {
    subject.scope.allows(action, object) && roles_allow(subject, action, object)
}

fn roles_allow(subject: &Subject, action: Action, object: &Object) -> bool {
    if !object.any_organization {
        return allow_in(subject, action, object, object.organization);
    }
    let anywhere = |one: &Membership| allow_in(subject, action, object, Some(one.organization));
    allow_in(subject, action, object, None) || subject.memberships.iter().any(anywhere)
}

fn allow_in(
    subject: &Subject,
    action: Action,
    object: &Object,
    organization: Option<OrganizationId>,
) -> bool {
    let is_own = object.owner == Some(subject.user);
    match levels(subject, action, object.resource, organization, is_own) {
        Vote::Yes => true,
        Vote::No => false,
        Vote::Silent => {
            organization.is_some_and(|id| subject.is_member_of(id)) && acl_allows(subject, action, object)
        }
    }
}

/// Asks site, organization, user and member level in turn; the first that is not silent decides.
pub(crate) fn levels(
    subject: &Subject,
    action: Action,
    resource: Resource,
    organization: Option<OrganizationId>,
    is_own: bool,
) -> Vote {
    let membership = organization.and_then(|id| subject.membership(id));
    // A built-in role of an organization may also grant on the site, wherever it is held.
    let wide = subject.memberships.iter().flat_map(|one| &one.roles).map(|role| &role.grants().site);
    let site = subject.site_grants().map(|grants| &grants.site).chain(wide);
    let site = vote_of(site, resource, action);
    if site != Vote::Silent {
        return site;
    }
    if let Some(membership) = membership {
        let inside = vote_of(membership.grants().map(|grants| &grants.organization), resource, action);
        if inside != Vote::Silent {
            return inside;
        }
    }
    if !is_own || (organization.is_some() && membership.is_none()) {
        return Vote::Silent;
    }
    let user = vote_of(subject.site_grants().map(|grants| &grants.user), resource, action);
    match (user, membership) {
        (Vote::Silent, Some(membership)) => {
            vote_of(membership.grants().map(|grants| &grants.member), resource, action)
        }
        (vote, _) => vote,
    }
}

fn acl_allows(subject: &Subject, action: Action, object: &Object) -> bool {
    let user = object.user_acl.iter().any(|one| one.id == subject.user && one.actions.contains(action));
    user || object.group_acl.iter().any(|one| subject.is_in_group(one.id) && one.actions.contains(action))
}

#[cfg(test)]
mod matrix_tests;
#[cfg(test)]
pub(crate) mod tests;
