//! How the servers of one deployment talk to each other: one connection for each pair, on which many streams run.
//!
//! Pure: who they are ([`handshake`]), how frames are sealed ([`cipher`]), which of two connections stays ([`choice`]), and
//! the streams on one connection ([`session`]). Nothing here opens a socket, reads a clock or draws a random number.

pub mod choice;
pub mod cipher;
pub mod frame;
pub mod handshake;
pub mod session;

pub use choice::{Dialled, wins};
pub use cipher::{CipherError, Opening, Sealing};
pub use frame::{CloseReason, Hops, StreamId, StreamKind};
pub use handshake::{Accepting, Dialling, Established, HandshakeError, Key, Nonce};
pub use session::{Event, OpenError, Received, SendError, Session, Violation};
