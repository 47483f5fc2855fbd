//! `warren delete`.

use chrono::Utc;
use warren_vocab::{BuildReason, Transition};

use super::build;
use crate::{
    args::DeleteArgs,
    context::Context,
    job_log::{self, Subject},
    output, prompt,
    workspace_name::WorkspaceName,
};

pub(super) async fn run(args: DeleteArgs, context: &Context) -> anyhow::Result<()> {
    let client = context.client()?;
    let workspace = WorkspaceName::parse(&args.workspace)?.find(&client).await?;
    prompt::confirm(&format!("Delete the workspace {:?} and all that is in it?", workspace.name), args.yes)?;
    let workspace = build::settled(&client, workspace, context.verbose).await?;
    let deleted =
        build::request(&client, &workspace, Transition::Delete, args.orphan, Vec::new(), BuildReason::Cli)
            .await?;
    job_log::expect_success(&client, Subject::Build(deleted.id), context.verbose).await?;
    let now = Utc::now().format("%Y-%m-%d %H:%M:%S");
    output::line(&format!("The {} workspace has been deleted at {now}!", workspace.name));
    Ok(())
}
