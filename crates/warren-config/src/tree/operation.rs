//! Storage, builds, and what operators watch.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use warren_rt::Secret;

/// Where everything is kept.
#[derive(Debug, Clone)]
pub struct Database {
    /// Holds the database (unless it is PostgreSQL), the key, workspaces of the process template and Terraform
    /// caches. Empty only before `warren server` has filled in the user's data directory.
    pub data_dir: PathBuf,
    /// A `postgres://` URL; empty for SQLite in the data directory.
    pub postgres_url: Secret<String>,
    /// The most connections to PostgreSQL.
    pub postgres_max_open: u32,
    /// Whether this server neither tells other ones at once of what it changes nor hears of what they change.
    pub postgres_disable_notify: bool,
}

impl Default for Database {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::new(),
            postgres_url: Secret::default(),
            postgres_max_open: 10,
            postgres_disable_notify: false,
        }
    }
}

/// Metrics and traces.
#[derive(Debug, Clone, Default)]
pub struct Telemetry {
    pub prometheus: Metrics,
    pub trace: Trace,
}

/// The Prometheus listener.
#[derive(Debug, Clone)]
pub struct Metrics {
    pub enable: bool,
    pub address: SocketAddr,
}

impl Default for Metrics {
    fn default() -> Self {
        Self { enable: false, address: SocketAddr::from(([127, 0, 0, 1], 2112)) }
    }
}

/// The OpenTelemetry export.
#[derive(Debug, Clone, Default)]
pub struct Trace {
    pub enable: bool,
    /// The collector's gRPC address, such as `http://localhost:4317`; empty for the default of OpenTelemetry.
    pub otlp_endpoint: String,
    /// Whether log lines become events of spans.
    pub capture_logs: bool,
}

/// Where log lines go. A path is a file, `/dev/stderr` or `/dev/stdout`; empty writes none.
#[derive(Debug, Clone)]
pub struct Logging {
    pub human: String,
    pub json: String,
    /// What is logged, such as `info,warren_db=debug`.
    pub filter: String,
}

impl Default for Logging {
    fn default() -> Self {
        Self {
            human: "/dev/stderr".into(),
            json: String::new(),
            filter: "info,sea_orm_migration=warn".into(),
        }
    }
}

/// Builds of workspaces in this process.
#[derive(Debug, Clone, Default)]
pub struct Provisioner {
    /// The `terraform` or `tofu` program; by default the first on `PATH`.
    pub terraform: Option<PathBuf>,
}

const DAY: Duration = Duration::from_secs(86_400);

/// How long old rows are kept. Zero keeps them for ever.
#[derive(Debug, Clone)]
pub struct Retention {
    pub audit_logs: Duration,
    /// Counted from the expiry of a key.
    pub api_keys: Duration,
}

impl Default for Retention {
    fn default() -> Self {
        Self { audit_logs: Duration::ZERO, api_keys: DAY * 7 }
    }
}

/// What `config-ssh` of the users' machines is told.
#[derive(Debug, Clone)]
pub struct Ssh {
    /// `ssh <workspace>.<suffix>` works.
    pub hostname_suffix: String,
    /// `ssh <prefix><workspace>` works.
    pub hostname_prefix: String,
    /// `Key=Value` lines for the users' SSH configuration.
    pub config_options: Vec<String>,
}

impl Default for Ssh {
    fn default() -> Self {
        Self { hostname_suffix: "coder".into(), hostname_prefix: "coder.".into(), config_options: Vec::new() }
    }
}
