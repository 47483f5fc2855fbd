//! `create_workspace`, `start_workspace`, `stop_workspace`, `workspace_status`.
//!
//! All of them can be repeated: they look at what is there and do what is missing. A new workspace and a new build have
//! their ids before they are made, so that a second run finds them, also when the build has failed meanwhile.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use warren_app::{
    Actor, AppError,
    agents::agent_status,
    builds::NewBuild,
    details::{BuildDetail, WorkspaceDetail},
    workspaces::{NewWorkspace, Source},
};
use warren_chat::{CreateWorkspace, StartWorkspace, ToolContext, ToolError};
use warren_db::query;
use warren_vocab::{BuildReason, TemplateId, Transition, WorkspaceId, WorkspaceStatus};

use super::{
    ChatTools, Shown, failed,
    reach::{chat_agent, is_lost},
    workspace::{wait_for_agent, wait_for_build, wait_for_stop, wait_until_settled},
};

/// Attempts to find a free name.
const NAMES_MAX: u32 = 20;
/// The setting with the time that workspaces of chats run, in milliseconds; 0 leaves it to the template.
const WORKSPACE_TTL: &str = "agents_workspace_ttl";

impl ChatTools {
    /// Makes the chat's workspace, unless it has one that can be used.
    pub(super) async fn create_workspace(
        &self,
        context: &ToolContext,
        arguments: CreateWorkspace,
        output: &dyn Shown,
    ) -> Result<Value, ToolError> {
        let actor = self.actor(context.owner).await?;
        let own = self.find(&actor, context.new_workspace).await?;
        let bound = match context.binding.get() {
            Some(id) => self.find(&actor, id).await?,
            None => None,
        };
        let (detail, created) = match (own, bound) {
            // A run before a crash has made it.
            (Some(own), _) => (own, true),
            (None, Some(bound)) => match existing(&bound, self.app.now()) {
                Existing::Kept => (bound, false),
                Existing::Stopped => return Ok(stopped(&bound)),
                Existing::Useless => (self.make(&actor, context, arguments, output).await?, true),
            },
            (None, None) => (self.make(&actor, context, arguments, output).await?, true),
        };
        let id = WorkspaceId::from_uuid(detail.workspace.id);
        if context.binding.get() != Some(id) {
            output.attach(id).await?;
        }
        let mut result = self.wait_until_usable(&actor, id, output).await?;
        result["created"] = json!(created);
        if !created {
            result["status"] = json!("already_exists");
        }
        Ok(result)
    }

    pub(super) async fn start_workspace(
        &self,
        context: &ToolContext,
        arguments: StartWorkspace,
        output: &dyn Shown,
    ) -> Result<Value, ToolError> {
        let id = context.workspace()?;
        let actor = self.actor(context.owner).await?;
        let detail = self.bound(&actor, id).await?;
        let own = self.own_build(&actor, context).await?;
        let detail = match detail.build.status() {
            WorkspaceStatus::Stopping | WorkspaceStatus::Canceling => {
                wait_until_settled(&self.app, &actor, id, output).await?
            }
            _ => detail,
        };
        let started = own.is_some() || needs_start(&detail, self.app.now());
        if started && own.is_none() {
            output.show(&format!("Starting the workspace {}…\n", detail.workspace.name)).await;
            let parameters = texts(arguments.parameters);
            let build = NewBuild { id: context.new_build, parameters, ..NewBuild::of(Transition::Start) };
            match self.app.create_build(&actor, id, build).await {
                // Somebody else has just started it.
                Ok(_) | Err(AppError::Conflict(_)) => {}
                Err(error) => return Err(parameters_needed(failed(error))),
            }
        }
        let mut result = self.wait_until_usable(&actor, id, output).await?;
        result["started"] = json!(started);
        Ok(result)
    }

    pub(super) async fn stop_workspace(
        &self,
        context: &ToolContext,
        output: &dyn Shown,
    ) -> Result<Value, ToolError> {
        let id = context.workspace()?;
        let actor = self.actor(context.owner).await?;
        let detail = self.bound(&actor, id).await?;
        let own = self.own_build(&actor, context).await?;
        if let Some(own) = own.as_ref().filter(|own| own.status() == WorkspaceStatus::Stopped) {
            return Ok(stop_result(own));
        }
        let status = detail.build.status();
        if matches!(status, WorkspaceStatus::Pending | WorkspaceStatus::Starting)
            && detail.build.transition == Transition::Start
        {
            let text = format!("The workspace is {status}. Wait for it with start_workspace, then stop it.");
            return Err(ToolError::new(text).code("workspace_starting"));
        }
        let is_on_its_way =
            matches!(status, WorkspaceStatus::Stopped | WorkspaceStatus::Stopping | WorkspaceStatus::Pending);
        if !is_on_its_way && own.is_none() {
            output.show(&format!("Stopping the workspace {}…\n", detail.workspace.name)).await;
            let build = NewBuild { id: context.new_build, ..NewBuild::of(Transition::Stop) };
            match self.app.create_build(&actor, id, build).await {
                Ok(_) | Err(AppError::Conflict(_)) => {}
                Err(error) => return Err(failed(error)),
            }
        }
        let detail = wait_for_stop(&self.app, &actor, id, output).await?;
        Ok(stop_result(&detail.build))
    }

    pub(super) async fn workspace_status(&self, context: &ToolContext) -> Result<Value, ToolError> {
        let id = context.workspace()?;
        let actor = self.actor(context.owner).await?;
        let detail = self.bound(&actor, id).await?;
        let agent = chat_agent(&detail);
        Ok(json!({
            "workspace_id": id,
            "workspace_name": detail.workspace.name,
            "template_name": detail.template.name,
            "status": detail.build.status(),
            "build_id": detail.build.build.id,
            "build_error": detail.build.job.row.error,
            "agent_status": agent.map(|agent| agent_status(agent, self.app.now())),
            "agent_lifecycle": agent.map(|agent| agent.lifecycle_state.as_str()),
            "deadline": detail.build.build.deadline,
        }))
    }

    async fn wait_until_usable(
        &self,
        actor: &Actor,
        id: WorkspaceId,
        output: &dyn Shown,
    ) -> Result<Value, ToolError> {
        let detail = wait_for_build(&self.app, actor, id, output).await?;
        let (detail, warning) = wait_for_agent(&self.app, actor, id, detail, output).await?;
        let mut result = json!({
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
        &self,
        actor: &Actor,
        context: &ToolContext,
        arguments: CreateWorkspace,
        output: &dyn Shown,
    ) -> Result<WorkspaceDetail, ToolError> {
        let template = self.usable_template(context, arguments.template_id).await?;
        let base = match arguments.name.filter(|name| !name.trim().is_empty()) {
            Some(name) => name.trim().to_owned(),
            None => made_name(&template.template.name, context),
        };
        let parameters = texts(arguments.parameters);
        let ttl_ms = self.workspace_ttl().await?;
        for n in 1..=NAMES_MAX {
            let name = if n == 1 { base.clone() } else { format!("{}-{n}", clipped(&base, 29)) };
            let new = NewWorkspace {
                source: Source::Template(TemplateId::from_uuid(template.template.id)),
                name: name.clone(),
                autostart_schedule: None,
                ttl_ms,
                parameters: parameters.clone(),
                reason: BuildReason::Initiator,
            };
            let id = context.new_workspace;
            match Box::pin(self.app.create_workspace_as(actor, &actor.user, id, new)).await {
                Ok(detail) => {
                    output.show(&format!("Creating the workspace {name}…\n")).await;
                    return Ok(detail);
                }
                Err(AppError::Conflict(_)) => {}
                Err(error) => return Err(parameters_needed(failed(error))),
            }
        }
        let text = format!("Workspaces with names like {base:?} exist already. Choose another name.");
        Err(ToolError::new(text).code("conflict"))
    }

    async fn workspace_ttl(&self) -> Result<Option<i64>, ToolError> {
        let row = query::deployment_settings::get(self.app.db().reader(), WORKSPACE_TTL).await;
        let value = row.map_err(|error| failed(error.into()))?.map(|row| row.value).unwrap_or_default();
        let ms = value.get("workspace_ttl_ms").unwrap_or(&value).as_i64();
        Ok(ms.filter(|ms| *ms > 0))
    }

    /// The workspace, unless it was deleted or the owner may not see it.
    async fn find(&self, actor: &Actor, id: WorkspaceId) -> Result<Option<WorkspaceDetail>, ToolError> {
        match self.app.find_workspace(actor, id, false).await {
            Ok(detail) => Ok(Some(detail)),
            Err(AppError::NotFound | AppError::Gone(_)) => Ok(None),
            Err(error) => Err(failed(error)),
        }
    }

    /// The build that a run before a crash has made.
    async fn own_build(
        &self,
        actor: &Actor,
        context: &ToolContext,
    ) -> Result<Option<BuildDetail>, ToolError> {
        match self.app.find_build(actor, context.new_build).await {
            Ok(detail) => Ok(Some(detail)),
            Err(AppError::NotFound | AppError::Gone(_)) => Ok(None),
            Err(error) => Err(failed(error)),
        }
    }

    async fn bound(&self, actor: &Actor, id: WorkspaceId) -> Result<WorkspaceDetail, ToolError> {
        self.find(actor, id).await?.ok_or_else(|| {
            let text = "The workspace of this chat was deleted. Use create_workspace to make another.";
            ToolError::new(text).code("workspace_deleted")
        })
    }
}

/// What a workspace that the chat already has is good for.
enum Existing {
    Kept,
    /// It has to be started first.
    Stopped,
    /// It is going away, or its agent is dead: another one may be made.
    Useless,
}

fn existing(detail: &WorkspaceDetail, at: DateTime<Utc>) -> Existing {
    match detail.build.status() {
        WorkspaceStatus::Running if chat_agent(detail).is_none_or(|agent| is_lost(agent, at)) => {
            Existing::Useless
        }
        WorkspaceStatus::Running | WorkspaceStatus::Pending | WorkspaceStatus::Starting => Existing::Kept,
        WorkspaceStatus::Stopped
        | WorkspaceStatus::Stopping
        | WorkspaceStatus::Failed
        | WorkspaceStatus::Canceling
        | WorkspaceStatus::Canceled => Existing::Stopped,
        WorkspaceStatus::Deleting | WorkspaceStatus::Deleted => Existing::Useless,
    }
}

fn needs_start(detail: &WorkspaceDetail, at: DateTime<Utc>) -> bool {
    match detail.build.status() {
        WorkspaceStatus::Running => chat_agent(detail).is_none_or(|agent| is_lost(agent, at)),
        WorkspaceStatus::Pending | WorkspaceStatus::Starting => false,
        WorkspaceStatus::Stopped
        | WorkspaceStatus::Stopping
        | WorkspaceStatus::Failed
        | WorkspaceStatus::Canceling
        | WorkspaceStatus::Canceled
        | WorkspaceStatus::Deleting
        | WorkspaceStatus::Deleted => true,
    }
}

fn stop_result(build: &BuildDetail) -> Value {
    json!({ "stopped": true, "workspace_name": build.workspace.name, "build_id": build.build.id })
}

fn stopped(detail: &WorkspaceDetail) -> Value {
    let status = detail.build.status();
    let name = &detail.workspace.name;
    json!({
        "created": false,
        "workspace_id": detail.workspace.id,
        "workspace_name": name,
        "status": status,
        "message": format!("This chat has the workspace {name:?} already; it is {status}. Use start_workspace."),
    })
}

fn parameters_needed(error: ToolError) -> ToolError {
    if error.fields["error_code"] != "invalid" {
        return error;
    }
    let hint = "Look at the parameters with read_template and try again with values for them.";
    error.with("next_step", json!(hint))
}

/// The template's name and some of the chat's id.
fn made_name(template: &str, context: &ToolContext) -> String {
    let id = context.chat.to_string();
    format!("{}-{}", clipped(template, 25), &id[..6])
}

fn clipped(name: &str, len: usize) -> &str {
    name.get(..len).unwrap_or(name).trim_end_matches('-')
}

fn texts(fields: Option<BTreeMap<String, Value>>) -> BTreeMap<String, String> {
    let text = |value: Value| match value {
        Value::String(text) => text,
        other => other.to_string(),
    };
    fields.into_iter().flatten().map(|(name, value)| (name, text(value))).collect()
}
