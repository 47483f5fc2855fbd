//! Byte streams: QUIC bidirectional streams that begin with a two-byte port number.
//!
//! Owns the stream header, the codes with which a stream is refused and their wording. Both directions can be closed
//! on their own; dropping a stream closes both.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use quinn::{ReadError, RecvStream, SendStream, VarInt, WriteError};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use warren_vocab::AgentId;
use warren_wire::tunnel::PeerId;

/// The opener's tunnel does not include the port.
pub(crate) const REFUSED_PORT: VarInt = VarInt::from_u32(1);
/// Nothing takes streams for the port.
pub(crate) const NOTHING_LISTENS: VarInt = VarInt::from_u32(2);
/// The opener has another connection already.
pub(crate) const DUPLICATE: VarInt = VarInt::from_u32(4);
/// The peer has left the tunnel.
pub(crate) const PEER_LEFT: VarInt = VarInt::from_u32(3);

/// A connection to one agent; cheap to clone, shared by all callers of [`crate::TunnelNode::connect`].
#[derive(Clone, Debug)]
pub struct PeerConnection {
    agent: AgentId,
    connection: quinn::Connection,
}

/// A byte stream to or from a port.
#[derive(Debug)]
pub struct TunnelStream {
    send: SendStream,
    recv: RecvStream,
    port: u16,
}

/// A stream that a peer has opened here; its port is one that the peer may use.
#[derive(Debug)]
pub struct Incoming {
    pub peer: PeerId,
    pub port: u16,
    pub stream: TunnelStream,
}

impl PeerConnection {
    pub(crate) fn new(agent: AgentId, connection: quinn::Connection) -> PeerConnection {
        PeerConnection { agent, connection }
    }

    /// The agent at the other end.
    pub fn agent(&self) -> AgentId {
        self.agent
    }

    /// Opens a stream to a port. Whether the agent takes it shows at the first read.
    ///
    /// # Errors
    /// When the connection has ended.
    pub async fn open_stream(&self, port: u16) -> io::Result<TunnelStream> {
        let (mut send, recv) = self.connection.open_bi().await.map_err(io::Error::from)?;
        send.write_all(&port.to_be_bytes()).await?;
        Ok(TunnelStream::new(send, recv, port))
    }

    /// Whether the connection has ended.
    pub fn is_closed(&self) -> bool {
        self.connection.close_reason().is_some()
    }

    /// Waits until the connection ends.
    pub async fn closed(&self) {
        self.connection.closed().await;
    }

    /// The current estimate of the round trip to the agent.
    pub fn rtt(&self) -> std::time::Duration {
        self.connection.rtt()
    }
}

impl TunnelStream {
    pub(crate) fn new(send: SendStream, recv: RecvStream, port: u16) -> TunnelStream {
        TunnelStream { send, recv, port }
    }

    /// The port at the accepting end.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Ends the stream because nothing serves its port; the opener gets an error that says so.
    pub fn refuse(self) {
        self.reset(NOTHING_LISTENS);
    }

    /// Ends the stream in both directions with a code of this module.
    pub(crate) fn reset(mut self, code: VarInt) {
        // Both fail only when the stream has ended already, which is what is wanted.
        let _ = self.send.reset(code);
        let _ = self.recv.stop(code);
    }

    fn explain(&self, code: VarInt) -> io::Error {
        let port = self.port;
        match code {
            REFUSED_PORT => io::Error::new(
                io::ErrorKind::PermissionDenied,
                format!("this tunnel may not open port {port} of the agent"),
            ),
            NOTHING_LISTENS => io::Error::new(
                io::ErrorKind::ConnectionRefused,
                format!("nothing listens on port {port} of the agent"),
            ),
            _ => io::Error::new(io::ErrorKind::ConnectionReset, "the other end has broken the stream off"),
        }
    }

    fn explain_read(&self, error: io::Error) -> io::Error {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<ReadError>()) {
            Some(ReadError::Reset(code)) => self.explain(*code),
            Some(_) | None => error,
        }
    }

    fn explain_write(&self, error: io::Error) -> io::Error {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<WriteError>()) {
            Some(WriteError::Stopped(code)) => self.explain(*code),
            Some(_) | None => error,
        }
    }
}

impl AsyncRead for TunnelStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let result = ready!(AsyncRead::poll_read(Pin::new(&mut self.recv), cx, buf));
        Poll::Ready(result.map_err(|error| self.explain_read(error)))
    }
}

impl AsyncWrite for TunnelStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let result = ready!(AsyncWrite::poll_write(Pin::new(&mut self.send), cx, buf));
        Poll::Ready(result.map_err(|error| self.explain_write(error)))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        AsyncWrite::poll_flush(Pin::new(&mut self.send), cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        AsyncWrite::poll_shutdown(Pin::new(&mut self.send), cx)
    }
}
