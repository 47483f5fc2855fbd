//! The tools of chats, carried out by the use cases and by the workspace's agent.
//!
//! Everything happens with the rights of the chat's owner. Errors are sentences for the model.

mod command;
mod workspace;

use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use warren_app::{Actor, App};
use warren_authz::Action;
use warren_chat::{
    CreateWorkspace, EditFiles, Execute, ReadFile, Resumed, Tool, ToolContext, ToolError, ToolOutput,
    WorkspaceTools, WriteFile,
};
use warren_rt::Tasks;
use warren_tunnel::TunnelNode;
use warren_vocab::{AgentId, UserId, UserStatus, WorkspaceId};
use warren_wire::agent_http::{self, FileEdit, FileEdits, ReadFileLines};

use crate::agent_client::{AgentClient, AgentClientError};

/// Templates in one answer.
const TEMPLATES_MAX: usize = 25;

/// How often a running command asks whether its workspace is still there.
const REPLACED_INTERVAL: Duration = Duration::from_secs(2);

/// Carries out tools for all chats of this server.
pub(crate) struct ChatTools {
    app: App,
    node: TunnelNode,
    tasks: Tasks,
}

impl ChatTools {
    pub(crate) fn new(app: App, node: TunnelNode, tasks: Tasks) -> Self {
        Self { app, node, tasks }
    }

    async fn actor(&self, context: &ToolContext) -> Result<Actor, ToolError> {
        let actor = Actor::load(self.app.db().reader(), context.owner).await.map_err(failed)?;
        if actor.user.status == UserStatus::Suspended.as_str() {
            return Err(ToolError::new("The account of the chat's owner is suspended."));
        }
        Ok(actor)
    }

    /// A client of the agent of the chat's workspace, which must be running.
    async fn agent(&self, context: &ToolContext) -> Result<AgentClient, ToolError> {
        Ok(self.client(context, self.agent_id(context).await?))
    }

    async fn agent_id(&self, context: &ToolContext) -> Result<AgentId, ToolError> {
        let actor = self.actor(context).await?;
        let detail = self.app.find_workspace(&actor, context.workspace()?, false).await.map_err(failed)?;
        let agent = workspace::running_agent(&detail)?;
        self.app.find_agent(&actor, agent, Action::Ssh).await.map_err(failed)?;
        Ok(agent)
    }

    /// Returns when the agent is no longer one of its workspace's newest build: it was stopped, deleted or rebuilt.
    async fn replaced(&self, context: &ToolContext, agent: AgentId) {
        loop {
            tokio::time::sleep(REPLACED_INTERVAL).await;
            let Ok(actor) = self.actor(context).await else { continue };
            let found = self.app.find_agent(&actor, agent, Action::Ssh).await;
            if matches!(found, Err(warren_app::AppError::NotFound)) {
                return;
            }
        }
    }

    fn client(&self, context: &ToolContext, agent: AgentId) -> AgentClient {
        AgentClient::new(self.node.clone(), agent, context.chat.to_string())
    }
}

#[async_trait]
impl WorkspaceTools for ChatTools {
    async fn run(&self, context: &ToolContext, tool: Tool, output: &ToolOutput) -> Result<Value, ToolError> {
        match tool {
            Tool::ListTemplates(arguments) => self.list_templates(context, arguments.query.as_deref()).await,
            Tool::CreateWorkspace(arguments) => self.create_workspace(context, arguments, output).await,
            Tool::Execute(arguments) => self.execute(context, arguments, output).await,
            Tool::ReadFile(arguments) => self.read_file(context, arguments).await,
            Tool::WriteFile(arguments) => self.write_file(context, arguments).await,
            Tool::EditFiles(arguments) => self.edit_files(context, arguments).await,
            Tool::ReadTemplate(_)
            | Tool::StartWorkspace(_)
            | Tool::StopWorkspace
            | Tool::WorkspaceStatus
            | Tool::ProcessOutput(_)
            | Tool::ProcessList
            | Tool::ProcessSignal(_)
            | Tool::ListFiles(_)
            | Tool::SearchFiles(_)
            | Tool::AskUserQuestion(_) => Err(ToolError::new("This tool is not there yet.")),
        }
    }

    async fn resume(&self, _: &ToolContext, _: Tool, _: &ToolOutput) -> Resumed {
        Resumed::Unknown("The server stopped while this tool was running.".into())
    }

    async fn end(&self, _: &ToolContext, _: &str) -> Option<Value> {
        None
    }

    async fn note_use(&self, _: UserId, _: WorkspaceId) {}
}

impl ChatTools {
    async fn list_templates(&self, context: &ToolContext, query: Option<&str>) -> Result<Value, ToolError> {
        let actor = self.actor(context).await?;
        let found = self.app.list_templates(&actor, Some(context.organization)).await.map_err(failed)?;
        let words = query.unwrap_or_default().to_lowercase();
        let matches = |text: &str| text.to_lowercase().contains(&words);
        let shown: Vec<_> = found
            .iter()
            .map(|detail| &detail.template)
            .filter(|template| template.deprecation_message.is_empty())
            .filter(|template| {
                matches(&template.name) || matches(&template.display_name) || matches(&template.description)
            })
            .take(TEMPLATES_MAX)
            .map(|template| {
                json!({
                    "id": template.id,
                    "name": template.name,
                    "display_name": template.display_name,
                    "description": template.description,
                })
            })
            .collect();
        let next_step = match shown.len() {
            0 if words.is_empty() => "There are no templates. Tell the user that one must be pushed first.",
            0 => "Nothing matches. Try again without a query.",
            _ => "Use create_workspace with the id of the template that fits best.",
        };
        Ok(json!({ "templates": shown, "next_step": next_step }))
    }

    async fn create_workspace(
        &self,
        context: &ToolContext,
        arguments: CreateWorkspace,
        output: &ToolOutput,
    ) -> Result<Value, ToolError> {
        let actor = self.actor(context).await?;
        workspace::create(&self.app, &actor, context, arguments, output).await
    }

    async fn execute(
        &self,
        context: &ToolContext,
        arguments: Execute,
        output: &ToolOutput,
    ) -> Result<Value, ToolError> {
        let id = self.agent_id(context).await?;
        let agent = self.client(context, id);
        tokio::select! {
            result = command::execute(&agent, &self.tasks, context, arguments, output) => result,
            () = self.replaced(context, id) => {
                Err(ToolError::new("The workspace was stopped, deleted or rebuilt while the command ran."))
            }
        }
    }

    async fn read_file(&self, context: &ToolContext, arguments: ReadFile) -> Result<Value, ToolError> {
        let agent = self.agent(context).await?;
        let request = ReadFileLines {
            path: absolute(&agent, &arguments.path).await?,
            offset: arguments.offset.and_then(|line| line.try_into().ok()),
            limit: arguments.limit.and_then(|lines| lines.try_into().ok()),
        };
        let lines = agent.read_file_lines(&request).await.map_err(refused)?;
        if !lines.success {
            return Err(ToolError::new(lines.error));
        }
        Ok(json!({
            "content": lines.content,
            "file_size": lines.file_size,
            "total_lines": lines.total_lines,
            "lines_read": lines.lines_read,
        }))
    }

    async fn write_file(&self, context: &ToolContext, arguments: WriteFile) -> Result<Value, ToolError> {
        let agent = self.agent(context).await?;
        let path = absolute(&agent, &arguments.path).await?;
        agent.write_file(&path, arguments.content.into()).await.map_err(refused)?;
        Ok(json!({ "ok": true, "path": path }))
    }

    async fn edit_files(&self, context: &ToolContext, arguments: EditFiles) -> Result<Value, ToolError> {
        let agent = self.agent(context).await?;
        let mut request = agent_http::EditFiles { files: Vec::new(), include_diff: true };
        for file in arguments.files {
            let edits = file.edits.into_iter().map(|edit| FileEdit {
                search: edit.old_text,
                replace: edit.new_text,
                replace_all: edit.replace_all,
            });
            let path = absolute(&agent, &file.path).await?;
            request.files.push(FileEdits { path, edits: edits.collect() });
        }
        let edited = agent.edit_files(&request).await.map_err(refused)?;
        Ok(json!({ "ok": true, "files": edited.files }))
    }
}

/// Replaces a leading `~` by the home directory.
async fn absolute(agent: &AgentClient, path: &str) -> Result<String, ToolError> {
    let Some(rest) = path.strip_prefix('~').filter(|rest| rest.is_empty() || rest.starts_with('/')) else {
        return Ok(path.to_owned());
    };
    let home = agent.list_directory("").await.map_err(refused)?.absolute_path;
    Ok(format!("{}{rest}", home.trim_end_matches('/')))
}

fn refused(error: AgentClientError) -> ToolError {
    ToolError::new(sentence(&error.to_string()))
}

fn failed(error: warren_app::AppError) -> ToolError {
    use warren_app::AppError as E;
    match error {
        E::NotFound => ToolError::new("The workspace does not exist or you may not use it."),
        E::Unauthenticated(why)
        | E::Forbidden(why)
        | E::Invalid(why)
        | E::Conflict(why)
        | E::Gone(why)
        | E::NotReady(why)
        | E::StillUsed(why)
        | E::Precondition(why) => {
            let fields = why.validations.iter().map(|one| format!("{}: {}", one.field, one.detail));
            let more: Vec<_> = fields.chain(why.detail.clone()).collect();
            let message =
                if more.is_empty() { why.message } else { format!("{} ({})", why.message, more.join("; ")) };
            ToolError::new(message)
        }
        E::Db(_) | E::Seal(_) | E::Internal { .. } => {
            tracing::error!(%error, "a tool failed because of the server");
            ToolError::new("The server failed while it carried out this tool.")
        }
    }
}

/// A clause as a sentence.
fn sentence(clause: &str) -> String {
    let mut chars = clause.chars();
    let first = chars.next().map(|first| first.to_uppercase().collect::<String>()).unwrap_or_default();
    format!("{first}{}.", chars.as_str().trim_end_matches('.'))
}
