//! Users' own keys of model providers: stored sealed, shown masked.

use serde_json::Value;
use warren_audit::{Entry, record};
use warren_authz::{Action, Object, Subject, check};
use warren_db::{
    Tx,
    entity::{ai_providers, user_ai_provider_keys},
    query,
};
use warren_rt::Secret;
use warren_vocab::{AiProviderId, AuditAction, ResourceType, UserId};

use crate::{
    error::{ChatResult, ChatServiceError},
    models::{UserKeys, supported},
    providers::masked,
    rows,
    service::{Caller, ChatService},
};

/// No provider has keys nearly as long; what is longer is something else.
const KEY_BYTES_MAX: usize = 4096;

/// A provider that takes keys of single users, and what a user has stored for it.
#[derive(Debug, Clone)]
pub struct OwnKey {
    pub provider: ai_providers::Model,
    /// What may be seen of the key.
    pub masked: Option<String>,
}

impl ChatService {
    /// Lists the providers that take a key of the user.
    ///
    /// # Errors
    /// As if the user did not exist, for whoever may not read the user's settings.
    pub async fn own_keys(&self, subject: &Subject, user: UserId) -> ChatResult<Vec<OwnKey>> {
        check(subject, Action::ReadPersonal, &Object::user(user))?;
        let catalog = self.shared.catalog.get(self.db()).await?;
        let keys = query::user_ai_provider_keys::of_user(self.db().reader(), user).await?;
        let of = |provider: &ai_providers::Model| OwnKey {
            masked: keys.iter().find(|key| key.provider_id == provider.id).map(|key| key.masked.clone()),
            provider: provider.clone(),
        };
        Ok(catalog.providers.iter().filter(|provider| takes_keys(provider)).map(of).collect())
    }

    /// Stores a user's key in the place of the one before.
    ///
    /// # Errors
    /// Invalid for what is no key; not found when there is no such provider; a conflict when it takes no keys of users.
    pub async fn put_own_key(
        &self,
        caller: Caller<'_>,
        user: UserId,
        provider: AiProviderId,
        key: Secret<String>,
    ) -> ChatResult<OwnKey> {
        check(caller.subject, Action::UpdatePersonal, &Object::user(user))?;
        let provider = self.live_provider(provider).await?;
        if !takes_keys(&provider) {
            return Err(ChatServiceError::conflict("This provider takes no keys of single users."));
        }
        let key = checked(&key)?;
        let now = rows::now();
        let row = user_ai_provider_keys::Model {
            user_id: user.as_uuid(),
            provider_id: provider.id,
            sealed: self.shared.sealer.seal(key.as_bytes()),
            masked: masked(key),
            created_at: now,
            updated_at: now,
        };
        let shown = row.masked.clone();
        let written = self.db().write(async |tx: &Tx| {
            query::user_ai_provider_keys::put(tx, row).await?;
            Ok::<_, ChatServiceError>(record(tx, caller, entry(AuditAction::Write, &provider, user)).await?)
        });
        written.await?;
        Ok(OwnKey { provider, masked: Some(shown) })
    }

    /// Forgets a user's key; nothing happens when there is none.
    ///
    /// # Errors
    /// Not found when there is no such provider.
    pub async fn delete_own_key(
        &self,
        caller: Caller<'_>,
        user: UserId,
        provider: AiProviderId,
    ) -> ChatResult<()> {
        check(caller.subject, Action::UpdatePersonal, &Object::user(user))?;
        let provider = self.live_provider(provider).await?;
        let written = self.db().write(async |tx: &Tx| {
            query::user_ai_provider_keys::delete(tx, user, AiProviderId::from_uuid(provider.id)).await?;
            Ok::<_, ChatServiceError>(record(tx, caller, entry(AuditAction::Delete, &provider, user)).await?)
        });
        written.await
    }

    async fn live_provider(&self, id: AiProviderId) -> ChatResult<ai_providers::Model> {
        let found = query::ai_providers::by_id(self.db().reader(), id).await?;
        found.filter(|provider| provider.enabled).ok_or(ChatServiceError::NotFound)
    }
}

fn takes_keys(provider: &ai_providers::Model) -> bool {
    provider.enabled && supported(provider).is_some() && UserKeys::of(provider) != UserKeys::Off
}

/// What is written must fit into a header.
pub(crate) fn checked(key: &Secret<String>) -> ChatResult<&str> {
    let key = key.expose().trim();
    let is_sendable = key.bytes().all(|byte| byte.is_ascii_graphic());
    if key.is_empty() || key.len() > KEY_BYTES_MAX || !is_sendable {
        let message = "A key is one line of letters, digits and signs without spaces, 4096 at most.";
        return Err(ChatServiceError::invalid("api_key", message));
    }
    Ok(key)
}

fn entry(action: AuditAction, provider: &ai_providers::Model, user: UserId) -> Entry {
    let entry = Entry::bare(action, ResourceType::AiProvider, provider.id, &provider.name);
    entry.field("user_id", Value::String(user.to_string())).secret("user_api_key")
}
