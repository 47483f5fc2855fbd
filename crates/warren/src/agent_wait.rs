//! Brings a workspace to the point where its agent can be connected to, and says what is being waited for.

use std::time::{Duration, Instant};

use anyhow::bail;
use warren_api::{
    agents::WorkspaceAgent,
    workspaces::{CreateWorkspaceBuildRequest, Workspace},
};
use warren_sdk::Client;
use warren_vocab::{
    AgentId, AgentLifecycle, AgentStatus, BuildReason, JobStatus, StartupScriptBehavior, Transition,
};

use crate::{
    args::Wait,
    job_log::{self, Subject},
    output,
    workspace_name::WorkspaceName,
};

const LOOK: Duration = Duration::from_millis(250);
/// When a wait is long enough to be explained.
const EXPLAIN_AFTER: Duration = Duration::from_secs(1);

/// How far to go, and how long.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    pub autostart: bool,
    /// How long the agent may take to connect once the workspace runs.
    pub agent_timeout: Duration,
    pub scripts: Wait,
    pub verbose: bool,
}

/// Returns the agent once it is connected; starts a stopped workspace first.
///
/// # Errors
/// When the workspace cannot be started or the agent does not come in time; the text says what was waited for.
pub async fn ready(
    client: &Client,
    name: &WorkspaceName,
    workspace: Workspace,
    patience: Patience,
) -> anyhow::Result<WorkspaceAgent> {
    let workspace = running(client, workspace, patience).await?;
    let agent = name.agent(&workspace)?.clone();
    let agent = connected(client, agent, patience.agent_timeout).await?;
    scripts_done(client, agent, patience.scripts).await
}

async fn running(client: &Client, mut workspace: Workspace, patience: Patience) -> anyhow::Result<Workspace> {
    loop {
        let build = &workspace.latest_build;
        match (build.transition, build.job.status) {
            (Transition::Start, JobStatus::Succeeded) => return Ok(workspace),
            (_, JobStatus::Pending | JobStatus::Running | JobStatus::Canceling) => {
                output::note(&format!("Waiting for the {} build of {:?}.", build.transition, workspace.name));
                // What counts is the state afterwards, so the outcome is not looked at here.
                job_log::follow(client, Subject::Build(build.id), patience.verbose, output::note).await?;
            }
            (Transition::Delete, JobStatus::Succeeded) => {
                bail!("the workspace {:?} was deleted", workspace.name)
            }
            (Transition::Start, JobStatus::Failed | JobStatus::Canceled | JobStatus::Unknown) => bail!(
                "the last start of {:?} did not succeed ({}); see `warren logs {}` and start it again with `warren start {}`",
                workspace.name,
                build.job.error.as_deref().unwrap_or(build.job.status.as_str()),
                workspace.name,
                workspace.name
            ),
            (Transition::Stop | Transition::Delete, _) => start(client, &workspace, patience).await?,
        }
        workspace = client.workspace(workspace.id).await?;
    }
}

async fn start(client: &Client, workspace: &Workspace, patience: Patience) -> anyhow::Result<()> {
    if !patience.autostart {
        bail!(
            "the workspace {:?} is stopped; start it with `warren start {}`",
            workspace.name,
            workspace.name
        );
    }
    output::note(&format!("The workspace {:?} is stopped; starting it.", workspace.name));
    let request = CreateWorkspaceBuildRequest {
        template_version_id: None,
        transition: Transition::Start,
        dry_run: false,
        orphan: false,
        rich_parameter_values: Vec::new(),
        reason: Some(BuildReason::SshConnection),
    };
    match client.create_workspace_build(workspace.id, &request).await {
        Ok(build) => {
            job_log::follow(client, Subject::Build(build.id), patience.verbose, output::note).await?;
        }
        // Somebody else has just started it.
        Err(error) if error.status() == Some(409) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

async fn connected(
    client: &Client,
    mut agent: WorkspaceAgent,
    timeout: Duration,
) -> anyhow::Result<WorkspaceAgent> {
    let since = Instant::now();
    let mut explained = false;
    loop {
        match agent.status {
            AgentStatus::Connected => return Ok(agent),
            AgentStatus::Connecting | AgentStatus::Disconnected | AgentStatus::Timeout => {}
        }
        if since.elapsed() >= timeout {
            bail!(
                "the agent {:?} is {} after {} s; look at `warren logs` for what its start printed{}",
                agent.name,
                agent.status,
                timeout.as_secs(),
                troubleshooting(&agent)
            );
        }
        if !explained && since.elapsed() >= EXPLAIN_AFTER {
            explained = true;
            output::note(&format!(
                "Waiting for the agent {:?} to connect to the server (now {}; giving up after {} s).",
                agent.name,
                agent.status,
                timeout.as_secs()
            ));
        }
        tokio::time::sleep(LOOK).await;
        agent = client.workspace_agent(agent.id).await?;
    }
}

fn troubleshooting(agent: &WorkspaceAgent) -> String {
    if agent.troubleshooting_url.is_empty() {
        return String::new();
    }
    format!(", or at {}", agent.troubleshooting_url)
}

/// Waits for the start scripts as far as the template or the user wants it, and shows what they print.
async fn scripts_done(
    client: &Client,
    mut agent: WorkspaceAgent,
    wait: Wait,
) -> anyhow::Result<WorkspaceAgent> {
    let wanted = match wait {
        Wait::Yes => true,
        Wait::No => false,
        Wait::Auto => agent.startup_script_behavior == StartupScriptBehavior::Blocking,
    };
    if !wanted || !is_starting(agent.lifecycle_state) {
        return Ok(agent);
    }
    output::note(&format!("Waiting for the start scripts of {:?}; --wait=no skips this.", agent.name));
    let mut last = 0;
    while is_starting(agent.lifecycle_state) {
        tokio::time::sleep(LOOK).await;
        last = new_log_lines(client, agent.id, last).await?;
        agent = client.workspace_agent(agent.id).await?;
    }
    new_log_lines(client, agent.id, last).await?;
    if matches!(agent.lifecycle_state, AgentLifecycle::StartError | AgentLifecycle::StartTimeout) {
        output::note("A start script failed, so the workspace may be incomplete; see `warren logs`.");
    }
    Ok(agent)
}

async fn new_log_lines(client: &Client, agent: AgentId, mut last: i64) -> anyhow::Result<i64> {
    for line in client.workspace_agent_logs(agent, last).await? {
        output::note(&line.output);
        last = last.max(line.id);
    }
    Ok(last)
}

const fn is_starting(state: AgentLifecycle) -> bool {
    match state {
        AgentLifecycle::Created | AgentLifecycle::Starting => true,
        AgentLifecycle::StartTimeout
        | AgentLifecycle::StartError
        | AgentLifecycle::Ready
        | AgentLifecycle::ShuttingDown
        | AgentLifecycle::ShutdownTimeout
        | AgentLifecycle::ShutdownError
        | AgentLifecycle::Off => false,
    }
}
