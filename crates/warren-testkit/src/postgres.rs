//! A PostgreSQL server of one test, which can be stopped and started again on the same data.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
pub use warren_test_postgres::Stop;
use warren_test_postgres::{Directory, PrivatePostgres};

use crate::wait::eventually;

const DEADLINE: Duration = Duration::from_secs(60);

/// A server, reachable through a socket in its directory. Ended when dropped; the directory stays.
pub struct PostgresProcess(PrivatePostgres);

impl PostgresProcess {
    /// Makes a server in a directory that does not exist yet, and starts it.
    ///
    /// # Errors
    /// Fails where PostgreSQL is not installed.
    pub async fn start_in(directory: &Path) -> Result<Self> {
        let mut server = Self(PrivatePostgres::make(directory, Directory::Stays, "")?);
        server.start().await?;
        Ok(server)
    }

    /// Starts it again after [`Self::stop`].
    ///
    /// # Errors
    /// Fails with what the server printed.
    pub async fn start(&mut self) -> Result<()> {
        self.0.start()?;
        let is_ready =
            eventually("PostgreSQL's start", DEADLINE, || async { self.0.is_ready().then_some(()) });
        if let Err(error) = is_ready.await {
            bail!("{error}:\n{}", self.0.printed());
        }
        Ok(())
    }

    /// Stops it and waits until it has ended.
    ///
    /// # Errors
    /// Fails when it does not run or does not end in time.
    pub async fn stop(&mut self, how: Stop) -> Result<()> {
        self.0.stop(how)?;
        eventually("PostgreSQL's end", DEADLINE, || {
            let has_ended = self.0.has_ended();
            async move { has_ended.then_some(()) }
        })
        .await
    }

    /// Runs statements as its administrator and gives what they select: a line a row, fields parted by `|`.
    ///
    /// # Errors
    /// Fails with what PostgreSQL says.
    pub fn sql(&self, statements: &str) -> Result<String> {
        let mut ask = Command::new(self.0.program("psql"));
        ask.args(["-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-c", statements, &self.url()]);
        let done = ask.output().context("`psql` cannot be started")?;
        ensure!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        Ok(String::from_utf8_lossy(&done.stdout).trim().to_owned())
    }

    /// The socket on which it listens.
    pub fn socket(&self) -> PathBuf {
        self.0.socket()
    }

    /// The URL of its administrator, past every proxy.
    pub fn url(&self) -> String {
        self.0.url()
    }

    /// What it printed.
    pub fn log(&self) -> PathBuf {
        self.0.log()
    }
}
