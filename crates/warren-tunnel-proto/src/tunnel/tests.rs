use proptest::prelude::*;
use warren_wire::tunnel::{PORT_API, PORT_SSH};

use super::*;
use crate::simulation::World;

#[test]
fn two_nodes_exchange_datagrams_in_both_directions() {
    let (mut world, agent_node, client, agent) = connected();
    world.send(client, agent, b"question");
    world.run();
    let question = world.nodes[agent_node].received.pop().unwrap();
    assert_eq!(&question.payload[..], b"question");
    let now = world.now;
    world.nodes[agent_node].tunnel.handle_datagram(question.from, b"answer", now).unwrap();
    world.run();
    assert_eq!(world.payloads(client), [b"answer"]);
}

#[test]
fn datagrams_that_survive_loss_and_reordering_arrive_intact() {
    let (mut world, agent_node, client, agent) = connected();
    let mut count = 0;
    world.weather = Box::new(move |mut records| {
        records.retain(|_| {
            count += 1;
            count % 3 != 0
        });
        records.reverse();
        records
    });
    for number in 0..60u8 {
        world.send(client, agent, &[number; 900]);
    }
    world.run();
    let mut arrived = world.payloads(agent_node);
    assert_eq!(arrived.len(), 40);
    assert!(!arrived.is_sorted(), "the weather must have reordered them");
    arrived.sort();
    arrived.dedup();
    assert_eq!(arrived.len(), 40, "no datagram twice");
    assert!(
        arrived.iter().all(|payload| payload.len() == 900 && payload.iter().all(|byte| *byte == payload[0]))
    );
}

#[test]
fn replayed_and_damaged_datagrams_are_dropped() {
    let (mut world, agent_node, client, agent) = connected();
    world.weather = Box::new(|records| {
        let damaged = records.iter().cloned().map(|mut record| {
            if let Record::From { datagram, .. } = &mut record {
                let last = datagram.len() - 1;
                datagram[last] ^= 1;
            }
            record
        });
        damaged.chain(records.iter().cloned()).chain(records.iter().cloned()).collect()
    });
    world.send(client, agent, b"once");
    world.run();
    assert_eq!(world.payloads(agent_node), [b"once"]);
}

#[test]
fn an_agent_that_restarts_with_a_new_key_is_reached_again() {
    let (mut world, agent_node, client, agent) = connected();
    world.nodes[client].events.clear();
    world.restart(agent_node);
    let address = *Tunnel::address_of_agent(agent).ip();
    let peer = PeerId::from(agent);
    let events = &world.nodes[client].events;
    let forgotten =
        events.iter().position(|event| *event == TunnelEvent::PeerForgotten { peer, address }).unwrap();
    let connected =
        events.iter().position(|event| *event == TunnelEvent::PeerConnected { peer, address }).unwrap();
    assert!(forgotten < connected);
    world.send(client, agent, b"hello again");
    world.run();
    assert_eq!(world.payloads(agent_node), [b"hello again"]);
}

#[test]
fn a_client_that_redials_keeps_its_session() {
    let (mut world, agent_node, client, agent) = connected();
    world.cut(client);
    assert_eq!(world.nodes[client].tunnel.status(agent), PeerStatus::LinkDown);
    assert!(!world.nodes[client].tunnel.has_path());
    world.nodes[client].events.clear();
    world.link(client);
    assert_eq!(world.nodes[client].tunnel.status(agent), PeerStatus::Connected);
    let handshakes =
        world.nodes[client].events.iter().filter(|e| matches!(e, TunnelEvent::PeerConnected { .. }));
    assert_eq!(handshakes.count(), 0, "the WireGuard session survives");
    world.send(client, agent, b"still here");
    world.run();
    assert_eq!(world.payloads(agent_node), [b"still here"]);
}

#[test]
fn an_agent_that_redials_keeps_its_sessions() {
    let (mut world, agent_node, client, agent) = connected();
    world.cut(agent_node);
    assert_eq!(world.nodes[client].tunnel.status(agent), PeerStatus::AgentAbsent);
    let to = Tunnel::address_of_agent(agent);
    let now = world.now;
    assert_eq!(world.nodes[client].tunnel.handle_datagram(to, b"lost", now), Err(Unroutable::NoPath));
    world.link(agent_node);
    assert_eq!(world.nodes[client].tunnel.status(agent), PeerStatus::Connected);
    world.send(client, agent, b"back");
    world.run();
    assert_eq!(world.payloads(agent_node), [b"back"]);
}

#[test]
fn the_wait_for_an_agent_says_what_it_waits_for() {
    let mut world = World::new();
    let agent = AgentId::new();
    let client = world.add(Identity::Client);
    assert_eq!(world.nodes[client].tunnel.status(agent), PeerStatus::Unknown);
    world.nodes[client].tunnel.want_agent(agent);
    assert_eq!(world.nodes[client].tunnel.status(agent), PeerStatus::LinkDown);
    world.link(client);
    assert_eq!(world.nodes[client].tunnel.status(agent), PeerStatus::AgentAbsent);
    world.start(Identity::Agent(agent));
    assert_eq!(world.nodes[client].tunnel.status(agent), PeerStatus::Connected);
}

#[test]
fn a_refused_tunnel_reports_the_servers_words_and_carries_nothing() {
    let mut world = World::new();
    let agent = AgentId::new();
    world.forbidden.insert(agent);
    world.start(Identity::Agent(agent));
    let client = world.start(Identity::Client);
    world.nodes[client].tunnel.want_agent(agent);
    world.run();
    let refused = PeerStatus::Refused("you may not use this workspace".into());
    assert_eq!(world.nodes[client].tunnel.status(agent), refused);
    let (to, now) = (Tunnel::address_of_agent(agent), world.now);
    assert_eq!(world.nodes[client].tunnel.handle_datagram(to, b"x", now), Err(Unroutable::NoPeer));
}

#[test]
fn only_granted_ports_may_be_opened_and_only_on_the_agent() {
    let (world, agent_node, client, _) = connected();
    let from_client = *world.nodes[client].tunnel.local_address().ip();
    let from_agent = *world.nodes[agent_node].tunnel.local_address().ip();
    assert!(world.nodes[agent_node].tunnel.may_open(from_client, PORT_SSH));
    assert!(!world.nodes[agent_node].tunnel.may_open(from_client, PORT_API));
    assert!(!world.nodes[client].tunnel.may_open(from_agent, PORT_SSH));
    assert!(!world.nodes[agent_node].tunnel.may_open("fd00::7".parse().unwrap(), PORT_SSH));
}

#[test]
fn a_withdrawn_permission_ends_the_tunnel_on_both_sides() {
    let (mut world, agent_node, client, agent) = connected();
    let link = world.nodes[client].link.unwrap();
    let psk = warren_wire::tunnel::PresharedKey::new([0; 32]);
    world.relay.handle_verdict(link, agent, Err("no longer yours".into()), psk);
    world.run();
    assert_eq!(world.nodes[client].tunnel.status(agent), PeerStatus::Refused("no longer yours".into()));
    let client_address = *world.nodes[client].tunnel.local_address().ip();
    assert!(!world.nodes[agent_node].tunnel.may_open(client_address, PORT_SSH));
    let gone = |e: &TunnelEvent| matches!(e, TunnelEvent::PeerForgotten { address, .. } if *address == client_address);
    assert!(world.nodes[agent_node].events.iter().any(gone));
}

#[test]
fn a_node_that_says_goodbye_is_forgotten_at_once() {
    let (mut world, agent_node, client, _) = connected();
    let client_address = *world.nodes[client].tunnel.local_address().ip();
    world.nodes[client].tunnel.disconnect();
    world.run();
    assert_eq!(world.nodes[agent_node].tunnel.peer_at(client_address), None);
}

#[test]
fn a_lost_peer_is_forgotten_after_its_grace_period() {
    let (mut world, agent_node, client, _) = connected();
    let client_address = *world.nodes[client].tunnel.local_address().ip();
    world.cut(client);
    assert!(world.nodes[agent_node].tunnel.peer_at(client_address).is_some());
    // The session's own clock is real, so only a peer that never shook hands can expire here.
    let stranger = world.start(Identity::Client);
    world.nodes[stranger].tunnel.disconnect();
    world.run();
    let deadline = world.nodes[agent_node].tunnel.poll_timeout().unwrap();
    assert!(deadline.0 <= world.now + Duration::from_secs(20), "{deadline:?}");
}

#[test]
fn a_silent_relay_is_reported_after_two_unanswered_pings() {
    let (mut world, _, client, _) = connected();
    let start = world.now;
    let mut silent = Vec::new();
    while silent.is_empty() {
        let (deadline, _) = world.nodes[client].tunnel.poll_timeout().unwrap();
        assert!(deadline < start + Duration::from_secs(60), "the failure must come in time");
        world.nodes[client].tunnel.handle_timeout(deadline);
        while world.nodes[client].tunnel.poll_transmit().is_some() {}
        silent.extend(std::iter::from_fn(|| world.nodes[client].tunnel.poll_event()).filter(
            |event| matches!(event, TunnelEvent::LinkFailed { reason } if reason.contains("45 seconds")),
        ));
    }
}

#[test]
fn payloads_above_the_limit_are_refused() {
    let (mut world, agent_node, client, agent) = connected();
    let (to, now) = (Tunnel::address_of_agent(agent), world.now);
    let long = vec![0; PAYLOAD_MAX + 1];
    assert_eq!(world.nodes[client].tunnel.handle_datagram(to, &long, now), Err(Unroutable::TooLong));
    world.send(client, agent, &long[1..]);
    world.run();
    assert_eq!(world.payloads(agent_node), [&long[1..]]);
}

#[test]
fn any_bytes_from_the_relay_end_without_a_panic() {
    let (mut world, _, client, _) = connected();
    let now = world.now;
    let tunnel = &mut world.nodes[client].tunnel;
    let tunnel = std::cell::RefCell::new(tunnel);
    proptest!(|(bytes in prop::collection::vec(any::<u8>(), 0..300), text in ".{0,100}")| {
        let mut tunnel = tunnel.borrow_mut();
        let _ = tunnel.handle_frame(Frame::Binary(BytesMut::from(&bytes[..])), now);
        let _ = tunnel.handle_frame(Frame::Text(text), now);
    });
}

/// A world with one agent and one client that has a live tunnel to it.
fn connected() -> (World, usize, usize, AgentId) {
    let mut world = World::new();
    let agent = AgentId::new();
    let agent_node = world.start(Identity::Agent(agent));
    let client = world.start(Identity::Client);
    world.nodes[client].tunnel.want_agent(agent);
    world.run();
    assert_eq!(world.nodes[client].tunnel.status(agent), PeerStatus::Connected);
    (world, agent_node, client, agent)
}
