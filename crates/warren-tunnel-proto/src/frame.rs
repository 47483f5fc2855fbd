//! What travels on a link: one WebSocket message.

use bytes::BytesMut;

/// One message between a node and the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// A JSON control message (`warren_wire::tunnel`).
    Text(String),
    /// A batch of relay records (`warren_wire::relay`).
    Binary(BytesMut),
}
