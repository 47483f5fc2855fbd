//! The tunnel's shell: moves the bytes that `warren-tunnel-proto` decides about.
//!
//! A [`TunnelNode`] is one end: agent, command line or server. It keeps a link to the server's [`RelayHub`] (redialling
//! it when it breaks), runs WireGuard sessions to its peers over it, and QUIC inside those sessions; an application
//! sees byte streams to numbered ports of an agent ([`TunnelNode::connect`], [`TunnelNode::accept`]).
//!
//! ```text
//! stream ─ QUIC (BBR) ─ UDP/IPv6 ─ WireGuard ─ relay records ─ WebSocket or in-process link ─ RelayHub
//! ```
//!
//! It must not know HTTP routes, databases or permissions: the server hands in authenticated links and an
//! [`Authorizer`].

mod any_certificate;
mod hub;
pub mod link;
mod node;
mod quic;
mod socket;
mod stream;

pub use any_certificate::AnyCertificate;
pub use hub::{Authorizer, FarLink, HubDialer, RelayHub};
pub use link::{Dial, DialError, RelayLink};
pub use node::{ConnectError, NodeConfig, TunnelNode};
pub use quic::QuicSetUpError;
pub use stream::{Incoming, PeerConnection, TunnelStream};
pub use warren_tunnel_proto::{
    Command, FarEnd, Frame, Identity, PeerStatus, Place, Row, Standing, Verdict, Whereabouts,
};
pub use warren_wire::tunnel::{
    AllowedPorts, PORT_API, PORT_PTY, PORT_SSH, PORT_SSH_STANDARD, PeerId, SUBPROTOCOL,
};
