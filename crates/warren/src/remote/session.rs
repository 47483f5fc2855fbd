//! One shell or command over the SSH protocol, with its exit status passed through.

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, bail};
use russh::{
    ChannelMsg, ChannelReadHalf, ChannelWriteHalf,
    client::{self, Msg},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    signal::unix::{SignalKind, signal},
};

use crate::{
    failure::{Ended, Exit},
    terminal::{self, RawMode},
};

/// How long the SSH handshake may take.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(20);
/// OpenSSH's status for a connection that was lost.
const CONNECTION_LOST: u8 = 255;
/// What a shell reports for a program that was stopped because nobody reads its output.
const READER_LEFT: u8 = 128 + 13;
const KEEPALIVE: Duration = Duration::from_secs(15);
const STDIN_CHUNK: usize = 32 << 10;

/// What to run.
#[derive(Debug, Clone)]
pub struct Run {
    /// A shell when empty.
    pub command: String,
    pub terminal: bool,
    pub env: Vec<(String, String)>,
}

/// Runs it over a stream to the agent's SSH server and returns the remote exit status.
///
/// # Errors
/// When the connection is lost, with exit status 255.
pub async fn run(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    run: &Run,
) -> anyhow::Result<Exit> {
    let config = client::Config {
        keepalive_interval: Some(KEEPALIVE),
        window_size: 4 << 20,
        maximum_packet_size: STDIN_CHUNK as u32,
        nodelay: true,
        ..client::Config::default()
    };
    let connecting = client::connect_stream(Arc::new(config), stream, Peer);
    let mut handle = tokio::time::timeout(HANDSHAKE_TIMEOUT, connecting)
        .await
        .context("the agent did not answer within 20 s")?
        .context("the SSH connection to the agent failed")?;
    let login = handle.authenticate_none("warren").await.context("the SSH connection to the agent failed")?;
    if !login.success() {
        bail!("the agent refused the SSH session");
    }
    let channel = handle.channel_open_session().await.context("the agent refused an SSH session")?;
    let (read, write) = channel.split();
    start(&write, run).await.context("the SSH connection to the agent failed")?;
    let raw = if run.terminal { RawMode::enter() } else { None };
    let outcome = relay(read, write, run.terminal).await;
    drop(raw);
    let Some(status) = outcome.context("the SSH connection to the agent failed")? else {
        let message = "the connection to the workspace was lost".to_owned();
        return Err(Ended { status: CONNECTION_LOST, message }.into());
    };
    Ok(Exit(status))
}

async fn start(channel: &ChannelWriteHalf<Msg>, run: &Run) -> Result<(), russh::Error> {
    for (name, value) in &run.env {
        channel.set_env(false, name.as_str(), value.as_str()).await?;
    }
    if run.terminal {
        let size = terminal::size();
        let term = std::env::var("TERM").unwrap_or_else(|_| "xterm-256color".into());
        channel.request_pty(false, &term, size.columns, size.rows, 0, 0, &[]).await?;
    }
    if run.command.is_empty() {
        channel.request_shell(true).await
    } else {
        channel.exec(true, run.command.as_str()).await
    }
}

/// Carries everything until the remote side closes the channel; `None` when it was lost before an exit status.
async fn relay(
    mut read: ChannelReadHalf,
    write: ChannelWriteHalf<Msg>,
    terminal: bool,
) -> anyhow::Result<Option<u8>> {
    let input = send_input(&write);
    let sizes = send_sizes(&write, terminal);
    let output = receive(&mut read);
    tokio::pin!(input, sizes, output);
    let mut reading = true;
    loop {
        tokio::select! {
            status = &mut output => return status,
            sent = &mut input, if reading => {
                reading = false;
                // The remote side tells why it does not read any more; that is waited for.
                if let Err(error) = sent {
                    tracing::debug!(%error, "standard input is not sent any more");
                }
            }
            () = &mut sizes => {}
        }
    }
}

async fn send_input(write: &ChannelWriteHalf<Msg>) -> anyhow::Result<()> {
    let mut stdin = tokio::io::stdin();
    let mut buffer = vec![0; STDIN_CHUNK];
    loop {
        let n = stdin.read(&mut buffer).await?;
        if n == 0 {
            write.eof().await?;
            return Ok(());
        }
        write.data(&buffer[..n]).await?;
    }
}

/// Tells the remote terminal every new size; never returns.
async fn send_sizes(write: &ChannelWriteHalf<Msg>, terminal: bool) {
    if terminal && let Ok(mut changes) = signal(SignalKind::window_change()) {
        while changes.recv().await.is_some() {
            let size = terminal::size();
            if write.window_change(size.columns, size.rows, 0, 0).await.is_err() {
                break;
            }
        }
    }
    std::future::pending().await
}

async fn receive(read: &mut ChannelReadHalf) -> anyhow::Result<Option<u8>> {
    let mut status = None;
    let (mut stdout, mut stderr) = (tokio::io::stdout(), tokio::io::stderr());
    while let Some(message) = read.wait().await {
        match message {
            ChannelMsg::Data { data } => {
                match print(&mut stdout, &data).await {
                    // The reader has left, as in `… | head -1`: the remote command is not wanted any more.
                    Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => {
                        return Ok(Some(READER_LEFT));
                    }
                    written => written?,
                }
            }
            ChannelMsg::ExtendedData { data, ext: 1 } => {
                stderr.write_all(&data).await?;
                stderr.flush().await?;
            }
            // Statuses above 255 do not exist on Unix; agents elsewhere get the nearest.
            ChannelMsg::ExitStatus { exit_status } => {
                status = Some(u8::try_from(exit_status).unwrap_or(u8::MAX))
            }
            ChannelMsg::ExitSignal { signal_name, .. } => status = Some(128 + signal_number(&signal_name)),
            ChannelMsg::Failure => bail!("the agent refused to start the command"),
            // The enum is russh's own; what else it has does not concern a client.
            _ => {}
        }
    }
    Ok(status)
}

async fn print(stdout: &mut tokio::io::Stdout, data: &[u8]) -> std::io::Result<()> {
    stdout.write_all(data).await?;
    stdout.flush().await
}

/// The shell convention is 128 plus the signal's number.
fn signal_number(signal: &russh::Sig) -> u8 {
    match signal {
        russh::Sig::HUP => 1,
        russh::Sig::INT => 2,
        russh::Sig::QUIT => 3,
        russh::Sig::ILL => 4,
        russh::Sig::ABRT => 6,
        russh::Sig::FPE => 8,
        russh::Sig::KILL => 9,
        russh::Sig::SEGV => 11,
        russh::Sig::PIPE => 13,
        russh::Sig::ALRM => 14,
        russh::Sig::TERM => 15,
        russh::Sig::USR1 => 10,
        russh::Sig::Custom(_) => 0,
    }
}

/// The tunnel has authenticated the agent already, so its host key proves nothing more.
struct Peer;

impl client::Handler for Peer {
    type Error = russh::Error;

    async fn check_server_key(
        &mut self,
        _key: &russh::keys::PublicKeyOrCertificate,
    ) -> Result<bool, Self::Error> {
        Ok(true)
    }
}
