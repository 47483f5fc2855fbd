//! The providers and models, kept for a moment: every turn needs them and they change seldom.
//!
//! One copy of everything, so that a change of a provider reaches its models at once. It is dropped when something
//! changes, here or on another server; a hint that is lost costs at most the time that a copy is kept.

use std::{
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde_json::Value;
use tokio::time::Instant;
use warren_db::{
    Database, Tx, channels,
    entity::{ai_provider_keys, ai_providers, chat_model_configs},
    query,
};
use warren_vocab::{AiProviderId, ModelConfigId};

use crate::error::ChatResult;

/// How long a copy is used.
const KEPT: Duration = Duration::from_secs(10);

/// All providers that are not deleted, with their keys, and all models that are not deleted.
#[derive(Debug, Default)]
pub(crate) struct Catalog {
    pub(crate) providers: Vec<ai_providers::Model>,
    pub(crate) keys: Vec<ai_provider_keys::Model>,
    pub(crate) models: Vec<chat_model_configs::Model>,
}

impl Catalog {
    async fn load(db: &Database) -> ChatResult<Self> {
        let providers = query::ai_providers::list(db.reader()).await?;
        let ids: Vec<_> = providers.iter().map(|one| AiProviderId::from_uuid(one.id)).collect();
        let keys = query::ai_providers::keys(db.reader(), &ids).await?;
        Ok(Self { keys, providers, models: query::chat_model_configs::list(db.reader()).await? })
    }

    pub(crate) fn model(&self, id: ModelConfigId) -> Option<&chat_model_configs::Model> {
        self.models.iter().find(|model| model.id == id.as_uuid())
    }

    pub(crate) fn provider(&self, id: AiProviderId) -> Option<&ai_providers::Model> {
        self.providers.iter().find(|provider| provider.id == id.as_uuid())
    }

    /// The deployment's own key of a provider: the oldest that is left.
    pub(crate) fn key(&self, provider: &ai_providers::Model) -> Option<&ai_provider_keys::Model> {
        self.keys.iter().find(|key| key.provider_id == provider.id)
    }
}

/// A value that is read at most once in a while, whoever asks.
pub(crate) struct Kept<T> {
    state: Mutex<State<T>>,
    /// Held while a value is read, so that one reads and the others wait for it: a lock across the read is the point.
    flight: tokio::sync::Mutex<()>,
}

struct State<T> {
    value: Option<(Instant, Arc<T>)>,
    /// Counts the invalidations: what was read before one is not kept after it.
    generation: u64,
}

impl<T> Kept<T> {
    pub(crate) fn new() -> Self {
        Self { state: Mutex::new(State { value: None, generation: 0 }), flight: tokio::sync::Mutex::new(()) }
    }

    /// Forgets the value, also the one that is being read.
    pub(crate) fn invalidate(&self) {
        let mut state = self.state();
        state.generation += 1;
        state.value = None;
    }

    /// Gives the value, reading it when there is none that is new enough. Who gives up waiting stops nobody else.
    pub(crate) async fn get<F, E>(&self, read: impl Fn() -> F) -> Result<Arc<T>, E>
    where
        F: Future<Output = Result<T, E>>,
    {
        if let Some(value) = self.fresh() {
            return Ok(value);
        }
        let _flight = self.flight.lock().await;
        if let Some(value) = self.fresh() {
            return Ok(value);
        }
        let generation = self.state().generation;
        let value = Arc::new(read().await?);
        let mut state = self.state();
        if state.generation == generation {
            state.value = Some((Instant::now(), value.clone()));
        }
        Ok(value)
    }

    fn fresh(&self) -> Option<Arc<T>> {
        let state = self.state();
        let (read_at, value) = state.value.as_ref()?;
        (read_at.elapsed() < KEPT).then(|| value.clone())
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The kept catalog.
pub(crate) struct Catalogs {
    kept: Kept<Catalog>,
}

impl Catalogs {
    pub(crate) fn new() -> Self {
        Self { kept: Kept::new() }
    }

    pub(crate) async fn get(&self, db: &Database) -> ChatResult<Arc<Catalog>> {
        self.kept.get(|| Catalog::load(db)).await
    }

    pub(crate) fn invalidate(&self) {
        self.kept.invalidate();
    }

    /// Forgets the catalog whenever a server says that something changed.
    pub(crate) async fn watch(&self, db: &Database) {
        let mut hints = db.subscribe(channels::CHAT_CONFIG);
        while hints.next().await.is_some() {
            self.invalidate();
        }
    }
}

/// Tells all servers, once the transaction is committed, that providers or models changed.
pub(crate) fn changed(tx: &Tx) {
    tx.notify(channels::CHAT_CONFIG, Value::Null);
}

#[cfg(test)]
mod tests;
