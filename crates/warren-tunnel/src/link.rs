//! Links: ordered message channels between a node and the hub, whatever carries them.
//!
//! Owns the in-process pair, the WebSocket dialler and the pump that joins a link to any message stream. Must not look
//! into messages.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use futures::{Sink, SinkExt, Stream, StreamExt, pin_mut};
use tokio::sync::mpsc;
use tokio::time::timeout;
use warren_tunnel_proto::Frame;

mod websocket;
pub use websocket::{WebSocketDialer, websocket};

/// Messages that a link buffers per direction. When it is full the writer waits, down to QUIC's congestion control.
const LINK_QUEUE: usize = 8;
/// Messages that are written to a transport before it is flushed.
const FLUSH_EVERY: usize = 16;

/// Time to write what a dropped link said last.
const LAST_WORDS_MAX: Duration = Duration::from_secs(2);

/// One end of a link. It is closed by dropping it.
#[derive(Debug)]
pub struct RelayLink {
    pub(crate) sender: mpsc::Sender<Frame>,
    pub(crate) receiver: mpsc::Receiver<Frame>,
}

/// Makes links; called again after every broken one.
#[async_trait]
pub trait Dial: Send + Sync + 'static {
    /// Opens a new link.
    ///
    /// # Errors
    /// [`DialError::Refused`] when trying again is no use until something changes.
    async fn dial(&self) -> Result<RelayLink, DialError>;
}

/// Why a link could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// The server answered and said no.
    #[error("the server refused the tunnel with status {status}: {message}")]
    Refused { status: u16, message: String },
    /// The server could not be reached, or broke off.
    #[error("the server cannot be reached: {0}")]
    Unreachable(String),
}

impl DialError {
    /// Whether the same request will be refused again.
    pub fn is_permanent(&self) -> bool {
        match self {
            // A gateway in front of a restarting server answers 404 and 5xx for a while; these are worth repeating.
            DialError::Refused { status, .. } => matches!(status, 400 | 401 | 403 | 409),
            DialError::Unreachable(_) => false,
        }
    }
}

/// Two ends of an in-process link.
pub fn pair() -> (RelayLink, RelayLink) {
    let (left_sender, right_receiver) = mpsc::channel(LINK_QUEUE);
    let (right_sender, left_receiver) = mpsc::channel(LINK_QUEUE);
    let left = RelayLink { sender: left_sender, receiver: left_receiver };
    let right = RelayLink { sender: right_sender, receiver: right_receiver };
    (left, right)
}

/// Joins one end of a link with a message transport until either side ends.
pub async fn pump<R, W>(link: RelayLink, incoming: R, outgoing: W)
where
    R: Stream<Item = Frame> + Send,
    W: Sink<Frame> + Send,
    W::Error: fmt::Display,
{
    let RelayLink { sender, receiver } = link;
    let writing = pump_out(receiver, outgoing);
    pin_mut!(writing);
    let result = tokio::select! {
        result = &mut writing => result,
        end = pump_in(incoming, sender) => match end {
            Ended::Transport => return,
            // The other end of the link has been dropped; what it said last is still sent.
            Ended::Link => timeout(LAST_WORDS_MAX, writing).await.unwrap_or(Ok(())),
        },
    };
    if let Err(error) = result {
        tracing::debug!(%error, "tunnel link could not be written");
    }
}

/// Which side of a pump has ended.
enum Ended {
    Transport,
    Link,
}

async fn pump_in(incoming: impl Stream<Item = Frame>, sender: mpsc::Sender<Frame>) -> Ended {
    pin_mut!(incoming);
    while let Some(frame) = incoming.next().await {
        if sender.send(frame).await.is_err() {
            return Ended::Link;
        }
    }
    Ended::Transport
}

async fn pump_out<W: Sink<Frame>>(mut receiver: mpsc::Receiver<Frame>, outgoing: W) -> Result<(), W::Error> {
    pin_mut!(outgoing);
    while let Some(frame) = receiver.recv().await {
        outgoing.feed(frame).await?;
        for _ in 1..FLUSH_EVERY {
            let Ok(frame) = receiver.try_recv() else { break };
            outgoing.feed(frame).await?;
        }
        outgoing.flush().await?;
    }
    outgoing.close().await
}
