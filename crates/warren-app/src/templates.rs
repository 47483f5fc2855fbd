//! Templates: what workspaces can be made from.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use uuid::Uuid;
use warren_audit::{Entry, record};
use warren_authz::{Action, ActionSet, Object, Resource};
use warren_db::{
    ConnectionTrait, DbError,
    entity::{organizations, templates, users},
    query,
};
use warren_vocab::{
    DisplayName, GroupId, OrganizationId, ResourceName, SharingLevel, TemplateId, TemplateVersionId,
};

use crate::{
    App,
    actor::Actor,
    error::{AppError, AppResult, Explanation},
};

mod search;

pub use search::TemplateSearch;

const DESCRIPTION_BYTES_MAX: usize = 128;
const HOUR_MS: i64 = 3_600_000;

/// A template with the names around it.
#[derive(Debug, Clone)]
pub struct TemplateDetail {
    pub template: templates::Model,
    pub organization: organizations::Model,
    pub creator: users::Model,
    /// Owners of its workspaces.
    pub active_user_count: i64,
}

/// A template to make from an imported version.
#[derive(Debug, Clone)]
pub struct NewTemplate {
    pub organization: OrganizationId,
    pub version: TemplateVersionId,
    pub name: String,
    pub display_name: String,
    pub description: String,
    pub icon: String,
    pub default_ttl_ms: i64,
    pub allow_user_cancel_workspace_jobs: bool,
}

/// Changes to a template; an absent field stays as it is.
#[derive(Debug, Clone, Default)]
pub struct TemplateChange {
    pub name: Option<String>,
    pub display_name: Option<String>,
    pub description: Option<String>,
    pub icon: Option<String>,
    pub default_ttl_ms: Option<i64>,
    pub allow_user_cancel_workspace_jobs: Option<bool>,
}

impl App {
    /// Makes a template of a version that belongs to none yet; the version becomes the active one.
    ///
    /// # Errors
    /// Not found for an unknown version, invalid for one that belongs to a template, conflict for a taken name.
    pub async fn create_template(&self, actor: &Actor, new: NewTemplate) -> AppResult<TemplateDetail> {
        actor.check(Action::Create, &Object::of_organization(Resource::Template, new.organization))?;
        check_texts(&new.name, &new.display_name, &new.description, new.default_ttl_ms)?;
        let id = TemplateId::new();
        let (version, name) = (new.version, new.name.clone());
        let row = template_row(id, actor, new, self.now());
        let created = self
            .db()
            .write(async |tx| {
                let adopted =
                    query::template_versions::by_id(tx, version).await?.ok_or(AppError::NotFound)?;
                if adopted.organization_id != row.organization_id {
                    return Err(AppError::NotFound);
                }
                if adopted.archived || adopted.template_id.is_some() {
                    let text =
                        "The template version is archived or belongs to a template already; push a new one.";
                    return Err(AppError::field("template_version_id", text));
                }
                query::templates::insert(tx, row.clone()).await?;
                query::template_versions::adopt(tx, version, id, self.now()).await?;
                Ok(record(tx, actor, Entry::create(&row)).await?)
            })
            .await;
        created.map_err(|error| name_taken(error, &name))?;
        self.find_template(actor, id).await
    }

    /// Finds a template.
    ///
    /// # Errors
    /// [`AppError::NotFound`] when there is none that the caller may read.
    pub async fn find_template(&self, actor: &Actor, id: TemplateId) -> AppResult<TemplateDetail> {
        let row = self.checked_template(actor, id, Action::Read).await?;
        self.template_detail(row).await
    }

    /// Finds a template of an organization by name.
    ///
    /// # Errors
    /// [`AppError::NotFound`] when there is none that the caller may read.
    pub async fn find_template_by_name(
        &self,
        actor: &Actor,
        organization: OrganizationId,
        name: &str,
    ) -> AppResult<TemplateDetail> {
        let row = query::templates::by_name(self.db().reader(), organization, name)
            .await?
            .ok_or(AppError::NotFound)?;
        actor.check(Action::Read, &object(&row))?;
        self.template_detail(row).await
    }

    /// Lists the templates that the caller may read, of one organization or of all.
    pub async fn list_templates(
        &self,
        actor: &Actor,
        organization: Option<OrganizationId>,
    ) -> AppResult<Vec<TemplateDetail>> {
        let readable = warren_authz::list_filter(&actor.subject, Resource::Template);
        let rows = query::templates::list(self.db().reader(), &readable, organization).await?;
        template_details(self.db().reader(), rows).await
    }

    /// Lists the templates that the caller may read and that fit a search, of one organization or of all.
    pub async fn search_templates(
        &self,
        actor: &Actor,
        organization: Option<OrganizationId>,
        search: &TemplateSearch,
    ) -> AppResult<Vec<TemplateDetail>> {
        let mut found = self.list_templates(actor, organization).await?;
        found.retain(|detail| search.fits(detail));
        Ok(found)
    }

    /// Changes a template.
    ///
    /// # Errors
    /// Not found or forbidden by right, invalid for bad values, conflict for a taken name.
    pub async fn update_template(
        &self,
        actor: &Actor,
        id: TemplateId,
        change: TemplateChange,
    ) -> AppResult<TemplateDetail> {
        self.checked_template(actor, id, Action::Update).await?;
        let name = change.name.clone().unwrap_or_default();
        let updated = self
            .db()
            .write(async |tx| {
                let old = query::templates::by_id(tx, id).await?.ok_or(AppError::NotFound)?;
                let row = changed(old.clone(), change, self.now());
                check_texts(&row.name, &row.display_name, &row.description, row.default_ttl_ms)?;
                let row = query::templates::update(tx, row).await?;
                record(tx, actor, Entry::write(&old, &row)).await?;
                Ok(row)
            })
            .await;
        let row = updated.map_err(|error| name_taken(error, &name))?;
        self.template_detail(row).await
    }

    /// Makes a version the one that new builds use.
    ///
    /// # Errors
    /// Not found or forbidden by right; invalid when the version is another template's, archived or not imported.
    pub async fn promote_version(
        &self,
        actor: &Actor,
        id: TemplateId,
        version: TemplateVersionId,
    ) -> AppResult<()> {
        self.checked_template(actor, id, Action::Update).await?;
        self.db()
            .write(async |tx| {
                let old = query::templates::by_id(tx, id).await?.ok_or(AppError::NotFound)?;
                let row = query::template_versions::by_id(tx, version).await?;
                let row = row.filter(|row| row.template_id == Some(id.as_uuid()));
                let Some(row) = row else {
                    return Err(AppError::invalid("The version does not belong to this template."));
                };
                if row.archived {
                    return Err(AppError::invalid(
                        "The version is archived; unarchive it or choose another one.",
                    ));
                }
                crate::template_versions::check_imported(tx, &row).await?;
                query::templates::set_active_version(tx, id, version, self.now()).await?;
                let new = templates::Model { active_version_id: version.as_uuid(), ..old.clone() };
                Ok(record(tx, actor, Entry::write(&old, &new)).await?)
            })
            .await
    }

    /// Deletes a template without workspaces.
    ///
    /// # Errors
    /// Not found or forbidden by right; invalid while a workspace uses it.
    pub async fn delete_template(&self, actor: &Actor, id: TemplateId) -> AppResult<()> {
        self.checked_template(actor, id, Action::Delete).await?;
        self.db()
            .write(async |tx| {
                let old = query::templates::by_id(tx, id).await?.ok_or(AppError::NotFound)?;
                if query::templates::in_use(tx, id).await? {
                    let text =
                        "Workspaces use this template. Delete all of them before you delete the template.";
                    return Err(AppError::invalid(text));
                }
                query::templates::delete(tx, id, self.now()).await?;
                Ok(record(tx, actor, Entry::delete(&old)).await?)
            })
            .await
    }

    pub(crate) async fn checked_template(
        &self,
        actor: &Actor,
        id: TemplateId,
        action: Action,
    ) -> AppResult<templates::Model> {
        let row = query::templates::by_id(self.db().reader(), id).await?.ok_or(AppError::NotFound)?;
        actor.check(action, &object(&row))?;
        Ok(row)
    }

    async fn template_detail(&self, row: templates::Model) -> AppResult<TemplateDetail> {
        let detail = template_details(self.db().reader(), vec![row]).await?.pop();
        detail.ok_or(AppError::NotFound)
    }
}

async fn template_details(
    connection: &impl ConnectionTrait,
    rows: Vec<templates::Model>,
) -> AppResult<Vec<TemplateDetail>> {
    let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
    let counts: HashMap<Uuid, i64> =
        query::templates::owner_counts(connection, &ids).await?.into_iter().collect();
    let creators: Vec<_> = rows.iter().map(|row| row.created_by).collect();
    let creators = query::users::by_ids(connection, &creators).await?;
    let organizations = query::organizations::list(connection).await?;
    let detail = |template: templates::Model| {
        let creator = creators.iter().find(|row| row.id == template.created_by).cloned();
        let organization = organizations.iter().find(|row| row.id == template.organization_id).cloned();
        Ok(TemplateDetail {
            creator: creator.ok_or(DbError::NotFound { what: "creator of a template" })?,
            organization: organization.ok_or(DbError::NotFound { what: "organization of a template" })?,
            active_user_count: counts.get(&template.id).copied().unwrap_or(0),
            template,
        })
    };
    rows.into_iter().map(detail).collect()
}

pub(crate) fn object(row: &templates::Model) -> Object {
    in_organization(OrganizationId::from_uuid(row.organization_id)).with_id(row.id)
}

/// A template of an organization; everybody in it may read and use it.
pub(crate) fn in_organization(organization: OrganizationId) -> Object {
    let everybody = GroupId::from_uuid(organization.as_uuid());
    let actions = ActionSet::of(&[Action::Read, Action::Use]);
    Object::of_organization(Resource::Template, organization).with_group_acl(everybody, actions)
}

fn template_row(id: TemplateId, actor: &Actor, new: NewTemplate, at: DateTime<Utc>) -> templates::Model {
    templates::Model {
        id: id.as_uuid(),
        organization_id: new.organization.as_uuid(),
        created_by: actor.user.id,
        created_at: at,
        updated_at: at,
        deleted: false,
        name: new.name,
        display_name: new.display_name,
        description: new.description,
        icon: new.icon,
        provisioner: String::from("terraform"),
        active_version_id: new.version.as_uuid(),
        default_ttl_ms: new.default_ttl_ms,
        activity_bump_ms: HOUR_MS,
        failure_ttl_ms: 0,
        time_til_dormant_ms: 0,
        time_til_dormant_autodelete_ms: 0,
        allow_user_autostart: true,
        allow_user_autostop: true,
        allow_user_cancel_workspace_jobs: new.allow_user_cancel_workspace_jobs,
        require_active_version: false,
        deprecation_message: String::new(),
        max_port_share_level: SharingLevel::Owner.to_string(),
        cors_behavior: String::from("simple"),
        use_classic_parameter_flow: true,
    }
}

fn changed(mut row: templates::Model, change: TemplateChange, at: DateTime<Utc>) -> templates::Model {
    row.name = change.name.filter(|name| !name.is_empty()).unwrap_or(row.name);
    row.display_name = change.display_name.unwrap_or(row.display_name);
    row.description = change.description.unwrap_or(row.description);
    row.icon = change.icon.unwrap_or(row.icon);
    row.default_ttl_ms = change.default_ttl_ms.unwrap_or(row.default_ttl_ms);
    let cancel = change.allow_user_cancel_workspace_jobs;
    row.allow_user_cancel_workspace_jobs = cancel.unwrap_or(row.allow_user_cancel_workspace_jobs);
    row.updated_at = at;
    row
}

fn check_texts(name: &str, display_name: &str, description: &str, default_ttl_ms: i64) -> AppResult<()> {
    let mut why = Explanation::new("Validation failed.");
    if let Err(error) = ResourceName::parse(name) {
        why = why.field("name", error.to_string());
    } else if ["new", "create"].contains(&name) {
        why = why.field("name", "is reserved; choose another name");
    }
    if let Err(error) = DisplayName::parse(display_name) {
        why = why.field("display_name", error.to_string());
    }
    if description.len() >= DESCRIPTION_BYTES_MAX {
        why = why.field("description", format!("must be shorter than {DESCRIPTION_BYTES_MAX} bytes"));
    }
    if default_ttl_ms < 0 {
        why = why.field("default_ttl_ms", "must not be negative");
    }
    if why.validations.is_empty() { Ok(()) } else { Err(AppError::Invalid(why)) }
}

fn name_taken(error: AppError, name: &str) -> AppError {
    match error {
        AppError::Db(error) if error.is_unique("templates_name") => {
            AppError::name_taken(format!("A template named {name:?} exists already. Choose another name."))
        }
        other => other,
    }
}
