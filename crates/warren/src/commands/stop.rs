//! `warren stop`.

use warren_vocab::{BuildReason, JobStatus, Transition};

use super::build;
use crate::{
    args::StopArgs,
    context::Context,
    job_log::{self, Subject},
    output, prompt,
    workspace_name::WorkspaceName,
};

pub(super) async fn run(args: StopArgs, context: &Context) -> anyhow::Result<()> {
    let client = context.client()?;
    let workspace = WorkspaceName::parse(&args.workspace)?.find(&client).await?;
    prompt::confirm(&format!("Stop the workspace {:?}?", workspace.name), args.yes)?;
    let workspace = build::settled(&client, workspace, context.verbose).await?;
    let latest = &workspace.latest_build;
    if latest.transition == Transition::Stop && latest.job.status == JobStatus::Succeeded {
        output::line(&format!("The {} workspace is already stopped.", workspace.name));
        return Ok(());
    }
    let stopped =
        build::request(&client, &workspace, Transition::Stop, false, Vec::new(), BuildReason::Cli).await?;
    job_log::expect_success(&client, Subject::Build(stopped.id), context.verbose).await?;
    output::line(&format!("The {} workspace has been stopped!", workspace.name));
    Ok(())
}
