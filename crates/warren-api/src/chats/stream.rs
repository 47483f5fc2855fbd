//! Events of a chat's live stream and of the list of chats.
//!
//! The stream sends frames of 1 to 256 events: text messages of a WebSocket, each a JSON array and a newline or, for
//! clients that ask for it, an [`Envelope`] around the array; or blocks of Server-Sent Events with the array as data.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use warren_vocab::{ChatErrorKind, ChatId, ChatStatus, MessageRole};

use super::{Chat, ChatApproval, ChatError, ChatMessage, ChatMessagePart, ChatQueuedMessage};

/// The most events in one frame.
pub const STREAM_EVENTS_PER_FRAME_MAX: usize = 256;

/// One event: the payload field named by `type` is set, the others are absent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ChatStreamEvent {
    #[serde(rename = "type")]
    pub event_type: ChatStreamEventType,
    pub chat_id: ChatId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<ChatMessage>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_part: Option<ChatStreamMessagePart>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<ChatStreamStatus>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ChatError>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<ChatStreamRetry>,
    /// The whole queue; absent means empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub queued_messages: Vec<ChatQueuedMessage>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action_required: Option<ChatStreamActionRequired>,
    /// Where the viewer is after this event; only the last event of a frame has it. `?cursor=` goes on there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

impl ChatStreamEvent {
    /// Makes an event without payload; the caller sets the field that belongs to the type.
    pub const fn new(chat_id: ChatId, event_type: ChatStreamEventType) -> Self {
        Self {
            event_type,
            chat_id,
            message: None,
            message_part: None,
            status: None,
            error: None,
            retry: None,
            queued_messages: Vec::new(),
            action_required: None,
            cursor: None,
        }
    }
}

/// What an event of a chat's stream says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChatStreamEventType {
    MessagePart,
    Message,
    Status,
    Error,
    Retry,
    QueueUpdate,
    ActionRequired,
    /// Drop the preview of the answer that is not committed.
    PreviewReset,
    /// Drop all messages; the whole history follows.
    HistoryReset,
}

/// A part of an answer that is being written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ChatStreamMessagePart {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<MessageRole>,
    pub part: ChatMessagePart,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub history_version: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation_attempt: Option<i64>,
    /// Counts from 1 within (history version, generation attempt), without gaps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<i64>,
}

/// The chat's status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChatStreamStatus {
    pub status: ChatStatus,
}

/// The model's provider failed and will be asked again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChatStreamRetry {
    /// The attempt that failed, counted from 1.
    pub attempt: i64,
    pub delay_ms: i64,
    pub error: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<ChatErrorKind>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_code: Option<u16>,
    pub retrying_at: DateTime<Utc>,
}

/// The chat waits for somebody outside.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChatStreamActionRequired {
    /// Calls of tools that the client runs.
    pub tool_calls: Vec<ChatStreamToolCall>,
    /// Calls that wait for the user's approval.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvals: Vec<ChatApproval>,
}

/// A tool call that a client answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChatStreamToolCall {
    pub tool_call_id: String,
    pub tool_name: String,
    /// The arguments as JSON text.
    pub args: String,
}

/// What is around the payload of a frame where a client asks for `framing=envelope`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope<T> {
    #[serde(rename = "type")]
    pub kind: EnvelopeKind,
    #[serde(default = "Option::default", skip_serializing_if = "Option::is_none")]
    pub data: Option<T>,
}

/// What an envelope holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EnvelopeKind {
    Data,
    /// Nothing: the connection is open.
    Ping,
    Error,
}

/// One frame of `GET /api/experimental/chats/watch`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ChatWatchEvent {
    pub kind: ChatWatchEventKind,
    pub chat: Chat,
    /// With `action_required`: calls of tools that the client runs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ChatStreamToolCall>,
}

/// What happened to a chat in the caller's list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChatWatchEventKind {
    StatusChange,
    TitleChange,
    Created,
    Deleted,
    SummaryChange,
    DiffStatusChange,
    ActionRequired,
    ContextDirty,
}
