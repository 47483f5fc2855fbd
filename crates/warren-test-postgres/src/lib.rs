//! A private PostgreSQL server for tests: made in a directory of its own, reachable only through a socket in it.
//!
//! A shell owns the server and lives as long as a pipe from this process: when this process ends, however it ends, the
//! pipe closes, and the shell stops the server. Must stay small: the project's commands are built with it.

use std::{
    fs,
    io::Write,
    os::unix::{
        fs::{DirBuilderExt, MetadataExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};

/// PostgreSQL refuses to run as root; Debian's `nobody` and `nogroup` may own a directory as well as anybody.
const NOBODY: u32 = 65534;
const DEADLINE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(50);

/// Speed is worth more than durability here: a commit outlives the end of every process, though not of the machine.
const SETTINGS: &str = "-c listen_addresses= -c max_connections=400 -c shared_buffers=128MB -c fsync=off \
     -c full_page_writes=off -c log_min_messages=fatal";

/// Waits for a signal's name or the end of its standard input, then ends the server and cleans up. Ctrl-C reaches the whole
/// process group: the server stops by it, the shell must stay to clean up.
const OWNER: &str = r#"
trap '' INT TERM HUP
"$1" -D "$2/data" -k "$2" $3 >>"$2/log" 2>&1 </dev/null &
server=$!
read -r signal
(
    round=0
    # A server that is only starting ignores the signal.
    while kill "-${signal:-INT}" "$server" 2>/dev/null && [ $round -lt 100 ]; do
        round=$((round + 1))
        sleep 0.1
    done
    kill -KILL "$server" 2>/dev/null
) &
wait "$server"
[ "$4" = stays ] || rm -rf "$2"
"#;

/// What becomes of the directory when the server ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Directory {
    /// The server can be started again on the same data.
    Stays,
    Goes,
}

/// How PostgreSQL is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// Transactions are rolled back, and the server ends in order.
    Fast,
    /// The server ends as in a crash, and recovers at its next start.
    Immediate,
}

/// A server; ended when dropped.
pub struct PrivatePostgres {
    owner: Option<Child>,
    programs: PathBuf,
    directory: PathBuf,
    fate: Directory,
    settings: String,
}

impl PrivatePostgres {
    /// Makes a server in a directory that does not exist yet. It is not started.
    ///
    /// # Errors
    /// Fails where PostgreSQL is not installed.
    pub fn make(directory: &Path, fate: Directory, more_settings: &str) -> Result<Self> {
        let programs = programs()?;
        let made = fs::DirBuilder::new().mode(0o755).create(directory);
        made.with_context(|| format!("the directory {} cannot be made", directory.display()))?;
        if is_root() {
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
        let settings = format!("{SETTINGS} {more_settings}");
        Ok(Self { owner: None, programs, directory: directory.to_path_buf(), fate, settings })
    }

    /// Starts it, for the first time or after it was stopped; it is not ready yet.
    ///
    /// # Errors
    /// Fails when it runs already, and when there is no shell.
    pub fn start(&mut self) -> Result<()> {
        ensure!(self.has_ended(), "PostgreSQL runs already");
        let fate = match self.fate {
            Directory::Stays => "stays",
            Directory::Goes => "goes",
        };
        let owner = unprivileged(Path::new("sh"))
            .args(["-c", OWNER, "sh"])
            .arg(self.programs.join("postgres"))
            .arg(&self.directory)
            .args([&self.settings, fate])
            .current_dir(&self.directory)
            .stdin(Stdio::piped())
            .spawn();
        self.owner = Some(owner.context("PostgreSQL cannot be started")?);
        Ok(())
    }

    /// Whether it takes connections.
    pub fn is_ready(&self) -> bool {
        let mut ask = Command::new(self.programs.join("pg_isready"));
        let asked = ask.arg("--quiet").arg("--host").arg(&self.directory).status();
        asked.is_ok_and(|status| status.success())
    }

    /// Waits until it takes connections.
    ///
    /// # Errors
    /// Fails with what the server printed when that takes too long.
    pub fn wait_until_ready(&self) -> Result<()> {
        let is_ready = wait_until(|| self.is_ready());
        is_ready.with_context(|| format!("PostgreSQL did not start:\n{}", self.printed()))
    }

    /// Tells it to stop; [`Self::has_ended`] says when it has.
    ///
    /// # Errors
    /// Fails when it does not run.
    pub fn stop(&mut self, how: Stop) -> Result<()> {
        let signal = match how {
            Stop::Fast => "INT",
            Stop::Immediate => "QUIT",
        };
        let owner = self.owner.as_mut().context("PostgreSQL does not run")?;
        let mut orders = owner.stdin.take().context("PostgreSQL was told to stop before")?;
        writeln!(orders, "{signal}").context("PostgreSQL cannot be told to stop")
    }

    /// Whether it does not run any more.
    pub fn has_ended(&mut self) -> bool {
        let Some(owner) = &mut self.owner else { return true };
        let has_ended = owner.try_wait().is_ok_and(|status| status.is_some());
        if has_ended {
            self.owner = None;
        }
        has_ended
    }

    /// Waits until it has ended.
    ///
    /// # Errors
    /// Fails with what the server printed when that takes too long.
    pub fn wait_until_ended(&mut self) -> Result<()> {
        let has_ended = wait_until(|| self.has_ended());
        has_ended.with_context(|| format!("PostgreSQL did not end:\n{}", self.printed()))
    }

    /// The program of this name that came with the server.
    pub fn program(&self, name: &str) -> PathBuf {
        self.programs.join(name)
    }

    /// The socket on which it listens.
    pub fn socket(&self) -> PathBuf {
        self.directory.join(".s.PGSQL.5432")
    }

    /// The URL of its administrator.
    pub fn url(&self) -> String {
        format!("postgres://warren@localhost/postgres?host={}", self.directory.display())
    }

    /// Where it writes what it prints.
    pub fn log(&self) -> PathBuf {
        self.directory.join("log")
    }

    /// What it printed so far.
    pub fn printed(&self) -> String {
        fs::read_to_string(self.log()).unwrap_or_default()
    }
}

impl Drop for PrivatePostgres {
    fn drop(&mut self) {
        if let Some(mut owner) = self.owner.take() {
            drop(owner.stdin.take());
            // The shell ends when the server has; there is nobody to tell of a failure.
            let _ = owner.wait();
        }
    }
}

/// Whether the server programs are installed.
pub fn is_installed() -> bool {
    programs().is_ok()
}

/// Finds the directory of the newest installed server programs; Debian keeps them off the path.
fn programs() -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let named = std::env::split_paths(&path).map(|directory| directory.join("initdb"));
    // It may be a link into a directory where the others are.
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
        .context("PostgreSQL 13 or newer is needed for the tests; please install it")
}

fn wait_until(mut is_so: impl FnMut() -> bool) -> Result<()> {
    let begun = Instant::now();
    while !is_so() {
        ensure!(begun.elapsed() < DEADLINE, "nothing happened for {} s", DEADLINE.as_secs());
        thread::sleep(PAUSE);
    }
    Ok(())
}

fn unprivileged(program: &Path) -> Command {
    let mut command = Command::new(program);
    if is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|data| data.uid() == 0)
}

#[cfg(test)]
mod tests;
