//! The keys of the deployment in memory, read again when somebody comes with one that is not known, and while there are
//! connections, which end with their keys.

use std::time::Duration;

use tokio::{
    sync::Mutex,
    time::{Instant, MissedTickBehavior, timeout},
};
use warren_app::{App, AppError, replicas::MeshKey};
use warren_mesh_proto::Key;

use super::{HANDSHAKE_TIME, Mesh};

/// How long keys are used without looking.
const FRESH: Duration = Duration::from_secs(60);
/// The least time between two looks, whoever knocks.
const PACE: Duration = Duration::from_secs(1);
/// How often the keys of connections are looked for.
const LOOK: Duration = Duration::from_secs(15);

impl Mesh {
    /// Ends the connections whose keys are gone, until the tasks stop. A key goes when it is old, or when operators put it
    /// away because somebody else may know it.
    pub(super) async fn attend_keys(&self) {
        let mut looks = tokio::time::interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            if self.links().is_empty() {
                continue;
            }
            match timeout(HANDSHAKE_TIME, self.shared.keys.again()).await {
                Ok(Ok(keys)) => self.end_links_without(&keys),
                Ok(Err(error)) => tracing::debug!(%error, "the keys of the servers cannot be read"),
                Err(_) => tracing::debug!("the keys of the servers could not be read in time"),
            }
        }
    }

    fn end_links_without(&self, keys: &[Key]) {
        for (peer, kept) in &*self.links() {
            if kept.link.is_open() && keys.iter().all(|key| key.id != kept.key) {
                tracing::info!(replica.id = %peer, "the key of the connection to another server is gone, so it ends");
                kept.link.close();
            }
        }
    }
}

pub(super) struct Keys {
    app: App,
    known: Mutex<Option<(Instant, Vec<Key>)>>,
}

impl Keys {
    pub(super) fn new(app: App) -> Self {
        Self { app, known: Mutex::default() }
    }

    /// The keys, the newest first.
    pub(super) async fn current(&self) -> Result<Vec<Key>, AppError> {
        self.younger(FRESH).await
    }

    /// The keys as they are now, or were a moment ago.
    pub(super) async fn again(&self) -> Result<Vec<Key>, AppError> {
        self.younger(PACE).await
    }

    async fn younger(&self, age: Duration) -> Result<Vec<Key>, AppError> {
        let mut known = self.known.lock().await;
        if let Some((read_at, keys)) = &*known
            && read_at.elapsed() < age
        {
            return Ok(keys.clone());
        }
        let found = self.app.mesh_keys().await?;
        let plain = |key: MeshKey| Key { id: key.id, secret: key.secret.into_exposed() };
        let keys: Vec<_> = found.into_iter().map(plain).collect();
        *known = Some((Instant::now(), keys.clone()));
        Ok(keys)
    }
}
