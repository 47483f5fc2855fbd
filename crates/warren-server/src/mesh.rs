//! The connections of this server to the other ones of its deployment, one for each.
//!
//! Owns who dials, which connection stays, and what each stream is served with. The protocol is in `warren-mesh-proto`;
//! must not know what the streams carry beyond handing them to their servants.

mod accept;
mod chat_parts;
mod dial;
mod keys;
mod link;
mod peer;
mod socket;
mod strangers;
mod tunnel;
mod tunnel_seek;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

use thiserror::Error;
use tokio::sync::watch;
use uuid::Uuid;
use warren_app::{App, AppError, replicas::Registry};
use warren_chat::ChatService;
use warren_mesh_proto::{Dialled, Established, HandshakeError, Nonce, StreamKind, wins};
use warren_rt::Tasks;
use warren_tunnel::RelayHub;
use warren_vocab::ReplicaId;

use accept::Pending;
pub(crate) use accept::READ_BUFFER_BYTES;
pub(crate) use dial::PATH;
use keys::Keys;
use link::{Incoming, Link};
pub(crate) use socket::{Socket, WIRE_MAX};
use strangers::Strangers;

/// How long two servers may take to know each other.
const HANDSHAKE_TIME: Duration = Duration::from_secs(10);

/// Why there is no connection to another server; each text is a sentence for operators.
#[derive(Debug, Error)]
pub(crate) enum MeshError {
    #[error("it gives no address; give it a --relay-address")]
    NoAddress,
    #[error("it gives the address of this server; give each server a --relay-address of its own")]
    OwnAddress,
    #[error(
        "it cannot be reached at {address}: {reason}; if that is not where it is, change its --relay-address"
    )]
    Unreachable { address: String, reason: String },
    #[error("it did not answer in time")]
    Silent,
    #[error("it hung up without saying why; its log may tell")]
    HungUp,
    #[error(transparent)]
    Handshake(#[from] HandshakeError),
    #[error("the keys of the servers cannot be read")]
    Keys(#[from] AppError),
    #[error("there is a better connection already")]
    Superfluous,
}

/// All connections; clones share them.
#[derive(Clone)]
pub(crate) struct Mesh {
    shared: Arc<Shared>,
}

struct Shared {
    me: ReplicaId,
    registry: Registry,
    app: App,
    keys: Keys,
    pending: Arc<Pending>,
    tasks: Tasks,
    links: Mutex<HashMap<ReplicaId, Kept>>,
    /// Counts connections that come and go.
    changes: watch::Sender<u64>,
    /// Servers that somebody looks after.
    attended: Mutex<HashSet<ReplicaId>>,
    troubles: Mutex<BTreeMap<ReplicaId, String>>,
    strangers: Strangers,
    chat: OnceLock<ChatService>,
    hub: OnceLock<RelayHub>,
}

/// The connection to a server.
struct Kept {
    link: Link,
    dialled: Dialled,
    /// By which they know each other.
    key: Uuid,
}

impl Mesh {
    pub(crate) fn new(app: App, registry: Registry, tasks: &Tasks) -> Self {
        let shared = Shared {
            me: registry.me(),
            registry,
            app: app.clone(),
            keys: Keys::new(app),
            pending: Arc::default(),
            tasks: tasks.clone(),
            links: Mutex::default(),
            changes: watch::Sender::new(0),
            attended: Mutex::default(),
            troubles: Mutex::default(),
            strangers: Strangers::default(),
            chat: OnceLock::new(),
            hub: OnceLock::new(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Begins to connect to other servers and to serve them.
    pub(crate) fn start(&self, chat: ChatService, hub: RelayHub) {
        // It is started once.
        let _ = self.shared.chat.set(chat);
        let _ = self.shared.hub.set(hub.clone());
        self.shared.tasks.spawn("tunnel whereabouts", tunnel::Directory::new(self.clone(), hub).run());
        let mesh = self.clone();
        self.shared.tasks.spawn("mesh", async move { mesh.attend_all().await });
        let mesh = self.clone();
        self.shared.tasks.spawn("mesh keys", async move { mesh.attend_keys().await });
    }

    /// The connection to a server, if there is one.
    fn present(&self, peer: ReplicaId) -> Option<Link> {
        self.links().get(&peer).map(|kept| kept.link.clone()).filter(Link::is_open)
    }

    /// Waits for a connection to a server.
    async fn link(&self, peer: ReplicaId) -> Link {
        let mut changes = self.shared.changes.subscribe();
        loop {
            changes.borrow_and_update();
            if let Some(link) = self.present(peer) {
                return link;
            }
            // The sender lives as long as this does.
            let _ = changes.changed().await;
        }
    }

    /// Keeps a connection unless there is a better one, and serves it in the background.
    fn adopt(
        &self,
        established: Established,
        socket: Socket,
        dialled: Dialled,
        is_dialler: bool,
    ) -> Result<Link, MeshError> {
        let Established { peer, version, key, sealing, opening } = established;
        let link = Link::new(peer, is_dialler);
        let mut links = self.links();
        let present = links.get(&peer).filter(|kept| kept.link.is_open()).map(|kept| kept.dialled);
        if !wins(dialled, present) {
            return Err(MeshError::Superfluous);
        }
        if let Some(old) = links.insert(peer, Kept { link: link.clone(), dialled, key }) {
            old.link.close();
        }
        drop(links);
        self.settle(peer, None);
        self.shared.changes.send_modify(|n| *n += 1);
        tracing::info!(replica.id = %peer, version, "connected to another server");
        let (mesh, running) = (self.clone(), link.clone());
        self.shared.tasks.spawn(format!("mesh link {peer}"), async move {
            let serving = mesh.clone();
            let end =
                running.run(socket, sealing, opening, move |incoming| serving.serve_stream(incoming)).await;
            tracing::info!(replica.id = %peer, reason = %end, "the connection to another server has ended");
            mesh.forget(peer, &running);
        });
        Ok(link)
    }

    fn serve_stream(&self, incoming: Incoming) {
        let (Some(chat), Some(hub)) = (self.shared.chat.get().cloned(), self.shared.hub.get().cloned())
        else {
            return;
        };
        let Incoming { stream, kind, header } = incoming;
        match kind {
            StreamKind::CHAT_PARTS => {
                self.shared.tasks.spawn("mesh chat parts", chat_parts::serve(chat, stream, header));
            }
            StreamKind::TUNNEL => {
                self.shared.tasks.spawn("mesh tunnel", tunnel_seek::serve(hub, stream, header));
            }
            // Of a later version.
            other => {
                tracing::debug!(kind = other.0, "a stream of an unknown kind is refused");
                stream.refuse();
            }
        }
    }

    fn forget(&self, peer: ReplicaId, link: &Link) {
        let mut links = self.links();
        if links.get(&peer).is_some_and(|kept| kept.link.is_same(link)) {
            links.remove(&peer);
        }
        drop(links);
        self.shared.changes.send_modify(|n| *n += 1);
    }

    /// Notes what is wrong with the way to a server, and tells operators the whole of it.
    fn settle(&self, peer: ReplicaId, trouble: Option<String>) {
        let mut troubles = self.shared.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        match trouble {
            Some(trouble) => drop(troubles.insert(peer, trouble)),
            None => drop(troubles.remove(&peer)),
        }
        let lines = troubles.iter().map(|(peer, why)| format!("No connection to the server {peer}: {why}."));
        self.shared.registry.report(lines.collect::<Vec<_>>().join(" "));
    }

    /// What is wrong with the way to a server, if that is known.
    fn trouble(&self, peer: ReplicaId) -> Option<String> {
        self.shared.troubles.lock().unwrap_or_else(PoisonError::into_inner).get(&peer).cloned()
    }

    fn links(&self) -> MutexGuard<'_, HashMap<ReplicaId, Kept>> {
        self.shared.links.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn nonce() -> Nonce {
    rand::random()
}
