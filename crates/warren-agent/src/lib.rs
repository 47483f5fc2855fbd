//! The daemon inside a workspace: connects to the server, runs the template's scripts and serves SSH, terminals, files
//! and processes to peers of the tunnel.
//!
//! Everything that peers reach takes any byte stream, so that it can be tested without a tunnel.

mod agent;
mod control;
mod environment;
mod http;
mod outbox;
mod peers;
mod process_group;
mod reconnecting;
mod scripts;
mod ssh;
mod terminal;
#[cfg(test)]
mod testing;
mod workplace;

pub use agent::{AgentConfig, AgentError, run};
pub use http::HttpServer;
pub use reconnecting::{TerminalError, TerminalServer};
pub use ssh::{SshError, SshServer};
pub use workplace::Workplace;
