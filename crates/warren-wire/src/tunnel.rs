//! Control messages between a tunnel node and the server: JSON in text WebSocket messages.
//!
//! Owns who is told what about whom. Datagrams travel beside them as [`crate::relay`] batches on the same socket, so
//! that the order of "here is a peer" and "here is its first datagram" is never in doubt. Unknown fields are ignored.

use std::collections::BTreeSet;
use std::net::Ipv6Addr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;
use warren_vocab::AgentId;

pub use crate::key::{PresharedKey, PublicKey};

/// WebSocket subprotocol of the tunnel.
pub const SUBPROTOCOL: &str = "warren-tunnel.v1";
/// Longest accepted control message, in bytes.
pub const CONTROL_MAX: usize = 16 * 1024;
/// Stream port of the agent's SSH server inside the tunnel.
pub const PORT_SSH: u16 = 1;
/// Stream port of the reconnecting terminal.
pub const PORT_PTY: u16 = 2;
/// Stream port of the agent's HTTP API.
pub const PORT_API: u16 = 4;
/// Stream port of the agent's SSH server under its standard number.
pub const PORT_SSH_STANDARD: u16 = 22;

/// Identifies a tunnel peer: an agent by its own id, any other node by an id derived from its public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PeerId(Uuid);

impl PeerId {
    pub const fn from_uuid(id: Uuid) -> PeerId {
        PeerId(id)
    }

    pub const fn as_uuid(&self) -> Uuid {
        self.0
    }
}

impl From<AgentId> for PeerId {
    fn from(agent: AgentId) -> PeerId {
        PeerId(agent.as_uuid())
    }
}

impl std::fmt::Display for PeerId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// Which stream ports of an agent a tunnel may open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AllowedPorts {
    /// Every port.
    Any,
    /// Only these ports.
    Only(BTreeSet<u16>),
}

impl AllowedPorts {
    pub fn allows(&self, port: u16) -> bool {
        match self {
            AllowedPorts::Any => true,
            AllowedPorts::Only(ports) => ports.contains(&port),
        }
    }
}

/// From a node to the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ToServer {
    /// Announces this node; the key must be the one proven on this connection.
    UpdateSelf { public_key: PublicKey },
    /// Asks for a tunnel to an agent.
    AddTunnel { agent: AgentId },
    /// Gives a tunnel up.
    RemoveTunnel { agent: AgentId },
    /// An agent says that it accepts handshakes of this peer from now on.
    ReadyForHandshake { peer: PeerId },
    /// This node leaves for good; its peers may forget it at once.
    Disconnect,
}

/// From the server to a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ToNode {
    PeerUpdate(PeerUpdate),
    /// A tunnel was refused or taken away; `message` says why in words for the user.
    TunnelRefused {
        agent: AgentId,
        message: String,
    },
    /// The tunnel is granted, but the agent is not connected to the server (yet).
    AgentAbsent {
        agent: AgentId,
        /// What is known about the reason, in words for the user.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message: Option<String>,
    },
    /// The connection ends for this reason.
    Error {
        message: String,
    },
}

/// What happened to a peer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerUpdate {
    pub peer: PeerId,
    #[serde(flatten)]
    pub kind: PeerUpdateKind,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum PeerUpdateKind {
    /// The peer exists with this key; also sent when its key, secret or permission changed.
    Node(PeerNode),
    /// The peer's connection to the server broke; established sessions go on.
    Lost,
    /// The peer has left or the tunnel is removed: forget it now.
    Disconnected,
    /// The peer knows us: a handshake will be answered.
    Ready,
}

/// How to reach a peer and what it may do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerNode {
    pub public_key: PublicKey,
    /// The peer's address inside the tunnel, derived by the server from the peer's id.
    pub address: Ipv6Addr,
    pub psk: PresharedKey,
    /// Ports that the peer may open on the receiver.
    pub ports: AllowedPorts,
}

#[cfg(test)]
mod tests;
