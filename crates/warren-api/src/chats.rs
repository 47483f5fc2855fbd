//! Chats: requests, messages and answers. The live stream's events are in [`stream`].

pub mod part;
pub mod stream;

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

use crate::wire::nil_as_none;

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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_type: Option<ClientType>,
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub busy_behavior: Option<BusyBehavior>,
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
