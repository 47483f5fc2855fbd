//! A running server with a client that answers status and JSON.

use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use warren_server::{RunningServer, Server, ServerConfig};

pub(crate) const EMAIL: &str = "ada@example.com";
pub(crate) const PASSWORD: &str = "SomeSecurePassword!";

/// How long a condition may take: real Terraform on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct TestServer {
    pub(crate) server: RunningServer,
    pub(crate) client: Client,
    pub(crate) token: String,
    pub(crate) dir: TempDir,
}

/// The settings of a server on a free port.
pub(crate) fn config(dir: &TempDir) -> ServerConfig {
    ServerConfig::in_dir(dir.path().join("data"))
}

impl TestServer {
    /// Starts a server without any account.
    pub(crate) async fn empty() -> Self {
        Self::empty_with(|_| {}).await
    }

    /// Starts a server with other settings and its first user signed in.
    pub(crate) async fn owned(change: impl FnOnce(&mut ServerConfig)) -> Self {
        Self::empty_with(change).await.signed_in().await
    }

    /// Starts a server with other settings and without any account.
    pub(crate) async fn empty_with(change: impl FnOnce(&mut ServerConfig)) -> Self {
        // Another test may have installed it already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let dir = tempfile::tempdir().unwrap();
        let mut config = config(&dir);
        change(&mut config);
        let server = Server::start(config).await.unwrap();
        Self { server, client: Client::new(), token: String::new(), dir }
    }

    /// Starts a server with its first user signed in.
    pub(crate) async fn with_owner() -> Self {
        Self::empty().await.signed_in().await
    }

    async fn signed_in(self) -> Self {
        let mut server = self;
        let first =
            json!({"email": EMAIL, "username": "ada", "name": "Ada", "password": PASSWORD, "trial": false});
        assert_eq!(server.post("/api/v2/users/first", first).await.0, StatusCode::CREATED);
        let (status, body) =
            server.post("/api/v2/users/login", json!({"email": EMAIL, "password": PASSWORD})).await;
        assert_eq!(status, StatusCode::CREATED);
        server.token = body["session_token"].as_str().unwrap().to_owned();
        server
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("http://{}{path}", self.server.address());
        let request = self.client.request(method, url).timeout(Duration::from_secs(30));
        if self.token.is_empty() { request } else { request.header("Coder-Session-Token", &self.token) }
    }

    pub(crate) async fn get(&self, path: &str) -> (StatusCode, Value) {
        answer(self.request(Method::GET, path).send().await.unwrap()).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> (StatusCode, Value) {
        self.send(Method::POST, path, body).await
    }

    pub(crate) async fn send(&self, method: Method, path: &str, body: Value) -> (StatusCode, Value) {
        let request =
            self.request(method, path).header("content-type", "application/json").body(body.to_string());
        answer(request.send().await.unwrap()).await
    }

    /// Waits until what a path answers fits, and returns it.
    pub(crate) async fn until(&self, path: &str, fits: impl Fn(&Value) -> bool) -> Value {
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
    pub(crate) async fn ended(&self, path: &str) -> Value {
        let is_over =
            |job: &Value| ["succeeded", "failed", "canceled"].contains(&job["status"].as_str().unwrap());
        self.until(path, |object| is_over(&object["job"])).await
    }
}

/// Reads status and JSON body; a body that is not JSON becomes a string.
pub(crate) async fn answer(response: Response) -> (StatusCode, Value) {
    let status = response.status();
    let text = response.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}
