//! Model providers and model configurations.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use warren_vocab::{AiProviderId, AiProviderKeyId, AiProviderType, ModelConfigId};

use crate::wire::nil_as_none;

/// A configured model provider. Keys are never returned, only masked.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = AIProvider)]
pub struct AiProvider {
    pub id: AiProviderId,
    #[serde(rename = "type")]
    pub provider_type: AiProviderType,
    pub name: String,
    pub display_name: String,
    pub icon: String,
    pub enabled: bool,
    pub base_url: String,
    pub api_keys: Vec<AiProviderKey>,
    #[schema(value_type = Object)]
    pub settings: serde_json::Value,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// A key of a provider, masked.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = AIProviderKey)]
pub struct AiProviderKey {
    pub id: AiProviderKeyId,
    pub masked: String,
    pub created_at: DateTime<Utc>,
}

/// Adds a provider.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = CreateAIProviderRequest)]
pub struct CreateAiProviderRequest {
    #[serde(rename = "type")]
    pub provider_type: AiProviderType,
    pub name: String,
    #[serde(default)]
    pub display_name: String,
    #[serde(default)]
    pub icon: String,
    #[serde(default = "enabled")]
    pub enabled: bool,
    #[serde(default)]
    pub base_url: String,
    #[serde(default)]
    pub api_keys: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub settings: Option<serde_json::Value>,
}

/// Changes a provider: an absent field stays as it is.
#[derive(Clone, Default, Serialize, Deserialize, ToSchema)]
#[schema(as = UpdateAIProviderRequest)]
pub struct UpdateAiProviderRequest {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icon: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    /// The complete new list: entries with an id alone stay, entries with a key alone are new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_keys: Option<Vec<AiProviderKeyMutation>>,
    /// Settings that change: an absent one stays, a null takes it away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub settings: Option<serde_json::Value>,
}

/// One entry of a provider's new list of keys.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = AIProviderKeyMutation)]
pub struct AiProviderKeyMutation {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<AiProviderKeyId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_key: Option<String>,
}

/// A provider that takes keys of single users, and whether the user has stored one.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = UserAIProviderKey)]
pub struct UserAiProviderKey {
    pub ai_provider_id: AiProviderId,
    #[serde(rename = "type")]
    pub provider_type: AiProviderType,
    pub name: String,
    pub display_name: String,
    pub has_user_api_key: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub masked: Option<String>,
}

/// Stores a key of one's own.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = PutUserAIProviderKeyRequest)]
pub struct PutUserAiProviderKeyRequest {
    pub api_key: String,
}

/// A model that chats may use.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ChatModelConfig {
    pub id: ModelConfigId,
    pub ai_provider_id: AiProviderId,
    pub model: String,
    pub display_name: String,
    pub enabled: bool,
    pub is_default: bool,
    /// Tokens.
    pub context_limit: i64,
    /// Percent of the context limit at which a chat is compacted.
    pub compression_threshold: i32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_config: Option<ChatModelCallConfig>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// How a model is called.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ChatModelCallConfig {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_output_tokens: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top_p: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top_k: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub presence_penalty: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frequency_penalty: Option<f64>,
    /// Dollars for a million tokens: `input_price_per_million_tokens` and likewise for `output`, `cache_read`, `cache_write`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub cost: Option<serde_json::Value>,
    /// Options of single providers, by `openai`, `anthropic`, `google`, `openaicompat`, `openrouter` or `vercel`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub provider_options: Option<serde_json::Value>,
}

/// Adds a model.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CreateChatModelConfigRequest {
    #[serde(default, deserialize_with = "nil_as_none", skip_serializing_if = "Option::is_none")]
    pub ai_provider_id: Option<AiProviderId>,
    pub model: String,
    #[serde(default)]
    pub display_name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_default: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context_limit: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compression_threshold: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_config: Option<ChatModelCallConfig>,
}

/// Changes a model: an absent field stays as it is.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct UpdateChatModelConfigRequest {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_default: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context_limit: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compression_threshold: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_config: Option<ChatModelCallConfig>,
}

/// `GET /api/experimental/chats/models`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ChatModelsResponse {
    pub providers: Vec<ChatModelProvider>,
    pub unsupported_providers: Vec<ChatUnsupportedProvider>,
}

/// A provider and the models it offers.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ChatModelProvider {
    pub provider: String,
    pub available: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unavailable_reason: Option<String>,
    pub models: Vec<ChatModel>,
}

/// A model in the list of choices.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ChatModel {
    pub id: String,
    pub provider: String,
    pub model: String,
    pub display_name: String,
}

/// A provider that is configured but cannot serve chats.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ChatUnsupportedProvider {
    pub provider: String,
    pub display_name: String,
}

const fn enabled() -> bool {
    true
}

/// A provider in the form of older clients: one key at most, which is never shown.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ChatProviderConfig {
    pub id: AiProviderId,
    /// The provider's type.
    pub provider: AiProviderType,
    pub display_name: String,
    pub enabled: bool,
    pub has_api_key: bool,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub base_url: String,
    /// `database`: it was added here.
    pub source: String,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// `POST /api/experimental/chats/providers`.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct CreateChatProviderConfigRequest {
    pub provider: AiProviderType,
    #[serde(default)]
    pub display_name: String,
    #[serde(default)]
    pub api_key: String,
    #[serde(default)]
    pub base_url: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
}

/// `PATCH /api/experimental/chats/providers/{providerConfig}`: an absent field stays as it is.
#[derive(Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct UpdateChatProviderConfigRequest {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// An empty text takes the key away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
}
