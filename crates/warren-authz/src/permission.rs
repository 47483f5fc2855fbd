//! Permissions and sets of them. A set answers one question, the vote on an action, in constant time.

use crate::vocabulary::{Action, Resource};

/// One permission as it stands in a role; `None` means every resource or every action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Permission {
    /// Whether the permission forbids instead of allowing.
    pub negate: bool,
    pub resource: Option<Resource>,
    pub action: Option<Action>,
}

/// What a set of permissions says about an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Vote {
    No,
    Silent,
    Yes,
}

/// A set of actions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ActionSet(u32);

impl ActionSet {
    /// Builds a set.
    pub const fn of(actions: &[Action]) -> Self {
        let mut bits = 0;
        let mut at = 0;
        while at < actions.len() {
            bits |= bit(actions[at]);
            at += 1;
        }
        Self(bits)
    }

    /// Whether the set holds the action.
    pub const fn contains(self, action: Action) -> bool {
        self.0 & bit(action) != 0
    }
}

/// Permissions of one level of a role. A negative permission beats a positive one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PermissionSet {
    yes: [u32; KINDS],
    no: [u32; KINDS],
}

const KINDS: usize = Resource::ALL.len();

const fn bit(action: Action) -> u32 {
    1 << action.index()
}

impl PermissionSet {
    /// Nothing.
    pub const EMPTY: Self = Self { yes: [0; KINDS], no: [0; KINDS] };

    /// Every action on everything.
    pub const EVERYTHING: Self = Self::EMPTY.with_all(Resource::ALL);

    /// Adds actions on one kind of objects.
    #[must_use]
    pub const fn with(mut self, resource: Resource, actions: &[Action]) -> Self {
        self.yes[resource.index()] |= ActionSet::of(actions).0;
        self
    }

    /// Adds every action on kinds of objects.
    #[must_use]
    pub const fn with_all(mut self, resources: &[Resource]) -> Self {
        let mut at = 0;
        while at < resources.len() {
            self = self.with(resources[at], resources[at].actions());
            at += 1;
        }
        self
    }

    /// Takes kinds of objects out.
    #[must_use]
    pub const fn without(mut self, resources: &[Resource]) -> Self {
        let mut at = 0;
        while at < resources.len() {
            self.yes[resources[at].index()] = 0;
            at += 1;
        }
        self
    }

    /// Replaces what is allowed on one kind of objects.
    #[must_use]
    pub const fn only(self, resource: Resource, actions: &[Action]) -> Self {
        self.without(&[resource]).with(resource, actions)
    }

    /// Adds negative permissions.
    #[must_use]
    pub const fn denying(mut self, resource: Resource, actions: &[Action]) -> Self {
        self.no[resource.index()] |= ActionSet::of(actions).0;
        self
    }

    /// Builds the set of a list of permissions, wildcards expanded.
    pub fn from_permissions(permissions: &[Permission]) -> Self {
        let mut set = Self::EMPTY;
        for permission in permissions {
            let all = [permission.resource.unwrap_or(Resource::Workspace)];
            let resources = if permission.resource.is_some() { &all[..] } else { Resource::ALL };
            for resource in resources {
                let one = permission.action.map(|action| [action]);
                let actions = one.as_ref().map_or(resource.actions(), |one| &one[..]);
                set = if permission.negate {
                    set.denying(*resource, actions)
                } else {
                    set.with(*resource, actions)
                };
            }
        }
        set
    }

    /// Whether the set allows everything that the other one does.
    pub fn contains(&self, other: &Self) -> bool {
        let is_within = |at: usize| other.yes[at] & !other.no[at] & !(self.yes[at] & !self.no[at]) == 0;
        (0..KINDS).all(is_within)
    }

    /// The vote on an action.
    pub const fn vote(&self, resource: Resource, action: Action) -> Vote {
        let (at, bit) = (resource.index(), bit(action));
        if self.no[at] & bit != 0 {
            Vote::No
        } else if self.yes[at] & bit != 0 {
            Vote::Yes
        } else {
            Vote::Silent
        }
    }

    /// The permissions as a list, ordered by resource; all actions of a resource become one wildcard.
    pub fn permissions(&self) -> Vec<Permission> {
        let mut list = Vec::new();
        for resource in Resource::ALL {
            for (negate, bits) in [(true, self.no[resource.index()]), (false, self.yes[resource.index()])] {
                let known = ActionSet::of(resource.actions()).0;
                if bits == known {
                    list.push(Permission { negate, resource: Some(*resource), action: None });
                    continue;
                }
                let actions = Action::ALL.iter().filter(|action| bits & bit(**action) != 0);
                list.extend(actions.map(|action| Permission {
                    negate,
                    resource: Some(*resource),
                    action: Some(*action),
                }));
            }
        }
        list
    }
}

impl Default for PermissionSet {
    fn default() -> Self {
        Self::EMPTY
    }
}

/// The vote of several sets on one level.
pub(crate) fn vote_of<'a>(
    sets: impl Iterator<Item = &'a PermissionSet>,
    resource: Resource,
    action: Action,
) -> Vote {
    let mut outcome = Vote::Silent;
    for set in sets {
        match set.vote(resource, action) {
            Vote::No => return Vote::No,
            Vote::Yes => outcome = Vote::Yes,
            Vote::Silent => {}
        }
    }
    outcome
}
