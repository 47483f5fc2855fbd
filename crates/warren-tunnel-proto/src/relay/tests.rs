use bytes::BytesMut;
use proptest::prelude::*;
use warren_wire::relay::{self, Batch, GoneReason, Refusal, VERSION};
use warren_wire::tunnel::{ToNode, ToServer};

use super::*;
use crate::identity::NodeSecret;
use crate::simulation::World;

#[test]
fn a_key_without_its_secret_is_refused() {
    let mut world = World::new();
    let agent = AgentId::new();
    let victim = world.fresh_secret();
    let thief = world.fresh_secret();
    let link = world.attach(Identity::Agent(agent));
    let (relay_key, nonce) = challenge_of(&mut world, link);
    let proof = thief.prove(&relay_key, &nonce);
    hello(&mut world, link, &victim, proof);
    world.run();
    assert_eq!(world.closed[&link], "the proof of key possession is wrong");
    assert!(!world.relay.is_attached(agent));
}

#[test]
fn a_key_other_than_the_proven_one_cannot_be_announced() {
    let mut world = World::new();
    let (link, _) = proven(&mut world, Identity::Client);
    let other = world.fresh_secret().public_key();
    control(&mut world, link, &ToServer::UpdateSelf { public_key: other });
    assert_eq!(world.closed[&link], "the announced key is not the proven one");
}

#[test]
fn a_key_that_is_another_peers_cannot_be_announced() {
    let mut world = World::new();
    let (_, secret) = published(&mut world, Identity::Agent(AgentId::new()));
    let forged = AgentId::new();
    let link = world.attach(Identity::Agent(forged));
    prove(&mut world, link, &secret);
    control(&mut world, link, &ToServer::UpdateSelf { public_key: secret.public_key() });
    assert_eq!(world.closed[&link], "the announced key belongs to another peer");
    assert!(!world.relay.is_attached(forged));
}

#[test]
fn nothing_may_be_announced_before_the_proof() {
    let mut world = World::new();
    let link = world.attach(Identity::Client);
    let public_key = world.fresh_secret().public_key();
    control(&mut world, link, &ToServer::UpdateSelf { public_key });
    assert_eq!(world.closed[&link], "the key must be proven before it is announced");
}

#[test]
fn agents_may_not_ask_for_tunnels() {
    let mut world = World::new();
    let (link, _) = published(&mut world, Identity::Agent(AgentId::new()));
    control(&mut world, link, &ToServer::AddTunnel { agent: AgentId::new() });
    assert_eq!(world.closed[&link], "agents may not ask for tunnels");
}

#[test]
fn an_alias_without_a_tunnel_is_refused_and_its_datagrams_go_nowhere() {
    let mut world = World::new();
    let agent = AgentId::new();
    let (agent_link, agent_secret) = published(&mut world, Identity::Agent(agent));
    let (client_link, client_secret) = published(&mut world, Identity::Client);
    send(&mut world, client_link, &[Record::Open { alias: 5, destination: agent_secret.public_key() }]);
    send(&mut world, agent_link, &[Record::Open { alias: 6, destination: client_secret.public_key() }]);
    let refused = |alias| Record::Refused { alias, reason: Refusal::NoTunnel };
    assert_eq!(records(&mut world, client_link), [refused(5)]);
    assert_eq!(records(&mut world, agent_link), [refused(6)]);
    send(&mut world, client_link, &[data(5, b"secret")]);
    assert_eq!(records(&mut world, agent_link), []);
}

#[test]
fn datagrams_are_relabelled_with_the_receivers_alias_and_keep_their_order() {
    let mut world = World::new();
    let (client_link, agent_links) = tunnels(&mut world, 2);
    send(&mut world, client_link, &[data(0, b"a"), data(0, b"b"), data(1, b"c"), data(0, b"d")]);
    assert_eq!(records(&mut world, agent_links[0]), [from(77, b"a"), from(77, b"b"), from(77, b"d")]);
    assert_eq!(records(&mut world, agent_links[1]), [from(77, b"c")]);
    send(&mut world, agent_links[1], &[data(77, b"back")]);
    assert_eq!(records(&mut world, client_link), [from(1, b"back")]);
}

#[test]
fn a_batch_for_one_destination_is_forwarded_as_one_message() {
    let mut world = World::new();
    let (client_link, agent_links) = tunnels(&mut world, 1);
    send(&mut world, client_link, &[data(0, b"a"), data(0, b"b"), data(0, b"c")]);
    let frames: Vec<Frame> = std::iter::from_fn(|| world.relay.poll_frame(agent_links[0])).collect();
    assert_eq!(frames.len(), 1);
}

#[test]
fn an_absent_destination_is_reported_once_per_alias() {
    let mut world = World::new();
    let (client_link, agent_links) = tunnels(&mut world, 1);
    world.relay.detach(agent_links[0]);
    records(&mut world, client_link);
    send(&mut world, client_link, &[data(0, b"a"), data(0, b"b")]);
    send(&mut world, client_link, &[data(0, b"c")]);
    let gone = Record::Gone { alias: 0, reason: GoneReason::NotConnected };
    assert_eq!(records(&mut world, client_link), [gone]);
}

#[test]
fn a_flood_drops_the_oldest_datagrams_of_the_slow_receiver_only() {
    let mut world = World::new();
    let (client_link, agent_links) = tunnels(&mut world, 2);
    let limit = RelayLimits::default().queue_records_max;
    for number in 0..limit as u32 + 10 {
        send(&mut world, client_link, &[data(0, &number.to_be_bytes())]);
    }
    send(&mut world, client_link, &[data(1, b"other")]);
    assert_eq!(records(&mut world, agent_links[1]), [from(77, b"other")]);
    let kept = records(&mut world, agent_links[0]);
    assert_eq!(kept.len(), limit);
    assert_eq!(kept[0], from(77, &10u32.to_be_bytes()));
    assert_eq!(world.relay.dropped(agent_links[0]), 10);
}

#[test]
fn a_newer_connection_of_the_same_agent_replaces_the_older() {
    let mut world = World::new();
    let agent = AgentId::new();
    let (old, _) = published(&mut world, Identity::Agent(agent));
    let (new, _) = published(&mut world, Identity::Agent(agent));
    assert_eq!(world.closed[&old], "a newer connection of the same peer has replaced this one");
    assert!(!world.closed.contains_key(&new));
    assert!(world.relay.is_attached(agent));
}

#[test]
fn a_malformed_message_closes_only_its_own_link() {
    let mut world = World::new();
    let (bad, _) = published(&mut world, Identity::Client);
    let (good, _) = published(&mut world, Identity::Client);
    world.relay.handle_frame(bad, Frame::Binary(BytesMut::from(&[200, 0, 0, 0][..])), world.now);
    world.run();
    assert_eq!(world.closed.keys().copied().collect::<Vec<_>>(), [bad]);
    world.relay.handle_frame(good, Frame::Text("{".into()), world.now);
    let messages = texts(&mut world, good);
    assert!(
        matches!(&messages[..], [ToNode::Error { message }] if message.starts_with("a control message was malformed"))
    );
}

#[test]
fn a_silent_link_is_closed_and_a_pinging_one_is_not() {
    let mut world = World::new();
    let (silent, _) = published(&mut world, Identity::Client);
    let (lively, _) = published(&mut world, Identity::Client);
    let unproven = world.attach(Identity::Client);
    for _ in 0..4 {
        world.advance(Duration::from_secs(20));
        send(&mut world, lively, &[Record::Ping { token: 1 }]);
    }
    assert!(world.closed.contains_key(&silent));
    assert!(world.closed.contains_key(&unproven));
    assert!(!world.closed.contains_key(&lively));
}

#[test]
fn the_tunnels_of_a_link_are_listed_for_reevaluation() {
    let mut world = World::new();
    let agent = AgentId::new();
    world.start(Identity::Agent(agent));
    let client = world.start(Identity::Client);
    world.nodes[client].tunnel.want_agent(agent);
    world.run();
    let link = world.nodes[client].link.unwrap();
    assert_eq!(world.relay.tunnels_of(link), [agent]);
    world.cut(client);
    assert_eq!(world.relay.tunnels_of(link), []);
}

#[test]
fn any_bytes_from_a_node_end_without_a_panic() {
    proptest!(|(bytes in prop::collection::vec(any::<u8>(), 0..200), text in ".{0,80}")| {
        let mut world = World::new();
        let (link, _) = published(&mut world, Identity::Client);
        world.relay.handle_frame(link, Frame::Binary(BytesMut::from(&bytes[..])), world.now);
        world.relay.handle_frame(link, Frame::Text(text), world.now);
    });
}

/// A client with tunnels to some agents: it calls them 0, 1, …, and each of them calls it 77.
fn tunnels(world: &mut World, count: u32) -> (LinkId, Vec<LinkId>) {
    let (client_link, client_secret) = published(world, Identity::Client);
    let mut agent_links = Vec::new();
    for alias in 0..count {
        let agent = AgentId::new();
        let (agent_link, agent_secret) = published(world, Identity::Agent(agent));
        control(world, client_link, &ToServer::AddTunnel { agent });
        send(world, client_link, &[Record::Open { alias, destination: agent_secret.public_key() }]);
        send(world, agent_link, &[Record::Open { alias: 77, destination: client_secret.public_key() }]);
        records(world, agent_link);
        agent_links.push(agent_link);
    }
    records(world, client_link);
    (client_link, agent_links)
}

fn published(world: &mut World, identity: Identity) -> (LinkId, NodeSecret) {
    let (link, secret) = proven(world, identity);
    control(world, link, &ToServer::UpdateSelf { public_key: secret.public_key() });
    records(world, link);
    (link, secret)
}

fn proven(world: &mut World, identity: Identity) -> (LinkId, NodeSecret) {
    let secret = world.fresh_secret();
    let link = world.attach(identity);
    prove(world, link, &secret);
    (link, secret)
}

fn prove(world: &mut World, link: LinkId, secret: &NodeSecret) {
    let (relay_key, nonce) = challenge_of(world, link);
    let proof = secret.prove(&relay_key, &nonce);
    hello(world, link, secret, proof);
}

fn hello(world: &mut World, link: LinkId, announced: &NodeSecret, mac: [u8; 32]) {
    let hello = Record::Hello { version: VERSION, public_key: announced.public_key() };
    send(world, link, &[hello, Record::Proof { mac }]);
}

fn challenge_of(world: &mut World, link: LinkId) -> (PublicKey, [u8; 32]) {
    let records = records(world, link);
    let [Record::Challenge { relay_key, nonce }] = records[..] else {
        panic!("expected a challenge: {records:?}")
    };
    (relay_key, nonce)
}

fn control(world: &mut World, link: LinkId, message: &ToServer) {
    let text = serde_json::to_string(message).unwrap();
    world.relay.handle_frame(link, Frame::Text(text), world.now);
    settle(world);
}

fn send(world: &mut World, link: LinkId, batch: &[Record]) {
    let mut bytes = BytesMut::new();
    for record in batch {
        record.append_to(&mut bytes).unwrap();
    }
    world.relay.handle_frame(link, Frame::Binary(bytes), world.now);
    settle(world);
}

/// Answers what the relay asks, but leaves queued frames where they are.
fn settle(world: &mut World) {
    while let Some(event) = world.relay.poll_event() {
        match event {
            RelayEvent::Changed(_) | RelayEvent::FarWritable(_) | RelayEvent::FarClose(_) => {}
            RelayEvent::Authorize { link, agent } => {
                world.relay.handle_verdict(link, agent, Ok(AllowedPorts::Any), PresharedKey::new([9; 32]));
            }
            RelayEvent::Writable(_) => {}
            RelayEvent::Close { link, reason } => {
                world.closed.insert(link, reason);
            }
        }
    }
}

fn records(world: &mut World, link: LinkId) -> Vec<Record> {
    let frames = std::iter::from_fn(|| world.relay.poll_frame(link));
    let mut records = Vec::new();
    for frame in frames {
        if let Frame::Binary(bytes) = frame {
            records.extend(Batch::new(bytes).unwrap().map(Result::unwrap));
        }
    }
    records
}

fn texts(world: &mut World, link: LinkId) -> Vec<ToNode> {
    let frames = std::iter::from_fn(|| world.relay.poll_frame(link));
    let texts = frames.filter_map(|frame| match frame {
        Frame::Text(text) => Some(serde_json::from_str(&text).unwrap()),
        Frame::Binary(_) => None,
    });
    texts.collect()
}

fn data(alias: u32, datagram: &[u8]) -> Record {
    let mut batch = BytesMut::new();
    relay::append_data(&mut batch, alias, datagram).unwrap();
    Batch::new(batch).unwrap().next().unwrap().unwrap()
}

fn from(alias: u32, datagram: &[u8]) -> Record {
    Record::From { alias, datagram: BytesMut::from(datagram) }
}
