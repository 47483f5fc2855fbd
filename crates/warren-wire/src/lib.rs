//! Messages between server, agents and tunnel nodes: types, framing and versions.
//!
//! Pure data: nothing here opens a socket, reads a clock or knows tokio.

pub mod agent;
pub mod agent_http;
pub mod agent_terminal;
pub mod key;
pub mod relay;
pub mod tunnel;
