//! Addresses inside the tunnel, derived from peer ids so that nobody can pick somebody else's.

use std::net::Ipv6Addr;

use serde::{Deserialize, Serialize};
use warren_wire::tunnel::PeerId;

/// The product's unique local prefix (a random /48).
const PREFIX: [u8; 6] = [0xfd, 0x5e, 0x9c, 0x3b, 0x7a, 0x41];

/// UDP port that QUIC uses on every tunnel address.
pub const QUIC_PORT: u16 = 7443;

/// Kind of node, visible in its address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PeerClass {
    Agent,
    Client,
    /// A server replica's own node.
    Server,
}

impl PeerClass {
    fn subnet(self) -> u16 {
        match self {
            PeerClass::Agent => 1,
            PeerClass::Client => 2,
            PeerClass::Server => 3,
        }
    }
}

/// The inner address of a peer: prefix, a subnet per class, and 64 bits of the id.
pub fn address_of(class: PeerClass, peer: PeerId) -> Ipv6Addr {
    let (high, low) = peer.as_uuid().as_u64_pair();
    let mut octets = [0; 16];
    octets[..6].copy_from_slice(&PREFIX);
    octets[6..8].copy_from_slice(&class.subnet().to_be_bytes());
    octets[8..].copy_from_slice(&(high ^ low).to_be_bytes());
    octets.into()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn addresses_differ_by_id_and_class() {
        let [one, two] = [1, 2].map(|n| PeerId::from_uuid(Uuid::from_u128(n)));
        assert_ne!(address_of(PeerClass::Agent, one), address_of(PeerClass::Agent, two));
        assert_ne!(address_of(PeerClass::Agent, one), address_of(PeerClass::Client, one));
        assert_eq!(address_of(PeerClass::Agent, one).to_string(), "fd5e:9c3b:7a41:1::1");
    }
}
