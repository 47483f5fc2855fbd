//! The tunnel's protocol logic as pure state machines: no clock, no sockets, no tokio.
//!
//! [`Tunnel`] is one node: peers, WireGuard sessions, the link to the relay. [`Relay`] is the server's side: who is
//! attached, which tunnels exist, what is queued for whom. Both take inputs with the time they happened at and are
//! polled for frames, packets, events and the next deadline. [`Whereabouts`] is what one of several servers knows about
//! the agents of the others. `warren-tunnel` is the shell that moves the bytes.
//!
//! One thing escapes the rule: the WireGuard core behind [`WireGuard`] reads its own monotonic clock for its own
//! timers. The deadlines handed out here only say when to look.

mod address;
mod frame;
mod identity;
mod packet;
mod relay;
mod tunnel;
mod whereabouts;
mod wireguard;

#[cfg(test)]
mod simulation;

pub use address::{PeerClass, QUIC_PORT, address_of};
pub use frame::Frame;
pub use identity::{NodeSecret, RelayChallenge, client_peer_id};
pub use packet::{PAYLOAD_MAX, PAYLOAD_MIN};
pub use relay::{FarEnd, FarId, Identity, LinkId, Relay, RelayEvent, RelayLimits, Standing, Verdict};
pub use tunnel::{PeerStatus, Received, Rejected, Tunnel, TunnelEvent, Unroutable};
pub use whereabouts::{Command, Place, Row, Whereabouts};
pub use wireguard::{Decapsulated, Gotatun, NodeWireGuard, WireGuard, WireGuardRejected};
