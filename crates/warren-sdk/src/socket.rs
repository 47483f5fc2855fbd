//! One-way WebSockets whose text frames are JSON.

use std::{marker::PhantomData, time::Duration};

use futures::{SinkExt, StreamExt};
use reqwest::StatusCode;
use serde::de::DeserializeOwned;
use tokio::{net::TcpStream, time::Instant};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream,
    tungstenite::{self, Message, client::IntoClientRequest, http::HeaderValue},
};
use url::Url;

use crate::{
    client::{Client, SESSION_TOKEN_HEADER, refused, root_cause},
    error::SdkError,
};

const OPEN_TIMEOUT: Duration = Duration::from_secs(15);
/// The server pings every 15 s; three missed pings mean that it is gone.
const SILENCE_MAX: Duration = Duration::from_secs(45);

/// Which socket to open.
#[derive(Debug, Clone)]
pub struct SocketRequest {
    path: String,
}

impl SocketRequest {
    /// Names the socket by path and query.
    pub fn new(path: &str) -> Self {
        Self { path: path.to_owned() }
    }
}

/// The frames of a socket, each read as a `T`.
pub struct JsonFrames<T> {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    url: Url,
    heard_at: Instant,
    frame: PhantomData<fn() -> T>,
}

impl Client {
    /// Opens a socket with this client's token.
    ///
    /// # Errors
    /// The server's refusal is [`SdkError::Api`], as for any other request.
    pub async fn socket<T>(&self, request: SocketRequest) -> Result<JsonFrames<T>, SdkError> {
        let mut url = self.url(&request.path);
        let scheme = if url.scheme() == "https" { "wss" } else { "ws" };
        url.set_scheme(scheme).expect("http and ws are both special schemes");
        let unexpected = |reason: String| SdkError::Unexpected { url: url.clone(), reason };
        let mut handshake =
            url.as_str().into_client_request().map_err(|error| unexpected(error.to_string()))?;
        for (name, value) in self.headers() {
            handshake.headers_mut().insert(name.clone(), value.clone());
        }
        if let Some(token) = self.token() {
            let token = HeaderValue::from_str(token).map_err(|error| unexpected(error.to_string()))?;
            handshake.headers_mut().insert(SESSION_TOKEN_HEADER, token);
        }
        let opened = tokio::time::timeout(OPEN_TIMEOUT, tokio_tungstenite::connect_async(handshake)).await;
        match opened {
            Err(_) => Err(SdkError::TimedOut { url: self.base().clone(), seconds: OPEN_TIMEOUT.as_secs() }),
            Ok(Err(error)) => Err(open_error(self.base(), error)),
            Ok(Ok((socket, _))) => Ok(JsonFrames {
                socket,
                url: self.base().clone(),
                heard_at: Instant::now(),
                frame: PhantomData,
            }),
        }
    }
}

impl<T: DeserializeOwned> JsonFrames<T> {
    /// Waits for the next frame. `None` means that the server ended the stream in the ordinary way.
    /// Cancel-safe; waits that were given up count as silence all the same.
    ///
    /// # Errors
    /// [`SdkError::Broken`] when the connection is lost or silent for too long.
    pub async fn next(&mut self) -> Option<Result<T, SdkError>> {
        loop {
            let deadline = self.heard_at + SILENCE_MAX;
            let message = match tokio::time::timeout_at(deadline, self.socket.next()).await {
                Err(_) => return Some(Err(self.broken("nothing was heard from the server for 45 s".into()))),
                Ok(None) => return Some(Err(self.broken("it was closed without a reason".into()))),
                Ok(Some(Err(error))) => return Some(Err(self.broken(root_cause(&error)))),
                Ok(Some(Ok(message))) => message,
            };
            self.heard_at = Instant::now();
            match message {
                Message::Text(text) => return Some(self.decode(text.as_bytes())),
                Message::Binary(bytes) => return Some(self.decode(&bytes)),
                Message::Close(Some(frame)) if u16::from(frame.code) != 1000 => {
                    return Some(Err(self.broken(format!(
                        "{} (code {})",
                        frame.reason,
                        u16::from(frame.code)
                    ))));
                }
                Message::Close(_) => return None,
                Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
            }
        }
    }

    /// Ends the stream politely.
    pub async fn close(mut self) {
        // The peer may be gone already; then there is nothing to say to it.
        let _ = self.socket.close(None).await;
        let _ = self.socket.flush().await;
    }

    fn decode(&self, bytes: &[u8]) -> Result<T, SdkError> {
        serde_json::from_slice(bytes)
            .map_err(|error| SdkError::Unexpected { url: self.url.clone(), reason: error.to_string() })
    }

    fn broken(&self, reason: String) -> SdkError {
        SdkError::Broken { url: self.url.clone(), reason }
    }
}

fn open_error(base: &Url, error: tungstenite::Error) -> SdkError {
    if let tungstenite::Error::Http(response) = &error {
        let status = StatusCode::from_u16(response.status().as_u16()).unwrap_or(StatusCode::BAD_GATEWAY);
        let body = response.body().as_deref().unwrap_or_default();
        return refused(status, base.clone(), body);
    }
    SdkError::Unreachable { url: base.clone(), reason: root_cause(&error) }
}
