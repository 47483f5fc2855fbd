//! What start, stop and delete have in common: ask for a build and follow it.

use warren_api::workspaces::{
    CreateWorkspaceBuildRequest, Workspace, WorkspaceBuild, WorkspaceBuildParameter,
};
use warren_sdk::Client;
use warren_vocab::{BuildReason, JobStatus, Transition};

use crate::{
    job_log::{self, Subject},
    output,
};

/// Asks for a build.
///
/// # Errors
/// As the server refuses.
pub(super) async fn request(
    client: &Client,
    workspace: &Workspace,
    transition: Transition,
    orphan: bool,
    values: Vec<WorkspaceBuildParameter>,
    reason: BuildReason,
) -> anyhow::Result<WorkspaceBuild> {
    let request = CreateWorkspaceBuildRequest {
        template_version_id: None,
        transition,
        dry_run: false,
        orphan,
        rich_parameter_values: values,
        reason: Some(reason),
    };
    Ok(client.create_workspace_build(workspace.id, &request).await?)
}

/// Waits until the workspace has no build under way, and returns it afterwards.
///
/// # Errors
/// When the server refuses or stays away.
pub(super) async fn settled(
    client: &Client,
    workspace: Workspace,
    verbose: bool,
) -> anyhow::Result<Workspace> {
    let build = &workspace.latest_build;
    match build.job.status {
        JobStatus::Pending | JobStatus::Running | JobStatus::Canceling => {
            output::note(&format!("Waiting for the {} build that is under way.", build.transition));
            job_log::follow(client, Subject::Build(build.id), verbose, output::note).await?;
            Ok(client.workspace(workspace.id).await?)
        }
        JobStatus::Succeeded | JobStatus::Failed | JobStatus::Canceled | JobStatus::Unknown => Ok(workspace),
    }
}
