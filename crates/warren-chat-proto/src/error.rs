//! What is stored of a failure.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use warren_vocab::ChatErrorKind;

/// Why a chat stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatError {
    /// A sentence for the user.
    pub message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<ChatErrorKind>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// Whether sending the message again may help.
    #[serde(default)]
    pub retryable: bool,
    /// The HTTP status that the provider answered with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_code: Option<u16>,
}

impl ChatError {
    /// An error of the server itself, without a provider's answer.
    pub fn generic(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            detail: None,
            kind: Some(ChatErrorKind::Generic),
            provider: None,
            retryable: false,
            status_code: None,
        }
    }
}

/// A provider failed and will be asked again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetryState {
    /// The attempt that failed, counted from 1.
    pub attempt: i64,
    pub delay_ms: i64,
    /// A sentence for the user.
    pub error: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<ChatErrorKind>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_code: Option<u16>,
    pub retrying_at: DateTime<Utc>,
}
