//! Which fields of which rows the audit log tracks. One file per area; a new table adds an `impl` here.

use uuid::Uuid;
use warren_vocab::{OrganizationId, ResourceType};

use crate::diff::Tracked;

mod accounts;
mod chats;
mod deployment;
mod models;
mod organizations;
mod templates;
mod workspaces;

/// A row whose changes are audited.
pub trait Auditable {
    /// Which object the row is.
    fn identity(&self) -> Identity;

    /// The fields that are compared, with secrets marked.
    fn tracked(&self) -> Tracked;
}

/// Which object a row is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    pub resource: ResourceType,
    pub id: Uuid,
    /// What users call it.
    pub target: String,
    pub icon: String,
    pub organization: Option<OrganizationId>,
}

impl Identity {
    /// An object without icon that belongs to no organization.
    pub fn new(resource: ResourceType, id: Uuid, target: &str) -> Self {
        Self { resource, id, target: target.to_owned(), icon: String::new(), organization: None }
    }

    /// Sets the icon.
    pub fn icon(mut self, icon: &str) -> Self {
        icon.clone_into(&mut self.icon);
        self
    }

    /// Sets the organization.
    pub fn organization(mut self, id: Uuid) -> Self {
        self.organization = Some(OrganizationId::from_uuid(id));
        self
    }
}
