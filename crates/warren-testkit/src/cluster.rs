//! Several servers on one PostgreSQL, with a proxy on every line between them.

use std::{net::SocketAddr, path::PathBuf};

use anyhow::{Context, Result, bail};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use tempfile::TempDir;
use url::Url;

use crate::{PostgresProcess, Proxy, ServerOptions, ServerProcess, Target, server::free_address};

/// The first user's e-mail address.
pub const EMAIL: &str = "ada@example.com";
const PASSWORD: &str = "SomeSecurePassword!";
/// Base64 of 32 bytes: servers of one deployment share their keys.
const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const SESSION_TOKEN_HEADER: &str = "Coder-Session-Token";
/// What sqlx and `psql` alike send when they listen.
const LISTEN: &[u8] = b"LISTEN ";

/// How to start a cluster.
#[derive(Debug, Clone)]
pub struct ClusterOptions {
    pub n_servers: usize,
    /// Environment variables of every server.
    pub env: Vec<(String, String)>,
    /// Where everything lies, to be kept; a temporary directory without it.
    pub directory: Option<PathBuf>,
}

impl Default for ClusterOptions {
    fn default() -> Self {
        Self { n_servers: 3, env: Vec::new(), directory: None }
    }
}

/// Servers on one PostgreSQL. Everything ends when it is dropped.
pub struct Cluster {
    pub members: Vec<Member>,
    pub postgres: PostgresProcess,
    directory: PathBuf,
    /// Removed at the end, unless a directory was given.
    _temporary: Option<TempDir>,
}

/// A server and the lines to and from it.
pub struct Member {
    pub server: ServerProcess,
    /// From users and agents to the server: its access URL.
    pub users: Proxy,
    /// From the other servers to this one: its relay address.
    pub mesh: Proxy,
    /// From the server to the database. The connection that listens is marked.
    pub database: Proxy,
    /// Where it tells its metrics, if it was started so.
    pub metrics: Option<SocketAddr>,
}

/// Somebody who is signed in, and sends requests to any server.
#[derive(Debug, Clone)]
pub struct Somebody {
    pub token: String,
    pub organization: String,
    http: Client,
}

impl Cluster {
    /// Starts a PostgreSQL and the servers, one after the other.
    ///
    /// # Errors
    /// Fails when one of them does not start.
    pub async fn start(options: ClusterOptions) -> Result<Self> {
        let (directory, temporary) = match options.directory {
            Some(directory) => {
                std::fs::create_dir_all(&directory).context("the directory cannot be made")?;
                (directory, None)
            }
            None => {
                let made = tempfile::Builder::new().prefix("warren-cluster-").tempdir();
                let made = made.context("no temporary directory")?;
                // PostgreSQL runs as somebody else.
                let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
                std::fs::set_permissions(made.path(), open).context("the directory cannot be opened")?;
                (made.path().to_path_buf(), Some(made))
            }
        };
        let postgres = PostgresProcess::start_in(&directory.join("postgres")).await?;
        let mut cluster = Self { members: Vec::new(), postgres, directory, _temporary: temporary };
        for _ in 0..options.n_servers {
            cluster.add(options.env.clone()).await?;
        }
        Ok(cluster)
    }

    /// Starts one more server.
    ///
    /// # Errors
    /// Fails when it does not start.
    pub async fn add(&mut self, env: Vec<(String, String)>) -> Result<()> {
        self.begin(env, None).await
    }

    /// Starts one more server that tells its metrics, past every proxy.
    ///
    /// # Errors
    /// Fails when it does not start.
    pub async fn add_with_metrics(&mut self, mut env: Vec<(String, String)>) -> Result<()> {
        let address = free_address()?;
        env.push((String::from("WARREN_PROMETHEUS_ENABLE"), String::from("true")));
        env.push((String::from("WARREN_PROMETHEUS_ADDRESS"), address.to_string()));
        self.begin(env, Some(address)).await
    }

    async fn begin(&mut self, mut env: Vec<(String, String)>, metrics: Option<SocketAddr>) -> Result<()> {
        let (users, mesh) = (Proxy::start().await?, Proxy::start().await?);
        let database = Proxy::start_marking(LISTEN).await?;
        database.lead_to(Target::Unix(self.postgres.socket()));
        let url = format!("postgres://warren@{}/postgres?sslmode=disable", database.address());
        let own = [
            ("WARREN_PG_CONNECTION_URL", url),
            ("WARREN_RELAY_ADDRESS", format!("http://{}", mesh.address())),
            ("WARREN_ACCESS_URL", format!("http://{}", users.address())),
            ("WARREN_EXTERNAL_TOKEN_ENCRYPTION_KEYS", KEY.to_owned()),
        ];
        for (name, value) in own {
            if env.iter().all(|(given, _)| given != name) {
                env.push((name.to_owned(), value));
            }
        }
        let home = self.directory.join(format!("server-{}", self.members.len()));
        let server = ServerProcess::start_in(home, ServerOptions { env }).await?;
        users.lead_to(Target::Tcp(server.address()));
        mesh.lead_to(Target::Tcp(server.address()));
        self.members.push(Member { server, users, mesh, database, metrics });
        Ok(())
    }

    /// Makes the first user and signs in.
    ///
    /// # Errors
    /// Fails when the first server refuses.
    pub async fn sign_up(&self) -> Result<Somebody> {
        let http = Client::builder().pool_max_idle_per_host(0).build().context("no HTTP client")?;
        let mut ada = Somebody { token: String::new(), organization: String::new(), http };
        let address = self.members.first().context("there is no server")?.server.address();
        let first =
            json!({"email": EMAIL, "username": "ada", "name": "Ada", "password": PASSWORD, "trial": false});
        ada.ask(address, Method::POST, "/api/v2/users/first", Some(&first)).await?;
        let login = json!({"email": EMAIL, "password": PASSWORD});
        let session = ada.ask(address, Method::POST, "/api/v2/users/login", Some(&login)).await?;
        session["session_token"].as_str().context("no session")?.clone_into(&mut ada.token);
        let home = ada.ask(address, Method::GET, "/api/v2/organizations/default", None).await?;
        home["id"].as_str().context("no organization")?.clone_into(&mut ada.organization);
        Ok(ada)
    }

    /// Where everything lies: a directory `server-N` for each server and `postgres`.
    pub fn directory(&self) -> &std::path::Path {
        &self.directory
    }
}

impl Member {
    /// The server's address for users, through the proxy.
    pub fn url(&self) -> Url {
        Url::parse(&format!("http://{}", self.users.address())).expect("a socket address makes a URL")
    }
}

impl Somebody {
    /// Prepares a request to a server.
    pub fn request(&self, address: SocketAddr, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.http.request(method, format!("http://{address}{path}"));
        if self.token.is_empty() { request } else { request.header(SESSION_TOKEN_HEADER, &self.token) }
    }

    /// Sends a request that must succeed, and reads its answer as JSON; an empty one is null.
    ///
    /// # Errors
    /// Fails when no answer comes within half a minute, or says anything but success.
    pub async fn ask(
        &self,
        address: SocketAddr,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value> {
        let mut request = self.request(address, method, path).timeout(std::time::Duration::from_secs(30));
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await.context("no answer")?;
        let (status, text) = (answer.status(), answer.text().await.context("no answer")?);
        if !status.is_success() {
            bail!("{path}: {status} {text}");
        }
        if text.is_empty() { Ok(Value::Null) } else { serde_json::from_str(&text).context("not JSON") }
    }
}
