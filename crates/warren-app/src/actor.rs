//! The account on whose behalf a use case runs.

use serde_json::Value;
use warren_audit::{Author, Origin};
use warren_authz::{
    Action, Grants, Membership, Object, OrganizationRole, PermissionSet, Scope, SiteRole, Subject,
};
use warren_db::{
    ConnectionTrait, DbError,
    entity::{api_keys, custom_roles, organization_members, organizations, users},
    query,
};
use warren_vocab::{OrganizationId, UserId};

use crate::{
    error::{AppError, AppResult},
    roles::permissions,
};

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
        let subject = subject(connection, &user).await?;
        Ok(Self { user, subject, origin: Origin::system("server") })
    }

    /// Says where the account's changes come from.
    pub fn with_origin(self, origin: Origin) -> Self {
        Self { origin, ..self }
    }

    /// Takes away what the key that the account came with does not reach.
    ///
    /// # Errors
    /// Fails when the stored scope of the key is not valid.
    pub fn limited_by(mut self, key: &api_keys::Model) -> AppResult<Self> {
        let scopes: Vec<_> = names(&key.scopes).collect();
        let allow_list: Vec<_> = names(&key.allow_list).collect();
        self.subject.scope = Scope::from_names(&scopes, &allow_list)
            .map_err(|_| DbError::Corrupt { what: "scope of an API key" })?;
        Ok(self)
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

    /// Whether the account may do this.
    pub fn allows(&self, action: Action, object: &Object) -> bool {
        warren_authz::allows(&self.subject, action, object)
    }
}

impl<'a> From<&'a Actor> for Author<'a> {
    fn from(actor: &'a Actor) -> Self {
        Self::user(actor.id(), &actor.origin)
    }
}

async fn subject(connection: &impl ConnectionTrait, user: &users::Model) -> AppResult<Subject> {
    let id = UserId::from_uuid(user.id);
    let rows = query::organizations::memberships_with_organization(connection, id).await?;
    // Most accounts hold built-in roles only; they do not pay for looking up others.
    let with_own = rows.iter().filter(|(row, organization)| {
        let mut held = names(&organization.default_org_member_roles).chain(names(&row.roles));
        held.any(|name| OrganizationRole::parse(name).is_none())
    });
    let ids: Vec<_> = with_own.map(|(row, _)| OrganizationId::from_uuid(row.organization_id)).collect();
    let custom =
        if ids.is_empty() { Vec::new() } else { query::custom_roles::list(connection, &ids).await? };
    let memberships = rows.iter().map(|(row, organization)| membership(row, organization, &custom));
    let roles = names(&user.roles).filter_map(SiteRole::parse).collect();
    Ok(Subject::new(id, roles, memberships.collect::<AppResult<_>>()?))
}

/// The roles of a membership: those given, and those that the organization gives to everybody.
fn membership(
    row: &organization_members::Model,
    organization: &organizations::Model,
    custom: &[custom_roles::Model],
) -> AppResult<Membership> {
    let held: Vec<&str> = names(&organization.default_org_member_roles).chain(names(&row.roles)).collect();
    let own = custom.iter().filter(|role| role.organization_id == row.organization_id);
    let own = own.filter(|role| held.iter().any(|name| name.eq_ignore_ascii_case(&role.name)));
    Ok(Membership {
        organization: OrganizationId::from_uuid(row.organization_id),
        roles: held.iter().copied().filter_map(OrganizationRole::parse).collect(),
        custom: own.map(grants).collect::<AppResult<_>>()?,
    })
}

fn grants(role: &custom_roles::Model) -> AppResult<Grants> {
    Ok(Grants {
        organization: PermissionSet::from_permissions(&permissions(&role.organization_permissions)?),
        member: PermissionSet::from_permissions(&permissions(&role.member_permissions)?),
        ..Grants::NONE
    })
}

/// The strings of a stored list of role names.
pub fn names(roles: &Value) -> impl Iterator<Item = &str> {
    roles.as_array().into_iter().flatten().filter_map(Value::as_str)
}
