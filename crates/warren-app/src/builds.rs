//! Builds of workspaces: who may post one when, and what it runs with.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use warren_audit::{Entry, record};
use warren_authz::Action;
use warren_db::{
    DbError, Tx,
    entity::{template_versions, templates, workspace_build_parameters, workspace_builds, workspaces},
    query::{self, Page},
};
use warren_vocab::{
    AutomaticUpdates, BuildId, BuildReason, FileId, JobId, JobStatus, JobType, OrganizationId, TemplateId,
    TemplateVersionId, Transition, WorkspaceId,
};

use crate::{
    App,
    actor::Actor,
    details::{self, BuildDetail, job_status},
    error::{AppError, AppResult},
    job_input::JobInput,
    parameters::{self, Values},
    template_versions::{cancel_job, check_imported, new_job},
};

/// A build to post.
#[derive(Debug, Clone)]
pub struct NewBuild {
    /// Chosen by the caller, so that it can find out later whether the build was made.
    pub id: BuildId,
    pub transition: Transition,
    /// Absent for the version that the rules choose.
    pub version: Option<TemplateVersionId>,
    /// Values that differ from the last build's.
    pub parameters: BTreeMap<String, String>,
    pub reason: BuildReason,
    /// Forget what the workspace made instead of destroying it; for deletion only.
    pub orphan: bool,
}

impl NewBuild {
    /// A build without choices of the caller.
    pub fn of(transition: Transition) -> Self {
        Self {
            id: BuildId::new(),
            transition,
            version: None,
            parameters: BTreeMap::new(),
            reason: BuildReason::Initiator,
            orphan: false,
        }
    }
}

impl App {
    /// Posts a build of a workspace.
    ///
    /// # Errors
    /// Not found or forbidden by right; conflict while a build is active or when the workspace was deleted; invalid for
    /// bad values or a version of another template; not ready while the version is imported.
    pub async fn create_build(
        &self,
        actor: &Actor,
        id: WorkspaceId,
        new: NewBuild,
    ) -> AppResult<BuildDetail> {
        self.check_transition(actor, id, &new).await?;
        let build = self
            .db()
            .write(async |tx| {
                let row = query::workspaces::by_id(tx, id).await?.ok_or(AppError::NotFound)?;
                let transition = new.transition;
                let build = insert(tx, actor, &row, new).await?;
                record(tx, actor, Entry::build_posted(&row, transition, &build)).await?;
                Ok::<_, AppError>(build)
            })
            .await?;
        self.build_detail(build).await
    }

    /// Finds a build.
    ///
    /// # Errors
    /// [`AppError::NotFound`] when there is none that the caller may read.
    pub async fn find_build(&self, actor: &Actor, id: BuildId) -> AppResult<BuildDetail> {
        let row = query::builds::by_id(self.db().reader(), id).await?.ok_or(AppError::NotFound)?;
        self.checked_workspace(actor, WorkspaceId::from_uuid(row.workspace_id), Action::Read).await?;
        self.build_detail(row).await
    }

    /// Finds a build of a workspace by its number.
    ///
    /// # Errors
    /// [`AppError::NotFound`] when there is none that the caller may read.
    pub async fn find_build_by_number(
        &self,
        actor: &Actor,
        workspace: WorkspaceId,
        number: i32,
    ) -> AppResult<BuildDetail> {
        self.checked_workspace(actor, workspace, Action::Read).await?;
        let row = query::builds::by_number(self.db().reader(), workspace, number).await?;
        self.build_detail(row.ok_or(AppError::NotFound)?).await
    }

    /// Lists the builds of a workspace, newest first.
    pub async fn list_builds(
        &self,
        actor: &Actor,
        workspace: WorkspaceId,
        since: Option<DateTime<Utc>>,
        page: Page,
    ) -> AppResult<Vec<BuildDetail>> {
        self.checked_workspace(actor, workspace, Action::Read).await?;
        let rows = query::builds::list(self.db().reader(), workspace, since, page).await?;
        details::builds(self.db().reader(), rows).await
    }

    /// Lists the parameter values that a build ran with.
    pub async fn build_parameters(
        &self,
        actor: &Actor,
        id: BuildId,
    ) -> AppResult<Vec<workspace_build_parameters::Model>> {
        self.find_build(actor, id).await?;
        Ok(query::builds::parameters(self.db().reader(), id).await?)
    }

    /// Asks a build to stop; `expected` refuses a build whose job has another status by now.
    ///
    /// # Errors
    /// Not found or forbidden by right or by the template; invalid when it has ended or was asked already.
    pub async fn cancel_build(
        &self,
        actor: &Actor,
        id: BuildId,
        expected: Option<JobStatus>,
    ) -> AppResult<()> {
        let build = query::builds::by_id(self.db().reader(), id).await?.ok_or(AppError::NotFound)?;
        let workspace = WorkspaceId::from_uuid(build.workspace_id);
        let row = self.checked_workspace(actor, workspace, Action::Update).await?;
        let template = query::templates::by_ids(self.db().reader(), &[row.template_id]).await?.pop();
        let template_allows = template.is_some_and(|template| template.allow_user_cancel_workspace_jobs);
        if expected != Some(JobStatus::Pending) && !template_allows && !actor.subject.is_owner() {
            let text =
                "The template does not allow its users to cancel builds. Ask somebody with the owner role.";
            return Err(AppError::forbidden(text));
        }
        self.db()
            .write(async |tx| {
                cancel_job(tx, JobId::from_uuid(build.job_id), expected).await?;
                query::workspaces::notify_changed(tx, workspace);
                Ok(record(tx, actor, Entry::build_canceled(&row, &build)).await?)
            })
            .await
    }

    async fn check_transition(&self, actor: &Actor, id: WorkspaceId, new: &NewBuild) -> AppResult<()> {
        let action = match new.transition {
            Transition::Start => Action::Start,
            Transition::Stop => Action::Stop,
            Transition::Delete => Action::Delete,
        };
        let checked = self.checked_workspace(actor, id, action).await;
        let row = checked.map_err(|error| match error {
            AppError::Forbidden(_) => AppError::forbidden(format!(
                "You do not have permission to {} this workspace.",
                action.as_str()
            )),
            other => other,
        })?;
        if new.orphan && new.transition != Transition::Delete {
            return Err(AppError::invalid("Only a deletion can be an orphan build."));
        }
        if new.orphan {
            self.checked_template(actor, TemplateId::from_uuid(row.template_id), Action::Update).await?;
        }
        Ok(())
    }

    async fn build_detail(&self, row: workspace_builds::Model) -> AppResult<BuildDetail> {
        let detail = details::builds(self.db().reader(), vec![row]).await?.pop();
        detail.ok_or(AppError::NotFound)
    }
}

/// Applies the rules and adds build, job, parameter values and the state to start from. The caller has checked rights.
pub(crate) async fn insert(
    tx: &Tx,
    actor: &Actor,
    workspace: &workspaces::Model,
    new: NewBuild,
) -> AppResult<workspace_builds::Model> {
    if workspace.deleted {
        return Err(AppError::conflict(format!("The workspace {:?} was deleted.", workspace.name)));
    }
    let id = WorkspaceId::from_uuid(workspace.id);
    let last = query::builds::latest(tx, id).await?;
    refuse_active(tx, last.as_ref()).await?;
    let version = choose_version(tx, workspace, last.as_ref(), &new).await?;
    let import = check_imported(tx, &version).await?;
    let values = parameter_values(tx, &version, last.as_ref(), &new).await?;

    let build_id = new.id;
    let organization = OrganizationId::from_uuid(workspace.organization_id);
    let file = FileId::from_uuid(import.file_id);
    let (kind, input) = (JobType::WorkspaceBuild, JobInput::build(build_id));
    let job = new_job(kind, actor, organization, file, import.tags, &input, tx.now());
    let build = workspace_builds::Model {
        id: build_id.as_uuid(),
        workspace_id: workspace.id,
        template_version_id: version.id,
        job_id: job.id,
        initiator_id: actor.user.id,
        build_number: last.as_ref().map_or(1, |last| last.build_number + 1),
        transition: new.transition.to_string(),
        reason: new.reason.to_string(),
        created_at: job.created_at,
        updated_at: job.created_at,
        deadline: None,
        max_deadline: None,
        daily_cost: 0,
    };
    query::job_rows::insert(tx, job).await?;
    query::builds::insert(tx, build.clone()).await.map_err(lost_race)?;
    query::builds::insert_parameters(tx, parameter_rows(build_id, values)).await?;
    if let Some(last) = last.filter(|_| !new.orphan) {
        copy_state(tx, BuildId::from_uuid(last.id), build_id).await?;
    }
    query::workspaces::notify_changed(tx, id);
    Ok(build)
}

async fn refuse_active(tx: &Tx, last: Option<&workspace_builds::Model>) -> AppResult<()> {
    let Some(last) = last else { return Ok(()) };
    let job = query::job_rows::by_id(tx, JobId::from_uuid(last.job_id)).await?;
    let status = job.as_ref().map(job_status);
    if status.is_some_and(|status| !status.is_final()) {
        return Err(AppError::conflict("A workspace build is already active."));
    }
    Ok(())
}

/// The requested version; else the active one when the template or the workspace asks for it; else the last build's.
async fn choose_version(
    tx: &Tx,
    workspace: &workspaces::Model,
    last: Option<&workspace_builds::Model>,
    new: &NewBuild,
) -> AppResult<template_versions::Model> {
    let template: templates::Model = query::templates::by_ids(tx, &[workspace.template_id])
        .await?
        .pop()
        .ok_or(DbError::NotFound { what: "template of a workspace" })?;
    let always = workspace.automatic_updates == AutomaticUpdates::Always.as_str();
    let wants_active = template.require_active_version || (always && new.transition == Transition::Start);
    let id = match (new.version, last) {
        (Some(version), _) => version.as_uuid(),
        (None, Some(last)) if !wants_active => last.template_version_id,
        (None, Some(_) | None) => template.active_version_id,
    };
    let version = query::template_versions::by_id(tx, TemplateVersionId::from_uuid(id)).await?;
    let version = version.filter(|version| version.template_id == Some(template.id));
    version
        .ok_or_else(|| AppError::field("template_version_id", "is not a version of the workspace's template"))
}

async fn parameter_values(
    tx: &Tx,
    version: &template_versions::Model,
    last: Option<&workspace_builds::Model>,
    new: &NewBuild,
) -> AppResult<BTreeMap<String, String>> {
    let declared = query::template_versions::parameters(tx, TemplateVersionId::from_uuid(version.id)).await?;
    let previous = match last {
        Some(last) => query::builds::parameters(tx, BuildId::from_uuid(last.id)).await?,
        None => Vec::new(),
    };
    let previous: BTreeMap<_, _> = previous.into_iter().map(|row| (row.name, row.value)).collect();
    // What stopping or deleting runs with is what there is: a value that became invalid must not keep a workspace alive.
    if new.transition != Transition::Start && new.parameters.is_empty() && !previous.is_empty() {
        return Ok(previous);
    }
    parameters::resolve(Values { declared: &declared, given: &new.parameters, previous: &previous })
}

fn parameter_rows(
    build: BuildId,
    values: BTreeMap<String, String>,
) -> Vec<workspace_build_parameters::Model> {
    let row = |(name, value)| workspace_build_parameters::Model { build_id: build.as_uuid(), name, value };
    values.into_iter().map(row).collect()
}

async fn copy_state(tx: &Tx, from: BuildId, to: BuildId) -> AppResult<()> {
    if let Some(state) = query::builds::state(tx, from).await? {
        query::builds::set_state(tx, to, state).await?;
    }
    Ok(())
}

fn lost_race(error: DbError) -> AppError {
    match error {
        DbError::Unique { .. } => AppError::conflict("A workspace build is already active."),
        other => other.into(),
    }
}
