//! Which tunnels exist and who is told about them.

use warren_vocab::AgentId;
use warren_wire::key::PublicKey;
use warren_wire::relay::{GoneReason, Record};
use warren_wire::tunnel::{AllowedPorts, PeerId, PeerNode, PeerUpdateKind, PresharedKey, ToNode};

use super::{Identity, Relay, TunnelState};
use crate::address::{PeerClass, address_of};

impl Relay {
    pub(super) fn grant_tunnel(
        &mut self,
        source: PeerId,
        agent: AgentId,
        ports: AllowedPorts,
        psk: PresharedKey,
    ) {
        let pair = (source, PeerId::from(agent));
        let psk = self.tunnels.get(&pair).map_or(psk, |tunnel| tunnel.psk);
        self.open_tunnel(pair, psk, ports);
        self.announce(pair);
        self.explain_absence(source, agent, None);
        self.changed(pair.1);
    }

    pub(super) fn open_tunnel(&mut self, pair: (PeerId, PeerId), psk: PresharedKey, ports: AllowedPorts) {
        self.tunnels.insert(pair, TunnelState { psk, ports });
        self.partners.entry(pair.0).or_default().insert(pair.1);
        self.partners.entry(pair.1).or_default().insert(pair.0);
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
        self.drop_alias(source, agent, (source, agent));
        self.drop_alias(agent, source, (source, agent));
        self.push_update(agent, source, PeerUpdateKind::Disconnected);
        self.push_update(source, agent, PeerUpdateKind::Disconnected);
        self.changed(agent);
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
        if self.far_by_key.contains_key(&(peer, *destination)) {
            return true;
        }
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
                Identity::Agent(agent) => {
                    self.tell_source(partner, &ToNode::AgentAbsent { agent, message: None });
                }
                Identity::Client | Identity::Server => {
                    self.tunnels.remove(&(peer, partner));
                    self.unlink_partners(peer, partner);
                    self.changed(partner);
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

    /// Sends both ends what they need to know about each other, if both are here or their servers known.
    pub(super) fn announce(&mut self, pair: (PeerId, PeerId)) {
        let (source, agent) = pair;
        let Some(tunnel) = self.tunnels.get(&pair) else { return };
        let about_source = self.node_of(source, pair, tunnel.ports.clone());
        let about_agent = self.node_of(agent, pair, AllowedPorts::Only([].into()));
        let Some(about_source) = about_source else { return };
        if about_agent.is_none() && !self.far_by_pair.contains_key(&pair) {
            return;
        }
        // The destination first: it must know the source before the first handshake arrives.
        self.push_update(agent, source, PeerUpdateKind::Node(about_source));
        if let Some(about_agent) = about_agent {
            self.push_update(source, agent, PeerUpdateKind::Node(about_agent));
        }
    }

    /// What the one end of a tunnel is told about the other.
    pub(super) fn node_of(
        &self,
        peer: PeerId,
        pair: (PeerId, PeerId),
        ports: AllowedPorts,
    ) -> Option<PeerNode> {
        let psk = self.tunnels.get(&pair)?.psk;
        let (public_key, class) = self.end_of(peer, pair)?;
        Some(PeerNode { public_key, address: address_of(class, peer), psk, ports })
    }

    /// The key and class of one end of a tunnel, here or on another server.
    fn end_of(&self, peer: PeerId, pair: (PeerId, PeerId)) -> Option<(PublicKey, PeerClass)> {
        let Some(id) = self.by_peer.get(&peer) else { return self.far_end_of(peer, pair) };
        let link = self.links.get(id)?;
        Some((link.published_key()?, Relay::class_of(link.identity)))
    }

    pub(super) fn drop_alias(&mut self, holder: PeerId, destination: PeerId, pair: (PeerId, PeerId)) {
        let key = self.end_of(destination, pair).map(|(key, _)| key);
        let (Some(id), Some(key)) = (self.by_peer.get(&holder).copied(), key) else { return };
        let alias = self.links.get_mut(&id).and_then(|link| link.remove_alias_for(&key));
        if let Some(alias) = alias {
            self.push_record(id, &Record::Gone { alias, reason: GoneReason::TunnelRemoved });
        }
    }

    pub(super) fn unlink_partners(&mut self, one: PeerId, other: PeerId) {
        for (peer, partner) in [(one, other), (other, one)] {
            let Some(partners) = self.partners.get_mut(&peer) else { continue };
            partners.remove(&partner);
            if partners.is_empty() {
                self.partners.remove(&peer);
            }
        }
    }

    pub(super) fn tell_source(&mut self, source: PeerId, message: &ToNode) {
        if let Some(id) = self.by_peer.get(&source).copied() {
            self.push_control(id, message);
        }
    }
}
