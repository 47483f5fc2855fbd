//! Workspaces and builds.

use chrono::{DateTime, Utc};
use warren_api::{
    agents::WorkspaceResource,
    workspaces::{Workspace, WorkspaceBuild, WorkspaceHealth},
};
use warren_app::details::{BuildDetail, WorkspaceDetail};
use warren_vocab::{BuildId, JobId, OrganizationId, TemplateId, TemplateVersionId, UserId, WorkspaceId};

use super::{agents, jobs, word};
use crate::error::ApiResult;

/// Shows a workspace with its newest build. `at` is the time that agent statuses are derived for.
pub(crate) fn workspace(detail: WorkspaceDetail, at: DateTime<Utc>) -> ApiResult<Workspace> {
    let WorkspaceDetail { workspace, organization, template, build } = detail;
    let owner = build.owner.clone();
    let outdated = build.build.template_version_id != template.active_version_id;
    let latest_build = self::build(build, at)?;
    let health = health(&latest_build.resources);
    Ok(Workspace {
        id: WorkspaceId::from_uuid(workspace.id),
        created_at: workspace.created_at,
        updated_at: workspace.updated_at,
        owner_id: UserId::from_uuid(owner.id),
        owner_name: owner.username,
        owner_avatar_url: owner.avatar_url,
        organization_id: OrganizationId::from_uuid(organization.id),
        organization_name: organization.name,
        template_id: TemplateId::from_uuid(template.id),
        template_name: template.name,
        template_display_name: template.display_name,
        template_icon: template.icon,
        template_allow_user_cancel_workspace_jobs: template.allow_user_cancel_workspace_jobs,
        template_active_version_id: TemplateVersionId::from_uuid(template.active_version_id),
        template_require_active_version: template.require_active_version,
        template_use_classic_parameter_flow: template.use_classic_parameter_flow,
        latest_build,
        latest_app_status: None,
        outdated,
        name: workspace.name,
        autostart_schedule: workspace.autostart_schedule,
        ttl_ms: workspace.ttl_ms,
        last_used_at: workspace.last_used_at,
        deleting_at: workspace.deleting_at,
        dormant_at: workspace.dormant_at,
        health,
        automatic_updates: word(&workspace.automatic_updates, "automatic updates policy")?,
        allow_renames: true,
        favorite: workspace.favorite,
        next_start_at: workspace.next_start_at,
        is_prebuild: false,
        task_id: None,
    })
}

/// Shows a build with its resources.
pub(crate) fn build(detail: BuildDetail, at: DateTime<Utc>) -> ApiResult<WorkspaceBuild> {
    let status = detail.status();
    let BuildDetail { build, transition, workspace, owner, initiator, version, job, rows } = detail;
    let resources = agents::resources_of(&rows, JobId::from_uuid(build.job_id), at)?;
    Ok(WorkspaceBuild {
        id: BuildId::from_uuid(build.id),
        created_at: build.created_at,
        updated_at: build.updated_at,
        workspace_id: WorkspaceId::from_uuid(workspace.id),
        workspace_name: workspace.name,
        workspace_owner_id: UserId::from_uuid(owner.id),
        workspace_owner_name: owner.username,
        workspace_owner_avatar_url: Some(owner.avatar_url).filter(|url| !url.is_empty()),
        template_version_id: TemplateVersionId::from_uuid(version.id),
        template_version_name: version.name,
        build_number: build.build_number,
        transition,
        initiator_id: UserId::from_uuid(initiator.id),
        initiator_name: initiator.username,
        job: jobs::job(job)?,
        reason: word(&build.reason, "build reason")?,
        resources,
        deadline: build.deadline,
        max_deadline: build.max_deadline,
        status,
        daily_cost: build.daily_cost.into(),
        matched_provisioners: None,
        template_version_preset_id: None,
        has_ai_task: Some(false),
        has_external_agent: Some(false),
    })
}

fn health(resources: &[WorkspaceResource]) -> WorkspaceHealth {
    let agents = resources.iter().flat_map(|resource| &resource.agents);
    let failing_agents: Vec<_> = agents.filter(|agent| !agent.health.healthy).map(|agent| agent.id).collect();
    WorkspaceHealth { healthy: failing_agents.is_empty(), failing_agents }
}
