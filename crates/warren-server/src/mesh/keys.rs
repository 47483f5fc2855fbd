//! The keys of the deployment in memory, read again when somebody comes with one that is not known.

use std::time::Duration;

use tokio::{sync::Mutex, time::Instant};
use warren_app::{App, AppError, replicas::MeshKey};
use warren_mesh_proto::Key;

/// How long keys are used without looking.
const FRESH: Duration = Duration::from_secs(60);
/// The least time between two looks, whoever knocks.
const PACE: Duration = Duration::from_secs(1);

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
