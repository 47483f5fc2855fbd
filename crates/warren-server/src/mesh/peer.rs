//! Looking after the connection to each server that lives. The one with the smaller id dials; the other one does when that
//! does not come.

use std::{
    sync::{Arc, PoisonError},
    time::Duration,
};

use tokio::{
    sync::watch,
    time::{Instant, timeout},
};
use warren_app::replicas::Replica;
use warren_rt::Backoff;
use warren_vocab::ReplicaId;

use super::{Mesh, MeshError};

const BACKOFF_FIRST: Duration = Duration::from_millis(100);
const BACKOFF_MAX: Duration = Duration::from_secs(5);
/// How long a server waits to be dialled before it dials itself.
const TURN: Duration = Duration::from_secs(3);
/// A connection that has lasted so long was a good one: the next one is made at once.
const GOOD: Duration = Duration::from_secs(10);
/// How long another server may give this server's address before that is told: after a crash and a restart it is the earlier
/// run of this one, until that is known to be dead.
const FOLLOWING: Duration = Duration::from_secs(6);

type Roster = watch::Receiver<Arc<[Replica]>>;

impl Mesh {
    /// Looks after every server that lives, until the tasks stop.
    pub(super) async fn attend_all(&self) {
        let mut roster = self.shared.registry.roster();
        loop {
            let others: Vec<_> = {
                let known = roster.borrow_and_update();
                known
                    .iter()
                    .filter(|one| one.is_alive && one.id != self.shared.me)
                    .map(|one| one.id)
                    .collect()
            };
            for peer in others {
                self.attend(peer, roster.clone());
            }
            // Also without news, as a server may come back just when it is given up.
            if let Ok(Err(_)) = timeout(BACKOFF_MAX, roster.changed()).await {
                return;
            }
        }
    }

    fn attend(&self, peer: ReplicaId, roster: Roster) {
        if !self.attended().insert(peer) {
            return;
        }
        let mesh = self.clone();
        self.shared.tasks.spawn(format!("mesh peer {peer}"), async move {
            mesh.keep(peer, roster).await;
            mesh.attended().remove(&peer);
            mesh.settle(peer, None);
        });
    }

    /// Keeps a connection to a server as long as it lives.
    async fn keep(&self, peer: ReplicaId, mut roster: Roster) {
        let (mut backoff, begun) = (Backoff::new(BACKOFF_FIRST, BACKOFF_MAX), Instant::now());
        loop {
            if let Some(link) = self.present(peer) {
                let met = Instant::now();
                link.closed().await;
                rest(&mut backoff, met.elapsed()).await;
                continue;
            }
            let (found, own) = {
                let known = roster.borrow_and_update();
                let named = |id| known.iter().find(|one| one.id == id);
                let found = named(peer).filter(|one| one.is_alive).cloned();
                (found, named(self.shared.me).and_then(|one| one.relay_address.clone()))
            };
            let Some(found) = found else { return };
            if self.shared.me > peer && timeout(TURN, self.link(peer)).await.is_ok() {
                continue;
            }
            let dialled = match &found.relay_address {
                Some(address) if own.as_ref() == Some(address) => Err(MeshError::OwnAddress),
                Some(address) => self.dial(peer, address).await,
                None => Err(MeshError::NoAddress),
            };
            let Err(error) = dialled else { continue };
            if self.present(peer).is_some() {
                continue;
            }
            tracing::debug!(replica.id = %peer, %error, "another server cannot be reached");
            if !matches!(error, MeshError::OwnAddress) || begun.elapsed() > FOLLOWING {
                self.settle(peer, Some(error.to_string()));
            }
            backoff.wait().await;
        }
    }

    fn attended(&self) -> std::sync::MutexGuard<'_, std::collections::HashSet<ReplicaId>> {
        self.shared.attended.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits after the end of a connection before the next one, unless it was a good one.
async fn rest(backoff: &mut Backoff, lasted: Duration) {
    if lasted >= GOOD {
        backoff.reset();
    } else {
        backoff.wait().await;
    }
}

#[cfg(test)]
mod tests;
