//! Settings of chats: of the deployment and of single accounts.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use warren_vocab::{ModelConfigId, TemplateId};

use crate::wire::null_as_default;

/// `GET /api/experimental/chats/config/system-prompt`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChatSystemPrompt {
    pub system_prompt: String,
    pub include_default_system_prompt: bool,
    pub default_system_prompt: String,
}

/// `PUT /api/experimental/chats/config/system-prompt`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UpdateChatSystemPromptRequest {
    pub system_prompt: String,
    /// Whether the built-in prompt comes before it; absent: as it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub include_default_system_prompt: Option<bool>,
}

/// `/api/experimental/chats/config/user-prompt`: what every model is told about the account's wishes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UserChatCustomPrompt {
    pub custom_prompt: String,
}

/// `/api/experimental/chats/config/retention-days`: 0 keeps archived chats for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChatRetentionDays {
    pub retention_days: i64,
}

/// `/api/experimental/chats/config/auto-archive-days`: 0 never archives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChatAutoArchiveDays {
    pub auto_archive_days: i64,
}

/// `/api/experimental/chats/config/workspace-ttl`: how long workspaces that chats make run; 0 leaves it to their templates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChatWorkspaceTtl {
    pub workspace_ttl_ms: i64,
}

/// `/api/experimental/chats/config/template-allowlist`: the templates that chats may use; all when empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChatTemplateAllowlist {
    #[serde(deserialize_with = "null_as_default")]
    pub template_ids: Vec<TemplateId>,
}

/// `GET /api/experimental/chats/config/model-override/{context}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChatModelOverride {
    pub context: String,
    /// Empty when the chat's own model is used.
    pub model_config_id: String,
    /// The stored value cannot be read and counts as unset.
    pub is_malformed: bool,
}

/// `PUT /api/experimental/chats/config/model-override/{context}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UpdateChatModelOverrideRequest {
    /// Empty takes the override away.
    pub model_config_id: String,
}

/// `GET /api/experimental/chats/config/user-compaction-thresholds`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UserChatCompactionThresholds {
    pub thresholds: Vec<UserChatCompactionThreshold>,
}

/// At which part of a model's context the account wants its chats compacted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UserChatCompactionThreshold {
    pub model_config_id: ModelConfigId,
    /// 0 to 100; 100 never compacts.
    pub threshold_percent: i32,
}

/// `PUT /api/experimental/chats/config/user-compaction-thresholds/{modelConfig}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UpdateUserChatCompactionThresholdRequest {
    pub threshold_percent: i32,
}

/// `/api/experimental/chats/config/tool-approvals` and `user-tool-approvals`: the first rule that fits a tool call decides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChatToolApprovals {
    #[serde(deserialize_with = "null_as_default")]
    pub rules: Vec<ChatApprovalRule>,
}

/// Which tool calls run, are asked about, or are refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChatApprovalRule {
    /// A pattern for the tool's name, such as `write_file` or `*`.
    pub tool: String,
    /// A pattern for the file that the call names, such as `/home/*/project/**`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// A pattern for the whole command, such as `git push*`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// The directory that the call names for its command, word for word; empty where it names none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workdir: Option<String>,
    /// All arguments of the call, as rules that a chat remembers name them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub args: Option<serde_json::Value>,
    pub action: ChatApprovalAction,
}

/// What happens to a tool call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChatApprovalAction {
    /// It runs.
    Allow,
    /// The user is asked.
    Ask,
    /// It is refused.
    Deny,
}
