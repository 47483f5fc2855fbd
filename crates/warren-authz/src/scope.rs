//! What an API key may be used for: a set of permissions and a list of reachable objects, both ANDed with the roles.

use thiserror::Error;
use uuid::Uuid;

use crate::{
    object::Object,
    permission::{PermissionSet, Vote},
    vocabulary::{Action, Resource},
};

mod names;

pub use names::requestable_scopes;

/// The most entries of an allow-list.
pub const ALLOW_LIST_MAX: usize = 128;

/// Why a scope cannot be built; each text is a sentence for whoever asked for it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ScopeError {
    #[error("{name:?} is not a scope; GET /api/v2/auth/scopes lists those that there are")]
    UnknownName { name: String },
    #[error("{entry:?} is not an allow-list entry; use \"<resource type>:<id>\" or \"<resource type>:*\"")]
    Entry { entry: String },
    #[error("an allow-list has at most {ALLOW_LIST_MAX} entries")]
    TooLong,
}

/// One entry of an allow-list; `None` means any.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AllowListEntry {
    pub resource: Option<Resource>,
    pub id: Option<Uuid>,
}

/// Which objects a key reaches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AllowList {
    Everything,
    Only(Vec<AllowListEntry>),
}

/// The objects of one kind that an allow-list names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AllowedIds {
    Any,
    Only(Vec<Uuid>),
}

/// What an API key may be used for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    permissions: PermissionSet,
    allow_list: AllowList,
}

impl Scope {
    /// A scope that restricts nothing.
    pub const fn everything() -> Self {
        Self { permissions: PermissionSet::EVERYTHING, allow_list: AllowList::Everything }
    }

    /// Builds a scope of names and an allow-list of `type:id` texts. No names grant nothing; an empty allow-list is one
    /// that was not given and restricts nothing.
    ///
    /// # Errors
    /// Names the first scope or entry that is not known.
    pub fn from_names(names: &[impl AsRef<str>], allow_list: &[impl AsRef<str>]) -> Result<Self, ScopeError> {
        let mut permissions = PermissionSet::EMPTY;
        for name in names {
            permissions = names::add(permissions, name.as_ref())
                .ok_or_else(|| ScopeError::UnknownName { name: name.as_ref().to_owned() })?;
        }
        Ok(Self { permissions, allow_list: AllowList::parse(allow_list)? })
    }

    /// What a workspace agent's token reaches: its workspace, the template and version it was built from, and its owner.
    pub fn agent(objects: &[(Resource, Uuid)]) -> Self {
        let entry =
            |(resource, id): &(Resource, Uuid)| AllowListEntry { resource: Some(*resource), id: Some(*id) };
        let allow_list = AllowList::Only(objects.iter().map(entry).collect());
        Self { permissions: PermissionSet::EVERYTHING, allow_list }
    }

    /// Whether the scope restricts anything.
    pub fn is_everything(&self) -> bool {
        *self == Self::everything()
    }

    /// Whether the scope covers all of these on every object.
    pub fn covers_all(&self, uses: &[(Action, Resource)]) -> bool {
        self.allow_list == AllowList::Everything
            && uses.iter().all(|(action, resource)| self.permits(*action, *resource))
    }

    /// Whether everything that the other scope reaches is reached by this one.
    pub fn covers(&self, other: &Self) -> bool {
        self.permissions.contains(&other.permissions) && self.allow_list.covers(&other.allow_list)
    }

    /// Whether the scope covers the action on the object.
    pub fn allows(&self, action: Action, object: &Object) -> bool {
        self.permits(action, object.resource) && self.allow_list.contains(object)
    }

    pub(crate) fn permits(&self, action: Action, resource: Resource) -> bool {
        self.permissions.vote(resource, action) == Vote::Yes
    }

    pub(crate) fn allowed_ids(&self, resource: Resource) -> AllowedIds {
        let AllowList::Only(entries) = &self.allow_list else { return AllowedIds::Any };
        let mut ids = Vec::new();
        for entry in entries.iter().filter(|entry| entry.covers(resource)) {
            match entry.id {
                None => return AllowedIds::Any,
                Some(id) => ids.push(id),
            }
        }
        AllowedIds::Only(ids)
    }
}

impl AllowList {
    /// Reads `type:id` texts.
    ///
    /// # Errors
    /// Names the first entry that is not one; a list longer than [`ALLOW_LIST_MAX`] is refused.
    pub fn parse(entries: &[impl AsRef<str>]) -> Result<Self, ScopeError> {
        if entries.len() > ALLOW_LIST_MAX {
            return Err(ScopeError::TooLong);
        }
        let entries: Vec<AllowListEntry> =
            entries.iter().map(|one| AllowListEntry::parse(one.as_ref())).collect::<Result<_, _>>()?;
        let is_open = |one: &AllowListEntry| one.resource.is_none() && one.id.is_none();
        if entries.is_empty() || entries.iter().any(is_open) {
            return Ok(Self::Everything);
        }
        Ok(Self::Only(entries))
    }

    fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Everything, _) => true,
            (Self::Only(_), Self::Everything) => false,
            (Self::Only(own), Self::Only(asked)) => {
                asked.iter().all(|asked| own.iter().any(|own| own.reaches(*asked)))
            }
        }
    }

    fn contains(&self, object: &Object) -> bool {
        match self {
            Self::Everything => true,
            Self::Only(entries) => entries
                .iter()
                .any(|entry| entry.covers(object.resource) && (entry.id.is_none() || entry.id == object.id)),
        }
    }
}

impl AllowListEntry {
    /// Reads `type:id`, where either part may be `*`.
    ///
    /// # Errors
    /// [`ScopeError::Entry`] for anything else.
    pub fn parse(text: &str) -> Result<Self, ScopeError> {
        let wrong = || ScopeError::Entry { entry: text.to_owned() };
        let (resource, id) = text.split_once(':').ok_or_else(wrong)?;
        let resource = match resource {
            "*" => None,
            name => Some(name.parse().map_err(|_| wrong())?),
        };
        let id = match id {
            "*" => None,
            id => Some(id.parse().map_err(|_| wrong())?),
        };
        Ok(Self { resource, id })
    }

    fn reaches(&self, other: Self) -> bool {
        (self.resource.is_none() || self.resource == other.resource)
            && (self.id.is_none() || self.id == other.id)
    }

    /// A workspace stays the same object while it is dormant.
    fn covers(&self, resource: Resource) -> bool {
        let Some(named) = self.resource else { return true };
        named == resource || (named == Resource::Workspace && resource == Resource::WorkspaceDormant)
    }
}

#[cfg(test)]
mod tests;
