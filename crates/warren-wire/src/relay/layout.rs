//! Record headers: what the relay needs to forward datagrams without decoding or copying them.

use super::{BadRecord, DATA_OVERHEAD, HEADER_LEN, RECORD_MAX};

/// The kind byte of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    Hello = 1,
    Challenge = 2,
    Proof = 3,
    Ready = 4,
    Open = 5,
    Opened = 6,
    Refused = 7,
    Data = 8,
    From = 9,
    Gone = 10,
    Ping = 11,
    Pong = 12,
    Restarting = 13,
}

impl Kind {
    fn from_byte(byte: u8) -> Result<Kind, BadRecord> {
        Ok(match byte {
            1 => Kind::Hello,
            2 => Kind::Challenge,
            3 => Kind::Proof,
            4 => Kind::Ready,
            5 => Kind::Open,
            6 => Kind::Opened,
            7 => Kind::Refused,
            8 => Kind::Data,
            9 => Kind::From,
            10 => Kind::Gone,
            11 => Kind::Ping,
            12 => Kind::Pong,
            13 => Kind::Restarting,
            unknown => return Err(BadRecord::UnknownKind(unknown)),
        })
    }

    /// Whether a body of this length is well formed. Fixed-size records may grow at the end in later versions.
    pub(super) fn accepts(self, body_len: usize) -> bool {
        let body_min = match self {
            Kind::Hello => 34,
            Kind::Challenge => 64,
            Kind::Proof => 32,
            Kind::Ready => 6,
            Kind::Open => 36,
            Kind::Opened | Kind::Data | Kind::From => 4,
            Kind::Refused | Kind::Gone => 5,
            Kind::Ping | Kind::Pong | Kind::Restarting => 8,
        };
        body_len >= body_min
    }
}

/// What a record's first bytes say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    pub kind: Kind,
    /// Bytes of the whole record, header included; never more than the buffer it was read from.
    pub record_len: usize,
    /// The alias of a DATA or FROM record.
    pub alias: Option<u32>,
}

/// Reads the header of the record at the start of `bytes`.
///
/// # Errors
/// When the record is cut off, too long or of an unknown kind.
pub fn peek(bytes: &[u8]) -> Result<Header, BadRecord> {
    let Some(&[kind, _flags, high, low]) = bytes.first_chunk::<HEADER_LEN>() else {
        return Err(BadRecord::Truncated);
    };
    let record_len = HEADER_LEN + usize::from(u16::from_be_bytes([high, low]));
    if record_len > RECORD_MAX {
        return Err(BadRecord::RecordTooLong(record_len));
    }
    if bytes.len() < record_len {
        return Err(BadRecord::Truncated);
    }
    let kind = Kind::from_byte(kind)?;
    let alias = match kind {
        Kind::Data | Kind::From => {
            bytes[HEADER_LEN..record_len].first_chunk().copied().map(u32::from_be_bytes)
        }
        Kind::Hello
        | Kind::Challenge
        | Kind::Proof
        | Kind::Ready
        | Kind::Open
        | Kind::Opened
        | Kind::Refused
        | Kind::Gone
        | Kind::Ping
        | Kind::Pong
        | Kind::Restarting => None,
    };
    Ok(Header { kind, record_len, alias })
}

/// Turns the DATA record at the start of `record` into a FROM record with the receiver's alias, in place.
///
/// # Panics
/// When `record` is shorter than [`DATA_OVERHEAD`]; call [`peek`] first and check that it names an alias.
pub fn relabel(record: &mut [u8], alias: u32) {
    record[0] = Kind::From as u8;
    record[HEADER_LEN..DATA_OVERHEAD].copy_from_slice(&alias.to_be_bytes());
}
