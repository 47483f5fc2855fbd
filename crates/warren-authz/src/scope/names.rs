//! The names of scopes and the permissions behind each.

use crate::{
    permission::PermissionSet,
    vocabulary::{
        Action::{
            self, ApplicationConnect, Create, Delete, Read, ReadPersonal, Ssh, Start, Stop, Update,
            UpdatePersonal, Use, ViewInsights,
        },
        Resource::{
            self, ApiKey, Chat, File, Organization, OrganizationMember, ProvisionerJobs, Task, Template,
            User, UserSecret, UserSkill, Workspace, WorkspaceDormant,
        },
    },
};

type Part = (Resource, &'static [Action]);

const CRUD: &[Action] = &[Create, Read, Update, Delete];

/// Scopes that bundle permissions for one purpose.
const COMPOSITES: &[(&str, &[Part])] = &[
    (
        "coder:workspaces.create",
        &[
            (Template, &[Read, Use]),
            (Workspace, &[Create, Read, Update, Start, Stop]),
            (OrganizationMember, &[Read]),
        ],
    ),
    ("coder:workspaces.operate", &[(Template, &[Read]), (Workspace, &[Read, Update, Start, Stop])]),
    ("coder:workspaces.delete", &[(Workspace, &[Read, Delete])]),
    ("coder:workspaces.access", &[(Workspace, &[Read, Ssh, ApplicationConnect])]),
    ("coder:templates.build", &[(Template, &[Read]), (File, &[Create, Read]), (ProvisionerJobs, &[Read])]),
    (
        "coder:templates.author",
        &[(Template, &[Read, Create, Update, Delete, ViewInsights]), (File, &[Create, Read])],
    ),
    ("coder:apikeys.manage_self", &[(ApiKey, CRUD)]),
];

/// The single permissions that a key may ask for by name, besides `<type>:*`.
const SINGLE: &[Part] = &[
    (Workspace, &[Read, Create, Update, Delete, Ssh, Start, Stop, ApplicationConnect]),
    (Template, &[Read, Create, Update, Delete, Use]),
    (ApiKey, CRUD),
    (File, &[Read, Create]),
    (User, &[Read, ReadPersonal, UpdatePersonal]),
    (UserSecret, CRUD),
    (UserSkill, CRUD),
    (Task, CRUD),
    (Organization, &[Read, Update, Delete]),
    (Chat, CRUD),
];

/// The scopes that a key may ask for, sorted.
pub fn requestable_scopes() -> Vec<String> {
    let mut names: Vec<String> =
        ["coder:all", "coder:application_connect"].into_iter().map(str::to_owned).collect();
    names.extend(COMPOSITES.iter().map(|(name, _)| (*name).to_owned()));
    for (resource, actions) in SINGLE {
        names.extend(actions.iter().map(|action| format!("{resource}:{action}")));
        names.push(format!("{resource}:*"));
    }
    names.sort();
    names
}

/// Adds what a scope permits; `None` for a name that is none. Besides the requestable ones, any `type:action` is known.
pub(super) fn add(set: PermissionSet, name: &str) -> Option<PermissionSet> {
    match name {
        "coder:all" | "all" => return Some(PermissionSet::EVERYTHING),
        "coder:application_connect" | "application_connect" => {
            return Some(with(set, Workspace, &[ApplicationConnect]));
        }
        _ => {}
    }
    if let Some((_, parts)) = COMPOSITES.iter().find(|(composite, _)| *composite == name) {
        return Some(parts.iter().fold(set, |set, (resource, actions)| with(set, *resource, actions)));
    }
    let (resource, action) = name.split_once(':')?;
    let resource: Resource = resource.parse().ok()?;
    if action == "*" {
        return Some(with(set, resource, resource.actions()));
    }
    let action: Action = action.parse().ok()?;
    resource.actions().contains(&action).then(|| with(set, resource, &[action]))
}

/// A workspace stays the same object while it is dormant.
fn with(set: PermissionSet, resource: Resource, actions: &[Action]) -> PermissionSet {
    let set = set.with(resource, actions);
    if resource == Workspace { set.with(WorkspaceDormant, actions) } else { set }
}
