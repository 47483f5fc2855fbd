//! The accepting end: takes QUIC connections, reads stream headers and lets only granted ports through.

use std::net::{Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use quinn::{Connection, Endpoint, RecvStream, SendStream};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use warren_rt::Tasks;
use warren_wire::tunnel::PeerId;

use super::{Command, Connections};
use crate::stream::{Incoming, REFUSED_PORT, TunnelStream};

/// A peer's QUIC handshake, and the two bytes that name a stream's port.
const HANDSHAKE_MAX: Duration = Duration::from_secs(10);
const HEADER_MAX: Duration = Duration::from_secs(5);

#[derive(Clone)]
pub(super) struct Acceptor {
    commands: mpsc::Sender<Command>,
    connections: Arc<Connections>,
    accepted: mpsc::Sender<Incoming>,
}

impl Acceptor {
    pub(super) fn new(
        commands: mpsc::Sender<Command>,
        connections: Arc<Connections>,
        accepted: mpsc::Sender<Incoming>,
    ) -> Acceptor {
        Acceptor { commands, connections, accepted }
    }

    /// Takes connections until the endpoint is closed.
    pub(super) async fn run(self, endpoint: Endpoint, tasks: Tasks) {
        while let Some(incoming) = endpoint.accept().await {
            let SocketAddr::V6(from) = incoming.remote_address() else {
                incoming.ignore();
                continue;
            };
            let acceptor = self.clone();
            tasks.spawn("tunnel peer", async move {
                // A handshake that fails is the peer's to repeat.
                if let Ok(Ok(connection)) = timeout(HANDSHAKE_MAX, incoming).await {
                    acceptor.serve(*from.ip(), connection).await;
                }
            });
        }
    }

    async fn serve(&self, from: Ipv6Addr, connection: Connection) {
        self.connections.add(from, connection.clone());
        while let Ok((send, recv)) = connection.accept_bi().await {
            if self.take_stream(from, send, recv).await.is_none() {
                return;
            }
        }
    }

    /// Passes one stream on; `None` when nobody accepts streams any more.
    async fn take_stream(&self, from: Ipv6Addr, send: SendStream, mut recv: RecvStream) -> Option<()> {
        let mut header = [0; 2];
        if !matches!(timeout(HEADER_MAX, recv.read_exact(&mut header)).await, Ok(Ok(()))) {
            return Some(());
        }
        let port = u16::from_be_bytes(header);
        let stream = TunnelStream::new(send, recv, port);
        let Some(peer) = self.peer_allowed(from, port).await else {
            stream.reset(REFUSED_PORT);
            return Some(());
        };
        self.accepted.send(Incoming { peer, port, stream }).await.ok()
    }

    async fn peer_allowed(&self, from: Ipv6Addr, port: u16) -> Option<PeerId> {
        let (reply, receiver) = oneshot::channel();
        self.commands.send(Command::MayOpen { from, port, reply }).await.ok()?;
        receiver.await.ok()?
    }
}
