//! Which tunnels exist and who is told about them.

use warren_vocab::AgentId;
use warren_wire::key::PublicKey;
use warren_wire::relay::{GoneReason, Record};
use warren_wire::tunnel::{AllowedPorts, PeerId, PeerNode, PeerUpdateKind, PresharedKey, ToNode};

use super::{Identity, Relay, TunnelState};
use crate::address::address_of;

impl Relay {
    pub(super) fn grant_tunnel(
        &mut self,
        source: PeerId,
        agent: AgentId,
        ports: AllowedPorts,
        psk: PresharedKey,
    ) {
        let pair = (source, PeerId::from(agent));
        match self.tunnels.get_mut(&pair) {
            Some(tunnel) if tunnel.ports == ports => {}
            Some(tunnel) => tunnel.ports = ports,
            None => {
                self.tunnels.insert(pair, TunnelState { psk, ports });
                self.partners.entry(pair.0).or_default().insert(pair.1);
                self.partners.entry(pair.1).or_default().insert(pair.0);
            }
        }
        self.announce(pair);
        if !self.by_peer.contains_key(&pair.1) {
            self.tell_source(source, &ToNode::AgentAbsent { agent });
        }
    }

    pub(super) fn refuse_tunnel(&mut self, source: PeerId, agent: AgentId, message: String) {
        self.remove_tunnel(source, agent.into());
        self.tell_source(source, &ToNode::TunnelRefused { agent, message });
    }

    /// Ends a tunnel: the destination forgets the source, and neither can send to the other.
    pub(super) fn remove_tunnel(&mut self, source: PeerId, agent: PeerId) {
        if self.tunnels.remove(&(source, agent)).is_none() {
            return;
        }
        self.unlink_partners(source, agent);
        self.drop_alias(source, agent);
        self.drop_alias(agent, source);
        self.push_update(agent, source, PeerUpdateKind::Disconnected);
        self.push_update(source, agent, PeerUpdateKind::Disconnected);
    }

    /// Tells both ends of all tunnels of a peer that has just published itself.
    pub(super) fn announce_all(&mut self, peer: PeerId) {
        let partners: Vec<PeerId> = self.partners.get(&peer).into_iter().flatten().copied().collect();
        for partner in partners {
            let as_source = (peer, partner);
            self.announce(if self.tunnels.contains_key(&as_source) { as_source } else { (partner, peer) });
        }
    }

    /// Whether a live tunnel joins the peer with the holder of this key.
    pub(super) fn may_reach(&self, peer: PeerId, destination: &PublicKey) -> bool {
        let holder = self.by_key.get(destination).and_then(|id| self.links.get(id)?.published_peer());
        holder.is_some_and(|other| {
            self.tunnels.contains_key(&(peer, other)) || self.tunnels.contains_key(&(other, peer))
        })
    }

    /// A peer's connection broke. Agents come back to their tunnels; a client asks for its tunnels again.
    pub(super) fn forget_link_of(&mut self, peer: PeerId, identity: Identity) {
        if self.by_peer.contains_key(&peer) {
            // A newer link of the same peer has taken over.
            return;
        }
        let partners: Vec<PeerId> = self.partners.get(&peer).into_iter().flatten().copied().collect();
        for partner in partners {
            self.push_update(partner, peer, PeerUpdateKind::Lost);
            match identity {
                Identity::Agent(agent) => self.tell_source(partner, &ToNode::AgentAbsent { agent }),
                Identity::Client | Identity::Server => {
                    self.tunnels.remove(&(peer, partner));
                    self.unlink_partners(peer, partner);
                }
            }
        }
    }

    /// A peer leaves for good.
    pub(super) fn say_goodbye(&mut self, peer: PeerId) {
        let partners: Vec<PeerId> = self.partners.get(&peer).into_iter().flatten().copied().collect();
        for partner in partners {
            if self.tunnels.contains_key(&(peer, partner)) {
                self.remove_tunnel(peer, partner);
            } else {
                self.push_update(partner, peer, PeerUpdateKind::Disconnected);
            }
        }
    }

    /// Sends both ends what they need to know about each other, if both are here.
    fn announce(&mut self, (source, agent): (PeerId, PeerId)) {
        let Some(tunnel) = self.tunnels.get(&(source, agent)).cloned() else { return };
        let nothing = AllowedPorts::Only([].into());
        let about_source = self.node_of(source, &tunnel, tunnel.ports.clone());
        let about_agent = self.node_of(agent, &tunnel, nothing);
        let (Some(about_source), Some(about_agent)) = (about_source, about_agent) else { return };
        // The destination first: it must know the source before the first handshake arrives.
        self.push_update(agent, source, PeerUpdateKind::Node(about_source));
        self.push_update(source, agent, PeerUpdateKind::Node(about_agent));
    }

    fn node_of(&self, peer: PeerId, tunnel: &TunnelState, ports: AllowedPorts) -> Option<PeerNode> {
        let link = self.links.get(self.by_peer.get(&peer)?)?;
        let address = address_of(Relay::class_of(link.identity), peer);
        Some(PeerNode { public_key: link.published_key()?, address, psk: tunnel.psk, ports })
    }

    fn drop_alias(&mut self, holder: PeerId, destination: PeerId) {
        let key = self.by_peer.get(&destination).and_then(|id| self.links.get(id)?.published_key());
        let (Some(id), Some(key)) = (self.by_peer.get(&holder).copied(), key) else { return };
        let alias = self.links.get_mut(&id).and_then(|link| link.remove_alias_for(&key));
        if let Some(alias) = alias {
            self.push_record(id, &Record::Gone { alias, reason: GoneReason::TunnelRemoved });
        }
    }

    fn unlink_partners(&mut self, one: PeerId, other: PeerId) {
        for (peer, partner) in [(one, other), (other, one)] {
            let Some(partners) = self.partners.get_mut(&peer) else { continue };
            partners.remove(&partner);
            if partners.is_empty() {
                self.partners.remove(&peer);
            }
        }
    }

    fn tell_source(&mut self, source: PeerId, message: &ToNode) {
        if let Some(id) = self.by_peer.get(&source).copied() {
            self.push_control(id, message);
        }
    }
}
