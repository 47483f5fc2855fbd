//! The live stream of a chat and of the list of chats, over WebSocket.

use std::time::Duration;

use axum::{
    extract::{
        State,
        ws::{CloseFrame, Message, WebSocket, close_code},
    },
    response::Response,
};
use serde::{Deserialize, Serialize};
use tokio::time::MissedTickBehavior;
use warren_api::{
    chats::{ChatWatchEvent, ChatWatchEventKind, stream::STREAM_EVENTS_PER_FRAME_MAX},
    error::ErrorResponse,
};
use warren_chat::Viewer;
use warren_db::{Notice, Subscription};
use warren_vocab::{ChatId, MessageId};

use crate::{
    auth::Caller,
    error::ApiResult,
    extract::{Params, Search, Upgrade},
    live::while_signed_in,
    state::AppState,
    view,
};

const PING_INTERVAL: Duration = Duration::from_secs(15);
/// How long a viewer may be silent before its connection counts as dead.
const SILENCE_MAX: Duration = Duration::from_secs(40);
/// How long a slow reader may take one frame.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Deserialize)]
pub(super) struct StreamQuery {
    after_id: Option<i64>,
}

#[utoipa::path(get, path = "/api/experimental/chats/{chat}/stream",
    params(("chat" = ChatId, Path), ("after_id" = Option<i64>, Query)),
    responses((status = 101), (status = 400, body = ErrorResponse), (status = 404, body = ErrorResponse)))]
pub(super) async fn watch(
    State(state): State<AppState>,
    caller: Caller,
    Params(id): Params<ChatId>,
    Search(query): Search<StreamQuery>,
    Upgrade(upgrade): Upgrade,
) -> ApiResult<Response> {
    // Subscribed before the upgrade, so that a failure is an HTTP error.
    let viewer = state.chat.watch(&caller.actor().subject, id, query.after_id.map(MessageId)).await?;
    Ok(upgrade.on_upgrade(async move |socket| {
        let mut connection = Connection::new(socket, &state);
        mark_read(&state, &caller, id).await;
        let show = async {
            let reason = connection.show_chat(id, viewer).await;
            connection.close(reason).await;
            mark_read(&state, &caller, id).await;
        };
        Box::pin(while_signed_in(&state, &caller, show)).await;
    }))
}

#[utoipa::path(get, path = "/api/experimental/chats/watch", responses((status = 101)))]
pub(super) async fn watch_list(
    State(state): State<AppState>,
    caller: Caller,
    Upgrade(upgrade): Upgrade,
) -> Response {
    let hints = state.chat.watch_list(&caller.actor().subject);
    upgrade.on_upgrade(async move |socket| {
        let mut connection = Connection::new(socket, &state);
        let show = async {
            let reason = connection.show_list(&caller, hints).await;
            connection.close(reason).await;
        };
        Box::pin(while_signed_in(&state, &caller, show)).await;
    })
}

async fn mark_read(state: &AppState, caller: &Caller, id: ChatId) {
    if let Err(error) = state.chat.mark_read(&caller.actor().subject, id).await {
        tracing::debug!(%error, chat.id = %id, "a chat could not be marked as read");
    }
}

/// Why a connection ends.
enum End {
    /// The viewer left or broke the rules.
    Gone,
    /// The viewer was too slow or the server stops: it should come back.
    ComeBack,
}

struct Connection {
    socket: WebSocket,
    state: AppState,
    ping: tokio::time::Interval,
    heard_at: tokio::time::Instant,
}

impl Connection {
    fn new(socket: WebSocket, state: &AppState) -> Self {
        let mut ping = tokio::time::interval(PING_INTERVAL);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { socket, state: state.clone(), ping, heard_at: tokio::time::Instant::now() }
    }

    async fn show_chat(&mut self, chat: ChatId, mut viewer: Viewer) -> End {
        let stopped = self.state.tasks.token();
        loop {
            let done = tokio::select! {
                events = viewer.next() => match events {
                    Some(events) => {
                        let events: Vec<_> =
                            events.into_iter().map(|event| view::chats::event(chat, event)).collect();
                        self.send_all(&events).await
                    }
                    None => Err(End::ComeBack),
                },
                message = self.socket.recv() => self.handle(message),
                _ = self.ping.tick() => self.check_alive().await,
                () = stopped.cancelled() => Err(End::ComeBack),
            };
            if let Err(end) = done {
                return end;
            }
        }
    }

    async fn show_list(&mut self, caller: &Caller, mut hints: Subscription) -> End {
        let stopped = self.state.tasks.token();
        loop {
            let done = tokio::select! {
                notice = hints.next() => match notice {
                    Some(Notice::Hint(hint)) => self.show_change(caller, &hint).await,
                    // Hints were lost: whoever comes back reads the list again.
                    Some(Notice::Lagged) | None => Err(End::ComeBack),
                },
                message = self.socket.recv() => self.handle(message),
                _ = self.ping.tick() => self.check_alive().await,
                () = stopped.cancelled() => Err(End::ComeBack),
            };
            if let Err(end) = done {
                return end;
            }
        }
    }

    async fn show_change(&mut self, caller: &Caller, hint: &serde_json::Value) -> Result<(), End> {
        let kind: Option<ChatWatchEventKind> = serde_json::from_value(hint["kind"].clone()).ok();
        let id: Option<ChatId> = serde_json::from_value(hint["chat_id"].clone()).ok();
        let (Some(kind), Some(id)) = (kind, id) else { return Ok(()) };
        let Ok(row) = self.state.chat.get(&caller.actor().subject, id).await else { return Ok(()) };
        let unread = self.state.chat.unread(std::slice::from_ref(&row)).await;
        let unread = unread.is_ok_and(|unread| unread.first().copied().unwrap_or(false));
        let Ok(chat) = view::chats::chat(row, unread) else { return Ok(()) };
        let text = serde_json::to_string(&ChatWatchEvent { kind, chat, tool_calls: Vec::new() })
            .map_err(|_| End::Gone)?;
        self.send(Message::Text(text.into())).await
    }

    async fn send_all<T: Serialize>(&mut self, events: &[T]) -> Result<(), End> {
        for batch in events.chunks(STREAM_EVENTS_PER_FRAME_MAX) {
            let mut text = serde_json::to_string(batch).map_err(|_| End::Gone)?;
            text.push('\n');
            self.send(Message::Text(text.into())).await?;
        }
        Ok(())
    }

    async fn send(&mut self, message: Message) -> Result<(), End> {
        match tokio::time::timeout(SEND_TIMEOUT, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(End::Gone),
            Err(_) => Err(End::ComeBack),
        }
    }

    /// Viewers have nothing to say; whatever they say ends the connection.
    fn handle(&mut self, message: Option<Result<Message, axum::Error>>) -> Result<(), End> {
        self.heard_at = tokio::time::Instant::now();
        match message {
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(()),
            Some(Ok(Message::Text(_) | Message::Binary(_) | Message::Close(_)) | Err(_)) | None => {
                Err(End::Gone)
            }
        }
    }

    async fn check_alive(&mut self) -> Result<(), End> {
        if self.heard_at.elapsed() > SILENCE_MAX {
            return Err(End::Gone);
        }
        self.send(Message::Ping(Vec::new().into())).await
    }

    async fn close(&mut self, end: End) {
        let frame = match end {
            End::Gone => CloseFrame { code: close_code::NORMAL, reason: "".into() },
            End::ComeBack => CloseFrame { code: close_code::AWAY, reason: "reconnect with after_id".into() },
        };
        // The connection may be broken already.
        let _ = self.send(Message::Close(Some(frame))).await;
    }
}
