//! The tools that the model may ask for: what they take, how they are described, and the trait that carries them out.

pub(crate) mod run;
pub(crate) mod schema;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};
use thiserror::Error;
use warren_chat_proto::{OpenCall, Part};
use warren_db::{Database, DbError, query};
use warren_vocab::{ChatId, MessageRole, OrganizationId, TemplateId, UserId, WorkspaceId};

use crate::parts::EpisodeWriter;

/// Output of one call that is shown while it runs, in bytes; the rest appears in the result only.
const STREAMED_BYTES_MAX: usize = 64 * 1024;

/// On whose behalf and where a tool runs.
#[derive(Debug, Clone)]
pub struct ToolContext {
    pub chat: ChatId,
    pub owner: UserId,
    pub organization: OrganizationId,
    /// The workspace of the chat, once it has one.
    pub workspace: Option<WorkspaceId>,
    /// Unique within the deployment; a process that is started under this id never runs twice.
    pub call_id: String,
}

impl ToolContext {
    /// The chat's workspace.
    ///
    /// # Errors
    /// Tells the model to make one first.
    pub fn workspace(&self) -> Result<WorkspaceId, ToolError> {
        self.workspace.ok_or_else(|| {
            ToolError::new("This chat has no workspace yet. Use list_templates and create_workspace first.")
        })
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
}

/// `execute`.
#[derive(Debug, Clone, Deserialize)]
pub struct Execute {
    pub command: String,
    /// For example `30s`.
    #[serde(default)]
    pub timeout: Option<String>,
    #[serde(default)]
    pub workdir: Option<String>,
}

/// `read_file`.
#[derive(Debug, Clone, Deserialize)]
pub struct ReadFile {
    pub path: String,
    /// The first line, counted from 1.
    #[serde(default)]
    pub offset: Option<i64>,
    /// Lines.
    #[serde(default)]
    pub limit: Option<i64>,
}

/// `write_file`.
#[derive(Debug, Clone, Deserialize)]
pub struct WriteFile {
    pub path: String,
    pub content: String,
}

/// `edit_files`; the shape is checked by the agent.
#[derive(Debug, Clone, Deserialize)]
pub struct EditFiles {
    pub files: Value,
}

/// `create_workspace`.
#[derive(Debug, Clone, Deserialize)]
pub struct CreateWorkspace {
    pub template_id: TemplateId,
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default)]
    pub parameters: Option<Value>,
}

/// Carries out tools in workspaces. Dropping the future of a call ends it.
#[async_trait]
pub trait WorkspaceTools: Send + Sync {
    async fn list_templates(&self, context: &ToolContext, query: Option<&str>) -> Result<Value, ToolError>;

    /// Makes a workspace, attaches it to the chat with [`ToolOutput::attach`] as soon as it exists, and waits until its agent
    /// is ready; says on the way what it waits for.
    async fn create_workspace(
        &self,
        context: &ToolContext,
        arguments: CreateWorkspace,
        output: &ToolOutput,
    ) -> Result<Value, ToolError>;

    async fn execute(
        &self,
        context: &ToolContext,
        arguments: Execute,
        output: &ToolOutput,
    ) -> Result<Value, ToolError>;

    async fn read_file(&self, context: &ToolContext, arguments: ReadFile) -> Result<Value, ToolError>;

    async fn write_file(&self, context: &ToolContext, arguments: WriteFile) -> Result<Value, ToolError>;

    async fn edit_files(&self, context: &ToolContext, arguments: EditFiles) -> Result<Value, ToolError>;
}

/// Where a tool writes what users see while it runs.
pub struct ToolOutput {
    db: Database,
    chat: ChatId,
    episode: EpisodeWriter,
    call_id: String,
    tool_name: String,
    n_bytes: AtomicUsize,
}

impl ToolOutput {
    pub(crate) fn new(db: Database, chat: ChatId, episode: EpisodeWriter, call: &OpenCall) -> Self {
        Self {
            db,
            chat,
            episode,
            call_id: call.call_id.clone(),
            tool_name: call.tool_name.clone(),
            n_bytes: AtomicUsize::new(0),
        }
    }

    /// Attaches a workspace to the chat. Done before it is ready, so that a crash does not lose it.
    ///
    /// # Errors
    /// Fails when the database does.
    pub async fn attach(&self, workspace: WorkspaceId) -> Result<(), ToolError> {
        let chat = self.chat;
        let attached = self.db.write(async |tx| query::chats::set_workspace(tx, chat, Some(workspace)).await);
        attached.await.map_err(|error: DbError| {
            tracing::error!(%error, chat.id = %chat, "a workspace could not be attached to its chat");
            ToolError::new("The workspace was created but could not be attached to this chat.")
        })
    }

    /// Shows more output.
    pub async fn write(&self, text: &str) {
        let before = self.n_bytes.fetch_add(text.len(), Ordering::Relaxed);
        if text.is_empty() || before > STREAMED_BYTES_MAX {
            return;
        }
        let part = Part::result_delta(&self.call_id, &self.tool_name, text);
        self.episode.push(MessageRole::Tool, part).await;
    }
}
