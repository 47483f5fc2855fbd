//! Waiting for a workspace, so that whoever watches knows what for.

use std::time::Duration;

use tokio::time::Instant;
use warren_app::{Actor, App, agents::agent_status, details::WorkspaceDetail};
use warren_chat::ToolError;
use warren_db::channels;
use warren_vocab::{AgentLifecycle, AgentStatus, WorkspaceId, WorkspaceStatus};

use super::{Shown, failed, reach::chat_agent};

const BUILD_DEADLINE: Duration = Duration::from_secs(10 * 60);
const CONNECT_DEADLINE: Duration = Duration::from_secs(2 * 60);
const SCRIPTS_DEADLINE: Duration = Duration::from_secs(10 * 60);
/// How long another build may take that must end before the workspace can be used.
const SETTLE_DEADLINE: Duration = Duration::from_secs(5 * 60);
/// A look at the state even without a hint.
const POLL: Duration = Duration::from_secs(2);

/// Waits while the workspace is being stopped or a build is being cancelled.
pub(super) async fn wait_until_settled(
    app: &App,
    actor: &Actor,
    id: WorkspaceId,
    output: &dyn Shown,
) -> Result<WorkspaceDetail, ToolError> {
    let mut hints = app.db().subscribe(&channels::workspace(id));
    let deadline = Instant::now() + SETTLE_DEADLINE;
    let mut has_said = false;
    loop {
        let detail = app.find_workspace(actor, id, false).await.map_err(failed)?;
        let status = detail.build.status();
        if !matches!(status, WorkspaceStatus::Stopping | WorkspaceStatus::Canceling) {
            return Ok(detail);
        }
        if !has_said {
            output.show(&format!("Waiting while the workspace is {status}…\n")).await;
            has_said = true;
        }
        if Instant::now() > deadline {
            let text =
                format!("The workspace {:?} is still {status} after 5 minutes.", detail.workspace.name);
            return Err(ToolError::new(text).code("timeout"));
        }
        wait(&mut hints).await;
    }
}

/// Waits until the newest build has stopped the workspace.
pub(super) async fn wait_for_stop(
    app: &App,
    actor: &Actor,
    id: WorkspaceId,
    output: &dyn Shown,
) -> Result<WorkspaceDetail, ToolError> {
    let detail = wait_until_settled(app, actor, id, output).await?;
    let name = &detail.workspace.name;
    match detail.build.status() {
        WorkspaceStatus::Stopped => Ok(detail),
        WorkspaceStatus::Pending => {
            output.show("Waiting for a provisioner…\n").await;
            let mut hints = app.db().subscribe(&channels::workspace(id));
            wait(&mut hints).await;
            Box::pin(wait_for_stop(app, actor, id, output)).await
        }
        status => {
            let why = detail.build.job.row.error.clone().unwrap_or_default();
            let text = format!("The workspace {name:?} was not stopped, it is {status} now. {why}");
            Err(ToolError::new(text.trim_end().to_owned()).code("build_failed"))
        }
    }
}

/// Waits until the newest build has started the workspace.
pub(super) async fn wait_for_build(
    app: &App,
    actor: &Actor,
    id: WorkspaceId,
    output: &dyn Shown,
) -> Result<WorkspaceDetail, ToolError> {
    let mut hints = app.db().subscribe(&channels::workspace(id));
    let deadline = Instant::now() + BUILD_DEADLINE;
    let mut said = None;
    loop {
        let detail = app.find_workspace(actor, id, true).await.map_err(failed)?;
        let status = detail.build.status();
        let name = &detail.workspace.name;
        match status {
            WorkspaceStatus::Running => return Ok(detail),
            WorkspaceStatus::Pending | WorkspaceStatus::Starting => {}
            WorkspaceStatus::Failed => {
                let why = detail.build.job.row.error.clone().unwrap_or_default();
                let text = format!("The build of the workspace {name:?} failed: {why}");
                let error = ToolError::new(text).code("build_failed");
                return Err(error.with("build_id", serde_json::json!(detail.build.build.id)));
            }
            WorkspaceStatus::Stopping
            | WorkspaceStatus::Stopped
            | WorkspaceStatus::Canceling
            | WorkspaceStatus::Canceled
            | WorkspaceStatus::Deleting
            | WorkspaceStatus::Deleted => {
                return Err(ToolError::new(format!("The workspace {name:?} is {status} now.")));
            }
        }
        if said != Some(status) {
            let text = match status {
                WorkspaceStatus::Pending => "Waiting for a provisioner…\n",
                _ => "Terraform is building…\n",
            };
            output.show(text).await;
            said = Some(status);
        }
        if Instant::now() > deadline {
            let text = format!("The build of the workspace {name:?} has not finished within 10 minutes.");
            return Err(ToolError::new(text).code("timeout"));
        }
        wait(&mut hints).await;
    }
}

/// Waits for the connection and the start scripts. The text is a warning.
pub(super) async fn wait_for_agent(
    app: &App,
    actor: &Actor,
    id: WorkspaceId,
    mut detail: WorkspaceDetail,
    output: &dyn Shown,
) -> Result<(WorkspaceDetail, Option<String>), ToolError> {
    let mut hints = app.db().subscribe(&channels::workspace(id));
    let started_at = Instant::now();
    let mut connected_at = None;
    output.show("Waiting for the workspace's agent…\n").await;
    loop {
        let name = &detail.workspace.name;
        let Some(agent) = chat_agent(&detail) else {
            let message = format!("The workspace {name:?} has no agent, so nothing can be run in it.");
            return Err(ToolError::new(message).code("no_agent"));
        };
        if agent_status(agent, app.now()) == AgentStatus::Connected {
            let since = *connected_at.get_or_insert_with(Instant::now);
            match agent.lifecycle_state.parse() {
                Ok(AgentLifecycle::Ready) => return Ok((detail, None)),
                Ok(AgentLifecycle::StartError | AgentLifecycle::StartTimeout) => {
                    let warning = "A start script of the workspace failed; some tools may be missing.";
                    return Ok((detail, Some(warning.to_owned())));
                }
                Ok(_) | Err(_) if since.elapsed() > SCRIPTS_DEADLINE => {
                    let warning = "The start scripts of the workspace are still running.";
                    return Ok((detail, Some(warning.to_owned())));
                }
                Ok(_) | Err(_) => {}
            }
        } else if started_at.elapsed() > CONNECT_DEADLINE {
            let text = format!(
                "The agent of the workspace {name:?} has not connected within 2 minutes. Look at the build's log."
            );
            return Err(ToolError::new(text).code("agent_timeout"));
        }
        wait(&mut hints).await;
        detail = app.find_workspace(actor, id, false).await.map_err(failed)?;
    }
}

async fn wait(hints: &mut warren_db::Subscription) {
    // A hint that does not come is replaced by the poll.
    let _ = tokio::time::timeout(POLL, hints.next()).await;
}
