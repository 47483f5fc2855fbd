//! Settings of one server.

use std::{net::SocketAddr, path::PathBuf};

use url::Url;

/// The version that `/api/v2/buildinfo` and the `X-Coder-Build-Version` header give.
pub const VERSION: &str = concat!("v", env!("CARGO_PKG_VERSION"));

/// What `warren server` is told.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// Holds the database, the key, workspaces of the process template and Terraform caches.
    pub data_dir: PathBuf,
    /// Where to listen; port 0 picks a free one.
    pub http_address: SocketAddr,
    /// How users and workspaces reach the server; by default the address it listens on.
    pub access_url: Option<Url>,
    /// The `terraform` or `tofu` program; by default the first on `PATH`.
    pub terraform: Option<PathBuf>,
}
