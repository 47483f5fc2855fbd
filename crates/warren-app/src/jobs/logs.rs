//! Logs of jobs as users read them.

use warren_authz::Action;
use warren_db::{
    entity::{provisioner_job_logs, workspace_builds},
    query::{self, resources::ResourceRows},
};
use warren_vocab::{BuildId, JobId, TemplateVersionId, WorkspaceId};

use crate::{
    App,
    actor::Actor,
    error::{AppError, AppResult},
};

/// Log lines read at once.
const LOG_PAGE: u64 = 2000;

impl App {
    /// Finds the job that imports a version which the caller may read.
    ///
    /// # Errors
    /// [`AppError::NotFound`] when there is none that the caller may read.
    pub async fn version_job(&self, actor: &Actor, id: TemplateVersionId) -> AppResult<JobId> {
        Ok(JobId::from_uuid(self.find_version(actor, id).await?.version.job_id))
    }

    /// Finds the job of a build which the caller may read.
    ///
    /// # Errors
    /// [`AppError::NotFound`] when there is none that the caller may read.
    pub async fn build_job(&self, actor: &Actor, id: BuildId) -> AppResult<JobId> {
        Ok(JobId::from_uuid(self.readable_build(actor, id).await?.job_id))
    }

    /// Lists what a build has made.
    ///
    /// # Errors
    /// [`AppError::NotFound`] when there is no build that the caller may read.
    pub async fn build_resources(&self, actor: &Actor, id: BuildId) -> AppResult<(JobId, ResourceRows)> {
        let build = self.readable_build(actor, id).await?;
        let rows = query::resources::of_jobs(self.db().reader(), &[build.job_id]).await?;
        Ok((JobId::from_uuid(build.job_id), rows))
    }

    /// Lists log lines of a job with an id above `after`, oldest first, at most a few thousand.
    pub async fn job_logs(&self, id: JobId, after: i64) -> AppResult<Vec<provisioner_job_logs::Model>> {
        Ok(query::jobs::logs_after(self.db().reader(), id, after, LOG_PAGE).await?)
    }

    /// Says whether a job's log can still grow.
    pub async fn is_job_open(&self, id: JobId) -> AppResult<bool> {
        let row = query::job_rows::by_id(self.db().reader(), id).await?;
        Ok(row.is_some_and(|row| row.completed_at.is_none()))
    }

    async fn readable_build(&self, actor: &Actor, id: BuildId) -> AppResult<workspace_builds::Model> {
        let row = query::builds::by_id(self.db().reader(), id).await?.ok_or(AppError::NotFound)?;
        self.checked_workspace(actor, WorkspaceId::from_uuid(row.workspace_id), Action::Read).await?;
        Ok(row)
    }
}
