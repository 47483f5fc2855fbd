//! Running one command of Terraform.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};
use thiserror::Error;
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    process::{Child, Command},
    sync::mpsc,
};
use tokio_util::sync::CancellationToken;

use super::{
    Environment,
    stream::{Origin, read},
};
use crate::log::StageLog;

/// The longest line that is kept; the rest is dropped.
const LINE_BYTES_MAX: usize = 4 << 20;
/// The most bytes of a plan or state.
const CAPTURE_BYTES_MAX: u64 = 256 << 20;
/// How long output may still come after the process has ended, e.g. from a child that holds the pipe.
const DRAIN: Duration = Duration::from_secs(2);
/// Stands in a job's directory when its Terraform was interrupted.
const INTERRUPTED: &str = ".interrupted";
/// Lines that wait for the log. A full queue makes Terraform wait.
const LINES_MAX: usize = 256;

/// Runs commands in one directory with one environment.
#[derive(Debug)]
pub(crate) struct Runner {
    pub(crate) binary: PathBuf,
    pub(crate) dir: PathBuf,
    pub(crate) environment: Environment,
    pub(crate) cancel: CancellationToken,
    /// How long Terraform may take to stop after an interrupt before it is killed.
    pub(crate) interrupt_grace: Duration,
}

/// Why a command did not succeed.
#[derive(Debug, Error)]
pub(crate) enum CommandError {
    #[error("terraform could not be started")]
    Start(#[source] std::io::Error),
    /// Terraform's own words, with file and line where it knows them.
    #[error("{0}")]
    Failed(String),
    #[error("the job was canceled")]
    Canceled,
}

impl Runner {
    /// Runs a command whose output is a stream of JSON lines and passes these on to the log.
    pub(crate) async fn run<S: AsRef<OsStr>>(
        &self,
        args: &[S],
        log: &StageLog<'_>,
    ) -> Result<(), CommandError> {
        let mut child = self.start(args)?;
        let stdout = child.stdout.take().expect("standard output is a pipe");
        let stderr = child.stderr.take().expect("standard error is a pipe");
        let mut complaints = Complaints::default();
        let output = pump(stdout, stderr, log, &mut complaints);
        let status = self.wait(&mut child, output, Strays::Kill).await?;
        self.judge(status, complaints)
    }

    /// Runs a command and returns what it prints; its complaints go to the log, if there is one.
    pub(crate) async fn capture<S: AsRef<OsStr>>(
        &self,
        args: &[S],
        log: Option<&StageLog<'_>>,
    ) -> Result<Vec<u8>, CommandError> {
        let mut child = self.start(args)?;
        let stdout = child.stdout.take().expect("standard output is a pipe");
        let mut stderr = child.stderr.take().expect("standard error is a pipe");
        let (mut captured, mut complaints) = (vec![], vec![]);
        let output = async {
            let mut stdout = stdout.take(CAPTURE_BYTES_MAX);
            let (out, err) =
                tokio::join!(stdout.read_to_end(&mut captured), stderr.read_to_end(&mut complaints));
            out.and(err)
        };
        let status = self.wait(&mut child, output, Strays::Leave).await?;
        let complaints = String::from_utf8_lossy(&complaints);
        if let Some(log) = log {
            for line in complaints.lines() {
                for (level, line) in read(Origin::Stderr, line).lines {
                    log.line(level, line).await;
                }
            }
        }
        self.judge(status, Complaints { errors: vec![], tail: complaints.trim().to_owned() })?;
        Ok(captured)
    }

    fn start<S: AsRef<OsStr>>(&self, args: &[S]) -> Result<Child, CommandError> {
        Command::new(&self.binary)
            .args(args)
            .current_dir(&self.dir)
            .env_clear()
            .envs(self.environment.variables())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // An interrupt meant for the server must not reach Terraform behind our back.
            .process_group(0)
            .spawn()
            .map_err(CommandError::Start)
    }

    /// Waits for the process and its output; interrupts and finally kills it when the job is canceled.
    async fn wait<T>(
        &self,
        child: &mut Child,
        output: impl Future<Output = T>,
        strays: Strays,
    ) -> Result<ExitStatus, CommandError> {
        let group = child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw);
        let mut interrupt = Interrupt { process: group, dir: &self.dir };
        let mut output = std::pin::pin!(output);
        let mut drained = false;
        let mut kill_at = None;
        let status = loop {
            tokio::select! {
                status = child.wait() => break status.map_err(CommandError::Start)?,
                _ = &mut output, if !drained => drained = true,
                () = self.cancel.cancelled(), if kill_at.is_none() => {
                    interrupt.send();
                    kill_at = Some(tokio::time::Instant::now() + self.interrupt_grace);
                }
                () = tokio::time::sleep_until(kill_at.unwrap_or_else(tokio::time::Instant::now)),
                    if kill_at.is_some() =>
                {
                    signal_group(group, Signal::SIGKILL);
                    strays.end(&self.dir);
                    kill_at = Some(tokio::time::Instant::now() + self.interrupt_grace);
                }
            }
        };
        interrupt.process = None;
        if kill_at.is_some() {
            strays.end(&self.dir);
        }
        if !drained && tokio::time::timeout(DRAIN, &mut output).await.is_err() {
            tracing::debug!("something that terraform started keeps its output open");
        }
        Ok(status)
    }

    fn judge(&self, status: ExitStatus, complaints: Complaints) -> Result<(), CommandError> {
        if status.success() {
            return Ok(());
        }
        if self.cancel.is_cancelled() {
            return Err(CommandError::Canceled);
        }
        let more = complaints.errors.len().saturating_sub(1);
        Err(CommandError::Failed(match (complaints.errors.into_iter().next(), more) {
            (Some(first), 0) => first,
            (Some(first), more) => format!("{first} (and {more} more, see the log)"),
            (None, _) if complaints.tail.is_empty() => format!("terraform ended with {status}"),
            (None, _) => complaints.tail,
        }))
    }
}

/// What happens to processes that a canceled command has started: Terraform kills its scripts, but not what these have
/// started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Strays {
    Kill,
    /// For commands that only print. They start nothing, and another command that is still writing its state may work
    /// in the same directory.
    Leave,
}

impl Strays {
    fn end(self, dir: &Path) {
        match self {
            Self::Kill => kill_all_in(dir),
            Self::Leave => {}
        }
    }
}

/// The one interrupt that a running Terraform gets: at the second it gives up and loses the state of what is made already.
/// Terraform tells its providers itself. A file in the directory says that it was sent, for the server that finds Terraform
/// running after this one has ended.
///
/// Sent at the latest when the job is dropped half-way, as a server does that has no time left: interrupted, Terraform writes
/// its state, and the next server collects it.
struct Interrupt<'a> {
    /// `None` once it was sent or the process has ended.
    process: Option<Pid>,
    dir: &'a Path,
}

impl Interrupt<'_> {
    fn send(&mut self) {
        let Some(pid) = self.process.take() else { return };
        if let Err(error) = std::fs::write(self.dir.join(INTERRUPTED), []) {
            tracing::warn!(%error, dir = %self.dir.display(), "an interrupt of terraform could not be noted");
        }
        // It may have ended meanwhile.
        let _ = nix::sys::signal::kill(pid, Signal::SIGINT);
    }
}

impl Drop for Interrupt<'_> {
    fn drop(&mut self) {
        self.send();
    }
}

/// What a command has said about its failure.
#[derive(Debug, Default)]
struct Complaints {
    /// One sentence for each error.
    errors: Vec<String>,
    /// The last words on standard error.
    tail: String,
}

/// Passes both outputs of a command on to the log, in the order of their arrival.
async fn pump(
    stdout: impl AsyncRead + Unpin,
    stderr: impl AsyncRead + Unpin,
    log: &StageLog<'_>,
    complaints: &mut Complaints,
) {
    let (sender, mut lines) = mpsc::channel(LINES_MAX);
    let reading = async move {
        let errors = sender.clone();
        tokio::join!(lines_of(stdout, Origin::Json, sender), lines_of(stderr, Origin::Stderr, errors));
    };
    let writing = async {
        while let Some((origin, line)) = lines.recv().await {
            let printed = read(origin, &line);
            complaints.errors.extend(printed.error);
            if origin == Origin::Stderr && !line.trim().is_empty() {
                complaints.tail = line;
            }
            for (level, line) in printed.lines {
                log.line(level, line).await;
            }
        }
    };
    tokio::join!(reading, writing);
}

fn signal_group(group: Option<Pid>, signal: Signal) {
    if let Some(pid) = group {
        let _ = killpg(pid, signal);
    }
}

async fn lines_of(mut from: impl AsyncRead + Unpin, origin: Origin, to: mpsc::Sender<(Origin, String)>) {
    let mut line = Vec::new();
    let mut chunk = vec![0; 16 << 10];
    while let Ok(n @ 1..) = from.read(&mut chunk).await {
        let mut rest = &chunk[..n];
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            append(&mut line, &rest[..end]);
            rest = &rest[end + 1..];
            let whole = String::from_utf8_lossy(&std::mem::take(&mut line)).into_owned();
            if to.send((origin, whole)).await.is_err() {
                return;
            }
        }
        append(&mut line, rest);
    }
    if !line.is_empty() {
        // Nobody is left to tell when the receiver is gone.
        let _ = to.send((origin, String::from_utf8_lossy(&line).into_owned())).await;
    }
}

fn append(line: &mut Vec<u8>, bytes: &[u8]) {
    let room = LINE_BYTES_MAX.saturating_sub(line.len());
    line.extend_from_slice(&bytes[..bytes.len().min(room)]);
}

/// Ends processes that a server before this one has left behind in a directory.
pub(crate) async fn end_orphans(dir: &Path, grace: Duration) {
    let dir = dir.to_owned();
    let find = || orphans(&dir);
    let was_interrupted = dir.join(INTERRUPTED).exists();
    for pid in find().into_iter().filter(|_| !was_interrupted) {
        let _ = nix::sys::signal::kill(pid, Signal::SIGINT);
    }
    let deadline = tokio::time::Instant::now() + grace;
    while !find().is_empty() && tokio::time::Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    kill_all_in(&dir);
}

/// Kills what works in a directory; scripts of a template are in process groups of their own.
fn kill_all_in(dir: &Path) {
    for pid in orphans(dir) {
        let _ = nix::sys::signal::kill(pid, Signal::SIGKILL);
    }
}

/// Processes whose current directory is `dir`.
fn orphans(dir: &Path) -> Vec<Pid> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return vec![] };
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
    pids.filter(|pid| std::fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd == dir))
        .map(Pid::from_raw)
        .collect()
}
