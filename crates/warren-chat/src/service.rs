//! The service: what it needs, how it starts, and how viewers get in.

use std::sync::Arc;

use warren_db::Database;
use warren_rt::{Sealer, Tasks};

use crate::{hub::Hub, parts::PartWriter, tools::WorkspaceTools, worker::Worker};

/// What a service needs.
pub struct ChatConfig {
    pub db: Database,
    pub sealer: Sealer,
    pub tools: Arc<dyn WorkspaceTools>,
    /// The group that all background work runs in.
    pub tasks: Tasks,
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
}

impl ChatService {
    /// Starts the worker and takes up chats that an earlier run left unfinished.
    pub fn start(config: ChatConfig) -> Self {
        let ChatConfig { db, sealer, tools, tasks } = config;
        let hub = Hub::new(db.clone(), tasks.clone());
        let parts = PartWriter::new();
        let shared =
            Arc::new(Shared { db: db.clone(), sealer, tools, parts: parts.clone(), hub: hub.clone() });
        tasks.spawn("chat parts", async move { parts.run(db, hub).await });
        let worker = Worker::new(shared.clone(), tasks.clone());
        tasks.spawn("chat worker", async move { worker.run().await });
        Self { shared }
    }

    pub(crate) fn db(&self) -> &Database {
        &self.shared.db
    }
}
