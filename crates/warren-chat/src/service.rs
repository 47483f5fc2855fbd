//! The service: what it needs, how it starts, and how viewers get in.

use std::sync::Arc;

use warren_audit::{Author, Origin};
use warren_authz::Subject;
use warren_db::Database;
use warren_llm::Connector;
use warren_rt::{Sealer, Tasks};
use warren_vocab::{ChatId, ReplicaId};

use crate::{
    catalog::Catalogs,
    hub::{Hub, Others, PartFeed, PartRelay},
    metrics::ChatMetrics,
    parts::PartWriter,
    store::Retention,
    tools::WorkspaceTools,
    worker::{Worker, WorkerConfig},
};

/// What a service needs.
pub struct ChatConfig {
    /// Who this server is among those that share the database.
    pub replica: ReplicaId,
    /// How the servers get parts from each other; none where there is one server.
    pub relay: Option<Arc<dyn PartRelay>>,
    pub db: Database,
    pub sealer: Sealer,
    pub tools: Arc<dyn WorkspaceTools>,
    /// The group that all background work runs in.
    pub tasks: Tasks,
    pub worker: WorkerConfig,
    /// Where the worker counts.
    pub metrics: ChatMetrics,
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
    pub(crate) connector: Connector,
    pub(crate) worker: WorkerConfig,
    pub(crate) metrics: ChatMetrics,
    /// Work beside turns that nobody waits for: titles and summaries.
    pub(crate) tasks: Tasks,
}

impl ChatService {
    /// Starts the worker and takes up chats that an earlier run left unfinished.
    pub fn start(config: ChatConfig) -> Self {
        let ChatConfig { replica, relay, db, sealer, tools, tasks, worker, metrics } = config;
        let hub =
            Hub::new(db.clone(), tasks.clone(), Others { me: replica, relay, relayed: metrics.relayed() });
        let parts = PartWriter::new(metrics.clone());
        let shared = Arc::new(Shared {
            db: db.clone(),
            sealer,
            tools,
            parts: parts.clone(),
            hub: hub.clone(),
            catalog: Catalogs::new(),
            connector: Connector::new(),
            worker,
            metrics,
            tasks: tasks.clone(),
        });
        tasks.spawn("chat parts", async move { parts.run(db, hub).await });
        let retention = Retention::new(shared.db.clone(), shared.metrics.clone());
        tasks.spawn("chat retention", async move { retention.run().await });
        let watching = shared.clone();
        tasks.spawn("chat models", async move { watching.catalog.watch(&watching.db).await });
        Worker::new(shared.clone(), replica, tasks).start();
        Self { shared }
    }

    /// Starts to read the parts of a chat that runs here, for another server, which asks about rights itself.
    pub fn feed(&self, chat: ChatId) -> PartFeed {
        self.shared.hub.feed(chat)
    }

    pub(crate) fn db(&self) -> &Database {
        &self.shared.db
    }
}
