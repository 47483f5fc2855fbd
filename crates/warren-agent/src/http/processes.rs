//! Processes that chats start in the workspace.
//!
//! Owns the registry: ids, idempotent starts, isolation between chats, the end of processes and how long they are
//! remembered. A process belongs to its chat, not to the request that started it.

use std::collections::{HashMap, HashSet, VecDeque};
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use nix::sys::signal::Signal;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use tokio::task::JoinSet;
use tokio::time::Instant;
use uuid::Uuid;
use warren_rt::Tasks;
use warren_wire::agent_http::{
    KEY_BYTES_MAX, PROCESS_KEEP_SECONDS, PROCESS_LIST_MAX, ProcessInfo, StartProcess, StartedProcess,
};

use super::HttpError;
use crate::process_group::ProcessGroup;
use crate::workplace::Workplace;
use output::Output;

mod output;
pub(super) mod routes;

/// Ids that are remembered after their processes were forgotten, so that a late repeat of a start runs nothing.
const FORGOTTEN_MAX: usize = 10_000;
/// Processes of one chat that may run at a time.
const RUNNING_MAX: usize = 64;
/// Processes of all chats that are remembered with their output after their end.
const ENDED_MAX: usize = 128;
/// How long output is still read after a process ended, when a child of it keeps the pipes open.
const DRAIN: Duration = Duration::from_secs(2);
/// What processes of chats always see, whatever the template says: nobody can answer questions or turn pages.
const UNATTENDED: [(&str, &str); 10] = [
    ("CODER_CHAT_AGENT", "true"),
    ("GIT_EDITOR", "true"),
    ("GIT_SEQUENCE_EDITOR", "true"),
    ("EDITOR", "true"),
    ("VISUAL", "true"),
    ("GIT_TERMINAL_PROMPT", "0"),
    ("NO_COLOR", "1"),
    ("TERM", "dumb"),
    ("PAGER", "cat"),
    ("GIT_PAGER", "cat"),
];
/// Exit code of a process that a signal ended.
const EXIT_CODE_SIGNAL: i32 = -1;

/// All processes of the agent.
#[derive(Clone)]
pub(super) struct Processes {
    workplace: Arc<Workplace>,
    tasks: Tasks,
    registry: Arc<Mutex<Registry>>,
}

#[derive(Default)]
struct Registry {
    known: HashMap<String, Arc<Process>>,
    forgotten: Forgotten,
}

/// Ids of processes that are no longer known, in the order they were forgotten.
#[derive(Default)]
struct Forgotten {
    order: VecDeque<String>,
    ids: HashSet<String>,
}

/// One process, running or ended.
pub(super) struct Process {
    id: String,
    chat: String,
    command: String,
    workdir: String,
    background: bool,
    started_at: DateTime<Utc>,
    group: Option<ProcessGroup>,
    end: Mutex<Option<End>>,
    pub(super) output: Output,
}

#[derive(Clone, Copy)]
struct End {
    exit_code: i32,
    exited_at: DateTime<Utc>,
    forget_at: Instant,
}

impl Processes {
    pub(super) fn new(workplace: Arc<Workplace>, tasks: Tasks) -> Processes {
        Processes { workplace, tasks, registry: Arc::default() }
    }

    /// Starts a process, unless one with the requested id was started before.
    pub(super) fn start(&self, chat: &str, request: StartProcess) -> Result<StartedProcess, HttpError> {
        if request.command.trim().is_empty() {
            return Err(HttpError::bad_request("the command is empty"));
        }
        let id = request.id.clone().unwrap_or_else(|| Uuid::new_v4().to_string());
        if id.is_empty() || id.len() > KEY_BYTES_MAX || id.contains('/') {
            return Err(HttpError::bad_request("the process id must have 1 to 128 characters and no slash"));
        }
        // The lock spans the check and the start, so that two requests with one id start one process.
        let mut registry = self.lock();
        registry.forget_ended();
        if let Some(process) = registry.known.get(&id) {
            if process.chat != chat {
                return Err(HttpError::new(axum::http::StatusCode::CONFLICT, "this process id is taken"));
            }
            return Ok(StartedProcess { id, started: false });
        }
        if registry.forgotten.contains_id(&id) {
            let text = "a process with this id ended or was called off before; it was not started again";
            return Err(HttpError::new(axum::http::StatusCode::GONE, text));
        }
        let mine = registry.known.values().filter(|process| process.chat == chat);
        if mine.filter(|process| process.end().is_none()).count() >= RUNNING_MAX {
            let text =
                format!("this chat runs {RUNNING_MAX} processes already; end some before you start more");
            return Err(HttpError::new(axum::http::StatusCode::TOO_MANY_REQUESTS, text));
        }
        let process = self.spawn(chat, &id, request)?;
        registry.known.insert(id.clone(), process);
        Ok(StartedProcess { id, started: true })
    }

    /// The chat's processes: running first, newest first.
    pub(super) fn list(&self, chat: &str) -> Vec<ProcessInfo> {
        let mut registry = self.lock();
        registry.forget_ended();
        let mine = registry.known.values().filter(|process| process.chat == chat);
        let mut infos: Vec<_> = mine.map(|process| process.info()).collect();
        infos.sort_by(|a, b| b.running.cmp(&a.running).then(b.started_at.cmp(&a.started_at)));
        infos.truncate(PROCESS_LIST_MAX);
        infos
    }

    /// Makes a start under this id, which may still be on its way, run nothing. Gives the process when there is one.
    pub(super) fn never(&self, chat: &str, id: &str) -> Option<Arc<Process>> {
        let mut registry = self.lock();
        registry.forget_ended();
        if let Some(process) = registry.known.get(id) {
            return Some(process.clone()).filter(|process| process.chat == chat);
        }
        if !registry.forgotten.contains_id(id) {
            registry.forgotten.push(id.to_owned());
        }
        None
    }

    /// The process of this id, if it is the chat's.
    pub(super) fn get(&self, chat: &str, id: &str) -> Result<Arc<Process>, HttpError> {
        let mut registry = self.lock();
        registry.forget_ended();
        let process = registry.known.get(id).filter(|process| process.chat == chat);
        process
            .cloned()
            .ok_or_else(|| HttpError::not_found("no process has this id; it may have ended long ago"))
    }

    fn spawn(&self, chat: &str, id: &str, request: StartProcess) -> Result<Arc<Process>, HttpError> {
        let mut environment = self.workplace.environment(request.env);
        if !chat.is_empty() {
            environment.insert("CODER_CHAT_ID".into(), chat.to_owned());
            environment.extend(UNATTENDED.map(|(name, value)| (name.to_owned(), value.to_owned())));
        }
        let workdir = match request.workdir.as_str() {
            "" => self.workplace.directory(),
            path => super::files::expanded(&self.workplace, path),
        };
        if !workdir.is_dir() {
            return Err(HttpError::bad_request(format!(
                "the working directory {} does not exist",
                workdir.display()
            )));
        }
        let mut command = self.workplace.command("/bin/sh", environment);
        command.arg("-c").arg(&request.command).current_dir(&workdir);
        let mut child = spawn_group(&mut command).map_err(|error| {
            HttpError::new(axum::http::StatusCode::INTERNAL_SERVER_ERROR, format!("cannot start it: {error}"))
        })?;
        let process = Arc::new(Process {
            id: id.to_owned(),
            chat: chat.to_owned(),
            command: request.command,
            workdir: workdir.to_string_lossy().into_owned(),
            background: request.background,
            started_at: Utc::now(),
            group: ProcessGroup::led_by(&child),
            end: Mutex::new(None),
            output: Output::default(),
        });
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let (watched, stopped) = (process.clone(), self.tasks.token());
        let registry = self.registry.clone();
        self.tasks.spawn_graceful("chat process", async move {
            let life = async {
                watched.watch(child, stdout, stderr).await;
                tokio::time::sleep(Duration::from_secs(PROCESS_KEEP_SECONDS)).await;
                registry.lock().unwrap_or_else(PoisonError::into_inner).forget_ended();
            };
            tokio::select! {
                () = life => {}
                () = stopped.cancelled() => watched.signal(Signal::SIGKILL),
            }
        });
        Ok(process)
    }

    fn lock(&self) -> MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Registry {
    fn forget_ended(&mut self) {
        let now = Instant::now();
        let forgotten = &mut self.forgotten;
        self.known.retain(|id, process| {
            let keep = process.end().is_none_or(|end| end.forget_at > now);
            if !keep {
                forgotten.push(id.clone());
            }
            keep
        });
        let end = |process: &Arc<Process>| process.end().map(|end| end.forget_at);
        let mut ended: Vec<_> =
            self.known.iter().filter_map(|(id, process)| Some((end(process)?, id.clone()))).collect();
        let n_too_many = ended.len().saturating_sub(ENDED_MAX);
        ended.sort_unstable();
        for (_, id) in ended.into_iter().take(n_too_many) {
            self.known.remove(&id);
            self.forgotten.push(id);
        }
    }
}

impl Forgotten {
    fn contains_id(&self, id: &str) -> bool {
        self.ids.contains(id)
    }

    fn push(&mut self, id: String) {
        self.ids.insert(id.clone());
        self.order.push_back(id);
        while self.order.len() > FORGOTTEN_MAX {
            if let Some(oldest) = self.order.pop_front() {
                self.ids.remove(&oldest);
            }
        }
    }
}

impl Process {
    pub(super) fn info(&self) -> ProcessInfo {
        let end = self.end();
        ProcessInfo {
            id: self.id.clone(),
            command: self.command.clone(),
            workdir: self.workdir.clone(),
            background: self.background,
            running: end.is_none(),
            exit_code: end.map(|end| end.exit_code),
            started_at: self.started_at,
            exited_at: end.map(|end| end.exited_at),
        }
    }

    /// Exit code, once the process ended and its output is complete.
    pub(super) fn exit_code(&self) -> Option<i32> {
        self.end().map(|end| end.exit_code)
    }

    /// Signals the process and its children.
    pub(super) fn signal(&self, signal: Signal) {
        if let Some(group) = self.group {
            group.signal(signal);
        }
    }

    /// Whether the process has ended but children of it have not.
    pub(super) fn has_left_some(&self) -> bool {
        self.end().is_some() && self.group.is_some_and(ProcessGroup::outlives_its_leader)
    }

    fn end(&self) -> Option<End> {
        *self.end.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn watch(
        self: &Arc<Process>,
        mut child: Child,
        stdout: Option<impl AsyncRead + Unpin + Send + 'static>,
        stderr: Option<impl AsyncRead + Unpin + Send + 'static>,
    ) {
        let mut pumps = JoinSet::new();
        if let Some(stdout) = stdout {
            pumps.spawn(self.clone().pump(stdout));
        }
        if let Some(stderr) = stderr {
            pumps.spawn(self.clone().pump(stderr));
        }
        let status = child.wait().await;
        drop(tokio::time::timeout(DRAIN, async { while pumps.join_next().await.is_some() {} }).await);
        let exit_code = status.as_ref().map_or(EXIT_CODE_SIGNAL, exit_code);
        let forget_at = Instant::now() + Duration::from_secs(PROCESS_KEEP_SECONDS);
        let end = End { exit_code, exited_at: Utc::now(), forget_at };
        *self.end.lock().unwrap_or_else(PoisonError::into_inner) = Some(end);
        self.output.end();
        // A grandchild may keep writing; reading on keeps it from blocking, although nobody sees that output.
        while pumps.join_next().await.is_some() {}
    }

    async fn pump(self: Arc<Process>, mut stream: impl AsyncRead + Unpin) {
        let mut buffer = vec![0; 16 << 10];
        while let Ok(n @ 1..) = stream.read(&mut buffer).await {
            self.output.push(&buffer[..n]);
        }
    }
}

fn spawn_group(command: &mut Command) -> std::io::Result<Child> {
    command.process_group(0).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()
}

fn exit_code(status: &ExitStatus) -> i32 {
    if status.signal().is_some() {
        return EXIT_CODE_SIGNAL;
    }
    status.code().unwrap_or(EXIT_CODE_SIGNAL)
}
