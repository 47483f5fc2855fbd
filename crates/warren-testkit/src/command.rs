//! The `warren` command as a user runs it, with a configuration directory of its own.

use std::{
    io::Read,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;

use crate::{wait::eventually, warren_binary};

/// A user: a home and a configuration directory, and the commands run from there.
pub struct User {
    home: TempDir,
}

/// A command that ended.
#[derive(Debug, Clone)]
pub struct Finished {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

/// A command that runs; killed when dropped.
pub struct Background {
    child: Child,
    output: Arc<Mutex<Vec<u8>>>,
}

impl User {
    /// Makes a user with an empty home.
    ///
    /// # Errors
    /// Fails without a temporary directory.
    pub fn new() -> Result<Self> {
        let home =
            tempfile::Builder::new().prefix("warren-user-").tempdir().context("no temporary directory")?;
        Ok(Self { home })
    }

    /// The user's home.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Prepares any program to run as this user.
    pub fn command(&self, program: impl Into<PathBuf>) -> Command {
        let mut command = Command::new(program.into());
        command
            .current_dir(self.home())
            .env("HOME", self.home())
            .env("CODER_CONFIG_DIR", self.home().join("config"))
            .env_remove("CODER_URL")
            .env_remove("CODER_SESSION_TOKEN")
            .stdin(Stdio::null());
        command
    }

    /// Prepares `warren` with arguments.
    pub fn warren(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(warren_binary());
        command.args(arguments);
        command
    }

    /// Runs `warren` to its end.
    ///
    /// # Errors
    /// Fails when it cannot be started or does not end within the deadline.
    pub async fn run(&self, arguments: &[&str], deadline: Duration) -> Result<Finished> {
        finish(self.warren(arguments), deadline)
            .await
            .with_context(|| format!("warren {}", arguments.join(" ")))
    }

    /// Runs `warren` to its end, which must be a success, and returns what it printed.
    ///
    /// # Errors
    /// Fails with both outputs when the command does.
    pub async fn succeed(&self, arguments: &[&str], deadline: Duration) -> Result<String> {
        let done = self.run(arguments, deadline).await?;
        ensure!(
            done.status.success(),
            "warren {} ended with {}\nstdout: {}\nstderr: {}",
            arguments.join(" "),
            done.status,
            done.stdout,
            done.stderr
        );
        Ok(done.stdout)
    }
}

impl Finished {
    /// The exit code; signals count as none.
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }
}

impl Background {
    /// Starts a command and collects its standard output.
    ///
    /// # Errors
    /// Fails when it cannot be started.
    pub fn start(mut command: Command) -> Result<Self> {
        let mut child = command.stdout(Stdio::piped()).spawn().context("cannot start the command")?;
        let mut stdout = child.stdout.take().context("standard output is piped")?;
        let output = Arc::new(Mutex::new(Vec::new()));
        let sink = output.clone();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(n_read @ 1..) = stdout.read(&mut buffer) {
                sink.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&buffer[..n_read]);
            }
        });
        Ok(Self { child, output })
    }

    /// What it printed so far.
    pub fn output(&self) -> String {
        String::from_utf8_lossy(&self.output.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }

    /// Waits until the output contains a text.
    ///
    /// # Errors
    /// Fails with the output when the deadline passes.
    pub async fn shows(&self, text: &str, deadline: Duration) -> Result<()> {
        let seen = eventually(text, deadline, || async { self.output().contains(text).then_some(()) }).await;
        seen.with_context(|| format!("the output is:\n{}", self.output()))
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        // It may have ended already, which is fine.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a command to its end and returns its outputs.
///
/// # Errors
/// Fails when it cannot be started or does not end within the deadline; then it is killed.
pub async fn finish(mut command: Command, deadline: Duration) -> Result<Finished> {
    let (stdout, stderr) = (tempfile::tempfile()?, tempfile::tempfile()?);
    command.stdout(stdout.try_clone()?).stderr(stderr.try_clone()?);
    let mut child = command.spawn().context("cannot start the command")?;
    let ended = eventually("its end", deadline, || {
        let status = child.try_wait().ok().flatten();
        async move { status }
    })
    .await;
    let (stdout, stderr) = (text(stdout)?, text(stderr)?);
    match ended {
        Ok(status) => Ok(Finished { status, stdout, stderr }),
        Err(error) => {
            let _ = child.kill();
            let _ = child.wait();
            bail!("{error}\nstdout: {stdout}\nstderr: {stderr}")
        }
    }
}

fn text(mut file: std::fs::File) -> Result<String> {
    use std::io::Seek;
    file.rewind()?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
