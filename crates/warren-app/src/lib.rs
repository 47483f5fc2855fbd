//! Use cases: every rule about who may do what when, above the database and below HTTP.
//!
//! Each public function authorises first and answers with rows or small structs; the server turns them into API types.

use std::sync::{Arc, OnceLock};

use chrono::{DateTime, SubsecRound, Utc};
use tokio::sync::Semaphore;
use url::Url;
use warren_config::ServerConfig;
use warren_db::Database;
use warren_rt::Sealer;

pub mod actor;
pub mod agents;
pub mod api_keys;
pub mod audit;
pub mod authcheck;
pub mod builds;
pub mod deployment;
pub mod details;
pub mod error;
pub mod files;
pub mod identity;
pub mod job_input;
pub mod jobs;
pub mod maintenance;
pub mod organizations;
mod parameters;
pub mod replicas;
pub mod roles;
pub mod sealing;
pub mod search;
pub mod template_versions;
pub mod templates;
mod upkeep;
pub mod upstream_login;
pub mod users;
pub mod workspaces;

pub use actor::Actor;
pub use error::{AppError, AppResult, Explanation, Validation};
pub use warren_audit::Origin;

use crate::{audit::FailureLimit, identity::uses::Uses, upstream_login::UpstreamProviders};

/// Password hashes computed at the same time; each takes 19 MiB and a core.
const HASHES_MAX: usize = 4;

/// The use cases over one database; clones share it.
#[derive(Clone)]
pub struct App {
    shared: Arc<Shared>,
}

struct Shared {
    db: Database,
    sealer: Sealer,
    access_url: Url,
    config: Arc<ServerConfig>,
    hashing: Semaphore,
    failures: FailureLimit,
    uses: Uses,
    upstream: OnceLock<Arc<UpstreamProviders>>,
}

impl App {
    /// Builds the use cases of a server without settings. `access_url` is how users and workspaces reach this server.
    pub fn new(db: Database, sealer: Sealer, access_url: Url) -> Self {
        Self::configured(db, sealer, access_url, Arc::default())
    }

    /// Builds the use cases. [`App::start`] begins their background work.
    pub fn configured(db: Database, sealer: Sealer, access_url: Url, config: Arc<ServerConfig>) -> Self {
        let hashing = Semaphore::new(HASHES_MAX);
        let shared = Shared {
            db,
            sealer,
            access_url,
            config,
            hashing,
            upstream: OnceLock::new(),
            failures: FailureLimit::default(),
            uses: Uses::default(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// The database, for use cases that live in other crates.
    pub fn db(&self) -> &Database {
        &self.shared.db
    }

    /// The time of the database, see [`Database::now`].
    pub fn now(&self) -> DateTime<Utc> {
        self.db().now()
    }

    /// The key that seals values at rest.
    pub fn sealer(&self) -> &Sealer {
        &self.shared.sealer
    }

    /// How users and workspaces reach this server.
    pub fn access_url(&self) -> &Url {
        &self.shared.access_url
    }

    /// The settings of the server.
    pub fn config(&self) -> &ServerConfig {
        &self.shared.config
    }

    fn uses(&self) -> &Uses {
        &self.shared.uses
    }

    fn failures(&self) -> &FailureLimit {
        &self.shared.failures
    }

    fn hashing(&self) -> &Semaphore {
        &self.shared.hashing
    }
}

/// The time of this machine, in the precision that every database keeps. What another server may compare must have that of
/// [`App::now`].
pub fn now() -> DateTime<Utc> {
    Utc::now().trunc_subsecs(6)
}
