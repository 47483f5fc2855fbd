//! One session channel: collects its requests, then runs a program, a shell or SFTP.
//!
//! Owns exit codes and the order output, exit status, close. Without a terminal a program outlives its client, as with
//! OpenSSH; with a terminal it gets a hang-up.

use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use nix::sys::signal::Signal;
use russh::server::{Handle, Msg};
use russh::{Channel, ChannelMsg, ChannelWriteHalf, Sig};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Child;
use tokio_util::sync::CancellationToken;
use warren_rt::Tasks;

use super::intake::{Control, Intake, clamp};
use super::{sftp, terminal_modes};
use crate::process_group::ProcessGroup;
use crate::terminal;
use crate::workplace::Workplace;

/// Exit code of a session whose program could not be started or watched.
const EXIT_CODE_INTERNAL: u32 = 229;
/// Stream number of standard error.
const STDERR: u32 = 1;
/// How long output is still read from a terminal whose program ended: a background job may hold it open for ever.
const TERMINAL_DRAIN: Duration = Duration::from_millis(500);
const READ_BYTES: usize = 32 << 10;

/// What a session needs from its connection.
pub(crate) struct Context {
    pub(crate) workplace: Arc<Workplace>,
    pub(crate) connection: Handle,
    /// Cancelled when the connection ended.
    pub(crate) ended: CancellationToken,
    pub(crate) tasks: Tasks,
}

/// The requests that came before the program.
#[derive(Default)]
struct Setup {
    environment: Vec<(String, String)>,
    terminal: Option<TerminalRequest>,
}

struct TerminalRequest {
    term: String,
    rows: u16,
    columns: u16,
    modes: Vec<(russh::Pty, u32)>,
}

enum Program {
    Shell,
    Command(String),
}

/// Whether a subsystem of this name is served.
pub(crate) fn is_known_subsystem(name: &str) -> bool {
    name == "sftp"
}

/// Serves the channel until its program ended or the client is gone.
pub(crate) async fn serve(mut channel: Channel<Msg>, context: Context) {
    let mut setup = Setup::default();
    while let Some(message) = channel.wait().await {
        match message {
            ChannelMsg::SetEnv { variable_name, variable_value, .. } => {
                setup.environment.push((variable_name, variable_value));
            }
            ChannelMsg::RequestPty { term, col_width, row_height, terminal_modes, .. } => {
                let (rows, columns) = (clamp(row_height), clamp(col_width));
                setup.terminal = Some(TerminalRequest { term, rows, columns, modes: terminal_modes });
            }
            ChannelMsg::WindowChange { col_width, row_height, .. } => {
                if let Some(terminal) = &mut setup.terminal {
                    (terminal.rows, terminal.columns) = (clamp(row_height), clamp(col_width));
                }
            }
            ChannelMsg::RequestShell { .. } => return run(channel, context, setup, Program::Shell).await,
            ChannelMsg::Exec { command, .. } => {
                let command = String::from_utf8_lossy(&command).into_owned();
                return run(channel, context, setup, Program::Command(command)).await;
            }
            ChannelMsg::RequestSubsystem { name, .. } if is_known_subsystem(&name) => {
                return sftp::serve(channel, &context).await;
            }
            ChannelMsg::Close => return,
            // Anything else before a program runs has no meaning.
            _ => {}
        }
    }
}

async fn run(channel: Channel<Msg>, context: Context, setup: Setup, program: Program) {
    let (read, write) = channel.split();
    let (intake, feed) = Intake::of(read);
    context.tasks.spawn("ssh intake", feed);
    let gone = {
        let (closed, ended) = (intake.closed.clone(), context.ended.clone());
        async move {
            tokio::select! { () = closed.cancelled() => {}, () = ended.cancelled() => {} }
        }
    };
    let result = match setup.terminal {
        Some(_) => run_in_terminal(&context, &write, intake, setup, program, gone).await,
        None => run_with_pipes(&context, &write, intake, setup, program, gone).await,
    };
    match result {
        Ok(Some(status)) => finish(&context.connection, &write, status).await,
        Ok(None) => {}
        Err(error) => {
            tracing::warn!(%error, "cannot run the program of an ssh session");
            let text = format!("the workspace agent cannot run this: {error}\r\n");
            drop(write.extended_data_bytes(STDERR, text.into_bytes()).await);
            drop(write.exit_status(EXIT_CODE_INTERNAL).await);
        }
    }
    drop(write.eof().await);
    drop(write.close().await);
}

/// Runs to the end; `None` when the client went away first, which leaves the program running.
async fn run_with_pipes(
    context: &Context,
    write: &ChannelWriteHalf<Msg>,
    mut intake: Intake,
    setup: Setup,
    program: Program,
    gone: impl Future<Output = ()>,
) -> std::io::Result<Option<ExitStatus>> {
    let environment = context.workplace.environment(setup.environment);
    let mut command = context.workplace.command(context.workplace.shell(), environment);
    command.args(arguments(&program)).process_group(0);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    let group = ProcessGroup::led_by(&child);
    if let Some(stdin) = child.stdin.take() {
        context.tasks.spawn("ssh stdin", intake.data.clone().copy_to(stdin));
    }
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let output = async {
        tokio::join!(copy_output(stdout, write, None), copy_output(stderr, write, Some(STDERR)), child.wait())
            .2
    };
    let controls = async {
        while let Some(control) = intake.controls.recv().await {
            if let (Control::Signal(signal), Some(group)) = (control, group) {
                group.signal(to_signal(&signal));
            }
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        status = output => status.map(Some),
        () = controls => Ok(None),
        () = gone => Ok(None),
    }
}

/// Runs to the end; `None` when the client went away first, which hangs the program up.
async fn run_in_terminal(
    context: &Context,
    write: &ChannelWriteHalf<Msg>,
    mut intake: Intake,
    setup: Setup,
    program: Program,
    gone: impl Future<Output = ()>,
) -> std::io::Result<Option<ExitStatus>> {
    let Some(request) = setup.terminal else { return Ok(None) };
    let mut environment = context.workplace.environment(setup.environment);
    environment.insert("TERM".into(), request.term);
    show_motd(context, write, &program).await;
    let (pty, mut child) = terminal::start(
        &context.workplace,
        environment,
        &arguments(&program),
        terminal::Size { rows: request.rows, columns: request.columns },
        |pts| terminal_modes::apply(pts, &request.modes),
    )?;
    let group = ProcessGroup::led_by(&child);
    let resizer = terminal::Resizer::of(&pty)?;
    let (reader, writer) = pty.into_split();
    context.tasks.spawn("ssh terminal input", intake.data.clone().copy_to(writer));
    let controls = async {
        while let Some(control) = intake.controls.recv().await {
            match control {
                Control::Resize { rows, columns } => resizer.resize(terminal::Size { rows, columns }),
                Control::Signal(signal) => {
                    if let Some(group) = group {
                        group.signal(to_signal(&signal));
                    }
                }
            }
        }
        std::future::pending::<()>().await;
    };
    let output = drain_terminal(reader, &mut child, write);
    let status = tokio::select! {
        status = output => Some(status?),
        () = controls => None,
        () = gone => None,
    };
    if status.is_none()
        && let Some(group) = group
    {
        group.signal(Signal::SIGHUP);
    }
    Ok(status)
}

async fn drain_terminal(
    reader: impl AsyncRead + Unpin,
    child: &mut Child,
    write: &ChannelWriteHalf<Msg>,
) -> std::io::Result<ExitStatus> {
    let mut copy = std::pin::pin!(copy_output(Some(reader), write, None));
    tokio::select! {
        () = &mut copy => child.wait().await,
        status = child.wait() => {
            drop(tokio::time::timeout(TERMINAL_DRAIN, copy).await);
            status
        }
    }
}

/// Copies until the end; a terminal reports its end as an error.
async fn copy_output(
    stream: Option<impl AsyncRead + Unpin>,
    write: &ChannelWriteHalf<Msg>,
    stream_number: Option<u32>,
) {
    let Some(mut stream) = stream else { return };
    let mut buffer = vec![0; READ_BYTES];
    while let Ok(n @ 1..) = stream.read(&mut buffer).await {
        let chunk = Bytes::copy_from_slice(&buffer[..n]);
        let sent = match stream_number {
            None => write.data_bytes(chunk).await,
            Some(number) => write.extended_data_bytes(number, chunk).await,
        };
        if sent.is_err() {
            return;
        }
    }
}

async fn show_motd(context: &Context, write: &ChannelWriteHalf<Msg>, program: &Program) {
    let manifest = context.workplace.manifest();
    let hushed = context.workplace.home().join(".hushlogin").exists();
    if hushed || manifest.motd_path.is_empty() || matches!(program, Program::Command(_)) {
        return;
    }
    let path = context.workplace.expand_path(&manifest.motd_path);
    match tokio::fs::read_to_string(&path).await {
        Ok(text) => drop(write.data_bytes(text.replace('\n', "\r\n").into_bytes()).await),
        Err(error) => tracing::debug!(path = %path.display(), %error, "cannot read the message of the day"),
    }
}

async fn finish(connection: &Handle, write: &ChannelWriteHalf<Msg>, status: ExitStatus) {
    if let Some(code) = status.code() {
        drop(write.exit_status(code.cast_unsigned()).await);
        return;
    }
    let signal = status.signal().and_then(|number| Signal::try_from(number).ok());
    let name = signal.map_or("KILL", |signal| signal.as_str().trim_start_matches("SIG"));
    let text = format!("ended by signal {name}");
    let signal = Sig::Custom(name.to_owned());
    let core_dumped = status.core_dumped();
    let _ = connection.exit_signal_request(write.id(), signal, core_dumped, text, "en".to_owned()).await;
}

fn arguments(program: &Program) -> Vec<String> {
    match program {
        Program::Shell => vec!["-l".to_owned()],
        Program::Command(command) => vec!["-c".to_owned(), command.clone()],
    }
}

fn to_signal(signal: &Sig) -> Signal {
    match signal {
        Sig::ABRT => Signal::SIGABRT,
        Sig::ALRM => Signal::SIGALRM,
        Sig::FPE => Signal::SIGFPE,
        Sig::HUP => Signal::SIGHUP,
        Sig::ILL => Signal::SIGILL,
        Sig::INT => Signal::SIGINT,
        Sig::KILL => Signal::SIGKILL,
        Sig::PIPE => Signal::SIGPIPE,
        Sig::QUIT => Signal::SIGQUIT,
        Sig::SEGV => Signal::SIGSEGV,
        Sig::TERM => Signal::SIGTERM,
        Sig::USR1 => Signal::SIGUSR1,
        Sig::Custom(name) => format!("SIG{name}").parse().unwrap_or(Signal::SIGTERM),
    }
}
