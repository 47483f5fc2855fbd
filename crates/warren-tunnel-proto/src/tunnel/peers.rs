//! Peers: what the server says about them, and their sessions.

use std::net::Ipv6Addr;
use std::time::{Duration, Instant};

use warren_vocab::AgentId;
use warren_wire::key::PublicKey;
use warren_wire::relay::Record;
use warren_wire::tunnel::{AllowedPorts, PeerId, PeerNode, PeerUpdate, PeerUpdateKind, ToNode, ToServer};

use super::{Tunnel, TunnelEvent};
use crate::relay::Identity;
use crate::wireguard::WireGuard;

/// How long a handshake waits for the peer's acknowledgement before it is tried anyway.
const READY_MAX: Duration = Duration::from_secs(5);
/// A peer without a control connection is forgotten this long after its last handshake.
const LOST_MAX: Duration = Duration::from_secs(15 * 60);
/// WireGuard timers are looked at this often while something happens, and seldom otherwise.
const TICK: Duration = Duration::from_millis(250);
const TICK_IDLE: Duration = Duration::from_secs(1);
const ACTIVE_FOR: Duration = Duration::from_secs(20);

pub(super) struct Peer {
    pub(super) key: PublicKey,
    pub(super) address: Ipv6Addr,
    pub(super) session: Box<dyn WireGuard>,
    /// What the peer may open here.
    pub(super) ports: AllowedPorts,
    /// The peer knows us, or has had its time to say so.
    pub(super) ready: bool,
    pub(super) active_at: Instant,
    alias: Option<u32>,
    /// The session has proven the peer at least once.
    connected: bool,
    known_since: Instant,
    next_tick: Instant,
    lost_since: Option<Instant>,
}

impl Peer {
    pub(super) fn is_connected(&self) -> bool {
        self.connected && self.alias.is_some()
    }

    /// The alias to send under, once the peer may be sent to.
    pub(super) fn usable_alias(&self) -> Option<u32> {
        self.alias.filter(|_| self.connected)
    }

    pub(super) fn lose_path(&mut self, now: Instant) {
        self.alias = None;
        self.ready = false;
        self.lost_since.get_or_insert(now);
    }

    pub(super) fn poll_timeout(&self) -> (Instant, &'static str) {
        (self.next_tick, "peer timers")
    }

    fn is_expired(&self, now: Instant) -> bool {
        let fresh = self.session.since_handshake().is_some_and(|age| age < LOST_MAX);
        self.lost_since.is_some_and(|since| now >= since + LOST_MAX) && !fresh
    }

    fn schedule_tick(&mut self, now: Instant) {
        let busy = now < self.active_at + ACTIVE_FOR || !self.connected;
        self.next_tick = now + if busy { TICK } else { TICK_IDLE };
    }
}

impl Tunnel {
    pub(super) fn handle_control(&mut self, message: ToNode, now: Instant) {
        match message {
            ToNode::PeerUpdate(PeerUpdate { peer, kind }) => self.handle_peer_update(peer, kind, now),
            ToNode::TunnelRefused { agent, message } => {
                self.forget_peer(agent.into());
                if self.wanted.contains(&agent) {
                    self.refused.insert(agent, message);
                }
                self.status_changed(agent);
            }
            ToNode::AgentAbsent { agent, message } => {
                self.absent.insert(agent, message);
                self.status_changed(agent);
            }
            ToNode::Error { message } => self.fail_link(&message),
        }
    }

    fn handle_peer_update(&mut self, id: PeerId, kind: PeerUpdateKind, now: Instant) {
        match kind {
            PeerUpdateKind::Node(node) => self.handle_node(id, node, now),
            PeerUpdateKind::Ready => {
                if let Some(peer) = self.peers.get_mut(&id) {
                    peer.ready = true;
                    self.start_handshake(id);
                }
            }
            PeerUpdateKind::Lost => {
                if let Some(peer) = self.peers.get_mut(&id) {
                    if let Some(alias) = peer.alias {
                        self.by_alias.remove(&alias);
                    }
                    peer.lose_path(now);
                }
            }
            PeerUpdateKind::Disconnected => {
                let agent = AgentId::from_uuid(id.as_uuid());
                self.forget_peer(id);
                if self.wanted.contains(&agent) {
                    self.absent.insert(agent, None);
                }
            }
        }
        self.status_changed(AgentId::from_uuid(id.as_uuid()));
    }

    fn handle_node(&mut self, id: PeerId, node: PeerNode, now: Instant) {
        self.absent.remove(&AgentId::from_uuid(id.as_uuid()));
        if self.peers.get(&id).is_some_and(|peer| peer.key != node.public_key) {
            // A new process: nothing of the old one's sessions can be used.
            self.forget_peer(id);
        }
        match self.peers.get_mut(&id) {
            Some(peer) => {
                peer.session.set_psk(node.psk);
                peer.ports = node.ports;
                peer.lost_since = None;
                peer.known_since = now;
            }
            None => self.add_peer(id, node, now),
        }
        self.open_alias(id);
        if matches!(self.identity, Identity::Agent(_)) {
            self.outbox.push_control(&ToServer::ReadyForHandshake { peer: id });
        }
    }

    fn add_peer(&mut self, id: PeerId, node: PeerNode, now: Instant) {
        let session = self.wireguard.session(&node.public_key, node.psk);
        self.by_address.insert(node.address, id);
        let peer = Peer {
            key: node.public_key,
            address: node.address,
            session: Box::new(session),
            ports: node.ports,
            ready: false,
            active_at: now,
            alias: None,
            connected: false,
            known_since: now,
            next_tick: now + TICK,
            lost_since: None,
        };
        self.peers.insert(id, peer);
    }

    fn open_alias(&mut self, id: PeerId) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        if peer.alias.is_some() {
            return;
        }
        let alias = self.next_alias;
        self.next_alias = self.next_alias.wrapping_add(1);
        peer.alias = Some(alias);
        self.by_alias.insert(alias, id);
        self.outbox.push_record(&Record::Open { alias, destination: peer.key });
    }

    /// The relay cannot forward under this alias any more; the server will say when the peer is back.
    pub(super) fn handle_gone(&mut self, alias: u32) {
        let Some(id) = self.by_alias.remove(&alias) else { return };
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.alias = None;
            peer.ready = false;
        }
        self.status_changed(AgentId::from_uuid(id.as_uuid()));
    }

    pub(super) fn forget_peer(&mut self, id: PeerId) {
        let Some(peer) = self.peers.remove(&id) else { return };
        self.by_address.remove(&peer.address);
        if let Some(alias) = peer.alias {
            self.by_alias.remove(&alias);
        }
        self.events.push_back(TunnelEvent::PeerForgotten { peer: id, address: peer.address });
    }

    pub(super) fn mark_connected(&mut self, id: PeerId) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        if peer.connected {
            return;
        }
        peer.connected = true;
        self.events.push_back(TunnelEvent::PeerConnected { peer: id, address: peer.address });
        self.status_changed(AgentId::from_uuid(id.as_uuid()));
    }

    pub(super) fn run_peer_timers(&mut self, now: Instant) {
        let due: Vec<PeerId> =
            self.peers.iter().filter(|(_, peer)| peer.next_tick <= now).map(|(id, _)| *id).collect();
        for id in due {
            self.tick_peer(id, now);
        }
    }

    fn tick_peer(&mut self, id: PeerId, now: Instant) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        if peer.is_expired(now) {
            self.forget_peer(id);
            return self.status_changed(AgentId::from_uuid(id.as_uuid()));
        }
        if let Some(alias) = peer.alias {
            let outbox = &mut self.outbox;
            peer.session.handle_timeout(&mut |datagram| outbox.push_datagram(alias, datagram));
            if !peer.ready && now >= peer.known_since + READY_MAX {
                peer.ready = true;
            }
        }
        peer.schedule_tick(now);
        self.start_handshake(id);
    }

    /// Only the side that asked for the tunnel starts handshakes; the other side may not be reachable yet.
    fn start_handshake(&mut self, id: PeerId) {
        if !self.wanted.contains(&AgentId::from_uuid(id.as_uuid())) {
            return;
        }
        let Some(peer) = self.peers.get_mut(&id) else { return };
        let (Some(alias), true, false) = (peer.alias, peer.ready, peer.connected) else { return };
        let outbox = &mut self.outbox;
        peer.session.start_handshake(&mut |datagram| outbox.push_datagram(alias, datagram));
    }
}
