//! Tunnels whose other end is attached to another server.
//!
//! Owns what two servers say to each other about one tunnel, over a stream of its own. The server that has the source has
//! checked the source's rights and goes on to do so; the server that has the agent lets through only what goes between
//! the two. What came from another server goes to a link of this one, never on to a third. Must not know where agents
//! are: the shell finds that out, and attaches a far end for it.
//!
//! | the other server has | message | effect |
//! |---|---|---|
//! | the source | GRANT | the tunnel exists; the agent learns of the source, the other server of the agent's key |
//! | the agent | NODE | the source learns of the agent |
//! | the agent | READY | told to the source |
//! | the agent | LEFT | the source forgets the agent |
//! | the source | LEFT | the tunnel ends; the agent forgets the source |
//! | the agent | REPLACED | the source has a newer connection elsewhere: the one here is closed |
//! | either | datagrams | forwarded to the end that is here |
//! | either | LOST, or the stream ends | the end that is here is told that the other one is lost |
//!
//! A message that the table does not name for this side ends the stream.

use serde::{Deserialize, Serialize};
use warren_vocab::AgentId;
use warren_wire::key::PublicKey;
use warren_wire::tunnel::{
    AllowedPorts, CONTROL_MAX, PeerId, PeerNode, PeerUpdateKind, PresharedKey, ToNode,
};

use super::queue::Queue;
use super::{LinkId, LinkState, Relay, RelayEvent};
use crate::address::PeerClass;
use crate::frame::Frame;
use crate::identity::client_peer_id;

/// What a connection is told that a newer one has replaced.
pub(super) const REPLACED: &str = "a newer connection of the same peer has replaced this one";

/// One tunnel to or from another server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FarId(u64);

/// Which end of the tunnel the other server has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FarEnd {
    Source,
    Agent,
}

/// Who of this server has to do with an agent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// The agent's own connection, when it is here.
    pub link: Option<LinkId>,
    /// Those connected here that have a tunnel to it.
    pub sources: Vec<PeerId>,
}

#[derive(Debug)]
pub(super) struct Far {
    end: FarEnd,
    source: PeerId,
    agent: PeerId,
    /// The key of the end that is there, once it was said, and the class of that end.
    key: Option<PublicKey>,
    class: PeerClass,
    pub(super) queue: Queue,
    signalled: bool,
    closing: bool,
}

/// What two servers say about one tunnel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum FarMessage {
    Grant { public_key: PublicKey, class: PeerClass, psk: PresharedKey, ports: AllowedPorts },
    Node { public_key: PublicKey },
    Ready,
    Left,
    Lost,
    Replaced,
}

impl Far {
    /// The end that is attached to this server.
    pub(super) fn near_peer(&self) -> PeerId {
        match self.end {
            FarEnd::Source => self.agent,
            FarEnd::Agent => self.source,
        }
    }

    pub(super) fn far_key(&self) -> Option<PublicKey> {
        self.key
    }

    fn pair(&self) -> (PeerId, PeerId) {
        (self.source, self.agent)
    }
}

impl Relay {
    /// Adds a stream to the server that has the other end of a tunnel; none when there is nothing to join: the source has
    /// no tunnel, or the end that should be here is not.
    pub fn attach_far(&mut self, end: FarEnd, source: PeerId, agent: AgentId) -> Option<FarId> {
        let pair = (source, PeerId::from(agent));
        let fits = match end {
            FarEnd::Agent => {
                self.is_here(source)
                    && self.tunnels.contains_key(&pair)
                    && !self.by_peer.contains_key(&pair.1)
                    && !self.far_by_pair.contains_key(&pair)
            }
            FarEnd::Source => self.is_here(pair.1),
        };
        if !fits {
            return None;
        }
        self.next_far += 1;
        let id = FarId(self.next_far);
        let (class, queue) = (PeerClass::Agent, Queue::default());
        let (signalled, closing) = (false, false);
        self.fars.insert(id, Far { end, source, agent: pair.1, key: None, class, queue, signalled, closing });
        if end == FarEnd::Agent {
            self.far_by_pair.insert(pair, id);
            self.announce(pair);
        }
        Some(id)
    }

    /// Takes one message of another server. One that breaks the protocol ends that stream only.
    pub fn handle_far_frame(&mut self, id: FarId, frame: Frame) {
        if self.fars.get(&id).is_none_or(|far| far.closing) {
            return;
        }
        match frame {
            Frame::Text(text) => self.handle_far_text(id, &text),
            Frame::Binary(batch) => self.handle_far_batch(id, batch),
        }
    }

    /// The next message for the other server.
    #[must_use]
    pub fn poll_far_frame(&mut self, id: FarId) -> Option<Frame> {
        let far = self.fars.get_mut(&id)?;
        let frame = far.queue.pop();
        if frame.is_none() {
            far.signalled = false;
        }
        frame
    }

    /// Removes a stream that has ended.
    pub fn detach_far(&mut self, id: FarId) {
        if self.fars.get(&id).is_some_and(|far| !far.closing) {
            self.lose_far(id);
        }
        self.fars.remove(&id);
    }

    /// Who of this server has to do with an agent.
    pub fn standing(&self, agent: AgentId) -> Standing {
        let agent = PeerId::from(agent);
        let link = self.by_peer.get(&agent).copied().filter(|_| self.is_here(agent));
        let partners = self.partners.get(&agent).into_iter().flatten().copied();
        let is_source = |peer: &PeerId| self.tunnels.contains_key(&(*peer, agent)) && self.is_here(*peer);
        Standing { link, sources: partners.filter(is_source).collect() }
    }

    /// The agent has a newer connection to another server than this one.
    pub fn evict(&mut self, agent: AgentId, link: LinkId) {
        if self.by_peer.get(&agent.into()) == Some(&link) {
            self.close(link, REPLACED);
        }
    }

    /// Tells a source why the agent is not there, as far as that is known.
    pub fn explain_absence(&mut self, source: PeerId, agent: AgentId, message: Option<String>) {
        let pair = (source, PeerId::from(agent));
        let is_there = self.by_peer.contains_key(&pair.1) || self.far_end_of(pair.1, pair).is_some();
        if self.tunnels.contains_key(&pair) && !is_there {
            self.tell_source(source, &ToNode::AgentAbsent { agent, message });
        }
    }

    /// Says something about one end of a tunnel to the server that has the other one.
    pub(super) fn push_far_update(&mut self, to: PeerId, about: PeerId, kind: PeerUpdateKind) {
        let pairs = [(to, about), (about, to)];
        let Some(id) = pairs.iter().find_map(|pair| self.far_by_pair.get(pair)).copied() else { return };
        match kind {
            PeerUpdateKind::Node(node) => self.push_far_node(id, node),
            PeerUpdateKind::Ready => self.push_far(id, &FarMessage::Ready),
            PeerUpdateKind::Lost => self.end_far(id, &FarMessage::Lost),
            PeerUpdateKind::Disconnected => self.end_far(id, &FarMessage::Left),
        }
    }

    /// A peer has published itself here: what other servers had of it ends.
    pub(super) fn supersede_fars(&mut self, peer: PeerId) {
        let partners: Vec<PeerId> = self.partners.get(&peer).into_iter().flatten().copied().collect();
        for partner in partners {
            if let Some(id) = self.far_by_pair.get(&(partner, peer)).copied()
                && self.fars.get(&id).is_some_and(|far| far.end == FarEnd::Agent)
            {
                self.end_far(id, &FarMessage::Lost);
            }
            if let Some(id) = self.far_by_pair.get(&(peer, partner)).copied()
                && self.fars.get(&id).is_some_and(|far| far.end == FarEnd::Source)
            {
                self.replace_far(id);
            }
        }
    }

    /// The key and class of an end of a tunnel that is on another server.
    pub(super) fn far_end_of(&self, peer: PeerId, pair: (PeerId, PeerId)) -> Option<(PublicKey, PeerClass)> {
        let far = self.fars.get(self.far_by_pair.get(&pair)?).filter(|far| far.near_peer() != peer)?;
        Some((far.key?, far.class))
    }

    pub(super) fn signal_far(&mut self, id: FarId) {
        let Some(far) = self.fars.get_mut(&id) else { return };
        if !far.signalled {
            far.signalled = true;
            self.events.push_back(RelayEvent::FarWritable(id));
        }
    }

    /// Ends a stream once what is queued has left.
    pub(super) fn close_far(&mut self, id: FarId) {
        let Some(far) = self.fars.get_mut(&id) else { return };
        if far.closing {
            return;
        }
        far.closing = true;
        self.forget_far(id);
        self.events.push_back(RelayEvent::FarClose(id));
    }

    fn handle_far_text(&mut self, id: FarId, text: &str) {
        let message = (text.len() <= CONTROL_MAX).then(|| serde_json::from_str(text).ok()).flatten();
        let end = self.fars.get(&id).map(|far| far.end);
        match (end, message) {
            (Some(FarEnd::Source), Some(FarMessage::Grant { public_key, class, psk, ports })) => {
                self.take_grant(id, public_key, class, (psk, ports));
            }
            (Some(FarEnd::Agent), Some(FarMessage::Node { public_key })) => self.take_node(id, public_key),
            (Some(FarEnd::Agent), Some(FarMessage::Ready)) => self.tell_near(id, PeerUpdateKind::Ready),
            (Some(FarEnd::Agent), Some(FarMessage::Replaced)) => {
                let link = self.fars.get(&id).and_then(|far| self.by_peer.get(&far.source)).copied();
                if let Some(link) = link {
                    self.close(link, REPLACED);
                }
            }
            (Some(end), Some(FarMessage::Left)) => self.take_farewell(id, end),
            (Some(_), Some(FarMessage::Lost))
            | (
                Some(FarEnd::Source),
                Some(FarMessage::Node { .. } | FarMessage::Ready | FarMessage::Replaced),
            )
            | (Some(FarEnd::Agent), Some(FarMessage::Grant { .. }))
            | (Some(_), None)
            | (None, _) => self.break_far(id),
        }
    }

    fn take_grant(
        &mut self,
        id: FarId,
        key: PublicKey,
        class: PeerClass,
        (psk, ports): (PresharedKey, AllowedPorts),
    ) {
        let Some(pair) = self.fars.get(&id).map(Far::pair) else { return };
        // The id follows from the key, so that no server can mix two peers up.
        if class == PeerClass::Agent || client_peer_id(&key) != pair.0 || !self.is_here(pair.1) {
            return self.break_far(id);
        }
        self.supersede_near(pair.0);
        if let Some(older) = self.far_by_pair.get(&pair).copied().filter(|older| *older != id) {
            self.replace_far(older);
        }
        self.far_by_pair.insert(pair, id);
        if let Some(far) = self.fars.get_mut(&id) {
            (far.key, far.class) = (Some(key), class);
        }
        self.far_by_key.insert((pair.1, key), id);
        self.open_tunnel(pair, psk, ports);
        self.announce(pair);
    }

    fn take_node(&mut self, id: FarId, key: PublicKey) {
        let Some(far) = self.fars.get_mut(&id) else { return };
        let pair = far.pair();
        if let Some(old) = far.key.replace(key) {
            self.far_by_key.remove(&(pair.0, old));
        }
        self.far_by_key.insert((pair.0, key), id);
        if let Some(node) = self.node_of(pair.1, pair, AllowedPorts::Only([].into())) {
            self.push_update(pair.0, pair.1, PeerUpdateKind::Node(node));
        }
    }

    fn take_farewell(&mut self, id: FarId, end: FarEnd) {
        let Some(pair) = self.fars.get(&id).map(Far::pair) else { return };
        if end == FarEnd::Source {
            self.drop_alias(pair.1, pair.0, pair);
        }
        self.tell_near(id, PeerUpdateKind::Disconnected);
        self.close_far(id);
    }

    /// A source that another server vouches for has left the link that it had here.
    fn supersede_near(&mut self, source: PeerId) {
        let Some(link) = self.by_peer.get(&source).copied() else { return };
        self.close(link, REPLACED);
        let Some(held) = self.links.get_mut(&link) else { return };
        let (LinkState::Published { key, .. }, identity) = (held.state, held.identity) else { return };
        held.state = LinkState::Proven { key };
        self.by_peer.remove(&source);
        self.by_key.remove(&key);
        self.forget_link_of(source, identity);
    }

    fn push_far_node(&mut self, id: FarId, node: PeerNode) {
        let Some(far) = self.fars.get(&id) else { return };
        let PeerNode { public_key, psk, ports, .. } = node;
        let message = match far.end {
            FarEnd::Source => FarMessage::Node { public_key },
            FarEnd::Agent => {
                let Some(class) = self.class_of_peer(far.source) else { return };
                FarMessage::Grant { public_key, class, psk, ports }
            }
        };
        self.push_far(id, &message);
    }

    fn push_far(&mut self, id: FarId, message: &FarMessage) {
        let Some(far) = self.fars.get_mut(&id) else { return };
        let text = serde_json::to_string(message).expect("control messages are plain data");
        let fits = far.queue.push_control(Frame::Text(text), &self.limits);
        self.signal_far(id);
        if !fits {
            self.break_far(id);
        }
    }

    fn end_far(&mut self, id: FarId, message: &FarMessage) {
        self.push_far(id, message);
        self.close_far(id);
    }

    /// Tells the end that is here about the one that is there.
    fn tell_near(&mut self, id: FarId, kind: PeerUpdateKind) {
        let Some(far) = self.fars.get(&id) else { return };
        let (near, about) = match far.end {
            FarEnd::Source => (far.agent, far.source),
            FarEnd::Agent => (far.source, far.agent),
        };
        self.push_update(near, about, kind);
    }

    /// The other server has a connection of a source that has come back elsewhere.
    fn replace_far(&mut self, id: FarId) {
        self.push_far(id, &FarMessage::Replaced);
        self.break_far(id);
    }

    pub(super) fn break_far(&mut self, id: FarId) {
        if self.fars.get(&id).is_some_and(|far| !far.closing) {
            self.lose_far(id);
            self.close_far(id);
        }
    }

    fn lose_far(&mut self, id: FarId) {
        let Some(far) = self.fars.get(&id) else { return };
        let (end, source, agent) = (far.end, far.source, AgentId::from_uuid(far.agent.as_uuid()));
        if self.far_by_pair.get(&far.pair()) != Some(&id) {
            return;
        }
        self.tell_near(id, PeerUpdateKind::Lost);
        self.forget_far(id);
        if end == FarEnd::Agent {
            self.tell_source(source, &ToNode::AgentAbsent { agent, message: None });
        }
    }

    /// Takes a stream out of the indices, and with a source that is not here its tunnel.
    fn forget_far(&mut self, id: FarId) {
        let Some(far) = self.fars.get(&id) else { return };
        let (end, pair, near, key) = (far.end, far.pair(), far.near_peer(), far.key);
        if let Some(key) = key
            && self.far_by_key.get(&(near, key)) == Some(&id)
        {
            self.far_by_key.remove(&(near, key));
        }
        if self.far_by_pair.get(&pair) != Some(&id) {
            return;
        }
        self.far_by_pair.remove(&pair);
        if end == FarEnd::Source {
            self.tunnels.remove(&pair);
            self.unlink_partners(pair.0, pair.1);
        }
        self.changed(pair.1);
    }

    fn is_here(&self, peer: PeerId) -> bool {
        let link = self.by_peer.get(&peer).and_then(|id| self.links.get(id));
        link.is_some_and(|link| !link.closing)
    }

    fn class_of_peer(&self, peer: PeerId) -> Option<PeerClass> {
        Some(Relay::class_of(self.links.get(self.by_peer.get(&peer)?)?.identity))
    }
}

#[cfg(test)]
mod tests;
