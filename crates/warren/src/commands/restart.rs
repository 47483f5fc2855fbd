//! `warren restart`.

use warren_vocab::{BuildReason, JobStatus, Transition};

use super::{build, parameters};
use crate::{
    args::RestartArgs,
    context::Context,
    job_log::{self, Subject},
    output, prompt,
    workspace_name::WorkspaceName,
};

pub(super) async fn run(args: RestartArgs, context: &Context) -> anyhow::Result<()> {
    let client = context.client()?;
    let workspace = WorkspaceName::parse(&args.workspace)?.find(&client).await?;
    prompt::confirm(&format!("Restart the workspace {:?}?", workspace.name), args.yes)?;
    let workspace = build::settled(&client, workspace, context.verbose).await?;
    let latest = &workspace.latest_build;
    let values = if args.parameters.parameter.is_empty() {
        Vec::new()
    } else {
        let declared = client.template_version_parameters(latest.template_version_id).await?;
        parameters::given(&declared, &args.parameters)?
    };
    if latest.transition != Transition::Stop || latest.job.status != JobStatus::Succeeded {
        let stopped =
            build::request(&client, &workspace, Transition::Stop, false, Vec::new(), BuildReason::Cli)
                .await?;
        job_log::expect_success(&client, Subject::Build(stopped.id), context.verbose).await?;
    }
    let started =
        build::request(&client, &workspace, Transition::Start, false, values, BuildReason::Cli).await?;
    job_log::expect_success(&client, Subject::Build(started.id), context.verbose).await?;
    output::line(&format!("The {} workspace has been restarted!", workspace.name));
    Ok(())
}
