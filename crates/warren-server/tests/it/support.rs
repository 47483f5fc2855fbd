//! A running server with a client that answers status and JSON, from `warren-testkit`, open for the tests' own methods.

use std::ops::{Deref, DerefMut};

use warren_server::ServerConfig;
use warren_testkit::in_process;

pub(crate) use warren_testkit::in_process::{EMAIL, PASSWORD, TestSite, answer};

pub(crate) struct TestServer(in_process::TestServer);

impl TestServer {
    /// Starts a server without any account.
    pub(crate) async fn empty() -> Self {
        Self(in_process::TestServer::empty().await)
    }

    /// Starts a server with other settings and without any account.
    pub(crate) async fn empty_with(change: impl FnOnce(&mut ServerConfig)) -> Self {
        Self(in_process::TestServer::empty_with(change).await)
    }

    /// Starts a server with its first user signed in.
    pub(crate) async fn with_owner() -> Self {
        Self(in_process::TestServer::with_owner().await)
    }

    /// Starts a server with other settings and its first user signed in.
    pub(crate) async fn owned(change: impl FnOnce(&mut ServerConfig)) -> Self {
        Self(in_process::TestServer::owned(change).await)
    }

    /// Starts another server on the same database; `None` on SQLite.
    pub(crate) async fn replica(&self) -> Option<Self> {
        self.0.replica().await.map(Self)
    }

    /// The same with other settings.
    pub(crate) async fn replica_with(&self, change: impl FnOnce(&mut ServerConfig)) -> Option<Self> {
        self.0.replica_with(change).await.map(Self)
    }

    /// Stops the server and starts it again.
    pub(crate) async fn restarted(self) -> Self {
        Self(self.0.restarted().await)
    }

    /// Drops what runs where it stands and starts the server again.
    pub(crate) async fn crashed(self) -> Self {
        Self(self.0.crashed().await)
    }

    /// Stops the server and keeps its data.
    pub(crate) async fn stopped(self) -> TestSite {
        self.0.stopped().await
    }
}

impl Deref for TestServer {
    type Target = in_process::TestServer;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for TestServer {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}
