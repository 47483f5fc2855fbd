//! The live stream of a chat and of the list of chats, over WebSocket or as Server-Sent Events.

mod framing;
mod list;
mod serve;
mod wire;

use axum::{
    extract::{FromRequestParts, State, ws::WebSocketUpgrade},
    http::{HeaderMap, header::ACCEPT, request::Parts},
    response::Response,
};
use bytes::Bytes;
use serde::Deserialize;
use warren_api::error::ErrorResponse;
use warren_chat::{Start, proto::StreamCursor};
use warren_rt::Tasks;
use warren_vocab::{ChatId, MessageId};

use self::{
    framing::{Framing, SUBPROTOCOLS},
    serve::{ChatSource, ListSource, serve},
    wire::Wire,
};
use crate::{
    auth::Caller,
    error::{ApiError, ApiResult},
    extract::{Params, Search, Upgrade},
    serving::Carrier,
    state::AppState,
};

/// Bytes that a viewer may send in one message: enough for what the protocol itself needs.
const MESSAGE_BYTES_MAX: usize = 4096;
/// Viewers are many and send nothing.
const READ_BUFFER_BYTES: usize = 1024;
/// Frames that go out together are written together up to this size.
const WRITE_BUFFER_BYTES: usize = 16 * 1024;

const EVENTS: &str = "text/event-stream";
const LAST_EVENT_ID: &str = "last-event-id";

#[derive(Deserialize)]
pub(super) struct StreamQuery {
    after_id: Option<i64>,
    cursor: Option<String>,
    framing: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct WatchQuery {
    framing: Option<String>,
}

#[utoipa::path(get, path = "/api/experimental/chats/{chat}/stream",
    params(("chat" = ChatId, Path), ("after_id" = Option<i64>, Query), ("cursor" = Option<String>, Query),
        ("framing" = Option<String>, Query)),
    responses((status = 101), (status = 400, body = ErrorResponse), (status = 404, body = ErrorResponse)))]
pub(super) async fn watch(
    State(state): State<AppState>,
    caller: Caller,
    Params(id): Params<ChatId>,
    Search(query): Search<StreamQuery>,
    transport: Transport,
) -> ApiResult<Response> {
    let framing = transport.framing(query.framing.as_deref())?;
    let start = start(&query, &transport.headers)?;
    // Subscribed before the upgrade, so that a failure is an HTTP error.
    let viewer = state.chat.watch(&caller.actor().subject, id, start).await?;
    let source = ChatSource { chat: id, viewer, framing };
    let tasks = state.tasks.clone();
    Ok(transport.answer(&tasks, framing.life_sign(), async move |wire| {
        mark_read(&state, &caller, id).await;
        serve(&state, &caller.session, wire, source).await;
        mark_read(&state, &caller, id).await;
    }))
}

#[utoipa::path(get, path = "/api/experimental/chats/watch", params(("framing" = Option<String>, Query)),
    responses((status = 101), (status = 400, body = ErrorResponse)))]
pub(super) async fn watch_list(
    State(state): State<AppState>,
    caller: Caller,
    Search(query): Search<WatchQuery>,
    transport: Transport,
) -> ApiResult<Response> {
    let framing = transport.framing(query.framing.as_deref())?;
    // Subscribed before the upgrade, so that nothing is lost between a client's reading of the list and this.
    let source = ListSource::new(state.chat.watch_list(&caller.actor().subject), framing);
    let tasks = state.tasks.clone();
    let life_sign = framing.list_life_sign();
    Ok(transport
        .answer(&tasks, life_sign, async move |wire| serve(&state, &caller.session, wire, source).await))
}

async fn mark_read(state: &AppState, caller: &Caller, id: ChatId) {
    if let Err(error) = state.chat.mark_read(&caller.actor().subject, id).await {
        tracing::debug!(%error, chat.id = %id, "a chat could not be marked as read");
    }
}

/// Where the stream begins. A browser that reconnects by itself repeats the first URL and names its newer place in a header.
fn start(query: &StreamQuery, headers: &HeaderMap) -> ApiResult<Start> {
    let after = query.after_id.map(MessageId);
    if query.after_id.is_some_and(|after| after < 0) {
        let error = ApiError::bad_request("The place in the history is not valid.");
        return Err(error.field("after_id", "must not be negative"));
    }
    let own = query.cursor.as_deref().map(|cursor| (cursor, "cursor"));
    let last = headers.get(LAST_EVENT_ID).map(|id| (id.to_str().unwrap_or_default(), "Last-Event-ID"));
    let Some((text, field)) = last.or(own) else { return Ok(Start { after, cursor: None }) };
    let Ok(cursor) = text.parse::<StreamCursor>() else {
        let error = ApiError::bad_request("The cursor is not valid. Connect without it to read everything.");
        return Err(error.field(field, "is not a cursor of a chat's stream"));
    };
    Ok(Start { after, cursor: Some(cursor) })
}

/// How the answer goes out: over the WebSocket that the client asks for, or as Server-Sent Events.
pub(super) struct Transport {
    upgrade: Option<WebSocketUpgrade>,
    carrier: Option<Carrier>,
    headers: HeaderMap,
}

impl FromRequestParts<AppState> for Transport {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> ApiResult<Self> {
        let headers = parts.headers.clone();
        let carrier = parts.extensions.get::<Carrier>().cloned();
        let accepts = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
        let wants_events =
            accepts.flat_map(|list| list.split(',')).any(|kind| kind.trim().starts_with(EVENTS));
        if wants_events {
            return Ok(Self { upgrade: None, carrier, headers });
        }
        let Upgrade(upgrade) = Upgrade::from_request_parts(parts, state).await?;
        Ok(Self { upgrade: Some(upgrade), carrier, headers })
    }
}

impl Transport {
    fn framing(&self, wanted: Option<&str>) -> ApiResult<Framing> {
        let framing = Framing::wanted(wanted, &self.headers)?;
        Ok(if self.upgrade.is_some() { framing } else { Framing::Events })
    }

    /// Answers the request and serves what comes after.
    fn answer<F>(
        self,
        tasks: &Tasks,
        life_sign: Option<Bytes>,
        serve: impl FnOnce(Wire) -> F + Send + 'static,
    ) -> Response
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let Some(upgrade) = self.upgrade else {
            let (wire, response) = Wire::events(self.carrier);
            tasks.spawn_graceful("event stream", serve(wire));
            return response;
        };
        let upgrade = upgrade
            .protocols(SUBPROTOCOLS)
            .max_message_size(MESSAGE_BYTES_MAX)
            .max_frame_size(MESSAGE_BYTES_MAX)
            .read_buffer_size(READ_BUFFER_BYTES)
            .write_buffer_size(WRITE_BUFFER_BYTES);
        upgrade.on_upgrade(async move |socket| Box::pin(serve(Wire::socket(socket, life_sign))).await)
    }
}
