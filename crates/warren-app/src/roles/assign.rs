//! Giving and taking roles: nobody hands out more than the roles that their own cover, and nobody their own.

use std::collections::BTreeMap;

use serde_json::json;
use warren_audit::{Entry, record};
use warren_authz::{
    Action, Object, OrganizationRole, Resource, SiteRole,
    role::{may_assign_organization_role, may_assign_site_role},
};
use warren_db::{ConnectionTrait, entity::users, query};
use warren_vocab::{OrganizationId, UserId};

use crate::{
    App,
    actor::{Actor, names},
    error::{AppError, AppResult},
    users::lock_target,
};

/// The names of an account's roles: of the site, and of each organization that the caller may see it in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldRoles {
    pub site: Vec<String>,
    pub organizations: BTreeMap<OrganizationId, Vec<String>>,
}

impl App {
    /// Lists the roles that were given to an account.
    ///
    /// # Errors
    /// [`AppError::NotFound`] when there is none that the caller may read.
    pub async fn roles_of(&self, actor: &Actor, which: &str) -> AppResult<HeldRoles> {
        let user = self.find_user(actor, which).await?;
        let id = UserId::from_uuid(user.id);
        let rows = query::organizations::memberships_with_organization(self.db().reader(), id).await?;
        let texts = |value| names(value).map(str::to_owned).collect();
        let readable = rows.iter().filter_map(|(row, _)| {
            let organization = OrganizationId::from_uuid(row.organization_id);
            let may_read = actor.allows(Action::Read, &Object::member(organization, id));
            may_read.then(|| (organization, texts(&row.roles)))
        });
        Ok(HeldRoles { site: texts(&user.roles), organizations: readable.collect() })
    }

    /// Replaces the site roles of an account.
    ///
    /// # Errors
    /// Not found or forbidden by right, forbidden for roles that the caller may not hand out, invalid for unknown roles
    /// and for the caller's own.
    pub async fn set_site_roles(
        &self,
        actor: &Actor,
        which: &str,
        wanted: Vec<String>,
    ) -> AppResult<users::Model> {
        let user = self.find_user(actor, which).await?;
        let id = UserId::from_uuid(user.id);
        let object = Object::site(Resource::AssignRole);
        actor.check(Action::Assign, &object)?;
        actor.check(Action::Unassign, &object)?;
        if id == actor.id() {
            return Err(AppError::invalid("You cannot change your own roles."));
        }
        let wanted = parse_site(&wanted)?;
        self.db()
            .write(async |tx| {
                // Two owners who take each other's role at the same time must not both succeed.
                let old = lock_target(tx, actor, id).await?;
                check_site_change(actor, &old, &wanted)?;
                let roles = json!(wanted.iter().map(|role| role.as_str()).collect::<Vec<_>>());
                let new = users::Model { roles, updated_at: self.now(), ..old.clone() };
                query::users::update(tx, new.clone()).await?;
                record(tx, actor, Entry::write(&old, &new)).await?;
                Ok(new)
            })
            .await
    }
}

/// Refuses whoever gives no roles in the organization.
///
/// # Errors
/// Not found or forbidden by right.
pub(crate) fn check_may_assign(actor: &Actor, organization: OrganizationId) -> AppResult<()> {
    let object = Object::of_organization(Resource::AssignOrgRole, organization);
    actor.check(Action::Assign, &object)?;
    actor.check(Action::Unassign, &object)
}

/// Refuses a change of roles in an organization that the actor's roles do not cover.
///
/// # Errors
/// Forbidden by right and by the roles that the actor holds; invalid for unknown roles.
pub(crate) async fn check_organization_change(
    connection: &impl ConnectionTrait,
    actor: &Actor,
    organization: OrganizationId,
    held: &[String],
    wanted: &[String],
) -> AppResult<()> {
    check_may_assign(actor, organization)?;
    for name in wanted {
        let is_known = OrganizationRole::parse(name).is_some()
            || query::custom_roles::by_name(connection, organization, name).await?.is_some();
        if !is_known {
            let text = format!("{name:?} is not a role of this organization.");
            return Err(AppError::field("roles", text));
        }
    }
    let added = wanted.iter().filter(|name| !held.contains(name));
    let taken = held.iter().filter(|name| !wanted.contains(name));
    for name in added.chain(taken) {
        let role = OrganizationRole::parse(name);
        if !may_assign_organization_role(&actor.subject, organization, role) {
            let text = format!("Forbidden. You do not have permission to give or take the role {name:?}.");
            return Err(AppError::forbidden(text));
        }
    }
    Ok(())
}

/// Refuses taking all roles away from somebody whose roles the actor does not cover. Roles that are gone take no right.
///
/// # Errors
/// Forbidden by the roles that the actor holds.
pub(crate) fn check_removal(actor: &Actor, organization: OrganizationId, held: &[String]) -> AppResult<()> {
    let known = held.iter().filter_map(|name| OrganizationRole::parse(name));
    for role in known {
        if !may_assign_organization_role(&actor.subject, organization, Some(role)) {
            let text = format!("Forbidden. You may not remove somebody with the role {role:?}.");
            return Err(AppError::forbidden(text));
        }
    }
    Ok(())
}

/// Leaves out the role that every member has, and doubles.
pub(crate) fn without_implied(names: Vec<String>) -> Vec<String> {
    let mut list: Vec<String> = Vec::new();
    for name in names {
        let role = OrganizationRole::parse(&name);
        let is_implied = role.is_some_and(|role| role.display_name().is_empty());
        if !is_implied && !list.contains(&name) {
            list.push(name);
        }
    }
    list
}

fn parse_site(names: &[String]) -> AppResult<Vec<SiteRole>> {
    let mut list = Vec::new();
    for name in names {
        let role = SiteRole::parse(name)
            .ok_or_else(|| AppError::field("roles", format!("{name:?} is not a site role.")))?;
        if role != SiteRole::Member && !list.contains(&role) {
            list.push(role);
        }
    }
    Ok(list)
}

fn check_site_change(actor: &Actor, old: &users::Model, wanted: &[SiteRole]) -> AppResult<()> {
    let held: Vec<_> = names(&old.roles).filter_map(SiteRole::parse).collect();
    let added = wanted.iter().filter(|role| !held.contains(role));
    let taken = held.iter().filter(|role| !wanted.contains(role));
    for role in added.chain(taken) {
        if !may_assign_site_role(&actor.subject, *role) {
            let text = format!("Forbidden. You do not have permission to give or take the role \"{role}\".");
            return Err(AppError::forbidden(text));
        }
    }
    Ok(())
}
