use std::net::Ipv4Addr;

use warren_vocab::ReplicaId;

use super::*;

fn address(n: u8) -> Option<IpAddr> {
    Some(Ipv4Addr::new(10, 0, 0, n).into())
}

#[test]
fn one_address_cannot_take_all_places_and_gives_them_back() {
    let pending = Arc::new(Pending::default());
    let mut knocks: Vec<_> = (0..PENDING_OF_ONE_MAX).map(|_| Pending::admit(&pending, address(1))).collect();
    assert!(knocks.iter().all(Option::is_some));
    assert!(Pending::admit(&pending, address(1)).is_none());
    assert!(Pending::admit(&pending, address(2)).is_some(), "others are let in meanwhile");
    drop(knocks.pop());
    let again = Pending::admit(&pending, address(1));
    assert!(again.is_some() && Pending::admit(&pending, address(1)).is_none());
    drop((knocks, again));
    assert!(pending.addresses().is_empty(), "nothing is kept of those who are gone");
}

#[test]
fn all_addresses_together_have_a_bound() {
    let pending = Arc::new(Pending::default());
    let knocks: Vec<_> = (0..=255).map_while(|n| Pending::admit(&pending, address(n))).collect();
    assert_eq!(knocks.len(), PENDING_MAX);
    assert!(Pending::admit(&pending, None).is_none());
    drop(knocks);
    assert!(Pending::admit(&pending, None).is_some());
}

#[test]
fn only_failures_of_those_who_know_this_server_are_shown_to_operators() {
    let version = HandshakeError::Version { min: 7, max: 9 };
    for known in [version, HandshakeError::NoCommonKey, HandshakeError::BadProof] {
        assert!(knows_this_server(&known.into()));
    }
    let wrong = HandshakeError::WrongServer { meant: ReplicaId::new() };
    for unknown in [HandshakeError::Malformed, wrong] {
        assert!(!knows_this_server(&unknown.into()));
    }
    assert!(!knows_this_server(&MeshError::Silent));
}
