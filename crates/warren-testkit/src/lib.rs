//! What tests of whole servers need: servers inside the test's process, the real binary as a server and as a user's
//! command, several servers on one PostgreSQL with proxies between them, and waiting for conditions.
//!
//! Everything started here is ended when its handle is dropped.

mod balancer;
mod binary;
pub mod cluster;
mod command;
pub mod in_process;
mod postgres;
mod proxy;
mod server;
mod wait;

use std::path::{Path, PathBuf};

pub use balancer::Balancer;
pub use binary::warren_binary;
pub use cluster::{Cluster, ClusterOptions};
pub use command::{Background, Finished, User, finish};
pub use postgres::{PostgresProcess, Stop};
pub use proxy::{ConnectionId, Proxy, Target, Weather};
pub use server::{ServerOptions, ServerProcess};
pub use wait::eventually;

/// The root of the repository, where examples and the dashboard are.
pub fn repository() -> PathBuf {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in crates/");
    crates.parent().expect("crates/ lies in the root").to_path_buf()
}

/// Makes the process ready for TLS, once.
pub fn init() {
    // A second call finds the provider installed, which is what it wants.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
