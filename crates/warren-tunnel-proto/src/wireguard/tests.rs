use super::*;

#[test]
fn a_handshake_with_the_same_secret_gives_a_session() {
    let (mut alice, mut bob) = pair(PresharedKey::new([7; 32]), PresharedKey::new([7; 32]));
    assert!(handshake(&mut alice, &mut bob));
    let datagrams = collect(|send| alice.encapsulate(BytesMut::from(&b"hello"[..]), send));
    let received = bob.decapsulate(datagrams[0].clone(), &mut |_| {}).unwrap();
    assert_eq!(received, Decapsulated::Packet(BytesMut::from(&b"hello"[..])));
    assert!(alice.since_handshake().is_some());
}

#[test]
fn a_different_preshared_key_is_refused() {
    let (mut alice, mut bob) = pair(PresharedKey::new([7; 32]), PresharedKey::new([8; 32]));
    assert!(!handshake(&mut alice, &mut bob));
    assert!(alice.since_handshake().is_none());
}

#[test]
fn a_corrected_preshared_key_is_accepted_by_the_next_handshake() {
    let (mut alice, mut bob) = pair(PresharedKey::new([7; 32]), PresharedKey::new([8; 32]));
    bob.set_psk(PresharedKey::new([7; 32]));
    assert!(handshake(&mut alice, &mut bob));
}

#[test]
fn a_stranger_is_refused() {
    let psk = PresharedKey::new([7; 32]);
    let (_, mut bob) = pair(psk, psk);
    let mallory = NodeWireGuard::new(NodeSecret::from_bytes([3; 32]));
    let mut mallory = mallory.session(&NodeSecret::from_bytes([2; 32]).public_key(), psk);
    assert!(!handshake(&mut mallory, &mut bob));
}

#[test]
fn packets_wait_for_the_handshake_that_they_start() {
    let psk = PresharedKey::new([7; 32]);
    let (mut alice, mut bob) = pair(psk, psk);
    let initiation = collect(|send| alice.encapsulate(BytesMut::from(&b"early"[..]), send));
    let response = collect(|send| drop(bob.decapsulate(initiation[0].clone(), send)));
    let datagrams = collect(|send| drop(alice.decapsulate(response[0].clone(), send)));
    let received: Vec<_> = datagrams.into_iter().map(|d| bob.decapsulate(d, &mut |_| {}).unwrap()).collect();
    assert_eq!(received[0], Decapsulated::Authenticated);
    assert!(matches!(&received[1], Decapsulated::Packet(packet) if packet.starts_with(b"early")));
}

fn pair(alice_psk: PresharedKey, bob_psk: PresharedKey) -> (Gotatun, Gotatun) {
    let [alice, bob] = [1, 2].map(|byte| NodeSecret::from_bytes([byte; 32]));
    let alice_session = NodeWireGuard::new(alice.clone()).session(&bob.public_key(), alice_psk);
    let bob_session = NodeWireGuard::new(bob).session(&alice.public_key(), bob_psk);
    (alice_session, bob_session)
}

/// Runs one handshake started by the first session; whether the second saw the first prove itself.
fn handshake(initiator: &mut Gotatun, responder: &mut Gotatun) -> bool {
    let initiation = collect(|send| initiator.start_handshake(send));
    let response = collect(|send| drop(responder.decapsulate(initiation[0].clone(), send)));
    let Some(response) = response.first() else { return false };
    let keepalive = collect(|send| drop(initiator.decapsulate(response.clone(), send)));
    let Some(keepalive) = keepalive.first() else { return false };
    responder.decapsulate(keepalive.clone(), &mut |_| {}) == Ok(Decapsulated::Authenticated)
}

fn collect(run: impl FnOnce(&mut dyn FnMut(&[u8]))) -> Vec<BytesMut> {
    let mut datagrams = Vec::new();
    run(&mut |datagram: &[u8]| datagrams.push(BytesMut::from(datagram)));
    datagrams
}
