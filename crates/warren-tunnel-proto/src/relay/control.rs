//! Control messages and the records that open a link.

use bytes::BytesMut;
use warren_vocab::AgentId;
use warren_wire::key::PublicKey;
use warren_wire::relay::{BATCH_MAX, RECORD_MAX, Record, Refusal, VERSION};
use warren_wire::tunnel::{CONTROL_MAX, PeerId, PeerUpdate, PeerUpdateKind, ToNode, ToServer};

use super::far::REPLACED;
use super::link::LinkState;
use super::{Identity, LinkId, Relay, RelayEvent};
use crate::frame::Frame;

impl Relay {
    pub(super) fn handle_control(&mut self, id: LinkId, text: &str) {
        if text.len() > CONTROL_MAX {
            return self.close(id, "a control message was too long");
        }
        let message = match serde_json::from_str::<ToServer>(text) {
            Ok(message) => message,
            Err(error) => return self.close(id, &format!("a control message was malformed: {error}")),
        };
        match message {
            ToServer::UpdateSelf { public_key } => self.handle_update_self(id, public_key),
            ToServer::AddTunnel { agent } => self.handle_add_tunnel(id, agent),
            ToServer::RemoveTunnel { agent } => self.handle_remove_tunnel(id, agent),
            ToServer::ReadyForHandshake { peer } => self.handle_ready(id, peer),
            ToServer::Disconnect => self.handle_disconnect(id),
        }
    }

    /// Handles every record but DATA.
    pub(super) fn handle_record(&mut self, id: LinkId, record: Record) {
        match record {
            Record::Hello { version, public_key } => self.handle_hello(id, version, public_key),
            Record::Proof { mac } => self.handle_proof(id, &mac),
            Record::Open { alias, destination } => self.handle_open(id, alias, destination),
            Record::Ping { token } => self.push_record(id, &Record::Pong { token }),
            Record::Pong { .. } => {}
            Record::Challenge { .. }
            | Record::Ready { .. }
            | Record::Opened { .. }
            | Record::Refused { .. }
            | Record::Data { .. }
            | Record::From { .. }
            | Record::Gone { .. }
            | Record::Restarting { .. } => self.close(id, "a record was sent that only a relay may send"),
        }
    }

    fn handle_hello(&mut self, id: LinkId, version: u16, key: PublicKey) {
        let Some(link) = self.links.get_mut(&id) else { return };
        if version != VERSION {
            let reason = format!("tunnel version {version} is not supported here, only {VERSION}");
            return self.close(id, &reason);
        }
        if link.state != LinkState::New {
            return self.close(id, "HELLO was sent twice");
        }
        link.state = LinkState::Hello { key };
    }

    fn handle_proof(&mut self, id: LinkId, mac: &[u8; 32]) {
        let Some(link) = self.links.get_mut(&id) else { return };
        let LinkState::Hello { key } = link.state else {
            return self.close(id, "PROOF was sent before HELLO");
        };
        if !link.challenge.verify(&key, mac) {
            return self.close(id, "the proof of key possession is wrong");
        }
        link.state = LinkState::Proven { key };
        let ready = Record::Ready { record_max: RECORD_MAX as u16, batch_max: BATCH_MAX as u32 };
        self.push_record(id, &ready);
    }

    fn handle_update_self(&mut self, id: LinkId, announced: PublicKey) {
        let Some(link) = self.links.get_mut(&id) else { return };
        let (LinkState::Proven { key } | LinkState::Published { key, .. }) = link.state else {
            return self.close(id, "the key must be proven before it is announced");
        };
        if key != announced {
            return self.close(id, "the announced key is not the proven one");
        }
        let peer = link.peer_id(&key);
        let holder =
            self.by_key.get(&key).and_then(|holder| self.links.get(holder)).and_then(|l| l.published_peer());
        if holder.is_some_and(|holder| holder != peer) {
            return self.close(id, "the announced key belongs to another peer");
        }
        self.publish(id, key, peer);
    }

    fn publish(&mut self, id: LinkId, key: PublicKey, peer: PeerId) {
        if let Some(link) = self.links.get_mut(&id) {
            link.state = LinkState::Published { key, peer };
        }
        let previous = self.by_peer.insert(peer, id).filter(|previous| *previous != id);
        if let Some(previous) = previous {
            if let Some(old_key) = self.links.get(&previous).and_then(|link| link.published_key()) {
                self.by_key.remove(&old_key);
            }
            self.close(previous, REPLACED);
        }
        self.by_key.insert(key, id);
        self.supersede_fars(peer);
        self.announce_all(peer);
        if self.links.get(&id).is_some_and(|link| matches!(link.identity, Identity::Agent(_))) {
            self.changed(peer);
        }
    }

    fn handle_add_tunnel(&mut self, id: LinkId, agent: AgentId) {
        let Some(link) = self.links.get(&id) else { return };
        if matches!(link.identity, Identity::Agent(_)) {
            return self.close(id, "agents may not ask for tunnels");
        }
        if link.published_peer().is_none() {
            return self.close(id, "a tunnel was asked for before the node announced itself");
        }
        self.events.push_back(RelayEvent::Authorize { link: id, agent });
    }

    fn handle_remove_tunnel(&mut self, id: LinkId, agent: AgentId) {
        let Some(source) = self.links.get(&id).and_then(|link| link.published_peer()) else { return };
        self.remove_tunnel(source, agent.into());
    }

    fn handle_ready(&mut self, id: LinkId, peer: PeerId) {
        let Some(link) = self.links.get(&id) else { return };
        let Some(from) = link.published_peer() else { return };
        if !matches!(link.identity, Identity::Agent(_)) {
            return self.close(id, "only agents acknowledge peers");
        }
        // The tunnel may have ended while the acknowledgement was on its way.
        if self.tunnels.contains_key(&(peer, from)) {
            self.push_update(peer, from, PeerUpdateKind::Ready);
        }
    }

    fn handle_disconnect(&mut self, id: LinkId) {
        let Some(peer) = self.links.get(&id).and_then(|link| link.published_peer()) else { return };
        self.say_goodbye(peer);
        self.close(id, "the node has disconnected");
    }

    fn handle_open(&mut self, id: LinkId, alias: u32, destination: PublicKey) {
        let limit = self.limits.aliases_max;
        let Some(link) = self.links.get(&id) else { return };
        let allowed = link.published_peer().is_some_and(|peer| self.may_reach(peer, &destination));
        if !allowed {
            return self.push_record(id, &Record::Refused { alias, reason: Refusal::NoTunnel });
        }
        let taken = link.key_by_alias.get(&alias).is_some_and(|key| *key != destination);
        if taken || link.key_by_alias.len() >= limit {
            return self.push_record(id, &Record::Refused { alias, reason: Refusal::BadAlias });
        }
        if let Some(link) = self.links.get_mut(&id) {
            link.remove_alias_for(&destination);
            link.key_by_alias.insert(alias, destination);
            link.alias_by_key.insert(destination, alias);
        }
        self.push_record(id, &Record::Opened { alias });
    }

    pub(super) fn push_record(&mut self, id: LinkId, record: &Record) {
        let mut batch = BytesMut::with_capacity(80);
        record.append_to(&mut batch).expect("control records are short");
        self.push_frame(id, Frame::Binary(batch));
    }

    pub(super) fn push_control(&mut self, id: LinkId, message: &ToNode) {
        let text = serde_json::to_string(message).expect("control messages are plain data");
        self.push_frame(id, Frame::Text(text));
    }

    pub(super) fn push_update(&mut self, to: PeerId, about: PeerId, kind: PeerUpdateKind) {
        if let Some(id) = self.by_peer.get(&to).copied() {
            self.push_control(id, &ToNode::PeerUpdate(PeerUpdate { peer: about, kind }));
        } else {
            self.push_far_update(to, about, kind);
        }
    }

    fn push_frame(&mut self, id: LinkId, frame: Frame) {
        let Some(link) = self.links.get_mut(&id) else { return };
        if link.closing {
            return;
        }
        let fits = link.queue.push_control(frame, &self.limits);
        self.signal(id);
        if !fits {
            self.close(id, "the connection was too slow for its control messages");
        }
    }

    pub(super) fn signal(&mut self, id: LinkId) {
        let Some(link) = self.links.get_mut(&id) else { return };
        if !link.signalled {
            link.signalled = true;
            self.events.push_back(RelayEvent::Writable(id));
        }
    }
}
