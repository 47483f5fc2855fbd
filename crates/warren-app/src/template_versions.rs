//! Template versions: pushed archives and what their import found.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use rand::Rng;
use serde_json::json;
use warren_audit::{Entry, record};
use warren_authz::{Action, Object, Resource};
use warren_db::{
    ConnectionTrait, DbError, Tx,
    entity::{provisioner_jobs, template_version_parameters, template_version_variables, template_versions},
    query::{self, Page, resources::ResourceRows},
};
use warren_vocab::{
    AuditAction, FileId, JobId, JobStatus, JobType, OrganizationId, TemplateId, TemplateVersionId,
};

use crate::{
    App,
    actor::Actor,
    details::{self, VersionDetail, job_status},
    error::{AppError, AppResult, Explanation},
    job_input::{JobInput, VariableValue},
    templates::in_organization,
};

const NAME_BYTES_MAX: usize = 64;
const MESSAGE_BYTES_MAX: usize = 1 << 20;

/// A version to import.
#[derive(Debug, Clone)]
pub struct NewVersion {
    pub organization: OrganizationId,
    /// The template that the version is for; absent for a template's first one.
    pub template: Option<TemplateId>,
    /// Empty for a generated name.
    pub name: String,
    pub message: String,
    pub file: FileId,
    pub tags: BTreeMap<String, String>,
    pub variables: Vec<VariableValue>,
}

impl App {
    /// Makes a version and posts the job that imports it.
    ///
    /// # Errors
    /// Not found for an unknown file, template or organization; invalid for bad values; conflict for a taken name.
    pub async fn create_version(&self, actor: &Actor, new: NewVersion) -> AppResult<VersionDetail> {
        let object = Object::of_organization(Resource::Template, new.organization);
        match new.template {
            Some(template) => {
                let template = self.checked_template(actor, template, Action::Update).await?;
                if template.organization_id != new.organization.as_uuid() {
                    return Err(AppError::NotFound);
                }
            }
            None => actor.check(Action::Create, &object)?,
        }
        check_new(&new)?;
        self.check_file(actor, new.file).await?;
        let id = TemplateVersionId::new();
        let job = import_job(actor, &new, &JobInput::import(id, &new.variables, self.sealer()), self.now());
        let row = version_row(id, actor, &job, new);
        let name = row.name.clone();
        let created = self
            .db()
            .write(async |tx| {
                query::job_rows::insert(tx, job).await?;
                query::template_versions::insert(tx, row.clone()).await?;
                record(tx, actor, Entry::create(&row)).await
            })
            .await;
        match created {
            Err(error) if error.is_unique("template_versions_name") => {
                return Err(AppError::name_taken(format!(
                    "The template has a version named {name:?} already."
                )));
            }
            other => other?,
        }
        self.find_version(actor, id).await
    }

    /// Finds a version.
    ///
    /// # Errors
    /// [`AppError::NotFound`] when there is none that the caller may read.
    pub async fn find_version(&self, actor: &Actor, id: TemplateVersionId) -> AppResult<VersionDetail> {
        let row = self.checked_version(actor, id, Action::Read).await?;
        self.version_detail(row).await
    }

    /// Finds a version of a template by name.
    ///
    /// # Errors
    /// [`AppError::NotFound`] when there is none that the caller may read.
    pub async fn find_version_by_name(
        &self,
        actor: &Actor,
        template: TemplateId,
        name: &str,
    ) -> AppResult<VersionDetail> {
        self.checked_template(actor, template, Action::Read).await?;
        let row = query::template_versions::by_name(self.db().reader(), template, name).await?;
        self.version_detail(row.ok_or(AppError::NotFound)?).await
    }

    /// Finds the version that was pushed before the given one.
    pub async fn previous_version(&self, of: &VersionDetail) -> AppResult<Option<VersionDetail>> {
        match query::template_versions::previous(self.db().reader(), &of.version).await? {
            Some(row) => Ok(Some(self.version_detail(row).await?)),
            None => Ok(None),
        }
    }

    /// Lists the versions of a template, newest first.
    pub async fn list_versions(
        &self,
        actor: &Actor,
        template: TemplateId,
        include_archived: bool,
        page: Page,
    ) -> AppResult<Vec<VersionDetail>> {
        self.checked_template(actor, template, Action::Read).await?;
        let rows =
            query::template_versions::list(self.db().reader(), template, include_archived, page).await?;
        details::versions(self.db().reader(), rows).await
    }

    /// Lists the parameters that the import found.
    pub async fn version_parameters(
        &self,
        actor: &Actor,
        id: TemplateVersionId,
    ) -> AppResult<Vec<template_version_parameters::Model>> {
        self.checked_version(actor, id, Action::Read).await?;
        Ok(query::template_versions::parameters(self.db().reader(), id).await?)
    }

    /// Lists the Terraform variables that the import found.
    pub async fn version_variables(
        &self,
        actor: &Actor,
        id: TemplateVersionId,
    ) -> AppResult<Vec<template_version_variables::Model>> {
        self.checked_version(actor, id, Action::Read).await?;
        Ok(query::template_versions::variables(self.db().reader(), id).await?)
    }

    /// Reads the resources that the import found.
    pub async fn version_resources(&self, actor: &Actor, id: TemplateVersionId) -> AppResult<ResourceRows> {
        let row = self.checked_version(actor, id, Action::Read).await?;
        Ok(query::resources::of_jobs(self.db().reader(), &[row.job_id]).await?)
    }

    /// Asks the import to stop.
    ///
    /// # Errors
    /// Not found or forbidden by right; invalid when it has ended or was asked already.
    pub async fn cancel_version(&self, actor: &Actor, id: TemplateVersionId) -> AppResult<()> {
        let row = self.checked_version(actor, id, Action::Update).await?;
        self.db()
            .write(async |tx| {
                cancel_job(tx, JobId::from_uuid(row.job_id), None).await?;
                let entry = Entry::of(&row, AuditAction::Write).field("canceled", "true");
                Ok(record(tx, actor, entry).await?)
            })
            .await
    }

    async fn checked_version(
        &self,
        actor: &Actor,
        id: TemplateVersionId,
        action: Action,
    ) -> AppResult<template_versions::Model> {
        let row = query::template_versions::by_id(self.db().reader(), id).await?.ok_or(AppError::NotFound)?;
        let object = in_organization(OrganizationId::from_uuid(row.organization_id));
        actor.check(action, &row.template_id.map_or(object.clone(), |id| object.with_id(id)))?;
        Ok(row)
    }

    async fn version_detail(&self, row: template_versions::Model) -> AppResult<VersionDetail> {
        let detail = details::versions(self.db().reader(), vec![row]).await?.pop();
        detail.ok_or(AppError::NotFound)
    }
}

/// Marks a job as cancelled when its state allows it; `expected` refuses a job that has another status by now.
pub(crate) async fn cancel_job(tx: &Tx, id: JobId, expected: Option<JobStatus>) -> AppResult<()> {
    let job = query::job_rows::by_id(tx, id).await?.ok_or(AppError::NotFound)?;
    let status = job_status(&job);
    if job.completed_at.is_some() {
        return Err(AppError::invalid("The job has ended already."));
    }
    if job.canceled_at.is_some() {
        return Err(AppError::invalid("The job has been asked to stop already."));
    }
    if let Some(expected) = expected.filter(|expected| *expected != status) {
        let text = format!("The job is not {expected} any more, it is {status}.");
        return Err(AppError::Precondition(Explanation::new(text)));
    }
    query::job_rows::cancel(tx, id, query::clock::now(tx).await?).await?;
    Ok(())
}

/// Refuses a version that was not imported successfully.
pub(crate) async fn check_imported(
    connection: &impl ConnectionTrait,
    version: &template_versions::Model,
) -> AppResult<provisioner_jobs::Model> {
    let job = query::job_rows::by_id(connection, JobId::from_uuid(version.job_id)).await?;
    let job = job.ok_or(DbError::NotFound { what: "import job" })?;
    let name = &version.name;
    match job_status(&job) {
        JobStatus::Succeeded => Ok(job),
        JobStatus::Pending | JobStatus::Running | JobStatus::Unknown => {
            let text =
                format!("The template version {name:?} is still being imported. Wait until it is done.");
            Err(AppError::NotReady(Explanation::new(text)))
        }
        JobStatus::Canceling | JobStatus::Canceled | JobStatus::Failed => {
            let text =
                format!("The template version {name:?} was not imported, so nothing can be built from it.");
            let why = Explanation::new(text);
            Err(AppError::Invalid(
                why.detail(job.error.unwrap_or_else(|| String::from("the import was canceled"))),
            ))
        }
    }
}

fn check_new(new: &NewVersion) -> AppResult<()> {
    let parts_are_words = |name: &str| {
        name.split(['-', '_', '.'])
            .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric()))
    };
    if !new.name.is_empty() && (new.name.len() > NAME_BYTES_MAX || !parts_are_words(&new.name)) {
        let text =
            format!("must be letters and digits joined by single '-', '_' or '.', at most {NAME_BYTES_MAX}");
        return Err(AppError::field("name", text));
    }
    if new.message.len() > MESSAGE_BYTES_MAX {
        return Err(AppError::field("message", format!("must be at most {MESSAGE_BYTES_MAX} bytes long")));
    }
    Ok(())
}

fn version_row(
    id: TemplateVersionId,
    actor: &Actor,
    job: &provisioner_jobs::Model,
    new: NewVersion,
) -> template_versions::Model {
    let generated = || format!("v{:08x}", rand::rng().random::<u32>());
    template_versions::Model {
        id: id.as_uuid(),
        template_id: new.template.map(TemplateId::as_uuid),
        organization_id: new.organization.as_uuid(),
        created_by: actor.user.id,
        job_id: job.id,
        created_at: job.created_at,
        updated_at: job.created_at,
        name: if new.name.is_empty() { generated() } else { new.name },
        message: new.message,
        readme: String::new(),
        archived: false,
    }
}

fn import_job(
    actor: &Actor,
    new: &NewVersion,
    input: &JobInput,
    at: DateTime<Utc>,
) -> provisioner_jobs::Model {
    let tags = owned_tags(new.tags.clone(), actor);
    new_job(JobType::TemplateVersionImport, actor, new.organization, new.file, json!(tags), input, at)
}

/// Every job is tagged with its scope: the organization, or one user's provisioners.
fn owned_tags(mut tags: BTreeMap<String, String>, actor: &Actor) -> BTreeMap<String, String> {
    let user_scope = tags.get("scope").is_some_and(|scope| scope == "user");
    tags.insert(String::from("scope"), String::from(if user_scope { "user" } else { "organization" }));
    tags.insert(String::from("owner"), if user_scope { actor.id().to_string() } else { String::new() });
    tags
}

/// The row of a waiting job.
pub(crate) fn new_job(
    kind: JobType,
    actor: &Actor,
    organization: OrganizationId,
    file: FileId,
    tags: serde_json::Value,
    input: &JobInput,
    at: DateTime<Utc>,
) -> provisioner_jobs::Model {
    provisioner_jobs::Model {
        id: JobId::new().as_uuid(),
        organization_id: organization.as_uuid(),
        initiator_id: actor.user.id,
        provisioner: String::from("terraform"),
        storage_method: String::from("file"),
        file_id: file.as_uuid(),
        type_: kind.to_string(),
        input: input.to_stored(),
        tags,
        created_at: at,
        updated_at: at,
        started_at: None,
        canceled_at: None,
        completed_at: None,
        error: None,
        error_code: None,
        worker_id: None,
        logs_length: 0,
        logs_overflowed: false,
    }
}
