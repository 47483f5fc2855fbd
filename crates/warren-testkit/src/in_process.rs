//! Servers inside the test's process, on the database that the test run chose, with a client that answers status and JSON.

#![allow(clippy::unwrap_used, reason = "for tests only: what fails here has failed the test")]

use std::{path::Path, sync::Arc, time::Duration};

use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use warren_db::Location;
use warren_db_testkit::TestPlace;
use warren_rt::Secret;
use warren_server::{RunningServer, Server, ServerConfig};

/// The first user's e-mail address.
pub const EMAIL: &str = "ada@example.com";
/// The first user's password.
pub const PASSWORD: &str = "SomeSecurePassword!";

/// How long a condition may take: real Terraform on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
const STOP_DEADLINE: Duration = Duration::from_secs(10);
const KEY_FILE: &str = "secret.key";

/// A running server and somebody who sends requests to it.
pub struct TestServer {
    pub server: RunningServer,
    pub client: Client,
    /// The session of whoever sends requests; empty for nobody.
    pub token: String,
    /// Dropped after the server.
    pub site: TestSite,
}

/// Where a server's data is: a database, which replicas share, and a data directory of its own. Nothing runs.
pub struct TestSite {
    directory: TempDir,
    place: Arc<TestPlace>,
}

impl TestSite {
    /// Makes room for a new deployment.
    pub async fn new() -> Self {
        Self::on(Arc::new(TestPlace::new().await))
    }

    fn on(place: Arc<TestPlace>) -> Self {
        let directory = tempfile::Builder::new().prefix("warren-server-").tempdir().unwrap();
        Self { directory, place }
    }

    /// The settings of a server here on a free port.
    pub fn config(&self) -> ServerConfig {
        let mut config = ServerConfig::in_dir(self.directory.path().join("data"));
        // Tests ask again and again until something has happened, which no person does.
        config.rate_limit.api_per_minute = 0;
        if let Location::Postgres { url } = self.place.location() {
            config.database.postgres_url = Secret::new(url.clone());
        }
        config
    }

    /// A directory that holds the data directory `data` and is empty otherwise.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Starts a server here with other settings.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start(self, change: impl FnOnce(&mut ServerConfig)) -> TestServer {
        crate::init();
        let mut config = self.config();
        change(&mut config);
        let server = Server::start(config).await.unwrap();
        TestServer { server, client: Client::new(), token: String::new(), site: self }
    }
}

impl TestServer {
    /// Starts a server without any account.
    pub async fn empty() -> Self {
        Self::empty_with(|_| {}).await
    }

    /// Starts a server with other settings and without any account.
    pub async fn empty_with(change: impl FnOnce(&mut ServerConfig)) -> Self {
        TestSite::new().await.start(change).await
    }

    /// Starts a server with its first user signed in.
    pub async fn with_owner() -> Self {
        Self::owned(|_| {}).await
    }

    /// Starts a server with other settings and its first user signed in.
    pub async fn owned(change: impl FnOnce(&mut ServerConfig)) -> Self {
        Self::empty_with(change).await.signed_in().await
    }

    /// Starts another server on the same database with the same key and session; `None` on SQLite, which allows one.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn replica(&self) -> Option<Self> {
        self.replica_with(|_| {}).await
    }

    /// The same with other settings.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn replica_with(&self, change: impl FnOnce(&mut ServerConfig)) -> Option<Self> {
        match self.site.place.location() {
            Location::Sqlite { .. } => return None,
            Location::Postgres { .. } => {}
        }
        let site = TestSite::on(self.site.place.clone());
        let (own, new) = (self.site.config().database.data_dir, site.config().database.data_dir);
        std::fs::create_dir(&new).unwrap();
        // Keeps the mode, which the server checks.
        std::fs::copy(own.join(KEY_FILE), new.join(KEY_FILE)).unwrap();
        let replica = site.start(change).await;
        Some(Self { token: self.token.clone(), ..replica })
    }

    /// Stops the server and starts it again on the same data, with the same session.
    ///
    /// # Panics
    /// When it does not start again.
    pub async fn restarted(self) -> Self {
        let Self { server, token, site, .. } = self;
        server.shutdown(STOP_DEADLINE).await;
        Self { token, ..site.start(|_| {}).await }
    }

    /// Drops what runs where it stands, as far as that is possible inside one process, and starts the server again once
    /// the last of it has let go of the data directory.
    ///
    /// # Panics
    /// When it does not start again.
    pub async fn crashed(self) -> Self {
        let Self { server, client, token, site } = self;
        server.shutdown(Duration::ZERO).await;
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            match Server::start(site.config()).await {
                Ok(server) => return Self { server, client, token, site },
                Err(error) if tokio::time::Instant::now() > deadline => panic!("{error}"),
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    }

    /// Stops the server and keeps its data.
    pub async fn stopped(self) -> TestSite {
        self.server.shutdown(STOP_DEADLINE).await;
        self.site
    }

    async fn signed_in(mut self) -> Self {
        let first =
            json!({"email": EMAIL, "username": "ada", "name": "Ada", "password": PASSWORD, "trial": false});
        assert_eq!(self.post("/api/v2/users/first", first).await.0, StatusCode::CREATED);
        let (status, body) =
            self.post("/api/v2/users/login", json!({"email": EMAIL, "password": PASSWORD})).await;
        assert_eq!(status, StatusCode::CREATED);
        self.token = body["session_token"].as_str().unwrap().to_owned();
        self
    }

    /// Prepares a request with the session.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("http://{}{path}", self.server.address());
        let request = self.client.request(method, url).timeout(Duration::from_secs(30));
        if self.token.is_empty() { request } else { request.header("Coder-Session-Token", &self.token) }
    }

    /// Sends a request without a body.
    pub async fn get(&self, path: &str) -> (StatusCode, Value) {
        answer(self.request(Method::GET, path).send().await.unwrap()).await
    }

    /// Posts JSON.
    pub async fn post(&self, path: &str, body: Value) -> (StatusCode, Value) {
        self.send(Method::POST, path, body).await
    }

    /// Sends JSON.
    pub async fn send(&self, method: Method, path: &str, body: Value) -> (StatusCode, Value) {
        let request =
            self.request(method, path).header("content-type", "application/json").body(body.to_string());
        answer(request.send().await.unwrap()).await
    }

    /// Waits until what a path answers fits, and returns it.
    ///
    /// # Panics
    /// When that takes too long.
    pub async fn until(&self, path: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let (status, body) = self.get(path).await;
            assert!(status.is_success(), "{path}: {status} {body}");
            if fits(&body) {
                return body;
            }
            assert!(tokio::time::Instant::now() < deadline, "{path} did not get there: {body}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until the job of a template version or build has ended.
    ///
    /// # Panics
    /// When that takes too long.
    pub async fn ended(&self, path: &str) -> Value {
        let is_over =
            |job: &Value| ["succeeded", "failed", "canceled"].contains(&job["status"].as_str().unwrap());
        self.until(path, |object| is_over(&object["job"])).await
    }
}

/// Reads status and JSON body; a body that is not JSON becomes a string.
///
/// # Panics
/// When the body cannot be read.
pub async fn answer(response: Response) -> (StatusCode, Value) {
    let status = response.status();
    let text = response.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}
