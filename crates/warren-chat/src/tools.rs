//! The tools that the model may ask for, and the trait that carries them out.
//!
//! Owns what runs when: the ledger, approvals, deadlines and the size of results. Knows nothing of how a workspace is
//! reached.

pub(crate) mod approvals;
pub(crate) mod call;
pub(crate) mod cap;
pub(crate) mod dynamic;
mod end;
mod output;
mod run;
pub(crate) mod schema;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use serde_json::{Value, json};
use thiserror::Error;
use warren_chat_proto::approval::Places;
use warren_vocab::{BuildId, ChatId, OrganizationId, UserId, WorkspaceId};

pub use call::{
    AskUserQuestion, CreateWorkspace, EditFiles, Execute, ListFiles, ListTemplates, ProcessOutput,
    ProcessSignal, Question, QuestionOption, ReadFile, ReadTemplate, SearchFiles, StartWorkspace, Tool,
    WriteFile,
};
/// Limits of what tools wait for, and how they are written.
pub mod tool_limits {
    pub use super::call::{EXECUTE_WAIT_DEFAULT, EXECUTE_WAIT_MAX, OUTPUT_WAIT_MAX, time_limit};
}
pub use dynamic::{DynamicTool, check_dynamic_tools};
pub(crate) use end::{end_running, note_use};
pub use output::ToolOutput;
pub(crate) use run::run_step;

/// On whose behalf and where a tool runs.
#[derive(Debug, Clone)]
pub struct ToolContext {
    pub chat: ChatId,
    pub owner: UserId,
    pub organization: OrganizationId,
    /// The workspace of the chat. All calls of one answer share it, so that one of them may bind it for the others.
    pub binding: Binding,
    /// Unique within the deployment; what an agent does under this key it does once.
    pub key: String,
    /// The id of the workspace that this call makes if it makes one. It is written down before the call starts.
    pub new_workspace: WorkspaceId,
    /// The id of the build that this call makes if it starts or stops the workspace, written down likewise.
    pub new_build: BuildId,
    /// How long ago the call was started first, by this server or one before it.
    pub age: Duration,
}

impl ToolContext {
    /// The chat's workspace.
    ///
    /// # Errors
    /// Tells the model to make one first.
    pub fn workspace(&self) -> Result<WorkspaceId, ToolError> {
        self.binding.get().ok_or_else(|| {
            let text = "This chat has no workspace yet. Use list_templates and create_workspace first.";
            ToolError::new(text).code("no_workspace")
        })
    }
}

/// The workspace that a chat's tools work in.
#[derive(Debug, Clone, Default)]
pub struct Binding(Arc<Mutex<Option<WorkspaceId>>>);

impl Binding {
    /// A binding that begins with `workspace`.
    pub fn new(workspace: Option<WorkspaceId>) -> Self {
        Self(Arc::new(Mutex::new(workspace)))
    }

    /// The workspace, once there is one.
    pub fn get(&self) -> Option<WorkspaceId> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set(&self, workspace: WorkspaceId) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(workspace);
    }
}

/// Why a tool did not do what was asked. The model reads it.
#[derive(Debug, Clone, Error)]
#[error("{message}")]
pub struct ToolError {
    pub message: String,
    /// More fields of the result, an object.
    pub fields: Value,
}

impl ToolError {
    /// An error with a sentence.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), fields: json!({}) }
    }

    /// Names the kind of the error, for programs.
    #[must_use]
    pub fn code(self, code: &str) -> Self {
        self.with("error_code", json!(code))
    }

    /// Adds a field of the result.
    #[must_use]
    pub fn with(mut self, name: &str, value: Value) -> Self {
        self.fields[name] = value;
        self
    }

    pub(crate) fn into_result(self) -> Value {
        let mut result = json!({ "error": self.message });
        for (name, value) in self.fields.as_object().into_iter().flatten() {
            result[name] = value.clone();
        }
        result
    }
}

/// What became of a call.
#[derive(Debug)]
pub enum ToolOutcome {
    /// The call has ended.
    Result(Result<Value, ToolError>),
    /// Nobody knows whether it did anything. The text says why, as a sentence for the user.
    Unknown(String),
}

impl From<Result<Value, ToolError>> for ToolOutcome {
    fn from(result: Result<Value, ToolError>) -> Self {
        Self::Result(result)
    }
}

/// Carries out tools. Dropping a future stops the waiting; what runs in a workspace goes on.
#[async_trait]
pub trait WorkspaceTools: Send + Sync {
    /// Carries out a call. Unknown when it was asked for and the answer was lost: then it is looked for with
    /// [`WorkspaceTools::resume`].
    async fn run(&self, context: &ToolContext, tool: Tool, output: &ToolOutput) -> ToolOutcome;

    /// Finds a call that was started under the same key before, and waits for its end. Never starts anything, and where it
    /// is not found it does not begin later either.
    async fn resume(&self, context: &ToolContext, tool: Tool, output: &ToolOutput) -> ToolOutcome;

    /// Ends what a call has left running in the workspace: its whole process group. Says what it did, as the result of
    /// the call; nothing when there is no more to say than that the call was interrupted.
    async fn end(&self, context: &ToolContext, tool_name: &str) -> Option<Value>;

    /// Finds out where paths lead in the workspace of a call.
    async fn places(&self, context: &ToolContext, paths: Vec<String>) -> Result<Places, ToolError>;

    /// Notes that a chat works in a workspace, so that it is not stopped for lack of use.
    async fn note_use(&self, owner: UserId, workspace: WorkspaceId);
}
