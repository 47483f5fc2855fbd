//! Messages between server, agents and tunnel nodes: types, framing and versions.
//!
//! Pure data: nothing here opens a socket, reads a clock or knows tokio.

pub mod key;
pub mod relay;
pub mod tunnel;
