//! One tunnel node as a poll object.
//!
//! Owns the link to the relay (proof, announcements, aliases, pings), the peers and their WireGuard sessions, and the
//! inner addresses. Inputs are messages of the link, datagrams from the layer above (QUIC) and the time; outputs are
//! messages for the link, datagrams for the layer above and events. It must not know how messages travel, what the
//! datagrams mean, or what time it is.
//!
//! After every `handle_*` call poll [`Tunnel::poll_transmit`], [`Tunnel::poll_packet`] and [`Tunnel::poll_event`] until
//! they are empty, then sleep until [`Tunnel::poll_timeout`].

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::net::{Ipv6Addr, SocketAddrV6};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use warren_vocab::AgentId;
use warren_wire::relay::{BadRecord, Batch, Record};
use warren_wire::tunnel::{PeerId, ToNode, ToServer};

use crate::address::{PeerClass, QUIC_PORT, address_of};
use crate::frame::Frame;
use crate::identity::{NodeSecret, client_peer_id};
use crate::packet::{self, BadPacket, PAYLOAD_MAX};
use crate::relay::Identity;
use crate::wireguard::{Decapsulated, NodeWireGuard, WireGuardRejected};

mod link;
mod outbox;
mod peers;

use link::Link;
use outbox::Outbox;
use peers::Peer;

/// How far the path to an agent has come, in the order in which it happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PeerStatus {
    /// Nobody has asked for this agent.
    Unknown,
    /// The link to the server is down.
    LinkDown,
    /// The server has not answered yet.
    WaitingForServer,
    /// The server refused the tunnel, for this reason.
    Refused(String),
    /// The agent is not connected to the server.
    AgentAbsent,
    /// The agent is not connected, or to a server that this node's one does not reach, for this reason.
    AgentUnreachable(String),
    /// The agent has not acknowledged this node yet.
    WaitingForAgent,
    /// The WireGuard handshake is under way.
    Handshaking,
    /// Datagrams flow.
    Connected,
}

/// Something that the shell should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TunnelEvent {
    /// The relay has accepted this node's key.
    LinkUp,
    /// The link is useless; drop it and dial again.
    LinkFailed { reason: String },
    /// [`Tunnel::status`] of this agent may have changed.
    StatusChanged { agent: AgentId },
    /// A peer's session is up; its datagrams are authentic.
    PeerConnected { peer: PeerId, address: Ipv6Addr },
    /// The peer behind this address is gone, or is a new process: nothing of its connections survives.
    PeerForgotten { peer: PeerId, address: Ipv6Addr },
    /// The relay stops soon: dial again after `after` plus a random part of `spread`.
    Restarting { after: Duration, spread: Duration },
}

/// A datagram for the layer above.
#[derive(Debug, PartialEq, Eq)]
pub struct Received {
    pub from: SocketAddrV6,
    pub payload: BytesMut,
}

/// An input from the link that was not accepted. Only [`Rejected::is_fatal`] ones end the link.
#[derive(Debug, thiserror::Error)]
pub enum Rejected {
    #[error("relay batch is malformed")]
    Record(#[source] BadRecord),
    #[error("control message is malformed")]
    Control(#[source] serde_json::Error),
    #[error("relay does not follow the protocol: {0}")]
    Protocol(&'static str),
    #[error("datagram under an alias that is not open")]
    UnknownAlias,
    #[error("datagram was refused by WireGuard")]
    WireGuard(#[source] WireGuardRejected),
    #[error("inner packet is not acceptable")]
    Packet(#[source] BadPacket),
}

impl Rejected {
    /// Whether the link cannot be used any more.
    pub fn is_fatal(&self) -> bool {
        match self {
            Rejected::Record(_) | Rejected::Control(_) | Rejected::Protocol(_) => true,
            Rejected::UnknownAlias | Rejected::WireGuard(_) | Rejected::Packet(_) => false,
        }
    }
}

/// A datagram from the layer above that cannot be sent now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unroutable {
    #[error("no peer has this tunnel address")]
    NoPeer,
    #[error("the peer has no path at the moment")]
    NoPath,
    #[error("datagram is larger than {PAYLOAD_MAX} bytes")]
    TooLong,
}

/// One node of the tunnel.
pub struct Tunnel {
    identity: Identity,
    secret: NodeSecret,
    wireguard: NodeWireGuard,
    address: Ipv6Addr,
    link: Link,
    outbox: Outbox,
    wanted: BTreeSet<AgentId>,
    /// Why the server refused or postponed a wanted tunnel.
    refused: HashMap<AgentId, String>,
    /// With what the server says about the reason.
    absent: HashMap<AgentId, Option<String>>,
    peers: HashMap<PeerId, Peer>,
    by_address: HashMap<Ipv6Addr, PeerId>,
    by_alias: HashMap<u32, PeerId>,
    next_alias: u32,
    packets: VecDeque<Received>,
    events: VecDeque<TunnelEvent>,
}

impl Tunnel {
    /// Creates a node without a link. The secret must be fresh random bytes.
    pub fn new(identity: Identity, secret: NodeSecret) -> Tunnel {
        let (class, peer) = match identity {
            Identity::Agent(agent) => (PeerClass::Agent, agent.into()),
            Identity::Client => (PeerClass::Client, client_peer_id(&secret.public_key())),
            Identity::Server => (PeerClass::Server, client_peer_id(&secret.public_key())),
        };
        Tunnel {
            identity,
            wireguard: NodeWireGuard::new(secret.clone()),
            secret,
            address: address_of(class, peer),
            link: Link::Down,
            outbox: Outbox::default(),
            wanted: BTreeSet::new(),
            refused: HashMap::new(),
            absent: HashMap::new(),
            peers: HashMap::new(),
            by_address: HashMap::new(),
            by_alias: HashMap::new(),
            next_alias: 1,
            packets: VecDeque::new(),
            events: VecDeque::new(),
        }
    }

    /// This node's address inside the tunnel.
    pub fn local_address(&self) -> SocketAddrV6 {
        SocketAddrV6::new(self.address, QUIC_PORT, 0, 0)
    }

    /// A new link is connected; the relay speaks first.
    pub fn handle_link_up(&mut self, now: Instant) {
        self.reset_link(Link::connecting(now), now);
    }

    /// The link is gone. Sessions stay: they go on when a new link comes soon enough.
    pub fn handle_link_down(&mut self, now: Instant) {
        self.reset_link(Link::Down, now);
    }

    /// Takes one message of the link.
    ///
    /// # Errors
    /// The first reason why a part of the message was not accepted; the other parts are processed.
    pub fn handle_frame(&mut self, frame: Frame, now: Instant) -> Result<(), Rejected> {
        self.link.heard(now);
        match frame {
            Frame::Text(text) => {
                let message: ToNode = serde_json::from_str(&text).map_err(Rejected::Control)?;
                self.handle_control(message, now);
                Ok(())
            }
            Frame::Binary(bytes) => {
                let mut result = Ok(());
                for record in Batch::new(bytes).map_err(Rejected::Record)? {
                    let handled = record.map_err(Rejected::Record).and_then(|r| self.handle_record(r, now));
                    result = result.and(handled);
                }
                result
            }
        }
    }

    /// Asks for a tunnel to an agent, now and after every redial, until [`Tunnel::drop_agent`]. An earlier refusal is
    /// forgotten and asked again.
    pub fn want_agent(&mut self, agent: AgentId) {
        let refused_before = self.refused.remove(&agent).is_some();
        if (self.wanted.insert(agent) || refused_before) && self.link.is_up() {
            self.outbox.push_control(&ToServer::AddTunnel { agent });
        }
        self.status_changed(agent);
    }

    /// Gives the tunnel to an agent up.
    pub fn drop_agent(&mut self, agent: AgentId) {
        if self.wanted.remove(&agent) && self.link.is_up() {
            self.outbox.push_control(&ToServer::RemoveTunnel { agent });
        }
        self.refused.remove(&agent);
        self.absent.remove(&agent);
        self.forget_peer(agent.into());
        self.status_changed(agent);
    }

    /// Says goodbye, so that the peers forget this node at once.
    pub fn disconnect(&mut self) {
        if self.link.is_up() {
            self.outbox.push_control(&ToServer::Disconnect);
        }
    }

    /// Sends a datagram of the layer above to a tunnel address.
    ///
    /// # Errors
    /// When no peer has the address, the peer has no path now, or the payload is too long. The datagram is lost then,
    /// as on any network.
    pub fn handle_datagram(
        &mut self,
        to: SocketAddrV6,
        payload: &[u8],
        now: Instant,
    ) -> Result<(), Unroutable> {
        if payload.len() > PAYLOAD_MAX {
            return Err(Unroutable::TooLong);
        }
        let peer = self
            .by_address
            .get(to.ip())
            .and_then(|peer| self.peers.get_mut(peer))
            .ok_or(Unroutable::NoPeer)?;
        let alias = peer.usable_alias().ok_or(Unroutable::NoPath)?;
        let from = SocketAddrV6::new(self.address, QUIC_PORT, 0, 0);
        let outbox = &mut self.outbox;
        peer.session.encapsulate(packet::encapsulate(from, to, payload), &mut |datagram| {
            outbox.push_datagram(alias, datagram);
        });
        peer.active_at = now;
        Ok(())
    }

    /// Runs everything that is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.run_link_timers(now);
        self.run_peer_timers(now);
    }

    /// The next message for the link.
    #[must_use]
    pub fn poll_transmit(&mut self) -> Option<Frame> {
        self.outbox.pop()
    }

    /// The next datagram for the layer above.
    #[must_use]
    pub fn poll_packet(&mut self) -> Option<Received> {
        self.packets.pop_front()
    }

    #[must_use]
    pub fn poll_event(&mut self) -> Option<TunnelEvent> {
        self.events.pop_front()
    }

    /// When to call [`Tunnel::handle_timeout`] next, and why.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<(Instant, &'static str)> {
        let peers = self.peers.values().map(Peer::poll_timeout);
        peers.chain(self.link.poll_timeout()).min_by_key(|(deadline, _)| *deadline)
    }

    /// Whether the peer at this address may open a stream to this port here.
    pub fn may_open(&self, from: Ipv6Addr, port: u16) -> bool {
        let peer = self.by_address.get(&from).and_then(|peer| self.peers.get(peer));
        peer.is_some_and(|peer| peer.ports.allows(port))
    }

    /// Whether a datagram could go anywhere now. After a redial it cannot until the first peer is known again, and
    /// datagrams that wait meanwhile are not lost.
    pub fn has_path(&self) -> bool {
        self.peers.values().any(|peer| peer.usable_alias().is_some())
    }

    /// The peer that has this tunnel address.
    pub fn peer_at(&self, address: Ipv6Addr) -> Option<PeerId> {
        self.by_address.get(&address).copied()
    }

    /// The tunnel address of an agent, whether it is connected or not.
    pub fn address_of_agent(agent: AgentId) -> SocketAddrV6 {
        SocketAddrV6::new(address_of(PeerClass::Agent, agent.into()), QUIC_PORT, 0, 0)
    }

    /// How far the path to an agent has come.
    pub fn status(&self, agent: AgentId) -> PeerStatus {
        if !self.wanted.contains(&agent) {
            return PeerStatus::Unknown;
        }
        if let Some(message) = self.refused.get(&agent) {
            return PeerStatus::Refused(message.clone());
        }
        let peer = self.peers.get(&agent.into());
        if !self.link.is_up() {
            return PeerStatus::LinkDown;
        }
        match self.absent.get(&agent) {
            Some(Some(why)) => return PeerStatus::AgentUnreachable(why.clone()),
            Some(None) => return PeerStatus::AgentAbsent,
            None => {}
        }
        match peer {
            None => PeerStatus::WaitingForServer,
            Some(peer) if peer.is_connected() => PeerStatus::Connected,
            Some(peer) if peer.ready => PeerStatus::Handshaking,
            Some(_) => PeerStatus::WaitingForAgent,
        }
    }

    fn handle_record(&mut self, record: Record, now: Instant) -> Result<(), Rejected> {
        match record {
            Record::From { alias, datagram } => self.handle_from(alias, datagram, now),
            Record::Challenge { relay_key, nonce } => self.answer_challenge(&relay_key, &nonce, now),
            Record::Ready { .. } => {
                self.events.push_back(TunnelEvent::LinkUp);
                Ok(())
            }
            Record::Gone { alias, .. } | Record::Refused { alias, .. } => {
                self.handle_gone(alias);
                Ok(())
            }
            Record::Ping { token } => {
                self.outbox.push_record(&Record::Pong { token });
                Ok(())
            }
            Record::Restarting { after_ms, spread_ms } => {
                let ms = |ms: u32| Duration::from_millis(ms.into());
                self.events.push_back(TunnelEvent::Restarting { after: ms(after_ms), spread: ms(spread_ms) });
                Ok(())
            }
            Record::Opened { .. } | Record::Pong { .. } => Ok(()),
            Record::Hello { .. } | Record::Proof { .. } | Record::Open { .. } | Record::Data { .. } => {
                Err(Rejected::Protocol("a record was received that only a node may send"))
            }
        }
    }

    fn handle_from(&mut self, alias: u32, datagram: BytesMut, now: Instant) -> Result<(), Rejected> {
        let id = *self.by_alias.get(&alias).ok_or(Rejected::UnknownAlias)?;
        let peer = self.peers.get_mut(&id).ok_or(Rejected::UnknownAlias)?;
        let outbox = &mut self.outbox;
        let result = peer.session.decapsulate(datagram, &mut |reply| outbox.push_datagram(alias, reply));
        peer.active_at = now;
        match result.map_err(Rejected::WireGuard)? {
            Decapsulated::Nothing => {}
            Decapsulated::Authenticated => self.mark_connected(id),
            Decapsulated::Packet(packet) => {
                let address = peer.address;
                self.mark_connected(id);
                let (from, payload) =
                    packet::decapsulate(packet, address, self.address).map_err(Rejected::Packet)?;
                self.packets.push_back(Received { from, payload });
            }
        }
        Ok(())
    }

    fn status_changed(&mut self, agent: AgentId) {
        self.events.push_back(TunnelEvent::StatusChanged { agent });
    }
}

#[cfg(test)]
mod tests;
