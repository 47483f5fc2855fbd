//! Workspaces: making, finding and listing them.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use warren_audit::{Entry, record};
use warren_authz::{Action, Object, Resource};
use warren_db::{
    Guard, Tx,
    entity::{templates, users, workspaces},
    query::{self, Page, workspaces::Filter},
};
use warren_vocab::{
    AutomaticUpdates, BuildReason, OrganizationId, ResourceName, TemplateId, TemplateVersionId, Transition,
    UserId, WorkspaceId,
};

use crate::{
    App,
    actor::Actor,
    builds::{self, NewBuild},
    details::{self, WorkspaceDetail},
    error::{AppError, AppResult, Explanation},
};

mod search;

pub use search::Derived;

/// What a workspace is made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The template's active version.
    Template(TemplateId),
    Version(TemplateVersionId),
}

/// A workspace to make.
#[derive(Debug, Clone)]
pub struct NewWorkspace {
    pub source: Source,
    pub name: String,
    pub autostart_schedule: Option<String>,
    pub ttl_ms: Option<i64>,
    pub parameters: BTreeMap<String, String>,
    pub reason: BuildReason,
}

/// What a list of workspaces is narrowed to; the caller's rights narrow it further.
#[derive(Debug, Clone, Default)]
pub struct WorkspaceSearch {
    pub owner: Option<String>,
    pub template: Option<String>,
    pub organization: Option<String>,
    pub name_part: Option<String>,
    pub name: Option<String>,
    pub ids: Option<Vec<WorkspaceId>>,
    pub deleted: bool,
    pub dormant: Option<bool>,
    pub last_used_before: Option<DateTime<Utc>>,
    pub last_used_after: Option<DateTime<Utc>>,
    pub derived: Derived,
}

impl App {
    /// Makes a workspace for an account and posts its first build.
    ///
    /// # Errors
    /// Not found or forbidden by right, invalid for bad values, not ready while the version is imported, conflict for a
    /// taken name.
    pub async fn create_workspace(
        &self,
        actor: &Actor,
        owner: &users::Model,
        new: NewWorkspace,
    ) -> AppResult<WorkspaceDetail> {
        self.create_workspace_as(actor, owner, WorkspaceId::new(), new).await
    }

    /// Makes a workspace under an id that the caller has chosen, so that it can find out later whether it was made.
    ///
    /// # Errors
    /// As [`App::create_workspace`].
    pub async fn create_workspace_as(
        &self,
        actor: &Actor,
        owner: &users::Model,
        id: WorkspaceId,
        new: NewWorkspace,
    ) -> AppResult<WorkspaceDetail> {
        if let Err(error) = ResourceName::parse(&new.name) {
            return Err(AppError::field("name", error.to_string()));
        }
        let (template, version) = self.workspace_source(actor, new.source).await?;
        let organization = OrganizationId::from_uuid(template.organization_id);
        let owner_id = UserId::from_uuid(owner.id);
        actor.check(Action::Create, &Object::owned_in(Resource::Workspace, owner_id, organization))?;
        if !template.deprecation_message.is_empty() {
            let why = Explanation::new("The template is deprecated; no new workspaces can be made from it.");
            return Err(AppError::Invalid(why.detail(template.deprecation_message)));
        }
        let name = new.name.clone();
        let build = NewBuild {
            version,
            parameters: new.parameters.clone(),
            reason: new.reason,
            ..NewBuild::of(Transition::Start)
        };
        let row = workspace_row(id, owner_id, &template, new, self.now());
        let created = self
            .db()
            .write(async |tx| {
                query::workspaces::insert(tx, row.clone()).await?;
                let entry = Entry::create(&row).field("workspace_owner", owner.username.as_str());
                record(tx, actor, entry).await?;
                builds::insert(tx, actor, &row, build).await
            })
            .await;
        created.map_err(|error| name_taken(error, &name))?;
        self.find_workspace(actor, id, false).await
    }

    /// Finds a workspace.
    ///
    /// # Errors
    /// [`AppError::NotFound`] when there is none that the caller may read; gone when it was deleted and
    /// `include_deleted` is not set.
    pub async fn find_workspace(
        &self,
        actor: &Actor,
        id: WorkspaceId,
        include_deleted: bool,
    ) -> AppResult<WorkspaceDetail> {
        let row = self.checked_workspace(actor, id, Action::Read).await?;
        if row.deleted && !include_deleted {
            return Err(AppError::Gone(format!("The workspace {:?} was deleted.", row.name).into()));
        }
        self.workspace_detail(row).await
    }

    /// Finds a workspace of an account by name.
    ///
    /// # Errors
    /// [`AppError::NotFound`] when there is none that the caller may read.
    pub async fn find_workspace_by_name(
        &self,
        actor: &Actor,
        owner: UserId,
        name: &str,
        include_deleted: bool,
    ) -> AppResult<WorkspaceDetail> {
        let reader = self.db().reader();
        let mut found = query::workspaces::by_name(reader, owner, name, false).await?;
        if found.is_none() && include_deleted {
            found = query::workspaces::by_name(reader, owner, name, true).await?;
        }
        let row = found.ok_or(AppError::NotFound)?;
        actor.check(Action::Read, &object(&row))?;
        self.workspace_detail(row).await
    }

    /// Lists the workspaces that the caller may read, with their number.
    pub async fn list_workspaces(
        &self,
        actor: &Actor,
        search: WorkspaceSearch,
        page: Page,
    ) -> AppResult<(Vec<WorkspaceDetail>, u64)> {
        let derived = search.derived.clone();
        let Some(filter) = self.workspace_filter(actor, search).await? else { return Ok((Vec::new(), 0)) };
        if !derived.is_everything() {
            let rows = query::workspaces::list(self.db().reader(), &filter, Page::default()).await?;
            let rows = derived.keep(self.db().reader(), rows, self.now()).await?;
            let count = rows.len() as u64;
            return Ok((details::workspaces(self.db().reader(), search::page_of(rows, page)).await?, count));
        }
        let rows = query::workspaces::list(self.db().reader(), &filter, page).await?;
        let count = query::workspaces::count(self.db().reader(), &filter).await?;
        Ok((details::workspaces(self.db().reader(), rows).await?, count))
    }

    /// Gives a workspace another name.
    ///
    /// # Errors
    /// Not found or forbidden by right, invalid for a bad name, conflict for a taken one.
    pub async fn rename_workspace(&self, actor: &Actor, id: WorkspaceId, name: &str) -> AppResult<()> {
        self.checked_workspace(actor, id, Action::Update).await?;
        if let Err(error) = ResourceName::parse(name) {
            return Err(AppError::field("name", error.to_string()));
        }
        let renamed = self.db().write(async |tx| {
            let old = query::workspaces::by_id(tx, id).await?.ok_or(AppError::NotFound)?;
            query::workspaces::rename(tx, id, name, self.now()).await?;
            let new = workspaces::Model { name: name.to_owned(), ..old.clone() };
            Ok(record(tx, actor, Entry::write(&old, &new)).await?)
        });
        renamed.await.map_err(|error| name_taken(error, name))
    }

    /// Notes that somebody uses the workspace.
    ///
    /// # Errors
    /// Not found or forbidden by right.
    pub async fn note_workspace_use(&self, actor: &Actor, id: WorkspaceId) -> AppResult<()> {
        self.checked_workspace(actor, id, Action::Update).await?;
        let write = async |tx: &Tx| query::workspaces::touch(tx, id, self.now()).await;
        self.db().write_guarded(Guard::workspace(id), write).await?;
        Ok(())
    }

    /// Notes that somebody uses the workspace, and moves the time at which it stops by itself as far as the template says.
    ///
    /// # Errors
    /// Not found or forbidden by right.
    pub async fn keep_workspace(&self, actor: &Actor, id: WorkspaceId) -> AppResult<()> {
        let row = self.checked_workspace(actor, id, Action::Update).await?;
        let template = query::templates::by_ids(self.db().reader(), &[row.template_id]).await?.pop();
        let bump_ms = template.map_or(0, |template| template.activity_bump_ms);
        let at = self.now();
        let write = async |tx: &Tx| {
            query::workspaces::touch(tx, id, at).await?;
            if bump_ms > 0 {
                query::builds::extend_deadline(tx, id, at + TimeDelta::milliseconds(bump_ms)).await?;
            }
            Ok::<_, AppError>(())
        };
        self.db().write_guarded(Guard::workspace(id), write).await
    }

    pub(crate) async fn checked_workspace(
        &self,
        actor: &Actor,
        id: WorkspaceId,
        action: Action,
    ) -> AppResult<workspaces::Model> {
        let row = query::workspaces::by_id(self.db().reader(), id).await?.ok_or(AppError::NotFound)?;
        actor.check(action, &object(&row))?;
        Ok(row)
    }

    async fn workspace_detail(&self, row: workspaces::Model) -> AppResult<WorkspaceDetail> {
        let detail = details::workspaces(self.db().reader(), vec![row]).await?.pop();
        detail.ok_or(AppError::NotFound)
    }

    /// Finds the template to use, and the version when the caller chose one.
    async fn workspace_source(
        &self,
        actor: &Actor,
        source: Source,
    ) -> AppResult<(templates::Model, Option<TemplateVersionId>)> {
        let (template, version) = match source {
            Source::Template(id) => (Some(id), None),
            Source::Version(id) => {
                let row = query::template_versions::by_id(self.db().reader(), id)
                    .await?
                    .ok_or(AppError::NotFound)?;
                (row.template_id.map(TemplateId::from_uuid), Some(id))
            }
        };
        let Some(template) = template else {
            return Err(AppError::field(
                "template_version_id",
                "belongs to no template; create the template first",
            ));
        };
        Ok((self.checked_template(actor, template, Action::Use).await?, version))
    }

    /// Resolves names; `None` when one of them names nothing, so that nothing can match.
    async fn workspace_filter(&self, actor: &Actor, search: WorkspaceSearch) -> AppResult<Option<Filter>> {
        let mut filter = Filter {
            visible: Some(warren_authz::list_filter(&actor.subject, Resource::Workspace)),
            name_part: search.name_part,
            name: search.name,
            ids: search.ids,
            deleted: search.deleted,
            dormant: search.dormant,
            last_used_before: search.last_used_before,
            last_used_after: search.last_used_after,
            ..Filter::default()
        };
        if let Some(owner) = search.owner {
            let Some(user) = known(self.find_user(actor, &owner).await)? else { return Ok(None) };
            filter.owner = Some(UserId::from_uuid(user.id));
        }
        if let Some(organization) = search.organization {
            let Some(row) = known(self.find_organization(actor, &organization).await)? else {
                return Ok(None);
            };
            filter.organization = Some(OrganizationId::from_uuid(row.id));
        }
        if let Some(name) = search.template {
            let named = self.list_templates(actor, None).await?.into_iter().map(|detail| detail.template);
            let named = named.filter(|row| row.name.eq_ignore_ascii_case(&name));
            filter.templates = Some(named.map(|row| TemplateId::from_uuid(row.id)).collect());
        }
        Ok(Some(filter))
    }
}

pub(crate) fn object(row: &workspaces::Model) -> Object {
    let (owner, organization) =
        (UserId::from_uuid(row.owner_id), OrganizationId::from_uuid(row.organization_id));
    // Without a dormant state of its own the row would be startable; a dormant one is another kind of object.
    let resource = if row.dormant_at.is_some() { Resource::WorkspaceDormant } else { Resource::Workspace };
    Object::owned_in(resource, owner, organization).with_id(row.id)
}

/// What the caller may not know matches nothing instead of failing the list.
fn known<T>(found: AppResult<T>) -> AppResult<Option<T>> {
    match found {
        Ok(value) => Ok(Some(value)),
        Err(AppError::NotFound) => Ok(None),
        Err(other) => Err(other),
    }
}

fn workspace_row(
    id: WorkspaceId,
    owner: UserId,
    template: &templates::Model,
    new: NewWorkspace,
    at: DateTime<Utc>,
) -> workspaces::Model {
    workspaces::Model {
        id: id.as_uuid(),
        owner_id: owner.as_uuid(),
        organization_id: template.organization_id,
        template_id: template.id,
        name: new.name,
        created_at: at,
        updated_at: at,
        deleted: false,
        autostart_schedule: new.autostart_schedule,
        ttl_ms: new.ttl_ms.or(Some(template.default_ttl_ms).filter(|ttl| *ttl > 0)),
        last_used_at: at,
        dormant_at: None,
        deleting_at: None,
        next_start_at: None,
        automatic_updates: AutomaticUpdates::Never.to_string(),
        favorite: false,
    }
}

fn name_taken(error: AppError, name: &str) -> AppError {
    match error {
        AppError::Db(error) if error.is_unique("workspaces_owner_name") => {
            AppError::name_taken(format!("A workspace named {name:?} exists already. Choose another name."))
        }
        other => other,
    }
}
