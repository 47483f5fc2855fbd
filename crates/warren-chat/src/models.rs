//! From a model configuration to a model that can be asked.

use warren_chat_proto::ChatError;
use warren_db::{entity::chat_model_configs, query};
use warren_llm::{Model, OpenAiCompatible, OpenAiConfig};
use warren_rt::Secret;
use warren_vocab::{AiProviderId, AiProviderType, ChatErrorKind, ModelConfigId, UserId};

use crate::{error::ChatResult, prices::Prices, service::Shared};

/// A model that can be asked, with what the worker must know of it.
pub(crate) struct ReadyModel {
    pub(crate) model: Box<dyn Model>,
    pub(crate) config: ModelConfigId,
    /// The provider's name, for errors.
    pub(crate) provider: String,
    /// What protocol the provider speaks and whose it is.
    pub(crate) provider_type: AiProviderType,
    /// The provider's name for the model.
    pub(crate) model_name: String,
    /// Tokens.
    pub(crate) context_limit: i64,
    /// Percent of the context limit at which a chat is compacted, unless its owner wants another.
    pub(crate) compression_threshold: i32,
    /// `None` when nothing is known of them.
    pub(crate) prices: Option<Prices>,
    /// The most tokens of an answer.
    pub(crate) max_output_tokens: u32,
}

/// Finds the model of a configuration. The inner error is for the user: the configuration has to be changed.
pub(crate) async fn resolve(
    connection: &impl ConnectionTrait,
    sealer: &Sealer,
    id: ModelConfigId,
) -> ChatResult<Result<ReadyModel, ChatError>> {
    let unusable =
        |kind, message: &str| Ok(Err(ChatError { kind: Some(kind), ..ChatError::generic(message) }));
    let config = query::chat_model_configs::by_id(connection, id).await?;
    let Some(config) = config.filter(|config| config.enabled && !config.deleted) else {
        return unusable(
            ChatErrorKind::Config,
            "The model of this chat is not available any more. Choose another model.",
        );
    };
    let provider_id = AiProviderId::from_uuid(config.ai_provider_id);
    let provider = query::ai_providers::by_id(connection, provider_id).await?;
    let Some(provider) = provider.filter(|provider| provider.enabled) else {
        return unusable(
            ChatErrorKind::ProviderDisabled,
            "The provider of this chat's model is turned off. Choose another model.",
        );
    };
    if !speaks_openai(&provider.type_) {
        return unusable(
            ChatErrorKind::Config,
            "The provider of this chat's model speaks a protocol that is not supported yet. Choose another model.",
        );
    }
    let keys = query::ai_providers::keys(connection, &[provider_id]).await?;
    let key = keys.first().map(|key| sealer.open(&key.sealed)).transpose()?;
    let api_key = key.and_then(|key| String::from_utf8(key).ok()).map(Secret::new);
    let model = OpenAiCompatible::new(OpenAiConfig {
        base_url: provider.base_url,
        api_key,
        model: config.model.clone(),
    });
    Ok(Ok(ReadyModel {
        model: Box::new(model),
        config: id,
        provider: provider.name,
        context_limit: config.context_limit,
        max_output_tokens: max_output_tokens(&config),
        temperature: config.options["temperature"].as_f64(),
    }))
}

/// Whether a type of provider is reached by the OpenAI-compatible protocol.
pub(crate) fn speaks_openai(provider_type: &str) -> bool {
    match provider_type.parse() {
        Ok(
            AiProviderType::Openai
            | AiProviderType::OpenaiCompat
            | AiProviderType::Openrouter
            | AiProviderType::Vercel,
        ) => true,
        Ok(
            AiProviderType::Anthropic
            | AiProviderType::Azure
            | AiProviderType::Bedrock
            | AiProviderType::Copilot
            | AiProviderType::Google,
        )
        | Err(_) => false,
    }
}

fn max_output_tokens(config: &chat_model_configs::Model) -> Option<u32> {
    config.options["max_output_tokens"].as_u64().and_then(|tokens| tokens.try_into().ok())
}
