//! Starting and stopping: what is opened in which order, and closed in the reverse one.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use thiserror::Error;
use url::Url;
use uuid::Uuid;
use warren_app::{
    App, AppError,
    replicas::{Introduction, Pace, Registry},
    sealing::{self, KeySources, KeysError},
    upstream_login::{UpstreamConfigError, UpstreamProviders},
};
use warren_db::{Database, DbError, DirectoryLock, Location, OpenError, OpenOptions};
use warren_provisioner::{Provisioner, ProvisionerConfig};
use warren_rt::Tasks;
use warren_tunnel::QuicSetUpError;
use warren_vocab::ReplicaId;

use crate::{
    agent_executable::AgentExecutable,
    config::{ServerConfig, VERSION},
    frame::FrameError,
    provisionerd, retention,
    serving::tls::TlsError,
    state::{AppState, Deployment},
};

use listeners::Listeners;

mod listeners;

/// Why a server cannot start; each text is a sentence for whoever starts it.
#[derive(Debug, Error)]
pub enum StartError {
    #[error("no address to listen on is set; set --http-address")]
    NoAddress,
    #[error("the address {address} is in use; stop the program that uses it or choose another with {option}")]
    AddressInUse { address: SocketAddr, option: &'static str },
    #[error("cannot listen on {address}")]
    Listen { address: SocketAddr, source: io::Error },
    #[error(transparent)]
    Database(#[from] OpenError),
    #[error(transparent)]
    Key(#[from] KeysError),
    #[error("the access URL of {address} is not valid")]
    AccessUrl { address: SocketAddr },
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error(transparent)]
    Upstream(#[from] UpstreamConfigError),
    #[error("the tunnel cannot be set up")]
    Tunnel(#[from] QuicSetUpError),
    #[error("the database cannot be read")]
    Read(#[source] AppError),
}

/// How long a server that stops may take to say so to the others.
const FAREWELL: Duration = Duration::from_secs(3);

/// The server before it runs.
#[derive(Debug)]
pub struct Server;

/// A server that answers requests until [`RunningServer::shutdown`].
pub struct RunningServer {
    url: Url,
    addresses: Addresses,
    db: Database,
    tasks: Tasks,
    /// By which the others know of this server. It stops last: while it gives its chats back it lives.
    presence: Tasks,
    _lock: Option<DirectoryLock>,
}

struct Addresses {
    first: SocketAddr,
    tls: Option<SocketAddr>,
    metrics: Option<SocketAddr>,
}

impl Server {
    /// Binds the address, opens the data directory and begins to answer.
    ///
    /// # Errors
    /// Fails with one sentence that says what to do, see [`StartError`].
    pub async fn start(config: ServerConfig) -> Result<RunningServer, StartError> {
        let listeners = Listeners::bind(&config).await?;
        let access_url = listeners.access_url(&config)?;
        let db = Database::open_with(&location(&config.database), open_options(&config.database)).await?;
        let lock = lock(&config.database)?;
        let sources = KeySources {
            external: &config.external_token_encryption_keys,
            data_dir: &config.database.data_dir,
        };
        let sealer = sealing::open_keys(&db, sources).await?;
        let app = App::configured(db.clone(), sealer, access_url.clone(), Arc::new(config.clone()));
        let id = deployment_id(&db).await.map_err(|error| StartError::Read(error.into()))?;
        let tasks = Tasks::new();
        app.enable_upstream(UpstreamProviders::from_config(&config, &access_url, tasks.clone())?);
        app.start(&tasks);
        let introduction = Introduction {
            id: ReplicaId::new(),
            relay_address: listeners.relay_address(&config).await?,
            version: String::from(VERSION),
        };
        let presence = Tasks::new();
        let registry = Registry::start(db.clone(), introduction, Pace::default(), &presence);
        let registry = registry.await.map_err(StartError::Read)?;
        let deployment = Deployment { id, access_url: access_url.clone() };
        let state = AppState::start(app, registry, config, deployment, AgentExecutable::own(), &tasks)?;
        let config = &state.config;
        let provisioner =
            ProvisionerConfig::in_dir(&config.database.data_dir, config.provisioner.terraform.clone());
        provisionerd::start(state.app.clone(), Provisioner::new(provisioner), &tasks);
        retention::start(state.app.clone(), &state.config, &tasks);
        let addresses = Addresses {
            first: listeners.first_address(),
            tls: listeners.tls_address(),
            metrics: listeners.metrics_address(),
        };
        listeners.serve(state, &tasks)?;
        Ok(RunningServer { url: access_url, addresses, db, tasks, presence, _lock: lock })
    }
}

impl RunningServer {
    /// How users reach the server.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Whether nobody has an account yet.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn needs_first_user(&self) -> Result<bool, StartError> {
        let any = warren_db::query::users::any(self.db.reader()).await;
        Ok(!any.map_err(|error| StartError::Read(error.into()))?)
    }

    /// The address that the server listens on: the one without TLS, if there is one.
    pub fn address(&self) -> SocketAddr {
        self.addresses.first
    }

    /// The address of the TLS listener, if there is one.
    pub fn tls_address(&self) -> Option<SocketAddr> {
        self.addresses.tls
    }

    /// The address of the Prometheus listener, if there is one.
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.addresses.metrics
    }

    /// The open database, for programs that embed the server.
    pub fn database(&self) -> &Database {
        &self.db
    }

    /// Stops accepting, lets requests finish until the deadline, ends background work and closes the database.
    pub async fn shutdown(self, deadline: Duration) {
        self.tasks.stop(deadline).await;
        self.presence.stop(FAREWELL).await;
        if let Err(error) = self.db.close().await {
            tracing::warn!(%error, "the database did not close cleanly");
        }
    }
}

/// With PostgreSQL the data directory still belongs to one server, which nothing else has locked yet.
fn lock(config: &warren_config::Database) -> Result<Option<DirectoryLock>, OpenError> {
    match location(config) {
        Location::Sqlite { .. } => Ok(None),
        Location::Postgres { .. } => DirectoryLock::take(&config.data_dir).map(Some),
    }
}

/// PostgreSQL when its URL is given, else the data directory.
pub(crate) fn location(config: &warren_config::Database) -> Location {
    match config.postgres_url.expose().as_str() {
        "" => Location::sqlite(&config.data_dir),
        url => Location::postgres(url),
    }
}

fn open_options(config: &warren_config::Database) -> OpenOptions {
    OpenOptions { connections: config.postgres_max_open, notifies: !config.postgres_disable_notify }
}

/// Derived from the default organization, whose random id is made with the database.
async fn deployment_id(db: &Database) -> Result<Uuid, DbError> {
    let organization = warren_db::query::organizations::default(db.reader()).await?;
    let organization = organization.ok_or(DbError::NotFound { what: "default organization" })?;
    Ok(Uuid::new_v5(&organization.id, b"deployment"))
}
