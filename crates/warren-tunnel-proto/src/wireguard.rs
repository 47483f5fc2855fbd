//! One WireGuard session behind our own trait, so that the core can be exchanged.
//!
//! Must not know about relays, aliases or addresses. The implementation is gotatun's noise core, which reads its own
//! monotonic clock; [`WireGuard::handle_timeout`] only has to be called often enough.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use gotatun::noise::index_table::IndexTable;
use gotatun::noise::rate_limiter::RateLimiter;
use gotatun::noise::{Tunn, TunnResult};
use gotatun::packet::{Packet, WgKind};
use gotatun::tun::MtuWatcher;
use warren_wire::key::{PresharedKey, PublicKey};

use crate::identity::NodeSecret;
use crate::packet::INNER_MTU_MAX;

/// Handshakes per second and node above which initiators must answer a cookie first.
const HANDSHAKES_PER_SECOND: u64 = 100;

/// A datagram that the session refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("datagram does not belong to this WireGuard session")]
pub struct WireGuardRejected;

/// What a received datagram turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub enum Decapsulated {
    /// Protocol traffic; nothing for the layer above.
    Nothing,
    /// The peer has proven itself: an authenticated datagram of a live session, without a payload.
    Authenticated,
    /// An authenticated inner packet.
    Packet(BytesMut),
}

/// One peer's session. `send` receives every datagram that must go out.
pub trait WireGuard: Send {
    /// Encrypts an inner packet, or queues it and starts a handshake when there is no session.
    fn encapsulate(&mut self, packet: BytesMut, send: &mut dyn FnMut(&[u8]));
    /// Takes a datagram from the peer.
    ///
    /// # Errors
    /// When the datagram is forged, replayed, malformed or of no session of ours.
    fn decapsulate(
        &mut self,
        datagram: BytesMut,
        send: &mut dyn FnMut(&[u8]),
    ) -> Result<Decapsulated, WireGuardRejected>;
    /// Starts a handshake unless one is under way.
    fn start_handshake(&mut self, send: &mut dyn FnMut(&[u8]));
    /// Runs due timers: retries, re-keying, keep-alives.
    fn handle_timeout(&mut self, send: &mut dyn FnMut(&[u8]));
    /// Changes the preshared key; sessions in use live on until they are re-keyed.
    fn set_psk(&mut self, psk: PresharedKey);
    /// Time since the last completed handshake of a session that is still usable.
    fn since_handshake(&self) -> Option<Duration>;
}

/// What all sessions of one node share: its key, the table of session indices and the handshake limit.
#[derive(Clone)]
pub struct NodeWireGuard {
    secret: NodeSecret,
    indices: IndexTable,
    limiter: Arc<RateLimiter>,
}

impl NodeWireGuard {
    pub fn new(secret: NodeSecret) -> NodeWireGuard {
        let public = x25519_dalek::PublicKey::from(*secret.public_key().as_bytes());
        NodeWireGuard {
            secret,
            indices: IndexTable::from_os_rng(),
            limiter: Arc::new(RateLimiter::new(&public, HANDSHAKES_PER_SECOND)),
        }
    }

    /// Creates the session object for a peer. No datagram is sent yet.
    pub fn session(&self, peer_key: &PublicKey, psk: PresharedKey) -> Gotatun {
        let tunn = Tunn::new(
            self.secret.as_static_secret().clone(),
            x25519_dalek::PublicKey::from(*peer_key.as_bytes()),
            Some(*psk.as_bytes()),
            None,
            self.indices.clone(),
            self.limiter.clone(),
        );
        Gotatun { tunn, limiter: self.limiter.clone(), mtu: MtuWatcher::new(INNER_MTU_MAX as u16) }
    }
}

/// gotatun's noise core.
pub struct Gotatun {
    tunn: Tunn,
    limiter: Arc<RateLimiter>,
    mtu: MtuWatcher,
}

impl WireGuard for Gotatun {
    fn encapsulate(&mut self, packet: BytesMut, send: &mut dyn FnMut(&[u8])) {
        if let Some(datagram) = self.tunn.handle_outgoing_packet(Packet::from_bytes(packet), None) {
            emit(datagram, send);
        }
    }

    fn decapsulate(
        &mut self,
        datagram: BytesMut,
        send: &mut dyn FnMut(&[u8]),
    ) -> Result<Decapsulated, WireGuardRejected> {
        // The relay hides network addresses, so the handshake limit is per node.
        const RELAY: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);
        let datagram = match self.limiter.verify_packet(RELAY, Packet::from_bytes(datagram)) {
            Ok(datagram) => datagram,
            Err(TunnResult::WriteToNetwork(cookie)) => {
                emit(cookie, send);
                return Ok(Decapsulated::Nothing);
            }
            Err(_) => return Err(WireGuardRejected),
        };
        match self.tunn.handle_incoming_packet(datagram) {
            TunnResult::Done => Ok(Decapsulated::Nothing),
            TunnResult::Err(_) => Err(WireGuardRejected),
            TunnResult::WriteToNetwork(reply) => {
                let completes = matches!(reply, WgKind::Data(_));
                emit(reply, send);
                for queued in self.tunn.get_queued_packets(&mut self.mtu) {
                    emit(queued, send);
                }
                Ok(if completes { Decapsulated::Authenticated } else { Decapsulated::Nothing })
            }
            TunnResult::WriteToTunnel(mut packet) => {
                let packet = std::mem::take(packet.buf_mut());
                Ok(if packet.is_empty() { Decapsulated::Authenticated } else { Decapsulated::Packet(packet) })
            }
        }
    }

    fn start_handshake(&mut self, send: &mut dyn FnMut(&[u8])) {
        if let Some(initiation) = self.tunn.format_handshake_initiation(false) {
            emit(initiation.into(), send);
        }
    }

    fn handle_timeout(&mut self, send: &mut dyn FnMut(&[u8])) {
        // An expired session is not an error here: the next packet starts a new handshake.
        if let Ok(Some(datagram)) = self.tunn.update_timers() {
            emit(datagram, send);
        }
    }

    fn set_psk(&mut self, psk: PresharedKey) {
        self.tunn.set_preshared_key(Some(*psk.as_bytes()));
    }

    fn since_handshake(&self) -> Option<Duration> {
        self.tunn.time_since_last_handshake()
    }
}

fn emit(datagram: WgKind, send: &mut dyn FnMut(&[u8])) {
    let packet: Packet = datagram.into();
    send(packet.as_ref());
}

#[cfg(test)]
mod tests;
