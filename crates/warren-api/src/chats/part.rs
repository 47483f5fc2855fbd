//! The parts that messages are made of.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// A part of a message, committed or streamed. Fields whose name ends in `_delta`, and `result_reset`, occur only
/// in streamed parts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum ChatMessagePart {
    /// Text; an increment when streamed.
    Text {
        #[serde(default)]
        text: String,
    },
    /// What the model thought; an increment when streamed.
    Reasoning {
        #[serde(default)]
        text: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        created_at: Option<DateTime<Utc>>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        completed_at: Option<DateTime<Utc>>,
    },
    /// The model asks for a tool.
    ToolCall {
        tool_call_id: String,
        tool_name: String,
        /// The arguments as the model gave them: any JSON.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(value_type = Option<Object>)]
        args: Option<serde_json::Value>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        args_delta: Option<String>,
        /// The model's provider ran the tool itself.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        provider_executed: bool,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        created_at: Option<DateTime<Utc>>,
    },
    /// What the tool answered.
    ToolResult {
        tool_call_id: String,
        tool_name: String,
        /// The result: any JSON.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(value_type = Option<Object>)]
        result: Option<serde_json::Value>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        result_delta: Option<String>,
        /// Drops the deltas so far.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        result_reset: bool,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        is_error: bool,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        is_media: bool,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        provider_executed: bool,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        created_at: Option<DateTime<Utc>>,
    },
    /// A page or document that the model used.
    Source {
        url: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        source_id: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        title: Option<String>,
    },
    /// A file.
    File {
        media_type: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        /// Base64.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        data: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        file_id: Option<Uuid>,
    },
    /// Lines of a file in the workspace.
    FileReference {
        file_name: String,
        #[serde(default)]
        start_line: i64,
        #[serde(default)]
        end_line: i64,
        #[serde(default)]
        content: String,
    },
    /// An instruction file that was added to the context.
    ContextFile {
        context_file_path: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        context_file_truncated: Option<bool>,
    },
    /// A skill that was added to the context.
    Skill {
        skill_name: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        skill_description: Option<String>,
    },
}

impl ChatMessagePart {
    /// Makes a text part.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text { text: text.into() }
    }
}

/// A part of a message that a user sends. One flat object: which fields count depends on `type`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChatInputPart {
    /// `text`, `file` or `file-reference`.
    #[serde(rename = "type")]
    pub part_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_id: Option<Uuid>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_line: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_line: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
}

impl ChatInputPart {
    /// Makes a text part.
    pub fn text(text: impl Into<String>) -> Self {
        Self {
            part_type: "text".into(),
            text: Some(text.into()),
            file_id: None,
            file_name: None,
            start_line: None,
            end_line: None,
            content: None,
        }
    }
}
