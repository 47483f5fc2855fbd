//! Chats: requests, messages and answers. The live stream's events are in [`stream`], tools and approvals in [`tools`],
//! settings in [`settings`], and what chats cost in [`usage`].

pub mod part;
pub mod settings;
pub mod stream;
pub mod tools;
pub mod usage;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;
use warren_vocab::{
    AgentId, BuildId, BusyBehavior, ChatErrorKind, ChatId, ChatStatus, ClientType, MessageId, MessageRole,
    ModelConfigId, OrganizationId, QueuedMessageId, UserId, WorkspaceId,
};

pub use part::{ChatInputPart, ChatMessagePart};
pub use stream::{
    ChatStreamActionRequired, ChatStreamEvent, ChatStreamEventType, ChatStreamMessagePart, ChatStreamRetry,
    ChatStreamStatus, ChatStreamToolCall, ChatWatchEvent, ChatWatchEventKind,
};
pub use tools::{
    ChatApproval, ChatApprovalDecision, ChatApprovalReason, ChatApprovalsResponse, ChatToolResult,
    DecideChatApprovalsRequest, DynamicTool, SubmitToolResultsRequest,
};

use crate::wire::{nil_as_none, null_as_default};

/// A chat.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Chat {
    pub id: ChatId,
    pub organization_id: OrganizationId,
    pub owner_id: UserId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner_username: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace_id: Option<WorkspaceId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build_id: Option<BuildId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<AgentId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_chat_id: Option<ChatId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root_chat_id: Option<ChatId>,
    pub last_model_config_id: ModelConfigId,
    pub title: String,
    pub status: ChatStatus,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan_mode: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<ChatError>,
    pub last_turn_summary: Option<String>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub archived: bool,
    pub shared: bool,
    pub pin_order: i32,
    pub mcp_server_ids: Vec<Uuid>,
    pub labels: BTreeMap<String, String>,
    pub has_unread: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    pub client_type: ClientType,
    #[schema(no_recursion)]
    pub children: Vec<Chat>,
}

/// Why a chat stopped, or what its model's provider answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChatError {
    /// A sentence for the user.
    pub message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<ChatErrorKind>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    pub retryable: bool,
    /// The HTTP status that the provider answered with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_code: Option<u16>,
}

/// `POST /api/experimental/chats`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CreateChatRequest {
    pub organization_id: OrganizationId,
    pub content: Vec<ChatInputPart>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system_prompt: Option<String>,
    #[serde(default, deserialize_with = "nil_as_none", skip_serializing_if = "Option::is_none")]
    pub workspace_id: Option<WorkspaceId>,
    #[serde(default, deserialize_with = "nil_as_none", skip_serializing_if = "Option::is_none")]
    pub model_config_id: Option<ModelConfigId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<BTreeMap<String, String>>,
    /// Servers of tools are not offered yet: only an empty list is accepted.
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub mcp_server_ids: Vec<Uuid>,
    /// Tools that the client runs when the model calls them.
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub unsafe_dynamic_tools: Vec<DynamicTool>,
    /// Plan mode is not offered yet: only an empty text is accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan_mode: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_type: Option<ClientType>,
}

impl CreateChatRequest {
    /// A request for a chat without workspace and labels, with the default model.
    pub const fn new(organization_id: OrganizationId, content: Vec<ChatInputPart>) -> Self {
        Self {
            organization_id,
            content,
            system_prompt: None,
            workspace_id: None,
            model_config_id: None,
            labels: None,
            mcp_server_ids: Vec::new(),
            unsafe_dynamic_tools: Vec::new(),
            plan_mode: None,
            client_type: None,
        }
    }
}

/// `PATCH /api/experimental/chats/{chat}`: an absent field stays as it is.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct UpdateChatRequest {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archived: Option<bool>,
    /// The all-zero id takes the workspace away from the chat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace_id: Option<WorkspaceId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pin_order: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<BTreeMap<String, String>>,
    /// Plan mode is not offered yet: only an empty text is accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan_mode: Option<String>,
}

/// A committed message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ChatMessage {
    pub id: MessageId,
    pub chat_id: ChatId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_by: Option<UserId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_config_id: Option<ModelConfigId>,
    pub created_at: DateTime<Utc>,
    pub role: MessageRole,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub content: Vec<ChatMessagePart>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<ChatMessageUsage>,
}

/// What a message cost, in tokens.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChatMessageUsage {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_tokens: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_tokens: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_tokens: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasoning_tokens: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_creation_tokens: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_read_tokens: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context_limit: Option<i64>,
}

/// A message that waits until the chat is free.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ChatQueuedMessage {
    pub id: QueuedMessageId,
    pub chat_id: ChatId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_config_id: Option<ModelConfigId>,
    pub content: Vec<ChatMessagePart>,
    pub created_at: DateTime<Utc>,
}

/// `GET /api/experimental/chats/{chat}/messages`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ChatMessagesResponse {
    pub messages: Vec<ChatMessage>,
    pub queued_messages: Vec<ChatQueuedMessage>,
    pub has_more: bool,
}

/// `POST /api/experimental/chats/{chat}/messages`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CreateChatMessageRequest {
    pub content: Vec<ChatInputPart>,
    #[serde(default, deserialize_with = "nil_as_none", skip_serializing_if = "Option::is_none")]
    pub model_config_id: Option<ModelConfigId>,
    /// Servers of tools are not offered yet: only an empty list is accepted.
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub mcp_server_ids: Vec<Uuid>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub busy_behavior: Option<BusyBehavior>,
    /// Plan mode is not offered yet: only an empty text is accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan_mode: Option<String>,
}

impl CreateChatMessageRequest {
    /// A message for the chat's model that waits while the chat is busy.
    pub const fn new(content: Vec<ChatInputPart>) -> Self {
        Self {
            content,
            model_config_id: None,
            mcp_server_ids: Vec::new(),
            busy_behavior: None,
            plan_mode: None,
        }
    }
}

/// The answer to a sent message: it is in the history, or it waits in the queue.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CreateChatMessageResponse {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<ChatMessage>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queued_message: Option<ChatQueuedMessage>,
    pub queued: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// `PATCH /api/experimental/chats/{chat}/messages/{message}`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct EditChatMessageRequest {
    pub content: Vec<ChatInputPart>,
    #[serde(default, deserialize_with = "nil_as_none", skip_serializing_if = "Option::is_none")]
    pub model_config_id: Option<ModelConfigId>,
}

/// The answer to an edit.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct EditChatMessageResponse {
    pub message: ChatMessage,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// The answer to a promotion: the message, if it went into the history at once.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct PromoteChatQueuedMessageResponse {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<ChatMessage>,
}

/// `GET /api/experimental/chats/{chat}/prompts`: the newest first.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ChatPromptsResponse {
    pub prompts: Vec<ChatPrompt>,
}

/// What a user wrote earlier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChatPrompt {
    pub id: MessageId,
    pub text: String,
}

/// `POST /api/experimental/chats/{chat}/title/propose`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProposeChatTitleResponse {
    pub title: String,
}
