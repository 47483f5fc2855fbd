//! Provisioner jobs.

use std::collections::BTreeMap;

use serde::Deserialize;
use warren_api::jobs::{ProvisionerJob, ProvisionerJobInput, ProvisionerJobMetadata};
use warren_app::{details::JobDetail, job_input::JobInput};
use warren_vocab::{FileId, JobId, OrganizationId, TemplateId, UserId, WorkspaceId};

use super::word;
use crate::error::ApiResult;

/// Shows a job. The sealed parts of its input are left out.
pub(crate) fn job(detail: JobDetail) -> ApiResult<ProvisionerJob> {
    let metadata = metadata(&detail);
    let JobDetail { row, status, queue_position, queue_size, .. } = detail;
    let input = JobInput::from_stored(&row.input)?;
    Ok(ProvisionerJob {
        id: JobId::from_uuid(row.id),
        created_at: row.created_at,
        started_at: row.started_at,
        completed_at: row.completed_at,
        canceled_at: row.canceled_at,
        error: row.error.filter(|error| !error.is_empty()),
        error_code: row.error_code.filter(|code| !code.is_empty()),
        status,
        worker_id: row.worker_id,
        worker_name: None,
        file_id: FileId::from_uuid(row.file_id),
        tags: BTreeMap::deserialize(&row.tags).unwrap_or_default(),
        queue_position: i64::try_from(queue_position).unwrap_or(i64::MAX),
        queue_size: i64::try_from(queue_size).unwrap_or(i64::MAX),
        organization_id: OrganizationId::from_uuid(row.organization_id),
        initiator_id: UserId::from_uuid(row.initiator_id),
        input: ProvisionerJobInput {
            template_version_id: input.template_version_id,
            workspace_build_id: input.workspace_build_id,
            error: None,
        },
        job_type: word(&row.type_, "job type")?,
        available_workers: Vec::new(),
        metadata,
        logs_overflowed: row.logs_overflowed,
    })
}

fn metadata(detail: &JobDetail) -> ProvisionerJobMetadata {
    let template = detail.template.as_ref();
    let workspace = detail.workspace.as_ref();
    ProvisionerJobMetadata {
        template_version_name: detail.version_name.clone(),
        template_id: template.map(|row| TemplateId::from_uuid(row.id)),
        template_name: template.map(|row| row.name.clone()).unwrap_or_default(),
        template_display_name: template.map(|row| row.display_name.clone()).unwrap_or_default(),
        template_icon: template.map(|row| row.icon.clone()).unwrap_or_default(),
        workspace_id: workspace.map(|(id, _, _)| WorkspaceId::from_uuid(*id)),
        workspace_name: workspace.map(|(_, name, _)| name.clone()),
        workspace_build_transition: workspace.map(|(_, _, transition)| *transition),
    }
}
