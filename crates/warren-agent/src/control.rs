//! The agent's connection to the server, kept up for ever.
//!
//! Owns dialling, backoff, and moving reports out and manifests in. Must not decide what a report says.

use std::time::Duration;

use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt, StreamExt};
use http::{HeaderValue, StatusCode};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use uuid::Uuid;
use warren_rt::Backoff;
use warren_wire::agent::{
    AgentMessage, ApiVersion, Hello, MESSAGE_BYTES_MAX, Manifest, PATH, SUBPROTOCOL, ServerMessage,
    TOKEN_HEADER, Welcome,
};
use warren_wire::agent_http::ErrorBody;

use crate::agent::{AgentConfig, AgentError};
use crate::outbox::Outbox;

const BACKOFF_FIRST: Duration = Duration::from_millis(100);
const BACKOFF_MAX: Duration = Duration::from_secs(10);
/// How long dialling and the first exchange may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);
/// Three missed pings of the server.
const SILENCE_MAX: Duration = Duration::from_secs(45);
/// How long log lines are collected before they are sent.
const LOG_DELAY: Duration = Duration::from_millis(50);
/// How long a message may take to leave.
const SEND_TIMEOUT: Duration = Duration::from_secs(30);

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Why one connection ended.
#[derive(Debug, thiserror::Error)]
enum LinkError {
    #[error("{0}")]
    Refused(String),
    #[error("the server answered {status}: {message}")]
    Status { status: StatusCode, message: String },
    #[error("cannot reach the server: {0}")]
    Socket(#[from] Box<tungstenite::Error>),
    #[error("the server sent something that is not of this protocol")]
    Protocol(#[from] serde_json::Error),
    #[error("the server closed the connection: {0}")]
    Closed(String),
    #[error("the server did not answer in time")]
    Silent,
}

impl From<tungstenite::Error> for LinkError {
    fn from(error: tungstenite::Error) -> LinkError {
        LinkError::Socket(Box::new(error))
    }
}

/// Connects again and again; returns only when no retry can help.
pub(crate) async fn keep_connected(
    config: &AgentConfig,
    outbox: &Outbox,
    manifest: &watch::Sender<Option<Manifest>>,
) -> AgentError {
    let Some(request_url) = control_url(config) else { return AgentError::Url { url: config.url.clone() } };
    let hello = Hello { boot_id: Uuid::new_v4(), version: config.version.clone() };
    let mut backoff = Backoff::new(BACKOFF_FIRST, BACKOFF_MAX);
    let mut last_problem = String::new();
    loop {
        let error = match connect(config, &request_url, &hello).await {
            Ok((socket, welcome)) => {
                tracing::info!(url = %config.url, "connected to the server");
                backoff.reset();
                last_problem.clear();
                outbox.rewind(welcome.acknowledged);
                manifest.send_replace(Some(welcome.manifest));
                exchange(socket, outbox, manifest).await
            }
            Err(error) => error,
        };
        if let LinkError::Refused(reason) = error {
            return AgentError::Refused { url: config.url.clone(), reason };
        }
        // One line for each change of the problem, however often it repeats.
        let problem = error.to_string();
        if problem != last_problem {
            tracing::warn!(url = %config.url, "{problem}; trying again until it works");
            last_problem = problem;
        }
        backoff.wait().await;
    }
}

fn control_url(config: &AgentConfig) -> Option<String> {
    let mut url = config.socket_url(PATH)?;
    url.set_query(Some(&format!("version={}&role=agent", ApiVersion::CURRENT)));
    Some(url.into())
}

async fn connect(config: &AgentConfig, url: &str, hello: &Hello) -> Result<(Socket, Welcome), LinkError> {
    let connecting = async {
        let mut request = url.into_client_request()?;
        let token = HeaderValue::from_str(config.token.expose()).map_err(tungstenite::http::Error::from);
        let headers = request.headers_mut();
        headers.insert(TOKEN_HEADER, token.map_err(|error| LinkError::Refused(error.to_string()))?);
        headers.insert("Sec-WebSocket-Protocol", HeaderValue::from_static(SUBPROTOCOL));
        let limits = WebSocketConfig::default().max_message_size(Some(MESSAGE_BYTES_MAX));
        let dialled = tokio_tungstenite::connect_async_with_config(request, Some(limits), true).await;
        let (mut socket, _) = dialled.map_err(explain)?;
        socket.send(Message::text(serde_json::to_string(&AgentMessage::Hello(hello.clone()))?)).await?;
        let welcome = welcome(&mut socket).await?;
        Ok((socket, welcome))
    };
    tokio::time::timeout(CONNECT_TIMEOUT, connecting).await.map_err(|_| LinkError::Silent)?
}

async fn welcome(socket: &mut Socket) -> Result<Welcome, LinkError> {
    while let Some(message) = socket.next().await {
        match decode(&message?)? {
            Some(ServerMessage::Welcome(welcome)) => return Ok(*welcome),
            Some(ServerMessage::Goodbye { reason }) => return Err(LinkError::Closed(reason)),
            Some(ServerMessage::Ack { .. }) | None => {}
        }
    }
    Err(LinkError::Closed("no reason given".to_owned()))
}

/// Moves reports and messages until the connection ends.
async fn exchange(socket: Socket, outbox: &Outbox, manifest: &watch::Sender<Option<Manifest>>) -> LinkError {
    let (sink, stream) = socket.split();
    let result = tokio::select! {
        result = send_reports(sink, outbox) => result,
        result = receive(stream, outbox, manifest) => result,
    };
    match result {
        Ok(never) => match never {},
        Err(error) => error,
    }
}

async fn send_reports(
    mut sink: SplitSink<Socket, Message>,
    outbox: &Outbox,
) -> Result<std::convert::Infallible, LinkError> {
    loop {
        while let Some(report) = outbox.next() {
            let text = serde_json::to_string(&AgentMessage::Report(report))?;
            let sending = sink.send(Message::text(text));
            tokio::time::timeout(SEND_TIMEOUT, sending).await.map_err(|_| LinkError::Silent)??;
        }
        outbox.changed().await;
        if !outbox.is_urgent() {
            tokio::time::sleep(LOG_DELAY).await;
        }
    }
}

async fn receive(
    mut stream: SplitStream<Socket>,
    outbox: &Outbox,
    manifest: &watch::Sender<Option<Manifest>>,
) -> Result<std::convert::Infallible, LinkError> {
    loop {
        let next = tokio::time::timeout(SILENCE_MAX, stream.next()).await.map_err(|_| LinkError::Silent)?;
        let Some(message) = next else { return Err(LinkError::Closed("no reason given".to_owned())) };
        match decode(&message?)? {
            Some(ServerMessage::Ack { sequence }) => outbox.acknowledge(sequence),
            Some(ServerMessage::Welcome(welcome)) => drop(manifest.send_replace(Some(welcome.manifest))),
            Some(ServerMessage::Goodbye { reason }) => return Err(LinkError::Closed(reason)),
            None => {}
        }
    }
}

/// A message of the protocol; `None` for frames that only keep the connection alive.
fn decode(message: &Message) -> Result<Option<ServerMessage>, LinkError> {
    match message {
        Message::Text(text) => Ok(Some(serde_json::from_str(text)?)),
        Message::Close(frame) => {
            let reason =
                frame.as_ref().map(|frame| frame.reason.to_string()).filter(|reason| !reason.is_empty());
            Err(LinkError::Closed(reason.unwrap_or_else(|| "no reason given".to_owned())))
        }
        Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => Ok(None),
    }
}

/// Finds the server's own words in a refused upgrade.
fn explain(error: tungstenite::Error) -> LinkError {
    let tungstenite::Error::Http(response) = error else { return error.into() };
    let status = response.status();
    let body = response.into_body().unwrap_or_default();
    let message = match serde_json::from_slice::<ErrorBody>(&body) {
        Ok(error) => error.message,
        Err(_) => "no reason given".to_owned(),
    };
    if status == StatusCode::UNAUTHORIZED {
        return LinkError::Refused(message.trim_end_matches('.').to_owned());
    }
    LinkError::Status { status, message }
}
