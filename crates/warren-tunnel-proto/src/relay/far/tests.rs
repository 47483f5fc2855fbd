//! Two servers and nodes that are attached to either of them.

use std::time::{Duration, Instant};

use bytes::BytesMut;
use warren_wire::relay::{Record, append_data};
use warren_wire::tunnel::PORT_SSH;

use super::*;
use crate::identity::{NodeSecret, RelayChallenge};
use crate::relay::{Identity, RelayLimits};
use crate::tunnel::{PeerStatus, Tunnel};

const A: usize = 0;
const B: usize = 1;

struct Node {
    tunnel: Tunnel,
    identity: Identity,
    /// The server that it is attached to.
    link: Option<(usize, LinkId)>,
}

/// Servers A and B, the streams between them, and the nodes.
struct World {
    relays: [Relay; 2],
    nodes: Vec<Node>,
    /// Streams with their ends on A and B.
    streams: Vec<[FarId; 2]>,
    now: Instant,
    is_allowed: bool,
    changed: [Vec<AgentId>; 2],
    seed: u8,
}

impl World {
    fn new() -> World {
        World {
            relays: std::array::from_fn(|_| Relay::new(RelayLimits::default())),
            nodes: Vec::new(),
            streams: Vec::new(),
            now: Instant::now(),
            is_allowed: true,
            changed: Default::default(),
            seed: 0,
        }
    }

    /// An agent on A and a client on B that wants it; the stream between them is not there yet.
    fn apart() -> (World, AgentId) {
        let mut world = World::new();
        let agent = AgentId::new();
        world.start(Identity::Agent(agent), A);
        let client = world.start(Identity::Client, B);
        world.nodes[client].tunnel.want_agent(agent);
        world.run();
        (world, agent)
    }

    /// The same with the stream.
    fn joined() -> (World, AgentId) {
        let (mut world, agent) = World::apart();
        assert!(world.join(agent, A, B));
        (world, agent)
    }

    fn bytes(&mut self) -> [u8; 32] {
        self.seed += 1;
        [self.seed; 32]
    }

    fn start(&mut self, identity: Identity, server: usize) -> usize {
        let tunnel = Tunnel::new(identity, NodeSecret::from_bytes(self.bytes()));
        self.nodes.push(Node { tunnel, identity, link: None });
        self.link(self.nodes.len() - 1, server);
        self.nodes.len() - 1
    }

    fn link(&mut self, node: usize, server: usize) {
        let challenge = RelayChallenge::from_bytes(self.bytes(), self.bytes());
        let id = self.relays[server].attach(self.nodes[node].identity, challenge, self.now);
        self.nodes[node].link = Some((server, id));
        self.nodes[node].tunnel.handle_link_up(self.now);
        self.run();
    }

    fn cut(&mut self, node: usize) {
        let (server, link) = self.nodes[node].link.take().unwrap();
        self.relays[server].detach(link);
        self.nodes[node].tunnel.handle_link_down(self.now);
        self.run();
    }

    fn source(&self, node: usize) -> PeerId {
        let (server, link) = self.nodes[node].link.unwrap();
        self.relays[server].links[&link].published_peer().unwrap()
    }

    /// Opens a stream from the server that has the sources to the one that has the agent, as the shell does.
    fn join(&mut self, agent: AgentId, home: usize, from: usize) -> bool {
        let sources = self.relays[from].standing(agent).sources;
        let mut is_joined = !sources.is_empty();
        for source in sources {
            let near = self.relays[from].attach_far(FarEnd::Agent, source, agent);
            let Some(far) = self.relays[home].attach_far(FarEnd::Source, source, agent) else {
                near.into_iter().for_each(|near| self.relays[from].detach_far(near));
                return false;
            };
            let Some(near) = near else { return false };
            self.streams.push(if from == A { [near, far] } else { [far, near] });
            is_joined = true;
        }
        self.run();
        is_joined
    }

    /// A server dies with everything that is attached to it.
    fn kill(&mut self, server: usize) {
        self.relays[server] = Relay::new(RelayLimits::default());
        let other = 1 - server;
        for stream in std::mem::take(&mut self.streams) {
            self.relays[other].detach_far(stream[other]);
        }
        for node in &mut self.nodes {
            if node.link.is_some_and(|(at, _)| at == server) {
                node.link = None;
                node.tunnel.handle_link_down(self.now);
            }
        }
        self.run();
    }

    fn run(&mut self) {
        for _ in 0..1000 {
            if !self.step() {
                return;
            }
        }
        panic!("the servers never came to rest");
    }

    fn advance(&mut self, by: Duration) {
        self.now += by;
        self.nodes.iter_mut().for_each(|node| node.tunnel.handle_timeout(self.now));
        self.run();
    }

    fn step(&mut self) -> bool {
        let mut moved = false;
        for node in &mut self.nodes {
            while let Some(frame) = node.tunnel.poll_transmit() {
                moved = true;
                if let Some((server, link)) = node.link {
                    self.relays[server].handle_frame(link, frame, self.now);
                }
            }
        }
        for server in [A, B] {
            while let Some(event) = self.relays[server].poll_event() {
                moved = true;
                self.obey(server, event);
            }
        }
        moved
    }

    fn obey(&mut self, server: usize, event: RelayEvent) {
        match event {
            RelayEvent::Authorize { link, agent } => {
                let ports = AllowedPorts::Only([PORT_SSH].into());
                let verdict = if self.is_allowed { Ok(ports) } else { Err("no".to_owned()) };
                let psk = PresharedKey::new(self.bytes());
                self.relays[server].handle_verdict(link, agent, verdict, psk);
            }
            RelayEvent::Writable(link) => self.deliver(server, link),
            RelayEvent::Close { link, .. } => {
                self.deliver(server, link);
                self.relays[server].detach(link);
                if let Some(node) = self.nodes.iter_mut().find(|node| node.link == Some((server, link))) {
                    node.link = None;
                    node.tunnel.handle_link_down(self.now);
                }
            }
            RelayEvent::Changed(agent) => self.changed[server].push(agent),
            RelayEvent::FarWritable(far) => self.carry(server, far),
            RelayEvent::FarClose(far) => {
                self.carry(server, far);
                self.relays[server].detach_far(far);
                if let Some(at) = self.streams.iter().position(|stream| stream[server] == far) {
                    let stream = self.streams.remove(at);
                    self.relays[1 - server].detach_far(stream[1 - server]);
                }
            }
        }
    }

    fn deliver(&mut self, server: usize, link: LinkId) {
        while let Some(frame) = self.relays[server].poll_frame(link) {
            if let Some(node) = self.nodes.iter_mut().find(|node| node.link == Some((server, link))) {
                node.tunnel.handle_frame(frame, self.now).unwrap();
            }
        }
    }

    fn carry(&mut self, server: usize, far: FarId) {
        while let Some(frame) = self.relays[server].poll_far_frame(far) {
            if let Some(stream) = self.streams.iter().find(|stream| stream[server] == far).copied() {
                self.relays[1 - server].handle_far_frame(stream[1 - server], frame);
            }
        }
    }

    fn status(&self, node: usize, agent: AgentId) -> PeerStatus {
        self.nodes[node].tunnel.status(agent)
    }

    /// Whether a datagram of the client arrives at the agent, and one of the agent at the client.
    fn talk(&mut self, client: usize, agent_node: usize, agent: AgentId) -> bool {
        let now = self.now;
        let to = Tunnel::address_of_agent(agent);
        if self.nodes[client].tunnel.handle_datagram(to, b"ping", now).is_err() {
            return false;
        }
        self.run();
        let Some(came) = self.nodes[agent_node].tunnel.poll_packet() else { return false };
        assert_eq!(&came.payload[..], b"ping");
        if self.nodes[agent_node].tunnel.handle_datagram(came.from, b"pong", now).is_err() {
            return false;
        }
        self.run();
        self.nodes[client].tunnel.poll_packet().is_some_and(|came| &came.payload[..] == b"pong")
    }

    fn say(&mut self, server: usize, far: FarId, message: &FarMessage) {
        let text = serde_json::to_string(message).unwrap();
        self.relays[server].handle_far_frame(far, Frame::Text(text));
        self.run();
    }
}

const AGENT: usize = 0;
const CLIENT: usize = 1;

#[test]
fn a_client_reaches_an_agent_of_another_server() {
    let (mut world, agent) = World::joined();
    assert_eq!(world.status(CLIENT, agent), PeerStatus::Connected);
    assert!(world.talk(CLIENT, AGENT, agent));
}

#[test]
fn who_seeks_an_agent_and_who_has_it_is_told_to_the_shell() {
    let (mut world, agent) = World::apart();
    assert!(world.changed.iter().all(|changed| changed.contains(&agent)));
    let standing = world.relays[B].standing(agent);
    assert_eq!((standing.link, standing.sources), (None, vec![world.source(CLIENT)]));
    assert!(world.relays[A].standing(agent).link.is_some());
    assert_eq!(world.status(CLIENT, agent), PeerStatus::AgentAbsent);
    world.changed = Default::default();
    world.nodes[CLIENT].tunnel.drop_agent(agent);
    world.run();
    assert_eq!((world.relays[B].standing(agent), &world.changed[B][..]), (Standing::default(), &[agent][..]));
}

#[test]
fn a_session_survives_its_agents_move_to_another_server() {
    let (mut world, agent) = World::joined();
    world.kill(A);
    assert_eq!(world.status(CLIENT, agent), PeerStatus::AgentAbsent);
    assert!(!world.talk(CLIENT, AGENT, agent));
    world.link(AGENT, A);
    assert!(world.join(agent, A, B));
    assert!(world.talk(CLIENT, AGENT, agent), "no new handshake is needed");
    // To where the client is.
    world.cut(AGENT);
    world.link(AGENT, B);
    assert!(world.talk(CLIENT, AGENT, agent));
}

#[test]
fn a_session_survives_its_clients_move_to_another_server() {
    let (mut world, agent) = World::joined();
    world.kill(B);
    assert_eq!(world.relays[A].standing(agent).sources, []);
    world.link(CLIENT, B);
    assert!(world.join(agent, A, B));
    assert!(world.talk(CLIENT, AGENT, agent));
    // To where the agent is, while the old connection is still thought to live.
    let (_, old) = world.nodes[CLIENT].link.take().unwrap();
    world.nodes[CLIENT].tunnel.handle_link_down(world.now);
    world.link(CLIENT, A);
    assert!(world.talk(CLIENT, AGENT, agent));
    assert!(!world.relays[B].links.contains_key(&old), "the old connection is closed");
    assert!(world.streams.is_empty());
}

#[test]
fn an_agent_that_connects_to_its_clients_server_needs_no_stream_any_more() {
    let (mut world, agent) = World::joined();
    // The old connection is still thought to live.
    world.nodes[AGENT].link = None;
    world.nodes[AGENT].tunnel.handle_link_down(world.now);
    world.link(AGENT, B);
    assert!(world.streams.is_empty());
    assert!(world.talk(CLIENT, AGENT, agent));
}

#[test]
fn of_two_streams_of_one_client_the_newer_stays() {
    let (mut world, agent) = World::joined();
    let source = world.source(CLIENT);
    let (_, link) = world.nodes[CLIENT].link.unwrap();
    let key = world.relays[B].links[&link].published_key().unwrap();
    let newer = world.relays[A].attach_far(FarEnd::Source, source, agent).unwrap();
    let (psk, ports) = (PresharedKey::new([9; 32]), AllowedPorts::Any);
    world.say(A, newer, &FarMessage::Grant { public_key: key, class: PeerClass::Client, psk, ports });
    assert!(world.streams.is_empty(), "the older one has ended");
    assert!(!world.relays[B].links.contains_key(&link), "and the connection behind it");
    assert_eq!(world.relays[A].far_by_pair.values().copied().collect::<Vec<_>>(), [newer]);
    assert!(world.relays[A].far_by_key.contains_key(&(agent.into(), key)));
}

#[test]
fn a_refused_peer_is_refused_on_the_way_to_another_server_too() {
    let mut world = World::new();
    let agent = AgentId::new();
    world.start(Identity::Agent(agent), A);
    world.is_allowed = false;
    let client = world.start(Identity::Client, B);
    world.nodes[client].tunnel.want_agent(agent);
    world.run();
    assert_eq!(world.status(client, agent), PeerStatus::Refused("no".into()));
    assert_eq!(world.relays[B].standing(agent).sources, []);
    let source = world.source(client);
    assert_eq!(world.relays[B].attach_far(FarEnd::Agent, source, agent), None);
}

#[test]
fn a_right_that_is_withdrawn_ends_the_tunnel_on_both_servers() {
    let (mut world, agent) = World::joined();
    let (_, link) = world.nodes[CLIENT].link.unwrap();
    world.relays[B].handle_verdict(link, agent, Err("not any more".into()), PresharedKey::new([0; 32]));
    world.run();
    assert_eq!(world.status(CLIENT, agent), PeerStatus::Refused("not any more".into()));
    assert!(world.streams.is_empty());
    assert_eq!(world.relays[A].tunnels.len() + world.relays[A].far_by_key.len(), 0);
    assert!(!world.talk(CLIENT, AGENT, agent));
}

#[test]
fn ports_that_change_reach_the_agent() {
    let (mut world, agent) = World::joined();
    let from = *world.nodes[CLIENT].tunnel.local_address().ip();
    assert!(world.nodes[AGENT].tunnel.may_open(from, PORT_SSH));
    assert!(!world.nodes[AGENT].tunnel.may_open(from, 4));
    let (_, link) = world.nodes[CLIENT].link.unwrap();
    world.relays[B].handle_verdict(link, agent, Ok(AllowedPorts::Any), PresharedKey::new([0; 32]));
    world.run();
    assert!(world.nodes[AGENT].tunnel.may_open(from, 4));
    assert!(world.talk(CLIENT, AGENT, agent));
}

#[test]
fn a_server_that_names_a_peer_with_anothers_key_is_not_believed() {
    let (mut world, agent) = World::apart();
    let source = world.source(CLIENT);
    let forged = NodeSecret::from_bytes([99; 32]).public_key();
    let (_, link) = world.nodes[CLIENT].link.unwrap();
    let own = world.relays[B].links[&link].published_key().unwrap();
    for (public_key, class) in [(forged, PeerClass::Client), (own, PeerClass::Agent)] {
        let far = world.relays[A].attach_far(FarEnd::Source, source, agent).unwrap();
        let (psk, ports) = (PresharedKey::new([9; 32]), AllowedPorts::Any);
        world.say(A, far, &FarMessage::Grant { public_key, class, psk, ports });
        assert!(!world.relays[A].fars.contains_key(&far), "the stream has ended");
        assert!(world.relays[A].tunnels.is_empty());
    }
}

#[test]
fn nothing_passes_on_a_stream_before_the_tunnel_is_granted() {
    let (mut world, agent) = World::apart();
    let source = world.source(CLIENT);
    let far = world.relays[A].attach_far(FarEnd::Source, source, agent).unwrap();
    let mut batch = BytesMut::new();
    append_data(&mut batch, 0, b"early").unwrap();
    world.relays[A].handle_far_frame(far, Frame::Binary(batch));
    let (_, link) = world.nodes[AGENT].link.unwrap();
    assert_eq!(world.relays[A].poll_frame(link), None);
}

#[test]
fn what_came_from_another_server_is_never_passed_on() {
    // B forwards to an agent that has just left B for a third server.
    let (mut world, agent) = World::joined();
    let [far, _] = world.streams[0];
    world.cut(AGENT);
    assert!(world.relays[A].fars.is_empty(), "the stream has ended with the agent");
    let mut batch = BytesMut::new();
    append_data(&mut batch, 0, b"late").unwrap();
    world.relays[A].handle_far_frame(far, Frame::Binary(batch));
    assert_eq!(world.relays[A].poll_far_frame(far), None);
    let source = world.source(CLIENT);
    assert_eq!(world.relays[A].attach_far(FarEnd::Source, source, agent), None);
    assert_eq!(world.relays[A].attach_far(FarEnd::Agent, source, agent), None, "the source is not here");
}

#[test]
fn a_stream_breaks_on_what_is_not_of_its_protocol() {
    let rubbish = [Frame::Text("{".into()), Frame::Text(r#"{"type":"ready"}"#.into())];
    let mut record = BytesMut::new();
    Record::Ping { token: 1 }.append_to(&mut record).unwrap();
    for frame in rubbish.into_iter().chain([Frame::Binary(record), Frame::Binary(BytesMut::from(&[9][..]))]) {
        let (mut world, agent) = World::joined();
        let [far, _] = world.streams[0];
        world.relays[A].handle_far_frame(far, frame.clone());
        world.run();
        assert!(world.streams.is_empty(), "{frame:?}");
        assert!(world.join(agent, A, B), "another one may be opened");
        assert!(world.talk(CLIENT, AGENT, agent));
    }
}

#[test]
fn datagrams_for_a_slow_server_are_dropped_and_hold_nobody_up() {
    let (mut world, agent) = World::joined();
    let [_, far] = world.streams[0];
    let (_, link) = world.nodes[CLIENT].link.unwrap();
    let alias = *world.relays[B].links[&link].key_by_alias.keys().next().unwrap();
    let mut batch = BytesMut::new();
    append_data(&mut batch, alias, &[7; 1200]).unwrap();
    for _ in 0..5000 {
        world.relays[B].handle_frame(link, Frame::Binary(batch.clone()), world.now);
    }
    let waiting = std::iter::from_fn(|| world.relays[B].poll_far_frame(far)).count();
    assert!(waiting <= RelayLimits::default().queue_records_max, "{waiting}");
    while world.relays[B].poll_event().is_some() {}
    assert!(world.talk(CLIENT, AGENT, agent) || world.talk(CLIENT, AGENT, agent));
}

#[test]
fn an_agent_that_says_goodbye_is_forgotten_at_once_and_one_that_breaks_off_is_not() {
    for is_polite in [true, false] {
        let (mut world, agent) = World::joined();
        if is_polite {
            world.nodes[AGENT].tunnel.disconnect();
            world.run();
        } else {
            world.cut(AGENT);
        }
        assert_eq!(world.status(CLIENT, agent), PeerStatus::AgentAbsent);
        let address = *Tunnel::address_of_agent(agent).ip();
        assert_eq!(world.nodes[CLIENT].tunnel.peer_at(address).is_none(), is_polite);
        assert!(world.streams.is_empty());
    }
}

#[test]
fn a_client_that_says_goodbye_is_forgotten_by_the_agent() {
    let (mut world, _) = World::joined();
    let from = *world.nodes[CLIENT].tunnel.local_address().ip();
    assert!(world.nodes[AGENT].tunnel.peer_at(from).is_some());
    world.nodes[CLIENT].tunnel.disconnect();
    world.run();
    assert!(world.nodes[AGENT].tunnel.peer_at(from).is_none());
    assert!(world.relays[A].tunnels.is_empty() && world.relays[B].tunnels.is_empty());
}

#[test]
fn a_source_learns_why_its_agent_is_not_there() {
    let (mut world, agent) = World::apart();
    let source = world.source(CLIENT);
    let why = "it is connected to a server that cannot be reached";
    world.relays[B].explain_absence(source, agent, Some(why.into()));
    world.run();
    assert_eq!(world.status(CLIENT, agent), PeerStatus::AgentUnreachable(why.into()));
    assert!(world.join(agent, A, B));
    world.relays[B].explain_absence(source, agent, Some(why.into()));
    world.run();
    assert_eq!(world.status(CLIENT, agent), PeerStatus::Connected, "nothing is wrong any more");
}

#[test]
fn an_agent_with_a_newer_connection_elsewhere_is_cut_off_here() {
    let (mut world, agent) = World::joined();
    let link = world.relays[A].standing(agent).link.unwrap();
    world.relays[B].evict(agent, link);
    assert!(world.relays[A].standing(agent).link.is_some(), "it is not connected to that server");
    world.relays[A].evict(agent, link);
    world.run();
    assert_eq!(world.relays[A].standing(agent), Standing::default());
    assert_eq!(world.nodes[AGENT].link, None);
    assert_eq!(world.status(CLIENT, agent), PeerStatus::AgentAbsent);
    world.advance(Duration::from_secs(1));
}
