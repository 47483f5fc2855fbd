//! Provisioner jobs and their logs.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;
use warren_vocab::{
    BuildId, FileId, JobId, JobLogId, JobStatus, JobType, LogLevel, LogSource, OrganizationId, TemplateId,
    TemplateVersionId, Transition, UserId, WorkspaceId,
};

/// A job that a provisioner runs, ran or will run.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ProvisionerJob {
    pub id: JobId,
    pub created_at: DateTime<Utc>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completed_at: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canceled_at: Option<DateTime<Utc>>,
    /// Why the job failed, as text for a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Why the job failed, for a program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
    pub status: JobStatus,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker_id: Option<Uuid>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker_name: Option<String>,
    pub file_id: FileId,
    pub tags: BTreeMap<String, String>,
    /// 0 when the job is not queued.
    pub queue_position: i64,
    pub queue_size: i64,
    pub organization_id: OrganizationId,
    pub initiator_id: UserId,
    pub input: ProvisionerJobInput,
    #[serde(rename = "type")]
    pub job_type: JobType,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub available_workers: Vec<Uuid>,
    pub metadata: ProvisionerJobMetadata,
    pub logs_overflowed: bool,
}

/// What a job works on.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct ProvisionerJobInput {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template_version_id: Option<TemplateVersionId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace_build_id: Option<BuildId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Names around a job, so that a list needs no further look-ups.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct ProvisionerJobMetadata {
    pub template_version_name: String,
    #[serde(default)]
    pub template_id: Option<TemplateId>,
    pub template_name: String,
    pub template_display_name: String,
    pub template_icon: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace_id: Option<WorkspaceId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace_build_transition: Option<Transition>,
}

/// One line of a job's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProvisionerJobLog {
    pub id: JobLogId,
    pub created_at: DateTime<Utc>,
    pub log_source: LogSource,
    pub log_level: LogLevel,
    pub stage: String,
    pub output: String,
}

/// How many provisioners could take a job.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct MatchedProvisioners {
    pub count: i64,
    pub available: i64,
    pub most_recently_seen: Option<DateTime<Utc>>,
}
