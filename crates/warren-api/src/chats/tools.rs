//! Tools that clients run, and approvals of tool calls.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A tool that the client runs when the model calls it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DynamicTool {
    pub name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// A JSON schema of an object: the arguments.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub input_schema: serde_json::Value,
}

/// `POST /api/experimental/chats/{chat}/tool-results`: one result for every call that waits for the client.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SubmitToolResultsRequest {
    pub results: Vec<ChatToolResult>,
}

/// What a tool of the client gave.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = ToolResult)]
pub struct ChatToolResult {
    pub tool_call_id: String,
    /// Any JSON.
    #[schema(value_type = Object)]
    pub output: serde_json::Value,
    #[serde(default)]
    pub is_error: bool,
}

/// Why the user is asked about a tool call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChatApprovalReason {
    /// An approval rule asks for it.
    Rule,
    /// The call may have run before the server stopped; approving runs it again.
    OutcomeUnknown,
}

/// A tool call that waits for the user's approval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChatApproval {
    pub tool_call_id: String,
    pub tool_name: String,
    /// The arguments as JSON text.
    pub args: String,
    pub reason: ChatApprovalReason,
    /// A sentence for the user.
    pub message: String,
    pub requested_at: DateTime<Utc>,
    /// After this time the call is refused.
    pub expires_at: DateTime<Utc>,
}

/// `GET /api/experimental/chats/{chat}/approvals`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ChatApprovalsResponse {
    pub approvals: Vec<ChatApproval>,
}

/// `POST /api/experimental/chats/{chat}/approvals`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct DecideChatApprovalsRequest {
    pub decisions: Vec<ChatApprovalDecision>,
}

/// What the user says about a tool call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChatApprovalDecision {
    pub tool_call_id: String,
    pub approve: bool,
    /// Told to the model with a refusal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Answers later calls of the same tool in this chat alike.
    #[serde(default)]
    pub remember: bool,
}
