//! Messages as they stand in the history and in the queue.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use warren_vocab::{
    ChatId, MessageId, MessageRole, MessageVisibility, ModelConfigId, QueuedMessageId, UserId,
};

use crate::part::Part;

/// A message of the history.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    pub id: MessageId,
    pub chat_id: ChatId,
    pub created_by: Option<UserId>,
    pub model_config_id: Option<ModelConfigId>,
    pub created_at: DateTime<Utc>,
    pub role: MessageRole,
    pub visibility: MessageVisibility,
    /// A summary of what was before, or what shows users that one was made.
    pub compressed: bool,
    pub content: Vec<Part>,
    pub usage: Option<Usage>,
    /// The snapshot version that wrote the message last.
    pub revision: i64,
}

/// What an answer cost, in tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    pub input_tokens: Option<i64>,
    pub output_tokens: Option<i64>,
    pub total_tokens: Option<i64>,
    pub reasoning_tokens: Option<i64>,
    pub cache_creation_tokens: Option<i64>,
    pub cache_read_tokens: Option<i64>,
    /// What the model can hold.
    pub context_limit: Option<i64>,
    /// Millionths of a dollar; none when no price is known.
    pub total_cost_micros: Option<i64>,
}

/// A message that waits until the chat is free.
#[derive(Debug, Clone, PartialEq)]
pub struct QueuedMessage {
    pub id: QueuedMessageId,
    pub chat_id: ChatId,
    pub created_by: UserId,
    pub model_config_id: ModelConfigId,
    pub content: Vec<Part>,
    pub created_at: DateTime<Utc>,
}
