//! Nodes and a relay wired together in memory, with a clock and weather under the test's control.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use warren_vocab::AgentId;
use warren_wire::relay::{Batch, Record};
use warren_wire::tunnel::{AllowedPorts, PORT_SSH, PresharedKey};

use crate::{
    Frame, Identity, LinkId, NodeSecret, Received, Relay, RelayChallenge, RelayEvent, RelayLimits, Tunnel,
    TunnelEvent,
};

/// What the network does to the datagrams of one delivered message.
pub(crate) type Weather = Box<dyn FnMut(Vec<Record>) -> Vec<Record>>;

pub(crate) struct Node {
    pub(crate) tunnel: Tunnel,
    pub(crate) link: Option<LinkId>,
    pub(crate) events: Vec<TunnelEvent>,
    pub(crate) received: Vec<Received>,
    identity: Identity,
}

pub(crate) struct World {
    pub(crate) relay: Relay,
    pub(crate) nodes: Vec<Node>,
    pub(crate) now: Instant,
    pub(crate) forbidden: HashSet<AgentId>,
    pub(crate) ports: AllowedPorts,
    pub(crate) closed: HashMap<LinkId, String>,
    pub(crate) weather: Weather,
    secrets: u8,
}

impl World {
    pub(crate) fn new() -> World {
        World {
            relay: Relay::new(RelayLimits::default()),
            nodes: Vec::new(),
            now: Instant::now(),
            forbidden: HashSet::new(),
            ports: AllowedPorts::Only([PORT_SSH].into()),
            closed: HashMap::new(),
            weather: Box::new(|records| records),
            secrets: 0,
        }
    }

    /// Adds a node with a fresh key, without a link.
    pub(crate) fn add(&mut self, identity: Identity) -> usize {
        let tunnel = Tunnel::new(identity, self.fresh_secret());
        self.nodes.push(Node { tunnel, link: None, events: Vec::new(), received: Vec::new(), identity });
        self.nodes.len() - 1
    }

    /// Adds a node and links it.
    pub(crate) fn start(&mut self, identity: Identity) -> usize {
        let node = self.add(identity);
        self.link(node);
        node
    }

    pub(crate) fn link(&mut self, node: usize) {
        let id = self.attach(self.nodes[node].identity);
        self.nodes[node].link = Some(id);
        self.nodes[node].tunnel.handle_link_up(self.now);
        self.run();
    }

    /// Attaches a connection that no node of ours drives.
    pub(crate) fn attach(&mut self, identity: Identity) -> LinkId {
        let challenge = RelayChallenge::from_bytes(self.fresh_bytes(), self.fresh_bytes());
        self.relay.attach(identity, challenge, self.now)
    }

    pub(crate) fn cut(&mut self, node: usize) {
        if let Some(link) = self.nodes[node].link.take() {
            self.relay.detach(link);
        }
        self.nodes[node].tunnel.handle_link_down(self.now);
        self.run();
    }

    /// Replaces a node by a new process: same identity, new key, new link.
    pub(crate) fn restart(&mut self, node: usize) {
        self.cut(node);
        let identity = self.nodes[node].identity;
        self.nodes[node].tunnel = Tunnel::new(identity, self.fresh_secret());
        self.link(node);
    }

    pub(crate) fn send(&mut self, node: usize, agent: AgentId, payload: &[u8]) {
        let now = self.now;
        let to = Tunnel::address_of_agent(agent);
        self.nodes[node].tunnel.handle_datagram(to, payload, now).unwrap();
    }

    /// Moves everything until nothing moves any more.
    pub(crate) fn run(&mut self) {
        for _ in 0..1000 {
            if !self.step() {
                return;
            }
        }
        panic!("the nodes never came to rest");
    }

    pub(crate) fn advance(&mut self, by: Duration) {
        self.now += by;
        let now = self.now;
        self.relay.handle_timeout(now);
        for node in &mut self.nodes {
            node.tunnel.handle_timeout(now);
        }
        self.run();
    }

    pub(crate) fn payloads(&mut self, node: usize) -> Vec<Vec<u8>> {
        self.nodes[node].received.drain(..).map(|received| received.payload.to_vec()).collect()
    }

    pub(crate) fn fresh_secret(&mut self) -> NodeSecret {
        NodeSecret::from_bytes(self.fresh_bytes())
    }

    fn fresh_bytes(&mut self) -> [u8; 32] {
        self.secrets += 1;
        [self.secrets; 32]
    }

    fn step(&mut self) -> bool {
        let mut moved = false;
        for index in 0..self.nodes.len() {
            moved |= self.drain_node(index);
        }
        while let Some(event) = self.relay.poll_event() {
            moved = true;
            match event {
                RelayEvent::Authorize { link, agent } => self.answer(link, agent),
                RelayEvent::Writable(link) => self.deliver(link),
                RelayEvent::Close { link, reason } => self.close(link, reason),
                // There is one server here.
                RelayEvent::Changed(_) | RelayEvent::FarWritable(_) | RelayEvent::FarClose(_) => {}
            }
        }
        moved
    }

    fn drain_node(&mut self, index: usize) -> bool {
        let mut moved = false;
        let node = &mut self.nodes[index];
        while let Some(frame) = node.tunnel.poll_transmit() {
            moved = true;
            if let Some(link) = node.link {
                self.relay.handle_frame(link, frame, self.now);
            }
        }
        while let Some(event) = node.tunnel.poll_event() {
            node.events.push(event);
        }
        while let Some(packet) = node.tunnel.poll_packet() {
            node.received.push(packet);
        }
        moved
    }

    fn answer(&mut self, link: LinkId, agent: AgentId) {
        let verdict = match self.forbidden.contains(&agent) {
            true => Err("you may not use this workspace".to_owned()),
            false => Ok(self.ports.clone()),
        };
        let psk = PresharedKey::new(self.fresh_bytes());
        self.relay.handle_verdict(link, agent, verdict, psk);
    }

    fn deliver(&mut self, link: LinkId) {
        while let Some(frame) = self.relay.poll_frame(link) {
            let now = self.now;
            let Some(node) = self.nodes.iter_mut().find(|node| node.link == Some(link)) else { continue };
            let frame = match frame {
                Frame::Text(text) => Frame::Text(text),
                Frame::Binary(bytes) => Frame::Binary(weathered(bytes, &mut self.weather)),
            };
            // Datagrams that the weather damaged are refused, which is what the tests are about.
            let _ = node.tunnel.handle_frame(frame, now);
        }
    }

    fn close(&mut self, link: LinkId, reason: String) {
        self.deliver(link);
        self.relay.detach(link);
        self.closed.insert(link, reason);
        let now = self.now;
        if let Some(node) = self.nodes.iter_mut().find(|node| node.link == Some(link)) {
            node.link = None;
            node.tunnel.handle_link_down(now);
        }
    }
}

fn weathered(bytes: BytesMut, weather: &mut Weather) -> BytesMut {
    let records = Batch::new(bytes).unwrap().collect::<Result<Vec<Record>, _>>().unwrap();
    let mut batch = BytesMut::new();
    for record in weather(records) {
        record.append_to(&mut batch).unwrap();
    }
    batch
}
