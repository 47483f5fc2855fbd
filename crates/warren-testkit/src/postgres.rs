//! A PostgreSQL server of one test, which can be stopped and started again on the same data.

use std::{
    fs,
    os::unix::{
        fs::{DirBuilderExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use nix::{
    sys::signal::{Signal, kill},
    unistd::{Pid, geteuid},
};

use crate::wait::eventually;

/// PostgreSQL refuses to run as root; Debian's `nobody` and `nogroup` may own a directory as well as anybody.
const NOBODY: u32 = 65534;
const DEADLINE: Duration = Duration::from_secs(60);

/// A commit outlives the end of every process, though not of the machine.
const SETTINGS: &str = "-c listen_addresses= -c max_connections=400 -c shared_buffers=128MB -c fsync=off \
     -c full_page_writes=off -c log_min_messages=fatal";

/// Ends the server when its standard input ends, which happens when this process does, however it ends.
const OWNER: &str = r#"
trap '' INT TERM HUP
"$1" -D "$2/data" -k "$2" $3 >>"$2/log" 2>&1 </dev/null &
server=$!
cat >/dev/null
for round in 1 2 3 4 5 6 7 8 9 10; do
    # A server that is only starting ignores the signal.
    [ -e "$2/data/postmaster.pid" ] && kill -INT "$server" 2>/dev/null && sleep 0.2
done
kill -KILL "$server" 2>/dev/null
wait "$server"
"#;

/// How PostgreSQL is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// Transactions are rolled back, and the server ends in order.
    Fast,
    /// The server ends as in a crash, and recovers at its next start.
    Immediate,
}

/// A server, reachable through a socket in its directory. Ended when dropped; the directory stays.
pub struct PostgresProcess {
    owner: Option<Child>,
    programs: PathBuf,
    directory: PathBuf,
}

impl PostgresProcess {
    /// Makes a server in a directory that does not exist yet, and starts it.
    ///
    /// # Errors
    /// Fails where PostgreSQL is not installed.
    pub async fn start_in(directory: &Path) -> Result<Self> {
        let programs = programs()?;
        fs::DirBuilder::new().mode(0o755).create(directory).context("no directory for PostgreSQL")?;
        if geteuid().is_root() {
            chown(directory, Some(NOBODY), Some(NOBODY)).context("the directory cannot be given away")?;
        }
        let made = unprivileged(&programs.join("initdb"))
            .args(["--username=warren", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"])
            .arg("--pgdata")
            .arg(directory.join("data"))
            .current_dir(directory)
            .stdout(Stdio::null())
            .status()
            .context("initdb cannot be started")?;
        ensure!(made.success(), "initdb failed: {made}");
        let mut server = Self { owner: None, programs, directory: directory.to_path_buf() };
        server.start().await?;
        Ok(server)
    }

    /// Starts it again after [`Self::stop`].
    ///
    /// # Errors
    /// Fails with what the server printed.
    pub async fn start(&mut self) -> Result<()> {
        let owner = unprivileged(Path::new("sh"))
            .args(["-c", OWNER, "sh"])
            .arg(self.programs.join("postgres"))
            .arg(&self.directory)
            .arg(SETTINGS)
            .current_dir(&self.directory)
            .stdin(Stdio::piped())
            .spawn();
        self.owner = Some(owner.context("PostgreSQL cannot be started")?);
        let is_ready = eventually("PostgreSQL's start", DEADLINE, || async {
            let mut ask = Command::new(self.programs.join("pg_isready"));
            let asked = ask.arg("--quiet").arg("--host").arg(&self.directory).status();
            asked.is_ok_and(|status| status.success()).then_some(())
        });
        if let Err(error) = is_ready.await {
            bail!("{error}:\n{}", fs::read_to_string(self.log()).unwrap_or_default());
        }
        Ok(())
    }

    /// Stops it and waits until it has ended.
    ///
    /// # Errors
    /// Fails when it does not run or does not end in time.
    pub async fn stop(&mut self, how: Stop) -> Result<()> {
        let signal = match how {
            Stop::Fast => Signal::SIGINT,
            Stop::Immediate => Signal::SIGQUIT,
        };
        let pid = self.pid()?;
        kill(pid, signal).context("PostgreSQL cannot be signalled")?;
        let mut owner = self.owner.take().context("PostgreSQL does not run")?;
        // The owner waits for the server's end once this is closed.
        drop(owner.stdin.take());
        eventually("PostgreSQL's end", DEADLINE, || {
            let ended = owner.try_wait().is_ok_and(|status| status.is_some());
            async move { ended.then_some(()) }
        })
        .await
    }

    /// Runs statements as its administrator and gives what they select: a line a row, fields parted by `|`.
    ///
    /// # Errors
    /// Fails with what PostgreSQL says.
    pub fn sql(&self, statements: &str) -> Result<String> {
        let mut ask = Command::new(self.programs.join("psql"));
        ask.args(["-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-c", statements, &self.url()]);
        let done = ask.output().context("`psql` cannot be started")?;
        ensure!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        Ok(String::from_utf8_lossy(&done.stdout).trim().to_owned())
    }

    /// The socket on which it listens.
    pub fn socket(&self) -> PathBuf {
        self.directory.join(".s.PGSQL.5432")
    }

    /// The URL of its administrator, past every proxy.
    pub fn url(&self) -> String {
        format!("postgres://warren@localhost/postgres?host={}", self.directory.display())
    }

    /// What it printed.
    pub fn log(&self) -> PathBuf {
        self.directory.join("log")
    }

    fn pid(&self) -> Result<Pid> {
        let text = fs::read_to_string(self.directory.join("data/postmaster.pid"));
        let text = text.context("PostgreSQL does not run")?;
        let first = text.lines().next().and_then(|line| line.parse().ok());
        Ok(Pid::from_raw(first.context("the file with PostgreSQL's id is not complete")?))
    }
}

impl Drop for PostgresProcess {
    fn drop(&mut self) {
        if let Some(mut owner) = self.owner.take() {
            drop(owner.stdin.take());
            let _ = owner.wait();
        }
    }
}

/// Finds the programs of the newest installed server; Debian keeps them off the path.
fn programs() -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let named = std::env::split_paths(&path).map(|directory| directory.join("initdb"));
    if let Some(initdb) = named.filter(|file| file.is_file()).find_map(|file| file.canonicalize().ok()) {
        return Ok(initdb.parent().context("a file lies in a directory")?.to_path_buf());
    }
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let number = |path: &Path| path.file_name().and_then(|name| name.to_str()?.parse::<u32>().ok());
    versions
        .map(|entry| entry.path())
        .filter(|path| path.join("bin/initdb").is_file())
        .max_by_key(|path| number(path))
        .map(|path| path.join("bin"))
        .context("PostgreSQL 13 or newer is needed; please install it")
}

fn unprivileged(program: &Path) -> Command {
    let mut command = Command::new(program);
    if geteuid().is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command
}
