//! The parts of messages, in the form in which they are stored.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use warren_vocab::MessageRole;

/// A part of a message. Deltas and resets occur only in parts of an answer that is being written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Part {
    /// Text; an increment when streamed.
    Text {
        #[serde(default)]
        text: String,
    },
    /// What the model thought; an increment when streamed.
    Reasoning {
        #[serde(default)]
        text: String,
        /// The provider's seal over the text, which it wants back unchanged.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        signature: Option<String>,
        /// What the provider wants back besides, in its own form. Never shown.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        provider_metadata: Option<Value>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        created_at: Option<DateTime<Utc>>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        completed_at: Option<DateTime<Utc>>,
    },
    /// The model asks for a tool.
    ToolCall {
        tool_call_id: String,
        tool_name: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        args: Option<Value>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        args_delta: Option<String>,
        /// The provider runs the tool itself; its result is in the same message.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        provider_executed: bool,
        /// What the provider wants back besides, in its own form. Never shown.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        provider_metadata: Option<Value>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        created_at: Option<DateTime<Utc>>,
    },
    /// What the tool answered.
    ToolResult {
        tool_call_id: String,
        tool_name: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        result: Option<Value>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        result_delta: Option<String>,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        result_reset: bool,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        is_error: bool,
        /// The result is a picture or the like.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        is_media: bool,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        provider_executed: bool,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        created_at: Option<DateTime<Utc>>,
    },
    /// Where the model has something from.
    Source {
        #[serde(default)]
        source_id: String,
        #[serde(default)]
        url: String,
        #[serde(default)]
        title: String,
    },
    /// A file, by its id or with its bytes in base64.
    File {
        #[serde(default)]
        media_type: String,
        #[serde(default)]
        name: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        file_id: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        data: Option<String>,
    },
    /// Lines of a file that the user points at.
    FileReference {
        file_name: String,
        #[serde(default)]
        start_line: i64,
        #[serde(default)]
        end_line: i64,
        #[serde(default)]
        content: String,
    },
    /// A part of a kind that this program does not know. It is shown as nothing.
    #[serde(other)]
    Unknown,
}

impl Part {
    /// Makes a text part.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text { text: text.into() }
    }

    /// Makes a reasoning part.
    pub fn reasoning(text: impl Into<String>) -> Self {
        Self::Reasoning {
            text: text.into(),
            signature: None,
            provider_metadata: None,
            created_at: None,
            completed_at: None,
        }
    }

    /// Makes the first part of a streamed tool call, or a further piece of its arguments.
    pub fn args_delta(
        call_id: impl Into<String>,
        tool_name: impl Into<String>,
        delta: impl Into<String>,
    ) -> Self {
        Self::args_delta_of_provider(call_id, tool_name, delta, false, None)
    }

    /// The same for a call that the provider runs itself or wants something back with.
    pub fn args_delta_of_provider(
        call_id: impl Into<String>,
        tool_name: impl Into<String>,
        delta: impl Into<String>,
        is_run_by_provider: bool,
        metadata: Option<Value>,
    ) -> Self {
        Self::ToolCall {
            tool_call_id: call_id.into(),
            tool_name: tool_name.into(),
            args: None,
            args_delta: Some(delta.into()),
            provider_executed: is_run_by_provider,
            provider_metadata: metadata,
            created_at: None,
        }
    }

    /// Makes a piece of a tool's output.
    pub fn result_delta(
        call_id: impl Into<String>,
        tool_name: impl Into<String>,
        delta: impl Into<String>,
    ) -> Self {
        Self::ToolResult {
            tool_call_id: call_id.into(),
            tool_name: tool_name.into(),
            result: None,
            result_delta: Some(delta.into()),
            result_reset: false,
            is_error: false,
            is_media: false,
            provider_executed: false,
            created_at: None,
        }
    }

    /// Makes a complete tool call.
    pub fn tool_call(call_id: impl Into<String>, tool_name: impl Into<String>, args: Value) -> Self {
        Self::ToolCall {
            tool_call_id: call_id.into(),
            tool_name: tool_name.into(),
            args: Some(args),
            args_delta: None,
            provider_executed: false,
            provider_metadata: None,
            created_at: None,
        }
    }

    /// Makes a complete tool result.
    pub fn tool_result(
        call_id: impl Into<String>,
        tool_name: impl Into<String>,
        result: Value,
        is_error: bool,
    ) -> Self {
        Self::ToolResult {
            tool_call_id: call_id.into(),
            tool_name: tool_name.into(),
            result: Some(result),
            result_delta: None,
            result_reset: false,
            is_error,
            is_media: false,
            provider_executed: false,
            created_at: None,
        }
    }

    /// Appends an increment of the same kind, so that one part carries both. Gives the part back when it does not fit.
    #[must_use]
    pub fn absorb(&mut self, next: Self) -> Option<Self> {
        match (self, next) {
            (Self::Text { text }, Self::Text { text: more }) => {
                text.push_str(&more);
                None
            }
            // The seal comes last; what follows it is another thought.
            (
                Self::Reasoning { text, signature, provider_metadata, completed_at, .. },
                Self::Reasoning {
                    text: more,
                    signature: seal,
                    provider_metadata: metadata,
                    completed_at: end,
                    ..
                },
            ) if signature.is_none() && provider_metadata.is_none() && completed_at.is_none() => {
                text.push_str(&more);
                (*signature, *provider_metadata, *completed_at) = (seal, metadata, end);
                None
            }
            (
                Self::ToolCall {
                    tool_call_id: id,
                    args: None,
                    args_delta: Some(delta),
                    provider_metadata,
                    ..
                },
                Self::ToolCall {
                    tool_call_id: next_id,
                    args: None,
                    args_delta: Some(more),
                    provider_metadata: metadata,
                    ..
                },
            ) if *id == next_id => {
                delta.push_str(&more);
                if metadata.is_some() {
                    *provider_metadata = metadata;
                }
                None
            }
            (
                Self::ToolResult { tool_call_id: id, result: None, result_delta: Some(delta), .. },
                Self::ToolResult {
                    tool_call_id: next_id,
                    result: None,
                    result_delta: Some(more),
                    result_reset: false,
                    ..
                },
            ) if *id == next_id => {
                delta.push_str(&more);
                None
            }
            (_, next) => Some(next),
        }
    }

    /// The text of a text part.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text { text } => Some(text),
            Self::Reasoning { .. }
            | Self::ToolCall { .. }
            | Self::ToolResult { .. }
            | Self::FileReference { .. }
            | Self::Source { .. }
            | Self::File { .. }
            | Self::Unknown => None,
        }
    }

    /// Bytes of text inside, for buffer bounds.
    pub fn len(&self) -> usize {
        match self {
            Self::Text { text } | Self::Reasoning { text, .. } => text.len(),
            Self::ToolCall { args_delta, .. } => args_delta.as_ref().map_or(64, String::len),
            Self::ToolResult { result_delta, .. } => result_delta.as_ref().map_or(64, String::len),
            Self::FileReference { content, .. } => content.len(),
            Self::Source { url, title, .. } => url.len() + title.len(),
            Self::File { data, .. } => data.as_ref().map_or(64, String::len),
            Self::Unknown => 0,
        }
    }

    /// Whether the part has no text at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A part of an answer that is being written, with its place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StreamPart {
    pub role: MessageRole,
    pub part: Part,
    pub history_version: i64,
    pub generation_attempt: i64,
    /// Counts from 1 within (history version, attempt), without gaps.
    pub seq: i64,
}
