//! The settings of one server, see `warren-config`, and its version.

pub use warren_config::ServerConfig;

/// The version that `/api/v2/buildinfo` and the `X-Coder-Build-Version` header give.
pub const VERSION: &str = concat!("v", env!("CARGO_PKG_VERSION"));
