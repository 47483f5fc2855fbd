//! Model providers and models.

use serde_json::{Value, json};
use warren_api::ai::{AiProvider, AiProviderKey, ChatModelCallConfig, ChatModelConfig, UserAiProviderKey};
use warren_chat::{OwnKey, ProviderWithKeys};
use warren_db::entity::chat_model_configs;
use warren_vocab::{AiProviderId, AiProviderKeyId, AiProviderType, ModelConfigId};

use super::word;
use crate::error::ApiResult;

/// Shows a provider; its keys only masked.
pub(crate) fn provider(found: ProviderWithKeys) -> ApiResult<AiProvider> {
    let ProviderWithKeys { provider, keys } = found;
    let keys = keys.into_iter().map(|key| AiProviderKey {
        id: AiProviderKeyId::from_uuid(key.id),
        masked: key.masked,
        created_at: key.created_at,
    });
    Ok(AiProvider {
        id: AiProviderId::from_uuid(provider.id),
        provider_type: word(&provider.type_, "provider type")?,
        name: provider.name,
        display_name: provider.display_name,
        icon: provider.icon,
        enabled: provider.enabled,
        base_url: provider.base_url,
        api_keys: keys.collect(),
        settings: shown_settings(&provider.type_, provider.settings),
        created_at: provider.created_at,
        updated_at: provider.updated_at,
    })
}

/// Settings say which type they are of.
fn shown_settings(provider_type: &str, mut settings: Value) -> Value {
    if provider_type == AiProviderType::Bedrock.as_str()
        && let Some(fields) = settings.as_object_mut()
    {
        fields.insert("_type".into(), json!(provider_type));
        fields.insert("_version".into(), json!(1));
    }
    settings
}

/// Shows a provider that takes keys of users, and the user's own only masked.
pub(crate) fn own_key(found: OwnKey) -> ApiResult<UserAiProviderKey> {
    let OwnKey { provider, masked } = found;
    Ok(UserAiProviderKey {
        ai_provider_id: AiProviderId::from_uuid(provider.id),
        provider_type: word(&provider.type_, "provider type")?,
        name: provider.name,
        display_name: provider.display_name,
        has_user_api_key: masked.is_some(),
        masked,
    })
}

/// Shows a model.
pub(crate) fn model(row: chat_model_configs::Model) -> ChatModelConfig {
    let options: ChatModelCallConfig = serde_json::from_value(row.options).unwrap_or_default();
    ChatModelConfig {
        id: ModelConfigId::from_uuid(row.id),
        ai_provider_id: AiProviderId::from_uuid(row.ai_provider_id),
        model: row.model,
        display_name: row.display_name,
        enabled: row.enabled,
        is_default: row.is_default,
        context_limit: row.context_limit,
        compression_threshold: row.compression_threshold,
        model_config: (options != ChatModelCallConfig::default()).then_some(options),
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}
