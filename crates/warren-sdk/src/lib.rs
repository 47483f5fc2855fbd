//! The typed client of the HTTP API: one method per route, one stream type per WebSocket.
//!
//! Errors are [`SdkError`]: what the server answered, or why it could not be asked, each as one clear sentence.

mod api_keys;
mod chats;
mod client;
mod error;
mod identity;
mod organizations;
mod socket;
mod templates;
mod users;
mod workspaces;

pub use chats::{ChatPlace, ChatsQuery, RawChatMessages};
pub use client::{Client, ClientOptions, SESSION_TOKEN_HEADER};
pub use error::SdkError;
pub use socket::{JsonFrames, SocketRequest};
