//! From a model configuration to a model that can be asked.

use warren_chat_proto::ChatError;
use warren_db::{
    entity::{ai_providers, chat_model_configs},
    query,
};
use warren_llm::{Connector, Deadlines, Model, ModelConfig};
use warren_rt::Secret;
use warren_vocab::{AiProviderId, AiProviderType, ChatErrorKind, ModelConfigId, UserId};

use crate::{catalog::Catalog, error::ChatResult, prices::Prices, service::Shared};

/// Bounds of the most tokens of an answer where nobody has set it.
const OUTPUT_TOKENS_MIN: u32 = 256;
const OUTPUT_TOKENS_MAX: u32 = 32_000;

/// A model that can be asked, with what the worker must know of it.
pub(crate) struct ReadyModel {
    pub(crate) model: Box<dyn Model>,
    pub(crate) config: ModelConfigId,
    /// The provider's name, for errors.
    pub(crate) provider: String,
    /// The name by which the provider knows the model.
    pub(crate) name: String,
    /// Tokens.
    pub(crate) context_limit: i64,
    /// Percent of the context limit at which a chat is compacted, unless its owner wants another.
    pub(crate) compression_threshold: i32,
    /// `None` when nothing is known of them.
    pub(crate) prices: Option<Prices>,
    pub(crate) max_output_tokens: Option<u32>,
    pub(crate) temperature: Option<f64>,
}

/// Whether users bring keys of their own to a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UserKeys {
    /// No; the deployment's key serves all.
    Off,
    /// A user's own key is used where there is one.
    Allowed,
    /// The deployment's key serves nobody.
    Required,
}

impl UserKeys {
    pub(crate) fn of(provider: &ai_providers::Model) -> Self {
        match provider.settings["user_keys"].as_str() {
            Some("off") => Self::Off,
            Some("required") => Self::Required,
            Some(_) | None => Self::Allowed,
        }
    }
}

/// Why a provider cannot be used by somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unavailable {
    /// The deployment has no key for it.
    MissingKey,
    /// The user has to store a key of their own.
    UserKeyRequired,
    /// Its type has no protocol that is spoken here.
    Unsupported,
    /// Its settings do not say where it is.
    MissingAddress,
}

/// Finds the model of a configuration for the owner of a chat. The inner error is for the user: something has to be
/// changed.
pub(crate) async fn resolve(
    shared: &Shared,
    owner: UserId,
    id: ModelConfigId,
) -> ChatResult<Result<ReadyModel, ChatError>> {
    let catalog = shared.catalog.get(&shared.db).await?;
    let (config, provider) = match chosen(&catalog, id) {
        Ok(found) => found,
        Err(error) => return Ok(Err(error)),
    };
    let Some(provider_type) = supported(provider) else {
        return Ok(Err(refusal(
            ChatErrorKind::Config,
            "The provider of this chat's model speaks a protocol that is not supported. Choose another model.",
        )));
    };
    let sealed = sealed_key(shared, &catalog, owner, provider).await?;
    if sealed.is_none() && (needs_key(provider_type) || UserKeys::of(provider) == UserKeys::Required) {
        let message = missing_key(provider);
        return Ok(Err(ChatError {
            provider: Some(provider.name.clone()),
            ..refusal(ChatErrorKind::MissingKey, &message)
        }));
    }
    let key = sealed.map(|sealed| shared.sealer.open(&sealed)).transpose()?;
    let api_key = key.and_then(|key| String::from_utf8(key).ok()).map(Secret::new);
    Ok(ready(&shared.connector, config, provider, provider_type, api_key))
}

fn chosen(
    catalog: &Catalog,
    id: ModelConfigId,
) -> Result<(&chat_model_configs::Model, &ai_providers::Model), ChatError> {
    let config = catalog.model(id).filter(|config| config.enabled).ok_or_else(|| {
        refusal(
            ChatErrorKind::Config,
            "The model of this chat is not available any more. Choose another model.",
        )
    })?;
    let provider = catalog.provider(AiProviderId::from_uuid(config.ai_provider_id));
    let provider = provider.filter(|provider| provider.enabled).ok_or_else(|| {
        refusal(
            ChatErrorKind::ProviderDisabled,
            "The provider of this chat's model is turned off. Choose another model.",
        )
    })?;
    Ok((config, provider))
}

/// The key that a chat of the owner uses: the owner's own first.
async fn sealed_key(
    shared: &Shared,
    catalog: &Catalog,
    owner: UserId,
    provider: &ai_providers::Model,
) -> ChatResult<Option<Vec<u8>>> {
    let policy = UserKeys::of(provider);
    if policy != UserKeys::Off {
        let id = AiProviderId::from_uuid(provider.id);
        let own = query::user_ai_provider_keys::find(shared.db.reader(), owner, id).await?;
        if let Some(own) = own {
            return Ok(Some(own.sealed));
        }
    }
    let central = catalog.key(provider).filter(|_| policy != UserKeys::Required);
    Ok(central.map(|key| key.sealed.clone()))
}

fn ready(
    connector: &Connector,
    config: &chat_model_configs::Model,
    provider: &ai_providers::Model,
    provider_type: AiProviderType,
    api_key: Option<Secret<String>>,
) -> Result<ReadyModel, ChatError> {
    let model = connector.connect(ModelConfig {
        provider: provider_type,
        base_url: provider.base_url.clone(),
        api_key,
        model: config.model.clone(),
        settings: provider.settings.clone(),
        options: config.options.clone(),
        deadlines: Deadlines::default(),
    });
    let model = model.map_err(|error| ChatError {
        provider: Some(provider.name.clone()),
        ..refusal(error.kind, &error.message)
    })?;
    Ok(ReadyModel {
        model,
        config: ModelConfigId::from_uuid(config.id),
        provider: provider.name.clone(),
        name: config.model.clone(),
        context_limit: config.context_limit,
        compression_threshold: config.compression_threshold,
        prices: Prices::of(provider_type, &config.model, &config.options),
        max_output_tokens: max_output_tokens(config),
        temperature: config.options["temperature"].as_f64(),
    })
}

fn refusal(kind: ChatErrorKind, message: &str) -> ChatError {
    ChatError { kind: Some(kind), ..ChatError::generic(message) }
}

fn missing_key(provider: &ai_providers::Model) -> String {
    let name = &provider.display_name;
    match UserKeys::of(provider) {
        UserKeys::Required => {
            format!(
                "{name} needs a key of your own. Store one in your settings, then send the message again."
            )
        }
        UserKeys::Allowed | UserKeys::Off => {
            format!("{name} has no API key. An administrator has to store one; or choose another model.")
        }
    }
}

/// The type of a provider that chats can use.
pub(crate) fn supported(provider: &ai_providers::Model) -> Option<AiProviderType> {
    let provider_type = provider.type_.parse().ok()?;
    (provider_type != AiProviderType::Copilot).then_some(provider_type)
}

/// Servers on one's own machine often take no key; all others do.
fn needs_key(provider_type: AiProviderType) -> bool {
    match provider_type {
        AiProviderType::Openai | AiProviderType::OpenaiCompat | AiProviderType::Copilot => false,
        AiProviderType::Anthropic
        | AiProviderType::Azure
        | AiProviderType::Bedrock
        | AiProviderType::Google
        | AiProviderType::Openrouter
        | AiProviderType::Vercel => true,
    }
}

/// Why a provider cannot be used by somebody who has or has not a key of their own.
pub(crate) fn unavailable(
    catalog: &Catalog,
    provider: &ai_providers::Model,
    has_own_key: bool,
) -> Option<Unavailable> {
    let Some(provider_type) = supported(provider) else { return Some(Unavailable::Unsupported) };
    let has_address = !provider.base_url.is_empty()
        || warren_llm::default_base_url(provider_type, &provider.settings).is_some();
    if !has_address {
        return Some(Unavailable::MissingAddress);
    }
    match UserKeys::of(provider) {
        UserKeys::Allowed if has_own_key => None,
        UserKeys::Required => (!has_own_key).then_some(Unavailable::UserKeyRequired),
        UserKeys::Allowed | UserKeys::Off => {
            let is_served = catalog.key(provider).is_some() || !needs_key(provider_type);
            (!is_served).then_some(Unavailable::MissingKey)
        }
    }
}

/// The most tokens of an answer. What nobody has set leaves most of the context to the conversation: some servers refuse what
/// would not fit beside it.
fn max_output_tokens(config: &chat_model_configs::Model) -> Option<u32> {
    let options = &config.options;
    let places =
        [&options["max_output_tokens"], &options["provider_options"]["openai"]["max_completion_tokens"]];
    let set = places.iter().find_map(|tokens| u32::try_from(tokens.as_u64()?).ok());
    let share = u32::try_from(config.context_limit / 4).ok().filter(|share| *share > 0);
    set.or_else(|| share.map(|share| share.clamp(OUTPUT_TOKENS_MIN, OUTPUT_TOKENS_MAX)))
}
