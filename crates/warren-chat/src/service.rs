//! The service: what it needs, how it starts, and how viewers get in.

use std::sync::Arc;

use warren_audit::{Author, Origin};
use warren_authz::Subject;
use warren_db::Database;
use warren_rt::{Sealer, Tasks};

use crate::{
    catalog::Catalogs, hub::Hub, parts::PartWriter, store::Retention, tools::WorkspaceTools, worker::Worker,
};

/// What a service needs.
pub struct ChatConfig {
    pub db: Database,
    pub sealer: Sealer,
    pub tools: Arc<dyn WorkspaceTools>,
    /// The group that all background work runs in.
    pub tasks: Tasks,
}

/// Who changes something, and from where.
#[derive(Debug, Clone, Copy)]
pub struct Caller<'a> {
    pub subject: &'a Subject,
    pub origin: &'a Origin,
}

impl<'a> From<Caller<'a>> for Author<'a> {
    fn from(caller: Caller<'a>) -> Self {
        Self::user(caller.subject.user, caller.origin)
    }
}

/// All use cases of chats; clones share it.
#[derive(Clone)]
pub struct ChatService {
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) db: Database,
    pub(crate) sealer: Sealer,
    pub(crate) tools: Arc<dyn WorkspaceTools>,
    pub(crate) parts: PartWriter,
    pub(crate) hub: Hub,
    pub(crate) catalog: Catalogs,
}

impl ChatService {
    /// Starts the worker and takes up chats that an earlier run left unfinished.
    pub fn start(config: ChatConfig) -> Self {
        let ChatConfig { db, sealer, tools, tasks } = config;
        let hub = Hub::new(db.clone(), tasks.clone());
        let parts = PartWriter::new();
        let shared = Arc::new(Shared {
            db: db.clone(),
            sealer,
            tools,
            parts: parts.clone(),
            hub: hub.clone(),
            catalog: Catalogs::new(),
        });
        tasks.spawn("chat parts", async move { parts.run(db, hub).await });
        let retention = Retention::new(shared.db.clone());
        tasks.spawn("chat retention", async move { retention.run().await });
        let watching = shared.clone();
        tasks.spawn("chat models", async move { watching.catalog.watch(&watching.db).await });
        let worker = Worker::new(shared.clone(), tasks.clone());
        tasks.spawn("chat worker", async move { worker.run().await });
        Self { shared }
    }

    pub(crate) fn db(&self) -> &Database {
        &self.shared.db
    }
}
