//! One living terminal and its viewers.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use nix::sys::signal::Signal;
use pty_process::{OwnedReadPty, OwnedWritePty};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Child;
use tokio::sync::mpsc;
use tokio::time::Instant;
use warren_wire::agent_terminal::{Init, Input};

use super::Request;
use crate::environment::Variables;
use crate::process_group::ProcessGroup;
use crate::terminal::{self, Resizer, Size};
use crate::workplace::Workplace;

/// Recent output that a viewer gets when it attaches.
const REPLAY_BYTES: usize = 64 << 10;
/// Bytes typed that the terminal has not taken; more are dropped, as a kernel terminal does.
const TYPED_BYTES_MAX: usize = 1 << 20;

/// Owns the program, its terminal and who looks at it.
pub(super) struct Host {
    reader: OwnedReadPty,
    writer: OwnedWritePty,
    resizer: Resizer,
    child: Child,
    group: Option<ProcessGroup>,
    requests: mpsc::Receiver<Request>,
    viewers: HashMap<u64, mpsc::Sender<Bytes>>,
    recent: VecDeque<u8>,
    typed: VecDeque<u8>,
    idle_timeout: Duration,
    idle_since: Option<Instant>,
}

/// What woke the terminal up.
enum Event {
    Output(usize),
    Ended,
    Typed(std::io::Result<usize>),
    Request(Option<Request>),
    Idle,
}

impl Host {
    /// Starts the program that `init` asks for.
    pub(super) fn start(
        workplace: &Workplace,
        init: &Init,
        requests: mpsc::Receiver<Request>,
        idle_timeout: Duration,
    ) -> std::io::Result<Host> {
        let environment = environment(workplace.environment([]));
        let arguments = match init.command.as_str() {
            "" => vec!["-l".to_owned()],
            command => vec!["-c".to_owned(), command.to_owned()],
        };
        let size = Size { rows: init.height, columns: init.width };
        let (pty, child) = terminal::start(workplace, environment, &arguments, size, |_| {})?;
        let resizer = Resizer::of(&pty)?;
        let (reader, writer) = pty.into_split();
        Ok(Host {
            reader,
            writer,
            resizer,
            group: ProcessGroup::led_by(&child),
            child,
            requests,
            viewers: HashMap::new(),
            recent: VecDeque::new(),
            typed: VecDeque::new(),
            idle_timeout,
            idle_since: Some(Instant::now()),
        })
    }

    /// Runs until the program ends or nobody has looked for the idle timeout.
    pub(super) async fn run(mut self) {
        let mut buffer = vec![0; 16 << 10];
        loop {
            match self.next(&mut buffer).await {
                Event::Output(n) => self.show(&buffer[..n]),
                Event::Typed(Ok(n)) => drop(self.typed.drain(..n)),
                Event::Typed(Err(_)) => self.typed.clear(),
                Event::Request(Some(request)) => self.handle(request),
                Event::Ended | Event::Request(None) | Event::Idle => break,
            }
        }
        self.requests.close();
        if let Some(group) = self.group {
            group.signal(Signal::SIGHUP);
        }
        // Dropping the terminal hangs up everything in its session; the leader is waited for so that no zombie stays.
        let Host { reader, writer, resizer, mut child, .. } = self;
        drop((reader, writer, resizer));
        if tokio::time::timeout(Duration::from_secs(5), child.wait()).await.is_err() {
            drop(child.kill().await);
        }
    }

    async fn next(&mut self, buffer: &mut [u8]) -> Event {
        let idle_at = self.idle_since.map(|since| since + self.idle_timeout);
        let idle = async {
            match idle_at {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        let (typed, _) = self.typed.as_slices();
        tokio::select! {
            result = self.reader.read(buffer) => match result {
                // The terminal reports the end of its last program as an error.
                Ok(0) | Err(_) => Event::Ended,
                Ok(n) => Event::Output(n),
            },
            result = self.writer.write(typed), if !typed.is_empty() => Event::Typed(result),
            request = self.requests.recv() => Event::Request(request),
            () = idle => Event::Idle,
            _ = self.child.wait(), if self.group.is_none() => Event::Ended,
        }
    }

    fn show(&mut self, output: &[u8]) {
        self.recent.extend(output);
        let excess = self.recent.len().saturating_sub(REPLAY_BYTES);
        self.recent.drain(..excess);
        let chunk = Bytes::copy_from_slice(output);
        self.viewers.retain(|_, viewer| viewer.try_send(chunk.clone()).is_ok());
        self.note_viewers();
    }

    fn handle(&mut self, request: Request) {
        match request {
            Request::Attach { viewer, rows, columns, output } => {
                let recent = Bytes::copy_from_slice(self.recent.make_contiguous());
                if recent.is_empty() || output.try_send(recent).is_ok() {
                    self.viewers.insert(viewer, output);
                }
                self.resizer.resize(Size { rows, columns });
            }
            Request::Detach { viewer } => drop(self.viewers.remove(&viewer)),
            Request::Input(input) => self.input(&input),
        }
        self.note_viewers();
    }

    fn input(&mut self, input: &Input) {
        let room = TYPED_BYTES_MAX.saturating_sub(self.typed.len());
        self.typed.extend(input.data.bytes().take(room));
        if let (Some(rows), Some(columns)) = (input.height, input.width) {
            self.resizer.resize(Size { rows, columns });
        }
    }

    fn note_viewers(&mut self) {
        if self.viewers.is_empty() {
            self.idle_since.get_or_insert_with(Instant::now);
        } else {
            self.idle_since = None;
        }
    }
}

/// The web terminal shows UTF-8 and 256 colours whatever the image's locale is.
fn environment(mut variables: Variables) -> Variables {
    variables.insert("TERM".into(), "xterm-256color".into());
    let effective =
        ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|name| variables.get(*name).filter(|v| !v.is_empty()));
    let is_utf8 = effective.is_some_and(|locale| {
        let locale = locale.to_ascii_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    });
    if !is_utf8 && !variables.contains_key("LC_ALL") {
        variables.insert("LC_CTYPE".into(), "C.UTF-8".into());
    }
    variables
}
