//! What chats cost and what may be spent. Amounts are millionths of a dollar.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;
use warren_vocab::{ChatId, ModelConfigId, UserId};

/// How often spending begins anew, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChatUsageLimitPeriod {
    Day,
    Week,
    Month,
}

/// `GET /api/experimental/chats/usage-limits`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ChatUsageLimitConfigResponse {
    /// What everybody may spend in a period; `null` when there is no limit.
    pub spend_limit_micros: Option<i64>,
    pub period: ChatUsageLimitPeriod,
    pub updated_at: DateTime<Utc>,
    /// Models that are used without a price: what they cost is not counted.
    pub unpriced_model_count: i64,
    pub overrides: Vec<ChatUsageLimitOverride>,
    pub group_overrides: Vec<ChatUsageLimitGroupOverride>,
}

/// `PUT /api/experimental/chats/usage-limits`, and its answer.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ChatUsageLimitConfig {
    /// `null` turns the limit off.
    pub spend_limit_micros: Option<i64>,
    pub period: ChatUsageLimitPeriod,
    #[serde(default)]
    pub updated_at: DateTime<Utc>,
}

/// What one account may spend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChatUsageLimitOverride {
    pub user_id: UserId,
    pub username: String,
    pub name: String,
    pub avatar_url: String,
    pub spend_limit_micros: Option<i64>,
}

/// What every member of a group may spend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChatUsageLimitGroupOverride {
    pub group_id: Uuid,
    pub group_name: String,
    pub group_display_name: String,
    pub group_avatar_url: String,
    pub member_count: i64,
    pub spend_limit_micros: Option<i64>,
}

/// `PUT /api/experimental/chats/usage-limits/overrides/{user}`.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
pub struct UpsertChatUsageLimitOverrideRequest {
    /// More than 0.
    pub spend_limit_micros: i64,
}

/// `GET /api/experimental/chats/usage-limits/status`: where the caller stands.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ChatUsageLimitStatus {
    pub is_limited: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period: Option<ChatUsageLimitPeriod>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spend_limit_micros: Option<i64>,
    pub current_spend: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period_start: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period_end: Option<DateTime<Utc>>,
}

/// The body of the 409 that a message gets when nothing is left to spend.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ChatUsageLimitExceededResponse {
    pub message: String,
    pub spent_micros: i64,
    pub limit_micros: i64,
    pub resets_at: DateTime<Utc>,
}

/// `GET /api/experimental/chats/cost/{user}/summary`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ChatCostSummary {
    pub start_date: DateTime<Utc>,
    pub end_date: DateTime<Utc>,
    pub total_cost_micros: i64,
    /// The part of it that was estimated, because an answer was cut off before the provider said what it used.
    #[serde(default)]
    pub estimated_cost_micros: i64,
    pub priced_message_count: i64,
    pub unpriced_message_count: i64,
    pub total_input_tokens: i64,
    pub total_output_tokens: i64,
    pub total_cache_read_tokens: i64,
    pub total_cache_creation_tokens: i64,
    pub total_runtime_ms: i64,
    pub by_model: Vec<ChatCostModelBreakdown>,
    pub by_chat: Vec<ChatCostChatBreakdown>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage_limit: Option<ChatUsageLimitStatus>,
}

/// What one model cost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChatCostModelBreakdown {
    pub model_config_id: Option<ModelConfigId>,
    pub display_name: String,
    pub provider: String,
    pub model: String,
    pub total_cost_micros: i64,
    /// The part of it that was estimated, because an answer was cut off before the provider said what it used.
    #[serde(default)]
    pub estimated_cost_micros: i64,
    pub message_count: i64,
    pub total_input_tokens: i64,
    pub total_output_tokens: i64,
    pub total_cache_read_tokens: i64,
    pub total_cache_creation_tokens: i64,
    pub total_runtime_ms: i64,
}

/// What one chat cost, with those that it made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChatCostChatBreakdown {
    pub root_chat_id: ChatId,
    pub chat_title: String,
    pub total_cost_micros: i64,
    /// The part of it that was estimated, because an answer was cut off before the provider said what it used.
    #[serde(default)]
    pub estimated_cost_micros: i64,
    pub message_count: i64,
    pub total_input_tokens: i64,
    pub total_output_tokens: i64,
    pub total_cache_read_tokens: i64,
    pub total_cache_creation_tokens: i64,
    pub total_runtime_ms: i64,
}

/// `GET /api/experimental/chats/cost/users`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ChatCostUsersResponse {
    pub start_date: DateTime<Utc>,
    pub end_date: DateTime<Utc>,
    /// How many there are in all.
    pub count: i64,
    pub users: Vec<ChatCostUserRollup>,
}

/// What one account's chats cost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChatCostUserRollup {
    pub user_id: UserId,
    pub username: String,
    pub name: String,
    pub avatar_url: String,
    pub total_cost_micros: i64,
    /// The part of it that was estimated, because an answer was cut off before the provider said what it used.
    #[serde(default)]
    pub estimated_cost_micros: i64,
    pub message_count: i64,
    pub chat_count: i64,
    pub total_input_tokens: i64,
    pub total_output_tokens: i64,
    pub total_cache_read_tokens: i64,
    pub total_cache_creation_tokens: i64,
    pub total_runtime_ms: i64,
}
