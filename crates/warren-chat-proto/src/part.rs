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
    },
    /// The model asks for a tool.
    ToolCall {
        tool_call_id: String,
        tool_name: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        args: Option<Value>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        args_delta: Option<String>,
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
        #[serde(default, skip_serializing_if = "Option::is_none")]
        created_at: Option<DateTime<Utc>>,
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
}

impl Part {
    /// Makes a text part.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text { text: text.into() }
    }

    /// Makes the first part of a streamed tool call, or a further piece of its arguments.
    pub fn args_delta(
        call_id: impl Into<String>,
        tool_name: impl Into<String>,
        delta: impl Into<String>,
    ) -> Self {
        Self::ToolCall {
            tool_call_id: call_id.into(),
            tool_name: tool_name.into(),
            args: None,
            args_delta: Some(delta.into()),
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
            created_at: None,
        }
    }

    /// Appends an increment of the same kind, so that one part carries both. Gives the part back when it does not fit.
    #[must_use]
    pub fn absorb(&mut self, next: Self) -> Option<Self> {
        match (self, next) {
            (Self::Text { text }, Self::Text { text: more })
            | (Self::Reasoning { text }, Self::Reasoning { text: more }) => {
                text.push_str(&more);
                None
            }
            (
                Self::ToolCall { tool_call_id: id, args: None, args_delta: Some(delta), .. },
                Self::ToolCall { tool_call_id: next_id, args: None, args_delta: Some(more), .. },
            ) if *id == next_id => {
                delta.push_str(&more);
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

    /// Bytes of text inside, for buffer bounds.
    pub fn len(&self) -> usize {
        match self {
            Self::Text { text } | Self::Reasoning { text } => text.len(),
            Self::ToolCall { args_delta, .. } => args_delta.as_ref().map_or(64, String::len),
            Self::ToolResult { result_delta, .. } => result_delta.as_ref().map_or(64, String::len),
            Self::FileReference { content, .. } => content.len(),
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
