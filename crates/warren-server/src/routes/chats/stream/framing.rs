//! Events as they go over the wire: one producer, three forms.

use axum::http::{HeaderMap, header::SEC_WEBSOCKET_PROTOCOL};
use bytes::Bytes;
use serde::Serialize;
use warren_api::chats::{
    ChatStreamEvent, ChatWatchEvent,
    stream::{Envelope, EnvelopeKind},
};
use warren_chat::{Frame, WireForm};
use warren_vocab::ChatId;

use crate::{
    error::{ApiError, ApiResult},
    view,
};

/// How the payload of a frame is wrapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// A WebSocket message with the bare payload.
    Bare,
    /// A WebSocket message with an envelope around the payload.
    Envelope,
    /// A block of Server-Sent Events.
    Events,
}

/// The WebSocket subprotocols that stand for a framing, for clients that cannot choose the URL.
pub(super) const SUBPROTOCOLS: [&str; 2] = ["chat.bare", "chat.envelope"];

impl Framing {
    /// The framing that a WebSocket client asks for by the query or by a subprotocol.
    pub(super) fn wanted(query: Option<&str>, headers: &HeaderMap) -> ApiResult<Self> {
        match query {
            Some("bare") => return Ok(Self::Bare),
            Some("envelope") => return Ok(Self::Envelope),
            Some(_) => {
                let error = ApiError::bad_request("The framing is not known.");
                return Err(error.field("framing", "must be `bare` or `envelope`"));
            }
            None => {}
        }
        let offered = headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|value| value.to_str().ok());
        let known = offered.flat_map(|list| list.split(',')).map(str::trim).find_map(|name| match name {
            "chat.bare" => Some(Self::Bare),
            "chat.envelope" => Some(Self::Envelope),
            _ => None,
        });
        Ok(known.unwrap_or(Self::Bare))
    }

    /// The bytes of a frame of a chat's stream, made once for all viewers that get the same.
    pub(super) fn frame(self, chat: ChatId, frame: &Frame) -> Bytes {
        let form = match self {
            Self::Bare => WireForm::Array,
            Self::Envelope => WireForm::Envelope,
            Self::Events => WireForm::ServerSentEvents,
        };
        frame.bytes(form, |frame| {
            let mut events: Vec<_> =
                frame.events.iter().cloned().map(|event| view::chats::event(chat, event)).collect();
            let cursor = frame.cursor.to_string();
            if let Some(last) = events.last_mut() {
                last.cursor = Some(cursor.clone());
            }
            self.events(&events, Some(&cursor))
        })
    }

    /// The bytes of events; the cursor is the id of a block of Server-Sent Events.
    pub(super) fn events(self, events: &[ChatStreamEvent], cursor: Option<&str>) -> Bytes {
        self.payload(&events, cursor)
    }

    /// The bytes of a change of the list of chats.
    pub(super) fn change(self, change: &ChatWatchEvent) -> Bytes {
        self.payload(change, None)
    }

    /// What is sent first to whoever watches the list of chats.
    pub(super) fn greeting(self) -> Option<Bytes> {
        match self {
            Self::Bare => None,
            Self::Envelope => Some(ping()),
            Self::Events => Some(Bytes::from_static(b": open\n\n")),
        }
    }

    /// What the viewer of a chat gets in a WebSocket that was quiet for a while. Pages see no pings of WebSockets, so only a
    /// message tells them that the connection is alive: an array of no events.
    pub(super) fn life_sign(self) -> Option<Bytes> {
        match self {
            Self::Bare => Some(Bytes::from_static(b"[]\n")),
            Self::Envelope => Some(ping()),
            Self::Events => None,
        }
    }

    /// The same for the list of chats, whose bare messages are one change each: there is none without a change.
    pub(super) fn list_life_sign(self) -> Option<Bytes> {
        match self {
            Self::Bare | Self::Events => None,
            Self::Envelope => Some(ping()),
        }
    }

    fn payload<T: Serialize>(self, payload: &T, id: Option<&str>) -> Bytes {
        let mut text = match self {
            Self::Bare => json(payload),
            Self::Envelope => json(&Envelope { kind: EnvelopeKind::Data, data: Some(payload) }),
            Self::Events => {
                let mut block = id.map(|id| format!("id: {id}\n").into_bytes()).unwrap_or_default();
                block.extend_from_slice(b"data: ");
                // JSON has no line breaks outside strings, and inside they are escaped.
                block.append(&mut json(payload));
                block.push(b'\n');
                block
            }
        };
        text.push(b'\n');
        text.into()
    }
}

fn ping() -> Bytes {
    json(&Envelope::<()> { kind: EnvelopeKind::Ping, data: None }).into()
}

fn json<T: Serialize>(value: &T) -> Vec<u8> {
    serde_json::to_vec(value).expect("our types have string keys and finite numbers")
}

#[cfg(test)]
mod tests;
