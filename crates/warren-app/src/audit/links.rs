//! What became of the objects of entries, and where the dashboard shows them.

use std::collections::HashMap;

use uuid::Uuid;
use warren_db::{
    ConnectionTrait,
    entity::{audit_logs, organizations, templates, users, workspaces},
    query,
};
use warren_vocab::{AuditAction, ResourceType};

use crate::error::AppResult;

/// The objects of a list of entries, read in one query per table.
pub(super) struct Objects<'a> {
    users: HashMap<Uuid, users::Model>,
    templates: HashMap<Uuid, templates::Model>,
    workspaces: HashMap<Uuid, workspaces::Model>,
    organizations: &'a HashMap<Uuid, organizations::Model>,
}

impl<'a> Objects<'a> {
    /// Reads the objects. `organizations` holds all that exist.
    pub(super) async fn load(
        connection: &impl ConnectionTrait,
        rows: &[audit_logs::Model],
        organizations: &'a HashMap<Uuid, organizations::Model>,
    ) -> AppResult<Self> {
        let of =
            |kinds: &[ResourceType]| ids(rows, |row| kinds.contains(&kind(row)?).then_some(row.resource_id));
        let workspaces = query::workspaces::by_ids(connection, &ids(rows, workspace_of)).await?;
        let mut people = of(&[ResourceType::User, ResourceType::ApiKey, ResourceType::GitSshKey]);
        people.extend(workspaces.iter().map(|row| row.owner_id));
        let users = query::users::by_ids(connection, &people).await?;
        let templates = query::templates::by_ids(connection, &of(&[ResourceType::Template])).await?;
        Ok(Self {
            users: users.into_iter().map(|row| (row.id, row)).collect(),
            templates: templates.into_iter().map(|row| (row.id, row)).collect(),
            workspaces: workspaces.into_iter().map(|row| (row.id, row)).collect(),
            organizations,
        })
    }

    /// Whether the object of an entry does not exist any more, as far as that is known.
    pub(super) fn is_deleted(&self, row: &audit_logs::Model) -> bool {
        if row.status_code >= 400 {
            return false;
        }
        let id = row.resource_id;
        match kind(row) {
            Some(ResourceType::User) => self.users.get(&id).is_none_or(|user| user.deleted),
            Some(ResourceType::Template) => self.templates.get(&id).is_none_or(|template| template.deleted),
            Some(ResourceType::Workspace | ResourceType::WorkspaceBuild) => {
                self.workspace(row).is_none_or(|workspace| workspace.deleted)
            }
            Some(ResourceType::Organization) => {
                self.organizations.get(&id).is_none_or(|organization| organization.deleted)
            }
            _ => row.action == AuditAction::Delete.as_str(),
        }
    }

    /// The page of the dashboard that shows the object of an entry; empty when there is none.
    pub(super) fn link(&self, row: &audit_logs::Model) -> String {
        if self.is_deleted(row) {
            return String::new();
        }
        let id = row.resource_id;
        match kind(row) {
            Some(ResourceType::User) => {
                self.users.get(&id).map(|user| format!("/users?q={}", user.username)).unwrap_or_default()
            }
            Some(ResourceType::Workspace | ResourceType::WorkspaceBuild) => {
                self.workspace_link(row).unwrap_or_default()
            }
            Some(ResourceType::Template) => String::from("/templates"),
            Some(ResourceType::Organization) => self
                .organizations
                .get(&id)
                .map(|row| format!("/organizations/{}", row.name))
                .unwrap_or_default(),
            Some(ResourceType::Chat) => format!("/chats/{id}"),
            Some(ResourceType::AiProvider | ResourceType::ChatModelConfig) => {
                String::from("/deployment/models")
            }
            _ => String::new(),
        }
    }

    fn workspace(&self, row: &audit_logs::Model) -> Option<&workspaces::Model> {
        self.workspaces.get(&workspace_of(row)?)
    }

    fn workspace_link(&self, row: &audit_logs::Model) -> Option<String> {
        let workspace = self.workspace(row)?;
        let owner = self.users.get(&workspace.owner_id)?;
        Some(format!("/@{}/{}", owner.username, workspace.name))
    }
}

fn kind(row: &audit_logs::Model) -> Option<ResourceType> {
    row.resource_type.parse().ok()
}

/// The workspace that an entry is about: builds name theirs beside the diff.
fn workspace_of(row: &audit_logs::Model) -> Option<Uuid> {
    if kind(row) == Some(ResourceType::Workspace) {
        return Some(row.resource_id);
    }
    row.additional_fields.get("workspace_id")?.as_str()?.parse().ok()
}

fn ids(rows: &[audit_logs::Model], id: impl Fn(&audit_logs::Model) -> Option<Uuid>) -> Vec<Uuid> {
    let mut ids: Vec<_> = rows.iter().filter_map(id).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}
