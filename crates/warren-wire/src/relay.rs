//! The relay's binary record codec.
//!
//! Owns the byte layout of what travels in binary WebSocket messages between a node and the relay: a message is a
//! *batch* of records, a record is `u8 kind, u8 flags, u16 length (big endian), body`. Decoding is total: any byte
//! string gives records or a typed error, never a panic. It must not know about queues, peers or WireGuard.
//!
//! | kind | name | body |
//! |---|---|---|
//! | 1 | HELLO | u16 version, 32-byte public key |
//! | 2 | CHALLENGE | 32-byte relay public key, 32-byte nonce |
//! | 3 | PROOF | 32-byte HMAC |
//! | 4 | READY | u16 record limit, u32 batch limit |
//! | 5 | OPEN | u32 alias, 32-byte destination key |
//! | 6 | OPENED | u32 alias |
//! | 7 | REFUSED | u32 alias, u8 reason |
//! | 8 | DATA | u32 alias, datagram |
//! | 9 | FROM | u32 alias, datagram |
//! | 10 | GONE | u32 alias, u8 reason |
//! | 11, 12 | PING, PONG | u64 token |
//! | 13 | RESTARTING | u32 after (ms), u32 spread (ms) |

use bytes::{Buf, BufMut, BytesMut};

use crate::key::PublicKey;

mod layout;
pub use layout::{Header, Kind, peek, relabel};

/// Version of the record layout, sent in HELLO.
pub const VERSION: u16 = 1;
/// Bytes of kind, flags and length.
pub const HEADER_LEN: usize = 4;
/// Bytes that a DATA or FROM record adds to its datagram.
pub const DATA_OVERHEAD: usize = HEADER_LEN + 4;
/// Longest record, header included.
pub const RECORD_MAX: usize = 9 * 1024;
/// Longest batch (one binary WebSocket message), in bytes.
pub const BATCH_MAX: usize = 64 * 1024;

/// Why the relay would not open an alias.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No tunnel exists between the two peers.
    NoTunnel,
    /// The alias is already in use for another destination, or too many are open.
    BadAlias,
}

/// Why an open alias stopped working.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GoneReason {
    /// The destination is not connected to this relay.
    NotConnected,
    /// The tunnel was removed or its permission withdrawn.
    TunnelRemoved,
}

/// One record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    Hello { version: u16, public_key: PublicKey },
    Challenge { relay_key: PublicKey, nonce: [u8; 32] },
    Proof { mac: [u8; 32] },
    Ready { record_max: u16, batch_max: u32 },
    Open { alias: u32, destination: PublicKey },
    Opened { alias: u32 },
    Refused { alias: u32, reason: Refusal },
    Data { alias: u32, datagram: BytesMut },
    From { alias: u32, datagram: BytesMut },
    Gone { alias: u32, reason: GoneReason },
    Ping { token: u64 },
    Pong { token: u64 },
    Restarting { after_ms: u32, spread_ms: u32 },
}

/// A batch that breaks the layout or its limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadRecord {
    #[error("relay batch of {0} bytes is over the limit of {BATCH_MAX}")]
    BatchTooLong(usize),
    #[error("relay record of {0} bytes is over the limit of {RECORD_MAX}")]
    RecordTooLong(usize),
    #[error("relay record ends in the middle")]
    Truncated,
    #[error("relay record kind {0} is unknown")]
    UnknownKind(u8),
    #[error("relay record of kind {kind} has a body of {length} bytes")]
    BadLength { kind: u8, length: usize },
    #[error("relay record of kind {kind} carries the unknown reason {reason}")]
    UnknownReason { kind: u8, reason: u8 },
}

/// Walks the records of one batch; ends after the first error. Datagrams share the batch's memory, so they can be
/// decrypted in place.
#[derive(Debug)]
pub struct Batch {
    rest: BytesMut,
}

impl Batch {
    /// Takes one binary message.
    ///
    /// # Errors
    /// [`BadRecord::BatchTooLong`] above [`BATCH_MAX`].
    pub fn new(bytes: BytesMut) -> Result<Batch, BadRecord> {
        if bytes.len() > BATCH_MAX {
            return Err(BadRecord::BatchTooLong(bytes.len()));
        }
        Ok(Batch { rest: bytes })
    }
}

impl Iterator for Batch {
    type Item = Result<Record, BadRecord>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let result = take_record(&mut self.rest);
        if result.is_err() {
            self.rest.clear();
        }
        Some(result)
    }
}

fn take_record(rest: &mut BytesMut) -> Result<Record, BadRecord> {
    let header = peek(rest)?;
    let mut record = rest.split_to(header.record_len);
    record.advance(HEADER_LEN);
    decode_body(header.kind, record)
}

fn decode_body(kind: Kind, mut body: BytesMut) -> Result<Record, BadRecord> {
    let bad = BadRecord::BadLength { kind: kind as u8, length: body.len() };
    if !kind.accepts(body.len()) {
        return Err(bad);
    }
    Ok(match kind {
        Kind::Hello => {
            Record::Hello { version: body.get_u16(), public_key: PublicKey::new(take_32(&mut body)) }
        }
        Kind::Challenge => {
            Record::Challenge { relay_key: PublicKey::new(take_32(&mut body)), nonce: take_32(&mut body) }
        }
        Kind::Proof => Record::Proof { mac: take_32(&mut body) },
        Kind::Ready => Record::Ready { record_max: body.get_u16(), batch_max: body.get_u32() },
        Kind::Open => Record::Open { alias: body.get_u32(), destination: PublicKey::new(take_32(&mut body)) },
        Kind::Opened => Record::Opened { alias: body.get_u32() },
        Kind::Refused => {
            Record::Refused { alias: body.get_u32(), reason: Refusal::from_code(body.get_u8())? }
        }
        Kind::Data => Record::Data { alias: body.get_u32(), datagram: body },
        Kind::From => Record::From { alias: body.get_u32(), datagram: body },
        Kind::Gone => Record::Gone { alias: body.get_u32(), reason: GoneReason::from_code(body.get_u8())? },
        Kind::Ping => Record::Ping { token: body.get_u64() },
        Kind::Pong => Record::Pong { token: body.get_u64() },
        Kind::Restarting => Record::Restarting { after_ms: body.get_u32(), spread_ms: body.get_u32() },
    })
}

/// Reads 32 bytes that the length check has already promised.
fn take_32(body: &mut BytesMut) -> [u8; 32] {
    let mut out = [0; 32];
    body.copy_to_slice(&mut out);
    out
}

impl Record {
    /// Appends this record to a batch.
    ///
    /// # Errors
    /// [`BadRecord::RecordTooLong`] when a datagram does not fit into [`RECORD_MAX`]; nothing is appended then.
    pub fn append_to(&self, batch: &mut BytesMut) -> Result<(), BadRecord> {
        let start = batch.len();
        match self {
            Record::Hello { version, public_key } => {
                start_record(batch, Kind::Hello, 34);
                batch.put_u16(*version);
                batch.put_slice(public_key.as_bytes());
            }
            Record::Challenge { relay_key, nonce } => {
                start_record(batch, Kind::Challenge, 64);
                batch.put_slice(relay_key.as_bytes());
                batch.put_slice(nonce);
            }
            Record::Proof { mac } => {
                start_record(batch, Kind::Proof, 32);
                batch.put_slice(mac);
            }
            Record::Ready { record_max, batch_max } => {
                start_record(batch, Kind::Ready, 6);
                batch.put_u16(*record_max);
                batch.put_u32(*batch_max);
            }
            Record::Open { alias, destination } => {
                start_record(batch, Kind::Open, 36);
                batch.put_u32(*alias);
                batch.put_slice(destination.as_bytes());
            }
            Record::Opened { alias } => {
                start_record(batch, Kind::Opened, 4);
                batch.put_u32(*alias);
            }
            Record::Refused { alias, reason } => append_reason(batch, Kind::Refused, *alias, reason.code()),
            Record::Gone { alias, reason } => append_reason(batch, Kind::Gone, *alias, reason.code()),
            Record::Data { alias, datagram } => return append_datagram(batch, Kind::Data, *alias, datagram),
            Record::From { alias, datagram } => return append_datagram(batch, Kind::From, *alias, datagram),
            Record::Ping { token } => append_token(batch, Kind::Ping, *token),
            Record::Pong { token } => append_token(batch, Kind::Pong, *token),
            Record::Restarting { after_ms, spread_ms } => {
                start_record(batch, Kind::Restarting, 8);
                batch.put_u32(*after_ms);
                batch.put_u32(*spread_ms);
            }
        }
        debug_assert!(batch.len() - start <= RECORD_MAX);
        Ok(())
    }
}

/// Appends a DATA record without building a [`Record`] first.
///
/// # Errors
/// [`BadRecord::RecordTooLong`] when the datagram does not fit; nothing is appended then.
pub fn append_data(batch: &mut BytesMut, alias: u32, datagram: &[u8]) -> Result<(), BadRecord> {
    append_datagram(batch, Kind::Data, alias, datagram)
}

fn append_datagram(batch: &mut BytesMut, kind: Kind, alias: u32, datagram: &[u8]) -> Result<(), BadRecord> {
    let record_len = DATA_OVERHEAD + datagram.len();
    if record_len > RECORD_MAX {
        return Err(BadRecord::RecordTooLong(record_len));
    }
    batch.reserve(record_len);
    start_record(batch, kind, record_len - HEADER_LEN);
    batch.put_u32(alias);
    batch.put_slice(datagram);
    Ok(())
}

fn append_reason(batch: &mut BytesMut, kind: Kind, alias: u32, code: u8) {
    start_record(batch, kind, 5);
    batch.put_u32(alias);
    batch.put_u8(code);
}

fn append_token(batch: &mut BytesMut, kind: Kind, token: u64) {
    start_record(batch, kind, 8);
    batch.put_u64(token);
}

fn start_record(batch: &mut BytesMut, kind: Kind, body_len: usize) {
    batch.put_u8(kind as u8);
    batch.put_u8(0);
    batch.put_u16(u16::try_from(body_len).expect("records are at most RECORD_MAX long"));
}

impl Refusal {
    fn code(self) -> u8 {
        match self {
            Refusal::NoTunnel => 1,
            Refusal::BadAlias => 2,
        }
    }

    fn from_code(code: u8) -> Result<Refusal, BadRecord> {
        match code {
            1 => Ok(Refusal::NoTunnel),
            2 => Ok(Refusal::BadAlias),
            reason => Err(BadRecord::UnknownReason { kind: Kind::Refused as u8, reason }),
        }
    }
}

impl GoneReason {
    fn code(self) -> u8 {
        match self {
            GoneReason::NotConnected => 1,
            GoneReason::TunnelRemoved => 2,
        }
    }

    fn from_code(code: u8) -> Result<GoneReason, BadRecord> {
        match code {
            1 => Ok(GoneReason::NotConnected),
            2 => Ok(GoneReason::TunnelRemoved),
            reason => Err(BadRecord::UnknownReason { kind: Kind::Gone as u8, reason }),
        }
    }
}

#[cfg(test)]
mod tests;
