//! A private PostgreSQL server for tests: made in a temporary directory, reachable only through a socket in it.
//!
//! A shell owns the server and lives as long as a pipe from this process: when this process ends, however it ends, the
//! pipe closes, and the shell stops the server and removes the directory.

use std::{
    fs,
    os::unix::{fs::chown, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use crate::{process, setup};

/// Tells tests and benchmarks where PostgreSQL is; without it they use SQLite.
pub const POSTGRES_URL: &str = "WARREN_TEST_POSTGRES_URL";

/// PostgreSQL refuses to run as root; Debian's `nobody` and `nogroup` may own a directory as well as anybody.
const NOBODY: u32 = 65534;
const START_DEADLINE: Duration = Duration::from_secs(60);

/// Speed is worth more than durability here; each test process opens a handful of connections.
const SETTINGS: &str = "-c listen_addresses= -c max_connections=400 -c shared_buffers=128MB -c fsync=off \
     -c synchronous_commit=off -c full_page_writes=off -c log_min_messages=fatal \
     -c shared_preload_libraries=pg_stat_statements";

/// Waits for the end of its standard input, then ends the server and cleans up. Ctrl-C reaches the whole process group:
/// the server stops by it, the shell must stay to clean up.
const OWNER: &str = r#"
trap '' INT TERM HUP
"$1" -D "$2/data" -k "$2" $3 >"$2/log" 2>&1 &
server=$!
cat >/dev/null
# A server that is only starting ignores the signal.
while kill -INT "$server" 2>/dev/null && [ -e "$2/data/postmaster.pid" ]; do sleep 0.1; done
wait "$server"
rm -rf "$2"
"#;

/// A running server; stopped and removed when dropped.
pub struct Postgres {
    owner: Child,
    directory: PathBuf,
}

impl Postgres {
    /// Makes and starts a server.
    pub fn start() -> Result<Self> {
        let programs = programs()?;
        let directory = std::env::temp_dir().join(format!("warren-postgres-{}", std::process::id()));
        fs::create_dir(&directory).with_context(|| format!("cannot make {}", directory.display()))?;
        if setup::is_root() {
            chown(&directory, Some(NOBODY), Some(NOBODY)).context("cannot give the directory to nobody")?;
        }
        process::run(
            unprivileged(&programs.join("initdb"))
                .args(["--username=warren", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"])
                .arg("--pgdata")
                .arg(directory.join("data"))
                .current_dir(&directory)
                .stdout(Stdio::null()),
        )?;
        let owner = unprivileged(Path::new("sh"))
            .args(["-c", OWNER, "sh"])
            .arg(programs.join("postgres"))
            .arg(&directory)
            .arg(SETTINGS)
            .current_dir(&directory)
            .stdin(Stdio::piped())
            .spawn()
            .context("cannot start PostgreSQL")?;
        let server = Self { owner, directory };
        server.wait_until_ready(&programs.join("pg_isready"))?;
        Ok(server)
    }

    /// The URL of its administrator.
    pub fn url(&self) -> String {
        format!("postgres://warren@localhost/postgres?host={}", self.directory.display())
    }

    fn wait_until_ready(&self, pg_isready: &Path) -> Result<()> {
        let deadline = Instant::now() + START_DEADLINE;
        loop {
            let ready = Command::new(pg_isready).arg("--quiet").arg("--host").arg(&self.directory).status();
            if ready.context("cannot start pg_isready")?.success() {
                return Ok(());
            }
            if Instant::now() >= deadline {
                let log = fs::read_to_string(self.directory.join("log")).unwrap_or_default();
                bail!("PostgreSQL did not start within {} s:\n{log}", START_DEADLINE.as_secs());
            }
            thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        drop(self.owner.stdin.take());
        // The shell ends when the server has; there is nobody to tell of a failure.
        let _ = self.owner.wait();
    }
}

/// Finds the directory of the newest installed server programs; Debian keeps them off the path.
fn programs() -> Result<PathBuf> {
    // It may be a link into a directory where the others are.
    if let Some(initdb) = process::find("initdb").and_then(|path| path.canonicalize().ok()) {
        return Ok(initdb.parent().expect("a file lies in a directory").to_path_buf());
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

fn unprivileged(program: &Path) -> Command {
    let mut command = Command::new(program);
    if setup::is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command
}

/// Whether the server programs are installed.
pub fn is_installed() -> bool {
    programs().is_ok()
}
