//! The account on whose behalf a use case runs.

use serde_json::Value;
use warren_audit::{Author, Origin};
use warren_authz::{Action, Membership, Object, OrganizationRole, SiteRole, Subject};
use warren_db::{
    ConnectionTrait,
    entity::{organization_members, users},
    query,
};
use warren_vocab::{OrganizationId, UserId};

use crate::error::{AppError, AppResult};

/// An account with the rights it has now.
#[derive(Debug, Clone)]
pub struct Actor {
    pub user: users::Model,
    pub subject: Subject,
    /// Where the account's changes come from, for the audit log.
    pub origin: Origin,
}

impl Actor {
    /// Loads an account and its rights, for work of the server until [`Self::from_origin`] says otherwise.
    ///
    /// # Errors
    /// [`AppError::NotFound`] when the account does not exist any more.
    pub async fn load(connection: &impl ConnectionTrait, id: UserId) -> AppResult<Self> {
        let user = query::users::by_id(connection, id).await?.ok_or(AppError::NotFound)?;
        let memberships = query::organizations::memberships(connection, &[id]).await?;
        Ok(Self { subject: subject(&user, &memberships), user, origin: Origin::system("server") })
    }

    /// Says where the account's changes come from.
    pub fn with_origin(self, origin: Origin) -> Self {
        Self { origin, ..self }
    }

    /// The account's id.
    pub fn id(&self) -> UserId {
        UserId::from_uuid(self.user.id)
    }

    /// Refuses what the account may not do; what it may not read does not exist for it.
    ///
    /// # Errors
    /// [`AppError::NotFound`] or [`AppError::Forbidden`].
    pub fn check(&self, action: Action, object: &Object) -> AppResult<()> {
        Ok(warren_authz::check(&self.subject, action, object)?)
    }
}

impl<'a> From<&'a Actor> for Author<'a> {
    fn from(actor: &'a Actor) -> Self {
        Self::user(actor.id(), &actor.origin)
    }
}

fn subject(user: &users::Model, memberships: &[organization_members::Model]) -> Subject {
    let membership = |row: &organization_members::Model| Membership {
        organization: OrganizationId::from_uuid(row.organization_id),
        roles: names(&row.roles).filter_map(OrganizationRole::parse).collect(),
    };
    Subject {
        user: UserId::from_uuid(user.id),
        roles: names(&user.roles).filter_map(SiteRole::parse).collect(),
        memberships: memberships.iter().map(membership).collect(),
    }
}

/// The strings of a stored list of role names.
pub fn names(roles: &Value) -> impl Iterator<Item = &str> {
    roles.as_array().into_iter().flatten().filter_map(Value::as_str)
}
