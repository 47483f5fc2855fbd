//! The reconnecting terminal service of tunnel port 2, which the web terminal uses.
//!
//! Owns terminals by id: a connection with a known id attaches to the living terminal and first gets its recent output.
//! Several connections may look at one terminal; the last size wins. Must not know WebSockets.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use uuid::Uuid;
use warren_rt::Tasks;
use warren_wire::agent_terminal::{Init, Input, InputDecoder, TerminalFrameError};

use crate::workplace::Workplace;
use host::Host;

mod host;

/// How long a terminal without a viewer lives.
const IDLE_TIMEOUT: Duration = Duration::from_secs(5 * 60);
/// How long a connection may take to say what it wants.
const INIT_TIMEOUT: Duration = Duration::from_secs(30);

/// Why a connection ended early.
#[derive(Debug, thiserror::Error)]
pub enum TerminalError {
    #[error("the terminal request did not arrive in time")]
    InitTimeout,
    #[error("the connection broke")]
    Io(#[from] std::io::Error),
    #[error(transparent)]
    Frame(#[from] TerminalFrameError),
    #[error("the terminal ended while a viewer attached")]
    Ended,
}

/// What a connection asks of a terminal.
enum Request {
    Attach { viewer: u64, rows: u16, columns: u16, output: mpsc::Sender<Bytes> },
    Detach { viewer: u64 },
    Input(Input),
}

/// All terminals of the agent.
#[derive(Clone)]
pub struct TerminalServer {
    workplace: Arc<Workplace>,
    tasks: Tasks,
    terminals: Arc<Mutex<HashMap<Uuid, mpsc::Sender<Request>>>>,
    idle_timeout: Duration,
}

impl TerminalServer {
    /// Makes a server without terminals.
    #[must_use]
    pub fn new(workplace: Arc<Workplace>, tasks: Tasks) -> TerminalServer {
        TerminalServer { workplace, tasks, terminals: Arc::default(), idle_timeout: IDLE_TIMEOUT }
    }

    /// Serves one connection until it, or its terminal, ends.
    ///
    /// # Errors
    /// [`TerminalError`] when the client does not speak the protocol or no terminal can be started.
    pub async fn serve(&self, stream: impl AsyncRead + AsyncWrite + Send) -> Result<(), TerminalError> {
        let (mut reader, mut writer) = tokio::io::split(stream);
        let init = tokio::time::timeout(INIT_TIMEOUT, read_init(&mut reader))
            .await
            .map_err(|_| TerminalError::InitTimeout)??;
        let terminal = match self.terminal(&init) {
            Ok(terminal) => terminal,
            Err(error) => {
                let text = format!("The workspace cannot open a terminal: {error}\r\n");
                writer.write_all(text.as_bytes()).await?;
                writer.shutdown().await?;
                return Err(error.into());
            }
        };
        // A viewer that is this many chunks behind is disconnected; it attaches again and gets the recent output.
        let (output, mut shown) = mpsc::channel(256);
        let viewer = rand::random();
        let attach = Request::Attach { viewer, rows: init.height, columns: init.width, output };
        terminal.send(attach).await.map_err(|_| TerminalError::Ended)?;
        let outward = async {
            while let Some(chunk) = shown.recv().await {
                writer.write_all(&chunk).await?;
                writer.flush().await?;
            }
            writer.shutdown().await?;
            Ok(())
        };
        let result = tokio::select! {
            result = outward => result,
            result = forward_input(&mut reader, &terminal) => result,
        };
        drop(terminal.send(Request::Detach { viewer }).await);
        result
    }

    /// The living terminal of this id, or a new one.
    fn terminal(&self, init: &Init) -> std::io::Result<mpsc::Sender<Request>> {
        let mut terminals = self.terminals.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(terminal) = terminals.get(&init.id).filter(|terminal| !terminal.is_closed()) {
            return Ok(terminal.clone());
        }
        // Waits when full: keys typed faster than the terminal takes them slow their connection.
        let (sender, requests) = mpsc::channel(64);
        let host = Host::start(&self.workplace, init, requests, self.idle_timeout)?;
        let (id, registry) = (init.id, self.terminals.clone());
        self.tasks.spawn("terminal", async move {
            host.run().await;
            let mut terminals = registry.lock().unwrap_or_else(PoisonError::into_inner);
            if terminals.get(&id).is_some_and(mpsc::Sender::is_closed) {
                terminals.remove(&id);
            }
        });
        terminals.insert(init.id, sender.clone());
        Ok(sender)
    }
}

async fn read_init(reader: &mut (impl AsyncRead + Unpin)) -> Result<Init, TerminalError> {
    let length = reader.read_u16_le().await?;
    let mut json = vec![0; length.into()];
    reader.read_exact(&mut json).await?;
    Ok(serde_json::from_slice(&json).map_err(TerminalFrameError::Json)?)
}

async fn forward_input(
    reader: &mut (impl AsyncRead + Unpin),
    terminal: &mpsc::Sender<Request>,
) -> Result<(), TerminalError> {
    let mut decoder = InputDecoder::default();
    let mut buffer = vec![0; 16 << 10];
    loop {
        let n = reader.read(&mut buffer).await?;
        if n == 0 {
            return Ok(());
        }
        for input in decoder.push(&buffer[..n])? {
            terminal.send(Request::Input(input)).await.map_err(|_| TerminalError::Ended)?;
        }
    }
}

#[cfg(test)]
mod tests;
