//! WebSockets of both sides as one type: messages of bytes.

use std::pin::Pin;

use axum::extract::ws;
use bytes::Bytes;
use futures::{Sink, SinkExt, Stream, StreamExt, future};
use tokio::net::TcpStream;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, tungstenite};

/// The longest message on the wire.
pub(crate) const WIRE_MAX: usize = 64 * 1024;

/// What came on a socket.
pub(super) enum Said {
    Bytes(Bytes),
    /// A text, or a message of the WebSocket itself.
    Other,
}

pub(super) type Reading = Pin<Box<dyn Stream<Item = Said> + Send>>;
pub(super) type Writing = Pin<Box<dyn Sink<Bytes, Error = ()> + Send>>;

/// A socket to another server.
pub(crate) struct Socket {
    pub(super) reading: Reading,
    pub(super) writing: Writing,
}

impl Socket {
    /// The socket of a server that has dialled.
    pub(crate) fn accepted(socket: ws::WebSocket) -> Self {
        let (sink, stream) = socket.split();
        let reading =
            stream.take_while(|message| future::ready(message.is_ok())).map(|message| match message {
                Ok(ws::Message::Binary(bytes)) => Said::Bytes(bytes),
                Ok(
                    ws::Message::Text(_)
                    | ws::Message::Ping(_)
                    | ws::Message::Pong(_)
                    | ws::Message::Close(_),
                )
                | Err(_) => Said::Other,
            });
        let writing = sink
            .with(|bytes: Bytes| future::ready(Ok::<_, axum::Error>(ws::Message::Binary(bytes))))
            .sink_map_err(drop);
        Self { reading: Box::pin(reading), writing: Box::pin(writing) }
    }

    /// A socket that this server has dialled.
    pub(super) fn dialled(socket: WebSocketStream<MaybeTlsStream<TcpStream>>) -> Self {
        let (sink, stream) = socket.split();
        let reading =
            stream.take_while(|message| future::ready(message.is_ok())).map(|message| match message {
                Ok(tungstenite::Message::Binary(bytes)) => Said::Bytes(bytes),
                Ok(
                    tungstenite::Message::Text(_)
                    | tungstenite::Message::Ping(_)
                    | tungstenite::Message::Pong(_)
                    | tungstenite::Message::Close(_)
                    | tungstenite::Message::Frame(_),
                )
                | Err(_) => Said::Other,
            });
        let writing = sink
            .with(|bytes: Bytes| {
                future::ready(Ok::<_, tungstenite::Error>(tungstenite::Message::Binary(bytes)))
            })
            .sink_map_err(drop);
        Self { reading: Box::pin(reading), writing: Box::pin(writing) }
    }

    /// Waits for a message of the handshake; none when the socket has ended, or something comes that no server says: who
    /// is not known yet is not listened to any longer.
    pub(super) async fn receive(&mut self) -> Option<Bytes> {
        match self.reading.next().await? {
            Said::Bytes(bytes) => Some(bytes),
            Said::Other => None,
        }
    }

    /// Sends a message; none when the socket has ended.
    pub(super) async fn send(&mut self, bytes: Vec<u8>) -> Option<()> {
        self.writing.send(bytes.into()).await.ok()
    }
}
