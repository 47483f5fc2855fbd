//! The decision on reading, made once for a whole kind of objects, as data that a query applies.

use uuid::Uuid;
use warren_vocab::{GroupId, OrganizationId, UserId};

use crate::{
    decision::levels,
    permission::Vote,
    scope::AllowedIds,
    subject::Subject,
    vocabulary::{Action, Resource},
};

/// Which objects of a kind a subject may read: those that fit any of the criteria and are among `ids`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListFilter {
    /// Every object; the other criteria but `ids` do not matter.
    pub all: bool,
    /// Whose access list entries and own objects count.
    pub user: UserId,
    /// Every object of these organizations.
    pub organizations: Vec<OrganizationId>,
    /// Own objects outside organizations.
    pub own: bool,
    /// Own objects in these organizations.
    pub own_in: Vec<OrganizationId>,
    /// Objects of these organizations whose access list names the account or one of `groups` for reading.
    pub acl_in: Vec<OrganizationId>,
    /// The groups of the account, those of everybody in its organizations included.
    pub groups: Vec<GroupId>,
    /// `None`: any id. Otherwise only these objects.
    pub ids: Option<Vec<Uuid>>,
}

/// Says which objects of a kind the subject may read, for a query to apply.
pub fn list_filter(subject: &Subject, resource: Resource) -> ListFilter {
    let mut filter = ListFilter { all: false, ..ListFilter::everything(subject.user) };
    if !subject.scope.permits(Action::Read, resource) {
        return filter;
    }
    filter.ids = match subject.scope.allowed_ids(resource) {
        AllowedIds::Any => None,
        AllowedIds::Only(ids) => Some(ids),
    };
    let vote = |organization, is_own| levels(subject, Action::Read, resource, organization, is_own);
    match vote(None, false) {
        Vote::Yes => filter.all = true,
        // A level above all organizations forbids; nothing below it is asked.
        Vote::No => return filter,
        Vote::Silent => filter.own = vote(None, true) == Vote::Yes,
    }
    if filter.all {
        return filter;
    }
    for membership in &subject.memberships {
        let id = membership.organization;
        match vote(Some(id), false) {
            Vote::Yes => filter.organizations.push(id),
            Vote::No => {}
            Vote::Silent => {
                filter.acl_in.push(id);
                if vote(Some(id), true) == Vote::Yes {
                    filter.own_in.push(id);
                }
            }
        }
    }
    // The group of everybody has the id of its organization.
    let everybody = subject.memberships.iter().map(|one| GroupId::from_uuid(one.organization.as_uuid()));
    filter.groups = subject.groups.iter().copied().chain(everybody).collect();
    filter
}

impl ListFilter {
    /// A filter that holds for every object, for lists whose caller was authorised in another way.
    pub const fn everything(user: UserId) -> Self {
        Self {
            all: true,
            user,
            organizations: Vec::new(),
            own: false,
            own_in: Vec::new(),
            acl_in: Vec::new(),
            groups: Vec::new(),
            ids: None,
        }
    }

    /// Whether no object can fit.
    pub fn is_empty(&self) -> bool {
        self.ids.as_ref().is_some_and(Vec::is_empty)
            || !(self.all
                || self.own
                || !self.organizations.is_empty()
                || !self.own_in.is_empty()
                || !self.acl_in.is_empty())
    }
}

#[cfg(test)]
mod tests;
