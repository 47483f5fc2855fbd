//! Organizations: finding, making, changing and deleting them. Who belongs to them is in [`members`].

use chrono::{DateTime, Utc};
use serde_json::json;
use uuid::Uuid;
use warren_audit::{Entry, record};
use warren_authz::{Action, Object, Resource};
use warren_db::{entity::organizations, query};
use warren_vocab::{DisplayName, OrganizationId, ResourceName, UserId};

use crate::{
    App,
    actor::{Actor, names},
    error::{AppError, AppResult, Explanation},
};

pub mod members;
mod sharing;

pub use sharing::{ShareableOwners, SharingChange};

/// The longest description, in bytes.
const DESCRIPTION_BYTES_MAX: usize = 8192;
/// The longest icon URL, in bytes.
const ICON_BYTES_MAX: usize = 2048;
/// What paths call the default organization, so no organization may have the name.
const DEFAULT: &str = "default";

/// An organization as its maker describes it.
#[derive(Debug, Clone, Default)]
pub struct NewOrganization {
    pub name: String,
    /// The name when absent or empty.
    pub display_name: Option<String>,
    pub description: String,
    pub icon: String,
}

/// Changes of an organization; absent fields stay.
#[derive(Debug, Clone, Default)]
pub struct OrganizationChange {
    pub name: Option<String>,
    pub display_name: Option<String>,
    pub description: Option<String>,
    pub icon: Option<String>,
    pub default_member_roles: Option<Vec<String>>,
}

impl App {
    /// Lists the organizations that the caller may read.
    pub async fn list_organizations(&self, actor: &Actor) -> AppResult<Vec<organizations::Model>> {
        let readable = warren_authz::list_filter(&actor.subject, Resource::Organization);
        Ok(query::organizations::list_readable(self.db().reader(), &readable).await?)
    }

    /// Lists the organizations of an account, as far as the caller may read them.
    pub async fn organizations_of(
        &self,
        actor: &Actor,
        user: UserId,
    ) -> AppResult<Vec<organizations::Model>> {
        let memberships = query::organizations::memberships(self.db().reader(), &[user]).await?;
        let belongs =
            |row: &organizations::Model| memberships.iter().any(|one| one.organization_id == row.id);
        Ok(self.list_organizations(actor).await?.into_iter().filter(belongs).collect())
    }

    /// Finds an organization by `default`, id or name.
    ///
    /// # Errors
    /// [`AppError::NotFound`] when there is none that the caller may read.
    pub async fn find_organization(&self, actor: &Actor, which: &str) -> AppResult<organizations::Model> {
        let reader = self.db().reader();
        let found = match which.parse::<OrganizationId>() {
            _ if which == DEFAULT => query::organizations::default(reader).await?,
            Ok(id) => query::organizations::by_id(reader, id).await?,
            Err(_) => query::organizations::by_name(reader, which).await?,
        };
        let organization = found.ok_or(AppError::NotFound)?;
        actor.check(Action::Read, &Object::organization(OrganizationId::from_uuid(organization.id)))?;
        Ok(organization)
    }

    /// Makes an organization; its maker becomes a member.
    ///
    /// # Errors
    /// Forbidden by right, invalid for bad values, conflict for a taken name.
    pub async fn create_organization(
        &self,
        actor: &Actor,
        new: NewOrganization,
    ) -> AppResult<organizations::Model> {
        actor.check(Action::Create, &Object::site(Resource::Organization))?;
        let row = organization_row(new, self.now());
        check_texts(&row)?;
        let created = self.db().write(async |tx| {
            query::organizations::insert(tx, row.clone()).await?;
            record(tx, actor, Entry::create(&row)).await?;
            let id = OrganizationId::from_uuid(row.id);
            members::insert(tx, actor, id, &actor.user).await?;
            Ok::<_, AppError>(())
        });
        created.await.map_err(|error| name_taken(error, &row.name))?;
        Ok(row)
    }

    /// Changes an organization.
    ///
    /// # Errors
    /// Not found or forbidden by right, invalid for bad values, conflict for a taken name.
    pub async fn update_organization(
        &self,
        actor: &Actor,
        which: &str,
        change: OrganizationChange,
    ) -> AppResult<organizations::Model> {
        let id = OrganizationId::from_uuid(self.find_organization(actor, which).await?.id);
        actor.check(Action::Update, &Object::organization(id))?;
        let name = change.name.clone().unwrap_or_default();
        let updated = self.db().write(async |tx| {
            let old = query::organizations::by_id(tx, id).await?.ok_or(AppError::NotFound)?;
            if let Some(wanted) = &change.default_member_roles {
                let held: Vec<_> = names(&old.default_org_member_roles).map(str::to_owned).collect();
                crate::roles::check_organization_change(tx, actor, id, &held, wanted).await?;
            }
            let new = changed(old.clone(), change, self.now());
            check_texts(&new)?;
            query::organizations::update(tx, new.clone()).await?;
            record(tx, actor, Entry::write(&old, &new)).await?;
            Ok(new)
        });
        updated.await.map_err(|error| name_taken(error, &name))
    }

    /// Deletes an organization that holds neither workspaces nor templates; its row stays.
    ///
    /// # Errors
    /// Not found or forbidden by right; invalid for the default one and while something is in it.
    pub async fn delete_organization(&self, actor: &Actor, which: &str) -> AppResult<()> {
        let id = OrganizationId::from_uuid(self.find_organization(actor, which).await?.id);
        actor.check(Action::Delete, &Object::organization(id))?;
        self.db()
            .write(async |tx| {
                let old = query::organizations::by_id(tx, id).await?.ok_or(AppError::NotFound)?;
                if old.is_default {
                    return Err(AppError::invalid("The default organization cannot be deleted."));
                }
                let (workspaces, templates) = query::organizations::contents(tx, id).await?;
                if workspaces + templates > 0 {
                    let text = format!(
                        "The organization holds {workspaces} workspaces and {templates} templates. Delete them first."
                    );
                    return Err(AppError::invalid(text));
                }
                let new = organizations::Model { deleted: true, updated_at: self.now(), ..old.clone() };
                query::organizations::update(tx, new).await?;
                Ok(record(tx, actor, Entry::delete(&old)).await?)
            })
            .await
    }
}

fn organization_row(new: NewOrganization, at: DateTime<Utc>) -> organizations::Model {
    let display_name = new.display_name.filter(|name| !name.is_empty());
    organizations::Model {
        id: Uuid::new_v4(),
        display_name: display_name.unwrap_or_else(|| new.name.clone()),
        name: new.name,
        description: new.description,
        icon: new.icon,
        is_default: false,
        created_at: at,
        updated_at: at,
        deleted: false,
        default_org_member_roles: json!([warren_authz::OrganizationRole::WorkspaceAccess.as_str()]),
        shareable_workspace_owners: ShareableOwners::Everyone.to_string(),
    }
}

/// An empty name is what clients send that do not change it.
fn changed(old: organizations::Model, change: OrganizationChange, at: DateTime<Utc>) -> organizations::Model {
    organizations::Model {
        name: change.name.filter(|name| !name.is_empty()).unwrap_or(old.name),
        display_name: change.display_name.filter(|name| !name.is_empty()).unwrap_or(old.display_name),
        description: change.description.unwrap_or(old.description),
        icon: change.icon.unwrap_or(old.icon),
        default_org_member_roles: change
            .default_member_roles
            .map_or(old.default_org_member_roles, |roles| json!(roles)),
        updated_at: at,
        ..old
    }
}

fn check_texts(row: &organizations::Model) -> AppResult<()> {
    let mut why = Explanation::new("Validation failed.");
    if let Err(error) = ResourceName::parse(&row.name) {
        why = why.field("name", error.to_string());
    } else if row.name.eq_ignore_ascii_case(DEFAULT) || row.name.parse::<Uuid>().is_ok() {
        why = why.field("name", "is reserved; choose another name");
    }
    if let Err(error) = DisplayName::parse(&row.display_name) {
        why = why.field("display_name", error.to_string());
    }
    if row.description.len() > DESCRIPTION_BYTES_MAX {
        why = why.field("description", format!("must be at most {DESCRIPTION_BYTES_MAX} bytes long"));
    }
    if row.icon.len() > ICON_BYTES_MAX {
        why = why.field("icon", format!("must be at most {ICON_BYTES_MAX} bytes long"));
    }
    if why.validations.is_empty() { Ok(()) } else { Err(AppError::Invalid(why)) }
}

fn name_taken(error: AppError, name: &str) -> AppError {
    match error {
        AppError::Db(error) if error.is_unique("organizations_name") => AppError::name_taken(format!(
            "An organization named {name:?} exists already. Choose another name."
        )),
        other => other,
    }
}
