//! The tree: plain structs, one per group, whose `Default` is what a server without any setting does.

mod chats;
mod http;
mod identity;
mod operation;

use std::path::PathBuf;

pub use chats::Chats;
pub use http::{Hsts, Http, RateLimit, SameSite, Session, Tls, TlsVersion};
pub use identity::{Github, Oidc};
pub use operation::{Database, Logging, Metrics, Provisioner, Retention, Ssh, Telemetry, Trace};
use warren_rt::Secret;

use crate::source::Sources;

/// Everything that `warren server` can be told.
#[derive(Debug, Clone, Default)]
pub struct ServerConfig {
    pub http: Http,
    pub database: Database,
    pub session: Session,
    pub rate_limit: RateLimit,
    pub oidc: Oidc,
    pub github: Github,
    pub telemetry: Telemetry,
    pub logging: Logging,
    pub provisioner: Provisioner,
    pub chats: Chats,
    pub retention: Retention,
    pub ssh: Ssh,
    /// Base64 AES-256 keys; the first encrypts, all decrypt. Empty: the key file in the data directory is used.
    pub external_token_encryption_keys: Vec<Secret<String>>,
    /// Names of features that are tried out; `*` means all.
    pub experiments: Vec<String>,
    /// What clients of another version are told; empty for the usual hint.
    pub cli_upgrade_message: String,
    /// Where links to the documentation lead; empty for the built-in ones.
    pub docs_url: String,
    /// Where each value came from.
    pub sources: Sources,
}

impl ServerConfig {
    /// The settings of a server in a directory, on a free port of this machine: what tests and tools start from.
    pub fn in_dir(data_dir: impl Into<PathBuf>) -> Self {
        let mut config = Self::default();
        config.database.data_dir = data_dir.into();
        config.http.address = Some(std::net::SocketAddr::from(([127, 0, 0, 1], 0)));
        config
    }
}
