//! Starting and stopping: what is opened in which order, and closed in the reverse one.

use std::{
    fs::DirBuilder,
    io,
    net::SocketAddr,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    time::Duration,
};

use axum::{ServiceExt, extract::Request, serve::ListenerExt};
use thiserror::Error;
use tokio::net::TcpListener;
use tower::util::MapRequest;
use url::Url;
use uuid::Uuid;
use warren_app::{App, AppError};
use warren_db::{Database, DbError, Location, OpenError};
use warren_provisioner::{Provisioner, ProvisionerConfig};
use warren_rt::{SealError, Sealer, Tasks};
use warren_tunnel::QuicSetUpError;

use crate::{
    agent_executable::AgentExecutable,
    config::ServerConfig,
    provisionerd,
    router::router,
    state::{AppState, Deployment},
};

/// Why a server cannot start; each text is a sentence for whoever starts it.
#[derive(Debug, Error)]
pub enum StartError {
    #[error("no address to listen on is set; set --http-address")]
    NoAddress,
    #[error(
        "the address {address} is in use; stop the program that uses it or choose another with --http-address"
    )]
    AddressInUse { address: SocketAddr },
    #[error("cannot listen on {address}")]
    Listen { address: SocketAddr, source: io::Error },
    #[error(transparent)]
    Database(#[from] OpenError),
    #[error("cannot create the data directory {path}; create it or choose another with --data-dir")]
    Directory { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Key(#[from] SealError),
    #[error("the access URL of {address} is not valid")]
    AccessUrl { address: SocketAddr },
    #[error("the tunnel cannot be set up")]
    Tunnel(#[from] QuicSetUpError),
    #[error("the database cannot be read")]
    Read(#[source] AppError),
}

/// The server before it runs.
#[derive(Debug)]
pub struct Server;

/// A server that answers requests until [`RunningServer::shutdown`].
pub struct RunningServer {
    url: Url,
    address: SocketAddr,
    db: Database,
    tasks: Tasks,
}

impl Server {
    /// Binds the address, opens the data directory and begins to answer.
    ///
    /// # Errors
    /// Fails with one sentence that says what to do, see [`StartError`].
    pub async fn start(config: ServerConfig) -> Result<RunningServer, StartError> {
        let wanted = config.http.address.ok_or(StartError::NoAddress)?;
        let listener = bind(wanted).await?;
        let address =
            listener.local_addr().map_err(|source| StartError::Listen { address: wanted, source })?;
        let access_url = access_url(&config, address)?;
        let db = Database::open(&location(&config.database)).await?;
        private_directory(&config.database.data_dir)?;
        let sealer = sealer(&db, &config.database.data_dir).await?;
        let app = App::new(db.clone(), sealer, access_url.clone());
        let id = deployment_id(&db).await.map_err(|error| StartError::Read(error.into()))?;
        let tasks = Tasks::new();
        let deployment = Deployment { id, access_url: access_url.clone() };
        let state = AppState::start(app, config, deployment, AgentExecutable::own(), &tasks)?;
        let config = &state.config;
        let provisioner =
            ProvisionerConfig::in_dir(&config.database.data_dir, config.provisioner.terraform.clone());
        provisionerd::start(state.app.clone(), Provisioner::new(provisioner), &tasks);
        serve(listener, state, &tasks);
        Ok(RunningServer { url: access_url, address, db, tasks })
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

    /// The address that the server listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops accepting, lets requests finish until the deadline, ends background work and closes the database.
    pub async fn shutdown(self, deadline: Duration) {
        self.tasks.stop(deadline).await;
        if let Err(error) = self.db.close().await {
            tracing::warn!(%error, "the database did not close cleanly");
        }
    }
}

/// PostgreSQL when its URL is given, else the data directory.
fn location(config: &warren_config::Database) -> Location {
    match config.postgres_url.expose().as_str() {
        "" => Location::sqlite(&config.data_dir),
        url => Location::postgres(url),
    }
}

/// Makes the directory for its owner alone; with PostgreSQL nothing else has made it yet.
fn private_directory(path: &Path) -> Result<(), StartError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|source| StartError::Directory { path: path.to_owned(), source })
}

/// A new key for a new deployment; one in use must not lose its key silently.
async fn sealer(db: &Database, data_dir: &Path) -> Result<Sealer, StartError> {
    let in_use =
        warren_db::query::users::any(db.reader()).await.map_err(|error| StartError::Read(error.into()))?;
    Ok(if in_use { Sealer::load(data_dir)? } else { Sealer::load_or_create(data_dir)? })
}

async fn bind(address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).await.map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => StartError::AddressInUse { address },
        _ => StartError::Listen { address, source },
    })
}

/// The configured URL, else the one of the listening address; a wildcard address is reachable as localhost.
fn access_url(config: &ServerConfig, address: SocketAddr) -> Result<Url, StartError> {
    if let Some(url) = &config.http.access_url {
        return Ok(url.clone());
    }
    let host =
        if address.ip().is_unspecified() { String::from("localhost") } else { address.ip().to_string() };
    let host = if address.is_ipv6() && host != "localhost" { format!("[{host}]") } else { host };
    let text = format!("http://{host}:{}/", address.port());
    text.parse().map_err(|_| StartError::AccessUrl { address })
}

/// Derived from the default organization, whose random id is made with the database.
async fn deployment_id(db: &Database) -> Result<Uuid, DbError> {
    let organization = warren_db::query::organizations::default(db.reader()).await?;
    let organization = organization.ok_or(DbError::NotFound { what: "default organization" })?;
    Ok(Uuid::new_v5(&organization.id, b"deployment"))
}

fn serve(listener: TcpListener, state: AppState, tasks: &Tasks) {
    let listener = listener.tap_io(|stream| {
        // Small frames are worth more than full packets here; a socket that refuses still works.
        let _ = stream.set_nodelay(true);
    });
    let service = ServiceExt::<Request>::into_make_service_with_connect_info::<SocketAddr>(MapRequest::new(
        router(state),
        without_trailing_slash,
    ));
    let stopped = tasks.token().cancelled_owned();
    tasks.spawn_graceful("http", async move {
        axum::serve(listener, service).with_graceful_shutdown(stopped).await
    });
}

/// `/x/` and `/x` are the same route; clients use both.
fn without_trailing_slash(mut request: Request) -> Request {
    let path = request.uri().path();
    if path.len() > 1 && path.ends_with('/') {
        let trimmed = path.trim_end_matches('/');
        let trimmed = if trimmed.is_empty() { "/" } else { trimmed };
        let target =
            request.uri().query().map_or_else(|| trimmed.to_owned(), |query| format!("{trimmed}?{query}"));
        if let Ok(uri) = target.parse() {
            *request.uri_mut() = uri;
        }
    }
    request
}
