//! The server's side of the tunnel: relay and coordinator core.
//!
//! Owns who is attached with which proven key, which tunnels exist, what each link still has to be sent, and the rule
//! that datagrams pass only between peers with a live tunnel. It sees ciphertext only. It must not decide who may have
//! a tunnel (it asks, see [`RelayEvent::Authorize`]), and it knows no sockets and no clock.
//!
//! | link state | input | effect |
//! |---|---|---|
//! | new | attach | CHALLENGE is queued |
//! | new | HELLO + PROOF | proven: READY; otherwise closed |
//! | proven | `update_self` | published: the peers of its tunnels learn its key |
//! | published | `add_tunnel` | asks for a verdict; granted: both ends learn each other |
//! | published | OPEN | alias for a peer of a live tunnel, else REFUSED |
//! | published | DATA | forwarded as FROM, GONE when the destination is not attached |
//! | any | broken link | LOST to its peers; a client's tunnels end |
//! | any | `disconnect` | DISCONNECTED to its peers |
//!
//! After every `handle_*` call poll [`Relay::poll_event`] until it is empty, then [`Relay::poll_frame`] for each link
//! named by [`RelayEvent::Writable`].

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::time::{Duration, Instant};

use warren_vocab::AgentId;
use warren_wire::key::PublicKey;
use warren_wire::relay::Record;
use warren_wire::tunnel::{AllowedPorts, PeerId, PresharedKey};

use crate::address::PeerClass;
use crate::frame::Frame;
use crate::identity::RelayChallenge;

mod control;
mod far;
mod forward;
mod link;
mod queue;
mod tunnels;

use far::Far;
pub use far::{FarEnd, FarId, Standing};
use link::{Link, LinkState};

/// A link that says nothing for this long is closed. Nodes ping every 20 seconds.
const SILENCE_MAX: Duration = Duration::from_secs(60);
/// Time for HELLO and PROOF.
const PROOF_MAX: Duration = Duration::from_secs(10);

/// One attached connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LinkId(u64);

#[cfg(test)]
impl LinkId {
    pub(crate) fn numbered(number: u64) -> LinkId {
        LinkId(number)
    }
}

/// Who is at the other end of a link, established by the HTTP layer before it is attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identity {
    /// A workspace agent; it may not ask for tunnels.
    Agent(AgentId),
    /// A user's command line or editor.
    Client,
    /// The node of a server replica.
    Server,
}

/// Bounds per link.
#[derive(Clone, Copy, Debug)]
pub struct RelayLimits {
    /// Queued datagrams; the oldest are dropped above it.
    pub queue_records_max: usize,
    /// Queued datagram bytes; the oldest are dropped above it.
    pub queue_bytes_max: usize,
    /// Queued control frames; the link is closed above it.
    pub control_frames_max: usize,
    /// Open aliases.
    pub aliases_max: usize,
}

impl Default for RelayLimits {
    fn default() -> RelayLimits {
        RelayLimits {
            queue_records_max: 1024,
            queue_bytes_max: 1024 * 1024,
            control_frames_max: 4096,
            aliases_max: 16 * 1024,
        }
    }
}

/// The answer to [`RelayEvent::Authorize`]: the ports that the tunnel may open, or why there is no tunnel.
pub type Verdict = Result<AllowedPorts, String>;

/// What the shell has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RelayEvent {
    /// Decide whether this link may have a tunnel to the agent, then call [`Relay::handle_verdict`].
    Authorize { link: LinkId, agent: AgentId },
    /// Frames wait in [`Relay::poll_frame`].
    Writable(LinkId),
    /// Send what is queued, then close the connection and call [`Relay::detach`].
    Close { link: LinkId, reason: String },
    /// [`Relay::standing`] of the agent may have changed.
    Changed(AgentId),
    /// Frames wait in [`Relay::poll_far_frame`].
    FarWritable(FarId),
    /// Send what is queued, then end the stream and call [`Relay::detach_far`].
    FarClose(FarId),
}

#[derive(Clone, Debug)]
struct TunnelState {
    psk: PresharedKey,
    /// What the source may open on the destination.
    ports: AllowedPorts,
}

/// The relay and coordinator of one server.
#[derive(Debug, Default)]
pub struct Relay {
    limits: RelayLimits,
    next_link: u64,
    links: HashMap<LinkId, Link>,
    /// Published links by proven key and by peer id.
    by_key: HashMap<PublicKey, LinkId>,
    by_peer: HashMap<PeerId, LinkId>,
    /// Live tunnels by (source, destination); destinations are always agents.
    tunnels: BTreeMap<(PeerId, PeerId), TunnelState>,
    /// The other ends of each peer's tunnels.
    partners: HashMap<PeerId, BTreeSet<PeerId>>,
    /// Streams to other servers, those in use by (source, destination), and by who is here and the key of who is there.
    next_far: u64,
    fars: HashMap<FarId, Far>,
    far_by_pair: HashMap<(PeerId, PeerId), FarId>,
    far_by_key: HashMap<(PeerId, PublicKey), FarId>,
    events: VecDeque<RelayEvent>,
}

impl Relay {
    pub fn new(limits: RelayLimits) -> Relay {
        Relay { limits, ..Relay::default() }
    }

    /// Adds a connection whose identity is already authenticated.
    pub fn attach(&mut self, identity: Identity, challenge: RelayChallenge, now: Instant) -> LinkId {
        self.next_link += 1;
        let id = LinkId(self.next_link);
        let record = Record::Challenge { relay_key: challenge.public_key(), nonce: challenge.nonce() };
        self.links.insert(id, Link::new(identity, challenge, now));
        self.push_record(id, &record);
        id
    }

    /// Takes one message of a link. A message that breaks the protocol closes that link only.
    pub fn handle_frame(&mut self, id: LinkId, frame: Frame, now: Instant) {
        let Some(link) = self.links.get_mut(&id) else { return };
        if link.closing {
            return;
        }
        link.last_heard = now;
        match frame {
            Frame::Text(text) => self.handle_control(id, &text),
            Frame::Binary(batch) => self.handle_batch(id, batch),
        }
    }

    /// Takes the answer to [`RelayEvent::Authorize`], or a later re-evaluation of it. `psk` is used if the tunnel is new.
    pub fn handle_verdict(&mut self, id: LinkId, agent: AgentId, verdict: Verdict, psk: PresharedKey) {
        let Some(source) = self.links.get(&id).and_then(Link::published_peer) else { return };
        match verdict {
            Ok(ports) => self.grant_tunnel(source, agent, ports, psk),
            Err(message) => self.refuse_tunnel(source, agent, message),
        }
    }

    /// Removes a broken or closed connection.
    pub fn detach(&mut self, id: LinkId) {
        let Some(link) = self.links.remove(&id) else { return };
        let Some(peer) = link.published_peer() else { return };
        self.unpublish(id, &link);
        self.forget_link_of(peer, link.identity);
    }

    /// Closes links that have been silent for too long.
    pub fn handle_timeout(&mut self, now: Instant) {
        let silent: Vec<LinkId> =
            self.links.iter().filter(|(_, link)| link.deadline() <= now).map(|(id, _)| *id).collect();
        for id in silent {
            self.close(id, "the connection was silent for too long");
        }
    }

    /// Tells every node that this relay is about to stop.
    pub fn announce_restart(&mut self, after: Duration, spread: Duration) {
        let ms = |duration: Duration| u32::try_from(duration.as_millis()).unwrap_or(u32::MAX);
        let record = Record::Restarting { after_ms: ms(after), spread_ms: ms(spread) };
        let mut ids: Vec<LinkId> = self.links.keys().copied().collect();
        ids.sort_unstable();
        for id in ids {
            self.push_record(id, &record);
        }
    }

    /// The next thing that the shell has to do.
    #[must_use]
    pub fn poll_event(&mut self) -> Option<RelayEvent> {
        self.events.pop_front()
    }

    /// The next message for a link.
    #[must_use]
    pub fn poll_frame(&mut self, id: LinkId) -> Option<Frame> {
        let link = self.links.get_mut(&id)?;
        let frame = link.queue.pop();
        if frame.is_none() {
            link.signalled = false;
        }
        frame
    }

    /// When to call [`Relay::handle_timeout`] next, and why.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<(Instant, &'static str)> {
        self.links.values().map(Link::deadline).min().map(|deadline| (deadline, "silent link"))
    }

    /// Whether the agent has a published link to this relay.
    pub fn is_attached(&self, agent: AgentId) -> bool {
        self.by_peer.contains_key(&PeerId::from(agent))
    }

    /// The agents that this link has tunnels to, for re-evaluating its permissions.
    pub fn tunnels_of(&self, id: LinkId) -> Vec<AgentId> {
        let Some(source) = self.links.get(&id).and_then(Link::published_peer) else { return Vec::new() };
        let partners = self.partners.get(&source).into_iter().flatten();
        partners
            .filter(|partner| self.tunnels.contains_key(&(source, **partner)))
            .map(|partner| AgentId::from_uuid(partner.as_uuid()))
            .collect()
    }

    /// Datagrams dropped from a link's queue so far.
    pub fn dropped(&self, id: LinkId) -> u64 {
        self.links.get(&id).map_or(0, |link| link.queue.dropped())
    }

    fn class_of(identity: Identity) -> PeerClass {
        match identity {
            Identity::Agent(_) => PeerClass::Agent,
            Identity::Client => PeerClass::Client,
            Identity::Server => PeerClass::Server,
        }
    }

    /// Queues a final error message and asks the shell to close the connection.
    fn close(&mut self, id: LinkId, reason: &str) {
        let Some(link) = self.links.get_mut(&id) else { return };
        if link.closing {
            return;
        }
        let message = warren_wire::tunnel::ToNode::Error { message: reason.to_owned() };
        self.push_control(id, &message);
        if let Some(link) = self.links.get_mut(&id) {
            link.closing = true;
        }
        self.events.push_back(RelayEvent::Close { link: id, reason: reason.to_owned() });
    }

    /// Takes the link's key and peer id out of the indices, unless a newer link holds them already.
    fn unpublish(&mut self, id: LinkId, link: &Link) {
        let LinkState::Published { key, peer } = link.state else { return };
        if self.by_key.get(&key) == Some(&id) {
            self.by_key.remove(&key);
        }
        if self.by_peer.get(&peer) == Some(&id) {
            self.by_peer.remove(&peer);
        }
        if let Identity::Agent(_) = link.identity {
            self.changed(peer);
        }
    }

    fn changed(&mut self, agent: PeerId) {
        self.events.push_back(RelayEvent::Changed(AgentId::from_uuid(agent.as_uuid())));
    }
}

#[cfg(test)]
mod tests;
