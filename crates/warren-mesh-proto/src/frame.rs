//! What is inside a sealed frame: `u8 type, u32 stream (big endian), body`. Reading is total: any bytes give a frame or none.
//!
//! | type | name | body |
//! |---|---|---|
//! | 1 | OPEN | u8 hops, u16 kind, header |
//! | 2 | DATA | u8 1 for the end of a message, bytes |
//! | 3 | CREDIT | u32 bytes |
//! | 4 | CLOSE | u8 reason |
//! | 5, 6 | PING, PONG | nothing; the stream is 0 |

use bytes::{Buf, BufMut, Bytes};

/// The most bytes of a message in one frame, so that streams take turns.
pub const FRAGMENT_MAX: usize = 16 * 1024;
/// The longest header of a stream.
pub const HEADER_MAX: usize = 1024;
/// The longest frame before it is sealed.
pub const FRAME_MAX: usize = FRAGMENT_MAX + 64;

/// A stream of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(pub u32);

/// What a stream is for. Numbers that this program does not know are refused, not an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct StreamKind(pub u16);

impl StreamKind {
    /// The parts of the answer that a chat is getting.
    pub const CHAT_PARTS: Self = Self(1);
    /// Datagrams between the ends of a tunnel.
    pub const TUNNEL: Self = Self(2);
}

/// How many connections between servers a request has come over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hops(pub u8);

impl Hops {
    /// A request of a client of this server.
    pub const NONE: Self = Self(0);
}

/// Why a stream ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseReason {
    /// Nothing more is to be said.
    Done,
    /// The other server does not know or allow this.
    Refused,
    /// Something failed; it may work later.
    Failed,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Frame {
    Open { stream: StreamId, hops: Hops, kind: StreamKind, header: Bytes },
    Data { stream: StreamId, is_end: bool, bytes: Bytes },
    Credit { stream: StreamId, bytes: u32 },
    Close { stream: StreamId, reason: CloseReason },
    Ping,
    Pong,
}

impl Frame {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let mut head = |kind: u8, stream: StreamId, room: usize| {
            out.reserve(room + 8 + crate::cipher::TAG_LEN);
            out.put_u8(kind);
            out.put_u32(stream.0);
        };
        match self {
            Self::Open { stream, hops, kind, header } => {
                head(1, *stream, header.len());
                out.put_u8(hops.0);
                out.put_u16(kind.0);
                out.put_slice(header);
            }
            Self::Data { stream, is_end, bytes } => {
                head(2, *stream, bytes.len());
                out.put_u8(u8::from(*is_end));
                out.put_slice(bytes);
            }
            Self::Credit { stream, bytes } => {
                head(3, *stream, 0);
                out.put_u32(*bytes);
            }
            Self::Close { stream, reason } => {
                head(4, *stream, 0);
                out.put_u8(reason.code());
            }
            Self::Ping => head(5, StreamId(0), 0),
            Self::Pong => head(6, StreamId(0), 0),
        }
        out
    }

    /// None for what is no frame, `Some(None)` for one of a later version.
    pub(crate) fn decode(mut bytes: Bytes) -> Option<Option<Self>> {
        let kind = bytes.try_get_u8().ok()?;
        let stream = StreamId(bytes.try_get_u32().ok()?);
        Some(Some(match kind {
            1 => {
                let hops = Hops(bytes.try_get_u8().ok()?);
                let kind = StreamKind(bytes.try_get_u16().ok()?);
                (bytes.len() <= HEADER_MAX).then_some(Self::Open { stream, hops, kind, header: bytes })?
            }
            2 => {
                let is_end = bytes.try_get_u8().ok()? == 1;
                (bytes.len() <= FRAGMENT_MAX).then_some(Self::Data { stream, is_end, bytes })?
            }
            3 => Self::Credit { stream, bytes: bytes.try_get_u32().ok()? },
            4 => Self::Close { stream, reason: CloseReason::of(bytes.try_get_u8().ok()?) },
            5 => Self::Ping,
            6 => Self::Pong,
            _ => return Some(None),
        }))
    }
}

impl CloseReason {
    fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Refused => 1,
            Self::Failed => 2,
        }
    }

    fn of(code: u8) -> Self {
        match code {
            0 => Self::Done,
            1 => Self::Refused,
            _ => Self::Failed,
        }
    }
}
