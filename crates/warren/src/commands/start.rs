//! `warren start`.

use warren_vocab::{JobStatus, Transition};

use super::{build, parameters};
use crate::{
    args::StartArgs,
    context::Context,
    job_log::{self, Subject},
    output,
    workspace_name::WorkspaceName,
};

pub(super) async fn run(args: StartArgs, context: &Context) -> anyhow::Result<()> {
    let client = context.client()?;
    let workspace = WorkspaceName::parse(&args.workspace)?.find(&client).await?;
    let workspace = build::settled(&client, workspace, context.verbose).await?;
    let latest = &workspace.latest_build;
    if latest.transition == Transition::Start && latest.job.status == JobStatus::Succeeded {
        output::line(&format!("The {} workspace is already running.", workspace.name));
        return Ok(());
    }
    let values = if args.parameters.parameter.is_empty() {
        Vec::new()
    } else {
        let declared = client.template_version_parameters(latest.template_version_id).await?;
        parameters::given(&declared, &args.parameters)?
    };
    let started = build::request(&client, &workspace, Transition::Start, false, values, args.reason).await?;
    if args.no_wait {
        output::line(&format!("The {} workspace is being started.", workspace.name));
        return Ok(());
    }
    job_log::expect_success(&client, Subject::Build(started.id), context.verbose).await?;
    output::line(&format!("The {} workspace has been started!", workspace.name));
    Ok(())
}
