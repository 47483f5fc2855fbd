//! One end of the tunnel: the handle that applications use.
//!
//! Owns the calls of applications (connect, accept) and the cache of connections. The pure machine belongs to one
//! task ([`driver`]); this side talks to it through a command channel.

use std::collections::HashMap;
use std::net::Ipv6Addr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use quinn::Endpoint;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, timeout_at};
use warren_rt::Tasks;
use warren_tunnel_proto::{Identity, NodeSecret, PeerStatus, Tunnel};
use warren_vocab::AgentId;
use warren_wire::tunnel::PeerId;

use crate::link::Dial;
use crate::quic::{self, QuicSetUpError};
use crate::socket::TunnelSocket;
use crate::stream::{DUPLICATE, Incoming, PEER_LEFT, PeerConnection};

mod accept;
mod driver;
mod error;
mod linking;

pub use error::ConnectError;
use linking::LinkReport;

/// Commands that wait for the node's task; callers wait when it is full.
const COMMANDS_MAX: usize = 64;
/// Accepted streams that wait for the application; peers wait when it is full.
const INCOMING_MAX: usize = 64;

/// What a node needs to know about itself.
#[derive(Clone, Copy, Debug)]
pub struct NodeConfig {
    /// Who this node is; agents accept streams, the others open them.
    pub identity: Identity,
}

/// A running node. Clones share it; it stops with the task group that it was started in.
#[derive(Clone)]
pub struct TunnelNode {
    shared: Arc<Shared>,
}

struct Shared {
    address: Ipv6Addr,
    endpoint: Endpoint,
    commands: mpsc::Sender<Command>,
    link: watch::Receiver<LinkReport>,
    connections: Arc<Connections>,
    // Waited on across an await by its only reader, the application's accept loop.
    incoming: tokio::sync::Mutex<mpsc::Receiver<Incoming>>,
}

/// What the handle asks of the node's task.
enum Command {
    /// Keep a tunnel to this agent and report its status.
    Want {
        agent: AgentId,
        reply: oneshot::Sender<watch::Receiver<PeerStatus>>,
    },
    Drop {
        agent: AgentId,
    },
    /// May the peer at this address open this port?
    MayOpen {
        from: Ipv6Addr,
        port: u16,
        reply: oneshot::Sender<Option<PeerId>>,
    },
}

/// Live QUIC connections by peer address.
#[derive(Default)]
pub(crate) struct Connections {
    by_address: Mutex<HashMap<Ipv6Addr, Vec<quinn::Connection>>>,
}

impl TunnelNode {
    /// Starts a node whose links are made by `dialer`. Its tasks run in a child group of `tasks`.
    ///
    /// # Errors
    /// When QUIC cannot be set up.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn start(
        config: NodeConfig,
        dialer: Arc<dyn Dial>,
        tasks: &Tasks,
    ) -> Result<TunnelNode, QuicSetUpError> {
        let tunnel = Tunnel::new(config.identity, NodeSecret::from_bytes(rand::random()));
        let local = tunnel.local_address();
        let socket = TunnelSocket::new(local);
        let accepts = matches!(config.identity, Identity::Agent(_));
        let endpoint = quic::endpoint(Arc::clone(&socket), accepts)?;
        let (commands, command_receiver) = mpsc::channel(COMMANDS_MAX);
        let (report, link) = watch::channel(LinkReport::default());
        let connections = Arc::new(Connections::default());
        let driver =
            driver::Driver::new(tunnel, dialer, socket, command_receiver, report, Arc::clone(&connections));
        tasks.spawn_graceful("tunnel node", driver.run(tasks.token(), endpoint.clone()));
        let (accepted, incoming) = mpsc::channel(INCOMING_MAX);
        if accepts {
            let acceptor = accept::Acceptor::new(commands.clone(), Arc::clone(&connections), accepted);
            tasks.spawn("tunnel accept", acceptor.run(endpoint.clone(), tasks.clone()));
        }
        let incoming = tokio::sync::Mutex::new(incoming);
        let shared = Shared { address: *local.ip(), endpoint, commands, link, connections, incoming };
        Ok(TunnelNode { shared: Arc::new(shared) })
    }

    /// This node's address inside the tunnel.
    pub fn address(&self) -> Ipv6Addr {
        self.shared.address
    }

    /// Waits for the link to the server, for agents and tests that want to know when they are reachable.
    pub async fn linked(&self) {
        let mut link = self.shared.link.clone();
        // The sender lives as long as the node's task; when that has ended there is nothing to wait for.
        let _ = link.wait_for(|report| report.up).await;
    }

    /// Connects to an agent, or reuses the connection.
    ///
    /// # Errors
    /// When the server refuses, and when the connection is not there after `patience`; the error says what was being
    /// waited for.
    pub async fn connect(&self, agent: AgentId, patience: Duration) -> Result<PeerConnection, ConnectError> {
        let deadline = Instant::now() + patience;
        self.wait_for_session(agent, deadline, patience).await?;
        let address = Tunnel::address_of_agent(agent);
        if let Some(connection) = self.shared.connections.live(*address.ip()) {
            return Ok(PeerConnection::new(agent, connection));
        }
        let connecting = self
            .shared
            .endpoint
            .connect(address.into(), quic::SERVER_NAME)
            .map_err(|_| ConnectError::Stopped)?;
        let connection = timeout_at(deadline, connecting)
            .await
            .map_err(|_| ConnectError::NoAnswer { waited: patience })?
            .map_err(ConnectError::Broken)?;
        Ok(PeerConnection::new(agent, self.shared.connections.adopt(*address.ip(), connection)))
    }

    /// Gives the tunnel to an agent up and closes its connections.
    pub async fn release(&self, agent: AgentId) {
        // A node that has stopped has no tunnels.
        let _ = self.shared.commands.send(Command::Drop { agent }).await;
    }

    /// The next stream that a peer has opened here; `None` when the node has stopped.
    pub async fn accept(&self) -> Option<Incoming> {
        self.shared.incoming.lock().await.recv().await
    }

    async fn wait_for_session(
        &self,
        agent: AgentId,
        deadline: Instant,
        patience: Duration,
    ) -> Result<(), ConnectError> {
        let (reply, receiver) = oneshot::channel();
        self.shared.commands.send(Command::Want { agent, reply }).await.map_err(|_| ConnectError::Stopped)?;
        let mut status = receiver.await.map_err(|_| ConnectError::Stopped)?;
        let mut link = self.shared.link.clone();
        loop {
            let seen = status.borrow_and_update().clone();
            let report = link.borrow_and_update().clone();
            match seen {
                PeerStatus::Connected => return Ok(()),
                PeerStatus::Refused(message) => return Err(ConnectError::Refused(message)),
                PeerStatus::LinkDown if report.permanent => {
                    return Err(ConnectError::ServerRefused(report.reason));
                }
                PeerStatus::Unknown
                | PeerStatus::LinkDown
                | PeerStatus::WaitingForServer
                | PeerStatus::AgentAbsent
                | PeerStatus::AgentUnreachable(_)
                | PeerStatus::WaitingForAgent
                | PeerStatus::Handshaking => {}
            }
            tokio::select! {
                changed = status.changed() => changed.map_err(|_| ConnectError::Stopped)?,
                changed = link.changed() => changed.map_err(|_| ConnectError::Stopped)?,
                () = tokio::time::sleep_until(deadline) => {
                    return Err(ConnectError::timed_out(patience, seen, report.reason));
                }
            }
        }
    }
}

impl Connections {
    pub(crate) fn add(&self, address: Ipv6Addr, connection: quinn::Connection) {
        let mut by_address = self.lock();
        let connections = by_address.entry(address).or_default();
        connections.retain(|old| old.close_reason().is_none());
        connections.push(connection);
    }

    /// Keeps a new connection, unless another caller has made one in the same moment: that one is shared.
    fn adopt(&self, address: Ipv6Addr, connection: quinn::Connection) -> quinn::Connection {
        let mut by_address = self.lock();
        let connections = by_address.entry(address).or_default();
        connections.retain(|old| old.close_reason().is_none());
        if let Some(earlier) = connections.first() {
            connection.close(DUPLICATE, b"another connection is used");
            return earlier.clone();
        }
        connections.push(connection.clone());
        connection
    }

    pub(crate) fn live(&self, address: Ipv6Addr) -> Option<quinn::Connection> {
        let by_address = self.lock();
        let connections = by_address.get(&address)?;
        connections.iter().find(|connection| connection.close_reason().is_none()).cloned()
    }

    /// Ends everything with a peer that has left or lost its permission.
    pub(crate) fn close(&self, address: Ipv6Addr) {
        let connections = self.lock().remove(&address).unwrap_or_default();
        for connection in connections {
            connection.close(PEER_LEFT, b"the peer has left the tunnel");
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Ipv6Addr, Vec<quinn::Connection>>> {
        self.by_address.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
