//! Runs the template's scripts and reports their output and end.
//!
//! Owns timeouts, log files and exit codes. Must not decide which lifecycle state follows.

use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use nix::sys::signal::Signal;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::Child;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use warren_vocab::{LogLevel, LogSourceId};
use warren_wire::agent::{LogLine, ReportBody, Script, ScriptCompleted, ScriptStage, ScriptStatus};

use crate::outbox::Outbox;
use crate::process_group::ProcessGroup;
use crate::scripts::interpreter::Invocation;
use crate::scripts::lines::LineSplitter;
use crate::workplace::Workplace;

mod interpreter;
mod lines;

/// How long a script may take to end after it was asked to, and its children to close its output after it ended.
const GRACE: Duration = Duration::from_secs(10);
/// Exit code of a script that has none.
const EXIT_CODE_UNKNOWN: i32 = 255;

/// How a phase ended: the worst of its scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum PhaseOutcome {
    Ok,
    TimedOut,
    Failed,
}

/// Starts scripts for one agent.
#[derive(Clone)]
pub(crate) struct ScriptRunner {
    pub(crate) workplace: Arc<Workplace>,
    pub(crate) outbox: Arc<Outbox>,
}

impl ScriptRunner {
    /// Runs all scripts of a stage at once and waits for all of them. `cancel` ends them early.
    pub(crate) async fn run_stage(&self, stage: ScriptStage, cancel: &CancellationToken) -> PhaseOutcome {
        let mut running = JoinSet::new();
        for script in self.workplace.manifest().scripts.iter().filter(|script| belongs(script, stage)) {
            let (runner, script, cancel) = (self.clone(), script.clone(), cancel.clone());
            running.spawn(async move { runner.run(&script, stage, &cancel).await });
        }
        let mut outcome = PhaseOutcome::Ok;
        while let Some(result) = running.join_next().await {
            outcome = outcome.max(result.unwrap_or(PhaseOutcome::Failed));
        }
        outcome
    }

    async fn run(&self, script: &Script, stage: ScriptStage, cancel: &CancellationToken) -> PhaseOutcome {
        let started_at = Utc::now();
        let (exit_code, status) = match self.start(script) {
            Ok(child) => self.supervise(script, child, cancel).await,
            Err(error) => {
                let text = format!("cannot start this script: {error}");
                self.log(script.log_source_id, LogLevel::Error, text);
                (EXIT_CODE_UNKNOWN, ScriptStatus::ExitFailure)
            }
        };
        let completed = ScriptCompleted {
            script_id: script.id,
            started_at,
            ended_at: Utc::now(),
            exit_code,
            stage,
            status,
        };
        tracing::info!(script = script.display_name, exit_code, status = status.as_str(), "script ended");
        self.outbox.push(ReportBody::ScriptCompleted(completed));
        match status {
            ScriptStatus::Ok | ScriptStatus::PipesLeftOpen => PhaseOutcome::Ok,
            ScriptStatus::TimedOut => PhaseOutcome::TimedOut,
            ScriptStatus::ExitFailure => PhaseOutcome::Failed,
        }
    }

    fn start(&self, script: &Script) -> std::io::Result<Child> {
        let source = script.log_source_id.to_string();
        let data_dir = self.workplace.script_data_dir(&source);
        std::fs::create_dir_all(&data_dir)?;
        std::fs::create_dir_all(self.workplace.script_bin_dir())?;
        std::fs::create_dir_all(self.workplace.log_dir())?;
        let mut environment = self.workplace.environment([]);
        environment.insert("CODER_SCRIPT_DATA_DIR".into(), data_dir.to_string_lossy().into_owned());
        let bin_dir = self.workplace.script_bin_dir().to_string_lossy().into_owned();
        environment.insert("CODER_SCRIPT_BIN_DIR".into(), bin_dir);
        let invocation = Invocation::of(&script.script, &self.workplace.shell().to_string_lossy());
        self.workplace
            .command(&invocation.program, environment)
            .args(&invocation.arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
    }

    async fn supervise(
        &self,
        script: &Script,
        mut child: Child,
        cancel: &CancellationToken,
    ) -> (i32, ScriptStatus) {
        let group = ProcessGroup::led_by(&child);
        let file = self.log_file(script).await;
        let mut pumps = JoinSet::new();
        if let Some(stdout) = child.stdout.take() {
            pumps.spawn(self.clone().pump(script.log_source_id, LogLevel::Info, stdout, file.clone()));
        }
        if let Some(stderr) = child.stderr.take() {
            pumps.spawn(self.clone().pump(script.log_source_id, LogLevel::Error, stderr, file));
        }
        let (exit, timed_out) = wait(&mut child, group, script.timeout_seconds, cancel).await;
        let drained =
            tokio::time::timeout(GRACE, async { while pumps.join_next().await.is_some() {} }).await.is_ok();
        if !drained {
            let text = "the script ended, but a process that it started keeps its output open; later output is not shown here";
            self.log(script.log_source_id, LogLevel::Warn, text.to_owned());
        }
        let exit_code = exit.and_then(|status| status.code()).unwrap_or(EXIT_CODE_UNKNOWN);
        if timed_out {
            let text =
                format!("the script was stopped because it ran longer than {} s", script.timeout_seconds);
            self.log(script.log_source_id, LogLevel::Error, text);
            return (exit_code, ScriptStatus::TimedOut);
        }
        if let Some(signal) = exit.and_then(|status| status.signal()) {
            self.log(
                script.log_source_id,
                LogLevel::Error,
                format!("the script was ended by signal {signal}"),
            );
        }
        match (exit_code, drained) {
            (0, true) => (0, ScriptStatus::Ok),
            (0, false) => (0, ScriptStatus::PipesLeftOpen),
            (code, _) => (code, ScriptStatus::ExitFailure),
        }
    }

    /// Opens the script's log file; a log that cannot be written must not keep a workspace from starting.
    async fn log_file(&self, script: &Script) -> Option<Arc<tokio::sync::Mutex<tokio::fs::File>>> {
        let path = if script.log_path.is_empty() {
            self.workplace.log_dir().join(format!("coder-script-{}.log", script.log_source_id))
        } else {
            self.workplace.log_dir().join(self.workplace.expand_path(&script.log_path))
        };
        match tokio::fs::File::create(&path).await {
            // The lock is held across writes so that lines of the two streams do not tear each other.
            Ok(file) => Some(Arc::new(tokio::sync::Mutex::new(file))),
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "cannot write a script's log file");
                None
            }
        }
    }

    async fn pump(
        self,
        source: LogSourceId,
        level: LogLevel,
        mut stream: impl AsyncRead + Unpin,
        file: Option<Arc<tokio::sync::Mutex<tokio::fs::File>>>,
    ) {
        let mut splitter = LineSplitter::default();
        let mut buffer = vec![0; 16 << 10];
        while let Ok(n) = stream.read(&mut buffer).await {
            if n == 0 {
                break;
            }
            if let Some(file) = &file
                && let Err(error) = file.lock().await.write_all(&buffer[..n]).await
            {
                tracing::debug!(%error, "cannot append to a script's log file");
            }
            for line in splitter.push(&buffer[..n]) {
                self.log(source, level, line);
            }
        }
        if let Some(line) = splitter.finish() {
            self.log(source, level, line);
        }
        if let Some(file) = &file
            && let Err(error) = file.lock().await.flush().await
        {
            tracing::debug!(%error, "cannot flush a script's log file");
        }
    }

    fn log(&self, source: LogSourceId, level: LogLevel, output: String) {
        self.outbox.push_log(source, LogLine { created_at: Utc::now(), level, output });
    }
}

fn belongs(script: &Script, stage: ScriptStage) -> bool {
    match stage {
        ScriptStage::Start => script.run_on_start,
        ScriptStage::Stop => script.run_on_stop,
        ScriptStage::Cron => !script.cron.is_empty(),
    }
}

/// Waits for the end and whether the time limit caused it.
async fn wait(
    child: &mut Child,
    group: Option<ProcessGroup>,
    timeout_seconds: u64,
    cancel: &CancellationToken,
) -> (Option<ExitStatus>, bool) {
    let limit = async {
        match timeout_seconds {
            0 => std::future::pending().await,
            seconds => tokio::time::sleep(Duration::from_secs(seconds)).await,
        }
    };
    let timed_out = tokio::select! {
        status = child.wait() => return (status.ok(), false),
        () = limit => true,
        () = cancel.cancelled() => false,
    };
    if let Some(group) = group {
        group.signal(Signal::SIGINT);
        if let Ok(status) = tokio::time::timeout(GRACE, child.wait()).await {
            group.signal(Signal::SIGTERM);
            return (status.ok(), timed_out);
        }
        group.signal(Signal::SIGKILL);
    }
    (child.wait().await.ok(), timed_out)
}

#[cfg(test)]
mod tests;
