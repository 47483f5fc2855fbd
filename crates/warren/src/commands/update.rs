//! `warren update`.

use warren_api::workspaces::CreateWorkspaceBuildRequest;
use warren_vocab::{BuildReason, JobStatus, Transition};

use super::{build, parameters};
use crate::{
    args::UpdateArgs,
    context::Context,
    job_log::{self, Subject},
    output,
    workspace_name::WorkspaceName,
};

pub(super) async fn run(args: UpdateArgs, context: &Context) -> anyhow::Result<()> {
    let client = context.client()?;
    let workspace = WorkspaceName::parse(&args.workspace)?.find(&client).await?;
    if !workspace.outdated && args.parameters.parameter.is_empty() {
        output::line(&format!("The {} workspace is up to date.", workspace.name));
        return Ok(());
    }
    let workspace = build::settled(&client, workspace, context.verbose).await?;
    let declared = client.template_version_parameters(workspace.template_active_version_id).await?;
    let before = client.workspace_build_parameters(workspace.latest_build.id).await?;
    // Only what the new version adds is asked for; the rest keeps its value.
    let (kept, new) = declared
        .into_iter()
        .partition::<Vec<_>, _>(|parameter| before.iter().any(|value| value.name == parameter.name));
    let mut values = parameters::of(&kept, &new, &args.parameters)?;
    values.retain(|value| !before.contains(value));
    let latest = &workspace.latest_build;
    if latest.transition == Transition::Start && latest.job.status == JobStatus::Succeeded {
        let stopped =
            build::request(&client, &workspace, Transition::Stop, false, Vec::new(), BuildReason::Cli)
                .await?;
        job_log::expect_success(&client, Subject::Build(stopped.id), context.verbose).await?;
    }
    let request = CreateWorkspaceBuildRequest {
        template_version_id: Some(workspace.template_active_version_id),
        transition: Transition::Start,
        dry_run: false,
        orphan: false,
        rich_parameter_values: values,
        reason: Some(BuildReason::Cli),
    };
    let started = client.create_workspace_build(workspace.id, &request).await?;
    job_log::expect_success(&client, Subject::Build(started.id), context.verbose).await?;
    output::line(&format!("The {} workspace has been updated!", workspace.name));
    Ok(())
}
