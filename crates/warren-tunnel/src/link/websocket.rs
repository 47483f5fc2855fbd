//! Links over WebSockets, as nodes outside the server dial them.

use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures::{SinkExt, StreamExt, future};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::header::SEC_WEBSOCKET_PROTOCOL;
use tokio_tungstenite::tungstenite::http::{HeaderMap, HeaderValue, Request, Response};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use warren_rt::Tasks;
use warren_tunnel_proto::Frame;
use warren_wire::relay::BATCH_MAX;
use warren_wire::tunnel::SUBPROTOCOL;

use super::{Dial, DialError, RelayLink, pair, pump};

/// Name resolution, TCP, TLS and the upgrade together.
const DIAL_TIMEOUT: Duration = Duration::from_secs(15);
/// Longest part of a refusal's body that is shown to the user, in characters.
const MESSAGE_MAX: usize = 300;

/// Dials a tunnel WebSocket.
#[derive(Clone)]
pub struct WebSocketDialer {
    url: String,
    headers: HeaderMap,
    tasks: Tasks,
}

/// A dialler for a `ws://` or `wss://` URL with these request headers (the session or agent token). The bytes are
/// moved by tasks of `tasks`.
pub fn websocket(url: impl Into<String>, headers: HeaderMap, tasks: &Tasks) -> WebSocketDialer {
    WebSocketDialer { url: url.into(), headers, tasks: tasks.clone() }
}

#[async_trait]
impl Dial for WebSocketDialer {
    async fn dial(&self) -> Result<RelayLink, DialError> {
        let request = self.request()?;
        let config = WebSocketConfig::default()
            .max_message_size(Some(2 * BATCH_MAX))
            .max_frame_size(Some(2 * BATCH_MAX));
        let connecting = tokio_tungstenite::connect_async_tls_with_config(request, Some(config), true, None);
        let (socket, _) = tokio::time::timeout(DIAL_TIMEOUT, connecting)
            .await
            .map_err(|_| DialError::Unreachable("no answer within 15 seconds".into()))?
            .map_err(dial_error)?;
        let (near, far) = pair();
        // Ends with the link, so that a stopping node can still say goodbye.
        self.tasks.spawn_graceful("tunnel websocket", carry(far, socket));
        Ok(near)
    }
}

impl WebSocketDialer {
    fn request(&self) -> Result<Request<()>, DialError> {
        let mut request = self.url.as_str().into_client_request().map_err(dial_error)?;
        let headers = request.headers_mut();
        headers.extend(self.headers.clone());
        headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
        Ok(request)
    }
}

async fn carry(link: RelayLink, socket: WebSocketStream<MaybeTlsStream<TcpStream>>) {
    let (sink, stream) = socket.split();
    let incoming = stream
        .take_while(|message| future::ready(message.is_ok()))
        .filter_map(|message| future::ready(message.ok().and_then(frame_of)));
    let outgoing = sink.with(|frame| future::ready(Ok::<_, Error>(message_of(frame))));
    pump(link, incoming, outgoing).await;
}

fn frame_of(message: Message) -> Option<Frame> {
    match message {
        Message::Text(text) => Some(Frame::Text(text.as_str().to_owned())),
        Message::Binary(bytes) => Some(Frame::Binary(owned(bytes))),
        // The protocol library answers pings and closes by itself.
        Message::Ping(_) | Message::Pong(_) | Message::Close(_) | Message::Frame(_) => None,
    }
}

fn message_of(frame: Frame) -> Message {
    match frame {
        Frame::Text(text) => Message::text(text),
        Frame::Binary(bytes) => Message::Binary(bytes.freeze()),
    }
}

/// Takes the buffer over where nobody else holds it, so that datagrams can be decrypted in place.
fn owned(bytes: Bytes) -> BytesMut {
    bytes.try_into_mut().unwrap_or_else(|shared| BytesMut::from(&shared[..]))
}

fn dial_error(error: Error) -> DialError {
    match error {
        Error::Http(response) => {
            DialError::Refused { status: response.status().as_u16(), message: refusal_text(&response) }
        }
        other => DialError::Unreachable(other.to_string()),
    }
}

/// The human part of an HTTP refusal: the `message` of our error body, else the body, else the status.
fn refusal_text(response: &Response<Option<Vec<u8>>>) -> String {
    let body = response.body().as_deref().map(String::from_utf8_lossy).unwrap_or_default();
    let message = body.split_once("\"message\":\"").and_then(|(_, rest)| rest.split('"').next());
    let text = message.unwrap_or(body.trim());
    if text.is_empty() {
        return response.status().canonical_reason().unwrap_or("unknown status").to_owned();
    }
    text.chars().take(MESSAGE_MAX).collect()
}
