//! The web terminal: a WebSocket joined to the agent's reconnecting terminal.
//!
//! Owns the bridge only; the agent keeps the terminal, so a viewer that comes back with the same `reconnect` id finds it.

use std::time::Duration;

use axum::{
    extract::{
        State,
        ws::{CloseFrame, Message, WebSocket, close_code},
    },
    response::Response,
};
use bytes::Bytes;
use futures::{
    SinkExt, StreamExt,
    stream::{SplitSink, SplitStream},
};
use serde::Deserialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use utoipa_axum::{router::OpenApiRouter, routes};
use warren_api::error::ErrorResponse;
use warren_authz::Action;
use warren_tunnel::{PORT_PTY, TunnelStream};
use warren_vocab::AgentId;
use warren_wire::agent_terminal::{INPUT_BYTES_MAX, Init, encode_init};

use crate::{
    auth::Caller,
    error::{ApiError, ApiResult},
    extract::{Params, Search, Upgrade},
    live::while_signed_in,
    state::AppState,
    tunnel::{UserRights, revoked},
};

/// How long it may take to reach the agent.
const CONNECT_PATIENCE: Duration = Duration::from_secs(30);
const PING_INTERVAL: Duration = Duration::from_secs(15);
/// How long a slow viewer may take one message.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);
const READ_BYTES: usize = 32 << 10;
/// Longest reason in a close frame, in bytes.
const REASON_BYTES_MAX: usize = 120;

#[derive(Deserialize)]
struct Query {
    reconnect: Option<String>,
    width: Option<u16>,
    height: Option<u16>,
    #[serde(default)]
    command: String,
}

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(pty))
}

#[utoipa::path(get, path = "/api/v2/workspaceagents/{workspaceagent}/pty",
    params(("workspaceagent" = AgentId, Path), ("reconnect" = String, Query), ("width" = Option<u16>, Query),
        ("height" = Option<u16>, Query), ("command" = Option<String>, Query)),
    responses((status = 101), (status = 400, body = ErrorResponse), (status = 404, body = ErrorResponse)))]
async fn pty(
    State(state): State<AppState>,
    caller: Caller,
    Params(id): Params<AgentId>,
    Search(query): Search<Query>,
    Upgrade(upgrade): Upgrade,
) -> ApiResult<Response> {
    state.app.find_agent(caller.actor(), id, Action::Ssh).await?;
    let reconnect =
        query.reconnect.as_deref().and_then(|text| text.parse::<uuid::Uuid>().ok()).ok_or_else(|| {
            ApiError::bad_request("Query parameters have invalid values.")
                .field("reconnect", "must be a UUID that names the terminal")
        })?;
    let init = Init {
        id: reconnect,
        height: query.height.unwrap_or(24),
        width: query.width.unwrap_or(80),
        command: query.command,
    };
    let first = encode_init(&init).map_err(|error| {
        ApiError::bad_request("Query parameters have invalid values.").field("command", error.to_string())
    })?;
    let upgrade = upgrade.max_message_size(INPUT_BYTES_MAX);
    let rights = UserRights::of(state.app.clone(), &caller);
    Ok(upgrade.on_upgrade(async move |socket| {
        let bridge = bridge(socket, state.clone(), rights, id, first);
        Box::pin(while_signed_in(&state, &caller, bridge)).await;
    }))
}

async fn bridge(mut socket: WebSocket, state: AppState, rights: UserRights, id: AgentId, first: Vec<u8>) {
    let stopped = state.tasks.token();
    let stream = tokio::select! {
        stream = open(&state, id, &first) => stream,
        () = stopped.cancelled() => return,
    };
    let stream = match stream {
        Ok(stream) => stream,
        Err(reason) => {
            tracing::debug!(agent.id = %id, reason, "a terminal could not be opened");
            let _ = close(&mut socket, close_code::ERROR, &reason).await;
            return;
        }
    };
    let (from_agent, to_agent) = tokio::io::split(stream);
    let (to_viewer, from_viewer) = socket.split();
    let mut to_viewer = tokio::select! {
        to_viewer = show(from_agent, to_viewer) => to_viewer,
        () = type_in(from_viewer, to_agent) => return,
        reason = revoked(rights, id) => {
            tracing::debug!(agent.id = %id, reason, "a terminal was cut off");
            return;
        }
        () = stopped.cancelled() => return,
    };
    let _ = close(&mut to_viewer, close_code::NORMAL, "the terminal ended").await;
}

async fn open(state: &AppState, id: AgentId, first: &[u8]) -> Result<TunnelStream, String> {
    let peer = state.node.connect(id, CONNECT_PATIENCE).await.map_err(|error| error.to_string())?;
    let mut stream = peer.open_stream(PORT_PTY).await.map_err(|error| error.to_string())?;
    stream.write_all(first).await.map_err(|error| error.to_string())?;
    Ok(stream)
}

/// Sends the terminal's bytes to the viewer until either is gone.
async fn show(
    mut from_agent: ReadHalf<TunnelStream>,
    mut to_viewer: SplitSink<WebSocket, Message>,
) -> SplitSink<WebSocket, Message> {
    let mut buffer = vec![0; READ_BYTES];
    let mut ping = tokio::time::interval(PING_INTERVAL);
    loop {
        let message = tokio::select! {
            read = from_agent.read(&mut buffer) => match read {
                Ok(n @ 1..) => Message::Binary(Bytes::copy_from_slice(&buffer[..n])),
                Ok(0) | Err(_) => return to_viewer,
            },
            _ = ping.tick() => Message::Ping(Bytes::new()),
        };
        match tokio::time::timeout(SEND_TIMEOUT, to_viewer.send(message)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) | Err(_) => return to_viewer,
        }
    }
}

/// Sends what the viewer types to the terminal until either is gone.
async fn type_in(mut from_viewer: SplitStream<WebSocket>, mut to_agent: WriteHalf<TunnelStream>) {
    while let Some(Ok(message)) = from_viewer.next().await {
        let bytes = match message {
            Message::Binary(bytes) => bytes,
            Message::Text(text) => text.into(),
            Message::Ping(_) | Message::Pong(_) => continue,
            Message::Close(_) => break,
        };
        if to_agent.write_all(&bytes).await.is_err() {
            break;
        }
    }
    // The agent sees the end of the stream and detaches the viewer; the terminal lives on.
    let _ = to_agent.shutdown().await;
}

async fn close(sink: &mut (impl futures::Sink<Message> + Unpin), code: u16, reason: &str) -> Result<(), ()> {
    let end = reason.floor_char_boundary(REASON_BYTES_MAX);
    let frame = CloseFrame { code, reason: reason[..end].into() };
    let sending = sink.send(Message::Close(Some(frame)));
    tokio::time::timeout(SEND_TIMEOUT, sending).await.map_err(drop)?.map_err(drop)
}
