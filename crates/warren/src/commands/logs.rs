//! `warren logs`: the log of a build, then those of its agents.

use std::time::Duration;

use anyhow::bail;
use warren_api::{
    agents::WorkspaceAgent,
    workspaces::{Workspace, WorkspaceBuild},
};
use warren_rt::Backoff;
use warren_sdk::{Client, SdkError};
use warren_vocab::{AgentLifecycle, JobStatus};

use crate::{
    args::LogsArgs,
    context::Context,
    job_log::{self, Stages, Subject},
    output,
    workspace_name::WorkspaceName,
};

/// How often an agent is asked whether its scripts have ended while its log is silent.
const LOOK: Duration = Duration::from_secs(1);
/// Failed attempts in a row after which a server counts as gone.
const ATTEMPTS_MAX: u32 = 40;

pub(super) async fn run(args: &LogsArgs, context: &Context) -> anyhow::Result<()> {
    let client = context.client()?;
    let workspace = WorkspaceName::parse(&args.workspace)?.find(&client).await?;
    let build = pick_build(&client, &workspace, args.build_number).await?;
    if args.follow {
        job_log::expect_success(&client, Subject::Build(build.id), context.verbose).await?;
    } else {
        print_build(&client, &build, context.verbose).await?;
    }
    let build = client.workspace_build(build.id).await?;
    for agent in build.resources.iter().flat_map(|resource| &resource.agents) {
        if args.follow {
            follow_agent(&client, agent).await?;
        } else {
            for line in client.workspace_agent_logs(agent.id, 0).await? {
                output::line(&format!("agent.{}: {}", agent.name, line.output));
            }
        }
    }
    Ok(())
}

async fn pick_build(client: &Client, workspace: &Workspace, number: i32) -> anyhow::Result<WorkspaceBuild> {
    let latest = workspace.latest_build.build_number;
    let number = if number <= 0 { latest + number } else { number };
    if number < 1 || number > latest {
        bail!("the workspace {:?} has the builds 1 to {latest}, but no build {number}", workspace.name);
    }
    Ok(client.workspace_build_by_number(&workspace.owner_name, &workspace.name, number).await?)
}

async fn print_build(client: &Client, build: &WorkspaceBuild, verbose: bool) -> anyhow::Result<()> {
    let mut stages = Stages::new(verbose);
    for log in client.workspace_build_logs(build.id).await? {
        for line in stages.line(&log) {
            output::line(&line);
        }
    }
    let status = build.job.status;
    if build.job.completed_at.is_some()
        && let Some(line) = stages.finish(status == JobStatus::Succeeded)
    {
        output::line(&line);
    }
    if let Some(error) = &build.job.error {
        output::line(&format!("The build failed: {error}"));
    }
    Ok(())
}

/// Prints the agent's log until its start scripts have ended.
async fn follow_agent(client: &Client, agent: &WorkspaceAgent) -> anyhow::Result<()> {
    let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(3));
    let (mut last, mut n_failures) = (0, 0);
    loop {
        match agent_attempt(client, agent, &mut last).await {
            Ok(()) => return Ok(()),
            Err(error) if error.is_transient() && n_failures < ATTEMPTS_MAX => {
                n_failures += 1;
                backoff.wait().await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

async fn agent_attempt(client: &Client, agent: &WorkspaceAgent, last: &mut i64) -> Result<(), SdkError> {
    let mut frames = client.follow_workspace_agent_logs(agent.id, *last).await?;
    let mut look = tokio::time::interval(LOOK);
    let mut ended = false;
    loop {
        tokio::select! {
            frame = frames.next() => match frame {
                Some(lines) => {
                    for line in lines?.iter().filter(|line| line.id > *last).collect::<Vec<_>>() {
                        *last = line.id;
                        output::line(&format!("agent.{}: {}", agent.name, line.output));
                    }
                }
                None => return Ok(()),
            },
            _ = look.tick() => {
                // Lines written before the end may still be on their way during one more interval.
                if ended {
                    return Ok(());
                }
                ended = has_ended(client.workspace_agent(agent.id).await?.lifecycle_state);
            }
        }
    }
}

const fn has_ended(state: AgentLifecycle) -> bool {
    match state {
        AgentLifecycle::Created | AgentLifecycle::Starting | AgentLifecycle::ShuttingDown => false,
        AgentLifecycle::StartTimeout
        | AgentLifecycle::StartError
        | AgentLifecycle::Ready
        | AgentLifecycle::ShutdownTimeout
        | AgentLifecycle::ShutdownError
        | AgentLifecycle::Off => true,
    }
}
