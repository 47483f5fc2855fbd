//! Letting in servers that dial. Whoever comes has proved nothing yet, and so gets little memory and time, and one of few
//! places.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::timeout;
use warren_mesh_proto::{Accepting, Dialled, Established, HandshakeError};

use super::{HANDSHAKE_TIME, Mesh, MeshError, nonce, socket::Socket};

/// What is read at a time, and allocated for a socket before anything has come: a full fragment of a stream.
pub(crate) const READ_BUFFER_BYTES: usize = 16 * 1024;

/// How long it may take to tell why somebody is not let in.
const REFUSAL_TIME: Duration = Duration::from_secs(2);

/// Handshakes under way at once. Each may hold a message of the longest kind besides its buffer.
const PENDING_MAX: usize = 128;
/// Those of one address, so that nobody alone keeps the servers apart.
const PENDING_OF_ONE_MAX: usize = 16;

/// The handshakes under way, by address.
#[derive(Default)]
pub(super) struct Pending {
    addresses: Mutex<HashMap<Option<IpAddr>, usize>>,
}

/// A place among the handshakes under way, given back when it is dropped.
pub(crate) struct Knock {
    pending: Arc<Pending>,
    address: Option<IpAddr>,
}

impl Mesh {
    /// A place for somebody who dials from an address; none while there are too many.
    pub(crate) fn knock(&self, address: Option<IpAddr>) -> Option<Knock> {
        Pending::admit(&self.shared.pending, address)
    }

    /// Serves the socket of a server that has dialled, until it ends.
    pub(crate) async fn serve(&self, mut socket: Socket, knock: Knock) {
        let outcome = timeout(HANDSHAKE_TIME, self.accept(&mut socket)).await;
        match outcome {
            Ok(Ok(established)) => {
                drop(knock);
                let dialled = Dialled::between(established.peer, self.shared.me);
                if let Err(error) = self.adopt(established, socket, dialled, false) {
                    tracing::debug!(%error, "a connection of another server is not needed");
                }
            }
            Ok(Err(error)) => {
                if let MeshError::Handshake(refused) = &error
                    && let Some(reason) = refused.refusal()
                {
                    // Whoever does not wait for it does not learn it.
                    let _ = timeout(REFUSAL_TIME, socket.send(reason)).await;
                }
                self.tell_refused(&error);
            }
            Err(_) => tracing::debug!("somebody dialled as a server and said nothing"),
        }
    }

    /// Tells operators why a server was not let in, unless they know, or it was none.
    fn tell_refused(&self, error: &MeshError) {
        let is_news = if let MeshError::Handshake(HandshakeError::WrongServer { meant }) = error {
            let known = self.shared.registry.roster().borrow().clone();
            self.shared.strangers.is_news(*meant, self.shared.me, &known)
        } else {
            knows_this_server(error)
        };
        if is_news {
            tracing::warn!(%error, "a server that dialled was not let in");
        } else {
            // Anybody can bring that about, as often as he likes.
            tracing::debug!(%error, "somebody who dialled as a server was not let in");
        }
    }

    async fn accept(&self, socket: &mut Socket) -> Result<Established, MeshError> {
        let hello = socket.receive().await.ok_or(MeshError::HungUp)?;
        let keys = self.shared.keys.current().await?;
        let accepting = match Accepting::new(self.shared.me, &hello, &keys, nonce()) {
            // The key may be newer than what is known here.
            Err(HandshakeError::NoCommonKey) => {
                let keys = self.shared.keys.again().await?;
                Accepting::new(self.shared.me, &hello, &keys, nonce())
            }
            other => other,
        };
        let (accepting, challenge) = accepting?;
        socket.send(challenge).await.ok_or(MeshError::HungUp)?;
        let answer = socket.receive().await.ok_or(MeshError::HungUp)?;
        Ok(accepting.finish(&answer)?)
    }
}

impl Pending {
    fn admit(this: &Arc<Self>, address: Option<IpAddr>) -> Option<Knock> {
        let mut addresses = this.addresses();
        let n_all: usize = addresses.values().sum();
        let n_of_one = addresses.get(&address).copied().unwrap_or(0);
        if n_all >= PENDING_MAX || n_of_one >= PENDING_OF_ONE_MAX {
            return None;
        }
        addresses.insert(address, n_of_one + 1);
        drop(addresses);
        Some(Knock { pending: this.clone(), address })
    }

    fn addresses(&self) -> MutexGuard<'_, HashMap<Option<IpAddr>, usize>> {
        self.addresses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Knock {
    fn drop(&mut self) {
        let mut addresses = self.pending.addresses();
        match addresses.get_mut(&self.address) {
            Some(n) if *n > 1 => *n -= 1,
            Some(_) | None => drop(addresses.remove(&self.address)),
        }
    }
}

/// Whether whoever failed named this server by its id, which only those learn who can read the database or operate the
/// deployment: then two servers are set up so that they cannot work together, or worse.
fn knows_this_server(error: &MeshError) -> bool {
    match error {
        MeshError::Handshake(
            HandshakeError::Version { .. } | HandshakeError::NoCommonKey | HandshakeError::BadProof,
        ) => true,
        MeshError::Handshake(HandshakeError::Malformed | HandshakeError::WrongServer { .. })
        | MeshError::NoAddress
        | MeshError::OwnAddress
        | MeshError::Unreachable { .. }
        | MeshError::Silent
        | MeshError::HungUp
        | MeshError::Keys(_)
        | MeshError::Superfluous => false,
    }
}

#[cfg(test)]
mod tests;
