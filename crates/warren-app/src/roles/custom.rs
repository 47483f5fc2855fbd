//! Roles that an organization makes for itself.

use chrono::{DateTime, Utc};
use serde_json::json;
use uuid::Uuid;
use warren_audit::{Entry, record};
use warren_authz::{Action, Object, OrganizationRole, Permission, Resource, SiteRole};
use warren_db::{
    Tx,
    entity::{custom_roles, organization_members, organizations},
    query::{self, Page, members::Filter},
};
use warren_vocab::{DisplayName, OrganizationId, ResourceName, UserId};

use super::{PermissionText, RoleDetail, custom_detail};
use crate::{
    App,
    actor::{Actor, names},
    error::{AppError, AppResult},
};

/// The most permissions that a role holds on one level.
const PERMISSIONS_MAX: usize = 500;

/// A role as its maker describes it.
#[derive(Debug, Clone, Default)]
pub struct RoleDraft {
    pub name: String,
    pub display_name: String,
    /// Roles of organizations have none; given ones are refused.
    pub site_permissions: Vec<PermissionText>,
    /// As above.
    pub user_permissions: Vec<PermissionText>,
    pub organization_permissions: Vec<PermissionText>,
    pub member_permissions: Vec<PermissionText>,
}

impl App {
    /// Makes a role.
    ///
    /// # Errors
    /// Forbidden by right and for permissions that the caller does not have; invalid for bad values; conflict for a taken
    /// name.
    pub async fn create_role(
        &self,
        actor: &Actor,
        organization: OrganizationId,
        draft: RoleDraft,
    ) -> AppResult<RoleDetail> {
        let object = Object::of_organization(Resource::AssignOrgRole, organization);
        actor.check(Action::Create, &object)?;
        let row = custom_roles::Model {
            id: Uuid::new_v4(),
            created_at: self.now(),
            ..checked_row(actor, organization, draft, self.now())?
        };
        let created = self.db().write(async |tx| {
            if query::custom_roles::by_name(tx, organization, &row.name).await?.is_some() {
                let text = format!("The organization has a role named {:?} already.", row.name);
                return Err(AppError::name_taken(text));
            }
            query::custom_roles::insert(tx, row.clone()).await?;
            Ok(record(tx, actor, Entry::create(&row)).await?)
        });
        created.await?;
        custom_detail(&row)
    }

    /// Replaces what a role is.
    ///
    /// # Errors
    /// Forbidden by right and for permissions that the caller does not have; invalid for bad values; not found when there
    /// is no such role.
    pub async fn update_role(
        &self,
        actor: &Actor,
        organization: OrganizationId,
        draft: RoleDraft,
    ) -> AppResult<RoleDetail> {
        let object = Object::of_organization(Resource::AssignOrgRole, organization);
        actor.check(Action::Update, &object)?;
        let wanted = checked_row(actor, organization, draft, self.now())?;
        let updated = self.db().write(async |tx| {
            let old = query::custom_roles::by_name(tx, organization, &wanted.name).await?;
            let old = old.ok_or(AppError::NotFound)?;
            let new = custom_roles::Model {
                id: old.id,
                name: old.name.clone(),
                created_at: old.created_at,
                ..wanted
            };
            query::custom_roles::update(tx, new.clone()).await?;
            record(tx, actor, Entry::write(&old, &new)).await?;
            Ok::<_, AppError>(new)
        });
        custom_detail(&updated.await?)
    }

    /// Deletes a role and takes it from everybody who holds it: a later role of the same name must not come to them.
    ///
    /// # Errors
    /// Forbidden by right; not found when there is no such role.
    pub async fn delete_role(
        &self,
        actor: &Actor,
        organization: OrganizationId,
        name: &str,
    ) -> AppResult<()> {
        let object = Object::of_organization(Resource::AssignOrgRole, organization);
        actor.check(Action::Delete, &object)?;
        self.db()
            .write(async |tx| {
                let row = query::custom_roles::by_name(tx, organization, name).await?;
                let row = row.ok_or(AppError::NotFound)?;
                take_from_members(tx, actor, organization, &row.name).await?;
                take_from_defaults(tx, actor, organization, &row.name).await?;
                query::custom_roles::delete(tx, &row).await?;
                Ok(record(tx, actor, Entry::delete(&row)).await?)
            })
            .await
    }
}

async fn take_from_members(
    tx: &Tx,
    actor: &Actor,
    organization: OrganizationId,
    role: &str,
) -> AppResult<()> {
    let everybody = Filter::of(organization, warren_authz::ListFilter::everything(actor.id()));
    for (old, user) in query::members::list(tx, &everybody, Page::default()).await? {
        let left = without(&old.roles, role);
        if left == old.roles {
            continue;
        }
        let new = organization_members::Model { roles: left, updated_at: tx.now(), ..old.clone() };
        let id = UserId::from_uuid(user.id);
        query::members::set_roles(tx, organization, id, new.roles.clone(), new.updated_at).await?;
        record(tx, actor, Entry::write(&old, &new).target(&user.username)).await?;
    }
    Ok(())
}

async fn take_from_defaults(
    tx: &Tx,
    actor: &Actor,
    organization: OrganizationId,
    role: &str,
) -> AppResult<()> {
    let old = query::organizations::by_id(tx, organization).await?.ok_or(AppError::NotFound)?;
    let left = without(&old.default_org_member_roles, role);
    if left == old.default_org_member_roles {
        return Ok(());
    }
    let new = organizations::Model { default_org_member_roles: left, updated_at: tx.now(), ..old.clone() };
    query::organizations::update(tx, new.clone()).await?;
    Ok(record(tx, actor, Entry::write(&old, &new)).await?)
}

fn without(roles: &serde_json::Value, role: &str) -> serde_json::Value {
    json!(names(roles).filter(|name| !name.eq_ignore_ascii_case(role)).collect::<Vec<_>>())
}

/// Checks a draft; the id and the time of creation are the caller's to set.
fn checked_row(
    actor: &Actor,
    organization: OrganizationId,
    draft: RoleDraft,
    at: DateTime<Utc>,
) -> AppResult<custom_roles::Model> {
    check_texts(&draft)?;
    if !draft.site_permissions.is_empty() || !draft.user_permissions.is_empty() {
        let text = "A role of an organization has no site and user permissions. Leave them out.";
        return Err(AppError::invalid(text));
    }
    let inside = parse("organization_permissions", &draft.organization_permissions)?;
    let own = parse("organization_member_permissions", &draft.member_permissions)?;
    check_covered(actor, organization, &inside, &own)?;
    let texts = |list: &[Permission]| json!(list.iter().map(PermissionText::of).collect::<Vec<_>>());
    Ok(custom_roles::Model {
        id: Uuid::nil(),
        organization_id: organization.as_uuid(),
        name: draft.name,
        display_name: draft.display_name,
        organization_permissions: texts(&inside),
        member_permissions: texts(&own),
        created_at: at,
        updated_at: at,
    })
}

fn check_texts(draft: &RoleDraft) -> AppResult<()> {
    if let Err(error) = ResourceName::parse(&draft.name) {
        return Err(AppError::field("name", error.to_string()));
    }
    let lower = draft.name.to_ascii_lowercase();
    let is_built_in = OrganizationRole::parse(&lower).is_some() || SiteRole::parse(&lower).is_some();
    if is_built_in || lower.starts_with("organization-") {
        return Err(AppError::field("name", "is reserved for built-in roles; choose another name"));
    }
    DisplayName::parse(&draft.display_name)
        .map_err(|error| AppError::field("display_name", error.to_string()))?;
    Ok(())
}

/// Wildcards would grow with every new resource type, and negative permissions belong to built-in roles.
fn parse(field: &str, texts: &[PermissionText]) -> AppResult<Vec<Permission>> {
    if texts.len() > PERMISSIONS_MAX {
        return Err(AppError::field(field, format!("may have at most {PERMISSIONS_MAX} entries")));
    }
    let mut list: Vec<Permission> = Vec::new();
    for text in texts {
        let shown = format!("{}:{}", text.resource_type, text.action);
        let permission =
            text.parse().ok_or_else(|| AppError::field(field, format!("{shown:?} is not a permission")))?;
        if permission.negate {
            return Err(AppError::field(field, format!("{shown:?} must not be negative")));
        }
        if permission.resource.is_none() || permission.action.is_none() {
            return Err(AppError::field(field, format!("{shown:?} must name one resource type and action")));
        }
        if !list.contains(&permission) {
            list.push(permission);
        }
    }
    Ok(list)
}

/// Nobody makes a role that can do more than they can.
fn check_covered(
    actor: &Actor,
    organization: OrganizationId,
    inside: &[Permission],
    own: &[Permission],
) -> AppResult<()> {
    let may = |permission: &Permission, object: fn(&Actor, Resource, OrganizationId) -> Object| {
        let (Some(resource), Some(action)) = (permission.resource, permission.action) else { return false };
        actor.allows(action, &object(actor, resource, organization))
    };
    let anybodys = |_: &Actor, resource, organization| Object::of_organization(resource, organization);
    let mine = |actor: &Actor, resource, organization| Object::owned_in(resource, actor.id(), organization);
    let refused =
        inside.iter().find(|one| !may(one, anybodys)).or_else(|| own.iter().find(|one| !may(one, mine)));
    refused.map_or(Ok(()), |permission| {
        let text = PermissionText::of(permission);
        Err(AppError::forbidden(format!(
            "Forbidden. You cannot grant {}:{}, which you do not have.",
            text.resource_type, text.action
        )))
    })
}
