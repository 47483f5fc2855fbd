//! `create_workspace`: makes or starts the workspace of a chat and waits until its agent can be used.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};
use tokio::time::Instant;
use warren_app::{
    Actor, App, AppError,
    agents::agent_status,
    builds::NewBuild,
    details::WorkspaceDetail,
    now,
    workspaces::{NewWorkspace, Source},
};
use warren_chat::{CreateWorkspace, ToolContext, ToolError, ToolOutput};
use warren_db::{channels, entity::workspace_agents};
use warren_vocab::{
    AgentId, AgentLifecycle, AgentStatus, BuildReason, Transition, WorkspaceId, WorkspaceStatus,
};

use super::failed;

const BUILD_DEADLINE: Duration = Duration::from_secs(10 * 60);
const CONNECT_DEADLINE: Duration = Duration::from_secs(2 * 60);
const SCRIPTS_DEADLINE: Duration = Duration::from_secs(10 * 60);
/// A look at the state even without a hint.
const POLL: Duration = Duration::from_secs(2);
/// Attempts to find a free name.
const NAMES_MAX: u32 = 20;

/// The agent of a workspace that runs and can be reached.
pub(super) fn running_agent(detail: &WorkspaceDetail) -> Result<AgentId, ToolError> {
    let name = &detail.workspace.name;
    let status = detail.build.status();
    if status != WorkspaceStatus::Running {
        return Err(ToolError::new(format!(
            "The workspace {name:?} is {status}. Use create_workspace to have it started."
        )));
    }
    let agent = first_agent(detail).ok_or_else(|| {
        ToolError::new(format!("The workspace {name:?} has no agent, so nothing can be run in it."))
    })?;
    match agent_status(agent, now()) {
        AgentStatus::Connected => Ok(AgentId::from_uuid(agent.id)),
        AgentStatus::Connecting | AgentStatus::Disconnected | AgentStatus::Timeout => {
            Err(ToolError::new(format!(
                "The agent of the workspace {name:?} is not connected. Use create_workspace to wait for it."
            )))
        }
    }
}

/// Makes the chat's workspace, or brings the one it has to life.
pub(super) async fn create(
    app: &App,
    actor: &Actor,
    context: &ToolContext,
    arguments: CreateWorkspace,
    output: &ToolOutput,
) -> Result<Value, ToolError> {
    let existing = match context.binding.get() {
        Some(id) => match app.find_workspace(actor, id, false).await {
            Ok(detail) => Some(detail),
            Err(AppError::NotFound | AppError::Gone(_)) => None,
            Err(error) => return Err(failed(error)),
        },
        None => None,
    };
    let is_new = existing.is_none();
    let detail = match existing {
        Some(detail) => start_if_stopped(app, actor, detail, output).await?,
        None => make(app, actor, context, arguments, output).await?,
    };
    let id = WorkspaceId::from_uuid(detail.workspace.id);
    let detail = wait_for_build(app, actor, id, output).await?;
    let (detail, warning) = wait_for_agent(app, actor, id, detail, output).await?;
    let mut result = json!({
        "created": is_new,
        "workspace_id": id,
        "workspace_name": detail.workspace.name,
        "build_id": detail.build.build.id,
        "status": detail.build.status(),
        "agent_status": "ready",
    });
    if let Some(warning) = warning {
        result["message"] = json!(warning);
    }
    Ok(result)
}

async fn make(
    app: &App,
    actor: &Actor,
    context: &ToolContext,
    arguments: CreateWorkspace,
    output: &ToolOutput,
) -> Result<WorkspaceDetail, ToolError> {
    let template = app.find_template(actor, arguments.template_id).await.map_err(|error| match error {
        AppError::NotFound => ToolError::new("There is no such template. Use list_templates to find one."),
        other => failed(other),
    })?;
    let base = match arguments.name.filter(|name| !name.trim().is_empty()) {
        Some(name) => name.trim().to_owned(),
        None => made_name(&template.template.name, context),
    };
    let parameters = parameters(arguments.parameters);
    for n in 1..=NAMES_MAX {
        let name = if n == 1 { base.clone() } else { format!("{}-{n}", clipped(&base, 29)) };
        let new = NewWorkspace {
            source: Source::Template(arguments.template_id),
            name: name.clone(),
            autostart_schedule: None,
            ttl_ms: None,
            parameters: parameters.clone(),
            reason: BuildReason::Initiator,
        };
        match app.create_workspace(actor, &actor.user, new).await {
            Ok(detail) => {
                output.attach(WorkspaceId::from_uuid(detail.workspace.id)).await?;
                output.write(&format!("Creating the workspace {name}…\n")).await;
                return Ok(detail);
            }
            Err(AppError::Conflict(_)) => {}
            Err(error) => return Err(failed(error)),
        }
    }
    Err(ToolError::new(format!("Workspaces with names like {base:?} exist already. Choose another name.")))
}

async fn start_if_stopped(
    app: &App,
    actor: &Actor,
    detail: WorkspaceDetail,
    output: &ToolOutput,
) -> Result<WorkspaceDetail, ToolError> {
    let id = WorkspaceId::from_uuid(detail.workspace.id);
    let is_agent_lost = detail.build.status() == WorkspaceStatus::Running
        && first_agent(&detail).is_none_or(|agent| agent_status(agent, now()) == AgentStatus::Disconnected);
    match detail.build.status() {
        WorkspaceStatus::Running if !is_agent_lost => Ok(detail),
        WorkspaceStatus::Pending | WorkspaceStatus::Starting => Ok(detail),
        WorkspaceStatus::Running
        | WorkspaceStatus::Stopped
        | WorkspaceStatus::Failed
        | WorkspaceStatus::Canceled => {
            output.write(&format!("Starting the workspace {}…\n", detail.workspace.name)).await;
            app.create_build(actor, id, NewBuild::of(Transition::Start)).await.map_err(failed)?;
            app.find_workspace(actor, id, false).await.map_err(failed)
        }
        status @ (WorkspaceStatus::Stopping
        | WorkspaceStatus::Canceling
        | WorkspaceStatus::Deleting
        | WorkspaceStatus::Deleted) => Err(ToolError::new(format!(
            "The workspace {:?} of this chat is {status}. Try again in a moment.",
            detail.workspace.name
        ))),
    }
}

async fn wait_for_build(
    app: &App,
    actor: &Actor,
    id: WorkspaceId,
    output: &ToolOutput,
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
                return Err(ToolError::new(format!("The build of the workspace {name:?} failed: {why}")));
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
            output.write(text).await;
            said = Some(status);
        }
        if Instant::now() > deadline {
            return Err(ToolError::new(format!(
                "The build of the workspace {name:?} has not finished within 10 minutes."
            )));
        }
        wait(&mut hints).await;
    }
}

/// Waits for the connection and the start scripts. The text is a warning.
async fn wait_for_agent(
    app: &App,
    actor: &Actor,
    id: WorkspaceId,
    mut detail: WorkspaceDetail,
    output: &ToolOutput,
) -> Result<(WorkspaceDetail, Option<String>), ToolError> {
    let mut hints = app.db().subscribe(&channels::workspace(id));
    let started_at = Instant::now();
    let mut connected_at = None;
    output.write("Waiting for the workspace's agent…\n").await;
    loop {
        let name = &detail.workspace.name;
        let Some(agent) = first_agent(&detail) else {
            let message = format!("The workspace {name:?} has no agent, so nothing can be run in it.");
            return Err(ToolError::new(message));
        };
        if agent_status(agent, now()) == AgentStatus::Connected {
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
            return Err(ToolError::new(format!(
                "The agent of the workspace {name:?} has not connected within 2 minutes. Look at the build's log."
            )));
        }
        wait(&mut hints).await;
        detail = app.find_workspace(actor, id, false).await.map_err(failed)?;
    }
}

async fn wait(hints: &mut warren_db::Subscription) {
    // A hint that does not come is replaced by the poll.
    let _ = tokio::time::timeout(POLL, hints.next()).await;
}

fn first_agent(detail: &WorkspaceDetail) -> Option<&workspace_agents::Model> {
    detail.build.rows.agents.iter().find(|agent| agent.parent_id.is_none())
}

/// The template's name and some of the chat's id.
fn made_name(template: &str, context: &ToolContext) -> String {
    let id = context.chat.to_string();
    format!("{}-{}", clipped(template, 25), &id[..6])
}

fn clipped(name: &str, len: usize) -> &str {
    name.get(..len).unwrap_or(name).trim_end_matches('-')
}

fn parameters(fields: Option<BTreeMap<String, Value>>) -> BTreeMap<String, String> {
    let text = |value: Value| match value {
        Value::String(text) => text,
        other => other.to_string(),
    };
    fields.into_iter().flatten().map(|(name, value)| (name, text(value))).collect()
}
