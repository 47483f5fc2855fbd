//! Administration of model providers and models.

mod settings;

use serde_json::Value;
use url::Url;
use warren_audit::{Entry, record};
use warren_authz::{Action, Object, Resource, Subject, check};
use warren_db::{
    DbError, Tx,
    entity::{ai_provider_keys, ai_providers, chat_model_configs},
    query,
};
use warren_rt::{Sealer, Secret};
use warren_vocab::{AiProviderId, AiProviderKeyId, AiProviderType, ModelConfigId};

use crate::{
    catalog,
    error::{ChatResult, ChatServiceError},
    models::{Unavailable, supported, unavailable},
    own_keys::checked,
    rows,
    service::{Caller, ChatService},
};

const DEFAULT_CONTEXT_LIMIT: i64 = 128_000;
const DEFAULT_COMPRESSION_THRESHOLD: i32 = 70;

/// A provider with its keys.
#[derive(Debug, Clone)]
pub struct ProviderWithKeys {
    pub provider: ai_providers::Model,
    pub keys: Vec<ai_provider_keys::Model>,
}

/// A provider to be added.
#[derive(Debug)]
pub struct ProviderDraft {
    pub provider_type: AiProviderType,
    pub name: String,
    pub display_name: String,
    pub icon: String,
    pub enabled: bool,
    /// The provider's own address when empty.
    pub base_url: String,
    pub settings: Value,
    pub api_keys: Vec<Secret<String>>,
}

/// What changes about a provider.
#[derive(Debug, Default)]
pub struct ProviderPatch {
    pub display_name: Option<String>,
    pub icon: Option<String>,
    pub enabled: Option<bool>,
    pub base_url: Option<String>,
    /// Settings that change; others stay.
    pub settings: Option<Value>,
    /// Keys that stay, and new ones; absent means that all stay.
    pub keys: Option<(Vec<AiProviderKeyId>, Vec<Secret<String>>)>,
}

/// A provider and the models that somebody may choose from it.
#[derive(Debug, Clone)]
pub struct Choice {
    pub provider: ai_providers::Model,
    /// Why it cannot be used now.
    pub unavailable: Option<Unavailable>,
    pub models: Vec<chat_model_configs::Model>,
}

/// A model to be added.
#[derive(Debug)]
pub struct ModelDraft {
    pub provider: Option<AiProviderId>,
    pub model: String,
    pub patch: ModelPatch,
}

/// What changes about a model.
#[derive(Debug, Default)]
pub struct ModelPatch {
    pub model: Option<String>,
    pub display_name: Option<String>,
    pub enabled: Option<bool>,
    pub is_default: Option<bool>,
    pub context_limit: Option<i64>,
    pub compression_threshold: Option<i32>,
    pub options: Option<Value>,
}

impl ChatService {
    /// Lists the providers.
    ///
    /// # Errors
    /// [`ChatServiceError::Forbidden`] for whoever does not administer the deployment.
    pub async fn providers(&self, subject: &Subject) -> ChatResult<Vec<ProviderWithKeys>> {
        check(subject, Action::Read, &Object::site(Resource::AiProvider))?;
        let providers = query::ai_providers::list(self.db().reader()).await?;
        let ids: Vec<_> = providers.iter().map(|one| AiProviderId::from_uuid(one.id)).collect();
        let keys = query::ai_providers::keys(self.db().reader(), &ids).await?;
        let with_keys = |provider: ai_providers::Model| ProviderWithKeys {
            keys: keys.iter().filter(|key| key.provider_id == provider.id).cloned().collect(),
            provider,
        };
        Ok(providers.into_iter().map(with_keys).collect())
    }

    /// Finds a provider by id or name.
    ///
    /// # Errors
    /// [`ChatServiceError::NotFound`] when there is none.
    pub async fn provider(&self, subject: &Subject, id_or_name: &str) -> ChatResult<ProviderWithKeys> {
        let all = self.providers(subject).await?;
        let matches = |one: &ProviderWithKeys| {
            one.provider.id.to_string() == id_or_name || one.provider.name.eq_ignore_ascii_case(id_or_name)
        };
        all.into_iter().find(matches).ok_or(ChatServiceError::NotFound)
    }

    /// Adds a provider.
    ///
    /// # Errors
    /// Names the field that is not acceptable.
    pub async fn create_provider(
        &self,
        caller: Caller<'_>,
        draft: ProviderDraft,
    ) -> ChatResult<ProviderWithKeys> {
        check(caller.subject, Action::Create, &Object::site(Resource::AiProvider))?;
        check_name(&draft.name)?;
        let settings = settings::checked(draft.provider_type, &Value::Null, &draft.settings)?;
        let base_url = checked_url(draft.provider_type, &draft.base_url, &settings)?;
        let now = rows::now();
        let provider = ai_providers::Model {
            id: AiProviderId::new().as_uuid(),
            type_: draft.provider_type.as_str().to_owned(),
            display_name: if draft.display_name.is_empty() { draft.name.clone() } else { draft.display_name },
            name: draft.name,
            icon: draft.icon,
            enabled: draft.enabled,
            deleted: false,
            base_url,
            settings,
            created_at: now,
            updated_at: now,
        };
        let id = provider.id.to_string();
        let keys = sealed(&self.shared.sealer, &provider, draft.api_keys)?;
        let written = self.db().write(async |tx| {
            query::ai_providers::insert(tx, provider.clone()).await.map_err(name_taken)?;
            let entry = with_keys(Entry::create(&provider), !keys.is_empty());
            insert_keys(tx, keys).await?;
            catalog::changed(tx);
            Ok::<_, ChatServiceError>(record(tx, caller, entry).await?)
        });
        written.await?;
        self.shared.catalog.invalidate();
        self.provider(caller.subject, &id).await
    }

    /// Changes a provider.
    ///
    /// # Errors
    /// Names the field that is not acceptable.
    pub async fn update_provider(
        &self,
        caller: Caller<'_>,
        id_or_name: &str,
        patch: ProviderPatch,
    ) -> ChatResult<ProviderWithKeys> {
        check(caller.subject, Action::Update, &Object::site(Resource::AiProvider))?;
        let old = self.provider(caller.subject, id_or_name).await?.provider;
        let mut provider = old.clone();
        let provider_type = provider.type_.parse().unwrap_or(AiProviderType::OpenaiCompat);
        if let Some(given) = patch.settings {
            provider.settings = settings::checked(provider_type, &provider.settings, &given)?;
        }
        if let Some(url) = patch.base_url {
            provider.base_url = checked_url(provider_type, &url, &provider.settings)?;
        }
        provider.display_name = patch.display_name.unwrap_or(provider.display_name);
        provider.icon = patch.icon.unwrap_or(provider.icon);
        provider.enabled = patch.enabled.unwrap_or(provider.enabled);
        provider.updated_at = rows::now();
        let id = AiProviderId::from_uuid(provider.id);
        let changes_keys = patch.keys.is_some();
        let (kept, new) = patch.keys.map_or((None, Vec::new()), |(kept, new)| (Some(kept), new));
        let keys = sealed(&self.shared.sealer, &provider, new)?;
        let written = self.db().write(async |tx| {
            let entry = with_keys(Entry::write(&old, &provider), changes_keys);
            query::ai_providers::update(tx, provider).await?;
            if let Some(kept) = kept {
                query::ai_providers::keep_keys(tx, id, &kept).await?;
            }
            insert_keys(tx, keys).await?;
            catalog::changed(tx);
            Ok::<_, ChatServiceError>(record(tx, caller, entry).await?)
        });
        written.await?;
        self.shared.catalog.invalidate();
        self.provider(caller.subject, &id.to_string()).await
    }

    /// Deletes a provider with its keys and models.
    ///
    /// # Errors
    /// [`ChatServiceError::NotFound`] when there is none.
    pub async fn delete_provider(&self, caller: Caller<'_>, id_or_name: &str) -> ChatResult<()> {
        check(caller.subject, Action::Delete, &Object::site(Resource::AiProvider))?;
        let provider = self.provider(caller.subject, id_or_name).await?.provider;
        let id = AiProviderId::from_uuid(provider.id);
        let written = self.db().write(async |tx| {
            query::ai_providers::delete(tx, id).await?;
            query::user_ai_provider_keys::delete_of_provider(tx, id).await?;
            query::chat_model_configs::delete_of_provider(tx, id).await?;
            query::chat_model_configs::ensure_default(tx).await?;
            catalog::changed(tx);
            record(tx, caller, Entry::delete(&provider)).await
        });
        written.await?;
        self.shared.catalog.invalidate();
        Ok(())
    }

    /// Lists the models; whoever does not administer the deployment sees the enabled ones.
    ///
    /// # Errors
    /// Fails on database errors.
    pub async fn models(&self, subject: &Subject) -> ChatResult<Vec<chat_model_configs::Model>> {
        let all = query::chat_model_configs::list(self.db().reader()).await?;
        let sees_all = may_configure(subject).is_ok();
        Ok(all.into_iter().filter(|model| sees_all || model.enabled).collect())
    }

    /// Lists the enabled providers with their enabled models, and whether the subject can use them.
    ///
    /// # Errors
    /// Fails on database errors.
    pub async fn choices(&self, subject: &Subject) -> ChatResult<Vec<Choice>> {
        let catalog = self.shared.catalog.get(self.db()).await?;
        let own = query::user_ai_provider_keys::of_user(self.db().reader(), subject.user).await?;
        let choice = |provider: &ai_providers::Model| {
            let has_own_key = own.iter().any(|key| key.provider_id == provider.id);
            let offers =
                |model: &&chat_model_configs::Model| model.ai_provider_id == provider.id && model.enabled;
            Choice {
                unavailable: unavailable(&catalog, provider, has_own_key),
                models: catalog.models.iter().filter(offers).cloned().collect(),
                provider: provider.clone(),
            }
        };
        Ok(catalog.providers.iter().filter(|provider| provider.enabled).map(choice).collect())
    }

    /// Adds a model. The first one is the default.
    ///
    /// # Errors
    /// Names the field that is not acceptable.
    pub async fn create_model(
        &self,
        caller: Caller<'_>,
        draft: ModelDraft,
    ) -> ChatResult<chat_model_configs::Model> {
        may_configure(caller.subject)?;
        let provider = draft.provider.ok_or_else(|| {
            ChatServiceError::invalid("ai_provider_id", "Say which provider offers the model.")
        })?;
        let found = query::ai_providers::by_id(self.db().reader(), provider).await?;
        if found.is_none_or(|provider| !provider.enabled || supported(&provider).is_none()) {
            let message = "This provider does not exist, is turned off or cannot serve chats.";
            return Err(ChatServiceError::invalid("ai_provider_id", message));
        }
        let now = rows::now();
        let model = chat_model_configs::Model {
            id: ModelConfigId::new().as_uuid(),
            ai_provider_id: provider.as_uuid(),
            display_name: draft.model.clone(),
            model: draft.model,
            enabled: true,
            is_default: false,
            deleted: false,
            context_limit: DEFAULT_CONTEXT_LIMIT,
            compression_threshold: DEFAULT_COMPRESSION_THRESHOLD,
            options: Value::Object(serde_json::Map::new()),
            created_at: now,
            updated_at: now,
        };
        let model = patched(model, draft.patch)?;
        let entry = Entry::create(&model);
        let id = ModelConfigId::from_uuid(model.id);
        self.write_model(id, caller, entry, async |tx| query::chat_model_configs::insert(tx, model).await)
            .await
    }

    /// Changes a model.
    ///
    /// # Errors
    /// Names the field that is not acceptable.
    pub async fn update_model(
        &self,
        caller: Caller<'_>,
        id: ModelConfigId,
        patch: ModelPatch,
    ) -> ChatResult<chat_model_configs::Model> {
        may_configure(caller.subject)?;
        let old = self.live_model(id).await?;
        let model = patched(old.clone(), patch)?;
        let entry = Entry::write(&old, &model);
        self.write_model(id, caller, entry, async |tx| query::chat_model_configs::update(tx, model).await)
            .await
    }

    /// Deletes a model; chats that use it must choose another.
    ///
    /// # Errors
    /// [`ChatServiceError::NotFound`] when there is none.
    pub async fn delete_model(&self, caller: Caller<'_>, id: ModelConfigId) -> ChatResult<()> {
        may_configure(caller.subject)?;
        let model = self.live_model(id).await?;
        let entry = Entry::delete(&model);
        let model = chat_model_configs::Model { deleted: true, is_default: false, ..model };
        self.write_model(id, caller, entry, async |tx| query::chat_model_configs::update(tx, model).await)
            .await?;
        Ok(())
    }

    async fn live_model(&self, id: ModelConfigId) -> ChatResult<chat_model_configs::Model> {
        let found = query::chat_model_configs::by_id(self.db().reader(), id).await?;
        found.filter(|model| !model.deleted).ok_or(ChatServiceError::NotFound)
    }

    async fn write_model(
        &self,
        id: ModelConfigId,
        caller: Caller<'_>,
        entry: Entry,
        work: impl AsyncFnOnce(&Tx) -> Result<(), DbError>,
    ) -> ChatResult<chat_model_configs::Model> {
        let written = self.db().write(async |tx| {
            work(tx).await?;
            query::chat_model_configs::ensure_default(tx).await?;
            catalog::changed(tx);
            record(tx, caller, entry).await?;
            query::chat_model_configs::by_id(tx, id).await
        });
        let written = written.await?;
        self.shared.catalog.invalidate();
        written.ok_or(ChatServiceError::NotFound)
    }
}

fn with_keys(entry: Entry, has_changed: bool) -> Entry {
    if has_changed { entry.secret("api_keys") } else { entry }
}

fn may_configure(subject: &Subject) -> ChatResult<()> {
    Ok(check(subject, Action::Update, &Object::site(Resource::DeploymentConfig))?)
}

fn check_name(name: &str) -> ChatResult<()> {
    let is_word = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if name.len() <= 64 && name.split('-').all(is_word) {
        return Ok(());
    }
    let message = "The name must consist of letters, digits and single hyphens between them.";
    Err(ChatServiceError::invalid("name", message))
}

fn checked_url(provider_type: AiProviderType, text: &str, settings: &Value) -> ChatResult<String> {
    let text = text.trim();
    if text.is_empty()
        && let Some(url) = warren_llm::default_base_url(provider_type, settings)
    {
        return Ok(url);
    }
    let is_web =
        Url::parse(text).is_ok_and(|url| ["http", "https"].contains(&url.scheme()) && url.has_host());
    if is_web {
        return Ok(text.trim_end_matches('/').to_owned());
    }
    let message = "The base URL must begin with http:// or https:// and name a host.";
    Err(ChatServiceError::invalid("base_url", message))
}

fn name_taken(error: DbError) -> ChatServiceError {
    if error.is_unique("ai_providers_name") {
        return ChatServiceError::conflict("A provider with this name exists already.");
    }
    error.into()
}

fn sealed(
    sealer: &Sealer,
    provider: &ai_providers::Model,
    keys: Vec<Secret<String>>,
) -> ChatResult<Vec<ai_provider_keys::Model>> {
    let keys = keys.into_iter().filter(|key| !key.expose().trim().is_empty());
    let row = |key: Secret<String>| {
        let key = checked(&key)?;
        Ok(ai_provider_keys::Model {
            id: AiProviderKeyId::new().as_uuid(),
            provider_id: provider.id,
            sealed: sealer.seal(key.as_bytes()),
            masked: masked(key),
            created_at: rows::now(),
        })
    };
    keys.map(row).collect()
}

async fn insert_keys(tx: &Tx, keys: Vec<ai_provider_keys::Model>) -> ChatResult<()> {
    for key in keys {
        query::ai_providers::insert_key(tx, key).await?;
    }
    Ok(())
}

/// The ends of a long key; nothing of a short one.
pub(crate) fn masked(key: &str) -> String {
    let chars: Vec<char> = key.chars().collect();
    if chars.len() < 16 {
        return String::from("********");
    }
    let end = |range: &[char]| range.iter().collect::<String>();
    format!("{}...{}", end(&chars[..4]), end(&chars[chars.len() - 4..]))
}

fn patched(mut model: chat_model_configs::Model, patch: ModelPatch) -> ChatResult<chat_model_configs::Model> {
    model.model = patch.model.unwrap_or(model.model);
    if model.model.trim().is_empty() {
        return Err(ChatServiceError::invalid("model", "Say what the provider calls the model."));
    }
    let display_name = patch.display_name.filter(|name| !name.trim().is_empty());
    model.display_name = display_name.unwrap_or(model.display_name);
    model.enabled = patch.enabled.unwrap_or(model.enabled);
    model.is_default = patch.is_default.unwrap_or(model.is_default) && model.enabled;
    model.context_limit = patch.context_limit.unwrap_or(model.context_limit);
    if model.context_limit <= 0 {
        return Err(ChatServiceError::invalid("context_limit", "The context limit must be more than 0."));
    }
    model.compression_threshold = patch.compression_threshold.unwrap_or(model.compression_threshold);
    if !(0..=100).contains(&model.compression_threshold) {
        let message = "The threshold must be between 0 and 100 percent.";
        return Err(ChatServiceError::invalid("compression_threshold", message));
    }
    if let Some(options) = patch.options {
        let wrong = |error: warren_llm::OptionError| {
            ChatServiceError::invalid("model_config", format!("The model's options cannot be used: {error}."))
        };
        warren_llm::check_options(&options).map_err(wrong)?;
        model.options = options;
    }
    model.updated_at = rows::now();
    Ok(model)
}
