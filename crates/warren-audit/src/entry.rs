//! An entry before it is stored: what was done to which object.

use serde_json::{Map, Value, json};
use uuid::Uuid;
use warren_vocab::{AuditAction, OrganizationId, ResourceType};

use crate::{
    diff::{changed, clean_text, created, deleted},
    tracked::Auditable,
};

/// Bytes of an object's name that are kept.
const TARGET_BYTES_MAX: usize = 256;

/// What was done to which object.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    pub(crate) action: AuditAction,
    pub(crate) resource: ResourceType,
    pub(crate) id: Uuid,
    pub(crate) target: String,
    pub(crate) icon: String,
    pub(crate) organization: Option<OrganizationId>,
    pub(crate) diff: Value,
    pub(crate) status: Option<u16>,
    pub(crate) fields: Map<String, Value>,
}

impl Entry {
    /// A new row.
    pub fn create(new: &impl Auditable) -> Self {
        Self::of(new, AuditAction::Create).with_diff(created(&new.tracked()))
    }

    /// A changed row.
    pub fn write<T: Auditable>(old: &T, new: &T) -> Self {
        Self::of(new, AuditAction::Write).with_diff(changed(&old.tracked(), &new.tracked()))
    }

    /// A deleted row.
    pub fn delete(old: &impl Auditable) -> Self {
        Self::of(old, AuditAction::Delete).with_diff(deleted(&old.tracked()))
    }

    /// Something that was done to a row other than changing it, without a diff.
    pub fn of(row: &impl Auditable, action: AuditAction) -> Self {
        let identity = row.identity();
        Self {
            icon: identity.icon,
            organization: identity.organization,
            ..Self::bare(action, identity.resource, identity.id, &identity.target)
        }
    }

    /// Something that was done to an object that is no row.
    pub fn bare(action: AuditAction, resource: ResourceType, id: Uuid, target: &str) -> Self {
        Self {
            action,
            resource,
            id,
            target: clean_text(target, TARGET_BYTES_MAX),
            icon: String::new(),
            organization: None,
            diff: Value::Object(Map::new()),
            status: None,
            fields: Map::new(),
        }
    }

    /// Names another action than the one the entry was made with, for example a login that makes an API key.
    pub fn action(mut self, action: AuditAction) -> Self {
        self.action = action;
        self
    }

    /// Says what the object is called.
    pub fn target(mut self, target: &str) -> Self {
        self.target = clean_text(target, TARGET_BYTES_MAX);
        self
    }

    /// Says which organization the object belongs to.
    pub fn organization(mut self, organization: OrganizationId) -> Self {
        self.organization = Some(organization);
        self
    }

    /// Says with which status the request ended, where that is not the route's status of success.
    pub fn status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    /// Adds a fact that helps to read the entry later, for example the name of a build's workspace. Never a secret.
    pub fn field(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.fields.insert(name.to_owned(), value.into());
        self
    }

    /// Says that a secret beside the row's fields changed.
    pub fn secret(mut self, name: &str) -> Self {
        self.diff[name] = json!({ "old": "", "new": "", "secret": true });
        self
    }

    fn with_diff(mut self, diff: Value) -> Self {
        self.diff = diff;
        self
    }
}
