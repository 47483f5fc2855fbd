//! `warren server` as a process that can be killed and started again on the same data and address.

use std::{
    fs::File,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tempfile::TempDir;
use url::Url;

use crate::{wait::eventually, warren_binary};

const START_DEADLINE: Duration = Duration::from_secs(60);
const STOP_DEADLINE: Duration = Duration::from_secs(30);

/// How to start a server.
#[derive(Debug, Default, Clone)]
pub struct ServerOptions {
    /// Environment variables to set.
    pub env: Vec<(String, String)>,
}

/// A running server with a data directory of its own. Killed when dropped.
pub struct ServerProcess {
    child: Child,
    address: SocketAddr,
    home: PathBuf,
    options: ServerOptions,
    /// Removed at the end, unless a directory was given.
    _temporary: Option<TempDir>,
}

impl ServerProcess {
    /// Starts a server on a fresh data directory and waits until it answers.
    ///
    /// # Errors
    /// Fails with the server's output when it ends or does not answer in time.
    pub async fn start(options: ServerOptions) -> Result<Self> {
        let home =
            tempfile::Builder::new().prefix("warren-e2e-").tempdir().context("no temporary directory")?;
        Self::begin(home.path().to_path_buf(), Some(home), options).await
    }

    /// Starts a server as [`Self::start`] does, in a directory that is kept.
    ///
    /// # Errors
    /// Fails as [`Self::start`] does.
    pub async fn start_in(home: PathBuf, options: ServerOptions) -> Result<Self> {
        std::fs::create_dir_all(&home).context("the server's directory cannot be made")?;
        Self::begin(home, None, options).await
    }

    async fn begin(home: PathBuf, temporary: Option<TempDir>, options: ServerOptions) -> Result<Self> {
        crate::init();
        let address = free_address()?;
        let child = spawn(&home, address, &options)?;
        let mut server = Self { child, address, home, options, _temporary: temporary };
        server.ready().await?;
        Ok(server)
    }

    /// Starts it again on the same data and the same address, after [`Self::kill`] or [`Self::stop`].
    ///
    /// # Errors
    /// Fails as [`Self::start`] does.
    pub async fn restart(&mut self) -> Result<()> {
        self.child = spawn(&self.home, self.address, &self.options)?;
        self.ready().await
    }

    /// Starts it again as [`Self::restart`] does, with more environment for this life only.
    ///
    /// # Errors
    /// Fails as [`Self::start`] does.
    pub async fn restart_with(&mut self, env: &[(&str, &str)]) -> Result<()> {
        let mut options = self.options.clone();
        options.env.extend(env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        self.child = spawn(&self.home, self.address, &options)?;
        self.ready().await
    }

    /// Waits until the server has ended by itself.
    ///
    /// # Errors
    /// Fails when it still runs at the deadline.
    pub async fn ended(&mut self, deadline: Duration) -> Result<()> {
        let child = &mut self.child;
        eventually("the server's end", deadline, || {
            let ended = child.try_wait().is_ok_and(|status| status.is_some());
            async move { ended.then_some(()) }
        })
        .await
    }

    /// How the server has ended, when it has.
    pub fn has_ended(&mut self) -> Option<std::process::ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Ends the server as a crash does: no handler runs.
    ///
    /// # Errors
    /// Fails when the process cannot be signalled.
    pub fn kill(&mut self) -> Result<()> {
        self.child.kill().context("the server cannot be killed")?;
        self.child.wait().context("the server cannot be reaped")?;
        Ok(())
    }

    /// Asks the server to stop and waits until it has.
    ///
    /// # Errors
    /// Fails when it does not stop in time.
    pub async fn stop(&mut self) -> Result<()> {
        kill(self.pid(), Signal::SIGTERM).context("the server cannot be signalled")?;
        self.ended(STOP_DEADLINE).await
    }

    /// Stops every thread where it stands, until [`Self::resume`]: to others the server hangs.
    ///
    /// # Errors
    /// Fails when the process cannot be signalled.
    pub fn pause(&self) -> Result<()> {
        kill(self.pid(), Signal::SIGSTOP).context("the server cannot be stopped")
    }

    /// Lets a paused server go on.
    ///
    /// # Errors
    /// Fails when the process cannot be signalled.
    pub fn resume(&self) -> Result<()> {
        kill(self.pid(), Signal::SIGCONT).context("the server cannot be woken")
    }

    /// The server's address for users.
    pub fn url(&self) -> Url {
        Url::parse(&format!("http://{}", self.address)).expect("a socket address makes a URL")
    }

    /// The address it listens on.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The data directory.
    pub fn data_dir(&self) -> PathBuf {
        self.home.join("data")
    }

    /// Where workspaces of the process template live.
    pub fn workspaces_dir(&self) -> PathBuf {
        self.data_dir().join("workspaces")
    }

    /// The process id.
    pub fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).expect("process ids fit into 31 bits"))
    }

    /// Everything the server printed, over all its starts.
    pub fn output(&self) -> String {
        std::fs::read_to_string(log_path(&self.home)).unwrap_or_default()
    }

    async fn ready(&mut self) -> Result<()> {
        let health = self.url().join("healthz").expect("a relative path joins");
        let client = reqwest::Client::new();
        let child = &mut self.child;
        let outcome = eventually("the server's readiness", START_DEADLINE, || {
            let ended = child.try_wait().ok().flatten();
            let (client, health) = (client.clone(), health.clone());
            async move {
                match ended {
                    Some(status) => Some(Err(status)),
                    None => client
                        .get(health)
                        .send()
                        .await
                        .is_ok_and(|answer| answer.status() == 200)
                        .then_some(Ok(())),
                }
            }
        })
        .await;
        match outcome {
            Ok(Ok(())) => Ok(()),
            Ok(Err(status)) => bail!("the server ended with {status}:\n{}", self.output()),
            Err(error) => bail!("{error}:\n{}", self.output()),
        }
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        // It may have ended already, which is fine.
        let _ = self.child.kill();
        let _ = self.child.wait();
        end_leftovers(&self.home);
        if std::thread::panicking() {
            eprint_log(&self.output());
        }
    }
}

/// Kills what a failed test leaves behind: workspaces of the process template outlive the server on purpose.
fn end_leftovers(data: &Path) {
    for pid in leftovers(data) {
        // It may have ended with its sandbox.
        let _ = kill(pid, Signal::SIGKILL);
    }
}

/// Processes that work in a directory or name it in their command line.
fn leftovers(data: &Path) -> Vec<Pid> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().filter_map(Result::ok);
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let text = data.to_string_lossy();
    let belongs = |pid: &i32| {
        let works_there =
            std::fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|path| path.starts_with(data));
        let names_it = std::fs::read(format!("/proc/{pid}/cmdline"))
            .is_ok_and(|line| String::from_utf8_lossy(&line).contains(&*text));
        works_there || names_it
    };
    let own = std::process::id();
    pids.filter(|pid| u32::try_from(*pid) != Ok(own)).filter(belongs).map(Pid::from_raw).collect()
}

#[allow(clippy::print_stderr)]
fn eprint_log(text: &str) {
    let tail: Vec<_> = text.lines().rev().take(60).collect();
    eprintln!("the server's last lines:");
    for line in tail.into_iter().rev() {
        eprintln!("  {line}");
    }
}

fn spawn(home: &Path, address: SocketAddr, options: &ServerOptions) -> Result<Child> {
    let log = File::options().create(true).append(true).open(log_path(home)).context("no log file")?;
    let mut command = Command::new(warren_binary());
    if options.env.iter().all(|(name, _)| name != "WARREN_ACCESS_URL") {
        command.env("WARREN_ACCESS_URL", format!("http://{address}"));
    }
    command
        .arg("server")
        .arg("--data-dir")
        .arg(home.join("data"))
        // Tests ask again and again until something has happened, which no person does.
        .env("WARREN_API_RATE_LIMIT", "0")
        .envs(options.env.iter().cloned())
        .args(["--http-address", &address.to_string()])
        .stdin(Stdio::null())
        .stdout(log.try_clone().context("no second handle of the log")?)
        .stderr(log)
        .spawn()
        .context("the server cannot be started")
}

fn log_path(home: &Path) -> PathBuf {
    home.join("server.log")
}

/// Finds an address that is free now. A server that is killed and restarted must come back at the same one.
/// An address that nobody listens at now.
pub(crate) fn free_address() -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").context("no free port")?;
    listener.local_addr().context("a bound listener has an address")
}
