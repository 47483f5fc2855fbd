//! The binary under test as a server.

use std::time::Duration;

use tempfile::TempDir;
use warren_db_testkit::TestPlace;
use warren_testkit::{Background, User};

use crate::DEADLINE;

/// A server on a free port with a directory of its own; it ends when this is dropped.
pub(crate) struct Running {
    pub(crate) url: String,
    pub(crate) data: TempDir,
    process: Background,
    user: User,
}

impl Running {
    /// Starts a fresh deployment.
    pub(crate) async fn start(env: &[(&str, &str)]) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), env).await
    }

    /// Starts on a directory that may hold a deployment.
    pub(crate) async fn start_in(data: TempDir, env: &[(&str, &str)]) -> Self {
        let user = User::new().unwrap();
        let mut command = user.command(env!("CARGO_BIN_EXE_warren"));
        command.args(["server", "--http-address", "127.0.0.1:0"]).env("WARREN_DATA_DIR", data.path());
        command.envs(env.iter().copied());
        let process = Background::start(command).unwrap();
        process.shows("Warren is ready at ", DEADLINE).await.unwrap();
        process.shows("/\n", Duration::from_secs(5)).await.unwrap();
        let output = process.output();
        let url = output.split("Warren is ready at ").nth(1).unwrap().trim().trim_end_matches('/').to_owned();
        Self { url, data, process, user }
    }

    /// Starts on a database that a test has made.
    pub(crate) async fn on(place: &TestPlace) -> Self {
        let url = place.postgres_url().map(|url| ("WARREN_PG_CONNECTION_URL", url));
        Self::start(url.as_slice()).await
    }

    /// What it printed.
    pub(crate) fn output(&self) -> String {
        self.process.output()
    }

    /// Ends it and gives its directory back.
    pub(crate) fn stop(self) -> TempDir {
        drop(self.process);
        drop(self.user);
        self.data
    }
}
