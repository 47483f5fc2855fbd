//! Rows with everything around them that users see, read in one query per table for a whole list.

use std::collections::{BTreeSet, HashMap};

use uuid::Uuid;
use warren_build_proto::{Job, JobErrorCode, workspace_status};
use warren_db::{
    ConnectionTrait, DbError,
    entity::{
        organizations, provisioner_jobs, template_versions, templates, users, workspace_agents,
        workspace_builds, workspaces,
    },
    query::{self, resources::ResourceRows},
};
use warren_vocab::{JobStatus, RunnerId, Transition, WorkspaceStatus};

use crate::error::AppResult;

/// A job with its derived status, its place in the queue and the names around it.
#[derive(Debug, Clone)]
pub struct JobDetail {
    pub row: provisioner_jobs::Model,
    pub status: JobStatus,
    /// From 1; 0 when the job does not wait.
    pub queue_position: usize,
    pub queue_size: usize,
    pub version_name: String,
    pub template: Option<templates::Model>,
    pub workspace: Option<(Uuid, String, Transition)>,
}

/// A template version with its import.
#[derive(Debug, Clone)]
pub struct VersionDetail {
    pub version: template_versions::Model,
    pub creator: users::Model,
    pub job: JobDetail,
}

/// A build with its job and what the job made.
#[derive(Debug, Clone)]
pub struct BuildDetail {
    pub build: workspace_builds::Model,
    pub transition: Transition,
    pub workspace: workspaces::Model,
    pub owner: users::Model,
    pub initiator: users::Model,
    pub version: template_versions::Model,
    pub job: JobDetail,
    pub rows: ResourceRows,
}

/// A workspace with its newest build.
#[derive(Debug, Clone)]
pub struct WorkspaceDetail {
    pub workspace: workspaces::Model,
    pub organization: organizations::Model,
    pub template: templates::Model,
    pub build: BuildDetail,
}

impl BuildDetail {
    /// The status that the workspace has when this is its newest build.
    pub fn status(&self) -> WorkspaceStatus {
        workspace_status(self.transition, self.job.status)
    }
}

/// Derives the status of a job from its row.
pub fn job_status(row: &provisioner_jobs::Model) -> JobStatus {
    job_of(row).status()
}

/// The facts of a job's row, for the job machine.
pub fn job_of(row: &provisioner_jobs::Model) -> Job {
    let code = row.error_code.as_deref().and_then(|code| {
        let known = [
            JobErrorCode::MissingTemplateParameter,
            JobErrorCode::RequiredTemplateVariables,
            JobErrorCode::InsufficientQuota,
        ];
        known.into_iter().find(|one| one.as_str() == code)
    });
    Job {
        created_at: row.created_at,
        updated_at: row.updated_at,
        started_at: row.started_at,
        canceled_at: row.canceled_at,
        completed_at: row.completed_at,
        worker: row.worker_id.map(RunnerId::from_uuid),
        error: row.error.clone(),
        error_code: code,
    }
}

/// Reads what is around template versions; the order stays.
pub(crate) async fn versions(
    connection: &impl ConnectionTrait,
    rows: Vec<template_versions::Model>,
) -> AppResult<Vec<VersionDetail>> {
    let users =
        by_id(query::users::by_ids(connection, &ids(rows.iter().map(|row| row.created_by))).await?, |row| {
            row.id
        });
    let template_ids = ids(rows.iter().filter_map(|row| row.template_id));
    let templates = by_id(query::templates::by_ids(connection, &template_ids).await?, |row| row.id);
    let jobs = Jobs::load(connection, &ids(rows.iter().map(|row| row.job_id))).await?;
    let detail = |version: template_versions::Model| {
        let template = version.template_id.and_then(|id| templates.get(&id).cloned());
        let creator = found(&users, version.created_by, "creator of a version")?;
        let job = jobs.detail(version.job_id, &version.name, template, None)?;
        Ok(VersionDetail { version, creator, job })
    };
    rows.into_iter().map(detail).collect()
}

/// Reads what is around builds; the order stays.
pub(crate) async fn builds(
    connection: &impl ConnectionTrait,
    rows: Vec<workspace_builds::Model>,
) -> AppResult<Vec<BuildDetail>> {
    let workspace_ids = ids(rows.iter().map(|row| row.workspace_id));
    let workspaces = query::workspaces::by_ids(connection, &workspace_ids).await?;
    build_details(connection, rows, &by_id(workspaces, |row| row.id)).await
}

/// Reads what is around workspaces, their newest builds included; the order stays.
pub(crate) async fn workspaces(
    connection: &impl ConnectionTrait,
    rows: Vec<workspaces::Model>,
) -> AppResult<Vec<WorkspaceDetail>> {
    let template_ids = ids(rows.iter().map(|row| row.template_id));
    let templates = by_id(query::templates::by_ids(connection, &template_ids).await?, |row| row.id);
    let organizations = by_id(query::organizations::list(connection).await?, |row| row.id);
    let latest = query::builds::latest_of(connection, &ids(rows.iter().map(|row| row.id))).await?;
    let known: HashMap<_, _> = rows.iter().map(|row| (row.id, row.clone())).collect();
    let details = build_details(connection, latest, &known).await?;
    let mut builds: HashMap<_, _> = details.into_iter().map(|one| (one.workspace.id, one)).collect();
    let mut answer = Vec::with_capacity(rows.len());
    for workspace in rows {
        // A workspace is made with its first build in one transaction, so that one is never missing.
        let build = builds.remove(&workspace.id).ok_or(DbError::NotFound { what: "build of a workspace" })?;
        let template = found(&templates, workspace.template_id, "template of a workspace")?;
        let organization = found(&organizations, workspace.organization_id, "organization of a workspace")?;
        answer.push(WorkspaceDetail { workspace, organization, template, build });
    }
    Ok(answer)
}

async fn build_details(
    connection: &impl ConnectionTrait,
    rows: Vec<workspace_builds::Model>,
    workspaces: &HashMap<Uuid, workspaces::Model>,
) -> AppResult<Vec<BuildDetail>> {
    let owner_ids = workspaces.values().map(|row| row.owner_id);
    let user_ids = ids(rows.iter().map(|row| row.initiator_id).chain(owner_ids));
    let users = by_id(query::users::by_ids(connection, &user_ids).await?, |row| row.id);
    let version_ids = ids(rows.iter().map(|row| row.template_version_id));
    let versions = by_id(query::template_versions::by_ids(connection, &version_ids).await?, |row| row.id);
    let template_ids = ids(workspaces.values().map(|row| row.template_id));
    let templates = by_id(query::templates::by_ids(connection, &template_ids).await?, |row| row.id);
    let job_ids = ids(rows.iter().map(|row| row.job_id));
    let jobs = Jobs::load(connection, &job_ids).await?;
    let mut made = group_by_job(query::resources::of_jobs(connection, &job_ids).await?);
    let mut answer = Vec::with_capacity(rows.len());
    for build in rows {
        let workspace = found(workspaces, build.workspace_id, "workspace of a build")?;
        let version = found(&versions, build.template_version_id, "version of a build")?;
        let transition = transition(&build)?;
        let around = Some((workspace.id, workspace.name.clone(), transition));
        let template = templates.get(&workspace.template_id).cloned();
        let job = jobs.detail(build.job_id, &version.name, template, around)?;
        let owner = found(&users, workspace.owner_id, "owner of a workspace")?;
        let initiator = found(&users, build.initiator_id, "initiator of a build")?;
        let rows = made.remove(&build.job_id).unwrap_or_default();
        answer.push(BuildDetail { build, transition, workspace, owner, initiator, version, job, rows });
    }
    Ok(answer)
}

/// Reads the stored transition of a build.
pub(crate) fn transition(build: &workspace_builds::Model) -> Result<Transition, DbError> {
    build.transition.parse().map_err(|_| DbError::Corrupt { what: "transition" })
}

/// Jobs with the queue that they may wait in.
struct Jobs {
    rows: HashMap<Uuid, provisioner_jobs::Model>,
    queue: Vec<Uuid>,
}

impl Jobs {
    async fn load(connection: &impl ConnectionTrait, ids: &[Uuid]) -> AppResult<Self> {
        let rows = by_id(query::job_rows::by_ids(connection, ids).await?, |row| row.id);
        let waiting = rows.values().any(|row| job_status(row) == JobStatus::Pending);
        let queue = if waiting { query::job_rows::queue(connection).await? } else { Vec::new() };
        Ok(Self { rows, queue: queue.into_iter().map(|id| id.as_uuid()).collect() })
    }

    fn detail(
        &self,
        id: Uuid,
        version_name: &str,
        template: Option<templates::Model>,
        workspace: Option<(Uuid, String, Transition)>,
    ) -> AppResult<JobDetail> {
        let row = found(&self.rows, id, "job")?;
        let status = job_status(&row);
        let queue_position =
            self.queue.iter().position(|waiting| *waiting == id).map_or(0, |index| index + 1);
        let queue_size = if queue_position == 0 { 0 } else { self.queue.len() };
        let version_name = version_name.to_owned();
        Ok(JobDetail { row, status, queue_position, queue_size, version_name, template, workspace })
    }
}

fn group_by_job(all: ResourceRows) -> HashMap<Uuid, ResourceRows> {
    let of_resource: HashMap<_, _> = all.resources.iter().map(|row| (row.id, row.job_id)).collect();
    let job_of_agent = |row: &workspace_agents::Model| Some((row.id, *of_resource.get(&row.resource_id)?));
    let of_agent: HashMap<_, _> = all.agents.iter().filter_map(job_of_agent).collect();
    let mut groups: HashMap<Uuid, ResourceRows> = HashMap::new();
    // A row belongs to a resource or agent read before it, so the lookups below always find a job.
    for row in all.resources {
        groups.entry(row.job_id).or_default().resources.push(row);
    }
    for row in all.metadata {
        groups.entry(of_resource[&row.resource_id]).or_default().metadata.push(row);
    }
    for row in all.agents {
        groups.entry(of_resource[&row.resource_id]).or_default().agents.push(row);
    }
    for row in all.apps {
        groups.entry(of_agent[&row.agent_id]).or_default().apps.push(row);
    }
    for row in all.scripts {
        groups.entry(of_agent[&row.agent_id]).or_default().scripts.push(row);
    }
    for row in all.log_sources {
        groups.entry(of_agent[&row.agent_id]).or_default().log_sources.push(row);
    }
    groups
}

fn ids(all: impl Iterator<Item = Uuid>) -> Vec<Uuid> {
    all.collect::<BTreeSet<_>>().into_iter().collect()
}

fn by_id<T>(rows: Vec<T>, id: impl Fn(&T) -> Uuid) -> HashMap<Uuid, T> {
    rows.into_iter().map(|row| (id(&row), row)).collect()
}

/// Foreign keys make sure that the row exists.
fn found<T: Clone>(rows: &HashMap<Uuid, T>, id: Uuid, what: &'static str) -> Result<T, DbError> {
    rows.get(&id).cloned().ok_or(DbError::NotFound { what })
}
