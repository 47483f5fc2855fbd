//! The tools of chats, carried out by the use cases and by the workspace's agent.
//!
//! Everything happens with the rights of the chat's owner. Errors are sentences for the model.

mod command;
mod files;
mod lifecycle;
mod reach;
mod templates;
mod workspace;

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use serde_json::{Value, json};
use warren_app::{Actor, App};
use warren_chat::{
    Tool, ToolContext, ToolError, ToolOutcome, ToolOutput, WorkspaceTools, proto::approval::Places,
};
use warren_tunnel::TunnelNode;
use warren_vocab::{UserId, UserStatus, WorkspaceId};

use crate::agent_client::AgentClientError;

/// Use of a workspace is noted at most this often.
const USE_INTERVAL: Duration = Duration::from_secs(60);

const WAIT_INTERRUPTED: &str = "The wait was interrupted; the build of the workspace goes on. Use workspace_status to see how far it is.";

/// Carries out tools for all chats of this server.
pub(crate) struct ChatTools {
    app: App,
    node: TunnelNode,
    /// When the use of a workspace was noted last.
    used: Mutex<HashMap<WorkspaceId, Instant>>,
}

/// Where a tool shows what happens while it runs.
#[async_trait]
trait Shown: Sync {
    async fn show(&self, text: &str);
    /// Binds a workspace to the chat.
    async fn attach(&self, workspace: WorkspaceId) -> Result<(), ToolError>;
}

#[async_trait]
impl Shown for ToolOutput {
    async fn show(&self, text: &str) {
        self.write(text).await;
    }

    async fn attach(&self, workspace: WorkspaceId) -> Result<(), ToolError> {
        ToolOutput::attach(self, workspace).await
    }
}

impl ChatTools {
    pub(crate) fn new(app: App, node: TunnelNode) -> Self {
        Self { app, node, used: Mutex::default() }
    }

    async fn actor(&self, owner: UserId) -> Result<Actor, ToolError> {
        let actor = self.account(owner).await?;
        if actor.user.status == UserStatus::Suspended.as_str() {
            let text = "The account of the chat's owner is suspended.";
            return Err(ToolError::new(text).code("forbidden"));
        }
        Ok(actor)
    }

    /// The owner's rights, even of an account that is suspended: what runs for it must be ended all the same.
    async fn account(&self, owner: UserId) -> Result<Actor, ToolError> {
        Actor::load(self.app.db().reader(), owner).await.map_err(failed)
    }

    /// Whether it is time to note the use of a workspace.
    fn is_use_due(&self, workspace: WorkspaceId) -> bool {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        used.retain(|_, at| now.duration_since(*at) < USE_INTERVAL);
        if used.contains_key(&workspace) {
            return false;
        }
        used.insert(workspace, now);
        true
    }
}

#[async_trait]
impl WorkspaceTools for ChatTools {
    async fn run(&self, context: &ToolContext, tool: Tool, output: &ToolOutput) -> ToolOutcome {
        let result = match tool {
            Tool::Execute(arguments) => return self.execute(context, arguments, output).await,
            Tool::WriteFile(arguments) => return self.write_file(context, arguments).await,
            Tool::EditFiles(arguments) => return self.edit_files(context, arguments).await,
            Tool::ListTemplates(arguments) => self.list_templates(context, arguments).await,
            Tool::ReadTemplate(arguments) => self.read_template(context, arguments.template_id).await,
            Tool::CreateWorkspace(arguments) => self.create_workspace(context, arguments, output).await,
            Tool::StartWorkspace(arguments) => self.start_workspace(context, arguments, output).await,
            Tool::StopWorkspace => self.stop_workspace(context, output).await,
            Tool::WorkspaceStatus => self.workspace_status(context).await,
            Tool::ProcessOutput(arguments) => self.process_output(context, arguments).await,
            Tool::ProcessList => self.process_list(context).await,
            Tool::ProcessSignal(arguments) => self.process_signal(context, arguments).await,
            Tool::ReadFile(arguments) => self.read_file(context, arguments).await,
            Tool::ListFiles(arguments) => self.list_files(context, arguments).await,
            Tool::SearchFiles(arguments) => self.search_files(context, arguments).await,
            Tool::AskUserQuestion(asked) => Ok(json!({ "questions": asked.questions })),
        };
        result.into()
    }

    async fn resume(&self, context: &ToolContext, tool: Tool, output: &ToolOutput) -> ToolOutcome {
        match tool {
            Tool::Execute(arguments) => self.resume_execute(context, arguments, output).await,
            Tool::WriteFile(_) | Tool::EditFiles(_) => self.resume_change(context).await,
            // A signal is not sent twice, and nobody keeps whether one was.
            Tool::ProcessSignal(_) => {
                ToolOutcome::Unknown("Whether the signal was sent is not known.".into())
            }
            // These may simply run again; the rest of the system knows that too.
            other @ (Tool::ListTemplates(_)
            | Tool::ReadTemplate(_)
            | Tool::CreateWorkspace(_)
            | Tool::StartWorkspace(_)
            | Tool::StopWorkspace
            | Tool::WorkspaceStatus
            | Tool::ProcessOutput(_)
            | Tool::ProcessList
            | Tool::ReadFile(_)
            | Tool::ListFiles(_)
            | Tool::SearchFiles(_)
            | Tool::AskUserQuestion(_)) => self.run(context, other, output).await,
        }
    }

    async fn places(&self, context: &ToolContext, paths: Vec<String>) -> Result<Places, ToolError> {
        self.find_places(context, paths).await
    }

    async fn end(&self, context: &ToolContext, tool_name: &str) -> Option<Value> {
        match tool_name {
            "execute" => Some(self.end_execute(context).await),
            "write_file" | "edit_files" => Some(self.end_change(context).await),
            "create_workspace" | "start_workspace" | "stop_workspace" => {
                Some(json!({ "error": WAIT_INTERRUPTED, "interrupted": true }))
            }
            _ => None,
        }
    }

    async fn note_use(&self, owner: UserId, workspace: WorkspaceId) {
        if !self.is_use_due(workspace) {
            return;
        }
        let noted = async {
            let actor = self.actor(owner).await?;
            self.app.keep_workspace(&actor, workspace).await.map_err(failed)
        };
        if let Err(error) = noted.await {
            tracing::debug!(%error, workspace.id = %workspace, "the use of a workspace was not noted");
        }
    }
}

/// Whether the agent may have done what it was asked for all the same.
fn is_lost_answer(error: &AgentClientError) -> bool {
    match error {
        AgentClientError::Interrupted | AgentClientError::Timeout { .. } | AgentClientError::Protocol => true,
        AgentClientError::Refused { .. } | AgentClientError::Unreachable { .. } => false,
    }
}

/// The outcome of something that changes the workspace and that the agent was asked for.
fn asked_for(answer: Result<Value, AgentClientError>) -> ToolOutcome {
    match answer {
        Err(error) if is_lost_answer(&error) => ToolOutcome::Unknown(sentence(&error.to_string())),
        answer => answer.map_err(refused).into(),
    }
}

/// What the agent or the way to it said.
fn refused(error: AgentClientError) -> ToolError {
    let code = match &error {
        AgentClientError::Unreachable { .. } => "agent_unreachable",
        AgentClientError::Refused { .. } => "refused",
        AgentClientError::Interrupted => "connection_lost",
        AgentClientError::Timeout { .. } => "timeout",
        AgentClientError::Protocol => "internal",
    };
    ToolError::new(sentence(&error.to_string())).code(code)
}

fn failed(error: warren_app::AppError) -> ToolError {
    use warren_app::AppError as E;
    match error {
        E::NotFound => {
            ToolError::new("The workspace does not exist or you may not use it.").code("not_found")
        }
        E::Unauthenticated(why) | E::Forbidden(why) => explained(why).code("forbidden"),
        E::Invalid(why) => explained(why).code("invalid"),
        E::Conflict(why) | E::StillUsed(why) | E::Precondition(why) => explained(why).code("conflict"),
        E::Gone(why) => explained(why).code("deleted"),
        E::NotReady(why) => explained(why).code("not_ready"),
        E::Db(_) | E::Seal(_) | E::Internal { .. } => {
            tracing::error!(%error, "a tool failed because of the server");
            ToolError::new("The server failed while it carried out this tool.").code("internal")
        }
    }
}

fn explained(why: warren_app::Explanation) -> ToolError {
    let fields = why.validations.iter().map(|one| format!("{}: {}", one.field, one.detail));
    let more: Vec<_> = fields.chain(why.detail.clone()).collect();
    let message =
        if more.is_empty() { why.message } else { format!("{} ({})", why.message, more.join("; ")) };
    ToolError::new(message)
}

/// A clause as a sentence.
fn sentence(clause: &str) -> String {
    let mut chars = clause.chars();
    let first = chars.next().map(|first| first.to_uppercase().collect::<String>()).unwrap_or_default();
    format!("{first}{}.", chars.as_str().trim_end_matches('.'))
}

#[cfg(test)]
mod tests;
