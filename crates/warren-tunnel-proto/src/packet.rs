//! IPv6/UDP encapsulation of inner datagrams.
//!
//! The UDP checksum is zero, as RFC 6935 allows for tunnels: WireGuard's AEAD already covers the whole packet.

use std::net::{Ipv6Addr, SocketAddrV6};

use bytes::{Buf, BufMut, BytesMut};

/// IPv6 packet that every path carries, in bytes: the IPv6 minimum.
const INNER_MTU_MIN: usize = 1280;
/// Largest IPv6 packet that any path carries, in bytes. Relayed datagrams never meet a network's MTU, and the cost of a
/// datagram hardly depends on its length.
pub(crate) const INNER_MTU_MAX: usize = 8960;
/// UDP payload that every path carries, in bytes.
pub const PAYLOAD_MIN: usize = INNER_MTU_MIN - HEADERS;
/// Largest UDP payload that any path carries, in bytes; QUIC finds out whether the path does.
pub const PAYLOAD_MAX: usize = INNER_MTU_MAX - HEADERS;

const IPV6_HEADER: usize = 40;
const UDP_HEADER: usize = 8;
const HEADERS: usize = IPV6_HEADER + UDP_HEADER;
const NEXT_HEADER_UDP: u8 = 17;
const HOP_LIMIT: u8 = 64;

/// Why an inner packet is not ours to deliver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPacket {
    #[error("inner packet is not a whole IPv6 UDP packet")]
    NotUdp,
    #[error("inner packet comes from an address that is not the peer's")]
    SourceNotPeer,
    #[error("inner packet is not addressed to this node")]
    NotForUs,
}

/// Builds the IPv6 packet for one payload.
pub(crate) fn encapsulate(from: SocketAddrV6, to: SocketAddrV6, payload: &[u8]) -> BytesMut {
    let udp_len = u16::try_from(UDP_HEADER + payload.len()).expect("payloads are at most PAYLOAD_MAX long");
    let mut packet = BytesMut::with_capacity(HEADERS + payload.len());
    packet.put_u32(6 << 28);
    packet.put_u16(udp_len);
    packet.put_u8(NEXT_HEADER_UDP);
    packet.put_u8(HOP_LIMIT);
    packet.put_slice(&from.ip().octets());
    packet.put_slice(&to.ip().octets());
    packet.put_u16(from.port());
    packet.put_u16(to.port());
    packet.put_u16(udp_len);
    packet.put_u16(0);
    packet.put_slice(payload);
    packet
}

/// Checks a decrypted packet and returns its sender and payload, which shares the packet's memory.
pub(crate) fn decapsulate(
    mut packet: BytesMut,
    peer: Ipv6Addr,
    local: Ipv6Addr,
) -> Result<(SocketAddrV6, BytesMut), BadPacket> {
    if packet.len() < HEADERS || packet[0] >> 4 != 6 || packet[6] != NEXT_HEADER_UDP {
        return Err(BadPacket::NotUdp);
    }
    if address_at(&packet, 8) != peer {
        return Err(BadPacket::SourceNotPeer);
    }
    if address_at(&packet, 24) != local {
        return Err(BadPacket::NotForUs);
    }
    let source_port = u16::from_be_bytes([packet[40], packet[41]]);
    let udp_len = usize::from(u16::from_be_bytes([packet[44], packet[45]]));
    if udp_len < UDP_HEADER || IPV6_HEADER + udp_len > packet.len() {
        return Err(BadPacket::NotUdp);
    }
    packet.truncate(IPV6_HEADER + udp_len);
    packet.advance(HEADERS);
    Ok((SocketAddrV6::new(peer, source_port, 0, 0), packet))
}

fn address_at(packet: &[u8], at: usize) -> Ipv6Addr {
    let mut octets = [0; 16];
    octets.copy_from_slice(&packet[at..at + 16]);
    octets.into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const A: Ipv6Addr = Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 1);
    const B: Ipv6Addr = Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 2);

    #[test]
    fn payloads_survive_the_round_trip() {
        proptest!(|(payload in prop::collection::vec(any::<u8>(), 0..PAYLOAD_MAX), port in any::<u16>())| {
            let from = SocketAddrV6::new(A, port, 0, 0);
            let packet = encapsulate(from, SocketAddrV6::new(B, 7, 0, 0), &payload);
            prop_assert!(packet.len() <= INNER_MTU_MAX);
            let (sender, received) = decapsulate(packet, A, B).unwrap();
            prop_assert_eq!(sender, from);
            prop_assert_eq!(&received[..], &payload[..]);
        });
    }

    #[test]
    fn any_bytes_are_refused_without_a_panic() {
        proptest!(|(bytes in prop::collection::vec(any::<u8>(), 0..200))| {
            let _ = decapsulate(BytesMut::from(&bytes[..]), A, B);
        });
    }

    #[test]
    fn a_spoofed_source_is_refused() {
        let packet = encapsulate(SocketAddrV6::new(B, 1, 0, 0), SocketAddrV6::new(B, 1, 0, 0), b"x");
        assert_eq!(decapsulate(packet, A, B), Err(BadPacket::SourceNotPeer));
        let packet = encapsulate(SocketAddrV6::new(A, 1, 0, 0), SocketAddrV6::new(A, 1, 0, 0), b"x");
        assert_eq!(decapsulate(packet, A, B), Err(BadPacket::NotForUs));
    }
}
